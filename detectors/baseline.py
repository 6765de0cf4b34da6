"""What is normal for a sensor: mean, deviation and AR(1) coefficient, declared, or learned once and then frozen.

Constraints. What has been learned moves no more: a chart on it cannot swallow the drift that it should find. Learning
takes the median of five blocks, so what happens in two of them does not count. Readings across a gap are no neighbours.
Not a detector. A drift while it learned is in it. A sensor that did not move, without quantum and noise, learns again,
and so does one whose neighbours correlate so much (above 0.95, or too much for so few readings) that no limit holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.detector import PerSubject, Subjects, per_subject
from detectors.preceding import newest, preceding
from detectors.reading import Batch, Bools, Floats, Indices, Times
from detectors.run_length import Unsure
from detectors.state import SETTING

GAP = 3.5
"""Intervals after which a reading is no neighbour of the one before."""
STRONGEST = 0.95
"""AR(1) coefficient beyond which there is no baseline."""
BLOCKS = 5
LOSS, LOSS_OF_SPREAD = 1.434, 1.6
"""Variance of the median of five blocks over that of all readings together: of the mean; of deviation and phi, which
are not quite normal (measured)."""
PHIS = np.array([0.1, 0.3, 0.5, 0.7, 0.85, STRONGEST])
"""A chart's limit is known for these: what is learned of more correlated readings is less sure."""
NEVER = np.iinfo(np.int64).min


@dataclass(slots=True)
class Baseline:
    """(N,) each. What is declared or learned is in `mean`, `phi`, `gain`, `limit`; the rest is for learning."""

    verdict: NDArray[np.int8]
    last: Floats
    """Newest good reading; 0 before the first."""
    until: Times
    """Device time until which the next is its neighbour."""
    learned: Floats
    """(N, 3): mean, deviation, phi; NaN until learned."""
    blocks: Floats
    """(N, BLOCKS, 3): mean, variance, half the mean squared step; NaN until filled."""
    count: NDArray[np.int64]
    """Readings of the block that is being filled."""
    centre: Floats
    square: Floats
    """Sum of squared deviations from the centre (Welford)."""
    steps: Floats
    """Sum of squared differences of neighbours."""
    pairs: NDArray[np.int64]
    mean: Floats = field(metadata=SETTING)
    phi: Floats = field(metadata=SETTING)
    known: Bools = field(metadata=SETTING)
    """False while learning: then gain, echo and offset are 0."""
    gain: Floats = field(metadata=SETTING)
    """1 / (deviation sqrt(1 - phi^2)); z = gain x - echo x_before - offset."""
    echo: Floats = field(metadata=SETTING)
    offset: Floats = field(metadata=SETTING)
    gap: Times = field(metadata=SETTING)
    floor: Floats = field(metadata=SETTING)
    """Least deviation learned: the declared one, the declared noise, one quantum."""
    declared: Floats = field(metadata=SETTING)
    """(N, 3): mean, deviation, phi; NaN is learned."""
    limits: Floats = field(metadata=SETTING)
    """(N, PHIS) in sigma, by how much neighbours correlate; NaN where none is low enough to be of use."""
    limit: Floats = field(metadata=SETTING)
    """The one of `limits` that holds."""


class Rows(NamedTuple):
    """Good readings of a batch with what each needs: whose, and the reading before. (K,) each."""

    rows: Indices | slice
    who: Indices | slice
    value: Floats
    last: Floats
    near: Bools
    """False where the reading before is too long ago."""


def check_baseline(mean: PerSubject, sigma: PerSubject, phi: PerSubject, learn: int, clip: float) -> None:
    """Raises ValueError for parameters of a baseline that cannot be meant."""
    if np.isinf(mean).any():
        raise ValueError(f"mean is {mean}; give a number, or leave it out to have it learned")
    if (np.asarray(sigma) <= 0).any() or np.isinf(sigma).any():
        raise ValueError(f"sigma is {sigma}; give a standard deviation above 0, or leave it out to have it learned")
    if ((np.asarray(phi) < 0) | (np.asarray(phi) > STRONGEST)).any():
        raise ValueError(f"phi is {phi}; give the correlation of neighbours, 0 to {STRONGEST}, or leave it out")
    if not 100 <= learn <= 1_000_000:
        raise ValueError(f"learn is {learn} readings; give 100 to 1000000 (1000 is usual)")
    if not 2 <= clip <= 100:
        raise ValueError(f"clip is {clip} sigma; give 2 to 100 (4 is usual)")


