"""Dust over a shift: photometer readings corrected by gravimetry and for humidity, averaged with bounds and coverage.

Constraints. As gas.twa: device time, judged once a minute, a gap widens the bounds. Where the humidity is not known a
reading is not corrected, which can only overstate the dust.
Cannot find: how much of it is silica, a photometer whose factor has drifted since its filter was weighed, a worker
who walks between sensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from detectors.detector import Column, Finding, Outcome, PerSubject, Subjects, Why, per_subject, whole
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
    weighed,
)
from detectors.grouping import group
from detectors.lapse import earliest, lapse
from detectors.reach import reaches
from detectors.reading import FAULTS, Batch, Bools, Floats, Indices, Quality, Times
from detectors.shift import checked, minutes
from detectors.state import SETTING
from detectors.units import UnitError, convert

DRIEST, WETTEST = 0.0, 0.95
"""Parts of saturation; above the second the formula runs away and is held."""
LONGEST = 15.0
"""h; its minutes fit the memory of a subject."""
WHY: Mapping[str, str] = {
    "above": "dust.shift_twa.above",
    "below": "dust.shift_twa.below",
    "low_coverage": "dust.shift_twa.low_coverage",
    "clipped": "dust.shift_twa.clipped",
}
LAPSED = Why(WHY["low_coverage"])


@dataclass(slots=True)
class State(Exposure):
    """(N,) unless said."""

    humidity: Floats
    """Newest, part of saturation; NaN before the first."""
    humid_until: Times
    """Arrival up to which it is known."""
    owner: Indices = field(metadata=SETTING)
    wet: Bools = field(metadata=SETTING)
    """(I,) the input is a humidity."""
    scale: Floats = field(metadata=SETTING)
    """(I,) to parts of saturation."""
    input_id: Any = field(metadata=SETTING)


def _wet(subjects: Subjects) -> Bools:
    """(I,) which inputs are a humidity."""
    return np.array([part == "humidity" for part in subjects.part], np.bool_)


def growth(humidity: float, begin: float) -> float:
    """How much too much a photometer reads in humid air: 1 + 0.25 RH^2 / (1 - RH) from `begin` on, 1 below.

    Source: Chakrabarti et al. (2004), after Laulainen (1993) [R, to be confirmed for your dust].

    >>> growth(0.8, 0.6)
    1.8
    """
    if not humidity >= begin:
        return 1.0
    wet = min(humidity, WETTEST)
    return round(1.0 + 0.25 * wet * wet / (1.0 - wet), 12)


@dataclass(frozen=True)
class ShiftTwa:
    """ACTIVE when the lower bound of the shift's average of corrected dust is at or above `limit`; CLEAR as gas.twa.

    A reading becomes `factor` (gravimetric: filter mass over the photometer's mean) times itself, divided by the
    growth in humid air from `humidity_from` on. The group's parts are "dust", first, and "humidity" if there is one;
    a humidity is known for `humidity_hold`. With `over` = "8h" the dose of a longer shift is divided by 8 h all the
    same, as 8 h limits (silica) are; "shift" is the mean of the full shift. The column `corrected` is the reading.
    Source: 30 CFR 70.100 and 70.2 (full shift), 29 CFR 1910.1000(d); Chakrabarti et al. (2004) [R, to be confirmed].

        [rule.face-dust]
        group = "face-2105"
        sensors = { dust = "dust-2105", humidity = "rh-2105" }
        detector = { kind = "dust.shift_twa", limit = "1.5 mg/m3", factor = 0.8 }
        priority = "medium"
        guidance = "Water on, check curtain, limit the stay"
    """

    kind: ClassVar[str] = "dust.shift_twa"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE | Quality.OUT_OF_SPAN | Quality.CALIBRATION
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {
        "twa": "{unit}",
        "twa_lower": "{unit}",
        "twa_upper": "{unit}",
        "coverage": "1",
        "corrected": "{unit}",
    }
    period: ClassVar[int] = MINUTE
    """ns; a shift of time by a multiple changes nothing but times."""

    limit: PerSubject
    factor: PerSubject = 1.0
    humidity_from: float = 0.6
    """Part of saturation."""
    humidity_hold: float = 900.0
    """s."""
    shift_hours: float = 8.0
    over: Literal["shift", "8h"] = "shift"
    max_hold: float = float("nan")
    """s; NaN: three intervals of the sensor, or 60 s where it declares none."""
    coverage: float = 0.75

    def __post_init__(self) -> None:
        checked(self.limit, "1.5 mg/m3", self.coverage, self.shift_hours, LONGEST, self.max_hold)
        if not ((np.asarray(self.factor) >= 0.1) & (np.asarray(self.factor) <= 10)).all():
            raise ValueError(f"factor is {self.factor}; give filter mass over photometer mean, 0.1 to 10")
        if not 0.3 <= self.humidity_from < WETTEST:
            raise ValueError(f"humidity_from is {self.humidity_from}; give a part of saturation, 0.3 to {WETTEST}")
        if not 0 < self.humidity_hold <= 86_400:
            raise ValueError(f"humidity_hold is {self.humidity_hold} s; give how long a humidity holds, like '15min'")
        if self.over not in ("shift", "8h"):
            raise ValueError(f"over is {self.over!r}; give 'shift' or '8h'")

    @property
    def window(self) -> Window:
        """The minutes of a shift."""
        return minutes(self.shift_hours)

    def reach(self, subjects: Subjects) -> None:
        """Raises ValueError where the dust's span, times the factor, ends below the limit."""
        dust, count = self._dust(subjects, _wet(subjects)), len(subjects)
        reaches(subjects, subjects.span_high[dust] * per_subject(self.factor, count), self._limit(count))

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where a group is not dust, then humidity, in units of theirs."""
        wet = _wet(subjects)
        scale = np.ones(subjects.inputs)
        for k in np.flatnonzero(wet).tolist():
            try:
                scale[k] = convert(1.0, subjects.input_unit[k], "1")
            except UnitError as error:
                raise ValueError(f"{subjects.input_id[k]}: {error}; give a humidity in %RH") from error
        dust = self._dust(subjects, wet)
        hold = holds(subjects.interval[dust], self.max_hold, self.window.span)
        count = len(subjects)
        return State(
            **fresh(count, self.window, subjects.span_high[dust], hold, self.coverage),
            humidity=np.full(count, np.nan),
            humid_until=np.zeros(count, np.int64),
            owner=subjects.owner,
            wet=wet,
            scale=scale,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
        )

    @staticmethod
    def _dust(subjects: Subjects, wet: Bools) -> Indices:
        """(N,) the dust's input of each subject."""
        out = []
        for k, name in enumerate(subjects.id):
            own = np.flatnonzero(subjects.owner == k).tolist()
            if wet[own[0]] or len(own) > 2 or (len(own) == 2 and not wet[own[1]]):
                parts = [subjects.part[i] for i in own]
                raise ValueError(f"{name} has the parts {parts}; give {{ dust = ..., humidity = ... }}, dust first")
            out.append(own[0])
        return np.array(out, np.intp)

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each subject's rows in order; an average at the first good dust reading of each minute."""
        findings: list[Finding] = []
        judged: list[tuple[float, ...]] = []
        corrected: list[tuple[float, ...]] = []
        factor = per_subject(self.factor, len(state.verdict))
        for who, rows in group(state.owner[batch.sensor]):
            track, k = Track(state, who, self.window), float(factor[who])
            for row, time, arrived, value, quality in entries(batch, rows):
                if track.due < arrived:
                    findings += track.lapse(LAPSED)
                sensor = int(batch.sensor[row])
                if state.wet[sensor]:
                    if not quality & FAULTS:
                        state.humidity[who] = max(DRIEST, value * float(state.scale[sensor]))
                        state.humid_until[who] = arrived + round(self.humidity_hold * 1e9)
                    continue
                if not track.takes(time, quality):
                    continue
                wetness = float(state.humidity[who]) if arrived <= state.humid_until[who] else 0.0
                new_minute = track.advance(time, value, quality, k / growth(wetness, self.humidity_from))
                if track.known:
                    track.due = arrived + track.patience
                    corrected.append((row, who, track.value))
                if new_minute:
                    average = track.average(k)
                    judged += [(row, who, *average)] if track.known else []
                    findings += self._judge(track, batch, row, average)
            track.store()
        findings += lapse(state, batch.until, lambda _: LAPSED)
        names = dict(list(self.columns.items())[:4])
        columns: list[Column] = columns_of(batch, judged, names)
        columns += columns_of(batch, corrected, {"corrected": "{unit}"})
        return Outcome(whole(findings), columns, earliest(state))

    def _limit(self, count: int) -> Floats:
        """(N,) on the average over the shift."""
        return per_subject(self.limit, count) * (8 / self.shift_hours if self.over == "8h" else 1.0)

    def _judge(self, track: Track, batch: Batch, row: int, average: Average) -> list[Finding]:
        limit = float(self._limit(len(track.state.verdict))[track.who])
        said = weighed(average, self.coverage, limit, track.verdict, track.known)
        if said is None:
            return []
        numbers = {
            "lower": average.lower,
            "best": average.best,
            "coverage": average.coverage,
            "hours": self.shift_hours,
        }
        return found(track, batch, row, said[0], Why(WHY[said[1]], numbers), average.lower, limit)
