"""Dust. Oracles: first-order balance by integration, mass of a raised layer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from detectors.sensor import Sensor
from simulators.dust import Cloud, Dusting, RaisedDeposits, Sprays

HEALTH = Sensor("d", "mill", "dust", "mg/m3")
EXPLOSIVE = Sensor("e", "mill", "explosive_dust", "g/m3")


def test_a_source_rises_to_its_balance_and_settles_and_blows_away():
    event = Dusting(start=100, end=3000, emission=40, volume=1500, airflow=5, settle=400)
    at = np.linspace(100, 6000, 300)
    solved = solve_ivp(
        lambda t, c: (40 * (t < 3000) - 5 * c) / 1500 - c / 400, (100, 6000), [0.0], t_eval=at, max_step=5, rtol=1e-9
    )
    assert event.added(at) == pytest.approx(solved.y[0], abs=0.02)
    assert event.added(np.array([2999.0]))[0] == pytest.approx(40 / (5 + 1500 / 400), rel=1e-4)
    assert event.seen_by(EXPLOSIVE).over(np.ones(300), at) == pytest.approx(1 + event.added(at) / 1000)


def test_sprays_take_their_share_of_what_lies_under_them():
    event = Sprays(start=100, end=500, removes=0.7, rise=20)
    level = event.over(np.full(5, 10.0), np.array([100.0, 120, 300, 500, 520]))
    assert level.tolist() == pytest.approx([10, 3, 3, 3, 10])


def test_a_raised_layer_has_its_mass_in_the_air():
    event = RaisedDeposits(start=10, layer=1.0, density=500, height=5.0)
    assert event.peak == 100
    assert event.seen_by(EXPLOSIVE).over(np.zeros(1), np.array([11.0]))[0] == pytest.approx(100)
    assert event.seen_by(HEALTH).over(np.zeros(1), np.array([11.0]))[0] == pytest.approx(100_000)
    assert event.added(np.array([event.end]))[0] < 0.02 * event.peak
    assert RaisedDeposits(start=0, layer=0.8, lofted=0.5, height=3).peak == pytest.approx(66.7, abs=0.05)


def test_a_cloud_settles_exponentially():
    cloud = Cloud(start=0, to=20, rise=2, hold=6, settle=8)
    level = cloud.over(np.zeros(3), np.array([8.0, 16, 24]))
    assert level.tolist() == pytest.approx([20, 20 / np.e, 20 / np.e**2])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Cloud(start=0, to=1, rise=0), "rise > 0"),
        (lambda: Dusting(start=5, end=5, emission=1), "end > start"),
        (lambda: Dusting(start=5, emission=0), "above 0"),
        (lambda: Sprays(start=0, removes=1.5), "removes above 0"),
        (lambda: RaisedDeposits(start=0, layer=0), "above 0"),
        (lambda: RaisedDeposits(start=0, layer=1, lofted=2), "lofted"),
        (lambda: Dusting(start=0, emission=1).seen_by(Sensor("x", "a", "dust", "ppm")), "ppm"),
    ],
)
def test_nonsense_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()
