"""Readings as columns: the only shape in which measurements travel through detectors.

Constraints. A batch is read-only and in log order. It may span or cut seals, so nothing may depend on where it
begins or ends. `arrived` never decreases along a batch; `time` (the device's own) may do anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

AFTER_ROWS = np.iinfo(np.int64).max
"""The row number of what no row caused (a deadline): it sorts after every row of its instant."""

Floats: TypeAlias = NDArray[np.float64]
Times: TypeAlias = NDArray[np.int64]
Indices: TypeAlias = NDArray[np.intp]
Bools: TypeAlias = NDArray[np.bool_]


class Quality(IntFlag):
    """What is wrong with a reading. 0 is good; several flags may hold."""

    GOOD = 0
    NO_VALUE = 1
    """The value is no number: missing, not finite, or declared faulty by the device."""
    OUT_OF_SPAN = 2
    """Outside the sensor's declared span."""
    LATE = 4
    """Not after the newest judged time of its sensor."""
    CONFLICT = 8
    """A second, different value at one sensor and time."""
    SKEWED = 16
    """The device's time cannot be right (far from the arrival)."""
    CALIBRATION = 32
    """The sensor was declared in calibration."""
    RETAINED = 64
    """A broker's retained message: shows a value, proves no life."""
    SIMULATED = 128
    """From a simulator. Not a fault: a simulated site judges it as any other."""


FAULTS = ~int(Quality.SIMULATED) & 0xFF
NEVER_RAISES = int(Quality.NO_VALUE | Quality.CALIBRATION)
BLURS = int(Quality.NO_VALUE | Quality.OUT_OF_SPAN | Quality.SKEWED | Quality.CALIBRATION)
NO_LIFE = int(Quality.RETAINED)


class Says(IntEnum):
    """What one reading says about a verdict. The strongest last word of a sensor wins; see `Batch.settle`."""

    NOTHING = 0
    BLUR = 1
    """The value is not known: a clear verdict becomes unknown, an active one stays."""
    SHARPEN = 2
    """Neither trip nor reset: an unknown verdict becomes clear, an active one stays."""
    CLEAR = 3
    ACTIVE = 4


_SHARPEN, _CLEAR, _ACTIVE = (np.uint8(says) for says in (Says.SHARPEN, Says.CLEAR, Says.ACTIVE))

