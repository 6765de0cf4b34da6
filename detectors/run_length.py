"""How long a control chart runs until it alarms, and the limit for a wished number of false alarms.

Constraints. Independent normal readings; one-sided CUSUM is doubled, EWMA has fixed limits and starts at zero. Limits
are rounded up to 0.001, so that no processor's last bit moves one. Not for raw autocorrelated readings: there every
figure here is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import scipy

from detectors.detector import PerSubject, per_subject
from detectors.reading import Floats

MONTH = 30.44 * 86_400.0
"""s."""
SMALLEST, LARGEST = 0.5, 12.0
"""Limits looked at, in sigma of what is compared with them; a CUSUM's are LARGEST / k at most."""
SHORTEST, LONGEST = 20.0, 1e10
"""Run lengths for which a limit is looked for."""
Unsure: TypeAlias = tuple[float, float]
"""Variances of a baseline's errors: of the mean, in sigma, and of the variance, as a part."""
KNOWN: Unsure = (0.0, 0.0)


def cusum_run_length(k: float, h: float, shift: float = 0.0) -> float:
    """Mean readings to an alarm of the two-sided CUSUM at reference `k`, limit `h` and a `shift`, all in sigma.

    Source: Nystrom on the integral equation of Page 1954 (shared reference: statistics 2).
    """
    up = _one_sided(k, h, shift)
    return up / 2 if shift == 0 else 1.0 / (1.0 / up + 1.0 / _one_sided(k, h, -shift))


def ewma_run_length(weight: float, limit: float, shift: float = 0.0) -> float:
    """Mean readings to an alarm of the EWMA with fixed limits of `limit` asymptotic sigma.

    Source: Crowder 1987; Lucas and Saccucci 1990 (shared reference: statistics 3).
    """
    reach = limit * float(np.sqrt(weight / (2 - weight)))
    sides = (1, -1) if shift == 0 else (1,)
    nodes, weights = _nodes(0.0 if shift == 0 else -reach, reach, weight)

    def reached(start: Floats) -> Floats:
        """Chance to step from `start` to each node; without a shift what lies below zero mirrors what lies above."""
        steps = [_pdf((side * nodes - (1 - weight) * start[:, None]) / weight - shift) for side in sides]
        chance: Floats = sum(steps[1:], steps[0]) * weights / weight
        return chance

    length = _solve(np.eye(len(nodes)) - reached(nodes), np.ones(len(nodes)))
    return 1.0 + float((reached(np.zeros(1))[0] * length).sum())


class NoLimit(ValueError):
    """No limit gives so few false alarms on a baseline of so few readings."""


@lru_cache(maxsize=4096)
def cusum_limit(k: float, run_length: float, unsure: Unsure = KNOWN) -> float:
    """The limit h whose two-sided run length without a shift is `run_length`, rounded up to 0.001.

    Where the baseline was estimated (`unsure`), the false alarms are those of many such baselines together; from the
    limit of a known one on, run lengths grow as Siegmund's do. Raises NoLimit where none gives that.
    """
    if unsure == KNOWN:
        return _limit(lambda h: cusum_run_length(k, h), run_length, SMALLEST, LARGEST / k)
    known = cusum_limit(k, run_length)
    ratio = cusum_run_length(k, known) * float(_siegmund(k, known))
    return _limit(
        lambda h: ratio / float(_siegmund(k, h)) / cusum_excess(k, h, unsure), run_length, known, LARGEST / k
    )


@lru_cache(maxsize=4096)
def ewma_limit(weight: float, run_length: float, unsure: Unsure = KNOWN) -> float:
    """As cusum_limit, for the limit L of an EWMA."""
    if unsure == KNOWN:
        return _limit(lambda limit: ewma_run_length(weight, limit), run_length, SMALLEST, LARGEST)
    known = ewma_limit(weight, run_length)
    return _limit(
        lambda limit: ewma_run_length(weight, limit) / ewma_excess(weight, limit, unsure), run_length, known, LARGEST
    )


def check_wish(false_alarms: PerSubject, limit: PerSubject) -> None:
    """Raises ValueError for a number of false alarms, or a limit, that cannot be meant."""
    if not (np.asarray(false_alarms) > 0).all():
        raise ValueError(f"false_alarms is {false_alarms}; give a number a sensor-month above 0, like 0.04")
    if (np.asarray(limit) <= 0).any() or np.isinf(limit).any():
        raise ValueError(f"limit is {limit}; give sigmas above 0, or leave it out and give false_alarms")


def limits(
    limit_of: Callable[[float, Unsure], float],
    given: PerSubject,
    interval: Floats,
    false_alarms: PerSubject,
    unsure: Sequence[Sequence[Unsure]],
) -> Floats:
    """(N, K) the limit given; where that is NaN, the one of so many false alarms a sensor-month at an interval in s.

    `unsure` has K errors of each subject's baseline, falling in promise: where no limit makes up for one, it is NaN.
    Raises ValueError where an interval is not known, or the wish cannot be had at all.
    """
    out = np.array([per_subject(given, len(interval))] * len(unsure[0]) if unsure else np.zeros((1, 0))).T
    wishes, every = per_subject(false_alarms, len(interval)).tolist(), interval.tolist()
    without: set[tuple[float, Unsure]] = set()
    for k in np.flatnonzero(np.isnan(out[:, 0])).tolist():
        length = run_length(every[k], wishes[k])
        out[k, 0] = limit_of(length, unsure[k][0])
        for place, errors in enumerate(unsure[k][1:], 1):
            if (length, errors) in without:
                break
            try:
                out[k, place] = limit_of(length, errors)
            except NoLimit:
                without.add((length, errors))
                break
    return out


