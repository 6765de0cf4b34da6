"""What dashboards need of a site: its areas, its quantities with units and limits, where its sensors stand.

Constraints. Read from the site alone, so the same site gives the same dashboards. A quantity's family says on which
dashboard it is drawn; what a rule derives goes with its rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from detectors.desk_load import DESK
from detectors.rule import Priority, Rule, Series
from detectors.sensor import MOLAR_MASS, Sensor
from detectors.site import Site, series
from detectors.units import UnitError, dimension

Family: TypeAlias = Literal["gas", "dust", "slope", "seismic", "other"]
FAMILIES: tuple[Family, ...] = ("gas", "dust", "slope", "seismic", "other")
SECOND = 1_000_000_000
SLOW = 300 * SECOND
"""How often something is drawn of which nobody said how often it comes."""


@dataclass(frozen=True, slots=True, order=True)
class Limit:
    """A limit that rules compare a quantity with, in its unit."""

    value: float
    priority: Priority
    rule: str


@dataclass(slots=True)
class Measure:
    """One quantity in one unit: what is drawn in one panel."""

    family: Family
    quantity: str
    unit: str
    derived: bool
    every: int = 0
    """ns between readings of its slowest sensor."""
    names: list[str] = field(default_factory=list)
    """The series' names, the tag `sensor` of `reading`."""
    rules: set[str] = field(default_factory=set)
    """Those that derive it."""
    limits: set[Limit] = field(default_factory=set)
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """A site as dashboards see it."""

    site: str
    areas: tuple[str, ...]
    measures: tuple[Measure, ...]
    places: Mapping[str, tuple[float, float]]
    """East and north in m of each sensor that has a position."""
    area_of: Mapping[str, str]
    kinds: frozenset[str]
    """Kinds of the site's rules."""
    heartbeat: int
    """ns between readings of the slowest sensor that says how often it comes."""

    def of(self, family: Family) -> list[Measure]:
        """The measures of a family: readings first, then what is derived from them."""
        return [measure for measure in self.measures if measure.family == family]


def facts_of(site: Site) -> Facts:
    """The facts of a site."""
    measures: dict[tuple[Family, str, str, bool], Measure] = {}
    made_by = {f"{subject.id}/{rule.name}.{column}": rule for rule in site.rules for subject in rule.subjects
               for column in rule.detector.columns}  # fmt: skip
    limits = limits_by_series(site)
    for one in series(site):
        if one.id.startswith(("@", DESK)):
            continue
        rule, sensor = made_by.get(one.id), site.sensors.get(one.sensor)
        if rule is None and sensor is not None and sensor.rate == sensor.rate:
            continue  # a waveform is stored only as what is derived from it
        family = family_of(one) if rule is None else family_of_derived(rule.detector.kind, sensor, one)
        key = (family, one.quantity, one.unit, rule is not None)
        measure = measures.setdefault(key, Measure(*key))
        measure.names.append(one.id)
        measure.rules |= {rule.name} if rule is not None else set()
        measure.every = max(measure.every, (sensor.every if sensor and sensor.every else SLOW))
        measure.limits |= limits.get(one.id, set())
        measure.states = sensor.states if sensor and rule is None else ()
    drawn = [sensor.every for sensor in site.sensors.values() if sensor.every]
    return Facts(
        site=site.id,
        areas=tuple(dict.fromkeys(sensor.area for sensor in site.sensors.values())),
        measures=tuple(sorted(measures.values(), key=lambda one: (FAMILIES.index(one.family), one.derived))),
        places={s.id: s.position[:2] for s in site.sensors.values() if s.position is not None},
        area_of={s.id: s.area for s in site.sensors.values()},
        kinds=frozenset(rule.detector.kind for rule in site.rules),
        heartbeat=max(drawn, default=SLOW),
    )


def family_of_derived(kind: str, sensor: Sensor | None, one: Series) -> Family:
    """That of the rule's kind; a rule for gas and dust, or for anything, goes with its sensor."""
    word = kind.partition(".")[0]
    if word in ("slope", "seismic") or sensor is None:
        return next((family for family in FAMILIES if family == word), "other")
    return family_of(Series(sensor.id, sensor.id, sensor.area, sensor.quantity, sensor.unit))


def family_of(one: Series) -> Family:
    """A sensor's family, by what it measures and in which unit."""
    if one.unit in ("%vol", "ppm", "ppb", "%LEL") or one.quantity in MOLAR_MASS:
        return "gas"
    try:
        measured = dimension(one.unit)
    except UnitError:
        return "other"
    if "dust" in one.quantity or measured == dimension("mg/m3"):
        return "dust"
    if measured in (dimension("mm"), dimension("mm/d")):
        return "slope"
    return "other"


def limits_by_series(site: Site) -> dict[str, set[Limit]]:
    """The limits with which rules compare each series: a derived one where the rule derives one in the limit's unit."""
    found: dict[str, set[Limit]] = {}
    known = {one.id: one for one in series(site)}
    for rule in site.rules:
        for place, subject in enumerate(rule.subjects):
            derived = [f"{subject.id}/{rule.name}.{column}" for column in rule.detector.columns]
            compared = [known[name] for name in derived or [name for _, name in subject.inputs] if name in known]
            own = known[subject.inputs[0][1]].unit if subject.inputs and subject.inputs[0][1] in known else ""
            for one in compared:
                for value in values_in(rule, place, own, one.unit):
                    found.setdefault(one.id, set()).add(Limit(value, rule.priority, rule.name))
    return found


def values_in(rule: Rule, place: int, own: str, unit: str) -> Iterator[float]:
    """The rule's limits for its subject number `place` that are in `unit`; `own` is the unit of the subject's input."""
    for name, wanted in rule.detector.limit_parameters.items():
        given = getattr(rule.detector, name, None)
        if given is None or "reset" in name or wanted.replace("{unit}", own) != unit:
            continue
        value = float(given[place]) if hasattr(given, "__len__") else float(given)
        if value == value and abs(value) != float("inf"):
            yield value
