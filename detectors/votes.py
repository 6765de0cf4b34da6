"""The votes of a group's members, each held for a while after its member returned: the fold of what counts them.

Constraints. Members are verdicts (1, 0, no number unknown) or contacts. One lost while it is on keeps its vote. Runs by
arrival. Not here: what the votes mean (network.vote, network.compound, slope.cluster).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.detector import NEVER, Finding, Outcome, Subjects, Verdict, Why, at_deadline, at_row
from detectors.onsets import Heard, hear, walk
from detectors.reading import Batch, Bools, Indices, Times
from detectors.state import PER_INPUT, SETTING


@dataclass(slots=True)
class Votes:
    """(N,) or, by input, (I,)."""

    verdict: NDArray[np.int8]
    due: Times
    """When the next held vote ends."""
    on: Bools = field(metadata=PER_INPUT)
    known: Bools = field(metadata=PER_INPUT)
    until: Times = field(metadata=PER_INPUT)
    """End of the held vote of a member that returned; NEVER if none is held."""
    since: Times = field(metadata=PER_INPUT)
    """`now` at which its newest vote began."""
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)

    def voting(self, members: Indices) -> Bools:
        """Which of them vote."""
        mask: Bools = self.on[members] | (self.until[members] != NEVER)
        return mask


class Count(NamedTuple):
    """What the votes of a subject mean."""

    verdict: Verdict
    why: Why
    votes: int
    needed: int


def no_votes(subjects: Subjects) -> dict[str, Any]:
    """The fields of Votes of which nothing is known yet."""
    n, inputs = len(subjects), subjects.inputs
    return {
        "verdict": np.zeros(n, np.int8),
        "due": np.full(n, NEVER),
        "on": np.zeros(inputs, np.bool_),
        "known": np.zeros(inputs, np.bool_),
        "until": np.full(inputs, NEVER),
        "since": np.zeros(inputs, np.int64),
        "owner": subjects.owner,
        "input_id": np.array(list(subjects.input_id), dtype=np.str_),
    }


def checked_hold(within: float) -> None:
    """Raises ValueError for a time that a vote cannot be held."""
    if not 0 <= within <= 366 * 86_400:
        raise ValueError(f"within is {within} s; give how long a vote holds, like '6h'")


@dataclass(frozen=True, slots=True)
class Ballot:
    """Counts a subject's votes, whenever one of them changed."""

    within: float
    """s that a vote is held."""
    count: Callable[[Indices], Count]
    """Members of one subject -> what their votes mean."""

    def step(self, state: Votes, batch: Batch) -> Outcome:
        """Row by row, with the ends of held votes between them."""

        def take(row: int, who: int, member: int) -> list[Finding]:
            if not self._take(state, batch, row, member):
                return []
            found = self._change(state, who)
            if found is None:
                return []
            return [at_row(batch, row, who, found.verdict, float(found.votes), float(found.needed), found.why)]

        return walk(state, batch, take, lambda who, before: self._expire(state, who, before))

    def _take(self, state: Votes, batch: Batch, row: int, member: int) -> bool:
        """Note what a member says; True if that changed anything."""
        heard = hear(state, member, float(batch.value[row]), int(batch.quality[row]))
        if heard is Heard.ROSE:
            if state.until[member] == NEVER:
                state.since[member] = batch.arrived[row]
            state.until[member] = NEVER
        elif heard is Heard.FELL and self.within > 0:
            state.until[member] = int(batch.arrived[row]) + round(self.within * 1e9)
        return heard is not Heard.NOTHING

    def _expire(self, state: Votes, who: int, before: int) -> list[Finding]:
        """Ends of held votes that passed before `before`, one by one."""
        findings = []
        while state.due[who] < before:
            end = int(state.due[who])
            state.until[(state.owner == who) & (state.until == end)] = NEVER
            found = self._change(state, who)
            if found is not None:
                findings.append(at_deadline(end, who, found.verdict, found.why, float(found.needed)))
        return findings

    def _change(self, state: Votes, who: int) -> Count | None:
        """The count if it changes the verdict. Unknown leaves an active one standing."""
        members = np.flatnonzero(state.owner == who)
        state.due[who] = state.until[members].min()
        found, was = self.count(members), Verdict(int(state.verdict[who]))
        if found.verdict is was or (found.verdict is Verdict.UNKNOWN and was is Verdict.ACTIVE):
            return None
        state.verdict[who] = found.verdict
        return found
