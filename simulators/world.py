"""A pretended site: every sensor of a registry with its calm habit, the events that come over it, and its faults.

Constraints. A world is asked for time in ascending pieces; how it is cut changes nothing. Same seed, same start, same
readings. It has no clock: `start` is given, and publishing at the right moment is publish.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.sensor import Sensor
from simulators import dust, gas, pressure, slope, ventilation, weather
from simulators.event import Event
from simulators.faults import Fault
from simulators.geophone import Geophone
from simulators.instrument import SECOND, Habit, Instrument, Readings, Schedule, resolved, stream
from simulators.rows import Rows
from simulators.seismic import Block, Shake

DAY = 86400
SLOW = 60 * SECOND
"""Sensors slower than this read on the hour's grid, as loggers do; faster ones each at a phase of its own."""
HABITS: Mapping[str, Habit] = {
    **gas.HABITS, **dust.HABITS, **slope.HABITS, **pressure.HABITS, "rain": weather.DRY,
}  # fmt: skip
AHEAD = 256
"""Readings that a sensor makes ahead."""
GEOPHONE_BLOCK = 0.5
"""s of samples a block."""


class UnknownQuantity(ValueError):
    """No model knows how a sensor's quantity behaves."""

    def __init__(self, sensor: Sensor) -> None:
        allowed = ", ".join([*HABITS, "a sensor with states, a sensor with rate"])
        super().__init__(f"sensor {sensor.id}: found quantity {sensor.quantity!r}, allowed: {allowed}")


def habit_for(sensor: Sensor) -> Habit:
    """How sensors of its quantity behave. Raises UnknownQuantity."""
    habit = ventilation.RUNNING if sensor.states else HABITS.get(sensor.quantity)
    if habit is None:
        raise UnknownQuantity(sensor)
    return habit


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
    _made: int = 0
    """ns up to which it is made; ahead of what was asked for, because a longer piece costs less a reading."""
    _waiting: Readings | None = None
    """Made, but not sent yet: ahead of time, or held back by a link."""

    def take(self, until: int) -> Readings:
        """What it sends next, before `until` (ns)."""
        sent = self._waiting or Readings.of(self.sensor.id, np.zeros(0, np.int64), np.zeros(0))
        if until > self._made:
            self._made = until + AHEAD * self.schedule.every
            pieces = [self._shown(*piece) for piece in self.schedule.take(self._made)]
            if not self.faults and not len(sent) and len(pieces) == 1:
                sent = pieces[0]
            else:
                for piece in pieces:
                    sent = sent.then(piece)
        due = int(np.searchsorted(sent.sent, until))
        self._waiting = sent.take(slice(due, None))
        return sent.take(slice(due))

    def level(self, second: NDArray[np.float64]) -> NDArray[np.float64]:
        """The truth at seconds from the start, before any instrument."""
        level = np.full(len(second), self.base)
        if self.habit.daily:
            hour = (second + self.local_second) / 3600
            level += self.habit.daily * np.cos(2 * np.pi * (hour - self.habit.peak_hour) / 24)
        for event in self.events:
            level = event.over(level, second)
        return level

    def _shown(self, time: NDArray[np.int64], step: float) -> Readings:
        second = (time - self.start) / SECOND
        level = self.level(second)
        if self.habit.drift:
            level = level + self.habit.drift * second / DAY
        value = self.instrument.show(level, step)
        if not self.faults:
            return Readings.of(self.sensor.id, time, value)
        rows = Rows.of(second, time)
        for fault in self.faults:
            value = fault.spoil(second, value)
            if fault.analogue:
                value = resolved(value, self.sensor.quantum)
        for fault in self.faults:
            rows = fault.carry(rows)
        return Readings(self.sensor.id, rows.time, value[rows.source], rows.quality, rows.sent, rows.half)


def worth(sensors: Iterable[Sensor], readings: int, shortest: float, longest: float) -> float:
    """s of a world in which its sensors read about `readings` times; the shortest where there are waveforms."""
    known = list(sensors)
    a_second = sum(SECOND / sensor.every for sensor in known if sensor.every)
    if any(sensor.rate > 0 for sensor in known) or not a_second:
        return shortest
    return min(longest, max(shortest, readings / a_second))


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
        habits: Mapping[str, Habit] | None = None,
    ) -> None:
        """`start` in ns UTC; `local_second` of the site's day at the start; the mappings by sensor id.

        Raises UnknownQuantity.
        """
        self.start = start
        self.probes: dict[str, Probe] = {}
        self.geophones: dict[str, Geophone] = {}
        for sensor in sensors:
            broken = (faults or {}).get(sensor.id, ())
            if sensor.rate > 0:
                geophone = Geophone.of(sensor, start, GEOPHONE_BLOCK, shakes, seed, broken)
                self.geophones[sensor.id] = geophone
                continue
            habit = (habits or {}).get(sensor.id) or habit_for(sensor)
            kept, own = (past or {}).get(sensor.id), (events or {}).get(sensor.id, ())
            self.probes[sensor.id] = _probe(sensor, habit, seed, start, local_second, kept, own, broken)

    def readings(self, until: int) -> list[Readings]:
        """What the scalar sensors send next, before `until` (ns): one entry for each that sends something."""
        return [shown for probe in self.probes.values() if len(shown := probe.take(until))]

    def blocks(self, until: int) -> list[Block]:
        """The next blocks of samples that are complete and sent at `until` (ns)."""
        return [block for geophone in self.geophones.values() for block in geophone.take(until)]


def _probe(
    sensor: Sensor,
    habit: Habit,
    seed: int,
    start: int,
    local_second: float,
    past: Past | None,
    events: Sequence[Event],
    faults: Sequence[Fault],
) -> Probe:
    traits = stream(seed, sensor.id, "traits")
    base, phase, creep = float(traits.uniform(*habit.level)), float(traits.uniform(0, 1)), float(traits.uniform())
    every = sensor.every or SECOND
    quiet: list[Event] = []
    if sensor.quantity == "displacement":
        slowest, fastest = slope.CREEP
        quiet.append(slope.Creep(slowest + creep * (fastest - slowest), -(past.lasts if past else 0) / SECOND))
    if sensor.quantity == "rain" and past:
        quiet.append(weather.PastShowers(traits, past.lasts / SECOND))
    schedule = Schedule(
        first=start - (past.lasts if past else 0),
        past_every=past.every if past else 0,
        start=start,
        phase=-start % every if every >= SLOW else int(phase * every),
        every=every,
    )
    instrument = Instrument.of(sensor, habit, seed)
    return Probe(sensor, start, schedule, base, habit, local_second, instrument, [*quiet, *events], list(faults))
