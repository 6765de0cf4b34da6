"""health.clock. Oracle: known offsets under random delays: the least of n exponential delays has the mean 1 / n."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.detector import Outcome, Subjects, Verdict
from detectors.health.clock import Clock
from detectors.reading import Batch, Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DETECTOR = Clock(ahead=5.0, behind=60.0, window=30.0)


def stream(seed: int, inputs: int) -> Stream:
    whole = readings(seed, inputs, np.ones((300, inputs)))
    error = np.repeat([0, -90, 0, 20, 0], 60) * SECOND
    begin = int(whole.arrived[0])
    return replace(whole, time=whole.time + error[((whole.arrived - begin) // SECOND).clip(0, 299)])


SAMPLE = Sample(DETECTOR, lambda n: Subjects.simple(n), stream)


def told(offset: Any, delay: Any, detector: Clock = DETECTOR, quality: Any = None) -> Outcome:
    arrived = np.arange(len(delay)) * SECOND
    time = arrived + np.rint((np.asarray(offset) - np.asarray(delay)) * SECOND).astype(np.int64)
    batch = Batch.of(10**15, np.zeros(len(delay), np.intp), time, np.ones(len(delay)), arrived=arrived, quality=quality)
    return detector.step(detector.start(Subjects.simple(1)), batch)


def test_the_offset_is_found_to_the_least_delay() -> None:
    delay = np.random.default_rng(1).exponential(2.0, 300_000)
    offset = told(-7.0, delay).columns[0].value
    assert len(offset) == 9999
    assert np.mean(offset) == pytest.approx(-7 - 2.0 / 30, abs=3 * (2.0 / 30) / 100)


@pytest.mark.parametrize(("offset", "key"), [(-59.0, "right"), (-61.0, "behind"), (4.0, "right"), (6.0, "ahead")])
def test_it_alarms_beyond_its_limits(offset: float, key: str) -> None:
    found = told(offset, np.full(40, 0.5)).findings
    assert [f.why.key.rpartition(".")[2] for f in found] == [key]


def test_ahead_is_told_at_once_and_behind_after_a_window() -> None:
    assert told(9.0, np.zeros(40)).findings[0].at == 0
    assert told(-99.0, np.zeros(40)).findings[0].at == 30 * SECOND


def test_a_backlog_that_drains_within_a_window_is_no_clock_error() -> None:
    delay = np.concatenate((np.linspace(4000, 1, 25), np.ones(60)))
    assert [f.verdict for f in told(0.0, delay).findings] == [Verdict.CLEAR]


def test_swapped_clocks_give_each_device_its_own_finding() -> None:
    wrong, right = told(-99.0, np.zeros(40)), told(0.0, np.zeros(40))
    both = Batch.of(
        10**15, np.tile([0, 1], 40), np.repeat(np.arange(40), 2) * SECOND + np.tile([-99, 0], 40) * SECOND,
        np.ones(80), arrived=np.repeat(np.arange(40), 2) * SECOND,
    )  # fmt: skip
    found = DETECTOR.step(DETECTOR.start(Subjects.simple(2)), both).findings
    assert [(f.subject, f.verdict, f.at) for f in found] == [
        (k, f.verdict, f.at) for k, alone in enumerate((wrong, right)) for f in alone.findings
    ]


def test_the_gates_own_mark_hides_nothing_and_a_retained_message_says_nothing() -> None:
    assert told(9999.0, [0.0], quality=[Quality.SKEWED]).findings[0].verdict is Verdict.ACTIVE
    assert told(9999.0, [0.0], quality=[Quality.RETAINED]).findings == []


def test_only_a_good_reading_ends_it() -> None:
    state = DETECTOR.start(Subjects.simple(1))
    DETECTOR.step(state, Batch.of(9, [0], [9 * SECOND], [1.0], arrived=[0]))
    seconds = np.arange(1, 200) * SECOND
    marked = Batch.of(10**15, np.zeros(199, np.intp), seconds, np.ones(199), quality=np.full(199, 8))
    assert DETECTOR.step(state, marked).findings == []
    good = Batch.of(10**15, [0, 0], [200 * SECOND, 240 * SECOND], [1.0, 1.0])
    assert [f.verdict for f in DETECTOR.step(state, good).findings] == [Verdict.CLEAR]


@pytest.mark.parametrize("parameters", [{"ahead": 0.0}, {"behind": -1.0}, {"window": 0.0}])
def test_nonsense_is_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        Clock(**parameters)
