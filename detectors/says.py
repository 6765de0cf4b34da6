"""What one reading says about a verdict, and what the verdicts become of what is said.

Constraints. Arrays in, arrays out; a batch knows what its readings say (reading.py). Verdicts are 0 unknown, 1 clear, 2
active (detector.Verdict).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from detectors.grouping import Runs


class Says(IntEnum):
    """What one reading says about a verdict. The strongest last word of a sensor wins; see `Batch.settle_verdicts`."""

    NOTHING = 0
    BLUR = 1
    """The value is not known: a clear verdict becomes unknown, an active one stays."""
    SHARPEN = 2
    """Neither trip nor reset: an unknown verdict becomes clear, an active one stays."""
    CLEAR = 3
    ACTIVE = 4


SHARPEN, CLEAR, ACTIVE = (np.uint8(one) for one in (Says.SHARPEN, Says.CLEAR, Says.ACTIVE))

AFTER = np.array([[0, 0, 1, 1, 2], [1, 0, 1, 1, 2], [2, 2, 2, 1, 2]], np.int8)
"""(verdict before, says) -> verdict after; verdicts are 0 unknown, 1 clear, 2 active."""
_AFTER: list[list[int]] = AFTER.tolist()
FEW = 24
"""Up to so many rows a loop is cheaper than a vector pass (reference: performance section 2)."""

Changed: TypeAlias = tuple[NDArray[np.intp], NDArray[np.int8]]
"""(places in what was said at which a verdict changed, ascending; the verdicts after them)"""


def one_by_one(verdict: NDArray[np.int8], sensor: NDArray[np.intp], says: NDArray[np.uint8]) -> Changed:
    """A loop over some rows, each of `sensor`, in order: cheaper than a vector pass up to FEW."""
    changed, verdicts = [], []
    for place, (who, word) in enumerate(zip(sensor.tolist(), says.tolist(), strict=True)):
        after = _AFTER[int(verdict[who])][word]
        if after != verdict[who]:
            verdict[who] = after
            changed.append(place)
            verdicts.append(after)
    return np.array(changed, np.intp), np.array(verdicts, np.int8)


def along_time(verdict: NDArray[np.int8], runs: Runs, says: NDArray[np.uint8]) -> Changed:
    """The last ACTIVE or CLEAR decides; a later BLUR or SHARPEN only moves a verdict between unknown and clear."""
    said = says[runs.order]
    lengths = runs.stop - runs.start
    place = np.arange(len(said))
    held_before = np.repeat(verdict[runs.sensor], lengths)
    first = np.repeat(runs.start, lengths)
    hard = np.maximum.accumulate(np.where(said >= Says.CLEAR, place, -1))
    soft = np.maximum.accumulate(np.where((said == Says.BLUR) | (said == Says.SHARPEN), place, -1))
    held = np.where(hard >= first, said[hard] - 2, held_before)
    moved = (soft >= first) & (soft > hard) & (held != 2)
    settled = np.where(moved, said[soft] - 1, held).astype(np.int8)
    previous = np.empty_like(settled)
    previous[1:] = settled[:-1]
    previous[runs.start] = verdict[runs.sensor]
    verdict[runs.sensor] = settled[runs.stop - 1]
    changed = np.flatnonzero(settled != previous)
    rows = runs.order[changed]
    ascending = np.argsort(rows)
    return rows[ascending], settled[changed][ascending]


def after_each(before: NDArray[np.int8], says: NDArray[np.uint8]) -> NDArray[np.int8]:
    """AFTER[before, says]; by arithmetic, which is 5 times faster, where no row says NOTHING or BLUR."""
    if says.min() < SHARPEN:
        after: NDArray[np.int8] = AFTER[before, says]
    else:
        after = np.minimum(np.maximum(before, (says == ACTIVE) + np.int8(1)), np.int8(2) - (says == CLEAR))
    return after
