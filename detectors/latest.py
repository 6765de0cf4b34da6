"""What each sensor said last: what is shown of it, and how old that is.

Constraints. A late, conflicting or skewed reading is not the last, whenever it came. It says nothing of alarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.bank import Rows
from detectors.reading import Floats, Quality, Times, Wave

NOT_LAST = int(Quality.LATE | Quality.CONFLICT | Quality.SKEWED)


@dataclass(slots=True, eq=False)
class Latest:
    """(N,) each, over a site's sensors in their order."""

    value: Floats
    """NaN before the first; of a block of samples the greatest."""
    time: Times
    arrived: Times
    quality: NDArray[np.uint8]

    @classmethod
    def of_none(cls, sensors: int) -> Latest:
        """Nothing was said yet."""
        zeros = np.zeros(sensors, np.int64)
        return cls(np.full(sensors, np.nan), zeros, zeros.copy(), np.zeros(sensors, np.uint8))

    def note(self, rows: Rows, waves: Sequence[Wave]) -> None:
        """Readings of sensors, in log order; a block of samples counts after them."""
        newer = (rows.quality & NOT_LAST) == 0
        for column, source in (
            (self.value, rows.value),
            (self.time, rows.time),
            (self.arrived, rows.arrived),
            (self.quality, rows.quality),
        ):
            column[rows.series[newer]] = source[newer]
        for wave in waves:
            if wave.ends:
                continue
            self.time[wave.sensor] = wave.time + int(len(wave.samples) / wave.rate * 1e9)
            self.arrived[wave.sensor] = wave.arrived
            self.value[wave.sensor] = float(np.abs(wave.samples).max())
