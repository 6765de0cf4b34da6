"""Payloads too large for a log entry: files named by their content, on disk before the entry that names them.

Constraints. A file is complete or not there. The same payload is one file. A file whose entry was never written (a kill
between the two) is harmless and is found again when the message comes again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from collector.whole import sync_folder, whole


def beside(folder: Path, name: str) -> Path:
    """Where the payload of that name lies."""
    return folder / "beside" / name


def put_beside(folder: Path, payload: bytes) -> str:
    """Put a payload on disk (fsync); return its name."""
    return put_by_content(folder / "beside", payload)


def put_by_content(place: Path, payload: bytes) -> str:
    """Put a file into a folder under its SHA-256 digest (fsync), once; return that name."""
    name = hashlib.sha256(payload).hexdigest()
    path = place / name
    if path.exists():
        sync_folder(place)  # it may have been named by a process that was killed before it could do this
        return name
    place.mkdir(exist_ok=True)
    with whole(path) as file:
        file.write(payload)
    return name


def read_beside(folder: Path, name: str) -> bytes:
    """The payload, or nothing if the file was removed: that is a dead letter, and never holds up the log."""
    try:
        return beside(folder, name).read_bytes()
    except FileNotFoundError:
        return b""
