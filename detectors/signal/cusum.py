"""A lasting small shift of the mean, up or down: two-sided CUSUM against a frozen baseline.

Constraints. Its limit comes from the wished false alarms a sensor-month, not from sigmas. Neighbours that correlate are
whitened (AR(1)), and a reading counts `clip` sigma at most. Only good readings are taken.
Cannot find: a shift below the reference, fast; a small step in strongly correlated readings, fast; a drift that was
there while it learned; a shift less than a quantum. A wanted change of the mean (season, new calibration) is a shift,
too: declare the new mean, or change `learn` to have it learned anew. Delay: about limit / (shift - reference) readings.
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
from detectors.run_length import Unsure, check_wish, cusum_limit

CAP = 1.5
"""Parts of the limit beyond which the sums do not grow, so that they can end."""
WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "signal.cusum.shifted",
    Verdict.CLEAR: "signal.cusum.in_control",
    Verdict.UNKNOWN: "signal.cusum.no_value",
}


@dataclass(slots=True)
class State(ChartState):
    """(N,) each: sums of the deviations above and below."""

    high: Floats
    low: Floats


@dataclass(frozen=True)
class Cusum:
    """ACTIVE when a sum of the deviations beyond `reference` sigma is above the limit, CLEAR below half of it.

    The limit is that of `false_alarms` a sensor-month by the integral equation, higher where the baseline is learned
    from few readings; or `limit` itself, in sigma. Mean, sigma and phi (correlation of neighbours) are learned from
    `learn` good readings and frozen; declare them where commissioning knows them. Unknown while learning, and where
    neighbours correlate too much for so few readings (at phi 0.7 learn from 2000 or more). The column `of_limit` is the
    larger sum as a part of the limit, negative below the mean.
    Source: Page 1954; Montgomery's table (shared reference: statistics 2, performance 8 and 9).

        [rule.co-shifted]
        sensors = ["co-2105"]
        detector = { kind = "signal.cusum", false_alarms = 0.04, learn = 2000 }
        priority = "log"
        guidance = "Compare with the neighbours and the last calibration"
    """

    kind: ClassVar[str] = "signal.cusum"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"mean": "{unit}", "sigma": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"of_limit": "1"}
    sums: ClassVar[tuple[str, ...]] = ("high", "low")
    calm: ClassVar[float] = 0.5

    false_alarms: PerSubject = 0.04
    """A sensor-month."""
    limit: PerSubject = float("nan")
    """Sigma; NaN: by false_alarms."""
    mean: PerSubject = float("nan")
    sigma: PerSubject = float("nan")
    phi: PerSubject = float("nan")
    reference: float = 0.5
    """Sigma: half the shift to be found."""
    learn: int = 1000
    clip: float = 4.0

    def __post_init__(self) -> None:
        check_baseline(self.mean, self.sigma, self.phi, self.learn, self.clip)
        check_wish(self.false_alarms, self.limit)
        if not 0.1 <= self.reference < self.clip:
            raise ValueError(f"reference is {self.reference}; give 0.1 sigma or more, below the clip (0.5 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where no limit gives the wished false alarms."""

        def limit_of(length: float, error: Unsure) -> float:
            return cusum_limit(self.reference, length, error)

        n = len(subjects)
        state = State(**begin(self, subjects, limit_of), high=np.zeros(n), low=np.zeros(n))
        adopt(state, np.arange(n))
        return state

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Scores of all rows at once; then the sums, in whatever way suits the batch."""
        return judge(self, state, batch, WHY)

    def turn(self, sums: Sequence[Floats], limit: Floats, z: Floats) -> tuple[Floats, Floats]:
        """The sums of many sensors. Source: Page 1954, S = max(0, S + z - k)."""
        high, low = sums
        high += z
        high -= self.reference
        high.clip(0.0, np.inf, out=high)
        low -= z
        low -= self.reference
        low.clip(0.0, np.inf, out=low)
        size = np.maximum(high, low)
        size /= limit
        if len(size) and size.max() > CAP:
            np.minimum(high, CAP * limit, out=high)
            np.minimum(low, CAP * limit, out=low)
            np.minimum(size, CAP, out=size)
        part = high - low
        return np.copysign(size, part, out=part), size

    def alone(self, sums: list[float], limit: float, z: Sequence[float]) -> list[float]:
        """The sums of one sensor."""
        high, low = sums
        k, cap, parts = self.reference, CAP * limit, []
        for one in z:
            high, low = high + one - k, low - one - k
            if high < 0.0:
                high = 0.0
            elif high > cap:
                high = cap
            if low < 0.0:
                low = 0.0
            elif low > cap:
                low = cap
            parts.append(min(high / limit, CAP) if high >= low else -min(low / limit, CAP))
        sums[:] = high, low
        return parts

    def shift(self, part: Floats, limit: Floats, run: Floats) -> Floats:
        """In z: the reference, and what the sum grew by a reading."""
        size: Floats = self.reference + np.maximum(np.abs(part) - self.calm, 0.0) * limit / run
        return np.copysign(size, part)
