"""Who is called, how, and after how long: the tables person, channel, roster and oncall of a site file.

Constraints. Settings, not judgement: nothing here is part of a revision, and no address or secret reaches the journal.
Without a roster nobody is called by Davylamp (Grafana's contact points page then).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, cast
from zoneinfo import ZoneInfo

from collector.calling import TO, Command, Gateway, Hook, Way
from collector.canary_settings import MODE_KEY, read_mode
from collector.escalation import AFTER, Policy
from collector.incoming import INCOMING_KEYS, Incoming, read_incoming
from collector.roster import Person, Roster, Span, answering, called
from collector.roster_file import Calendar, read_people, read_rosters
from collector.secret import Secret, read_secret
from detectors.document import Table, listed, nearest, shown

CHANNEL_KEYS: Mapping[str, str] = {
    "apprise_file": "file whose first line is an apprise URL; {to} in it is the address.",
    "apprise_env": "name of the environment variable with the apprise URL.",
    "webhook_file": "file whose first line is a URL that takes a POST of JSON; {to} in it is the address.",
    "webhook_env": "name of the environment variable with that URL.",
    "command": "list of texts: a program and its words; {to}, {headline}, {text} and {id} are filled in. No shell.",
    **MODE_KEY,
    **INCOMING_KEYS,
}
ONCALL_KEYS: Mapping[str, str] = {
    "critical": "duration to wait for an accept before the next step; 2min.",
    "high": "the same for high alarms; 15min.",
    "again": "duration between two rounds of calling everyone; 5min.",
    "group": "duration in which one person gets one message of high alarms, critical ones apart; 5min.",
    "unattended": "duration after which an accepted alarm without a comment calls again; 30min.",
    "sirens": "list of channels that reach nobody in particular, used when everyone is called.",
    "language": '"en" or "zh", of the messages; en.',
    "link": "text. Address at which people reach the page, https://...; messages then carry a link to accept.",
}
CHECKED_DAYS = 35
"""How far ahead a roster is looked through for gaps."""


@dataclass(frozen=True, slots=True)
class OnCall:
    """Everything about being on call at a site."""

    people: Mapping[str, Person]
    rosters: tuple[Roster, ...]
    ways: Mapping[str, Way]
    policy: Policy = Policy()
    incoming: Mapping[str, Incoming] = field(default_factory=dict)
    """By channel: what its gateway posts to us."""
    language: Literal["en", "zh"] = "en"
    link: str = ""
    canary: Mapping[str, str] = field(default_factory=dict)
    """What the canary does at each channel's door; probe where it is not named."""

    def on_duty(self, area: str, moment: datetime) -> list[str]:
        """The people on duty for an area, in the order in which they are called."""
        return called(self.rosters, area, moment)

    def gaps(self, areas: Iterable[str], start: datetime, end: datetime) -> Iterator[tuple[str, Span]]:
        """(area, span) for which nobody is on duty."""
        for area in areas:
            layers = tuple(answering(self.rosters, area))
            yield from ((area, gap) for gap in Roster(area, layers).gaps(start, end))

    def strangers(self, start: datetime, end: datetime) -> Iterator[tuple[str, str]]:
        """(roster, summary) of calendar events that name no person."""
        for roster in self.rosters:
            for layer in roster.layers:
                if isinstance(layer, Calendar):
                    yield from ((roster.name, summary) for summary in layer.strangers(start, end))


def read_oncall(whole: Table, folder: Path, zone: ZoneInfo, areas: Sequence[str]) -> OnCall | None:
    """What the tables say; None where there is no roster. Mistakes are noted in `whole`."""
    ways = {name: way for name, way in _ways(whole, folder)}
    tables = whole.tables("channel").items()
    incoming = {name: one for name, table in tables if (one := read_incoming(table, folder)) is not None}
    people = read_people(whole, tuple(whole.table("channel").data))
    rosters = read_rosters(whole, people, zone, areas, folder)
    table = whole.table("oncall", ONCALL_KEYS)
    if not rosters:
        if "oncall" in whole:
            whole.missing("roster", "a [roster.NAME]: it says who is on duty")
        return None
    sirens = table.texts("sirens")
    for siren in sirens:
        if siren not in ways:
            table.wrong(("sirens",), f"unknown channel {siren!r}", listed(ways), nearest(siren, ways))
    link = table.text("link", "")
    if link and not link.startswith(("https://", "http://")):
        table.wrong(("link",), shown(link), "https://host[:port]")
    language = cast(Literal["en", "zh"], table.choice("language", ("en", "zh"), "en"))
    canary = {name: read_mode(channel) for name, channel in whole.tables("channel").items()}
    return OnCall(people, rosters, ways, _policy(table, sirens), incoming, language, link.rstrip("/"), canary)


def _policy(table: Table, sirens: tuple[str, ...]) -> Policy:
    usual = Policy()
    after = {name: _wait(table, name, ns) for name, ns in AFTER.items()}
    return Policy(
        after=after,
        again=_wait(table, "again", usual.again),
        group=_wait(table, "group", usual.group, zero=True),
        unattended=_wait(table, "unattended", usual.unattended),
        sirens=sirens,
    )


def _wait(table: Table, key: str, usual: int, zero: bool = False) -> int:
    given = table.duration(key)
    if given is None:
        return usual
    if given < 10**10 and not (zero and given == 0):
        table.wrong((key,), shown(table.data[key]), "10s or more" + (", or 0s" if zero else ""))
        return usual
    return given


def _ways(whole: Table, folder: Path) -> Iterator[tuple[str, Way]]:
    for name, table in whole.tables("channel", CHANNEL_KEYS).items():
        gateway = read_secret(table, "apprise", folder)
        hook = read_secret(table, "webhook", folder)
        command = table.texts("command")
        given = [way for way in (gateway, hook, command) if way]
        if len(given) != 1:
            table.wrong((), f"{len(given)} ways" if given else "no way", "one of apprise, webhook and command")
        elif gateway:
            yield name, Gateway(gateway)
        elif hook:
            yield name, Hook(hook, table.text("answer_id", ""))
        else:
            yield name, Command(command)


def channel_secrets(whole: OnCall | None) -> dict[tuple[str, ...], Secret]:
    """Each secret that the channels name, by its place in the file."""
    if whole is None:
        return {}
    found: dict[tuple[str, ...], Secret] = {
        ("channel", name): way.url for name, way in whole.ways.items() if isinstance(way, Gateway | Hook)
    }
    return found | {("channel", name, "token"): one.token for name, one in whole.incoming.items()}


__all__ = ["CHANNEL_KEYS", "CHECKED_DAYS", "ONCALL_KEYS", "TO", "OnCall", "channel_secrets", "read_oncall"]
