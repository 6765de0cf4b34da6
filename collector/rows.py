"""Decoded readings being gathered, in log order, until they become columns.

Constraints. Readings come singly or in blocks and keep their order. A value that is no number, or none that
can be measured, is kept as NaN and flagged; it is a reading, not a dead letter.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.device_time import FARTHEST
from detectors.reading import Floats, Quality, Times, Wave

_NONE = np.zeros(0)
LARGEST_VALUE = 1e60
"""No sensor measures more in any unit. Squares and cubes of it are numbers still, so no detector meets infinity."""
LETTERS = 10_000
"""Parts of one message off the wire that are dead letters each; what comes after them in it is one more. Else 8 MB
could make four million of them."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message, or one reading of it, that could not be decoded. Its bytes stay in the log: `seal`, `index`."""

    seal: int
    index: int
    topic: str
    reason: str
    sensor: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that a sender numbered and that the broker never had: `missing` of them between two numbers; -1 is one
    of them that came after all. `seal`, `index` and `topic` are of the message that showed it."""

    seal: int
    index: int
    topic: str
    now: int
    sender: str
    before: int
    number: int
    missing: int


class Dead(Exception):
    """Why something cannot be decoded: a counted word, and a sentence for a person. `passed`: the site file wants it
    counted only."""

    def __init__(self, reason: str, detail: str, sensor: str | None = None, *, passed: bool = False) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.sensor, self.passed = reason, detail, sensor, passed


class Rows:
    """Columns under construction. `now`, `flags`, `seal`, `index`, `topic` are of the message being decoded."""

    def __init__(self) -> None:
        self.now = 0
        self.flags = 0
        self.seal = 0
        self.index = 0
        self.topic = ""
        self.letters = -1
        """How many more dead letters this message may make; below 0 any number."""
        self.in_seal = 0
        """Readings of this seal so far; with `now` it is the time of one that has none of its own."""
        self.dead: list[DeadLetter] = []
        self.gaps: list[Gap] = []
        self.said: dict[str, int] = {}
        """Messages that say something else than readings, by what they say."""
        self.waves: list[Wave] = []
        self._blocks: list[tuple[NDArray[np.int64], Times, Times, Floats, NDArray[np.uint8]]] = []
        self._length = 0
        self._begin()

    def __len__(self) -> int:
        return self._length + len(self.sensor)

    def add(self, sensor: int, time: int, value: float, quality: int) -> None:
        """One reading."""
        self.sensor.append(sensor)
        self.time.append(time)
        self.arrived.append(self.now)
        self.value.append(value)
        self.quality.append(quality | self.flags)
        self.in_seal += 1

    def add_block(
        self, sensor: NDArray[np.int64], time: Times, arrived: Times, value: Floats, quality: NDArray[np.uint8]
    ) -> None:
        """Many readings; all arrays (N,)."""
        self._flush()
        self._blocks.append((sensor, time, arrived, value, quality | np.uint8(self.flags)))
        self._length += len(sensor)
        self.in_seal += len(sensor)

    def add_wave(self, sensor: int, time: int, rate: float, samples: Floats) -> None:
        """A block of samples, lying before the next reading. Raises Dead for one that ends beyond all time."""
        if not abs(time + len(samples) / rate * 1e9) < FARTHEST:
            text = f"{len(samples)} samples at {rate} a second end beyond 64 bits of ns"
            raise Dead("bad_rate", text)
        quality, numbers = self.flags, np.abs(samples) <= LARGEST_VALUE
        if not numbers.all():
            quality, samples = quality | int(Quality.NO_VALUE), np.where(numbers, samples, np.nan)
        self.waves.append(Wave(len(self), sensor, time, self.now, rate, samples, quality))
        self.in_seal += 1

    def add_end(self, sensor: int) -> None:
        """Whoever speaks for the sensor says that it has gone; see Wave."""
        self.waves.append(Wave(len(self), sensor, self.now, self.now, 1.0, _NONE, self.flags))

    def gap(self, sender: str, before: int, number: int, missing: int) -> None:
        """A sender's number that does not follow the one before."""
        self.gaps.append(Gap(self.seal, self.index, self.topic, self.now, sender, before, number, missing))

    def note(self, what: str) -> None:
        """This message is no reading and no mistake."""
        self.said[what] = self.said.get(what, 0) + 1

    def arrival(self) -> int:
        """The time of the next reading, where the device gives none."""
        return self.now + self.in_seal

    def bury(self, dead: Dead, place: str = "") -> None:
        """Keep why the message (or, at `place`, one reading of it) is a dead letter. Raises Dead once, for the rest of
        a message that makes too many."""
        if dead.passed:
            self.note("passed_over")
            return
        self.letters -= 1
        if self.letters == -1:
            raise Dead("too_many", f"{LETTERS} dead letters before this: the rest of the message is not looked into")
        detail, sensor = _written(f"{place}{dead.detail}"[:300]), dead.sensor and _written(dead.sensor)
        self.dead.append(DeadLetter(self.seal, self.index, self.topic, dead.reason, sensor, detail))

    def columns(self) -> tuple[NDArray[np.int64], Times, Times, Floats, NDArray[np.uint8]]:
        """sensor, time, arrived, value, quality of all readings."""
        self._flush()
        if not self._blocks:
            return _block(array("q"), array("q"), array("q"), array("d"), array("B"))
        sensor, time, arrived, value, quality = (
            self._blocks[0]
            if len(self._blocks) == 1
            else (np.concatenate(part) for part in zip(*self._blocks, strict=True))
        )
        missing = ~(np.abs(value) <= LARGEST_VALUE)
        if missing.any():
            value = np.where(missing, np.nan, value)
            quality = quality | np.where(missing, int(Quality.NO_VALUE), 0).astype(np.uint8)
        return sensor, time, arrived, value, quality

    def _begin(self) -> None:
        self.sensor, self.time, self.arrived = array("q"), array("q"), array("q")
        self.value, self.quality = array("d"), array("B")

    def _flush(self) -> None:
        if len(self.sensor):
            self._blocks.append(_block(self.sensor, self.time, self.arrived, self.value, self.quality))
            self._length += len(self.sensor)
            self._begin()


def _written(text: str) -> str:
    """The text as a file can take it, whatever a decoder put into it."""
    return text.encode("utf-8", "backslashreplace").decode()


def _block(
    sensor: array[int], time: array[int], arrived: array[int], value: array[float], quality: array[int]
) -> tuple[NDArray[np.int64], Times, Times, Floats, NDArray[np.uint8]]:
    return (
        np.array(sensor, np.int64), np.array(time, np.int64), np.array(arrived, np.int64),
        np.array(value, np.float64), np.array(quality, np.uint8),
    )  # fmt: skip
