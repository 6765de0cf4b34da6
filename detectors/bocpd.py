"""Bayesian online change point detection: what is believed of the run that the newest reading ends.

Constraints. Readings are normal and independent within a run, in units in which their mean is about 0 and their
variance about 1; the hazard is constant. Each row is one sensor's and depends on no other. Not a detector.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy

from detectors.reading import Floats, Indices

PRIOR_COUNT = 0.04
"""Readings that the prior mean is worth: a run's mean lies within about 5 deviations of the learned one."""
PRIOR_SHAPE, PRIOR_SPREAD = 1.0, 1.0
"""Of the inverse gamma distribution of a run's variance, in learned variances."""


class Posterior(NamedTuple):
    """(N, longest + 1) each: what is believed of the run of r readings that the newest reading ends.

    `chance` of the run, and its normal-gamma posterior: mean, and the second parameter of the variance.
    """

    chance: Floats
    mean: Floats
    spread: Floats


@lru_cache(maxsize=8)
def _tables(longest: int) -> tuple[Floats, Floats, Floats]:
    """Of runs of 0, 1, ..., longest readings: their weight in readings, shape, and the constant of the predictive."""
    length = np.arange(longest + 1.0)
    count, shape = PRIOR_COUNT + length, PRIOR_SHAPE + length / 2
    gamma = scipy.special.gammaln
    return count, shape, gamma(shape + 0.5) - gamma(shape) - 0.5 * np.log(2 * np.pi * (count + 1) / count)


def begun(subjects: int, longest: int, length: int) -> Posterior:
    """Runs of `length` readings of mean 0 and variance 1, of which no other is possible. 0: the first reading comes."""
    chance = np.zeros((subjects, longest + 1))
    chance[:, min(length, longest)] = 1.0
    spread = PRIOR_SPREAD + np.arange(longest + 1.0) / 2
    return Posterior(chance, np.zeros_like(chance), np.tile(spread, (subjects, 1)))


def advance(posterior: Posterior, x: Floats, hazard: Floats, rounding: Floats) -> Posterior:
    """Take one reading x (N,) each; `hazard` (N,) is the chance of a change after it, `rounding` (N,) its variance.

    Source: Adams and MacKay 2007, arXiv:0710.3742, algorithm 1; Murphy 2007 for the conjugate Student predictive. The
    last entry is of runs of `longest` or more readings, known by their newest `longest`.
    """
    count, shape, constant = _tables(posterior.chance.shape[1] - 1)
    # In place where it can be: what is allocated, not what is computed, is most of the time of a few sensors.
    moved = x[:, None] - posterior.mean
    grown = moved * moved
    grown *= count / (2 * (count + 1))
    grown += posterior.spread
    weight = np.log(posterior.spread)
    weight *= shape
    weight -= (shape + 0.5) * np.log(grown)
    weight += constant
    weight -= weight.max(axis=1)[:, None]
    np.exp(weight, out=weight)
    weight *= posterior.chance
    weight *= ((1.0 - hazard) / weight.sum(axis=1))[:, None]
    moved /= count + 1
    moved += posterior.mean
    grown += rounding[:, None] / 2
    out = Posterior(_longer(weight, hazard), _longer(moved, 0.0), _longer(grown, PRIOR_SPREAD))
    out.chance[:, -1] += weight[:, -1]
    return out


def _longer(of_runs: Floats, of_none: Floats | float) -> Floats:
    """Every run is one reading longer, the new one has none."""
    out = np.empty_like(of_runs)
    out[:, 0], out[:, 1:] = of_none, of_runs[:, :-1]
    return out


def error_of_mean(posterior: Posterior, length: Indices) -> Floats:
    """(N,) the deviation of the posterior of the mean of the run of that length."""
    count, shape, _ = _tables(posterior.chance.shape[1] - 1)
    error: Floats = np.sqrt(posterior.spread[np.arange(len(length)), length] / (shape * count)[length])
    return error
