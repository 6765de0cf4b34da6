"""Receipts: what was sent to which destination, when, and what it answered; and how far each has been told.

Constraints. One file, `receipts.sqlite`, written by the announce role alone. A notice is received once at most for each
destination: its id is the key. A receipt without a code is one that is still owed. What the disk does not take is kept
in memory, so that nothing is sent again for want of a receipt. What is forgotten stays counted. Not here: when it is
(keeping.py).
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, TypeAlias

from collector.errors import Unavailable
from collector.sqlite import connect, transaction
from detectors.records import spelled

log = logging.getLogger(__name__)

FILE = "receipts.sqlite"
SCHEMA = """
CREATE TABLE IF NOT EXISTS receipt (
    destination TEXT, id TEXT, kind TEXT, changes INTEGER, attempts INTEGER, sent INTEGER, code INTEGER, problem TEXT,
    about TEXT NOT NULL DEFAULT '', PRIMARY KEY (destination, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursor (destination TEXT PRIMARY KEY, seq INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told (
    destination TEXT, rule TEXT, sensor TEXT, occurrence INTEGER, at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, rule, sensor, occurrence)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS source (destination TEXT PRIMARY KEY, identity TEXT, generation INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dealt (
    destination TEXT, hash BLOB, now INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (destination, hash)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trimmed (
    destination TEXT PRIMARY KEY, received INTEGER NOT NULL, refused INTEGER NOT NULL) WITHOUT ROWID;
"""
LATER = {"receipt": "about TEXT NOT NULL DEFAULT ''", "told": "at INTEGER NOT NULL DEFAULT 0",
         "dealt": "now INTEGER NOT NULL DEFAULT 0"}  # fmt: skip
"""Columns that the first files had not."""
PORTION = 1000
"""Rows of a table that are forgotten at once at most."""
_MAKING = Lock()
REFUSED = 0
"""The code of a notice that its destination refused for ever."""
RECEIVED = "SELECT destination, id, changes, code, about FROM receipt WHERE code IS NOT NULL AND sent < ?"
TOLD = "SELECT destination, rule, sensor, occurrence FROM told WHERE at < ?"
DEALT = "SELECT destination, hash FROM dealt WHERE now < ?"
COUNT = """INSERT INTO trimmed VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET
    received = received + excluded.received, refused = refused + excluded.refused"""
COUNTED = f"""SELECT destination, CASE WHEN code IS NULL THEN 'owed' WHEN code = {REFUSED} THEN 'refused'
    ELSE 'received' END AS what, sum(changes) FROM receipt GROUP BY destination, what"""
FORGOTTEN = """ UNION ALL SELECT destination, 'received', received FROM trimmed
    UNION ALL SELECT destination, 'refused', refused FROM trimmed"""
MADE = "SELECT 1 FROM sqlite_master WHERE name = 'trimmed'"
Occurrence: TypeAlias = tuple[str, str, int]
"""rule, subject, number"""
Line: TypeAlias = tuple[str, int]
"""A journal line's hash and `now`."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One notice at one destination. `sent` is ns UTC of the last attempt; `code` None while it is still owed."""

    destination: str
    id: str
    kind: str
    changes: int
    attempts: int
    sent: int
    code: int | None
    problem: str
    about: str = ""
    """The alarms' occurrences that it told of, one a line."""


class Attempt(NamedTuple):
    """A receipt, the occurrences that were told, and the lines."""

    receipt: Receipt
    occurrences: tuple[Occurrence, ...]
    lines: tuple[Line, ...]


class Receipts:
    """Receipts and cursors of all destinations. One connection; give each thread its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / FILE
        self._store = connect(self._path)
        with _MAKING:  # SQLite does not wait for the one who turns a new file to WAL
            self._store.execute("PRAGMA journal_mode = WAL")
            self._store.executescript(SCHEMA)
            self._widen()
        self._kept: list[Attempt] = []
        """Not on disk yet: it took no receipt."""

    def _widen(self) -> None:
        """A file of before gets the newer columns; what is in it counts as written now, so it is kept the longer."""
        for table, column in LATER.items():
            name = column.partition(" ")[0]
            if name in {row[1] for row in self._store.execute(f"PRAGMA table_info({table})")}:
                continue
            with transaction(self._store):
                self._store.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
                if "INTEGER" in column:
                    self._store.execute(f"UPDATE {table} SET {name} = ?", (time.time_ns(),))

    def cursor(self, destination: str) -> int:
        """The journal's seq up to which the destination has been told, 0 for none."""
        row = self._first("SELECT seq FROM cursor WHERE destination = ?", (destination,))
        return 0 if row is None else int(row[0])

    def follow(self, destination: str, identity: str) -> int:
        """From now on the cursor is in that judged.db, and begins at 0 if it is another; how often that happened."""
        row = self._first("SELECT identity, generation FROM source WHERE destination = ?", (destination,))
        if row is not None and row[0] == identity:
            return int(row[1])
        generation = 0 if row is None else int(row[1]) + 1
        with transaction(self._store):
            self._store.execute("INSERT OR REPLACE INTO source VALUES (?, ?, ?)", (destination, identity, generation))
            if row is not None:
                self._store.execute("DELETE FROM cursor WHERE destination = ?", (destination,))
        return generation

    def move(self, destination: str, seq: int, dealt: Iterable[Line] = ()) -> None:
        """All up to `seq` is dealt with, among it lines of which people are told, by hash and `now`."""
        with transaction(self._store):
            self._put(self._kept)
            self._store.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", (destination, seq))
            self._deal(destination, dealt)
        self._kept.clear()

    def dealt(self, destination: str, line: str) -> bool:
        """True if the line with this hash was dealt with, in whatever judged.db it lay."""
        found = "SELECT 1 FROM dealt WHERE destination = ? AND hash = ?"
        return self._first(found, (destination, bytes.fromhex(line))) is not None

    def received(self, destination: str, notice: str) -> bool:
        """True if this notice needs no sending any more."""
        kept = [one.receipt for one in self._kept if one.receipt.code is not None]
        if any((one.destination, one.id) == (destination, notice) for one in kept):
            return True
        found = "SELECT 1 FROM receipt WHERE destination = ? AND id = ? AND code IS NOT NULL"
        return self._first(found, (destination, notice)) is not None

    def told(self, destination: str, rule: str, sensor: str, occurrence: int) -> bool:
        """True if the destination has heard of this occurrence."""
        kept = [one for one in self._kept if one.receipt.destination == destination]
        if any((rule, sensor, occurrence) in one.occurrences for one in kept):
            return True
        found = "SELECT 1 FROM told WHERE destination = ? AND rule = ? AND sensor = ? AND occurrence = ?"
        return self._first(found, (destination, rule, sensor, occurrence)) is not None

    def _first(self, query: str, values: tuple[object, ...]) -> Any:
        """The first row, None where there is none; a disk that does not give it now ends nobody's work."""
        try:
            return self._store.execute(query, values).fetchone()
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{self._path}: {error}") from error

    def record(self, receipt: Receipt, occurrences: Iterable[Occurrence] = (), lines: Iterable[Line] = ()) -> None:
        """Write down one attempt; `attempts` counts those before. `occurrences` are told from now on, and these
        lines are dealt with, also should judged.db be made again before `move`.

        Never raises for the disk: what it does not take waits for the next `record`, and for `move`, which does raise.
        """
        key = receipt.destination, receipt.id
        waiting = [one for one in self._kept if (one.receipt.destination, one.receipt.id) != key]
        self._kept = [*waiting, Attempt(receipt, tuple(occurrences), tuple(lines))]
        try:
            with transaction(self._store):
                self._put(self._kept)
        except Unavailable as error:
            log.warning("destination=%s receipts=in-memory reason=%s", receipt.destination, error)
        else:
            self._kept.clear()

    def _put(self, attempts: Iterable[Attempt]) -> None:
        for receipt, occurrences, lines in attempts:
            told = [(receipt.destination, *occurrence, receipt.sent) for occurrence in occurrences]
            self._store.execute(
                "INSERT INTO receipt VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " attempts = attempts + 1, sent = excluded.sent,"
                " code = excluded.code, problem = excluded.problem, changes = excluded.changes",
                (
                    receipt.destination, receipt.id, receipt.kind, receipt.changes, receipt.attempts, receipt.sent,
                    receipt.code, receipt.problem, receipt.about,
                ),
            )  # fmt: skip
            self._store.executemany("INSERT OR IGNORE INTO told VALUES (?, ?, ?, ?, ?)", told)
            self._deal(receipt.destination, lines)

    def _deal(self, destination: str, lines: Iterable[Line]) -> None:
        dealt = [(destination, bytes.fromhex(line), now) for line, now in lines]
        self._store.executemany("INSERT OR IGNORE INTO dealt VALUES (?, ?, ?)", dealt)

    def forget(self, before: int, log: int, standing: Collection[Occurrence]) -> int:
        """Forget a portion of what was received and told before a time (ns UTC), and of the lines dealt with whose
        `now` is before `log`; returns how many rows that was. What is owed stays, with all that its destination was
        told, and so does what is about an occurrence that stands."""
        names = {spelled(*one) for one in standing}
        owed = {name for (name,) in self._store.execute("SELECT DISTINCT destination FROM receipt WHERE code IS NULL")}
        receipts = self._old(RECEIVED, before, lambda row: names.isdisjoint(row[4].split("\n")))
        told = self._old(TOLD, before, lambda row: row[0] not in owed and row[1:] not in standing)
        dealt = self._old(DEALT, log, lambda row: True)
        if not (receipts or told or dealt):
            return 0
        counts = [(of, n * (code != REFUSED), n * (code == REFUSED)) for of, _, n, code, _ in receipts]
        with transaction(self._store):
            self._store.executemany(COUNT, counts)
            names_of = [row[:2] for row in receipts]
            self._store.executemany("DELETE FROM receipt WHERE destination = ? AND id = ?", names_of)
            self._store.executemany(
                "DELETE FROM told WHERE destination = ? AND rule = ? AND sensor = ? AND occurrence = ?", told
            )
            self._store.executemany("DELETE FROM dealt WHERE destination = ? AND hash = ?", dealt)
        return len(receipts) + len(told) + len(dealt)

    def _old(self, query: str, before: int, fits: Callable[[Any], bool]) -> list[Any]:
        return list(islice(filter(fits, self._store.execute(query, (before,))), PORTION))

    def close(self) -> None:
        """Close the file."""
        self._store.close()


def read_receipts(folder: Path, limit: int = 1000) -> list[Receipt]:
    """The newest receipts first; none if nothing was ever announced."""
    return [Receipt(*row) for row in _query(folder, "SELECT * FROM receipt ORDER BY sent DESC LIMIT ?", (limit,))]


def announced(folder: Path) -> dict[str, dict[str, int]]:
    """For each destination: `cursor`, and how many changes were `received`, `refused` or are `owed`."""
    counts = {
        str(name): {"cursor": int(seq), "received": 0, "refused": 0, "owed": 0}
        for name, seq in _query(folder, "SELECT destination, seq FROM cursor", ())
    }
    rows = _query(folder, COUNTED + (FORGOTTEN if _query(folder, MADE, ()) else ""), ())
    for destination, what, changes in rows:
        counts.setdefault(destination, {"cursor": 0, "received": 0, "refused": 0, "owed": 0})[what] += changes
    return counts


def _query(folder: Path, query: str, values: tuple[object, ...]) -> list[Any]:
    path = folder / FILE
    if not path.exists():
        return []
    try:
        store = connect(path, read_only=True)
        try:
            return store.execute(query, values).fetchall()
        finally:
            store.close()
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{path}: {error}") from error
