"""Time-weighted average over the shift, with its bounds and its coverage; extended shifts reduce the limit.

Constraints. Device time decides; the average is judged once a minute, when the first good reading after it arrives.
Late, conflicting and bad readings are lost coverage, never a value. Nothing is imputed: a gap widens the bounds.
Cannot find: a short peak (that is a STEL's task), exposure of a person who walks between sensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from detectors.detector import Finding, Outcome, PerSubject, Subjects, Why, per_subject, whole
from detectors.drawing import columns_of
from detectors.exposure import (
    MINUTE,
    Average,
    Exposure,
    Track,
    Window,
    entries,
    found,
    fresh,
    holds,
    told,
    weighed,
)
from detectors.lapse import earliest, lapse
from detectors.reach import reaches
from detectors.reading import Batch, Quality
from detectors.shift import checked, minutes

LONGEST = 16.0
"""h; nobody's shift is longer, and its minutes fit the memory of a subject."""
WHY: Mapping[str, str] = {
    "above": "gas.twa.above",
    "below": "gas.twa.below",
    "low_coverage": "gas.twa.low_coverage",
    "clipped": "gas.twa.clipped",
}
LAPSED = Why(WHY["low_coverage"])


@dataclass(slots=True)
class State(Exposure):
    """The minutes of a shift."""


def reduction(shift_hours: float, week_hours: float) -> float:
    """Brief and Scala's factor on the limit, 1 up to 8 h a day and 40 h a week; the smaller of the two rules.

    >>> reduction(12.0, 40.0)
    0.5
    """
    day = 8 / shift_hours * (24 - shift_hours) / 16
    week = 40 / week_hours * (168 - week_hours) / 128
    return min(1.0, day, week)


@dataclass(frozen=True)
class Twa:
    """ACTIVE when the lower bound of the average over the shift is at or above `limit`, however little is covered.

    Lower bound: gaps count zero. Best: mean over the measured time. Upper: gaps at full scale (without a declared
    span: at the greatest value seen); absent while one stood at full scale, which makes the average a lower bound.
    A value holds until the next, at most `max_hold` (default three intervals). CLEAR needs a coverage of at least
    `coverage`, no clipping and the best estimate below the limit; else the verdict is unknown.
    A shift of `shift_hours` above 8, or a week of `week_hours` above 40, lowers the limit: by "brief-scala" (recovery
    is shorter too), or by "dose" to 8/h of it (29 CFR 1910.1000 divides by 8 h whatever the time). The averages are
    over the shift.
    Source: 29 CFR 1910.1000(d)(1)(i), E = sum(C T) / 8; Brief and Scala, RF = (8/h)(24-h)/16 a day and
    (40/h)(168-h)/128 a week; 75 % after 40 CFR 50 [R, to be confirmed].

        [rule.co-shift]
        sensors = ["co-2105"]
        detector = { kind = "gas.twa", limit = "25 ppm", shift_hours = 12 }
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
    shift_hours: float = 8.0
    """h."""
    week_hours: float = 40.0
    """h of work a week."""
    reduction: Literal["brief-scala", "dose"] = "brief-scala"

    def __post_init__(self) -> None:
        checked(self.limit, "25 ppm", self.coverage, self.shift_hours, LONGEST, self.max_hold)
        if not self.shift_hours <= self.week_hours <= 112:
            raise ValueError(f"week_hours is {self.week_hours}; give plain hours, a shift's to 112 (40 is usual)")
        if self.reduction not in ("brief-scala", "dose"):
            raise ValueError(f"reduction is {self.reduction!r}; give 'brief-scala' or 'dose'")

    @property
    def window(self) -> Window:
        """The minutes of a shift."""
        return minutes(self.shift_hours)

    @property
    def factor(self) -> float:
        """What the limit is multiplied with for a long shift."""
        return reduction(self.shift_hours, self.week_hours) if self.reduction != "dose" else 8 / self.shift_hours

    def reach(self, subjects: Subjects) -> None:
        """Raises ValueError where a sensor's span ends below the limit."""
        reaches(subjects, subjects.span_high, per_subject(self.limit, len(subjects)) * self.factor)

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, nothing measured."""
        hold = holds(subjects.interval, self.max_hold, self.window.span)
        return State(**fresh(len(subjects), self.window, subjects.span_high, hold, self.coverage))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's rows in order; an average at the first good reading of each minute."""
        findings: list[Finding] = []
        judged: list[tuple[float, ...]] = []
        limit = per_subject(self.limit, len(state.verdict)) * self.factor
        for who, rows in batch.runs():
            track = Track(state, who, self.window)
            for row, time, arrived, value, quality in entries(batch, rows):
                if track.due < arrived:
                    findings += track.lapse(LAPSED)
                if not track.takes(time, quality):
                    continue
                new_minute = track.advance(time, value, quality)
                if track.known:
                    track.due = arrived + track.patience
                if new_minute:
                    average = track.average()
                    judged += [(row, who, *average)] if track.known else []
                    findings += self._judge(track, batch, row, average, float(limit[who]))
            track.store()
        findings += lapse(state, batch.until, lambda _: LAPSED)
        return Outcome(whole(findings), columns_of(batch, judged, self.columns), earliest(state))

    def _judge(self, track: Track, batch: Batch, row: int, average: Average, limit: float) -> list[Finding]:
        said = weighed(average, self.coverage, limit, track.verdict, track.known)
        if said is None:
            return []
        why = Why(WHY[said[1]], told(average, self.shift_hours))
        return found(track, batch, row, said[0], why, average.lower, limit)
