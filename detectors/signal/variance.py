"""Noisier or quieter than a sensor's own past: F-test of blocks of pairs of neighbours against a frozen baseline.

Constraints. A block is told when it is full. Its variance is that of differences around their own mean, so a steady
trend is no noise, and one spike or step moves it little. The baseline is learned once: where a change is right and
lasts, start the rule anew. Only good readings are taken, and no pair reaches across a gap.
Cannot find: a small change soon (at the defaults and a reading a minute a block shows twice the noise with 94 %, 1.4
times with 16 %, half of it with 61 %); noise slower than the readings come; noise that its quantum hides (more than 2
in 5 neighbours agree: it goes on learning). Noise that grows with the value it takes for a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from detectors.detector import Column, Finding, Outcome, PerSubject, Subjects, Verdict, findings_at, per_subject, whole
from detectors.pairs import Blocks, Pairs, empty, sums, take, variance_of
from detectors.reading import Batch, Floats, Indices, Quality
from detectors.says import Says
from detectors.state import SETTING
from detectors.wished import chance_of

CLIP = 4.0
"""Usual standard deviations from the block's median beyond which a difference counts as so much."""
ODD = 1e-3
"""A learned block that only so few are as far from the median of them is left out."""
ALIKE = 0.75
"""Part of the learned blocks that must be alike, or it learns again."""
AGREE = 0.4
"""Part of neighbours that may agree: those of a deviation of 0.6 quanta do, and less says more of the quantum."""
HIDDEN = 0.6
"""Quanta below which a declared noise is hidden."""
COMMISSIONED = 1e9
"""Degrees of freedom of a declared noise."""
CALM = 0.5
"""Part of the limit, as a logarithm, within which a change has ended."""
NOISIER: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "signal.variance.noisier",
    Verdict.CLEAR: "signal.variance.as_usual",
    Verdict.UNKNOWN: "signal.variance.learning",
}
QUIETER: Mapping[Verdict, str] = {**NOISIER, Verdict.ACTIVE: "signal.variance.quieter"}


@dataclass(slots=True)
class State(Pairs):
    """(N,) each unless said, besides the pairs."""

    past: Floats
    """(N, learn / readings) variances of learned blocks."""
    blocks: NDArray[np.int64]
    agree: NDArray[np.int64]
    """Differences of 0 in them."""
    usual: Floats
    """Learned variance of a difference; NaN until it is."""
    freedom: Floats
    """Degrees of freedom behind it."""
    declared: Floats = field(metadata=SETTING)
    """Declared variance of a difference; NaN where it is learned."""
    lower: Floats = field(metadata=SETTING)
    """Ratio of variances at or below which a block is quieter; worked out when first needed, NaN until then."""
    upper: Floats = field(metadata=SETTING)
    chance: Floats = field(metadata=SETTING)
    """Part of blocks beyond either limit by chance."""


