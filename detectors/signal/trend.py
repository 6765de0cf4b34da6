"""A trend that noise and autocorrelation do not explain: Mann-Kendall with Hamed and Rao's correction, and Sen's slope.

Constraints. Device time decides. Good readings are gathered into about 30 means a window and tested at each of them, so
one trend is tested many times: this is for the log and the engineer, not for the horn. No shape is assumed.
Cannot find: a rise that turns back inside the window, what is shorter than half of it, a cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import scipy

from detectors.detector import Outcome, PerSubject, Subjects, Verdict, per_subject
from detectors.knots import Answer, Follower, Trail, blank
from detectors.reach import reads_often
from detectors.reading import Batch, Floats, Quality
from detectors.theil_sen import theil_sen
from detectors.window import MEANS, window_of

DAY = 86_400.0
LEAST = 10
"""Means that a test needs."""
LEAVE = 2.0
"""A trend has ended when chance explains it so many times better than it had to to begin."""
WHY: Mapping[str, str] = {
    "rising": "signal.trend.rising",
    "falling": "signal.trend.falling",
    "slower": "signal.trend.slower",
    "no_trend": "signal.trend.no_trend",
    "fading": "signal.trend.fading",
    "learning": "signal.trend.learning",
}


@dataclass(slots=True)
class State(Trail):
    """The means are all there is to remember."""


class MannKendall(NamedTuple):
    """S, its variance without and with autocorrelation, and Z, p of each."""

    s: int
    variance: float
    corrected: float

    def z(self, variance: float) -> float:
        """Continuity-corrected; 0 where all values agree."""
        return float((self.s - np.sign(self.s)) / np.sqrt(variance)) if variance > 0 else 0.0

    def p(self, variance: float) -> float:
        """Two-sided."""
        return float(2.0 * scipy.special.ndtr(-abs(self.z(variance))))


def mann_kendall(y: Floats, slope: float, t: Floats) -> MannKendall:
    """The test on y (n,) over ascending t; `slope` is Sen's, by which y is detrended before its ranks are correlated.

    Source: Mann 1945, Kendall 1975 (ties); Hamed and Rao 1998, J. Hydrology 204, eq. 14 (lags significant at 5 %).
    """
    n = len(y)
    first, second = np.triu_indices(n, 1)
    s = int(np.sign(y[second] - y[first]).sum())
    counts = np.unique(y, return_counts=True)[1].astype(np.float64)
    variance = (n * (n - 1) * (2 * n + 5) - float((counts * (counts - 1) * (2 * counts + 5)).sum())) / 18
    ranks = _ranks(y - slope * t)
    ranks = ranks - ranks.mean()
    total = float((ranks * ranks).sum())
    bound = -float(scipy.special.ndtri(0.025)) / np.sqrt(n)
    more = 0.0
    for lag in range(1, n if total > 0 else 1):
        rho = float((ranks[lag:] * ranks[:-lag]).sum()) / total
        if abs(rho) > bound:
            more += (n - lag) * (n - lag - 1) * (n - lag - 2) * rho
    return MannKendall(s, variance, variance * (1 + 2 * more / (n * (n - 1) * (n - 2))))


def _ranks(values: Floats) -> Floats:
    """From 1; equal values share the mean of theirs."""
    ordered = np.sort(values)
    below, up_to = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    ranks: Floats = (below + up_to + 1) / 2
    return ranks


@dataclass(frozen=True)
class Trend:
    """ACTIVE when the trend is as sure as `confidence`, goes to `side` and its slope is at or above `limit`.

    CLEAR when chance explains it twice as well, or the slope is below the limit; in between as it was. The variance is
    the larger of Kendall's and Hamed and Rao's: correlation may take certainty away, never add any. The columns are
    Sen's slope a day and Z. Unknown while the window is less than half covered.
    Source: Hamed and Rao 1998; Sen 1968 (shared reference: statistics 8).

        [rule.filter-clogs]
        sensors = ["dp-filter-1"]
        detector = { kind = "signal.trend", window = "7d", limit = "5 Pa/d", confidence = 0.999 }
        priority = "log"
        guidance = "Plan a change of the filter"
    """

    kind: ClassVar[str] = "signal.trend"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}/d"}
    columns: ClassVar[Mapping[str, str]] = {"slope": "{unit}/d", "z": "1"}

    window: float
    """s."""
    limit: PerSubject = 0.0
    """0: any slope."""
    side: Literal["rising", "falling", "either"] = "either"
    confidence: float = 0.999

    def __post_init__(self) -> None:
        if not 30 <= self.window <= 3660 * DAY:
            raise ValueError(f"window is {self.window} s; give a duration from 30s to ten years, like '7d'")
        if not (np.asarray(self.limit) >= 0).all():
            raise ValueError(f"limit is {self.limit}; give a slope of 0 or more (side gives the direction)")
        if self.side not in ("rising", "falling", "either"):
            raise ValueError(f"side is {self.side!r}; give 'rising', 'falling' or 'either'")
        if not 0.9 <= self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}; give a part of 1, 0.9 or more (0.999 is usual)")

    def reach(self, subjects: Subjects) -> None:
        """Raises ValueError for a sensor that reads too seldom for the window."""
        reads_often(subjects, self.window, LEAST)

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, no readings."""
        return State(**blank(subjects))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's good rows in order; a test at every mean."""
        limit = per_subject(self.limit, len(state.verdict))

        def judge(who: int, time: int) -> Answer:
            return self._judge(state, who, float(limit[who]))

        shown = np.where(limit > 0, limit, np.nan).tolist()
        return Follower(WHY, self.window / MEANS, self.columns).follow(state, batch, judge, shown)

    def _judge(self, state: State, who: int, limit: float) -> Answer:
        y, t, covered = window_of(state, who, self.window, DAY)
        if len(y) < LEAST or covered < 0.5:
            return Answer(Verdict.UNKNOWN, "learning", None, {"coverage": covered})
        slope = theil_sen(y, t).slope
        test = mann_kendall(y, slope, t)
        variance = max(test.variance, test.corrected)
        chance = test.p(variance)
        numbers = {"slope": slope, "confidence": 1.0 - chance}
        derived = {"slope": slope, "z": test.z(variance)}
        rising = test.s > 0
        other_way = self.side != "either" and rising is not (self.side == "rising")
        verdict: Verdict | None
        if other_way or chance > LEAVE * (1 - self.confidence):
            verdict, key = Verdict.CLEAR, "no_trend"
        elif abs(slope) < limit:
            verdict, key = Verdict.CLEAR, "slower"
        elif chance <= 1 - self.confidence:
            verdict, key = Verdict.ACTIVE, "rising" if rising else "falling"
        else:
            verdict, key = (Verdict.CLEAR if state.verdict[who] == Verdict.UNKNOWN else None), "fading"
        return Answer(verdict, key, slope, numbers, derived)
