"""A line over time with its limits, as the numbers an SVG needs.

Constraints. A gap is a gap: no stroke crosses missing readings, or three intervals without one (a derived series may be
sparser than its sensor, so its own usual step counts where it is longer). Thinning keeps every column's extremes, so no
peak is lost. x and y run 0 to 1000, y downwards; labels carry percent, so text never stretches. Not here: markup.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboards.console.figures import DAY, HOUR, MINUTE, number
from dashboards.console.labels import quantity_word
from dashboards.console.order import STALE
from dashboards.console.reading import LimitLine, Line
from dashboards.console.view import Look

COLUMNS = 600
"""Widths in which a line's extremes are kept."""
_STEPS = (MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY)


@dataclass(frozen=True, slots=True)
class Tick:
    """A label and where it stands, in percent of the width or height."""

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class LimitMark:
    """A limit across the chart."""

    at: str
    text: str
    mark: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One series, drawn."""

    title: str
    unit: str
    path: str
    limits: tuple[LimitMark, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    empty: bool


def chart(line: Line, since: int, look: Look) -> Chart:
    """The line from `since` until now."""
    times = np.asarray(line.times, np.int64)
    values = np.asarray(line.values, np.float64)
    inside = (times >= since) & (times <= look.now)
    times, values = times[inside], values[inside]
    finite = values[np.isfinite(values)]
    low, high = _span(finite, line.limits, line.states)
    derived = line.series.partition("/")[2]
    quantity = quantity_word(line.quantity, look.lang)
    return Chart(
        title=f"{quantity} · {derived}" if derived else quantity,
        unit="" if line.unit == "1" else line.unit,
        path=_path(times, values, (since, max(look.now, since + 1)), (low, high), line.every),
        limits=tuple(
            LimitMark(_percent(m.value, high, low), f"{m.rule} {number(m.value)}", m.priority) for m in line.limits
        ),
        across=_across(since, look),
        up=_states(line.states, low, high) if line.states else _up(low, high),
        empty=not len(finite),
    )


def _span(values: NDArray[np.float64], limits: Sequence[LimitLine], states: Sequence[str]) -> tuple[float, float]:
    if states:
        return -0.25, len(states) - 0.75
    shown = [float(v) for v in ((values.min(), values.max()) if len(values) else ())] + [m.value for m in limits]
    low, high = min(shown, default=0.0), max(shown, default=1.0)
    room = 0.08 * (high - low) or 0.08 * abs(high) or 1.0
    floor = 0.0 if 0 <= low < room else low - room
    return floor, high + room


def _percent(value: float, start: float, end: float) -> str:
    return f"{100 * (value - start) / (end - start):.2f}%"


def _path(
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    across: tuple[int, int],
    up: tuple[float, float],
    every: int | None,
) -> str:
    if not len(times):
        return ""
    x = 1000 * (times - across[0]) / (across[1] - across[0])
    y = 1000 * (up[1] - values) / (up[1] - up[0])
    bad = ~np.isfinite(values)
    broken = np.ones(len(times), np.bool_)
    broken[1:] = bad[1:] | bad[:-1]
    if every is not None and len(times) > 1:
        steps = np.diff(times)
        broken[1:] |= steps > STALE * max(every, float(np.median(steps)))
    run: NDArray[np.int_] = np.cumsum(broken, dtype=np.int_)
    kept = _kept(x, y, run, bad)
    begins = np.ones(len(kept), np.bool_)
    begins[1:] = run[kept][1:] != run[kept][:-1]
    return "".join(
        f"M{a:.1f} {b:.1f}h0" if first else f"L{a:.1f} {b:.1f}"
        for a, b, first in zip(x[kept].tolist(), y[kept].tolist(), begins.tolist(), strict=True)
    )


def _kept(
    x: NDArray[np.float64], y: NDArray[np.float64], run: NDArray[np.int_], bad: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Indices to draw: of every column and run, the first, the last, the lowest and the highest."""
    good: NDArray[np.intp] = np.flatnonzero(~bad)
    if len(good) <= 4 * COLUMNS:
        return good
    column = (x[good] * COLUMNS / 1000).astype(np.int64)
    starts = np.flatnonzero(np.append(True, (np.diff(column) != 0) | (np.diff(run[good]) != 0)))
    stops = np.append(starts[1:], len(good))
    by_height = np.lexsort((y[good], np.repeat(np.arange(len(starts)), stops - starts)))
    extremes = np.concatenate((starts, stops - 1, by_height[starts], by_height[stops - 1]))
    kept: NDArray[np.intp] = good[np.unique(extremes)]
    return kept


def _up(low: float, high: float) -> tuple[Tick, ...]:
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return tuple(Tick(_percent(k * step, high, low), number(round(k * step, 12))) for k in range(first, last + 1))


def _states(states: Sequence[str], low: float, high: float) -> tuple[Tick, ...]:
    return tuple(Tick(_percent(k, high, low), name) for k, name in enumerate(states))


def _across(since: int, look: Look) -> tuple[Tick, ...]:
    """Local times at round steps, about six of them."""
    span = look.now - since
    step = next((s for s in _STEPS if s * 7 >= span), DAY)
    shift = int(look.local.at(look.now).utcoffset().total_seconds()) * 10**9  # type: ignore[union-attr]
    first = -(-(since + shift) // step) * step - shift
    shape = "%H:%M" if span <= 2 * DAY else "%m-%d"
    return tuple(
        Tick(_percent(t, since, look.now), format(look.local.at(t), shape)) for t in range(first, look.now, step)
    )
