"""Rain: mm a reading interval. The past has showers, the days after the start stay dry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.instrument import Habit

DRY = Habit(level=(0.0, 0.0), floor=0.0)
SHOWERS_A_DAY = 3


class Showers:
    """Showers drawn for the time from -`past` s to -1 h; each has a start, a length and a peak."""

    def __init__(self, random: np.random.Generator, past: float) -> None:
        count = max(1, round(SHOWERS_A_DAY * past / 86400))
        self._middle = -random.uniform(7200, max(past, 7201), count)
        self._half = random.uniform(1200, 4800, count)
        self._peak = random.uniform(0.6, 3.0, count)

    def over(self, base: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        """The rain where the showers fall on `base`."""
        away = np.abs(second[:, None] - self._middle) / self._half
        rain = np.sum(self._peak * np.clip(1 - away * away, 0, None), axis=1)
        return base + np.asarray(rain, np.float64)
