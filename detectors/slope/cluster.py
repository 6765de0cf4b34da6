"""Neighbouring prisms moving together: at least k within a distance of one of them, by their declared positions.

Constraints. Inputs are verdicts of a rule on prisms (1 moving, 0 not, no number unknown), so each was gated by its own
floor. A prism that was moving keeps its vote while it is unknown: a lost prism in a moving area raises, never clears.
Runs by arrival. Not a radar's pixel map.
Cannot find: what a single prism sees, neighbours that move in turn but further apart in time than `within`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import NEVER, Finding, Outcome, Subjects, Verdict, Why, at_deadline, whole
from detectors.reading import FAULTS, NEVER_RAISES, Batch, Bools, Indices, Quality, Times
from detectors.state import PER_INPUT, SETTING

WHY: Mapping[str, str] = {
    "together": "slope.cluster.together",
    "apart": "slope.cluster.apart",
    "unknown": "slope.cluster.unknown",
}


@dataclass(slots=True)
class State:
    """(N,) or, by input, (I,)."""

    verdict: NDArray[np.int8]
    due: Times
    """When the next held vote ends."""
    on: Bools = field(metadata=PER_INPUT)
    known: Bools = field(metadata=PER_INPUT)
    until: Times = field(metadata=PER_INPUT)
    """End of the held vote of a prism that stopped; NEVER if none is held."""
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)
    near: Bools = field(metadata=SETTING)
    """(I, I) of one subject and within the distance of each other; each is near itself."""


def largest(near: Bools, voting: Bools) -> NDArray[np.intp]:
    """The members voting around the one of them that has most voting neighbours; none if none votes."""
    around = np.where(voting, (near & voting).sum(axis=1), 0)
    if not len(around) or not around.any():
        return np.zeros(0, np.intp)
    return np.flatnonzero(near[int(around.argmax())] & voting)


@dataclass(frozen=True)
class Cluster:
    """ACTIVE when `k` prisms move, or did within `within` s, of which one has all the others within `distance` m.

    CLEAR when even the unknown prisms could not make such a cluster, otherwise unknown. The reason names the prisms.
    Source: k neighbours before an alarm: shared reference slope 2.1; radar practice asks contiguous pixels likewise.

        [rule.wall-block]
        group = "north-wall"
        detector = { kind = "slope.cluster", of = "@wall-moving/*", k = 2, distance = 60.0, within = "6h" }
        priority = "high"
        guidance = "Evacuate the pit floor below the north wall"
    """

    kind: ClassVar[str] = "slope.cluster"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {}

    k: int
    distance: float
    """m, in space."""
    within: float = 0.0
    """s."""

    def __post_init__(self) -> None:
        if self.k < 2:
            raise ValueError(f"k is {self.k}; give how many neighbours must move, 2 or more")
        if not 0 < self.distance < float("inf"):
            raise ValueError(f"distance is {self.distance} m; give how near neighbours are, like 60.0")
        if not 0 <= self.within <= 366 * 86_400:
            raise ValueError(f"within is {self.within} s; give how long a vote holds, like '6h'")

    def start(self, subjects: Subjects) -> State:
        """Every verdict and prism unknown. Raises ValueError for one without position, or k that can never be near."""
        for name, place in zip(subjects.input_id, subjects.position, strict=True):
            if not np.isfinite(place).all():
                raise ValueError(f"{name} declares no position; give position = [east, north, up] in m")
        n, inputs = len(subjects), subjects.inputs
        apart = subjects.position[:, None, :] - subjects.position[None, :, :]
        near: Bools = (apart * apart).sum(axis=2) <= self.distance**2
        near &= subjects.owner[:, None] == subjects.owner[None, :]
        for who, name in enumerate(subjects.id):
            most = int(near[subjects.owner == who].sum(axis=1).max(initial=0))
            if most < self.k:
                raise ValueError(f"k is {self.k}; in {name} no more than {most} are within {self.distance} m of one")
        return State(
            verdict=np.zeros(n, np.int8),
            due=np.full(n, NEVER),
            on=np.zeros(inputs, np.bool_),
            known=np.zeros(inputs, np.bool_),
            until=np.full(inputs, NEVER),
            owner=subjects.owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
            near=near,
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row, with the ends of held votes between them."""
        findings: list[Finding] = []
        for row in range(len(batch)):
            member, arrived = int(batch.sensor[row]), int(batch.arrived[row])
            who = int(state.owner[member])
            findings += self._expire(state, who, arrived)
            if self._take(state, member, float(batch.value[row]), int(batch.quality[row]), arrived):
                found = self._judge(state, who)
                if found is not None:
                    verdict, why, size = found
                    number, time = int(batch.row[row]), int(batch.time[row])
                    findings.append(Finding(arrived, number, who, verdict, time, size, float(self.k), why))
        for who in np.flatnonzero(state.due < batch.until).tolist():
            findings += self._expire(state, who, batch.until)
        return Outcome(whole(findings), due=int(state.due.min()) if len(state.due) else NEVER)

    def _take(self, state: State, member: int, value: float, quality: int, arrived: int) -> bool:
        """Note what the prism's rule says; True if that changed anything."""
        was = bool(state.on[member]), bool(state.known[member])
        if value != value or quality & NEVER_RAISES:
            state.known[member] = False
        elif value >= 0.5:
            state.on[member], state.known[member], state.until[member] = True, True, NEVER
        elif not quality & FAULTS:
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
            found = self._judge(state, who)
            if found is not None:
                findings.append(at_deadline(end, who, found[0], found[1], float(self.k)))
        return findings

    def _judge(self, state: State, who: int) -> tuple[Verdict, Why, float] | None:
        """(new verdict, why, prisms in the largest cluster), None if the verdict stays."""
        members = np.flatnonzero(state.owner == who)
        near, ends = state.near[np.ix_(members, members)], state.until[members]
        voting = state.on[members] | (ends != NEVER)
        unknown = ~state.known[members] & ~voting
        state.due[who] = ends.min()
        cluster = largest(near, voting)
        was = Verdict(int(state.verdict[who]))
        if len(cluster) >= self.k:
            verdict, key = Verdict.ACTIVE, "together"
        elif len(largest(near, voting | unknown)) >= self.k:
            verdict, key = (was if was is Verdict.ACTIVE else Verdict.UNKNOWN), "unknown"
        else:
            verdict, key = Verdict.CLEAR, "apart"
        if verdict is was:
            return None
        state.verdict[who] = verdict
        names = ", ".join(str(name).rpartition("/")[2] for name in state.input_id[members[cluster]].tolist())
        counts = {"moving": len(cluster), "unknown": int(unknown.sum()), "members": len(members)}
        return verdict, Why(WHY[key], {**counts, "prisms": names}), float(len(cluster))
