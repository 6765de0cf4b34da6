"""The embedded history: every judged reading, kept as chunks per series in one SQLite file.

Constraints. Chunks, not rows: up to 600 readings as three arrays (time i64, value f64, quality u8, little-endian), 40
times faster to read (reference: ingest section 5). New readings come as small pieces that are joined when they make a
chunk. A block is written once however often it is given: its number is kept in the same transaction. One process
writes. This is not the log: the spool can rebuild it.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collector.errors import Unavailable
from collector.judged import Block, SeriesRow
from collector.sqlite import open_reader, open_writer, transaction
from detectors.reading import Floats, Times, group

CHUNK = 600
TRIM_EVERY = 3600 * 10**9
"""ns of the blocks' `now` between two looks for what is older than `keep`."""
_LOWEST = -(2**63)
_WIDTHS = (8, 8, 1)

SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, area TEXT, quantity TEXT, unit TEXT,
    longest INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS chunk (
    id INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, whole INTEGER NOT NULL,
    start INTEGER NOT NULL, stop INTEGER NOT NULL, readings INTEGER NOT NULL,
    time BLOB NOT NULL, value BLOB NOT NULL, quality BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS chunk_time ON chunk (series, start);
CREATE INDEX IF NOT EXISTS chunk_piece ON chunk (series) WHERE NOT whole;
CREATE TABLE IF NOT EXISTS written (one INTEGER PRIMARY KEY CHECK (one = 1), block INTEGER NOT NULL);
"""

Columns = tuple[bytes, bytes, bytes]


def history_file(folder: Path) -> Path:
    """Where the history of a data folder lies."""
    return Path(folder) / "history.db"


class HistorySink:
    """The one writer. `series` gives the names of the blocks' numbers, `keep` (ns) how long readings stay."""

    name = "history"

    def __init__(
        self, folder: Path, series: Callable[[], Mapping[int, SeriesRow]], keep: int | None = None
    ) -> None:
        if sys.byteorder != "little":
            raise Unavailable("the history's arrays are little-endian; this processor is not")
        self._store = open_writer(history_file(folder), SCHEMA)
        self._series = series
        self._keep = keep
        self._trimmed = 0
        self._ids: dict[int, int] = {}
        self._block = self._last_block()
        self._pieces: dict[int, int] = dict(
            self._store.execute("SELECT series, sum(readings) FROM chunk WHERE NOT whole GROUP BY series")
        )

    def write(self, items: Sequence[Block]) -> None:
        """Put blocks on disk, in order; those that were written before are passed over."""
        blocks = [block for block in items if block.seq > self._block]
        if not blocks:
            return
        pieces = dict(self._pieces)
        try:
            with transaction(self._store):
                self._append(blocks)
                self._store.execute("INSERT OR REPLACE INTO written VALUES (1, ?)", (blocks[-1].seq,))
        except BaseException:
            self._pieces = pieces
            self._ids.clear()
            raise
        self._block = blocks[-1].seq
        self._trim(blocks[-1].now)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _last_block(self) -> int:
        row = self._store.execute("SELECT block FROM written").fetchone()
        return 0 if row is None else int(row[0])

    def _append(self, blocks: list[Block]) -> None:
        numbers = np.concatenate([block.series for block in blocks]).astype(np.intp)
        columns = [
            np.ascontiguousarray(np.concatenate([getattr(block, name) for block in blocks]), dtype)
            for name, dtype in (("time", np.int64), ("value", np.float64), ("quality", np.uint8))
        ]
        for number, rows in group(numbers):
            time, value, quality = (column[rows].tobytes() for column in columns)
            self._add(self._id(number), (time, value, quality))

    def _add(self, series: int, columns: Columns) -> None:
        """Add readings to a series: as one more piece, or as chunks with the pieces that were there."""
        held = self._pieces.get(series, 0) + len(columns[2])
        if held >= CHUNK:
            query = "SELECT time, value, quality FROM chunk WHERE series = ? AND NOT whole ORDER BY id"
            pieces = [*self._store.execute(query, (series,)), columns]
            self._store.execute("DELETE FROM chunk WHERE series = ? AND NOT whole", (series,))
            time, value, quality = (b"".join(piece[k] for piece in pieces) for k in range(3))
            columns = (time, value, quality)
            whole = held - held % CHUNK
            for first in range(0, whole, CHUNK):
                self._insert(series, _cut(columns, first, first + CHUNK), whole=True)
            columns, held = _cut(columns, whole, held), held % CHUNK
        if columns[2]:
            self._insert(series, columns, whole=False)
        self._pieces[series] = held

    def _insert(self, series: int, columns: Columns, *, whole: bool) -> None:
        time = np.frombuffer(columns[0], np.int64)
        start, stop = int(time.min()), int(time.max())
        self._store.execute(
            "INSERT INTO chunk (series, whole, start, stop, readings, time, value, quality) VALUES (?,?,?,?,?,?,?,?)",
            (series, whole, start, stop, len(time), *columns),
        )
        longest = min(stop - start, -_LOWEST - 1)
        self._store.execute(
            "UPDATE series SET longest = ? WHERE id = ? AND longest < ?", (longest, series, longest)
        )

    def _id(self, number: int) -> int:
        if number not in self._ids:
            for known, row in self._series().items():
                self._ids[known] = self._declare(row)
        if number not in self._ids:
            raise Unavailable(f"judged.db has readings of series {number} but does not name it; was the file replaced?")
        return self._ids[number]

    def _declare(self, row: SeriesRow) -> int:
        found = self._store.execute("SELECT id FROM series WHERE name = ?", (row.name,)).fetchone()
        if found is not None:
            return int(found[0])
        insert = "INSERT INTO series (name, area, quantity, unit) VALUES (?, ?, ?, ?)"
        return int(self._store.execute(insert, (row.name, row.area, row.quantity, row.unit)).lastrowid or 0)

    def _trim(self, now: int) -> None:
        """Delete chunks whose newest reading is older than `keep`."""
        if self._keep is None or now < self._trimmed + TRIM_EVERY:
            return
        self._trimmed = now
        with transaction(self._store):
            self._store.execute("DELETE FROM chunk WHERE stop < ? AND whole", (now - self._keep,))


def _cut(columns: Columns, first: int, last: int) -> Columns:
    time, value, quality = (
        column[first * width : last * width] for column, width in zip(columns, _WIDTHS, strict=True)
    )
    return time, value, quality


class History:
    """Reads it, from any process. Before anything was written it is empty."""

    def __init__(self, folder: Path) -> None:
        self._path = history_file(folder)
        self._store: sqlite3.Connection | None = None

    def window(self, series: str, start: int, end: int) -> tuple[Times, Floats, NDArray[np.uint8]]:
        """(time, value, quality) of a series with start <= time < end, by time, and as judged within one time.

        A reading without a number is NaN. An unknown series is an empty one.
        """
        rows = self._chunks(series, start, end)
        time = np.frombuffer(b"".join(row[0] for row in rows), np.int64)
        value = np.frombuffer(b"".join(row[1] for row in rows), np.float64)
        quality = np.frombuffer(b"".join(row[2] for row in rows), np.uint8)
        inside = np.flatnonzero((time >= start) & (time < end))
        order = inside[np.argsort(time[inside], kind="stable")]
        return time[order], value[order], quality[order]

    def counts(self) -> dict[str, int]:
        """How many readings each series holds."""
        query = "SELECT name, sum(readings) FROM chunk JOIN series s ON s.id = series GROUP BY name ORDER BY name"
        return {name: int(readings) for name, readings in self._all(query)}

    def series(self) -> dict[str, tuple[str, str, str]]:
        """(area, quantity, unit) of each series that has readings."""
        return {name: tuple(rest) for name, *rest in self._all("SELECT name, area, quantity, unit FROM series")}

    def close(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _chunks(self, series: str, start: int, end: int) -> list[Columns]:
        known = self._all("SELECT id, longest FROM series WHERE name = ?", series)
        if not known:
            return []
        number, longest = known[0]
        within = "series = ? AND start BETWEEN ? AND ? AND stop >= ?"
        query = f"SELECT time, value, quality FROM chunk WHERE {within} ORDER BY id"
        return self._all(query, number, max(start - longest, _LOWEST), end - 1, start)

    def _all(self, query: str, *values: object) -> list[Any]:
        try:
            if self._store is None:
                self._store = open_reader(self._path)
            return [] if self._store is None else self._store.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{self._path}: {error}") from error
