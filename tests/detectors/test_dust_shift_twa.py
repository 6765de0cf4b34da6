"""dust.shift_twa. Oracle: closed form of the average, k and the growth factor 1 + 0.25 RH^2/(1 - RH) by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.dust.shift_twa import ShiftTwa, growth
from detectors.gas.twa import Twa
from detectors.reading import Batch
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

BEGIN = 1_700_000_000 // 60 * 60 * SECOND
COAL = ShiftTwa(limit=1.5, factor=0.8)


def groups(count: int, interval: float = 120.0) -> Subjects:
    plain = Subjects.simple(count, unit="mg/m3", interval=interval, members=2, parts=("dust", "humidity"))
    units = ["mg/m3", "%RH"] * count
    return type(plain)(**{n: getattr(plain, n) for n in plain.__dataclass_fields__} | {"input_unit": units})


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    hour = np.arange(800)[:, None] / 30
    dust = np.where((hour > 12) & (hour < 17), 6.0, 0.3) * rng.uniform(0.8, 1.2, (800, inputs))
    values = np.where(np.arange(inputs) % 2 == 1, rng.uniform(40, 90, (800, inputs)), dust)
    return readings(seed, inputs, values, every=120 * SECOND, bad=0.03, gap=(200, 300))


SAMPLE = Sample(COAL, groups, stream)


def shift(dust: float, humidity: float | None, hours: float, detector: ShiftTwa, humid_for: float = 99.0) -> Outcome:
    """Dust each 10 s, humidity each minute just before it, for `humid_for` h."""
    rows = [(t * 10, 0, dust) for t in range(round(hours * 360) + 1)]
    if humidity is not None:
        rows += [(t * 60, 1, humidity) for t in range(round(min(hours, humid_for) * 60) + 1)]
    rows.sort(key=lambda r: (r[0], -r[1]))
    times = [BEGIN + r[0] * SECOND for r in rows]
    state = detector.start(groups(1, 10.0))
    return detector.step(state, Batch.of(times[-1], [r[1] for r in rows], times, [r[2] for r in rows]))


def last(outcome: Outcome, column: str) -> float:
    return float(next(c.value[-1] for c in outcome.columns if c.name == column))


@pytest.mark.parametrize(("humidity", "factor"), [(0.0, 1.0), (0.59, 1.0), (0.6, 1.225), (0.8, 1.8), (0.9, 3.025)])
def test_the_growth_factor_by_hand(humidity: float, factor: float) -> None:
    assert growth(humidity, 0.6) == pytest.approx(factor, rel=1e-12)


def test_it_does_not_run_away_in_fog() -> None:
    assert growth(1.0, 0.6) == growth(0.95, 0.6) == pytest.approx(1 + 0.25 * 0.9025 / 0.05)


def test_the_average_is_corrected_by_both() -> None:
    outcome = shift(4.5, 80.0, 8, COAL)
    for column in ("twa", "twa_lower", "corrected"):
        assert last(outcome, column) == pytest.approx(4.5 * 0.8 / 1.8, rel=1e-9)
    assert any(f.verdict is Verdict.ACTIVE for f in outcome.findings)
    assert all(f.verdict is not Verdict.ACTIVE for f in shift(3.3, 80.0, 8, COAL).findings)


def test_an_unknown_humidity_is_no_correction() -> None:
    assert last(shift(1.0, None, 1, COAL), "corrected") == pytest.approx(0.8)
    assert last(shift(1.0, 80.0, 1, COAL, humid_for=0.5), "corrected") == pytest.approx(0.8)
    assert last(shift(1.0, 80.0, 0.6, COAL, humid_for=0.5), "corrected") == pytest.approx(0.8 / 1.8)


def test_without_corrections_it_is_the_gas_average() -> None:
    rng = np.random.default_rng(5)
    times, values = BEGIN + np.arange(2880) * 10 * SECOND, rng.uniform(0, 3, 2880)
    ours = evaluate(ShiftTwa(limit=1.5), times, values, unit="mg/m3", interval=10.0)
    theirs = evaluate(Twa(limit=1.5), times, values, unit="mg/m3", interval=10.0)
    for column in ("twa", "twa_lower", "twa_upper", "coverage"):
        assert last(ours, column) == last(theirs, column)
    assert [(f.at, f.verdict, f.value) for f in ours.findings] == [(f.at, f.verdict, f.value) for f in theirs.findings]


@pytest.mark.parametrize(("over", "alarms"), [("shift", False), ("8h", True)])
def test_twelve_hours_by_the_shift_or_by_eight_hours(over: Any, alarms: bool) -> None:
    """1.1 mg/m3 for 12 h are 1.65 over 8 h."""
    findings = shift(1.1, None, 12, ShiftTwa(limit=1.5, shift_hours=12.0, over=over)).findings
    assert any(f.verdict is Verdict.ACTIVE for f in findings) is alarms


def test_a_sensor_at_full_scale_makes_it_a_lower_bound() -> None:
    times = BEGIN + np.arange(2881) * 10 * SECOND
    values = np.full(2881, 0.2)
    values[9] = 10.0
    outcome = evaluate(ShiftTwa(limit=1.5), times, values, unit="mg/m3", interval=10.0, span=(0.0, 10.0))
    assert np.isnan(last(outcome, "twa_upper"))
    assert list(outcome.findings) == []


@pytest.mark.parametrize("parts", [("humidity", "dust"), ("dust", "gas"), ("dust", "humidity", "more")])
def test_a_group_of_other_parts_is_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="dust first"):
        COAL.start(Subjects.simple(1, unit="%RH", members=len(parts), parts=parts))


def test_a_humidity_in_millimetres_is_refused() -> None:
    with pytest.raises(ValueError, match="give a humidity in %RH"):
        COAL.start(Subjects.simple(1, unit="mm", members=2, parts=("dust", "humidity")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0.0},
        {"factor": 80.0},
        {"humidity_from": 60.0},
        {"humidity_hold": 0.0},
        {"shift_hours": 28_800.0},
        {"over": "day"},
        {"coverage": 75.0},
        {"max_hold": -1.0},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        ShiftTwa(**{"limit": 1.5, **wrong})
