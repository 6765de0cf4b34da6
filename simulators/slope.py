"""Slope displacement in mm: how prisms and radar points behave on a calm day, and the wall of the demo.

The law with exponent 2: 1/v = A (tf - t), so x(t) = -(1/A) ln((tf - t)/(tf - t0)) (reference: slope §2.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from simulators.event import Event, Levels, Seconds, needs
from simulators.instrument import Habit
from simulators.movement import DAY, MOVES, calming

CREEP = (0.2, 0.6)
"""mm/d: the range the creep of each point is drawn from."""
HABITS = {"displacement": Habit(level=(0.0, 0.0), daily=0.15, peak_hour=16, noise=0.8)}


@dataclass(frozen=True, slots=True)
class Creep(Event):
    """A steady movement in mm/d, counted from `zero` (s)."""

    rate: float
    zero: float

    def over(self, base: Levels, second: Levels) -> Levels:
        """The displacements where this creep is added to `base`."""
        return base + self.rate * (second - self.zero) / DAY


@dataclass(frozen=True, slots=True)
class Acceleration(Event):
    """A wall that would fail at `failure` (s) but calms down from `calms` on. `scale` is 1/A in mm."""

    fits: ClassVar[tuple[str, ...]] = MOVES

    start: Seconds
    failure: Seconds
    scale: float
    calms: Seconds
    settle: Seconds = 60.0
    """s in which the velocity falls to 1/e once the wall calms down."""

    def __post_init__(self) -> None:
        needs(self.start < self.calms < self.failure, self, "start < calms < failure")
        needs(min(self.scale, self.settle) > 0, self, "scale and settle > 0")

    @property
    def end(self) -> float:
        """s at which it calms down."""
        return self.calms

    def velocity(self, second: float) -> float:
        """mm/s by the law, before the wall calms down."""
        return self.scale / (self.failure - second)

    def over(self, base: Levels, second: Levels) -> Levels:
        """The displacements where this movement is added to `base`."""
        law = np.clip(second, self.start, self.calms)
        moved = -self.scale * np.log((self.failure - law) / (self.failure - self.start))
        return base + moved + calming(second - self.calms, self.velocity(self.calms), self.settle)
