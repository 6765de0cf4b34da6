"""Gas: calm air and plumes. Levels are true concentrations in the sensor's unit; the instrument does the rest."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from simulators.event import Event, Levels, Seconds, eased, needs
from simulators.instrument import Habit

HABITS = {
    "methane": Habit(level=(0.12, 0.38), daily=0.05, peak_hour=15.5, noise=0.02, correlation=12, t90=4, floor=0.0),
    "co": Habit(level=(2, 6), daily=1.5, peak_hour=11, noise=0.6, correlation=40, t90=8, floor=0.0),
    "o2": Habit(level=(20.75, 20.9), daily=0.02, peak_hour=4, noise=0.03, correlation=30, t90=6, floor=0.0),
    "co2": Habit(level=(0.06, 0.14), daily=0.02, peak_hour=11, noise=0.004, correlation=40, t90=20, floor=0.0),
    "h2s": Habit(level=(0.0, 0.4), daily=0.1, peak_hour=14, noise=0.15, correlation=40, t90=20, floor=0.0),
    "no2": Habit(level=(0.05, 0.2), daily=0.05, peak_hour=11, noise=0.03, correlation=40, t90=20, floor=0.0),
}
GASES = tuple(HABITS)


@dataclass(frozen=True, slots=True)
class Plume(Event):
    """A concentration that goes from the base to `to`, holds, and comes back. Times in s; `hold` may be endless."""

    fits: ClassVar[tuple[str, ...]] = GASES

    start: Seconds
    to: float
    rise: Seconds = 4.0
    hold: Seconds = inf
    fall: Seconds = 8.0

    def __post_init__(self) -> None:
        needs(min(self.rise, self.fall) > 0 and self.hold >= 0, self, "rise > 0, fall > 0 and hold >= 0 seconds")

    @property
    def end(self) -> float:
        """s at which the base is reached again."""
        return self.start + self.rise + self.hold + self.fall

    def over(self, base: Levels, second: Levels) -> Levels:
        """The levels where this plume lies over `base`."""
        up = np.clip((second - self.start) / self.rise, 0, 1)
        down = np.clip((self.end - second) / self.fall, 0, 1) if self.hold < inf else 1.0
        return base + (self.to - base) * eased(np.minimum(up, down))
