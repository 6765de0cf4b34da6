"""Reads people, channels and rosters from a site file, and duties from iCalendar files beside it.

Constraints. Every mistake is noted with its place and reading goes on. An address is only read here; `oncall test`
tries it. Calendars are expanded by `recurring_ical_events`, for the time that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from collector.roster import DAYS, MIDNIGHT, Duty, Fixed, Layer, Person, Roster, Rotation
from detectors.document import Table, listed, nearest, shown
from detectors.sensor import OWN_AREA

PERSON_KEYS: Mapping[str, str] = {
    "name": "text. As people know them; the key where not given.",
    "reach": 'table {channel = "address"}, required: the ways to reach them, in the order in which they are tried.',
    "known_as": 'table {channel = "name"}: what a channel calls them in replies, where that is not the address.',
}
ROSTER_KEYS: Mapping[str, str] = {
    "areas": f"list of areas that this duty answers for; all where not given. {OWN_AREA!r} is Davylamp itself, like a "
    "channel that fails: where no roster names it those without `areas` answer for it, else all.",
    "zone": "zone of its times; the site's where not given.",
    "holidays": 'list of days, "2026-10-01". A holiday is no weekday: only layers with "holiday" in `days` hold.',
    "layer": "list of tables: rotations, weakest first; a later one wins where it has somebody.",
    "calendar": "iCalendar file: an event whose summary is a person's key or name is a duty. Wins over layers.",
    "override": "list of tables {person, from, to}: wins over all; the last one of several.",
}
LAYER_KEYS: Mapping[str, str] = {
    "people": "list of persons, required, in the order of their turns.",
    "start": 'local time, required: when the first turn begins, "2026-11-02T08:00".',
    "turn": "duration of a turn; 7d. Whole days keep their local hour over a change of clocks.",
    "days": f"list of days on which it holds: {', '.join(DAYS)}; all where not given.",
    "from": 'local time of day, "20:00"; with `to` the part of each day in which it holds.',
    "to": "local time of day; before `from` it is on the next day.",
}
OVERRIDE_KEYS: Mapping[str, str] = {
    "person": "a person, required.",
    "from": 'local time, required: "2026-11-07T20:00".',
    "to": "local time, required.",
}


@dataclass(frozen=True, slots=True)
class Calendar:
    """The duties of an iCalendar file."""

    events: Any
    """What `recurring_ical_events.of` made of it."""
    people: Mapping[str, str]
    """Person's id by key and by name, in lower case."""
    zone: ZoneInfo

    def at(self, moment: datetime) -> str | None:
        """The person of the event that holds; the one that began last, of several."""
        return Fixed(tuple(self._duties(moment, moment + timedelta(seconds=1)))).at(moment)

    def edges(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Beginnings and ends of the events."""
        yield from Fixed(tuple(self._duties(start, end))).edges(start, end)

    def strangers(self, start: datetime, end: datetime) -> list[str]:
        """Summaries that name no person."""
        found = dict.fromkeys(str(event.get("SUMMARY", "")).strip() for event in self.events.between(start, end))
        return [summary for summary in found if summary.lower() not in self.people]

    def _duties(self, start: datetime, end: datetime) -> list[Duty]:
        duties = []
        for event in self.events.between(start, end):
            person = self.people.get(str(event.get("SUMMARY", "")).strip().lower())
            if person is not None:
                duties.append(Duty(person, self._moment(event.start), self._moment(event.end)))
        return sorted(duties, key=lambda duty: duty.start)

    def _moment(self, given: date) -> datetime:
        when = given if isinstance(given, datetime) else datetime.combine(given, MIDNIGHT)
        return (when if when.tzinfo else when.replace(tzinfo=self.zone)).astimezone(UTC)


def read_people(whole: Table, channels: Sequence[str]) -> dict[str, Person]:
    """The persons of `[person.*]`; each needs a way to be reached, by a channel that exists."""
    people = {}
    for key, table in whole.tables("person", PERSON_KEYS).items():
        reach, known_as = (tuple(_addresses(table.table(name), channels)) for name in ("reach", "known_as"))
        if not table.data.get("reach"):
            table.missing("reach", 'a table {channel = "address"}: someone who cannot be reached is on no duty')
        people[key] = Person(key, table.text("name", key), reach, known_as)
    return people


def _addresses(given: Table, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
    for channel, address in given.data.items():
        if channel not in channels:
            given.wrong((channel,), f"unknown channel {channel!r}", listed(channels) or "a [channel.NAME]",
                        nearest(channel, channels))  # fmt: skip
        elif not isinstance(address, str) or not address.strip():
            given.wrong((channel,), shown(address), "an address, as a text")
        else:
            yield channel, address.strip()


def read_rosters(
    whole: Table, people: Mapping[str, Person], zone: ZoneInfo, areas: Sequence[str], folder: Path
) -> tuple[Roster, ...]:
    """The rosters of `[roster.*]`, in the file's order. `areas` are the site's; none where its mistakes hide them."""
    return tuple(
        _Reading(table, people, zone, folder).roster(name, areas)
        for name, table in whole.tables("roster", ROSTER_KEYS).items()
    )


class _Reading:
    def __init__(self, table: Table, people: Mapping[str, Person], zone: ZoneInfo, folder: Path) -> None:
        self.table, self.people, self.folder = table, people, folder
        self.zone = self._zone(zone)
        self.holidays = frozenset(self._holidays())

    def roster(self, name: str, known: Sequence[str]) -> Roster:
        areas = self.table.texts("areas")
        for area in areas:
            if known and area not in known:
                self.table.wrong(("areas",), f"unknown area {area!r}", listed(known), nearest(area, known))
        layers: list[Layer] = [
            rotation for layer in self._listed("layer", LAYER_KEYS) if (rotation := self._rotation(layer)) is not None
        ]
        if (calendar := self._calendar()) is not None:
            layers.append(calendar)
        duties = [duty for item in self._listed("override", OVERRIDE_KEYS) if (duty := self._override(item))]
        if not layers:
            self.table.missing("layer", "at least one layer, or a calendar")
        return Roster(name, (*layers, Fixed(tuple(duties))), frozenset(areas))

    def _zone(self, default: ZoneInfo) -> ZoneInfo:
        name = self.table.text("zone", default.key)
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            self.table.wrong(("zone",), shown(name), 'a zone of the IANA data base: "Asia/Shanghai"')
            return default

    def _holidays(self) -> Iterator[date]:
        for text in self.table.texts("holidays"):
            try:
                yield date.fromisoformat(text)
            except ValueError:
                self.table.wrong(("holidays",), shown(text), 'a day: "2026-10-01"')

    def _listed(self, key: str, keys: Mapping[str, str]) -> list[Table]:
        given = self.table.data.get(key, [])
        if not isinstance(given, list):
            self.table.wrong((key,), shown(given), f"a list of tables {{{', '.join(keys)}}}")
            return []
        return [Table(item, (*self.table.path, key, n), self.table.mistakes, keys) for n, item in enumerate(given)]

    def _rotation(self, layer: Table) -> Rotation | None:
        people = layer.texts("people")
        if "people" in layer and not people:
            layer.wrong(("people",), "nobody", "at least one person")
        elif not people:
            layer.missing("people", "a list of persons")
        for person in people:
            self._known(layer, "people", person)
        days = layer.texts("days") or DAYS
        for day in days:
            if day not in DAYS:
                layer.wrong(("days",), shown(day), ", ".join(DAYS), nearest(day, DAYS))
        start, turn = self._local(layer, "start"), layer.duration("turn")
        if turn is not None and turn < 3600 * 10**9:
            layer.wrong(("turn",), shown(layer.data["turn"]), "an hour or more")
            turn = None
        if not people or start is None:
            return None
        length = timedelta(days=7) if turn is None else timedelta(microseconds=turn // 1000)
        opens, closes = _clock(layer, "from"), _clock(layer, "to")
        return Rotation(people, start, length, self.zone, frozenset(days), opens, closes, self.holidays)

    def _override(self, item: Table) -> Duty | None:
        person = item.text("person", None, "a person")
        self._known(item, "person", person)
        start, end = self._local(item, "from"), self._local(item, "to")
        if start is None or end is None:
            return None
        if end <= start:
            item.wrong(("to",), shown(item.data["to"]), "a time after `from`")
        return Duty(person, *(when.replace(tzinfo=self.zone).astimezone(UTC) for when in (start, end)))

    def _known(self, table: Table, key: str, person: str) -> None:
        if person and person not in self.people:
            table.wrong((key,), f"unknown person {person!r}", listed(self.people) or "a [person.NAME]",
                        nearest(person, self.people))  # fmt: skip

    def _local(self, table: Table, key: str) -> datetime | None:
        given, allowed = table.data.get(key), 'a local time: "2026-11-02T08:00"'
        if given is None:
            table.missing(key, allowed)
            return None
        try:
            when = given if isinstance(given, datetime) else datetime.fromisoformat(given)
        except (TypeError, ValueError):
            table.wrong((key,), shown(given), allowed)
            return None
        if when.tzinfo is not None:
            table.wrong((key,), shown(given), f"{allowed}, without a zone: the roster has one")
        return when.replace(tzinfo=None)

    def _calendar(self) -> Calendar | None:
        name = self.table.text("calendar", "")
        if not name:
            return None
        import icalendar
        import recurring_ical_events  # type: ignore[import-untyped]

        try:
            calendar = icalendar.Calendar.from_ical((self.folder / name).read_bytes())
            events = recurring_ical_events.of(calendar)
        except Exception as error:  # these libraries raise KeyError, AttributeError and more for what is no calendar
            said = f"{shown(name)}: {type(error).__name__}: {error}"
            self.table.wrong(("calendar",), said, "an iCalendar file that can be read")
            return None
        named = {person.name.lower(): key for key, person in self.people.items()}
        return Calendar(events, {**named, **{key.lower(): key for key in self.people}}, self.zone)


def _clock(layer: Table, key: str) -> time:
    given = layer.data.get(key)
    if given is None:
        return MIDNIGHT
    try:
        when = given if isinstance(given, time) else time.fromisoformat(given)
        if when.tzinfo is None:
            return when
    except (TypeError, ValueError):
        pass
    layer.wrong((key,), shown(given), 'a local time of day: "20:00"')
    return MIDNIGHT
