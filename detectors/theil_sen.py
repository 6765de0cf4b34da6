"""Theil-Sen: the median of all pairwise slopes with Sen's confidence interval, for irregular times and outliers.

Constraints. One series, n (n - 1) / 2 slopes: keep n small (tens). Not a detector; no intercept, no test of a trend.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from detectors.reading import Floats


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
    first, second = np.triu_indices(len(y), 1)
    apart = t[second] - t[first]
    pairs = apart > 0
    slopes = np.sort((y[second][pairs] - y[first][pairs]) / apart[pairs])
    if not len(slopes):
        return Slope(math.nan, math.nan, math.nan)
    half = len(slopes) // 2
    median = float(slopes[half]) if len(slopes) % 2 else float((slopes[half - 1] + slopes[half]) / 2)
    variance = (_ties(np.array([len(y)])) - _ties(_repeats(y)) - _ties(_repeats(t))) / 18
    if not variance > 0:
        return Slope(median, math.nan, math.nan)
    reach = -float(ndtri((1 - confidence) / 2)) * math.sqrt(variance)
    low = max(round((len(slopes) - reach) / 2) - 1, 0)
    high = min(round((len(slopes) + reach) / 2), len(slopes) - 1)
    return Slope(median, float(slopes[min(low, len(slopes) - 1)]), float(slopes[high]))


def _repeats(values: Floats) -> Floats:
    """How often each value occurs that occurs more than once."""
    counts = np.unique(values, return_counts=True)[1]
    repeated: Floats = counts[counts > 1].astype(np.float64)
    return repeated


def _ties(counts: Floats) -> float:
    return float((counts * (counts - 1) * (2 * counts + 5)).sum())
