"""Velocity of a displacement by least squares over a trailing window, gated by its own noise floor.

Constraints. Device time decides. The window moves in steps of 1/192 of itself: a reading leaves with its step, so
readings at least that far apart are fitted exactly one by one. Only good readings are fitted.
Cannot find: movement below three standard errors of the slope (said so), what is shorter than half the window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import (
    NEVER,
    Column,
    Finding,
    Outcome,
    PerSubject,
    Subjects,
    Verdict,
    Why,
    at_deadline,
    per_subject,
    whole,
)
from detectors.lapse import earliest, lapse
from detectors.reading import FAULTS, Batch, Floats, Quality, Times
from detectors.state import SETTING

STEPS = 192
SUMS = 6
DAY = 86_400.0
FLOOR = 3.0
"""Standard errors of the slope below which a velocity is not told from noise."""
NO_TIME = np.iinfo(np.int64).min


@dataclass(slots=True)
class State:
    """(N,) unless said."""

    verdict: NDArray[np.int8]
    due: Times
    """When a clear verdict lapses."""
    time: Times
    """Device time of the newest reading fitted."""
    origin: Floats
    """The first displacement seen; sums are relative to it."""
    sums: Floats
    """(N, 192, 6) of each step: count, t, x, tt, tx, xx; t in s from the step's begin, x from the origin."""
    closed: Floats
    """(N, 6) of all steps of the window but the newest, t from the begin of the window's first step."""
    reach: NDArray[np.int64]
    """Steps from the oldest reading in the window to the newest."""
    noise: Floats = field(metadata=SETTING)


