"""Rain that loosens slopes: intensity over duration, or antecedent rain. A cause to act on, not a sign of movement.

Constraints. A gauge gives the rain since its last reading (mm) or an intensity (mm/h); not a counter that only grows.
Device time decides, in bins of 30 min: a window is up to one bin longer than said, so it never misses rain. Time
without a reading is not time without rain: it is uncovered.
Cannot find: melt water, rain beside the gauge. Curves are regional: give your own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import (
    NEVER,
    Finding,
    Outcome,
    PerSubject,
    Subjects,
    Verdict,
    Why,
    at_row,
    per_subject,
    whole,
)
from detectors.drawing import columns_of
from detectors.lapse import earliest, lapse, lapse_one
from detectors.reading import FAULTS, Batch, Bools, Floats, Quality, Times
from detectors.state import SETTING

BIN = 1_800_000_000_000
"""ns."""
BINS = 1440
"""30 d."""
HOUR = 3600.0
COVERED = 0.75
"""Part of a window that readings must cover before it may be called dry."""
LATE = 1.5
"""Intervals that one reading speaks for at most."""
NO_TIME = np.iinfo(np.int64).min
WHY: Mapping[str, str] = {
    "curve": "slope.rainfall.curve",
    "antecedent": "slope.rainfall.antecedent",
    "below": "slope.rainfall.below",
    "low_coverage": "slope.rainfall.low_coverage",
}
LOW = Why(WHY["low_coverage"])


def curve(alpha: float, beta: float, hours: float) -> float:
    """mm that rain of this duration reaches on the curve I = alpha D^-beta (mm/h, h).

    Source: Caine 1980, Geografiska Annaler 62A: I = 14.82 D^-0.39, world wide [R, to be confirmed].
    """
    return alpha * math.pow(hours, 1.0 - beta)


@dataclass(slots=True)
class State:
    """(N,) unless said."""

    verdict: NDArray[np.int8]
    due: Times
    """When a clear verdict lapses."""
    time: Times
    """Device time of the newest reading taken."""
    rain: Floats
    """(N, 1440) mm in each bin of 30 min; bin b at b % 1440."""
    covered: NDArray[np.uint16]
    """(N, 1440) s of each bin that readings speak for."""
    interval: Floats = field(metadata=SETTING)
    hourly: Bools = field(metadata=SETTING)
    """The gauge gives mm/h."""


@dataclass(frozen=True)
class Rainfall:
    """ACTIVE when the rain of a window reaches its limit; CLEAR when none does and readings cover all of them.

    Either intensity over duration: over one of the `durations` D more fell than alpha D^(1 - beta) mm, D in h. Or
    antecedent rain: `antecedent` mm in the last `antecedent_for`. Two worries are two rules (network rules join them,
    with movement too). The column `of_limit` is the rain of the window nearest to its limit, as a part of that.
    Source: Caine 1980 (alpha 14.82, beta 0.39) [R, to be confirmed]; your region's own curve goes before it.

        [rule.heavy-rain]
        sensors = ["rain-1"]
        detector = { kind = "slope.rainfall", alpha = 14.82, beta = 0.39 }
        priority = "medium"
        guidance = "Inspect drains and crests, read the prisms each hour"
    """

    kind: ClassVar[str] = "slope.rainfall"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"of_limit": "1"}

    alpha: PerSubject = float("nan")
    """mm/h that rain of one hour needs."""
    beta: PerSubject = 0.39
    durations: tuple[float, ...] = (1 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 72 * HOUR)
    """s."""
    antecedent: PerSubject = float("nan")
    """mm."""
    antecedent_for: float = 0.0
    """s."""

    def __post_init__(self) -> None:
        alpha, antecedent = np.asarray(self.alpha), np.asarray(self.antecedent)
        by_curve, by_sum = not np.isnan(alpha).any(), not np.isnan(antecedent).any()
        if by_curve == by_sum or by_sum != (self.antecedent_for > 0):
            raise ValueError("give alpha and beta, or antecedent and antecedent_for, like 120 and '14d', and not both")
        if (by_curve and not (alpha > 0).all()) or (by_sum and not (antecedent > 0).all()):
            raise ValueError(f"alpha is {self.alpha}, antecedent is {self.antecedent}; give rain above 0")
        if not ((np.asarray(self.beta) > 0) & (np.asarray(self.beta) < 1)).all():
            raise ValueError(f"beta is {self.beta}; give a number between 0 and 1 (0.39 is usual)")
        longest = (BINS - 1) * BIN * 1e-9
        if not self.durations or not all(HOUR <= d <= longest for d in self.windows):
            raise ValueError(f"windows are {self.windows} s; give 1 h to just below 30 d, like ['1h', '24h']")

    @property
    def windows(self) -> tuple[float, ...]:
        """s, of the limit that was given."""
        return (self.antecedent_for,) if self.antecedent_for > 0 else self.durations

    @property
    def period(self) -> int:
        """ns; a shift of time by a multiple changes nothing but times."""
        return BIN

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for a gauge in another unit, or without an interval."""
        for sensor, unit, every in zip(subjects.input_id, subjects.input_unit, subjects.interval.tolist(), strict=True):
            if unit not in ("mm", "mm/h"):
                raise ValueError(f"{sensor} is in {unit!r}; give rain since its last reading in mm, or in mm/h")
            if not every > 0:
                raise ValueError(f"{sensor} declares no interval; give every = '10min', or a gap looks like no rain")
        n = len(subjects)
        return State(
            verdict=np.zeros(n, np.int8),
            due=np.full(n, NEVER),
            time=np.full(n, NO_TIME),
            rain=np.zeros((n, BINS)),
            covered=np.zeros((n, BINS), np.uint16),
            interval=subjects.interval,
            hourly=np.array([unit == "mm/h" for unit in subjects.input_unit]),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each gauge's good rows in order; every window at every reading."""
        findings: list[Finding] = []
        parts: list[tuple[int, int, float]] = []
        limits = self._limits(len(state.verdict))
        good = (batch.quality & FAULTS) == 0
        for who, rows in batch.runs():
            for row in rows.tolist():
                time, arrived, value = int(batch.time[row]), int(batch.arrived[row]), float(batch.value[row])
                findings += lapse_one(state, who, arrived, LOW)
                if good[row] and time > state.time[who] and value >= 0:
                    _take(state, who, time, value)
                    quiet = max(LATE * float(state.interval[who]), min(self.windows) / 4)
                    state.due[who] = arrived + round(quiet * 1e9)
                    findings += self._judge(state, who, batch, row, limits[who].tolist(), parts)
        findings += lapse(state, batch.until, lambda _: LOW)
        return Outcome(whole(findings), columns_of(batch, parts, self.columns), earliest(state))

    def _limits(self, count: int) -> Floats:
        """(N, windows) mm."""
        if self.antecedent_for > 0:
            return per_subject(self.antecedent, count)[:, None]
        alpha, beta = per_subject(self.alpha, count).tolist(), per_subject(self.beta, count).tolist()
        return np.array([[curve(a, b, d / HOUR) for d in self.windows] for a, b in zip(alpha, beta, strict=True)])

    def _judge(
        self, state: State, who: int, batch: Batch, row: int, limits: list[float], parts: list[tuple[int, int, float]]
    ) -> list[Finding]:
        time = int(batch.time[row])
        fallen = [_window(state, who, time, window) for window in self.windows]
        nearest = max(range(len(limits)), key=lambda k: fallen[k][0] / limits[k])
        rain, limit, window = fallen[nearest][0], limits[nearest], self.windows[nearest]
        parts.append((row, who, rain / limit))
        least = min(coverage for _, coverage in fallen)
        was = Verdict(int(state.verdict[who]))
        if rain >= limit:
            verdict, key = Verdict.ACTIVE, "antecedent" if self.antecedent_for > 0 else "curve"
        elif least >= COVERED:
            verdict, key = Verdict.CLEAR, "below"
        else:
            verdict, key = (was if was is Verdict.ACTIVE else Verdict.UNKNOWN), "low_coverage"
        if verdict is was:
            return []
        state.verdict[who] = verdict
        why = Why(WHY[key], {"rain": rain, "window": window, "coverage": least})
        return [at_row(batch, row, who, verdict, rain, limit, why)]


def _take(state: State, who: int, time: int, value: float) -> None:
    """Put one reading into its bin, and what it speaks for into the bins since the last."""
    was, now = int(state.time[who]), time // BIN
    begin = time - round(LATE * float(state.interval[who]) * 1e9)
    if was == NO_TIME:
        was = begin
    elif now != was // BIN:
        passed = np.arange(max(was // BIN + 1, now - BINS + 1), now + 1) % BINS
        state.rain[who, passed], state.covered[who, passed] = 0.0, 0
    begin = max(begin, was, (now - BINS + 1) * BIN)
    hours = (time - begin) * 1e-9 / HOUR
    state.rain[who, now % BINS] += value * hours if state.hourly[who] else value
    while begin < time:
        end = min(time, (begin // BIN + 1) * BIN)
        seconds = int(state.covered[who, begin // BIN % BINS]) + (end - begin) // 1_000_000_000
        state.covered[who, begin // BIN % BINS] = min(BIN // 1_000_000_000, seconds)
        begin = end
    state.time[who] = time


def _window(state: State, who: int, time: int, window: float) -> tuple[float, float]:
    """(mm, covered part) of the window that ends at `time`, up to a bin longer than said."""
    newest = time // BIN
    whole_bins = math.ceil(window * 1e9 / BIN)
    bins = np.arange(newest - whole_bins, newest + 1) % BINS
    length = whole_bins * (BIN // 1_000_000_000) + (time - newest * BIN) * 1e-9
    covered = int(state.covered[who, bins].astype(np.int64).sum())
    return math.fsum(state.rain[who, bins].tolist()), min(1.0, covered / length)
