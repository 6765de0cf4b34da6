"""slope.tangent_angle. Oracle: 80, 85, 89 deg are 5.671, 11.430, 57.29 v0 (slope 2.5); numpy.polyfit for v0."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Outcome, Subjects, Verdict
from detectors.slope.tangent_angle import TangentAngle, instant, tangent_angle
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DAY = 86_400.0
BEGIN = 1_700_000_000
SPAN = {"creep_from": "2023-11-14T22:13:20Z", "creep_to": "2023-12-04T22:13:20Z"}
"""Days 0 to 20 of the tests."""
RED = TangentAngle(limit=85.0, spacing=DAY, **SPAN)  # type: ignore[arg-type]


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    days = np.arange(500)[:, None] / 12
    speed = np.interp(days, [0, 24, 30, 36, 41], [2, 2, 40, 2, 2])
    moved = speed.cumsum(axis=0) / 12 + rng.normal(0, 0.2, (500, inputs))
    return readings(seed, inputs, moved, every=7200 * SECOND, bad=0.03)


SAMPLE = Sample(
    TangentAngle(limit=80.0, spacing=DAY / 2, reset=75.0, persist=2, **SPAN),  # type: ignore[arg-type]
    lambda n: Subjects.simple(n, unit="mm", noise=0.2),
    stream,
)


def said(detector: TangentAngle, speed: object, noise: float = 0.01, scatter: float = 0.0) -> Outcome:
    """Daily readings of a slope with this velocity on each day."""
    moved = np.concatenate(([0.0], np.cumsum(speed))) + np.random.default_rng(4).normal(0, 1, len(speed) + 1) * scatter  # type: ignore[arg-type]
    times = np.rint((BEGIN + np.arange(len(moved)) * DAY) * SECOND).astype(np.int64)
    return evaluate(detector, times, moved, unit="mm", noise=noise)


def verdicts(outcome: Outcome) -> list[Verdict]:
    return [f.verdict for f in outcome.findings]


def steady(*more: float, v0: float = 2.0) -> np.ndarray:
    return np.concatenate((np.full(25, v0), np.array(more) * v0))


@pytest.mark.parametrize(("angle", "ratio"), [(45, 1.0), (80, 5.671), (85, 11.430), (89, 57.29)])
def test_the_angles_are_the_published_ratios(angle: float, ratio: float) -> None:
    assert tangent_angle(ratio * 3.3, 3.3) == pytest.approx(angle, abs=1e-3)


def test_moving_back_has_no_angle() -> None:
    assert tangent_angle(-5.0, 1.0) == 0.0


@pytest.mark.parametrize("ratio", [5.0, 11.42, 11.44, 50.0])
def test_it_alarms_at_its_edge(ratio: float) -> None:
    active = Verdict.ACTIVE in verdicts(said(RED, steady(ratio, ratio, ratio)))
    assert active == (ratio > 11.43005)


def test_v0_is_the_slope_over_the_declared_span_and_shown() -> None:
    outcome = said(RED, np.concatenate((np.full(20, 2.0), np.full(20, 5.0))), 0.5, 0.5)
    shown = {c.name: c.value for c in outcome.columns}["v0"]
    moved = np.concatenate(([0.0], np.cumsum(np.full(19, 2.0)))) + np.random.default_rng(4).normal(0, 1, 41)[:20] * 0.5
    assert shown == pytest.approx(np.polyfit(np.arange(20), moved, 1)[0], rel=1e-9)
    assert outcome.findings[0].why.numbers["v0"] == pytest.approx(shown[0])


def test_what_comes_after_the_span_does_not_move_v0() -> None:
    shown = [{c.name: c.value for c in said(RED, steady(*more)).columns}["v0"] for more in ((1, 1, 1), (30, 60, 90))]
    assert shown[0].tolist() == shown[1].tolist()


def test_v0_that_is_hidden_in_noise_gives_no_angle() -> None:
    outcome = said(RED, np.concatenate((np.zeros(25), np.full(10, 3.0))), 1.0, 1.0)
    assert not outcome.findings
    assert {c.name for c in outcome.columns} == {"v0"}


def test_a_still_point_with_a_tiny_declared_v0_is_unknown_not_red() -> None:
    detector = TangentAngle(limit=85.0, spacing=DAY, v0=0.01, persist=1)
    assert not said(detector, np.zeros(100), 1.0, 1.0).findings


def test_nothing_is_said_before_the_span_has_ended() -> None:
    assert not said(RED, np.full(19, 50.0)).findings


def test_a_span_without_readings_is_unknown() -> None:
    detector = TangentAngle(limit=85.0, spacing=DAY, creep_from="2020-01-01", creep_to="2020-02-01")
    assert not said(detector, np.full(40, 5.0)).findings


def test_a_one_shot_red_raises_nothing_with_persistence_and_once_without() -> None:
    spike = steady(20, 6, 1, 1, 1, 1)
    assert verdicts(said(RED, spike)) == [Verdict.CLEAR]
    hasty = TangentAngle(limit=85.0, spacing=DAY, persist=1, **SPAN)  # type: ignore[arg-type]
    assert verdicts(said(hasty, spike)) == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]


def test_what_was_raised_does_not_fall_with_one_quiet_velocity() -> None:
    outcome = said(RED, steady(20, 20, 20, 1, 20, 1, 1, 20))
    assert verdicts(outcome) == [Verdict.CLEAR, Verdict.ACTIVE]
    assert verdicts(said(RED, steady(20, 20, 20, 1, 1, 1))) == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]


def test_the_reset_holds_it() -> None:
    detector = TangentAngle(limit=85.0, spacing=DAY, reset=60.0, persist=1, **SPAN)  # type: ignore[arg-type]
    assert verdicts(said(detector, steady(20, 5, 5, 5))) == [Verdict.CLEAR, Verdict.ACTIVE]


def test_times_are_utc() -> None:
    assert instant("2023-11-14T22:13:20Z") == instant("2023-11-14 22:13:20") == BEGIN * SECOND
    for nonsense in ("", "yesterday", "2023-13-01", "2023-11-14T22:13:20+08:00"):
        with pytest.raises(ValueError, match="give one in UTC"):
            instant(nonsense)


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": 20.0, **SPAN},
        {"limit": 90.0, **SPAN},
        {"limit": 80.0, "reset": 85.0, **SPAN},
        {"limit": 80.0, "persist": 0, **SPAN},
        {"limit": 80.0},
        {"limit": 80.0, "v0": 1.0, **SPAN},
        {"limit": 80.0, "creep_from": "2023-11-14"},
        {"limit": 80.0, "v0": -1.0},
        {"limit": 80.0, "creep_from": "2023-11-14", "creep_to": "2023-11-01"},
        {"limit": 80.0, "creep_from": "soon", "creep_to": "later"},
    ],
)
def test_nonsense_is_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="give"):
        TangentAngle(spacing=DAY, **parameters)  # type: ignore[arg-type]
