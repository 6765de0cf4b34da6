"""Differences of neighbouring good readings, two and two without overlap, gathered into blocks of equally many.

Constraints. Differences that share no reading are independent where readings are, so the variance of a block is that of
a chi-square. No pair reaches across a gap. A trend is the same in all differences. Not a detector.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Subjects
from detectors.reading import Batch, Bools, Floats, Indices, Times
from detectors.state import SETTING

GAP = 5
"""Readings further apart than so many intervals are no pair."""
FARTHEST = 1e150
"""A reading beyond that counts as so much, that squares stay finite."""


@dataclass(slots=True)
class Pairs:
    """(N,) each unless said."""

    verdict: NDArray[np.int8]
    last: Floats
    """Newest good value; NaN before the first."""
    time: Times
    opened: NDArray[np.bool_]
    """It waits for the second of its pair."""
    pairs: Floats
    """(N, size) differences of the block that fills."""
    filled: NDArray[np.int64]
    gap: Times = field(metadata=SETTING)


class Blocks(NamedTuple):
    """Full blocks: the row that filled each, its sensor, its differences (K, size), how many of that sensor precede."""

    rows: Indices
    who: Indices
    pairs: Floats
    turn: Indices


def empty(subjects: Subjects, size: int) -> dict[str, Any]:
    """The fields of Pairs of sensors that have read nothing, by name; `size` differences make a block."""
    n, every = len(subjects), subjects.interval
    gap = np.where(every > 0, np.nan_to_num(every) * GAP * 1e9, 2.0**62)
    return {
        "verdict": np.zeros(n, np.int8),
        "last": np.full(n, np.nan),
        "time": np.zeros(n, np.int64),
        "opened": np.zeros(n, np.bool_),
        "pairs": np.zeros((n, size)),
        "filled": np.zeros(n, np.int64),
        "gap": gap.astype(np.int64),
    }


def take(state: Pairs, batch: Batch) -> Blocks:
    """Take all good readings; the blocks that became full."""
    return _fill(state, *_pair(state, batch))


def _pair(state: Pairs, batch: Batch) -> tuple[Indices, Indices, Floats]:
    """(rows, sensors, differences) of good readings that are the second of a pair, grouped by sensor and in order."""
    order = np.arange(len(batch)) if batch.distinct() else batch.runs().order
    rows = order[batch.good[order]]
    who, time = batch.sensor[rows], batch.time[rows]
    value = np.clip(batch.value[rows], -FARTHEST, FARTHEST)
    first, newest = _ends(who)
    before = np.where(first, state.last[who], np.roll(value, 1))
    earlier = np.where(first, state.time[who], np.roll(time, 1))
    near = ~np.isnan(before) & (time - earlier <= state.gap[who])
    place = np.arange(len(who))
    begun = np.maximum.accumulate(np.where(first | ~near, place, 0))
    second = ((place - begun + (first & near & state.opened[who])[begun]) & 1) == 1
    state.last[who[newest]], state.time[who[newest]] = value[newest], time[newest]
    state.opened[who[newest]] = ~second[newest]
    return rows[second], who[second], (value - before)[second]


def _fill(state: Pairs, rows: Indices, who: Indices, pairs: Floats) -> Blocks:
    """Put the differences into their sensors' blocks; those that are full leave."""
    size, place = state.pairs.shape[1], np.arange(len(who))
    first, newest = _ends(who)
    at = state.filled[who] + place - np.maximum.accumulate(np.where(first, place, 0))
    turn, slot = at // size, at % size
    state.filled[who[newest]] = (slot[newest] + 1) % size
    out = []
    for now in range(int(turn.max(initial=-1)) + 1):
        chosen = np.flatnonzero(turn == now)
        state.pairs[who[chosen], slot[chosen]] = pairs[chosen]
        full = chosen[slot[chosen] == size - 1]
        out.append((rows[full], who[full], state.pairs[who[full]], np.full(len(full), now)))
    if not out:
        return Blocks(rows, who, np.zeros((0, size)), place)
    return Blocks(*(np.concatenate(column) for column in zip(*out, strict=True)))


def _ends(who: Indices) -> tuple[Bools, Indices]:
    """Of sensors in groups: whether each is the first of its group, and where the last of each is."""
    first = np.concatenate((np.ones(min(1, len(who)), np.bool_), who[1:] != who[:-1]))
    return first, np.flatnonzero(np.concatenate((first[1:], first[:1])))


def variance_of(pairs: Floats, reach: Floats) -> Floats:
    """Variance of each row of (n, pairs) around its mean, after what is beyond `reach` (n,) of its median is cut."""
    size = pairs.shape[1]
    middle = np.partition(pairs, size // 2, axis=1)[:, size // 2]
    cut = np.clip(pairs, (middle - reach)[:, None], (middle + reach)[:, None])
    apart = cut - (sums(cut) / size)[:, None]
    variance: Floats = sums(apart * apart) / (size - 1)
    return variance


def sums(values: Floats) -> Floats:
    """Of each row, from left to right whatever the shape."""
    total: Floats = np.add.accumulate(values, axis=1)[:, -1]
    return total
