"""A device whose clock is wrong: its times against the arrivals.

Constraints. Needs a window longer than the device keeps readings back, or a slow link looks like a slow clock.
Cannot find: an error smaller than the way takes, a sensor whose time is its arrival.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Finding, Outcome, PerSubject, Subjects, Verdict, Why, per_subject
from detectors.preceding import along_time
from detectors.reading import Batch, Bools, Floats, Quality, Times
from detectors.says import Says

UNUSABLE = int(Quality.NO_VALUE | Quality.RETAINED | Quality.CALIBRATION)
NEVER_BEGUN = -1


@dataclass(slots=True)
class State:
    """(N,) each, ns."""

    verdict: NDArray[np.int8]
    begun: Times
    """`now` at which the window began; -1 before the first reading."""
    least: Times
    """Smallest (arrival - device time) in it."""


@dataclass(frozen=True)
class Clock:
    """ACTIVE when the device's clock is `ahead` s or more before the arrivals, or `behind` s or more after them.

    No way takes less than no time: a time `ahead` of its arrival alarms at once. Behind is told at the first good
    reading after each `window`: the smallest delay in it (the minimum filter of NTP), so a backlog that drains is no
    clock error; CLEAR then if that delay is in bounds. Late and skewed readings count; retained ones do not.
    Source: RFC 5905 section 10 (clock filter: the sample of least delay is the best); shared reference peers 8.13.

        [rule.device-clock]
        sensors = ["ch4-2105"]
        detector = { kind = "health.clock", ahead = "5s", behind = "5min", window = "1h" }
        priority = "low"
        guidance = "Set the device's clock; check its time server"
    """

    kind: ClassVar[str] = "health.clock"
    feeds_on: ClassVar[Quality] = Quality.LATE | Quality.SKEWED | Quality.CONFLICT | Quality.OUT_OF_SPAN
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"offset": "s"}

    ahead: PerSubject = 5.0
    """s."""
    behind: PerSubject = 300.0
    """s."""
    window: float = 3600.0
    """s."""

    def __post_init__(self) -> None:
        for name in ("ahead", "behind"):
            if not (np.asarray(getattr(self, name)) > 0).all():
                raise ValueError(f"{name} is {getattr(self, name)} s; give a time above 0, like '5s'")
        if not 1 <= self.window <= 366 * 86_400:
            raise ValueError(f"window is {self.window} s; give longer than the device keeps readings, like '1h'")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, no window begun."""
        n = len(subjects)
        return State(np.zeros(n, np.int8), np.full(n, NEVER_BEGUN), np.zeros(n, np.int64))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """The delays that count, then one vector pass along the rows."""
        usable = (batch.quality & UNUSABLE) == 0
        lag, ended = (self._along if along_time(batch) else self._across)(state, batch, usable)
        offset = -lag / 1e9
        ahead, behind = (per_subject(p, len(state.verdict))[batch.sensor] for p in (self.ahead, self.behind))
        runs_ahead, runs_behind = usable & (offset >= ahead), ended & (offset <= -behind)
        says = np.where(ended, Says.CLEAR, Says.NOTHING).astype(np.uint8)
        says[runs_ahead | runs_behind] = Says.ACTIVE
        rows, verdicts = batch.settle_verdicts(state.verdict, says)
        drawn = np.flatnonzero(ended)
        column = Column.of("offset", "s", batch.sensor[drawn], batch, drawn, offset[drawn])
        limit = np.where(runs_ahead, ahead, behind)
        changed = zip(rows.tolist(), verdicts.tolist(), strict=True)
        found = [_finding(batch, row, Verdict(verdict), offset, limit) for row, verdict in changed]
        return Outcome(found, [column] if len(drawn) else [])

    def _across(self, state: State, batch: Batch, usable: Bools) -> tuple[Times, Bools]:
        """(M,) the delay that counts at each row, and whether it ends a window: round by round across sensors."""
        lag, ended = np.zeros(len(batch), np.int64), np.zeros(len(batch), np.bool_)
        good, window = batch.good, round(self.window * 1e9)
        alarm = -np.rint(per_subject(self.ahead, len(state.verdict)) * 1e9)
        for turn in batch.rounds():
            rows = turn[usable[turn]]
            who, arrived = batch.sensor[rows], batch.arrived[rows]
            own, begun = arrived - batch.time[rows], state.begun[who]
            fresh = begun == NEVER_BEGUN
            ends = ~fresh & (arrived >= begun + window) & good[rows]
            before = np.where(fresh, own, state.least[who])
            state.least[who] = np.where(ends, own, np.minimum(before, own))
            state.begun[who] = np.where(fresh | ends, arrived, begun)
            lag[rows], ended[rows] = np.where(ends & (own > alarm[who]), before, own), ends
        return lag, ended

    def _along(self, state: State, batch: Batch, usable: Bools) -> tuple[Times, Bools]:
        """The same, sensor by sensor along time."""
        lag, ended = batch.arrived - batch.time, np.zeros(len(batch), np.bool_)
        good, window = batch.good, round(self.window * 1e9)
        alarm = -np.rint(per_subject(self.ahead, len(state.verdict)) * 1e9)
        for who, run in batch.runs():
            rows = run[usable[run]]
            begun, least = int(state.begun[who]), int(state.least[who])
            columns = (rows, lag[rows], batch.arrived[rows], good[rows])
            for row, own, arrived, fit in zip(*(column.tolist() for column in columns), strict=True):
                if begun == NEVER_BEGUN:
                    begun, least = arrived, own
                elif fit and arrived >= begun + window:
                    lag[row], ended[row] = least if own > alarm[who] else own, True
                    begun, least = arrived, own
                elif own < least:
                    least = own
            state.begun[who], state.least[who] = begun, least
        return lag, ended


def _finding(batch: Batch, row: int, verdict: Verdict, offset: Floats, limit: Floats) -> Finding:
    """The offset is told among the numbers: a finding's value is in the sensor's unit."""
    told = float(offset[row])
    wrong = "health.clock.ahead" if told > 0 else "health.clock.behind"
    key = "health.clock.right" if verdict is Verdict.CLEAR else wrong
    numbers = {"seconds": abs(told), "allowed": float(limit[row])}
    at, number, time = int(batch.arrived[row]), int(batch.row[row]), int(batch.time[row])
    return Finding(at, number, int(batch.sensor[row]), verdict, time, None, None, Why(key, numbers))
