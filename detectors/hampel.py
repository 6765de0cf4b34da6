"""How far a reading is from the good ones before it, by their median and median absolute deviation (Hampel 1974).

Constraints. Exact, but cheap: a bound that holds for some readings on tells nearly all that are back, and only the rest
is worked out. Windows have an odd number of readings and stay in memory. Not a detector (signal.spike is).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Subjects
from detectors.preceding import along_time
from detectors.reading import Batch, Bools, Floats, Indices
from detectors.state import SETTING

CONSISTENT = 1.482602218505602
"""Standard deviation of a normal variable over its median absolute deviation: 1 / 0.67449."""
RETURN = 0.5
"""Part of the limit within which a value is back."""
BACK, BETWEEN, BEYOND, FLAT = range(4)
"""How far a reading is, negative below the median; FLAT where there is no scale to tell by."""
LEARNING = -1
AT_ONCE = 4096
"""Readings of one sensor whose windows are looked at together."""
SLACK = 1e-12
"""Of the values' magnitude: more than rounding can move a bound."""


@dataclass(slots=True)
class Windows:
    """(N,) each, or (N, window)."""

    verdict: NDArray[np.int8]
    ring: Floats
    """The newest good readings."""
    count: NDArray[np.int64]
    """Good readings so far."""
    low: Floats = field(metadata=SETTING)
    """From `low` to `high` a reading is certainly back, while `count` is at most `until`; worked out when needed."""
    high: Floats = field(metadata=SETTING)
    until: NDArray[np.int64] = field(metadata=SETTING)
    limit: Floats = field(metadata=SETTING)
    """Robust standard deviations."""
    noise: Floats = field(metadata=SETTING)
    """Least standard deviation; 0 where none is declared."""
    quantum: Floats = field(metadata=SETTING)


@dataclass(frozen=True, slots=True)
class Look:
    """(M,) each: what was seen of the rows of a batch."""

    far: NDArray[np.int8]
    """BACK to FLAT."""
    usual: Floats
    """The median before; NaN where the reading is certainly back."""
    bound: Floats
    """The limit as a distance from it; NaN as well."""
    order: NDArray[np.int64]
    """Good readings of its sensor before it; LEARNING where they fill no window or the row was not looked at."""


def median_and_mad(windows: Floats) -> tuple[Floats, Floats]:
    """Median and median absolute deviation of each row of (n, odd)."""
    middle = windows.shape[1] // 2
    median = np.partition(windows, middle, axis=1)[:, middle]
    return median, np.partition(np.abs(windows - median[:, None]), middle, axis=1)[:, middle]


def deviation(mad: Floats, noise: Floats, quantum: Floats) -> Floats:
    """Robust standard deviation of one reading.

    Rounding hides up to half a quantum of the MAD, most of it where it is 0: that is added in quadrature.
    """
    seen: Floats = np.maximum(CONSISTENT * np.sqrt(mad * mad + quantum * quantum / 4), noise)
    return seen


def surely_back(ordered: Floats, lasting: int, limit: Floats, noise: Floats, quantum: Floats) -> tuple[Floats, Floats]:
    """(low, high): a reading from low to high is BACK, whatever the next `lasting` readings that enter the window are.

    `ordered`: (n, window), each row ascending. So many new readings move the median by so many ranks at most; and the
    readings within one MAD of it are more than half, so that all but `lasting` of them are old ones: half the shortest
    stretch that holds as many is at most the MAD.
    """
    size, middle = ordered.shape[1], ordered.shape[1] // 2
    held = middle - lasting
    shortest = (ordered[:, held:] - ordered[:, : size - held]).min(axis=1)
    rounding = SLACK * np.maximum(np.abs(ordered[:, 0]), np.abs(ordered[:, -1]))
    reach = (1 - SLACK) * RETURN * limit * deviation(shortest / 2, noise, quantum) - rounding
    some = reach > 0
    low = np.where(some, ordered[:, middle + lasting] - reach, np.inf)
    return low, np.where(some, ordered[:, middle - lasting] + reach, -np.inf)


