"""A ventilated place as one mixing volume: dC/dt = (q - Q C) / V, solved exactly where q and Q are constant by pieces.

Concentrations are told as multiples of the calm level, which is the steady state q/Q before the event: so no source
need be known. Not here: layering and short circuits of air; a place is well mixed at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from detectors.sensor import Sensor
from detectors.units import convert
from simulators.dust import DUSTS
from simulators.event import Event, Levels, Seconds, needs
from simulators.gas import GASES

MIXED = tuple(gas for gas in GASES if gas != "o2") + DUSTS


def mixing(second: Levels, changes: list[tuple[float, float, float]], turnover: float) -> Levels:
    """Multiples of the calm level at `second`.

    `changes` are (s from which, airflow as a share of the calm one, emission likewise), ascending; before the first
    both are 1. `turnover` is V/Q in s. Oracle: m' = (emission - airflow m) / turnover.
    """
    at = np.array([s for s, _, _ in changes])
    rates = np.array([airflow / turnover for _, airflow, _ in changes])
    gains = np.array([emission / turnover for _, _, emission in changes])
    begins = np.ones(len(changes))
    for k in range(1, len(changes)):
        begins[k] = _later(begins[k - 1 : k], rates[k - 1 : k], gains[k - 1 : k], at[k : k + 1] - at[k - 1])[0]
    piece = np.searchsorted(at, second, side="right") - 1
    now = np.maximum(piece, 0)
    return np.where(piece < 0, 1.0, _later(begins[now], rates[now], gains[now], np.maximum(second - at[now], 0)))


def _later(begin: Levels, rate: Levels, gain: Levels, after: Levels) -> Levels:
    flushed = -np.expm1(-rate * after)
    gained = np.where(rate > 0, flushed / np.where(rate > 0, rate, 1.0), after)
    return np.asarray(begin * np.exp(-rate * after) + gain * gained, np.float64)


@dataclass(frozen=True, slots=True)
class FanFailure(Event):
    """The airflow falls to `left` of itself from `start` to `end`. `volume` m3, `airflow` m3/s before."""

    fits: ClassVar[tuple[str, ...]] = MIXED

    start: Seconds
    end: Seconds = inf
    volume: float = 2_000.0
    airflow: float = 10.0
    left: float = 0.05

    def __post_init__(self) -> None:
        needs(self.end > self.start, self, "end > start")
        needs(min(self.volume, self.airflow) > 0, self, "volume > 0 m3 and airflow > 0 m3/s")
        needs(0 <= self.left < 1, self, "left from 0 up to 1, the share of the airflow that is left")

    def over(self, base: Levels, second: Levels) -> Levels:
        """The calm level, times what gathers while the air stands."""
        changes = [(self.start, self.left, 1.0)] + ([(self.end, 1.0, 1.0)] if self.end < inf else [])
        return base * mixing(second, changes, self.volume / self.airflow)


@dataclass(frozen=True, slots=True)
class Ventilation(Event):
    """Airflow and emission that change in steps: `changes` = [[s after start, airflow share, emission share], ...]."""

    fits: ClassVar[tuple[str, ...]] = MIXED

    start: Seconds
    changes: tuple[tuple[float, ...], ...]
    end: Seconds = inf
    volume: float = 2_000.0
    airflow: float = 10.0

    def __post_init__(self) -> None:
        after = [change[0] for change in self.changes if len(change) == 3]
        whole = bool(after) and len(after) == len(self.changes) and after == sorted(set(after)) and after[0] >= 0
        needs(whole, self, "changes = [[s after start, airflow share, emission share], ...], ascending from 0 on")
        needs(min(min(c[1:]) for c in self.changes) >= 0, self, "shares >= 0 in changes")
        needs(min(self.volume, self.airflow) > 0, self, "volume > 0 m3 and airflow > 0 m3/s")

    def over(self, base: Levels, second: Levels) -> Levels:
        """The calm level, times the mixing volume's answer."""
        changes = [(self.start + after, airflow, emission) for after, airflow, emission in self.changes]
        return base * mixing(second, changes, self.volume / self.airflow)


@dataclass(frozen=True, slots=True)
class Outburst(Event):
    """`gas` m3 of methane (or CO2) come out: q(t) = gas/fade exp(-t/fade), into `volume` m3 with `airflow` m3/s.

    Oxygen sensors see what is displaced. Above 10 % the air it takes from the place is not modelled; 100 % is the most.
    """

    fits: ClassVar[tuple[str, ...]] = ("methane", "co2", "o2")

    start: Seconds
    gas: float
    fade: Seconds = 60.0
    volume: float = 5_000.0
    airflow: float = 20.0

    def __post_init__(self) -> None:
        needs(min(self.gas, self.fade, self.volume, self.airflow) > 0, self, "gas, fade, volume and airflow > 0")

    @property
    def end(self) -> float:
        """s at which less than 2 % of the gas is left."""
        return self.start + 4 * max(self.fade, self.volume / self.airflow)

    def seen_by(self, sensor: Sensor) -> Event:
        """In the sensor's unit; %LEL needs its `lel`. Raises UnitError."""
        if sensor.quantity == "o2":
            return _Displacing(self)
        return _InUnit(self, convert(1.0, "%vol", sensor.unit, lel=sensor.lel, molar_mass=sensor.molar_mass))

    def over(self, base: Levels, second: Levels) -> Levels:
        """%vol: what came out, on top of `base`."""
        return np.minimum(base + self.percent(second), 100.0)

    def percent(self, second: Levels) -> Levels:
        """%vol of the gas that came out. Oracle: the mixing volume with an exponential source."""
        turnover = self.volume / self.airflow
        t = np.maximum(second - self.start, 0)
        if abs(turnover / self.fade - 1) < 1e-6:
            shape = t * np.exp(-t / turnover)
        else:
            shape = (np.exp(-t / self.fade) - np.exp(-t / turnover)) / (1 / turnover - 1 / self.fade)
        return np.asarray(np.minimum(100 * self.gas / (self.fade * self.volume) * shape, 100.0), np.float64)


@dataclass(frozen=True, slots=True)
class _Displacing(Event):
    event: Outburst

    def over(self, base: Levels, second: Levels) -> Levels:
        return base * (1 - self.event.percent(second) / 100)


@dataclass(frozen=True, slots=True)
class _InUnit(Event):
    event: Event
    factor: float

    def over(self, base: Levels, second: Levels) -> Levels:
        return np.asarray(self.event.over(base / self.factor, second) * self.factor, np.float64)
