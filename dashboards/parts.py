"""Panels that several dashboards share: states, present alarms, lines with limits.

Constraints. Every text comes from `Words`; every query from query.py. A measure is drawn with the limits of the rules
that look at it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards import query
from dashboards.console.labels import quantity_word
from dashboards.facts import Measure
from dashboards.panels import (
    LEVELS,
    NORMAL,
    UNKNOWN,
    Json,
    Panel,
    Target,
    bars,
    coloured,
    grouped,
    lines,
    only_above,
    organize,
    override,
    table,
    tiles,
    values,
)
from dashboards.texts import Words
from detectors.rule import Priority

NAMED = 24
"""Series that get a colour and a short name of their own; others share one."""
DRAWN_LIMITS = 6
UNITS: Mapping[str, str] = {"%vol": "percent", "%": "percent", "%LEL": "percent", "s": "s", "Pa": "pressurepa",
                            "mm": "lengthmm", "degC": "celsius", "1": "none"}  # fmt: skip
"""Grafana's own names of units; any other text stands behind the number as it is."""


def level_words(words: Words) -> list[Json]:
    """What a level reads as, and its colour."""
    named = [(float(level + 1), words(name), LEVELS[level]) for level, name in
             enumerate(("low", "medium", "high", "critical"))]  # fmt: skip
    return values((-1, words("unknown"), UNKNOWN), (0, words("normal"), NORMAL), *named, none=words("unknown"))


def worst_levels(words: Words, width: int) -> Panel:
    """A tile an area."""
    target = Target(query.levels("area"), "$tag_area")
    return tiles(words("worst"), width, [target], level_words(words), words("unknown"),
                 description=words("worst_means"))  # fmt: skip


def judging(words: Words, width: int) -> Panel:
    """Whether judging is heard."""
    mappings = values((1, words("live"), NORMAL), (2, words("not_live"), UNKNOWN), none=words("not_live"))
    return tiles(words("judging"), width, [Target(query.heart(), words("judging"))], mappings, words("not_live"))


def present(words: Words, width: int, page: str) -> Panel:
    """The alarms that stand, rows staying as UNKNOWN when data stop; with links to the operator's page."""
    renamed = {"level (max)": words("priority"), "shown (max)": words("hidden"), "since (max)": words("since"),
               "occurrence (max)": words("occurrence"), "rule": words("rule")}  # fmt: skip
    details = {"title": words("sensor"), "url": "/d/davylamp-sensor?var-sensor=${__data.fields.sensor:percentencode}"
               "&${__url_time_range}"}  # fmt: skip
    shown = [{"type": "value", "options": {"0": {"text": words("hidden"), "index": 0}}},
             {"type": "range", "options": {"from": 0.5, "to": 4, "result": {"text": "", "index": 1}}}]  # fmt: skip
    overrides = [
        override(words("priority"), **coloured(level_words(words), 110)),
        override(words("hidden"), mappings=shown, custom__width=90),
        override(words("since"), unit="dateTimeFromNow", custom__width=150),
        override(words("occurrence"), decimals=0, custom__width=105),
        override("sensor", links=[_page_link(words, page), details]),
    ]
    transformations = [
        grouped(("area", "sensor", "rule"), level="max", known="max", shown="max", since="max", occurrence="max"),
        only_above("known (max)", 0),
        organize(("level (max)", "area", "sensor", "rule", "since (max)", "shown (max)", "occurrence (max)"), renamed,
                 ("known (max)",)),
    ]  # fmt: skip
    return table(words("present"), width, [Target(query.present_alarms(), table=True)], overrides, transformations,
                 sort=words("priority"))  # fmt: skip


def journal(words: Words, width: int, page: str, where: str = query.HERE) -> Panel:
    """What happened, newest first."""
    order = ("Time", "change", "isa", "area", "sensor", "rule", "occurrence", "value", "limit", "why", "by", "note")
    overrides = [
        override("Time", unit="dateTimeAsIso", custom__width=165), override("change", custom__width=110),
        override("isa", custom__width=60), override("occurrence", custom__width=100, decimals=0),
        override("value", custom__width=80), override("limit", custom__width=80),
        override("why", custom__width=300), override("sensor", links=[_page_link(words, page)]),
    ]  # fmt: skip
    return table(words("journal"), width, [Target(query.journal(where), table=True)], overrides, [organize(order)])


def _page_link(words: Words, page: str) -> Json:
    url = f"{page}/sensor/${{__data.fields.sensor:percentencode}}"
    return {"title": words("page"), "url": url, "targetBlank": True}


def measure_title(measure: Measure, words: Words) -> str:
    """The quantity in words and its unit."""
    unit = f" ({measure.unit})" if measure.unit not in ("", "1") else ""
    return quantity_word(measure.quantity, words.lang) + unit


def drawn(measure: Measure, words: Words, width: int, where: str = query.HERE, **look: object) -> Panel:
    """A measure over time with its limits as lines."""
    limits = drawn_limits(measure)
    said = ", ".join(f"{value:g} {measure.unit} {words(priority.name.lower())}" for value, priority in limits)
    description = words("line_means") + (" " + words("limits_are", limits=said) if said else "")
    names = [(name, name.partition("/")[0]) for name in sorted(measure.names)[:NAMED]]
    colours = [(value, LEVELS[priority - 1]) for value, priority in limits]
    return lines(measure_title(measure, words), width, [Target(query.over_time(measure, where=where), "$tag_sensor")],
                 UNITS.get(measure.unit, measure.unit), measure.every, names, colours,
                 description=description, **look)  # fmt: skip


def drawn_limits(measure: Measure) -> list[tuple[float, Priority]]:
    """Each limit once with its highest priority, ascending; rules of priority log draw none, nor do too many."""
    highest: dict[float, Priority] = {}
    for limit in measure.limits:
        if limit.priority > Priority.LOG:
            highest[limit.value] = max(limit.priority, highest.get(limit.value, Priority.LOG))
    return sorted(highest.items()) if len(highest) <= DRAWN_LIMITS else []


def share_of_limit(measures: Sequence[Measure], words: Words, width: int) -> Panel | None:
    """How near each sensor is to the lowest limit of its measure; None where no measure has one above zero."""
    targets = []
    for measure in measures:
        above = [value for value, _ in drawn_limits(measure) if value > 0]
        if above and measure.quantity != "o2":
            targets.append(Target(query.present(measure, 100 / above[0]), "$tag_sensor"))
    return bars(words("of_limit"), width, targets[:26], words("silent")) if targets else None
