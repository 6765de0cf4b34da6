"""health.stuck. Oracle: a plain loop, and the chance that two quantised normal readings agree (closed form)."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.detector import Subjects, Verdict
from detectors.health.stuck import CHANCE, Stuck
from detectors.reading import Batch
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DETECTOR = Stuck(least=10, factor=3, learn=5)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(1.0, 0.1, (300, inputs)), 2)
    values[100:180, 0] = values[100, 0]
    values[200:280, 1:] = 0.0
    return readings(seed, inputs, values, bad=0.02)


SAMPLE = Sample(DETECTOR, lambda n: Subjects.simple(n, quantum=0.01), stream)


def verdicts(values: list[float], detector: Stuck = DETECTOR, **subject: float) -> list[tuple[int, Verdict]]:
    state = detector.start(Subjects.simple(1, **subject))  # type: ignore[arg-type]
    times = np.arange(len(values)) * SECOND
    findings = detector.step(state, Batch.of(10**15, [0] * len(values), times, values)).findings
    return [(f.time // SECOND, f.verdict) for f in findings]


LEARNED = [1.0, 1.1, 1.2, 1.1, 1.2, 1.1]
"""Five changes."""


def test_without_history_or_noise_it_says_nothing_is_known() -> None:
    assert verdicts([1.0] * 500) == []
    assert verdicts([1.0, 1.1, *[1.2] * 500]) == []


def test_after_its_history_one_repeat_too_many_is_stuck_and_a_change_ends_it() -> None:
    assert verdicts([*LEARNED, *[1.5] * 10]) == [(5, Verdict.CLEAR)]
    assert verdicts([*LEARNED, *[1.5] * 11, 1.6]) == [
        (5, Verdict.CLEAR),
        (16, Verdict.ACTIVE),
        (17, Verdict.CLEAR),
    ]


def test_a_sensor_that_repeats_by_nature_is_given_three_times_its_longest_run() -> None:
    blocks = [v for k in range(10) for v in [1.0 + k % 2] * 12]
    learned = verdicts([*blocks, *[5.0] * 36], Stuck(least=15, factor=3, learn=5))
    assert [v for _, v in learned] == [Verdict.CLEAR]
    stuck = verdicts([*blocks, *[5.0] * 37], Stuck(least=15, factor=3, learn=5))
    assert stuck[-1] == (120 + 36, Verdict.ACTIVE)


@pytest.mark.parametrize("value", [0.0, 0.004, 4.0, 4.5])
def test_a_healthy_zero_or_a_clipped_value_is_not_judged_and_not_stuck(value: float) -> None:
    said = verdicts([*LEARNED, *[value] * 100], quantum=0.01, span=(0.0, 4.0))  # type: ignore[arg-type]
    assert [v for _, v in said] == [Verdict.CLEAR, Verdict.UNKNOWN]


def test_a_run_found_stuck_does_not_teach() -> None:
    said = verdicts([*LEARNED, *[1.5] * 50, *LEARNED, *[1.5] * 11])
    assert [v for _, v in said].count(Verdict.ACTIVE) == 2


def test_declared_noise_judges_from_the_start_at_the_closed_form() -> None:
    state = DETECTOR.start(Subjects.simple(1, noise=0.02, quantum=0.01))
    rng = np.random.default_rng(1)
    reading = np.round(rng.normal(0, 0.02, 400_000) / 0.01)
    agree = np.mean(reading[1:] == reading[:-1])
    assert state.declared[0] == np.ceil(np.log(CHANCE) / np.log(1 / (4 * np.sqrt(np.pi))))
    assert agree == pytest.approx(1 / (4 * np.sqrt(np.pi)), abs=0.003)
    said = verdicts([1.0] * 60, noise=0.02, quantum=0.01)
    assert said == [(0, Verdict.CLEAR), (int(state.declared[0]), Verdict.ACTIVE)]


def test_bad_readings_neither_count_nor_end_a_run() -> None:
    values = [*LEARNED, *[1.5] * 6, float("nan"), *[1.5] * 5]
    assert verdicts(values)[-1] == (17, Verdict.ACTIVE)


@pytest.mark.parametrize(("name", "value"), [("least", 1), ("factor", 0.5), ("learn", 0)])
def test_nonsense_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is"):
        Stuck(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [4.0, 20.0])
def test_a_value_at_the_very_end_of_the_span_is_not_judged_without_a_quantum_either(value: float) -> None:
    learned = [9.0 + v for v in LEARNED]
    said = verdicts([*learned, *[value] * 100], span=(4.0, 20.0))  # type: ignore[arg-type]
    assert [v for _, v in said] == [Verdict.CLEAR, Verdict.UNKNOWN]


def test_an_hours_mean_published_each_minute_is_not_stuck_with_a_least_above_it() -> None:
    means = np.round(np.random.default_rng(2).normal(2.0, 0.5, 48), 2)
    values = np.repeat(means, 60).tolist()
    assert Verdict.ACTIVE in [v for _, v in verdicts(values, Stuck(), noise=0.3, quantum=0.01)]
    assert [v for _, v in verdicts(values, Stuck(least=61), noise=0.3, quantum=0.01)] == [Verdict.CLEAR]
    dead = [*values, *[values[-1]] * 400]
    assert [v for _, v in verdicts(dead, Stuck(least=61), noise=0.3, quantum=0.01)] == [Verdict.CLEAR, Verdict.ACTIVE]
