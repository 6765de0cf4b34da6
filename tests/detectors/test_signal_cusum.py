"""signal.cusum. Oracle: a plain Python loop; run lengths of the integral equation (statistics 2) within 3 standard
errors; the traps of performance 9: correlation, short baselines, heavy tails, a baseline that follows."""

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
from detectors.run_length import cusum_run_length
from detectors.signal.cusum import Cusum
from detectors.state import arrays_of, restore
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

NAN = float("nan")
KNOWN: dict[str, float] = {"mean": 0.0, "sigma": 1.0}
STANDARD = Cusum(limit=5.0, clip=100.0, **KNOWN)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    step = np.arange(420)[:, None]
    shift = np.where((step > 180) & (step < 260), 2.5, 0.0)
    return readings(seed, inputs, 10 + shift + rng.normal(0, 1, (420, inputs)), gap=(300, 312))


SAMPLE = Sample(Cusum(limit=8.0, learn=100), lambda n: Subjects.simple(n, unit="ppm", interval=1.0), stream)


def told(detector: Cusum, values: Any, quality: Any = None, **subject: Any) -> Outcome:
    return evaluate(detector, np.arange(len(values)) * SECOND, values, quality=quality, **{"interval": 1.0, **subject})


def verdicts(outcome: Outcome) -> list[Verdict]:
    return [f.verdict for f in outcome.findings]


def ar1(rng: Any, phi: float, steps: int, sensors: int) -> NDArray[np.float64]:
    """Stationary, standard deviation 1."""
    out = np.empty((steps, sensors))
    out[0] = rng.normal(0, 1, sensors)
    for k in range(1, steps):
        out[k] = phi * out[k - 1] + np.sqrt(1 - phi * phi) * rng.normal(0, 1, sensors)
    return out


def feed(detector: Cusum, state: Any, values: NDArray[np.float64], begin: int = 0) -> int:
    """(steps, sensors) tick by tick; who alarms starts anew at zero sums. The alarms."""
    sensors, alarms = np.arange(values.shape[1]), 0
    for k, row in enumerate(values, begin):
        detector.step(state, Batch.of(k * SECOND, sensors, np.full(len(sensors), k * SECOND), row))
        hit = np.flatnonzero(state.verdict == Verdict.ACTIVE)
        alarms += len(hit)
        state.high[hit], state.low[hit], state.verdict[hit] = 0.0, 0.0, 0
    return alarms


def run_length(detector: Cusum, values: NDArray[np.float64]) -> tuple[float, float]:
    """(mean readings to an alarm, by exposure; its standard error)."""
    alarms = feed(detector, detector.start(Subjects.simple(values.shape[1], interval=1.0)), values)
    return values.size / alarms, values.size / alarms / np.sqrt(alarms)


def test_the_sums_are_those_of_a_plain_loop() -> None:
    values = np.random.default_rng(1).normal(0.2, 1, 500)
    (column,) = told(STANDARD, values).columns
    high = low = 0.0
    wanted = []
    for z in values.tolist():
        high, low = min(7.5, max(0.0, high + z - 0.5)), min(7.5, max(0.0, low - z - 0.5))
        wanted.append(high / 5 if high >= low else -low / 5)
    assert column.value.tolist() == wanted
    assert min(wanted) < 0 < max(wanted)


@pytest.mark.parametrize(("h", "shift"), [(4.0, 0.0), (5.0, 0.0), (4.0, 0.5), (5.0, 1.0)])
def test_its_run_lengths_are_the_integral_equations(h: float, shift: float) -> None:
    """Each run begins at zero sums; by exposure, so that runs cut by the end are counted. At h = 4, some 4,000 runs."""
    wanted = cusum_run_length(0.5, h, shift)
    steps = min(2500, int(wanted * 60))
    values = np.random.default_rng(int(h * 10 + shift * 7)).normal(shift, 1, (steps, 500))
    found, error = run_length(Cusum(limit=h, clip=100.0, **KNOWN), values)
    assert abs(found - wanted) < 3 * error + (wanted * wanted / steps if shift else 0.0)


