"""The site's plan as a canvas: areas or sensors where they stand, coloured by their worst level.

Constraints. A canvas and no map, so nothing is fetched from the internet. Positions are the site's own grid, east to
the right and north up, moved to cells so that no two cover each other; it is a sketch, not a survey.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from dashboards import query
from dashboards.facts import Facts
from dashboards.panels import DARK, NORMAL, UNKNOWN, Json, Panel, Target, steps
from dashboards.parts import level_words
from dashboards.texts import Words

COLUMNS, ROWS = 6, 8


def plan(facts: Facts, words: Words, width: int, by: str = "area") -> Panel:
    """Areas (or sensors) where they stand, coloured by their worst level; on a canvas, so it needs no tiles."""
    elements = [
        _element(name, place, words, f"/d/davylamp-overview?var-{by}={quote(name, safe='')}")
        for name, place in (area_boxes(facts) if by == "area" else sensor_boxes(facts)).items()
    ]
    root = {
        "name": "plan", "type": "frame", "constraint": {"horizontal": "left", "vertical": "top"},
        "placement": {"top": 0, "left": 0, "width": 100, "height": 100}, "elements": elements,
        "background": {"color": {"fixed": "transparent"}}, "border": {"color": {"fixed": "dark-green"}},
    }  # fmt: skip
    options = {"inlineEditing": False, "showAdvancedTypes": False, "panZoom": False, "root": root}
    defaults = {"mappings": level_words(words), "color": {"mode": "thresholds"},
                "thresholds": steps((None, UNKNOWN), (0, NORMAL))}  # fmt: skip
    target = Target(query.levels(by), f"$tag_{by}")
    return Panel("canvas", words("plan" if by == "area" else "prisms"), width, (target,), options, defaults,
                 description=words("plan_means"))  # fmt: skip


Box = tuple[float, float, float, float]
"""left, right, top, bottom in per cent of the panel, from its edges."""


def area_boxes(facts: Facts) -> dict[str, Box]:
    """Each area's rectangle: where its sensors stand, else in a line at the bottom. None lies on another's middle."""
    spots = _spread({
        area: [facts.places[name] for name in facts.places if facts.area_of[name] == area] for area in facts.areas
    })  # fmt: skip
    return {name: _box(x, y, 15, 9) for name, (x, y) in spots.items()}


def sensor_boxes(facts: Facts) -> dict[str, Box]:
    """Each sensor with a position."""
    return {name: _box(x, y, 9, 6) for name, (x, y) in _spread({n: [p] for n, p in facts.places.items()}).items()}


def _spread(places: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, tuple[float, float]]:
    """Middles in per cent, x to the right and y down, on a grid of cells so that no two share one."""
    middles = {name: (sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points))
               for name, points in places.items() if points}  # fmt: skip
    rows = max(ROWS, -(-len(places) // COLUMNS) + 2)
    across, up = (_scale([middle[k] for middle in middles.values()]) for k in (0, 1))
    wanted = {name: (round(across(x) * (COLUMNS - 1)), round((1 - up(y)) * (rows - 3)))
              for name, (x, y) in middles.items()}  # fmt: skip
    wanted |= {name: (k % COLUMNS, rows - 1) for k, name in enumerate(n for n in places if n not in middles)}
    free = {(column, row) for row in range(rows) for column in range(COLUMNS)}
    spots = {}
    for name, (column, row) in wanted.items():
        cell = min(free, key=lambda one: (abs(one[0] - column) + 2 * abs(one[1] - row), one))
        free.remove(cell)
        spots[name] = (100 * (cell[0] + 0.5) / COLUMNS, 100 * (cell[1] + 0.5) / rows)
    return spots


def _scale(values: Sequence[float]) -> Callable[[float], float]:
    """Maps the values' span onto 0 to 1."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    return lambda value: (value - low) / max(high - low, 1.0)


def _box(x: float, y: float, width: float, height: float) -> Box:
    return (x - width / 2, 100 - x - width / 2, y - height / 2, 100 - y - height / 2)


def _element(name: str, box: Box, words: Words, url: str) -> Json:
    left, right, top, bottom = (round(side, 2) for side in box)
    return {
        "name": name, "type": "rectangle", "constraint": {"horizontal": "scale", "vertical": "scale"},
        "placement": {"left": left, "right": right, "top": top, "bottom": bottom},
        "background": {"color": {"field": name, "fixed": UNKNOWN}},
        "border": {"color": {"fixed": DARK}, "width": 1},
        "config": {"align": "center", "valign": "middle", "color": {"fixed": DARK}, "size": 12,
                   "text": {"mode": "fixed", "fixed": name, "field": ""}},
        "links": [{"title": name, "url": url, "targetBlank": False}], "connections": [],
    }  # fmt: skip
