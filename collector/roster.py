"""Who is on duty: rotations, windows, holidays, overrides and calendars, in a site's local time.

Constraints. Pure: it reads no clock and no file. Handovers happen at local times, so a week that a clock change makes
longer or shorter is still a week from 08:00 to 08:00. Where two have the duty, an override wins, then the later layer.
Not here: how a roster is written (roster_file.py), and what is done with who is on duty (escalation.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from detectors.sensor import OWN_AREA

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "holiday")
MIDNIGHT = time(0, 0)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be called. `reach` is (channel, address), in the order in which they are tried."""

    id: str
    name: str
    reach: tuple[tuple[str, str], ...]
    known_as: tuple[tuple[str, str], ...] = ()
    """(channel, name): what a channel calls them in replies where that is not the address."""


@dataclass(frozen=True, slots=True)
class Duty:
    """One person's duty, [start, end) as instants."""

    person: str
    start: datetime
    end: datetime


class Layer(Protocol):
    """Something that says whose turn it is."""

    def at(self, moment: datetime) -> str | None:
        """The person's id at an instant; None where this layer has nobody."""
        ...

    def edges(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Every instant in [start, end) at which the answer may change."""
        ...


@dataclass(frozen=True, slots=True)
class Rotation:
    """People who take turns, within a window of the day and on some days."""

    people: tuple[str, ...]
    start: datetime
    """Local, without zone: when the first turn of the first person begins."""
    turn: timedelta
    zone: ZoneInfo
    days: frozenset[str] = frozenset(DAYS)
    """"holiday" stands for all holidays; these are no weekdays."""
    opens: time = MIDNIGHT
    closes: time = MIDNIGHT
    """Equal to `opens`: the whole day. Before it: the window ends on the next day."""
    holidays: frozenset[date] = frozenset()

    def at(self, moment: datetime) -> str | None:
        """Whose turn it is; nobody before the first turn and outside days and window."""
        turns = self._turns(moment)
        if turns < 0 or not self._open(moment):
            return None
        return self.people[turns % len(self.people)]

    def edges(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Handovers, and the windows' beginnings and ends."""
        turn = max(0, self._turns(start))
        while (handover := instant(self.start + turn * self.turn, self.zone)) < end:
            if handover >= start:
                yield handover
            turn += 1
        for day in _days(start, end, self.zone):
            for clock in {self.opens, self.closes}:
                edge = instant(datetime.combine(day, clock), self.zone)
                if start <= edge < end:
                    yield edge

    def _turns(self, moment: datetime) -> int:
        local = moment.astimezone(self.zone).replace(tzinfo=None)
        turns = (local - self.start) // self.turn
        # In the hour that is repeated local time goes back, the handover in it does not.
        return turns + (instant(self.start + (turns + 1) * self.turn, self.zone) <= moment)

    def _open(self, moment: datetime) -> bool:
        today = moment.astimezone(self.zone).date()
        return any(self._window_holds(day, moment) for day in (today, today - ONE_DAY))

    def _window_holds(self, day: date, moment: datetime) -> bool:
        if ("holiday" if day in self.holidays else DAYS[day.weekday()]) not in self.days:
            return False
        last = day if self.opens < self.closes else day + ONE_DAY
        opens, closes = datetime.combine(day, self.opens), datetime.combine(last, self.closes)
        return instant(opens, self.zone) <= moment < instant(closes, self.zone)


@dataclass(frozen=True, slots=True)
class Fixed:
    """Duties that stand in a list: overrides, or the events of a calendar. The last one that fits is meant."""

    duties: tuple[Duty, ...]

    def at(self, moment: datetime) -> str | None:
        """The person of the last duty that holds."""
        return next((duty.person for duty in reversed(self.duties) if duty.start <= moment < duty.end), None)

    def edges(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Beginnings and ends."""
        for duty in self.duties:
            yield from (edge for edge in (duty.start, duty.end) if start <= edge < end)


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end) with the same person, or with nobody (None)."""

    person: str | None
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Roster:
    """One duty: its layers, weakest first, and the areas it answers for (none: all)."""

    name: str
    layers: tuple[Layer, ...]
    areas: frozenset[str] = frozenset()

    def answers_for(self, area: str) -> bool:
        """True if its people are called for alarms of an area."""
        return not self.areas or area in self.areas

    def at(self, moment: datetime) -> str | None:
        """The person's id at an instant, None if there is nobody."""
        found = (layer.at(moment) for layer in reversed(self.layers))
        return next((person for person in found if person is not None), None)

    def edges(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Those of all layers: a roster is a layer itself."""
        for layer in self.layers:
            yield from layer.edges(start, end)

    def spans(self, start: datetime, end: datetime) -> list[Span]:
        """Who has the duty over [start, end), without a break and in order."""
        edges = sorted({start, *(edge.astimezone(UTC) for edge in self.edges(start, end))})
        spans: list[Span] = []
        for edge, following in zip(edges, [*edges[1:], end], strict=True):
            person = self.at(edge)
            if spans and spans[-1].person == person:
                spans[-1] = Span(person, spans[-1].start, following)
            else:
                spans.append(Span(person, edge, following))
        return spans

    def gaps(self, start: datetime, end: datetime) -> list[Span]:
        """The spans with nobody on duty."""
        return [span for span in self.spans(start, end) if span.person is None]


def answering(rosters: Sequence[Roster], area: str) -> list[Roster]:
    """Those who answer for an area. For Davylamp itself, which is the area "system" or none: those that name it, else
    those without areas, else all: a channel that fails concerns somebody."""
    if area not in ("", OWN_AREA):
        return [roster for roster in rosters if roster.answers_for(area)]
    named = [roster for roster in rosters if OWN_AREA in roster.areas]
    return named or [roster for roster in rosters if not roster.areas] or list(rosters)


def called(rosters: Sequence[Roster], area: str, moment: datetime) -> list[str]:
    """The people on duty for an area, in the rosters' order, each once."""
    found = (roster.at(moment) for roster in answering(rosters, area))
    return list(dict.fromkeys(person for person in found if person is not None))


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant of a local time; the first of two in a repeated hour, the clock before in a skipped one."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _days(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[date]:
    day, last = start.astimezone(zone).date() - ONE_DAY, end.astimezone(zone).date()
    while day <= last:
        yield day
        day += ONE_DAY
