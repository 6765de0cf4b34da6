"""Velocities by other ways than a least-squares line: Theil-Sen, causal Savitzky-Golay, a Kalman filter.

Constraints. Causal: the velocity is that at the newest point. Sums are exact or elementwise, no matrix products. Not a
detector, and no floor: each gives a standard error, and slope.velocity makes the floor of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detectors.reading import Floats

EFFICIENCY = math.sqrt(math.pi / 3.0)
"""Standard error of Theil-Sen over that of least squares, for normal noise."""
SPREAD = 1.4826
"""Standard deviation over median absolute deviation, for normal noise."""
GATE = 10.83
"""chi2(1) at 0.999: an innovation beyond is no reading of this track."""
GIVE_UP = 3
"""Readings in a row beyond the gate after which the filter begins anew at them."""


def theil_sen(t: Floats, x: Floats, count: Floats, noise: float) -> tuple[float, float]:
    """(median of the pairwise slopes, its standard error) of points that are means of `count` readings.

    `noise` is one reading's; where it is not above 0 the scatter about the line stands in.
    Source: Sen 1968, J. Am. Stat. Assoc. 63.
    """
    first, second = np.triu_indices(len(t), 1)
    slope = float(np.median((x[second] - x[first]) / (t[second] - t[first])))
    centred = t - math.fsum(t.tolist()) / len(t)
    s_tt = math.fsum((centred * centred).tolist())
    if noise > 0:
        spread = noise * math.sqrt(math.fsum((centred * centred / count).tolist())) / s_tt
    else:
        rest = x - slope * t
        spread = SPREAD * float(np.median(np.abs(rest - np.median(rest)))) / math.sqrt(s_tt)
    return slope, EFFICIENCY * spread


def savitzky_golay(t: Floats, x: Floats, count: Floats, noise: float) -> tuple[float, float]:
    """(derivative at the newest point of the parabola through the window, its standard error).

    For points a step apart it is scipy.signal.savgol_coeffs(w, 2, deriv=1, pos=w - 1); gaps are allowed here.
    Source: Savitzky and Golay 1964; Gorry 1990 for the end point.
    """
    total = math.fsum(count.tolist())
    u = t - math.fsum((count * t).tolist()) / total
    s_11 = math.fsum((count * u * u).tolist())
    a = math.fsum((count * u * u * u).tolist()) / s_11
    p = u * u - a * u
    p = p - math.fsum((count * p).tolist()) / total
    s_22 = math.fsum((count * p * p).tolist())
    c_1, c_2 = math.fsum((count * u * x).tolist()) / s_11, math.fsum((count * p * x).tolist()) / s_22
    end = 2.0 * float(u[-1]) - a
    if not noise > 0:
        rest = x - c_1 * u - c_2 * p
        rest = rest - math.fsum((count * rest).tolist()) / total
        noise = math.sqrt(math.fsum((count * rest * rest).tolist()) / (len(t) - 3))
    return c_1 + c_2 * end, noise * math.sqrt(1.0 / s_11 + end * end / s_22)


@dataclass(frozen=True, slots=True)
class Kalman:
    """A constant-velocity track: place, velocity and their covariances."""

    place: float
    velocity: float
    var_place: float
    both: float
    var_velocity: float
    missed: int = 0
    """Readings in a row beyond the gate."""


def kalman(track: Kalman, apart: float, value: float, noise: float, memory: float) -> Kalman:
    """The track after a reading `apart` later; one beyond the gate is left out, until a third in a row.

    F = [[1, dt], [0, 1]], Q = q [[dt^3/3, dt^2/2], [dt^2/2, dt]], R = noise^2, with q = R dt / memory^4, so that the
    filter forgets over `memory` however often the sensor reads. Source: Bar-Shalom et al. 2001, chapter 6.
    """
    r = noise * noise
    q = r * apart / memory**4
    place = track.place + apart * track.velocity
    var_place = track.var_place + apart * (2.0 * track.both + apart * track.var_velocity) + q * apart**3 / 3.0
    both = track.both + apart * track.var_velocity + q * apart * apart / 2.0
    var_velocity = track.var_velocity + q * apart
    wrong, spread = value - place, var_place + r
    if wrong * wrong > GATE * spread:
        if track.missed + 1 >= GIVE_UP:
            return begun(value, noise, memory)
        return Kalman(place, track.velocity, var_place, both, var_velocity, track.missed + 1)
    gain, turn = var_place / spread, both / spread
    return Kalman(
        place + gain * wrong,
        track.velocity + turn * wrong,
        (1.0 - gain) * var_place,
        (1.0 - gain) * both,
        var_velocity - turn * both,
    )


def begun(value: float, noise: float, memory: float) -> Kalman:
    """A track of one reading: its velocity is unknown, of the order of 1000 noises a memory at most."""
    return Kalman(value, 0.0, noise * noise, 0.0, (1e3 * noise / memory) ** 2)
