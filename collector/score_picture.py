"""The picture of one event: readings, limits, what happened, and below them the alarms that stood meanwhile."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from collector.backtesting import Occurrence
from collector.score_events import Picture
from dashboards.console.chart import Chart, chart
from dashboards.console.figures import Local
from dashboards.console.reading import LimitLine, Line
from dashboards.console.view import Look
from dashboards.facts import limits_by_series
from detectors.site import Site

LEFT, WIDE, TOP, HIGH, LANE, RIGHT = 70, 880, 14, 190, 16, 170
"""Of a picture, in its own units: margins, plot, and the height of an alarm's line."""
MOST_LANES = 12


def drawn(one: Picture, site: Site | None, zone: str, priorities: Mapping[str, str]) -> str:
    """SVG of one event. `priorities`: rule -> priority, for the colours of alarms."""
    line = chart(_line(one, site), one.begin, Look(Local(zone), one.end, "en"))
    lanes = list(dict.fromkeys((a.rule, a.subject) for a in sorted(one.alarms, key=lambda a: a.raised)))[:MOST_LANES]
    tall = TOP + HIGH + 26 + LANE * max(1, len(lanes)) + 6
    parts = [f'<svg viewBox="0 0 {LEFT + WIDE + RIGHT} {tall}" role="img">', *_truth(one), *_axes(line)]
    parts.append(
        f'<svg x="{LEFT}" y="{TOP}" width="{WIDE}" height="{HIGH}" viewBox="0 0 1000 1000" preserveAspectRatio="none">'
        f'<path class="line" d="{line.path}"/></svg>'
    )
    parts += _limits(line)
    if line.empty:
        parts.append(f'<text x="{LEFT + 10}" y="{TOP + 20}">no readings of it (--readings gives them)</text>')
    parts += _marks(one)
    for lane, key in enumerate(lanes):
        mine = [a for a in one.alarms if (a.rule, a.subject) == key]
        parts += _lane(one, mine, TOP + HIGH + 26 + LANE * lane, priorities.get(key[0], "log"))
    return "".join([*parts, "</svg>"])


def _line(one: Picture, site: Site | None) -> Line:
    sensor = None if site is None else site.sensors.get(one.sensor)
    if site is None or sensor is None:
        return Line(one.sensor, "", "", one.times.tolist(), one.values.tolist())
    limits = [
        LimitLine(limit.rule, limit.priority.name.lower(), limit.value)  # type: ignore[arg-type]
        for limit in sorted(limits_by_series(site).get(one.sensor, ()))
    ]
    return Line(one.sensor, sensor.quantity, sensor.unit, one.times.tolist(), one.values.tolist(), limits, sensor.every,
                sensor.states)  # fmt: skip


def _x(one: Picture, time: float) -> float:
    share = (time - one.begin) / max(1, one.end - one.begin)
    return round(LEFT + WIDE * min(max(share, 0.0), 1.0), 1)


def _y(at: str) -> float:
    return round(TOP + HIGH * float(at.rstrip("%")) / 100, 1)


def _truth(one: Picture) -> list[str]:
    if one.said is None:
        return []
    truth = one.said.truth
    begin = _x(one, truth.start)
    wide = max(1.5, (LEFT + WIDE if truth.end is None else _x(one, truth.end)) - begin)
    place = f'x="{begin}" y="{TOP}" width="{wide:.1f}" height="{HIGH}"'
    return [f'<rect class="truth" {place}><title>what happened</title></rect>']


def _axes(drawn: Chart) -> list[str]:
    parts = []
    for tick in drawn.up:
        y = _y(tick.at)
        parts.append(f'<path class="grid" d="M{LEFT} {y}h{WIDE}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{escape(tick.text)}</text>')
    for tick in drawn.across:
        x = round(LEFT + WIDE * float(tick.at.rstrip("%")) / 100, 1)
        parts.append(f'<text x="{x}" y="{TOP + HIGH + 16}" text-anchor="middle">{escape(tick.text)}</text>')
    parts.append(f'<text x="{LEFT}" y="{TOP - 3}">{escape(f"{drawn.title} {drawn.unit}".strip())}</text>')
    return parts


def _limits(drawn: Chart) -> list[str]:
    parts = []
    below = -math.inf
    for limit in sorted(drawn.limits, key=lambda mark: float(mark.at.rstrip("%"))):
        y = _y(limit.at)
        below = max(y + 4, below + 13)
        parts.append(f'<path class="limit {limit.mark}" d="M{LEFT} {y}h{WIDE}"/>')
        parts.append(f'<text x="{LEFT + WIDE + 6}" y="{below}">{escape(limit.text)}</text>')
    return parts


def _marks(one: Picture) -> list[str]:
    onset = one.false or (one.said.by if one.said is not None else None)
    parts = []
    if onset is not None:
        name = f"<title>{escape(onset.name)}</title>"
        parts.append(f'<path class="said" d="M{_x(one, onset.now)} {TOP}v{HIGH}">{name}</path>')
    failure = None if one.said is None else one.said.truth.failure
    if failure is not None and one.begin <= failure <= one.end:
        parts.append(f'<path class="failure" d="M{_x(one, failure)} {TOP}v{HIGH}"><title>failure</title></path>')
    return parts


def _lane(one: Picture, alarms: Sequence[Occurrence], y: float, priority: str) -> list[str]:
    parts = []
    for alarm in alarms:
        begin, end = _x(one, alarm.raised), _x(one, alarm.returned)
        parts.append(
            f'<rect class="{priority}" x="{begin}" y="{y}" width="{max(1.5, end - begin):.1f}" height="{LANE - 6}">'
            f"<title>{escape(alarm.name)}</title></rect>"
        )
    name = alarms[0].rule if alarms[0].subject == one.sensor else f"{alarms[0].rule}/{alarms[0].subject}"
    parts.append(f'<text x="{LEFT + WIDE + 6}" y="{y + LANE - 6}">{escape(name)}</text>')
    return parts
