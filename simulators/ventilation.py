"""Fans and other things with states: the reading is the state's number in the sensor's list."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from detectors.sensor import Sensor
from simulators.event import Event, Levels, Seconds, needs
from simulators.instrument import Habit

RUNNING = Habit(level=(1.0, 1.0))


@dataclass(frozen=True, slots=True)
class Switch(Event):
    """The state is number `to` from `start` to `end` (s)."""

    start: Seconds
    to: int
    end: Seconds = inf

    def __post_init__(self) -> None:
        needs(self.end > self.start, self, "end > start")

    def seen_by(self, sensor: Sensor) -> Event:
        """The same. Raises ValueError where the sensor has no such state."""
        if not 0 <= self.to < len(sensor.states):
            states = ", ".join(f"{k} {name}" for k, name in enumerate(sensor.states)) or "a sensor with states"
            raise ValueError(f"found state {self.to}, allowed: {states}")
        return self

    def over(self, base: Levels, second: Levels) -> Levels:
        """The states where this one lies over `base`."""
        return np.where((second >= self.start) & (second < self.end), float(self.to), base)
