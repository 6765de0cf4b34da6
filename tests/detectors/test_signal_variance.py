"""signal.variance. Oracles: scipy.stats.f and chi2, a plain loop over NumPy's var, and drawn false alarms within 3
standard errors of the wished ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import chi2, f

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.reading import Batch
from detectors.signal.variance import CLIP, COMMISSIONED, Variance, quantiles
from detectors.state import arrays_of, restore
from detectors.wished import MONTH
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DETECTOR = Variance(readings=20, learn=200)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    size = np.repeat([1.0, 1.0, 1.0, 6.0, 1.0, 0.05], 120)[:, None]
    return readings(seed, inputs, 5 + size * rng.normal(0, 1, (720, inputs)), bad=0.02)


SAMPLE = Sample(DETECTOR, lambda n: Subjects.simple(n, unit="mm", interval=1.0), stream)


def told(values: Any, detector: Variance = DETECTOR, *, times: Any = None, **subject: Any) -> Outcome:
    at = np.arange(len(values)) if times is None else np.asarray(times)
    return evaluate(detector, at * SECOND, values, **{"interval": 1.0, **subject})


def words(outcome: Outcome) -> list[str]:
    return [f.why.key.rpartition(".")[2] for f in outcome.findings]


def column(outcome: Outcome, name: str) -> Any:
    return next((c for c in outcome.columns if c.name == name), None)


def fleet(detector: Variance, values: NDArray[Any], **subject: Any) -> Outcome:
    """All sensors (columns) of one kind, a reading a second."""
    ticks, sensors = values.shape
    state = detector.start(Subjects.simple(sensors, **{"interval": 1.0, **subject}))
    at = np.repeat(np.arange(ticks), sensors) * SECOND
    return detector.step(state, Batch.of(at[-1] + 1, np.tile(np.arange(sensors), ticks), at, values.reshape(-1)))


@pytest.mark.parametrize("chance", [0.025, 1e-4, 1e-7])
@pytest.mark.parametrize("freedom", [9, 29, 249])
def test_the_limits_are_quantiles_of_f_and_of_chi_square(chance: float, freedom: int) -> None:
    lower, upper = quantiles(np.array([chance] * 2), freedom, np.array([580.0, COMMISSIONED]))
    assert (lower[0], upper[0]) == pytest.approx((f.ppf(chance, freedom, 580), f.isf(chance, freedom, 580)), rel=1e-8)
    square = chi2.ppf(chance, freedom) / freedom, chi2.isf(chance, freedom) / freedom
    assert (lower[1], upper[1]) == pytest.approx(square, rel=1e-6)


def test_the_columns_are_the_noise_of_pairs_of_neighbours_and_its_ratio() -> None:
    values = np.random.default_rng(1).normal(7, 1, 400)
    outcome = told(values)
    blocks = (values[1::2] - values[::2]).reshape(-1, 10)
    drawn = column(outcome, "noise")
    np.testing.assert_allclose(drawn.value, np.sqrt(blocks.var(axis=1, ddof=1) / 2), rtol=1e-12)
    assert drawn.time.tolist() == [(20 * k + 19) * SECOND for k in range(20)]
    usual = np.sqrt(np.mean(blocks[:10].var(axis=1, ddof=1)) / 2)
    np.testing.assert_allclose(column(outcome, "ratio").value, drawn.value[10:] / usual, rtol=1e-12)


PER_SIDE = 0.02


def false_alarms(values: NDArray[Any], **subject: Any) -> tuple[float, float, float, float]:
    """Parts of blocks of 20 readings beyond the upper and the lower limit, and their standard errors over sensors."""
    detector = Variance(false_alarms=2 * PER_SIDE * MONTH / 20, readings=20, learn=400)
    ratio = column(fleet(detector, values, **subject), "ratio")
    lower, upper = quantiles(np.array(PER_SIDE), 9, np.array(180.0))
    out = []
    for beyond in (ratio.value**2 >= upper, ratio.value**2 <= lower):
        parts = np.bincount(ratio.subject, beyond) / np.maximum(np.bincount(ratio.subject), 1)
        out.append((parts.mean(), parts.std() / np.sqrt(len(parts))))
    (high, high_error), (low, low_error) = out
    return high, low, high_error, low_error


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("trend", [0.0, 5.0])
def test_the_wished_false_alarms_are_those_of_normal_readings_correlated_or_with_a_trend(
    phi: float, trend: float
) -> None:
    values = lfilter([1], [1, -phi], np.random.default_rng(2).normal(0, 1, (1400, 600)), axis=0)
    high, low, high_error, low_error = false_alarms(values[200:] + trend * np.arange(1200)[:, None])
    assert high == pytest.approx(PER_SIDE, abs=3 * high_error)
    assert low == pytest.approx(PER_SIDE, abs=3 * low_error)


def test_what_the_docs_say_of_negative_correlation_and_of_heavy_tails() -> None:
    rng = np.random.default_rng(3)
    swinging = lfilter([1], [1, 0.5], rng.normal(0, 1, (1200, 300)), axis=0)
    for values in (swinging, rng.standard_t(5, (1200, 300))):
        high, low, *_ = false_alarms(values)
        assert 1.2 * PER_SIDE < min(high, low) < max(high, low) < 5 * PER_SIDE


@pytest.mark.parametrize("deviation", [0.62, 0.8, 1.5])
def test_a_quantised_sensor_whose_level_moves_gives_no_more_false_alarms(deviation: float) -> None:
    rng = np.random.default_rng(4)
    edge = np.where(np.arange(1200) < 400, 0.0, 0.5)[:, None]
    high, low, high_error, low_error = false_alarms(np.round(rng.normal(0, deviation, (1200, 400)) + edge))
    assert high < 1.2 * PER_SIDE + 3 * high_error
    assert low < 1.2 * PER_SIDE + 3 * low_error


@pytest.mark.parametrize("deviation", [0.0, 0.1, 0.4])
def test_noise_that_the_quantum_hides_is_not_judged(deviation: float) -> None:
    values = np.round(np.random.default_rng(5).normal(0.3, deviation, 2000))
    outcome = told(values)
    assert (words(outcome), column(outcome, "ratio")) == ([], None)


@pytest.mark.parametrize(("size", "heard"), [(2.0, "noisier"), (0.4, "quieter"), (0.0, "quieter")])
def test_a_change_of_the_noise_is_found_within_two_blocks(size: float, heard: str) -> None:
    values = np.random.default_rng(6).normal(0, 1, 3000)
    values[2400:] *= size
    outcome = told(values, Variance())
    assert words(outcome) == ["as_usual", heard]
    (found,) = [f for f in outcome.findings if f.verdict is Verdict.ACTIVE]
    assert 2400 <= found.time // SECOND <= 2520
    assert found.value is not None
    assert found.limit is not None
    assert (found.value >= found.limit) is (heard == "noisier")
    assert found.why.numbers["usual"] == pytest.approx(1.0, rel=0.1)
    assert found.why.numbers["ratio"] == pytest.approx(found.value / float(found.why.numbers["usual"]))


def test_a_block_shows_a_change_as_often_as_the_docs_say() -> None:
    half = np.array(0.02 * 3600 / MONTH)
    lower, upper = quantiles(half, 29, np.array(580.0))
    for size, share in ((2.0, 0.94), (1.4142, 0.16)):
        assert chi2.sf(29 * upper / size**2, 29) == pytest.approx(share, abs=0.005)
    assert chi2.cdf(29 * lower / 0.5**2, 29) == pytest.approx(0.61, abs=0.005)


def test_a_lasting_change_is_one_onset_and_is_not_swallowed() -> None:
    values = np.random.default_rng(7).normal(0, 1, 40_000)
    values[2000:] *= 2
    assert words(told(values, Variance())) == ["as_usual", "noisier"]


def test_what_was_as_before_ends_it() -> None:
    values = np.random.default_rng(8).normal(0, 1, 3000)
    values[1800:2100] *= 3
    assert words(told(values, Variance())) == ["as_usual", "noisier", "as_usual"]


def test_spikes_steps_and_trends_are_no_noise() -> None:
    values = np.random.default_rng(9).normal(0, 1, 12_000) + 0.3 * np.arange(12_000)
    values[1500::400] += 1e4
    values[7000:] += 500
    outcome = told(values, Variance())
    assert words(outcome) == ["as_usual"]
    assert column(outcome, "ratio").value.max() < 1.6


def test_a_spike_while_it_learns_is_left_out() -> None:
    values = np.random.default_rng(10).normal(0, 1, 3000)
    plain = column(told(values, Variance()), "ratio").value
    values[[100, 101, 500, 901]] += 1e5
    np.testing.assert_allclose(column(told(values, Variance()), "ratio").value, plain, rtol=0.05)


def test_a_number_that_fell_over_is_a_spike_as_any() -> None:
    values = np.random.default_rng(10).normal(0, 1, 3000)
    values[[100, 1501]] = 1.7e308, -1.7e308
    assert words(told(values, Variance())) == ["as_usual"]


def test_a_past_without_a_usual_noise_is_learned_again() -> None:
    rng = np.random.default_rng(11)
    restless = rng.normal(0, 1, 200) * np.repeat(10.0 ** np.arange(10), 20)
    outcome = told(np.concatenate((restless, rng.normal(0, 1, 600))))
    assert column(outcome, "ratio").time[0] == (400 + 19) * SECOND


@pytest.mark.parametrize(("side", "heard"), [("noisier", ["as_usual"]), ("quieter", ["as_usual", "quieter"])])
def test_the_side_decides(side: Any, heard: list[str]) -> None:
    values = np.random.default_rng(12).normal(0, 1, 3000)
    values[2000:] *= 0.1
    assert words(told(values, Variance(side=side))) == heard


def test_a_factor_needs_no_interval() -> None:
    values = np.random.default_rng(13).normal(0, 1, 3000)
    values[2000:] *= 1.5
    assert words(told(values, Variance(factor=2.0), interval=np.nan)) == ["as_usual"]
    assert words(told(values * 2, Variance(factor=2.0, noise=1.0), interval=np.nan))[-1] == "noisier"
    assert words(told(values, Variance(factor=1.3), interval=np.nan))[-1] == "noisier"


def test_a_declared_noise_is_judged_from_the_first_block() -> None:
    values = np.random.default_rng(14).normal(0, 1, 400)
    assert words(told(values, Variance(noise=1.0))) == ["as_usual"]
    outcome = told(4 * values, Variance(noise=1.0, readings=20))
    assert (words(outcome), outcome.findings[0].time) == (["noisier"], 19 * SECOND)
    assert outcome.findings[0].limit == pytest.approx(np.sqrt(chi2.isf(0.02 * 20 / MONTH, 9) / 9), rel=1e-6)


def test_a_noise_declared_later_replaces_what_was_learned() -> None:
    values, subjects = np.random.default_rng(16).normal(0, 1, 420), Subjects.simple(1, interval=1.0)
    at = np.arange(420) * SECOND
    state = DETECTOR.start(subjects)
    DETECTOR.step(state, Batch.of(at[399] + 1, np.zeros(400, int), at[:400], values[:400]))
    declares = Variance(noise=50.0, readings=20, learn=200)
    carried = restore(declares.start(subjects), arrays_of(state))
    outcome = declares.step(carried, Batch.of(at[-1] + 1, np.zeros(20, int), at[400:], values[400:]))
    assert words(outcome) == ["quieter"]
    assert outcome.findings[0].why.numbers["usual"] == pytest.approx(50.0)


def plain(times: NDArray[Any], values: NDArray[Any], good: NDArray[Any]) -> list[float]:
    """Noise of each block of 10 pairs."""
    pairs, first = [], None
    before = 0
    for time, value in zip(times[good].tolist(), values[good].tolist(), strict=True):
        if first is not None and time - before <= 5:
            pairs.append(value - first)
            first = None
        else:
            first = value
        before = time
    return [float(np.std(pairs[k : k + 10], ddof=1) / np.sqrt(2)) for k in range(0, len(pairs) - 9, 10)]


@given(seed=st.integers(0, 2**32), gaps=st.sampled_from([0.0, 0.1, 0.5]), bad=st.sampled_from([0.0, 0.3]))
@settings(max_examples=60, deadline=None)
def test_pairs_are_those_of_a_plain_loop(seed: int, gaps: float, bad: float) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(np.where(rng.random(190) < gaps, rng.integers(5, 8, 190), 1))
    values, good = rng.normal(0, 1, 190), rng.random(190) >= bad
    drawn = column(told(np.where(good, values, np.nan), times=times), "noise")
    found = [] if drawn is None else drawn.value
    np.testing.assert_allclose(found, plain(times, values, good), rtol=1e-12)


def test_a_difference_far_beyond_the_usual_counts_as_clip_times_that() -> None:
    values = np.random.default_rng(15).normal(0, 1, 220)
    values[-1] += 1e6
    outcome = told(values)
    pairs = values[201::2] - values[200::2]
    usual = float(np.sqrt(2) * column(outcome, "noise").value[-1] / column(outcome, "ratio").value[-1])
    pairs[-1] = np.partition(pairs, 5)[5] + CLIP * usual
    assert column(outcome, "ratio").value[-1] == pytest.approx(np.std(pairs, ddof=1) / usual, rel=1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"false_alarms": 0.0}, {"factor": 1.0}, {"noise": 0.0}, {"side": "up"}, {"readings": 21}, {"readings": 18},
        {"learn": 500}, {"learn": 60_000},
    ],
)  # fmt: skip
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Variance(**wrong)


def test_a_sensor_without_interval_and_a_noise_below_the_quantum_are_refused() -> None:
    with pytest.raises(ValueError, match="s0 declares no interval; give"):
        Variance().start(Subjects.simple(1))
    with pytest.raises(ValueError, match="s0 has a quantum of 1, which hides the noise; give"):
        Variance(noise=0.5).start(Subjects.simple(1, interval=1.0, quantum=1.0))
