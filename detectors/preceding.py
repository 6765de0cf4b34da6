"""The reading before each, of the same sensor and fit for use: what differences along time are made of.

Constraints. One vector pass whatever the shape of the batch; what lies before the batch is the detector's own memory.
"""

from __future__ import annotations

import numpy as np

from detectors.reading import Batch, Bools, Indices

FEW = 8
"""From so many readings a sensor on, working along time is cheaper than across sensors."""


def preceding(batch: Batch, usable: Bools) -> Indices:
    """(M,) row of the usable reading before each of the same sensor; -1 where none is in this batch."""
    out = np.full(len(batch), -1, np.intp)
    if batch.distinct():
        return out
    runs = batch.runs()
    if usable.all():
        out[runs.order[1:]] = runs.order[:-1]
        out[runs.order[runs.start]] = -1
        return out
    place = np.arange(len(batch))
    latest = np.maximum.accumulate(np.where(usable[runs.order], place, -1))
    before = np.concatenate(([-1], latest[:-1]))
    first = np.repeat(runs.start, runs.stop - runs.start)
    inside = before >= first
    out[runs.order[inside]] = runs.order[before[inside]]
    return out


def newest(batch: Batch, usable: Bools) -> Indices:
    """The last usable row of each sensor that has one."""
    if batch.distinct():
        return np.flatnonzero(usable)
    runs = batch.runs()
    if usable.all():
        return runs.order[runs.stop - 1]
    latest = np.maximum.accumulate(np.where(usable[runs.order], np.arange(len(batch)), -1))
    last = latest[runs.stop - 1]
    return runs.order[last[last >= runs.start]]


def along_time(batch: Batch) -> bool:
    """True if few sensors bring many readings each: then a run at a time is cheaper than a round at a time."""
    return len(batch) >= FEW and not batch.distinct() and len(batch) >= FEW * len(batch.runs())