AFTER = np.array([[0, 0, 1, 1, 2], [1, 0, 1, 1, 2], [2, 2, 2, 1, 2]], np.int8)
"""(verdict before, says) -> verdict after; verdicts are 0 unknown, 1 clear, 2 active."""
_AFTER: list[list[int]] = AFTER.tolist()
FEW = 24
"""Up to so many rows a loop is cheaper than a vector pass (reference: performance section 2)."""


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """A block of samples of one sensor (100-500 Hz); it lies in the log just before row `row` of its batch.

    One without samples is an end: whoever speaks for the sensor has said that nothing more comes (docs/decisions/0014).
    """

    row: int
    sensor: int
    time: int
    """ns UTC of the first sample."""
    arrived: int
    rate: float
    """Samples a second."""
    samples: Floats
    quality: int = 0

    @property
    def ends(self) -> bool:
        """Whether it says that its sensor has gone."""
        return not len(self.samples)


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """The rows of a batch grouped by sensor, each group in log order: `order[start[k]:stop[k]]` is of `sensor[k]`."""

    order: Indices
    start: Indices
    stop: Indices
    sensor: Indices

    def __len__(self) -> int:
        return len(self.start)

    def __iter__(self) -> Iterator[tuple[int, Indices]]:
        """(sensor, its rows) for each sensor that has rows."""
        for sensor, start, stop in zip(self.sensor.tolist(), self.start.tolist(), self.stop.tolist(), strict=True):
            yield sensor, self.order[start:stop]


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The same groups, those with most rows first: in turn r a prefix of `sensor` has an r-th row (prefix rounds).

    A recursion gathers what it remembers of `sensor` once, works on views of it, and scatters it once.
    """

    order: Indices
    start: Indices
    length: Indices
    sensor: Indices

    def turns(self, narrowest: int = 1) -> Iterator[Indices]:
        """The r-th row of each sensor that has one, r = 0, 1, ...; ends before the first turn of fewer sensors."""
        falling = -self.length
        for turn in range(-int(falling[0]) if len(falling) else 0):
            width = int(np.searchsorted(falling, -turn, side="left"))
            if width < narrowest:
                return
            yield self.order[self.start[:width] + turn]

    def rest(self, turn: int) -> Iterator[tuple[int, Indices]]:
        """(place in `sensor`, its rows from the `turn`-th on) of each sensor that has as many."""
        width = int(np.searchsorted(-self.length, -turn, side="left"))
        for place, (start, length) in enumerate(zip(self.start[:width].tolist(), self.length.tolist(), strict=False)):
            yield place, self.order[start + turn : start + length]


def _column(values: Any, dtype: type) -> NDArray[Any]:
    array: NDArray[Any] = np.array(values, dtype=dtype, ndmin=1)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Readings as columns; entry k of every array is one reading.

    Shapes: all arrays (M,). `sensor` indexes the input table of whoever is looking: for a detector that is
    `Subjects.inputs`, where every input belongs to exactly one subject, so for a detector with one input a subject
    `sensor` is the subject. `row` is the reading's place in the log's batch and only orders findings.
    """

    until: int
    """ns; how far the log has been seen. A deadline d has passed when `until > d`."""
    sensor: Indices
    time: Times
    """ns UTC, as the device said."""
    arrived: Times
    """ns; `now` of the row's seal."""
    value: Floats
    """In the sensor's unit; NaN = no number."""
    quality: NDArray[np.uint8]
    row: Times
    waves: tuple[Wave, ...] = ()
    _runs: list[Runs] = field(default_factory=list, repr=False)
    _distinct: list[bool] = field(default_factory=list, repr=False)
    _ascending: list[bool] = field(default_factory=list, repr=False)
    _sound: list[bool] = field(default_factory=list, repr=False)

    @classmethod
    def of(
        cls,
        until: int,
        sensor: Any = (),
        time: Any = (),
        value: Any = (),
        *,
        arrived: Any = None,
        quality: Any = None,
        row: Any = None,
        waves: Sequence[Wave] = (),
    ) -> Batch:
        """A batch from anything array-like; columns left out mean: arrived on time, good, in order."""
        values = np.array(value, dtype=np.float64, ndmin=1)
        given = np.zeros(len(values), np.uint8) if quality is None else np.array(quality, np.uint8, ndmin=1)
        marked = given | np.where(np.isfinite(values), 0, int(Quality.NO_VALUE)).astype(np.uint8)
        return cls(
            until=until,
            sensor=_column(sensor, np.intp),
            time=_column(time, np.int64),
            arrived=_column(time if arrived is None else arrived, np.int64),
            value=_column(np.where(np.isfinite(values), values, np.nan), np.float64),
            quality=_column(marked, np.uint8),
            row=_column(np.arange(len(values)) if row is None else row, np.int64),
            waves=tuple(waves),
        )

    def __len__(self) -> int:
        return len(self.sensor)

    @property
    def good(self) -> Bools:
        """(M,) True where nothing is wrong with the reading."""
        mask: Bools = (self.quality & FAULTS) == 0
        return mask

    @property
    def may_raise(self) -> Bools:
        """(M,) True where the reading may turn a finding true: late, conflicting, out-of-span ones may, too."""
        mask: Bools = (self.quality & NEVER_RAISES) == 0
        return mask

    def sound(self) -> bool:
        """True if nothing is wrong with any reading."""
        if not self._sound:
            worst = int(self.quality.max(initial=0))
            self._sound.append(worst == 0 or not (self.quality & FAULTS).any())
        return self._sound[0]

    def runs(self) -> Runs:
        """The rows grouped by sensor, stable; computed once. Radix passes of 16 bits (reference: performance §2)."""
        if not self._runs:
            self._runs.append(group(self.sensor))
        return self._runs[0]

    def ascending(self) -> bool:
        """True if each row's sensor is above the one before: no sensor repeats, and no test of that is needed."""
        if not self._ascending:
            self._ascending.append(bool((self.sensor[1:] > self.sensor[:-1]).all()))
        return self._ascending[0]

    def whole(self, count: int) -> bool:
        """True if row k is of sensor k, for all of `count` sensors: then nothing need be gathered or scattered."""
        return len(self) == count > 0 and int(self.sensor[-1]) == count - 1 and self.ascending()

    def distinct(self) -> bool:
        """True if no sensor repeats: then a batch is one round, and no grouping is needed."""
        if not self._distinct:
            alone = self.ascending()
            if not alone:
                place, sensor = np.arange(len(self)), self.sensor
                scratch = np.empty(int(sensor.max()) + 1, np.intp)
                scratch[sensor] = place
                alone = bool((scratch[sensor] == place).all())
            self._distinct.append(alone)
        return self._distinct[0]

    def ranked(self, rows: Indices | None = None) -> Ranked:
        """The sensors by falling number of rows; of some rows only, if they are given (ascending)."""
        runs = self.runs() if rows is None else group(self.sensor[rows])
        order = runs.order if rows is None else rows[runs.order]
        length = runs.stop - runs.start
        ranks = _falling(length)
        return Ranked(order, runs.start[ranks], length[ranks], runs.sensor[ranks])

    def rounds(self) -> Iterator[Indices]:
        """Rows in groups in which no sensor repeats, in order: vectorise a recursion across sensors with it."""
        return self.ranked().turns()

    def steady(self, trip: Bools, reset: Bools) -> NDArray[np.uint8]:
        """(M,) `Says` of a level: `trip` raises unless the quality forbids, `reset` clears only on good readings."""
        if self.sound():
            strongest: NDArray[np.uint8] = np.maximum(reset + _SHARPEN, trip * _ACTIVE)
            return strongest
        says = np.zeros(len(self), np.uint8)
        good = self.good
        says[good] = Says.SHARPEN
        says[(self.quality & BLURS) != 0] = Says.BLUR
        says[good & reset] = Says.CLEAR
        says[self.may_raise & trip] = Says.ACTIVE
        return says

    def settle_verdicts(self, verdict: NDArray[np.int8], says: NDArray[np.uint8]) -> tuple[Indices, NDArray[np.int8]]:
        """Fold what each row says into its sensor's verdict: (rows at which it changed, the new verdicts there).

        `verdict` has one entry a sensor, holds `Verdict` codes and is changed in place. Rows ascend. Only the rows of
        sensors of which some row would move the verdict are folded in order; of all others every row leaves it.
        """
        if not len(self):
            return np.zeros(0, np.intp), np.zeros(0, np.int8)
        before = verdict[self.sensor]
        after = _after(before, says)
        moved = np.flatnonzero(after != before)
        if not len(moved):
            return moved, after[moved]
        if self.distinct():
            verdict[self.sensor] = after
            return moved, after[moved]
        touched = np.zeros(len(verdict), np.bool_)
        touched[self.sensor[moved]] = True
        rows = np.flatnonzero(touched[self.sensor])
        if len(rows) <= FEW:
            changed, verdicts = _one_by_one(verdict, self.sensor[rows], says[rows])
        else:
            runs = self.runs() if len(rows) == len(self) else group(self.sensor[rows])
            changed, verdicts = _along_time(verdict, runs, says[rows])
        return rows[changed], verdicts

    def settle_level(
        self, verdict: NDArray[np.int8], trip: Bools, reset: Bools, judged: Bools | None = None
    ) -> tuple[Indices, NDArray[np.int8]]:
        """`steady` and `settle_verdicts` in one; good rows that are not `judged` say nothing.

        Of a whole and sound batch only what trips, or is not clear yet, is looked at.
        """
        if not (self.whole(len(verdict)) and self.sound()):
            says = self.steady(trip, reset)
            if judged is not None:
                says[~judged & (says == _SHARPEN)] = Says.NOTHING
            return self.settle_verdicts(verdict, says)
        may = trip | (verdict != 1)
        if judged is not None:
            may &= judged
        rows = np.flatnonzero(may)
        before = verdict[rows]
        if not len(rows):
            return rows, before
        after = AFTER[before, np.maximum(reset[rows] + _SHARPEN, trip[rows] * _ACTIVE)]
        moved = after != before
        rows, after = rows[moved], after[moved]
        verdict[rows] = after
        return rows, after


