"""Rain: mm in a reading's interval, as tipping gauges count it; storms and showers."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from detectors.sensor import Sensor
from simulators.event import Event, Levels, Seconds, needs
from simulators.instrument import SECOND, Habit

DRY = Habit(level=(0.0, 0.0), floor=0.0)
SHOWERS_A_DAY = 3
HOUR = 3600.0


class PastShowers(Event):
    """Showers drawn for the time from -`past` s to -1 h; each has a start, a length and a peak."""

    __slots__ = ("_half", "_middle", "_peak")

    def __init__(self, random: np.random.Generator, past: float) -> None:
        count = max(1, round(SHOWERS_A_DAY * past / 86400))
        self._middle = -random.uniform(7200, max(past, 7201), count)
        self._half = random.uniform(1200, 4800, count)
        self._peak = random.uniform(0.6, 3.0, count)

    def over(self, base: Levels, second: Levels) -> Levels:
        """The rain where the showers fall on `base`."""
        away = np.abs(second[:, None] - self._middle) / self._half
        rain = np.sum(self._peak * np.clip(1 - away * away, 0, None), axis=1)
        return base + np.asarray(rain, np.float64)


class _Falling(Event):
    """Rain known as the mm that have fallen."""

    __slots__ = ()
    fits: ClassVar[tuple[str, ...]] = ("rain",)

    def fallen(self, second: Levels) -> Levels:
        """mm from the beginning until `second`."""
        raise NotImplementedError

    def seen_by(self, sensor: Sensor) -> Event:
        """As a gauge that tips each `quantum` mm and reads each `every` sees it."""
        return _Gauge(self, (sensor.every or SECOND) / SECOND, sensor.quantum)

    def over(self, base: Levels, second: Levels) -> Levels:
        """mm/h; a gauge counts what fell since its last reading."""
        return base + (self.fallen(second + 0.5) - self.fallen(second - 0.5)) * HOUR


@dataclass(frozen=True, slots=True)
class Storm(_Falling):
    """`total` mm within `lasts` s, hardest at `peak` (0 to 1) of it: the intensity is a triangle."""

    start: Seconds
    total: float
    lasts: Seconds
    peak: float = 0.3

    def __post_init__(self) -> None:
        needs(min(self.total, self.lasts) > 0 and 0 < self.peak < 1, self, "total > 0 mm, lasts > 0 s, 0 < peak < 1")

    @property
    def end(self) -> float:
        """s at which it stops."""
        return self.start + self.lasts

    def fallen(self, second: Levels) -> Levels:
        """mm until `second`."""
        u = np.clip((second - self.start) / self.lasts, 0, 1)
        rising, falling = u * u / self.peak, 1 - (1 - u) ** 2 / (1 - self.peak)
        return np.asarray(self.total * np.where(u < self.peak, rising, falling), np.float64)


@dataclass(frozen=True, slots=True)
class Showers(_Falling):
    """Showers at random, `a_day` of them on average, each of `most` mm at most within an hour or two.

    Gauges that name the same `seed` get the same rain.
    """

    start: Seconds
    end: Seconds
    a_day: float = 2.0
    most: float = 8.0
    seed: int = 1

    def __post_init__(self) -> None:
        needs(self.start < self.end < inf, self, "end > start")
        needs(min(self.a_day, self.most) > 0, self, "a_day and most above 0")

    def fallen(self, second: Levels) -> Levels:
        """mm until `second`."""
        random = np.random.Generator(np.random.PCG64([self.seed, 273]))
        count = int(random.poisson(self.a_day * (self.end - self.start) / 86400))
        begin = np.sort(random.uniform(self.start, self.end, count))
        lasts, total = random.uniform(600, 7200, count), random.exponential(self.most / 4, count).clip(0.2, self.most)
        u = np.clip((second[:, None] - begin) / lasts, 0, 1)
        return np.asarray(np.sum(total * u * u * (3 - 2 * u), axis=1), np.float64)


@dataclass(frozen=True, slots=True)
class _Gauge(Event):
    event: _Falling
    every: float
    quantum: float

    def over(self, base: Levels, second: Levels) -> Levels:
        return base + self._tipped(second) - self._tipped(second - self.every)

    def _tipped(self, second: Levels) -> Levels:
        fallen = self.event.fallen(second)
        return np.floor(fallen / self.quantum + 1e-9) * self.quantum if self.quantum > 0 else fallen
