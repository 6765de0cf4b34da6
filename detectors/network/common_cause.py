"""Many alarms of one area within a short time: look for the one cause (power, ventilation, water, a blast, a link).

Constraints. A group of verdicts; each sensor counts once, however many of its rules speak. By device time. It hides
and clears none of the alarms it counts.
Cannot find: what the cause is (it names the first), one that spreads slower than `within`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from detectors.detector import Finding, Outcome, Subjects, Verdict, Why
from detectors.network.coincidence import Coincidence, State
from detectors.reading import Batch, Quality

WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "network.common_cause.together",
    Verdict.CLEAR: "network.common_cause.apart",
    Verdict.UNKNOWN: "network.common_cause.unknown",
}


@dataclass(frozen=True)
class CommonCause:
    """ACTIVE when alarms of `k` sensors began within `within` s; CLEAR when fewer stand and `within` has passed.

    The reason names them in the order of their beginning: the first is the place to look first (first-out). A sensor
    lost while in alarm stays in alarm; with fewer than k sensors known it says unknown.
    Source: first-out alarms and alarm floods, ISA-18.2 16.4 and EEMUA 191; coincidence as in network.coincidence.

        [rule.wall-common-cause]
        group = "north-wall"
        detector = { kind = "network.common_cause", of = ["@silent/*", "@wall-moving/*"], k = 3, within = "2min" }
        priority = "medium"
        guidance = "Look at the first alarm first; check power, link and ventilation of the area"
    """

    kind: ClassVar[str] = "network.common_cause"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {}

    k: int = 5
    within: float = 120.0
    """s."""

    def __post_init__(self) -> None:
        if self.k < 3:
            raise ValueError(f"k is {self.k}; give how many sensors make it many, 3 or more (5 is usual)")
        if not 0 < self.within <= 86_400:
            raise ValueError(f"within is {self.within} s; give a time above 0, at most a day, like '2min'")

    def start(self, subjects: Subjects) -> State:
        """Every verdict and member unknown. Raises ValueError for a group of fewer than k sensors."""
        return self._coincidence.start(subjects)

    def step(self, state: Any, batch: Batch) -> Outcome:
        """As network.coincidence over sensors, in its own words."""
        outcome = self._coincidence.step(state, batch)
        return dataclasses.replace(outcome, findings=[_own(finding) for finding in outcome.findings])

    @property
    def _coincidence(self) -> Coincidence:
        return Coincidence(k=self.k, within=self.within, over="sensors")


def _own(finding: Finding) -> Finding:
    numbers = dict(finding.why.numbers)
    if finding.verdict is Verdict.ACTIVE:
        numbers["first"] = str(numbers["members"]).partition(", ")[0]
    return dataclasses.replace(finding, why=Why(WHY[finding.verdict], numbers))
