"""The dead-man: a sensor that should speak and does not. A sensor never heard of counts from the day it is registered.

Cannot find: a sensor that speaks and lies (health.stuck), a broker that repeats a retained message (it proves no life).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import (
    NEVER,
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
from detectors.reading import NO_LIFE, Batch, Indices, Quality, Times
from detectors.state import SETTING


@dataclass(slots=True)
class State:
    """(N,) each; times in ns."""

    verdict: NDArray[np.int8]
    due: Times
    """When silence is declared, if nothing is heard; NEVER once it is."""
    patience: Times = field(metadata=SETTING)
    interval: Times = field(metadata=SETTING)


@dataclass(frozen=True)
class Silent:
    """ACTIVE when nothing was heard for `intervals` times the sensor's `every`, CLEAR at the next sign of life.

    A deadline d passes when the log is seen past d and no reading arrived at or before d; it is reported at d. Bad
    readings and waveforms prove life; retained messages do not. A sensor without `every` is not judged (unknown).
    Source: definition of a dead-man (watchdog); 30 CFR 75.351 asks for the malfunction signal of every sensor.

        [rule.quiet-sensor]
        sensors = ["ch4-2105"]
        detector = { kind = "health.silent", intervals = 3 }
        priority = "medium"
        guidance = "Send someone to the sensor"
    """

    kind: ClassVar[str] = "health.silent"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = (
        Quality.NO_VALUE
        | Quality.OUT_OF_SPAN
        | Quality.LATE
        | Quality.CONFLICT
        | Quality.SKEWED
        | Quality.CALIBRATION
    )
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {}

    intervals: PerSubject = 3.0

    def __post_init__(self) -> None:
        if not (np.asarray(self.intervals) >= 1).all():
            raise ValueError(f"intervals is {self.intervals}; give 1 or more (3 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, every clock running from `first_seen`."""
        every = np.full(len(subjects), np.inf)
        np.minimum.at(every, subjects.owner, np.where(subjects.interval > 0, subjects.interval, np.inf))
        known = np.isfinite(every)
        interval = np.rint(np.where(known, every, 0.0) * 1e9).astype(np.int64)
        patience = np.rint(interval * per_subject(self.intervals, len(subjects))).astype(np.int64)
        patience[~known] = NEVER
        return State(
            np.zeros(len(subjects), np.int8), _later(subjects.first_seen, patience), patience, interval
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Signs of life first, in order, with the deadlines that passed between them; then the deadlines left."""
        findings = self._hear(state, *_life(batch))
        passed = np.flatnonzero((state.due < batch.until) & (state.verdict != Verdict.ACTIVE))
        findings += [self._silent(state, who, int(state.due[who])) for who in passed.tolist()]
        state.verdict[passed] = Verdict.ACTIVE
        state.due[passed] = NEVER
        due = int(state.due.min()) if len(state.due) else NEVER
        return Outcome(whole(findings), due=due)

    def excuse(self, state: Any, start: int, end: int) -> None:
        """Nobody listened from `start` to `end` (ns): deadlines in it move to one interval after its end."""
        inside = (state.due >= start) & (state.due <= end)
        state.due[inside] = end + state.interval[inside]

    def _hear(self, state: State, who: Indices, arrived: Times, row: Times, time: Times) -> list[Finding]:
        """Fold rows grouped by subject (in order within it)."""
        if not len(who):
            return []
        first = np.ones(len(who), np.bool_)
        first[1:] = who[1:] != who[:-1]
        patience = state.patience[who]
        due = np.empty_like(arrived)
        due[1:] = _later(arrived[:-1], patience[:-1])
        due[first] = state.due[who[first]]
        before = np.where(first, state.verdict[who], Verdict.CLEAR)
        missed = (due < arrived) & (before != Verdict.ACTIVE)
        heard = missed | (before != Verdict.CLEAR)
        findings = [self._silent(state, int(who[k]), int(due[k])) for k in np.flatnonzero(missed).tolist()]
        for k in np.flatnonzero(heard).tolist():
            why = Why("health.silent.heard")
            findings.append(
                Finding(int(arrived[k]), int(row[k]), int(who[k]), Verdict.CLEAR, int(time[k]), None, None, why)
            )
        last = np.append(first[1:], True)
        state.verdict[who[last]] = Verdict.CLEAR
        state.due[who[last]] = _later(arrived[last], patience[last])
        return findings

    @staticmethod
    def _silent(state: State, who: int, deadline: int) -> Finding:
        why = Why("health.silent.silent", {"seconds": int(state.patience[who]) / 1e9})
        return at_deadline(deadline, who, Verdict.ACTIVE, why)


def _later(times: Times, patience: Times) -> Times:
    """times + patience, staying at NEVER where there is no patience to run out."""
    never = patience == NEVER
    return np.where(never, NEVER, times + np.where(never, 0, patience)).astype(np.int64)


def _life(batch: Batch) -> tuple[Indices, Times, Times, Times]:
    """(subject, arrived, row, time) of every sign of life, grouped by subject, in log order within each."""
    if not batch.waves:
        order = batch.runs().order
        if (batch.quality & NO_LIFE).any():
            order = order[(batch.quality[order] & NO_LIFE) == 0]
        return batch.sensor[order], batch.arrived[order], batch.row[order], batch.time[order]
    rows = np.flatnonzero((batch.quality & NO_LIFE) == 0)
    waves = [w for w in batch.waves if not w.quality & NO_LIFE]
    who = np.concatenate(([w.sensor for w in waves], batch.sensor[rows])).astype(np.intp)
    arrived = np.concatenate(([w.arrived for w in waves], batch.arrived[rows])).astype(np.int64)
    row = np.concatenate(([w.row for w in waves], batch.row[rows])).astype(np.int64)
    time = np.concatenate(([w.time for w in waves], batch.time[rows])).astype(np.int64)
    order = np.lexsort((row, who))
    return who[order], arrived[order], row[order], time[order]
