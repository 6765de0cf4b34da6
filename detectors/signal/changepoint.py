"""A lasting change of the mean: when it was, from what to what. Bayesian online change point detection.

Constraints. For a few hundred critical sensors: about 5 us a reading where 60 or more come together, 0.2 ms where one
comes alone, 6 kB a sensor. Only good, new readings are taken, and time counts in readings. Correlated neighbours are
whitened (AR(1)) by what the first `learn` showed; a run is remembered by its newest `longest` readings. At the defaults
a step of 2 deviations is found after 8 readings, of 1 after 31 (3 of 4); a reading a minute alarms falsely 0.5 times a
sensor-month on t5 noise, 5 times on lognormal, on normal never in 21 months.
Cannot find: a change of the spread alone (signal.variance), one that turned back within `confirm` readings, one below
1.5 quanta. A ramp is several changes to it (signal.trend). What was there while it learned is normal to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.bocpd import Posterior, advance, begun, error_of_mean
from detectors.detector import Column, Finding, Outcome, PerSubject, Subjects, Verdict, findings_at, per_subject, whole
from detectors.reading import BLURS, Batch, Floats, Indices, Quality, Times
from detectors.says import Says
from detectors.state import SETTING

CALM = 0.5
"""Part of the confidence below which a change is over."""
SURE = 3.0
"""Standard errors that the two means must differ."""
ROUNDING = 1.5
"""Quanta below which a difference of means is rounding."""
GAP = 3.5
"""Intervals after which a reading is no neighbour of the one before."""
STRONGEST = 0.95
"""Correlation of neighbours beyond which learning does not believe."""
WIDTH = 64
"""Sensors side by side: so many fit into the nearest memory."""
FARTHEST = 1e9
"""Deviations; what is further counts so far, that squares stay finite."""
WHY: Mapping[str, Mapping[Verdict, str]] = {
    "rose": {Verdict.ACTIVE: "signal.changepoint.rose"},
    "fell": {Verdict.ACTIVE: "signal.changepoint.fell"},
    "else": {Verdict.CLEAR: "signal.changepoint.steady", Verdict.UNKNOWN: "signal.changepoint.no_value"},
}


@dataclass(slots=True)
class State:
    """(N,) unless said. Means and errors are in learned deviations from the learned mean, whitened."""

    verdict: NDArray[np.int8]
    time: Times
    """Device time of the newest reading taken."""
    last: Floats
    """Its value; NaN before the first."""
    count: NDArray[np.int64]
    """Readings taken."""
    origin: Floats
    """The learned mean."""
    square: Floats
    """Sum of squared deviations from it (Welford)."""
    steps: Floats
    """Sum of squared differences of neighbours."""
    pairs: NDArray[np.int64]
    scale: Floats
    """Deviation of what the neighbour before does not tell; NaN while it learns."""
    phi: Floats
    """Correlation of neighbours."""
    chance: Floats
    """(N, longest + 1), as the two below: see Posterior."""
    mean: Floats
    spread: Floats
    times: Times
    """(N, window) ring of device times."""
    settled: Floats
    """Mean of the likeliest run when no change was likely."""
    settled_error: Floats
    gap: Times = field(metadata=SETTING)
    floor: Floats = field(metadata=SETTING)
    """Least deviation: the rounding's."""
    quantum: Floats = field(metadata=SETTING)


