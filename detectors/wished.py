"""Wished false alarms a sensor-month as the chance that each test may have.

Constraints. A month has 30.44 days of readings at the sensor's declared interval. Not a detector.
"""

from __future__ import annotations

import numpy as np

from detectors.detector import PerSubject, Subjects, per_subject
from detectors.reading import Bools, Floats

MONTH = 30.44 * 86_400.0
"""s."""
OFTEN = 0.05
"""A test that alarms more often by chance is none."""


def chance_of(wished: PerSubject, subjects: Subjects, asked: Bools, readings: int, instead: str) -> Floats:
    """(N,) chance of a false alarm a test, where each `readings` readings are one; NaN where not `asked`.

    Raises ValueError for a sensor without interval, for which `instead` is to be given, and for alarms too many to be
    told from chance.
    """
    n = len(subjects)
    alarms = per_subject(wished, n)
    chance = np.where(asked, alarms * readings * subjects.interval / MONTH, np.nan)
    for k in np.flatnonzero(asked & ~(subjects.interval > 0)).tolist():
        raise ValueError(f"{subjects.input_id[k]} declares no interval; give it every, or give {instead} here")
    for k in np.flatnonzero(chance > OFTEN).tolist():
        raise ValueError(
            f"false_alarms is {alarms[k]:g}, one in {1 / chance[k]:.3g} tests of {subjects.input_id[k]}; give at most"
            f" {alarms[k] * OFTEN / chance[k]:.3g}"
        )
    return chance
