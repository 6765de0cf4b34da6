"""A sensor noisier than it was declared to be: a loose contact, damp, a dying cell.

Constraints. Judges by differences of neighbouring good readings, so a slow change of what is measured does not count.
Cannot find: noise slower than the readings come, a sensor that became too quiet (health.stuck), one whose declared
noise is wrong (signal.variance learns its own). Delay: about half of `readings` readings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Outcome, PerSubject, Subjects, Verdict, findings_at, per_subject
from detectors.preceding import along_time
from detectors.reading import Batch, Floats, Indices, Quality, Times
from detectors.says import Says
from detectors.state import SETTING

NORMAL = 0.9538725524089582
"""Median of |difference| of two normal readings, in standard deviations of one: sqrt(2) * 0.67449."""
DITHER = 1.2
"""A value that dithers between two steps shows one quantum half of the time: that is no noise."""
CALM = 0.75
"""Part of the limit below which it has ended."""
GAP = 5
"""Readings further apart than so many intervals are not compared."""
WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "health.noisy.noisier",
    Verdict.CLEAR: "health.noisy.as_declared",
    Verdict.UNKNOWN: "health.noisy.learning",
}


@dataclass(slots=True)
class State:
    """(N,) each, or (N, readings)."""

    verdict: NDArray[np.int8]
    last: Floats
    time: Times
    steps: Floats
    """Ring of the newest absolute differences."""
    count: NDArray[np.int64]
    noise: Floats = field(metadata=SETTING)
    quantum: Floats = field(metadata=SETTING)
    gap: Times = field(metadata=SETTING)


@dataclass(frozen=True)
class Noisy:
    """ACTIVE when the noise of the newest readings is `factor` times the declared one, CLEAR below 3/4 of that.

    The noise is the median of |difference| of `readings` neighbours / 0.954, which a few spikes do not move; the
    declared one is the sensor's `noise` (or `noise` here) and its quantum / sqrt(12), and no less than a dither of one
    quantum. Source: median absolute deviation (Hampel 1974), von Neumann 1941 on successive differences.

        [rule.prism-noisy]
        sensors = ["prism-17"]
        detector = { kind = "health.noisy", factor = 3, noise = "0.8 mm" }
        priority = "low"
        guidance = "Check mounting, plug and supply"
    """

    kind: ClassVar[str] = "health.noisy"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"noise": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"noise": "{unit}"}

    factor: PerSubject = 3.0
    noise: PerSubject = float("nan")
    readings: int = 31

    def __post_init__(self) -> None:
        if not (np.asarray(self.factor) > 1).all():
            raise ValueError(f"factor is {self.factor}; give more than 1 (3 is usual)")
        if (np.asarray(self.noise) <= 0).any():
            raise ValueError(f"noise is {self.noise}; give the standard deviation of one reading, above 0")
        if not 11 <= self.readings <= 501 or self.readings % 2 == 0:
            raise ValueError(f"readings is {self.readings}; give an odd number from 11 to 501 (31 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where no noise is declared."""
        n = len(subjects)
        given = per_subject(self.noise, n)
        noise = np.where(np.isnan(given), subjects.noise, given)
        for k in np.flatnonzero(np.isnan(noise)).tolist():
            raise ValueError(f"{subjects.input_id[k]} declares no noise; give the sensor noise, or noise here")
        every = subjects.interval
        gap = np.where(every > 0, np.nan_to_num(every) * GAP * 1e9, 2.0**62)
        return State(
            verdict=np.zeros(n, np.int8),
            last=np.full(n, np.nan),
            time=np.zeros(n, np.int64),
            steps=np.zeros((n, self.readings)),
            count=np.zeros(n, np.int64),
            noise=noise,
            quantum=np.nan_to_num(subjects.quantum),
            gap=gap.astype(np.int64),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Round by round across sensors, or run by run along time, whichever is cheaper; the same to the last bit."""
        good, noise = batch.good, np.full(len(batch), np.nan)
        for rows in self._groups(batch):
            rows = rows[good[rows]]
            if len(rows):
                noise[rows] = self._along(state, batch, rows) if along_time(batch) else self._turn(state, batch, rows)
        limit = self._limit(state)[batch.sensor]
        says = np.zeros(len(batch), np.uint8)
        says[~np.isnan(noise)] = Says.SHARPEN
        says[noise < CALM * limit] = Says.CLEAR
        says[noise >= limit] = Says.ACTIVE
        changed, verdicts = batch.settle_verdicts(state.verdict, says)
        who = batch.sensor[changed]
        numbers = {"declared": state.noise[who]}
        found = findings_at(batch, changed, verdicts, who, limit[changed], WHY, numbers, value=noise[changed])
        drawn = np.flatnonzero(~np.isnan(noise))
        column = Column.of("noise", "{unit}", batch.sensor[drawn], batch, drawn, noise[drawn])
        return Outcome(found, [column] if len(drawn) else [])

    @staticmethod
    def _groups(batch: Batch) -> Iterator[Indices]:
        return (rows for _, rows in batch.runs()) if along_time(batch) else batch.rounds()

    def _limit(self, state: State) -> Floats:
        declared = np.sqrt(state.noise**2 + state.quantum**2 / 12)
        limit: Floats = np.maximum(per_subject(self.factor, len(state.noise)) * declared, DITHER * state.quantum)
        return limit

    def _turn(self, state: State, batch: Batch, rows: Indices) -> Floats:
        """Fold one reading of each sensor: its noise now, NaN while it learns or where it was not compared."""
        who, value, time = batch.sensor[rows], batch.value[rows], batch.time[rows]
        near = ~np.isnan(state.last[who]) & (time - state.time[who] <= state.gap[who])
        kept = who[near]
        state.steps[kept, state.count[kept] % self.readings] = np.abs(value - state.last[who])[near]
        state.count[kept] += 1
        state.last[who], state.time[who] = value, time
        noise = np.full(len(rows), np.nan)
        ready = near & (state.count[who] >= self.readings)
        if ready.any():
            noise[ready] = spread(state.steps[who[ready]])
        return noise


    def _along(self, state: State, batch: Batch, rows: Indices) -> Floats:
        """Fold all readings of one sensor: as _turn, one after the other."""
        who, value, time = int(batch.sensor[rows[0]]), batch.value[rows], batch.time[rows]
        before = np.concatenate(([state.last[who]], value[:-1]))
        earlier = np.concatenate(([state.time[who]], time[:-1]))
        near = ~np.isnan(before) & (time - earlier <= state.gap[who])
        steps, had = np.abs(value - before)[near], int(state.count[who])
        kept = state.steps[who][np.arange(had - min(had, self.readings), had) % self.readings]
        both = np.concatenate((kept, steps))
        count = had + len(steps)
        state.count[who], state.last[who], state.time[who] = count, value[-1], time[-1]
        newest = np.arange(max(had, count - self.readings), count)
        state.steps[who, newest % self.readings] = both[len(both) - len(newest) :]
        noise, ready = np.full(len(rows), np.nan), min(len(steps), max(0, count - self.readings + 1))
        if ready:
            windows = np.lib.stride_tricks.sliding_window_view(both, self.readings)[-ready:]
            noise[np.flatnonzero(near)[-ready:]] = spread(windows)
        return noise


def spread(steps: Floats) -> Floats:
    """Standard deviation of one reading by absolute differences of neighbours (n, readings): median / 0.954."""
    middle: Floats = np.median(steps, axis=1) / NORMAL
    return middle
