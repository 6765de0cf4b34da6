"""Where an event was, from onsets at stations: Geiger's least squares, damped, with the ellipse of its doubt.

Constraints. Uniform velocity, one a phase; plain loops in a fixed order, so the same bits anywhere. The origin time is
eliminated, steps are at most an array's width, and what leads away from the array is given up.
Cannot tell: which onsets belong to one event, a bend of the rays, depth where the stations do not see it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import scipy

TURNS = 100
FAR = 20.0
"""Widths of the array from its middle, beyond which nothing is located."""
FLAT = 0.1
"""Height over width below which the stations are a flat array."""
ELLIPSE = math.sqrt(5.991464547107979)
"""Standard errors at the rim of an ellipse that holds 95 %: chi-square, 2 degrees of freedom."""
INTERVAL = 1.959963984540054
"""Standard errors at the ends of an interval that holds 95 %."""
SMALL = 1e-7
"""m; a shorter step ends the descent."""
Point: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Onset:
    """Where and when it was heard, and how fast that phase travels: m (east, north, up), s, m/s."""

    station: Point
    time: float
    velocity: float


@dataclass(frozen=True, slots=True)
class Hypocentre:
    """East, north, up in m, origin time in s, and their doubt."""

    east: float
    north: float
    up: float | None
    """None where the stations cannot see it: a flat array, or a 95 % interval longer than the array is wide."""
    origin: float
    residual: float
    """Root mean square, s."""
    chance: float
    """Of larger residuals, if the errors of the onsets were all there is."""
    semi_major: float
    """m, of the 95 % ellipse."""
    semi_minor: float
    azimuth: float
    """Of the major axis, degrees east of north, 0 to 180."""
    gap: float
    """Greatest angle between neighbouring stations as seen from the epicentre, degrees."""


def geiger(onsets: Sequence[Onset], error: float) -> Hypocentre | None:
    """The least squares over place and origin time; from several starts, the best is kept.

    `error` is the standard deviation of an onset in s. None where the best place is too far from the array, or the
    stations see no epicentre. Source: Geiger 1912; damping: Levenberg 1944; covariance error^2 (G'G)^-1.
    """
    stations = [one.station for one in onsets]
    width = max(math.dist(a[:2], b[:2]) for a in stations for b in stations)
    height = max(s[2] for s in stations) - min(s[2] for s in stations)
    middle = [math.fsum(s[axis] for s in stations) / len(stations) for axis in range(3)]
    first = min(onsets, key=lambda one: one.time).station
    starts = [[x + 1.0, y + 1.0, z - down * width] for x, y, z in (first, middle) for down in (-0.3, 0.1, 0.5)]
    place, squares = min((_descend(onsets, start, middle, width) for start in starts), key=lambda fit: fit[1])
    _, slopes = _residuals(onsets, place)
    spread = _inverse(_normal(slopes, 3))
    seen = spread is not None and height >= FLAT * width
    if spread is None:
        spread = _inverse(_normal(slopes, 2))
    elif INTERVAL * error * math.sqrt(max(0.0, spread[2][2])) > width / 2:
        seen = False
    if spread is None or math.dist(place, middle) > FAR * width:
        return None
    major, minor, azimuth = _axes(spread[0][0], spread[0][1], spread[1][1])
    origin = math.fsum(one.time - _way(one, place) / one.velocity for one in onsets) / len(onsets)
    freedom = max(1, len(onsets) - 4)
    return Hypocentre(
        east=place[0],
        north=place[1],
        up=place[2] if seen else None,
        origin=origin,
        residual=math.sqrt(squares / len(onsets)),
        chance=float(scipy.special.chdtrc(freedom, squares / error**2)),
        semi_major=ELLIPSE * error * math.sqrt(max(0.0, major)),
        semi_minor=ELLIPSE * error * math.sqrt(max(0.0, minor)),
        azimuth=azimuth,
        gap=_gap(stations, place),
    )


def _descend(
    onsets: Sequence[Onset], place: list[float], middle: Sequence[float], width: float
) -> tuple[list[float], float]:
    """(place, sum of squared residuals) of the least squares near a start, or of where it left the array."""
    residuals, slopes = _residuals(onsets, place)
    squares, damping = math.fsum(r * r for r in residuals), 1e-3
    for _ in range(TURNS):
        step = _step(residuals, slopes, damping)
        length = math.hypot(*step)
        if length > width:
            step = [s * width / length for s in step]
        ahead = [p + s for p, s in zip(place, step, strict=True)]
        trial, trial_slopes = _residuals(onsets, ahead)
        better = math.fsum(r * r for r in trial)
        if better < squares:
            place, residuals, slopes, squares = ahead, trial, trial_slopes, better
            damping = max(damping / 10, 1e-12)
        else:
            damping *= 10
        if length < SMALL or math.dist(place, middle) > FAR * width:
            break
    return place, squares


def _step(residuals: Sequence[float], slopes: Sequence[Sequence[float]], damping: float) -> list[float]:
    """Of Gauss and Newton, shortened by a part of the mean diagonal; none where all slopes are nothing."""
    normal = _normal(slopes, 3)
    more = damping * (normal[0][0] + normal[1][1] + normal[2][2])
    damped = [[x + (more if i == j else 0.0) for j, x in enumerate(row)] for i, row in enumerate(normal)]
    inverse = _inverse(damped)
    if inverse is None:
        return [0.0, 0.0, 0.0]
    right = [math.fsum(g[i] * r for g, r in zip(slopes, residuals, strict=True)) for i in range(3)]
    return [math.fsum(x * y for x, y in zip(row, right, strict=True)) for row in inverse]


def _residuals(onsets: Sequence[Onset], place: Sequence[float]) -> tuple[list[float], list[list[float]]]:
    """Residuals (s) and how the predicted times change with the place (s/m), both without their mean."""
    count = len(onsets)
    ways = [_way(one, place) for one in onsets]
    late = [one.time - way / one.velocity for one, way in zip(onsets, ways, strict=True)]
    slopes = [
        [(place[i] - one.station[i]) / (way * one.velocity) for i in range(3)]
        for one, way in zip(onsets, ways, strict=True)
    ]
    mean, means = math.fsum(late) / count, [math.fsum(g[i] for g in slopes) / count for i in range(3)]
    return [x - mean for x in late], [[g[i] - means[i] for i in range(3)] for g in slopes]


def _way(onset: Onset, place: Sequence[float]) -> float:
    """m; never 0, where the time has no slope."""
    return max(math.dist(place, onset.station), 1e-6)


def _normal(slopes: Sequence[Sequence[float]], size: int) -> list[list[float]]:
    return [[math.fsum(g[i] * g[j] for g in slopes) for j in range(size)] for i in range(size)]


def _inverse(matrix: list[list[float]]) -> list[list[float]] | None:
    """By Gauss and Jordan with pivots; None for what has no inverse."""
    size = len(matrix)
    rows = [[*row, *(1.0 if i == j else 0.0 for j in range(size))] for i, row in enumerate(matrix)]
    scale = max(abs(x) for row in matrix for x in row)
    for i in range(size):
        pivot = max(range(i, size), key=lambda k: abs(rows[k][i]))
        if abs(rows[pivot][i]) <= 1e-13 * scale:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for k in range(size):
            if k != i:
                rows[k] = [x - rows[k][i] * y for x, y in zip(rows[k], rows[i], strict=True)]
    return [row[size:] for row in rows]


def _axes(xx: float, xy: float, yy: float) -> tuple[float, float, float]:
    """Eigenvalues of a symmetric matrix, the greater first, and the greater one's azimuth."""
    middle, half = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    return middle + half, middle - half, math.degrees(math.atan2(2 * xy, yy - xx)) / 2 % 180


def _gap(stations: Sequence[Point], place: Sequence[float]) -> float:
    angles = sorted(math.degrees(math.atan2(s[0] - place[0], s[1] - place[1])) for s in stations)
    return max(b - a for a, b in zip(angles, [*angles[1:], angles[0] + 360], strict=True))
