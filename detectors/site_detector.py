"""The detector of a rule, built from its table: parameters checked, limits in each subject's own unit.

Constraints. One instance serves all subjects of its rule; where their units differ a limit becomes an array.
What a detector itself refuses (at building or at its start) is a mistake of the site file, in its own words.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from detectors.detector import PerSubject, Subjects, catalogue
from detectors.document import Table, as_seconds, as_unit, is_number, listed, nearest, of_family, shown
from detectors.rule import Series, Subject
from detectors.sensor import Sensor
from detectors.site_subjects import subjects_as_columns
from detectors.units import UnitError

OWN_KEYS = ("kind", "of")
NUMBER = is_number, 'a number, or a duration like "24h" where it is a time'
TAKES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "float": NUMBER,
    "PerSubject": NUMBER,
    "int": (lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number"),
    "str": (lambda value: isinstance(value, str), "a text"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
}
"""By the type a parameter is declared with: what fits, and what is allowed in words."""


def build_detector(
    table: Table,
    subjects: Sequence[Subject],
    sensors: Mapping[str, Sensor],
    series: Mapping[str, Series],
    proposed: bool = False,
) -> Any | None:
    """The detector; None, with mistakes noted, where there can be none. Without subjects it is only checked.
    `proposed`: nobody judges by it yet, so a rule that its sensors could never serve is a mistake too."""
    if "detector" not in table:
        table.missing("detector", 'detector = { kind = "signal.limit", ... } or use = "methane.T1"')
        return None
    given = table.table("detector")
    if not isinstance(table.data["detector"], Mapping):
        return None
    kind = given.text("kind", None, _kinds(str(given.data.get("kind", ""))))
    cls = catalogue().get(kind)
    if cls is None:
        if kind:
            given.wrong(("kind",), shown(kind), _kinds(kind), nearest(kind, catalogue()))
        return None
    before = len(table.mistakes)
    _one_input(given, cls, subjects)
    parameters = _parameters(given, cls, subjects, sensors, series)
    if len(table.mistakes) > before or not subjects:
        return None
    return _built(given, cls, parameters, subjects_as_columns(subjects, series, sensors), proposed)


def _kinds(wrong: str) -> str:
    """The kinds of the family that was meant; where none was, all."""
    family = of_family(wrong, catalogue())
    more = ", or another family (`davylamp detectors`)" if len(family) < len(catalogue()) else ""
    return listed(family, 100) + more


def _one_input(given: Table, cls: type[Any], subjects: Sequence[Subject]) -> None:
    """A detector of one input would take a group's second input for another subject."""
    groups = [s for s in subjects if len(s.inputs) > 1]
    if groups and not getattr(cls, "several", False):
        kinds = [kind for kind, one in catalogue().items() if getattr(one, "several", False)]
        found = f"{cls.kind} on the {len(groups[0].inputs)} inputs of {groups[0].id!r}"
        given.wrong(("kind",), found, f"without `group`, or a kind of several inputs: {listed(kinds, 40)}")


def _built(
    given: Table, cls: type[Any], parameters: Mapping[str, Any], subjects: Subjects, proposed: bool
) -> Any | None:
    try:
        detector = cls(**parameters)
        detector.start(subjects)
        if proposed and hasattr(detector, "reach"):
            detector.reach(subjects)
    except (ValueError, TypeError) as refusal:
        _refused(given, cls, str(refusal))
        return None
    return detector


def _refused(given: Table, cls: type[Any], refusal: str) -> None:
    """What a detector refuses begins with the name of the parameter, if it is one's fault."""
    name, _, rest = refusal.partition(" is ")
    if name in given:
        value = given.data[name]
        near = nearest(value, re.findall(r"[\w.-]+", rest.partition("; ")[2])) if isinstance(value, str) else None
        given.wrong((name,), shown(value), f"what {cls.kind} takes: {refusal}", near)
        return
    words = ", ".join(f"{key} = {shown(value)}" for key, value in given.data.items() if key != "kind")
    given.wrong((), words or "no parameters", f"what {cls.kind} takes: {refusal}")


def _parameters(
    given: Table,
    cls: type[Any],
    subjects: Sequence[Subject],
    sensors: Mapping[str, Sensor],
    series: Mapping[str, Series],
) -> dict[str, Any]:
    fields = [field for field in dataclasses.fields(cls) if field.init]
    given.only([*OWN_KEYS, *(field.name for field in fields)])
    limits: Mapping[str, str] = getattr(cls, "limit_parameters", {})
    out: dict[str, Any] = {}
    for field in fields:
        if field.name in given:
            limit = limits.get(field.name)
            out[field.name] = (
                _plain(given, field) if limit is None else _limit(given, field.name, limit, subjects, sensors, series)
            )
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            given.missing(field.name, f"{field.name}, which {cls.kind} needs")
    return out


def _plain(given: Table, field: dataclasses.Field[Any]) -> Any:
    """A value of the field's type; durations as seconds, lists as tuples: what must agree between rules is compared."""
    value, written = given.data[field.name], str(field.type)
    if written.startswith("Literal["):
        words = ast.literal_eval(written.removeprefix("Literal"))
        return value if value in words else given.choice(field.name, [word for word in words if word])
    of = written.removeprefix("tuple[").partition(",")[0]
    several = of != written
    if several and not isinstance(value, list | tuple):
        given.wrong((field.name,), shown(value), "a list, [...]")
        return ()
    values = tuple(one if of == "str" else as_seconds(one) for one in (value if several else [value]))
    fits, words = TAKES.get(of, (lambda _: True, ""))
    if not all(fits(one) for one in values):
        given.wrong((field.name,), shown(value), f"a list, each {words}" if several else words)
    return values if several else values[0]


def _limit(
    given: Table,
    name: str,
    form: str,
    subjects: Sequence[Subject],
    sensors: Mapping[str, Sensor],
    series: Mapping[str, Series],
) -> PerSubject:
    """A parameter in the unit it must come in, one value a subject where these differ."""
    values = []
    for subject in subjects:
        first = subject.inputs[0][1]
        sensor = sensors.get(first) or sensors.get(series[first].sensor)
        try:
            values.append(as_unit(given.data[name], form.replace("{unit}", series[first].unit), **_gas(sensor)))
        except UnitError as error:
            given.wrong((name,), f"{shown(given.data[name])} for {first} in {series[first].unit}", str(error))
            return float("nan")
    if not values:
        return float("nan")
    return values[0] if len(set(values)) == 1 else np.array(values)


def _gas(sensor: Sensor | None) -> dict[str, float]:
    return sensor.gas if sensor else {}
