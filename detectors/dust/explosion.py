"""Airborne dust as a fraction of its minimum explosible concentration (MEC).

Constraints. Explosible clouds are 3-4 orders of magnitude above what health sensors read: own sensor, own unit.
Cannot find: layers of settled dust, a cloud between sensors, hybrid mixtures with gas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Outcome, PerSubject, Subjects, Verdict, findings_at, per_subject
from detectors.reading import Batch, Quality

IN_GRAMS: Mapping[str, float] = {"g/m3": 1.0, "mg/m3": 1e-3, "ug/m3": 1e-6}
CREDIBLE = (5.0, 5000.0)
"""g/m3; an MEC outside is a slip of units."""
WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "dust.explosion.above",
    Verdict.CLEAR: "dust.explosion.below",
    Verdict.UNKNOWN: "dust.explosion.no_value",
}


@dataclass(slots=True)
class State:
    """(N,) the verdict is all there is to remember."""

    verdict: NDArray[np.int8]


@dataclass(frozen=True)
class Explosion:
    """ACTIVE at or above `fraction` of `mec`, CLEAR below `reset_fraction` of it.

    The column `of_mec` is the reading as a fraction of the MEC.
    Source: NFPA 652/654/660, keep at or below 25 % of MEC [R, to be confirmed]; MEC of your own dust by ASTM E1515.

        [rule.coal-dust-cloud]
        sensors = ["dust-belt-3"]
        detector = { kind = "dust.explosion", mec = "65 g/m3", fraction = 0.25 }
        priority = "high"
        guidance = "Stop belt 3, water on, nobody enters"
    """

    kind: ClassVar[str] = "dust.explosion"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"mec": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"of_mec": "1"}

    mec: PerSubject
    fraction: PerSubject = 0.25
    reset_fraction: PerSubject = float("nan")
    """NaN: the fraction itself."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.mec) > 0).all():
            raise ValueError(f"mec is {self.mec}; give the dust's own, like '65 g/m3'")
        if not ((np.asarray(self.fraction) > 0) & (np.asarray(self.fraction) <= 1)).all():
            raise ValueError(f"fraction is {self.fraction}; give a part of the MEC, 0 to 1 (0.25 is usual)")
        if (np.asarray(self.reset_fraction) > self.fraction).any():
            raise ValueError(f"reset_fraction is {self.reset_fraction}; give at most the fraction, {self.fraction}")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for a sensor of no dust unit or an MEC that is a slip of units."""
        mec = per_subject(self.mec, len(subjects))
        for k, unit in enumerate(subjects.unit):
            if unit not in IN_GRAMS:
                raise ValueError(f"{subjects.id[k]} reads {unit!r}; dust.explosion needs one of {list(IN_GRAMS)}")
            grams = float(mec[k]) * IN_GRAMS[unit]
            if not CREDIBLE[0] <= grams <= CREDIBLE[1]:
                low, high = CREDIBLE
                raise ValueError(f"mec of {subjects.id[k]} is {grams:g} g/m3; dusts have {low:g} to {high:g}")
        return State(np.zeros(len(subjects), np.int8))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """One vector pass along the rows."""
        count, who = len(state.verdict), batch.sensor
        mec = per_subject(self.mec, count)
        fraction = per_subject(self.fraction, count)
        reset = per_subject(self.reset_fraction, count)
        trip, back = fraction * mec, np.where(np.isnan(reset), fraction, reset) * mec
        says = batch.steady(batch.value >= trip[who], batch.value < back[who])
        rows, verdicts = batch.settle_verdicts(state.verdict, says)
        findings = findings_at(batch, rows, verdicts, who[rows], trip[who[rows]], WHY)
        every = np.arange(len(batch))
        column = Column.of("of_mec", "1", who, batch, every, batch.value / mec[who], batch.quality)
        return Outcome(findings, [column] if len(batch) else ())
