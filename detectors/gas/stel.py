"""Short-term exposure limit: the average over 15 min, at every window end, with its excursions counted.

Constraints. A window ends each 5 s of device time, not each quarter of a clock; it is judged when the first good
reading after it arrives. Late, conflicting and bad readings are lost coverage. Nothing is imputed.
Cannot find: a peak shorter than the window that averages below it (gas.ceiling), exposure of a person who walks
between sensors, an excursion longer than 15 min that stays below the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Finding, Outcome, PerSubject, Subjects, Verdict, Why, per_subject, whole
from detectors.drawing import columns_of
from detectors.exposure import (
    MINUTE,
    NO_TIME,
    SECOND,
    Exposure,
    Track,
    Window,
    entries,
    found,
    fresh,
    holds,
    weighed,
)
from detectors.lapse import earliest, lapse
from detectors.reach import reaches
from detectors.reading import Batch, Bools, Floats, Quality, Times
from detectors.state import SETTING

STEP = 5 * SECOND
KEPT = 16
"""Begins of excursions that are remembered."""
WHY: Mapping[str, str] = {
    "above": "gas.stel.above",
    "excursions": "gas.stel.excursions",
    "below": "gas.stel.below",
    "low_coverage": "gas.stel.low_coverage",
    "clipped": "gas.stel.clipped",
}
LAPSED = Why(WHY["low_coverage"])


@dataclass(slots=True)
class State(Exposure):
    """(N,) unless said."""

    peak: Floats
    """Greatest lower bound of the window ends since the last judgement."""
    drawn: Floats
    """The same since the last minute."""
    begun: Times
    """(N, 16) device times at which the newest excursions began, newest last; NO_TIME where there was none."""
    ended: Times
    """End of the newest excursion."""
    inside: Bools
    breach: Bools
    """The excursion that lasts is one too many, or too soon."""
    level: Floats = field(metadata=SETTING)
    """Average from which an excursion counts."""


@dataclass(frozen=True)
class Stel:
    """ACTIVE when the lower bound of a 15 min average is at or above `limit`, or an excursion is one too many.

    The lower bound counts gaps as zero, so it alarms however little is covered. An excursion lasts while the average
    is at or above `excursion` (the TWA value; the limit where none is given): more than `most` within `shift_hours`,
    or one that begins less than `apart` after the one before ended, alarms while it lasts. CLEAR needs `coverage` of
    the window, no clipping, no such excursion and the best estimate below the limit. `window` may be another: a
    ceiling that is sampled over 10 min (NIOSH, H2S) is a window of 10 min.
    Source: ACGIH TLV-STEL, any 15 min, at most 4 a shift, 60 min apart; GBZ 2.1 excursions alike [R, to be confirmed].

        [rule.co-short]
        sensors = ["co-2105"]
        detector = { kind = "gas.stel", limit = "100 ppm", excursion = "25 ppm" }
        priority = "high"
        guidance = "Withdraw from 2105, ventilate"
    """

    kind: ClassVar[str] = "gas.stel"
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE | Quality.OUT_OF_SPAN | Quality.CALIBRATION
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}", "excursion": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"stel": "{unit}", "coverage": "1", "excursions": "1"}
    period: ClassVar[int] = MINUTE
    """ns; a shift of time by a multiple changes nothing but times."""

    limit: PerSubject
    excursion: PerSubject = float("nan")
    window: float = 900.0
    """s."""
    most: int = 4
    apart: float = 3600.0
    """s."""
    shift_hours: float = 8.0
    """h in which excursions are counted."""
    max_hold: float = float("nan")
    """s; NaN: three intervals of the sensor, or 60 s where it declares none."""
    coverage: float = 0.75

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give a concentration above 0, like '100 ppm'")
        if (np.asarray(self.excursion) > self.limit).any() or (np.asarray(self.excursion) <= 0).any():
            raise ValueError(f"excursion is {self.excursion}; give the TWA value, above 0 and at most the limit")
        if not 60 <= self.window <= 3600 or self.window % 5:
            raise ValueError(f"window is {self.window} s; give a multiple of 5 s from 1min to 1h ('15min' is usual)")
        if not 1 <= self.most < KEPT:
            raise ValueError(f"most is {self.most}; give how many excursions a shift may have, 1 to {KEPT - 1}")
        if not 0 <= self.apart <= 86_400 or not 1 <= self.shift_hours <= 24:
            raise ValueError(f"apart is {self.apart} s, shift_hours {self.shift_hours}; give '60min' and plain hours")
        if not 0 < self.coverage <= 1:
            raise ValueError(f"coverage is {self.coverage}; give a part of the window, 0 to 1 (0.75 is usual)")
        if self.max_hold <= 0 or self.max_hold > self.window:
            raise ValueError(f"max_hold is {self.max_hold} s; give two or three intervals, at most the window")

    @property
    def bins(self) -> Window:
        """The window in steps of 5 s."""
        return Window(STEP, round(self.window / 5))

    def reach(self, subjects: Subjects) -> None:
        """Raises ValueError where a sensor's span ends below the limit."""
        reaches(subjects, subjects.span_high, per_subject(self.limit, len(subjects)))

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, nothing measured."""
        count = len(subjects)
        limit, level = per_subject(self.limit, count), per_subject(self.excursion, count)
        hold = holds(subjects.interval, self.max_hold, self.window)
        return State(
            **fresh(count, self.bins, subjects.span_high, hold, self.coverage),
            peak=np.zeros(count),
            drawn=np.zeros(count),
            begun=np.full((count, KEPT), NO_TIME),
            ended=np.full(count, NO_TIME),
            inside=np.zeros(count, np.bool_),
            breach=np.zeros(count, np.bool_),
            level=np.where(np.isnan(level), limit, level),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's rows in order; judged at the first good reading of each 5 s, drawn once a minute."""
        findings: list[Finding] = []
        judged: list[tuple[float, ...]] = []
        limit = per_subject(self.limit, len(state.verdict))
        for who, rows in batch.runs():
            track = _Track(state, who, self)
            for row, time, arrived, value, quality in entries(batch, rows):
                if track.due < arrived:
                    findings += track.lapse(LAPSED)
                if not track.takes(time, quality):
                    continue
                minute = track.time // MINUTE if track.time != NO_TIME else None
                ended = track.advance(time, value, quality)
                if track.known:
                    track.due = arrived + track.patience
                if ended:
                    findings += self._judge(track, batch, row, float(limit[who]))
                    if track.known and minute != time // MINUTE:
                        judged.append((row, who, *track.drawing()))
            track.store()
        findings += lapse(state, batch.until, lambda _: LAPSED)
        return Outcome(whole(findings), columns_of(batch, judged, self.columns), earliest(state))

    def _judge(self, track: _Track, batch: Batch, row: int, limit: float) -> list[Finding]:
        average = track.average()
        peak, track.peak = max(track.peak, average.lower), 0.0
        if track.known:
            track.end_excursion(average.best, average.coverage)
        said = weighed(average._replace(lower=peak), self.coverage, limit, track.verdict, track.known)
        if track.breach and (said is None or said[0] != Verdict.ACTIVE):
            said = Verdict.ACTIVE, "excursions"
        if said is None:
            return []
        numbers = {"coverage": average.coverage, "excursions": track.excursions(), "minutes": self.window / 60}
        return found(track, batch, row, said[0], Why(WHY[said[1]], numbers), peak, limit)


