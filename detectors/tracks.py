"""The newest window of one sensor's displacement, and the velocity in it, by one of four estimators.

Constraints. Device time decides. The window moves in steps of 1/192 of itself: a reading leaves with its step. Readings
come in order, good ones only. Not a verdict: slope.velocity compares with its limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.reading import Floats, Times
from detectors.state import SETTING
from detectors.velocities import Kalman, begun, kalman, savitzky_golay, theil_sen

STEPS = 192
SUMS = 6
DAY = 86_400.0
EARLY = 6.0
"""Standard errors of a velocity that a Kalman filter tells before it has followed for half a window."""
NO_TIME = np.iinfo(np.int64).min


@dataclass(slots=True)
class Window:
    """(N,) unless said."""

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


def empty(count: int, noise: Floats) -> dict[str, Any]:
    """The arrays of `count` windows without readings, by name."""
    return {
        "time": np.full(count, NO_TIME),
        "origin": np.zeros(count),
        "sums": np.zeros((count, STEPS, SUMS)),
        "closed": np.zeros((count, SUMS)),
        "reach": np.zeros(count, np.int64),
        "track": np.zeros((count, 8)),
        "noise": noise,
    }


class Track:
    """One subject's window in local variables, for the length of a run; its velocity by least squares."""

    def __init__(self, state: Window, who: int, step: int) -> None:
        self.state, self.who, self.step = state, who, step
        self.time, self.reach = int(state.time[who]), int(state.reach[who])
        self.origin, self.noise = float(state.origin[who]), float(state.noise[who])
        self.closed = state.closed[who].tolist()
        newest = self.time // step % STEPS
        self.open = state.sums[who, newest].tolist() if self.time != NO_TIME else [0.0] * SUMS

    def store(self) -> None:
        """Put everything back into the state."""
        state, who = self.state, self.who
        state.time[who], state.origin[who] = self.time, self.origin
        state.closed[who], state.reach[who] = self.closed, self.reach
        if self.time != NO_TIME:
            state.sums[who, self.time // self.step % STEPS] = self.open

    def add(self, time: int, value: float) -> bool:
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

    def fit(self) -> tuple[float, float] | None:
        """(velocity, its standard error) a day; None while the window is less than half full."""
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
        return slope * DAY, noise / math.sqrt(s_tt) * DAY


class _Stepwise(Track):
    """Judges at the first reading of each step, from the means of the steps before it and this reading."""

    estimate = staticmethod(theil_sen)
    points = 3

    def add(self, time: int, value: float) -> bool:
        turned = self.time != NO_TIME and time // self.step != self.time // self.step
        return super().add(time, value) and turned

    def fit(self) -> tuple[float, float] | None:
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
        return velocity, error


class _Parabola(_Stepwise):
    estimate = staticmethod(savitzky_golay)
    points = 4


class _Kalman(Track):
    """Judges at each reading, from the filter alone."""

    def __init__(self, state: Window, who: int, step: int) -> None:
        super().__init__(state, who, step)
        x, v, p_xx, p_xv, p_vv, missed, self.count, self.days = state.track[who].tolist()
        self.filter = Kalman(x, v, p_xx, p_xv, p_vv, int(missed))
        self.memory = step * STEPS * 1e-9 / DAY / 4.0

    def store(self) -> None:
        super().store()
        f = self.filter
        numbers = (f.place, f.velocity, f.var_place, f.both, f.var_velocity, f.missed, self.count, self.days)
        self.state.track[self.who] = numbers

    def add(self, time: int, value: float) -> bool:
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

    def fit(self) -> tuple[float, float] | None:
        """As the filter says; before half a window only what is surely movement, by readings that agree."""
        velocity, error = self.filter.velocity, math.sqrt(self.filter.var_velocity)
        if self.count < 3 or (self.days < 2.0 * self.memory and (self.filter.missed or abs(velocity) < EARLY * error)):
            return None
        return velocity, error


TRACKS: Mapping[str, type[Track]] = {
    "least_squares": Track,
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
