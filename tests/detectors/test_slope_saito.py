"""slope.saito. Oracle: on x = -(1/A) ln(tf - t) the 1969 formula is exact."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.detector import Verdict
from detectors.slope.saito import Saito, middle_time, saito, saito_band
from tests.creep import BEGIN, DAY, TF, A, creep, said, sample
from tests.strategies import SECOND

SAMPLE = sample(Saito(within=4 * DAY, spacing=DAY / 2))


@pytest.mark.parametrize("step", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("tf", [10.0, 60.0])
def test_the_formula_is_exact_for_an_exponent_of_two(step: float, tf: float) -> None:
    start = -np.log(tf) / A
    first, second, third = (tf - np.exp(-A * (start + k * step)) for k in (1, 2, 3))
    assert saito(first, second, third) == pytest.approx(tf - first, rel=1e-9)


def test_without_acceleration_there_is_no_time() -> None:
    assert saito(0.0, 1.0, 2.0) is None
    assert saito(0.0, 1.0, 3.0) is None
    assert saito_band(1.0, 2.0, 0.1, 0.95) is None


def test_the_middle_time_lies_where_half_of_it_had_moved() -> None:
    at, place = np.array([0.0, 2.0, 3.0, 4.0]), np.array([0.0, 1.0, 3.0, 8.0])
    assert middle_time(at, place) == pytest.approx((3.2, 5.0))


def test_the_band_is_that_of_the_middle_time() -> None:
    band = saito_band(6.0, 10.0, 0.25, 0.95)
    assert band is not None
    low, high = (saito(0.0, 6.0 + sign * 1.959963985 * 0.25, 10.0) for sign in (1, -1))
    assert low is not None
    assert high is not None
    assert (band.earliest, band.best, band.latest) == pytest.approx((low - 10, 18.0 - 10, high - 10))


def test_a_middle_time_that_noise_may_put_anywhere_has_no_latest_end() -> None:
    band = saito_band(5.2, 10.0, 0.3, 0.95)
    assert band is not None
    assert band.latest is None
    assert band.earliest is not None


def test_the_band_holds_the_failure_of_noisy_creep_at_least_as_often_as_it_says() -> None:
    days = np.arange(0, 54.1, 1.0)
    held = []
    for seed in range(300):
        noisy = creep(days) + np.random.default_rng(seed).normal(0, 0.5, len(days))
        outcome = said(Saito(within=DAY, spacing=DAY, points=16), days, noisy, 0.5)
        newest = round((BEGIN + 54 * DAY) * SECOND)
        ends = {c.name: c.value[c.time == newest] for c in outcome.columns}
        if len(ends.get("failure_to", ())):
            held.append(ends["failure_from"][0] <= BEGIN + TF * DAY <= ends["failure_to"][0])
    assert len(held) > 250
    assert np.mean(held) >= 0.94


def test_it_alarms_before_the_failure() -> None:
    days = np.arange(0, 57.1, 0.25)
    outcome = said(Saito(within=8 * DAY, spacing=DAY), days, creep(days), 0.02)
    active = [f for f in outcome.findings if f.verdict is Verdict.ACTIVE]
    assert 45 < (active[0].time / SECOND - BEGIN) / DAY < 57
    ends = {c.name: (float(c.value[-1]) - BEGIN) / DAY for c in outcome.columns}
    assert ends["failure_from"] == pytest.approx(TF, abs=0.5)
    assert ends["failure_to"] == pytest.approx(TF, abs=0.5)
