"""A score as a person reads it on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from zoneinfo import ZoneInfo

from collector.sweeping import Point
from collector.times import SECOND, shown
from collector.verb import table
from simulators.score import Part, Said, Score
from simulators.score_figures import Rate, Spread

PARTS = (
    "onsets", "truths", "found", "missed", "held", "neutral", "delay s", "samples", "lead s", "false", "a month (95 %)",
    "watched", "chatter",
)  # fmt: skip
CURVE = ("onsets", "false", "a month (95 %)", "in alarm", "found", "missed", "held", "delay s", "samples", "lead s")
OPTIONAL = ("held", "neutral", "samples", "lead s", "chatter")
MOST = 20
"""False alarms that are listed."""


def words(result: Score, zone: str = "UTC") -> str:
    """The whole: by kind, by rule, truth by truth, false alarms, what it asks of people."""
    place = ZoneInfo(zone)
    parts = [
        f"{shown(result.start, place)} to {shown(result.end, place)}, tolerance {result.tolerance // SECOND} s. "
        "delay, samples, lead: median / 90th percentile, missed counting as later than all;",
        "false alarms a subject-month watched outside truths (watched, in months), with the exact Poisson interval",
        "",
        _parts("kind", (*result.kinds, result.total)),
        "",
        _parts("rule", result.rules),
    ]
    if result.said:
        head = ("truth", "sensor", "begins", "outcome", "by", "delay s", "lead s")
        parts += ["", table(head, [_said(said, place) for said in result.said], ("delay s", "lead s"))]
    if result.false:
        parts += ["", f"false alarms, the first {min(MOST, len(result.false))} of {result.total.false.count}"]
        rows = [(shown(one.now, place), one.name, one.value, one.limit) for one in result.false[:MOST]]
        parts.append(table(("time", "alarm", "value", "limit"), rows, ("value", "limit")))
    called = result.figures
    parts += [
        "",
        f"alarms that call a person: {called.alarms}, {called.per_window:.3g} per 10 min, at most {called.most}; "
        f"in flood {share(called.in_flood)} of the time; chattering: {', '.join(called.chattering) or 'none'}",
    ]
    if result.unheard:
        parts.append(f"expected, but never named in the journal: {', '.join(result.unheard)}")
    return "\n".join(parts)


def part_cells(name: str, parts: Sequence[Part]) -> tuple[Sequence[str], list[Sequence[object]]]:
    """Head and cells of the tables by kind and by rule, without the columns that say nothing."""
    rows = [_cells(part) for part in parts]
    heads = (name, *PARTS)
    kept = [k for k, head in enumerate(heads) if head not in OPTIONAL or any(row[k] not in (0, "-") for row in rows)]
    return [heads[k] for k in kept], [[row[k] for k in kept] for row in rows]


def _parts(name: str, parts: Sequence[Part]) -> str:
    return table(*part_cells(name, parts), PARTS)


def _cells(part: Part) -> Sequence[object]:
    return (
        part.name, part.onsets, part.truths, part.detected, part.missed, part.held, part.neutral,
        spread(part.delay), spread(part.samples), spread(part.lead), part.false.count, rate(part.false),
        f"{part.false.months:.3g}", part.chatter,
    )  # fmt: skip


def spread(of: Spread) -> str:
    """Median / 90th percentile; "-": none, or too many missed."""
    return f"{number(of.median)} / {number(of.p90)}" if of.median is not None else "-"


def rate(of: Rate) -> str:
    """False alarms a month with their interval."""
    return "-" if of.rate is None else f"{of.rate:.2g} ({of.low:.2g} to {of.high:.2g})"


def number(value: float | None) -> str:
    """A figure of a delay; "-" for none."""
    return "-" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def share(part: float) -> str:
    """A part of one in percent."""
    return f"{100 * part:.3g} %"


def outcome(said: Said) -> str:
    """What became of a truth, in a word or two."""
    if not said.truth.expect:
        return f"RAISED {said.wrongly} x, expected none" if said.wrongly else "quiet, as expected"
    if said.by is None:
        return "held: stood already" if said.held else "MISSED"
    return "late" if said.late else "found"


def _said(said: Said, zone: ZoneInfo) -> Sequence[object]:
    delay, lead = (None if span is None else span / SECOND for span in (said.delay, said.lead))
    by = "" if said.by is None else said.by.name
    return (
        said.truth.kind, said.truth.sensor, shown(said.truth.start, zone), outcome(said), by,
        "" if delay is None else number(delay), "" if lead is None else number(lead),
    )  # fmt: skip


SCENARIOS = (
    "asked", "found", "late", "missed", "held", "wrongly raised", "delay s", "lead s", "false", "a month (95 %)",
    "watched",
)  # fmt: skip


def scenarios(results: Mapping[str, Score]) -> str:
    """A line a scenario; below it what was missed, late or raised where nothing should be."""
    rows = []
    for name, result in results.items():
        asked = [said for said in result.said if said.truth.expect and not said.held]
        delays = [inf if said.delay is None else said.delay / SECOND for said in asked]
        leads = [said.lead / SECOND for said in asked if said.lead is not None]
        missed = sum(said.by is None for said in asked)
        rows.append((
            name, len(asked), len(asked) - missed, sum(said.late and said.by is not None for said in asked), missed,
            sum(said.held for said in result.said), sum(said.wrongly > 0 for said in result.said),
            spread(Spread.of(delays)), spread(Spread.of(leads)), result.total.false.count, rate(result.total.false),
            f"{result.total.false.months:.3g}",
        ))  # fmt: skip
    wrong = [f"{name}: {outcome(said)}: {said.truth.kind}, {said.truth.sensor}" for name, said in amiss(results)]
    return "\n".join([table(("scenario", *SCENARIOS), rows, SCENARIOS), *(["", *wrong] if wrong else [])])


def amiss(results: Mapping[str, Score]) -> list[tuple[str, Said]]:
    """(scenario, truth) of all that was missed, late, or raised where nothing should be."""
    return [(name, said) for name, result in results.items() for said in result.said if said.late or said.wrongly]


def curve(parameter: str, points: Sequence[Point]) -> str:
    """False alarms against delay, a line a value."""
    head, rows = curve_cells(parameter, points)
    return table(head, rows, head)


def curve_cells(parameter: str, points: Sequence[Point]) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The same as a head and cells."""
    head = (parameter, *CURVE)
    rows: list[Sequence[object]] = []
    for point in points:
        part = point.part
        rows.append((
            point.value, part.onsets, part.false.count, rate(part.false), share(part.in_alarm), part.detected,
            part.missed, part.held, spread(part.delay), spread(part.samples), spread(part.lead),
        ))  # fmt: skip
    return head, rows
