"""A zero that sinks: readings that stay below zero where nothing can be below zero.

Constraints. Device time; a gap counts for at most a twentieth of the window. It works in the sensor's own unit.
Cannot find: a zero that rises (only fresh air shows it), a drift hidden under gas that never leaves, a lost span.
Delay: a zero that sinks at a steady rate is seen about one window late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Outcome, PerSubject, Subjects, Verdict, findings_at, per_subject
from detectors.preceding import along_time, newest, preceding
from detectors.reading import FAULTS, Batch, Bools, Floats, Quality, Times
from detectors.says import Says

OTHER_FAULTS = FAULTS & ~int(Quality.OUT_OF_SPAN)
LONGEST = 20
"""No reading stands for more than 1/20 of the window."""
WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "health.negative_drift.sunk",
    Verdict.CLEAR: "health.negative_drift.at_zero",
    Verdict.UNKNOWN: "health.negative_drift.learning",
}


@dataclass(slots=True)
class State:
    """(N,) each."""

    verdict: NDArray[np.int8]
    zero: Floats
    """Weighted mean of what was read; NaN before the first."""
    time: Times
    """Device time of the newest reading used."""
    covered: Times
    """ns of readings that stand behind `zero`, up to the window."""


@dataclass(frozen=True)
class NegativeDrift:
    """ACTIVE when the mean over about `window` is `limit` or more below zero, CLEAR when it is less than half as low.

    The mean forgets exponentially (time constant `window`), and values above `limit` count as `limit`: an hour of gas
    hides little. Nothing is said before one `window` of readings. Out-of-span readings below zero count, late ones do
    not. Source: shared reference gas-dust 2.7, negative drift; exponential smoothing, a = 1 - exp(-dt / window).

        [rule.methane-zero]
        sensors = ["ch4-2105"]
        detector = { kind = "health.negative_drift", limit = "0.05 %vol", window = "24h" }
        priority = "low"
        guidance = "Zero the sensor in fresh air"
    """

    kind: ClassVar[str] = "health.negative_drift"
    feeds_on: ClassVar[Quality] = Quality.OUT_OF_SPAN
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"zero": "{unit}"}

    limit: PerSubject
    window: float = 86_400.0
    """s."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give how far below zero, as a number above 0, like '0.05 %vol'")
        if not 60 <= self.window <= 366 * 86_400:
            raise ValueError(f"window is {self.window} s; give 1 min to a year, like '24h'")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, nothing read."""
        n = len(subjects)
        return State(np.zeros(n, np.int8), np.full(n, np.nan), np.zeros(n, np.int64), np.zeros(n, np.int64))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Weights of all rows at once; then the mean, reading by reading."""
        usable = ((batch.quality & OTHER_FAULTS) == 0) & (batch.good | (batch.value < 0))
        limit = per_subject(self.limit, len(state.verdict))[batch.sensor]
        step = self._steps(state, batch, usable)
        fold = _along if along_time(batch) else _across
        zero, covered = fold(state, batch, usable, np.minimum(batch.value, limit), step, self._ns)
        learned = covered >= self._ns
        says = np.zeros(len(batch), np.uint8)
        says[learned] = Says.SHARPEN
        says[learned & batch.good & (zero > -limit / 2)] = Says.CLEAR
        says[learned & (zero <= -limit)] = Says.ACTIVE
        changed, verdicts = batch.settle_verdicts(state.verdict, says)
        who = batch.sensor[changed]
        found = findings_at(batch, changed, verdicts, who, -limit[changed], WHY, value=zero[changed])
        drawn = np.flatnonzero(learned)
        column = Column.of("zero", "{unit}", batch.sensor[drawn], batch, drawn, zero[drawn])
        return Outcome(found, [column] if len(drawn) else [])

    @property
    def _ns(self) -> int:
        return round(self.window * 1e9)

    def _steps(self, state: State, batch: Batch, usable: Bools) -> Times:
        """(M,) ns since the usable reading before, at most 1/20 of the window; the state moves on to the newest."""
        earlier, begun = state.time[batch.sensor], ~np.isnan(state.zero[batch.sensor])
        before = preceding(batch, usable)
        inside = np.flatnonzero(before >= 0)
        earlier[inside], begun[inside] = batch.time[before[inside]], True
        rows = newest(batch, usable)
        state.time[batch.sensor[rows]] = batch.time[rows]
        return np.where(begun, np.clip(batch.time - earlier, 0, self._ns // LONGEST), 0)


def _across(
    state: State, batch: Batch, usable: Bools, value: Floats, step: Times, window: int
) -> tuple[Floats, Times]:
    """(M,) the mean and what stands behind it, after each row: round by round, one vector step across sensors."""
    weight = weights(step, window)
    zero, covered = np.full(len(batch), np.nan), np.zeros(len(batch), np.int64)
    for turn in batch.rounds():
        rows = turn[usable[turn]]
        who = batch.sensor[rows]
        before = np.where(np.isnan(state.zero[who]), value[rows], state.zero[who])
        zero[rows] = before + weight[rows] * (value[rows] - before)
        covered[rows] = np.minimum(state.covered[who] + step[rows], window)
        state.zero[who], state.covered[who] = zero[rows], covered[rows]
    return zero, covered


def _along(
    state: State, batch: Batch, usable: Bools, value: Floats, step: Times, window: int
) -> tuple[Floats, Times]:
    """The same, sensor by sensor along time: the same sums of the same numbers in the same order."""
    weight = weights(step, window)
    zero, covered = np.full(len(batch), np.nan), np.zeros(len(batch), np.int64)
    for who, run in batch.runs():
        rows = run[usable[run]]
        mean, total, means, totals = float(state.zero[who]), int(state.covered[who]), [], []
        for x, w, ns in zip(value[rows].tolist(), weight[rows].tolist(), step[rows].tolist(), strict=True):
            before = x if mean != mean else mean
            mean, total = before + w * (x - before), min(total + ns, window)
            means.append(mean)
            totals.append(total)
        zero[rows], covered[rows] = means, totals
        state.zero[who], state.covered[who] = mean, total
    return zero, covered


def weights(step: Times, window: int) -> Floats:
    """Of exponential smoothing over uneven steps: 1 - exp(-step / window)."""
    weight: Floats = -np.expm1(-step / window)
    return weight
