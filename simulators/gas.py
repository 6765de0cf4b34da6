"""Gas: calm air and plumes. Levels are true concentrations in the sensor's unit; the instrument does the rest."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from simulators.instrument import Habit

HABITS = {
    "methane": Habit(level=(0.12, 0.38), daily=0.05, peak_hour=15.5, noise=0.02, correlation=12, t90=4, floor=0.0),
    "co": Habit(level=(2, 6), daily=1.5, peak_hour=11, noise=0.6, correlation=40, t90=8, floor=0.0),
    "o2": Habit(level=(20.75, 20.9), daily=0.02, peak_hour=4, noise=0.03, correlation=30, t90=6, floor=0.0),
}


@dataclass(frozen=True, slots=True)
class Plume:
    """A concentration that goes from the base to `to`, holds, and comes back. Times in s; `hold` may be endless."""

    start: float
    to: float
    rise: float = 4.0
    hold: float = inf
    fall: float = 8.0

    def __post_init__(self) -> None:
        if min(self.rise, self.fall) <= 0 or self.hold < 0:
            raise ValueError(f"a plume needs rise > 0, fall > 0 and hold >= 0 seconds, found {self}")

    @property
    def end(self) -> float:
        """s at which the base is reached again."""
        return self.start + self.rise + self.hold + self.fall

    def over(self, base: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        """The levels where this plume lies over `base`."""
        up = np.clip((second - self.start) / self.rise, 0, 1)
        down = np.clip((self.end - second) / self.fall, 0, 1) if self.hold < inf else 1.0
        return base + (self.to - base) * _smooth(np.minimum(up, down))


def _smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x * x * (3 - 2 * x)
