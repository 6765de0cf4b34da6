"""slope.slo. Oracle: for a = 2, v = 1/(A (tf - t)), t v = tf v - 1/A exactly; scipy.stats.linregress for the band."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.slope.slo import Slo, slo
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DAY = 86_400.0
BEGIN = 1_700_000_000
A, TF = 0.02, 60.0


def creep(days: np.ndarray, a: float = A, tf: float = TF) -> np.ndarray:
    return -np.log(1 - days / tf) / a


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    days = np.minimum(np.arange(300) / 12, 19.5)[:, None]
    moved = creep(days, 0.03, 20.0) + rng.normal(0, 0.2, (300, inputs))
    return readings(seed, inputs, moved, every=7200 * SECOND, bad=0.03)


SAMPLE = Sample(
    Slo(within=4 * DAY, spacing=DAY / 2),
    lambda n: Subjects.simple(n, unit="mm", noise=0.2),
    stream,
    instants=("failure_from", "failure_to"),
)


def said(detector: Slo, days: np.ndarray, values: np.ndarray, noise: float = 0.05) -> Outcome:
    times = np.rint((BEGIN + days * DAY) * SECOND).astype(np.int64)
    return evaluate(detector, times, values, unit="mm", noise=noise)


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


@pytest.mark.parametrize("seed", range(4))
def test_a_still_slope_and_steady_creep_forecast_nothing(seed: int) -> None:
    days = np.arange(0, 100, 0.25)
    noise = np.random.default_rng(seed).normal(0, 0.5, 400)
    detector = Slo(within=8 * DAY, spacing=DAY)
    assert not said(detector, days, noise, 0.5).findings
    creeping = said(detector, days, 5 * days + noise, 0.5)
    assert [f.verdict for f in creeping.findings] == [Verdict.CLEAR]
    assert not creeping.columns


def test_slowing_down_ends_the_alarm() -> None:
    days = np.arange(0, 75.0)
    outcome = said(Slo(within=8 * DAY, spacing=DAY), days, creep(np.minimum(days, 57)) + np.maximum(0, days - 57) * 2)
    verdicts = [f.verdict for f in outcome.findings]
    assert verdicts[-2:] == [Verdict.ACTIVE, Verdict.CLEAR]


@pytest.mark.parametrize("parameters", [{"within": 1.0}, {"spacing": 0.0}, {"points": 3}, {"confidence": 95.0}])
def test_nonsense_is_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        Slo(**{"within": DAY, "spacing": DAY, **parameters})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="declares no noise"):
        Slo(DAY, DAY).start(Subjects.simple(1))
