"""Where a detector that raises does so: the longest beginning of a batch that it takes.

Constraints. The bank's state is the one before the batch and stays so; every try works on a copy. Readings and waves
are tried in the log's order together. Deadlines past what raises are not reached.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detectors.bank import Bank
from detectors.detector import Outcome
from detectors.reading import AFTER_ROWS, Batch


class Entry(NamedTuple):
    """A reading or a wave at its place in the log; a wave lies just before the row that it names."""

    arrived: int
    row: int
    reading: bool
    number: int
    """Among the batch's readings, or among its waves."""


class Broken(NamedTuple):
    """The longest beginning that does not raise, what it yields, what was raised after it, and (now, row) of that."""

    good: Batch
    outcome: Outcome
    error: Exception
    place: tuple[int, int]


def until_it_raises(bank: Bank, view: Batch, error: Exception) -> Broken:
    """Where in the batch the bank's detector raises, if stepping all of it raised `error`."""
    before, last, entries = bank.state, error, _entries(view)
    low, high = 0, len(entries)
    while low < high:
        middle = (low + high + 1) // 2
        try:
            bank.detector.step(copy.deepcopy(before), _beginning(view, entries, middle))
            low = middle
        except Exception as raised:
            high, last = middle - 1, raised
    good = _beginning(view, entries, low)
    place = entries[low][:2] if low < len(entries) else (view.until, AFTER_ROWS)
    try:
        return Broken(good, bank.detector.step(copy.deepcopy(before), good), last, place)
    except Exception as raised:
        return Broken(good, Outcome(), raised, place)


def _entries(view: Batch) -> list[Entry]:
    readings = zip(view.arrived.tolist(), view.row.tolist(), strict=True)
    entries = [Entry(arrived, row, True, k) for k, (arrived, row) in enumerate(readings)]
    return sorted(entries + [Entry(wave.arrived, wave.row, False, k) for k, wave in enumerate(view.waves)])


def _beginning(view: Batch, entries: Sequence[Entry], count: int) -> Batch:
    until = entries[count].arrived if count < len(entries) else view.until
    rows = np.array(sorted(entry.number for entry in entries[:count] if entry.reading), np.intp)
    waves = sorted(entry.number for entry in entries[:count] if not entry.reading)
    return Batch(
        until, view.sensor[rows], view.time[rows], view.arrived[rows], view.value[rows], view.quality[rows],
        view.row[rows], tuple(view.waves[k] for k in waves),
    )  # fmt: skip
