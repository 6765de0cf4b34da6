"""Time of failure from the inverse velocity of an accelerating slope, as a live interval, never a bare date.

Constraints. Runs only after the onset of acceleration, and starts again after each change of trend. Velocities below
their noise floor are not inverted. It answers "no trend", "no bound" and "below the floor" as well; below the floor is
"not known", not "normal".
Cannot find: brittle failure without acceleration, staircase motion that stops by itself (it will forecast, then clear).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray

from detectors.detector import Outcome, Subjects, Verdict
from detectors.failure import COLUMNS, Accelerating, Band, accelerates, checked, follow, forecast, still
from detectors.knots import FLOOR, LEAST, SHORT, Answer, Follower, Pace, excess, paces
from detectors.reading import Batch, Floats, Quality

WHY: Mapping[str, str] = {
    "within": "slope.inverse_velocity.within",
    "later": "slope.inverse_velocity.later",
    "no_bound": "slope.inverse_velocity.no_bound",
    "no_trend": "slope.inverse_velocity.no_trend",
    "no_acceleration": "slope.inverse_velocity.no_acceleration",
    "new_trend": "slope.inverse_velocity.new_trend",
    "below_floor": "slope.inverse_velocity.below_floor",
    "learning": "slope.inverse_velocity.learning",
}
SURPRISE = 0.9995
"""One-sided probability beyond which a velocity does not belong to the line before it."""


def fieller(time: Floats, inverse: Floats, confidence: float) -> Band | None:
    """Where the line through (time, 1/v) meets zero, with Fieller's band; None if it does not fall.

    Times are s from the newest. Source: E. C. Fieller 1954, J. R. Statist. Soc. B 16; Fukuzono 1985 for the line.
    """
    count = len(time)
    origin = float(time[-1])
    t = [float(x) - origin for x in time]
    y = [float(x) for x in inverse]
    t_mean, y_mean = math.fsum(t) / count, math.fsum(y) / count
    s_tt = math.fsum((x - t_mean) ** 2 for x in t)
    slope = math.fsum((x - t_mean) * (z - y_mean) for x, z in zip(t, y, strict=True)) / s_tt
    if slope >= 0:
        return None
    residual = math.fsum((z - y_mean - slope * (x - t_mean)) ** 2 for x, z in zip(t, y, strict=True))
    scale = float(scipy.special.stdtrit(count - 2, 0.5 + confidence / 2)) ** 2 * residual / (count - 2)
    best = t_mean - y_mean / slope
    a, b, c = slope * slope - scale / s_tt, y_mean * slope, y_mean * y_mean - scale / count
    root = b * b - a * c
    if a > 0:
        half = math.sqrt(max(0.0, root))
        return Band(best, t_mean + (-b - half) / a, t_mean + (-b + half) / a)
    if a < 0 and root >= 0 and c > 0:
        return Band(best, t_mean + (-b - math.sqrt(root)) / a, None)
    return Band(best, None, None)


def surprises(time: Floats, inverse: Floats, sigma: Floats) -> bool:
    """The newest point lies outside what the line through the others, and its own noise, allow: the trend changed."""
    count = len(time) - 1
    if count < LEAST:
        return False
    t, y = (time[:-1]).tolist(), (inverse[:-1]).tolist()
    t_mean, y_mean = math.fsum(t) / count, math.fsum(y) / count
    s_tt = math.fsum((x - t_mean) ** 2 for x in t)
    slope = math.fsum((x - t_mean) * (z - y_mean) for x, z in zip(t, y, strict=True)) / s_tt
    residual = math.fsum((z - y_mean - slope * (x - t_mean)) ** 2 for x, z in zip(t, y, strict=True))
    ahead = float(time[-1]) - t_mean
    spread = math.sqrt(residual / (count - 2) * (1 + 1 / count + ahead * ahead / s_tt))
    missed = abs(float(inverse[-1]) - y_mean - slope * ahead)
    return missed > float(scipy.special.stdtrit(count - 2, SURPRISE)) * spread + FLOOR * float(sigma[-1])


@dataclass(slots=True)
class State(Accelerating):
    """(N,) unless said."""

    trend: NDArray[np.int64]
    """Velocities since the short mean went above the long one, or since the last change of trend; 0 while it is not."""


@dataclass(frozen=True)
class InverseVelocity:
    """ACTIVE when the lower end of the failure band lies within `within` of the reading.

    Readings are gathered into knots at least `spacing` apart, a velocity lies between two knots, and a line is fitted
    to v^(1 - exponent) of the newest `points` of them since the onset. A velocity that the line before it does not
    allow begins a new trend: no forecast until four of its own are known. The columns `failure_from` and `failure_to`
    are in s since 1970 UTC; an end without bound has no reading. `inverse_velocity` is one over the newest velocity,
    above the floor. CLEAR when the slope moves without acceleration or the band lies later; unknown below the floor
    (three standard errors of the mean velocity; left at a third of that).
    Source: Fukuzono 1985, Voight 1989 (dv/dt = A v^a; a = 2: 1/v falls linearly to zero at failure); onset after
    Carla et al. 2017; new fit after each change of trend: Rose and Hungr 2007.

        [rule.wall-failing]
        sensors = ["prism-17"]
        detector = { kind = "slope.inverse_velocity", within = "24h", spacing = "6h" }
        priority = "high"
        latch = true
        guidance = "Withdraw below the north wall, call geotechnical duty"
    """

    kind: ClassVar[str] = "slope.inverse_velocity"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = COLUMNS

    within: float
    """s."""
    spacing: float
    """s between velocities: so long that the slope moves several times the noise."""
    points: int = 8
    confidence: float = 0.95
    exponent: float = 2.0
    """a of dv/dt = A v^a."""

    def __post_init__(self) -> None:
        checked(self.within, self.spacing, self.points, self.confidence)
        if not 1.3 <= self.exponent <= 3:
            raise ValueError(f"exponent is {self.exponent}; give 1.3 to 3 (1.5 to 2.2 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for a sensor whose noise is not declared: there is no floor."""
        return State(**still(subjects), trend=np.zeros(len(subjects), np.int64))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's good rows in order; a forecast at every knot."""
        follower, fit = Follower(WHY, self.spacing, self.columns), partial(self._fit, state)
        return follow(follower, state, batch, self.within, fit, _accelerates)

    def _fit(self, state: State, who: int, time: int) -> Answer:
        pace = paces(state, who, min(int(state.trend[who]), self.points))
        along = pace.velocity * math.copysign(1.0, float(pace.velocity[-1]))
        if (along < FLOOR * pace.sigma).any():
            return Answer(Verdict.UNKNOWN, "below_floor")
        if len(pace) < LEAST:
            return Answer(Verdict.UNKNOWN, "learning")
        power = self.exponent - 1.0
        inverse = np.array([v**-power for v in along.tolist()])
        seconds = (pace.when - pace.when[-1]) * 1e-9
        if surprises(seconds, inverse, power * inverse * pace.sigma / along):
            state.trend[who] = 1
            return Answer(Verdict.UNKNOWN, "new_trend")
        band = fieller(seconds, inverse, self.confidence)
        if band is None:
            return Answer(Verdict.CLEAR, "no_trend")
        return forecast(band, int(pace.when[-1]), time, self.within)


def _accelerates(state: State, who: int, long: Pace) -> bool:
    """As `accelerates`; counts the velocities of the trend."""
    begun = accelerates(state, who, long)
    more, _ = excess(long, SHORT)
    counted = int(state.trend[who]) + 1 if state.trend[who] else SHORT
    state.trend[who] = min(int(state.known[who]), counted) if more > 0 else 0
    return begun