class _Track(Track):
    """Exposure, with the greatest average of all window ends and the excursions."""

    def __init__(self, state: State, who: int, of: Stel) -> None:
        super().__init__(state, who, of.bins)
        self.of, self.level = of, float(state.level[who])
        self.peak, self.drawn = float(state.peak[who]), float(state.drawn[who])
        self.begun: NDArray[np.int64] = state.begun[who]
        self.ended, self.inside = int(state.ended[who]), bool(state.inside[who])
        self.breach = bool(state.breach[who])

    def store(self) -> None:
        super().store()
        state, who = self.state, self.who
        state.peak[who], state.drawn[who], state.ended[who] = self.peak, self.drawn, self.ended
        state.inside[who], state.breach[who] = self.inside, self.breach

    def closed(self, number: int) -> None:
        """A window ends here; one whose newest bin measured nothing is below the one before."""
        if self.state.dose[self.who, number % self.bins] <= 0:
            return
        lower = self.dosed(number + 1) / self.window.span
        self.peak, self.drawn = max(self.peak, lower), max(self.drawn, lower)
        if lower >= self.level and not self.inside:
            self._begin((number + 1) * self.width)

    def _begin(self, time: int) -> None:
        self.inside = True
        self.begun[:-1] = self.begun[1:]
        self.begun[-1] = time
        recent = self.begun > time - round(self.of.shift_hours * 3600 * SECOND)
        soon = self.ended != NO_TIME and time - self.ended < round(self.of.apart * SECOND)
        self.breach = bool(recent.sum() > self.of.most) or soon

    def end_excursion(self, best: float, coverage: float) -> None:
        """An excursion ends when a covered window is below its level."""
        if self.inside and coverage >= self.of.coverage and best < self.level:
            self.inside, self.breach, self.ended = False, False, self.time // self.width * self.width

    def excursions(self) -> int:
        """Begun within the shift's length before now."""
        return int((self.begun > self.time - round(self.of.shift_hours * 3600 * SECOND)).sum())

    def drawing(self) -> tuple[float, float, float]:
        """(greatest average since the last drawing, coverage, excursions)."""
        average = self.average()
        peak, self.drawn = max(self.drawn, average.lower), 0.0
        return peak, average.coverage, self.excursions()
