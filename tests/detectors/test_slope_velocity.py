"""slope.velocity. Oracle: numpy.polyfit over the window, and the slope of an exact line."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Subjects, Verdict
from detectors.reading import Quality
from detectors.slope.velocity import STEPS, Velocity
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DAY = 86_400
HOUR = 3600
BEGIN = 1_700_000_000
WALL = Velocity(limit=10.0, window=float(DAY))


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    hour = np.arange(600)[:, None] / 12
    moved = np.clip(hour - 14, 0, 12) * (30.0 / 24) + rng.normal(0, 0.4, (600, inputs))
    return readings(seed, inputs, moved, every=300 * SECOND, bad=0.04, gap=(480, 490))


SAMPLE = Sample(WALL, lambda n: Subjects.simple(n, unit="mm", noise=0.4), stream)


def said(detector: Velocity, seconds: object, values: object, **subject: object) -> tuple[list[Verdict], np.ndarray]:
    times = (BEGIN + np.asarray(seconds)) * SECOND
    outcome = evaluate(detector, times, values, unit="mm", **subject)
    column = outcome.columns[0].value if outcome.columns else np.zeros(0)
    return [f.verdict for f in outcome.findings], column


@pytest.mark.parametrize("every", [HOUR, 1800, 900])
def test_it_equals_polyfit_over_the_window(every: int) -> None:
    rng = np.random.default_rng(every)
    seconds = np.arange(0, 3 * DAY, every)
    values = 100 + rng.normal(0, 5, len(seconds)).cumsum()
    _, velocities = said(WALL, seconds, values, noise=0.8)
    step = WALL.period // 1000  # us: the window ends at its steps
    for k in range(1, len(velocities), 17):
        newest = len(seconds) - k
        steps = (BEGIN + seconds) * 1_000_000 // step
        inside = np.flatnonzero((steps > steps[newest] - STEPS) & (seconds <= seconds[newest]))
        slope = np.polyfit(seconds[inside] - seconds[newest], values[inside], 1)[0] * DAY
        assert velocities[-k] == pytest.approx(slope, rel=1e-9, abs=1e-9)


def test_an_exact_line_gives_its_slope() -> None:
    seconds = np.arange(0, 2 * DAY, 60)
    verdicts, velocities = said(WALL, seconds, 5000 + 12.5 * seconds / DAY, noise=0.1)
    assert velocities == pytest.approx(12.5, rel=1e-10)
    assert verdicts == [Verdict.ACTIVE]


def test_it_alarms_in_either_direction() -> None:
    seconds = np.arange(0, 2 * DAY, HOUR)
    assert said(WALL, seconds, -11.0 * seconds / DAY, noise=0.1)[0] == [Verdict.ACTIVE]


def test_it_says_nothing_before_half_a_window() -> None:
    seconds = np.arange(0, DAY // 2 - HOUR, 600)
    assert said(WALL, seconds, 100.0 * seconds / DAY, noise=0.1)[0] == []


def test_a_window_that_cannot_resolve_the_limit_is_unknown() -> None:
    seconds = np.arange(0, 2 * DAY, 6 * HOUR)
    verdicts, _ = said(WALL, seconds, np.zeros(len(seconds)), noise=20.0)
    assert verdicts == []


def test_measured_scatter_stands_in_for_undeclared_noise() -> None:
    rng = np.random.default_rng(3)
    seconds = np.arange(0, 2 * DAY, HOUR)
    assert said(WALL, seconds, rng.normal(0, 0.5, len(seconds)))[0] == [Verdict.CLEAR]
    assert Verdict.CLEAR not in said(WALL, seconds, rng.normal(0, 60, len(seconds)))[0]


def test_the_floor_is_three_standard_errors_of_the_slope() -> None:
    seconds = np.arange(0, DAY, HOUR)
    times = (BEGIN + seconds) * SECOND
    findings = evaluate(WALL, times, 20.0 * seconds / DAY, noise=0.8).findings
    first = findings[0].time // SECOND - BEGIN
    t = seconds[seconds <= first].astype(float)
    error = 0.8 / np.sqrt(((t - t.mean()) ** 2).sum()) * DAY
    assert findings[0].why.numbers["floor"] == pytest.approx(3 * error, rel=1e-9)


def test_a_gap_is_not_zero_movement() -> None:
    seconds = np.concatenate((np.arange(0, DAY, HOUR), [10 * DAY, 10 * DAY + HOUR]))
    times = (BEGIN + seconds) * SECOND
    outcome = evaluate(WALL, times, np.zeros(len(seconds)), noise=0.1)
    assert [f.verdict for f in outcome.findings] == [Verdict.CLEAR, Verdict.UNKNOWN]
    assert outcome.findings[1].at == (BEGIN + 23 * HOUR) * SECOND + WALL.period * (STEPS // 2)


def test_bad_and_late_readings_are_not_fitted() -> None:
    seconds = np.arange(0, 2 * DAY, HOUR)
    values = 3.0 * seconds / DAY
    quality = np.zeros(len(seconds), np.uint8)
    values[10::7], quality[10::7] = 1e6, Quality.OUT_OF_SPAN
    _, velocities = said(WALL, seconds, values, noise=0.1, quality=quality)
    assert velocities == pytest.approx(3.0, rel=1e-9)


def test_the_reset_holds_the_alarm() -> None:
    detector = Velocity(limit=10.0, window=float(DAY), reset=4.0)
    seconds = np.arange(0, 6 * DAY, HOUR)
    rate = np.where(seconds < 2 * DAY, 12.0, np.where(seconds < 4 * DAY, 6.0, 1.0))
    verdicts, _ = said(detector, seconds, np.cumsum(rate) / 24, noise=0.01)
    assert verdicts == [Verdict.ACTIVE, Verdict.CLEAR]


@pytest.mark.parametrize(
    "parameters",
    [{"limit": -1.0, "window": 3600.0}, {"limit": 1.0, "window": 0.0}, {"limit": 1.0, "window": 60.0, "reset": 2.0}],
)
def test_nonsense_is_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        Velocity(**parameters)
