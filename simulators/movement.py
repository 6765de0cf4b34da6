"""How slopes move, in mm with rates in mm/d: steady, regressive, progressive, in steps, after rain.

Each adds to the displacement; a rate is what the movement adds at its start. The failure laws are in voight.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from simulators.event import Event, Levels, Seconds, eased, needs

DAY = 86400.0
MOVES = ("displacement",)


def calming(after: Levels, velocity: float, settle: float) -> Levels:
    """mm moved `after` s since a movement of `velocity` mm/s began to fade with time constant `settle`."""
    return np.asarray(velocity * settle * -np.expm1(-np.maximum(after, 0) / settle), np.float64)


@dataclass(frozen=True, slots=True)
class Moving(Event):
    """A steady movement of `rate` mm/d from `start` to `end`."""

    fits: ClassVar[tuple[str, ...]] = MOVES

    start: Seconds
    rate: float
    end: Seconds = inf

    def __post_init__(self) -> None:
        needs(self.end > self.start and self.rate != 0, self, "end > start and a rate other than 0")

    def over(self, base: Levels, second: Levels) -> Levels:
        """The displacements with this movement."""
        return base + self.rate / DAY * (np.clip(second, self.start, self.end) - self.start)


@dataclass(frozen=True, slots=True)
class Regressive(Event):
    """A movement that begins with `rate` mm/d and dies out: v = rate exp(-t / settle)."""

    fits: ClassVar[tuple[str, ...]] = MOVES

    start: Seconds
    rate: float
    settle: Seconds

    def __post_init__(self) -> None:
        needs(self.settle > 0 and self.rate != 0, self, "settle > 0 s and a rate other than 0")

    @property
    def end(self) -> float:
        """s at which less than 2 % of the velocity is left."""
        return self.start + 4 * self.settle

    def over(self, base: Levels, second: Levels) -> Levels:
        """The displacements with this movement."""
        return base + calming(second - self.start, self.rate / DAY, self.settle)


@dataclass(frozen=True, slots=True)
class Progressive(Event):
    """A movement that begins with `rate` mm/d and grows by e each `grows` s until `calms`.

    Source: the progressive stage of Zavodni & Broadbent (reference: slope 2.4 [R]).
    """

    fits: ClassVar[tuple[str, ...]] = MOVES

    start: Seconds
    rate: float
    grows: Seconds
    calms: Seconds
    settle: Seconds = 3600.0

    def __post_init__(self) -> None:
        needs(self.calms > self.start, self, "calms > start")
        needs(min(self.grows, self.settle, self.rate) > 0, self, "grows, settle and rate above 0")

    @property
    def end(self) -> float:
        """s at which it calms down."""
        return self.calms

    def over(self, base: Levels, second: Levels) -> Levels:
        """The displacements with this movement."""
        first = self.rate / DAY
        grown = first * self.grows * np.expm1((np.clip(second, self.start, self.calms) - self.start) / self.grows)
        last = first * float(np.exp((self.calms - self.start) / self.grows))
        return base + grown + calming(second - self.calms, last, self.settle)


@dataclass(frozen=True, slots=True)
class Staircase(Event):
    """Steps of `step` mm each `every` s, each taking `rise` s: motion that stops and goes, as many walls do."""

    fits: ClassVar[tuple[str, ...]] = MOVES

    start: Seconds
    step: float
    every: Seconds
    rise: Seconds
    end: Seconds

    def __post_init__(self) -> None:
        needs(self.end > self.start and self.step != 0, self, "end > start and a step other than 0")
        needs(0 < self.rise <= self.every, self, "rise above 0, at most every")

    def over(self, base: Levels, second: Levels) -> Levels:
        """The displacements with these steps."""
        stairs = (np.clip(second, self.start, self.end) - self.start) / self.every
        whole = np.floor(stairs)
        return base + self.step * (whole + eased((stairs - whole) * self.every / self.rise))


@dataclass(frozen=True, slots=True)
class RainResponse(Event):
    """`amount` mm in all, `delay` s after rain that began at `start`: 1 - (1 + u) exp(-u), u = t / response."""

    fits: ClassVar[tuple[str, ...]] = MOVES

    start: Seconds
    amount: float
    delay: Seconds
    response: Seconds

    def __post_init__(self) -> None:
        needs(self.delay >= 0 and self.response > 0 and self.amount != 0, self, "delay >= 0, response > 0, an amount")

    @property
    def end(self) -> float:
        """s at which less than 2 % of it is still to come."""
        return self.start + self.delay + 6 * self.response

    def over(self, base: Levels, second: Levels) -> Levels:
        """The displacements with the answer to the rain; it is fastest `response` s after its beginning."""
        u = np.maximum(second - self.start - self.delay, 0) / self.response
        return base + self.amount * (1 - (1 + u) * np.exp(-u))