def test_whitened_correlated_readings_alarm_as_seldom_as_independent_ones() -> None:
    values = ar1(np.random.default_rng(3), 0.5, 3000, 1000)
    white, _ = run_length(Cusum(limit=5.0, phi=0.5, **KNOWN), values)
    raw, _ = run_length(Cusum(limit=5.0, **KNOWN), values[:500])
    assert white == pytest.approx(cusum_run_length(0.5, 5.0), rel=0.10)
    assert raw < 90


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_it_learns_mean_sigma_and_phi(phi: float) -> None:
    detector = Cusum(limit=8.0, learn=5000)
    state = detector.start(Subjects.simple(200, interval=1.0))
    feed(detector, state, 20 + 3 * ar1(np.random.default_rng(4), phi, 5001, 200))
    assert state.mean.mean() == pytest.approx(20, abs=0.1)
    assert (1 / (state.gain * np.sqrt(1 - state.phi**2))).mean() == pytest.approx(3, rel=0.02)
    assert state.phi.mean() == pytest.approx(phi, abs=0.01)
    assert state.phi.std() < 0.03


@pytest.mark.parametrize("phi", [0.0, 0.5])
def test_a_fleet_that_learned_alarms_as_often_as_was_wished(phi: float) -> None:
    """performance 9: a short baseline alarms more often; the limit makes up for that."""
    wished, sensors, steps = 2000.0, 1000, 2000
    detector = Cusum(false_alarms=30.44 * 86_400 / wished, learn=500)
    values = ar1(np.random.default_rng(9), phi, 500 + steps, sensors)
    state = detector.start(Subjects.simple(sensors, interval=1.0))
    assert feed(detector, state, values[:500]) == 0
    alarms = feed(detector, state, values[500:], 500)
    assert 0.5 < alarms / (steps * sensors / wished) < 1.1
    assert state.limit[0] > Cusum(false_alarms=30.44 * 86_400 / wished, **KNOWN).start(
        Subjects.simple(1, interval=1.0)
    ).limit[0] + 0.3  # fmt: skip


def test_the_limit_follows_the_wished_false_alarms_and_the_interval() -> None:
    def limit(every: float, wished: float) -> float:
        return float(Cusum(false_alarms=wished, **KNOWN).start(Subjects.simple(1, interval=every)).limit[0])

    assert limit(1.0, 0.044) == pytest.approx(16.7, abs=0.05)
    assert limit(60.0, 0.44) == pytest.approx(10.3, abs=0.07)
    assert limit(60.0, 4.4) == pytest.approx(8.05, abs=0.05)
    with pytest.raises(ValueError, match="give it `every`"):
        limit(NAN, 0.04)


def test_a_shift_is_one_onset_told_with_its_size() -> None:
    values = np.random.default_rng(5).normal(7, 2, 3000) + np.where(np.arange(3000) >= 2000, 4.0, 0)
    found = told(Cusum(false_alarms=0.04, learn=1000), values).findings
    assert [f.verdict for f in found] == [Verdict.CLEAR, Verdict.ACTIVE]
    assert found[0].time == 1000 * SECOND
    assert 2005 < found[1].time / SECOND < 2030
    assert found[1].why.numbers["shift"] == pytest.approx(4.0, abs=1.0)
    assert found[1].why.numbers["normal"] == pytest.approx(7.0, abs=0.2)
    assert found[1].time / SECOND - 2000 > found[1].why.numbers["readings"] > 3


def test_a_shift_of_correlated_readings_is_told_in_the_sensors_unit() -> None:
    values = 3 * ar1(np.random.default_rng(15), 0.5, 3000, 1)[:, 0] + np.where(np.arange(3000) >= 2000, 9.0, 0)
    (_, found) = told(Cusum(false_alarms=0.04, learn=1000), values).findings
    assert found.why.numbers["shift"] == pytest.approx(9.0, abs=3.0)


def test_a_fall_is_found_as_well_and_its_end_too() -> None:
    steps = np.arange(3000)
    values = np.random.default_rng(6).normal(0, 1, 3000) - np.where((steps >= 1500) & (steps < 2500), 1.0, 0)
    found = told(Cusum(limit=12.0, learn=1000), values).findings
    assert [f.verdict for f in found] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    assert found[1].why.numbers["shift"] < 0


def test_the_frozen_baseline_finds_a_drift_that_a_following_one_swallows() -> None:
    """performance 9: a ramp of r a reading under a mean that follows by alpha leaves r / alpha: here 0.1 sigma."""
    values = np.random.default_rng(7).normal(0, 1, 4000) + np.clip(np.arange(4000) - 1500, 0, None) * 0.001
    following, residual = 0.0, np.empty(4000)
    for k, x in enumerate(values.tolist()):
        residual[k] = x - following
        following += 0.01 * residual[k]
    swallowed = told(Cusum(limit=12.0, **KNOWN), residual)
    assert verdicts(swallowed) == [Verdict.CLEAR]
    assert verdicts(told(Cusum(limit=12.0, learn=1000), values)) == [Verdict.CLEAR, Verdict.ACTIVE]


