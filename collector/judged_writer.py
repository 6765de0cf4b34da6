"""The one writer of judged.db: cursor, judged readings, journal and all else of a commit, in one transaction.

Constraints. A cursor never runs ahead of what it stands for. A second writer of one data folder is refused. The file
is given a random identity when it is made, so that who follows it by number knows when it was replaced.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from collector.journal import GENESIS, line_json, link, with_hash
from collector.judged import DTYPES, MINUTE, judged_file
from collector.locking import lock, unlock
from collector.rows import DeadLetter, Gap
from collector.sqlite import connect, spare
from detectors.bank import Rows
from detectors.records import Change
from detectors.rule import Series

SCHEMA = """
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, name TEXT UNIQUE, sensor TEXT, area TEXT, quantity TEXT, unit TEXT);
CREATE TABLE IF NOT EXISTS block (seq INTEGER PRIMARY KEY AUTOINCREMENT, now INTEGER, rows INTEGER, data BLOB);
CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, now INTEGER, action TEXT, line TEXT, hash TEXT);
CREATE INDEX IF NOT EXISTS journal_action ON journal (action) WHERE action <> '';
CREATE TABLE IF NOT EXISTS pair (rule TEXT, subject TEXT, data TEXT, PRIMARY KEY (rule, subject));
CREATE TABLE IF NOT EXISTS hazard (name TEXT, opened INTEGER, closed INTEGER, data TEXT, PRIMARY KEY (name, opened));
CREATE TABLE IF NOT EXISTS dead (seq INTEGER PRIMARY KEY AUTOINCREMENT, seal INTEGER, number INTEGER, topic TEXT, reason TEXT,
    sensor TEXT, detail TEXT);
CREATE TABLE IF NOT EXISTS missed (seq INTEGER PRIMARY KEY AUTOINCREMENT, now INTEGER, sender TEXT, before INTEGER,
    number INTEGER, missing INTEGER);