def _one_by_one(
    verdict: NDArray[np.int8], sensor: Indices, says: NDArray[np.uint8]
) -> tuple[Indices, NDArray[np.int8]]:
    changed, verdicts = [], []
    for place, (who, word) in enumerate(zip(sensor.tolist(), says.tolist(), strict=True)):
        after = _AFTER[int(verdict[who])][word]
        if after != verdict[who]:
            verdict[who] = after
            changed.append(place)
            verdicts.append(after)
    return np.array(changed, np.intp), np.array(verdicts, np.int8)


def _along_time(verdict: NDArray[np.int8], runs: Runs, says: NDArray[np.uint8]) -> tuple[Indices, NDArray[np.int8]]:
    """The last ACTIVE or CLEAR decides; a later BLUR or SHARPEN only moves a verdict between unknown and clear."""
    said = says[runs.order]
    lengths = runs.stop - runs.start
    place = np.arange(len(said))
    held_before = np.repeat(verdict[runs.sensor], lengths)
    first = np.repeat(runs.start, lengths)
    hard = np.maximum.accumulate(np.where(said >= Says.CLEAR, place, -1))
    soft = np.maximum.accumulate(np.where((said == Says.BLUR) | (said == Says.SHARPEN), place, -1))
    held = np.where(hard >= first, said[hard] - 2, held_before)
    moved = (soft >= first) & (soft > hard) & (held != 2)
    settled = np.where(moved, said[soft] - 1, held).astype(np.int8)
    previous = np.empty_like(settled)
    previous[1:] = settled[:-1]
    previous[runs.start] = verdict[runs.sensor]
    verdict[runs.sensor] = settled[runs.stop - 1]
    changed = np.flatnonzero(settled != previous)
    rows = runs.order[changed]
    ascending = np.argsort(rows)
    return rows[ascending], settled[changed][ascending]


