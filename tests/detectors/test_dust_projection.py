"""dust.projection. Oracle: closed form, a shift whose mean is C1 up to t and C2 after it reaches the limit exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.dust.projection import Projection, allowed
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
MIDNIGHT = 1_700_006_400 * SECOND  # 2023-11-15T00:00Z
ROUND = Projection(limit=2.0, begins=("00:00", "08:00", "16:00"), utc_offset=0)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    hour = np.arange(700)[:, None] / 30
    values = np.where((hour > 10) & (hour < 15), 5.0, 0.5) * rng.uniform(0.8, 1.2, (700, inputs))
    return readings(seed, inputs, values, every=120 * SECOND, bad=0.03, begin=MIDNIGHT, gap=(100, 130))


SAMPLE = Sample(ROUND, lambda n: Subjects.simple(n, unit="mg/m3", interval=120.0), stream)


def said(
    hours_at: list[tuple[float, float]], detector: Projection = ROUND, begin: int = MIDNIGHT, **more: Any
) -> Outcome:
    """Readings each minute: (hours, concentration) after one another, from a shift's begin."""
    values = np.concatenate([np.full(round(h * 60), c) for h, c in hours_at])
    times = MIDNIGHT + np.arange(len(values)) * MINUTE
    return evaluate(detector, times, values, **{"unit": "mg/m3", "interval": 60.0, **more})


def column(outcome: Outcome, name: str) -> Any:
    return next(c for c in outcome.columns if c.name == name)


@pytest.mark.parametrize(("first", "hours"), [(3.0, 4.0), (1.0, 2.0), (0.0, 7.0), (2.0, 5.0)])
def test_what_is_allowed_makes_the_shift_its_limit(first: float, hours: float) -> None:
    rest = allowed(2.0, first * hours, 8.0, hours)
    assert (first * hours + rest * (8 - hours)) / 8 == pytest.approx(2.0, rel=1e-12)


def test_the_column_is_the_closed_form_each_minute() -> None:
    outcome = said([(6, 1.5), (1.9, 3.0)])
    minutes = (column(outcome, "allowed").time - MIDNIGHT) // MINUTE
    dose = np.where(minutes <= 360, 1.5 * minutes, 1.5 * 360 + 3.0 * (minutes - 360)) / 60
    assert column(outcome, "allowed").value == pytest.approx((16.0 - dose) / (8 - minutes / 60), rel=1e-9)
    assert column(outcome, "used").value == pytest.approx(dose / 16, rel=1e-9)
    assert minutes[[0, -1]].tolist() == [30, 473]


def test_it_alarms_when_the_last_half_hour_would_exceed_the_rest() -> None:
    """4 h at 1.0 leave 3.0 for the rest; at 4.0 the mean of 30 min passes what is left after some 20 min."""
    outcome = said([(4, 1.0), (1, 4.0)])
    active = next(f for f in outcome.findings if f.verdict is Verdict.ACTIVE)
    k = next(m for m in range(1, 60) if (30 - m + 4.0 * m) / 30 > (16 - 4 - m / 15) / (4 - m / 60))
    assert active.time == MIDNIGHT + 4 * HOUR + k * MINUTE
    assert active.why.key == "dust.projection.exceeds"


def test_a_used_up_limit_alarms_whatever_comes() -> None:
    assert [f.why.key for f in said([(0.75, 40.0)]).findings] == ["dust.projection.exceeded"]
    outcome = said([(2, 9.0), (2, 0.0)])
    used = column(outcome, "used").value
    assert used[-1] == pytest.approx(18 / 16)
    assert [f.verdict for f in outcome.findings] == [Verdict.ACTIVE]


def test_less_dust_ends_it_within_the_shift() -> None:
    outcome = said([(4, 1.0), (0.75, 4.0), (2, 0.2)])
    assert [f.verdict for f in outcome.findings] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]


def test_the_next_shift_begins_anew() -> None:
    outcome = said([(8, 3.0), (1, 0.5)])
    assert [(f.verdict, f.time - MIDNIGHT) for f in outcome.findings] == [
        (Verdict.ACTIVE, 30 * MINUTE),
        (Verdict.CLEAR, 8 * HOUR + 30 * MINUTE),
    ]


def test_between_shifts_it_says_so() -> None:
    day = Projection(limit=2.0, begins=("00:00",), utc_offset=0)
    outcome = said([(8, 1.0), (2, 9.0)], day)
    assert [(f.verdict, f.why.key.rpartition(".")[2]) for f in outcome.findings] == [
        (Verdict.CLEAR, "within"),
        (Verdict.UNKNOWN, "off_shift"),
    ]


