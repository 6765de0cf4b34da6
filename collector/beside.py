"""Payloads too large for a log entry: files named by their content, on disk before the entry that names them.

Constraints. A file is complete or not there. The same payload is one file. A file whose entry was never written (a kill
between the two) is harmless and is found again when the message comes again.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


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
        return name
    place.mkdir(exist_ok=True)
    part = place / f"{name}.{os.getpid()}.part"
    with open(part, "wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    os.rename(part, path)
    sync_folder(place)
    return name


def read_beside(folder: Path, name: str) -> bytes:
    """The payload, or nothing if the file was removed: that is a dead letter, and never holds up the log."""
    try:
        return beside(folder, name).read_bytes()
    except FileNotFoundError:
        return b""


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that the names in it outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
