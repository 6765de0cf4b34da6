"""A lasting shift of the mean, up or down: an exponentially weighted moving average against a frozen baseline.

Constraints. Its limit comes from the wished false alarms a sensor-month, not from sigmas, and is fixed from the first
reading on. Neighbours that correlate are whitened (AR(1)), and a reading counts `clip` sigma at most. Only good
readings are taken.
Cannot find: a shift of less than limit x sqrt(weight / (2 - weight)) sigma; a small step in strongly correlated
readings, fast; a drift that was there while it learned. A wanted change of the mean (season, new calibration) is a
shift, too: declare the new mean, or change `learn` to have it learned anew. Delay: 10 readings at weight 0.1 for a
shift of 1 sigma at 500 readings to a false alarm; signal.cusum is as fast, and faster where false alarms must be few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from detectors.baseline import adopt, check_baseline
from detectors.charting import ChartState, begin, judge
from detectors.detector import Outcome, PerSubject, Subjects, Verdict
from detectors.reading import Batch, Floats, Quality
from detectors.run_length import Unsure, check_wish, ewma_limit

WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "signal.ewma.shifted",
    Verdict.CLEAR: "signal.ewma.in_control",
    Verdict.UNKNOWN: "signal.ewma.no_value",
}


@dataclass(slots=True)
class State(ChartState):
    """(N,) each."""

    level: Floats
    """The average, in z; begins at 0."""


@dataclass(frozen=True)
class Ewma:
    """ACTIVE when the average of the deviations is above the limit on either side, CLEAR below a quarter.

    The average moves by `weight` of the way a reading. The limit is that of `false_alarms` a sensor-month by the
    integral equation, higher where the baseline is learned from few readings; or `limit` itself, in sigma of the
    average. Mean, sigma and phi (correlation of neighbours) are learned from `learn` good readings and frozen; declare
    them where commissioning knows them. Unknown while learning, and where neighbours correlate too much for so few
    readings (at phi 0.7 learn from 2000 or more). The column `of_limit` is the average as a part of the limit, negative
    below the mean.
    Source: Roberts 1959; Lucas and Saccucci 1990 (shared reference: statistics 3, performance 9).

        [rule.filter-shifted]
        sensors = ["dp-filter-1"]
        detector = { kind = "signal.ewma", false_alarms = 0.4, weight = 0.1 }
        priority = "log"
        guidance = "Look at the filter and the fan"
    """

    kind: ClassVar[str] = "signal.ewma"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"mean": "{unit}", "sigma": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"of_limit": "1"}
    sums: ClassVar[tuple[str, ...]] = ("level",)
    calm: ClassVar[float] = 0.25

    false_alarms: PerSubject = 0.04
    """A sensor-month."""
    limit: PerSubject = float("nan")
    """Sigma of the average; NaN: by false_alarms."""
    mean: PerSubject = float("nan")
    sigma: PerSubject = float("nan")
    phi: PerSubject = float("nan")
    weight: float = 0.1
    learn: int = 1000
    clip: float = 4.0

    def __post_init__(self) -> None:
        check_baseline(self.mean, self.sigma, self.phi, self.learn, self.clip)
        check_wish(self.false_alarms, self.limit)
        if not 0.02 <= self.weight <= 1:
            raise ValueError(f"weight is {self.weight}; give 0.02 to 1 (0.1 is usual, small shifts want less)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where no limit gives the wished false alarms."""

        def limit_of(length: float, error: Unsure) -> float:
            return ewma_limit(self.weight, length, error)

        state = State(**begin(self, subjects, limit_of), level=np.zeros(len(subjects)))
        adopt(state, np.arange(len(subjects)))
        return state

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Scores of all rows at once; then the average, in whatever way suits the batch."""
        return judge(self, state, batch, WHY)

    def turn(self, sums: Sequence[Floats], limit: Floats, z: Floats) -> tuple[Floats, Floats]:
        """The averages of many sensors. Source: Roberts 1959, w = w + weight (z - w)."""
        (level,) = sums
        moved = z - level
        moved *= self.weight
        level += moved
        part = level / (limit * self._spread)
        return part, np.abs(part)

    def alone(self, sums: list[float], limit: float, z: Sequence[float]) -> list[float]:
        """The average of one sensor."""
        level, weight, reach, parts = sums[0], self.weight, limit * self._spread, []
        for one in z:
            level += (one - level) * weight
            parts.append(level / reach)
        sums[0] = level
        return parts

    def shift(self, part: Floats, limit: Floats, run: Floats) -> Floats:
        """In z: the step that moved the average from calm to here, at most a clip."""
        left = np.array([(1.0 - self.weight) ** n for n in run.tolist()])
        size = limit * self._spread * (np.abs(part) - self.calm * left) / (1.0 - left)
        return np.copysign(np.clip(size, 0.0, self.clip), part)

    @property
    def _spread(self) -> float:
        """Of the average, in sigma of z, once it has forgotten its beginning."""
        return float(np.sqrt(self.weight / (2.0 - self.weight)))
