"""Onset of acceleration: the short mean of the velocity goes above the long one. Not a forecast of failure.

Constraints. A crossing that noise alone makes is none. Below the floor of the mean velocity it is "not known", not
"normal". Device time decides; only good readings are taken.
Cannot find: steady movement however fast (slope.velocity), what is shorter than three velocities, brittle failure;
whether the wall accelerates or the day does: where sun and air move prisms by more than their noise give "24h".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from detectors.detector import Outcome, Subjects, Verdict
from detectors.knots import FLOOR, KEPT, Answer, Follower, Trail, checked_spacing, excess, fresh, mean, moves, paces
from detectors.reading import Batch, Quality

WHY: Mapping[str, str] = {
    "accelerates": "slope.acceleration.accelerates",
    "crossing": "slope.acceleration.crossing",
    "steady": "slope.acceleration.steady",
    "below_floor": "slope.acceleration.below_floor",
    "learning": "slope.acceleration.learning",
}


@dataclass(slots=True)
class State(Trail):
    """The velocities are all there is to remember."""


@dataclass(frozen=True)
class Acceleration:
    """ACTIVE when the mean of the newest `short` velocities is above that of the newest `long` by more than noise.

    Readings are gathered into knots at least `spacing` apart; a velocity lies between two. "More than noise" is three
    standard errors of the difference. CLEAR when the short mean is no longer above the long one and the slope moves
    above its floor; between them the verdict stands. The columns `short` and `long` are the means along the movement.
    Source: Carla et al. 2017, Landslides, doi 10.1007/s10346-016-0731-5 (3 and 7 velocities) [R, to be confirmed].

        [rule.wall-accelerating]
        sensors = ["prism-17"]
        detector = { kind = "slope.acceleration", spacing = "6h" }
        priority = "medium"
        guidance = "Look at the inverse velocity, inspect the wall"
    """

    kind: ClassVar[str] = "slope.acceleration"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"short": "{unit}/d", "long": "{unit}/d"}

    spacing: float
    """s between velocities: so long that the slope moves several times the noise."""
    short: int = 3
    long: int = 7

    def __post_init__(self) -> None:
        checked_spacing(self.spacing)
        if not 1 <= self.short < self.long <= KEPT:
            raise ValueError(
                f"short is {self.short}, long is {self.long}; give 1 <= short < long <= {KEPT} (3 and 7 are usual)"
            )

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for a sensor whose noise is not declared: there is no floor."""
        return State(**fresh(subjects))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's good rows in order; two means at every knot."""

        def judge(who: int, time: int) -> Answer:
            return self._judge(state, who)

        return Follower(WHY, self.spacing, self.columns).follow(
            state, batch, judge, [float("nan")] * len(state.verdict)
        )

    def _judge(self, state: State, who: int) -> Answer:
        pace = paces(state, who, self.long)
        if len(pace) < self.long:
            return Answer(Verdict.UNKNOWN, "learning")
        near, far = mean(pace.velocity[-self.short :]), mean(pace.velocity)
        sign = -1.0 if near < 0 else 1.0
        means = {"short": near * sign, "long": far * sign}
        more, error = excess(pace, self.short)
        numbers = {**means, "floor": FLOOR * error}
        seen = moves(state, who, pace)
        if more >= FLOOR * error:
            return Answer(Verdict.ACTIVE, "accelerates", more, numbers, means)
        if not seen:
            return Answer(Verdict.UNKNOWN, "below_floor", more, numbers, means)
        if more <= 0:
            return Answer(Verdict.CLEAR, "steady", more, numbers, means)
        waiting = state.verdict[who] == Verdict.UNKNOWN
        return Answer(Verdict.CLEAR if waiting else None, "crossing", more, numbers, means)
