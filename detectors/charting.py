"""A control chart over batches of any shape: whole ticks in place, scattered ones gathered once, hot sensors in a loop.

Constraints. A chart says of each reading which part of its limit is used, signed by the side of the shift; above 1 is
an alarm, and calm is its end. What it says does not depend on the way that was taken: both its kernels round alike.
Not a detector: signal.cusum and signal.ewma are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.baseline import Baseline, fresh, long_run_sigma, remember, scores, take_in, unsure
from detectors.detector import Column, Outcome, PerSubject, Subjects, Verdict, findings_at
from detectors.reading import Batch, Bools, Floats, Indices
from detectors.run_length import Unsure, limits

NARROW = 24
"""Sensors below which a loop over one sensor's readings is cheaper than a turn of all."""


@dataclass(slots=True)
class ChartState(Baseline):
    """(N,) each."""

    run: NDArray[np.int32]
    """Readings in a row that are not calm."""


class Chart(Protocol):
    """The recursion of a chart, twice: across sensors and along one."""

    sums: ClassVar[tuple[str, ...]]
    """State fields that move with each reading."""
    calm: ClassVar[float]
    """Part of the limit below which a shift has ended."""

    @property
    def false_alarms(self) -> PerSubject: ...

    @property
    def limit(self) -> PerSubject: ...

    @property
    def mean(self) -> PerSubject: ...

    @property
    def sigma(self) -> PerSubject: ...

    @property
    def phi(self) -> PerSubject: ...

    @property
    def learn(self) -> int: ...

    @property
    def clip(self) -> float: ...

    def turn(self, sums: Sequence[Floats], limit: Floats, z: Floats) -> tuple[Floats, Floats]:
        """Fold one z of each sensor into its sums, in place; the part of the limit, with and without its sign."""
        ...

    def alone(self, sums: list[float], limit: float, z: Sequence[float]) -> list[float]:
        """Fold all z of one sensor into its sums, in place; the signed parts."""
        ...

    def shift(self, part: Floats, limit: Floats, run: Floats) -> Floats:
        """About how far z has moved, where `part` of the limit is used after `run` readings that are not calm."""
        ...


class Charted(NamedTuple):
    """(M,) after each row, NaN where it is not judged."""

    part: Floats
    size: Floats
    """Without its sign."""
    calm: Bools
    run: NDArray[Any]
    judged: Bools | None
    """None: all."""


def begin(chart: Chart, subjects: Subjects, limit_of: Callable[[float, Unsure], float]) -> dict[str, Any]:
    """The arrays of a ChartState that knows nothing yet, by name."""
    arrays = fresh(subjects, chart.mean, chart.sigma, chart.phi)
    errors = unsure(arrays["declared"], chart.learn)
    allowed = limits(limit_of, chart.limit, subjects.interval, chart.false_alarms, errors)
    return arrays | {"limits": allowed, "run": np.zeros(len(subjects), np.int32)}


def judge(chart: Chart, state: Any, batch: Batch, why: Mapping[Verdict, str]) -> Outcome:
    """A step of a chart: findings with the size of the shift, and the column `of_limit`."""
    charted = _follow(chart, state, batch)
    judged = charted.judged
    rows, verdicts = batch.settle_level(state.verdict, charted.size > 1.0, charted.calm, judged)
    found = []
    if len(rows):
        who = batch.sensor[rows]
        numbers = _numbers(chart, state, who, charted.part[rows], charted.run[rows])
        found = findings_at(batch, rows, verdicts, who, None, why, numbers)
    drawn = slice(None) if judged is None else np.flatnonzero(judged)
    column = Column(
        "of_limit", "1", batch.sensor[drawn], batch.time[drawn], batch.arrived[drawn], batch.row[drawn],
        charted.part[drawn], np.zeros(len(charted.part[drawn]), np.uint8),
    )  # fmt: skip
    return Outcome(found, [column] if len(column.value) else [])


