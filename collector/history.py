"""The embedded history: every judged reading, kept as chunks per series in one SQLite file.

Constraints. Chunks, not rows: up to 600 readings as three arrays (time i64, value f64, quality u8, little-endian), 40
times faster to read (reference: ingest section 5). What is new lies as it came, one row a write, and is folded into
chunks when it has grown: a write touches one page, not one a series. A block is written once however often it is
given: its number is kept in the same transaction. One process writes. This is not the log: the spool can rebuild it.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collector import rewriting
from collector.chunks import CHUNK, DTYPES, LOWEST, SCHEMA, Columns, parts
from collector.errors import Unavailable
from collector.judged import Block, SeriesRow
from collector.sqlite import open_reader, open_writer, transaction
from detectors.grouping import group
from detectors.reading import Floats, Times

RECENT_READINGS, RECENT_ROWS = 100_000, 1000
"""What lies unfolded at most; a reader looks through all of it."""
TRIM_EVERY = 3600 * 10**9
"""ns of the blocks' `now` between two looks for what is older than `keep`."""


def history_file(folder: Path) -> Path:
    """Where the history of a data folder lies."""
    return Path(folder) / "history.db"


class HistorySink:
    """The one writer. `series` gives the names of the blocks' numbers, `keep` (ns) how long readings stay.

    `identity` is that of the judged.db whose numbers the blocks bear: with another than before all blocks are taken.
    """

    name = "history"

    def __init__(
        self,
        folder: Path,
        series: Callable[[], Mapping[int, SeriesRow]],
        keep: int | None = None,
        identity: str = "",
    ) -> None:
        if sys.byteorder != "little":
            raise Unavailable("the history's arrays are little-endian; this processor is not")
        self._store = open_writer(history_file(folder), SCHEMA + rewriting.SCHEMA)
        self._series = series
        self._keep = keep
        self._trimmed = 0
        self._ids: dict[int, int] = {}
        if rewriting.replaced(self._store, identity):
            with transaction(self._store):
                self._fold()
                rewriting.adopt(self._store, identity)
        self._held_upto = rewriting.upto(self._store)
        row = self._store.execute("SELECT block FROM written").fetchone()
        self._block = 0 if row is None else int(row[0])

    def write(self, items: Sequence[Block]) -> None:
        """Put blocks on disk, in order; those that were written before are passed over."""
        blocks = [block for block in items if block.seq > self._block]
        if not blocks:
            return
        try:
            with transaction(self._store):
                self._put(self._columns(blocks))
                self._store.execute("INSERT OR REPLACE INTO written VALUES (1, ?)", (blocks[-1].seq,))
        except BaseException:
            self._ids.clear()  # what it named was rolled back
            raise
        self._block = blocks[-1].seq
        self._trim(blocks[-1].now)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _columns(self, blocks: list[Block]) -> Columns:
        names = ("series", "time", "value", "quality")
        columns = [
            np.concatenate([getattr(block, name) for block in blocks]).astype(dtype)
            for name, dtype in zip(names, DTYPES, strict=True)
        ]
        numbers, place = np.unique(columns[0], return_inverse=True)
        columns[0] = np.array([self._id(number) for number in numbers.tolist()], np.int32)[place]
        return rewriting.unheld(self._store, columns, self._held_upto)

    def _put(self, columns: Columns) -> None:
        if not len(columns[0]):
            return
        rows, readings = self._store.execute("SELECT count(*), coalesce(sum(readings), 0) FROM recent").fetchone()
        if rows + 1 >= RECENT_ROWS or readings + len(columns[0]) >= RECENT_READINGS:
            self._fold(columns)
            return
        time = columns[1]
        blobs = [column.tobytes() for column in columns]
        insert = "INSERT INTO recent (start, stop, readings, series, time, value, quality) VALUES (?, ?, ?, ?, ?, ?, ?)"
        self._store.execute(insert, (int(time.min()), int(time.max()), len(time), *blobs))

    def _fold(self, *columns: Columns) -> None:
        """Make chunks of all that is recent, and of new columns."""
        recent = self._store.execute("SELECT series, time, value, quality FROM recent ORDER BY id").fetchall()
        held = [*([*map(np.frombuffer, row, DTYPES)] for row in recent), *columns]
        if not held:
            return
        series, *rest = (np.concatenate([part[k] for part in held]) for k in range(4))
        self._store.execute("DELETE FROM recent")
        runs = group(series.astype(np.intp))
        rest = [column[runs.order] for column in rest]
        for number, start, stop in zip(runs.sensor.tolist(), runs.start.tolist(), runs.stop.tolist(), strict=True):
            self._chunk(number, [column[start:stop] for column in rest])

    def _chunk(self, series: int, columns: Columns) -> None:
        """Add readings to a series' last chunk until it is whole, and go on in new ones."""
        query = f"SELECT id, time, value, quality FROM chunk WHERE series = ? AND readings < {CHUNK}"
        for number, *blobs in self._store.execute(query, (series,)).fetchall():
            held = map(np.frombuffer, blobs, DTYPES[1:])
            columns = [np.concatenate(pair) for pair in zip(held, columns, strict=True)]
            self._store.execute("DELETE FROM chunk WHERE id = ?", (number,))
        longest = 0
        insert = "INSERT INTO chunk (series, start, stop, readings, time, value, quality) VALUES (?, ?, ?, ?, ?, ?, ?)"
        for first in range(0, len(columns[0]), CHUNK):
            part = [column[first : first + CHUNK] for column in columns]
            start, stop = int(part[0].min()), int(part[0].max())
            longest = max(longest, min(stop - start, -LOWEST - 1))
            self._store.execute(insert, (series, start, stop, len(part[0]), *(column.tobytes() for column in part)))
        self._store.execute("UPDATE series SET longest = max(longest, ?) WHERE id = ?", (longest, series))

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
            self._store.execute("DELETE FROM chunk WHERE stop < ?", (now - self._keep,))


