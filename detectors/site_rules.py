"""Reading the rules of a site: which series each watches, in which order they run, and what is wrong with them.

Constraints. Every mistake is noted and reading goes on; a mistake in one rule makes none in rules that depend on it.
The order is that of the file wherever dependencies allow. Not here: what rules do (judge.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from detectors.document import Table, listed, nearest, shown
from detectors.limit_set import SIGNED, USE_KEYS, expand
from detectors.rule import Priority, Rule, Series, Subject
from detectors.sensor import OWN, Sensor
from detectors.site_detector import build_detector
from detectors.site_order import depends_on, in_order
from detectors.site_subjects import read_subjects

RULE_KEYS: Mapping[str, str] = {
    "sensors": 'list of sensors, globs, "area:NAME", "quantity:NAME" (both in one text: both must hold), '
    '"@rule/subject", "subject/rule.column"; or a table {part = one of them}.',
    "group": "text. Makes one subject of that name of all inputs; else each input is a subject.",
    "area": "text. The group's area where its inputs have several.",
    "detector": "table: `kind`, its parameters, and `of` (as `sensors`) for rules on rules.",
    "use": 'text. A clause of the limit set, "methane.T1": makes a rule a rung, NAME.warn, NAME.cut.',
    "change": "table {rung = {trip, reset, delay, priority}}: the site's own values of a clause.",
    "confirmed": '"name, 2026-01-31" (or a table by rung): who read the clause behind a value from recall.',
    "deviation": "text. Why a value is looser than its clause.",
    "priority": "critical, high, medium, low or log. Required without `use`.",
    "on_delay": "duration. How long it must hold before it is an alarm.",
    "off_delay": "duration. How long it must be gone before it has returned.",
    "latch": "true: stands until an engineer resets.",
    "suppress_when": '"@rule" (the same subject where that rule has it, else any) or "@rule/subject".',
    "guidance": "text. What to do now. Required if critical.",
    "consequence": "text. What happens if nobody acts. Required if critical.",
    "respond_within": "duration. Required if critical.",
    "citation": "text. Where the limit comes from.",
    "mark": '"V" the source was seen, "R" from recall (needs `confirmed` on a live site).',
    "ladder": "text. Rules of one ladder: an active higher rung suppresses the lower ones.",
    "rung": "whole number. Place in the ladder, lowest first.",
}
SILENT: Mapping[str, Any] = {
    "detector": {"kind": "health.silent"},
    "priority": "medium",
    "guidance": "Check the sensor's power, cable and network. Watch the place by other means until it speaks again.",
}


@dataclass(slots=True)
class Draft:
    """A rule on its way from the document."""

    name: str
    table: Table
    ladder: str = ""
    rung: int = 0
    of: str = ""
    """The quantity that a clause is about; empty where the rule is the site's own."""
    needs: set[str] = field(default_factory=set)
    broken: bool = False


def read_rules(
    document: Table, sensors: Mapping[str, Sensor], series: dict[str, Series], live: bool, proposed: bool = False
) -> tuple[Rule, ...]:
    """All rules in dependency order; `series` (the raw sensors' on entry) gains what each rule makes."""
    drafts = _drafts(document, sensors, live)
    for draft in drafts.values():
        draft.needs = depends_on(draft.name, draft.table, drafts)
    rules = []
    for name in in_order(drafts):
        draft = drafts[name]
        before = len(draft.table.mistakes)
        rule = _rule(draft, drafts, sensors, series, live, proposed)
        draft.broken |= len(draft.table.mistakes) > before
        if rule is not None:
            rules.append(rule)
    return tuple(rules)


def _drafts(document: Table, sensors: Mapping[str, Sensor], live: bool) -> dict[str, Draft]:
    tables = document.tables("rule", RULE_KEYS)
    drafts: dict[str, Draft] = {}
    watched = [sensor.id for sensor in sensors.values() if sensor.every is not None and not sensor.id.startswith(OWN)]
    own = tables.pop("silent", None)
    if watched or own:
        given = own.data if own else {}
        drafts["silent"] = Draft(
            "silent", Table({"sensors": watched, **SILENT, **given}, ("rule", "silent"), document.mistakes)
        )
    limit_set = document.table("limit_set").data
    for name, table in tables.items():
        if not name.replace("-", "").replace("_", "").isalnum():
            table.wrong((), f"rule name {name!r}", "letters, digits, - and _")
        for draft in _expanded(name, table, limit_set, live):
            if draft.name in drafts:
                table.wrong((), f"a second rule {draft.name!r}", "one rule of a name")
            drafts[draft.name] = draft
    return drafts


