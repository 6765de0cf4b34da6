"""slope.rainfall. Oracle: Caine's curve in closed form; sums of numpy over the window."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.reading import Quality
from detectors.slope.rainfall import BINS, Rainfall, curve
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

HOUR = 3600
BEGIN = 1_699_999_200
"""A multiple of 30 min."""
CAINE = Rainfall(alpha=14.82, beta=0.39)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    step = np.arange(500)[:, None]
    rain = np.where((step > 250) & (step < 290), 6.0, 0.0) * rng.random((500, inputs))
    return readings(seed, inputs, rain, every=600 * SECOND, bad=0.03, gap=(400, 420))


SAMPLE = Sample(
    Rainfall(alpha=8.0, beta=0.4, durations=(3600.0, 6 * 3600.0)),
    lambda n: Subjects.simple(n, unit="mm", interval=600.0),
    stream,
)


def said(detector: Rainfall, mm: np.ndarray, every: int = 600, quality: object = None, unit: str = "mm") -> Outcome:
    times = (BEGIN + every * np.arange(1, len(mm) + 1)) * SECOND
    return evaluate(detector, times, mm, quality=quality, unit=unit, interval=float(every))


def verdicts(outcome: Outcome) -> list[Verdict]:
    return [f.verdict for f in outcome.findings]


@pytest.mark.parametrize(("hours", "intensity"), [(1, 14.82), (10, 6.0374), (100, 2.4595)])
def test_the_curve_is_that_of_caine(hours: float, intensity: float) -> None:
    assert curve(14.82, 0.39, hours) / hours == pytest.approx(intensity, rel=1e-4)


@pytest.mark.parametrize("hours", [1, 6, 24, 72])
@pytest.mark.parametrize("share", [0.93, 1.0])
def test_steady_rain_alarms_where_it_reaches_the_curve_of_its_duration(hours: int, share: float) -> None:
    detector = Rainfall(alpha=14.82, durations=(hours * 3600.0,))
    mm = np.zeros(6 * (hours + 100))
    mm[-6 * hours :] = curve(14.82, 0.39, hours) / (6 * hours) * share
    mm[-6 * hours] += 1e-9
    assert (Verdict.ACTIVE in verdicts(said(detector, mm))) == (share == 1.0)


def test_the_column_is_the_largest_part_of_any_window() -> None:
    rng = np.random.default_rng(2)
    mm = rng.gamma(0.2, 2.0, 900)
    part = said(CAINE, mm).columns[0].value
    for last in (100, 500, 899):
        time = 600 * (last + 1)
        parts = []
        for window in CAINE.windows:
            oldest = time // 1800 * 1800 - math.ceil(window / 1800) * 1800
            at = 600 * np.arange(1, last + 2)
            parts.append(mm[: last + 1][at >= oldest].sum() / curve(14.82, 0.39, window / HOUR))
        assert part[last] == pytest.approx(max(parts), rel=1e-9)


def test_antecedent_rain_is_the_sum_of_its_days() -> None:
    detector = Rainfall(antecedent=100.0, antecedent_for=5 * 24 * 3600.0)
    daily = np.concatenate((np.zeros(10), np.full(5, 20.5), np.zeros(8)))
    outcome = said(detector, np.repeat(daily / 144, 144))
    assert verdicts(outcome) == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    raised = (outcome.findings[1].time / SECOND - BEGIN) / (24 * HOUR)
    assert 14.8 < raised < 15.0
    cleared = (outcome.findings[2].time / SECOND - BEGIN) / (24 * HOUR)
    assert 15.0 < cleared < 15.2


def test_nothing_is_clear_before_the_windows_are_covered_but_rain_may_alarm_at_once() -> None:
    assert verdicts(said(CAINE, np.zeros(6 * 50))) == []
    assert verdicts(said(CAINE, np.zeros(6 * 60))) == [Verdict.CLEAR]
    assert verdicts(said(CAINE, np.full(6, 4.0))) == [Verdict.ACTIVE]


def test_a_gap_is_not_dry_weather() -> None:
    times = np.concatenate((np.arange(600), 2000 + np.arange(3))) * 600
    outcome = evaluate(CAINE, (BEGIN + times) * SECOND, np.zeros(603), unit="mm", interval=600.0)
    assert verdicts(outcome) == [Verdict.CLEAR, Verdict.UNKNOWN]
    raining = evaluate(
        CAINE, (BEGIN + times) * SECOND, np.where(np.arange(603) == 599, 30.0, 0), unit="mm", interval=600.0
    )
    assert verdicts(raining)[-1] is Verdict.ACTIVE


def test_an_intensity_counts_for_its_time_and_not_across_a_gap() -> None:
    detector = Rainfall(alpha=10.0, durations=(3600.0,))
    assert verdicts(said(detector, np.full(20, 10.1), unit="mm/h")) == [Verdict.ACTIVE]
    assert Verdict.ACTIVE not in verdicts(said(detector, np.full(20, 6.6), unit="mm/h"))
    times = np.array([0, 600, 50 * HOUR])
    gap = evaluate(detector, (BEGIN + times) * SECOND, [0.0, 0.0, 39.0], unit="mm/h", interval=600.0)
    assert gap.columns[0].value[-1] == pytest.approx(39 * 0.25 / 10)


def test_bad_late_and_negative_readings_are_uncovered_time() -> None:
    mm = np.zeros(600)
    quality = np.zeros(600, np.uint8)
    quality[::2] = Quality.OUT_OF_SPAN
    mm[::2] = 1000.0
    mm[1] = -5.0
    assert said(CAINE, mm, quality=quality).columns[0].value.max() == 0.0


def test_old_rain_leaves_even_after_longer_than_the_ring() -> None:
    times = np.array([0, 600, 600 + BINS * 1800 * 2 + 1800])
    outcome = evaluate(CAINE, (BEGIN + times) * SECOND, [50.0, 0, 0], unit="mm", interval=600.0)
    assert outcome.columns[0].value[-1] == 0.0


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="declares no interval"):
        CAINE.start(Subjects.simple(1, unit="mm"))
    with pytest.raises(ValueError, match="rain since its last reading"):
        CAINE.start(Subjects.simple(1, unit="degC", interval=60.0))


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"alpha": -1.0},
        {"alpha": 10.0, "beta": 1.2},
        {"alpha": 10.0, "durations": (60.0,)},
        {"alpha": 10.0, "durations": ()},
        {"alpha": 10.0, "antecedent": 100.0, "antecedent_for": 864000.0},
        {"antecedent": 100.0},
        {"antecedent": -5.0, "antecedent_for": 864000.0},
        {"antecedent": 100.0, "antecedent_for": 60 * 86400.0},
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="give"):
        Rainfall(**parameters)  # type: ignore[arg-type]
