"""Time-weighted average over eight hours, with its bounds and its coverage.

Constraints. Device time decides; the average is judged once a minute, when the first good reading after it arrives.
Late, conflicting and bad readings are lost coverage, never a value. Nothing is imputed: a gap widens the bounds.
Cannot find: a short peak (that is a STEL's task), exposure of a person who walks between sensors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import (
    NEVER,
    Column,
    Finding,
    Outcome,
    PerSubject,
    Subjects,
    Verdict,
    Why,
    at_deadline,
    per_subject,
    whole,
)
from detectors.lapse import earliest, lapse
from detectors.reading import FAULTS, Batch, Bools, Floats, Quality, Times
from detectors.state import SETTING

MINUTE = 60_000_000_000
BINS = 480
SPAN = BINS * 60.0
"""s; the denominator, whatever the exposure time."""
NO_TIME = np.iinfo(np.int64).min
SKIPPED = int(Quality.LATE | Quality.CONFLICT | Quality.SKEWED | Quality.RETAINED)
OUT_OF_SPAN = int(Quality.OUT_OF_SPAN)
USABLE = FAULTS & ~OUT_OF_SPAN


@dataclass(slots=True)
class State:
    """(N,) unless said; minute m of device time lies at place m % 480 once it is over."""

    verdict: NDArray[np.int8]
    due: Times
    """When a clear verdict lapses."""
    dose: Floats
    """(N, 480) unit x s."""
    cover: NDArray[np.int64]
    """(N, 480) ns of the minute that were measured."""
    clipped: Bools
    """(N, 480) the sensor stood at full scale."""
    open_dose: Floats
    open_cover: NDArray[np.int64]
    open_clipped: Bools
    """The same of the minute that is not over."""
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


@dataclass(frozen=True)
class Twa:
    """ACTIVE when the lower bound of the 8 h average is at or above `limit`, however little is covered.

    Lower bound: gaps count zero. Best: mean over the measured time. Upper: gaps at full scale (without a declared
    span: at the greatest value seen); absent while one stood at full scale, which makes the average a lower bound.
    A value holds until the next, at most `max_hold` (default three intervals). CLEAR needs a coverage of at least
    `coverage`, no clipping and the best estimate below the limit; else the verdict is unknown.
    Source: 29 CFR 1910.1000(d)(1)(i), E = sum(C T) / 8; 75 % after 40 CFR 50 [R, to be confirmed].

        [rule.co-shift]
        sensors = ["co-2105"]
        detector = { kind = "gas.twa", limit = "25 ppm" }
        priority = "medium"
        guidance = "Rotate the crew, check ventilation"
    """

    kind: ClassVar[str] = "gas.twa"
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE | Quality.OUT_OF_SPAN | Quality.CALIBRATION
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {
        "twa": "{unit}",
        "twa_lower": "{unit}",
        "twa_upper": "{unit}",
        "coverage": "1",
    }
    period: ClassVar[int] = MINUTE
    """ns; a shift of time by a multiple changes nothing but times."""

    limit: PerSubject
    max_hold: float = float("nan")
    """s; NaN: three intervals of the sensor, or 60 s where it declares none."""
    coverage: float = 0.75

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give a concentration above 0, like '25 ppm'")
        if not 0 < self.coverage <= 1:
            raise ValueError(f"coverage is {self.coverage}; give a part of the 8 h, 0 to 1 (0.75 is usual)")
        if self.max_hold <= 0 or self.max_hold > SPAN:
            raise ValueError(f"max_hold is {self.max_hold} s; give two or three intervals of the sensor, below 8 h")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, nothing measured."""
        count = len(subjects)
        interval = np.where(subjects.interval > 0, 3 * subjects.interval, 60.0)
        hold = interval if math.isnan(self.max_hold) else np.full(count, self.max_hold)
        nanoseconds = np.rint(np.minimum(hold, SPAN) * 1e9).astype(np.int64)
        return State(
            verdict=np.zeros(count, np.int8),
            due=np.full(count, NEVER),
            dose=np.zeros((count, BINS)),
            cover=np.zeros((count, BINS), np.int64),
            clipped=np.zeros((count, BINS), np.bool_),
            open_dose=np.zeros(count),
            open_cover=np.zeros(count, np.int64),
            open_clipped=np.zeros(count, np.bool_),
            time=np.full(count, NO_TIME),
            value=np.full(count, np.nan),
            full=np.zeros(count, np.bool_),
            top=np.zeros(count),
            high=subjects.span_high,
            hold=nanoseconds,
            patience=nanoseconds + round((1 - self.coverage) * SPAN * 1e9),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's rows in order; an average at the first good reading of each minute."""
        findings: list[Finding] = []
        judged: list[tuple[int, int, float, float, float, float]] = []
        limit = per_subject(self.limit, len(state.verdict))
        for who, rows in batch.runs():
            track = _Track(state, who)
            for row, time, arrived, value, quality in zip(
                rows.tolist(),
                batch.time[rows].tolist(),
                batch.arrived[rows].tolist(),
                batch.value[rows].tolist(),
                batch.quality[rows].tolist(),
                strict=True,
            ):
                if track.due < arrived:
                    findings += track.lapse()
                if quality & SKIPPED or time <= track.time:
                    continue
                new_minute = track.advance(time, value, quality)
                if track.value == track.value:
                    track.due = arrived + track.patience
                    if new_minute:
                        average = track.average()
                        judged.append((row, who, *average))
                        findings += self._judge(track, batch, row, average, float(limit[who]))
            track.store()
        findings += lapse(state, batch.until, _lapsed)
        return Outcome(whole(findings), _columns(batch, judged), earliest(state))

    def _judge(
        self, track: _Track, batch: Batch, row: int, average: tuple[float, float, float, float], limit: float
    ) -> list[Finding]:
        best, lower, upper, coverage = average
        if lower >= limit:
            verdict, key = Verdict.ACTIVE, "gas.twa.above"
        elif coverage >= self.coverage and math.isfinite(upper) and best < limit:
            verdict, key = Verdict.CLEAR, "gas.twa.below"
        elif track.verdict != Verdict.CLEAR:
            return []
        else:
            verdict, key = Verdict.UNKNOWN, "gas.twa.low_coverage" if math.isfinite(upper) else "gas.twa.clipped"
        if verdict == track.verdict:
            return []
        track.verdict = verdict
        numbers = {"lower": lower, "best": best, "coverage": coverage}
        numbers |= {"upper": upper} if math.isfinite(upper) else {}
        at, time, number = int(batch.arrived[row]), int(batch.time[row]), int(batch.row[row])
        return [Finding(at, number, track.who, verdict, time, lower, limit, Why(key, numbers))]


class _Track:
    """One sensor's state in local variables, for the length of a run."""

    def __init__(self, state: State, who: int) -> None:
        self.state, self.who = state, who
        self.verdict, self.due = int(state.verdict[who]), int(state.due[who])
        self.time, self.value = int(state.time[who]), float(state.value[who])
        self.full, self.top = bool(state.full[who]), float(state.top[who])
        self.open_dose, self.open_cover = float(state.open_dose[who]), int(state.open_cover[who])
        self.open_clipped = bool(state.open_clipped[who])
        self.high, self.hold, self.patience = float(state.high[who]), int(state.hold[who]), int(state.patience[who])

    def store(self) -> None:
        state, who = self.state, self.who
        state.verdict[who], state.due[who] = self.verdict, self.due
        state.time[who], state.value[who] = self.time, self.value
        state.full[who], state.top[who] = self.full, self.top
        state.open_dose[who], state.open_cover[who] = self.open_dose, self.open_cover
        state.open_clipped[who] = self.open_clipped

    def lapse(self) -> list[Finding]:
        """The deadline passed before the next row."""
        due, self.due = self.due, NEVER
        if self.verdict != Verdict.CLEAR:
            return []
        self.verdict = Verdict.UNKNOWN
        return [at_deadline(due, self.who, Verdict.UNKNOWN, _lapsed(self.who))]

    def advance(self, time: int, value: float, quality: int) -> bool:
        """Hold the last value up to `time`, then take the new one; True if a minute ended."""
        before, minute = self.time, time // MINUTE
        first = before == NO_TIME
        ended = first or minute != before // MINUTE
        if not first:
            end = min(time, before + self.hold) if self.value == self.value else before
            if ended:
                self._close(before, end, minute)
            elif end > before:
                self._add(end - before)
        over = value >= self.high
        usable = not quality & USABLE and (over or not quality & OUT_OF_SPAN)
        self.time, self.full = time, usable and over
        self.value = max(0.0, min(value, self.high)) if usable else math.nan
        if usable and self.value > self.top:
            self.top = self.value
        return ended

    def _add(self, duration: int) -> None:
        self.open_dose += self.value * (duration * 1e-9)
        self.open_cover += duration
        self.open_clipped |= self.full

    def _close(self, start: int, end: int, newest: int) -> None:
        """Spread the held value over the minutes from start to end; close all before the newest."""
        minute = start // MINUTE
        if newest - minute > BINS:
            minute = newest - BINS
            start = max(start, minute * MINUTE)
            self._empty()
        while True:
            stop = min(end, (minute + 1) * MINUTE)
            if stop > start:
                self._add(stop - start)
                start = stop
            if minute == newest:
                return
            place = self.who, minute % BINS
            self.state.dose[place], self.state.cover[place] = self.open_dose, self.open_cover
            self.state.clipped[place] = self.open_clipped
            self._empty()
            minute += 1

    def _empty(self) -> None:
        self.open_dose, self.open_cover, self.open_clipped = 0.0, 0, False

    def average(self) -> tuple[float, float, float, float]:
        """(best, lower, upper, coverage) of the 480 closed minutes; upper is inf where one was clipped."""
        doses, oldest = self.state.dose[self.who], self.time // MINUTE % BINS
        dose = float(np.concatenate((doses[oldest:], doses[:oldest])).sum())  # oldest first: one order of summing
        covered = int(self.state.cover[self.who].sum()) * 1e-9
        ceiling = self.high if math.isfinite(self.high) else self.top
        best = dose / covered if covered else math.nan
        upper = (dose + max(0.0, SPAN - covered) * ceiling) / SPAN
        return best, dose / SPAN, math.inf if self.state.clipped[self.who].any() else upper, covered / SPAN


def _lapsed(who: int) -> Why:
    return Why("gas.twa.low_coverage")


def _columns(batch: Batch, judged: list[tuple[int, int, float, float, float, float]]) -> list[Column]:
    if not judged:
        return []
    judged.sort()
    table = np.array([j[2:] for j in judged])
    rows, who = np.array([j[0] for j in judged], np.intp), np.array([j[1] for j in judged], np.intp)
    names = zip(Twa.columns.items(), table.T, strict=True)
    return [Column.of(name, unit, who, batch, rows, values) for (name, unit), values in names]