def test_an_alarm_is_over_with_its_shift() -> None:
    outcome = said([(8, 3.0), (2, 9.0)], Projection(limit=2.0, begins=("00:00",), utc_offset=0))
    assert [f.verdict for f in outcome.findings] == [Verdict.ACTIVE, Verdict.CLEAR, Verdict.UNKNOWN]


def test_a_gap_is_no_dust_for_the_alarm_and_no_proof_for_the_clear() -> None:
    times = MIDNIGHT + np.concatenate((np.arange(60), np.arange(180, 240))) * MINUTE
    outcome = evaluate(ROUND, times, np.full(120, 3.0), interval=60.0)
    last = outcome.findings[-1]
    assert column(outcome, "used").value[-1] == pytest.approx((3.0 * (60 + 2 + 59) / 60) / 16)
    assert [f.verdict for f in outcome.findings] == [Verdict.ACTIVE]
    assert last.verdict is Verdict.ACTIVE
    low = evaluate(ROUND, times, np.full(120, 0.5), interval=60.0)
    assert [f.verdict for f in low.findings][:2] == [Verdict.CLEAR, Verdict.UNKNOWN]


def begun(detector: Projection, first: int, minutes: int) -> list[int]:
    """Minutes after `first` at which something was said for the first time in a shift."""
    times = first + np.arange(minutes) * MINUTE
    outcome = evaluate(detector, times, np.ones(minutes), interval=60.0)
    return [(f.time - first) // MINUTE for f in outcome.findings if f.verdict is Verdict.CLEAR]


def test_two_minutes_of_dust_in_a_half_hour_of_gap_are_no_certain_excess() -> None:
    minutes = np.concatenate((np.arange(240), [268, 269, 270], np.arange(300, 470)))
    values = np.where((minutes > 240) & (minutes < 300), 20.0, 0.5)
    times = MIDNIGHT + minutes * MINUTE
    found = evaluate(ROUND, times, values, unit="mg/m3", interval=60.0)
    assert Verdict.ACTIVE not in [f.verdict for f in found.findings]
    full = np.where((np.arange(470) > 240) & (np.arange(470) < 270), 20.0, 0.5)
    whole = evaluate(ROUND, MIDNIGHT + np.arange(470) * MINUTE, full, unit="mg/m3", interval=60.0)
    assert Verdict.ACTIVE in [f.verdict for f in whole.findings]


def test_local_time_decides_when_a_shift_begins() -> None:
    assert begun(Projection(limit=2.0, begins=("08:00",), utc_offset=8), MIDNIGHT, 60) == [30]
    assert begun(Projection(limit=2.0, begins=("08:00",), utc_offset=5.5), MIDNIGHT, 240) == [150 + 30]


def test_in_summer_a_shift_begins_an_hour_earlier_by_utc() -> None:
    july = int(np.datetime64("2026-07-01T00:00", "ns").astype(np.int64))
    for summer, first in (("none", 420), ("eu", 360)):
        detector = Projection(limit=2.0, begins=("08:00",), utc_offset=1, summer_time=summer)  # type: ignore[arg-type]
        assert begun(detector, july, 600) == [first + 30]


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"])
def test_a_shift_in_which_clocks_change_keeps_its_beginning_and_its_dose(day: str) -> None:
    begin = int(np.datetime64(f"{day}T20:00", "ns").astype(np.int64))
    detector = Projection(limit=2.0, begins=("22:00",), utc_offset=1, summer_time="eu")
    times = begin + np.arange(600) * MINUTE
    used = column(evaluate(detector, times, np.ones(600), interval=60.0), "used")
    told = used.value[used.time >= begin + 65 * MINUTE]
    assert (np.diff(told) > 0).all(), "the dose goes on over the change"
    assert len(told) > 300


def test_a_sensor_at_full_scale_is_never_clear_in_that_shift() -> None:
    values = np.full(300, 0.5)
    values[100] = 10.0
    outcome = evaluate(ROUND, MIDNIGHT + np.arange(300) * MINUTE, values, interval=60.0, span=(0.0, 10.0))
    assert [f.why.key.rpartition(".")[2] for f in outcome.findings] == ["within", "clipped"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0.0},
        {"begins": ()},
        {"begins": ("6:00",)},
        {"begins": ("06:00", "08:00")},
        {"shift_hours": 28_800.0},
        {"max_hold": 0.0},
        {"coverage": 75.0},
        {"utc_offset": 28_800.0},
        {"summer_time": "cn"},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Projection(**{"limit": 2.0, "begins": ("06:00",), "utc_offset": 0, **wrong})
