"""Coal that heats itself, a belt that burns: CO that doubles, and the oxygen it takes (Graham's ratio).

Graham's ratio is 100 x CO / (oxygen deficiency), both in %vol: about 0.4 normal, 1 heating, 2-3 serious, more in a fire
(Graham 1920, professional recall [R]).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from detectors.sensor import Sensor
from detectors.units import convert
from simulators.event import Event, Levels, Seconds, needs


@dataclass(frozen=True, slots=True)
class Heating(Event):
    """CO above the calm level is `first` ppm x (2^(t/doubling) - 1), at most `most`; put out at `calms`, it fades.

    `fades` is the s in which the air then carries 1 - 1/e of it away. Oxygen sensors see what is consumed.
    """

    fits: ClassVar[tuple[str, ...]] = ("co", "o2")

    start: Seconds
    doubling: Seconds
    first: float = 1.0
    most: float = 2_000.0
    calms: Seconds = inf
    fades: Seconds = 600.0
    graham: float = 1.0

    def __post_init__(self) -> None:
        needs(min(self.doubling, self.first, self.most, self.fades, self.graham) > 0, self, "all but start above 0")
        needs(self.calms > self.start, self, "calms > start")

    @property
    def end(self) -> float:
        """s at which less than 2 % of it is left."""
        return self.calms + 4 * self.fades

    def seen_by(self, sensor: Sensor) -> Event:
        """In the sensor's unit, or as oxygen. Raises UnitError."""
        if sensor.quantity == "o2":
            return _Consuming(self)
        return _Making(self, convert(1.0, "ppm", sensor.unit, molar_mass=sensor.molar_mass))

    def ppm(self, second: Levels) -> Levels:
        """CO that the heating adds."""
        doublings = np.clip((np.minimum(second, self.calms) - self.start) / self.doubling, 0, 60)
        grown = self.first * np.expm1(doublings * np.log(2))
        left = np.exp(-np.maximum(second - self.calms, 0) / self.fades) if self.calms < inf else 1.0
        return np.asarray(np.minimum(grown, self.most) * left, np.float64)

    def over(self, base: Levels, second: Levels) -> Levels:
        """The levels in ppm."""
        return base + self.ppm(second)


@dataclass(frozen=True, slots=True)
class _Making(Event):
    event: Heating
    factor: float

    def over(self, base: Levels, second: Levels) -> Levels:
        return base + self.event.ppm(second) * self.factor


@dataclass(frozen=True, slots=True)
class _Consuming(Event):
    event: Heating

    def over(self, base: Levels, second: Levels) -> Levels:
        return np.maximum(base - self.event.ppm(second) * 1e-4 * 100 / self.event.graham, 0.0)
