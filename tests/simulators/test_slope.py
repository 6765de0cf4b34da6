"""Slopes. Oracles: the law's differential equation, the closed forms of reference slope 2.3 and 2.8, totals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.movement import DAY, Moving, Progressive, RainResponse, Regressive, Staircase
from simulators.voight import Voight


def displacement(event, second):
    return event.over(np.zeros(len(second)), second)


def velocity(event, second, step=1.0):
    """mm/d by central differences."""
    return (displacement(event, second + step / 2) - displacement(event, second - step / 2)) / step * DAY


@settings(max_examples=40)
@given(st.floats(1.2, 4.0), st.floats(0.5, 20.0), st.floats(5, 60))
def test_the_law_holds_with_any_exponent(exponent, first, days):
    wall = Voight(start=0, failure=days * DAY, velocity=first, exponent=exponent)
    at = np.linspace(0.05, 0.7, 30) * days * DAY
    step = 300.0
    v = velocity(wall, at, step)
    a = (velocity(wall, at + step, step) - velocity(wall, at - step, step)) / (2 * step) * DAY
    fit = np.polyfit(np.log(v), np.log(a), 1)
    assert fit[0] == pytest.approx(exponent, rel=0.01)
    assert v[0] > first


def test_with_exponent_two_the_ratio_of_ryan_and_call_is_two():
    wall = Voight(start=0, failure=20 * DAY, velocity=4)
    assert wall.at(19 * DAY) / wall.at(18 * DAY) == pytest.approx(2.0)


def test_saito_1969_finds_the_failure_of_exponent_two_exactly():
    wall = Voight(start=0, failure=20 * DAY, velocity=4)
    at = np.linspace(0, 19.9 * DAY, 2_000_001)
    moved = displacement(wall, at)
    t1, t2, t3 = np.interp([20.0, 60, 100], moved, at)
    remaining = (t2 - t1) ** 2 / (2 * (t2 - t1) - (t3 - t1))
    assert t1 + remaining == pytest.approx(20 * DAY, rel=1e-5)


def test_exponents_beside_two_meet_the_logarithm():
    at = np.linspace(0, 9 * DAY, 50)
    near, two = (Voight(start=0, failure=10 * DAY, velocity=4, exponent=a) for a in (2 + 1e-7, 2.0))
    assert displacement(near, at) == pytest.approx(displacement(two, at), rel=1e-5)


def test_a_wall_fails_once_and_then_stands_still_where_it_went():
    wall = Voight(start=0, failure=DAY, velocity=50, fastest=1e5)
    assert wall.last < wall.failure
    assert velocity(wall, np.array([wall.last - 1]), 0.5)[0] == pytest.approx(1e5, rel=0.2)
    after = displacement(wall, np.array([wall.last, DAY, 2 * DAY]))
    assert after[0] == after[1] == after[2]
    assert np.isfinite(after).all()
    assert wall.end == DAY


def test_a_wall_that_calms_goes_on_smoothly_and_stops():
    wall = Voight(start=0, failure=DAY, velocity=50, calms=DAY / 2, settle=3600)
    before, after = velocity(wall, np.array([DAY / 2 - 10, DAY / 2 + 10]))
    assert after == pytest.approx(before, rel=0.02)
    assert velocity(wall, np.array([2 * DAY]))[0] == pytest.approx(0, abs=1e-6)
    assert wall.end == DAY / 2


def test_each_movement_has_its_rate_and_its_total():
    at = np.array([0.0, 5 * DAY, 60 * DAY])
    assert displacement(Moving(start=0, rate=3, end=10 * DAY), at).tolist() == pytest.approx([0, 15, 30])
    assert displacement(Regressive(start=0, rate=20, settle=DAY), at)[-1] == pytest.approx(20)
    assert velocity(Regressive(start=-1, rate=20, settle=DAY), np.zeros(1))[0] == pytest.approx(20, rel=1e-3)
    rain = RainResponse(start=0, amount=12, delay=DAY, response=DAY / 2)
    assert displacement(rain, np.array([DAY, 10 * DAY])).tolist() == pytest.approx([0, 12], abs=1e-5)
    speeds = velocity(rain, DAY + np.linspace(0.01, 3, 300) * DAY)
    assert np.linspace(0.01, 3, 300)[speeds.argmax()] == pytest.approx(0.5, abs=0.02)


def test_progressive_movement_grows_by_e_then_calms():
    event = Progressive(start=0, rate=2, grows=DAY, calms=3 * DAY)
    assert velocity(event, np.array([DAY, 2 * DAY])) == pytest.approx([2 * np.e, 2 * np.e**2], rel=1e-4)
    assert velocity(event, np.array([5 * DAY]))[0] < 0.01


def test_a_staircase_stands_between_its_steps():
    event = Staircase(start=0, step=2, every=DAY, rise=3600, end=5 * DAY)
    assert displacement(event, np.array([0.0, 3600, DAY, DAY + 1800, 4.5 * DAY, 9 * DAY])).tolist() == pytest.approx(
        [0, 2, 2, 3, 10, 10]
    )
    assert velocity(event, np.array([DAY / 2]))[0] == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Voight(start=0, failure=0, velocity=1), "failure > start"),
        (lambda: Voight(start=0, failure=9, velocity=1, exponent=1), "exponent > 1"),
        (lambda: Voight(start=0, failure=9, velocity=0), "velocity"),
        (lambda: Voight(start=0, failure=9, velocity=1, calms=10), "calms < failure"),
        (lambda: Moving(start=0, rate=0), "a rate other than 0"),
        (lambda: Regressive(start=0, rate=1, settle=0), "settle > 0"),
        (lambda: Progressive(start=0, rate=1, grows=1, calms=0), "calms > start"),
        (lambda: Staircase(start=0, step=1, every=5, rise=6, end=9), "at most every"),
        (lambda: RainResponse(start=0, amount=1, delay=-1, response=1), "delay >= 0"),
    ],
)
def test_nonsense_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()
