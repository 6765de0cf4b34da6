"""A ceiling: a concentration that is not to be reached at any time, judged on each reading.

Constraints. The sensor must be able to see it: a ceiling above the sensor's span is refused. No deadband but `reset`.
Cannot find: a peak between two readings, a mean over some minutes (gas.stel with that window).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Outcome, PerSubject, Subjects, Verdict, findings_at, per_subject
from detectors.reach import reaches
from detectors.reading import Batch, Quality

WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "gas.ceiling.above",
    Verdict.CLEAR: "gas.ceiling.below",
    Verdict.UNKNOWN: "gas.ceiling.no_value",
}


@dataclass(slots=True)
class State:
    """(N,) the verdict is all there is to remember."""

    verdict: NDArray[np.int8]


@dataclass(frozen=True)
class Ceiling:
    """ACTIVE at or above `limit`, CLEAR strictly below `reset` (the limit where none is given).

    A late or out-of-span reading may raise; only a good one clears. The column `of_limit` is the reading as a part of
    the ceiling. Source: 29 CFR 1910.1000(a)(1), "shall at no time exceed"; NIOSH REL "C" [R, to be confirmed].

        [rule.co-ceiling]
        sensors = ["co-2105"]
        detector = { kind = "gas.ceiling", limit = "200 ppm" }
        priority = "high"
        guidance = "Withdraw from 2105, ventilate"
    """

    kind: ClassVar[str] = "gas.ceiling"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}", "reset": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"of_limit": "1"}

    limit: PerSubject
    reset: PerSubject = float("nan")
    """NaN: the limit itself."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all() or not np.isfinite(self.limit).all():
            raise ValueError(f"limit is {self.limit}; give a concentration above 0, like '200 ppm'")
        if (np.asarray(self.reset) > self.limit).any():
            raise ValueError(f"reset is {self.reset}, limit is {self.limit}; give a reset at or below the limit")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where a sensor's span ends below the ceiling."""
        reaches(subjects, subjects.span_high, per_subject(self.limit, len(subjects)))
        return State(np.zeros(len(subjects), np.int8))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """One vector pass along the rows."""
        who, value = batch.sensor, batch.value
        limit = per_subject(self.limit, len(state.verdict))
        reset = per_subject(self.reset, len(state.verdict))
        back = np.where(np.isnan(reset), limit, reset)
        says = batch.steady(value >= limit[who], value < back[who])
        rows, verdicts = batch.settle_verdicts(state.verdict, says)
        findings = findings_at(batch, rows, verdicts, who[rows], limit[who[rows]], WHY)
        every = np.arange(len(batch))
        column = Column.of("of_limit", "1", who, batch, every, value / limit[who], batch.quality)
        return Outcome(findings, [column] if len(batch) else ())
