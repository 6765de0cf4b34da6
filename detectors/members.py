"""The newest readings of a group's members, each known for a while, weighed together into one number.

Constraints. Runs by arrival: a member is known until `hold` after its last good reading. An unknown member counts as
nothing, which makes the number a lower bound: it may raise, but only a whole group clears. A late or out-of-span
reading may raise where it adds; it is not remembered. Not a detector: gas.mixture and dust.hybrid weigh.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.detector import NEVER, Finding, Outcome, Subjects, Verdict, Why, whole
from detectors.drawing import columns_of
from detectors.lapse import earliest, lapse, lapse_one
from detectors.reading import BLURS, FAULTS, NEVER_RAISES, Batch, Floats, Indices, Times
from detectors.state import PER_INPUT, SETTING

NOT_KNOWN = np.iinfo(np.int64).min
Weigh = Callable[[int, Sequence[float]], tuple[float, Mapping[str, float | str]]]
"""(subject, its members' values, 0 where unknown) -> (the number, what the reason should tell)."""


@dataclass(slots=True)
class Members:
    """(N,) or, by input, (I,)."""

    verdict: NDArray[np.int8]
    due: Times
    """When the first member of a whole group will no longer be known."""
    value: Floats = field(metadata=PER_INPUT)
    until: Times = field(metadata=PER_INPUT)
    """A member is known up to and with this arrival."""
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)
    hold: Times = field(metadata=SETTING)


def unheard(subjects: Subjects, max_hold: float) -> dict[str, Any]:
    """The fields of Members of whom nothing is known yet.

    A value is known for `max_hold` s; where that is NaN for three intervals, or 5 min where none is declared.
    """
    usual = np.where(subjects.interval > 0, 3 * subjects.interval, 300.0)
    hold = usual if math.isnan(max_hold) else np.full(subjects.inputs, max_hold)
    return {
        "verdict": np.zeros(len(subjects), np.int8),
        "due": np.full(len(subjects), NEVER),
        "value": np.zeros(subjects.inputs),
        "until": np.full(subjects.inputs, NOT_KNOWN),
        "owner": subjects.owner,
        "input_id": np.array(list(subjects.input_id), dtype=np.str_),
        "hold": np.rint(hold * 1e9).astype(np.int64),
    }


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """How a group's number is judged: ACTIVE at or above `limit`, CLEAR below `reset`. (N,) each."""

    why: Mapping[Verdict, str]
    limit: Floats
    reset: Floats
    weigh: Weigh


def judge_members(state: Members, batch: Batch, scale: Scale, column: str) -> Outcome:
    """Row by row, with the ends of what is known between them; the column holds the number of whole groups."""
    findings: list[Finding] = []
    drawn: list[tuple[int, int, float]] = []
    blind = Why(scale.why[Verdict.UNKNOWN])
    places = [np.flatnonzero(state.owner == k) for k in range(len(state.verdict))]
    for row in range(len(batch)):
        member, arrived = int(batch.sensor[row]), int(batch.arrived[row])
        who = int(state.owner[member])
        findings += lapse_one(state, who, arrived, blind)
        group, quality = places[who], int(batch.quality[row])
        trial = _take(state, member, float(batch.value[row]), quality, arrived)
        known = state.until[group] >= arrived
        state.due[who] = int(state.until[group].min()) if known.all() else NEVER
        values = np.where(known, state.value[group], 0.0)
        values = np.maximum(values, np.where(group == member, trial, 0.0))
        number, told = scale.weigh(who, values.tolist())
        good = not quality & FAULTS
        if known.all() and good:
            drawn.append((row, who, number))
        verdict = _verdict(number, bool(known.all()), good, int(state.verdict[who]), scale, who)
        if verdict != state.verdict[who]:
            state.verdict[who] = verdict
            at, time, place = arrived, int(batch.time[row]), int(batch.row[row])
            why = Why(scale.why[verdict], told)
            findings.append(Finding(at, place, who, verdict, time, number, float(scale.limit[who]), why))
    findings += lapse(state, batch.until, lambda _: blind)
    return Outcome(whole(findings), columns_of(batch, drawn, {column: "1"}), earliest(state))


def _take(state: Members, member: int, value: float, quality: int, arrived: int) -> float:
    """Note what the member says; what it would add if it is believed to raise (0: nothing)."""
    if quality & BLURS or value != value:
        state.until[member] = NOT_KNOWN
    elif not quality & FAULTS:
        state.value[member] = max(0.0, value)
        state.until[member] = arrived + state.hold[member]
    return 0.0 if quality & NEVER_RAISES or value != value else max(0.0, value)


def _verdict(number: float, all_known: bool, good: bool, was: int, scale: Scale, who: int) -> Verdict:
    if number >= scale.limit[who]:
        return Verdict.ACTIVE
    if all_known and good and (number < scale.reset[who] or was == Verdict.UNKNOWN):
        return Verdict.CLEAR
    if not all_known and was == Verdict.CLEAR:
        return Verdict.UNKNOWN
    return Verdict(was)


def positive_hold(max_hold: float) -> None:
    """Raises ValueError for a hold that is none."""
    if max_hold <= 0 or max_hold > 86_400:
        raise ValueError(f"max_hold is {max_hold} s; give two or three intervals of the sensors, up to a day")