@dataclass(frozen=True)
class Variance:
    """ACTIVE when the noise of `readings` readings is beyond what the usual one explains, CLEAR when it is within half
    of that (as a logarithm).

    The usual noise is learned from the first `learn` readings, blocks with a spike or step left out, and frozen;
    `noise` declares it instead (one reading's standard deviation). Limits are quantiles of Fisher's F (chi-square for a
    declared noise) that normal readings pass `false_alarms` times a sensor-month; or `factor`, the ratio of noises.
    Positively correlated readings (AR(1)) keep them, for pairs that share no reading hardly correlate; negatively
    correlated ones do not (phi -0.5: some 5 times as many), nor do heavy tails (t, 5 degrees of freedom: 15 times).
    `quieter` finds a sensor about to stick, or a filter that somebody put in. The columns are the noise of each block
    and its ratio to the usual.
    Source: Fisher's F-test; von Neumann 1941 on differences of neighbours; limits as in the shared reference's
    performance 8.

        [rule.co-noise]
        sensors = ["co-2105"]
        detector = { kind = "signal.variance", false_alarms = 0.04, readings = 60, learn = 1200 }
        priority = "log"
        guidance = "Quieter: look for a filter, a blocked inlet; noisier: plug, damp, interference"
    """

    kind: ClassVar[str] = "signal.variance"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"noise": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"noise": "{unit}", "ratio": "1"}

    false_alarms: PerSubject = 0.04
    """A sensor-month, both sides together."""
    factor: PerSubject = float("nan")
    """Of the usual noise, or its inverse; NaN: by false_alarms."""
    noise: PerSubject = float("nan")
    """NaN: learned."""
    side: Literal["noisier", "quieter", "either"] = "either"
    readings: int = 60
    """A block."""
    learn: int = 1200
    """Readings."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.false_alarms) > 0).all():
            raise ValueError(f"false_alarms is {self.false_alarms}; give a number a sensor-month above 0, like 0.04")
        if (np.asarray(self.factor) <= 1).any():
            raise ValueError(f"factor is {self.factor}; give a ratio of noises above 1, like 2, or leave it out")
        if (np.asarray(self.noise) <= 0).any():
            raise ValueError(f"noise is {self.noise}; give the standard deviation of one reading, or leave it out")
        if self.side not in ("noisier", "quieter", "either"):
            raise ValueError(f"side is {self.side!r}; give 'noisier', 'quieter' or 'either'")
        if not 20 <= self.readings <= 500 or self.readings % 2:
            raise ValueError(f"readings is {self.readings}; give an even number from 20 to 500 (60 is usual)")
        if not 10 <= self.learn / self.readings <= 500:
            raise ValueError(f"learn is {self.learn}; give 10 to 500 times the readings of a block (1200 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where no limit can be had."""
        n = len(subjects)
        declared = 2 * (per_subject(self.noise, n) ** 2 + np.nan_to_num(subjects.quantum) ** 2 / 12)
        for k in np.flatnonzero(per_subject(self.noise, n) < HIDDEN * subjects.quantum).tolist():
            raise ValueError(
                f"{subjects.input_id[k]} has a quantum of {subjects.quantum[k]:g}, which hides the noise; give a"
                f" noise of {HIDDEN:g} quanta or more"
            )
        return State(
            **empty(subjects, self.readings // 2),
            past=np.zeros((n, self.learn // self.readings)),
            blocks=np.zeros(n, np.int64),
            agree=np.zeros(n, np.int64),
            usual=np.full(n, np.nan),
            freedom=np.zeros(n),
            declared=declared,
            lower=np.full(n, np.nan),
            upper=np.full(n, np.nan),
            chance=self._chance(subjects),
        )

    def _chance(self, subjects: Subjects) -> Floats:
        asked = np.isnan(per_subject(self.factor, len(subjects)))
        both = chance_of(self.false_alarms, subjects, asked, self.readings, "factor")
        return both / 2 if self.side == "either" else both

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Pairs of all sensors at once; then the few blocks that are full."""
        full = take(state, batch)
        if not len(full.rows):
            return Outcome()
        known = _learn(state, full)
        usual = np.where(known, _usual(state, full.who), np.nan)
        variance = variance_of(full.pairs, np.where(known, CLIP * np.sqrt(usual), np.inf))
        self._limits(state, full.who[known])
        findings = self._findings(state, batch, full, variance, usual)
        shown = {"noise": np.sqrt(variance / 2), "ratio": np.sqrt(variance / usual)}
        return Outcome(findings, _columns(batch, full, shown))

    def _limits(self, state: State, who: Indices) -> None:
        """Those of sensors that had none yet."""
        who = np.unique(who[np.isnan(state.lower[who])])
        if not len(who):
            return
        freedom = np.where(np.isnan(state.declared[who]), state.freedom[who], COMMISSIONED)
        lower, upper = quantiles(state.chance[who], self.readings // 2 - 1, freedom)
        factor = per_subject(self.factor, len(state.verdict))[who]
        given = ~np.isnan(factor)
        lower, upper = np.where(given, factor**-2, lower), np.where(given, factor**2, upper)
        state.lower[who] = 0.0 if self.side == "noisier" else lower
        state.upper[who] = np.inf if self.side == "quieter" else upper

    def _findings(self, state: State, batch: Batch, full: Blocks, variance: Floats, usual: Floats) -> list[Finding]:
        ratio, lower, upper = variance / usual, state.lower[full.who], state.upper[full.who]
        says = np.zeros(len(batch), np.uint8)
        said = np.where(np.isnan(ratio), Says.NOTHING, Says.SHARPEN)
        said[(ratio > lower**CALM) & (ratio < upper**CALM)] = Says.CLEAR
        said[(ratio >= upper) | (ratio <= lower)] = Says.ACTIVE
        says[full.rows] = said
        rows, verdicts = batch.settle_verdicts(state.verdict, says)
        place = np.zeros(len(batch), np.intp)
        place[full.rows] = np.arange(len(full.rows))
        k = place[rows]
        quieter, active = ratio[k] <= lower[k], verdicts == Verdict.ACTIVE
        limit = np.where(active, np.sqrt(usual[k] * np.where(quieter, lower[k], upper[k]) / 2), np.nan)
        told = {"usual": np.sqrt(usual[k] / 2), "ratio": np.sqrt(ratio[k])}
        found, noise = [], np.sqrt(variance[k] / 2)
        for why, chosen in ((NOISIER, ~quieter), (QUIETER, quieter)):
            numbers = {name: values[chosen] for name, values in told.items()}
            found += findings_at(
                batch, rows[chosen], verdicts[chosen], full.who[k][chosen], limit[chosen], why, numbers, noise[chosen]
            )
        return whole(found)


def _columns(batch: Batch, full: Blocks, shown: Mapping[str, Floats]) -> list[Column]:
    """In the log's order; a ratio only where the usual noise is known."""
    out, order = [], np.argsort(full.rows)
    for name, values in shown.items():
        k = order[~np.isnan(values[order])]
        if len(k):
            out.append(Column.of(name, Variance.columns[name], full.who[k], batch, full.rows[k], values[k]))
    return out


def quantiles(chance: Floats, freedom: float, usual_freedom: Floats) -> tuple[Floats, Floats]:
    """Ratios of variances that normal noise is at or below, at or above, with probability `chance` each: Fisher's F."""
    lower = np.asarray(scipy.special.fdtri(freedom, usual_freedom, chance), np.float64)
    upper = np.asarray(scipy.special.fdtri(usual_freedom, freedom, chance), np.float64)
    return lower, 1.0 / upper


def _usual(state: State, who: Indices) -> Floats:
    """Variance of a difference as declared, else as learned."""
    return np.where(np.isnan(state.declared[who]), state.usual[who], state.declared[who])


def _learn(state: State, full: Blocks) -> NDArray[np.bool_]:
    """(K,) whether a block is judged; those of sensors whose usual noise is not known yet teach it instead."""
    known = ~np.isnan(_usual(state, full.who))
    teaching = np.flatnonzero(~known)
    for now in np.unique(full.turn[teaching]).tolist():
        chosen = teaching[full.turn[teaching] == now]
        known[chosen] = ~np.isnan(state.usual[full.who[chosen]])
        chosen = chosen[~known[chosen]]
        who, pairs = full.who[chosen], full.pairs[chosen]
        state.past[who, state.blocks[who]] = variance_of(pairs, np.full(len(who), np.inf))
        state.agree[who] += (pairs == 0).sum(axis=1)
        state.blocks[who] += 1
        _conclude(state, who[state.blocks[who] == state.past.shape[1]])
    return known


def _conclude(state: State, who: Indices) -> None:
    """Freeze the mean variance of the blocks that are alike; begin again where few are, or the quantum hides it."""
    if not len(who):
        return
    past, size = state.past[who], state.pairs.shape[1]
    middle = np.median(past, axis=1)[:, None]
    _, odd = quantiles(np.array(ODD), size - 1, np.array(size - 1.0))
    alike = (past <= odd * middle) & (past * odd >= middle)
    kept = alike.sum(axis=1)
    count = past.shape[1]
    seen = (middle[:, 0] > 0) & (kept >= ALIKE * count) & (state.agree[who] <= AGREE * count * size)
    state.usual[who] = np.where(seen, sums(np.where(alike, past, 0.0)) / np.maximum(kept, 1), np.nan)
    state.freedom[who] = kept * (size - 1.0)
    state.blocks[who], state.agree[who] = 0, 0