def _numbers(chart: Chart, state: ChartState, who: Indices, part: Floats, run: Floats) -> dict[str, Floats]:
    known = ~np.isnan(part)
    moved, run = np.where(known, part, 0.0), np.maximum(run, 1)
    unit = np.zeros(len(who))
    unit[known] = long_run_sigma(state, who[known])
    return {
        "shift": chart.shift(moved, state.limit[who], run) * unit,
        "normal": state.mean[who],
        "readings": run.astype(np.float64),
    }


def _follow(chart: Chart, state: ChartState, batch: Batch) -> Charted:
    taken, learning = take_in(state, batch, chart.learn)
    z = scores(state, taken, chart.clip)
    remember(state, batch, taken)
    moving = [*(getattr(state, name) for name in chart.sums), state.run]
    if isinstance(taken.who, slice):
        return _whole(chart, moving, state.limit, z, learning)
    part, run, rows, judged = z, np.zeros(len(batch), np.int32), taken.rows, None
    if learning is not None or not isinstance(rows, slice):
        kept = slice(None) if learning is None else ~learning
        rows = np.arange(len(batch))[rows][kept]
        part, judged = np.full(len(batch), np.nan), np.zeros(len(batch), np.bool_)
        part[rows], judged[rows] = z[kept], True
    _scattered(chart, moving, state.limit, batch, rows, part, run)
    size = np.abs(part)
    return Charted(part, size, size < chart.calm, run, judged)


def _whole(
    chart: Chart, moving: Sequence[NDArray[Any]], limit: Floats, z: Floats, learning: Bools | None
) -> Charted:
    """A row of each sensor: what moves is moved in place, and a z of 0 moves nothing."""
    if learning is not None:
        z[learning] = 0.0
    part, size, calm = _turn(chart, moving, limit, z)
    if learning is None:
        return Charted(part, size, calm, moving[-1], None)
    part[learning] = size[learning] = np.nan
    return Charted(part, size, calm, moving[-1], ~learning)


def _scattered(
    chart: Chart, moving: Sequence[NDArray[Any]], limit: Floats, batch: Batch, rows: Indices | slice,
    part: Floats, run: NDArray[Any],
) -> None:  # fmt: skip
    """What moves is gathered once and scattered once. `part` (M,) holds z, and what becomes of it."""
    ranked = None if batch.distinct() else batch.ranked(None if isinstance(rows, slice) else rows)
    who = batch.sensor[rows] if ranked is None else ranked.sensor
    mine, limit, turn = [array[who] for array in moving], limit[who], 0
    for at in [rows] if ranked is None else ranked.turns(NARROW):
        z = part[at]
        turn, width = turn + 1, len(z)
        part[at], _, _ = _turn(chart, [array[:width] for array in mine], limit[:width], z)
        run[at] = mine[-1][:width]
    for place, left in () if ranked is None else ranked.rest(turn):
        part[left], run[left] = _alone(chart, mine, place, float(limit[place]), part[left].tolist())
    for array, moved in zip(moving, mine, strict=True):
        array[who] = moved


def _turn(
    chart: Chart, mine: Sequence[NDArray[Any]], limit: Floats, z: Floats
) -> tuple[Floats, Floats, Bools]:
    part, size = chart.turn(mine[:-1], limit, z)
    calm, run = size < chart.calm, mine[-1]
    run += 1
    run *= ~calm
    return part, size, calm


def _alone(
    chart: Chart, mine: Sequence[NDArray[Any]], place: int, limit: float, z: Sequence[float]
) -> tuple[list[float], list[int]]:
    sums = [float(array[place]) for array in mine[:-1]]
    parts = chart.alone(sums, limit, z)
    run, runs, calm = int(mine[-1][place]), [], chart.calm
    for part in parts:
        run = run + 1 if part >= calm or part <= -calm else 0
        runs.append(run)
    for array, moved in zip(mine, [*sums, run], strict=True):
        array[place] = moved
    return parts, runs
