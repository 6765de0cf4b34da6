"""What is listed, in which order, and how much is not: pure, on rows.

Constraints. What is unacknowledged comes first, then priority, then time with the oldest first, so that first-out stays
on top and nothing moves under a hand. Not here: words and symbols (view.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dashboards.console.reading import AlarmRow, Hiding, Priority, SensorRow

RANK: Mapping[Priority, int] = {"log": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
STALE = 3
"""Intervals after which a value is too old to show."""


@dataclass(frozen=True, slots=True)
class Place:
    """One sensor, or a group that a rule watches under its own name, with the rules that look at it."""

    id: str
    sensor: SensorRow | None
    rules: tuple[AlarmRow, ...]


@dataclass(frozen=True, slots=True)
class Area:
    """What stands in one area, in the site file's order."""

    name: str
    places: list[Place] = field(default_factory=list)


def annunciated(rows: Iterable[AlarmRow]) -> list[AlarmRow]:
    """Alarms that stand and are not hidden, in the order in which they are shown. Priority log never is."""
    shown = [r for r in rows if r.standing and not r.hidden and r.priority != "log"]
    return sorted(shown, key=lambda r: (r.acked, -RANK[r.priority], r.since, r.rule, r.subject))


def told_with(rows: Iterable[AlarmRow]) -> Mapping[str, int]:
    """How many of the rows were told in the notice of each other occurrence."""
    return Counter(r.notice for r in rows if joined(r))


def joined(row: AlarmRow) -> bool:
    """True if it was told in another's notice."""
    return bool(row.notice) and row.notice != row.name


def hidden(rows: Iterable[AlarmRow]) -> list[AlarmRow]:
    """Those shelved, suppressed or out of service: standing ones first, then priority."""
    chosen = [r for r in rows if r.hidden]
    return sorted(chosen, key=lambda r: (not r.standing, -RANK[r.priority], r.since, r.rule, r.subject))


def hidden_counts(rows: Sequence[AlarmRow]) -> dict[Hiding, int]:
    """How many are shelved, suppressed, out of service; one may be several of them."""
    kinds: tuple[Hiding, ...] = ("shelved", "suppressed", "out_of_service")
    return {kind: sum(kind in r.hidden for r in rows) for kind in kinds}


def unwatched(rows: Iterable[AlarmRow]) -> list[AlarmRow]:
    """Pairs in service that are not watching."""
    blind = [r for r in rows if not r.watching and "out_of_service" not in r.hidden]
    return sorted(blind, key=lambda r: (-RANK[r.priority], r.area, r.subject, r.rule))


def stale(sensor: SensorRow, now: int) -> bool:
    """True if its newest reading is older than three of its intervals. Nothing ever read is not old but missing."""
    return sensor.time is not None and sensor.every is not None and now - sensor.time > STALE * sensor.every


def areas(sensors: Sequence[SensorRow], rows: Sequence[AlarmRow]) -> list[Area]:
    """Every sensor in its area, then every group that rules watch under its own name."""
    looking: dict[str, list[AlarmRow]] = {}
    for row in rows:
        for name in row.sensors or (row.subject,):
            looking.setdefault(name, []).append(row)
    known = {s.sensor for s in sensors}
    groups: dict[str, list[AlarmRow]] = {}
    for row in rows:
        if row.subject not in known:
            groups.setdefault(row.subject, []).append(row)
    found: dict[str, Area] = {}
    for sensor in sensors:
        place = Place(sensor.sensor, sensor, tuple(looking.get(sensor.sensor, ())))
        found.setdefault(sensor.area, Area(sensor.area)).places.append(place)
    for name, own in groups.items():
        found.setdefault(own[0].area, Area(own[0].area)).places.append(Place(name, None, tuple(own)))
    return list(found.values())


def worst(rows: Iterable[AlarmRow]) -> AlarmRow | None:
    """The first of those annunciated by priority; an unacknowledged one before an acknowledged one of the same."""
    shown = annunciated(rows)
    return max(shown, key=lambda r: (RANK[r.priority], not r.acked), default=None)
