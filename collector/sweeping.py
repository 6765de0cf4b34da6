"""A parameter's values tried over the same readings: false alarms against delay (AMOC), and a limit for a budget.

Constraints. Each value is a replay of the whole by the real judge, of the rule alone with what it looks at. A budget is
met by what was counted; whether it can be promised is another question, and it is answered: by the exact one-sided
Poisson bound, and by how much longer one would have to watch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.parameter import Parameter, alone, joined, parted
from collector.scoring import known
from collector.trying import Course, changes, in_parallel, span_of
from collector.verb import WrongUse
from detectors.site import read_site
from simulators.score import Part, score
from simulators.score_figures import poisson_upper
from simulators.truths import Head, Truths

PROMISE = 0.95
SPREAD = (0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0)
"""Times the value that stands: where a budget is first looked for."""
MOST_IN_ALARM = 0.25
"""Share of the watched time, as in docs/quality.md: beyond it few onsets only mean that alarms do not end."""
ROUNDS = 2
"""In each the step between the last value within the budget and the first that is not is cut into quarters."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value and what it led to."""

    value: Any
    part: Part


def sweep(
    document: Mapping[str, Any],
    parameter: Parameter,
    values: Sequence[Any],
    source: Path,
    truths: Truths | None,
    tolerance: int,
    processes: int | None = None,
) -> list[Point]:
    """The score of the rule at each value. `source` is a recording's folder or a data folder; no truths: all is false.

    Raises WrongUse where a value gives no site.
    """
    own = alone(document, parameter.rule)
    documents = [parameter.put(own, value) for value in values]
    jobs = [(one, source, truths, tolerance, parameter.name) for one in documents]
    parts = in_parallel(scored, jobs, processes)
    return [Point(value, part) for value, part in zip(values, parts, strict=True)]


def scored(document: Mapping[str, Any], source: Path, truths: Truths | None, tolerance: int, rule: str) -> Part:
    """The rule's score over the source; runs in a process of its own."""
    if truths is None:
        start, end = span_of(source)
        truths = Truths(Head(start=start, end=end), ())
    with_site, members = known(truths, read_site(document))
    result = score(changes(document, source, Course()), with_site, members, tolerance=tolerance)
    return next((part for part in result.rules if part.name == rule), _SILENT)


_SILENT = score((), Truths(Head(start=0, end=1), ()), lambda _, subject: (subject,)).total
"""Of a rule that never said anything."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """The loosest value within a budget."""

    parameter: Parameter
    budget: float
    """False alarms a subject-month."""
    present: Point
    chosen: Point | None
    """None: not even the strictest value tried is within it."""
    tried: tuple[Point, ...]
    promised: bool
    """True: so few in so long that the rate is below the budget (one-sided, PROMISE)."""
    months_needed: float
    """Subject-months in which as few would promise it."""


def tune(
    document: Mapping[str, Any],
    parameter: Parameter,
    budget: float,
    source: Path,
    truths: Truths | None,
    tolerance: int,
    processes: int | None = None,
) -> Tuned:
    """Find the loosest value that has no more false alarms than the budget allows. Raises WrongUse."""
    if not budget > 0:
        raise WrongUse(f"--budget is {budget}; give false alarms a sensor-month, above 0, like 0.04")
    found = parameter.value(document)
    standing = parted(found)
    if standing is None or not standing[0]:
        raise WrongUse(f"{parameter} is {'left to its default' if found is None else found}; write a number other than "
                       "0 into the site file first: it is tuned from there")  # fmt: skip
    number, unit = standing

    def at(numbers: Sequence[float]) -> list[Point]:
        values = [joined(float(f"{one:.6g}"), unit) for one in numbers]
        usable = [value for value in dict.fromkeys(values) if _gives_a_site(document, parameter, value)]
        return sweep(document, parameter, usable, source, truths, tolerance, processes)

    tried = _strictest_first(at([number * factor for factor in SPREAD]))
    for _ in range(ROUNDS):
        edge = _edge(tried, budget)
        if edge is None:
            break
        strict, loose = map(_number, edge)
        tried = _strictest_first([*tried, *at([strict + (loose - strict) * part / 4 for part in (1, 2, 3)])])
    within = _within(tried, budget)
    chosen = within[-1] if within else None
    needed = poisson_upper(chosen.part.false.count if chosen else 0, PROMISE) / budget
    present = min(tried, key=lambda point: abs(_number(point) - number))
    promised = chosen is not None and chosen.part.false.months >= needed
    return Tuned(parameter, budget, present, chosen, tuple(tried), promised, needed)


def _gives_a_site(document: Mapping[str, Any], parameter: Parameter, value: Any) -> bool:
    try:
        parameter.put(document, value)
    except WrongUse:
        return False
    return True


def _number(point: Point) -> float:
    return (parted(point.value) or (0.0, ""))[0]


def _strictest_first(points: Sequence[Point]) -> list[Point]:
    """By value, from the end at which it is least in alarm."""
    ordered = sorted(points, key=_number)
    first, last = ordered[0].part, ordered[-1].part
    rising = (first.in_alarm, first.onsets) < (last.in_alarm, last.onsets)
    return ordered if rising else ordered[::-1]


def _within(points: Sequence[Point], budget: float) -> list[Point]:
    """The points from the strictest on up to the first that is not within the budget."""
    out: list[Point] = []
    for point in points:
        if point.part.false.count > budget * point.part.false.months or point.part.in_alarm > MOST_IN_ALARM:
            break
        out.append(point)
    return out


def _edge(points: Sequence[Point], budget: float) -> tuple[Point, Point] | None:
    within = len(_within(points, budget))
    return None if within in (0, len(points)) else (points[within - 1], points[within])
