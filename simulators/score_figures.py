"""The figures of a score: delays as order statistics, false alarms as a rate with its exact interval.

A truth that was missed counts in a quantile as later than all, as in docs/quality.md: who leaves it out is the faster
the more he misses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf

from scipy.special import gammaincinv

MONTH = 30 * 86_400 * 10**9
"""ns."""


@dataclass(frozen=True, slots=True)
class Rate:
    """False alarms a sensor-month, with the two-sided 95 % interval; None where nothing was watched."""

    count: int
    months: float
    rate: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, count: int, exposure: int) -> Rate:
        """`exposure` in ns of one subject watched."""
        months = exposure / MONTH
        if not exposure:
            return cls(count, 0.0, None, None, None)
        low, high = poisson_interval(count)
        return cls(count, months, count / months, low / months, high / months)


def poisson_interval(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval of the mean of a Poisson count. Source: Garwood 1936 (by gamma quantiles)."""
    tail = (1 - confidence) / 2
    low = float(gammaincinv(count, tail)) if count else 0.0
    return low, float(gammaincinv(count + 1, 1 - tail))


def poisson_upper(count: int, confidence: float = 0.95) -> float:
    """Exact one-sided upper bound of the mean of a Poisson count: 2.996 where none was seen."""
    return float(gammaincinv(count + 1, confidence))


def quantile(values: Sequence[float], part: float) -> float | None:
    """The order statistic below or at which `part` of the values lie; inf stands for missed. None of nothing."""
    return sorted(values)[max(ceil(part * len(values)) - 1, 0)] if values else None


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and 90th percentile; None: later than all (too many are missed), or nothing to measure."""

    median: float | None
    p90: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of values in which inf stands for missed."""
        found = (quantile(values, part) for part in (0.5, 0.9))
        return cls(*(None if value is None or value == inf else value for value in found))
