"""Improved tangent angle: how steep the creep curve is beside its own secondary creep. Not a forecast of failure.

Constraints. The result is only as good as v0, the velocity of secondary creep: it is declared, or fitted over a
declared span, remembered and shown; never chosen from what is being judged. Device time decides.
Cannot find: anything where v0 is hidden in noise (said so), a slope that never crept steadily.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Outcome, PerSubject, Subjects, Verdict, per_subject
from detectors.knots import DAY, FLOOR, Answer, Follower, Trail, checked_spacing, fresh, paces
from detectors.reading import Batch, Floats, Quality, Times

WHY: Mapping[str, str] = {
    "steep": "slope.tangent_angle.steep",
    "rising": "slope.tangent_angle.rising",
    "falling": "slope.tangent_angle.falling",
    "flat": "slope.tangent_angle.flat",
    "no_v0": "slope.tangent_angle.no_v0",
    "below_floor": "slope.tangent_angle.below_floor",
    "learning": "slope.tangent_angle.learning",
}
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?Z?)?")


def tangent_angle(velocity: float, v0: float) -> float:
    """Degrees: arctan(v/v0), 45 at the velocity of secondary creep, never negative.

    Source: Xu Qiang; Landslide levels in EURASIP JWCN 2021, s13638-021-02033-y, table 1.
    """
    return math.degrees(math.atan(max(0.0, velocity / v0)))


def instant(text: str) -> int:
    """ns UTC of an ISO date or time ending in Z (or without zone: UTC). Raises ValueError for anything else."""
    if ISO.fullmatch(text):
        with suppress(ValueError):
            return int(np.datetime64(text.removesuffix("Z").replace(" ", "T"), "ns").astype(np.int64))
    raise ValueError(f"{text!r} is no time; give one in UTC like '2026-01-31T06:00:00Z'")


@dataclass(slots=True)
class State(Trail):
    """(N,) unless said."""

    sums: Floats
    """(N, 5) of the good readings in the span: count, t, x, tt, tx; t in d and x from the first."""
    first: Floats
    """The first reading in the span."""
    first_time: Times
    v0: Floats
    """Signed, a day; NaN until known."""
    v0_error: Floats
    """Its standard error."""
    steep: NDArray[np.int64]
    """Velocities in a row at or above the limit."""
    flat: NDArray[np.int64]
    """Velocities in a row below the reset."""


@dataclass(frozen=True)
class TangentAngle:
    """ACTIVE when the tangent angle is at or above `limit` degrees at `persist` velocities in a row.

    The angle is arctan(v/v0) with v between knots `spacing` apart and v0 the velocity of secondary creep: `v0` itself,
    or the least-squares slope from `creep_from` to `creep_to`. CLEAR at `persist` velocities in a row below `reset`: a
    short disturbance raises nothing, and what has been raised does not fall with it (and `latch` is the rule's own).
    Unknown before the span has ended, while v0 is below three standard errors, or where noise alone reaches the limit.
    The columns are `angle` and `v0`. 80 deg means 5.671 v0 (warning), 85 deg 11.430 v0 (danger).
    Source: Xu Qiang; table 1 of EURASIP JWCN 2021, s13638-021-02033-y.

        [rule.wall-angle]
        sensors = ["prism-17"]
        priority = "high"
        latch = true
        guidance = "Withdraw below the north wall"
        [rule.wall-angle.detector]
        kind = "slope.tangent_angle"
        limit = 85.0
        spacing = "6h"
        creep_from = "2026-01-01T00:00:00Z"
        creep_to = "2026-03-01T00:00:00Z"
    """

    kind: ClassVar[str] = "slope.tangent_angle"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"v0": "{unit}/d"}
    columns: ClassVar[Mapping[str, str]] = {"angle": "deg", "v0": "{unit}/d"}
    compares: ClassVar[str] = "deg"

    limit: PerSubject
    """Degrees."""
    spacing: float
    """s between velocities: so long that the slope moves several times the noise."""
    v0: PerSubject = float("nan")
    creep_from: str = ""
    """Begin of the secondary creep, UTC."""
    creep_to: str = ""
    reset: PerSubject = float("nan")
    """Degrees; NaN: the limit itself."""
    persist: int = 3

    def __post_init__(self) -> None:
        checked_spacing(self.spacing)
        limit, v0 = np.asarray(self.limit), np.asarray(self.v0)
        if not ((limit >= 45) & (limit < 90)).all():
            raise ValueError(f"limit is {self.limit}; give degrees, 45 to below 90 (80 warns, 85 is danger)")
        if ((np.asarray(self.reset) > limit) | (np.asarray(self.reset) <= 0)).any():
            raise ValueError(
                f"reset is {self.reset}, limit is {self.limit}; give degrees above 0, at or below the limit"
            )
        if not 1 <= self.persist <= 32:
            raise ValueError(f"persist is {self.persist}; give how many velocities in a row, 1 to 32 (3 is usual)")
        if bool(self.creep_from) != bool(self.creep_to) or bool(self.creep_from) == bool(np.isfinite(v0).all()):
            raise ValueError("give v0, like '2 mm/d', or creep_from and creep_to, and not both")
        if np.isfinite(v0).any() and not (v0 > 0).all():
            raise ValueError(f"v0 is {self.v0}; give a velocity above 0, like '2 mm/d'")
        if self.creep_from and instant(self.creep_to) - instant(self.creep_from) < DAY * 1e9:
            raise ValueError(
                f"creep_from is {self.creep_from}, creep_to is {self.creep_to}; give a span of a day or more"
            )

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for a sensor whose noise is not declared: there is no floor."""
        n = len(subjects)
        return State(
            **fresh(subjects),
            sums=np.zeros((n, 5)),
            first=np.zeros(n),
            first_time=np.zeros(n, np.int64),
            v0=np.array(per_subject(self.v0, n)),
            v0_error=np.zeros(n),
            steep=np.zeros(n, np.int64),
            flat=np.zeros(n, np.int64),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's good rows in order; an angle at every knot once v0 is known."""
        limit = per_subject(self.limit, len(state.verdict))
        reset = per_subject(self.reset, len(state.verdict))
        reset = np.where(np.isnan(reset), limit, reset)
        span = (instant(self.creep_from), instant(self.creep_to)) if self.creep_from else (0, 0)

        def take(who: int, time: int, value: float) -> None:
            if span[0] <= time < span[1]:
                _sum(state, who, time, value)

        def judge(who: int, time: int) -> Answer:
            if math.isnan(state.v0[who]) and time >= span[1]:
                _fit(state, who)
            return self._judge(state, who, time >= span[1], float(limit[who]), float(reset[who]))

        return Follower(WHY, self.spacing, self.columns).follow(state, batch, judge, limit.tolist(), take)

    def _judge(self, state: State, who: int, ended: bool, limit: float, reset: float) -> Answer:
        pace = paces(state, who, 1)
        v0, error = float(state.v0[who]), float(state.v0_error[who])
        if not ended:
            return Answer(Verdict.UNKNOWN, "learning")
        if math.isnan(v0) or abs(v0) < FLOOR * error:
            shown = {} if math.isnan(v0) else {"v0": abs(v0)}
            return Answer(Verdict.UNKNOWN, "no_v0", None, shown, shown)
        sign = math.copysign(1.0, v0 if self.creep_from else float(pace.velocity[-1]))
        velocity, floor = float(pace.velocity[-1]) * sign, FLOOR * float(pace.sigma[-1])
        angle = tangent_angle(velocity, abs(v0))
        numbers = {"angle": angle, "v0": abs(v0), "velocity": velocity}
        if floor / abs(v0) >= math.tan(math.radians(limit)) and velocity < floor:
            state.steep[who] = state.flat[who] = 0
            return Answer(Verdict.UNKNOWN, "below_floor", None, {"v0": abs(v0), "floor": floor}, {"v0": abs(v0)})
        state.steep[who] = int(state.steep[who]) + 1 if angle >= limit else 0
        state.flat[who] = int(state.flat[who]) + 1 if angle < reset else 0
        verdict, key = self._persisting(state, who)
        return Answer(verdict, key, angle, numbers, {"angle": angle, "v0": abs(v0)})

    def _persisting(self, state: State, who: int) -> tuple[Verdict | None, str]:
        if state.steep[who] >= self.persist:
            return Verdict.ACTIVE, "steep"
        if state.flat[who] >= self.persist or (state.verdict[who] == Verdict.UNKNOWN and state.flat[who]):
            return Verdict.CLEAR, "flat"
        return None, "rising" if state.steep[who] else "falling"


def _sum(state: State, who: int, time: int, value: float) -> None:
    """Add one good reading of the span."""
    if state.sums[who, 0] == 0:
        state.first[who], state.first_time[who] = value, time
    day = (time - int(state.first_time[who])) * 1e-9 / DAY
    moved = value - float(state.first[who])
    for k, term in enumerate((1.0, day, moved, day * day, day * moved)):
        state.sums[who, k] += term


def _fit(state: State, who: int) -> None:
    """v0 and its standard error from the span's sums; NaN with too few readings or no time between them."""
    n, t, x, tt, tx = state.sums[who].tolist()
    if n < 5:
        return
    s_tt = tt - t * t / n
    if s_tt > 0:
        state.v0[who] = (tx - t * x / n) / s_tt
        state.v0_error[who] = float(state.noise[who]) / math.sqrt(s_tt)
