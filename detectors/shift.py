"""The parameters of an average over a working shift, checked in one place. Not the average (exposure.py)."""

from __future__ import annotations

import numpy as np

from detectors.detector import PerSubject
from detectors.exposure import MINUTE, Window


def checked(
    limit: PerSubject, example: str, coverage: float, shift_hours: float, longest: float, max_hold: float
) -> None:
    """Raises ValueError for what cannot be meant; `example` is a limit as it is written."""
    if not (np.asarray(limit) > 0).all():
        raise ValueError(f"limit is {limit}; give a concentration above 0, like {example!r}")
    if not 0 < coverage <= 1:
        raise ValueError(f"coverage is {coverage}; give a part of the shift, 0 to 1 (0.75 is usual)")
    if not 8 <= shift_hours <= longest:
        raise ValueError(f"shift_hours is {shift_hours}; give plain hours, 8 to {longest:g}")
    if max_hold <= 0 or max_hold > shift_hours * 3600:
        raise ValueError(f"max_hold is {max_hold} s; give two or three intervals of the sensor, below a shift")


def minutes(shift_hours: float) -> Window:
    """The minutes of a shift."""
    return Window(MINUTE, round(shift_hours * 60))
