"""A pretended site: every sensor of a registry with its calm habit, the events that come over it, and its faults.

Constraints. A world is asked for time in ascending pieces; how it is cut changes nothing. Same seed, same start, same
readings. It has no clock: `start` is given, and publishing at the right moment is publish.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.sensor import Sensor
from simulators import dust, gas, slope, ventilation, weather
from simulators.faults import Fault
from simulators.instrument import SECOND, Habit, Instrument, Readings, Schedule, stream
from simulators.seismic import Block, Geophone, Shake

DAY = 86400
SLOW = 60 * SECOND
"""Sensors slower than this read on the hour's grid, as loggers do; faster ones each at a phase of its own."""
HABITS: Mapping[str, Habit] = {**gas.HABITS, **dust.HABITS, **slope.HABITS, "rain": weather.DRY}
GEOPHONE_BLOCK = 0.5
"""s of samples a block."""


class Event(Protocol):
    """What comes over a sensor: true levels where it lies over others. Seconds from the start."""

    def over(self, base: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        """The levels with the event."""
        ...


class UnknownQuantity(ValueError):
    """No model knows how a sensor's quantity behaves."""

    def __init__(self, sensor: Sensor) -> None:
        allowed = ", ".join([*HABITS, "a sensor with states, a sensor with rate"])
        super().__init__(f"sensor {sensor.id}: found quantity {sensor.quantity!r}, allowed: {allowed}")


@dataclass(frozen=True, slots=True)
class Past:
    """What a sensor's logger has kept: the `lasts` ns before the start, one reading each `every` ns."""

    lasts: int
    every: int


@dataclass(slots=True)
class Probe:
    """One scalar sensor of the world."""

    sensor: Sensor
    start: int
    schedule: Schedule
    base: float
    habit: Habit
    local_second: float
    instrument: Instrument
    events: Sequence[Event]
    faults: Sequence[Fault]

    def take(self, until: int) -> Readings:
        """The next readings before `until` (ns)."""
        pieces = [self._shown(*piece) for piece in self.schedule.take(until)]
        time = np.concatenate([t for t, _ in pieces]) if pieces else np.zeros(0, np.int64)
        value = np.concatenate([v for _, v in pieces]) if pieces else np.zeros(0)
        return Readings(self.sensor.id, time, value)

    def level(self, second: NDArray[np.float64]) -> NDArray[np.float64]:
        """The truth at seconds from the start, before any instrument."""
        hour = (second + self.local_second) / 3600
        level = self.base + self.habit.daily * np.cos(2 * np.pi * (hour - self.habit.peak_hour) / 24)
        for event in self.events:
            level = event.over(level, second)
        return level

    def _shown(self, time: NDArray[np.int64], step: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        second = (time - self.start) / SECOND
        value = self.instrument.show(self.level(second), step)
        sent = np.ones(len(time), np.bool_)
        for fault in self.faults:
            kept, value = fault.spoil(second, value)
            sent &= kept
        return time[sent], value[sent]


class World:
    """All sensors together."""

    def __init__(
        self,
        sensors: Iterable[Sensor],
        *,
        seed: int,
        start: int,
        local_second: float = 0.0,
        past: Mapping[str, Past] | None = None,
        events: Mapping[str, Sequence[Event]] | None = None,
        faults: Mapping[str, Sequence[Fault]] | None = None,
        shakes: Sequence[Shake] = (),
    ) -> None:
        """`start` in ns UTC; `local_second` of the site's day at the start; the mappings by sensor id.

        Raises UnknownQuantity.
        """
        self.start = start
        self.probes: dict[str, Probe] = {}
        self.geophones: dict[str, Geophone] = {}
        for sensor in sensors:
            if sensor.rate > 0:
                self.geophones[sensor.id] = Geophone.of(sensor, start, GEOPHONE_BLOCK, list(shakes), seed)
                continue
            kept = (past or {}).get(sensor.id)
            own = (events or {}).get(sensor.id, ())
            broken = (faults or {}).get(sensor.id, ())
            self.probes[sensor.id] = _probe(sensor, seed, start, local_second, kept, own, broken)

    def readings(self, until: int) -> list[Readings]:
        """What the scalar sensors show next, before `until` (ns): one entry for each that shows something."""
        return [shown for probe in self.probes.values() if len(shown := probe.take(until))]

    def blocks(self, until: int) -> list[Block]:
        """The next blocks of samples that are complete at `until` (ns)."""
        return [block for geophone in self.geophones.values() for block in geophone.take(until)]


def _probe(
    sensor: Sensor,
    seed: int,
    start: int,
    local_second: float,
    past: Past | None,
    events: Sequence[Event],
    faults: Sequence[Fault],
) -> Probe:
    habit = ventilation.RUNNING if sensor.states else HABITS.get(sensor.quantity)
    if habit is None:
        raise UnknownQuantity(sensor)
    traits = stream(seed, sensor.id, "traits")
    base, phase, creep = float(traits.uniform(*habit.level)), float(traits.uniform(0, 1)), float(traits.uniform())
    every = sensor.every or SECOND
    quiet: list[Event] = []
    if sensor.quantity == "displacement":
        slowest, fastest = slope.CREEP
        quiet.append(slope.Creep(slowest + creep * (fastest - slowest), -(past.lasts if past else 0) / SECOND))
    if sensor.quantity == "rain" and past:
        quiet.append(weather.Showers(traits, past.lasts / SECOND))
    schedule = Schedule(
        first=start - (past.lasts if past else 0),
        past_every=past.every if past else 0,
        start=start,
        phase=-start % every if every >= SLOW else int(phase * every),
        every=every,
    )
    instrument = Instrument.of(sensor, habit, seed)
    return Probe(sensor, start, schedule, base, habit, local_second, instrument, [*quiet, *events], list(faults))
