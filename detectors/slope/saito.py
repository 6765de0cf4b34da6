"""Time of failure after Saito 1969, from three times at equal steps of displacement, as a band, never a bare date.

Constraints. Runs only after an onset of acceleration that is more than noise. The middle time lies on the straight line
between two knots. The band is that of the declared noise: it knows nothing of a law that does not hold.
Cannot find: brittle failure without acceleration; failure by a law other than dv/dt = A v^2; whether a step is the
wall's or of a prism set up anew (it may forecast, then clear).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import scipy

from detectors.detector import Outcome, Subjects, Verdict
from detectors.failure import COLUMNS, Accelerating, Band, checked, follow, forecast, still
from detectors.knots import FLOOR, Answer, Follower
from detectors.reading import Batch, Floats, Quality

WHY: Mapping[str, str] = {
    "within": "slope.saito.within",
    "later": "slope.saito.later",
    "no_bound": "slope.saito.no_bound",
    "no_trend": "slope.saito.no_trend",
    "no_acceleration": "slope.saito.no_acceleration",
    "below_floor": "slope.saito.below_floor",
    "learning": "slope.saito.learning",
}


def saito(first: float, second: float, third: float) -> float | None:
    """Time from the first of three times to failure; displacement steps between them are equal. None: no acceleration.

    Exact for a = 2. Source: Saito 1969, tertiary creep [R]: tr - t1 = 0.5 (t2-t1)^2 / ((t2-t1) - 0.5 (t3-t1)).
    """
    near, far = second - first, third - first
    lack = near - 0.5 * far
    return 0.5 * near * near / lack if lack > 0 else None


def saito_band(near: float, far: float, error: float, confidence: float) -> Band | None:
    """Failure in s from the third time, with the band of an `error` of the second; None where it does not accelerate.

    `near` and `far` are t2 - t1 and t3 - t1. The formula falls with t2, so its band is that of t2 put through it.
    """
    half = float(scipy.special.ndtri(0.5 + confidence / 2)) * error
    best = saito(0.0, near, far)
    if best is None:
        return None
    low = saito(0.0, min(near + half, far), far)
    high = saito(0.0, near - half, far)
    return Band(best - far, None if low is None else low - far, None if high is None else high - far)


def middle_time(at: Floats, place: Floats) -> tuple[float, float]:
    """(time at which half of the displacement was reached, velocity there); places begin low and end high."""
    half = 0.5 * (float(place[0]) + float(place[-1]))
    k = int(np.flatnonzero(place >= half)[0])
    step = float(place[k] - place[k - 1])
    share = (half - float(place[k - 1])) / step
    return float(at[k - 1]) + share * float(at[k] - at[k - 1]), step / float(at[k] - at[k - 1])


@dataclass(frozen=True)
class Saito:
    """ACTIVE when the lower end of the failure band lies within `within` of the reading.

    Readings are gathered into knots at least `spacing` apart. The first and the third time are those of the oldest and
    the newest of `points` + 1 knots, the second when half of the displacement between them was reached. The columns
    `failure_from` and `failure_to` are in s since 1970 UTC; an end without bound has no reading. `inverse_velocity` is
    one over the newest velocity, above the floor. CLEAR when the slope moves without acceleration, or the band lies
    later. Use it as a second opinion beside slope.inverse_velocity.
    Source: Saito 1969 [R, to be confirmed]; it is exact for dv/dt = A v^2.

        [rule.wall-saito]
        sensors = ["prism-17"]
        detector = { kind = "slope.saito", within = "24h", spacing = "6h" }
        priority = "log"
        guidance = "Compare with the inverse velocity"
    """

    kind: ClassVar[str] = "slope.saito"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = COLUMNS

    within: float
    """s."""
    spacing: float
    """s between knots: so long that the slope moves several times the noise."""
    points: int = 8
    confidence: float = 0.95

    def __post_init__(self) -> None:
        checked(self.within, self.spacing, self.points, self.confidence)

    def start(self, subjects: Subjects) -> Accelerating:
        """Every verdict unknown. Raises ValueError for a sensor whose noise is not declared: there is no floor."""
        return Accelerating(**still(subjects))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's good rows in order; a forecast at every knot."""
        follower, fit = Follower(WHY, self.spacing, self.columns), partial(self._forecast, state)
        return follow(follower, state, batch, self.within, fit)

    def _forecast(self, state: Accelerating, who: int, time: int) -> Answer:
        steps = min(self.points, int(state.known[who]))
        at, place = state.at[who, -steps - 1 :], state.place[who, -steps - 1 :]
        moved = float(place[-1] - place[0])
        along = (place - place[0]) * math.copysign(1.0, moved)
        weight = 1.0 / state.count[who, -steps - 1 :]
        noise = float(state.noise[who])
        if abs(moved) < 2 * FLOOR * noise * math.sqrt(float(weight[0] + weight[-1])):
            return Answer(Verdict.UNKNOWN, "below_floor")
        seconds = (at - at[0]) * 1e-9
        second, velocity = middle_time(seconds, along)
        spread = noise * math.sqrt(0.25 * float(weight[0] + weight[-1]) + float(weight.max()))
        band = saito_band(second, float(seconds[-1]), spread / velocity, self.confidence)
        if band is None:
            return Answer(Verdict.UNKNOWN, "no_trend")
        return forecast(band, int(at[-1]), time, self.within)
