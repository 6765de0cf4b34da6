"""network.coincidence. Oracles: all pairs of all onsets by brute force, and the rate of chance coincidences."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.detector import Subjects, Verdict
from detectors.network.coincidence import Coincidence
from detectors.onsets import nearby
from detectors.reading import AFTER_ROWS, Batch, Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

NAN = float("nan")
DETECTOR = Coincidence(k=2, within=5.0)
NAMES = ["@a/p1", "@a/p2", "@b/p1"]


def subjects(count: int, names: list[str] = NAMES) -> Subjects:
    return replace(Subjects.simple(count, unit="1", members=len(names)), input_id=names * count)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    said = np.zeros((250, inputs))
    for k in range(1, 250):
        flip = rng.random(inputs) < 0.07
        said[k] = np.where(flip, rng.choice([0.0, 0.0, 1.0, NAN], inputs), said[k - 1])
    return readings(seed, inputs, said, bad=0.02)


SAMPLE = Sample(DETECTOR, subjects, stream)


def said(
    entries: list[tuple[int, float, float]], until: float = 999, detector: Coincidence = DETECTOR, quality: Any = None,
    names: list[str] = NAMES,
) -> list[str]:  # fmt: skip
    state = detector.start(subjects(1, names))
    members, times, values = zip(*entries, strict=True)
    stamps = np.rint(np.array(times) * SECOND).astype(np.int64)
    batch = Batch.of(round(until * SECOND) + 1, members, stamps, values, quality=quality)
    return [f"{f.at / SECOND:g} {f.verdict.name}" for f in detector.step(state, batch).findings]


KNOWN = [(0, 0, 0.0), (1, 0, 0.0), (2, 0, 0.0)]


def test_onsets_within_the_time_coincide_and_later_ones_do_not() -> None:
    assert said([*KNOWN, (0, 1, 1.0), (1, 6, 1.0)])[:2] == ["0 CLEAR", "6 ACTIVE"]
    assert said([*KNOWN, (0, 1, 1.0), (1, 6.1, 1.0)]) == ["0 CLEAR"]


def test_a_held_member_is_one_onset() -> None:
    held = [(0, t, 1.0) for t in range(1, 50)]
    assert said([*KNOWN, *held, (1, 50, 1.0)]) == ["0 CLEAR"]


def test_it_ends_when_fewer_are_active_and_the_time_has_passed() -> None:
    begun = [*KNOWN, (0, 1, 1.0), (1, 2, 1.0)]
    assert said(begun) == ["0 CLEAR", "2 ACTIVE"]
    assert said([*begun, (0, 3, 0.0)], until=6.9) == ["0 CLEAR", "2 ACTIVE"]
    assert said([*begun, (0, 3, 0.0)]) == ["0 CLEAR", "2 ACTIVE", "7 CLEAR"]
    assert said([*begun, (0, 9, 0.0)]) == ["0 CLEAR", "2 ACTIVE", "9 CLEAR"]
    assert said([*begun, (2, 4, 1.0), (0, 5, 0.0), (2, 5, 0.0)]) == ["0 CLEAR", "2 ACTIVE", "9 CLEAR"]


def test_a_member_lost_while_active_stays_active_and_few_known_members_are_not_watched() -> None:
    begun = [*KNOWN, (0, 1, 1.0), (1, 2, 1.0)]
    assert said([*begun, (0, 3, NAN), (1, 3, NAN), (2, 3, NAN)]) == ["0 CLEAR", "2 ACTIVE"]
    assert said([(0, 0, 0.0)]) == []
    assert said([*KNOWN, (0, 1, NAN), (1, 2, NAN), (0, 3, 0.0)]) == ["0 CLEAR", "2 UNKNOWN", "3 CLEAR"]


def test_a_late_trigger_raises_and_clears_nothing() -> None:
    entries = [*KNOWN, (0, 1, 1.0), (1, 2, 1.0)]
    assert said(entries, quality=[0, 0, 0, 0, Quality.LATE]) == ["0 CLEAR", "2 ACTIVE"]
    assert said([*entries, (0, 9, 0.0)], quality=[0, 0, 0, 0, 0, Quality.LATE]) == ["0 CLEAR", "2 ACTIVE"]


def test_device_time_counts_not_the_order_of_arrival() -> None:
    state = DETECTOR.start(subjects(1))
    arrived = np.array([0, 0, 0, 50, 90]) * SECOND
    time = np.array([0, 0, 0, 14, 10]) * SECOND
    batch = Batch.of(90 * SECOND, [0, 1, 2, 1, 0], time, [0, 0, 0, 1, 1], arrived=arrived)
    assert [(f.at, f.verdict) for f in DETECTOR.step(state, batch).findings][-1] == (90 * SECOND, Verdict.ACTIVE)


def test_one_sensor_of_two_rules_is_one_sensor_and_one_rule_on_two_sensors_one_rule() -> None:
    both_rules, both_sensors = [*KNOWN, (0, 1, 1.0), (2, 2, 1.0)], [*KNOWN, (0, 1, 1.0), (1, 2, 1.0)]
    for over, told in (("members", (True, True)), ("sensors", (False, True)), ("rules", (True, False))):
        detector = Coincidence(k=2, within=5.0, over=over)  # type: ignore[arg-type]
        found = ["2 ACTIVE" in said(entries, detector=detector) for entries in (both_rules, both_sensors)]
        assert tuple(found) == told


def test_the_best_window_is_that_of_brute_force() -> None:
    rng = np.random.default_rng(7)
    for _ in range(300):
        onset, kind = rng.integers(0, 30, 7), rng.integers(0, 4, 7)
        at, within = int(onset[0]), int(rng.integers(1, 12))
        windows = [(onset >= b) & (onset <= b + within) for b in range(at - within, at + 1)]
        best = max(len(set(kind[w].tolist())) for w in windows)
        assert len(set(kind[nearby(onset, kind, at, within)].tolist())) == best


def test_independent_members_coincide_as_often_as_chance_says() -> None:
    rng, hours, rate, within = np.random.default_rng(8), 4000, 1.0, 30.0
    times = [np.sort(rng.uniform(0, hours * 3600, rng.poisson(rate * hours))) for _ in range(3)]
    entries = sorted((t + d, m, v) for m in range(3) for t in times[m] for d, v in ((0.0, 1.0), (1e-3, 0.0)))
    found = said([*KNOWN, *((m, t, v) for t, m, v in entries)], hours * 3600, Coincidence(k=2, within=within))
    expected = 3 * 2 * rate**2 * within / 3600 * hours
    assert sum("ACTIVE" in f for f in found) == pytest.approx(expected, abs=3 * expected**0.5)


def test_it_equals_brute_force_over_all_onsets() -> None:
    rng = np.random.default_rng(9)
    for _ in range(100):
        onsets = sorted((float(t), int(m)) for t, m in zip(rng.uniform(0, 60, 6), rng.integers(0, 3, 6), strict=True))
        entries = [e for t, m in onsets for e in ((m, t, 1.0), (m, t + 1e-6, 0.0))]
        pairs = itertools.combinations(onsets, 2)
        expected = [b[0] for a, b in pairs if a[1] != b[1] and b[0] - a[0] <= 5]
        found = said([*KNOWN, *entries])
        assert any("ACTIVE" in f for f in found) == bool(expected)


def test_an_end_is_a_deadline_and_the_next_one_is_told() -> None:
    state = DETECTOR.start(subjects(1))
    outcome = DETECTOR.step(state, Batch.of(0, [0, 1, 0, 1], [0, 0, 1, 1], [1.0, 1.0, 0.0, 0.0]))
    assert outcome.due == 5 * SECOND
    ended = DETECTOR.step(state, Batch.of(6 * SECOND)).findings
    assert [(f.at, f.row, f.verdict) for f in ended] == [(5 * SECOND, AFTER_ROWS, Verdict.CLEAR)]


def test_it_names_the_members_in_order_and_the_time_between() -> None:
    state = DETECTOR.start(subjects(1))
    found = DETECTOR.step(state, Batch.of(9, [1, 0], [0, 2 * SECOND], [1.0, 1.0])).findings
    assert found[-1].why.numbers == {"votes": 2, "seconds": 2.0, "members": "a/p2, a/p1"}


@pytest.mark.parametrize(
    "parameters", [{"k": 1, "within": 1.0}, {"k": 2, "within": 0.0}, {"k": 2, "within": 1.0, "over": "x"}]
)
def test_nonsense_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Coincidence(**parameters)


def test_a_group_in_which_k_cannot_coincide_is_refused() -> None:
    with pytest.raises(ValueError, match="s0 has 2 rules, give"):
        Coincidence(k=3, within=1.0, over="rules").start(subjects(1))
