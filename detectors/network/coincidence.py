"""Several members became active within a short time of each other: triggers of stations, onsets of rules.

Constraints. Onsets are compared by device time, so a slow link does not part what belongs together; a held member is
one onset. Not a vote: members that have been active for long do not count again (network.vote).
Cannot find: a true coincidence of devices whose clocks differ by more than `within` (health.clock).
False alarms: n independent members of rate r coincide by chance n (n - 1) r^2 within times in unit time (k = 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.detector import NEVER, Finding, Outcome, Subjects, Verdict, Why, at_deadline, at_row
from detectors.onsets import Heard, hear, nearby, numbered, rule_of, sensor_of, told, walk
from detectors.reading import Batch, Bools, Indices, Quality, Times
from detectors.state import PER_INPUT, SETTING

NO_ONSET = np.iinfo(np.int64).min // 2


@dataclass(slots=True)
class State:
    """(N,) or, by input, (I,)."""

    verdict: NDArray[np.int8]
    due: Times
    """`now` at which the newest onset of a coincidence is `within` old; NEVER once it has passed."""
    on: Bools = field(metadata=PER_INPUT)
    known: Bools = field(metadata=PER_INPUT)
    onset: Times = field(metadata=PER_INPUT)
    """Device time of the newest onset."""
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)
    counts: Indices = field(metadata=SETTING)
    """(I,) members of one number count once."""


@dataclass(frozen=True)
class Coincidence:
    """ACTIVE when `k` members became active within `within` s; CLEAR when fewer are active and `within` has passed.

    `over` says what counts once: each member, each sensor (of several rules), or each rule (of several sensors). A
    member that is lost while it is active stays active. With fewer than k members known it says unknown.
    Source: coincidence trigger of seismic networks (Withers 1998; ObsPy coincidence_trigger), over onsets.

        [rule.wall-together]
        group = "north-wall"
        detector = { kind = "network.coincidence", of = "@wall-moving/*", k = 2, within = "1h", over = "sensors" }
        priority = "medium"
        guidance = "Compare the prisms' curves; call geotechnical duty"
    """

    kind: ClassVar[str] = "network.coincidence"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {}

    k: int
    within: float
    """s."""
    over: Literal["members", "sensors", "rules"] = "members"

    def __post_init__(self) -> None:
        if self.k < 2:
            raise ValueError(f"k is {self.k}; give how many must coincide, 2 or more")
        if not 0 < self.within <= 366 * 86_400:
            raise ValueError(f"within is {self.within} s; give a time above 0, like '10s' or '1h'")
        if self.over not in ("members", "sensors", "rules"):
            raise ValueError(f"over is {self.over!r}; give 'members', 'sensors' or 'rules'")

    def start(self, subjects: Subjects) -> State:
        """Every verdict and member unknown. Raises ValueError where k can never be reached."""
        n, inputs = len(subjects), subjects.inputs
        name = sensor_of if self.over == "sensors" else rule_of
        counts = numbered([name(one) for one in subjects.input_id])
        if self.over == "members":
            counts = np.arange(inputs)
        for who in range(n):
            size = len(np.unique(counts[subjects.owner == who]))
            if size < self.k:
                raise ValueError(f"k is {self.k}; {subjects.id[who]} has {size} {self.over}, give a larger group")
        return State(
            verdict=np.zeros(n, np.int8),
            due=np.full(n, NEVER),
            on=np.zeros(inputs, np.bool_),
            known=np.zeros(inputs, np.bool_),
            onset=np.full(inputs, NO_ONSET),
            owner=subjects.owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
            counts=counts,
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row, with the ends of coincidences between them."""

        def take(row: int, who: int, member: int) -> list[Finding]:
            heard = hear(state, member, float(batch.value[row]), int(batch.quality[row]))
            if heard is Heard.ROSE:
                state.onset[member] = batch.time[row]
                return self._rise(state, batch, row, who, member)
            if heard is not Heard.NOTHING and state.due[who] == NEVER:
                return self._rest(state, batch, row, who)
            return []

        return walk(state, batch, take, partial(self._expire, state))

    def _rise(self, state: State, batch: Batch, row: int, who: int, member: int) -> list[Finding]:
        """A member became active: does it coincide?"""
        own = np.flatnonzero(state.owner == who)
        best = nearby(state.onset[own], state.counts[own], int(state.onset[member]), round(self.within * 1e9))
        votes = len(np.unique(state.counts[own[best]]))
        if votes < self.k:
            return self._rest(state, batch, row, who) if state.due[who] == NEVER else []
        state.due[who] = int(batch.arrived[row]) + round(self.within * 1e9)
        if state.verdict[who] == Verdict.ACTIVE:
            return []
        state.verdict[who] = Verdict.ACTIVE
        members = own[best][np.argsort(state.onset[own[best]], kind="stable")]
        return [at_row(batch, row, who, Verdict.ACTIVE, float(votes), float(self.k), _why(state, members, votes))]

    def _rest(self, state: State, batch: Batch, row: int, who: int) -> list[Finding]:
        """No coincidence is fresh: what do the members leave?"""
        verdict, why, active = self._after(state, who)
        if verdict is None:
            return []
        return [at_row(batch, row, who, verdict, float(active), float(self.k), why)]

    def _expire(self, state: State, who: int, before: int) -> list[Finding]:
        """The coincidence is no longer fresh from its deadline on, if that passed before `before`."""
        end = int(state.due[who])
        if end >= before:
            return []
        state.due[who] = NEVER
        verdict, why, _ = self._after(state, who)
        return [] if verdict is None else [at_deadline(end, who, verdict, why, float(self.k))]

    def _after(self, state: State, who: int) -> tuple[Verdict | None, Why, int]:
        """(new verdict, why, how many are active), None for the verdict if it stays."""
        own = np.flatnonzero(state.owner == who)
        on = own[state.on[own]]
        active = len(np.unique(state.counts[on]))
        known = len(np.unique(state.counts[own[state.known[own]]]))
        was = Verdict(int(state.verdict[who]))
        verdict, key = Verdict.CLEAR, "network.coincidence.apart"
        if known < self.k:
            verdict, key = Verdict.UNKNOWN, "network.coincidence.unknown"
        stays = was is Verdict.ACTIVE and (active >= self.k or verdict is Verdict.UNKNOWN)
        if stays or verdict is was:
            return None, Why(key), active
        state.verdict[who] = verdict
        return verdict, Why(key, {"active": active, "known": known}), active


def _why(state: State, members: Indices, votes: int) -> Why:
    onset = state.onset[members]
    names = told([str(name).removeprefix("@") for name in state.input_id[members].tolist()])
    seconds = int(onset.max() - onset.min()) / 1e9
    return Why("network.coincidence.together", {"votes": votes, "seconds": seconds, "members": names})
