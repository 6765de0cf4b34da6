"""A copy of the data folder while everything runs, and a new folder from such a copy.

Constraints. SQLite's own online backup for its files, so nobody waits. What follows others is copied before what it
follows: cursors before judged.db, that before the log. So no copy stands for something that is not in the copy, and
what is behind catches up by itself. The copy is checked before it is called one. Not copied: locks, signs of life, the
disk reserve, the demo's broker. It holds keys and hashed passwords: the folder is for its owner only.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from collector.errors import Damaged, DavylampError, Unavailable
from collector.history import history_file
from collector.journal import GENESIS, verify
from collector.judged import Judged, every_line, judged_file
from collector.reserve import reserve_file
from collector.spool import SpoolReader, spool_file
from collector.whole import sync_folder

MANIFEST = "manifest.json"
VERSION = 1
SQLITE = b"SQLite format 3\0"
SKIPPED = ("alive", "broker")
PARTS = ("-wal", "-shm", "-journal", ".lock")


@dataclass(frozen=True, slots=True)
class Copy:
    """What a copy holds: its manifest."""

    version: int
    site: str
    wall: int
    """ns UTC of the copying."""
    seal: int
    """The last seal of the log in it."""
    lines: int
    hash: str
    """Number of journal lines, and the last one's hash: compare it with a handover sheet."""
    files: dict[str, str]
    """SHA-256 by path."""


def backup(data: Path, target: Path) -> Copy:
    """Copy a data folder, whatever runs on it. Raises `DavylampError` where the copy would not be whole."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DavylampError(f"found {target} in use, allowed: a new or empty folder")
    if target.resolve().is_relative_to(data.resolve()):
        raise DavylampError(f"found {target} inside the data folder, allowed: a folder elsewhere, best on another disk")
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True, mode=0o700)
        for path in _in_order(data):
            _copy(path, part / path.relative_to(data))
        copy = _described(part)
        _consistent(part, copy)
        (part / MANIFEST).write_text(json.dumps(asdict(copy), indent=1), "utf-8")
        _sync(part)
        if target.exists():
            target.rmdir()
        part.rename(target)
    except OSError as error:
        raise Unavailable(f"{target}: {error}; nothing was left half done") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return copy


def restore(source: Path, data: Path) -> Copy:
    """A data folder from a copy that is as it was made. Raises `Damaged`, and `DavylampError` for a folder in use."""
    copy = check(source)
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise DavylampError(f"found {data} in use, allowed: a new or empty folder; move the old one away first")
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in copy.files:
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, data / name)
        _sync(data)
    except OSError as error:
        raise Unavailable(f"{data}: {error}; remove it and try again") from error
    return copy


def check(source: Path) -> Copy:
    """What a copy says of itself, if every file and the journal's chain are as they were. Raises `Damaged`."""
    try:
        told: dict[str, Any] = json.loads((source / MANIFEST).read_text("utf-8"))
        copy = Copy(**told)
        names = [*copy.files.items()]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise Damaged(f"{source}: no copy that `davylamp backup` made: {error}") from error
    if copy.version > VERSION:
        raise Damaged(f"{source} is of format {copy.version}, this Davylamp reads {VERSION}: use the newer one")
    for name, digest in names:
        path = source / name
        if not _inside(path, source, name):
            raise Damaged(f"{source}: {name} leads out of it, which no copy does; restore nothing of it")
        if not path.is_file():
            raise Damaged(f"{source}: {name} is missing")
        if _digest(path) != digest:
            raise Damaged(f"{path} was changed since it was copied")
    _consistent(source, copy)
    return copy


def _inside(path: Path, source: Path, name: str) -> bool:
    """Whether a manifest's name stays in its folder, there and where it is restored; links may lead anywhere."""
    plain = not Path(name).is_absolute() and ".." not in Path(name).parts
    return plain and path.resolve() == source.resolve() / name


def _in_order(data: Path) -> Iterator[Path]:
    """All files worth copying: who follows before whom it follows."""
    judged, log = judged_file(data), spool_file(data)
    late = [history_file(data), data / "snapshots", judged, data / "inbox", log, data / "beside"]

    def rank(path: Path) -> tuple[int, str]:
        place = next((k for k, one in enumerate(late) if path.is_relative_to(one)), -1)
        return place, str(path)

    yield from sorted((path for path in data.rglob("*") if _wanted(path, data)), key=rank)


def _wanted(path: Path, data: Path) -> bool:
    inside = path.relative_to(data).parts
    if inside[0] in SKIPPED or path == reserve_file(data) or path.name.endswith(PARTS) or path.name.startswith("."):
        return False
    return path.is_file()


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        if not _is_sqlite(path):
            shutil.copy2(path, to)
            return
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=30)) as source, closing(sqlite3.connect(to)) as copied:
            source.backup(copied)  # in one step: in portions it begins anew whenever another process writes
            copied.execute("PRAGMA journal_mode = DELETE")
        os.chmod(to, path.stat().st_mode & 0o777)
    except FileNotFoundError:
        return  # a snapshot or an inbox entry that has done its duty meanwhile
    except sqlite3.Error as error:
        raise Unavailable(f"{path}: {error}; try again") from error


def _described(part: Path) -> Copy:
    judged, log = Judged(part), SpoolReader(part)
    try:
        status = judged.status()
        last = max(judged.journal(max(0, judged.lines() - 1)), default=(0, "", GENESIS))
        seal = log.last()
    finally:
        judged.close()
        log.close()
    files = {str(path.relative_to(part)): _digest(path) for path in sorted(part.rglob("*")) if path.is_file()}
    return Copy(VERSION, str(status.get("site", "")), time.time_ns(), seal, last[0], last[2], files)


def _consistent(folder: Path, copy: Copy) -> None:
    """No file is damaged, the chain holds, and judging stands for nothing that the log does not hold."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and _is_sqlite(path):
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as store:
                said = store.execute("PRAGMA quick_check(1)").fetchone()[0]
            if said != "ok":
                raise Damaged(f"{path}: {said}")
    judged = Judged(folder)
    try:
        problem = verify(line for _, line, _ in every_line(judged))
        seal = int(judged.status().get("seal", 0))
    finally:
        judged.close()
    if problem is not None:
        raise Damaged(f"{folder}: the journal was changed: {problem}")
    if seal > copy.seal:
        raise Damaged(f"{folder}: judging has judged up to seal {seal}, the log in it ends at {copy.seal}")


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    sync_folder(folder)
