"""k of n: several rules must agree, and a faulty member makes the vote more careful, not blind.

Constraints. Inputs are verdicts: 1 active, 0 not, no number unknown. A member that was active keeps its vote while it
is unknown, and for `within` after it returned. Runs by arrival.
Cannot find: what one member alone sees, common faults of all members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np

from detectors.detector import Outcome, Subjects, Verdict, Why
from detectors.reading import Batch, Bools, Indices, Quality
from detectors.state import PER_INPUT
from detectors.votes import Ballot, Count, Votes, checked_hold, no_votes


@dataclass(slots=True)
class State(Votes):
    """By input, (I,)."""

    heard: Bools = field(metadata=PER_INPUT)
    """Known once; if it is not known now, it is lost."""


@dataclass(frozen=True)
class Vote:
    """ACTIVE when at least `k` members are active, or were within `within` s; CLEAR when they cannot be.

    With u members lost: `degrade = "fewer"` asks k - u, at least 1 (2 of 3 becomes 1 of 2, then 1 of 1); "trip" as
    well, and is ACTIVE once all members, known before, are unknown; "keep" asks k as ever and says unknown where the
    lost members could decide. A member that was never known is not lost but learning: it lowers no k, and where it
    could decide the vote says unknown. Source: IEC 61511 voting; independent members: P(2 of 3) = 3 p^2 - 2 p^3.

        [rule.wall-confirmed]
        group = "north-wall"
        detector = { kind = "network.vote", of = "@wall-moving/*", k = 2, within = "6h" }
        priority = "high"
        guidance = "Evacuate the pit floor below the north wall"
    """

    kind: ClassVar[str] = "network.vote"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {}

    k: int
    within: float = 0.0
    """s."""
    degrade: Literal["fewer", "trip", "keep"] = "fewer"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k is {self.k}; give how many members must agree, 1 or more")
        checked_hold(self.within)
        if self.degrade not in ("fewer", "trip", "keep"):
            raise ValueError(f"degrade is {self.degrade!r}; give 'fewer', 'trip' or 'keep'")

    def start(self, subjects: Subjects) -> State:
        """Every verdict and member unknown. Raises ValueError for a group of fewer than k members."""
        sizes = np.bincount(subjects.owner, minlength=len(subjects)).tolist()
        for name, size in zip(subjects.id, sizes, strict=True):
            if size < self.k:
                raise ValueError(f"k is {self.k}; {name} has {size} members")
        return State(**no_votes(subjects), heard=np.zeros(subjects.inputs, np.bool_))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row, with the ends of held votes between them."""
        return Ballot(self.within, partial(self._count, state)).step(state, batch)

    def _count(self, state: State, members: Indices) -> Count:
        known, voting = state.known[members], state.voting(members)
        state.heard[members] |= known
        heard, silent = state.heard[members], ~known & ~voting
        votes = int(voting.sum())
        lost, learning = int((silent & heard).sum()), int((silent & ~heard).sum())
        verdict, key = self._verdict(votes, lost, learning, len(members))
        if self.degrade == "trip" and heard.any() and not known.any() and verdict is not Verdict.ACTIVE:
            verdict, key = Verdict.ACTIVE, "blind"
        why = Why(f"network.vote.{key}", {"votes": votes, "unknown": lost + learning, "members": len(members)})
        return Count(verdict, why, votes, self.k)

    def _verdict(self, votes: int, lost: int, learning: int, members: int) -> tuple[Verdict, str]:
        keeps = self.degrade == "keep"
        needed = self.k if keeps else max(1, self.k - lost)
        if votes >= needed:
            return Verdict.ACTIVE, "agree" if votes >= self.k else "degraded"
        if votes + learning + (lost if keeps else 0) >= needed or lost + learning == members:
            return Verdict.UNKNOWN, "unknown"
        return Verdict.CLEAR, "few"
