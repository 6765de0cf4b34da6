"""The Theil-Sen kernel. Oracle: scipy.stats.theilslopes to 1e-12."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import theilslopes

from detectors.theil_sen import theil_sen


@given(st.integers(0, 2**32), st.integers(3, 60), st.sampled_from([0.0, 0.1, 1.0]), st.sampled_from([0.9, 0.95, 0.99]))
@settings(max_examples=80, deadline=None)
def test_it_equals_scipys(seed: int, count: int, quantum: float, confidence: float) -> None:
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.integers(0, 3, count)).astype(float) + np.arange(count) % 2
    t.sort()
    y = 0.3 * t + rng.normal(0, 1, count)
    if quantum:
        y = np.round(y / quantum) * quantum
    if t[0] == t[-1]:
        return
    with np.errstate(invalid="ignore"):  # where all of y ties and some of t, SciPy takes the root of a variance below 0
        ours, theirs = theil_sen(y, t, confidence), theilslopes(y, t, confidence)
    assert ours.slope == pytest.approx(theirs.slope, rel=1e-12, abs=1e-12)
    if not np.isnan(ours.low):
        assert ours.low == pytest.approx(theirs.low_slope, rel=1e-12, abs=1e-12)
        assert ours.high == pytest.approx(theirs.high_slope, rel=1e-12, abs=1e-12)


def test_a_constant_has_the_slope_nought_and_no_interval() -> None:
    found = theil_sen(np.ones(9), np.arange(9.0))
    assert (found.slope, np.isnan(found.low), np.isnan(found.high)) == (0.0, True, True)


def test_a_constant_with_ties_in_time_has_no_interval() -> None:
    found = theil_sen(np.zeros(3), np.array([0.0, 1.0, 1.0]))
    assert (np.isnan(found.low), np.isnan(found.high)) == (True, True)


def test_one_instant_has_no_slope() -> None:
    assert np.isnan(theil_sen(np.arange(3.0), np.zeros(3)).slope)
