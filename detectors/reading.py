"""Readings as columns: the only shape in which measurements travel through detectors.

Constraints. A batch is read-only and in log order. It may span or cut seals, so nothing may depend on where it
begins or ends. `arrived` never decreases along a batch; `time` (the device's own) may do anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detectors.grouping import Ranked, Runs, falling, group
from detectors.says import ACTIVE, AFTER, FEW, SHARPEN, Says, after_each, along_time, one_by_one

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
        ranks = falling(length)
        return Ranked(order, runs.start[ranks], length[ranks], runs.sensor[ranks])

    def rounds(self) -> Iterator[Indices]:
        """Rows in groups in which no sensor repeats, in order: vectorise a recursion across sensors with it."""
        return self.ranked().turns()

    def steady(self, trip: Bools, reset: Bools) -> NDArray[np.uint8]:
        """(M,) `Says` of a level: `trip` raises unless the quality forbids, `reset` clears only on good readings."""
        if self.sound():
            strongest: NDArray[np.uint8] = np.maximum(reset + SHARPEN, trip * ACTIVE)
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
        after = after_each(before, says)
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
            changed, verdicts = one_by_one(verdict, self.sensor[rows], says[rows])
        else:
            runs = self.runs() if len(rows) == len(self) else group(self.sensor[rows])
            changed, verdicts = along_time(verdict, runs, says[rows])
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
                says[~judged & (says == SHARPEN)] = Says.NOTHING
            return self.settle_verdicts(verdict, says)
        may = trip | (verdict != 1)
        if judged is not None:
            may &= judged
        rows = np.flatnonzero(may)
        before = verdict[rows]
        if not len(rows):
            return rows, before
        after = AFTER[before, np.maximum(reset[rows] + SHARPEN, trip[rows] * ACTIVE)]
        moved = after != before
        rows, after = rows[moved], after[moved]
        verdict[rows] = after
        return rows, after
