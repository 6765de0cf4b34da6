"""signal.state. Oracle: plain logic."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.detector import Subjects, Verdict
from detectors.reading import Batch
from detectors.signal.state import StateIs
from tests.contract import Sample
from tests.strategies import Stream, readings

FAN = StateIs(alarm_on="stopped")
STATES = ("running", "stopped", "reversed")


def subjects(count: int) -> Subjects:
    return Subjects.simple(count, states=STATES)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    return readings(seed, inputs, rng.choice([0.0, 0, 0, 1, 2, 7, 0.5], (200, inputs)))


SAMPLE = Sample(FAN, subjects, stream)


def verdicts(values: list[float]) -> list[tuple[int, Verdict]]:
    times = range(len(values))
    findings = FAN.step(FAN.start(subjects(1)), Batch.of(99, [0] * len(values), times, values)).findings
    return [(f.time, f.verdict) for f in findings]


def test_the_named_state_alarms_and_every_other_ends_it() -> None:
    assert verdicts([0, 1, 1, 2, 1, 0]) == [
        (0, Verdict.CLEAR),
        (1, Verdict.ACTIVE),
        (3, Verdict.CLEAR),
        (4, Verdict.ACTIVE),
        (5, Verdict.CLEAR),
    ]


@pytest.mark.parametrize("value", [3.0, -1.0, 0.5, float("nan")])
def test_a_number_that_is_no_state_is_unknown_and_ends_no_alarm(value: float) -> None:
    assert verdicts([0, value])[-1] == (1, Verdict.UNKNOWN)
    assert verdicts([1, value]) == [(0, Verdict.ACTIVE)]


def test_the_states_order_is_each_sensors_own() -> None:
    one, other = Subjects.simple(1, states=STATES), Subjects.simple(1, states=("stopped", "running"))
    assert FAN.start(one).alarm.tolist() == [1.0]
    assert FAN.start(other).alarm.tolist() == [0.0]


def test_a_sensor_without_the_state_is_refused() -> None:
    with pytest.raises(ValueError, match="s0 has the states"):
        FAN.start(Subjects.simple(1, states=("open", "shut")))
    with pytest.raises(ValueError, match="give one of the sensor's states"):
        StateIs(alarm_on="")