CREATE TABLE IF NOT EXISTS minute (minute INTEGER, name TEXT, number INTEGER, PRIMARY KEY (minute, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS twice (minute INTEGER, sensor TEXT, number INTEGER, PRIMARY KEY (minute, sensor)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT);
"""  # noqa: E501

MOST = 2**63 - 1
PORTION = 50_000
"""Rows that are dropped at once at most."""
LISTED = 1_000_000
"""Dead letters, and numbers that were missed, of which it is known where they were; all are counted."""

_pack = msgspec.msgpack.Encoder().encode


class JudgedWriter:
    """The one writer. Between `begin` and `commit` everything is one transaction. Raises `Occupied` for a second."""

    def __init__(self, folder: Path) -> None:
        self._lock = lock(Path(folder) / "judged.lock", "judge")
        try:
            self._open(judged_file(folder))
        except BaseException:
            unlock(self._lock)
            raise

    def _open(self, path: Path) -> None:
        self._store = connect(path)
        self._store.execute("PRAGMA journal_mode=WAL")
        self._store.execute("PRAGMA synchronous=FULL")
        self._store.executescript(SCHEMA)
        insert = "INSERT OR IGNORE INTO fact VALUES ('identity', ?)"
        self._store.execute(insert, (json.dumps(secrets.token_hex(16)),))
        self._ids = {name: k for k, name in self._store.execute("SELECT id, name FROM series")}
        row = self._store.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        self.line: int = 0 if row is None else row[0]
        self.hash: str = GENESIS if row is None else row[1]
        self._last: dict[str, int] = {}
        """Number of the newest row of a listed table when it was last shortened."""

    def begin(self) -> None:
        """Open the transaction."""
        self._store.execute("BEGIN IMMEDIATE")

    def commit(self, seal: int) -> None:
        """Close the transaction; the cursor now stands at `seal`."""
        self.fact("seal", seal)
        self._store.execute("COMMIT")

    def cursor(self) -> int:
        """The last seal whose consequences are on disk."""
        return int(self.get("seal") or 0)

    def known(self, table: Iterable[Series]) -> NDArray[np.int32]:
        """The stored number of each series of a judge's table, in its order."""
        return np.array([self._number(s) for s in table], np.int32)

    def _number(self, series: Series) -> int:
        number = self._ids.get(series.id)
        if number is None:
            row = (series.id, series.sensor, series.area, series.quantity, series.unit)
            insert = "INSERT INTO series (name, sensor, area, quantity, unit) VALUES (?, ?, ?, ?, ?)"
            number = self._ids[series.id] = int(self._store.execute(insert, row).lastrowid or 0)
        return number

    def readings(self, now: int, parts: Sequence[Rows], numbers: NDArray[np.int32]) -> None:
        """Append one block of judged readings."""
        parts = [p for p in parts if len(p)]
        if not parts:
            return
        columns = (
            numbers[np.concatenate([p.series for p in parts])],
            *(np.concatenate([getattr(p, name) for p in parts]) for name in ("time", "value", "quality", "arrived")),
        )
        data = _pack([np.ascontiguousarray(c, t).tobytes() for c, t in zip(columns, DTYPES, strict=True)])
        self._store.execute("INSERT INTO block (now, rows, data) VALUES (?, ?, ?)", (now, len(columns[0]), data))

    def journal(self, changes: Iterable[Change], site: str) -> None:
        """Append lines to the chain."""
        rows = []
        for change in changes:
            self.line += 1
            line = line_json(change, self.line, site)
            self.hash = link(self.hash, line)
            rows.append((self.line, change.now, change.action, with_hash(line, self.hash).decode(), self.hash))
        self._store.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?)", rows)

    def hash_at(self, line: int) -> str | None:
        """The stored hash of a line, None if there is no such line."""
        row = self._store.execute("SELECT hash FROM journal WHERE seq = ?", (line,)).fetchone()
        return None if row is None else str(row[0])

    def pairs(self, rows: Iterable[Mapping[str, Any]], *, all_of_them: bool = False) -> None:
        """Write the state of pairs; with `all_of_them` those not given are gone."""
        if all_of_them:
            self._store.execute("DELETE FROM pair")
        self._store.executemany(
            "INSERT OR REPLACE INTO pair VALUES (?, ?, ?)",
            [(r["rule"], r["subject"], json.dumps(r, ensure_ascii=False)) for r in rows],
        )

    def gone(self, rule: str, subject: str) -> None:
        """A pair that nothing is known of any more."""
        self._store.execute("DELETE FROM pair WHERE rule = ? AND subject = ?", (rule, subject))

    def hazards(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write hazards as they are now; closed ones stay."""
        self._store.executemany(
            "INSERT OR REPLACE INTO hazard VALUES (?, ?, ?, ?)",
            [(row["name"], row["opened"], row["closed"], json.dumps(row, ensure_ascii=False)) for row in rows],
        )

    def dead(self, letters: Iterable[DeadLetter]) -> None:
        """Keep what could not be decoded: where it lies in the log, and why."""
        self._store.executemany(
            "INSERT INTO dead (seal, number, topic, reason, sensor, detail) VALUES (?, ?, ?, ?, ?, ?)",
            [(d.seal, d.index, d.topic, d.reason, d.sensor, d.detail) for d in letters],
        )

    def missed(self, gaps: Iterable[Gap]) -> None:
        """Keep what senders numbered and the broker never had."""
        self._store.executemany(
            "INSERT INTO missed (now, sender, before, number, missing) VALUES (?, ?, ?, ?, ?)",
            [(gap.now, gap.sender, gap.before, gap.number, gap.missing) for gap in gaps],
        )

    def tally(self, now: int, counts: Mapping[str, int], twice: Mapping[str, int]) -> None:
        """Add to the minute of `now` what the ledger counted, and exact duplicates by sensor."""
        for table, numbers in (("minute", counts), ("twice", twice)):
            self._store.executemany(
                f"INSERT INTO {table} VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number",
                [(now // MINUTE, name, number) for name, number in numbers.items()],
            )

    def forget(self, before: int, seal: int) -> None:
        """Drop the minutes and what was missed before a time, and the dead letters that lay in the log before a seal, a
        portion of each; the counts of all time stay."""
        for table in ("minute", "twice"):
            self._store.execute(f"DELETE FROM {table} WHERE minute < ?", (before // MINUTE,))
        for table, column, least in (("missed", "now", before), ("dead", "seal", seal)):
            kept = f"SELECT seq FROM {table} WHERE {column} >= ? ORDER BY seq LIMIT 1"
            self._store.execute(
                f"DELETE FROM {table} WHERE seq < coalesce(({kept}), ?) AND seq < (SELECT min(seq) FROM {table}) + ?",
                (least, MOST, PORTION),
            )
            self._shorten(table)

    def _shorten(self, table: str) -> None:
        """To LISTED rows: what came since the last time goes at once, what was there before a portion at a time."""
        query = f"SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM {table}"
        first, last = self._store.execute(query).fetchone()
        new = last - self._last.get(table, last)
        self._last[table] = last
        upto = min(last - LISTED, first + PORTION + new - 1)
        self._store.execute(f"DELETE FROM {table} WHERE seq <= ?", (upto,))

    def fact(self, name: str, value: Any) -> None:
        """A named JSON value (status, ledger, sensors)."""
        self._store.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, json.dumps(value, ensure_ascii=False)))

    def get(self, name: str) -> Any:
        """A named JSON value, None if there is none."""
        row = self._store.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def oldest(self, blocks: int) -> list[tuple[int, int]]:
        """(number, now) of the oldest blocks, at most so many."""
        return self._store.execute("SELECT seq, now FROM block ORDER BY seq LIMIT ?", (blocks,)).fetchall()

    def trim(self, block: int) -> int:
        """Delete the blocks below number `block`, in a transaction of its own; returns how many readings that were."""
        self.begin()
        rows = int(self._store.execute("SELECT sum(rows) FROM block WHERE seq < ?", (block,)).fetchone()[0] or 0)
        self._store.execute("DELETE FROM block WHERE seq < ?", (block,))
        _, before = self.get("trimmed") or (0, 0)
        self.fact("trimmed", (block - 1, before + rows))
        self._store.execute("COMMIT")
        return rows

    def spare(self) -> int:
        """Bytes of the file that trimming has freed: the next blocks fill them before the file grows."""
        return spare(self._store)

    def close(self) -> None:
        """Close the file and let another judge have it."""
        self._store.close()
        unlock(self._lock)
