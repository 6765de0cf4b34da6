"""A level and the clause's own reset value. Not a deadband: where the clause gives no reset, the limit is its own.

Cannot find: a sensor that is stuck or clipped below the limit, a slow drift, anything between two readings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Outcome, PerSubject, Subjects, Verdict, findings_at, per_subject
from detectors.reading import Batch, Quality


@dataclass(slots=True)
class State:
    """(N,) the verdict is all there is to remember."""

    verdict: NDArray[np.int8]


@dataclass(frozen=True)
class Limit:
    """ACTIVE at or beyond `limit`, CLEAR strictly on the other side of `reset`, in between as it was.

    Source: 30 CFR 57.22235 (1.0 % up, "less than 0.5 %" down) and its kin: the reset belongs to the clause.
    A late or out-of-span reading may raise; only a good one clears.

        [rule.methane-return]
        sensors = ["ch4-2105"]
        detector = { kind = "signal.limit", limit = "1.0 %vol", reset = "0.5 %vol" }
        priority = "high"
        guidance = "Withdraw until below 0.5 %vol"
    """

    kind: ClassVar[str] = "signal.limit"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}", "reset": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {}

    limit: PerSubject
    reset: PerSubject = float("nan")
    """NaN: the limit itself."""
    side: Literal["above", "below"] = "above"

    def __post_init__(self) -> None:
        if self.side not in ("above", "below"):
            raise ValueError(f"side is {self.side!r}; give 'above' or 'below'")
        if not np.isfinite(self.limit).all():
            raise ValueError(f"limit is {self.limit}; give a number, like '1.0 %vol'")
        beyond = np.asarray(self.reset) > self.limit if self.side == "above" else np.asarray(self.reset) < self.limit
        if beyond.any():
            where = "at or below" if self.side == "above" else "at or above"
            raise ValueError(f"reset is {self.reset}, limit is {self.limit}; give a reset {where} the limit")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown."""
        return State(np.zeros(len(subjects), np.int8))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """One vector pass along the rows; findings at the rows that changed a verdict."""
        limit, reset = np.asarray(self.limit, np.float64), np.asarray(self.reset, np.float64)
        reset = np.where(np.isnan(reset), limit, reset)
        count, value = len(state.verdict), batch.value
        at, back = (one if one.ndim == 0 else per_subject(one, count)[batch.sensor] for one in (limit, reset))
        if self.side == "above":
            says = batch.steady(value >= at, value < back)
        else:
            says = batch.steady(value <= at, value > back)
        rows, verdicts = batch.settle_verdicts(state.verdict, says)
        who = batch.sensor[rows]
        return Outcome(findings_at(batch, rows, verdicts, who, per_subject(limit, count)[who], self._why()))

    def _why(self) -> Mapping[Verdict, str]:
        return {
            Verdict.ACTIVE: f"signal.limit.{self.side}",
            Verdict.CLEAR: "signal.limit.within",
            Verdict.UNKNOWN: "signal.limit.no_value",
        }