@dataclass(frozen=True)
class Velocity:
    """ACTIVE when the velocity, in either direction, is at or above `limit` and above its noise floor.

    The floor is three standard errors of the slope, from the declared noise or else from the scatter about the line.
    CLEAR below `reset`; unknown while the floor is above the limit or the readings span less than half the window.
    Source: least squares; limits are a site's own TARP (no universal table: shared reference slope 2.1).

        [rule.wall-moving]
        sensors = ["prism-17"]
        detector = { kind = "slope.velocity", limit = "10 mm/d", window = "24h" }
        priority = "high"
        latch = true
        guidance = "Close ramp 4, call geotechnical duty"
    """

    kind: ClassVar[str] = "slope.velocity"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}/d", "reset": "{unit}/d"}
    columns: ClassVar[Mapping[str, str]] = {"velocity": "{unit}/d"}

    limit: PerSubject
    window: float
    """s."""
    reset: PerSubject = float("nan")
    """NaN: the limit itself."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give a velocity above 0, like '10 mm/d'")
        if not 1 <= self.window <= 366 * DAY:
            raise ValueError(f"window is {self.window} s; give a duration up to a year, like '24h'")
        if (np.asarray(self.reset) > self.limit).any():
            raise ValueError(f"reset is {self.reset}, limit is {self.limit}; give a reset at or below the limit")

    @property
    def period(self) -> int:
        """ns; a shift of time by a multiple changes nothing but times."""
        return round(self.window * 1e9) // STEPS

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, no readings."""
        count = len(subjects)
        return State(
            verdict=np.zeros(count, np.int8),
            due=np.full(count, NEVER),
            time=np.full(count, NO_TIME),
            origin=np.zeros(count),
            sums=np.zeros((count, STEPS, SUMS)),
            closed=np.zeros((count, SUMS)),
            reach=np.zeros(count, np.int64),
            noise=subjects.noise,
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's rows in order; a velocity at every good reading once the window is half full."""
        findings: list[Finding] = []
        speeds: list[tuple[int, int, float]] = []
        limit = per_subject(self.limit, len(state.verdict))
        reset = per_subject(self.reset, len(state.verdict))
        reset = np.where(np.isnan(reset), limit, reset)
        arrived, time = batch.arrived.tolist(), batch.time.tolist()
        value, quality = batch.value.tolist(), batch.quality.tolist()
        for who, rows in batch.runs():
            track = _Track(state, who, self.period, float(limit[who]), float(reset[who]))
            for row in rows.tolist():
                if track.due < arrived[row]:
                    findings += track.lapse()
                if not quality[row] & FAULTS and time[row] > track.time:
                    findings += track.read(batch, row, arrived[row], time[row], value[row], speeds)
            track.store()
        findings += lapse(state, batch.until, lambda _: Why("slope.velocity.learning"))
        speeds.sort()
        if not speeds:
            return Outcome(whole(findings), due=earliest(state))
        places = np.array([s[0] for s in speeds], np.intp)
        subjects = np.array([s[1] for s in speeds], np.intp)
        column = Column.of("velocity", "{unit}/d", subjects, batch, places, np.array([s[2] for s in speeds]))
        return Outcome(whole(findings), [column], earliest(state))


class _Track:
    """One subject's state in local variables, for the length of a run."""

    def __init__(self, state: State, who: int, step: int, limit: float, reset: float) -> None:
        self.state, self.who, self.step = state, who, step
        self.limit, self.reset = limit, reset
        self.verdict, self.due, self.time = int(state.verdict[who]), int(state.due[who]), int(state.time[who])
        self.origin, self.noise = float(state.origin[who]), float(state.noise[who])
        self.closed, self.reach = state.closed[who].tolist(), int(state.reach[who])
        newest = self.time // step % STEPS
        self.open = state.sums[who, newest].tolist() if self.time != NO_TIME else [0.0] * SUMS

    def store(self) -> None:
        state, who = self.state, self.who
        state.verdict[who], state.due[who], state.time[who] = self.verdict, self.due, self.time
        state.origin[who], state.closed[who], state.reach[who] = self.origin, self.closed, self.reach
        if self.time != NO_TIME:
            state.sums[who, self.time // self.step % STEPS] = self.open

    def lapse(self) -> list[Finding]:
        """The deadline passed before the next row."""
        due, self.due = self.due, NEVER
        if self.verdict != Verdict.CLEAR:
            return []
        self.verdict = int(Verdict.UNKNOWN)
        return [at_deadline(due, self.who, Verdict.UNKNOWN, Why("slope.velocity.learning"))]

    def read(
        self, batch: Batch, row: int, arrived: int, time: int, value: float, speeds: list[tuple[int, int, float]]
    ) -> list[Finding]:
        """Fold one good row."""
        self._add(time, value)
        self.due = arrived + self.step * (STEPS // 2)
        verdict, key, velocity, floor = self._judge()
        if math.isfinite(velocity):
            speeds.append((row, self.who, velocity))
        if verdict == self.verdict:
            return []
        self.verdict = int(verdict)
        known = math.isfinite(velocity)
        number, why = int(batch.row[row]), Why(f"slope.velocity.{key}", {"floor": floor} if known else {})
        return [Finding(arrived, number, self.who, verdict, time, velocity if known else None, self.limit, why)]

    def _add(self, time: int, value: float) -> None:
        if self.time == NO_TIME:
            self.origin = value
            self.time = time
        elif time // self.step != self.time // self.step:
            self._turn(time)
        t, x = (time % self.step) * 1e-9, value - self.origin
        self.time = time
        n, s_t, s_x, s_tt, s_tx, s_xx = self.open
        self.open = [n + 1.0, s_t + t, s_x + x, s_tt + t * t, s_tx + t * x, s_xx + x * x]

    def _turn(self, time: int) -> None:
        """Close the newest step and open that of `time`; sum the window again, its filled steps only."""
        sums, step, was = self.state.sums[self.who], time // self.step, self.time // self.step
        sums[was % STEPS] = self.open
        if step == was + 1:
            sums[step % STEPS] = 0.0
        else:
            sums[np.arange(max(was + 1, step - STEPS + 1), step + 1) % STEPS] = 0.0
        self.open = [0.0] * SUMS
        filled = sums[:, 0].nonzero()[0]
        age = (filled - (step + 1)) % STEPS
        self.reach = STEPS - 1 - int(age.min()) if len(age) else 0
        columns = _shifted(sums[filled], age * (self.step * 1e-9))
        self.closed = [math.fsum(column) for column in columns.tolist()]

    def _judge(self) -> tuple[Verdict, str, float, float]:
        """(verdict, reason, velocity a day, floor a day)."""
        fit = self._fit()
        if fit is None:
            return self._blurred(), "learning", math.nan, math.nan
        velocity, floor = fit
        speed = abs(velocity)
        if speed >= self.limit and speed >= floor:
            return Verdict.ACTIVE, "above", velocity, floor
        if not floor <= self.limit:
            return self._blurred(), "below_floor", velocity, floor
        if speed < self.reset or self.verdict == Verdict.UNKNOWN:
            return Verdict.CLEAR, "below", velocity, floor
        return Verdict(self.verdict), "between", velocity, floor

    def _blurred(self) -> Verdict:
        return Verdict.ACTIVE if self.verdict == Verdict.ACTIVE else Verdict.UNKNOWN

    def _fit(self) -> tuple[float, float] | None:
        """(slope, three standard errors) a day; None while the window is less than half full."""
        needed = 3 if self.noise > 0 else 5
        if self.reach < STEPS // 2 or self.closed[0] + self.open[0] < needed:
            return None
        shift = (STEPS - 1) * self.step * 1e-9
        m, u, x, uu, ux, xx = self.open
        n = self.closed[0] + m
        t = self.closed[1] + (u + m * shift)
        x_all = self.closed[2] + x
        tt = self.closed[3] + (uu + 2.0 * shift * u + m * shift * shift)
        tx = self.closed[4] + (ux + shift * x)
        s_tt, s_tx = tt - t * t / n, tx - t * x_all / n
        s_xx = self.closed[5] + xx - x_all * x_all / n
        slope = s_tx / s_tt
        noise = self.noise
        if not noise > 0:
            noise = math.sqrt(max(0.0, s_xx - slope * s_tx) / (n - 2))
        return slope * DAY, FLOOR * noise / math.sqrt(s_tt) * DAY


def _shifted(sums: Floats, shift: Floats) -> Floats:
    """(6, K) of (K, 6) sums, with t measured from `shift` s earlier."""
    out: Floats = sums.T.copy()
    n, t, x = out[0], out[1], out[2]
    out[4] += shift * x
    out[3] += 2.0 * shift * t
    out[3] += n * shift * shift
    out[1] += n * shift
    return out
