"""k of n: several rules must agree, and a faulty member makes the vote more careful, not blind.

Constraints. Inputs are verdicts: 1 active, 0 not, no number unknown. A member that was active keeps its vote while it
is unknown, and for `within` after it returned. Runs by arrival.
Cannot find: what one member alone sees, common faults of all members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.detector import NEVER, Finding, Outcome, Subjects, Verdict, Why, at_deadline, whole
from detectors.reading import NEVER_RAISES, Batch, Bools, Indices, Quality, Times
from detectors.state import PER_INPUT, SETTING


@dataclass(slots=True)
class State:
    """(N,) or, by input, (I,)."""

    verdict: NDArray[np.int8]
    due: Times
    """When the next held vote ends."""
    heard: Bools
    """A member has been known once."""
    on: Bools = field(metadata=PER_INPUT)
    known: Bools = field(metadata=PER_INPUT)
    until: Times = field(metadata=PER_INPUT)
    """End of the held vote of a member that returned; NEVER if none is held."""
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)


@dataclass(frozen=True)
class Vote:
    """ACTIVE when at least `k` members are active, or were within `within` s; CLEAR when they cannot be.

    With u members unknown: `degrade = "fewer"` asks k - u, at least 1 (2 of 3 becomes 1 of 2, then 1 of 1); "trip" as
    well, and is ACTIVE once all members, known before, are unknown; "keep" asks k as ever and says unknown where the
    unknown members could decide. Source: IEC 61511 voting; independent members: P(2 of 3) = 3 p^2 - 2 p^3.

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
        if not 0 <= self.within <= 366 * 86_400:
            raise ValueError(f"within is {self.within} s; give how long a vote holds, like '6h'")
        if self.degrade not in ("fewer", "trip", "keep"):
            raise ValueError(f"degrade is {self.degrade!r}; give 'fewer', 'trip' or 'keep'")

    def start(self, subjects: Subjects) -> State:
        """Every verdict and member unknown. Raises ValueError for a group of fewer than k members."""
        n, inputs = len(subjects), subjects.inputs
        for name, size in zip(subjects.id, np.bincount(subjects.owner, minlength=n).tolist(), strict=True):
            if size < self.k:
                raise ValueError(f"k is {self.k}; {name} has {size} members")
        return State(
            verdict=np.zeros(n, np.int8),
            due=np.full(n, NEVER),
            heard=np.zeros(n, np.bool_),
            on=np.zeros(inputs, np.bool_),
            known=np.zeros(inputs, np.bool_),
            until=np.full(inputs, NEVER),
            owner=subjects.owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row, with the ends of held votes between them."""
        findings: list[Finding] = []
        for row in range(len(batch)):
            member, arrived = int(batch.sensor[row]), int(batch.arrived[row])
            who = int(state.owner[member])
            findings += self._expire(state, who, arrived)
            if self._take(state, member, float(batch.value[row]), int(batch.quality[row]), arrived):
                found = self._count(state, who)
                if found is not None:
                    verdict, why, votes = found
                    number, time = int(batch.row[row]), int(batch.time[row])
                    findings.append(Finding(arrived, number, who, verdict, time, votes, float(self.k), why))
        for who in np.flatnonzero(state.due < batch.until).tolist():
            findings += self._expire(state, who, batch.until)
        return Outcome(whole(findings), due=int(state.due.min()) if len(state.due) else NEVER)

    def _take(self, state: State, member: int, value: float, quality: int, arrived: int) -> bool:
        """Note what the member says; True if that changed anything."""
        was = bool(state.on[member]), bool(state.known[member])
        if value != value or quality & NEVER_RAISES:
            state.known[member] = False
        elif value >= 0.5:
            state.on[member], state.known[member], state.until[member] = True, True, NEVER
        elif not quality & ~int(Quality.SIMULATED):
            if was[0] and self.within > 0:
                state.until[member] = arrived + round(self.within * 1e9)
            state.on[member], state.known[member] = False, True
        return was != (bool(state.on[member]), bool(state.known[member]))

    def _expire(self, state: State, who: int, before: int) -> list[Finding]:
        """Ends of held votes that passed before `before`, one by one."""
        findings = []
        while state.due[who] < before:
            end = int(state.due[who])
            state.until[(state.owner == who) & (state.until == end)] = NEVER
            found = self._count(state, who)
            if found is not None:
                findings.append(at_deadline(end, who, found[0], found[1], float(self.k)))
        return findings

    def _count(self, state: State, who: int) -> tuple[Verdict, Why, float] | None:
        """Count the votes of a subject: (new verdict, why, votes), None if the verdict stays."""
        members = np.flatnonzero(state.owner == who)
        ends, known = state.until[members], state.known[members]
        voting = state.on[members] | (ends != NEVER)
        votes, unknown = int(voting.sum()), int((~known & ~voting).sum())
        blind = not known.any()
        state.heard[who] |= not blind
        state.due[who] = ends.min()
        was = Verdict(int(state.verdict[who]))
        verdict, key = self._verdict(votes, unknown, len(members), blind and bool(state.heard[who]))
        if verdict is Verdict.UNKNOWN and was is Verdict.ACTIVE:
            return None
        if verdict is was:
            return None
        state.verdict[who] = verdict
        return verdict, Why(f"network.vote.{key}", {"votes": votes, "unknown": unknown, "members": len(members)}), votes

    def _verdict(self, votes: int, unknown: int, members: int, lost: bool) -> tuple[Verdict, str]:
        needed = self.k if self.degrade == "keep" else max(1, self.k - unknown)
        if votes >= needed:
            return Verdict.ACTIVE, "agree" if votes >= self.k else "degraded"
        if self.degrade == "trip" and lost:
            return Verdict.ACTIVE, "blind"
        if unknown == members or (self.degrade == "keep" and votes + unknown >= self.k):
            return Verdict.UNKNOWN, "unknown"
        return Verdict.CLEAR, "few"
