"""Whom a rule watches: selectors of a rule put into subjects and their inputs.

Constraints. Selectors only choose among series that exist already (raw sensors, and what earlier rules made).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase, translate
from re import compile as pattern

import numpy as np

from detectors.detector import Subjects
from detectors.document import Table, listed, nearest, shown
from detectors.reading import Floats
from detectors.rule import Series, Subject
from detectors.sensor import NAME, NAME_WORDS, OWN, OWN_AREA, Sensor
from detectors.site_order import rule_in, selectors
from detectors.units import SECOND

PROPERTIES = ("area", "quantity")


def read_subjects(table: Table, series: Mapping[str, Series], hollow: Collection[str]) -> tuple[Subject, ...] | None:
    """The subjects of a rule; None where it names none that can be found. Rules in `hollow` excuse what they lack."""
    chosen: dict[tuple[str, str], None] = {}
    given = list(selectors(table))
    excused = False
    for place, part, text in given:
        found = _select(text, series)
        rule = rule_in(text)
        hollowed = not found and any(fnmatchcase(name, rule) for name in hollow)
        excused |= hollowed
        if not found and not hollowed:
            _unknown(table, place, text, series)
        chosen.update(((part, name), None) for name in found)
    if not given and not excused:
        table.missing("sensors", 'sensors = ["ch4-2105"], or `of` in the detector for a rule on rules')
    if not chosen:
        return None
    if "group" in table:
        return (_group(table, list(chosen), series),)
    if any(part for part, _ in chosen):
        table.wrong(("sensors",), "parts without a group", 'group = "name", which makes one subject of them')
    return _singles([name for _, name in chosen], series)


def _select(text: str, series: Mapping[str, Series]) -> list[str]:
    if text in series:
        return [text]
    words = [word.partition(":") for word in text.split()]
    if words and all(colon and name in PROPERTIES for name, colon, _ in words):
        own = ["area", ":", OWN_AREA] in [list(word) for word in words]
        raw = (one for one in series.values() if one.id == one.sensor and (own or not one.id.startswith(OWN)))
        return [one.id for one in raw if all(fnmatchcase(getattr(one, name), value) for name, _, value in words)]
    if not any(letter in text for letter in "*?["):
        return []
    fits, kind = pattern(translate(text)).match, _kind(text)
    return [name for name in series if _kind(name) == kind and fits(name) and (OWN in text or not _own(name))]


def _own(name: str) -> bool:
    """True for what is the system's own: a pattern finds it only where it spells the prefix."""
    return name.startswith(OWN) or f"/{OWN}" in name


def _kind(name: str) -> str:
    return "verdict" if name.startswith("@") else "derived" if "/" in name else "raw"


def _unknown(table: Table, place: tuple[str, ...], text: str, series: Mapping[str, Series]) -> None:
    name, colon, value = text.partition(":")
    if colon and name in PROPERTIES:
        names = sorted({f"{name}:{getattr(one, name)}" for one in series.values() if one.id == one.sensor})
    else:
        names = [known for known in series if _kind(known) == _kind(text)]
    found = f"{shown(text)}, which names nothing here"
    table.wrong(place, found, listed(names) or "a sensor of this site", nearest(text, names))


def _group(table: Table, chosen: list[tuple[str, str]], series: Mapping[str, Series]) -> Subject:
    name = table.text("group", None, "a name for the one subject")
    if not NAME.fullmatch(name):
        table.wrong(("group",), f"name {shown(name)}", NAME_WORDS)
    areas = {series[one].area for _, one in chosen}
    area = table.text("area", areas.pop() if len(areas) == 1 else name)
    alone = len(chosen) == 1
    inputs = tuple((part or ("value" if alone else one), one) for part, one in chosen)
    return Subject(name, area, inputs)


def _singles(names: list[str], series: Mapping[str, Series]) -> tuple[Subject, ...]:
    """One subject a series, named by what the series is about where that is unique, else by the series."""
    about = [series[name].sensor for name in names]
    clear = len(set(about)) == len(about)
    ids = about if clear else names
    return tuple(Subject(own, series[name].area, (("value", name),)) for own, name in zip(ids, names, strict=True))


def _floats(values: Iterable[float]) -> Floats:
    return np.array(list(values), np.float64)


def subjects_as_columns(
    subjects: Iterable[Subject],
    series: Mapping[str, Series],
    sensors: Mapping[str, Sensor],
    first_seen: int = 0,
) -> Subjects:
    """What a detector's `start` is given for these subjects."""
    who = list(subjects)
    inputs = [(number, part, name) for number, one in enumerate(who) for part, name in one.inputs]
    of = [sensors.get(name) for _, _, name in inputs]
    about = [sensors.get(series[name].sensor) for _, _, name in inputs]
    nowhere = (np.nan, np.nan, np.nan)
    return Subjects(
        id=[one.id for one in who],
        unit=[series[one.inputs[0][1]].unit for one in who],
        owner=np.array([owner for owner, _, _ in inputs], np.intp),
        part=[part for _, part, _ in inputs],
        input_id=[name for _, _, name in inputs],
        input_unit=[series[name].unit for _, _, name in inputs],
        span_low=_floats(s.span[0] if s else -np.inf for s in of),
        span_high=_floats(s.span[1] if s else np.inf for s in of),
        quantum=_floats(s.quantum if s else np.nan for s in of),
        noise=_floats(s.noise if s else np.nan for s in of),
        interval=_floats(s.every / SECOND if s and s.every else np.nan for s in of),
        rate=_floats(s.rate if s else np.nan for s in of),
        position=np.array([s.position or nowhere if s else nowhere for s in about], np.float64).reshape(-1, 3),
        first_seen=np.full(len(who), first_seen, np.int64),
        states=[s.states if s else () for s in of],
    )
