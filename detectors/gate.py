"""Marks readings before any detector sees them: late, duplicate, conflicting, out of span, skewed.

The gate drops nothing but exact duplicates, and counts those. It remembers the last `REMEMBERED` times of each sensor,
so a redelivery older than that is judged as late data (it may raise, and clears nothing).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.grouping import Runs, group
from detectors.reading import Bools, Floats, Indices, Quality, Times

REMEMBERED = 256
FUTURE = 5 * 60 * 10**9
"""ns a device's clock may run ahead of the arrival."""
COUNTED = (
    Quality.NO_VALUE, Quality.OUT_OF_SPAN, Quality.LATE, Quality.CONFLICT, Quality.SKEWED, Quality.CALIBRATION,
)  # fmt: skip
PAST = 90 * 24 * 3600 * 10**9
"""ns a buffered reading may be old: as long as raw readings are kept (DESIGN section 9)."""


@dataclass(slots=True, eq=False)
class Gate:
    """Memory of the gate over N sensors, and what it counted."""

    span_low: Floats
    span_high: Floats
    newest: Times
    """(N,) newest judged device time; the smallest int64 where none was."""
    highest: Times
    """(N,) no time beyond it is remembered: a skewed one may lie beyond `newest`, and come again as a good one."""
    count: Times
    """(N,) readings remembered so far; the ring's next slot is `count % REMEMBERED`."""
    times: Times
    """(N, REMEMBERED)"""
    values: Floats
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def over(cls, span_low: Floats, span_high: Floats) -> Gate:
        """A gate that has seen nothing."""
        n = len(span_low)
        never = np.iinfo(np.int64).min
        return cls(
            span_low,
            span_high,
            np.full(n, never),
            np.full(n, never),
            np.zeros(n, np.int64),
            np.full((n, REMEMBERED), never),
            np.full((n, REMEMBERED), np.nan),
        )

    def mark(
        self, sensor: Indices, time: Times, arrived: Times, value: Floats, quality: NDArray[np.uint8]
    ) -> tuple[Bools, NDArray[np.uint8]]:
        """(rows to keep, their quality with the gate's flags added), both (M,); rows are in log order."""
        flags = quality.copy()
        flags[(value < self.span_low[sensor]) | (value > self.span_high[sensor])] |= np.uint8(Quality.OUT_OF_SPAN)
        skewed = (time > arrived + FUTURE) | (time < arrived - PAST)
        flags[skewed] |= np.uint8(Quality.SKEWED)
        keep = np.ones(len(sensor), np.bool_)
        if len(sensor):
            runs = group(sensor)
            slow = self._out_of_order(runs, time, skewed)
            self._remember(runs, slow, time, value)
            for run in np.flatnonzero(slow).tolist():
                rows = runs.order[runs.start[run] : runs.stop[run]]
                self._one_by_one(int(runs.sensor[run]), rows, time, value, skewed, flags, keep)
        self._count(flags, keep)
        return keep, flags

    def count_waves(self, blocks: int) -> None:
        """Blocks of samples pass unmarked; they are counted apart."""
        self._add("waves", blocks)

    def _out_of_order(self, runs: Runs, time: Times, skewed: Bools) -> Bools:
        grouped = time[runs.order]
        before = np.empty_like(grouped)
        before[1:] = grouped[:-1]
        before[runs.start] = self.highest[runs.sensor]
        wrong = (grouped <= before) | skewed[runs.order]
        slow: Bools = np.logical_or.reduceat(wrong, runs.start)
        return slow

    def _remember(self, runs: Runs, slow: Bools, time: Times, value: Floats) -> None:
        """The runs that are in order, all at once."""
        length = runs.stop - runs.start
        in_order = np.repeat(~slow, length)
        rows = runs.order[in_order]
        rank = (np.arange(len(runs.order)) - np.repeat(runs.start, length))[in_order]
        sensor = np.repeat(runs.sensor, length)[in_order]
        slot = (self.count[sensor] + rank) % REMEMBERED
        self.times[sensor, slot] = time[rows]
        self.values[sensor, slot] = value[rows]
        fast = runs.sensor[~slow]
        self.count[fast] += length[~slow]
        self.newest[fast] = self.highest[fast] = time[runs.order[runs.stop[~slow] - 1]]

    def _one_by_one(
        self,
        sensor: int,
        rows: Indices,
        time: Times,
        value: Floats,
        skewed: Bools,
        flags: NDArray[np.uint8],
        keep: Bools,
    ) -> None:
        known = dict(zip(self.times[sensor].tolist(), self.values[sensor].tolist(), strict=True))
        newest = int(self.newest[sensor])
        for row in rows.tolist():
            at, read = int(time[row]), float(value[row])
            if at in known:
                same = known[at] == read or (np.isnan(known[at]) and np.isnan(read))
                keep[row] = not same
                flags[row] |= np.uint8(0 if same else Quality.CONFLICT | Quality.LATE)
                continue
            known[at] = read
            slot = self.count[sensor] % REMEMBERED
            known.pop(int(self.times[sensor, slot]), None)
            self.times[sensor, slot], self.values[sensor, slot] = at, read
            self.count[sensor] += 1
            if skewed[row]:
                continue
            if at <= newest:
                flags[row] |= np.uint8(Quality.LATE)
            newest = max(newest, at)
        self.newest[sensor] = newest
        self.highest[sensor] = max(newest, int(self.times[sensor].max()))

    def _count(self, flags: NDArray[np.uint8], keep: Bools) -> None:
        self._add("duplicate", int(len(keep) - np.count_nonzero(keep)))
        for flag in COUNTED:
            self._add(str(flag.name).lower(), int(np.count_nonzero(flags[keep] & int(flag))))
        self._add("judged", int(np.count_nonzero(keep)))

    def _add(self, name: str, number: int) -> None:
        if number:
            self.counts[name] = self.counts.get(name, 0) + number
