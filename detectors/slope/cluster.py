"""Neighbouring prisms moving together: at least k within a distance of one of them, by their declared positions.

Constraints. Inputs are verdicts of a rule on prisms (1 moving, 0 not, no number unknown), so each was gated by its own
floor. A prism that was moving keeps its vote while it is unknown: a lost prism in a moving area raises, never clears.
Runs by arrival. Not a radar's pixel map.
Cannot find: what a single prism sees, neighbours that move in turn but further apart in time than `within`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np

from detectors.detector import Outcome, Subjects, Verdict, Why
from detectors.reading import Batch, Bools, Indices, Quality
from detectors.state import SETTING
from detectors.votes import Ballot, Count, Votes, checked_hold, no_votes

WHY: Mapping[str, str] = {
    "together": "slope.cluster.together",
    "apart": "slope.cluster.apart",
    "unknown": "slope.cluster.unknown",
}


@dataclass(slots=True)
class State(Votes):
    """The votes of prisms, and who is near whom."""

    near: Bools = field(metadata=SETTING)
    """(I, I) of one subject and within the distance of each other; each is near itself."""


def largest(near: Bools, voting: Bools) -> Indices:
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
        checked_hold(self.within)

    def start(self, subjects: Subjects) -> State:
        """Every verdict and prism unknown. Raises ValueError for one without position, or k that can never be near."""
        for name, place in zip(subjects.input_id, subjects.position, strict=True):
            if not np.isfinite(place).all():
                raise ValueError(f"{name} declares no position; give position = [east, north, up] in m")
        apart = subjects.position[:, None, :] - subjects.position[None, :, :]
        near: Bools = (apart * apart).sum(axis=2) <= self.distance**2
        near &= subjects.owner[:, None] == subjects.owner[None, :]
        for who, name in enumerate(subjects.id):
            most = int(near[subjects.owner == who].sum(axis=1).max(initial=0))
            if most < self.k:
                raise ValueError(f"k is {self.k}; in {name} no more than {most} are within {self.distance} m of one")
        return State(**no_votes(subjects), near=near)

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row, with the ends of held votes between them."""
        return Ballot(self.within, partial(self._count, state)).step(state, batch)

    def _count(self, state: State, members: Indices) -> Count:
        near, voting = state.near[np.ix_(members, members)], state.voting(members)
        unknown = ~state.known[members] & ~voting
        cluster = largest(near, voting)
        if len(cluster) >= self.k:
            verdict, key = Verdict.ACTIVE, "together"
        elif len(largest(near, voting | unknown)) >= self.k:
            verdict, key = Verdict.UNKNOWN, "unknown"
        else:
            verdict, key = Verdict.CLEAR, "apart"
        names = ", ".join(str(name).rpartition("/")[2] for name in state.input_id[members[cluster]].tolist())
        counts = {"moving": len(cluster), "unknown": int(unknown.sum()), "members": len(members)}
        return Count(verdict, Why(WHY[key], {**counts, "prisms": names}), len(cluster), self.k)
