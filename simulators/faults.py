"""What breaks in sensors: each fault changes or removes what an instrument would have shown. Times in s.

Not here: faults of the network or of the collector.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Shown: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.float64]]
"""(which readings are sent, their values)"""


class Fault(Protocol):
    """A fault may keep memory: pieces come in order, cut anywhere."""

    start: float
    end: float

    def spoil(self, second: NDArray[np.float64], value: NDArray[np.float64]) -> Shown:
        """What is sent of readings at `second`."""
        ...


@dataclass(slots=True)
class Silent:
    """Nothing is sent."""

    start: float
    end: float

    def spoil(self, second: NDArray[np.float64], value: NDArray[np.float64]) -> Shown:
        """Readings inside the fault are not sent."""
        return ~_inside(self, second), value


@dataclass(slots=True)
class Stuck:
    """The first value inside the fault is sent again and again."""

    start: float
    end: float
    _held: float = field(default=np.nan)

    def spoil(self, second: NDArray[np.float64], value: NDArray[np.float64]) -> Shown:
        """Readings inside the fault repeat the first of them."""
        inside = _inside(self, second)
        if np.isnan(self._held) and inside.any():
            self._held = float(value[inside][0])
        return np.ones_like(inside), np.where(inside, self._held, value)


@dataclass(slots=True)
class Spike:
    """The first reading at or after `start` is off by `by`; all others are right."""

    start: float
    by: float
    end: float = field(default=np.inf)
    _done: bool = False

    def spoil(self, second: NDArray[np.float64], value: NDArray[np.float64]) -> Shown:
        """One reading of the piece may be changed, and one only in the fault's life."""
        hit = np.flatnonzero(_inside(self, second))
        shown = value.copy()
        if len(hit) and not self._done:
            shown[hit[0]] += self.by
            self._done = True
        return np.ones(len(value), np.bool_), shown


@dataclass(slots=True)
class Drift:
    """The value wanders off by `rate` in the unit a second; after the end it is right again (recalibrated)."""

    start: float
    end: float
    rate: float

    def spoil(self, second: NDArray[np.float64], value: NDArray[np.float64]) -> Shown:
        """Readings inside the fault are off by rate x time."""
        off = np.where(_inside(self, second), self.rate * (second - self.start), 0.0)
        return np.ones(len(value), np.bool_), value + off


@dataclass(slots=True)
class NoValue:
    """The device answers, but with no number."""

    start: float
    end: float

    def spoil(self, second: NDArray[np.float64], value: NDArray[np.float64]) -> Shown:
        """Readings inside the fault are NaN."""
        return np.ones(len(value), np.bool_), np.where(_inside(self, second), np.nan, value)


def _inside(fault: Fault, second: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (second >= fault.start) & (second < fault.end)
