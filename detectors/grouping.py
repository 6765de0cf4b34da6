"""Rows grouped by sensor: to work along each sensor's time, or across sensors turn by turn.

Constraints. Stable: within a sensor the rows keep their order. Sensors are small whole numbers; no comparison sort.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """The rows of a batch grouped by sensor, each group in log order: `order[start[k]:stop[k]]` is of `sensor[k]`."""

    order: NDArray[np.intp]
    start: NDArray[np.intp]
    stop: NDArray[np.intp]
    sensor: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.start)

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """(sensor, its rows) for each sensor that has rows."""
        for sensor, start, stop in zip(self.sensor.tolist(), self.start.tolist(), self.stop.tolist(), strict=True):
            yield sensor, self.order[start:stop]


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The same groups, those with most rows first: in turn r a prefix of `sensor` has an r-th row (prefix rounds).

    A recursion gathers what it remembers of `sensor` once, works on views of it, and scatters it once.
    """

    order: NDArray[np.intp]
    start: NDArray[np.intp]
    length: NDArray[np.intp]
    sensor: NDArray[np.intp]

    def turns(self, narrowest: int = 1) -> Iterator[NDArray[np.intp]]:
        """The r-th row of each sensor that has one, r = 0, 1, ...; ends before the first turn of fewer sensors."""
        falling = -self.length
        for turn in range(-int(falling[0]) if len(falling) else 0):
            width = int(np.searchsorted(falling, -turn, side="left"))
            if width < narrowest:
                return
            yield self.order[self.start[:width] + turn]

    def rest(self, turn: int) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """(place in `sensor`, its rows from the `turn`-th on) of each sensor that has as many."""
        width = int(np.searchsorted(-self.length, -turn, side="left"))
        for place, (start, length) in enumerate(zip(self.start[:width].tolist(), self.length.tolist(), strict=False)):
            yield place, self.order[start + turn : start + length]


def falling(length: NDArray[np.intp]) -> NDArray[np.intp]:
    """Stable order of falling lengths; a radix pass of 16 bits where they fit."""
    longest = int(length.max()) if len(length) else 0
    key = (longest - length).astype(np.uint16) if longest <= 0xFFFF else -length
    order: NDArray[np.intp] = np.argsort(key, kind="stable")
    return order


def group(sensor: NDArray[np.intp]) -> Runs:
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
