"""Evidence of several kinds within a time: rain and acceleration, gas and a stopped fan.

Constraints. A group whose parts are named; a part is one kind of evidence, of one or more verdicts or contacts (1, 0,
no number unknown). Runs by the log's order. Not a vote of equals: two sensors of one part are one piece of evidence.
Cannot find: that one caused the other; what one part alone sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Outcome, Subjects, Verdict, Why
from detectors.onsets import numbered, told
from detectors.reading import Batch, Indices, Quality
from detectors.state import SETTING
from detectors.votes import Ballot, Count, Votes, checked_hold, no_votes


@dataclass(slots=True)
class State(Votes):
    """The votes of the inputs, and their parts."""

    part: Indices = field(metadata=SETTING)
    """(I,) number of its part; a name has one number in all groups."""
    name: NDArray[np.str_] = field(metadata=SETTING)
    """(I,) name of its part."""


@dataclass(frozen=True)
class Compound:
    """ACTIVE when `k` parts (0: all) are active, or were within `within` s; CLEAR when they cannot be.

    A part is active while any of its inputs is, and unknown while none is active and none is known. Where unknown
    parts could decide it says unknown. The reason lists the evidence in the order in which it came.
    Source: plain logic; cause-and-effect matrices (IEC 62682, IEC 61511).

        [rule.face-unventilated]
        group = "face-2105"
        detector = { kind = "network.compound", of = { gas = "@gas-high/*", fan = "@fan-off/*" }, within = "10min" }
        priority = "high"
        guidance = "Withdraw 2105, cut power, restore ventilation"
    """

    kind: ClassVar[str] = "network.compound"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {}

    k: int = 0
    within: float = 0.0
    """s."""

    def __post_init__(self) -> None:
        if self.k < 0:
            raise ValueError(f"k is {self.k}; give how many parts are needed, or 0 for all")
        checked_hold(self.within)

    def start(self, subjects: Subjects) -> State:
        """Every verdict and input unknown. Raises ValueError for a group of one part, or of fewer than k."""
        part = numbered(list(subjects.part))
        for who in range(len(subjects)):
            parts = len(np.unique(part[subjects.owner == who]))
            if parts < max(2, self.k):
                raise ValueError(f"{subjects.id[who]} has {parts} parts; give of = {{ name = ..., name = ... }}")
        return State(**no_votes(subjects), part=part, name=np.array(list(subjects.part), dtype=np.str_))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row, with the ends of old evidence between them."""
        return Ballot(self.within, partial(self._count, state)).step(state, batch)

    def _count(self, state: State, members: Indices) -> Count:
        counts = members[state.voting(members)]
        parts = np.unique(state.part[members])
        present = np.unique(state.part[counts])
        judged = np.union1d(present, state.part[members[state.known[members]]])
        needed = self.k or len(parts)
        verdict, key = weighed(len(present), len(parts) - len(judged), needed)
        why = Why(key, {"present": len(present), "parts": len(parts), "evidence": _evidence(state, counts)})
        return Count(verdict, why, len(present), needed)


def weighed(present: int, unknown: int, needed: int) -> tuple[Verdict, str]:
    """What so many parts present and unknown mean, and its reason."""
    if present >= needed:
        return Verdict.ACTIVE, "network.compound.complete"
    if present + unknown >= needed:
        return Verdict.UNKNOWN, "network.compound.unknown"
    return Verdict.CLEAR, "network.compound.incomplete"


def _evidence(state: State, members: Indices) -> str:
    order = members[np.argsort(state.since[members], kind="stable")]
    return told([f"{state.name[k]}: {str(state.input_id[k]).removeprefix('@')}" for k in order.tolist()])
