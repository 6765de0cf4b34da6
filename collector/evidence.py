"""Evidence about a hazard: a person's file, copied into the data folder under its digest, kept for ever.

Constraints. The copy is on disk before the action that names it, so a journaled digest always has its file. Nothing
reads what is in it.
"""

from __future__ import annotations

from pathlib import Path

from collector.beside import put_by_content
from collector.errors import DavylampError

FOLDER = "evidence"
LARGEST = 64 * 1024 * 1024
"""Bytes of one file."""


def keep_evidence(data: Path, file: Path) -> str:
    """Copy a file; what the journal says of it, as sha256sum prints it: digest, two spaces, name."""
    try:
        size = file.stat().st_size
        if size > LARGEST:
            raise DavylampError(f"{file} has {size} bytes, at most {LARGEST} are kept: name it in --note instead")
        digest = put_by_content(data / FOLDER, file.read_bytes())
    except OSError as error:
        raise DavylampError(f"{file}: {error.strerror}; nothing was sent") from None
    return f"{digest}  {' '.join(file.name.split())[:200]}"
