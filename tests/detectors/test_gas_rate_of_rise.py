"""gas.rate_of_rise. Oracle: scipy.stats.theilslopes to 1e-12; a noiseless ramp in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import theilslopes

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.gas.rate_of_rise import RateOfRise
from detectors.reading import Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

BEGIN = 1_700_000_000 * SECOND
CH4 = RateOfRise(limit=0.1, floor=0.3, threshold=1.0)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    step = np.arange(260)[:, None]
    ramp = np.clip((step - 80) * 0.04, 0, 2.0) - np.clip((step - 160) * 0.04, 0, 2.0)
    values = 0.25 + ramp + rng.normal(0, 0.01, (260, inputs))
    return readings(seed, inputs, values, every=15 * SECOND, gap=(220, 240))


SAMPLE = Sample(CH4, lambda n: Subjects.simple(n, unit="%vol", interval=15.0), stream)


def said(values: Any, detector: RateOfRise = CH4, every: int = 10, **more: Any) -> Outcome:
    times = BEGIN + np.arange(len(values)) * every * SECOND
    return evaluate(detector, times, values, **{"unit": "%vol", "interval": float(every), **more})


def column(outcome: Outcome, name: str) -> Any:
    return next((c.value for c in outcome.columns if c.name == name), np.zeros(0))


def test_rate_and_interval_are_scipys() -> None:
    rng = np.random.default_rng(7)
    values = 0.2 + np.arange(90) * 0.01 + rng.normal(0, 0.05, 90)
    outcome = said(values)
    for k in (5, 40, 59, 89):
        inside = slice(max(0, k - 59), k + 1)
        minutes = np.arange(90)[inside] / 6
        theirs = theilslopes(values[inside], minutes)
        for name, want in (("rate", theirs[0]), ("rate_low", theirs[2]), ("rate_high", theirs[3])):
            assert column(outcome, name)[k - 5] == pytest.approx(want, rel=1e-9, abs=1e-12), name


def test_a_ramp_reaches_the_threshold_when_the_closed_form_says() -> None:
    """0.12 %vol/min from 0.4 %vol: after 3 min at 0.76, 2 min from 1.0."""
    values = 0.4 + 0.02 * np.arange(19)
    outcome = said(values)
    assert column(outcome, "rate")[-1] == pytest.approx(0.12, rel=1e-9)
    for name in ("seconds_from", "seconds_to"):
        assert column(outcome, name)[-1] == pytest.approx(120.0, rel=1e-9)
    (active,) = outcome.findings
    assert (active.verdict, active.value) == (Verdict.ACTIVE, pytest.approx(0.12))
    assert active.why.numbers["seconds_to"] == pytest.approx((1.0 - active.why.numbers["level"]) / 0.12 * 60)  # type: ignore[operator]


def test_the_truth_lies_in_the_interval_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    inside = 0
    for _ in range(300):
        outcome = said(0.5 + 0.03 * np.arange(30) / 6 + rng.normal(0, 0.05, 30))
        inside += column(outcome, "rate_low")[-1] <= 0.03 <= column(outcome, "rate_high")[-1]
    assert 0.91 <= inside / 300 <= 0.99


def test_noise_below_the_limit_of_certainty_is_no_rise_and_has_no_time() -> None:
    outcome = said(0.5 + np.random.default_rng(3).normal(0, 0.5, 12))
    assert all(f.verdict is not Verdict.ACTIVE for f in outcome.findings)
    assert len(column(outcome, "seconds_from")) < len(column(outcome, "rate"))


def test_below_the_floor_no_rise_alarms() -> None:
    values = 0.02 * np.arange(14)
    assert [f.verdict for f in said(values).findings] == [Verdict.CLEAR]


def test_one_spike_is_no_rise() -> None:
    values = np.full(40, 0.5)
    values[20] = 3.0
    assert [f.verdict for f in said(values).findings] == [Verdict.CLEAR]


def test_at_full_scale_it_does_not_end() -> None:
    values = np.minimum(0.4 + 0.1 * np.arange(200), 4.0)
    assert [f.verdict for f in said(values, span=(0.0, 4.0)).findings] == [Verdict.ACTIVE]
    assert [f.verdict for f in said(values, span=(0.0, 40.0)).findings] == [Verdict.ACTIVE, Verdict.CLEAR]


def test_a_gap_makes_a_clear_verdict_unknown_and_leaves_an_active_one() -> None:
    flat = said(np.full(12, 0.5), until=BEGIN + 3600 * SECOND)
    assert [(f.verdict, f.at - BEGIN) for f in flat.findings] == [
        (Verdict.CLEAR, 50 * SECOND),
        (Verdict.UNKNOWN, (110 + 300) * SECOND),
    ]
    ramp = said(0.4 + 0.02 * np.arange(12), until=BEGIN + 3600 * SECOND)
    assert [f.verdict for f in ramp.findings] == [Verdict.ACTIVE]


def test_after_a_gap_old_readings_make_no_slope() -> None:
    seconds = np.concatenate((np.arange(0, 120, 10), 3600 + np.arange(0, 40, 10)))
    outcome = evaluate(CH4, BEGIN + seconds * SECOND, np.full(16, 0.5), interval=10.0)
    assert [f.verdict for f in outcome.findings] == [Verdict.CLEAR, Verdict.UNKNOWN]


def test_a_late_reading_is_lost() -> None:
    values, marks = np.full(30, 0.5), np.zeros(30, np.uint8)
    values[20], marks[20] = 9.0, Quality.LATE
    times = BEGIN + np.arange(30) * 10 * SECOND
    with_it = evaluate(CH4, times, values, quality=marks, interval=10.0)
    without = evaluate(CH4, np.delete(times, 20), np.delete(values, 20), interval=10.0)
    assert column(with_it, "rate").tolist() == column(without, "rate").tolist()


def test_a_sensor_too_slow_for_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="reads each 300 s; give a window above 1800 s"):
        CH4.start(Subjects.simple(1, interval=300.0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0.0},
        {"floor": -1.0},
        {"reset": 0.2},
        {"threshold": 0.2},
        {"window": 5.0},
        {"least": 2},
        {"confidence": 95.0},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        RateOfRise(**{"limit": 0.1, "floor": 0.3, **wrong})


@pytest.mark.parametrize(("limit", "alarms"), [(0.25, True), (0.2500001, False)])
def test_a_rise_of_exactly_the_limit_alarms(limit: float, alarms: bool) -> None:
    """0.125 %vol each 30 s is 0.25 a minute, to the last bit."""
    outcome = said(0.5 + 0.125 * np.arange(12), RateOfRise(limit=limit, floor=0.25), every=30, span=(0.0, 100.0))
    assert (Verdict.ACTIVE in [f.verdict for f in outcome.findings]) == alarms
