"""health.noisy. Oracle: scipy's normal quantile for the constant, numpy's diff and median for the estimate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.health.noisy import NORMAL, Noisy
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DETECTOR = Noisy()


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    size = np.repeat([0.1, 1.0, 0.1, 0.1], 80)[:, None]
    return readings(seed, inputs, 5 + size * rng.normal(0, 1, (320, inputs)), bad=0.03)


SAMPLE = Sample(DETECTOR, lambda n: Subjects.simple(n, unit="mm", noise=0.1), stream)


def told(values: Any, every: int = SECOND, **subject: Any) -> Outcome:
    return evaluate(DETECTOR, np.arange(len(values)) * every, values, **{"noise": 0.1, **subject})


def test_the_constant_is_that_of_the_normal_distribution() -> None:
    assert pytest.approx(np.sqrt(2) * norm.ppf(0.75), rel=1e-14) == NORMAL


def test_the_noise_is_the_median_of_the_differences() -> None:
    values = np.random.default_rng(1).normal(0, 0.1, 300)
    drawn = told(values).columns[0]
    windows = np.lib.stride_tricks.sliding_window_view(np.abs(np.diff(values)), 31)
    np.testing.assert_allclose(drawn.value, np.median(windows, axis=1) / NORMAL, rtol=1e-14)
    assert drawn.time[0] == 31 * SECOND


def test_it_finds_the_true_noise_of_a_moving_value() -> None:
    values = np.random.default_rng(2).normal(0, 0.1, 20_000) + 0.02 * np.arange(20_000)
    assert np.mean(told(values).columns[0].value) == pytest.approx(0.1, rel=0.05)


def test_the_declared_noise_raises_nothing_in_20000_readings_and_four_times_as_much_does_at_once() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate((rng.normal(0, 0.1, 20_000), rng.normal(0, 0.5, 100)))
    found = told(values).findings
    assert [f.verdict for f in found] == [Verdict.CLEAR, Verdict.ACTIVE]
    assert 20_000 < found[-1].time // SECOND < 20_031
    assert found[-1].limit == pytest.approx(0.3)
    assert found[-1].why.numbers == {"declared": 0.1}


def test_single_spikes_are_not_noise() -> None:
    values = np.random.default_rng(4).normal(0, 0.1, 2000)
    values[::10] += 50
    assert [f.verdict for f in told(values).findings] == [Verdict.CLEAR]


def test_a_quantised_sensor_on_the_edge_of_two_steps_is_not_noisy() -> None:
    values = np.random.default_rng(5).integers(0, 2, 5000).astype(float)
    assert [f.verdict for f in told(values, noise=0.05, quantum=1.0).findings] == [Verdict.CLEAR]


def test_a_step_across_a_gap_is_not_compared() -> None:
    values = np.tile([0.0, 5.0], 100)
    assert told(values, 10 * SECOND, interval=1.0).findings == []
    assert [f.verdict for f in told(values, 5 * SECOND, interval=1.0).findings] == [Verdict.ACTIVE]


@pytest.mark.parametrize("parameters", [{"factor": 1.0}, {"noise": 0.0}, {"readings": 30}, {"readings": 9}])
def test_nonsense_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Noisy(**parameters)


def test_a_sensor_of_unknown_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="s0 declares no noise; give"):
        DETECTOR.start(Subjects.simple(1))
    assert Noisy(noise=0.2).start(Subjects.simple(1)).noise.tolist() == [0.2]
