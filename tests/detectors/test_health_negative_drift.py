"""health.negative_drift. Oracle: the closed form of exponential smoothing for a constant, a step and a ramp."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.health.negative_drift import NegativeDrift
from detectors.reading import Batch, Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

HOUR = NegativeDrift(limit=0.05, window=3600.0)
STEP = 30 * SECOND


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    zero = np.repeat([0.0, -0.1, 0.3, 0.0, -0.2, 0.02], 60)[:, None]
    return readings(seed, inputs, zero + rng.normal(0, 0.01, (360, inputs)), every=STEP)


SAMPLE = Sample(HOUR, lambda n: Subjects.simple(n, unit="%vol"), stream)


def told(values: Any, detector: NegativeDrift = HOUR, quality: Any = None) -> Outcome:
    return evaluate(detector, np.arange(len(values)) * STEP, values, quality=quality)


def test_a_step_below_zero_is_followed_as_the_closed_form_says() -> None:
    values = np.where(np.arange(400) <= 150, 0.0, -0.1)
    zero = told(values).columns[0]
    after = (zero.time // STEP - 150).clip(0)
    expected = -0.1 * (1 - np.exp(-after * 30.0 / 3600.0))
    np.testing.assert_allclose(zero.value, expected, rtol=1e-12, atol=1e-15)


def test_it_alarms_at_the_reading_the_closed_form_names() -> None:
    values = np.where(np.arange(400) <= 150, 0.0, -0.1)
    found = told(values).findings
    trip = 150 + int(np.ceil(-np.log(1 - 0.05 / 0.1) * 3600 / 30))
    assert [(f.time // STEP, f.verdict) for f in found] == [(120, Verdict.CLEAR), (trip, Verdict.ACTIVE)]
    assert found[-1].limit == -0.05


def test_a_ramp_is_seen_about_a_window_late() -> None:
    rate = -1e-4
    zero = told(rate * np.arange(3000)).columns[0]
    keep = np.exp(-30.0 / 3600.0)
    lag = keep / (1 - keep)
    assert zero.value[-1] == pytest.approx(rate * (2999 - lag), rel=1e-9)
    assert lag * 30 == pytest.approx(3600, rel=0.01)


def test_noise_about_zero_is_no_drift() -> None:
    values = np.random.default_rng(3).normal(0, 0.05, 20_000)
    assert [f.verdict for f in told(values).findings] == [Verdict.CLEAR]


def test_nothing_is_said_before_one_window_of_readings_and_a_gap_is_not_one() -> None:
    assert told(np.full(120, -1.0)).findings == []
    assert [f.verdict for f in told(np.full(121, -1.0)).findings] == [Verdict.ACTIVE]
    assert evaluate(HOUR, [0, 10**15], [-1.0, -1.0]).findings == []


def test_an_hour_of_gas_does_not_hide_a_sunk_zero() -> None:
    day = NegativeDrift(limit=0.05, window=86_400.0)
    values = np.full(6000, -0.1)
    values[4000:4120] = 3.0
    assert [f.verdict for f in told(values, day).findings] == [Verdict.ACTIVE]


def test_readings_below_the_span_are_its_food_and_those_above_it_are_not() -> None:
    below = told(np.full(200, -0.1), quality=np.full(200, Quality.OUT_OF_SPAN))
    assert [f.verdict for f in below.findings] == [Verdict.ACTIVE]
    state = HOUR.start(Subjects.simple(1))
    HOUR.step(state, Batch.of(10**15, [0] * 200, np.arange(200) * STEP, np.full(200, -0.1)))
    high = Batch.of(10**15, [0] * 900, np.arange(200, 1100) * STEP, np.full(900, 9.0), quality=np.full(900, 2))
    assert HOUR.step(state, high).findings == []
    assert state.verdict[0] == Verdict.ACTIVE


@pytest.mark.parametrize("parameters", [{"limit": 0.0}, {"limit": 1.0, "window": 1.0}, {"limit": float("nan")}])
def test_nonsense_is_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        NegativeDrift(**parameters)
