"""gas.stel. Oracle: closed form, a step 0 -> C has STEL(t) = C min(t, 15)/15; a brute-force window over all ends."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.gas.stel import Stel
from detectors.reading import Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

MINUTE = 60 * SECOND
BEGIN = 1_700_000_000 // 60 * 60 * SECOND


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    minute = np.arange(500)[:, None] / 3
    values = np.where((minute > 60) & (minute < 85), 150.0, 3.0) * rng.uniform(0.8, 1.2, (500, inputs))
    return readings(seed, inputs, values, every=20 * SECOND, bad=0.03, gap=(100, 130))


SAMPLE = Sample(Stel(limit=100.0, excursion=50.0), lambda n: Subjects.simple(n, unit="ppm", interval=20.0), stream)


def said(detector: Stel, values: object, every: int = 5, **subject: object) -> Outcome:
    array = np.asarray(values, np.float64)
    times = BEGIN + np.arange(len(array)) * every * SECOND
    return evaluate(detector, times, array, unit="ppm", **{"interval": float(every), **subject})


def column(outcome: Outcome, name: str) -> np.ndarray:
    return next(c.value for c in outcome.columns if c.name == name)


@pytest.mark.parametrize("limit", [10.0, 30.0, 50.0, 100.0])
def test_a_step_crosses_the_limit_when_the_closed_form_says(limit: float) -> None:
    values = np.concatenate((np.zeros(12 * 60), np.full(12 * 20, 100.0)))
    active = next(f for f in said(Stel(limit=limit), values).findings if f.verdict is Verdict.ACTIVE)
    assert (active.time - BEGIN - 60 * MINUTE) / MINUTE == pytest.approx(15 * limit / 100, abs=1e-9)
    assert active.value == pytest.approx(limit, rel=1e-12)


def test_every_window_end_counts_not_only_clock_quarters() -> None:
    seconds = np.arange(0, 3600, 5)
    values = np.where((seconds >= 600) & (seconds < 1500), 100.0, 0.0)  # 00:10 to 00:25, across a quarter
    outcome = said(Stel(limit=99.9), values)
    assert max(column(outcome, "stel")) == pytest.approx(100.0, rel=1e-12)
    assert [f.time - BEGIN for f in outcome.findings if f.verdict is Verdict.ACTIVE] == [25 * MINUTE]


def test_the_greatest_average_between_two_slow_readings_is_found() -> None:
    """A reading each 4 min: the windows in between are judged as well, by the held values."""
    rng = np.random.default_rng(4)
    times, values = np.arange(0, 6 * 3600, 240), rng.uniform(0, 90, 90)
    held = np.repeat(values, 48)  # 5 s steps
    sums = np.concatenate(([0.0], np.cumsum(held)))
    ends = np.arange(180, len(held) - 48 + 1)
    greatest = float(np.max((sums[ends] - sums[ends - 180]) / 180))
    outcome = evaluate(Stel(limit=1e6), BEGIN + times * SECOND, values, interval=240.0)
    assert max(column(outcome, "stel")) == pytest.approx(greatest, rel=1e-12)


def test_a_gap_is_not_a_zero() -> None:
    """After a gap of the whole window the verdict is unknown until three quarters are covered again."""
    seconds = np.concatenate((np.arange(0, 1200, 5), np.arange(3600, 4800, 5)))
    findings = evaluate(Stel(limit=50.0), BEGIN + seconds * SECOND, np.ones(len(seconds)), interval=5.0).findings
    assert [(f.verdict, f.at - BEGIN) for f in findings] == [
        (Verdict.CLEAR, 675 * SECOND),
        (Verdict.UNKNOWN, (1195 + 15 + 225) * SECOND),
        (Verdict.CLEAR, (3600 + 675) * SECOND),
    ]


def test_a_gap_does_not_end_an_alarm_and_a_peak_just_before_it_is_seen() -> None:
    seconds = np.concatenate((np.arange(0, 1200, 5), [1200, 9000, 9005]))
    values = np.where(seconds == 1200, 1000.0, 0.0)
    findings = evaluate(Stel(limit=15.0), BEGIN + seconds * SECOND, values, interval=5.0).findings
    assert [f.verdict for f in findings][-1] is Verdict.ACTIVE
    assert findings[-1].value == pytest.approx(1000.0 * 15 / 900)


def test_it_alarms_at_the_lower_bound_however_little_is_covered() -> None:
    (found,) = said(Stel(limit=50.0), np.full(20, 1000.0)).findings
    assert (found.verdict, found.time - BEGIN) == (Verdict.ACTIVE, 45 * SECOND)
    assert found.why.numbers["coverage"] == pytest.approx(0.05)


def test_a_clipped_sensor_is_never_clear() -> None:
    values = np.full(400, 2.0)
    values[200] = 50.0
    findings = said(Stel(limit=40.0), values, span=(0.0, 50.0)).findings
    assert [(f.verdict, f.why.key) for f in findings] == [
        (Verdict.CLEAR, "gas.stel.below"),
        (Verdict.UNKNOWN, "gas.stel.clipped"),
        (Verdict.CLEAR, "gas.stel.below"),
    ]


def excursions(gap_minutes: float, count: int) -> Outcome:
    one = np.concatenate((np.full(12 * 10, 60.0), np.zeros(round(12 * gap_minutes))))
    return said(Stel(limit=100.0, excursion=30.0), np.tile(one, count))


def test_four_excursions_an_hour_apart_are_allowed_and_the_fifth_is_not() -> None:
    outcome = excursions(85, 5)
    active = [f for f in outcome.findings if f.verdict is Verdict.ACTIVE]
    assert [f.why.key for f in active] == ["gas.stel.excursions"]
    assert active[0].time - BEGIN == (4 * 95 + 7.5) * MINUTE
    assert active[0].why.numbers["excursions"] == 5
    assert column(outcome, "excursions").max() == 5


def test_two_excursions_within_an_hour_alarm() -> None:
    active = [f for f in excursions(50, 2).findings if f.verdict is Verdict.ACTIVE]
    assert [(f.why.key, f.why.numbers["excursions"]) for f in active] == [("gas.stel.excursions", 2)]


@pytest.mark.parametrize("quality", [Quality.LATE, Quality.SKEWED, Quality.CONFLICT, Quality.RETAINED])
def test_a_reading_that_cannot_be_placed_is_left_out(quality: Quality) -> None:
    times, marks = BEGIN + np.arange(0, 1800, 5) * SECOND, np.zeros(360, np.uint8)
    values = np.ones(360)
    marks[100], values[100] = quality, 1e6
    doubtful = evaluate(Stel(limit=50.0), times, values, quality=marks, interval=5.0)
    without = evaluate(Stel(limit=50.0), np.delete(times, 100), np.delete(values, 100), interval=5.0)
    assert column(doubtful, "stel").tolist() == column(without, "stel").tolist()


def test_a_sensor_that_fails_in_the_peak_has_alarmed_with_what_it_saw() -> None:
    """3000 ppm for 20 s are 66 ppm over 15 min, whatever the sensor says after that."""
    times = BEGIN + np.arange(40) * 20 * SECOND
    values = np.where(np.arange(40) == 30, 3000.0, 0.0)
    marks = np.where(np.arange(40) > 30, int(Quality.OUT_OF_SPAN), 0)
    values[31:] = -99.0
    findings = evaluate(Stel(limit=60.0), times, values, quality=marks, interval=20.0, span=(0.0, 5000.0)).findings
    assert [(f.verdict, f.time) for f in findings][-1] == (Verdict.ACTIVE, int(times[31]))
    assert findings[-1].value == pytest.approx(3000 * 20 / 900)


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0.0},
        {"limit": 9.0, "excursion": 10.0},
        {"limit": 9.0, "window": 15.0},
        {"limit": 9.0, "most": 0},
        {"limit": 9.0, "apart": -1.0},
        {"limit": 9.0, "coverage": 75.0},
        {"limit": 9.0, "max_hold": 0.0},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        Stel(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("apart", "alarms"), [(4200, True), (4205, False)])
def test_an_excursion_is_too_soon_by_five_seconds(apart: int, alarms: bool) -> None:
    """60 for 600 s: the average is 30 after 450 s, and below 30 again 455 s after its end, by less than 5 s."""
    values = np.zeros(12 * 140)
    for begin in (600, 600 + apart):
        values[begin // 5 : (begin + 600) // 5] = 60.0
    ended, begun = 600 + 600 + 300 + 155, 600 + apart + 450
    assert (begun - ended < 3600) == alarms
    found = said(Stel(limit=100.0, excursion=30.0), values).findings
    assert (Verdict.ACTIVE in [f.verdict for f in found]) == alarms
