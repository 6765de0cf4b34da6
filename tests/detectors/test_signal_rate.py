"""signal.rate. Oracle: scipy.stats.theilslopes for slope and interval; closed forms of the crossing on exact lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import theilslopes

from detectors import evaluate
from detectors.detector import Finding, Outcome, Subjects, Verdict
from detectors.reading import Quality
from detectors.signal.rate import Rate, crossing, fit
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

BEGIN = 1_700_000_000 * SECOND
WINDOW = 300.0
EVERY = 10 * SECOND


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    step = np.arange(300)[:, None]
    climbs = np.clip(step - 100, 0, 60) * 0.5
    return readings(seed, inputs, 5 + climbs + rng.normal(0, 0.3, (300, inputs)), every=EVERY, gap=(220, 240))


SAMPLE = Sample(
    Rate(limit=1.0, window=WINDOW, threshold=60.0),
    lambda n: Subjects.simple(n, unit="ppm"),
    stream,
    instants=("reaches_from", "reaches_to"),
)


def told(values: Any, detector: Rate | None = None, quality: Any = None) -> Outcome:
    times = BEGIN + np.arange(len(values)) * EVERY
    return evaluate(detector or Rate(limit=1.0, window=WINDOW), times, values, unit="ppm", quality=quality)


def column(outcome: Outcome, name: str) -> Any:
    return next((c.value for c in outcome.columns if c.name == name), np.zeros(0))


def words(findings: Any) -> list[str]:
    return [f.why.key.rpartition(".")[2] for f in findings]


def test_between_limit_and_reset_an_alarm_stands_and_an_unknown_rate_is_clear() -> None:
    detector = Rate(limit=1.0, window=WINDOW, reset=0.5)
    slow = 0.12 * np.arange(100.0)  # 0.72 a minute
    assert [(f.verdict, f.why.key) for f in told(slow, detector).findings] == [(Verdict.CLEAR, "signal.rate.between")]
    fast = 0.5 * np.arange(60.0)
    assert words(told(np.concatenate((fast, fast[-1] + slow)), detector).findings) == ["rising"]


def test_slope_and_interval_are_scipys_on_the_readings_of_the_window() -> None:
    """One reading a mean, so the means are the readings."""
    values = np.random.default_rng(1).normal(0, 1, 200).cumsum()
    outcome = told(values)
    rates = [column(outcome, n) for n in ("rate", "rate_from", "rate_to")]
    assert len(rates[0]) == 200 - 15
    for k, (slope, low, high) in enumerate(zip(*rates, strict=True)):
        end = k + 16
        part = values[max(0, end - 31) : end]
        wanted = theilslopes(part, np.arange(len(part)) / 6)
        assert (slope, low, high) == pytest.approx(tuple(wanted)[:1] + (wanted.low_slope, wanted.high_slope), rel=1e-9)


def test_the_interval_holds_the_true_slope_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    t = np.arange(30.0)
    held = 0
    for _ in range(1000):
        slope = fit(0.2 * t + rng.normal(0, 1, 30), t, 0.95).slope
        held += slope.low <= 0.2 <= slope.high
    assert held / 1000 == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 1000))


def test_an_exact_line_reaches_the_threshold_when_it_must() -> None:
    outcome = told(0.5 * np.arange(60.0), Rate(limit=1.0, window=WINDOW, threshold=60.0))
    now = BEGIN / SECOND + 590
    for name in ("reaches_from", "reaches_to"):
        assert column(outcome, name)[-1] == pytest.approx(now + (60.0 - 29.5) / 0.05, abs=0.01)


def test_the_interval_of_the_crossing_holds_the_true_one() -> None:
    rng = np.random.default_rng(3)
    t = np.arange(-29.0, 1.0)
    held = 0
    for _ in range(500):
        found = crossing(fit(0.5 * t + rng.normal(0, 1, 30), t, 0.95), 20.0)
        held += found is not None and found[0] <= 40.0 <= found[1]
    assert held / 500 >= 0.93


def test_without_a_trend_there_is_no_time_to_the_threshold() -> None:
    values = np.random.default_rng(4).normal(0, 1, 30)
    assert crossing(fit(values + values[::-1], np.arange(-29.0, 1.0), 0.95), 20.0) is None
    assert crossing(fit(np.ones(30), np.arange(-29.0, 1.0), 0.95), 20.0) is None
    falling = told(30 - 0.5 * np.arange(60.0), Rate(limit=1.0, window=WINDOW, threshold=60.0))
    assert len(column(falling, "reaches_from")) == 0


def test_a_held_rise_is_one_onset_and_its_end_one_return() -> None:
    values = np.concatenate((np.full(60, 5.0), 5 + 0.5 * np.arange(100), np.full(60, 54.5)))
    values += np.random.default_rng(5).normal(0, 0.1, len(values))
    findings = told(values).findings
    assert words(findings) == ["slower", "rising", "slower"]
    assert findings[1].limit == 1.0
    assert findings[1].value is not None
    assert findings[1].value >= 1.0


def test_outliers_make_no_rate() -> None:
    values = np.full(120, 5.0)
    values[60:120:7] += 500.0
    assert words(told(values).findings) == ["slower"]


def test_below_the_floor_of_level_a_rate_does_not_matter() -> None:
    values = 0.5 * np.arange(60.0)
    assert words(told(values, Rate(limit=1.0, window=WINDOW, floor=20.0)).findings) == ["low_level", "rising"]


@pytest.mark.parametrize(("side", "sign", "heard"), [("falling", -1, "falling"), ("falling", 1, "slower"),
                                                     ("either", -1, "falling"), ("rising", -1, "slower")])  # fmt: skip
def test_the_side_decides(side: Any, sign: int, heard: str) -> None:
    assert words(told(sign * 0.5 * np.arange(60.0), Rate(limit=1.0, window=WINDOW, side=side)).findings) == [heard]


def test_what_noise_hides_is_not_called_slow() -> None:
    values = np.random.default_rng(6).normal(0, 50, 60)
    found: list[Finding] = list(told(values).findings)
    assert all(f.verdict is not Verdict.CLEAR for f in found)


def test_bad_readings_are_lost_coverage_and_clear_nothing() -> None:
    values = np.concatenate((0.5 * np.arange(60.0), np.zeros(30)))
    marks = np.where(np.arange(90) < 60, 0, int(Quality.LATE)).astype(np.uint8)
    assert words(told(values, quality=marks).findings) == ["rising"]


def test_a_gap_is_no_rate() -> None:
    times = BEGIN + np.concatenate((np.arange(60), 600 + np.arange(5))) * EVERY
    values = np.concatenate((np.full(60, 5.0), np.full(5, 50.0)))
    outcome = evaluate(Rate(limit=1.0, window=WINDOW), times, values)
    assert [f.verdict for f in outcome.findings] == [Verdict.CLEAR, Verdict.UNKNOWN]


@pytest.mark.parametrize(
    "wrong",
    [{"limit": 0.0}, {"reset": 2.0}, {"window": 0.0}, {"side": "up"}, {"confidence": 1.0}],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Rate(**{"limit": 1.0, "window": WINDOW, **wrong})
