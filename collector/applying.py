"""Putting a site file in force: what it changes, in words, and the revision that goes into the log.

Constraints. Saving a file adopts nothing; only a revision in the log does. The revision in force is read from the log
itself, so what is compared is what is judged by. Loosened or removed is said first.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from collector import orders
from collector.actions import WAIT, Answer, ask_revision
from collector.errors import Unavailable
from collector.judged import Judged, every_line
from collector.message import REVISION, Message
from collector.spool import SpoolReader, spool_file
from collector.sqlite import connect

Document = Mapping[str, Any]


def in_force(folder: Path) -> Document | None:
    """The newest revision's document in a data folder: from its log, or from judging where the log was trimmed."""
    reader = SpoolReader(folder)
    try:
        for seq in _revisions(folder) if reader.last() else ():
            for seal in reader.read(seq - 1, 1):
                for message in reversed(seal.messages):
                    document = _document(message)
                    if document is not None:
                        return document
    finally:
        reader.close()
    judged = Judged(folder)
    try:
        return judged.document()
    finally:
        judged.close()


def revisions(folder: Path) -> dict[int, Document]:
    """Every revision that judging adopted and the log still holds, by its number; the last is the one in force."""
    judged, reader = Judged(folder), SpoolReader(folder)
    try:
        status = judged.status()
        seals = [seq for seq in sorted(_revisions(folder)) if seq <= status.get("seal", 0)] if reader.last() else []
        messages = [message for seq in seals for seal in reader.read(seq - 1, 1) for message in seal.messages]
    finally:
        reader.close()
        judged.close()
    found = [document for document in map(_adopted, messages) if document is not None]
    return dict(enumerate(found, int(status.get("revision", 0)) - len(found) + 1))


def _adopted(message: Message) -> Document | None:
    try:
        return orders.revision(message.payload).site.document if message.origin == REVISION else None
    except orders.Unreadable:
        return None


def _document(message: Message) -> Document | None:
    """A revision's document; None for another message, and for one that judging has set aside as unreadable."""
    try:
        return orders.document(message.payload) if message.origin == REVISION else None
    except orders.Unreadable:
        return None


def _revisions(folder: Path) -> list[int]:
    try:
        store = connect(spool_file(folder), read_only=True)
        try:
            found = store.execute("SELECT seq FROM seal WHERE instr(origin, ?) ORDER BY seq DESC", (REVISION,))
            return [int(seq) for (seq,) in found]
        finally:
            store.close()
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{spool_file(folder)}: {error}") from error


def differences(old: Document | None, new: Document) -> list[str]:
    """What changes, a line each: what is no longer watched first, then what changed, then what is new."""
    if old is None:
        counts = ", ".join(f"{len(new.get(name, {}))} {name}s" for name in ("sensor", "rule"))
        return [f"first revision: {counts}"]
    before, after = dict(_leaves(old)), dict(_leaves(new))
    gone, came = _roots(old) - _roots(new), _roots(new) - _roots(old)
    removed = [f"removed {_spelled(root)}: no longer watched" for root in sorted(gone)]
    added = [f"added {_spelled(root)}" for root in sorted(came)]
    changed = [
        f"{'.'.join(path)}: {_shown(before.get(path))} -> {_shown(after.get(path))}"
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path) and path[:2] not in gone | came
    ]
    return removed + changed + added


def _roots(document: Document) -> set[tuple[str, ...]]:
    return {(kind, name) for kind in ("sensor", "rule") for name in document.get(kind, {})}


def _spelled(root: tuple[str, ...]) -> str:
    return f"{root[0]} {root[1]}"


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, str(name)))
    else:
        yield path, value


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def put_in_force(folder: Path, document: Document, by: str, note: str, wait: float = WAIT) -> Answer:
    """Ask judging to adopt the document, and wait for its line in the journal."""
    judged = Judged(folder)
    after = _last_line(judged)
    name = ask_revision(folder, document, by, note)
    end = time.monotonic() + wait
    while time.monotonic() < end:
        for seq, text, _ in judged.journal(after):
            line, after = json.loads(text), seq
            if line["change"] in ("revised", "refused") and line["by"] == by and not line["rule"] + line["sensor"]:
                return _answer(name, line)
        time.sleep(0.05)
    return Answer(name, "unanswered", "it lies in the inbox and is adopted once `davylamp run` runs there")


def _answer(name: str, line: dict[str, Any]) -> Answer:
    if line["change"] == "revised":
        return Answer(name, "taken", f"revision {line['revision']} is in force", line)
    return Answer(name, "refused", str(line["why"].get("mistakes", line["why"]["key"])), line)


def _last_line(judged: Judged) -> int:
    return max((seq for seq, _, _ in every_line(judged)), default=0)
