"""Room set aside on the disk, so that log, judge, actions and journal go on for hours when it is full.

Constraints. One file of the data folder, allocated beforehand and held by collect alone; empty once it was given up,
which every process can see (`spent`): what is not vital then waits. Not here: trimming (keeping.py).
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sqlite3
from pathlib import Path

from collector.errors import DiskFull, Unavailable
from collector.whole import sync_folder

SIZE = 64 * 1024 * 1024
"""Bytes."""
NO_ROOM = 256 * 1024
"""Bytes free; whatever the disk refuses with less, it refuses for want of space."""

log = logging.getLogger(__name__)


class Reserve:
    """The reserve of a data folder; `size` is 64 MB but in tests."""

    def __init__(self, folder: Path, size: int = SIZE) -> None:
        self._folder, self._size = Path(folder), size

    @property
    def whole(self) -> bool:
        """True while it is there to be given up."""
        path = reserve_file(self._folder)
        return path.exists() and path.stat().st_size >= self._size

    def room(self) -> bool:
        """True while the disk has as much again as the reserve's quarter: enough to begin once more."""
        return shutil.disk_usage(self._folder).free >= self._size // 4

    def restore(self) -> bool:
        """Allocate it where twice its size is free; True if it is newly there."""
        if self.whole or shutil.disk_usage(self._folder).free < 2 * self._size:
            return False
        path = reserve_file(self._folder)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.posix_fallocate(handle, 0, self._size)
                os.fsync(handle)
            finally:
                os.close(handle)
            sync_folder(self._folder)
        except OSError as error:
            log.warning("reserve=none bytes=%d reason=%s", self._size, error)
            self._empty(path)
            return False
        return True

    def give_up(self) -> bool:
        """Free its bytes; False if there was nothing to free."""
        if not self.whole:
            return False
        self._empty(reserve_file(self._folder))
        return True

    def _empty(self, path: Path) -> None:
        if path.exists():
            os.truncate(path, 0)


def reserve_file(folder: Path) -> Path:
    """Where the reserve lies."""
    return Path(folder) / "reserve"


def spent(folder: Path) -> bool:
    """True once the reserve was given up: the disk is full, and only what is vital may write."""
    path = reserve_file(folder)
    return path.exists() and path.stat().st_size == 0


def refused(path: Path, error: sqlite3.OperationalError | OSError) -> Unavailable:
    """What the disk said about a file, as `DiskFull` where it was for want of space."""
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    else:
        full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
    full = full or shutil.disk_usage(path.parent).free < NO_ROOM
    kind = DiskFull if full else Unavailable
    return kind(f"{path}: {error}; nothing was acknowledged, free the disk")
