"""Time of failure from the inverse velocity of an accelerating slope, as a live interval, never a bare date.

Constraints. Runs only after the onset of acceleration, and starts again after each regime change. Velocities below
their noise floor are not inverted. It answers "no trend", "no bound" and "below the floor" as well.
Cannot find: brittle failure without acceleration, staircase motion that stops by itself (it will forecast, then clear).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from detectors.detector import NEVER, Column, Finding, Outcome, Subjects, Verdict, Why, at_deadline, whole
from detectors.lapse import earliest, lapse
from detectors.reading import FAULTS, Batch, Floats, Quality, Times
from detectors.state import SETTING

KEPT = 32
"""Velocities remembered."""
SHORT, LONG = 3, 7
"""Velocities of the short and the long mean whose crossing is the onset (Carla et al. 2017)."""
LEAST = 4
"""Velocities a line needs."""
FLOOR = 3.0
DAY = 86_400.0
NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Band:
    """Time of failure in s from the newest velocity's middle; None = no bound on that side."""

    best: float
    earliest: float | None
    latest: float | None


def fieller(time: Floats, inverse: Floats, confidence: float) -> Band | None:
    """Where the line through (time, 1/v) meets zero, with Fieller's band; None if it does not fall.

    Source: E. C. Fieller 1954, J. R. Statist. Soc. B 16; Fukuzono 1985 for the line.
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
    scale = float(stdtrit(count - 2, 0.5 + confidence / 2)) ** 2 * residual / (count - 2)
    best = t_mean - y_mean / slope
    a, b, c = slope * slope - scale / s_tt, y_mean * slope, y_mean * y_mean - scale / count
    root = b * b - a * c
    if a > 0:
        half = math.sqrt(max(0.0, root))
        return Band(best, t_mean + (-b - half) / a, t_mean + (-b + half) / a)
    if a < 0 and root >= 0 and c > 0:
        return Band(best, t_mean + (-b - math.sqrt(root)) / a, None)
    return Band(best, None, None)


@dataclass(slots=True)
class State:
    """(N,) unless said; the ring keeps the newest 32 velocities, oldest first, at its end."""

    verdict: NDArray[np.int8]
    due: Times
    time: Times
    """Device time of the newest reading taken."""
    knot_time: Times
    """Mean time of the readings of the last knot; a velocity lies between two knots."""
    knot_end: Times
    knot_value: Floats
    knot_count: NDArray[np.int64]
    gathered: NDArray[np.int64]
    """Readings since the last knot."""
    gathered_time: Floats
    """Their summed times, s from knot_end."""
    gathered_value: Floats
    """Their summed values, from the last knot's."""
    when: Times
    """(N, 32) middle of each velocity, ns."""
    speed: Floats
    """(N, 32) magnitude, a day."""
    sigma: Floats
    """(N, 32) its standard error, a day."""
    known: NDArray[np.int64]
    """Velocities in the ring."""
    trend: NDArray[np.int64]
    """Velocities since the onset; 0 while the slope does not accelerate."""
    noise: Floats = field(metadata=SETTING)


