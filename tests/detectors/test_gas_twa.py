"""gas.twa. Oracle: closed form, E = sum(C T) / 8 h (29 CFR 1910.1000(d)(1)(i))."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.gas.twa import Twa, reduction
from detectors.reading import Batch, Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

HOUR = 3600 * SECOND
MINUTE = 60 * SECOND
BEGIN = 1_700_000_000 // 60 * 60 * SECOND
CO = Twa(limit=25.0)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    hour = np.arange(800)[:, None] / 30
    values = np.where((hour > 12) & (hour < 16), 90.0, 3.0) * rng.uniform(0.8, 1.2, (800, inputs))
    return readings(seed, inputs, values, every=120 * SECOND, bad=0.03, gap=(200, 300))


SAMPLE = Sample(CO, lambda n: Subjects.simple(n, unit="ppm", interval=120.0), stream)


def shift(values: object, every: int = 10, detector: Twa = CO, **subject: object) -> Outcome:
    """Readings each `every` seconds from a full minute on."""
    array = np.asarray(values, np.float64)
    return evaluate(detector, BEGIN + np.arange(len(array)) * every * SECOND, array, unit="ppm", **subject)


def last(outcome: Outcome, column: str) -> float:
    return float(next(c.value[-1] for c in outcome.columns if c.name == column))


@pytest.mark.parametrize(
    ("ppm", "hours", "then", "expected"),
    [(50.0, 8, 0, 50.0), (400.0, 1, 7, 50.0), (33.33, 12, 0, 33.33), (100.0, 4, 4, 50.0)],
)
def test_the_closed_forms(ppm: float, hours: int, then: int, expected: float) -> None:
    values = np.concatenate((np.full(hours * 360, ppm), np.zeros(then * 360 + 1)))
    outcome = shift(values if then else np.append(np.full(hours * 360, ppm), ppm))
    for column in ("twa", "twa_lower", "twa_upper"):
        assert last(outcome, column) == pytest.approx(expected, rel=1e-12)
    assert last(outcome, "coverage") == pytest.approx(1.0, rel=1e-12)


def test_the_lower_bound_alarms_at_once_however_little_is_covered() -> None:
    outcome = shift(np.full(400, 200.0))
    (found,) = outcome.findings
    assert (found.verdict, found.time - BEGIN) == (Verdict.ACTIVE, HOUR)
    assert found.why.numbers["coverage"] == pytest.approx(1 / 8)


def test_it_is_unknown_until_three_quarters_are_covered_and_then_clear() -> None:
    (found,) = shift(np.full(8 * 360, 1.0)).findings
    assert (found.verdict, found.time - BEGIN) == (Verdict.CLEAR, 6 * HOUR)


def test_a_gap_widens_the_bounds_and_is_never_filled_in() -> None:
    times = np.concatenate((np.arange(0, 6 * 3600 + 1, 10), np.arange(7 * 3600, 8 * 3600 + 1, 10)))
    outcome = evaluate(
        CO, BEGIN + times * SECOND, np.full(len(times), 20.0), unit="ppm", interval=10.0, span=(0.0, 500.0)
    )
    covered = 7 * 3600 + 30
    assert last(outcome, "twa_lower") == pytest.approx(20.0 * covered / 28_800, rel=1e-12)
    assert last(outcome, "twa") == pytest.approx(20.0, rel=1e-12)
    upper = (20.0 * covered + 500.0 * (28_800 - covered)) / 28_800
    assert last(outcome, "twa_upper") == pytest.approx(upper, rel=1e-12)
    assert last(outcome, "coverage") == pytest.approx(covered / 28_800, rel=1e-12)


def test_a_clear_verdict_lapses_when_readings_stop_and_an_active_one_stands() -> None:
    times = BEGIN + np.arange(7 * 360) * 10 * SECOND
    low = evaluate(CO, times, np.full(len(times), 1.0), unit="ppm", interval=10.0, until=BEGIN + 20 * HOUR)
    assert [f.verdict for f in low.findings] == [Verdict.CLEAR, Verdict.UNKNOWN]
    assert low.findings[1].at == int(times[-1]) + 30 * SECOND + 2 * HOUR
    high = evaluate(CO, times, np.full(len(times), 100.0), unit="ppm", interval=10.0, until=BEGIN + 20 * HOUR)
    assert [f.verdict for f in high.findings] == [Verdict.ACTIVE]


def test_a_clear_verdict_lapses_between_two_readings_of_one_batch_too() -> None:
    times = BEGIN + np.append(np.arange(7 * 360) * 10, 20 * 3600) * SECOND
    said = evaluate(CO, times, np.full(len(times), 1.0), unit="ppm", interval=10.0).findings
    assert [(f.verdict, f.at - BEGIN) for f in said] == [
        (Verdict.CLEAR, 6 * HOUR),
        (Verdict.UNKNOWN, 7 * HOUR - 10 * SECOND + 30 * SECOND + 2 * HOUR),
    ]


def test_it_lapses_by_arrival_not_by_the_devices_clock() -> None:
    state = CO.start(Subjects.simple(1, interval=10.0))
    times = BEGIN + np.arange(7 * 360) * 10 * SECOND
    values = np.ones(len(times))
    outcome = CO.step(state, Batch.of(int(times[-1]), [0] * len(times), times, values, arrived=times + 90 * SECOND))
    assert outcome.due == int(times[-1]) + 90 * SECOND + 30 * SECOND + 2 * HOUR


@pytest.mark.parametrize("quality", [Quality.SKEWED, Quality.CONFLICT, Quality.RETAINED])
def test_a_reading_that_cannot_be_placed_is_left_out(quality: Quality) -> None:
    times = BEGIN + np.arange(0, 3600, 10) * SECOND
    marks = np.zeros(len(times), np.uint8)
    marks[100] = quality
    values = np.ones(len(times))
    values[100] = 1e6
    doubtful = evaluate(CO, times, values, quality=marks, interval=10.0)
    without = evaluate(CO, np.delete(times, 100), np.delete(values, 100), interval=10.0)
    assert last(doubtful, "twa") == last(without, "twa")
    assert last(doubtful, "coverage") == last(without, "coverage")


def test_a_clipped_reading_makes_it_a_lower_bound() -> None:
    values = np.full(8 * 360 + 1, 2.0)
    values[100] = 50.0
    outcome = shift(values, span=(0.0, 50.0))
    assert np.isnan(last(outcome, "twa_upper"))
    assert list(outcome.findings) == []


def test_negative_readings_dose_nothing_and_a_failed_cell_covers_nothing() -> None:
    drifted = shift(np.full(8 * 360 + 1, -3.0))
    assert (last(drifted, "twa"), last(drifted, "coverage")) == (0.0, 1.0)
    quality = np.full(8 * 360 + 1, Quality.OUT_OF_SPAN, np.uint8)
    quality[-1] = quality[0] = 0
    values = np.full(8 * 360 + 1, -99.0)
    values[-1] = values[0] = 1.0
    failed = evaluate(CO, BEGIN + np.arange(len(values)) * 10 * SECOND, values, quality=quality, span=(0.0, 50.0))
    assert last(failed, "coverage") == pytest.approx(10 / 28_800)


def test_late_readings_are_lost_coverage() -> None:
    state = CO.start(Subjects.simple(1, interval=60.0))
    times = [BEGIN, BEGIN + 10 * MINUTE, BEGIN + 5 * MINUTE, BEGIN + 11 * MINUTE]
    quality = [0, 0, Quality.LATE, 0]
    outcome = CO.step(state, Batch.of(times[1], [0] * 4, times, [9.0, 9.0, 5000.0, 9.0], quality=quality))
    assert last(outcome, "twa_lower") == pytest.approx(9.0 * 4 * 60 / 28_800)


@given(st.lists(st.integers(1, 59), min_size=1, max_size=20), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_any_resampling_of_a_piecewise_constant_input_gives_the_same(cuts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    levels = rng.uniform(0, 80, 16)
    regular = np.arange(0, 8 * 3600 + 1, 30)
    extra = (rng.integers(0, 8 * 3600, 40) // 60 * 60 + np.resize(cuts, 40)).clip(0, 8 * 3600)
    averages = []
    for seconds in (regular, np.union1d(regular, extra)):
        values = levels[np.minimum(seconds // 1800, 15)]
        averages.append(last(evaluate(CO, BEGIN + seconds * SECOND, values), "twa"))
    assert averages[0] == pytest.approx(float(levels.mean()), rel=1e-12)
    assert averages[1] == pytest.approx(averages[0], rel=1e-12)


@pytest.mark.parametrize(
    ("day", "week", "factor"), [(8, 40, 1.0), (12, 40, 0.5), (10, 40, 0.7), (8, 48, 0.78125), (12, 84, 0.3125)]
)
def test_brief_and_scala_reduce_the_limit(day: float, week: float, factor: float) -> None:
    """RF = (8/h)(24-h)/16 a day; (40/h)(168-h)/128 a week: 48 h give 0.78125, 84 h give 0.3125."""
    assert reduction(day, week) == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize(("ppm", "alarms"), [(25.0, True), (24.99, False)])
def test_a_shift_of_twelve_hours_halves_the_limit_and_averages_over_twelve(ppm: float, alarms: bool) -> None:
    outcome = shift(np.full(12 * 360 + 1, ppm), detector=Twa(limit=50.0, shift_hours=12.0))
    assert last(outcome, "twa_lower") == pytest.approx(ppm, rel=1e-12)
    assert last(outcome, "coverage") == pytest.approx(1.0, rel=1e-12)
    assert any(f.verdict is Verdict.ACTIVE and f.limit == 25.0 for f in outcome.findings) is alarms


@pytest.mark.parametrize(("ppm", "alarms"), [(33.34, True), (33.33, False)])
def test_by_dose_a_third_less_for_twelve_hours_is_the_limit_of_eight(ppm: float, alarms: bool) -> None:
    """Reference 2.4: 33.33 ppm for 12 h are 50 ppm over 8 h."""
    outcome = shift(np.full(12 * 360 + 1, ppm), detector=Twa(limit=50.0, shift_hours=12.0, reduction="dose"))
    assert any(f.verdict is Verdict.ACTIVE for f in outcome.findings) is alarms


@pytest.mark.parametrize(
    "parameters",
    [{"shift_hours": 43_200.0}, {"shift_hours": 6.0}, {"week_hours": 7.0}, {"reduction": "none"}],
)
def test_a_shift_that_nobody_works_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Twa(limit=25.0, **parameters)


@pytest.mark.parametrize(
    "parameters", [{"limit": 0.0}, {"limit": 25.0, "coverage": 75.0}, {"limit": 25.0, "max_hold": -1.0}]
)
def test_nonsense_is_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        Twa(**parameters)


@pytest.mark.parametrize(("late", "verdicts"), [(0, [Verdict.CLEAR]), (1, [Verdict.CLEAR, Verdict.UNKNOWN])])
def test_a_reading_that_comes_just_when_clear_would_lapse_is_in_time(late: int, verdicts: list[Verdict]) -> None:
    """At 75 % of 8 h and the hold of 3 min: 2 h 3 min after the reading before."""
    minute = np.append(np.arange(481), 480 + 123) * MINUTE
    minute[-1] += late
    outcome = evaluate(CO, BEGIN + minute, np.full(482, 5.0), unit="ppm", interval=60.0)
    assert [f.verdict for f in outcome.findings][:2] == verdicts


def test_without_a_declared_interval_a_value_holds_for_a_minute() -> None:
    times = BEGIN + np.arange(9) * 10 * MINUTE
    outcome = evaluate(CO, times, np.full(9, 48.0), unit="ppm")
    assert last(outcome, "coverage") == pytest.approx(8 / 480, rel=1e-12)
    assert last(outcome, "twa_lower") == pytest.approx(48.0 * 8 / 480, rel=1e-12)
