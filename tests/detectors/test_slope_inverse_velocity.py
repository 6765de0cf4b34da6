"""slope.inverse_velocity. Oracle: x(t) = -(1/A) ln(1 - t/tf), exact 1/v, and the table of reference slope 2.6."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.detector import Outcome, Subjects, Verdict
from detectors.slope.inverse_velocity import InverseVelocity, fieller, surprises
from tests.creep import BEGIN, DAY, TF, A, creep, said, sample
from tests.strategies import SECOND

TABLE = InverseVelocity(within=30 * DAY, spacing=3 * DAY, points=5)
"""Setting of the table: 3-day velocities, 5 of them, without overlap."""


SAMPLE = sample(InverseVelocity(within=4 * DAY, spacing=DAY / 2))


def forecast(days: np.ndarray, values: np.ndarray, noise: float, detector: InverseVelocity = TABLE) -> Outcome:
    return said(detector, days, values, noise)


def ends(outcome: Outcome, day: float) -> dict[str, float]:
    """Days of the ends that were said at the reading of that day."""
    time = round((BEGIN + day * DAY) * SECOND)
    return {
        c.name: (float(c.value[c.time == time][0]) - BEGIN) / DAY for c in outcome.columns if (c.time == time).any()
    }


def test_an_exact_inverse_velocity_gives_the_time_of_failure() -> None:
    time = np.array([30.0, 33, 37, 40, 44]) - 44
    band = fieller(time, A * (TF - 44 - time), 0.95)
    assert band is not None
    assert band.best == pytest.approx(16.0, rel=1e-10)
    assert (band.earliest, band.latest) == (pytest.approx(16.0, rel=1e-6), pytest.approx(16.0, rel=1e-6))


def test_fiellers_band_solves_its_own_equation() -> None:
    rng = np.random.default_rng(2)
    time = np.arange(8.0) - 7
    inverse = 0.3 - 0.03 * time + rng.normal(0, 0.01, 8)
    band = fieller(time, inverse, 0.95)
    assert band is not None
    slope, cut = np.polyfit(time, inverse, 1)
    scatter = np.sum((inverse - slope * time - cut) ** 2) / 6
    quantile = stats.t.ppf(0.975, 6)
    for end in (band.earliest, band.latest):
        assert end is not None
        error = scatter * (1 / 8 + (end - time.mean()) ** 2 / np.sum((time - time.mean()) ** 2))
        assert (cut + slope * end) ** 2 == pytest.approx(quantile**2 * error, rel=1e-6)


def test_a_slope_that_is_not_significant_has_no_latest_end() -> None:
    band = fieller(np.arange(5.0) - 4, np.array([1.0, 0.7, 1.1, 0.8, 0.75]), 0.95)
    assert band is not None
    assert band.latest is None


def test_a_slope_that_says_nothing_has_no_bound_at_all() -> None:
    band = fieller(np.arange(6.0) - 5, np.array([0.1, 0.8, 0.7, 0.1, 0.7, 0.1]), 0.95)
    assert band is not None
    assert (band.earliest, band.latest) == (None, None)


def test_a_rising_inverse_velocity_has_no_time_of_failure() -> None:
    assert fieller(np.arange(5.0), np.arange(5.0) + 1, 0.95) is None


def test_the_bias_of_three_day_differences_is_that_of_the_table() -> None:
    days = np.arange(0, 49, 3.0)
    middle = (days[1:] + days[:-1])[-5:] / 2
    band = fieller(middle - middle[-1], 3 / np.diff(creep(days))[-5:], 0.95)
    assert band is not None
    assert abs(band.best + middle[-1] - TF) == pytest.approx(0.08, abs=0.005)


@pytest.mark.parametrize(("noise", "half", "ninety"), [(0.05, 0.22, 0.54), (0.2, 0.9, 2.1), (0.5, 2.2, 5.3)])
def test_the_error_and_the_coverage_are_those_of_the_table(noise: float, half: float, ninety: float) -> None:
    rng = np.random.default_rng(26)
    days = np.arange(0, 49, 3.0)  # every third of the daily readings up to day 50: the last is day 48
    errors, covered, runs = [], 0, 800
    for _ in range(runs):
        x = creep(days) + rng.normal(0, noise, len(days))
        v = np.diff(x)[-5:] / 3
        middle = (days[1:] + days[:-1])[-5:] / 2
        band = fieller(middle - middle[-1], 1 / v, 0.95)
        assert band is not None
        errors.append(abs(band.best + middle[-1] - TF))
        low = -np.inf if band.earliest is None else band.earliest + middle[-1]
        high = np.inf if band.latest is None else band.latest + middle[-1]
        covered += low <= TF <= high
    assert np.quantile(errors, 0.5) == pytest.approx(half, rel=0.1)
    assert np.quantile(errors, 0.9) == pytest.approx(ninety, rel=0.12)
    assert covered / runs >= 0.93


def test_the_detector_says_what_the_kernel_says() -> None:
    rng = np.random.default_rng(5)
    days = np.arange(2, 51, 3.0)
    values = creep(days) + rng.normal(0, 0.05, len(days))
    told = ends(forecast(days, values, 0.05), 50.0)
    middle = (days[1:] + days[:-1])[-5:] / 2
    band = fieller((middle - middle[-1]) * DAY, 3 / np.abs(np.diff(values)[-5:]), 0.95)
    assert band is not None
    assert band.earliest is not None
    assert told["failure_from"] == pytest.approx(middle[-1] + band.earliest / DAY, abs=1e-6)


def test_the_band_narrows_as_failure_comes_near_and_it_alarms() -> None:
    detector = InverseVelocity(within=5 * DAY, spacing=DAY)
    rng = np.random.default_rng(9)
    days = np.arange(0, 59, 1 / 12)
    outcome = forecast(days, creep(days) + rng.normal(0, 0.1, len(days)), 0.1, detector)
    active = [f for f in outcome.findings if f.verdict is Verdict.ACTIVE]
    assert active
    alarmed = (active[0].time / SECOND - BEGIN) / DAY
    assert 48 < alarmed < 58
    named = {c.name: c for c in outcome.columns}
    shared = np.intersect1d(named["failure_from"].time, named["failure_to"].time)
    width = [
        float(named["failure_to"].value[named["failure_to"].time == t][0])
        - float(named["failure_from"].value[named["failure_from"].time == t][0])
        for t in shared
    ]
    assert np.median(width[-8:]) < np.median(width[:8]) / 3


def test_steady_creep_is_clear_and_a_still_slope_is_below_its_floor() -> None:
    days = np.arange(0, 40.0)
    steady = forecast(days, 5.0 * days, 0.1, InverseVelocity(within=5 * DAY, spacing=DAY))
    assert [f.verdict for f in steady.findings] == [Verdict.CLEAR]
    (inverse,) = steady.columns
    assert inverse.name == "inverse_velocity"
    assert inverse.value == pytest.approx(1 / 5, rel=1e-9), "days a mm"
    rng = np.random.default_rng(1)
    still = forecast(days, rng.normal(0, 0.5, len(days)), 0.5, InverseVelocity(within=5 * DAY, spacing=DAY))
    assert not [f for f in still.findings if f.verdict is Verdict.ACTIVE]


def test_slowing_down_ends_the_alarm() -> None:
    days = np.arange(0, 70.0)
    moved = creep(np.minimum(days, 57))
    outcome = forecast(days, moved, 0.05, InverseVelocity(within=8 * DAY, spacing=DAY))
    verdicts = [f.verdict for f in outcome.findings]
    assert verdicts.index(Verdict.ACTIVE) < len(verdicts) - 1
    assert Verdict.CLEAR in verdicts[verdicts.index(Verdict.ACTIVE) :]


def test_an_alarm_stands_while_no_forecast_can_be_made() -> None:
    speeds = [1.0, 1.3, 1.7, 2.4, 3.9, 9.0, 0.001]
    outcome = forecast(np.arange(8.0), np.cumsum([0.0, *speeds]), 0.01, InverseVelocity(within=5 * DAY, spacing=DAY))
    assert outcome.findings[-1].verdict is Verdict.ACTIVE
    still = forecast(np.arange(7.0), np.cumsum([0.0, *speeds[:6]]), 0.01, InverseVelocity(within=5 * DAY, spacing=DAY))
    assert still.findings == outcome.findings


@pytest.mark.parametrize("seed", range(6))
def test_a_still_slope_is_never_told_anything_but_unknown(seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = np.arange(0, 60, 1 / 48)
    still = forecast(days, rng.normal(0, 0.5, len(days)), 0.5, InverseVelocity(within=5 * DAY, spacing=DAY / 8))
    assert still.findings == []


@pytest.mark.parametrize("rate", [2.0, 3.0, 5.0, 20.0])
def test_steady_creep_near_and_above_the_floor_changes_its_verdict_rarely(rate: float) -> None:
    rng = np.random.default_rng(int(rate))
    days = np.arange(0, 120, 1 / 24)
    creeping = forecast(days, rate * days + rng.normal(0, 1, len(days)), 1.0, InverseVelocity(5 * DAY, DAY / 2))
    assert len(creeping.findings) <= 3  # of 240 knots
    assert not [f for f in creeping.findings if f.verdict is Verdict.ACTIVE]


@pytest.mark.parametrize("a", [1.5, 1.8, 2.2, 3.0])
def test_its_own_exponent_gives_the_time_of_failure(a: float) -> None:
    days = np.arange(0, 58.1, 0.25)
    power = 1 / (a - 1)  # v = k (tf - t)^-power
    moved = 100 / (1 - power) * (TF ** (1 - power) - (TF - days) ** (1 - power))
    told = ends(forecast(days, moved, 1e-4, InverseVelocity(5 * DAY, DAY / 2, exponent=a)), float(days[-1]))
    assert told["failure_from"] <= TF + 0.02
    assert told["failure_from"] == pytest.approx(TF, abs=0.1)
    assert told["failure_to"] == pytest.approx(TF, abs=0.1)


def test_a_change_of_trend_stops_the_forecast_and_a_new_line_is_fitted() -> None:
    days = np.arange(0, 60, 0.5)
    first = creep(np.minimum(days, 44), 0.03, 50.0)
    speed = 1 / (0.03 * (50.0 - 44))
    later = np.maximum(0, days - 44)  # the same velocity, but now towards a failure on day 80
    second = -np.log(1 - later / 36) * 36 * speed
    outcome = forecast(days, first + second, 1e-3, InverseVelocity(2 * DAY, DAY))
    columns = {c.name: c for c in outcome.columns}
    when = (columns["failure_from"].time / SECOND - BEGIN) / DAY
    end = (columns["failure_from"].value - BEGIN) / DAY
    assert end[(when > 40) & (when < 44)] == pytest.approx(50, abs=0.3)
    assert not ((when > 45.5) & (when < 48)).any()
    assert end[when > 52] == pytest.approx(80, abs=1.5)
    assert any(f.why.key.endswith("new_trend") for f in outcome.findings)


def test_points_of_one_line_do_not_surprise_and_another_does() -> None:
    time = np.arange(8.0) - 7
    line = 0.3 - 0.03 * time
    assert not surprises(time, line + 1e-6 * np.array([1, -1, 1, -1, 1, -1, 1, 0]), np.full(8, 1e-6))
    assert surprises(time, line + 0.02 * (time == 0), np.full(8, 1e-3))
    assert not surprises(time, line + 0.02 * (time == 0), np.full(8, 1e-2))


def test_a_sensor_without_declared_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="declares no noise"):
        TABLE.start(Subjects.simple(1))


@pytest.mark.parametrize(
    "parameters",
    [
        {"within": 1.0, "spacing": 60.0},
        {"within": 3600.0, "spacing": 0.0},
        {"within": 3600.0, "spacing": 60.0, "points": 3},
        {"within": 3600.0, "spacing": 60.0, "confidence": 95.0},
        {"within": 3600.0, "spacing": 60.0, "exponent": 1.0},
    ],
)
def test_nonsense_is_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        InverseVelocity(**parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [4, 5, 9])
@pytest.mark.parametrize("sigma", [0.0, 0.01])
def test_a_point_surprises_just_beyond_the_prediction_interval_of_the_line(count: int, sigma: float) -> None:
    """Student's t of count - 2 times the standard error of a prediction (numpy.polyfit), and the point's own noise."""
    time = np.arange(count + 1.0)
    past = 1.0 - 0.05 * time[:-1] + np.random.default_rng(count).normal(0, 0.02, count)
    line, covariance = np.polyfit(time[:-1], past, 1, cov="unscaled")
    variance = ((past - np.polyval(line, time[:-1])) ** 2).sum() / (count - 2)
    at = np.array([time[-1], 1.0])
    bound = stats.t.ppf(0.9995, count - 2) * np.sqrt(variance * (1 + at @ covariance @ at)) + 3 * sigma
    for beyond in (0.999, 1.001):
        newest = np.polyval(line, time[-1]) + beyond * bound
        noise = np.full(count + 1, sigma)
        assert surprises(time, np.append(past, newest), noise) == (beyond > 1)
