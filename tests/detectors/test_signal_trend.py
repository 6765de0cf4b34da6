"""signal.trend. Oracle: the vector of the shared reference (statistics 8), scipy.stats.kendalltau and theilslopes,
and pymannkendall 1.4.3's Hamed-Rao variance, computed once on the series below."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, theilslopes

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.reading import Quality
from detectors.signal.trend import Trend, mann_kendall
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

BEGIN = 1_700_000_000 * SECOND
HOUR = 3600 * SECOND
KNOWN = np.array([5, 7, 6, 8, 9, 11, 10, 12, 13, 12, 15, 16], float)
CORRELATED = np.array([
    0.0, 0.3, 1.0, 0.9, -0.7, 0.5, 0.7, -0.1, 0.5, 0.7, 0.7, 0.4, 0.8, -0.2, -0.3, -0.7, 0.2, 0.2, -0.2, -0.9, -0.8,
    -0.5, -0.6, 1.0, 1.6, -1.8, -2.9, -1.9, -1.6, -0.7, -0.2, 2.0, 0.1, -0.3, 1.8, 1.8, 1.7, 0.5, -1.3, -0.6, -0.3,
])  # fmt: skip
DETECTOR = Trend(window=30 * 3600.0)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    step = np.arange(240)[:, None]
    values = np.clip(step - 60, 0, 80) * 0.5 + rng.normal(0, 1, (240, inputs))
    return readings(seed, inputs, values, every=HOUR // 2, gap=(200, 210))


SAMPLE = Sample(DETECTOR, lambda n: Subjects.simple(n, unit="Pa"), stream)


def told(values: Any, detector: Trend = DETECTOR, quality: Any = None) -> Outcome:
    return evaluate(detector, BEGIN + np.arange(len(values)) * HOUR, values, unit="Pa", quality=quality)


def words(outcome: Outcome) -> list[str]:
    return [f.why.key.rpartition(".")[2] for f in outcome.findings]


def test_the_known_series() -> None:
    found = mann_kendall(KNOWN, 1.0, np.arange(12.0))
    assert (found.s, found.variance) == (59, pytest.approx(211.6667, abs=5e-5))
    assert found.z(found.variance) == pytest.approx(3.98659, abs=5e-6)
    assert found.p(found.variance) == pytest.approx(6.7029e-05, abs=5e-10)
    assert found.corrected == pytest.approx(211.66666666666666, rel=1e-12)


def test_hamed_and_raos_variance_is_pymannkendalls() -> None:
    t = np.arange(41.0)
    found = mann_kendall(CORRELATED, theilslopes(CORRELATED, t).slope, t)
    assert (found.s, found.variance) == (-111, pytest.approx(7904.333333333333, rel=1e-12))
    assert found.corrected == pytest.approx(14180.451827550769, rel=1e-12)
    assert found.z(found.corrected) == pytest.approx(-0.9237355349853221, rel=1e-12)
    assert found.p(found.corrected) == pytest.approx(0.35562402604188104, rel=1e-12)


@given(st.integers(0, 2**32), st.integers(5, 40), st.booleans())
@settings(max_examples=60, deadline=None)
def test_s_is_kendalls_tau(seed: int, count: int, tied: bool) -> None:
    y = np.random.default_rng(seed).normal(0, 2, count)
    y = np.round(y) if tied else y
    tau = kendalltau(np.arange(count), y).statistic
    ties = np.unique(y, return_counts=True)[1]
    pairs = count * (count - 1) / 2
    untied = pairs - float((ties * (ties - 1) / 2).sum())
    if untied:
        assert mann_kendall(y, 0.0, np.arange(float(count))).s == pytest.approx(tau * np.sqrt(pairs * untied), abs=1e-9)


def test_noise_is_a_trend_as_often_as_it_says() -> None:
    rng, t = np.random.default_rng(1), np.arange(30.0)
    tests = [mann_kendall(rng.normal(0, 1, 30), 0.0, t) for _ in range(2000)]
    share = np.mean([test.p(test.variance) <= 0.05 for test in tests])
    assert share == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 2000))


def test_the_columns_are_the_slope_and_z_of_the_window() -> None:
    values = np.random.default_rng(2).normal(0, 1, 100).cumsum()
    outcome = told(values)
    slope, z = (next(c.value for c in outcome.columns if c.name == n) for n in ("slope", "z"))
    part, t = values[-31:], np.arange(31) / 24
    wanted = theilslopes(part, t).slope
    test = mann_kendall(part, wanted, t)
    assert slope[-1] == pytest.approx(wanted, rel=1e-9)
    # Sen's slope passes through two of the values: rounding decides which of these two ranks higher.
    assert z[-1] == pytest.approx(test.z(max(test.variance, test.corrected)), rel=0.01)


def test_a_slow_trend_is_one_onset_and_noise_is_none() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate((rng.normal(0, 1, 60), 0.3 * np.arange(100) + rng.normal(0, 1, 100)))
    assert words(told(values)) == ["no_trend", "rising"]
    (found,) = [f for f in told(values).findings if f.verdict is Verdict.ACTIVE]
    assert 60 < (found.time - BEGIN) / HOUR < 85
    assert found.why.numbers["confidence"] >= 0.999


def test_a_turn_back_ends_it() -> None:
    rng = np.random.default_rng(4)
    values = np.concatenate((0.3 * np.arange(60), np.full(60, 18.0))) + rng.normal(0, 1, 120)
    assert words(told(values))[-2:] == ["rising", "no_trend"]


@pytest.mark.parametrize(("side", "sign", "heard"), [("rising", -1, "no_trend"), ("falling", -1, "falling"),
                                                     ("either", -1, "falling")])  # fmt: skip
def test_the_side_decides(side: Any, sign: int, heard: str) -> None:
    values = sign * 0.5 * np.arange(60.0)
    assert words(told(values, Trend(window=30 * 3600.0, side=side))) == [heard]


def test_a_sure_trend_below_the_limit_does_not_matter() -> None:
    assert words(told(0.5 * np.arange(60.0), Trend(window=30 * 3600.0, limit=13.0))) == ["slower"]
    assert words(told(0.5 * np.arange(60.0), Trend(window=30 * 3600.0, limit=11.0))) == ["rising"]


def test_a_constant_is_no_trend() -> None:
    assert words(told(np.full(60, 7.0))) == ["no_trend"]


def test_bad_readings_clear_nothing() -> None:
    values = np.concatenate((0.5 * np.arange(60.0), np.zeros(40)))
    marks = np.where(np.arange(100) < 60, 0, int(Quality.OUT_OF_SPAN)).astype(np.uint8)
    assert words(told(values, quality=marks)) == ["rising"]


@pytest.mark.parametrize("wrong", [{"window": 1.0}, {"limit": -1.0}, {"side": "up"}, {"confidence": 0.5}])
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Trend(**{"window": 3600.0, **wrong})