def run_length(every: float, false_alarms: float) -> float:
    """Readings between false alarms, to 4 digits, for so many a month at a reading each `every` s."""
    if not every > 0:
        raise ValueError("false_alarms needs the sensor's interval; give it `every`, or give limit here")
    length = MONTH / every / false_alarms
    if not SHORTEST <= length <= LONGEST:
        least, most = MONTH / every / LONGEST, MONTH / every / SHORTEST
        raise ValueError(
            f"false_alarms is {false_alarms:g} a month at a reading every {every:g} s; give {least:.2g} to {most:.2g}"
        )
    return float(f"{length:.3e}")


def cusum_excess(k: float, h: float, unsure: Unsure) -> float:
    """How many times more often a CUSUM alarms whose baseline was estimated than one that knows it.

    By Siegmund's form, averaged over the errors of mean and variance.
    Source: Siegmund 1985 (shared reference: statistics 2); that short baselines alarm: performance 9.
    """
    return 1.0 if unsure == KNOWN else _averaged(lambda d, v: _siegmund(k, h, d, v), unsure)


def ewma_excess(weight: float, limit: float, unsure: Unsure) -> float:
    """The same for an EWMA: alarms are as frequent as L exp(-L^2 / 2), L seen from the true mean in true sigma.

    Siegmund's correction here, too: L is higher by 0.583 steps, as the average leaps over it.
    """
    if unsure == KNOWN:
        return 1.0

    def rate(shift: Floats, variance: Floats) -> Floats:
        reach = limit - shift * np.sqrt((2 - weight) / weight)
        seen = np.maximum(reach / np.sqrt(variance) + 0.583 * np.sqrt(2 * weight), 0.5)
        one: Floats = seen * np.exp(-seen * seen / 2)
        return one

    return _averaged(rate, unsure)


def _siegmund(k: float, h: float, shift: Any = 0.0, variance: Any = 1.0) -> Any:
    """Alarms a reading of a one-sided CUSUM, within 1 % of the integral equation."""
    spread = np.sqrt(variance)
    drift, b = (k - shift) / spread, h / spread + 1.166
    away = np.clip(2 * drift * b, -np.inf, 600.0)
    flat = np.abs(away) < 1e-3
    away = np.where(flat, 1.0, away)
    return np.where(flat, 1.0 / (b * b), 2 * drift * drift / (np.exp(away) - away - 1.0))


def _averaged(rate: Callable[[Floats, Floats], Floats], unsure: Unsure) -> float:
    """Mean alarm rate over errors of the mean (normal) and the variance (log-normal), as a part of that without."""
    x, w = np.polynomial.hermite_e.hermegauss(31)
    w = w / w.sum()
    shift = x[:, None] * np.sqrt(unsure[0])
    variance = np.exp(x[None, :] * np.sqrt(unsure[1]) + unsure[1] / 2)
    known = rate(np.zeros((1, 1)), np.ones((1, 1)))
    return float((rate(shift, variance) * w[:, None] * w[None, :]).sum() / known[0, 0])


def _one_sided(k: float, h: float, shift: float) -> float:
    nodes, weights = _nodes(0.0, h, 1.0)
    start = np.concatenate(([0.0], nodes))
    left = k - shift - start
    ends, steps = scipy.special.ndtr(left), _pdf(nodes[None, :] + left[:, None]) * weights[None, :]
    moves = np.concatenate((ends[:, None], steps), axis=1)
    return float(_solve(np.eye(len(start)) - moves, np.ones(len(start)))[0])


def _nodes(low: float, high: float, sigma: float) -> tuple[Floats, Floats]:
    """Gauss-Legendre, dense enough for a normal density of `sigma`."""
    x, w = np.polynomial.legendre.leggauss(30 + round(2 * (high - low) / sigma))
    half = (high - low) / 2
    return low + half * (x + 1), half * w


def _pdf(x: Floats) -> Floats:
    density: Floats = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    return density


def _solve(matrix: Floats, right: Floats) -> Floats:
    """Elimination without pivots (the matrix is an M-matrix), in NumPy's own arithmetic: LAPACK's bits vary."""
    a = np.concatenate((matrix, right[:, None]), axis=1)
    count = len(right)
    for k in range(count - 1):
        a[k + 1 :, k + 1 :] -= (a[k + 1 :, k] / a[k, k])[:, None] * a[k, k + 1 :]
    out = np.zeros(count)
    for k in range(count - 1, -1, -1):
        out[k] = (a[k, -1] - float((a[k, k + 1 : -1] * out[k + 1 :]).sum())) / a[k, k]
    return out


def _limit(length: Callable[[float], float], wished: float, least: float, most: float) -> float:
    """Bracket and regula falsi on the logarithm, which is nearly straight (Illinois: the end that stays is halved)."""

    def misses(limit: float) -> float:
        return float(np.log(max(length(limit), 1e-300) / wished))

    low, below = least, misses(least)
    high, above = low, below
    while above < 0:
        low, below = high, above
        high = min(low + max(1.0, low / 4), most)
        above = misses(high)
        if above <= below or above < 0 and high == most:
            raise NoLimit(
                "no limit gives so few false alarms on a baseline of so few readings; learn from more, declare mean and"
                " sigma, or give more false_alarms"
            )
    while high - low > 1e-7:
        middle = low - below * (high - low) / (above - below)
        value = misses(middle)
        if abs(value) < 1e-6:
            high = low = middle
        elif value > 0:
            high, above, below = middle, value, below / 2
        else:
            low, below, above = middle, value, above / 2
    return float(np.ceil(high * 1e3 - 1e-3) / 1e3)
