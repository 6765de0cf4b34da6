"""How fast a value rises or falls: Theil-Sen over a trailing window, with its confidence interval.

Constraints. Device time decides. Good readings are gathered into about 30 means a window, so the slope moves in
steps of a 30th of it; outliers of less than a quarter of the window do not move it. Only good readings are taken.
Cannot find: a rate that its noise hides (said so), what is shorter than half the window, a rise that has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from detectors.detector import Outcome, PerSubject, Subjects, Verdict, per_subject
from detectors.knots import Answer, Follower, Trail, blank
from detectors.reach import reads_often
from detectors.reading import Batch, Floats, Quality
from detectors.theil_sen import Slope, theil_sen
from detectors.window import MEANS, window_of

MINUTE = 60.0
LEAST = 8
"""Means that a slope needs."""
WHY: Mapping[str, str] = {
    "rising": "signal.rate.rising",
    "falling": "signal.rate.falling",
    "slower": "signal.rate.slower",
    "low_level": "signal.rate.low_level",
    "between": "signal.rate.between",
    "noise_hides": "signal.rate.noise_hides",
    "learning": "signal.rate.learning",
}


@dataclass(slots=True)
class State(Trail):
    """The means are all there is to remember."""


class Line(NamedTuple):
    """A Theil-Sen fit; `y` and `t` are kept for the interval of a crossing."""

    slope: Slope
    level: float
    """Of the line, at t = 0."""
    y: Floats
    t: Floats


def fit(y: Floats, t: Floats, confidence: float) -> Line:
    """The line of median slope and median offset; where all values agree the interval is the slope itself."""
    found = theil_sen(y, t, confidence)
    slope = found if np.isfinite(found.low) else Slope(found.slope, found.slope, found.slope)
    return Line(slope, float(np.median(y - slope.slope * t)), y, t)


def crossing(line: Line, threshold: float) -> tuple[float, float] | None:
    """(earliest, latest) t at which the line reaches `threshold`; None where the interval of the slope holds 0.

    The earliest and the latest are those of the slope's two limits, each through its own median offset.
    """
    if line.slope.low <= 0 <= line.slope.high:
        return None
    ends = []
    for slope in (line.slope.low, line.slope.high):
        offset = float(np.median(line.y - slope * line.t))
        ends.append(max(0.0, (threshold - offset) / slope))
    return min(ends), max(ends)


@dataclass(frozen=True)
class Rate:
    """ACTIVE when the slope is at or above `limit` in the direction `side`, its interval excludes 0, and the level of
    the line is at or above `floor`.

    CLEAR when the slope is below `reset` or the level below `floor`; unknown while the interval is wider than the limit
    or the window is less than half covered. With a `threshold` the columns `reaches_from` and `reaches_to` say when
    the line gets there, as an interval of instants; no number where the interval holds 0 or the way leads off.
    Source: Sen 1968; Theil 1950; the crossing as inverse regression (shared reference: statistics 8, 10).

        [rule.co-climbs]
        sensors = ["co-2105"]
        detector = { kind = "signal.rate", limit = "2 ppm/min", window = "10min", threshold = "24 ppm" }
        priority = "log"
        guidance = "Look for heating; compare with the neighbours"
    """

    kind: ClassVar[str] = "signal.rate"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {
        "limit": "{unit}/min",
        "reset": "{unit}/min",
        "floor": "{unit}",
        "threshold": "{unit}",
    }
    columns: ClassVar[Mapping[str, str]] = {
        "rate": "{unit}/min",
        "rate_from": "{unit}/min",
        "rate_to": "{unit}/min",
        "reaches_from": "s",
        "reaches_to": "s",
    }

    limit: PerSubject
    window: float
    """s."""
    reset: PerSubject = float("nan")
    """NaN: the limit itself."""
    floor: PerSubject = float("nan")
    """NaN: at any level."""
    threshold: PerSubject = float("nan")
    """NaN: no time to it."""
    side: Literal["rising", "falling", "either"] = "rising"
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give a rate above 0, like '2 ppm/min' (side gives the direction)")
        if (np.asarray(self.reset) > self.limit).any() or (np.asarray(self.reset) <= 0).any():
            raise ValueError(f"reset is {self.reset}, limit is {self.limit}; give a reset above 0, at most the limit")
        if not 1 <= self.window <= 366 * 86_400:
            raise ValueError(f"window is {self.window} s; give a duration up to a year, like '10min'")
        if self.side not in ("rising", "falling", "either"):
            raise ValueError(f"side is {self.side!r}; give 'rising', 'falling' or 'either'")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}; give a part of 1, 0.5 or more (0.95 is usual)")

    def reach(self, subjects: Subjects) -> None:
        """Raises ValueError for a sensor that reads too seldom for the window."""
        reads_often(subjects, self.window, LEAST)

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, no readings."""
        return State(**blank(subjects))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's good rows in order; a slope at every mean."""
        count = len(state.verdict)
        limit, floor, threshold = (per_subject(p, count) for p in (self.limit, self.floor, self.threshold))
        reset = per_subject(self.reset, count)
        reset = np.where(np.isnan(reset), limit, reset)

        def judge(who: int, time: int) -> Answer:
            at = float(limit[who]), float(reset[who]), float(floor[who]), float(threshold[who])
            return self._judge(state, who, at)

        return Follower(WHY, self.window / MEANS, self.columns).follow(state, batch, judge, limit.tolist())

    def _judge(self, state: State, who: int, at: tuple[float, float, float, float]) -> Answer:
        y, t, covered = window_of(state, who, self.window, MINUTE)
        if len(y) < LEAST or covered < 0.5:
            return Answer(Verdict.UNKNOWN, "learning", None, {"coverage": covered})
        limit, reset, floor, threshold = at
        line = fit(y, t, self.confidence)
        slope, low, high = line.slope
        down = self.side == "falling" or (self.side == "either" and slope < 0)
        speed, least = (-slope, -high) if down else (slope, low)
        numbers = {"rate": slope, "rate_from": low, "rate_to": high, "level": line.level}
        derived = {"rate": slope, "rate_from": low, "rate_to": high, **self._reaches(state, who, line, threshold)}
        verdict: Verdict | None
        if line.level < floor:
            verdict, key = Verdict.CLEAR, "low_level"
        elif speed >= limit and least > 0:
            verdict, key = Verdict.ACTIVE, "falling" if down else "rising"
        elif (high - low) / 2 > limit:
            verdict, key = Verdict.UNKNOWN, "noise_hides"
        elif speed < reset:
            verdict, key = Verdict.CLEAR, "slower"
        else:
            verdict, key = (Verdict.CLEAR if state.verdict[who] == Verdict.UNKNOWN else None), "between"
        return Answer(verdict, key, slope, numbers, derived)

    def _reaches(self, state: State, who: int, line: Line, threshold: float) -> dict[str, float]:
        """The instants between which the line gets to the threshold; nothing where it goes away from it."""
        if np.isnan(threshold) or (threshold - line.level) * line.slope.slope <= 0:
            return {}
        found = crossing(line, threshold)
        if found is None:
            return {}
        now = int(state.at[who, -1]) * 1e-9
        return {"reaches_from": now + found[0] * MINUTE, "reaches_to": now + found[1] * MINUTE}
