"""Walls that accelerate to failure: dv/dt = A v^a (Voight 1988; Fukuzono 1985 for a = 2; reference: slope 2.6)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from simulators.event import Event, Levels, Seconds, needs
from simulators.movement import DAY, MOVES, calming


@dataclass(frozen=True, slots=True)
class Voight(Event):
    """v = velocity ((failure - start) / (failure - t))^(1 / (exponent - 1)), `velocity` in mm/d at `start`.

    It calms down from `calms` on, or else goes until it moves `fastest` mm/d; then the target is gone and nothing moves
    (add a fault `silent` for what the instrument says of it). A movement that the law has before `start` is not added.
    """

    fits: ClassVar[tuple[str, ...]] = MOVES

    start: Seconds
    failure: Seconds
    velocity: float
    exponent: float = 2.0
    calms: Seconds = inf
    settle: Seconds = 3600.0
    fastest: float = 1e6

    def __post_init__(self) -> None:
        needs(self.start < self.failure, self, "failure > start")
        needs(self.exponent > 1, self, "exponent > 1 (at 1 it never fails: progressive)")
        needs(0 < self.velocity < self.fastest and self.settle > 0, self, "0 < velocity < fastest mm/d, settle > 0 s")
        needs(self.calms == inf or self.start < self.calms < self.failure, self, "start < calms < failure")

    @property
    def end(self) -> float:
        """s at which it calms down or fails."""
        return min(self.calms, self.failure)

    @property
    def last(self) -> float:
        """s up to which the law is followed."""
        left = (self.velocity / self.fastest) ** (self.exponent - 1)
        return float(min(self.calms, self.failure - (self.failure - self.start) * left))

    def at(self, second: Levels | float) -> Levels:
        """mm/s by the law, before it ends."""
        left = (self.failure - np.asarray(second)) / (self.failure - self.start)
        return np.asarray(self.velocity / DAY * left ** (-1 / (self.exponent - 1)), np.float64)

    def moved(self, second: Levels) -> Levels:
        """mm since `start` by the law. For a = 2 the logarithm, else a power of the time that is left."""
        whole = self.failure - self.start
        left = (self.failure - second) / whole
        first = self.velocity / DAY * whole
        power = (self.exponent - 2) / (self.exponent - 1)
        if abs(power) < 1e-12:
            return np.asarray(-first * np.log(left), np.float64)
        return np.asarray(first / power * (1 - left**power), np.float64)

    def over(self, base: Levels, second: Levels) -> Levels:
        """The displacements where this movement is added to `base`."""
        level = base + self.moved(np.clip(second, self.start, self.last))
        if self.calms <= self.last:
            level = level + calming(second - self.calms, float(self.at(self.calms)), self.settle)
        return level
