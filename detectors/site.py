"""A site: its sensors, its rules in the order they run, its payloads, read from one self-contained document.

Constraints. The document is the site file with its limit set and sensor table already put in, so a revision in the log
needs no other file. Reading finds every mistake in one pass. Files, lines, secrets and zones are the collector's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from detectors.blasting import hidden_by_blasting
from detectors.desk_load import desk_series
from detectors.desks import EVERYTHING, read_desks
from detectors.document import Mistake, SiteMistakes, Table
from detectors.hazards import DUE
from detectors.rule import HOUR, LONGEST_SHELF, Priority, Rule, Series, Subject
from detectors.sensor import PAYLOAD_KEYS, SENSOR_KEYS, Payload, Sensor, read_payloads, read_sensors
from detectors.site_rules import RULE_KEYS, made_by, read_rules

SITE_KEYS: Mapping[str, str] = {
    "id": "text, required. Its name in every record.",
    "timezone": 'text, required: "Asia/Shanghai". Screens and shifts; records stay UTC.',
    "simulated": "true: readings are pretended, and everything shown says so.",
    "limits": "cn, us or eu: the limit set that `use` means.",
    "longest_test": "duration: the longest that a sensor may be in test; 1h.",
    "shelving": "table {low, medium, high = duration}: the longest a person may shelve; at most 8h, 8h, 1h.",
}
HAZARD_KEYS: Mapping[str, str] = {
    "critical": "duration from a critical alarm until its hazard is due to be closed; 8h, a choice to be confirmed.",
    "high": "the same for high alarms; 72h, a choice to be confirmed.",
}
TABLES = ("site", "limit_set", "payload", "sensor", "rule", "desk", "hazards")
"""The tables of a document that say what is judged and how; a revision is made of these."""
LONGEST_TEST = 8 * HOUR
"""ns: what a site may allow at most; a sensor in test watches nothing."""

SHORTEST_DUE = 1_000_000_000
"""ns: each time that it is overdue is a journal line."""


@dataclass(frozen=True)
class Site:
    """What judging needs to know of a site."""

    id: str
    timezone: str
    simulated: bool
    limits: str
    sensors: Mapping[str, Sensor]
    """In file order."""
    rules: tuple[Rule, ...]
    """Each after those it looks at; the implicit rule `silent` first."""
    payloads: tuple[Payload, ...]
    document: Mapping[str, Any]
    shelving: Mapping[Priority, int] = field(default_factory=lambda: dict(LONGEST_SHELF))
    """ns an alarm of a priority may be shelved at most; a priority not in it never is."""
    hazards: Mapping[Priority, int] = field(default_factory=lambda: dict(DUE))
    """ns from an occurrence of a priority until its hazard is due; a priority not in it opens none."""
    desk_of: Mapping[str, str] = field(default_factory=dict)
    """area -> the desk that hears its alarms."""
    longest_test: int = HOUR
    """ns a sensor may be in test at most."""


def read_site(document: Mapping[str, Any], proposed: bool = False) -> Site:
    """The site a document describes. Raises SiteMistakes with every mistake of meaning in it. `proposed`: by a person,
    and not yet in force; what was taken once is not asked whether its sensors can serve its rules (detectors.reach)."""
    mistakes: list[Mistake] = []
    whole = Table(document, (), mistakes)
    head = whole.table("site", SITE_KEYS)
    sensors = read_sensors(whole)
    simulated = head.flag("simulated")
    known = _raw(sensors)
    rules = read_rules(whole, sensors, known, not simulated, proposed)
    for name, quantity in hidden_by_blasting(rules, sensors):
        found = f"a blasting window, on {quantity}"
        whole.wrong(("rule", name, "suppress_when"), found, "a rule that watches no gas and no dust")
    site = Site(
        id=head.text("id", None, "the site's name"),
        timezone=head.text("timezone", None, 'a zone: "Asia/Shanghai"'),
        simulated=simulated,
        limits=head.text("limits", ""),
        sensors=sensors,
        rules=rules,
        payloads=read_payloads(whole),
        document=document,
        shelving=_shelving(head),
        hazards=_hazards(whole.table("hazards", HAZARD_KEYS)),
        desk_of=read_desks(whole, _areas(sensors, rules)),
        longest_test=_longest_test(head),
    )
    if mistakes:
        raise SiteMistakes(dict.fromkeys(mistakes))
    return site


def series(site: Site) -> list[Series]:
    """All that is stored and drawn: sensors in site order, each rule's verdicts and columns, each desk's figures."""
    out = _raw(site.sensors)
    for rule in site.rules:
        for made in made_by(rule, out):
            out[made.id] = made
    desks = dict.fromkeys(site.desk_of.values()) or (EVERYTHING,)
    return [*out.values(), *desk_series(tuple(desks))]


def _longest_test(head: Table) -> int:
    given = head.duration("longest_test")
    if given is not None and not 0 < given <= LONGEST_TEST:
        head.wrong(("longest_test",), f"{head.data['longest_test']!r}", f"more than 0, at most {LONGEST_TEST // HOUR}h")
    return HOUR if given is None else given


def _shelving(head: Table) -> dict[Priority, int]:
    table = head.table("shelving")
    out = dict(LONGEST_SHELF)
    names = {priority.name.lower(): priority for priority in LONGEST_SHELF}
    for key in table.data:
        if key not in names:
            found = "critical alarms shelved" if key == "critical" else f"unknown key {key!r}"
            table.wrong((key,), found, ", ".join(names) + "; critical is never shelved")
            continue
        most, given = LONGEST_SHELF[names[key]], table.duration(key)
        if given is not None and not 0 <= given <= most:
            table.wrong((key,), f"{table.data[key]!r}", f"at most {most // 3_600_000_000_000}h for {key}")
        out[names[key]] = most if given is None else given
    return out


def _hazards(table: Table) -> dict[Priority, int]:
    out = dict(DUE)
    for priority in DUE:
        key = priority.name.lower()
        given = table.duration(key)
        if given is not None and given < SHORTEST_DUE:
            table.wrong((key,), f"{table.data[key]!r}", "1s or more")
        elif given is not None:
            out[priority] = given
    return out


def _areas(sensors: Mapping[str, Sensor], rules: Iterable[Rule]) -> list[str]:
    """Every area that an alarm may be in, in the file's order."""
    groups = (subject.area for rule in rules for subject in rule.subjects)
    return [area for area in dict.fromkeys([*(sensor.area for sensor in sensors.values()), *groups]) if area]


