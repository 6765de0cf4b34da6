"""seismic.b_value. Oracles: closed forms, the b that magnitudes were drawn with, the spread of estimates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.detector import Subjects, Verdict
from detectors.reading import Batch, Quality
from detectors.seismic.b_value import (
    BValue,
    aki_utsu,
    exponential,
    maximum_curvature,
    shi_bolt,
    tinti_mulargia,
)
from tests.contract import Said, Sample, run
from tests.strategies import SECOND, Stream, readings

BEGIN = 1_700_000_000 * SECOND
FALLS = BValue(limit=0.9, events=60, sigmas=1.0)


def drawn(seed: int, count: int, b: float, least: float = 0.0, step: float = 0.0) -> np.ndarray:
    """Magnitudes of a Gutenberg-Richter law from `least` on; in bins of `step` whose first centre is `least`."""
    sizes = np.random.default_rng(seed).exponential(1 / (b * math.log(10)), count) + least - step / 2
    return np.round(sizes / step) * step if step else sizes


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    slopes = np.repeat([1.4, 0.5, 1.4], [110, 110, 180])[:, None]
    return readings(seed, inputs, rng.exponential(1 / (slopes * math.log(10)), (400, inputs)) - 0.05)


SAMPLE = Sample(FALLS, lambda n: Subjects.simple(n, unit="1"), stream)


def said(magnitudes: np.ndarray, detector: BValue, quality: int = 0) -> Said:
    state = detector.start(Subjects.simple(1, unit="1"))
    time = BEGIN + np.arange(len(magnitudes)) * SECOND
    batch = Batch.of(int(time[-1]) + 1, np.zeros(len(time)), time, magnitudes, quality=np.full(len(time), quality))
    return run(detector, state, [batch])


def newest(found: Said, name: str) -> float:
    return found.columns[name][-1][3]


def test_the_estimators_are_their_closed_forms() -> None:
    magnitudes = np.array([1.0, 1.1, 1.1, 1.2, 1.4, 1.5, 2.0])
    mean = 9.3 / 7
    assert aki_utsu(magnitudes, 1.0, 0.1) == pytest.approx(math.log10(math.e) / (mean - 0.95), rel=1e-14)
    assert tinti_mulargia(magnitudes, 1.0, 0.1) == pytest.approx(
        math.log(1 + 0.1 / (mean - 1.0)) / (0.1 * math.log(10)), rel=1e-14
    )
    spread = math.sqrt(sum((m - mean) ** 2 for m in magnitudes) / (7 * 6))
    assert shi_bolt(magnitudes, 1.2) == pytest.approx(2.30 * 1.44 * spread, rel=1e-13)


def test_for_fine_bins_the_two_estimators_agree() -> None:
    magnitudes = drawn(3, 5000, 1.0, 1.0, 0.001)
    assert tinti_mulargia(magnitudes, 1.0, 0.001) == pytest.approx(aki_utsu(magnitudes, 1.0, 0.001), rel=1e-5)


@pytest.mark.parametrize("b", [0.6, 1.0, 1.5])
@pytest.mark.parametrize("step", [0.0, 0.1])
def test_it_gives_back_the_b_that_was_drawn(b: float, step: float) -> None:
    estimates, errors = [], []
    for seed in range(200):
        magnitudes = drawn(seed, 200, b, 1.0, step)
        estimates.append(tinti_mulargia(magnitudes, 1.0, step) if step else aki_utsu(magnitudes, 1.0))
        errors.append(shi_bolt(magnitudes, estimates[-1]))
    assert np.mean(estimates) == pytest.approx(b, rel=0.02)
    assert np.std(estimates) == pytest.approx(b / math.sqrt(200), rel=0.15)
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.15)


def test_completeness_is_the_fullest_bin_and_a_fifth() -> None:
    magnitudes = np.concatenate([drawn(1, 3000, 1.0, 1.0, 0.1), [0.5, 0.6, 0.7, 0.8, 0.9] * 3])
    assert maximum_curvature(magnitudes, 0.1) == pytest.approx(1.2)


def test_the_column_is_the_estimate_of_the_newest_complete_events() -> None:
    magnitudes = drawn(4, 500, 1.1, 0.5, 0.1)
    found = said(magnitudes, BValue(limit=0.2, events=150, complete=0.5))
    assert newest(found, "b") == pytest.approx(tinti_mulargia(magnitudes[-150:], 0.5, 0.1), rel=1e-9)
    assert newest(found, "sigma") == pytest.approx(shi_bolt(magnitudes[-150:], newest(found, "b")), rel=1e-9)
    smooth = drawn(4, 500, 1.1, 0.5)
    plain = said(smooth, BValue(limit=0.2, events=150, complete=0.5, rounding=0.0))
    assert newest(plain, "b") == pytest.approx(aki_utsu(smooth[-150:], 0.5), rel=1e-12)


def test_b_on_a_list_of_blasts_is_refused() -> None:
    rng = np.random.default_rng(9)
    blasts = rng.normal(1.6, 0.15, 400)
    found = said(blasts, BValue(limit=0.9, complete=1.3))
    assert found.columns == {}
    assert found.findings == []
    either = np.concatenate([rng.normal(0.8, 0.05, 200), rng.normal(2.2, 0.05, 200)])
    assert said(rng.permutation(either), BValue(limit=0.9, complete=0.7)).columns == {}


def test_exponential_lists_are_seldom_refused() -> None:
    refused = sum(not exponential(drawn(seed, 200, 1.0, 1.0, 0.1), 1.0, 0.1) for seed in range(400))
    assert refused <= 8


def test_a_list_that_becomes_one_of_blasts_is_no_longer_judged() -> None:
    rng = np.random.default_rng(2)
    events = np.concatenate([drawn(5, 150, 1.2, 0.5, 0.1), rng.normal(2.0, 0.1, 200)])
    verdicts = [f.verdict for f in said(events, BValue(limit=0.2, complete=0.5, events=100)).findings]
    assert verdicts[0] is Verdict.CLEAR
    assert Verdict.UNKNOWN in verdicts


def test_a_fall_of_b_is_found_and_its_return_clears() -> None:
    parts = ((1, 200, 1.3), (2, 200, 0.5), (3, 300, 1.3))
    magnitudes = np.concatenate([drawn(seed, count, b, 0.5, 0.1) for seed, count, b in parts])
    findings = said(magnitudes, BValue(limit=0.9, complete=0.5, events=100)).findings
    verdicts = [f.verdict for f in findings]
    assert [v for v in verdicts if v is not Verdict.UNKNOWN] == [Verdict.CLEAR, Verdict.ACTIVE, Verdict.CLEAR]
    falls = next(f for f in findings if f.verdict is Verdict.ACTIVE)
    assert 200 < (falls.time - BEGIN) / SECOND < 330


def test_events_while_blasting_are_left_out() -> None:
    detector = BValue(limit=0.2, complete=0.5)
    state = detector.start(Subjects.simple(1, members=2, parts=("events", "blast")))
    magnitudes = drawn(4, 100, 1.1, 0.5, 0.1).tolist()
    rows = [(0, m) for m in magnitudes] + [(1, 1.0)] + [(0, 3.0)] * 50 + [(1, 0.0)]
    time = BEGIN + np.arange(len(rows)) * SECOND
    run(detector, state, [Batch.of(int(time[-1]) + 1, [p for p, _ in rows], time, [v for _, v in rows])])
    assert state.known.tolist() == [100]


def test_bad_and_late_events_do_not_count() -> None:
    for quality in (Quality.LATE, Quality.OUT_OF_SPAN, Quality.CALIBRATION):
        assert said(drawn(4, 100, 1.1, 0.5, 0.1), BValue(limit=0.2, complete=0.5), int(quality)).findings == []


def test_too_few_events_give_no_b() -> None:
    assert said(drawn(4, 49, 1.1, 0.5, 0.1), BValue(limit=0.2, complete=0.5)).columns == {}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"limit": 0.0}, "give a b above 0"),
        ({"limit": 1.0, "rounding": 2.0}, "the step of the magnitudes"),
        ({"limit": 1.0, "events": 10}, "give 50 to 1024"),
        ({"limit": 1.0, "sigmas": -1.0}, "standard errors"),
    ],
)
def test_nonsense_is_refused(parameters: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        BValue(**parameters)


def test_unknown_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="give events, and may be blast"):
        FALLS.start(Subjects.simple(1, members=2, parts=("events", "energy")))
