"""dust.filter. Oracle: closed form, a step by the factor f moves the mean of the last 10 min by f after 10 min."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.dust.filter import Filter
from detectors.reading import Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

MINUTE = 60 * SECOND
BEGIN = 1_700_000_040 * SECOND
BAGS = Filter(idle=200.0)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    minute = np.arange(520)[:, None] / 2
    values = np.where((minute > 120) & (minute < 170), 550.0, 1200.0) * rng.uniform(0.95, 1.05, (520, inputs))
    return readings(seed, inputs, values, every=30 * SECOND, gap=(480, 500))


SAMPLE = Sample(BAGS, lambda n: Subjects.simple(n, unit="Pa", interval=30.0), stream)


def said(parts: list[tuple[int, float]], detector: Filter = BAGS, **more: Any) -> Outcome:
    """(minutes, Pa) after one another, each 10 s."""
    values = np.concatenate([np.full(m * 6, p) for m, p in parts])
    times = BEGIN + np.arange(len(values)) * 10 * SECOND
    return evaluate(detector, times, values, **{"unit": "Pa", "interval": 10.0, **more})


def told(outcome: Outcome) -> list[tuple[float, str]]:
    return [((f.time - BEGIN) / MINUTE, f.why.key.rpartition(".")[2]) for f in outcome.findings]


@pytest.mark.parametrize("factor", [0.3, 0.5, 0.6])
def test_a_drop_is_found_when_the_mean_of_ten_minutes_says_so(factor: float) -> None:
    """m minutes after the step the mean is 1 - (1 - f) m/10 of before, and the hour before is not yet touched."""
    minutes = np.ceil(0.4 / (1 - factor) * 10 - 1e-9)
    outcome = said([(120, 1000.0), (30, 1000.0 * factor)])
    assert told(outcome)[1] == (120 + minutes, "dropped")
    assert outcome.findings[1].value == pytest.approx(1000 * (1 - (1 - factor) * minutes / 10))
    assert outcome.findings[1].limit == pytest.approx(600.0)


def test_a_rise_is_found_too_and_just_too_little_is_not() -> None:
    assert told(said([(120, 1000.0), (30, 1600.0)]))[1] == (130, "risen")
    assert [key for _, key in told(said([(120, 1000.0), (30, 1590.0), (60, 1590.0)]))] == ["steady"]


def test_a_held_alarm_is_one_onset_and_does_not_become_the_new_normal() -> None:
    outcome = said([(120, 1000.0), (400, 450.0), (30, 1000.0)])
    assert [key for _, key in told(outcome)] == ["steady", "dropped", "steady"]
    assert told(outcome)[2][0] > 520


def test_cleaning_pulses_average_out() -> None:
    """Each 60 s the pressure is 300 Pa for 10 s: no minute differs from another."""
    values = np.full(1800, 1200.0)
    values[::6] = 300.0
    outcome = evaluate(BAGS, BEGIN + np.arange(1800) * 10 * SECOND, values, interval=10.0)
    assert [key for _, key in told(outcome)] == ["steady"]


def test_a_filter_that_stands_still_is_not_judged_and_ends_no_alarm() -> None:
    stopped = said([(120, 1000.0), (40, 0.0), (90, 1000.0)])
    assert [key for _, key in told(stopped)] == ["steady", "idle", "steady"]
    torn = said([(120, 1000.0), (30, 450.0), (60, 0.0), (30, 450.0)])
    assert [key for _, key in told(torn)] == ["steady", "dropped"]


def test_a_declared_reference_needs_no_hour_before() -> None:
    outcome = said([(30, 500.0)], Filter(idle=200.0, reference=1000.0))
    assert told(outcome) == [(8, "dropped")]


def test_too_few_readings_are_no_answer() -> None:
    """Three quarters of the hour before, and the 10 min after."""
    assert told(said([(55, 1000.0)])) == []
    assert told(said([(56, 1000.0)])) == [(55, "steady")]


def test_silence_makes_a_clear_verdict_unknown_and_leaves_an_alarm() -> None:
    end = BEGIN + 600 * MINUTE
    quiet = said([(120, 1000.0)], until=end)
    assert [f.verdict for f in quiet.findings] == [Verdict.CLEAR, Verdict.UNKNOWN]
    loud = said([(120, 1000.0), (30, 450.0)], until=end)
    assert [f.verdict for f in loud.findings] == [Verdict.CLEAR, Verdict.ACTIVE]


def test_bad_readings_are_lost_coverage_and_no_drop() -> None:
    values, marks = np.full(900, 1000.0), np.zeros(900, np.uint8)
    marks[780:] = Quality.OUT_OF_SPAN
    values[780:] = -50.0
    outcome = evaluate(BAGS, BEGIN + np.arange(900) * 10 * SECOND, values, quality=marks, interval=10.0)
    assert Verdict.ACTIVE not in [f.verdict for f in outcome.findings]


@pytest.mark.parametrize(
    "wrong",
    [{"idle": 0.0}, {"drop": 40.0}, {"rise": 0.0}, {"reference": 100.0}, {"recent": 600}, {"recent": 2.5}],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Filter(**{"idle": 200.0, **wrong})