def _raw(sensors: Mapping[str, Sensor]) -> dict[str, Series]:
    return {s.id: Series(s.id, s.id, s.area, s.quantity, s.unit) for s in sensors.values()}


def describe(mistakes: Iterable[Mistake]) -> str:
    """Mistakes as text, one a line."""
    return "\n".join(str(mistake) for mistake in mistakes)


def priority_mix(site: Site) -> str:
    """How the rules share out over priorities, beside the shares that operators can live with."""
    count = Counter(rule.priority for rule in site.rules for _ in rule.subjects)
    aims = {Priority.CRITICAL: "< 1 %", Priority.HIGH: "about 5 %", Priority.MEDIUM: "15 %", Priority.LOW: "80 %"}
    total = sum(count[priority] for priority in aims)
    lines = [
        f"{priority.name.lower():<9}{count[priority]:>6}  {100 * count[priority] / max(total, 1):>5.1f} %  (aim {aim})"
        for priority, aim in aims.items()
    ]
    return "\n".join([*lines, f"{'log':<9}{count[Priority.LOG]:>6}  (never annunciated)"])


__all__ = [
    "PAYLOAD_KEYS", "RULE_KEYS", "SENSOR_KEYS", "SITE_KEYS", "TABLES", "Mistake", "Payload", "Priority", "Rule",
    "Sensor", "Series", "Site", "SiteMistakes", "Subject", "describe", "priority_mix", "read_site", "series",
]  # fmt: skip
