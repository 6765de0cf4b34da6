"""slope.acceleration. Oracle: means of numpy.convolve over velocities of numpy.diff; the a = 2 law; a straight line."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.reading import Quality
from detectors.slope.acceleration import Acceleration
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DAY = 86_400.0
BEGIN = 1_700_000_000
DAILY = Acceleration(spacing=DAY)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    days = np.arange(500)[:, None] / 12
    moved = 2.0 * days - np.log(1 - np.clip(days - 12, 0, 14) / 16) * 40 + rng.normal(0, 0.2, (500, inputs))
    return readings(seed, inputs, moved, every=7200 * SECOND, bad=0.03)


SAMPLE = Sample(Acceleration(spacing=DAY / 2), lambda n: Subjects.simple(n, unit="mm", noise=0.2), stream)


def said(days: np.ndarray, values: np.ndarray, noise: float, detector: Acceleration = DAILY, **more: object) -> Outcome:
    times = np.rint((BEGIN + days * DAY) * SECOND).astype(np.int64)
    return evaluate(detector, times, values, unit="mm", noise=noise, **more)


def columns(outcome: Outcome) -> dict[str, np.ndarray]:
    return {c.name: c.value for c in outcome.columns}


@pytest.mark.parametrize(("short", "long"), [(3, 7), (1, 4), (5, 32)])
def test_its_means_are_those_of_numpy(short: int, long: int) -> None:
    rng = np.random.default_rng(3)
    days = np.arange(60.0)
    values = 5 * days + rng.normal(0, 0.5, 60)
    means = columns(said(days, values, 0.5, Acceleration(DAY, short, long)))
    velocity = np.diff(values)
    near = np.convolve(velocity, np.full(short, 1 / short), "valid")[long - short :]
    assert means["short"] == pytest.approx(near, rel=1e-9)
    assert means["long"] == pytest.approx(np.convolve(velocity, np.full(long, 1 / long), "valid"), rel=1e-9)


def test_the_onset_is_where_the_velocity_begins_to_grow() -> None:
    days = np.arange(40.0)
    outcome = said(days, 3 * days + 0.5 * np.maximum(0, days - 20) ** 2, 0.01)
    assert [f.verdict for f in outcome.findings] == [Verdict.CLEAR, Verdict.ACTIVE]
    assert (outcome.findings[1].time / SECOND - BEGIN) / DAY == pytest.approx(21)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_sign_of_the_movement_does_not_matter(sign: int) -> None:
    days = np.arange(58.0)
    outcome = said(days, sign * -np.log(1 - days / 60) / 0.02, 0.05)
    assert outcome.findings[-1].verdict is Verdict.ACTIVE
    assert columns(outcome)["short"][-1] > columns(outcome)["long"][-1] > 0


def test_slowing_down_clears_and_a_stop_leaves_it_standing_or_clear() -> None:
    days = np.arange(60.0)
    speed = np.interp(days, [0, 10, 20, 30, 60], [2, 2, 12, 2, 2])
    verdicts = [f.verdict for f in said(days, speed.cumsum(), 0.05).findings]
    assert verdicts == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]


@pytest.mark.parametrize("seed", range(5))
def test_noise_on_a_still_slope_crosses_often_and_is_never_told(seed: int) -> None:
    days = np.arange(0, 400.0)
    outcome = said(days, np.random.default_rng(seed).normal(0, 2, 400), 2.0)
    means = columns(outcome)
    assert np.count_nonzero(np.diff(means["short"] > means["long"])) > 40
    assert not outcome.findings


def test_noise_on_steady_creep_is_told_once() -> None:
    days = np.arange(0, 400.0)
    outcome = said(days, 5 * days + np.random.default_rng(1).normal(0, 1, 400), 1.0)
    assert [f.verdict for f in outcome.findings] == [Verdict.CLEAR]


def test_bad_and_late_readings_are_not_taken_and_a_gap_is_not_steady_movement() -> None:
    days = np.arange(30.0)
    quality = np.zeros(30, np.uint8)
    values = 3 * days
    values[12::5], quality[12::5] = 1e5, Quality.OUT_OF_SPAN
    assert [f.verdict for f in said(days, values, 0.1, quality=quality).findings] == [Verdict.CLEAR]
    gone = np.concatenate((np.arange(12.0), [40.0]))
    outcome = said(gone, 3 * gone, 0.1)
    assert [f.verdict for f in outcome.findings][:2] == [Verdict.CLEAR, Verdict.UNKNOWN]


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="declares no noise"):
        DAILY.start(Subjects.simple(1))
    with pytest.raises(ValueError, match="give the time between velocities"):
        Acceleration(spacing=0.0)
    with pytest.raises(ValueError, match="give 1 <= short < long"):
        Acceleration(spacing=DAY, short=7)


@pytest.mark.parametrize(("spacing", "alarms"), [(6 * 3600.0, True), (86_400.0, False)])
def test_a_daily_cycle_accelerates_between_hours_and_not_between_days(spacing: float, alarms: bool) -> None:
    hours = np.arange(0, 20 * 24)
    values = 10.0 * hours / 24 + 3.0 * np.sin(2 * np.pi * hours / 24) + np.random.default_rng(3).normal(0, 0.3, 480)
    times = 1_700_006_400 * SECOND + hours * 3600 * SECOND
    found = evaluate(Acceleration(spacing=spacing), times, values, unit="mm", noise=0.3)
    assert (Verdict.ACTIVE in [f.verdict for f in found.findings]) == alarms
