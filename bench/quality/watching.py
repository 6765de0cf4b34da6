"""A detector stepped over a stream as it would be over the log, and the onsets of its alarms.

Constraints. Onsets are what counts: an alarm that is held is one, and one that comes back within `REFRACTORY` readings
of its end is the same. Batches are blocks of whole ticks; a missing reading is no row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.quality.streams import Stream
from detectors.detector import Finding, Verdict
from detectors.reading import Batch, Bools, Times

MINUTE = 60 * 10**9
BEGIN = 1_767_225_600 * 10**9
"""2026-01-01, ns UTC."""
REFRACTORY = 10
"""max(5 min, 10 readings) at one a minute."""
BLOCK = 720


class Onsets:
    """Alarms of some subjects from tick `first` on; those that stand at the beginning are kept apart."""

    def __init__(self, verdict: Any, first: int) -> None:
        self.standing: Bools = np.asarray(verdict) == Verdict.ACTIVE
        self.active = self.standing.copy()
        self.began = np.full(len(self.active), first)
        self.ended = np.full(len(self.active), np.iinfo(np.int64).min // 2)
        self.in_alarm = np.zeros(len(self.active), np.int64)
        self.ticks: list[int] = []
        self.subjects: list[int] = []

    def take(self, finding: Finding) -> None:
        """One finding, in order."""
        who, tick = finding.subject, (finding.time - BEGIN) // MINUTE
        if finding.verdict is Verdict.ACTIVE:
            if tick - self.ended[who] >= REFRACTORY:
                self.ticks.append(tick)
                self.subjects.append(who)
            self.active[who], self.began[who] = True, tick
        elif self.active[who]:
            self.active[who], self.ended[who] = False, tick
            self.in_alarm[who] += tick - self.began[who]

    def counts(self, groups: int) -> list[int]:
        """Alarms of each of `groups` equal runs of subjects; one that stood at the beginning is one."""
        size = len(self.ended) // groups
        who = np.concatenate((np.array(self.subjects, np.intp), np.flatnonzero(self.standing)))
        counts: list[int] = np.bincount(who // size, minlength=groups).tolist()
        return counts

    def shares(self, groups: int, first: int, last: int) -> list[float]:
        """Part of the time between two ticks that each of `groups` runs of subjects was in alarm."""
        total = self.in_alarm + np.where(self.active, last - self.began, 0)
        shares: list[float] = (total.reshape(groups, -1).mean(axis=1) / (last - first)).tolist()
        return shares

    def first_ticks(self) -> Times:
        """(subjects,) tick of the first onset; -1 where there was none."""
        out = np.full(len(self.ended), -1)
        for who, tick in zip(reversed(self.subjects), reversed(self.ticks), strict=True):
            out[who] = tick
        return out


def batches(stream: Stream, first: int, copies: int, block: int) -> Iterator[Batch]:
    """The stream as a log from tick `first` on, every sensor `copies` times."""
    shown = stream.shown()
    count = shown.shape[1] * copies
    for begin in range(0, len(shown), block):
        part = np.tile(shown[begin : begin + block], (1, copies))
        time = BEGIN + MINUTE * (first + begin + np.arange(len(part)))
        sensor, times, value = np.tile(np.arange(count), len(part)), np.repeat(time, count), part.ravel()
        if stream.absent is not None:
            here = ~np.tile(stream.absent[begin : begin + block], (1, copies)).ravel()
            sensor, times, value = sensor[here], times[here], value[here]
        yield Batch.of(int(time[-1]) + 1, sensor, times, value)


def warm_up(detector: Any, state: Any, stream: Stream, first: int, copies: int) -> None:
    """Step over a stretch whose findings do not count."""
    for batch in batches(stream, first, copies, BLOCK):
        detector.step(state, batch)


def watch(detector: Any, state: Any, stream: Stream, first: int, copies: int, most: int | None = None) -> Onsets:
    """Step over a stretch; given `most`, ends early at more onsets than that, or when most subjects are in alarm."""
    onsets = Onsets(state.verdict, first)
    for batch in batches(stream, first, copies, BLOCK):
        for finding in detector.step(state, batch).findings:
            onsets.take(finding)
        if most is not None and (len(onsets.ticks) > most or onsets.active.mean() > 0.5):
            break
    return onsets


def await_first(detector: Any, state: Any, stream: Stream, first: int, copies: int, block: int = 240) -> Onsets:
    """Step over a stretch until every subject that was not in alarm has had an onset."""
    onsets = Onsets(state.verdict, first)
    seen = onsets.standing.copy()
    for batch in batches(stream, first, copies, block):
        for finding in detector.step(state, batch).findings:
            onsets.take(finding)
        seen[onsets.subjects] = True
        if seen.all():
            break
    return onsets
