"""Gas, dust, slope and seismic: what each family measures and derives, drawn with the limits of its rules.

Constraints. A panel a measure; a site that does not measure something has no panel for it, and no dashboard for a
family of which it has nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dashboards import query
from dashboards.dashboard import COLUMNS, Dashboard, Row, row
from dashboards.facts import Facts, Family, Measure
from dashboards.panels import (
    LINES,
    NORMAL,
    UNKNOWN,
    Json,
    Panel,
    Target,
    figure,
    lines,
    override,
    tiles,
    values,
    widened,
)
from dashboards.parts import NAMED, drawn, measure_title, present, share_of_limit, worst_levels
from dashboards.plan import plan
from dashboards.texts import Words

LOGARITHMIC = ("velocity",)
POINTS = ("magnitude", "ppv", "pvs", "energy", "pick")
INSTANTS = ("failure_from", "failure_to")
"""Derived times (s since 1970): shown as figures, not drawn."""
INVERSE = "inverse_velocity"


def family(name: Family, facts: Facts, words: Words, page: str) -> Dashboard | None:
    """The dashboard of a family; None if the site has nothing of it."""
    measures = [one for one in facts.of(name) if not one.states]
    if not measures:
        return None
    shown = [one for one in measures if one.quantity not in (*INSTANTS, INVERSE)]
    ahead = "12h" if any(one.quantity == INVERSE for one in measures) else ""
    first: list[Panel] = [worst_levels(words, 5), present(words, 19, page)]
    rows = [row(8, *first), *_special(name, facts, measures, words), *_pairs(_drawn(shown, words))]
    return Dashboard(f"davylamp-{name}", words(name), rows, words, facts.site, page, sensors=True, span=_span(name),
                     ahead=ahead)  # fmt: skip


def _special(name: Family, facts: Facts, measures: Sequence[Measure], words: Words) -> list[Row]:
    """What only this family has."""
    if name == "slope":
        instants = [one for one in measures if one.quantity in INSTANTS]
        forecast = [forecasts(instants, words, 6)] if instants else []
        prisms = [plan(facts, words, 24 - 6 * len(forecast), by="sensor")] if facts.places else []
        first = [row(10, *forecast, *prisms)] if forecast or prisms else []
        return first + [row(10, falling(one, words)) for one in measures if one.quantity == INVERSE]
    share = share_of_limit([one for one in measures if not one.derived], words, 24)
    return [row(9, share)] if share is not None else []


def forecasts(measures: Sequence[Measure], words: Words, width: int) -> Panel:
    """When failure is forecast; nothing where there is no bound."""
    targets = [Target(query.newest(one, 'last("value") * 1000'), f"$tag_sensor {one.quantity}") for one in measures]
    return figure(words("failure"), width, targets, words("no_forecast"), "dateTimeFromNow",
                  description=words("failure_means"))  # fmt: skip


def falling(measure: Measure, words: Words) -> Panel:
    """Inverse velocity as it was, and the band in which it is forecast to reach zero."""
    measured = Target(query.over_time(measure), "$tag_sensor")
    edges = [(words(name), field) for name, field in (("earliest", "low"), ("latest", "high"))]
    targets = [measured, *(Target(query.forecast(field), f"$tag_sensor $tag_rule {edge}") for edge, field in edges)]
    names = [(name, name.partition("/")[0]) for name in sorted(measure.names)[:NAMED]]
    panel = lines(measure_title(measure, words), COLUMNS, targets, measure.unit, measure.every, names,
                  low=0, points=True, description=words("forecast_means"))  # fmt: skip
    return replace(panel, overrides=(*panel.overrides, *_bands(measure, edges)))


def _bands(measure: Measure, edges: Sequence[tuple[str, str]]) -> Iterator[Json]:
    """Dashed edges, and the band between them, in the colour of the sensor's line."""
    (early, _), (late, _) = edges
    for place, name in enumerate(sorted(measure.names)[:NAMED]):
        sensor, _, rest = name.partition("/")
        series = f"{sensor} {rest.removesuffix(f'.{measure.quantity}')}"
        dashed = {"color": {"mode": "fixed", "fixedColor": LINES[place % len(LINES)]}, "custom__drawStyle": "line",
                  "custom__showPoints": "never", "custom__spanNulls": 1_200_000,
                  "custom__lineStyle": {"fill": "dash", "dash": [8, 6]}}  # fmt: skip
        yield override(f"{series} {early}", **dashed)
        yield override(f"{series} {late}", **dashed, custom__fillBelowTo=f"{series} {early}", custom__fillOpacity=15)


def _drawn(measures: Iterable[Measure], words: Words) -> list[Panel]:
    return [
        drawn(one, words, 12, where=query.CHOSEN if not one.derived else query.HERE,
              points=one.quantity in POINTS, log=one.quantity in LOGARITHMIC)
        for one in measures
    ]  # fmt: skip


def _pairs(panels: Sequence[Panel]) -> list[Row]:
    """Two beside each other; the last of an odd number takes the whole width."""
    pairs = [row(8, *panels[k : k + 2]) for k in range(0, len(panels) - 1, 2)]
    return pairs + [row(8, widened(panel, COLUMNS)) for panel in panels[len(panels) - len(panels) % 2 :]]


def _span(name: Family) -> str:
    return {"slope": "7d", "seismic": "24h"}.get(name, "6h")


def machines(facts: Facts, words: Words, width: int) -> list[Panel]:
    """Sensors that report states, as tiles."""
    panels = []
    for measure in facts.measures:
        if measure.states:
            named = [(float(k), state, NORMAL) for k, state in enumerate(measure.states)]
            mappings = values((-1, words("silent"), UNKNOWN), *named, none=words("silent"))
            target = Target(query.present(measure), "$tag_sensor")
            panels.append(tiles(measure.quantity, width, [target], mappings, words("silent")))
    return panels
