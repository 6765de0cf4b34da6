"""A reading beyond the tail of its own sensor's past: streaming peaks over threshold.

Constraints. Its limit comes from the wished false alarms a sensor-month, so a calm sensor and a wild one alarm falsely
as often: measured over sensors of normal, t5, exponential and lognormal noise after 10,000 readings, 0.9 to 1.4 times
the wish at 4 a month of a reading a minute, 0.9 to 2 at 0.4, 0.7 to 3 at 0.04, where one sensor's own rate still
scatters widely and more learning helps. Correlated readings and a coarse quantum alarm more rarely. The threshold is
the least of the `peaks` greatest good readings and rises, until it comes near the limit; then nothing more is learned,
and never while it is ACTIVE.
Cannot find: a small lasting shift (signal.cusum), what was there while it learned, a noise that grows slowly (it is
learned). Without `memory` a drift is learned or alarms for ever; with it, a drift slower than the memory is unseen. A
tail without variance (Cauchy) alarms some 10 times too often.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Finding, Outcome, PerSubject, Subjects, Verdict, findings_at, whole
from detectors.pareto import fit, predicted_excess, survival
from detectors.preceding import along_time
from detectors.reading import BLURS, Batch, Bools, Floats, Indices, Quality, Times
from detectors.says import Says
from detectors.state import SETTING
from detectors.wished import chance_of

FURTHEST = 1_000
"""The wished time between false alarms may be so many times what was learned: no tail says more."""
NEAR = 0.005
"""Learning ends when the limit is passed by this part of what passes the threshold: gated readings would be missed."""
TOO_NEAR = 0.5
"""More than this part, and what was learned needs no tail."""
REFIT = 10
"""A fit is made anew when this part of the peaks has been replaced: one in so many."""
GOLDEN = 0.6180339887498949
"""Multiples of it fall evenly into [0, 1): quantised readings are spread over their quantum by it."""
MANY = 40
"""Sensors from which working across them is cheaper, however many readings each brings."""
RAISES, CLEARS, SHARPENS = int(Says.ACTIVE), int(Says.CLEAR), int(Says.SHARPEN)
LONGEST = 3.15e9
"""s; a hundred years, beyond which no return period is told."""


@dataclass(slots=True)
class State:
    """(N,) unless said; heights are of values, or of values from their level, that point up to the alarm."""

    verdict: NDArray[np.int8]
    time: Times
    """Device time of the newest reading taken."""
    count: NDArray[np.int64]
    """Readings learned from."""
    level: Floats
    """NaN before the first reading; 0 without a memory."""
    peaks: Floats
    """(N, peaks) the greatest heights, in no order; -inf where there is none yet."""
    least: Floats
    """The least of them."""
    fresh: NDArray[np.int64]
    """Peaks replaced since the last fit."""
    threshold: Floats
    """Of the last fit, as are the four below; NaN before the first."""
    scale: Floats
    shape: Floats
    limit: Floats
    made_for: Floats
    """The chance that it was made for: a revision may wish another."""
    chance: Floats = field(metadata=SETTING)
    """Wished probability of a false alarm at one reading."""
    enough: Floats = field(metadata=SETTING)
    """Readings from which nothing is gained by more: the threshold is near the limit."""
    interval: Floats = field(metadata=SETTING)
    quantum: Floats = field(metadata=SETTING)


class Told:
    """(M,) each: what the rows of a batch say, the limit they met, and the return period of those beyond it."""

    def __init__(self, batch: Batch) -> None:
        self.says = np.where((batch.quality & BLURS) != 0, Says.BLUR, Says.NOTHING).astype(np.uint8)
        self.limit, self.once = np.full(len(batch), np.nan), np.full(len(batch), np.nan)


def dithered(height: Any, count: Any, quantum: Any) -> Any:
    """The height spread evenly over its quantum, by the reading's number: no chance needed."""
    return height + quantum * (count * GOLDEN % 1.0 - 0.5)


