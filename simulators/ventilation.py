"""Fans and other things with states: the reading is the state's number in the sensor's list."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.instrument import Habit

RUNNING = Habit(level=(1.0, 1.0))


@dataclass(frozen=True, slots=True)
class Switch:
    """The state is `to` from `start` to `end` (s)."""

    start: float
    to: float
    end: float

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a switch needs end > start, found {self}")

    def over(self, base: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        """The states where this one lies over `base`."""
        return np.where((second >= self.start) & (second < self.end), self.to, base)
