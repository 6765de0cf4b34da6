"""A sensor that repeats itself longer than it ever should.

Cannot find: a stuck sensor that still shows noise, and one stuck at zero or at an end of its span, which a healthy gas
sensor may show for hours: that is said to be not judged, not clear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Outcome, Subjects, Verdict, findings_at, whole
from detectors.reading import Batch, Bools, Floats, Indices, Quality
from detectors.state import SETTING

CHANCE = 1e-9
"""How improbable a run must be by declared noise and quantum alone."""
WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "health.stuck.repeats",
    Verdict.CLEAR: "health.stuck.moves",
    Verdict.UNKNOWN: "health.stuck.not_judged",
}


@dataclass(slots=True)
class State:
    """(N,) each."""

    verdict: NDArray[np.int8]
    last: Floats
    """Newest value; NaN before the first."""
    run: NDArray[np.int64]
    """How often it has come in a row."""
    longest: NDArray[np.int64]
    """Longest finished run away from rest that was not found stuck."""
    changes: NDArray[np.int64]
    declared: Floats = field(metadata=SETTING)
    """Run length allowed by declared noise and quantum; NaN where they are not declared."""
    low: Floats = field(metadata=SETTING)
    high: Floats = field(metadata=SETTING)
    zero: Floats = field(metadata=SETTING)
    """At or below this magnitude a value is the sensor's zero."""


@dataclass(frozen=True)
class Stuck:
    """ACTIVE when one raw value has come more than N times in a row, CLEAR when it changes.

    N is the greatest of `least`, `factor` times the sensor's own longest finished run, and, where noise and quantum are
    declared, the run that chance makes once in 1e9 (two readings agree with p = quantum / (2 sqrt(pi) noise)). Without
    them the sensor is judged only after `learn` changes of value. Runs at zero or at an end of the span are not judged.
    Where a device publishes one value many times (an hour's mean each minute) give a `least` above that.
    Source: definition (shared reference gas-dust 2.7 and 2.8: a quantised healthy sensor repeats itself).

        [rule.stuck]
        sensors = ["ch4-2105"]
        detector = { kind = "health.stuck", least = 20 }
        priority = "low"
        guidance = "Check the sensor with test gas"
    """

    kind: ClassVar[str] = "health.stuck"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {}

    least: int = 20
    factor: float = 3.0
    learn: int = 20

    def __post_init__(self) -> None:
        if self.least < 2:
            raise ValueError(f"least is {self.least}; give 2 or more readings (20 is usual)")
        if not self.factor >= 1:
            raise ValueError(f"factor is {self.factor}; give 1 or more (3 is usual)")
        if self.learn < 1:
            raise ValueError(f"learn is {self.learn}; give 1 or more changes of value (20 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, no history."""
        count = len(subjects)
        half = np.where(subjects.quantum > 0, subjects.quantum / 2, 0.0)
        return State(
            verdict=np.zeros(count, np.int8),
            last=np.full(count, np.nan),
            run=np.zeros(count, np.int64),
            longest=np.zeros(count, np.int64),
            changes=np.zeros(count, np.int64),
            declared=_declared(subjects),
            low=subjects.span_low + half,
            high=subjects.span_high - half,
            zero=half,
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Round by round: in each no sensor repeats, so a round is one vector step."""
        good = batch.good
        parts = []
        for turn in batch.rounds():
            chosen = turn[good[turn]]
            if len(chosen):
                changed, verdicts, limits = self._turn(state, batch.sensor[chosen], batch.value[chosen])
                parts.append((chosen[changed], verdicts[changed], limits[changed]))
        if not parts:
            return Outcome()
        rows, verdicts, allowed = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Outcome(whole(findings_at(batch, rows, verdicts, batch.sensor[rows], None, WHY, {"times": allowed})))

    def _turn(self, state: State, who: Indices, value: Floats) -> tuple[Bools, NDArray[np.int8], Floats]:
        """Fold one reading of each of `who`: (which verdicts changed, the verdicts, the run allowed)."""
        last, was = state.last[who], state.verdict[who]
        same = value == last
        ended = ~same & ~np.isnan(last)
        before, longest = state.run[who], state.longest[who]
        teaches = np.flatnonzero(ended & (before > longest) & (was != Verdict.ACTIVE))
        if len(teaches):
            teaches = teaches[~_resting(state, who[teaches], last[teaches])]
            longest[teaches] = before[teaches]
        changes = state.changes[who] + ended
        run = np.where(same, before + 1, 1)
        declared = state.declared[who]
        judged = (changes >= self.learn) | ~np.isnan(declared)
        limit = np.fmax(np.maximum(self.least, np.ceil(self.factor * longest)), declared)
        now = judged.astype(np.int8)
        now[same & (was == Verdict.ACTIVE)] = Verdict.ACTIVE
        over = np.flatnonzero((run > limit) & judged)
        if len(over):
            now[over] = np.where(_resting(state, who[over], value[over]), Verdict.UNKNOWN, Verdict.ACTIVE)
        state.last[who], state.run[who], state.verdict[who] = value, run, now
        state.longest[who], state.changes[who] = longest, changes
        return now != was, now, limit


def _declared(subjects: Subjects) -> Floats:
    known = (subjects.noise > 0) & (subjects.quantum > 0)
    noise, quantum = np.where(known, subjects.noise, 1.0), np.where(known, subjects.quantum, 1.0)
    agree = np.minimum(quantum / (2 * np.sqrt(np.pi) * noise), 0.99)
    return np.where(known, np.ceil(np.log(CHANCE) / np.log(agree)), np.nan)


def _resting(state: State, who: Indices, value: Floats) -> Bools:
    rest: Bools = (np.abs(value) <= state.zero[who]) | (value <= state.low[who]) | (value >= state.high[who])
    return rest