def test_what_was_learned_does_not_move() -> None:
    detector = Cusum(limit=12.0, learn=100)
    state = detector.start(Subjects.simple(1, interval=1.0))
    values = np.random.default_rng(8).normal(0, 1, (600, 1))
    feed(detector, state, values[:101])
    before = [state.mean.copy(), state.phi.copy(), state.gain.copy()]
    feed(detector, state, values[101:] + 3, 101)
    assert all((a == b).all() for a, b in zip(before, [state.mean, state.phi, state.gain], strict=True))


def test_a_bump_test_while_it_learns_is_not_normal() -> None:
    values = np.random.default_rng(10).normal(0, 1, 1200)
    values[300:380] += 50.0
    values[1100:] += 2.0
    assert verdicts(told(Cusum(limit=12.0, learn=1000), values)) == [Verdict.CLEAR, Verdict.ACTIVE]


def test_single_spikes_do_not_alarm() -> None:
    values = np.zeros(400)
    values[::50] = 1e6
    assert verdicts(told(Cusum(limit=8.0, **KNOWN), values)) == [Verdict.CLEAR]


def test_heavy_tails_alarm_less_often_where_a_reading_is_clipped() -> None:
    values = np.random.default_rng(11).standard_t(5, (1500, 400)) / np.sqrt(5 / 3)
    clipped, _ = run_length(Cusum(limit=6.0, **KNOWN), values)
    free, _ = run_length(Cusum(limit=6.0, clip=100.0, **KNOWN), values)
    assert clipped > 1.4 * free
    assert clipped > 0.6 * cusum_run_length(0.5, 6.0)


def test_a_quantised_sensor_at_rest_has_its_quantum_for_a_noise_and_one_without_stays_unknown() -> None:
    values = np.concatenate((np.full(1050, 5.0), np.full(100, 7.0)))
    assert verdicts(told(Cusum(limit=8.0), values, quantum=1.0)) == [Verdict.CLEAR, Verdict.ACTIVE]
    assert verdicts(told(Cusum(limit=8.0), values, noise=0.5)) == [Verdict.CLEAR, Verdict.ACTIVE]
    assert verdicts(told(Cusum(limit=8.0, sigma=0.5), values)) == [Verdict.CLEAR, Verdict.ACTIVE]
    assert told(Cusum(limit=8.0), values).findings == []


def test_a_dither_of_one_quantum_in_a_quiet_baseline_does_not_alarm() -> None:
    rng = np.random.default_rng(12)
    values = 5.0 + (rng.random(6000) < np.where(np.arange(6000) < 1000, 0.002, 0.1))
    assert verdicts(told(Cusum(false_alarms=0.04), values, quantum=1.0)) == [Verdict.CLEAR]


def test_a_walk_has_no_baseline() -> None:
    values = np.random.default_rng(13).normal(0, 1, 5000).cumsum()
    assert told(Cusum(limit=8.0), values).findings == []


def test_a_reading_after_a_gap_is_not_whitened_by_the_one_before() -> None:
    detector = Cusum(limit=8.0, phi=0.9, clip=100.0, **KNOWN)
    times = np.array([0, 1, 2, 100]) * SECOND
    (column,) = evaluate(detector, times, [2.0, 2.0, 2.0, 2.0], interval=1.0).columns
    near = 0.2 / np.sqrt(1 - 0.81)
    assert np.diff(column.value * 8, prepend=0.0) == pytest.approx([1.5, near - 0.5, near - 0.5, 1.5])


def test_bad_and_late_readings_say_nothing_and_clear_nothing() -> None:
    values = np.concatenate((np.full(20, 3.0), np.zeros(200)))
    marks = np.where(np.arange(220) < 20, 0, int(Quality.LATE | Quality.OUT_OF_SPAN)).astype(np.uint8)
    outcome = told(STANDARD, values, quality=marks)
    assert verdicts(outcome)[-1] is Verdict.ACTIVE
    assert len(outcome.columns[0].value) == 20


def test_a_lost_value_makes_a_clear_verdict_unknown() -> None:
    found = told(STANDARD, [0.0, NAN, 0.0])
    assert verdicts(found) == [Verdict.CLEAR, Verdict.UNKNOWN, Verdict.CLEAR]


