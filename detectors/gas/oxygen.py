"""Oxygen, deficient or enriched: one rule that looks both ways.

Constraints. Oxygen alone: what displaced it is not known. Judged on each reading.
Cannot find: a poisonous gas that displaces little air, a low partial pressure at high altitude (it reads %vol), an
exhausted cell that has drifted but still lies within its limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Outcome, PerSubject, Subjects, Verdict, findings_at, per_subject
from detectors.reading import Batch, Floats, Quality

AIR = 20.9
"""%vol of oxygen in fresh air."""
WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "gas.oxygen.deficient",
    Verdict.CLEAR: "gas.oxygen.normal",
    Verdict.UNKNOWN: "gas.oxygen.no_value",
}


@dataclass(slots=True)
class State:
    """(N,) the verdict is all there is to remember."""

    verdict: NDArray[np.int8]


@dataclass(frozen=True)
class Oxygen:
    """ACTIVE at or below `low` or at or above `high`, CLEAR strictly between the resets; `side` leaves one out.

    `low_reset` and `high_reset` are the limits themselves where none is given. The column `from_air` is the distance
    from fresh air's 20.9 %vol. A late or out-of-span reading may raise; only a good one clears.
    Source: 29 CFR 1910.146(b), 19.5 and 23.5 %; GB/T 50493-2019 [low V, high R]; 30 CFR 75.321 [R, to be confirmed].

        [rule.tank-oxygen]
        sensors = ["o2-tank-1"]
        detector = { kind = "gas.oxygen", low = "19.5 %vol", high = "23.5 %vol" }
        priority = "high"
        guidance = "Nobody enters; who is inside leaves; ventilate"
    """

    kind: ClassVar[str] = "gas.oxygen"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {
        "low": "{unit}",
        "high": "{unit}",
        "low_reset": "{unit}",
        "high_reset": "{unit}",
    }
    columns: ClassVar[Mapping[str, str]] = {"from_air": "%vol"}

    low: PerSubject = 19.5
    high: PerSubject = 23.5
    low_reset: PerSubject = float("nan")
    high_reset: PerSubject = float("nan")
    side: Literal["both", "deficient", "enriched"] = "both"

    def __post_init__(self) -> None:
        if self.side not in ("both", "deficient", "enriched"):
            raise ValueError(f"side is {self.side!r}; give 'both', 'deficient' or 'enriched'")
        low, high = np.asarray(self.low), np.asarray(self.high)
        if not ((low > 0) & (low < AIR)).all():
            raise ValueError(f"low is {self.low}; give a limit below fresh air's {AIR} %vol, like '19.5 %vol'")
        if not ((high > AIR) & (high <= 100)).all():
            raise ValueError(f"high is {self.high}; give a limit above fresh air's {AIR} %vol, like '23.5 %vol'")
        if (np.asarray(self.low_reset) < low).any() or (np.asarray(self.low_reset) >= AIR).any():
            raise ValueError(f"low_reset is {self.low_reset}; give one from low to fresh air's {AIR} %vol")
        if (np.asarray(self.high_reset) > high).any() or (np.asarray(self.high_reset) <= AIR).any():
            raise ValueError(f"high_reset is {self.high_reset}; give one from fresh air's {AIR} %vol to high")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for a sensor that does not read %vol."""
        for name, unit in zip(subjects.id, subjects.unit, strict=True):
            if unit != "%vol":
                raise ValueError(f"{name} reads {unit!r}; give gas.oxygen a sensor that reads '%vol'")
        return State(np.zeros(len(subjects), np.int8))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """One vector pass along the rows; the reason says which side."""
        who, value = batch.sensor, batch.value
        low, high, low_back, high_back = self._limits(len(state.verdict))
        poor, rich = value <= low[who], value >= high[who]
        says = batch.steady(poor | rich, (value > low_back[who]) & (value < high_back[who]))
        rows, verdicts = batch.settle_verdicts(state.verdict, says)
        at = np.where(rich[rows], high[who[rows]], low[who[rows]])
        findings = []
        for k, row in enumerate(rows.tolist()):
            why = {**WHY, Verdict.ACTIVE: "gas.oxygen.enriched"} if rich[row] else WHY
            findings += findings_at(
                batch, rows[k : k + 1], verdicts[k : k + 1], who[rows[k : k + 1]], at[k : k + 1], why
            )
        every = np.arange(len(batch))
        column = Column.of("from_air", "%vol", who, batch, every, value - AIR, batch.quality)
        return Outcome(findings, [column] if len(batch) else ())

    def _limits(self, count: int) -> tuple[Floats, Floats, Floats, Floats]:
        """(low, high, low reset, high reset), (N,) each; infinite on a side that is left out."""
        low, high = per_subject(self.low, count), per_subject(self.high, count)
        low_back, high_back = per_subject(self.low_reset, count), per_subject(self.high_reset, count)
        low_back = np.where(np.isnan(low_back), low, low_back)
        high_back = np.where(np.isnan(high_back), high, high_back)
        never = np.full(count, np.inf)
        if self.side == "deficient":
            high = high_back = never
        elif self.side == "enriched":
            low = low_back = -never
        return low, high, low_back, high_back
