"""Many sensors silent behind one gateway: one alarm about the network, not one a sensor.

Constraints. Inputs are the verdicts of `silent` (or `stuck`) of the sensors behind one gateway, in log order.
Cannot find: which part of the way failed, a gateway of fewer sensors than `least`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Finding, Outcome, Subjects, Verdict, Why
from detectors.onsets import Heard, hear, sensor_of, told
from detectors.reading import Batch, Bools, Indices, Quality, Times
from detectors.state import PER_INPUT, SETTING

WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "health.frozen_network.frozen",
    Verdict.CLEAR: "health.frozen_network.heard",
    Verdict.UNKNOWN: "health.frozen_network.unknown",
}


@dataclass(slots=True)
class State:
    """(N,) or, by input, (I,)."""

    verdict: NDArray[np.int8]
    on: Bools = field(metadata=PER_INPUT)
    """Silent."""
    known: Bools = field(metadata=PER_INPUT)
    onset: Times = field(metadata=PER_INPUT)
    """`now` at which it fell silent last."""
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)
    needed: NDArray[np.intp] = field(metadata=SETTING)


@dataclass(frozen=True)
class FrozenNetwork:
    """ACTIVE when `share` of the members, and at least `least` of them, are silent at once; CLEAR when fewer can be.

    A member that is not known counts as neither; where those could decide, it says unknown. The reason names those
    that fell silent first. Source: definition; alarm floods of one cause (EEMUA 191, ISA-18.2 16.4.4).

        [rule.gateway-3]
        group = "gateway-3"
        detector = { kind = "health.frozen_network", of = "@silent/*", share = 0.5, least = 3 }
        priority = "medium"
        guidance = "Check power and link of gateway 3; watch its places by other means"
    """

    kind: ClassVar[str] = "health.frozen_network"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"silent": "1"}

    share: float = 0.5
    least: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share is {self.share}; give a part of the members above 0, at most 1, like 0.5")
        if self.least < 2:
            raise ValueError(f"least is {self.least}; give 2 or more sensors (3 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict and member unknown. Raises ValueError for a group of fewer than `least`."""
        n, inputs = len(subjects), subjects.inputs
        size = np.bincount(subjects.owner, minlength=n)
        for name, members in zip(subjects.id, size.tolist(), strict=True):
            if members < self.least:
                raise ValueError(f"least is {self.least}; {name} has {members} members, give a group of more")
        return State(
            verdict=np.zeros(n, np.int8),
            on=np.zeros(inputs, np.bool_),
            known=np.zeros(inputs, np.bool_),
            onset=np.zeros(inputs, np.int64),
            owner=subjects.owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
            needed=np.maximum(np.ceil(self.share * size - 1e-9).astype(np.intp), self.least),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row: verdicts come only when they change."""
        findings: list[Finding] = []
        drawn: list[tuple[int, int, float]] = []
        for row in range(len(batch)):
            member = int(batch.sensor[row])
            who = int(state.owner[member])
            heard = hear(state, member, float(batch.value[row]), int(batch.quality[row]))
            if heard is Heard.ROSE:
                state.onset[member] = batch.arrived[row]
            if heard is not Heard.NOTHING:
                members = np.flatnonzero(state.owner == who)
                drawn.append((row, who, float(np.count_nonzero(state.on[members]))))
                findings += self._count(state, batch, row, who, members)
        return Outcome(findings, _columns(batch, drawn))

    @staticmethod
    def _count(state: State, batch: Batch, row: int, who: int, members: Indices) -> list[Finding]:
        silent, unknown = state.on[members], ~state.known[members] & ~state.on[members]
        votes, needed = int(np.count_nonzero(silent)), int(state.needed[who])
        was = Verdict(int(state.verdict[who]))
        verdict = frozen(votes, int(np.count_nonzero(unknown)), needed)
        if verdict is was or (verdict is Verdict.UNKNOWN and was is Verdict.ACTIVE):
            return []
        state.verdict[who] = verdict
        lost = members[silent]
        first = lost[np.argsort(state.onset[lost], kind="stable")]
        names = told([sensor_of(str(name)) for name in state.input_id[first].tolist()])
        why = Why(WHY[verdict], {"silent": votes, "members": len(members), "first": names})
        at, number, time = int(batch.arrived[row]), int(batch.row[row]), int(batch.time[row])
        return [Finding(at, number, who, verdict, time, float(votes), float(needed), why)]


def frozen(silent: int, unknown: int, needed: int) -> Verdict:
    """What so many silent and unknown members mean."""
    if silent >= needed:
        return Verdict.ACTIVE
    return Verdict.UNKNOWN if silent + unknown >= needed else Verdict.CLEAR


def _columns(batch: Batch, drawn: list[tuple[int, int, float]]) -> list[Column]:
    if not drawn:
        return []
    rows, who = (np.array([d[k] for d in drawn], np.intp) for k in (0, 1))
    return [Column.of("silent", "1", who, batch, rows, np.array([d[2] for d in drawn]))]
