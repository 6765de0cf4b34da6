"""What the members of a group say, for detectors over verdicts: who is on, who is known, whose onset lies near whose.

Constraints. A member is a verdict (1, 0, no number unknown) or a contact. A held alarm is one onset, not a thousand. An
unknown member that was on stays on; only a good 0 ends it. Not here: what follows from it (network/*.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Finding, Outcome, whole
from detectors.lapse import earliest
from detectors.reading import FAULTS, NEVER_RAISES, Batch, Bools, Indices, Times

NAMED = 6
"""So many members a reason names; of the rest it gives the number."""


class Group(Protocol):
    """What a state must hold, (I,) each."""

    on: Bools
    known: Bools


class Heard(Enum):
    """What a row changed about its member."""

    NOTHING = "nothing"
    KNOWN = "known"
    """Known, for the first time or again, and on or off as before."""
    ROSE = "rose"
    FELL = "fell"
    LOST = "lost"


def hear(state: Group, member: int, value: float, quality: int) -> Heard:
    """Note what a member says. A bad 1 puts it on without making it known; a bad 0 says nothing."""
    was_on, was_known = bool(state.on[member]), bool(state.known[member])
    if value != value or quality & NEVER_RAISES:
        state.known[member] = False
        return Heard.LOST if was_known else Heard.NOTHING
    good = not quality & FAULTS
    if value >= 0.5:
        state.on[member] = True
    elif good:
        state.on[member] = False
    if good:
        state.known[member] = True
    if bool(state.on[member]) != was_on:
        return Heard.FELL if was_on else Heard.ROSE
    return Heard.NOTHING if bool(state.known[member]) == was_known else Heard.KNOWN


def walk(
    state: Any,
    batch: Batch,
    take: Callable[[int, int, int], list[Finding]],
    expire: Callable[[int, int], list[Finding]],
) -> Outcome:
    """Row by row, with the deadlines between them: `take(row, subject, member)`, `expire(subject, before)`.

    `state` has `due` (N,), the next deadline of each subject, and `owner` (I,).
    """
    findings: list[Finding] = []
    for row in range(len(batch)):
        member = int(batch.sensor[row])
        who = int(state.owner[member])
        findings += expire(who, int(batch.arrived[row]))
        findings += take(row, who, member)
    for who in np.flatnonzero(state.due < batch.until).tolist():
        findings += expire(who, batch.until)
    return Outcome(whole(findings), due=earliest(state))


def sensor_of(name: str) -> str:
    """The sensor that an input is about: "@face-methane.warn/ch4-2105" -> "ch4-2105"."""
    return name.partition("/")[2] if name.startswith("@") else name.partition("/")[0]


def rule_of(name: str) -> str:
    """The rule that an input is of; the whole name where it is of none."""
    return name[1:].partition("/")[0] if name.startswith("@") else name


def numbered(names: Sequence[Any]) -> NDArray[np.intp]:
    """Equal names, equal numbers, in order of first appearance."""
    number: dict[Any, int] = {}
    return np.array([number.setdefault(name, len(number)) for name in names], np.intp)


def nearby(onset: Times, kind: Indices, at: int, within: int) -> Indices:
    """Places of the onsets of the best window of `within` ns that holds the time `at`: most kinds, then the earliest.

    `onset` (m,) ns, `kind` (m,) what counts once. Both ends of the window belong to it.
    """
    near = np.flatnonzero((onset >= at - within) & (onset <= at + within))
    best, most = near[:0], 0
    for begin in np.unique(onset[near[onset[near] <= at]]).tolist():
        inside = near[(onset[near] >= begin) & (onset[near] <= begin + within)]
        count = len(np.unique(kind[inside]))
        if count > most:
            best, most = inside, count
    return best


def told(names: Sequence[str]) -> str:
    """Names for a reason, in the given order, each once, and how many more."""
    once = list(dict.fromkeys(names))
    rest = len(once) - NAMED
    return ", ".join(once[:NAMED]) + (f" +{rest}" if rest > 0 else "")
