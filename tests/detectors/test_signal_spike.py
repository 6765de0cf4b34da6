"""signal.spike. Oracle: a plain loop over NumPy's median; binomial bounds of the wished false alarms (the limit itself
is tested in test_hampel)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.hampel import CONSISTENT
from detectors.hampel_limit import limit_of
from detectors.reading import Batch, Quality
from detectors.signal.spike import Spike
from detectors.state import arrays_of, restore
from detectors.wished import MONTH
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DETECTOR = Spike(limit=8, window=15, calm=5)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (300, inputs))
    values[20::23] += rng.choice([-40, 40], (len(values[20::23]), inputs))
    values[150:] += 30
    return readings(seed, inputs, np.round(values, 2), bad=0.03)


SAMPLE = Sample(DETECTOR, lambda n: Subjects.simple(n, unit="mm", quantum=0.01, noise=0.5, interval=1.0), stream)


def told(values: Any, detector: Spike = DETECTOR, *, times: Any = None, quality: Any = None, **subject: Any) -> Outcome:
    at = np.arange(len(values)) if times is None else np.asarray(times)
    return evaluate(detector, at * SECOND, values, quality=quality, **{"noise": 1.0, **subject})


def words(outcome: Outcome) -> list[tuple[int, str]]:
    return [(f.time // SECOND, f.why.key.rpartition(".")[2]) for f in outcome.findings]


def noise(count: int, seed: int = 1) -> NDArray[Any]:
    return np.random.default_rng(seed).normal(0, 1, count)


def test_a_spike_is_told_with_the_next_reading_and_ends_after_a_calm() -> None:
    values = noise(60)
    values[40] += 20
    outcome = told(values)
    assert words(outcome) == [(15, "steady"), (41, "spike"), (46, "steady")]
    (found,) = [f for f in outcome.findings if f.verdict is Verdict.ACTIVE]
    median = float(np.median(values[25:40]))
    mad = float(np.median(np.abs(values[25:40] - median)))
    assert found.value == values[40]
    assert found.limit == median + 8 * max(CONSISTENT * mad, 1.0)
    assert found.why.numbers == {"usual": median, "readings": 1.0}
    (column,) = outcome.columns
    assert (column.name, column.time.tolist(), column.value.tolist()) == ("spike", [41 * SECOND], [values[40] - median])


def test_a_spike_below_has_its_limit_below() -> None:
    values = noise(60)
    values[40] -= 20
    (found,) = [f for f in told(values).findings if f.verdict is Verdict.ACTIVE]
    assert found.value == values[40]
    assert found.limit is not None
    assert values[40] < found.limit < -6


@pytest.mark.parametrize("size", [8.0, 9.0, 12.0])
def test_a_step_is_not_a_spike(size: float) -> None:
    """One in 200 of those at the limit is taken for one, and none that is well beyond."""
    rng, count = np.random.default_rng(2), 500
    values = rng.normal(0, 1, (130, count))
    values[80:] += size
    state = Spike(limit=8).start(Subjects.simple(count, noise=1.0))
    at, who = np.repeat(np.arange(130), count) * SECOND, np.tile(np.arange(count), 130)
    outcome = Spike(limit=8).step(state, Batch.of(at[-1] + 1, who, at, values.reshape(-1)))
    assert sum(len(c.value) for c in outcome.columns) <= (0 if size == 12 else 6)


def test_after_a_step_it_is_not_judged_until_the_level_is_known() -> None:
    values = noise(100)
    values[50:] += 100
    assert words(told(values)) == [(15, "steady"), (51, "step"), (58, "steady")]


def test_what_comes_back_half_way_is_told_when_it_is_back() -> None:
    quiet = np.zeros(80)
    quiet[40:42] = 20, 5
    assert words(told(quiet)) == [(15, "steady"), (41, "step"), (42, "steady")]
    assert words(told(quiet, Spike(limit=8, window=15, longest=2)))[1:] == [(42, "spike"), (52, "steady")]
    quiet[41] = 3.9
    assert words(told(quiet))[1] == (41, "spike")


def test_two_spikes_to_different_sides_are_two() -> None:
    values = np.zeros(80)
    values[40:42] = 20, -20
    (column,) = told(values).columns
    assert column.value.tolist() == [20, -20]
    assert column.time.tolist() == [41 * SECOND, 42 * SECOND]


def test_many_spikes_are_one_onset() -> None:
    values = noise(2000)
    values[100:1900:4] += 30
    outcome = told(values)
    assert [word for _, word in words(outcome)] == ["steady", "spike", "steady"]
    assert len(outcome.columns[0].value) == 450


def test_a_number_that_fell_over_is_a_spike_as_any() -> None:
    values = noise(100)
    values[[40, 42]] = 1.7e308, -1.7e308
    (column,) = told(values).columns
    assert column.time.tolist() == [41 * SECOND, 43 * SECOND]


def test_the_first_window_is_not_judged() -> None:
    values = noise(15)
    values[14] += 50
    assert words(told(values)) == []


@pytest.mark.parametrize("quantum", [1.0, 0.1])
def test_a_quantised_sensor_that_repeats_itself_has_no_spikes(quantum: float) -> None:
    rng = np.random.default_rng(3)
    for part in (0.2, 0.5, 0.74, 1.0):
        values = np.round(rng.normal(0.3, part, 4000)) * quantum
        detector = Spike(limit=limit_of(1e-5, 61))
        assert [w for _, w in words(told(values, detector, noise=np.nan, quantum=quantum))] == ["steady"]


def test_a_quantised_sensor_that_repeats_itself_shows_its_spikes() -> None:
    values = np.zeros(100)
    values[50] = 7.0
    assert words(told(values, noise=np.nan, quantum=1.0))[1] == (51, "spike")
    values[50] = 5.0
    assert words(told(values, noise=np.nan, quantum=1.0)) == [(15, "steady")]


def test_without_noise_and_quantum_a_sensor_that_repeats_itself_is_not_judged() -> None:
    values = np.concatenate((noise(30), np.zeros(30), [9.0], np.zeros(30), noise(60)))
    outcome = told(values, noise=np.nan)
    assert [word for _, word in words(outcome)] == ["steady", "flat", "steady"]
    assert outcome.columns == []


def test_a_spike_may_lie_beyond_the_span_but_only_a_good_reading_ends_it() -> None:
    values, marks = np.zeros(80), np.zeros(80, np.uint8)
    values[40], marks[40] = 30, int(Quality.OUT_OF_SPAN)
    values[41], marks[41] = 1, int(Quality.OUT_OF_SPAN)
    values[42], marks[42] = np.nan, int(Quality.NO_VALUE)
    assert words(told(values, quality=marks)) == [(15, "steady"), (43, "spike"), (48, "steady")]


def test_a_late_reading_is_none() -> None:
    values, marks = np.zeros(80), np.zeros(80, np.uint8)
    values[40], marks[40] = 30, int(Quality.LATE)
    assert words(told(values, quality=marks)) == [(15, "steady")]


@pytest.mark.parametrize(("gap", "heard"), [(5, "spike"), (6, "steady")])
def test_across_a_gap_nobody_knows_when_it_came_back(gap: int, heard: str) -> None:
    values, times = np.zeros(80), np.arange(80)
    values[40] = 30
    times[41:] += gap - 1
    assert words(told(values, times=times, interval=1.0))[-1 if heard == "steady" else 1][1] == heard
    assert bool(told(values, times=times, interval=1.0).columns) is (heard == "spike")


def test_the_wished_false_alarms_are_those_of_normal_readings() -> None:
    """Per reading 1 in 1000, of which a fortieth does not come back at once: within 3 standard errors."""
    sensors, ticks, chance = 100, 2000, 1e-3
    detector = Spike(false_alarms=chance * MONTH / 60, window=61, calm=1)
    state = detector.start(Subjects.simple(sensors, interval=60.0))
    values = np.random.default_rng(4).normal(0, 1, (ticks, sensors))
    at = np.repeat(np.arange(ticks), sensors) * 60 * SECOND
    outcome = detector.step(state, Batch.of(at[-1] + 1, np.tile(np.arange(sensors), ticks), at, values.reshape(-1)))
    spikes = len(outcome.columns[0].value)
    wished = sensors * (ticks - 61) * chance
    error = 3 * np.sqrt(wished)
    assert 0.95 * wished - error < spikes < wished + error


def test_a_declared_noise_makes_false_alarms_fewer_not_more() -> None:
    detector = Spike(false_alarms=1e-3 * MONTH, window=31, calm=1)
    values = noise(40_000, 5)
    assert len(told(values, detector, interval=1.0).columns[0].value) < 20
    assert len(told(values, detector, interval=1.0, noise=np.nan).columns[0].value) > 20


def plain(values: NDArray[Any], limit: float, window: int, longest: int, floor: float) -> list[tuple[int, float]]:
    """(index at which it was over, size) of each spike, as the docstring says it."""
    out: list[tuple[int, float]] = []
    excursion: list[float] = []
    for k in range(window, len(values)):
        before = values[k - window : k]
        median = np.median(before)
        bound = limit * max(CONSISTENT * np.median(np.abs(before - median)), floor)
        away = values[k] - median
        if excursion and not (away * excursion[0] > 0 and abs(away) > bound / 2):
            if len(excursion) <= longest:
                out.append((k, max(excursion, key=abs)))
            excursion = []
        if abs(away) > bound or excursion:
            excursion.append(away)
    return out


@given(seed=st.integers(0, 2**32), longest=st.integers(1, 3), limit=st.sampled_from([3.0, 5.0]), step=st.booleans())
@settings(max_examples=100, deadline=None)
def test_it_is_what_a_plain_loop_finds(seed: int, longest: int, limit: float, step: bool) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(rng.standard_t(2, 250), 3) + 6 * step * (np.arange(250) >= 120)
    outcome = told(values, Spike(limit=limit, window=15, longest=longest), noise=0.7)
    found = [(int(t) // SECOND, v) for c in outcome.columns for t, v in zip(c.time, c.value, strict=True)]
    assert found == plain(values, limit, 15, longest, 0.7)


@pytest.mark.parametrize(
    "wrong",
    [
        {"false_alarms": 0.0}, {"limit": 1.0}, {"window": 30}, {"window": 253}, {"longest": 0}, {"longest": 13},
        {"calm": 0},
    ],
)  # fmt: skip
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Spike(**wrong)


def test_a_new_limit_holds_from_the_next_reading_on() -> None:
    values, at = noise(101), np.arange(101) * SECOND
    values[99] = 7
    loose, strict = Spike(limit=20), Spike(limit=4)
    subjects = Subjects.simple(1, noise=1.0)
    state = loose.start(subjects)
    loose.step(state, Batch.of(at[98] + 1, np.zeros(99, int), at[:99], values[:99]))
    for k in (97, 98):
        loose.step(state, Batch.of(at[k] + 1, [0], at[k], values[k]))
    carried = restore(strict.start(subjects), arrays_of(state))
    outcomes = [strict.step(carried, Batch.of(at[k] + 1, [0], at[k], values[k])) for k in (99, 100)]
    assert [len(o.columns) for o in outcomes] == [0, 1]


def test_so_many_false_alarms_that_they_say_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"false_alarms is 4000, one in 11 tests of s0; give at most 2.19e\+03"):
        Spike(false_alarms=4000.0).start(Subjects.simple(1, interval=60.0))


def test_without_an_interval_a_month_has_no_readings() -> None:
    with pytest.raises(ValueError, match="s0 declares no interval; give"):
        Spike().start(Subjects.simple(1))
    assert Spike().start(Subjects.simple(1, interval=60.0)).limit[0] == limit_of(0.04 * 60 / MONTH, 61)
