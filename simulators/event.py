"""What may come over a sensor, and how one event reaches several sensors: later, weaker.

Constraints. An event is frozen and has no memory: its levels at given seconds are the same however time is cut. Every
annotation `Seconds` may be written in a scenario as a number of s or as text ("2h").
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detectors.sensor import Sensor

Seconds: TypeAlias = float
"""s from the start of the scenario, or a length in s."""
Levels: TypeAlias = NDArray[np.float64]


class Event:
    """True levels that lie over others. `fits` names the quantities it makes sense for; none means all."""

    __slots__ = ()
    fits: ClassVar[tuple[str, ...]] = ()

    def seen_by(self, sensor: Sensor) -> Event:
        """The event as this sensor has it: in its unit, at its interval. Raises ValueError where that cannot be."""
        return self

    def over(self, base: Levels, second: Levels) -> Levels:
        """The levels where this event lies over `base`, at `second` s from the start."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Reaching(Event):
    """Another event, `delay` s later and `factor` times as strong: air carries it, a moving mass shares it."""

    event: Event
    delay: float = 0.0
    factor: float = 1.0

    def seen_by(self, sensor: Sensor) -> Event:
        """As the event itself is seen, later and weaker."""
        return Reaching(self.event.seen_by(sensor), self.delay, self.factor)

    def over(self, base: Levels, second: Levels) -> Levels:
        """`factor` of the change that the event makes, `delay` s later."""
        return base + self.factor * (self.event.over(base, second - self.delay) - base)


def eased(x: Levels) -> Levels:
    """0 up to 0, 1 from 1 on, smooth between."""
    inside = np.clip(x, 0, 1)
    return inside * inside * (3 - 2 * inside)


def span(event: Any) -> tuple[float, float]:
    """(s at which it begins, s at which it is over; inf if it stays)."""
    return float(event.start), float(getattr(event, "end", inf))


def needs(condition: object, event: object, rule: str) -> None:
    """Raise ValueError with the rule that the event's parameters break."""
    if not condition:
        raise ValueError(f"needs {rule}; found {event}")