def look(state: Windows, batch: Batch, usable: Bools) -> Look:
    """Look at all usable rows, and take the good ones of them into the windows."""
    m = len(batch)
    seen = Look(np.zeros(m, np.int8), np.full(m, np.nan), np.full(m, np.nan), np.full(m, LEARNING))
    good = batch.good
    if along_time(batch):
        for rows in _pieces(batch, usable):
            _along(state, batch, rows, good, seen)
    else:
        for turn in batch.rounds():
            _turn(state, batch, turn[usable[turn]], good, seen)
    return seen


def _pieces(batch: Batch, usable: Bools) -> Iterator[Indices]:
    for _, run in batch.runs():
        rows = run[usable[run]]
        yield from (rows[k : k + AT_ONCE] for k in range(0, len(rows), AT_ONCE))


def _turn(state: Windows, batch: Batch, rows: Indices, good: Bools, seen: Look) -> None:
    """One reading of each sensor."""
    size, lasting = state.ring.shape[1], state.ring.shape[1] // 8
    full = rows[state.count[batch.sensor[rows]] >= size]
    who, value = batch.sensor[full], batch.value[full]
    seen.order[full] = state.count[who]
    stale = who[state.count[who] > state.until[who]]
    if len(stale):
        settings = state.limit[stale], state.noise[stale], state.quantum[stale]
        state.low[stale], state.high[stale] = surely_back(np.sort(state.ring[stale], axis=1), lasting, *settings)
        # Not all sensors at the same reading: one in `lasting` has its turn.
        state.until[stale] = state.count[stale] + lasting - (state.count[stale] + stale) % lasting
    doubt = ~((value >= state.low[who]) & (value <= state.high[who]))
    if doubt.any():
        _measure(state, batch, full[doubt], state.ring[who[doubt]], seen)
    taken = rows[good[rows]]
    who = batch.sensor[taken]
    state.ring[who, state.count[who] % size] = batch.value[taken]
    state.count[who] += 1


def _along(state: Windows, batch: Batch, rows: Indices, good: Bools, seen: Look) -> None:
    """Readings of one sensor, in order."""
    who, size, lasting = int(batch.sensor[rows[0]]), state.ring.shape[1], state.ring.shape[1] // 8
    had, taken = int(state.count[who]), good[rows]
    kept = state.ring[who][np.arange(had - min(had, size), had) % size]
    both = np.concatenate((kept, batch.value[rows[taken]]))
    before = np.add.accumulate(taken) - taken + len(kept)
    full = before >= size
    chosen, at = rows[full], before[full] - size
    if len(chosen):
        seen.order[chosen] = before[full] + had - len(kept)
        windows = np.lib.stride_tricks.sliding_window_view(both, size)
        settings = state.limit[[who]], state.noise[[who]], state.quantum[[who]]
        low, high = surely_back(np.sort(windows[:: lasting + 1], axis=1), lasting, *settings)
        value, block = batch.value[chosen], at // (lasting + 1)
        doubt = ~((value >= low[block]) & (value <= high[block]))
        _measure(state, batch, chosen[doubt], windows[at[doubt]], seen)
    count = had + int(taken.sum())
    newest = np.arange(max(had, count - size), count)
    state.ring[who, newest % size] = both[len(both) - len(newest) :]
    state.count[who], state.until[who] = count, 0


def _measure(state: Windows, batch: Batch, rows: Indices, windows: Floats, seen: Look) -> None:
    """Exactly, from the window before each."""
    who = batch.sensor[rows]
    median, mad = median_and_mad(windows)
    bound = state.limit[who] * deviation(mad, state.noise[who], state.quantum[who])
    away = batch.value[rows] - median
    far = np.where(np.abs(away) > RETURN * bound, BETWEEN, BACK) + (np.abs(away) > bound)
    seen.far[rows] = np.where(bound > 0, np.sign(away) * far, FLAT)
    seen.usual[rows], seen.bound[rows] = median, bound


def empty(subjects: Subjects, window: int, limit: Floats) -> dict[str, Any]:
    """The fields of Windows of sensors that have read nothing, by name."""
    n = len(subjects)
    return {
        "verdict": np.zeros(n, np.int8),
        "ring": np.zeros((n, window)),
        "count": np.zeros(n, np.int64),
        "low": np.zeros(n),
        "high": np.zeros(n),
        "until": np.zeros(n, np.int64),
        "limit": limit,
        "noise": np.nan_to_num(subjects.noise),
        "quantum": np.nan_to_num(subjects.quantum),
    }
