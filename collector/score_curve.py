"""The curve of a sweep: false alarms a month against the median delay, a point a value (AMOC)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from collector.scoring_text import number
from collector.sweeping import Point

LEFT, FIRST, WIDE, TOP, HIGH, RIGHT, LETTER = 80, 120, 840, 40, 320, 170, 6.5
"""Of the picture, in its own units; left of FIRST stands what has no false alarm, since the axis is logarithmic."""


def amoc(points: Sequence[Point]) -> str:
    """SVG. A point whose median is later than all stands on the upper edge."""
    low, high = _decades([point.part.false.rate or 0.0 for point in points])
    most = max((point.part.delay.median or 0.0 for point in points), default=0.0) or 1.0

    def place(point: Point) -> tuple[float, float]:
        rate, delay = point.part.false.rate, point.part.delay.median
        x = LEFT if not rate else FIRST + WIDE * (math.log10(rate) - low) / (high - low)
        return round(x, 1), float(TOP) if delay is None else round(TOP + HIGH - 0.9 * HIGH * delay / most, 1)

    places = [place(point) for point in points]
    path = "".join(f"{'L' if k else 'M'}{x} {y}" for k, (x, y) in enumerate(places))
    parts = [f'<svg class="amoc" viewBox="0 0 {FIRST + WIDE + RIGHT} {TOP + HIGH + 50}" role="img">']
    parts += [*_across(low, high), *_up(most), f'<path class="curve" d="{path}"/>']
    parts += _dots(sorted(zip(places, points, strict=True), key=lambda one: one[0]))
    return "".join([*parts, "</svg>"])


def _decades(rates: Sequence[float]) -> tuple[int, int]:
    logs = [math.log10(rate) for rate in rates if rate > 0] or [-1.0]
    low = math.floor(min(logs))
    return low, max(math.ceil(max(logs)), low + 1)


def _across(low: int, high: int) -> list[str]:
    parts, bottom = [], TOP + HIGH
    for power in range(low, high + 1):
        x = round(FIRST + WIDE * (power - low) / (high - low), 1)
        parts.append(f'<path class="grid" d="M{x} {TOP}v{HIGH}"/>')
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{10.0**power:g}</text>')
    parts.append(f'<text x="{LEFT}" y="{bottom + 18}" text-anchor="middle">none</text>')
    name = "false alarms a month on one subject"
    return [*parts, f'<text x="{FIRST + WIDE}" y="{bottom + 38}" text-anchor="end">{name}</text>']


def _up(most: float) -> list[str]:
    parts = [f'<text x="0" y="{TOP - 18}">median delay, s</text>']
    parts.append(f'<text x="{LEFT - 8}" y="{TOP + 4}" text-anchor="end">missed</text>')
    for share in (0.0, 0.5, 1.0):
        y = TOP + HIGH - 0.9 * HIGH * share
        parts.append(f'<path class="grid" d="M{LEFT} {y}h{FIRST + WIDE - LEFT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{number(most * share)}</text>')
    return parts


def _dots(points: Sequence[tuple[tuple[float, float], Point]]) -> list[str]:
    """From left to right; a name goes where it meets no earlier one, above or below its point."""
    parts, ends = [], dict.fromkeys((-8, 18, -22, 32, -36, 46), 0.0)
    for (x, y), point in points:
        name = str(point.value) + (f", {point.part.missed} missed" if point.part.missed else "")
        lane = next((lane for lane, end in ends.items() if end < x), -8)
        ends[lane] = x + LETTER * (len(name) + 1)
        parts.append(f'<circle cx="{x}" cy="{y}" r="4"/><text x="{x + 6}" y="{y + lane}">{escape(name)}</text>')
    return parts
