"""slope.slo. Oracle: for a = 2, v = 1/(A (tf - t)), t v = tf v - 1/A exactly; scipy.stats.linregress for the band."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.detector import Verdict
from detectors.slope.slo import Slo, slo
from tests.creep import BEGIN, DAY, TF, A, creep, said, sample
from tests.strategies import SECOND

SAMPLE = sample(Slo(within=4 * DAY, spacing=DAY / 2))


def test_an_exact_velocity_gives_the_time_of_failure() -> None:
    time = np.array([30.0, 33, 37, 40, 44]) - 44
    band = slo(time, 1 / (A * (TF - 44 - time)), 0.95)
    assert band is not None
    assert (band.best, band.earliest, band.latest) == (pytest.approx(16.0, rel=1e-10),) * 3


def test_the_slope_and_its_band_are_those_of_linregress() -> None:
    rng = np.random.default_rng(1)
    time = np.arange(9.0) - 8
    velocity = 1 / (A * (12 - time)) * (1 + rng.normal(0, 0.05, 9))
    fit = stats.linregress(velocity, time * velocity)
    band = slo(time, velocity, 0.9)
    assert band is not None
    half = stats.t.ppf(0.95, 7) * fit.stderr
    assert (band.best, band.earliest, band.latest) == pytest.approx((fit.slope, fit.slope - half, fit.slope + half))


def test_velocities_that_are_all_the_same_have_no_slope() -> None:
    assert slo(np.arange(5.0), np.full(5, 2.0), 0.95) is None


def test_the_detector_brackets_the_failure_and_alarms_before_it() -> None:
    days = np.arange(0, 57.1, 0.25)
    outcome = said(Slo(within=8 * DAY, spacing=DAY), days, creep(days) + np.random.default_rng(3).normal(0, 0.02, 229))
    active = [f for f in outcome.findings if f.verdict is Verdict.ACTIVE]
    assert 45 < (active[0].time / SECOND - BEGIN) / DAY < 57
    columns = {c.name: (c.value - BEGIN) / DAY for c in outcome.columns}
    assert columns["failure_from"][-1] < columns["failure_to"][-1]
    assert columns["failure_from"][-1] == pytest.approx(TF, abs=0.6)
    assert columns["failure_to"][-1] == pytest.approx(TF, abs=0.6)