def _expanded(name: str, table: Table, limit_set: Mapping[str, Any], live: bool) -> list[Draft]:
    if "use" not in table:
        for key in USE_KEYS[1:]:
            if key in table and not (key == "confirmed" and "mark" in table):
                table.wrong((key,), f"{key} without use", 'use = "methane.T1"')
        return [Draft(name, table, table.text("ladder", ""), table.whole("rung", 0))]
    for key in ("priority", "on_delay", "citation", "mark", "ladder", "rung"):
        if key in table:
            table.wrong((key,), f"{key} beside use", "only what the clause leaves open; `change` for its values")
    rungs = expand(table, limit_set, live)
    quantity = table.text("use").partition(".")[0]
    if not rungs:
        return [Draft(name, table, name, of="?", broken=True)]
    return [
        Draft(f"{name}.{rung.name}", Table(rung.data, table.path, table.mistakes), name, rung.place, of=quantity)
        for rung in rungs
    ]


def _rule(
    draft: Draft,
    drafts: Mapping[str, Draft],
    sensors: Mapping[str, Sensor],
    series: dict[str, Series],
    live: bool,
    proposed: bool,
) -> Rule | None:
    table = draft.table
    hollow = {name for name, other in drafts.items() if other.broken}
    subjects = read_subjects(table, series, hollow)
    if subjects is None:
        draft.broken = True
    if draft.broken and "use" in table:
        return None
    _of_the_clause(draft, subjects or (), series)
    detector = build_detector(table, subjects or (), sensors, series, proposed)
    priority = _priority(table)
    _owed(table, priority, live, bool(draft.of))
    rule = Rule(
        name=draft.name,
        detector=detector,
        subjects=subjects or (),
        priority=priority,
        on_delay=table.duration("on_delay") or 0,
        off_delay=table.duration("off_delay") or 0,
        latch=table.flag("latch"),
        suppress_when=_suppression(draft, drafts, series),
        guidance=table.text("guidance", ""),
        consequence=table.text("consequence", ""),
        respond_within=table.duration("respond_within"),
        citation=table.text("citation", ""),
        mark=table.choice("mark", ("V", "R"), "V") if "mark" in table else "",
        ladder=draft.ladder,
        rung=draft.rung,
        raises_priority=str(getattr(detector, "kind", "")).startswith("health."),
    )
    series.update((made.id, made) for made in made_by(rule, series))
    return None if detector is None or subjects is None else rule


def _of_the_clause(draft: Draft, subjects: Iterable[Subject], series: Mapping[str, Series]) -> None:
    for subject in subjects if draft.of else ():
        other = series[subject.inputs[0][1]].quantity
        if other != draft.of:
            found = f"a clause about {draft.of} on {subject.id}, which measures {other}"
            draft.table.wrong(("use",), found, f'sensors = ["quantity:{draft.of}"] or some of these')


def _priority(table: Table) -> Priority:
    names = [priority.name.lower() for priority in reversed(Priority)]
    name = table.choice("priority", names)
    return Priority[name.upper()] if name == table.data.get("priority") else Priority.MEDIUM


def _owed(table: Table, priority: Priority, live: bool, by_clause: bool) -> None:
    """What a rule must say because of what it is."""
    for key in ("guidance", "consequence", "respond_within") if priority is Priority.CRITICAL else ():
        if key not in table:
            table.missing(key, f"{key}, which every critical rule needs")
    if live and not by_clause and table.data.get("mark") == "R":
        words = table.data.get("confirmed")
        if words is None:
            table.wrong(("mark",), "an unconfirmed value [R]", 'confirmed = "name, 2026-01-31" beside it')
        elif not (isinstance(words, str) and SIGNED.fullmatch(words)):
            table.wrong(("confirmed",), shown(words), 'a name and a date: "Li Wei, 2026-01-31"')


def _suppression(draft: Draft, drafts: Mapping[str, Draft], series: Mapping[str, Series]) -> str | None:
    if "suppress_when" not in draft.table:
        return None
    text = draft.table.text("suppress_when")
    rule, _, subject = text.removeprefix("@").partition("/")
    if not text.startswith("@") or rule not in drafts:
        names = [f"@{name}" for name in drafts]
        draft.table.wrong(("suppress_when",), shown(text), listed(names) or "@rule", nearest(text, names))
    elif subject and text not in series and not drafts[rule].broken:
        known = [name for name in series if name.startswith(f"@{rule}/")]
        draft.table.wrong(("suppress_when",), shown(text), listed(known), nearest(text, known))
    return text


def made_by(rule: Rule, series: Mapping[str, Series]) -> list[Series]:
    """The series a rule makes: each subject's verdict, then its columns."""
    columns: Mapping[str, str] = getattr(rule.detector, "columns", {})
    out = []
    for subject in rule.subjects:
        unit = series[subject.inputs[0][1]].unit
        out.append(Series(f"@{rule.name}/{subject.id}", subject.id, subject.area, "verdict", "1"))
        for column, form in columns.items():
            name = f"{subject.id}/{rule.name}.{column}"
            out.append(Series(name, subject.id, subject.area, column, form.replace("{unit}", unit)))
    return out
