"""Velocity of a displacement over a trailing window, by one of four estimators, gated by its own noise floor.

Constraints. Device time decides. The window moves in steps of 1/192 of itself: a reading leaves with its step, so
readings at least that far apart are fitted exactly one by one. Only good readings are fitted. Theil-Sen and
Savitzky-Golay judge once a step, from the means of the steps.
Cannot find: movement below three standard errors of the slope (said so), what is shorter than half the window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

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
from detectors.velocities import Kalman, begun, kalman, savitzky_golay, theil_sen

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
    track: Floats
    """(N, 8) of the Kalman filter: its six numbers, readings since it began, d since then."""
    noise: Floats = field(metadata=SETTING)


@dataclass(frozen=True)
class Velocity:
    """ACTIVE when the velocity, in either direction, is at or above `limit` and above its noise floor.

    The floor is three standard errors of the velocity, from the declared noise or else from the scatter about the line.
    CLEAR below `reset`; unknown while the floor is above the limit or the readings span less than half the window.
    `estimator`: "least_squares"; "theil_sen" bears outliers; "savitzky_golay", the end of a parabola, lags less and has
    four times the floor; "kalman" needs a declared noise, leaves out outliers and forgets over a quarter of the window.
    Source: least squares; Sen 1968; Savitzky and Golay 1964; Bar-Shalom et al. 2001. Limits are a site's own TARP (no
    universal table: shared reference slope 2.1).

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
    estimator: Literal["least_squares", "theil_sen", "savitzky_golay", "kalman"] = "least_squares"

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give a velocity above 0, like '10 mm/d'")
        if not 1 <= self.window <= 366 * DAY:
            raise ValueError(f"window is {self.window} s; give a duration up to a year, like '24h'")
        if (np.asarray(self.reset) > self.limit).any():
            raise ValueError(f"reset is {self.reset}, limit is {self.limit}; give a reset at or below the limit")
        if self.estimator not in _TRACKS:
            raise ValueError(f"estimator is {self.estimator!r}; give {', '.join(map(repr, _TRACKS))}")

    @property
    def period(self) -> int:
        """ns; a shift of time by a multiple changes nothing but times."""
        return round(self.window * 1e9) // STEPS

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, no readings. Raises ValueError for a Kalman filter of a sensor without noise."""
        count = len(subjects)
        for sensor, noise in zip(subjects.input_id, subjects.noise.tolist(), strict=True):
            if self.estimator == "kalman" and not noise > 0:
                raise ValueError(f"{sensor} declares no noise; give one reading's standard deviation (noise = 0.8)")
        return State(
            verdict=np.zeros(count, np.int8),
            due=np.full(count, NEVER),
            time=np.full(count, NO_TIME),
            origin=np.zeros(count),
            sums=np.zeros((count, STEPS, SUMS)),
            closed=np.zeros((count, SUMS)),
            reach=np.zeros(count, np.int64),
            track=np.zeros((count, 8)),
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
        make, step = _TRACKS[self.estimator], self.period
        for who, rows in batch.runs():
            track = make(state, who, step, float(limit[who]), float(reset[who]))
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
        judged = self._add(time, value)
        self.due = arrived + self.step * (STEPS // 2)
        if not judged:
            return []
        verdict, key, velocity, floor = self._judge()
        if math.isfinite(velocity):
            speeds.append((row, self.who, velocity))
        if verdict == self.verdict:
            return []
        self.verdict = int(verdict)
        known = math.isfinite(velocity)
        number, why = int(batch.row[row]), Why(f"slope.velocity.{key}", {"floor": floor} if known else {})
        return [Finding(arrived, number, self.who, verdict, time, velocity if known else None, self.limit, why)]

    def _add(self, time: int, value: float) -> bool:
        """Put a reading into its step; True if the velocity is to be judged."""
        if self.time == NO_TIME:
            self.origin = value
            self.time = time
        elif time // self.step != self.time // self.step:
            self._turn(time)
        t, x = (time % self.step) * 1e-9, value - self.origin
        self.time = time
        n, s_t, s_x, s_tt, s_tx, s_xx = self.open
        self.open = [n + 1.0, s_t + t, s_x + x, s_tt + t * t, s_tx + t * x, s_xx + x * x]
        return True

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


class _Stepwise(_Track):
    """Judges at the first reading of each step, from the means of the steps before it and this reading."""

    estimate = staticmethod(theil_sen)
    points = 3

    def _add(self, time: int, value: float) -> bool:
        turned = self.time != NO_TIME and time // self.step != self.time // self.step
        return super()._add(time, value) and turned

    def _fit(self) -> tuple[float, float] | None:
        sums, newest = self.state.sums[self.who], self.time // self.step
        filled = sums[:, 0].nonzero()[0]
        if self.reach < STEPS // 2 or len(filled) + 1 < (self.points if self.noise > 0 else self.points + 2):
            return None
        age = (filled - (newest + 1)) % STEPS
        order = age.argsort()
        n, t, x = sums[filled[order], :3].T
        days = self.step * 1e-9 / DAY
        t = np.append((t / n) / DAY - (STEPS - 1 - age[order]) * days, self.open[1] / DAY)
        velocity, error = self.estimate(t, np.append(x / n, self.open[2]), np.append(n, 1.0), self.noise)
        return velocity, FLOOR * error


class _Parabola(_Stepwise):
    estimate = staticmethod(savitzky_golay)
    points = 4


class _Kalman(_Track):
    """Judges at each reading, from the filter alone."""

    def __init__(self, state: State, who: int, step: int, limit: float, reset: float) -> None:
        super().__init__(state, who, step, limit, reset)
        x, v, p_xx, p_xv, p_vv, missed, self.count, self.days = state.track[who].tolist()
        self.filter = Kalman(x, v, p_xx, p_xv, p_vv, int(missed))
        self.memory = step * STEPS * 1e-9 / DAY / 4.0

    def store(self) -> None:
        super().store()
        f = self.filter
        numbers = (f.place, f.velocity, f.var_place, f.both, f.var_velocity, f.missed, self.count, self.days)
        self.state.track[self.who] = numbers

    def _add(self, time: int, value: float) -> bool:
        apart = (time - self.time) * 1e-9 / DAY if self.time != NO_TIME else 0.0
        if self.time == NO_TIME:
            self.origin = value
        missed = self.filter.missed
        self.time, x = time, value - self.origin
        self.filter = (
            kalman(self.filter, apart, x, self.noise, self.memory) if self.count else begun(x, self.noise, self.memory)
        )
        self.count, self.days = self.count + 1.0, self.days + apart
        if missed and self.filter.missed == 0 and self.filter.both == 0.0:
            self.count, self.days = 1.0, 0.0
        return True

    def _fit(self) -> tuple[float, float] | None:
        if self.count < 3 or self.days < 2.0 * self.memory:
            return None
        return self.filter.velocity, FLOOR * math.sqrt(self.filter.var_velocity)


_TRACKS: Mapping[str, type[_Track]] = {
    "least_squares": _Track,
    "theil_sen": _Stepwise,
    "savitzky_golay": _Parabola,
    "kalman": _Kalman,
}


def _shifted(sums: Floats, shift: Floats) -> Floats:
    """(6, K) of (K, 6) sums, with t measured from `shift` s earlier."""
    out: Floats = sums.T.copy()
    n, t, x = out[0], out[1], out[2]
    out[4] += shift * x
    out[3] += 2.0 * shift * t
    out[3] += n * shift * shift
    out[1] += n * shift
    return out
