"""signal.limit. Oracle: 30 CFR 57.22235 (withdraw at 1.0 % methane, until below 0.5 %) and a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import evaluate
from detectors.detector import Subjects, Verdict
from detectors.reading import Batch, Quality
from detectors.signal.limit import Limit
from tests.contract import Sample
from tests.strategies import Stream, readings

CFR_57_22235 = Limit(limit=1.0, reset=0.5)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    walk = 0.6 + 0.5 * np.sin(np.arange(300)[:, None] / 17 + np.arange(inputs)) + rng.normal(0, 0.1, (300, inputs))
    return readings(seed, inputs, np.round(walk, 1))


SAMPLE = Sample(CFR_57_22235, lambda n: Subjects.simple(n, unit="%vol"), stream)


def verdicts(detector: Limit, values: list[float]) -> list[tuple[int, Verdict]]:
    return [(f.time, f.verdict) for f in evaluate(detector, range(len(values)), values).findings]


def test_57_22235_withdraws_at_exactly_one_and_returns_strictly_below_a_half() -> None:
    assert verdicts(CFR_57_22235, [0.49, 0.99, 1.0, 0.99, 0.5, 0.49]) == [
        (0, Verdict.CLEAR),
        (2, Verdict.ACTIVE),
        (5, Verdict.CLEAR),
    ]


def test_between_reset_and_limit_an_unknown_becomes_clear() -> None:
    assert verdicts(CFR_57_22235, [0.7]) == [(0, Verdict.CLEAR)]


def test_without_a_reset_it_returns_strictly_below_the_limit() -> None:
    aq_1029 = Limit(limit=1.0)
    assert verdicts(aq_1029, [1.0, 1.0, 0.99]) == [(0, Verdict.ACTIVE), (2, Verdict.CLEAR)]


def test_oxygen_alarms_below() -> None:
    oxygen = Limit(limit=19.5, reset=20.0, side="below")
    assert verdicts(oxygen, [20.9, 19.6, 19.5, 20.0, 20.1]) == [
        (0, Verdict.CLEAR),
        (2, Verdict.ACTIVE),
        (4, Verdict.CLEAR),
    ]


@pytest.mark.parametrize("quality", [Quality.LATE, Quality.OUT_OF_SPAN, Quality.CONFLICT, Quality.RETAINED])
def test_a_doubtful_reading_may_raise_and_never_clears(quality: Quality) -> None:
    state = CFR_57_22235.start(Subjects.simple(1))
    batch = Batch.of(9, [0, 0], [1, 2], [1.2, 0.1], quality=[quality, quality])
    assert [f.verdict for f in CFR_57_22235.step(state, batch).findings] == [Verdict.ACTIVE]


def test_a_reading_in_calibration_neither_raises_nor_clears() -> None:
    state = CFR_57_22235.start(Subjects.simple(1))
    batch = Batch.of(9, [0, 0], [1, 2], [1.2, 0.1], quality=[Quality.CALIBRATION] * 2)
    assert CFR_57_22235.step(state, batch).findings == []


def test_a_missing_value_makes_clear_unknown_and_leaves_active() -> None:
    assert verdicts(CFR_57_22235, [0.1, np.nan])[-1] == (1, Verdict.UNKNOWN)
    assert verdicts(CFR_57_22235, [1.1, np.nan])[-1] == (0, Verdict.ACTIVE)


def test_each_subject_has_its_own_limit() -> None:
    detector = Limit(limit=np.array([1.0, 2.0]), reset=np.array([0.5, 2.0]))
    findings = detector.step(detector.start(Subjects.simple(2)), Batch.of(9, [0, 1], [1, 1], [1.5, 1.5])).findings
    assert [(f.subject, f.verdict, f.limit) for f in findings] == [(0, Verdict.ACTIVE, 1.0), (1, Verdict.CLEAR, 2.0)]


@given(st.lists(st.sampled_from([0.4, 0.5, 0.7, 1.0, 1.2, float("nan")]), max_size=40))
def test_it_equals_a_plain_loop(values: list[float]) -> None:
    said, verdict = [], Verdict.UNKNOWN
    for time, value in enumerate(values):
        before = verdict
        if value >= 1.0:
            verdict = Verdict.ACTIVE
        elif value < 0.5:
            verdict = Verdict.CLEAR
        elif verdict is not Verdict.ACTIVE:
            verdict = Verdict.UNKNOWN if value != value else Verdict.CLEAR
        if verdict is not before:
            said.append((time, verdict))
    assert verdicts(CFR_57_22235, values) == said


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"limit": 1.0, "reset": 1.1}, "at or below the limit"),
        ({"limit": 19.5, "reset": 19.0, "side": "below"}, "at or above the limit"),
        ({"limit": float("nan")}, "give a number"),
        ({"limit": 1.0, "side": "over"}, "'above' or 'below'"),
    ],
)
def test_nonsense_is_refused_in_words(parameters: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Limit(**parameters)  # type: ignore[arg-type]


def test_each_sensor_has_its_own_limit_and_reset() -> None:
    detector = Limit(limit=np.array([1.0, 3.0]), reset=np.array([0.5, 2.0]))
    state = detector.start(Subjects.simple(2))
    rows = [(1, 2.9), (0, 0.9), (1, 3.0), (0, 1.0), (1, 2.0), (0, 0.5), (1, 1.9), (0, 0.4)]
    sensors, values = zip(*rows, strict=True)
    findings = detector.step(state, Batch.of(99, sensors, range(len(rows)), values)).findings
    assert [(f.time, f.subject, f.verdict, f.limit) for f in findings if f.verdict is Verdict.ACTIVE] == [
        (2, 1, Verdict.ACTIVE, 3.0),
        (3, 0, Verdict.ACTIVE, 1.0),
    ]
    assert [(f.time, f.subject) for f in findings if f.verdict is Verdict.CLEAR] == [(0, 1), (1, 0), (6, 1), (7, 0)]
