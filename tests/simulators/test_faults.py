"""Faults change what they name, when they say, and the same however time is cut."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.faults import Drift, NoValue, Silent, Spike, Stuck

SECOND = np.arange(0.0, 100.0, 2.0)
VALUE = np.sin(SECOND)


def spoil(fault, cut):
    sent, value = zip(
        *(fault.spoil(s, v) for s, v in ((SECOND[:cut], VALUE[:cut]), (SECOND[cut:], VALUE[cut:]))), strict=True
    )
    return np.concatenate(sent), np.concatenate(value)


@pytest.mark.parametrize("cut", [0, 1, 10, 20, 25, 49, 50])
def test_cutting_time_changes_no_fault(cut):
    for make in (
        lambda: Silent(20, 40),
        lambda: Stuck(21, 60),
        lambda: Spike(21, 5.0),
        lambda: Drift(20, 40, 0.1),
        lambda: NoValue(20, 40),
    ):
        for one, other in zip(spoil(make(), 50), spoil(make(), cut), strict=True):
            assert np.array_equal(one, other, equal_nan=True)


def test_a_silent_sensor_sends_nothing_from_start_to_end():
    sent, value = spoil(Silent(20, 40), 10)
    assert SECOND[~sent].tolist() == list(range(20, 40, 2))
    assert np.array_equal(value, VALUE)


def test_a_stuck_sensor_repeats_its_first_value():
    sent, value = spoil(Stuck(21, 60), 13)
    inside = (SECOND >= 21) & (SECOND < 60)
    assert sent.all()
    assert set(value[inside]) == {VALUE[11]}
    assert np.array_equal(value[~inside], VALUE[~inside])


def test_a_spike_is_one_reading():
    _, value = spoil(Spike(21, 5.0), 30)
    assert np.flatnonzero(value != VALUE).tolist() == [11]
    assert value[11] == VALUE[11] + 5


def test_a_drift_grows_with_time_and_ends():
    _, value = spoil(Drift(20, 40, 0.1), 15)
    assert value[15] - VALUE[15] == pytest.approx(1.0)
    assert value[20] == VALUE[20]


def test_a_device_without_a_number_still_sends():
    sent, value = spoil(NoValue(20, 40), 12)
    assert sent.all()
    assert np.isnan(value).sum() == 10
