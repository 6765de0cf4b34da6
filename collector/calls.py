"""The book of calls: who was called for what, when, over which channel, and what became of it, in a hash chain.

Constraints. One file, `calls.db`, written by the announce role alone. A line, escalation's memory and the place in the
journal are written in one transaction, so a restart neither repeats nor forgets. An intent is written before a call is
made: what was under way when the process died is called again under the same id. No address is in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from collector import chain
from collector.escalation import Memory
from collector.sqlite import open_reader, open_writer, transaction

FILE = "calls.db"
GENESIS = sha256(b"davylamp calls 1").hexdigest()
"""The hash before the first line; `collector.journal.verify` takes it as `previous`."""
SCHEMA = f"""
{chain.SCHEMA}
CREATE TABLE IF NOT EXISTS taken (channel TEXT, id TEXT, seq INTEGER NOT NULL, PRIMARY KEY (channel, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
CALLING, TAKEN, FAILED, REFUSED, ANSWERED = "calling", "taken", "failed", "refused", "answered"
"""What a line says: a call begins; the gateway took it; not now; never; a person accepted."""
DELIVERED, UNDELIVERED, REPLIED = "delivered", "undelivered", "replied"
"""It arrived, or did not, as the gateway says later; a person replied, whatever came of it."""

TAKEN_KEPT, FORGET_EACH = 100_000, 1000
"""Lines of the book within which a report of a gateway still finds its call, and after how many that is looked at."""


class Place(NamedTuple):
    """How far the journal is read: its line's number and hash (0 and nothing at the beginning); and what was heard."""

    seq: int = 0
    hash: str = ""
    heard: int = 0


class CallBook:
    """The writer's side."""

    def __init__(self, folder: Path) -> None:
        self._store = open_writer(folder / FILE, SCHEMA)
        self._chain = chain.Chain(self._store, GENESIS)
        self.now = int(self._chain.last.get("now", 0))
        """`now` of the last line: a clock goes on from it."""
        memory, place = self._fact("memory"), self._fact("place")
        self.memory = Memory() if memory is None else msgspec.json.decode(memory, type=Memory)
        self.place = Place() if place is None else Place(*msgspec.json.decode(place))

    def write(self, lines: Sequence[Mapping[str, Any]], memory: Memory, place: Place) -> None:
        """All of it or nothing."""
        with transaction(self._store):
            head = self._chain.add(lines)
            if head.seq // FORGET_EACH > self._chain.head.seq // FORGET_EACH:
                self._store.execute("DELETE FROM taken WHERE seq < ?", (head.seq - TAKEN_KEPT,))
            for seq, given in enumerate(lines, start=self._chain.head.seq + 1):
                names = {given["id"], given.get("gateway") or given["id"]} if given["what"] == TAKEN else ()
                self._store.executemany("INSERT OR REPLACE INTO taken VALUES (?, ?, ?)",
                                        [(given["channel"], name, seq) for name in names])  # fmt: skip
            facts = {"memory": msgspec.json.encode(memory), "place": msgspec.json.encode(place)}
            self._store.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", facts.items())
        self._chain.head, self.place = head, place

    def taken(self, channel: str, id: str) -> dict[str, Any] | None:
        """The line of a call that a gateway took, by the gateway's id of it or ours."""
        found = "SELECT line.line FROM taken JOIN line USING (seq) WHERE channel = ? AND id = ?"
        row = self._store.execute(found, (channel, id)).fetchone()
        return None if row is None else json.loads(row[0])

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _fact(self, name: str) -> bytes | None:
        row = self._store.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])


def read_calls(folder: Path, after: int = 0) -> Iterator[str]:
    """The book's lines with their hashes, in order; none if nobody was ever called."""
    yield from chain.read_lines(folder / FILE, after)


def read_place(folder: Path) -> Place:
    """How far the journal is read, for reading."""
    row = _read_fact(folder, "place")
    return Place() if row is None else Place(*msgspec.json.decode(row))


def read_memory(folder: Path) -> Memory:
    """What escalation knows at present, for reading."""
    row = _read_fact(folder, "memory")
    return Memory() if row is None else msgspec.json.decode(row, type=Memory)


def _read_fact(folder: Path, name: str) -> bytes | None:
    store = open_reader(folder / FILE)
    if store is None:
        return None
    try:
        row = store.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])
    finally:
        store.close()
