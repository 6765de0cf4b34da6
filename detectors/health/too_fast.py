"""A change faster than the sensor can follow: its t90 bounds what can be real.

Constraints. Compares a reading with the good one before it, over device time. Says nothing about what caused it.
Cannot find: a fault slower than t90, a jump across a gap longer than a few t90.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Outcome, PerSubject, Subjects, Verdict, findings_at, per_subject
from detectors.preceding import newest, preceding
from detectors.reading import FAULTS, Batch, Bools, Floats, Quality, Times
from detectors.says import Says
from detectors.state import SETTING

OTHER_FAULTS = FAULTS & ~int(Quality.OUT_OF_SPAN)
DECADE = float(np.log(10.0))
"""t90 of a first-order sensor is ln(10) time constants."""
WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "health.too_fast.jumped",
    Verdict.CLEAR: "health.too_fast.possible",
    Verdict.UNKNOWN: "health.too_fast.no_value",
}


@dataclass(slots=True)
class State:
    """(N,) each."""

    verdict: NDArray[np.int8]
    last: Floats
    """Newest good value; NaN before the first."""
    time: Times
    calm: NDArray[np.int64]
    """Good readings in a row that were possible, up to `calm`."""
    low: Floats = field(metadata=SETTING)
    high: Floats = field(metadata=SETTING)
    noise: Floats = field(metadata=SETTING)
    """What two readings may differ by noise and quantum alone."""


@dataclass(frozen=True)
class TooFast:
    """ACTIVE at a reading that its t90 forbids, CLEAR after `calm` possible ones in a row.

    From x a first-order sensor can come no further in dt than (1 - exp(-ln 10 dt / t90)) of the way to the end of its
    span; `allowance`, or else 6 standard deviations of a difference (of declared noise) and a quantum, is added.
    Source: first-order step response; EN 60079-29-1 defines t90; shared reference gas-dust 2.7, "spike".

        [rule.methane-jump]
        sensors = ["ch4-2105"]
        detector = { kind = "health.too_fast", t90 = "20s", allowance = "0.1 %vol" }
        priority = "low"
        guidance = "Check plug, cable and interference; believe the value until shown wrong"
    """

    kind: ClassVar[str] = "health.too_fast"
    feeds_on: ClassVar[Quality] = Quality.OUT_OF_SPAN
    limit_parameters: ClassVar[Mapping[str, str]] = {"allowance": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {}

    t90: PerSubject
    """s."""
    allowance: PerSubject = float("nan")
    calm: int = 3

    def __post_init__(self) -> None:
        if not (np.asarray(self.t90) > 0).all():
            raise ValueError(f"t90 is {self.t90} s; give the sensor's response time, like '20s'")
        if (np.asarray(self.allowance) < 0).any():
            raise ValueError(f"allowance is {self.allowance}; give 0 or more, like '0.1 %vol'")
        if self.calm < 1:
            raise ValueError(f"calm is {self.calm}; give 1 or more readings (3 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where a sensor has no span."""
        low, high = subjects.span_low, subjects.span_high
        for k in np.flatnonzero(~(np.isfinite(low) & np.isfinite(high))).tolist():
            raise ValueError(f"{subjects.input_id[k]} has no span; give the sensor span = [low, high]")
        n = len(subjects)
        noise = 6 * np.sqrt(2.0) * np.nan_to_num(subjects.noise) + np.nan_to_num(subjects.quantum)
        return State(
            np.zeros(n, np.int8), np.full(n, np.nan), np.zeros(n, np.int64), np.zeros(n, np.int64), low, high, noise
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """The good reading before each, one vector comparison, then how long it has been calm."""
        good = batch.good
        usable = (batch.quality & OTHER_FAULTS) == 0
        last, before = self._before(state, batch, good)
        most = self._most(state, batch, last, before)
        change = batch.value - last
        jumped = usable & (np.abs(change) > most)
        calm = self._calm(state, batch, good & ~np.isnan(last), jumped)
        says = np.zeros(len(batch), np.uint8)
        says[calm > 0] = Says.SHARPEN
        says[calm >= self.calm] = Says.CLEAR
        says[jumped] = Says.ACTIVE
        rows, verdicts = batch.settle_verdicts(state.verdict, says)
        numbers = {"change": np.nan_to_num(change[rows]), "seconds": (batch.time - before)[rows] / 1e9}
        limit = np.where(verdicts == Verdict.ACTIVE, most[rows], np.nan)
        return Outcome(findings_at(batch, rows, verdicts, batch.sensor[rows], limit, WHY, numbers))

    @staticmethod
    def _before(state: State, batch: Batch, good: Bools) -> tuple[Floats, Times]:
        """Value and time of the good reading before each row; the state moves on to the newest."""
        last, time = state.last[batch.sensor], state.time[batch.sensor]
        before = preceding(batch, good)
        inside = np.flatnonzero(before >= 0)
        last[inside], time[inside] = batch.value[before[inside]], batch.time[before[inside]]
        rows = newest(batch, good)
        state.last[batch.sensor[rows]], state.time[batch.sensor[rows]] = batch.value[rows], batch.time[rows]
        return last, time

    def _most(self, state: State, batch: Batch, last: Floats, before: Times) -> Floats:
        """The largest possible change at each row, on the side on which it changed."""
        who, n = batch.sensor, len(state.verdict)
        far = np.where(batch.value >= last, state.high[who] - last, last - state.low[who])
        t90 = per_subject(self.t90, n)[who]
        given = per_subject(self.allowance, n)[who]
        return reach(np.maximum(far, 0.0), (batch.time - before) / 1e9, t90) + np.where(
            np.isnan(given), state.noise[who], given
        )

    def _calm(self, state: State, batch: Batch, compared: Bools, jumped: Bools) -> NDArray[np.int64]:
        """(M,) possible good readings in a row up to and with each; 0 where the row is none."""
        runs, calm = batch.runs(), np.zeros(len(batch), np.int64)
        if not len(runs):
            return calm
        possible, jump = (compared & ~jumped)[runs.order], jumped[runs.order]
        length = runs.stop - runs.start
        first, carried = np.repeat(runs.start, length), np.repeat(state.calm[runs.sensor], length)
        count = np.add.accumulate(possible.astype(np.int64))
        since = np.maximum.accumulate(np.where(jump, np.arange(len(jump)), -1))
        inside = since >= first
        begin = np.where(inside, count[since], count[first] - possible[first])
        now = np.minimum(np.where(inside, 0, carried) + count - begin, self.calm)
        state.calm[runs.sensor] = now[runs.stop - 1]
        calm[runs.order] = np.where(possible, now, 0)
        return calm


def reach(far: Floats, seconds: Floats, t90: Floats) -> Floats:
    """How far a first-order sensor comes towards a step `far` away in `seconds`."""
    way: Floats = -far * np.expm1(-DECADE * np.maximum(seconds, 0.0) / t90)
    return way
