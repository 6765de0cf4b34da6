"""Time of failure from the slope of t v against v (SLO), as a band, never a bare date. Beside the inverse velocity.

Constraints. Runs only after an onset of acceleration that is more than noise; velocities below their floor are not
used. The band is that of the scatter alone: errors of the velocities on both axes bias it to the mean of the times.
Cannot find: brittle failure without acceleration; failure by a law other than dv/dt = A v^2.
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
from detectors.knots import FLOOR, LEAST, Answer, Follower, paces
from detectors.reading import Batch, Floats, Quality

WHY: Mapping[str, str] = {
    "within": "slope.slo.within",
    "later": "slope.slo.later",
    "no_bound": "slope.slo.no_bound",
    "no_trend": "slope.slo.no_trend",
    "no_acceleration": "slope.slo.no_acceleration",
    "below_floor": "slope.slo.below_floor",
    "learning": "slope.slo.learning",
}


def slo(time: Floats, velocity: Floats, confidence: float) -> Band | None:
    """The least-squares slope of t v against v, with its band; None where the velocities do not differ.

    Exact for a = 2: A v (tf - t) = 1, so t v = tf v - 1/A. Source: Mufundirwa et al. 2010 [R, to be confirmed].
    """
    count = len(time)
    v = [float(x) for x in velocity]
    y = [float(t) * x for t, x in zip(time, v, strict=True)]
    v_mean, y_mean = math.fsum(v) / count, math.fsum(y) / count
    s_vv = math.fsum((x - v_mean) ** 2 for x in v)
    if not s_vv > 0:
        return None
    slope = math.fsum((x - v_mean) * (z - y_mean) for x, z in zip(v, y, strict=True)) / s_vv
    residual = math.fsum((z - y_mean - slope * (x - v_mean)) ** 2 for x, z in zip(v, y, strict=True))
    half = float(scipy.special.stdtrit(count - 2, 0.5 + confidence / 2)) * math.sqrt(residual / (count - 2) / s_vv)
    return Band(slope, slope - half, slope + half)


@dataclass(frozen=True)
class Slo:
    """ACTIVE when the lower end of the failure band lies within `within` of the reading.

    Readings are gathered into knots at least `spacing` apart, a velocity lies between two, and the slope of t v against
    v over the newest `points` of them is the time of failure. The columns `failure_from` and `failure_to` are in s
    since 1970 UTC, `inverse_velocity` is one over the newest velocity. CLEAR when the slope moves without acceleration,
    or the band lies later; unknown where the line puts the failure into the past or nowhere. Use it as a second opinion
    beside slope.inverse_velocity.
    Source: Mufundirwa, Fujii and Kodama 2010 [R, to be confirmed]; onset after Carla et al. 2017.

        [rule.wall-second-opinion]
        sensors = ["prism-17"]
        detector = { kind = "slope.slo", within = "24h", spacing = "6h" }
        priority = "log"
        guidance = "Compare with the inverse velocity"
    """

    kind: ClassVar[str] = "slope.slo"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = COLUMNS

    within: float
    """s."""
    spacing: float
    """s between velocities: so long that the slope moves several times the noise."""
    points: int = 8
    confidence: float = 0.95

    def __post_init__(self) -> None:
        checked(self.within, self.spacing, self.points, self.confidence)

    def start(self, subjects: Subjects) -> Accelerating:
        """Every verdict unknown. Raises ValueError for a sensor whose noise is not declared: there is no floor."""
        return Accelerating(**still(subjects))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's good rows in order; a forecast at every knot."""
        follower, fit = Follower(WHY, self.spacing, self.columns), partial(self._fit, state)
        return follow(follower, state, batch, self.within, fit)

    def _fit(self, state: Accelerating, who: int, time: int) -> Answer:
        pace = paces(state, who, self.points)
        along = pace.velocity * math.copysign(1.0, float(pace.velocity[-1]))
        hidden = np.flatnonzero(along < FLOOR * pace.sigma)
        first = int(hidden[-1]) + 1 if len(hidden) else 0
        if len(pace) - first < LEAST:
            return Answer(Verdict.UNKNOWN, "below_floor")
        usable = pace.last(len(pace) - first)
        seconds = (usable.when - usable.when[-1]) * 1e-9
        band = slo(seconds, np.abs(usable.velocity), self.confidence)
        if band is None or band.best <= 0:
            return Answer(Verdict.UNKNOWN, "no_trend")
        return forecast(band, int(usable.when[-1]), time, self.within)
