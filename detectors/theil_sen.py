"""Theil-Sen: the median of all pairwise slopes with Sen's confidence interval, for irregular times and outliers.

Constraints. One series, n (n - 1) / 2 slopes: keep n small (tens). Not a detector; no intercept, no test of a trend.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy

from detectors.reading import Floats, Indices


class Slope(NamedTuple):
    """Units of y a unit of t. `low` and `high` are NaN where n or ties leave no interval."""

    slope: float
    low: float
    high: float


def theil_sen(y: Floats, t: Floats, confidence: float = 0.95) -> Slope:
    """Slope and two-sided confidence interval of y over ascending t, both (n,).

    Source: Sen (1968), Estimates of the regression coefficient based on Kendall's tau, eq. 2.6; ties of y and t count.

    >>> theil_sen(np.array([0.0, 1.0, 2.0, 9.0]), np.arange(4.0)).slope
    2.0
    """
    first, second = _pairs(len(y))
    apart = t[second] - t[first]
    rise = y[second] - y[first]
    pairs = apart > 0
    slopes = np.sort(rise / apart if pairs.all() else rise[pairs] / apart[pairs])
    if not len(slopes):
        return Slope(math.nan, math.nan, math.nan)
    half = len(slopes) // 2
    median = float(slopes[half]) if len(slopes) % 2 else float((slopes[half - 1] + slopes[half]) / 2)
    variance = (_ties(np.array([len(y)])) - _ties(_repeats(y)) - _ties(_repeats(t))) / 18
    if not variance > 0:
        return Slope(median, math.nan, math.nan)
    reach = -float(scipy.special.ndtri((1 - confidence) / 2)) * math.sqrt(variance)
    low = max(round((len(slopes) - reach) / 2) - 1, 0)
    high = min(round((len(slopes) + reach) / 2), len(slopes) - 1)
    return Slope(median, float(slopes[min(low, len(slopes) - 1)]), float(slopes[high]))


@lru_cache(maxsize=128)
def _pairs(count: int) -> tuple[Indices, Indices]:
    first, second = np.triu_indices(count, 1)
    return first, second


def _repeats(values: Floats) -> Floats:
    """How often each value occurs that occurs more than once."""
    ordered = np.sort(values)
    same = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(same):
        return np.zeros(0)
    counts = np.unique(ordered[same], return_counts=True)[1]
    repeated: Floats = (counts + 1).astype(np.float64)
    return repeated


def _ties(counts: Floats) -> float:
    return float((counts * (counts - 1) * (2 * counts + 5)).sum())
