"""What really happened, at absolute times, as a file beside a scenario's readings: what alarms are scored by.

The file is JSON lines: a head, then one truth a line. docs/score.md says what each field means, and which may be left
out by who writes one by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from detectors.sensor import Sensor
from simulators.instrument import SECOND
from simulators.scenario import Scenario, SiteLike, Truth

VERSION = 1


class BadTruth(ValueError):
    """A file of truths that cannot be used: line, what was found, what is allowed."""


class TimedTruth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that really happened at one sensor. Times are ns UTC."""

    sensor: str
    start: int
    expect: tuple[str, ...]
    """Rules that should say so; empty: none may."""
    kind: str = ""
    event: str = ""
    end: int | None = None
    """None: it stays."""
    fault: bool = False
    failure: int | None = None
    within: int | None = None
    """ns from its start."""
    bad: str = ""
    """How bad it is, in words."""

    def holds(self, begin: int, end: int) -> bool:
        """True if it lasts at any time in [begin, end]."""
        return self.start <= end and (self.end is None or begin <= self.end)


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the truths are about: the span [start, end) in ns, and whose readings there were."""

    start: int
    end: int
    version: int = VERSION
    scenario: str = ""
    seed: int = 0
    sensors: Mapping[str, int | None] = {}
    """Sensor -> its interval in ns."""


class Truths(msgspec.Struct, frozen=True):
    """A head and its truths."""

    head: Head
    all: tuple[TimedTruth, ...]


def truths_of(scenario: Scenario, site: SiteLike, start: int) -> Truths:
    """The truths of a scenario that begins at `start` (ns) on a site. What the loggers kept before does not count."""
    end = start + round(scenario.lasts_s * SECOND)
    every = {sensor.id: _interval(sensor) for sensor in site.sensors.values()}
    head = Head(start=start, end=end, scenario=scenario.name, seed=scenario.seed, sensors=every)
    return Truths(head, tuple(_timed(truth, start, every.get(truth.sensor)) for truth in scenario.truths))


def _interval(sensor: Sensor) -> int | None:
    return sensor.every or None


def _timed(truth: Truth, start: int, every: int | None) -> TimedTruth:
    """Of a spike one reading is wrong, the first of an interval."""

    def at(second: float | None) -> int | None:
        return None if second is None or second == float("inf") else start + round(second * SECOND)

    end = at(truth.start_s) if truth.event == "spike" else at(truth.end_s)
    return TimedTruth(
        kind=truth.kind,
        event=truth.event,
        sensor=truth.sensor,
        start=start + round(truth.start_s * SECOND),
        end=None if end is None else end + (every or 0) * (truth.event == "spike"),
        expect=truth.rules,
        fault=truth.fault,
        failure=at(truth.failure_s),
        within=None if truth.within_s is None else round(truth.within_s * SECOND),
        bad=truth.bad,
    )


def lines(truths: Truths) -> Iterator[str]:
    """The file, line by line."""
    for one in (truths.head, *truths.all):
        yield msgspec.json.encode(one).decode() + "\n"


def read_truths(path: Path) -> Truths:
    """Truths from a file. Raises BadTruth with the line, and OSError if it cannot be opened."""
    head: Head | None = None
    found: list[TimedTruth] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                if head is None:
                    head = msgspec.json.decode(line, type=Head)
                    continue
                found.append(msgspec.json.decode(line, type=TimedTruth))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                what = "the head, {start, end, ...}" if head is None else "a truth, {sensor, start, expect, ...}"
                raise BadTruth(f"{path}:{number}: found {error}; allowed: {what}, see docs/score.md") from None
            _check(path, number, found[-1])
    if head is None:
        raise BadTruth(f"{path}: found an empty file; allowed: a head and truths as JSON lines, see docs/score.md")
    if head.version != VERSION or head.end <= head.start:
        raise BadTruth(
            f"{path}:1: found version {head.version}, start {head.start}, end {head.end}; "
            f"allowed: version {VERSION}, an end after its start"
        )
    return Truths(head, tuple(found))


def _check(path: Path, number: int, truth: TimedTruth) -> None:
    if truth.end is not None and truth.end < truth.start:
        raise BadTruth(f"{path}:{number}: found the end {truth.end}, allowed: not before its start {truth.start}")
    if truth.within is not None and truth.within < 0:
        raise BadTruth(f"{path}:{number}: found within {truth.within}, allowed: ns, 0 or more, from its start")
