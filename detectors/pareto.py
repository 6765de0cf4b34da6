"""The generalised Pareto distribution fitted to excesses, and the excess that is passed with a wished probability.

Constraints. Probability-weighted moments: closed form, some hundred excesses, shapes of -0.3 to 0.45; beyond these the
nearest is taken, which for a bounded tail errs to rarer alarms. Not a detector.
Cannot say: much about what is 1,000 times rarer than what was seen; a tail whose variance is infinite.
"""

from __future__ import annotations

import numpy as np

from detectors.reading import Floats

LIGHTEST, HEAVIEST = -0.3, 0.45
"""Shapes between which the moments and their covariance can be trusted."""
HALVINGS = 14
"""Of the logarithm of the bracket: to a few thousandths."""
NODES, _SINGLE = np.polynomial.hermite_e.hermegauss(9)
WEIGHTS = _SINGLE[:, None] * _SINGLE[None, :] / _SINGLE.sum() ** 2


def survival(excess: Floats, scale: Floats, shape: Floats) -> Floats:
    """P(X > excess), elementwise; 0 beyond the end of a bounded tail."""
    bent = np.where(np.abs(shape) < 1e-9, 1e-9, shape)
    beyond: Floats = np.exp(-np.log1p(np.maximum(bent * excess / scale, 1e-16 - 1.0)) / bent)
    return beyond


def excess_at(probability: Floats, scale: Floats, shape: Floats) -> Floats:
    """The excess that is passed with a probability: the inverse of `survival`."""
    bent = np.where(np.abs(shape) < 1e-9, 1e-9, shape)
    excess: Floats = scale * np.expm1(-bent * np.log(probability)) / bent
    return excess


def fit(excesses: Floats) -> tuple[Floats, Floats]:
    """(scale, shape), (N,) each, of excesses (N, K) that ascend along the second axis; scale 0 where all are 0.

    Source: Hosking and Wallis 1987, Technometrics 29(3), by the unbiased moments; their k is minus the shape.
    """
    count = excesses.shape[1]
    falling = np.arange(count - 1, -1, -1.0) / (count - 1)
    mean, weighted = excesses.mean(axis=1), (excesses * falling).mean(axis=1)
    spread = mean - 2 * weighted
    shape = np.clip(2 - mean / np.where(spread > 0, spread, np.inf), LIGHTEST, HEAVIEST)
    return mean * (1 - shape), shape


def predicted_excess(scale: Floats, shape: Floats, count: int, probability: Floats) -> Floats:
    """(N,) the excess that the next one passes with `probability`, the doubt of a fit to `count` excesses included.

    It lies beyond `excess_at`, because a limit that is as often too low as too high alarms too often on the whole. The
    fit's errors are normal with the covariance of Hosking and Wallis 1987, averaged on 9 x 9 Gauss-Hermite nodes.
    """
    k = -shape
    both = (1 + 2 * k) * (3 + 2 * k) * count
    of_k = (1 + k) * (2 + k) ** 2 * (1 + k + 2 * k * k) / both
    of_scale = (7 + 18 * k + 11 * k * k + 2 * k**3) / both
    slope = (2 + k) * (2 + 6 * k + 7 * k * k + 2 * k**3) / both / of_k
    rest = np.sqrt(np.maximum(of_scale - slope * slope * of_k, 0.0))
    apart = (np.sqrt(of_k)[:, None] * NODES)[:, :, None]
    scales = scale[:, None, None] * np.exp(slope[:, None, None] * apart + rest[:, None, None] * NODES)
    shapes = shape[:, None, None] - apart
    each = excess_at(probability[:, None, None], scales, shapes)
    low: Floats = each.min(axis=(1, 2))
    high: Floats = each.max(axis=(1, 2))
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        passed = (survival(middle[:, None, None], scales, shapes) * WEIGHTS).sum(axis=(1, 2)) > probability
        low, high = np.where(passed, middle, low), np.where(passed, high, middle)
    return high
