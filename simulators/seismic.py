"""What the ground does: blasts and tremors as samples of velocity in mm/s at a sensor.

Arrivals follow from distance and the speeds of P and S; amplitude falls with distance to the power `fall_off` and, with
a finite quality Q, by exp(-pi f R / (Q v_S)). A blast is a row of delayed holes; a tremor has a small P, a larger S and
a coda that fades. Not here: the ground's noise and the channel (geophone.py); reflections, layers, mechanisms.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isqrt, pi

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from detectors.sensor import Sensor
from simulators.event import needs
from simulators.instrument import stream

NEAR = 100.0
"""m: the distance at which an event's `peak` is given."""
CLOSEST = 10.0
FADED = 14.0
"""A wave is not drawn any more when exp(-this) of it is left."""
HIGHEST = 0.4
"""Of the sampling rate: the fastest a tremor's waves are drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Samples of one sensor: `time` in ns UTC of the first, `rate` in Hz, `sent` in ns when it leaves the device."""

    sensor: str
    time: int
    rate: float
    samples: NDArray[np.float64]
    sent: int = 0
    half: bool = False
    """Its payload breaks off."""


@dataclass(frozen=True, slots=True)
class Shake:
    """A blast or a tremor at a place, in s, m (east, north, up) and mm/s at 100 m."""

    kind: str
    start: float
    peak: float
    position: tuple[float, float, float]
    hertz: tuple[float, float] = (12.0, 40.0)
    """A blast's holes lie in this range; a tremor's S is the lower, its P the upper (at most twice the lower)."""
    holes: int = 12
    delay: float = 0.042
    """s from hole to hole."""
    p_speed: float = 3500.0
    s_speed: float = 2000.0
    """m/s"""
    fall_off: float = 1.4
    quality: float = inf
    coda: float = 0.7
    """s in which a tremor's coda fades to 1/e."""

    def __post_init__(self) -> None:
        needs(self.kind in ("blast", "tremor") and self.peak > 0, self, "kind 'blast' or 'tremor' with peak > 0 mm/s")
        needs(0 < self.s_speed < self.p_speed, self, "p_speed > s_speed > 0 m/s")
        needs(0 < self.hertz[0] <= self.hertz[1] and self.holes >= 1, self, "hertz = [low, high] and holes >= 1")

    def distance(self, sensor: Sensor) -> float:
        """m, never less than 10."""
        away = np.asarray(sensor.position or (0.0, 0.0, 0.0)) - np.asarray(self.position)
        return max(float(np.sqrt(np.sum(away * away))), CLOSEST)

    def onset(self, sensor: Sensor) -> float:
        """s at which P reaches the sensor."""
        return self.start + self.distance(sensor) / self.p_speed

    def lasts(self, sensor: Sensor) -> float:
        """s of samples that are drawn from the onset on."""
        if self.kind == "blast":
            return max(6.0, self.holes * self.delay + 2.0)
        return max(6.0, self._behind(self.distance(sensor)) + 8 * self.coda)

    def strength(self, distance: float) -> float:
        """Peak in mm/s at a distance in m."""
        lost = pi * self.hertz[0] * (max(distance, NEAR) - NEAR) / (self.quality * self.s_speed)
        return float(self.peak * (NEAR / max(distance, NEAR)) ** self.fall_off * np.exp(-lost))

    def felt(self, sensor: Sensor, seed: int) -> NDArray[np.float64]:
        """What the sensor feels from the onset on, in mm/s at its rate."""
        distance = self.distance(sensor)
        random = stream(seed, sensor.id, f"{self.kind}@{self.start}")
        second = np.arange(round(self.lasts(sensor) * sensor.rate)) / sensor.rate
        up = sensor.id.endswith("z")
        moved = self._blast(second, random) if self.kind == "blast" else self._tremor(second, sensor, random, up)
        strength = self.strength(distance)
        if not up:
            strength *= float(random.uniform(0.6, 0.9))
        return moved * (strength / float(np.max(np.abs(moved))))

    def _behind(self, distance: float) -> float:
        return distance / self.s_speed - distance / self.p_speed

    def _blast(self, second: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
        moved = np.zeros_like(second)
        for hole in range(self.holes):
            onset = max(hole * self.delay + float(random.normal(0, 0.002)), 0.0)
            size, hertz = float(random.uniform(0.6, 1)), float(random.uniform(*self.hertz))
            _burst(moved, second, size, onset, hertz, 0.15)
        return moved

    def _tremor(
        self, second: NDArray[np.float64], sensor: Sensor, random: np.random.Generator, up: bool
    ) -> NDArray[np.float64]:
        behind = self._behind(self.distance(sensor))
        slow = min(self.hertz[0], HIGHEST * sensor.rate)
        fast = min(2 * slow, self.hertz[1], HIGHEST * sensor.rate)
        coda = np.asarray(lfilter([0.08], [1.0, -0.9], random.standard_normal(len(second))))
        late = int(np.searchsorted(second, behind, side="right"))
        coda[:late] = 0.0
        coda[late:] *= np.exp((behind - second[late:]) / self.coda)
        _burst(coda, second, 0.5 if up else 0.2, 0.0, fast, 0.2)
        _burst(coda, second, 0.5 if up else 1.0, behind, slow, 0.5, float(random.uniform(-0.4, 0.4)))
        return coda


def _burst(
    moved: NDArray[np.float64],
    second: NDArray[np.float64],
    size: float,
    onset: float,
    hertz: float,
    decay: float,
    phase: float = 0.0,
) -> None:
    """Add size (1 - exp(-hertz t)) exp(-t / decay) sin(2 pi hertz t + phase), t from `onset` on, until it has faded."""
    first, last = (int(k) for k in np.searchsorted(second, [onset, onset + FADED * decay]))
    if first < last:
        after, step = float(second[first]) - onset, float(second[1] - second[0])
        pace = complex(-1 / decay, 2 * pi * hertz)
        wave = _spiral(pace, after, step, last - first) - _spiral(pace - hertz, after, step, last - first)
        moved[first:last] += (size * np.exp(1j * phase) * wave).imag


def _spiral(pace: complex, after: float, step: float, count: int) -> NDArray[np.complex128]:
    """exp(pace t) at `count` times t = after, after + step, ...; by products, five times as fast as by exponentials."""
    side = isqrt(count) + 1
    rows = np.exp(pace * (after + step * side * np.arange(side)))
    columns = np.exp(pace * step * np.arange(side))
    return np.asarray((rows[:, None] * columns).ravel()[:count], np.complex128)
