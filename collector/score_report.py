"""A score as one page of HTML that needs nothing else: tables, the curve of a sweep, a picture of each event.

Constraints. No script, no font, no address: it can be mailed and kept. Alarm colours are the operator's
page's. Not here: pictures (score_picture.py, score_curve.py) and figures (simulators.score).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from collector.score_curve import amoc
from collector.score_events import Picture
from collector.score_picture import drawn
from collector.scoring_text import curve_cells, number, outcome, part_cells
from collector.sweeping import Point
from collector.times import SECOND, shown
from dashboards.console.figures import Local
from detectors.site import Site
from simulators.score import Part, Score

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #16191a; background: #f4f5f5; margin: 0 auto;
  max-width: 1180px; padding: 1.5rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem } h3 { font-size: 1rem; margin: 0 }
p { margin: .3rem 0 } .quiet { color: #5b6264 }
table { border-collapse: collapse; font-size: .8rem; background: #fff; width: 100% }
th, td { padding: .2rem .4rem; text-align: right; border-bottom: 1px solid #dde1e2; white-space: nowrap }
th:first-child, td:first-child { text-align: left } th { font-weight: 600; color: #5b6264 }
.wide { overflow-x: auto } .event { background: #fff; padding: .8rem 1rem; margin: .8rem 0; break-inside: avoid }
.bad { font-weight: 700 } svg { display: block; width: 100%; height: auto } svg text { font-size: 12px; fill: #5b6264 }
.line { fill: none; stroke: #16191a; stroke-width: 1.4; vector-effect: non-scaling-stroke; stroke-linejoin: round }
.truth { fill: #9aa3a6; opacity: .28 } .limit { stroke-dasharray: 6 4; stroke-width: 1.3 } .grid { stroke: #e4e8e9 }
.said { stroke: #16191a; stroke-width: 1.5 } .failure { stroke: #16191a; stroke-width: 2; stroke-dasharray: 2 3 }
.critical { stroke: #d0021b; fill: #d0021b } .high { stroke: #f07800; fill: #f07800 }
.medium { stroke: #b89900; fill: #ffd500 }
.low { stroke: #1f6fc4; fill: #1f6fc4 } .log { stroke: #7a8386; fill: #7a8386 }
.amoc circle { fill: #16191a } .curve { fill: none; stroke: #16191a }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole page."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{''.join(body)}</body></html>\n"
    )


def score_page(result: Score, events: Sequence[Picture], site: Site | None) -> str:
    """The page of a journal's score."""
    zone = "UTC" if site is None else site.timezone
    local = Local(zone).zone
    span = f"{shown(result.start, local)} to {shown(result.end, local)}, tolerance {result.tolerance // SECOND} s"
    called = result.figures
    priorities = {} if site is None else {rule.name: rule.priority.name.lower() for rule in site.rules}
    truths = [_event(one, site, zone, priorities) for one in events if one.said is not None]
    wrong = [_event(one, site, zone, priorities) for one in events if one.false is not None]
    return page("How good the alarms were", [
        f'<p class="quiet">{escape(span)}</p>',
        f"<p>{_sentence(result)}</p>",
        f'<p class="quiet">Alarms that call a person: {called.alarms}, {called.per_window:.3g} per 10 min, at most '
        f"{called.most}. Delay, samples and lead: median / 90th percentile; a missed truth counts as later than all. "
        "False alarms are a month that one subject was watched outside truths, with the exact Poisson interval.</p>",
        "<h2>By kind of detector</h2>", _parts("kind", (*result.kinds, result.total)),
        "<h2>By rule</h2>", _parts("rule", result.rules),
        f"<h2>What happened</h2>{''.join(truths) or '<p>No truth.</p>'}",
        f"<h2>False alarms</h2>{''.join(wrong) or '<p>None.</p>'}",
    ])  # fmt: skip


def sweep_page(parameter: str, points: Sequence[Point]) -> str:
    """The page of a sweep."""
    head, rows = curve_cells(parameter, points)
    return page(f"False alarms against delay: {parameter}", [
        f'<div class="event">{amoc(points)}</div>',
        _table(head, rows),
        '<p class="quiet">Each value is a replay by the real judge. Delay: median of the truths, a missed one counting '
        "as later than all; where that reaches the median the point stands on the upper edge.</p>",
    ])  # fmt: skip


def _sentence(result: Score) -> str:
    asked = [said for said in result.said if said.truth.expect]
    found = sum(said.by is not None for said in asked)
    late = sum(said.late and said.by is not None for said in asked)
    held = sum(said.held for said in asked)
    wrong = result.total.false.count
    return escape(
        f"{len(asked)} things happened that should be said: {found} were found, {late} of them late; "
        f"{len(asked) - found - held} were missed; at {held} the alarm stood already. "
        f"{wrong} false alarm{'' if wrong == 1 else 's'}."
    )


def _parts(name: str, parts: Sequence[Part]) -> str:
    return _table(*part_cells(name, parts))


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["<tr>" + "".join(f"<th>{escape(one)}</th>" for one in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{escape(str(one))}</td>" for one in row) + "</tr>" for row in rows]
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _event(one: Picture, site: Site | None, zone: str, priorities: dict[str, str]) -> str:
    return f'<div class="event">{_words(one, zone)}{drawn(one, site, zone, priorities)}</div>'


def _words(one: Picture, zone: str) -> str:
    local = Local(zone).zone
    if one.false is not None:
        value = "" if one.false.value is None else f", value {number(one.false.value)}, limit {number(one.false.limit)}"
        return f"<h3>{escape(one.false.name)}</h3><p>{shown(one.false.now, local)}{escape(value)}</p>"
    said = one.said
    assert said is not None
    what = outcome(said)
    parts = [f'<span class="bad">{escape(what)}</span>' if what.isupper() or said.late else escape(what)]
    if said.by is not None and said.delay is not None:
        parts.append(f"by {escape(said.by.name)}, {number(said.delay / SECOND)} s after its beginning")
    if said.lead is not None:
        parts.append(f"{number(said.lead / SECOND)} s before the failure")
    expected = ", ".join(said.truth.expect) or "nothing"
    return (
        f"<h3>{escape(said.truth.kind or said.truth.event or 'truth')}: {escape(said.truth.sensor)}</h3>"
        f"<p>{'; '.join(parts)}</p>"
        f'<p class="quiet">{shown(said.truth.start, local)}, expected: {escape(expected)}</p>'
    )
