"""What judging has concluded, in one file: cursor, judged readings, journal, every pair's state, dead letters, counts.

Constraints. One process writes, each commit in one transaction, so a cursor never runs ahead of what it stands for.
Readers open read-only and follow by number (blocks, journal lines); their cursors lie elsewhere. This is not the
history: blocks are trimmed once every reader has passed them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from collector.errors import Unavailable
from collector.journal import GENESIS, line_json, link, with_hash
from collector.rows import DeadLetter
from detectors.bank import Rows
from detectors.records import Change
from detectors.rule import Series

SCHEMA = """
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, name TEXT UNIQUE, sensor TEXT, area TEXT, quantity TEXT, unit TEXT);
CREATE TABLE IF NOT EXISTS block (seq INTEGER PRIMARY KEY AUTOINCREMENT, now INTEGER, rows INTEGER, data BLOB);
CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, now INTEGER, action TEXT, line TEXT, hash TEXT);
CREATE INDEX IF NOT EXISTS journal_action ON journal (action) WHERE action <> '';
CREATE TABLE IF NOT EXISTS pair (rule TEXT, subject TEXT, data TEXT, PRIMARY KEY (rule, subject));
CREATE TABLE IF NOT EXISTS dead (seq INTEGER PRIMARY KEY AUTOINCREMENT, seal INTEGER, number INTEGER, topic TEXT, reason TEXT,
    sensor TEXT, detail TEXT);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT);
"""  # noqa: E501

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[bytes]).decode
_DTYPES = (np.int32, np.int64, np.float64, np.uint8, np.int64)


class SeriesRow(NamedTuple):
    """One series that may have readings: `name` is its id in the site (`ch4-2105`, `@wall-moving/prism-17`)."""

    sensor: str
    name: str
    area: str
    quantity: str
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Judged readings of one commit, as columns; `series` numbers `Judged.series()`."""

    seq: int
    now: int
    series: NDArray[np.int32]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    arrived: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.series)


def judged_file(folder: Path) -> Path:
    """Where it lies in a data folder."""
    return Path(folder) / "judged.db"


class JudgedWriter:
    """The one writer. Between `begin` and `commit` everything is one transaction."""

    def __init__(self, folder: Path) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._store = sqlite3.connect(judged_file(folder), timeout=10, isolation_level=None)
        self._store.execute("PRAGMA journal_mode=WAL")
        self._store.execute("PRAGMA synchronous=FULL")
        self._store.executescript(SCHEMA)
        self._ids = {name: k for k, name in self._store.execute("SELECT id, name FROM series")}
        row = self._store.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        self.line: int = 0 if row is None else row[0]
        self.hash: str = GENESIS if row is None else row[1]

    def begin(self) -> None:
        """Open the transaction."""
        self._store.execute("BEGIN IMMEDIATE")

    def commit(self, seal: int) -> None:
        """Close the transaction; the cursor now stands at `seal`."""
        self.fact("seal", seal)
        self._store.execute("COMMIT")

    def cursor(self) -> int:
        """The last seal whose consequences are on disk."""
        row = self._store.execute("SELECT value FROM fact WHERE name = 'seal'").fetchone()
        return 0 if row is None else int(json.loads(row[0]))

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
        data = _pack([np.ascontiguousarray(c, t).tobytes() for c, t in zip(columns, _DTYPES, strict=True)])
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

    def dead(self, letters: Iterable[DeadLetter]) -> None:
        """Keep what could not be decoded: where it lies in the log, and why."""
        self._store.executemany(
            "INSERT INTO dead (seal, number, topic, reason, sensor, detail) VALUES (?, ?, ?, ?, ?, ?)",
            [(d.seal, d.index, d.topic, d.reason, d.sensor, d.detail) for d in letters],
        )

    def fact(self, name: str, value: Any) -> None:
        """A named JSON value (status, ledger, sensors)."""
        self._store.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, json.dumps(value, ensure_ascii=False)))

    def trim(self, block: int) -> None:
        """Delete the blocks below number `block`."""
        self._store.execute("DELETE FROM block WHERE seq < ?", (block,))

    def close(self) -> None:
        """Close the file."""
        self._store.close()


class Judged:
    """Reads it, from any process. Before judging has made it, everything is empty."""

    def __init__(self, folder: Path) -> None:
        self._path = judged_file(folder)
        self._store: sqlite3.Connection | None = None

    def blocks(self, after: int, limit: int = 100) -> list[Block]:
        """Blocks after number `after`, in order."""
        rows = self._all("SELECT seq, now, data FROM block WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
        return [
            Block(seq, now, *(np.frombuffer(c, t) for c, t in zip(_unpack(data), _DTYPES, strict=True)))
            for seq, now, data in rows
        ]

    def series(self) -> dict[int, SeriesRow]:
        """Every series by its number."""
        rows = self._all("SELECT id, sensor, name, area, quantity, unit FROM series")
        return {number: SeriesRow(*row) for number, *row in rows}

    def journal(self, after: int, limit: int = 1000) -> list[tuple[int, str, str]]:
        """(number, line with its hash, hash) after number `after`."""
        return self._all("SELECT seq, line, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)

    def answer(self, action: str) -> dict[str, Any] | None:
        """The journal's line that answers an action, None while there is none."""
        rows = self._all("SELECT line FROM journal WHERE action = ? LIMIT 1", action)
        return json.loads(rows[0][0]) if rows else None

    def alarms(self) -> list[dict[str, Any]]:
        """Every (rule, subject) pair with all that is known of it."""
        return [json.loads(data) for (data,) in self._all("SELECT data FROM pair ORDER BY rule, subject")]

    def status(self) -> dict[str, Any]:
        """now, wall, seal, last_seal, watching, of, revision, simulated, site, timezone; empty before the first."""
        return dict(self._fact("status") or {})

    def ledger(self) -> dict[str, int]:
        """Counts of judging: received, readings, dead.*, gated ones, judged, derived."""
        return dict(self._fact("ledger") or {})

    def sensors(self) -> list[dict[str, Any]]:
        """Every sensor with its latest judged reading."""
        return list(self._fact("sensors") or [])

    def dead(self, limit: int = 100) -> list[dict[str, Any]]:
        """The newest dead letters first."""
        names = ("seq", "seal", "number", "topic", "reason", "sensor", "detail")
        rows = self._all(f"SELECT {', '.join(names)} FROM dead ORDER BY seq DESC LIMIT ?", limit)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def close(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _fact(self, name: str) -> Any:
        rows = self._all("SELECT value FROM fact WHERE name = ?", name)
        return json.loads(rows[0][0]) if rows else None

    def _all(self, query: str, *values: Any) -> list[Any]:
        try:
            store = self._open()
            return [] if store is None else store.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{self._path}: {error}") from error

    def _open(self) -> sqlite3.Connection | None:
        if self._store is None and self._path.exists():
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            store = sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None, check_same_thread=False)
            if not store.execute("SELECT count(*) FROM sqlite_master WHERE name = 'fact'").fetchone()[0]:
                store.close()
                return None
            self._store = store
        return self._store
