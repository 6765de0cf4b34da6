"""A file that is complete or not there: written under another name, fsynced, renamed, and its folder fsynced.

Constraints. What cannot be written leaves nothing behind, so a full disk does not become fuller with each attempt. Only
a kill leaves a part; `clear_parts` removes those that are older than an hour. Not here: who may write (locking.py).
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

OLD = 3600.0
"""s after which nobody writes a part any more."""
SUFFIX = ".part"


@contextmanager
def whole(path: Path, mode: int = 0o666, ready: Callable[[Path], None] | None = None) -> Iterator[BinaryIO]:
    """Open a file to be written; it is there under its name, on disk, when the with-block ends well.

    `ready` may change the finished file before it has its name. Raises OSError, with what was there before untouched.
    """
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if ready is not None:
            ready(part)
        os.rename(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that the names in it outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def clear_parts(folder: Path) -> None:
    """Remove what was never finished, because somebody was killed at it."""
    for part in folder.glob(f".*{SUFFIX}"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > OLD:
                part.unlink()