def fresh(subjects: Subjects, mean: PerSubject, sigma: PerSubject, phi: PerSubject) -> dict[str, Any]:
    """The arrays of a baseline that knows nothing yet (see adopt), by name, `limits` left out."""
    n = len(subjects)
    declared = np.stack([per_subject(p, n) for p in (mean, sigma, phi)], axis=1)
    known = ~np.isnan(declared[:, :2]).any(axis=1)
    declared[known & np.isnan(declared[:, 2]), 2] = 0.0
    every = np.nan_to_num(subjects.interval)
    names = ("last", "centre", "square", "steps", "mean", "phi", "gain", "echo", "offset")
    return {name: np.zeros(n) for name in names} | {
        "known": np.zeros(n, np.bool_),
        "limit": np.ones(n),
        "verdict": np.zeros(n, np.int8),
        "until": np.full(n, NEVER),
        "learned": np.full((n, 3), np.nan),
        "blocks": np.full((n, BLOCKS, 3), np.nan),
        "count": np.zeros(n, np.int64),
        "pairs": np.zeros(n, np.int64),
        "gap": np.where(every > 0, every * GAP * 1e9, 2.0**61).astype(np.int64),
        "floor": np.fmax(np.fmax(subjects.noise, subjects.quantum), np.fmax(declared[:, 1], 0.0)),
        "declared": declared,
    }


def unsure(declared: Floats, learn: int) -> list[list[Unsure]]:
    """Errors of each subject's baseline, if its neighbours correlate by each of PHIS.

    Source: the variances of a mean, of a variance and of phi (Bartlett 1946), of `learn` readings; an error e of phi
    changes the variance of sums of whitened readings by a part 2 e / (1 - phi).
    """
    mean, sigma, phi = np.isnan(declared).T / learn
    variance = LOSS_OF_SPREAD * (2.0 * sigma[:, None] + 4.0 * phi[:, None] * (1.0 + PHIS) / (1.0 - PHIS))
    return [[(m, v) for v in each] for m, each in zip((LOSS * mean).tolist(), variance.tolist(), strict=True)]


def take_in(state: Baseline, batch: Batch, learn: int) -> tuple[Rows, Bools | None]:
    """The good rows of a batch; learn from those that are to be learned from: they are True in the mask, if any."""
    all_known = bool(state.known.all())
    if not all_known:
        adopt(state, np.flatnonzero(~state.known & ~np.isnan(state.learned[:, 1])))
    rows: Indices | slice = slice(None) if batch.sound() else np.flatnonzero(batch.good)
    whole = batch.whole(len(state.verdict)) and batch.sound()
    who = slice(None) if whole else batch.sensor[rows]
    value, time = batch.value[rows], batch.time[rows]
    last, until = state.last[who], state.until[who]
    if not batch.distinct():
        before = preceding(batch, batch.good)[rows]
        inside = np.flatnonzero(before >= 0)
        before = before[inside]
        last[inside] = batch.value[before]
        until[inside] = batch.time[before] + state.gap[batch.sensor[before]]
    taken = Rows(rows, who, value, last, time <= until)
    return taken, None if all_known else _learn(state, batch, taken, learn)


def scores(state: Baseline, taken: Rows, clip: float) -> Floats:
    """(K,) winsorised z: what the reading before did not say, in its own sigma; 0 while learning.

    Source: AR(1) residuals (shared reference: statistics 5); winsorising: performance 9.
    """
    who = taken.who
    z: Floats = taken.value * state.gain[who]
    z -= taken.last * state.echo[who]
    z -= state.offset[who]
    if not taken.near.all():
        far = np.flatnonzero(~taken.near)
        alone = far if isinstance(who, slice) else who[far]
        phi = state.phi[alone]
        z[far] = (taken.value[far] - state.mean[alone]) * state.gain[alone] * np.sqrt(1.0 - phi * phi)
    return z.clip(-clip, clip, out=z)


def remember(state: Baseline, batch: Batch, taken: Rows) -> None:
    """The newest good reading of each, once the scores have been taken."""
    if isinstance(taken.who, slice):
        state.last[:] = taken.value
        np.add(batch.time, state.gap, out=state.until)
        return
    rows = taken.rows if batch.distinct() else newest(batch, batch.good)
    who = batch.sensor[rows]
    state.last[who], state.until[who] = batch.value[rows], batch.time[rows] + state.gap[who]


def long_run_sigma(state: Baseline, who: Indices) -> Floats:
    """The shift of a sensor, in its unit, that shifts z by 1 for good."""
    phi = state.phi[who]
    sigma: Floats = 1.0 / (state.gain[who] * (1.0 - phi))
    return sigma


