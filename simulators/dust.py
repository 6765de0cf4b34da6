"""Dust: health range (mg/m3) and explosion range (g/m3): clouds, sources in moving air, sprays, raised deposits."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from detectors.sensor import Sensor
from detectors.units import convert
from simulators.event import Event, Levels, Seconds, eased, needs
from simulators.instrument import Habit

HABITS = {
    "dust": Habit(level=(0.5, 1.1), daily=0.25, peak_hour=13, noise=0.08, correlation=30, t90=5, floor=0.0),
    "explosive_dust": Habit(level=(0.4, 1.2), daily=0.2, peak_hour=13, noise=0.12, correlation=15, t90=2, floor=0.0),
}
DUSTS = tuple(HABITS)


@dataclass(frozen=True, slots=True)
class Cloud(Event):
    """A cloud: `to` is the peak in the sensor's unit, `settle` the s in which 1 - 1/e of it falls out. Times in s."""

    fits: ClassVar[tuple[str, ...]] = DUSTS

    start: Seconds
    to: float
    rise: Seconds = 2.0
    hold: Seconds = 6.0
    settle: Seconds = 8.0

    def __post_init__(self) -> None:
        needs(min(self.rise, self.settle) > 0 and self.hold >= 0, self, "rise > 0, settle > 0 and hold >= 0 seconds")

    @property
    def end(self) -> float:
        """s at which less than 2 % of the cloud is left."""
        return self.start + self.rise + self.hold + 4 * self.settle

    def over(self, base: Levels, second: Levels) -> Levels:
        """The levels where this cloud lies over `base`."""
        up = np.clip((second - self.start) / self.rise, 0, 1)
        settling = np.exp(-np.maximum(second - self.start - self.rise - self.hold, 0) / self.settle)
        return base + (self.to - base) * up * settling


@dataclass(frozen=True, slots=True)
class Dusting(Event):
    """A source of `emission` mg/s in a place of `volume` m3 with `airflow` m3/s, where dust settles in `settle` s.

    First order: dC/dt = (emission - airflow C)/volume - C/settle, so it rises to emission/(airflow + volume/settle).
    """

    fits: ClassVar[tuple[str, ...]] = DUSTS

    start: Seconds
    emission: float
    end: Seconds = inf
    volume: float = 2_000.0
    airflow: float = 10.0
    settle: Seconds = 600.0

    def __post_init__(self) -> None:
        needs(self.end > self.start, self, "end > start")
        needs(min(self.emission, self.volume, self.airflow, self.settle) > 0, self, "all rates and sizes above 0")

    def seen_by(self, sensor: Sensor) -> Event:
        """In the sensor's unit. Raises UnitError."""
        return _InMass(self, convert(1.0, "mg/m3", sensor.unit))

    def over(self, base: Levels, second: Levels) -> Levels:
        """The levels in mg/m3."""
        return base + self.added(second)

    def added(self, second: Levels) -> Levels:
        """mg/m3 that the source adds."""
        loss = self.airflow / self.volume + 1 / self.settle
        on = np.clip(second, self.start, self.end) - self.start
        after = np.maximum(second - self.end, 0) if self.end < inf else 0.0
        return np.asarray(self.emission / self.volume / loss * -np.expm1(-loss * on) * np.exp(-loss * after))


@dataclass(frozen=True, slots=True)
class Sprays(Event):
    """Water takes `removes` (0 to 1) of all dust that lies under this event, within `rise` s, from `start` to `end`."""

    fits: ClassVar[tuple[str, ...]] = DUSTS

    start: Seconds
    removes: float
    end: Seconds = inf
    rise: Seconds = 20.0

    def __post_init__(self) -> None:
        needs(self.end > self.start and self.rise > 0, self, "end > start and rise > 0 s")
        needs(0 < self.removes <= 1, self, "removes above 0, at most 1")

    def over(self, base: Levels, second: Levels) -> Levels:
        """The levels that are left."""
        on = np.minimum((second - self.start) / self.rise, (self.end + self.rise - second) / self.rise)
        return base * (1 - self.removes * eased(on))


@dataclass(frozen=True, slots=True)
class RaisedDeposits(Event):
    """A first blast raises what lies about: the danger of a secondary explosion.

    A layer of `layer` mm with `density` kg/m3, of which `lofted` (0 to 1) goes up to `height` m, makes
    density x layer x lofted / height g/m3 (1 mm of 500 kg/m3 in 5 m: 100 g/m3, Eckhoff [R]).
    """

    fits: ClassVar[tuple[str, ...]] = DUSTS

    start: Seconds
    layer: float
    density: float = 500.0
    lofted: float = 1.0
    height: float = 5.0
    rise: Seconds = 1.0
    settle: Seconds = 30.0

    def __post_init__(self) -> None:
        needs(min(self.layer, self.density, self.height, self.rise, self.settle) > 0, self, "sizes and times above 0")
        needs(0 < self.lofted <= 1, self, "lofted above 0, at most 1")

    @property
    def end(self) -> float:
        """s at which less than 2 % is in the air."""
        return self.start + self.rise + 4 * self.settle

    @property
    def peak(self) -> float:
        """g/m3."""
        return self.density * self.layer * self.lofted / self.height

    def seen_by(self, sensor: Sensor) -> Event:
        """In the sensor's unit. Raises UnitError."""
        return _InMass(self, convert(1.0, "g/m3", sensor.unit))

    def over(self, base: Levels, second: Levels) -> Levels:
        """The levels in g/m3."""
        return base + self.added(second)

    def added(self, second: Levels) -> Levels:
        """g/m3 in the air."""
        up = np.clip((second - self.start) / self.rise, 0, 1)
        return np.asarray(self.peak * up * np.exp(-np.maximum(second - self.start - self.rise, 0) / self.settle))


@dataclass(frozen=True, slots=True)
class _InMass(Event):
    event: Dusting | RaisedDeposits
    factor: float

    def over(self, base: Levels, second: Levels) -> Levels:
        return base + self.event.added(second) * self.factor