class History:
    """Reads it, from any process. Before anything was written it is empty."""

    def __init__(self, folder: Path) -> None:
        self._path = history_file(folder)
        self._store: sqlite3.Connection | None = None

    def window(self, series: str, start: int, end: int) -> tuple[Times, Floats, NDArray[np.uint8]]:
        """(time, value, quality) of a series with start <= time < end, by time, and as judged within one time.

        A reading without a number is NaN. An unknown series is an empty one.
        """
        with self._reading() as store:
            found = [] if store is None else list(parts(store, series, start, end))
        time, value, quality = (
            np.concatenate([np.zeros(0, dtype), *(part[k] for part in found)]) for k, dtype in enumerate(DTYPES[1:])
        )
        inside = np.flatnonzero((time >= start) & (time < end))
        order = inside[np.argsort(time[inside], kind="stable")]
        return time[order], value[order], quality[order]

    def counts(self) -> dict[str, int]:
        """How many readings each series holds."""
        with self._reading() as store:
            if store is None:
                return {}
            names = dict(store.execute("SELECT id, name FROM series ORDER BY name"))
            held = dict(store.execute("SELECT series, sum(readings) FROM chunk GROUP BY series"))
            recent = [np.frombuffer(row[0], np.int32) for row in store.execute("SELECT series FROM recent")]
        for number, count in zip(*np.unique(np.concatenate([[], *recent]), return_counts=True), strict=True):
            held[int(number)] = held.get(int(number), 0) + int(count)
        return {name: held[number] for number, name in names.items() if number in held}

    def series(self) -> dict[str, tuple[str, str, str]]:
        """(area, quantity, unit) of each series that has readings."""
        with self._reading() as store:
            rows = [] if store is None else store.execute("SELECT name, area, quantity, unit FROM series").fetchall()
        return {name: (area, quantity, unit) for name, area, quantity, unit in rows}

    def close(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()
            self._store = None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """One state of the file for several questions: folding moves readings from one table to another."""
        try:
            if self._store is None:
                self._store = open_reader(self._path)
            if self._store is None:
                yield None
                return
            self._store.execute("BEGIN")
            try:
                yield self._store
            finally:
                self._store.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{self._path}: {error}") from error
