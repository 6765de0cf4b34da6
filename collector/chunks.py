"""How readings lie in the history: chunks of a series, and what is recent as it came.

Constraints. Arrays are little-endian bytes; a change of them is a new format. Not here: writing and folding.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 600
LOWEST = -(2**63)
DTYPES = (np.int32, np.int64, np.float64, np.uint8)
Columns = list[NDArray[Any]]
"""series (own number), time, value, quality"""

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, area TEXT, quantity TEXT, unit TEXT,
    longest INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS chunk (
    id INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
    readings INTEGER NOT NULL, time BLOB NOT NULL, value BLOB NOT NULL, quality BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS chunk_time ON chunk (series, start);
CREATE INDEX IF NOT EXISTS chunk_part ON chunk (series) WHERE readings < {CHUNK};
CREATE TABLE IF NOT EXISTS recent (
    id INTEGER PRIMARY KEY AUTOINCREMENT, start INTEGER NOT NULL, stop INTEGER NOT NULL, readings INTEGER NOT NULL,
    series BLOB NOT NULL, time BLOB NOT NULL, value BLOB NOT NULL, quality BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS written (one INTEGER PRIMARY KEY CHECK (one = 1), block INTEGER NOT NULL);
"""


def parts(store: sqlite3.Connection, series: str, start: int, end: int) -> Iterator[Columns]:
    """time, value, quality of chunks and recent rows that may reach into a window, in the order they were judged."""
    known = store.execute("SELECT id, longest FROM series WHERE name = ?", (series,)).fetchone()
    if known is None:
        return
    number, longest = known
    within = "series = ? AND start BETWEEN ? AND ? AND stop >= ?"
    chunks = store.execute(
        f"SELECT time, value, quality FROM chunk WHERE {within} ORDER BY id",
        (number, max(start - longest, LOWEST), end - 1, start),
    )
    for row in chunks:
        yield [*map(np.frombuffer, row, DTYPES[1:])]
    recent = "SELECT series, time, value, quality FROM recent WHERE start < ? AND stop >= ? ORDER BY id"
    for row in store.execute(recent, (end, start)):
        of, *columns = map(np.frombuffer, row, DTYPES)
        mine = np.flatnonzero(of == number)
        if len(mine):
            yield [column[mine] for column in columns]