@dataclass(frozen=True)
class Changepoint:
    """ACTIVE when a change of the mean within the last `window` readings is as likely as `confidence`.

    And the mean has moved by `limit` or more, and by 3 standard errors. CLEAR when such a change is half as likely: a
    step that stays ends `window` readings later and is then normal. Unknown while the first `learn` readings are
    learned. The columns are the probability and the level, the mean of the likeliest run.
    Source: Adams and MacKay 2007, Bayesian Online Changepoint Detection (shared reference: statistics 9).

        [rule.filter-step]
        sensors = ["dp-filter-1"]
        detector = { kind = "signal.changepoint", limit = "20 Pa", window = 60 }
        priority = "log"
        guidance = "Look for a torn bag or a changed damper at that time"
    """

    kind: ClassVar[str] = "signal.changepoint"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"probability": "1", "level": "{unit}"}

    limit: PerSubject = 0.0
    """Smallest change of the mean that matters."""
    confidence: PerSubject = 0.9
    hazard: PerSubject = 1e-5
    """Chance of a change at one reading, before anything is known."""
    window: int = 60
    """Readings."""
    confirm: int = 5
    """Readings since the change that it needs."""
    longest: int = 200
    """Readings."""
    learn: int = 300
    """Readings."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) >= 0).all():
            raise ValueError(f"limit is {self.limit}; give a change of 0 or more, like '20 Pa'")
        if not ((np.asarray(self.confidence) >= 0.5) & (np.asarray(self.confidence) < 1)).all():
            raise ValueError(f"confidence is {self.confidence}; give a part of 1, 0.5 or more (0.9 is usual)")
        if not ((np.asarray(self.hazard) >= 1e-9) & (np.asarray(self.hazard) <= 0.1)).all():
            raise ValueError(f"hazard is {self.hazard}; give a chance a reading, 1e-9 to 0.1 (1e-5 is usual)")
        if not 20 <= self.longest <= 500:
            raise ValueError(f"longest is {self.longest} readings; give 20 to 500 (200 is usual)")
        if not 1 <= self.confirm < self.window <= self.longest // 2:
            raise ValueError(
                f"confirm is {self.confirm}, window {self.window}; give 1 <= confirm < window <= {self.longest // 2},"
                " half of longest"
            )
        if not self.window < self.learn <= 1_000_000:
            raise ValueError(f"learn is {self.learn} readings; give more than the window, {self.window} (300 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, nothing learned."""
        n, every = len(subjects), subjects.interval
        quantum = np.nan_to_num(subjects.quantum)
        gap = np.where(every > 0, np.nan_to_num(every) * GAP * 1e9, 2.0**62)
        posterior = begun(n, self.longest, self.learn)
        return State(
            verdict=np.zeros(n, np.int8),
            time=np.full(n, np.iinfo(np.int64).min),
            last=np.full(n, np.nan),
            count=np.zeros(n, np.int64),
            origin=np.zeros(n),
            square=np.zeros(n),
            steps=np.zeros(n),
            pairs=np.zeros(n, np.int64),
            scale=np.full(n, np.nan),
            phi=np.zeros(n),
            chance=posterior.chance,
            mean=posterior.mean,
            spread=posterior.spread,
            times=np.zeros((n, self.window), np.int64),
            settled=np.zeros(n),
            settled_error=np.zeros(n),
            gap=gap.astype(np.int64),
            floor=quantum / np.sqrt(12.0),
            quantum=quantum,
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Round by round: in each no sensor repeats, so a round is one vector step."""
        told = Told(batch)
        for turn in batch.rounds():
            rows = turn[batch.good[turn] & (batch.time[turn] > state.time[batch.sensor[turn]])]
            for k in range(0, len(rows), WIDTH):
                self._turn(state, batch, rows[k : k + WIDTH], told)
        changed, verdicts = batch.settle_verdicts(state.verdict, told.says)
        drawn = np.flatnonzero(~np.isnan(told.level))
        columns = [
            Column.of(name, self.columns[name], batch.sensor[drawn], batch, drawn, values[drawn])
            for name, values in (("probability", told.probability), ("level", told.level))
        ]
        found = self._findings(batch, changed, verdicts, told, len(state.verdict))
        return Outcome(found, columns if len(drawn) else [])

    def _turn(self, state: State, batch: Batch, rows: Indices, told: Told) -> None:
        """Fold one reading of each sensor."""
        who, value, time = batch.sensor[rows], batch.value[rows], batch.time[rows]
        near = ~np.isnan(state.last[who]) & (time - state.time[who] <= state.gap[who])
        state.times[who, state.count[who] % self.window] = time
        state.count[who] += 1
        known = ~np.isnan(state.scale[who])
        if known.any():
            self._judge(state, rows[known], who[known], self._whitened(state, who, value, near)[known], told)
        if not known.all():
            self._learn(state, who[~known], value[~known], near[~known])
        state.last[who], state.time[who] = value, time

    @staticmethod
    def _whitened(state: State, who: Indices, value: Floats, near: NDArray[np.bool_]) -> Floats:
        """What the reading before does not tell of each; after a gap, what the settled level does not."""
        phi, scale = state.phi[who], state.scale[who]
        settled = state.settled[who] * scale / (1 - phi)
        before = np.where(near, state.last[who] - state.origin[who], settled)
        x: Floats = np.clip((value - state.origin[who] - phi * before) / scale, -FARTHEST, FARTHEST)
        return x

    def _judge(self, state: State, rows: Indices, who: Indices, x: Floats, told: Told) -> None:
        n = len(state.verdict)
        hazard, confidence = per_subject(self.hazard, n)[who], per_subject(self.confidence, n)[who]
        rounding = (state.floor[who] / state.scale[who]) ** 2
        posterior = advance(Posterior(state.chance[who], state.mean[who], state.spread[who]), x, hazard, rounding)
        state.chance[who], state.mean[who], state.spread[who] = posterior
        confirmed = posterior.chance[:, self.confirm : self.window + 1]
        place, length = np.arange(len(who)), confirmed.argmax(axis=1) + self.confirm
        probability = np.minimum(posterior.chance[:, 1 : self.window + 1].sum(axis=1), 1.0)
        moved, error = posterior.mean[place, length] - state.settled[who], error_of_mean(posterior, length)
        unit = state.scale[who] / (1 - state.phi[who])
        least = np.maximum(per_subject(self.limit, n)[who], ROUNDING * state.quantum[who])
        surely = np.abs(moved) >= SURE * np.hypot(error, state.settled_error[who])
        active = (confirmed.sum(axis=1) >= confidence) & surely & (np.abs(moved) * unit >= least)
        calm = probability < CALM * confidence
        told.says[rows] = np.where(active, int(Says.ACTIVE), np.where(calm, int(Says.CLEAR), int(Says.SHARPEN)))
        told.probability[rows] = probability
        told.before[rows] = state.origin[who] + state.settled[who] * unit
        told.after[rows] = state.origin[who] + (state.settled[who] + moved) * unit
        told.changed[rows] = state.times[who, (state.count[who] - length) % self.window] / 1e9
        likeliest = posterior.chance.argmax(axis=1)
        level = posterior.mean[place, likeliest]
        told.level[rows] = state.origin[who] + level * unit
        state.settled[who[calm]] = level[calm]
        state.settled_error[who[calm]] = error_of_mean(posterior, likeliest)[calm]

    def _learn(self, state: State, who: Indices, value: Floats, near: NDArray[np.bool_]) -> None:
        """Take a reading into mean, deviation and correlation; freeze them when there are enough."""
        apart = value - state.origin[who]
        state.origin[who] += apart / state.count[who]
        state.square[who] += apart * (value - state.origin[who])
        paired = who[near]
        steps = value[near] - state.last[paired]
        state.steps[paired] += steps * steps
        state.pairs[paired] += 1
        done = who[state.count[who] >= self.learn]
        if len(done):
            self._conclude(state, done)

    def _conclude(self, state: State, who: Indices) -> None:
        """Neighbours' differences tell phi (von Neumann 1941: their mean square is 2 variance (1 - phi)).

        A sensor that never moved learns on.
        """
        variance, pairs = state.square[who] / (state.count[who] - 1), np.maximum(state.pairs[who], 1)
        moves = variance > state.floor[who] ** 2
        phi = 1.0 - state.steps[who] / pairs / (2 * np.where(moves, variance, 1.0))
        phi = np.where(moves & (phi > 2 / np.sqrt(pairs)), np.minimum(phi, STRONGEST), 0.0)
        scale = np.maximum(np.sqrt(variance * (1 - phi * phi)), state.floor[who])
        state.phi[who], state.scale[who] = phi, np.where(scale > 0, scale, np.nan)

    def _findings(
        self, batch: Batch, rows: Indices, verdicts: NDArray[np.int8], told: Told, subjects: int
    ) -> list[Finding]:
        """Those that raise say when, from what and to what."""
        raised, rose = verdicts == Verdict.ACTIVE, told.after[rows] > told.before[rows]
        limit = per_subject(self.limit, subjects)
        shown = np.where(limit > 0, limit, np.nan)
        found: list[Finding] = []
        for key, chosen in (("rose", raised & rose), ("fell", raised & ~rose), ("else", ~raised)):
            k = rows[chosen]
            names = ("probability", "changed", "before", "after") if key != "else" else ()
            numbers = {name: getattr(told, name)[k] for name in names}
            found += findings_at(
                batch, k, verdicts[chosen], batch.sensor[k], shown[batch.sensor[k]], WHY[key], numbers, told.level[k]
            )
        return whole(found)


class Told:
    """(M,) each: what the rows of a batch say. `changed` in s since 1970."""

    def __init__(self, batch: Batch) -> None:
        self.says = np.where((batch.quality & BLURS) != 0, Says.BLUR, Says.NOTHING).astype(np.uint8)
        nothing = np.full((5, len(batch)), np.nan)
        self.probability, self.level, self.before, self.after, self.changed = nothing
