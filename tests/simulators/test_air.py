"""Ventilated places, outbursts, heating, pressure. Oracles: numerical integration, closed forms, Graham's ratio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from detectors.sensor import Sensor
from simulators.air import FanFailure, Outburst, Ventilation, mixing
from simulators.event import Reaching
from simulators.heating import Heating
from simulators.pressure import PressureFall, Weather

CH4 = Sensor("ch4", "face", "methane", "%vol", lel=5.0)
LEL = Sensor("lel", "face", "methane", "%LEL", lel=5.0)
O2 = Sensor("o2", "face", "o2", "%vol")
CO = Sensor("co", "face", "co", "ppm", molar_mass=28.01)
AT = np.linspace(0, 3000, 61)

shares = st.floats(0, 3).map(lambda x: round(x, 3))
steps = st.tuples(st.integers(0, 50).map(lambda k: 60.0 * k), shares, shares)


def integrated(changes: list[tuple[float, float, float]], turnover: float, at: np.ndarray) -> np.ndarray:
    """m' = (e - a m) / turnover, piece by piece, by scipy."""
    out, begin = np.ones(len(at)), 1.0
    for (since, airflow, emission), until in zip(changes, [s for s, _, _ in changes[1:]] + [at[-1] + 1], strict=True):
        inside = (at >= since) & (at < until)
        solved = solve_ivp(
            lambda _, m, a=airflow, e=emission: (e - a * m) / turnover,
            (since, until), [begin], t_eval=[*at[inside], until], rtol=1e-10, atol=1e-12,
        )  # fmt: skip
        out[inside], begin = solved.y[0][:-1], solved.y[0][-1]
    return out


@settings(max_examples=30)
@given(st.lists(steps, min_size=1, max_size=4, unique_by=lambda step: step[0]), st.floats(20, 2000))
def test_the_mixing_volume_is_what_integration_says(changes, turnover):
    changes = sorted(changes)
    assert mixing(AT, changes, turnover) == pytest.approx(integrated(changes, turnover, AT), rel=1e-6, abs=1e-9)


def test_a_fan_that_fails_lets_gas_gather_and_its_return_flushes_it():
    event = FanFailure(start=600, end=1800, volume=3000, airflow=10, left=0.0)
    level = event.over(np.full(5, 0.4), np.array([0.0, 600.0, 900.0, 1800.0, 1800 + 300 * 20]))
    assert level.tolist() == pytest.approx([0.4, 0.4, 0.8, 2.0, 0.4], abs=1e-6)


def test_a_weaker_fan_comes_to_a_new_balance():
    event = FanFailure(start=0, left=0.25, volume=500, airflow=10)
    assert event.over(np.full(1, 0.3), np.array([86400.0]))[0] == pytest.approx(1.2)


def test_emission_and_airflow_may_change_in_steps():
    event = Ventilation(start=100, changes=((0, 1, 3), (5000, 2, 3)), volume=300, airflow=10)
    level = event.over(np.full(3, 0.2), np.array([99.0, 5099, 9000]))
    assert level.tolist() == pytest.approx([0.2, 0.6, 0.3], rel=1e-6)


@pytest.mark.parametrize("fade", [20.0, 250.0, 250.0001, 900.0])
def test_an_outburst_is_what_integration_says_and_its_gas_balances(fade):
    event = Outburst(start=0, gas=80, fade=fade, volume=5000, airflow=20)
    at = np.linspace(0, 30 * max(fade, 250), 4000)
    solved = solve_ivp(
        lambda t, c: (100 * 80 / fade * np.exp(-t / fade) - 20 * c) / 5000,
        (0, at[-1]), [0.0], t_eval=at, rtol=1e-9, atol=1e-12,
    )  # fmt: skip
    assert event.percent(at) == pytest.approx(solved.y[0], abs=2e-6)
    assert np.trapezoid(event.percent(at), at) * 20 / 100 == pytest.approx(80, rel=1e-3)


def test_an_outburst_is_seen_in_the_sensors_unit_and_takes_oxygens_place():
    event = Outburst(start=0, gas=400, fade=60)
    at = np.array([-5.0, 60, 300])
    percent = event.percent(at)
    assert percent[0] == 0
    assert percent.max() > 3
    assert event.seen_by(CH4).over(np.full(3, 0.2), at) == pytest.approx(0.2 + percent)
    assert event.seen_by(LEL).over(np.full(3, 4.0), at) == pytest.approx(4.0 + 20 * percent)
    assert event.seen_by(O2).over(np.full(3, 20.8), at) == pytest.approx(20.8 * (1 - percent / 100))
    assert Outburst(start=0, gas=1e6).seen_by(CH4).over(np.zeros(1), np.array([100.0]))[0] == 100.0


