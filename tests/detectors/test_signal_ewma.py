"""signal.ewma. Oracle: a plain Python loop; run lengths of the integral equation (statistics 3) within 3 standard
errors. The baseline, the way through a batch and the wish for false alarms are signal.cusum's and tested there, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import evaluate
from detectors.charting import NARROW
from detectors.detector import Outcome, Subjects, Verdict
from detectors.reading import Batch, Quality
from detectors.run_length import ewma_run_length
from detectors.signal.ewma import Ewma
from detectors.state import arrays_of
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

KNOWN: dict[str, float] = {"mean": 0.0, "sigma": 1.0}


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    step = np.arange(420)[:, None]
    shift = np.where((step > 180) & (step < 260), 2.5, 0.0)
    return readings(seed, inputs, 10 + shift + rng.normal(0, 1, (420, inputs)), gap=(300, 312))


SAMPLE = Sample(Ewma(limit=3.5, learn=100), lambda n: Subjects.simple(n, unit="Pa", interval=1.0), stream)


def told(detector: Ewma, values: Any, quality: Any = None, **subject: Any) -> Outcome:
    return evaluate(detector, np.arange(len(values)) * SECOND, values, quality=quality, **{"interval": 1.0, **subject})


def verdicts(outcome: Outcome) -> list[Verdict]:
    return [f.verdict for f in outcome.findings]


def run_length(detector: Ewma, values: NDArray[np.float64]) -> tuple[float, float]:
    """(mean readings to an alarm, by exposure; its standard error): who alarms starts anew at 0."""
    state = detector.start(Subjects.simple(values.shape[1], interval=1.0))
    sensors, alarms = np.arange(values.shape[1]), 0
    for k, row in enumerate(values):
        detector.step(state, Batch.of(k * SECOND, sensors, np.full(len(sensors), k * SECOND), row))
        hit = np.flatnonzero(state.verdict == Verdict.ACTIVE)
        alarms += len(hit)
        state.level[hit], state.verdict[hit] = 0.0, 0
    return values.size / alarms, values.size / alarms / np.sqrt(alarms)


def correlated(seed: int, phi: float, steps: int, sensors: int) -> NDArray[np.float64]:
    """Stationary AR(1), standard deviation 1."""
    noise = np.random.default_rng(seed).normal(0, 1, (steps, sensors))
    for k in range(1, steps):
        noise[k] = phi * noise[k - 1] + np.sqrt(1 - phi * phi) * noise[k]
    return noise


def test_the_average_is_that_of_a_plain_loop() -> None:
    values = np.random.default_rng(1).normal(0.2, 1, 500)
    (column,) = told(Ewma(limit=3.0, weight=0.2, clip=100.0, **KNOWN), values).columns
    level, wanted = 0.0, []
    for z in values.tolist():
        level = 0.2 * z + 0.8 * level
        wanted.append(level / (3.0 * np.sqrt(0.2 / 1.8)))
    np.testing.assert_allclose(column.value, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("weight", "limit", "shift"),
    [(0.1, 2.814, 0.0), (0.25, 2.998, 0.0), (0.4, 3.054, 0.0), (0.1, 2.814, 0.5), (0.05, 2.615, 1.0)],
)
def test_its_run_lengths_are_the_integral_equations(weight: float, limit: float, shift: float) -> None:
    wanted = ewma_run_length(weight, limit, shift)
    steps = min(2500, int(wanted * 60))
    values = np.random.default_rng(int(weight * 100 + shift * 7)).normal(shift, 1, (steps, 500))
    found, error = run_length(Ewma(limit=limit, weight=weight, clip=100.0, **KNOWN), values)
    assert abs(found - wanted) < 3 * error + (wanted * wanted / steps if shift else 0.0)


def test_whitened_correlated_readings_alarm_as_seldom_as_independent_ones() -> None:
    values = correlated(3, 0.5, 3000, 1000)
    white, _ = run_length(Ewma(limit=2.814, phi=0.5, **KNOWN), values)
    raw, _ = run_length(Ewma(limit=2.814, **KNOWN), values[:500])
    assert white == pytest.approx(ewma_run_length(0.1, 2.814), rel=0.10)
    assert raw < 100


@pytest.mark.parametrize("phi", [0.0, 0.5])
def test_a_fleet_that_learned_alarms_as_often_as_was_wished(phi: float) -> None:
    wished, learn = 2000.0, 500
    detector = Ewma(false_alarms=30.44 * 86_400 / wished, learn=learn)
    values = correlated(5, phi, learn + 2000, 1000)
    length, _ = run_length(detector, values)
    judged = length * 2000 / (2000 + learn)
    assert 0.5 < wished / judged < 1.1


def test_the_limit_follows_the_wished_false_alarms_and_the_interval() -> None:
    def limit(every: float, wished: float) -> float:
        return float(Ewma(false_alarms=wished, **KNOWN).start(Subjects.simple(1, interval=every)).limit[0])

    seldom = limit(1.0, 0.04)
    assert ewma_run_length(0.1, seldom) == pytest.approx(30.44 * 86_400 / 0.04, rel=0.01)
    assert limit(60.0, 0.04) < seldom < limit(1.0, 0.004)


def test_a_shift_is_one_onset_told_with_its_size_and_its_end_is_told() -> None:
    steps = np.arange(4000)
    values = np.random.default_rng(5).normal(7, 2, 4000) - np.where((steps >= 2000) & (steps < 3000), 4.0, 0)
    found = told(Ewma(false_alarms=0.04), values).findings
    assert [f.verdict for f in found] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    assert 2005 < found[1].time / SECOND < 2030
    assert found[1].why.numbers["shift"] == pytest.approx(-4.0, abs=1.5)
    assert found[1].why.numbers["normal"] == pytest.approx(7.0, abs=0.2)


def test_the_frozen_baseline_finds_a_drift_that_a_following_one_swallows() -> None:
    values = np.random.default_rng(7).normal(0, 1, 4000) + np.clip(np.arange(4000) - 1500, 0, None) * 0.001
    following, residual = 0.0, np.empty(4000)
    for k, x in enumerate(values.tolist()):
        residual[k] = x - following
        following += 0.01 * residual[k]
    assert verdicts(told(Ewma(limit=4.5, **KNOWN), residual)) == [Verdict.CLEAR]
    found = told(Ewma(limit=4.5, learn=1000), values).findings
    assert [f.verdict for f in found[:2]] == [Verdict.CLEAR, Verdict.ACTIVE]
    assert found[-1].verdict is Verdict.ACTIVE
    assert 1500 < found[1].time / SECOND <= found[-1].time / SECOND < 2500


def test_single_spikes_do_not_alarm() -> None:
    values = np.zeros(400)
    values[::50] = 1e6
    assert verdicts(told(Ewma(limit=4.0, **KNOWN), values)) == [Verdict.CLEAR]


def test_a_quantised_sensor_at_rest_has_its_quantum_for_a_noise_and_one_without_stays_unknown() -> None:
    values = np.concatenate((np.full(1050, 5.0), np.full(100, 7.0)))
    assert verdicts(told(Ewma(limit=4.0), values, quantum=1.0)) == [Verdict.CLEAR, Verdict.ACTIVE]
    assert told(Ewma(limit=4.0), values).findings == []


def test_bad_and_late_readings_say_nothing_and_clear_nothing() -> None:
    values = np.concatenate((np.full(20, 3.0), np.zeros(200)))
    marks = np.where(np.arange(220) < 20, 0, int(Quality.LATE | Quality.OUT_OF_SPAN)).astype(np.uint8)
    assert verdicts(told(Ewma(limit=3.0, **KNOWN), values, quality=marks))[-1] is Verdict.ACTIVE


@given(st.integers(0, 2**32), st.sampled_from([1, 2, NARROW, 60]))
@settings(max_examples=10, deadline=None)
def test_every_way_through_a_batch_rounds_alike(seed: int, sensors: int) -> None:
    rng = np.random.default_rng(seed)
    detector = Ewma(limit=2.5, learn=100, weight=0.3)
    sensor = np.where(rng.random(2000) < 0.3, 0, rng.integers(0, sensors, 2000))
    times, values, rows = np.arange(2000) * SECOND, rng.normal(0.3, 1, 2000), np.arange(2000)
    said = []
    for size in (1, 7, 400, 2000):
        state = detector.start(Subjects.simple(sensors, interval=1.0))
        findings = []
        for k in range(0, 2000, size):
            at = slice(k, k + size)
            findings += detector.step(state, Batch.of(0, sensor[at], times[at], values[at], row=rows[at])).findings
        said.append((repr(findings), {name: array.tobytes() for name, array in arrays_of(state).items()}))
    assert all(s == said[0] for s in said)


@pytest.mark.parametrize(
    "wrong", [{"false_alarms": -1.0}, {"limit": 0.0}, {"weight": 0.0}, {"weight": 1.1}, {"learn": 10}, {"phi": -0.1}]
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Ewma(**wrong)
