"""The exposure kernel. Oracle: integration by brute force, second by second, with gaps, holds, faults and clipping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.detector import Verdict
from detectors.exposure import SECOND, Average, Exposure, Track, Window, fresh, told, weighed
from detectors.reading import Quality

WINDOW = Window(10 * SECOND, 12)
HOLD = 25
HIGH = 8.0


def walk(seconds: list[int], values: list[float], marks: list[int]) -> Track:
    state = Exposure(**fresh(1, WINDOW, np.array([HIGH]), np.array([HOLD * SECOND]), 0.75))
    track = Track(state, 0, WINDOW)
    for t, v, q in zip(seconds, values, marks, strict=True):
        if track.takes(t * SECOND, q):
            track.advance(t * SECOND, v, q)
    return track


def by_hand(seconds: list[int], values: list[float], marks: list[int]) -> tuple[float, int, bool]:
    """(dose, s covered, clipped) of the 120 s before the newest bin, one second at a time."""
    end = seconds[-1] // 10 * 10
    dose, covered, clipped = 0.0, 0, False
    for s in range(end - 120, end):
        last = max((k for k, t in enumerate(seconds) if t <= s), default=-1)
        if last < 0 or marks[last] or s >= seconds[last] + HOLD:
            continue
        dose += min(max(values[last], 0.0), HIGH)
        covered += 1
        clipped |= values[last] >= HIGH
    return dose, covered, clipped


@given(st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_dose_and_coverage_are_those_counted_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gaps = rng.choice([1, 3, 10, 20, 40, 130, 250, 900], 40, p=[0.2, 0.2, 0.2, 0.2, 0.1, 0.05, 0.03, 0.02])
    seconds = np.cumsum(gaps).tolist()
    values = np.round(rng.uniform(-2, 9, 40), 1).tolist()
    marks = rng.choice([0, int(Quality.NO_VALUE)], 40, p=[0.9, 0.1]).tolist()
    track = walk(seconds, values, marks)
    dose, covered, clipped = by_hand(seconds, values, marks)
    average = track.average()
    assert average.lower * 120 == pytest.approx(dose, rel=1e-12, abs=1e-9)
    assert average.coverage * 120 == pytest.approx(covered, rel=1e-12)
    assert np.isinf(average.upper) == clipped
    if not clipped:
        assert average.upper * 120 == pytest.approx(dose + (120 - covered) * HIGH, rel=1e-12)


def test_a_bad_reading_may_end_what_alarms_and_nothing_else() -> None:
    high, low = Average(9.0, 9.0, 9.0, 1.0), Average(1.0, 1.0, 1.0, 1.0)
    assert weighed(high, 0.75, 5.0, Verdict.CLEAR, good=False) == (Verdict.ACTIVE, "above")
    assert weighed(low, 0.75, 5.0, Verdict.ACTIVE, good=False) is None
    assert weighed(low, 0.75, 5.0, Verdict.ACTIVE, good=True) == (Verdict.CLEAR, "below")


def test_what_is_no_number_is_not_told() -> None:
    assert told(Average(np.nan, 0.0, np.inf, 0.0), 8.0) == {"lower": 0.0, "coverage": 0.0, "hours": 8.0}
