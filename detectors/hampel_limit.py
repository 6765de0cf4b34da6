"""How often chance alone puts a reading so far from those before it, by their median and MAD, and the limit for that.

Constraints. The readings are normal and independent and the window's size is odd; heavier tails or correlation make it
more often. Not a detector (signal.spike is).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy

from detectors.hampel import CONSISTENT
from detectors.reading import Floats

MEDIANS, DEVIATIONS = 24, 128
"""Steps of the double integral (trapezoids: all vanishes at its ends); more change no digit above the 6th."""
FARTHEST = 12.0
"""Standard deviations beyond which no reading comes."""


@lru_cache(maxsize=256)
def limit_of(wished: float, window: int) -> float:
    """The limit, in robust standard deviations, that chance alone exceeds with probability `wished` (below 0.5)."""
    high = 2.0
    while chance(high, window) > wished:
        high *= 2
    return float(scipy.optimize.brentq(lambda c: np.log(chance(c, window) / wished), 0.5, high, rtol=1e-9))


def chance(limit: float, window: int) -> float:
    """P(|x - median| > limit * 1.4826 MAD), x not among the `window` readings that give median and MAD.

    Given the median u, half of the others lie below it and half above, independently; the MAD is at most v if one half
    of all lie within v of u. P is that chance, weighed with the density of x at u +- w, where v = w / (1.4826 limit),
    and with the density of the median, integrated over w and u.
    """
    half = window // 2
    du, dw = 10.0 / np.sqrt(window) / MEDIANS, FARTHEST / DEVIATIONS
    u, w = (du * np.arange(MEDIANS))[:, None], (dw * np.arange(1, DEVIATIONS))[None, :]
    v = w / (CONSISTENT * limit)
    below, above = scipy.special.ndtr(u), scipy.special.ndtr(-u)
    near_below = (below - scipy.special.ndtr(u - v)) / below
    near_above = (above - scipy.special.ndtr(-u - v)) / above
    narrow = at_least(half, half, near_below, half, near_above)
    ways = scipy.special.gammaln(window + 1) - 2 * scipy.special.gammaln(half + 1)
    median = np.exp(ways + half * (np.log(below) + np.log(above))) * _density(u)
    median[0] /= 2
    return float((2 * du * dw * median * narrow * (_density(w - u) + _density(w + u))).sum())


def at_least(least: int, first: int, p: Floats, second: int, q: Floats) -> Floats:
    """Chance that of `first` trials of chance p and `second` of chance q together at least `least` succeed."""
    total = np.zeros(np.broadcast_shapes(p.shape, q.shape))
    for k in range(first + 1):
        ways = scipy.special.gammaln(first + 1) - scipy.special.gammaln([k + 1, first - k + 1]).sum()
        exactly = np.exp(ways + scipy.special.xlogy(k, p) + scipy.special.xlog1py(first - k, -p))
        total += exactly * _tail(least - k, second, q)
    return total


def _tail(least: int, trials: int, q: Floats) -> Floats:
    if least <= 0:
        return np.ones(q.shape)
    if least > trials:
        return np.zeros(q.shape)
    tail: Floats = scipy.special.betainc(least, trials - least + 1, q)
    return tail


def _density(z: Floats) -> Floats:
    density: Floats = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    return density