def _learn(state: Baseline, batch: Batch, taken: Rows, learn: int) -> Bools | None:
    """Round by round, those that have no baseline yet: which rows were learned from (None: none)."""
    who = np.arange(len(state.known)) if isinstance(taken.who, slice) else taken.who
    learning = np.zeros(len(who), np.bool_)
    for at in _learners(state, batch, taken, who):
        at = at[~state.known[who[at]]]
        learning[at] = True
        step = (taken.value[at] - taken.last[at]) * taken.near[at]
        _fill(state, who[at], taken.value[at], step, taken.near[at], learn // BLOCKS)
    return learning if learning.any() else None


def _learners(state: Baseline, batch: Batch, taken: Rows, who: Indices) -> Iterator[Indices]:
    """Places in `taken` of those without a baseline, in turns in which no sensor repeats."""
    unknown = np.flatnonzero(~state.known[who])
    if batch.distinct():
        yield unknown
        return
    rows, place = np.arange(len(batch))[taken.rows], np.zeros(len(batch), np.intp)
    place[rows] = np.arange(len(rows))
    for turn in batch.ranked(rows[unknown]).turns():
        yield place[turn]


def _fill(state: Baseline, who: Indices, value: Floats, step: Floats, near: Bools, length: int) -> None:
    """One more reading of each in its block; a full block is kept, five are concluded from."""
    count = state.count[who] + 1
    apart = value - state.centre[who]
    centre = state.centre[who] + apart / count
    state.count[who], state.centre[who] = count, centre
    state.square[who] += apart * (value - centre)
    state.steps[who] += step * step
    state.pairs[who] += near
    full = who[count >= length]
    if not len(full):
        return
    filled = (~np.isnan(state.blocks[full, :, 0])).sum(axis=1)
    half = state.steps[full] / (2.0 * np.maximum(state.pairs[full], 1))
    half = np.where(state.pairs[full] * 2 > length, half, np.nan)
    state.blocks[full, filled] = np.stack((state.centre[full], state.square[full] / (length - 1), half), axis=1)
    for array in (state.count, state.centre, state.square, state.steps, state.pairs):
        array[full] = 0
    _conclude(state, full[filled + 1 == BLOCKS], length)


def _conclude(state: Baseline, who: Indices, length: int) -> None:
    """Five blocks are a baseline, or are forgotten."""
    mean, variance, half = (np.median(state.blocks[who, :, k], axis=1) for k in range(3))
    floor = state.floor[who]
    moved = (variance > floor * floor) & (half > 0)
    each = state.blocks[who, :, 1]
    ratio = np.median(state.blocks[who, :, 2] / np.where(each > 0, each, 1.0), axis=1)
    phi, trusted = correlation(np.where(moved, ratio, 1.0), length)
    phi = np.where(moved, phi, 0.0)
    sigma = np.maximum(np.sqrt(np.where(phi > 0, half / (1.0 - phi), variance)), floor)
    sound = (sigma > 0) & (trusted | ~moved)
    state.learned[who[sound]] = np.stack((mean, sigma, phi), axis=1)[sound]
    state.blocks[who] = np.nan
    adopt(state, who[sound])


def correlation(ratio: Floats, length: int) -> tuple[Floats, Bools]:
    """(phi, whether it can be told) by half the mean squared step over the variance within blocks of `length`.

    The ratio is 1 - phi, were it not that a block takes its own mean out of its variance: by 2 phi / (1 - phi) /
    (length - 1). Source: von Neumann 1941; the variance of a mean of AR(1) readings.
    """
    c = 2.0 / (length - 1)
    b = ratio * (1.0 + c)
    root = b * b - 4.0 * c * ratio
    rest = (b + np.sqrt(np.maximum(root, 0.0))) / 2
    phi = np.maximum(1.0 - rest, 0.0)
    return phi, (root >= 0) & (phi <= STRONGEST)


def adopt(state: Baseline, who: Indices) -> None:
    """What is declared, else what was learned, is the baseline; where neither is, or no limit goes with it, none is."""
    mean, sigma, phi = np.where(np.isnan(state.declared[who]), state.learned[who], state.declared[who]).T
    limit = state.limits[who, np.searchsorted(PHIS[:-1], phi)]
    known = ~np.isnan(mean + sigma + phi + limit)
    mean, sigma, phi, who = mean[known], sigma[known], phi[known], who[known]
    gain = 1.0 / (sigma * np.sqrt(1.0 - phi * phi))
    state.known[who], state.limit[who] = True, limit[known]
    state.mean[who], state.phi[who], state.gain[who] = mean, phi, gain
    state.echo[who], state.offset[who] = gain * phi, gain * (1.0 - phi) * mean