@dataclass(frozen=True)
class InverseVelocity:
    """ACTIVE when the lower end of the failure band lies within `within` of the reading.

    Readings are gathered into knots at least `spacing` apart, a velocity lies between two knots, and a line is fitted
    to the inverse of the newest `points` of them since the onset. The columns `failure_from` and `failure_to` are in s
    since 1970 UTC; an end without bound has no reading. CLEAR when there is no acceleration or the band lies later.
    Source: Fukuzono 1985, Voight 1989 (a = 2: 1/v falls linearly to zero at failure); onset after Carla et al. 2017.

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
    columns: ClassVar[Mapping[str, str]] = {"failure_from": "s", "failure_to": "s"}

    within: float
    """s."""
    spacing: float
    """s between velocities: so long that the slope moves several times the noise."""
    points: int = 8
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not 60 <= self.within <= 366 * DAY:
            raise ValueError(f"within is {self.within} s; give how long before failure to warn, like '24h'")
        if not 1 <= self.spacing <= 100 * DAY:
            raise ValueError(f"spacing is {self.spacing} s; give the time between velocities, like '6h'")
        if not LEAST <= self.points <= KEPT:
            raise ValueError(f"points is {self.points}; give {LEAST} to {KEPT} velocities (5 to 8 is usual)")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}; give 0.5 to below 1 (0.95 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for a sensor whose noise is not declared: there is no floor."""
        for sensor, noise in zip(subjects.input_id, subjects.noise.tolist(), strict=True):
            if not noise > 0:
                raise ValueError(f"{sensor} declares no noise; give one reading's standard deviation (noise = 0.8)")
        n = len(subjects)

        def whole_numbers() -> NDArray[np.int64]:
            return np.zeros(n, np.int64)

        return State(
            verdict=np.zeros(n, np.int8),
            due=np.full(n, NEVER),
            time=np.full(n, NO_TIME),
            knot_time=whole_numbers(),
            knot_end=np.full(n, NO_TIME),
            knot_value=np.zeros(n),
            knot_count=whole_numbers(),
            gathered=whole_numbers(),
            gathered_time=np.zeros(n),
            gathered_value=np.zeros(n),
            when=np.zeros((n, KEPT), np.int64),
            speed=np.zeros((n, KEPT)),
            sigma=np.zeros((n, KEPT)),
            known=whole_numbers(),
            trend=whole_numbers(),
            noise=subjects.noise,
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's good rows in order; a forecast at every knot."""
        findings: list[Finding] = []
        ends: dict[str, list[tuple[int, int, float]]] = {name: [] for name in self.columns}
        spacing = round(self.spacing * 1e9)
        good = (batch.quality & FAULTS) == 0
        for who, rows in batch.runs():
            for row in rows.tolist():
                time, arrived = int(batch.time[row]), int(batch.arrived[row])
                findings += _lapse_one(state, who, arrived)
                if not good[row] or time <= state.time[who]:
                    continue
                if _gather(state, who, time, float(batch.value[row]), spacing):
                    state.due[who] = arrived + LEAST * spacing
                    findings += self._forecast(state, who, batch, row, ends)
        findings += lapse(state, batch.until, lambda _: Why("slope.inverse_velocity.learning"))
        return Outcome(whole(findings), _columns(batch, ends), earliest(state))

    def _forecast(
        self, state: State, who: int, batch: Batch, row: int, ends: dict[str, list[tuple[int, int, float]]]
    ) -> list[Finding]:
        newest, time = int(state.when[who, -1]), int(batch.time[row])
        band, key = self._band(state, who)
        was = Verdict(int(state.verdict[who]))
        verdict, lead, numbers = was, None, {}
        if band is not None:
            for name, end in (("failure_from", band.earliest), ("failure_to", band.latest)):
                if end is not None:
                    numbers[name] = newest * 1e-9 + end
                    ends[name].append((row, who, numbers[name]))
            if band.earliest is not None:
                lead = band.earliest - (time - newest) * 1e-9
        if key in _CLEAR:
            verdict = Verdict.CLEAR
        elif key == "bound" and lead is not None:
            verdict = Verdict.ACTIVE if lead <= self.within else Verdict.CLEAR
            key = "within" if lead <= self.within else "later"
        elif was is Verdict.CLEAR:
            verdict = Verdict.UNKNOWN
        if verdict is was:
            return []
        state.verdict[who] = verdict
        arrived, number = int(batch.arrived[row]), int(batch.row[row])
        why = Why(f"slope.inverse_velocity.{key}", numbers)
        return [Finding(arrived, number, who, verdict, time, lead, self.within, why)]

    def _band(self, state: State, who: int) -> tuple[Band | None, str]:
        """(band or None, answer): learning, below_floor, no_acceleration, no_trend, no_bound, bound."""
        known = int(state.known[who])
        if known < LEAST:
            return None, "learning"
        long = state.speed[who, -min(known, LONG) :].tolist()
        long_sigma = state.sigma[who, -min(known, LONG) :].tolist()
        short_mean, long_mean = math.fsum(long[-SHORT:]) / SHORT, math.fsum(long) / len(long)
        if short_mean <= long_mean:
            state.trend[who] = 0
            floor = FLOOR * math.sqrt(math.fsum(s * s for s in long_sigma)) / len(long)
            return None, "no_acceleration" if long_mean >= floor else "below_floor"
        state.trend[who] = min(known, max(SHORT, int(state.trend[who]) + 1))
        count = min(int(state.trend[who]), self.points)
        speed, sigma = state.speed[who, -count:], state.sigma[who, -count:]
        if (speed < FLOOR * sigma).any():
            return None, "below_floor"
        if count < LEAST:
            return None, "learning"
        time = (state.when[who, -count:] - state.when[who, -1]) * 1e-9
        band = fieller(time, 1.0 / speed, self.confidence)
        if band is None:
            return None, "no_trend"
        return band, "no_bound" if band.latest is None else "bound"


_CLEAR = ("no_acceleration", "no_trend")


def _lapse_one(state: State, who: int, arrived: int) -> list[Finding]:
    due = int(state.due[who])
    if due >= arrived:
        return []
    state.due[who] = NEVER
    if state.verdict[who] != Verdict.CLEAR:
        return []
    state.verdict[who] = Verdict.UNKNOWN
    return [at_deadline(due, who, Verdict.UNKNOWN, Why("slope.inverse_velocity.learning"))]


def _gather(state: State, who: int, time: int, value: float, spacing: int) -> bool:
    """Take one reading; True if it ended a knot and so gave a velocity."""
    state.time[who] = time
    if state.knot_end[who] == NO_TIME:
        state.knot_end[who] = state.knot_time[who] = time
        state.knot_value[who], state.knot_count[who] = value, 1
        return False
    end, base = int(state.knot_end[who]), float(state.knot_value[who])
    state.gathered[who] += 1
    state.gathered_time[who] += (time - end) * 1e-9
    state.gathered_value[who] += value - base
    if time < end + spacing:
        return False
    count = int(state.gathered[who])
    middle = end + round(float(state.gathered_time[who]) / count * 1e9)
    moved = float(state.gathered_value[who]) / count
    before = int(state.knot_time[who])
    days = (middle - before) * 1e-9 / DAY
    spread = math.sqrt(1.0 / count + 1.0 / int(state.knot_count[who])) * float(state.noise[who]) / days
    halfway = before + (middle - before) // 2
    for ring, entry in ((state.when, halfway), (state.speed, abs(moved) / days), (state.sigma, spread)):
        ring[who, :-1] = ring[who, 1:].copy()
        ring[who, -1] = entry
    state.known[who] = min(KEPT, int(state.known[who]) + 1)
    state.knot_end[who], state.knot_time[who], state.knot_count[who] = time, middle, count
    state.knot_value[who] = base + moved
    state.gathered[who], state.gathered_time[who], state.gathered_value[who] = 0, 0.0, 0.0
    return True


def _columns(batch: Batch, ends: Mapping[str, list[tuple[int, int, float]]]) -> list[Column]:
    out = []
    for name, entries in ends.items():
        entries.sort()
        if entries:
            rows, who = (np.array([e[k] for e in entries], np.intp) for k in (0, 1))
            out.append(Column.of(name, "s", who, batch, rows, np.array([e[2] for e in entries])))
    return out