def test_co_doubles_in_its_time_and_takes_oxygen_by_grahams_ratio():
    event = Heating(start=0, doubling=3600, first=2, graham=0.8)
    at = np.arange(1, 6) * 3600.0
    co = event.seen_by(CO).over(np.full(5, 4.0), at) - 4.0
    assert np.diff(co) == pytest.approx(2 * 2.0 ** np.arange(1, 5))
    lost = 20.9 - event.seen_by(O2).over(np.full(5, 20.9), at)
    assert 100 * (co * 1e-4) / lost == pytest.approx(0.8)


def test_a_heating_that_is_put_out_fades_and_is_capped():
    event = Heating(start=0, doubling=60, first=1, most=500, calms=1200, fades=300)
    assert event.ppm(np.array([-10.0, 0, 1200, 1500])) == pytest.approx([0, 0, 500, 500 / np.e])
    assert event.end == 1200 + 4 * 300


@pytest.mark.parametrize("event", [PressureFall(start=3600, fall=12, lasts=8 * 3600), Weather(swing=5, seed=3)])
def test_gas_follows_the_rate_of_the_pressure(event):
    at = np.arange(0, 86400.0, 600)
    pressure = event.seen_by(Sensor("p", "shaft", "pressure", "hPa")).over(np.full(len(at), 1010.0), at)
    rate = np.gradient(pressure, at) * 3600
    gas = event.seen_by(CH4).over(np.full(len(at), 0.4), at)
    inner = slice(2, -2)
    assert gas[inner] / 0.4 == pytest.approx(np.maximum(1 - 0.3 * rate[inner], 0.3), abs=0.03)
    assert gas.max() > 0.42


def test_a_fall_falls_as_far_as_it_says_and_stays():
    event = PressureFall(start=0, fall=12, lasts=36_000)
    assert event.change(np.array([-1.0, 18_000, 36_000, 90_000])).tolist() == pytest.approx([0, -6, -12, -12])


def test_weather_swings_as_much_as_it_says_and_is_shared_by_seed():
    at = np.arange(0, 365 * 86400.0, 3600)
    change = Weather(swing=6, seed=2).change(at)
    assert change.std() == pytest.approx(6, rel=0.1)
    assert np.array_equal(change, Weather(swing=6, seed=2).change(at))
    assert np.corrcoef(change, Weather(swing=6, seed=4).change(at))[0, 1] < 0.5
    assert np.abs(Weather(swing=6, seed=2).rate(at)).max() < 4


def test_air_carries_a_plume_on_later_and_weaker():
    event = Outburst(start=0, gas=100, fade=30)
    at = np.arange(0, 600.0, 5)
    there = Reaching(event, delay=50, factor=0.3).seen_by(CH4).over(np.full(len(at), 0.2), at) - 0.2
    here = event.seen_by(CH4).over(np.full(len(at), 0.2), at) - 0.2
    assert there[10:] == pytest.approx(0.3 * here[:-10])
    assert there[:10] == pytest.approx(0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: FanFailure(start=5, end=5), "end > start"),
        (lambda: FanFailure(start=0, left=1), "left from 0"),
        (lambda: FanFailure(start=0, airflow=0), "airflow > 0"),
        (lambda: Ventilation(start=0, changes=((5, 1, 1), (5, 1, 1))), "ascending"),
        (lambda: Ventilation(start=0, changes=((0, 1),)), "changes ="),
        (lambda: Ventilation(start=0, changes=((0, -1, 1),)), "shares >= 0"),
        (lambda: Outburst(start=0, gas=0), "gas, fade"),
        (lambda: Heating(start=0, doubling=0), "above 0"),
        (lambda: Heating(start=0, doubling=5, calms=0), "calms > start"),
        (lambda: PressureFall(start=0, fall=0, lasts=5), "fall > 0"),
        (lambda: Outburst(start=0, gas=5).seen_by(Sensor("x", "a", "methane", "mm")), "mm"),
    ],
)
def test_nonsense_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()
