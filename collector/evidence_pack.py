"""Evidence about an alarm in one file that can be checked on another machine, without the data folder.

Constraints. A pack names the digest of each of its files; its journal is a chain from the first line. Whoever can write
may write another pack; what he cannot is give the last line the hash that stands on a handover sheet or a report
of that time. So the check says that hash. Not here: what is packed (explaining.py).
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.errors import Damaged
from collector.journal import verify

MANIFEST = "manifest.json"
VERSION = 1
LARGEST = 1 << 30
"""Bytes of all files in a pack that are looked into."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A pack that is as it was written."""

    alarm: str
    lines: int
    hash: str
    """Of the last journal line in it."""


def write_pack(file: Path, texts: Mapping[str, str]) -> None:
    """Write texts by name, and the digest of each."""
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in texts.items():
            packed.writestr(name, text)
        packed.writestr(MANIFEST, json.dumps({"version": VERSION, "files": digests}, indent=1))


def check_pack(file: Path) -> Checked:
    """Check every digest, the journal's chain, and that the alarm's lines are in it. Raises `Damaged`."""
    try:
        with zipfile.ZipFile(file) as packed:
            _small(packed.infolist())
            texts = {info.filename: packed.read(info) for info in packed.infolist()}
        told = json.loads(texts.pop(MANIFEST))
        alarm = json.loads(texts["alarm.json"])
        journal = texts["journal.jsonl"].splitlines()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Damaged(f"{file}: no evidence that `davylamp explain --evidence` wrote: {error}") from error
    _digests(file, told, texts)
    problem = verify(journal)
    if problem is not None:
        raise Damaged(f"{file}: its journal was changed: {problem}")
    lines = [json.loads(line) for line in journal]
    by_number = {line["seq"]: line for line in lines}
    for line in alarm["journal"]:
        if by_number.get(line["seq"]) != line:
            raise Damaged(f"{file}: alarm.json tells another line {line['seq']} than its journal")
    pair = alarm["alarm"]
    name = f"{pair['rule']}/{pair['subject']}#{alarm['occurrence']}"
    return Checked(name, len(lines), lines[-1]["hash"] if lines else "")


def _small(infos: Sequence[zipfile.ZipInfo]) -> None:
    """Raises ValueError for one that unpacks to more than any evidence."""
    size = sum(info.file_size for info in infos)
    if size > LARGEST:
        raise ValueError(f"it unpacks to {size} bytes, at most {LARGEST} are read")


def _digests(file: Path, told: Any, texts: Mapping[str, bytes]) -> None:
    files = told["files"] if isinstance(told, dict) and isinstance(told.get("files"), dict) else {}
    if set(files) != set(texts):
        raise Damaged(f"{file}: found files {sorted(texts)}, its manifest names {sorted(files)}")
    for name, text in texts.items():
        if hashlib.sha256(text).hexdigest() != files[name]:
            raise Damaged(f"{file}: {name} was changed")
