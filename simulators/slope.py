"""Slope displacement in mm: steady creep with a thermal rhythm, and a wall that accelerates by Fukuzono's law.

The law with exponent 2: 1/v = A (tf - t), so x(t) = -(1/A) ln((tf - t)/(tf - t0)) (reference: slope §2.6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.instrument import Habit

DAY = 86400.0
CREEP = (0.2, 0.6)
"""mm/d: the range the creep of each point is drawn from."""
HABITS = {"displacement": Habit(level=(0.0, 0.0), daily=0.15, peak_hour=16, noise=0.8)}


@dataclass(frozen=True, slots=True)
class Creep:
    """A steady movement in mm/d, counted from `zero` (s)."""

    rate: float
    zero: float

    def over(self, base: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        """The displacements where this creep is added to `base`."""
        return base + self.rate * (second - self.zero) / DAY


@dataclass(frozen=True, slots=True)
class Acceleration:
    """A wall that would fail at `failure` (s) but calms down from `calms` on. `scale` is 1/A in mm."""

    start: float
    failure: float
    scale: float
    calms: float
    settle: float = 60.0
    """s in which the velocity falls to 1/e once the wall calms down."""

    def __post_init__(self) -> None:
        if not self.start < self.calms < self.failure or min(self.scale, self.settle) <= 0:
            raise ValueError(f"an acceleration needs start < calms < failure and scale, settle > 0, found {self}")

    def velocity(self, second: float) -> float:
        """mm/s by the law, before the wall calms down."""
        return self.scale / (self.failure - second)

    def over(self, base: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        """The displacements where this movement is added to `base`."""
        law = np.clip(second, self.start, self.calms)
        moved = -self.scale * np.log((self.failure - law) / (self.failure - self.start))
        after = np.maximum(second - self.calms, 0)
        return base + moved + self.velocity(self.calms) * self.settle * -np.expm1(-after / self.settle)
