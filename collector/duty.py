"""Who is on duty now and next, and what is wrong with it before the night it is needed: for `oncall` and `check`.

Constraints. The moment asked about is given. Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from collector.oncall import CHECKED_DAYS, OnCall
from collector.roster import Span, answering
from collector.secret import SecretAbsent
from detectors.rule import Priority
from detectors.sensor import OWN_AREA
from detectors.site import Site

ITSELF = "Davylamp itself"
"""What an alarm about a channel, a rule that broke or the log is about."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A roster's present turn and the one after it."""

    roster: str
    areas: tuple[str, ...]
    system: bool
    """Answers for Davylamp itself."""
    person: str | None
    until: datetime
    next: str | None


def turns(oncall: OnCall, moment: datetime, ahead: timedelta = timedelta(days=CHECKED_DAYS)) -> list[Turn]:
    """Who has each duty at a moment, until when, and who then."""
    found, system = [], answering(oncall.rosters, OWN_AREA)
    for roster in oncall.rosters:
        spans = roster.spans(moment, moment + ahead)
        after = spans[1].person if len(spans) > 1 else spans[0].person
        areas = tuple(sorted(roster.areas - {OWN_AREA}))
        found.append(Turn(roster.name, areas, roster in system, spans[0].person, spans[0].end, after))
    return found


def called_for(site: Site) -> list[str]:
    """The areas in which a rule calls people, in the rules' order; last that of Davylamp itself, which always may."""
    pairs = ((rule, subject) for rule in site.rules for subject in rule.subjects)
    areas = dict.fromkeys(subject.area for rule, subject in pairs if rule.priority >= Priority.HIGH)
    return [*(area for area in areas if area != OWN_AREA), OWN_AREA]


def troubles(oncall: OnCall, site: Site, moment: datetime) -> list[str]:
    """What would fail in the next weeks, in words: gaps, events that name nobody, addresses that a channel refuses."""
    end = moment + timedelta(days=CHECKED_DAYS)
    zone = ZoneInfo(site.timezone)
    open_spans: dict[Span, list[str]] = {}
    for area, gap in oncall.gaps(called_for(site), moment, end):
        open_spans.setdefault(gap, []).append(area)
    said = [_gap(gap, areas, zone) for gap, areas in open_spans.items()]
    said += [f'roster {roster}: the calendar\'s event "{summary}" names no person'
             for roster, summary in oncall.strangers(moment, end)]  # fmt: skip
    return said + list(objections(oncall))


def objections(oncall: OnCall) -> Iterator[str]:
    """Addresses that their channel cannot reach, as far as can be told without sending."""
    for person in oncall.people.values():
        for channel, address in person.reach:
            if (problem := _objection(oncall, channel, address)):
                yield f"person {person.id}, channel {channel}: {problem}"
    for siren in oncall.policy.sirens:
        if (problem := _objection(oncall, siren, "")):
            yield f"siren {siren}: {problem}"


def _objection(oncall: OnCall, channel: str, address: str) -> str:
    try:
        return oncall.ways[channel].objection(address)
    except SecretAbsent as absent:
        return str(absent)


def _gap(gap: Span, areas: list[str], zone: ZoneInfo) -> str:
    start, end = (f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M}" for moment in (gap.start, gap.end))
    named = ", ".join(ITSELF if area == OWN_AREA else area for area in areas)
    return f"nobody is on duty for {named} from {start} to {end}"
