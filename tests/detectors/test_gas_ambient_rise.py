"""gas.ambient_rise. Oracle: closed forms of the background (running mean while learning, then dt/(T + dt), capped)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.gas.ambient_rise import AmbientRise, follow
from detectors.reading import Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

BEGIN = 1_700_000_000 * SECOND
QUICK = AmbientRise(limit=10.0, learn=600.0, memory=3600.0)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    step = np.arange(400)[:, None]
    values = 3.0 + rng.normal(0, 0.5, (400, inputs)) + np.where((step > 200) & (step < 260), 15.0, 0.0)
    return readings(seed, inputs, values, every=10 * SECOND)


SAMPLE = Sample(QUICK, lambda n: Subjects.simple(n, unit="ppm", interval=10.0), stream)


def said(detector: AmbientRise, values: Any, every: int = 60, **more: Any) -> Outcome:
    times = BEGIN + np.arange(len(values)) * every * SECOND
    return evaluate(detector, times, values, unit="ppm", interval=float(every), **more)


def column(outcome: Outcome, name: str) -> Any:
    return next(c.value for c in outcome.columns if c.name == name)


def test_while_it_learns_it_is_the_mean_and_says_nothing() -> None:
    values = np.random.default_rng(1).uniform(0, 8, 12)
    outcome = said(QUICK, values)
    assert column(outcome, "ambient")[0] == pytest.approx(values[1:11].mean(), rel=1e-12)
    assert len(column(outcome, "ambient")) == 2
    assert outcome.findings[0].time == BEGIN + 600 * SECOND


def test_then_it_follows_downwards_by_the_closed_form() -> None:
    values = np.concatenate((np.full(11, 6.0), np.full(50, 2.0)))
    expected = 2.0 + 4.0 * (3600 / 3660) ** 50
    assert column(said(QUICK, values), "ambient")[-1] == pytest.approx(expected, rel=1e-12)


def test_far_down_it_follows_24_times_as_fast_and_never_below_nothing() -> None:
    """By 150/210 a minute while it is more than 5 above, 8 times; then by 3600/3660."""
    values = np.concatenate((np.full(11, 58.0), np.full(20, -2.0)))
    fast = 58.0 * (150 / 210) ** np.arange(9)
    assert fast[7] > 5.0 > fast[8]
    expected = np.concatenate((fast, fast[8] * (3600 / 3660) ** np.arange(1, 13)))
    assert column(said(QUICK, values), "ambient") == pytest.approx(expected, rel=1e-12)


def test_a_fire_in_the_day_of_learning_does_not_hide_the_next() -> None:
    minutes = np.arange(40 * 60)
    values = np.where(minutes < 20 * 60, 60.0, 2.0)
    values[30 * 60 : 31 * 60] = 20.0
    outcome = said(AmbientRise(limit=10.0), values)
    active = [(f.time - BEGIN) // (60 * SECOND) for f in outcome.findings if f.verdict is Verdict.ACTIVE]
    assert active == [30 * 60]
    assert column(outcome, "ambient")[-1] < 2.0 + 5.0


def test_a_dropout_of_a_minute_moves_the_ambient_by_less_than_a_sixtieth() -> None:
    values = np.full(1500, 12.0)
    values[1470] = 0.0
    ambient = column(said(AmbientRise(limit=10.0), values), "ambient")
    assert 12.0 - 12.0 / 60 <= ambient.min() < 12.0


def test_upwards_it_creeps_no_faster_than_it_may() -> None:
    values = np.concatenate((np.full(11, 2.0), np.full(1440, 6.0)))
    detector = AmbientRise(limit=10.0, learn=600.0, memory=600.0, creep=0.05)
    assert column(said(detector, values), "ambient")[-1] == pytest.approx(2.0 + 0.5, rel=1e-9)


def test_a_slow_heating_is_not_swallowed() -> None:
    """1 ppm a day for two weeks over a memory of a day: an average that follows it freely would never see 10 ppm."""
    days = np.arange(0, 14 * 144) / 144
    values = 3.0 + np.clip(days - 1, 0, None) * 1.0
    outcome = said(AmbientRise(limit=10.0), values, every=600)
    active = next(f for f in outcome.findings if f.verdict is Verdict.ACTIVE)
    free, b = [], 3.0
    for v in values:
        b = follow(b, v, 600.0, 86_400.0, np.inf)
        free.append(v - b)
    assert max(free) < 1.5
    assert (active.time - BEGIN) / (86_400 * SECOND) < 13.6


def test_a_held_alarm_is_one_onset_and_teaches_nothing() -> None:
    values = np.concatenate((np.full(11, 2.0), np.full(3000, 20.0), np.full(5, 2.0)))
    outcome = said(QUICK, values)
    assert [f.verdict for f in outcome.findings] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    assert column(outcome, "ambient")[-1] == pytest.approx(2.0)


@pytest.mark.parametrize(("value", "alarms"), [(12.0, True), (11.99, False)])
def test_a_declared_ambient_is_known_at_once(value: float, alarms: bool) -> None:
    (found,) = said(AmbientRise(limit=10.0, ambient=2.0), [value]).findings
    assert (found.verdict is Verdict.ACTIVE) is alarms
    assert found.why.numbers["ambient"] == 2.0


def test_bad_readings_teach_nothing_and_a_doubtful_peak_raises() -> None:
    values = np.concatenate((np.full(11, 2.0), [40.0, np.nan, 1.0]))
    marks = np.array([0] * 11 + [Quality.OUT_OF_SPAN, Quality.NO_VALUE, Quality.LATE], np.uint8)
    outcome = said(QUICK, values, quality=marks)
    assert [f.verdict for f in outcome.findings] == [Verdict.CLEAR, Verdict.ACTIVE]
    assert len(column(outcome, "ambient")) == 1


def test_a_gap_counts_no_more_than_three_intervals() -> None:
    times = BEGIN + np.array([0, 60, 86_400]) * SECOND
    outcome = evaluate(QUICK, times, [2.0, 2.0, 2.0], interval=60.0)
    assert list(outcome.columns) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0.0},
        {"reset": 11.0},
        {"ambient": -1.0},
        {"learn": 5.0},
        {"memory": 5.0},
        {"creep": 2.0},
        {"gate": 1.0},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        AmbientRise(**{"limit": 10.0, **wrong})