@dataclass(frozen=True)
class Tail:
    """ACTIVE at a reading that chance alone would pass `false_alarms` times a month, CLEAR below the threshold.

    Unknown while the first `learn` readings are learned, and while most peaks are one value (give the sensor's
    `quantum`). The excesses over the threshold are fitted by a generalised Pareto distribution, and the doubt of the
    fit is in the limit. With a `memory` (readings) heights count from a mean that follows while it is calm. After a
    lasting change, start the rule anew. The column is the limit now.
    Source: Pickands 1975; Hosking and Wallis 1987; Siffer et al. 2017 (SPOT) (shared reference: statistics 12).

        [rule.co-beyond]
        sensors = ["co-2105"]
        detector = { kind = "signal.tail", false_alarms = 0.04, learn = 20000 }
        priority = "log"
        guidance = "Look at the trend and at the neighbours"
    """

    kind: ClassVar[str] = "signal.tail"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"limit": "{unit}"}

    false_alarms: PerSubject = 0.04
    """A sensor-month."""
    side: Literal["above", "below"] = "above"
    learn: int = 10_000
    """Readings; better a whole week than a night."""
    peaks: int = 200
    memory: int = 0
    """Readings; 0: heights are the values themselves."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.false_alarms) > 0).all():
            raise ValueError(f"false_alarms is {self.false_alarms}; give a number a sensor-month above 0, like 0.04")
        if self.side not in ("above", "below"):
            raise ValueError(f"side is {self.side!r}; give 'above' or 'below'")
        if not 50 <= self.peaks <= 1_000:
            raise ValueError(f"peaks is {self.peaks}; give 50 to 1000 (200 is usual)")
        if not 20 * self.peaks <= self.learn <= 10_000_000:
            raise ValueError(
                f"learn is {self.learn} readings; give {20 * self.peaks} to 10000000: 20 times the {self.peaks} peaks"
            )
        if self.memory and not 100 <= self.memory <= self.learn:
            raise ValueError(f"memory is {self.memory} readings; give 0 (none), or 100 to learn ({self.learn})")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where the wished rarity has no meaning or cannot be learned."""
        n = len(subjects)
        nothing, chance = np.full(n, np.nan), self._feasible(subjects)
        return State(
            verdict=np.zeros(n, np.int8),
            time=np.full(n, np.iinfo(np.int64).min),
            count=np.zeros(n, np.int64),
            level=nothing.copy() if self.memory else np.zeros(n),
            peaks=np.full((n, self.peaks), -np.inf),
            least=np.full(n, -np.inf),
            fresh=np.zeros(n, np.int64),
            threshold=nothing.copy(),
            scale=nothing.copy(),
            shape=nothing.copy(),
            limit=nothing.copy(),
            made_for=nothing,
            chance=chance,
            enough=np.maximum(self.learn, NEAR * self.peaks / chance),
            interval=subjects.interval,
            quantum=np.nan_to_num(subjects.quantum),
        )

    def _feasible(self, subjects: Subjects) -> Floats:
        chance = chance_of(self.false_alarms, subjects, np.ones(len(subjects), np.bool_), 1, "another detector")
        most, least = TOO_NEAR * self.peaks / chance, 1 / (FURTHEST * chance)
        for k in np.flatnonzero((self.learn > most) | (self.learn < least)).tolist():
            raise ValueError(
                f"learn is {self.learn} readings of {subjects.input_id[k]}, one in {1 / chance[k]:.0f} may alarm;"
                f" give learn from {least[k]:.0f} to {most[k]:.0f}, or other false_alarms"
            )
        return chance

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Round by round across sensors, or run by run along time, whichever is cheaper; the same to the last bit."""
        revised = np.flatnonzero(~np.isnan(state.limit) & (state.made_for != state.chance))
        if len(revised):
            self._refit(state, revised)
        told = Told(batch)
        active = state.verdict == Verdict.ACTIVE
        if along_time(batch) and len(batch.runs()) < MANY:
            for sensor, rows in batch.runs():
                self._along(state, batch, sensor, rows[batch.good[rows]], bool(active[sensor]), told)
        else:
            for turn in batch.rounds():
                rows = turn[batch.good[turn] & (batch.time[turn] > state.time[batch.sensor[turn]])]
                self._turn(state, batch, rows, active, told)
        changed, verdicts = batch.settle_verdicts(state.verdict, told.says)
        found = self._findings(batch, changed, verdicts, told)
        drawn = np.flatnonzero(~np.isnan(told.limit))
        column = Column.of("limit", "{unit}", batch.sensor[drawn], batch, drawn, told.limit[drawn])
        return Outcome(found, [column] if len(drawn) else [])

    def _findings(self, batch: Batch, rows: Indices, verdicts: NDArray[np.int8], told: Told) -> list[Finding]:
        """Those that raise say how rare such a height is."""
        found: list[Finding] = []
        for raises in (True, False):
            k = np.flatnonzero((verdicts == Verdict.ACTIVE) == raises)
            numbers = {"once": told.once[rows[k]]} if raises else None
            who, limit = batch.sensor[rows[k]], told.limit[rows[k]]
            found += findings_at(batch, rows[k], verdicts[k], who, limit, self._why(), numbers)
        return whole(found)

    def _turn(self, state: State, batch: Batch, rows: Indices, active: Bools, told: Told) -> None:
        """Judge and learn one reading of each sensor."""
        who, value = batch.sensor[rows], self._up * batch.value[rows]
        level, limit, threshold = state.level[who], state.limit[who], state.threshold[who]
        height = value - level
        over = height - state.quantum[who] / 2 > limit
        calm = height < threshold
        stands = over | (active[who] & ~calm)
        active[who], state.time[who] = stands, batch.time[rows]
        judged = ~np.isnan(limit)
        words = np.where(over, RAISES, np.where(calm, CLEARS, SHARPENS))
        told.says[rows[judged]] = words[judged]
        told.limit[rows[judged]] = self._up * (level + limit)[judged]
        told.once[rows[over]] = self._return_period(state, who[over], height[over])
        begun = ~np.isnan(level)
        learns = begun & ~stands & (state.count[who] < state.enough[who])
        self._learn(state, who[learns], height[learns])
        if self.memory:
            follows = begun & ~stands
            weight = np.minimum(state.count[who] + 1, self.memory)
            state.level[who] = np.where(begun, np.where(follows, level + height / weight, level), value)

    def _along(self, state: State, batch: Batch, who: int, rows: Indices, active: bool, told: Told) -> None:
        """Judge and learn the readings of one sensor: as _turn, one after the other."""
        sensor, up, memory, half = np.array([who]), self._up, self.memory, float(state.quantum[who]) / 2
        newest, level, enough = int(state.time[who]), float(state.level[who]), float(state.enough[who])
        count, least, quantum = int(state.count[who]), float(state.least[who]), float(state.quantum[who])
        fresh, refit = int(state.fresh[who]), self.peaks // REFIT
        limit, threshold = float(state.limit[who]), float(state.threshold[who])
        judged: list[tuple[int, int, float]] = []
        for row, time, value in zip(rows.tolist(), batch.time[rows].tolist(), batch.value[rows].tolist(), strict=True):
            if time <= newest:
                continue
            newest = time
            if level != level:
                level = up * value
                continue
            height = up * value - level
            over, calm = height - half > limit, height < threshold
            active = over or (active and not calm)
            if limit == limit:
                judged.append((row, RAISES if over else CLEARS if calm else SHARPENS, up * (level + limit)))
            if over:
                state.count[who] = count
                told.once[row] = self._return_period(state, sensor, np.array([height]))[0]
            if active:
                continue
            if count < enough:
                count += 1
                spread = dithered(height, count, quantum) if quantum else height
                if spread > least or (count >= self.learn and fresh >= refit):
                    state.count[who] = count - 1
                    self._learn(state, sensor, np.array([height]))
                    least, fresh = float(state.least[who]), int(state.fresh[who])
                    limit, threshold = float(state.limit[who]), float(state.threshold[who])
            if memory:
                level += height / min(count + 1, memory)
        state.time[who], state.level[who], state.count[who] = newest, level, count
        if judged:
            places, says, limits = map(np.array, zip(*judged, strict=True))
            told.says[places], told.limit[places] = says, limits

    def _learn(self, state: State, who: Indices, height: Floats) -> None:
        """Count a height of each sensor, keep it if it is one of the greatest, and fit anew where it is time."""
        state.count[who] += 1
        height = dithered(height, state.count[who], state.quantum[who])
        great = height > state.least[who]
        kept = who[great]
        if len(kept):
            peaks = state.peaks[kept]
            peaks[np.arange(len(kept)), peaks.argmin(axis=1)] = height[great]
            state.peaks[kept], state.least[kept] = peaks, peaks.min(axis=1)
            state.fresh[kept] += 1
        due = who[(state.count[who] >= self.learn) & (state.fresh[who] >= self.peaks // REFIT)]
        if len(due):
            self._refit(state, due)

    def _refit(self, state: State, who: Indices) -> None:
        """Threshold, tail and limit of the peaks as they are; as before where half of them are one value."""
        state.fresh[who] = 0
        peaks = np.sort(state.peaks[who], axis=1)
        apart = peaks[:, self.peaks // 2] > peaks[:, 0]
        who, peaks = who[apart], peaks[apart]
        excesses = peaks[:, 1:] - peaks[:, :1]
        state.threshold[who] = peaks[:, 0]
        state.scale[who], state.shape[who] = scale, shape = fit(excesses)
        share = state.chance[who] * state.count[who] / self.peaks
        state.made_for[who] = state.chance[who]
        state.limit[who] = peaks[:, 0] + predicted_excess(scale, shape, self.peaks - 1, share)

    def _return_period(self, state: State, who: Indices, height: Floats) -> Floats:
        """s in which the tail passes such a height once on the mean."""
        beyond = survival(height - state.threshold[who], state.scale[who], state.shape[who])
        chance = beyond * self.peaks / state.count[who]
        return np.minimum(state.interval[who] / np.maximum(chance, 1e-300), LONGEST)

    @property
    def _up(self) -> float:
        return 1.0 if self.side == "above" else -1.0

    def _why(self) -> Mapping[Verdict, str]:
        return {
            Verdict.ACTIVE: f"signal.tail.{self.side}",
            Verdict.CLEAR: "signal.tail.within",
            Verdict.UNKNOWN: "signal.tail.no_value",
        }