def _after(before: NDArray[np.int8], says: NDArray[np.uint8]) -> NDArray[np.int8]:
    """AFTER[before, says]; by arithmetic, which is 5 times faster, where no row says NOTHING or BLUR."""
    if says.min() < _SHARPEN:
        after: NDArray[np.int8] = AFTER[before, says]
    else:
        after = np.minimum(np.maximum(before, (says == _ACTIVE) + np.int8(1)), np.int8(2) - (says == _CLEAR))
    return after


def _falling(length: Indices) -> Indices:
    """Stable order of falling lengths; a radix pass of 16 bits where they fit."""
    longest = int(length.max()) if len(length) else 0
    key = (longest - length).astype(np.uint16) if longest <= 0xFFFF else -length
    order: Indices = np.argsort(key, kind="stable")
    return order


def group(sensor: Indices) -> Runs:
    """Rows grouped by sensor, each group in order: radix passes of 16 bits, never a comparison sort."""
    if not len(sensor):
        empty = np.zeros(0, np.intp)
        return Runs(empty, empty, empty, empty)
    order = np.argsort(sensor.astype(np.uint16), kind="stable")
    if int(sensor.max()) > 0xFFFF:
        order = order[np.argsort((sensor[order] >> 16).astype(np.uint16), kind="stable")]
    grouped = sensor[order]
    new = np.empty(len(grouped), np.bool_)
    new[0] = True
    np.not_equal(grouped[1:], grouped[:-1], out=new[1:])
    start = np.flatnonzero(new)
    stop = np.empty_like(start)
    stop[:-1], stop[-1] = start[1:], len(grouped)
    return Runs(order, start, stop, grouped[start])
