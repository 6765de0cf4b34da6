"""Barometric pressure in hPa, and the gas that a falling one draws out of old workings.

Gas follows the rate of the pressure, not the pressure: the calm level times 1 + breathing x (fall in hPa/h). Where the
pressure rises, old workings inhale and the level is lower. No published factor is general; a site measures its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from detectors.sensor import Sensor
from detectors.units import convert
from simulators.event import Event, Levels, Seconds, needs
from simulators.gas import GASES
from simulators.instrument import Habit

HABITS = {"pressure": Habit(level=(1005.0, 1015.0), daily=0.8, peak_hour=10, noise=0.1, correlation=600, t90=2)}
HOUR = 3600.0
WAVES = 7
BREATHES = ("pressure", *(gas for gas in GASES if gas != "o2"))
LEAST = 0.3
"""Share of the calm level that is left however fast the pressure rises."""


class _Pressed(Event):
    """A pressure that changes by `change`, at `rate`."""

    __slots__ = ()
    fits: ClassVar[tuple[str, ...]] = BREATHES

    def change(self, second: Levels) -> Levels:
        """hPa at `second`."""
        raise NotImplementedError

    def rate(self, second: Levels) -> Levels:
        """hPa/h at `second`."""
        raise NotImplementedError

    def seen_by(self, sensor: Sensor) -> Event:
        """Pressure itself in the sensor's unit, or the gas. Raises UnitError."""
        return _Barometer(self, convert(1.0, "hPa", sensor.unit)) if sensor.quantity == "pressure" else self

    def over(self, base: Levels, second: Levels) -> Levels:
        """The levels of gas."""
        return base * np.maximum(1 - self.breathing * self.rate(second), LEAST)

    breathing: float


@dataclass(frozen=True, slots=True)
class PressureFall(_Pressed):
    """A pressure that falls by `fall` hPa within `lasts` s (fastest in the middle) and then stays low."""

    start: Seconds
    fall: float
    lasts: Seconds
    breathing: float = 0.3

    def __post_init__(self) -> None:
        needs(min(self.fall, self.lasts) > 0 and self.breathing >= 0, self, "fall > 0 hPa, lasts > 0 s, breathing >= 0")

    @property
    def end(self) -> float:
        """s at which it no longer falls."""
        return self.start + self.lasts

    def change(self, second: Levels) -> Levels:
        """hPa at `second`."""
        return -self.fall * (1 - np.cos(np.pi * self._share(second))) / 2

    def rate(self, second: Levels) -> Levels:
        """hPa/h at `second`."""
        return -self.fall * np.pi / 2 * np.sin(np.pi * self._share(second)) / (self.lasts / HOUR)

    def _share(self, second: Levels) -> Levels:
        return np.clip((second - self.start) / self.lasts, 0, 1)


@dataclass(frozen=True, slots=True)
class Weather(_Pressed):
    """Pressure that wanders by about `swing` hPa (standard deviation) in waves of 1.5 to 8 days, for a month or longer.

    All sensors that name the same `seed` share it, so a site's gas breathes together.
    """

    start: Seconds = 0.0
    swing: float = 6.0
    breathing: float = 0.3
    seed: int = 1
    end: Seconds = inf

    def __post_init__(self) -> None:
        needs(self.swing > 0 and self.breathing >= 0, self, "swing > 0 hPa and breathing >= 0")

    def change(self, second: Levels) -> Levels:
        """hPa at `second`."""
        size, pace, phase = self._waves()
        return np.asarray(np.sum(size * np.sin(second[:, None] * pace + phase), axis=1), np.float64)

    def rate(self, second: Levels) -> Levels:
        """hPa/h at `second`."""
        size, pace, phase = self._waves()
        return np.asarray(HOUR * np.sum(size * pace * np.cos(second[:, None] * pace + phase), axis=1), np.float64)

    def _waves(self) -> tuple[Levels, Levels, Levels]:
        random = np.random.Generator(np.random.PCG64([self.seed, 1013]))
        days = np.geomspace(1.5, 8, WAVES) * random.uniform(0.9, 1.1, WAVES)
        size = days / np.sqrt(np.sum(days**2)) * self.swing * np.sqrt(2)
        return size, 2 * np.pi / (days * 24 * HOUR), random.uniform(0, 2 * np.pi, WAVES)


@dataclass(frozen=True, slots=True)
class _Barometer(Event):
    event: _Pressed
    factor: float

    def over(self, base: Levels, second: Levels) -> Levels:
        return base + self.event.change(second) * self.factor
