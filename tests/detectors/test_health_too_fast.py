"""health.too_fast. Oracle: scipy.signal.lsim of a first-order sensor, whose own response must always be possible."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.signal import lsim

from detectors import evaluate
from detectors.detector import Subjects, Verdict
from detectors.health.too_fast import DECADE, TooFast, reach
from detectors.reading import Batch, Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DETECTOR = TooFast(t90=20.0)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    values = 1 + rng.normal(0, 0.01, (200, inputs))
    values[rng.random((200, inputs)) < 0.04] = 3.5
    return readings(seed, inputs, values)


SAMPLE = Sample(DETECTOR, lambda n: Subjects.simple(n, unit="%vol", span=(0.0, 4.0), noise=0.01), stream)


def said(values: Any, detector: TooFast = DETECTOR, every: float = 1.0, **subject: Any) -> list[tuple[int, Verdict]]:
    times = np.rint(np.arange(len(values)) * every * SECOND).astype(np.int64)
    found = evaluate(detector, times, values, span=(0.0, 4.0), **subject).findings
    return [(round(f.time / every / SECOND), f.verdict) for f in found]


@pytest.mark.parametrize("every", [0.5, 1.0, 7.0, 60.0])
def test_what_a_first_order_sensor_shows_of_the_worst_gas_is_possible(every: float) -> None:
    tau = 20 / DECADE
    times = np.arange(400) * every
    gas = np.random.default_rng(2).choice([0.0, 4.0], 400)
    _, shown, _ = lsim(([1.0], [tau, 1.0]), gas, times, interp=False)
    assert said(np.clip(shown, 0, 4), TooFast(t90=20.0, allowance=1e-9), every)[1:] == []
    faster = TooFast(t90=30.0, allowance=1e-9)
    assert Verdict.ACTIVE in [v for _, v in said(np.clip(shown, 0, 4), faster, every)]


def test_a_full_step_is_at_90_percent_after_t90() -> None:
    assert reach(np.array([4.0]), np.array([20.0]), np.array([20.0]))[0] == pytest.approx(3.6, rel=1e-12)


def test_a_spike_is_one_finding_until_it_has_been_calm() -> None:
    found = said([1.0, 1.0, 3.9, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert found == [(1, Verdict.CLEAR), (2, Verdict.ACTIVE), (6, Verdict.CLEAR)]


def test_the_same_jump_across_a_long_gap_is_possible() -> None:
    assert said([1.0, 1.0, 3.5], every=60.0) == [(1, Verdict.CLEAR)]


def test_noise_and_quantum_are_allowed_for() -> None:
    values = 2 + np.random.default_rng(5).normal(0, 0.2, 5000)
    assert said(values, noise=0.2) == [(1, Verdict.CLEAR)]
    assert said([2.0, 2.0, 3.0], TooFast(t90=1000.0), quantum=1.0) == [(1, Verdict.CLEAR)]
    assert said([2.0, 2.0, 3.1], TooFast(t90=1000.0), quantum=1.0)[-1] == (2, Verdict.ACTIVE)


def test_it_tells_the_change_the_time_and_the_most_that_is_possible() -> None:
    found = evaluate(DETECTOR, [0, SECOND, 2 * SECOND], [1.0, 1.0, 3.5], span=(0.0, 4.0)).findings[-1]
    assert found.why.numbers == {"change": 2.5, "seconds": 1.0}
    assert found.limit == pytest.approx(3 * (1 - 10 ** (-1 / 20)), rel=1e-12)


def test_a_jump_beyond_the_span_raises_and_a_bad_reading_ends_nothing() -> None:
    state = DETECTOR.start(Subjects.simple(1, span=(0.0, 4.0)))
    DETECTOR.step(state, Batch.of(9, [0, 0], [0, SECOND], [1.0, 1.0]))
    DETECTOR.step(state, Batch.of(9, [0], [2 * SECOND], [9.0], quality=[Quality.OUT_OF_SPAN]))
    assert state.verdict[0] == Verdict.ACTIVE
    late = Batch.of(9, [0] * 5, np.arange(3, 8) * SECOND, [1.0] * 5, quality=[Quality.LATE] * 5)
    assert DETECTOR.step(state, late).findings == []
    assert state.last[0] == 1.0


@pytest.mark.parametrize("parameters", [{"t90": 0.0}, {"t90": 9.0, "allowance": -1.0}, {"t90": 9.0, "calm": 0}])
def test_nonsense_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        TooFast(**parameters)


def test_a_sensor_without_a_span_is_refused() -> None:
    with pytest.raises(ValueError, match="s0 has no span; give"):
        DETECTOR.start(Subjects.simple(1))
