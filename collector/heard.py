"""What gateways posted: each reply and report once, in the order in which it was heard.

Constraints. One file, `heard.db`, written by the page role alone; the announce role follows it by number and writes
what it says into the book of calls. A reply is claimed before it is acted on, with what it asks for, so that one which
comes again (a gateway that lost our answer) asks for the same or gets the same answer, and never asks anew.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from collector.sqlite import open_reader, open_writer, transaction

FILE = "heard.db"
SCHEMA = """
CREATE TABLE IF NOT EXISTS claim (channel TEXT, id TEXT, at INTEGER NOT NULL, asked BLOB NOT NULL, answer TEXT,
    PRIMARY KEY (channel, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS line (seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, line BLOB NOT NULL);
"""
DAY = 86_400 * 10**9
KEPT = 730 * DAY
"""ns that what was heard is known."""
REPLY, REPORT = "reply", "report"


class Claim(NamedTuple):
    """A reply as it was first heard, and what was answered; None while that is not known."""

    asked: dict[str, Any]
    answer: str | None


class Line(NamedTuple):
    """One thing heard: ns UTC, and what."""

    seq: int
    at: int
    said: dict[str, Any]


class HeardBook:
    """The writer's side; may be used from several threads."""

    def __init__(self, folder: Path, now: int) -> None:
        self._store = open_writer(folder / FILE, SCHEMA)
        self._lock = threading.Lock()
        self._forgot = now
        with transaction(self._store):
            self._forget(now)

    def claim(self, channel: str, id: str, at: int, asked: Mapping[str, Any]) -> Claim | None:
        """Note what a reply asks for; None if it is new, else what is known of it."""
        with self._lock, transaction(self._store):
            row = self._store.execute("SELECT asked, answer FROM claim WHERE channel = ? AND id = ?",
                                      (channel, id)).fetchone()  # fmt: skip
            if row is not None:
                return Claim(json.loads(row[0]), row[1])
            self._store.execute("INSERT INTO claim VALUES (?, ?, ?, ?, NULL)", (channel, id, at, _json(asked)))
            if at - self._forgot >= DAY:
                self._forget(at)
        return None

    def _forget(self, now: int) -> None:
        self._forgot = now
        for table in ("claim", "line"):
            self._store.execute(f"DELETE FROM {table} WHERE at < ?", (now - KEPT,))

    def answered(self, channel: str, id: str, at: int, answer: str, line: Mapping[str, Any]) -> None:
        """What a claimed reply was answered, and the line for the book of calls."""
        with self._lock, transaction(self._store):
            changed = self._store.execute("UPDATE claim SET answer = ? WHERE channel = ? AND id = ? AND answer IS NULL",
                                          (answer, channel, id)).rowcount  # fmt: skip
            if changed:
                self._store.execute("INSERT INTO line (at, line) VALUES (?, ?)", (at, _json(line)))

    def report(self, channel: str, id: str, at: int, line: Mapping[str, Any]) -> None:
        """A gateway's report; one that comes again is not noted again."""
        known = self.claim(channel, id, at, line)
        if known is None or known.answer is None:
            self.answered(channel, id, at, "", line)

    def close(self) -> None:
        """Close the file."""
        self._store.close()


def read_heard(folder: Path, after: int, limit: int = 1000) -> Iterator[Line]:
    """What was heard after a number, in order; nothing if nothing ever was."""
    store = open_reader(folder / FILE)
    if store is None:
        return
    try:
        found = "SELECT seq, at, line FROM line WHERE seq > ? ORDER BY seq LIMIT ?"
        for seq, at, line in store.execute(found, (after, limit)).fetchall():
            yield Line(seq, at, json.loads(line))
    finally:
        store.close()


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


