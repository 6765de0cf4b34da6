"""Many sensors silent behind one gateway: one alarm about the network, which speaks for those of its sensors.

Constraints. Works from arrivals, as health.silent does, not from its verdicts: so it can come first, and the judge lets
an active one suppress `silent` on its members (docs/decisions/0004). It makes nobody watched: what looks at a silent
sensor stays "not watched".
Cannot find: which part of the way failed; a gateway of fewer sensors than `least`; the loss of fast sensors alone
where most members are slow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.detector import (
    NEVER,
    Column,
    Finding,
    Outcome,
    PerSubject,
    Subjects,
    Verdict,
    Why,
    at_deadline,
    per_subject,
    whole,
)
from detectors.health.silent import Silent
from detectors.health.silent import State as Silence
from detectors.onsets import told
from detectors.reading import Batch, Indices, Quality, Times
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
    due: Times
    """When an alarm ends whose gateway is back; NEVER if none does. It is after all rows of that instant, so that the
    silence of the last sensor is over before."""
    said: NDArray[np.int8] = field(metadata=PER_INPUT)
    """Verdict on each member: ACTIVE silent, CLEAR heard, UNKNOWN not yet heard."""
    until: Times = field(metadata=PER_INPUT)
    """When a member counts as silent if nothing is heard of it."""
    since: Times = field(metadata=PER_INPUT)
    """`now` at which it fell silent last."""
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)
    patience: Times = field(metadata=SETTING)
    interval: Times = field(metadata=SETTING)
    needed: NDArray[np.intp] = field(metadata=SETTING)

    @property
    def silence(self) -> Silence:
        """The members as health.silent has them; the arrays are these."""
        return Silence(self.said, self.until, self.patience, self.interval)


@dataclass(frozen=True)
class FrozenNetwork:
    """ACTIVE when `share` of the members, and at least `least` of them, are silent at once; CLEAR when fewer can be.

    A member is silent when nothing was heard of it for `intervals` times its `every`: fewer than `silent` asks, so that
    the network's alarm comes first. Members without `every` are not counted. One not yet heard counts as neither; where
    those could decide, it says unknown. Once fewer are silent the last ones are waited for, each as long as it may be
    silent, before it is CLEAR: so they do not alarm one by one on the way back. The reason names those that fell silent
    first. Source: definition; alarm floods of one cause (EEMUA 191, ISA-18.2 16.4.4).

        [rule.gateway-3]
        group = "gateway-3"
        sensors = ["prism-17", "prism-18", "prism-19"]
        detector = { kind = "health.frozen_network", share = 0.5, least = 3 }
        priority = "medium"
        guidance = "Check power and link of gateway 3; watch its places by other means"
    """

    kind: ClassVar[str] = "health.frozen_network"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Silent.feeds_on
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"silent": "1"}
    compares: ClassVar[str] = "1"

    share: PerSubject = 0.5
    least: PerSubject = 3
    intervals: PerSubject = 2.0

    def __post_init__(self) -> None:
        if not ((np.asarray(self.share) > 0) & (np.asarray(self.share) <= 1)).all():
            raise ValueError(f"share is {self.share}; give a part of the members above 0, at most 1, like 0.5")
        if not (np.asarray(self.least) >= 2).all():
            raise ValueError(f"least is {self.least}; give 2 or more sensors (3 is usual)")
        if not (np.asarray(self.intervals) >= 1).all():
            raise ValueError(f"intervals is {self.intervals}; give 1 or more, fewer than `silent` has (2 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict and member unknown. Raises ValueError where fewer than `least` members have `every`."""
        n, owner = len(subjects), subjects.owner
        alone = dataclasses.replace(
            subjects, id=subjects.input_id, owner=np.arange(subjects.inputs), first_seen=subjects.first_seen[owner]
        )
        members = Silent(per_subject(self.intervals, n)[owner]).start(alone)
        size = np.bincount(owner[members.patience != NEVER], minlength=n)
        least, share = per_subject(self.least, n), per_subject(self.share, n)
        for name, found, wanted in zip(subjects.id, size.tolist(), least.tolist(), strict=True):
            if found < wanted:
                raise ValueError(f"least is {wanted:g}; {name} has {found} members with `every`, give sensors = [...]")
        return State(
            verdict=np.zeros(n, np.int8),
            due=np.full(n, NEVER),
            said=members.verdict,
            until=members.due,
            since=np.zeros(subjects.inputs, np.int64),
            owner=owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
            patience=members.patience,
            interval=members.interval,
            needed=np.ceil(np.maximum(share * size - 1e-9, least)).astype(np.intp),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """health.silent on every member; what that finds is counted, with the ends of alarms between."""
        findings: list[Finding] = []
        drawn: list[tuple[int, ...]] = []
        said = state.said.copy()
        for who, changes in _by_subject(state.owner, Silent().step(state.silence, batch).findings):
            cause = changes[-1]
            findings += _end(state, said, who, cause.at)
            for change in changes:
                said[change.subject] = change.verdict
                if change.verdict is Verdict.ACTIVE:
                    state.since[change.subject] = change.at
            findings += _weigh(state, said, who, cause)
            drawn.append((who, cause.time, cause.at, cause.row, _Count.of(state, said, who).silent))
        for who in np.flatnonzero(state.due < batch.until).tolist():
            findings += _end(state, said, who, batch.until)
        due = min(int(state.due.min(initial=NEVER)), int(state.until.min(initial=NEVER)))
        return Outcome(whole(findings), _columns(drawn), due)

    def excuse(self, state: Any, start: int, end: int) -> None:
        """Nobody listened from `start` to `end` (ns): deadlines in it move to one interval after its end."""
        Silent().excuse(state.silence, start, end)
        for who in np.flatnonzero((state.due >= start) & (state.due <= end)).tolist():
            state.due[who] = end + state.interval[state.owner == who].max()

    def retime(self, state: Any, before: Any, index: Indices, now: int) -> None:
        """The state continues `before[index]` (-1: nothing) from `now` on: each member's deadline goes with its new
        patience, as in health.silent."""
        place = {key: k for k, key in enumerate(zip(before.owner.tolist(), before.input_id.tolist(), strict=True))}
        members = zip(index[state.owner].tolist(), state.input_id.tolist(), strict=True)
        Silent().retime(state.silence, before.silence, np.array([place.get(key, -1) for key in members], np.intp), now)


class _Count(NamedTuple):
    """Of the members of one subject."""

    silent: int
    unknown: int
    needed: int
    members: Indices

    @classmethod
    def of(cls, state: State, said: NDArray[np.int8], who: int) -> _Count:
        members = np.flatnonzero((state.owner == who) & (state.patience != NEVER))
        silent, unknown = (int(np.count_nonzero(said[members] == v)) for v in (Verdict.ACTIVE, Verdict.UNKNOWN))
        return cls(silent, unknown, int(state.needed[who]), members)

    @property
    def verdict(self) -> Verdict:
        if self.silent >= self.needed:
            return Verdict.ACTIVE
        return Verdict.UNKNOWN if self.silent + self.unknown >= self.needed else Verdict.CLEAR


def _weigh(state: State, said: NDArray[np.int8], who: int, cause: Finding) -> list[Finding]:
    """What the members mean after a change; an alarm waits for the last of them before it ends."""
    count, was = _Count.of(state, said, who), Verdict(int(state.verdict[who]))
    verdict = count.verdict
    if was is Verdict.ACTIVE:
        if verdict is Verdict.CLEAR:
            lost = count.members[said[count.members] == Verdict.ACTIVE]
            state.due[who] = min(int(state.due[who]), cause.at + int(state.patience[lost].max(initial=0)))
            return []
        state.due[who] = NEVER
    if verdict is was or (was is Verdict.ACTIVE and verdict is Verdict.UNKNOWN):
        return []
    return [_found(state, said, count, cause, who)]


def _end(state: State, said: NDArray[np.int8], who: int, before: int) -> list[Finding]:
    """The last ones were waited for long enough, if that was before `before`."""
    end, count = int(state.due[who]), _Count.of(state, said, who)
    if end >= before:
        return []
    state.due[who] = NEVER
    if count.verdict is not Verdict.CLEAR:
        return []
    return [_found(state, said, count, at_deadline(end, who, Verdict.CLEAR, Why("")), who)]


def _found(state: State, said: NDArray[np.int8], count: _Count, cause: Finding, who: int) -> Finding:
    """Turn the verdict, at the place of what caused it."""
    verdict = count.verdict
    state.verdict[who] = verdict
    lost = count.members[said[count.members] == Verdict.ACTIVE]
    first = lost[np.argsort(state.since[lost], kind="stable")]
    names = told([str(name) for name in state.input_id[first].tolist()])
    why = Why(WHY[verdict], {"silent": count.silent, "members": len(count.members), "first": names})
    return dataclasses.replace(
        cause, subject=who, verdict=verdict, value=float(count.silent), limit=float(count.needed), why=why
    )


def _by_subject(owner: Indices, found: Sequence[Finding]) -> Iterator[tuple[int, list[Finding]]]:
    """What changed of a subject's members at one place in the log, place by place."""

    def place(f: Finding) -> tuple[int, int, int]:
        return f.at, f.row, int(owner[f.subject])

    for (_, _, who), changes in groupby(sorted(found, key=place), place):
        yield who, list(changes)


def _columns(drawn: Sequence[tuple[int, ...]]) -> list[Column]:
    if not drawn:
        return []
    who, time, at, row, silent = np.array(drawn, np.int64).T
    return [Column("silent", "1", who.astype(np.intp), time, at, row, silent * 1.0, np.zeros(len(who), np.uint8))]
