"""slope.velocity. Oracle: numpy.polyfit over the window, the slope of an exact line, scipy's theilslopes and
savgol_coeffs, and a Kalman filter in matrices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import signal, stats

from detectors import evaluate
from detectors.detector import Subjects, Verdict
from detectors.reading import Quality
from detectors.slope.velocity import STEPS, Velocity
from detectors.velocities import GATE, begun, kalman, savitzky_golay, theil_sen
from tests.contract import Sample, fold, run, stored
from tests.strategies import SECOND, Stream, cut, readings

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


@pytest.mark.parametrize("estimate", [theil_sen, savitzky_golay])
@pytest.mark.parametrize("noise", [0.5, float("nan")])
def test_the_standard_error_is_that_of_many_trials_whether_noise_is_declared_or_measured(
    estimate: Callable[..., tuple[float, float]], noise: float
) -> None:
    rng = np.random.default_rng(11)
    t, count = np.linspace(-1, 0, 40), np.ones(40)
    trials = [estimate(t, 3 * t + rng.normal(0, 0.5, 40), count, noise) for _ in range(600)]
    velocity, error = np.array(trials).T
    assert velocity.mean() == pytest.approx(3.0, abs=4 * velocity.std() / 600**0.5)
    assert error.mean() == pytest.approx(velocity.std(), rel=0.12)


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


OTHERS = ("theil_sen", "savitzky_golay", "kalman")


def by(estimator: str, limit: float = 10.0) -> Velocity:
    return Velocity(limit=limit, window=float(DAY), estimator=estimator)  # type: ignore[arg-type]


@pytest.mark.parametrize("estimator", OTHERS)
def test_every_estimator_gives_the_slope_of_an_exact_line(estimator: str) -> None:
    seconds = np.arange(0, 2 * DAY, 600) + np.random.default_rng(1).integers(0, 200, 288)
    verdicts, velocities = said(by(estimator), seconds, 5000 + 12.5 * seconds / DAY, noise=0.01)
    assert velocities == pytest.approx(12.5, rel=1e-3)
    assert velocities[-144:] == pytest.approx(12.5, rel=1e-6)
    assert verdicts == [Verdict.ACTIVE]


@pytest.mark.parametrize("estimator", OTHERS)
def test_every_estimator_keeps_the_contract(estimator: str) -> None:
    detector, entries = by(estimator), stream(3, 2)
    sample = Sample(detector, SAMPLE.subjects, stream)
    every = range(len(entries))
    assert fold(sample, entries, 2, every, every).text() == fold(sample, entries, 2).text()
    subjects = sample.subjects(2)
    state, halting = detector.start(subjects), run(detector, detector.start(subjects), [])
    for batch in cut(entries, range(0, len(entries), 37)):
        halting.add(detector.step(state, batch))
        state = stored(detector, state, subjects)
    assert halting.text() == fold(sample, entries, 2).text()
    period = detector.period * 1009
    shifted = fold(sample, entries.shifted(period), 2).findings
    assert [(f.at - period, f.verdict, f.value) for f in shifted] == [
        (f.at, f.verdict, f.value) for f in fold(sample, entries, 2).findings
    ]
    assert {Verdict.ACTIVE} <= {f.verdict for f in shifted}


def test_theil_sen_is_that_of_scipy() -> None:
    rng = np.random.default_rng(2)
    t = np.sort(rng.random(60))
    x = 3 * t + rng.normal(0, 0.1, 60)
    assert theil_sen(t, x, np.ones(60), 0.1)[0] == pytest.approx(stats.theilslopes(x, t).slope, rel=1e-12)


def test_the_standard_error_of_theil_sen_is_that_of_its_runs() -> None:
    rng = np.random.default_rng(3)
    t = np.arange(24.0)
    runs = [theil_sen(t, rng.normal(0, 1, 24), np.ones(24), 1.0) for _ in range(1500)]
    assert np.std([slope for slope, _ in runs]) == pytest.approx(runs[0][1], rel=0.06)


@pytest.mark.parametrize("width", [5, 24, 191])
def test_the_parabola_is_that_of_savitzky_and_golay(width: int) -> None:
    x = np.random.default_rng(4).normal(0, 1, width).cumsum()
    weights = signal.savgol_coeffs(width, 2, deriv=1, delta=0.5, pos=width - 1, use="dot")
    got, error = savitzky_golay(0.5 * np.arange(width), x, np.ones(width), 2.0)
    assert got == pytest.approx(float(np.dot(weights, x)), rel=1e-10, abs=1e-12)
    assert error == pytest.approx(2.0 * np.sqrt((weights**2).sum()), rel=1e-9)


def test_the_kalman_filter_is_that_of_its_matrices() -> None:
    rng = np.random.default_rng(5)
    noise, memory = 0.7, 0.25
    track = begun(0.0, noise, memory)
    state, cov = np.array([0.0, 0.0]), np.diag([noise**2, (1e3 * noise / memory) ** 2])
    for apart in rng.uniform(0.01, 0.1, 200):
        value = float(rng.normal(0, noise))
        q = noise**2 * apart / memory**4
        f = np.array([[1, apart], [0, 1]])
        state = f @ state
        cov = f @ cov @ f.T + q * np.array([[apart**3 / 3, apart**2 / 2], [apart**2 / 2, apart]])
        wrong, spread = value - state[0], cov[0, 0] + noise**2
        if wrong**2 <= GATE * spread:
            gain = cov[:, 0] / spread
            state, cov = state + gain * wrong, cov - np.outer(gain, cov[0])
        track = kalman(track, float(apart), value, noise, memory)
        assert (track.place, track.velocity) == pytest.approx(state, rel=1e-9, abs=1e-9)
    assert track.var_velocity == pytest.approx(cov[1, 1], rel=1e-9)
    assert stats.chi2.ppf(0.999, 1) == pytest.approx(GATE, abs=0.005)


@pytest.mark.parametrize("estimator", ["theil_sen", "kalman"])
def test_outliers_move_the_robust_ones_less(estimator: str) -> None:
    seconds = np.arange(0, 3 * DAY, HOUR)
    values = 3.0 * seconds / DAY + np.random.default_rng(6).normal(0, 0.2, 72)
    values[20::17] += 40.0
    assert Verdict.ACTIVE in said(WALL, seconds, values, noise=0.2)[0]
    assert said(by(estimator), seconds, values, noise=0.2)[0] == [Verdict.CLEAR]


def test_the_kalman_filter_begins_anew_after_a_jump_that_stays() -> None:
    seconds = np.arange(0, 5 * DAY, HOUR)
    values = 3.0 * seconds / DAY + np.where(seconds > 2 * DAY, 500.0, 0.0)
    verdicts, velocities = said(by("kalman"), seconds, values, noise=0.2)
    assert velocities == pytest.approx(3.0, abs=0.5)
    assert Verdict.ACTIVE not in verdicts


def test_a_collapse_that_outruns_the_kalman_filter_is_seen_before_it() -> None:
    hours = np.arange(0, 239.0)
    values = 2.0 * hours / 24 + np.random.default_rng(4).normal(0, 0.8, len(hours))
    values[hours > 216] += -60.0 * np.log((240 - hours[hours > 216]) / 24)
    verdicts, _ = said(by("kalman"), hours[:228] * HOUR, values[:228], noise=0.8)
    assert verdicts[-1] == Verdict.ACTIVE


@pytest.mark.parametrize("seed", range(3))
def test_outliers_three_in_a_row_are_no_movement_for_the_kalman_filter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seconds = np.arange(0, 40 * DAY, HOUR)
    values = rng.normal(0, 0.8, len(seconds))
    for k in range(30, 900, 47):
        values[k : k + 3] += 40.0 * (rng.random(3) > 0.2)
    assert Verdict.ACTIVE not in said(by("kalman"), seconds, values, noise=0.8)[0]


@pytest.mark.parametrize("days", [1, 2, 3])
def test_a_daily_cycle_makes_six_over_pi_of_its_amplitude_over_the_square_of_the_days(days: int) -> None:
    seconds = np.arange(0, 9 * DAY, 600)
    detector = Velocity(limit=100.0, window=float(days * DAY))
    _, velocities = said(detector, seconds, 3.0 * np.sin(2 * np.pi * seconds / DAY), noise=0.8)
    whole = velocities[-3 * 144 :]
    assert np.abs(whole).max() == pytest.approx(3.0 * 6 / np.pi / days**2, rel=0.03)


@pytest.mark.parametrize(("every", "fits"), [(DAY, False), (DAY // 2, False), (DAY // 2 - 600, True)])
def test_a_sensor_that_reads_too_seldom_for_the_window_is_refused(every: int, fits: bool) -> None:
    subjects = Subjects.simple(1, unit="mm", noise=0.8, interval=float(every))
    if fits:
        WALL.reach(subjects)
    else:
        with pytest.raises(ValueError, match=f"each {every} s and 3 readings are needed: give above {2 * every} s"):
            WALL.reach(subjects)


def test_a_filter_without_noise_and_an_unknown_estimator_are_refused() -> None:
    with pytest.raises(ValueError, match="declares no noise"):
        by("kalman").start(Subjects.simple(1))
    with pytest.raises(ValueError, match="give 'least_squares'"):
        by("median")


@pytest.mark.parametrize(("late", "verdicts"), [(0, [Verdict.CLEAR]), (1, [Verdict.CLEAR, Verdict.UNKNOWN])])
def test_a_reading_that_comes_just_when_clear_would_lapse_is_in_time(late: int, verdicts: list[Verdict]) -> None:
    hours = np.append(np.arange(48), 47 + 12) * HOUR * SECOND
    hours[-1] += late
    outcome = evaluate(WALL, BEGIN * SECOND + hours, np.zeros(49), unit="mm", noise=0.1)
    assert [f.verdict for f in outcome.findings][:2] == verdicts


@pytest.mark.parametrize(("subject", "needed"), [({"noise": 0.1}, 3), ({}, 5)])
def test_three_readings_make_a_velocity_five_where_no_noise_is_declared(subject: dict[str, float], needed: int) -> None:
    seconds = np.array([0, 4, 8, 12, 16, 20, 23]) * HOUR
    late = np.append(seconds[: needed - 2], seconds[-2:])
    assert said(WALL, late, 4.0 * late / DAY, **subject)[1] == pytest.approx([4.0], rel=1e-9)
    fewer = np.append(seconds[: needed - 3], seconds[-2:])
    assert len(said(WALL, fewer, 4.0 * fewer / DAY, **subject)[1]) == 0
