"""Readings, or blocks of samples, on their way from a device: when each was taken, what it says, when it is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """(M,) each, in order. A row may be left out, repeated or put off; `source` says which reading it is."""

    second: NDArray[np.float64]
    """s from the start at which it was really taken."""
    source: NDArray[np.intp]
    """Its number among the readings of this piece."""
    time: NDArray[np.int64]
    """ns UTC, as the device's clock says."""
    sent: NDArray[np.int64]
    """ns UTC, true, at which it is sent."""
    quality: NDArray[np.uint8]
    half: NDArray[np.bool_]
    """Its payload breaks off."""

    @classmethod
    def of(cls, second: NDArray[np.float64], time: NDArray[np.int64]) -> Rows:
        """Rows as a faultless link sends them: at once, once."""
        count = len(time)
        return cls(second, np.arange(count), time, time, np.zeros(count, np.uint8), np.zeros(count, np.bool_))

    def __len__(self) -> int:
        return len(self.time)

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Rows:
        """The rows at a mask or at indices, which may repeat."""
        return Rows(*(getattr(self, name)[which] for name in self.__slots__))

    def with_time(self, time: NDArray[np.int64]) -> Rows:
        """The same, as another clock says."""
        return replace(self, time=time)

    def with_sent(self, sent: NDArray[np.int64]) -> Rows:
        """The same, sent at other moments; never before they were taken."""
        return replace(self, sent=np.maximum(sent, self.sent))

    def with_quality(self, quality: NDArray[np.uint8]) -> Rows:
        """The same, with another quality."""
        return replace(self, quality=quality)

    def with_half(self, half: NDArray[np.bool_]) -> Rows:
        """The same, with broken payloads."""
        return replace(self, half=half)
