"""The newest stretch of a trail as numbers: about 30 means over a trailing window, for statistics of pairs.

Constraints. The trail's spacing is the window's 30th part. Not a detector; what was late or bad is not in it, and a gap
shows as coverage, never as a value.
"""

from __future__ import annotations

from detectors.knots import KEPT, Trail
from detectors.reading import Floats

MEANS = 30
"""Means that a fully covered window holds."""


def window_of(state: Trail, who: int, window: float, unit: float) -> tuple[Floats, Floats, float]:
    """(values, times before the newest in `unit` s, covered part) of the means in the newest `window` s."""
    count = int(state.known[who]) + (int(state.count[who, -1]) > 0)
    at, place = state.at[who, KEPT + 1 - count :], state.place[who, KEPT + 1 - count :]
    if not count:
        return place, place, 0.0
    seconds = (at - at[-1]) * 1e-9
    inside = seconds >= -window
    t = seconds[inside]
    return place[inside], t / unit, min(1.0, float(t[-1] - t[0]) / window)
