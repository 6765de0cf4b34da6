"""health.silent. Oracle: a plain loop over arrivals, one sensor at a time, with deadlines as DESIGN section 3."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.detector import NEVER, Subjects, Verdict
from detectors.health.silent import Silent
from detectors.reading import AFTER_ROWS, Batch, Quality, Wave
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

BEGIN = 1_700_000_000 * SECOND
DEAD_MAN = Silent(intervals=3)


def subjects(count: int, first_seen: int = 0) -> Subjects:
    return Subjects.simple(count, interval=1.0, first_seen=first_seen)


def stream(seed: int, inputs: int) -> Stream:
    whole = readings(seed, inputs, np.zeros((120, inputs)), bad=0.3, gap=(60, 80), begin=BEGIN)
    waves = tuple(
        Wave(row, row % inputs, int(whole.arrived[row]), int(whole.arrived[row]), 100.0, np.zeros(10 * (turn % 3 > 0)))
        for turn, row in enumerate(range(5, len(whole.sensor), 37))
    )
    return replace(whole, waves=waves)


SAMPLE = Sample(DEAD_MAN, lambda n: subjects(n, BEGIN), stream)


def said(batch: Batch, count: int = 1) -> list[tuple[int, int, Verdict]]:
    return [(f.at, f.subject, f.verdict) for f in DEAD_MAN.step(DEAD_MAN.start(subjects(count)), batch).findings]


def test_a_sensor_never_heard_of_counts_from_when_it_was_registered() -> None:
    assert said(Batch.of(3 * SECOND + 1)) == [(3 * SECOND, 0, Verdict.ACTIVE)]
    assert said(Batch.of(3 * SECOND)) == []


def test_a_reading_at_the_deadline_is_in_time_and_one_later_is_not() -> None:
    at = Batch.of(5 * SECOND, [0], [3 * SECOND], [1.0])
    after = Batch.of(5 * SECOND, [0], [3 * SECOND + 1], [1.0])
    assert said(at) == [(3 * SECOND, 0, Verdict.CLEAR)]
    assert said(after) == [(3 * SECOND, 0, Verdict.ACTIVE), (3 * SECOND + 1, 0, Verdict.CLEAR)]


def test_a_deadline_comes_after_every_row_of_its_instant() -> None:
    batch = Batch.of(9 * SECOND, [1, 1], [3 * SECOND, 6 * SECOND], [1.0, 1.0])
    findings = DEAD_MAN.step(DEAD_MAN.start(subjects(2)), batch).findings
    assert [(f.at, f.row == AFTER_ROWS, f.subject) for f in findings] == [
        (3 * SECOND, False, 1),
        (3 * SECOND, True, 0),
    ]


def test_a_retained_message_proves_no_life_and_a_bad_reading_does() -> None:
    retained = Batch.of(4 * SECOND, [0], [2 * SECOND], [1.0], quality=[Quality.RETAINED])
    faulty = Batch.of(4 * SECOND, [0], [2 * SECOND], [np.nan])
    assert said(retained) == [(3 * SECOND, 0, Verdict.ACTIVE)]
    assert said(faulty) == [(2 * SECOND, 0, Verdict.CLEAR)]


def test_a_waveform_proves_life() -> None:
    wave = Wave(0, 0, 2 * SECOND, 2 * SECOND, 100.0, np.zeros(5))
    assert said(Batch.of(4 * SECOND, waves=[wave])) == [(2 * SECOND, 0, Verdict.CLEAR)]


def end(row: int, at: int, sensor: int = 0) -> Wave:
    return Wave(row, sensor, at, at, 1.0, np.zeros(0))


def test_what_says_that_it_has_gone_is_silent_at_once_and_until_it_is_heard() -> None:
    state = DEAD_MAN.start(subjects(2))
    times = [SECOND, SECOND, 5 * SECOND]
    batch = Batch.of(5 * SECOND + 1, [0, 1, 0], times, [1.0] * 3, waves=[end(2, 2 * SECOND), end(2, 2 * SECOND)])
    findings = DEAD_MAN.step(state, batch).findings
    assert [(f.at, f.row, f.subject, f.verdict, f.why.key.rpartition(".")[2]) for f in findings] == [
        (SECOND, 0, 0, Verdict.CLEAR, "heard"),
        (SECOND, 1, 1, Verdict.CLEAR, "heard"),
        (2 * SECOND, 2, 0, Verdict.ACTIVE, "gone"),
        (4 * SECOND, AFTER_ROWS, 1, Verdict.ACTIVE, "silent"),
        (5 * SECOND, 2, 0, Verdict.CLEAR, "heard"),
    ]


def test_what_was_silent_before_it_says_that_it_has_gone_fell_silent_at_its_deadline() -> None:
    assert said(Batch.of(9 * SECOND, waves=[end(0, 8 * SECOND)])) == [(3 * SECOND, 0, Verdict.ACTIVE)]


def test_a_sensor_without_an_interval_is_judged_by_its_end_alone() -> None:
    state = DEAD_MAN.start(Subjects.simple(1))
    outcome = DEAD_MAN.step(state, Batch.of(10**18, waves=[end(0, SECOND)]))
    assert ([f.verdict for f in outcome.findings], outcome.due) == ([Verdict.ACTIVE], NEVER)


def test_a_sensor_without_an_interval_is_never_judged() -> None:
    state = DEAD_MAN.start(Subjects.simple(1))
    outcome = DEAD_MAN.step(state, Batch.of(10**18))
    assert (list(outcome.findings), outcome.due) == ([], NEVER)


def test_the_next_deadline_is_told() -> None:
    state = DEAD_MAN.start(subjects(2))
    assert DEAD_MAN.step(state, Batch.of(SECOND, [0], [SECOND], [1.0])).due == 3 * SECOND


def test_what_fell_silent_while_nobody_listened_is_given_one_interval_more() -> None:
    state = DEAD_MAN.start(subjects(1))
    DEAD_MAN.excuse(state, 2 * SECOND, 100 * SECOND)
    assert DEAD_MAN.step(state, Batch.of(101 * SECOND)).findings == []
    assert [f.at for f in DEAD_MAN.step(state, Batch.of(102 * SECOND)).findings] == [101 * SECOND]


@given(st.lists(st.integers(0, 9), max_size=25), st.integers(0, 9))
def test_it_equals_a_plain_loop(gaps: list[int], rest: int) -> None:
    arrivals = np.cumsum(gaps, dtype=np.int64) * SECOND // 2
    until = int(arrivals[-1] if len(arrivals) else 0) + rest * SECOND // 2 + 1
    expected, verdict, due = [], Verdict.UNKNOWN, 3 * SECOND
    for arrival in [*arrivals.tolist(), None]:
        if verdict is not Verdict.ACTIVE and due < (until if arrival is None else arrival):
            verdict = Verdict.ACTIVE
            expected.append((due, 0, verdict))
        if arrival is not None:
            due = arrival + 3 * SECOND
            if verdict is not Verdict.CLEAR:
                verdict = Verdict.CLEAR
                expected.append((arrival, 0, verdict))
    assert said(Batch.of(until, [0] * len(arrivals), arrivals, np.ones(len(arrivals)))) == expected


def test_less_than_one_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="give 1 or more"):
        Silent(intervals=0.5)