@pytest.mark.parametrize("given", [{}, {"mean": 4.0}, {"sigma": 2.0}, {"phi": 0.0}, {"mean": 4.0, "sigma": 2.0}])
def test_a_declared_part_is_kept_and_the_rest_is_learned(given: dict[str, float]) -> None:
    detector = Cusum(limit=8.0, learn=100, **given)
    state = detector.start(Subjects.simple(1, interval=1.0))
    feed(detector, state, np.random.default_rng(14).normal(4.5, 1, (101, 1)))
    assert state.gain[0] > 0
    assert state.mean[0] == (4.0 if "mean" in given else pytest.approx(4.5, abs=0.5))
    sigma = 1 / (state.gain[0] * np.sqrt(1 - state.phi[0] ** 2))
    assert sigma == pytest.approx(2.0 if "sigma" in given else 1.0, rel=1e-12 if "sigma" in given else 0.3)


def test_a_bad_reading_after_a_restart_says_what_it_would_have_said() -> None:
    detector, subjects = Cusum(limit=8.0, learn=100), Subjects.simple(1, interval=1.0)
    state = detector.start(subjects)
    feed(detector, state, np.random.default_rng(17).normal(4.5, 1, (120, 1)))
    again = restore(detector.start(subjects), arrays_of(state))
    lost = Batch.of(120 * SECOND, [0], [120 * SECOND], [NAN])
    assert detector.step(again, lost).findings == detector.step(state, lost).findings != []


def test_a_restart_goes_on_with_what_was_learned_and_a_new_declaration_holds() -> None:
    detector = Cusum(limit=8.0, learn=100)
    subjects = Subjects.simple(1, interval=1.0)
    state = detector.start(subjects)
    values = np.random.default_rng(16).normal(4.5, 1, (160, 1))
    feed(detector, state, values[:150])
    again = restore(detector.start(subjects), arrays_of(state))
    declared = restore(Cusum(limit=8.0, learn=100, mean=5.0).start(subjects), arrays_of(state))
    feed(detector, state, values[150:], 150)
    feed(detector, again, values[150:], 150)
    feed(detector, declared, values[150:], 150)
    assert (again.high, again.gain, again.mean) == (state.high, state.gain, state.mean)
    assert (declared.mean, declared.gain) == (5.0, state.gain)


def memory(state: Any) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in arrays_of(state).items()}


@given(st.integers(0, 2**32), st.sampled_from([1, 2, NARROW, 60]), st.booleans())
@settings(max_examples=20, deadline=None)
def test_every_way_through_a_batch_rounds_alike(seed: int, sensors: int, learns: bool) -> None:
    """Whole ticks, scattered rounds with a tail, hot sensors: the same sums, runs and findings to the last bit."""
    rng = np.random.default_rng(seed)
    detector = Cusum(limit=6.0, learn=100, reference=0.3, phi=0.4, **({} if learns else {"mean": 0.1, "sigma": 0.9}))
    sensor = np.where(rng.random(3000) < 0.3, 0, rng.integers(0, sensors, 3000))
    times, values = np.arange(3000) * SECOND, rng.normal(0.3, 1, 3000)
    quality = (rng.random(3000) < 0.02).astype(np.uint8) * int(Quality.OUT_OF_SPAN)
    said, states = [], []
    for size in (1, 7, 400, 3000):
        state = detector.start(Subjects.simple(sensors, interval=1.0))
        findings = []
        for k in range(0, 3000, size):
            part = slice(k, k + size)
            columns = (sensor[part], times[part], values[part])
            batch = Batch.of(0, *columns, quality=quality[part], row=np.arange(3000)[part])
            findings += detector.step(state, batch).findings
        said.append(repr(findings))
        states.append(memory(state))
    assert all(s == said[0] for s in said)
    assert all(s == states[0] for s in states)


def test_many_sensors_in_ticks_are_as_in_one_batch() -> None:
    values = np.random.default_rng(9).normal(0.5, 1, (50, 100))
    times = np.repeat(np.arange(50) * SECOND, 100)
    whole, parts = (STANDARD.start(Subjects.simple(100)) for _ in range(2))
    STANDARD.step(whole, Batch.of(0, np.tile(np.arange(100), 50), times, values.reshape(-1)))
    for k in range(50):
        STANDARD.step(parts, Batch.of(0, np.arange(100), times[k * 100 :][:100], values[k]))
    assert memory(whole) == memory(parts)


@pytest.mark.parametrize(
    "wrong",
    [{"false_alarms": 0.0}, {"limit": 0.0}, {"limit": float("inf")}, {"sigma": 0.0}, {"phi": 1.0}, {"learn": 10},
     {"clip": 0.0}, {"reference": 0.0}, {"reference": 5.0}, {"mean": float("inf")}],
)  # fmt: skip
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Cusum(**wrong)


def test_a_wish_that_no_limit_grants_is_refused() -> None:
    with pytest.raises(ValueError, match="learn from more"):
        Cusum(false_alarms=0.04, learn=100).start(Subjects.simple(1, interval=1.0))
