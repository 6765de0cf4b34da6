"""The dead-man: a sensor that should speak and does not. A sensor never heard of counts from the day it is registered.

Cannot find: a sensor that speaks and lies (health.stuck), a broker that repeats a retained message (it proves no life).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
from detectors.reading import NO_LIFE, Batch, Indices, Quality, Times, Wave
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
    readings and waveforms prove life; retained messages do not. ACTIVE at once where whoever speaks for the sensor says
    that it has gone (a death certificate), also without `every`; else a sensor without it is not judged (unknown).
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
        gone = {wave.sensor for wave in batch.waves if wave.ends}
        findings = self._hear(state, *_life(batch, gone))
        for sensor in sorted(gone):
            findings += self._until_it_goes(state, batch, sensor)
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

    def retime(self, state: Any, before: Any, index: Indices, now: int) -> None:
        """The state continues `before[index]` (-1: nothing) from `now` on: its deadlines go with the new patience."""
        kept = np.flatnonzero(index >= 0)
        old, new, due = before.patience[index[kept]], state.patience[kept], state.due[kept]
        since = np.where(due == NEVER, now, due - np.where(old == NEVER, 0, old))
        moved = np.maximum(_later(since, new), now)
        waits = (old != new) & (state.verdict[kept] != Verdict.ACTIVE)
        state.due[kept[waits]] = moved[waits]

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

    def _until_it_goes(self, state: State, batch: Batch, sensor: int) -> list[Finding]:
        """One sensor's signs of life and ends in their order."""
        findings: list[Finding] = []
        for entry in _entries(batch, sensor):
            arrived, row, time = (np.array([number], np.int64) for number in (entry.arrived, entry.row, entry.time))
            if not entry.ends:
                findings += self._hear(state, np.array([sensor]), arrived, row, time)
                continue
            due = int(state.due[sensor])
            if due < entry.arrived and state.verdict[sensor] != Verdict.ACTIVE:
                findings.append(self._silent(state, sensor, due))
                state.verdict[sensor] = Verdict.ACTIVE
            if state.verdict[sensor] != Verdict.ACTIVE:
                why = Why("health.silent.gone")
                findings.append(
                    Finding(entry.arrived, entry.row, sensor, Verdict.ACTIVE, entry.time, None, None, why)
                )
            state.verdict[sensor], state.due[sensor] = Verdict.ACTIVE, NEVER
        return findings

    @staticmethod
    def _silent(state: State, who: int, deadline: int) -> Finding:
        why = Why("health.silent.silent", {"seconds": int(state.patience[who]) / 1e9})
        return at_deadline(deadline, who, Verdict.ACTIVE, why)


def _later(times: Times, patience: Times) -> Times:
    """times + patience, staying at NEVER where there is no patience to run out."""
    never = patience == NEVER
    return np.where(never, NEVER, times + np.where(never, 0, patience)).astype(np.int64)


def _entries(batch: Batch, sensor: int) -> list[Wave]:
    """One sensor's waves, and its readings as waves of one sample, in log order; what proves no life left out."""
    waves = [w for w in batch.waves if w.sensor == sensor and (w.ends or not w.quality & NO_LIFE)]
    rows = np.flatnonzero((batch.sensor == sensor) & ((batch.quality & NO_LIFE) == 0))
    columns = zip(*(c[rows].tolist() for c in (batch.row, batch.time, batch.arrived, batch.value)), strict=True)
    read = [Wave(row, sensor, time, arrived, 1.0, np.array([value])) for row, time, arrived, value in columns]
    return sorted([*waves, *read], key=lambda entry: entry.row)


def _life(batch: Batch, gone: Collection[int] = ()) -> tuple[Indices, Times, Times, Times]:
    """(subject, arrived, row, time) of every sign of life, grouped by subject, in log order within each; those of
    `gone` left out."""
    if not batch.waves:
        order = batch.runs().order
        if (batch.quality & NO_LIFE).any():
            order = order[(batch.quality[order] & NO_LIFE) == 0]
        return batch.sensor[order], batch.arrived[order], batch.row[order], batch.time[order]
    rows = np.flatnonzero(((batch.quality & NO_LIFE) == 0) & ~np.isin(batch.sensor, list(gone)))
    waves = [w for w in batch.waves if not w.quality & NO_LIFE and w.sensor not in gone]
    told = np.array([(w.sensor, w.arrived, w.row, w.time) for w in waves], np.int64).reshape(-1, 4)
    columns = (batch.sensor, batch.arrived, batch.row, batch.time)
    who, arrived, row, time = (np.concatenate((told[:, k], column[rows])) for k, column in enumerate(columns))
    order = np.lexsort((row, who))
    return who[order], arrived[order], row[order], time[order]
