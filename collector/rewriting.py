"""History under a new judged.db: the blocks come again from its beginning, and what history holds is not written twice.

Constraints. The key is series, time and value. Only chunks are looked into, so what is recent is folded before; only
readings up to the newest that history held then are compared, and after them it costs nothing. What a newer version
derives otherwise is a reading beside the old one.
"""

from __future__ import annotations

import sqlite3

import numpy as np
from numpy.typing import NDArray

from collector.chunks import LOWEST, Columns

SCHEMA = """
CREATE TABLE IF NOT EXISTS source (
    one INTEGER PRIMARY KEY CHECK (one = 1), identity TEXT NOT NULL, upto INTEGER NOT NULL);
"""


def replaced(store: sqlite3.Connection, identity: str) -> bool:
    """True if what was written came from another judged.db than this; notes the first one."""
    row = store.execute("SELECT identity FROM source").fetchone()
    if row is None and identity:
        store.execute("INSERT INTO source VALUES (1, ?, ?)", (identity, LOWEST))
    return row is not None and row[0] != identity and bool(identity)


def adopt(store: sqlite3.Connection, identity: str) -> None:
    """From now on blocks are numbered by that judged.db. Call it in a transaction, once all is folded."""
    newest = store.execute("SELECT max(stop) FROM chunk").fetchone()[0]
    store.execute("INSERT OR REPLACE INTO source VALUES (1, ?, ?)", (identity, LOWEST if newest is None else newest))
    store.execute("DELETE FROM written")


def upto(store: sqlite3.Connection) -> int:
    """Up to this time, ns, history may hold what comes."""
    row = store.execute("SELECT upto FROM source").fetchone()
    return LOWEST if row is None else int(row[0])


def unheld(store: sqlite3.Connection, columns: Columns, newest: int) -> Columns:
    """The readings that no chunk holds."""
    series, time, value, _ = columns
    old = np.flatnonzero(time <= newest)
    keep = np.ones(len(series), bool)
    for number in np.unique(series[old]).tolist():
        mine = old[series[old] == number]
        held = _held(store, number, int(time[mine].min()), int(time[mine].max()))
        keep[mine] = [key not in held for key in _keys(time[mine], value[mine])]
    return [column[keep] for column in columns]


def _held(store: sqlite3.Connection, series: int, start: int, stop: int) -> set[tuple[int, int]]:
    longest = store.execute("SELECT longest FROM series WHERE id = ?", (series,)).fetchone()[0]
    rows = store.execute(
        "SELECT time, value FROM chunk WHERE series = ? AND start BETWEEN ? AND ? AND stop >= ?",
        (series, max(start - longest, LOWEST), stop, start),
    )
    return {key for time, value in rows for key in _keys(np.frombuffer(time, np.int64), np.frombuffer(value))}


def _keys(time: NDArray[np.int64], value: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Times and values as bits, so that no number equals no number."""
    return list(zip(time.tolist(), np.ascontiguousarray(value).view(np.int64).tolist(), strict=True))
