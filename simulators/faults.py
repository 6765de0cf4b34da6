"""What breaks in a sensor: each fault changes the values that an instrument shows. Times in s from the start.

Constraints. A fault may keep memory and chance: pieces come in order, cut anywhere, and the same comes out. It is made
anew for each sensor. Not here: what clocks, links and brokers do to readings (link.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.reading import Quality
from detectors.sensor import Sensor
from simulators.event import Levels, Seconds, needs
from simulators.rows import Rows


@dataclass(slots=True, kw_only=True)
class Fault:
    """From `start` to `end`. Does nothing to values or rows unless a subclass says so."""

    analogue: ClassVar[bool] = False
    """It comes before the device's own resolution, so what it makes is resolved again."""
    numbers: ClassVar[bool] = False
    """It makes numbers, so it cannot be on a sensor of states."""

    start: Seconds
    end: Seconds = inf
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0), init=False)

    def __post_init__(self) -> None:
        needs(self.end > self.start, self, "end > start")

    def begin(self, sensor: Sensor, random: np.random.Generator) -> None:
        """Become the fault of this sensor, with a stream of its own. Raises ValueError where that cannot be."""
        if sensor.states and (self.analogue or self.numbers):
            raise ValueError(f"found a sensor of states ({', '.join(sensor.states)}), allowed: one of numbers")
        self.random = random

    def spoil(self, second: Levels, value: Levels) -> Levels:
        """What is shown instead of `value`."""
        return value

    def carry(self, rows: Rows) -> Rows:
        """What becomes of rows on their way."""
        return rows

    def inside(self, second: Levels) -> NDArray[np.bool_]:
        """Which of these s lie in the fault."""
        return (second >= self.start) & (second < self.end)


@dataclass(slots=True, kw_only=True)
class Stuck(Fault):
    """The first value inside the fault is shown again and again."""

    _held: float = field(default=np.nan, init=False)

    def spoil(self, second: Levels, value: Levels) -> Levels:
        """Readings inside the fault repeat the first of them."""
        inside = self.inside(second)
        if np.isnan(self._held) and inside.any():
            self._held = float(value[inside][0])
        return np.where(inside, self._held, value)


@dataclass(slots=True, kw_only=True)
class Spike(Fault):
    """The first reading at or after `start` is off by `by`; all others are right."""

    analogue: ClassVar[bool] = True

    by: float
    _done: int = field(default=-1, init=False)

    def spoil(self, second: Levels, value: Levels) -> Levels:
        """The first reading of each turn is changed."""
        inside = np.flatnonzero(self.inside(second))
        turn = self.turn(second[inside])
        shown = value.copy()
        shown[inside[np.diff(turn, prepend=self._done) > 0]] += self.by
        self._done = int(turn[-1]) if len(turn) else self._done
        return shown

    def turn(self, second: Levels) -> NDArray[np.int64]:
        """The spike that a reading at `second` may be: there is one only, number 0."""
        return np.zeros(len(second), np.int64)


@dataclass(slots=True, kw_only=True)
class Spikes(Spike):
    """A spike each `every` s."""

    every: Seconds

    def __post_init__(self) -> None:
        needs(self.end > self.start and 0 < self.every < inf, self, "end > start and every > 0 s")

    def turn(self, second: Levels) -> NDArray[np.int64]:
        """Spikes are counted by their turns."""
        return np.floor((second - self.start) / self.every).astype(np.int64)


@dataclass(slots=True, kw_only=True)
class Drift(Fault):
    """The value wanders off by `rate` in the unit a second; after the end it is right again (recalibrated)."""

    analogue: ClassVar[bool] = True

    rate: float

    def spoil(self, second: Levels, value: Levels) -> Levels:
        """Readings inside the fault are off by rate x time."""
        return value + np.where(self.inside(second), self.rate * (second - self.start), 0.0)


@dataclass(slots=True, kw_only=True)
class Saturation(Fault):
    """Nothing above `at` is shown: a clipped amplifier, a poisoned bead, a range set too small."""

    analogue: ClassVar[bool] = True

    at: float

    def spoil(self, second: Levels, value: Levels) -> Levels:
        """Readings inside the fault are clipped."""
        return np.where(self.inside(second), np.minimum(value, self.at), value)


@dataclass(slots=True, kw_only=True)
class NegativeCell(Fault):
    """A failed electrochemical cell: shows `to` (below zero) within `fall` s, whatever gas is there."""

    analogue: ClassVar[bool] = True

    to: float
    fall: Seconds = 5.0

    def __post_init__(self) -> None:
        needs(self.end > self.start and self.to < 0 and self.fall > 0, self, "end > start, to < 0 and fall > 0 s")

    def spoil(self, second: Levels, value: Levels) -> Levels:
        """Readings inside the fault go to `to`."""
        share = np.clip((second - self.start) / self.fall, 0, 1)
        return np.where(self.inside(second), value * (1 - share) + self.to * share, value)


@dataclass(slots=True, kw_only=True)
class WrongUnit(Fault):
    """The number is in another unit than the one that is declared: `factor` times the right one (%LEL for %vol: 20)."""

    numbers: ClassVar[bool] = True

    factor: float

    def spoil(self, second: Levels, value: Levels) -> Levels:
        """Readings inside the fault are multiplied."""
        return np.where(self.inside(second), value * self.factor, value)


@dataclass(slots=True, kw_only=True)
class NoValue(Fault):
    """The device answers, but with no number."""

    def spoil(self, second: Levels, value: Levels) -> Levels:
        """Readings inside the fault are NaN."""
        return np.where(self.inside(second), np.nan, value)


@dataclass(slots=True, kw_only=True)
class Calibration(Fault):
    """Zero gas, then test gas `gas` for the second half. `flagged`: the device says that it is being calibrated.

    Without the flag a calibration looks like a real event, which is why it must be declared by an action.
    """

    analogue: ClassVar[bool] = True

    gas: float
    zero: float = 0.0
    flagged: bool = True
    rise: Seconds = 15.0

    def __post_init__(self) -> None:
        needs(self.start < self.end < inf and self.rise > 0, self, "end > start, not endless, and rise > 0 s")

    def spoil(self, second: Levels, value: Levels) -> Levels:
        """What the cap with gas makes the device show; it keeps its noise."""
        half = (self.start + self.end) / 2
        zeroed = 1 - np.exp(-np.maximum(second - self.start, 0) / self.rise)
        filled = 1 - np.exp(-np.maximum(second - half, 0) / self.rise)
        return np.where(self.inside(second), value * (1 - zeroed) + self.zero * zeroed + self.gas * filled, value)

    def carry(self, rows: Rows) -> Rows:
        """Its rows say so."""
        if not self.flagged:
            return rows
        flag = np.where(self.inside(rows.second), np.uint8(Quality.CALIBRATION), np.uint8(0))
        return rows.with_quality(rows.quality | flag)
