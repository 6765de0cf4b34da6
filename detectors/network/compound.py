"""Evidence of several kinds within a time: rain and acceleration, gas and a stopped fan.

Constraints. A group whose parts are named; a part is one kind of evidence, of one or more verdicts or contacts (1, 0,
no number unknown). Runs by the log's order. Not a vote of equals: two sensors of one part are one piece of evidence.
Cannot find: that one caused the other; what one part alone sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import NEVER, Finding, Outcome, Subjects, Verdict, Why, at_deadline, whole
from detectors.onsets import Heard, hear, numbered, told
from detectors.reading import Batch, Bools, Indices, Quality, Times
from detectors.state import PER_INPUT, SETTING


@dataclass(slots=True)
class State:
    """(N,) or, by input, (I,)."""

    verdict: NDArray[np.int8]
    due: Times
    """When the next piece of evidence is too old."""
    on: Bools = field(metadata=PER_INPUT)
    known: Bools = field(metadata=PER_INPUT)
    until: Times = field(metadata=PER_INPUT)
    """How long an input that returned still counts; NEVER if it does not."""
    onset: Times = field(metadata=PER_INPUT)
    """`now` at which it became active."""
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)
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
        if not 0 <= self.within <= 366 * 86_400:
            raise ValueError(f"within is {self.within} s; give how long evidence counts, like '6h'")

    def start(self, subjects: Subjects) -> State:
        """Every verdict and input unknown. Raises ValueError for a group of one part, or of fewer than k."""
        n, inputs = len(subjects), subjects.inputs
        part = numbered(list(subjects.part))
        for who in range(n):
            parts = len(np.unique(part[subjects.owner == who]))
            if parts < max(2, self.k):
                raise ValueError(f"{subjects.id[who]} has {parts} parts; give of = {{ name = ..., name = ... }}")
        return State(
            verdict=np.zeros(n, np.int8),
            due=np.full(n, NEVER),
            on=np.zeros(inputs, np.bool_),
            known=np.zeros(inputs, np.bool_),
            until=np.full(inputs, NEVER),
            onset=np.zeros(inputs, np.int64),
            owner=subjects.owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
            part=part,
            name=np.array(list(subjects.part), dtype=np.str_),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row, with the ends of old evidence between them."""
        findings: list[Finding] = []
        for row in range(len(batch)):
            member, arrived = int(batch.sensor[row]), int(batch.arrived[row])
            who = int(state.owner[member])
            findings += self._expire(state, who, arrived)
            if not self._take(state, batch, row, member, arrived):
                continue
            found = self._weigh(state, who)
            if found is not None:
                verdict, why, present, needed = found
                number, time = int(batch.row[row]), int(batch.time[row])
                findings.append(Finding(arrived, number, who, verdict, time, float(present), float(needed), why))
        for who in np.flatnonzero(state.due < batch.until).tolist():
            findings += self._expire(state, who, batch.until)
        return Outcome(whole(findings), due=int(state.due.min()) if len(state.due) else NEVER)

    def _take(self, state: State, batch: Batch, row: int, member: int, arrived: int) -> bool:
        """Note what the input says; True if that changed anything."""
        heard = hear(state, member, float(batch.value[row]), int(batch.quality[row]))
        if heard is Heard.ROSE:
            if state.until[member] == NEVER:
                state.onset[member] = arrived
            state.until[member] = NEVER
        elif heard is Heard.FELL and self.within > 0:
            state.until[member] = arrived + round(self.within * 1e9)
        return heard is not Heard.NOTHING

    def _expire(self, state: State, who: int, before: int) -> list[Finding]:
        """Ends of old evidence that passed before `before`, one by one."""
        findings = []
        while state.due[who] < before:
            end = int(state.due[who])
            state.until[(state.owner == who) & (state.until == end)] = NEVER
            found = self._weigh(state, who)
            if found is not None:
                findings.append(at_deadline(end, who, found[0], found[1], float(found[3])))
        return findings

    def _weigh(self, state: State, who: int) -> tuple[Verdict, Why, int, int] | None:
        """Weigh the evidence: (new verdict, why, parts present, parts needed), None if the verdict stays."""
        own = np.flatnonzero(state.owner == who)
        counts = state.on[own] | (state.until[own] != NEVER)
        state.due[who] = state.until[own].min()
        parts = np.unique(state.part[own])
        present = np.unique(state.part[own[counts]])
        judged = np.unique(state.part[own[counts | state.known[own]]])
        needed, unknown = self.k or len(parts), len(parts) - len(judged)
        was = Verdict(int(state.verdict[who]))
        verdict, key = weighed(len(present), unknown, needed)
        if verdict is was or (verdict is Verdict.UNKNOWN and was is Verdict.ACTIVE):
            return None
        state.verdict[who] = verdict
        evidence = _evidence(state, own[counts])
        why = Why(key, {"present": len(present), "parts": len(parts), "evidence": evidence})
        return verdict, why, len(present), needed


def weighed(present: int, unknown: int, needed: int) -> tuple[Verdict, str]:
    """What so many parts present and unknown mean, and its reason."""
    if present >= needed:
        return Verdict.ACTIVE, "network.compound.complete"
    if present + unknown >= needed:
        return Verdict.UNKNOWN, "network.compound.unknown"
    return Verdict.CLEAR, "network.compound.incomplete"


def _evidence(state: State, members: Indices) -> str:
    order = members[np.argsort(state.onset[members], kind="stable")]
    return told([f"{state.name[k]}: {str(state.input_id[k]).removeprefix('@')}" for k in order.tolist()])
