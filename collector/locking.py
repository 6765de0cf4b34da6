"""One writing process per file: a lock that the kernel gives back when its holder dies, however it dies.

Constraints. The lock file stays and holds the holder's process id, for people; only the kernel's lock counts. It holds
against other openers in the same process too. Not here: waiting. Who comes second is refused.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.errors import Occupied


def lock(path: Path, role: str) -> int:
    """Take the lock; the handle is given back with `unlock`. Raises `Occupied` that names the holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.read(handle, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(handle)
        raise Occupied(
            f"{path.parent} is being written by process {owner}; one data folder has one {role}: "
            "stop that one, or give another --data folder"
        ) from error
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


@contextmanager
def held(path: Path, role: str) -> Iterator[None]:
    """The lock for a with-block. Raises `Occupied` that names the holder."""
    handle = lock(path, role)
    try:
        yield
    finally:
        unlock(handle)


def unlock(handle: int) -> None:
    """Give the lock back."""
    os.close(handle)
