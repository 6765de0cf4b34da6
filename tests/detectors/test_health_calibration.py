"""health.calibration. Oracle: a plain loop over seconds, which knows no deadlines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.detector import NEVER, Subjects, Verdict
from detectors.health.calibration import Calibration
from detectors.reading import Batch, Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

NAN = float("nan")
BEGIN = 1_700_000_000 * SECOND
DETECTOR = Calibration(every=40.0, longest=10.0, shortest=3.0)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    contact = np.zeros((300, inputs))
    for k in range(inputs):
        for begin in range(10, 280, 45):
            contact[begin : begin + int(rng.integers(1, 20)), k] = 1.0
    contact[140:240] = 0.0
    return readings(seed, inputs, contact, bad=0.03, begin=BEGIN)


SAMPLE = Sample(DETECTOR, lambda n: Subjects.simple(n, unit="1", first_seen=BEGIN), stream)


def said(values: dict[int, float], until: int, quality: Any = None, detector: Calibration = DETECTOR) -> list[str]:
    state = detector.start(Subjects.simple(1))
    times = np.array(list(values), np.int64) * SECOND
    found = detector.step(state, Batch.of(until * SECOND, np.zeros(len(times), np.intp), times, list(values.values()),
                                          quality=quality)).findings  # fmt: skip
    return [f"{f.at / SECOND:g} {f.verdict.name} {f.why.key.rpartition('.')[2]}" for f in found]


def test_one_never_heard_of_counts_from_when_it_was_registered() -> None:
    assert said({}, 40) == []
    assert said({}, 41) == ["40 ACTIVE never"]
    assert said({5: 0.0, 20: 0.0}, 41) == ["40 ACTIVE never"]


def test_it_falls_due_after_the_last_and_is_clear_when_it_was_done() -> None:
    assert said({5: 1.0, 10: 0.0}, 51) == ["10 CLEAR done", "50 ACTIVE overdue"]
    assert said({5: 1.0, 10: 0.0, 60: 1.0, 65: 0.0}, 66) == ["10 CLEAR done", "50 ACTIVE overdue", "65 CLEAR done"]


def test_a_calibration_that_does_not_end_is_told_and_one_that_runs_is_not_overdue() -> None:
    assert said({35: 1.0}, 46) == ["45 ACTIVE endless"]
    assert said({35: 1.0, 44: 0.0}, 80) == ["44 CLEAR done"]
    assert said({35: 1.0, 47: 0.0}, 50) == ["45 ACTIVE endless", "47 CLEAR done"]


def test_a_contact_closed_for_a_moment_is_no_calibration() -> None:
    assert said({5: 1.0, 7: 0.0}, 41) == ["40 ACTIVE never"]
    assert said({39: 1.0, 41: 0.0}, 42) == ["41 ACTIVE never"]


def test_a_bad_reading_ends_nothing_and_a_late_one_may_begin() -> None:
    assert said({5: 1.0, 10: 0.0, 11: NAN}, 16, [0, Quality.LATE, 0]) == ["15 ACTIVE endless"]
    assert said({5: 1.0}, 16, [Quality.LATE]) == ["15 ACTIVE endless"]


def test_the_age_is_drawn_in_days() -> None:
    state = DETECTOR.start(Subjects.simple(1))
    times = np.array([0, 5, 29]) * SECOND
    column = DETECTOR.step(state, Batch.of(30 * SECOND, [0] * 3, times, [1.0, 0.0, 0.0])).columns[0]
    assert column.value.tolist() == [0.0, 24 / 86_400]


def test_the_next_deadline_is_told() -> None:
    state = DETECTOR.start(Subjects.simple(2))
    assert DETECTOR.step(state, Batch.of(SECOND, [0], [SECOND], [1.0])).due == 11 * SECOND
    assert DETECTOR.step(state, Batch.of(99 * SECOND)).due == NEVER


@given(st.lists(st.integers(0, 1), max_size=90))
def test_it_equals_a_loop_over_seconds(contact: list[int]) -> None:
    verdict, done, begun, expected = "UNKNOWN", 0, None, []
    for second, closed in enumerate(contact):
        if closed and begun is None:
            begun = second
        elif not closed and begun is not None:
            if second - begun >= 3:
                done = second
                if verdict != "CLEAR":
                    expected.append(f"{second} CLEAR")
                verdict = "CLEAR"
            begun = None
        if verdict != "ACTIVE" and second >= (done + 40 if begun is None else begun + 10):
            verdict = "ACTIVE"
            expected.append(f"{second} ACTIVE")
    found = said(dict(enumerate(map(float, contact))), len(contact))
    assert [f.rpartition(" ")[0] for f in found] == expected


@pytest.mark.parametrize(
    "parameters",
    [{"every": 0.0}, {"every": "31"}, {"every": 9.0, "longest": 0.0}, {"every": 9.0, "longest": 5.0, "shortest": 5.0}],
)
def test_nonsense_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Calibration(**parameters)


def test_verdicts_begin_unknown() -> None:
    assert DETECTOR.start(Subjects.simple(1)).verdict.tolist() == [Verdict.UNKNOWN]
