"""How much of something a place was exposed to: dose and coverage in equal bins of device time, the shared kernel.

Constraints. Zero-order hold: a value holds until the next reading, at most `hold`. Late, conflicting and bad readings
are lost coverage, never a value. Nothing is imputed. Bins are summed oldest first, so a result never depends on cuts.
Not a detector: gas.twa, gas.stel, dust.shift_twa, dust.projection and dust.filter judge what is measured here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.detector import NEVER, Finding, Verdict, Why, at_deadline
from detectors.reading import FAULTS, Batch, Bools, Floats, Indices, Quality, Times
from detectors.state import SETTING

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NO_TIME = np.iinfo(np.int64).min
SKIPPED = int(Quality.LATE | Quality.CONFLICT | Quality.SKEWED | Quality.RETAINED)
OUT_OF_SPAN = int(Quality.OUT_OF_SPAN)
USABLE = FAULTS & ~OUT_OF_SPAN


@dataclass(frozen=True, slots=True)
class Window:
    """`bins` bins of `width` ns each."""

    width: int
    bins: int

    @property
    def span(self) -> float:
        """s; the denominator of an average, whatever was measured."""
        return self.width * self.bins / SECOND


class Average(NamedTuple):
    """Of the closed bins. Upper is inf where a bin was clipped: the average is a lower bound then."""

    best: float
    lower: float
    upper: float
    coverage: float


@dataclass(slots=True)
class Exposure:
    """(N,) unless said; bin m of device time lies at place m % bins once it is over."""

    verdict: NDArray[np.int8]
    due: Times
    """When a clear verdict lapses."""
    dose: Floats
    """(N, bins) unit x s."""
    cover: NDArray[np.int64]
    """(N, bins) ns of the bin that were measured."""
    clipped: Bools
    """(N, bins) the sensor stood at full scale."""
    open_dose: Floats
    open_cover: NDArray[np.int64]
    open_clipped: Bools
    """The same of the bin that is not over."""
    time: Times
    """Device time of the newest reading."""
    value: Floats
    """What holds since then; NaN if it is not known."""
    full: Bools
    """It holds at full scale."""
    top: Floats
    """Greatest value seen."""
    high: Floats = field(metadata=SETTING)
    hold: Times = field(metadata=SETTING)
    patience: Times = field(metadata=SETTING)


def holds(interval: Floats, max_hold: float, longest: float) -> Times:
    """(N,) ns that a value holds: `max_hold` s, or where that is NaN three intervals (60 s where none is declared)."""
    usual = np.where(interval > 0, 3 * interval, 60.0)
    hold = usual if math.isnan(max_hold) else np.full(len(interval), max_hold)
    nanoseconds: Times = np.rint(np.minimum(hold, longest) * 1e9).astype(np.int64)
    return nanoseconds


def fresh(count: int, window: Window, high: Floats, hold: Times, coverage: float) -> dict[str, Any]:
    """The fields of an Exposure that has measured nothing; a clear verdict outlives its last reading while `coverage`
    of the window can still be there."""
    return {
        "verdict": np.zeros(count, np.int8),
        "due": np.full(count, NEVER),
        "dose": np.zeros((count, window.bins)),
        "cover": np.zeros((count, window.bins), np.int64),
        "clipped": np.zeros((count, window.bins), np.bool_),
        "open_dose": np.zeros(count),
        "open_cover": np.zeros(count, np.int64),
        "open_clipped": np.zeros(count, np.bool_),
        "time": np.full(count, NO_TIME),
        "value": np.full(count, np.nan),
        "full": np.zeros(count, np.bool_),
        "top": np.zeros(count),
        "high": high,
        "hold": hold,
        "patience": hold + round((1 - coverage) * window.span * 1e9),
    }


class Track:
    """One subject's exposure in local variables, for the length of a run."""

    def __init__(self, state: Any, who: int, window: Window) -> None:
        self.state, self.who, self.window = state, who, window
        self.width, self.bins = window.width, window.bins
        self.verdict, self.due = int(state.verdict[who]), int(state.due[who])
        self.time, self.value = int(state.time[who]), float(state.value[who])
        self.full, self.top = bool(state.full[who]), float(state.top[who])
        self.open_dose, self.open_cover = float(state.open_dose[who]), int(state.open_cover[who])
        self.open_clipped = bool(state.open_clipped[who])
        self.high, self.hold, self.patience = float(state.high[who]), int(state.hold[who]), int(state.patience[who])

    def store(self) -> None:
        """Put all back into the state."""
        state, who = self.state, self.who
        state.verdict[who], state.due[who] = self.verdict, self.due
        state.time[who], state.value[who] = self.time, self.value
        state.full[who], state.top[who] = self.full, self.top
        state.open_dose[who], state.open_cover[who] = self.open_dose, self.open_cover
        state.open_clipped[who] = self.open_clipped

    def lapse(self, why: Why) -> list[Finding]:
        """The deadline passed before the next row."""
        due, self.due = self.due, NEVER
        if self.verdict != Verdict.CLEAR:
            return []
        self.verdict = Verdict.UNKNOWN
        return [at_deadline(due, self.who, Verdict.UNKNOWN, why)]

    @property
    def known(self) -> bool:
        """Whether the newest reading is a value."""
        return self.value == self.value

    def takes(self, time: int, quality: int) -> bool:
        """Whether a reading can be placed in time at all."""
        return not quality & SKIPPED and time > self.time

    def advance(self, time: int, value: float, quality: int, factor: float = 1.0) -> bool:
        """Hold the last value up to `time`, then take the new one, times `factor`; True if a bin ended."""
        before, newest = self.time, time // self.width
        first = before == NO_TIME
        ended = first or newest != before // self.width
        if not first:
            end = min(time, before + self.hold) if self.value == self.value else before
            if ended:
                self._close(before, end, newest)
            elif end > before:
                self._add(end - before)
        over = value >= self.high
        usable = not quality & USABLE and (over or not quality & OUT_OF_SPAN)
        self.time, self.full = time, usable and over
        self.value = max(0.0, min(value, self.high)) * factor if usable else math.nan
        if usable and self.value > self.top:
            self.top = self.value
        return ended

    def closed(self, number: int) -> None:
        """Bin `number` is over and lies in the ring."""

    def _add(self, duration: int) -> None:
        self.open_dose += self.value * (duration / SECOND)
        self.open_cover += duration
        self.open_clipped |= self.full

    def _close(self, start: int, end: int, newest: int) -> None:
        """Spread the held value over the bins from start to end; close all before the newest."""
        number = start // self.width
        if newest - number > 2 * self.bins and end < (newest - self.bins) * self.width:
            number = self._skip(start, end, number, newest)
            start = end
        while True:
            stop = min(end, (number + 1) * self.width)
            if stop > start:
                self._add(stop - start)
                start = stop
            if number == newest:
                return
            self._shut(number)
            number += 1

    def _skip(self, start: int, end: int, number: int, newest: int) -> int:
        """Across a gap longer than the window only the held part and the newest bins are walked."""
        while start < end:
            stop = min(end, (number + 1) * self.width)
            self._add(stop - start)
            start = stop
            if start < end or end % self.width == 0:
                self._shut(number)
                number += 1
        self._shut(number)
        return newest - self.bins

    def _shut(self, number: int) -> None:
        place = self.who, number % self.bins
        self.state.dose[place], self.state.cover[place] = self.open_dose, self.open_cover
        self.state.clipped[place] = self.open_clipped
        self.open_dose, self.open_cover, self.open_clipped = 0.0, 0, False
        self.closed(number)

    def dosed(self, newest: int) -> float:
        """Dose of the window that ends before bin `newest`."""
        doses, oldest = self.state.dose[self.who], newest % self.bins
        return float(np.concatenate((doses[oldest:], doses[:oldest])).sum())  # oldest first: one order of summing

    def average(self, factor: float = 1.0) -> Average:
        """Of the window that ends with the newest closed bin. Gaps may have stood at full scale times `factor`, or
        where no span is declared at the greatest value seen."""
        span, dose = self.window.span, self.dosed(self.time // self.width)
        covered = int(self.state.cover[self.who].sum()) / SECOND
        ceiling = self.high * factor if math.isfinite(self.high) else self.top
        best = dose / covered if covered else math.nan
        upper = (dose + max(0.0, span - covered) * ceiling) / span
        return Average(best, dose / span, math.inf if self.state.clipped[self.who].any() else upper, covered / span)


def found(
    track: Track, batch: Batch, row: int, verdict: Verdict, why: Why, value: float | None, limit: float | None
) -> list[Finding]:
    """The finding that turns the track's verdict; none where it stays."""
    if verdict == track.verdict:
        return []
    track.verdict = verdict
    at, time, number = int(batch.arrived[row]), int(batch.time[row]), int(batch.row[row])
    return [Finding(at, number, track.who, verdict, time, value, limit, why)]


def entries(batch: Batch, rows: Indices) -> Iterator[tuple[int, int, int, float, int]]:
    """(row, time, arrived, value, quality) of some rows, as plain numbers."""
    return zip(
        rows.tolist(),
        batch.time[rows].tolist(),
        batch.arrived[rows].tolist(),
        batch.value[rows].tolist(),
        batch.quality[rows].tolist(),
        strict=True,
    )


def weighed(average: Average, needed: float, limit: float, was: int, good: bool) -> tuple[Verdict, str] | None:
    """The verdict on an average and why: "above", "below", "low_coverage", "clipped"; None if nothing can be said.

    The lower bound alarms however little is covered, and when the reading that ends it is bad, too; clear needs a
    good one, the coverage, no clipping and the best below.
    """
    if average.lower >= limit:
        return Verdict.ACTIVE, "above"
    if not good:
        return None
    bounded = math.isfinite(average.upper)
    if average.coverage >= needed and bounded and average.best < limit:
        return Verdict.CLEAR, "below"
    if was != Verdict.CLEAR:
        return None
    return Verdict.UNKNOWN, "low_coverage" if bounded else "clipped"


def told(average: Average, hours: float) -> dict[str, float]:
    """What the reason of an average over `hours` tells."""
    numbers = {"lower": average.lower, "best": average.best, "upper": average.upper, "coverage": average.coverage}
    return {name: number for name, number in numbers.items() if math.isfinite(number)} | {"hours": hours}
