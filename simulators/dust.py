"""Dust: health range (mg/m3) and explosion range (g/m3), and clouds: a fast rise and an exponential settling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.instrument import Habit

HABITS = {
    "dust": Habit(level=(0.5, 1.1), daily=0.25, peak_hour=13, noise=0.08, correlation=30, t90=5, floor=0.0),
    "explosive_dust": Habit(level=(0.4, 1.2), daily=0.2, peak_hour=13, noise=0.12, correlation=15, t90=2, floor=0.0),
}


@dataclass(frozen=True, slots=True)
class Cloud:
    """A cloud: `to` is the peak in the sensor's unit, `settle` the s in which 1 - 1/e of it falls out. Times in s."""

    start: float
    to: float
    rise: float = 2.0
    hold: float = 6.0
    settle: float = 8.0

    def __post_init__(self) -> None:
        if min(self.rise, self.settle) <= 0 or self.hold < 0:
            raise ValueError(f"a cloud needs rise > 0, settle > 0 and hold >= 0 seconds, found {self}")

    @property
    def end(self) -> float:
        """s at which less than 2 % of the cloud is left."""
        return self.start + self.rise + self.hold + 4 * self.settle

    def over(self, base: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        """The levels where this cloud lies over `base`."""
        up = np.clip((second - self.start) / self.rise, 0, 1)
        settling = np.exp(-np.maximum(second - self.start - self.rise - self.hold, 0) / self.settle)
        return base + (self.to - base) * up * settling
