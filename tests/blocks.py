"""Judged blocks for the tests of the stores, without a judge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collector.judged import Block, SeriesRow

SERIES = {
    1: SeriesRow("ch4-2105", "ch4-2105", "face-2105", "methane", "%vol"),
    2: SeriesRow("prism-17", "prism-17/wall-moving.velocity", "north wall", "velocity", "mm/d"),
    3: SeriesRow("prism-17", "@wall-moving/prism-17", "north wall", "verdict", "1"),
}
SECOND = 10**9
BEGIN = 1_700_000_000 * SECOND

Row = tuple[int, int, float] | tuple[int, int, float, int]
"""(series, time, value[, quality])"""


def block(seq: int, rows: Sequence[Row], now: int = BEGIN) -> Block:
    """A block of rows in the order given."""
    filled = [(*row, 0)[:4] for row in rows]
    series, time, value, quality = zip(*filled, strict=True)
    return Block(
        seq,
        now,
        np.array(series, np.int32),
        np.array(time, np.int64),
        np.array(value, np.float64),
        np.array(quality, np.uint8),
        np.full(len(rows), now, np.int64),
    )


def steady(seq: int, first: int, readings: int, series: int = 1) -> Block:
    """`readings` readings of one series, one a second, counting up from `first`."""
    return block(seq, [(series, BEGIN + k * SECOND, float(k)) for k in range(first, first + readings)])
