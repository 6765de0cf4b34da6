"""Rain: what gauges count adds up to what fell, however often they read."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.sensor import Sensor
from simulators.instrument import SECOND
from simulators.weather import Showers, Storm
from simulators.world import World

STORM = Storm(start=3600, total=60, lasts=6 * 3600, peak=0.3)


def gauge(every_s: int) -> Sensor:
    return Sensor("rain", "pit", "rain", "mm", span=(0, 100), every=every_s * SECOND, quantum=0.2)


@pytest.mark.parametrize("every", [60, 600, 3600])
def test_a_gauge_counts_all_that_fell_in_whole_tips(every):
    sensor = gauge(every)
    world = World([sensor], seed=1, start=0, events={"rain": [STORM.seen_by(sensor)]})
    value = world.readings(86400 * SECOND)[0].value
    assert value.sum() == pytest.approx(60)
    assert value / 0.2 == pytest.approx(np.round(value / 0.2), abs=1e-6)
    assert value.min() == 0


def test_a_storm_is_hardest_at_its_peak():
    at = np.arange(0, 8 * 3600.0, 60)
    rate = STORM.over(np.zeros(len(at)), at)
    assert at[rate.argmax()] == pytest.approx(3600 + 0.3 * 6 * 3600, abs=61)
    assert rate.max() == pytest.approx(2 * 60 / 6, rel=0.01)
    assert STORM.fallen(np.array([0.0, 7 * 3600])).tolist() == pytest.approx([0, 60])


def test_showers_come_as_often_as_they_should_and_are_shared_by_seed():
    falling = Showers(start=0, end=60 * 86400, a_day=2, most=8, seed=5)
    hourly = np.diff(falling.fallen(np.arange(0, 60 * 86400.0, 600)))
    begins = np.count_nonzero((hourly[1:] > 0.005) & (hourly[:-1] <= 0.005))
    assert 50 < begins < 140
    assert 0.02 < (hourly > 0.01).mean() < 0.15
    again = Showers(start=0, end=60 * 86400, a_day=2, most=8, seed=5)
    at = np.array([86400.0 * 50])
    assert falling.fallen(at) == again.fallen(at) != Showers(start=0, end=60 * 86400, seed=6).fallen(at)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Storm(start=0, total=0, lasts=5), "total > 0"),
        (lambda: Storm(start=0, total=5, lasts=5, peak=1), "peak < 1"),
        (lambda: Showers(start=0, end=0), "end > start"),
        (lambda: Showers(start=0, end=9, a_day=0), "a_day"),
    ],
)
def test_nonsense_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()
