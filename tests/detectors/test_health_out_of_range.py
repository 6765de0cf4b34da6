"""health.out_of_range. Oracle: the bands of NAMUR NE 43 and of the shared reference (gas-dust 2.7), value by value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors import evaluate
from detectors.detector import Subjects, Verdict
from detectors.health.out_of_range import OutOfRange
from detectors.reading import Batch, Quality
from tests.contract import Sample
from tests.strategies import Stream, readings

NAN = float("nan")


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    return readings(seed, inputs, rng.choice([-0.5, -0.1, 0.0, 2.0, 4.2, 4.6], (200, inputs)))


SAMPLE = Sample(OutOfRange(), lambda n: Subjects.simple(n, unit="%vol", span=(0.0, 4.0)), stream)


def last(detector: OutOfRange, values: list[float], **subject: Any) -> Verdict:
    findings = evaluate(detector, range(len(values)), values, **subject).findings
    return findings[-1].verdict if findings else Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("current", "alone", "after_alarm"),
    [
        (0.0, "ACTIVE", "ACTIVE"), (3.6, "ACTIVE", "ACTIVE"), (3.61, "CLEAR", "ACTIVE"), (3.79, "CLEAR", "ACTIVE"),
        (3.8, "CLEAR", "CLEAR"), (4.0, "CLEAR", "CLEAR"), (20.0, "CLEAR", "CLEAR"), (20.5, "CLEAR", "CLEAR"),
        (20.51, "CLEAR", "ACTIVE"), (20.99, "CLEAR", "ACTIVE"), (21.0, "ACTIVE", "ACTIVE"), (24.0, "ACTIVE", "ACTIVE"),
    ],
)  # fmt: skip
def test_a_loop_current_is_judged_as_ne_43_has_it(current: float, alone: str, after_alarm: str) -> None:
    loop = OutOfRange(loop="ne43")
    assert last(loop, [current], unit="mA").name == alone
    assert last(loop, [0.0, current], unit="mA").name == after_alarm


@pytest.mark.parametrize(
    ("value", "alone", "after_alarm"),
    [
        (-0.21, "ACTIVE", "ACTIVE"), (-0.2, "CLEAR", "ACTIVE"), (-0.01, "CLEAR", "ACTIVE"), (0.0, "CLEAR", "CLEAR"),
        (4.0, "CLEAR", "CLEAR"), (4.4, "CLEAR", "ACTIVE"), (4.41, "ACTIVE", "ACTIVE"),
    ],
)  # fmt: skip
def test_a_value_is_judged_by_5_and_110_percent_of_its_span(value: float, alone: str, after_alarm: str) -> None:
    assert last(OutOfRange(), [value], span=(0.0, 4.0)).name == alone
    assert last(OutOfRange(), [9.0, value], span=(0.0, 4.0)).name == after_alarm


def test_it_says_which_end_and_which_limit() -> None:
    found = evaluate(OutOfRange(), range(3), [-9.0, 1.0, 9.0], span=(0.0, 4.0)).findings
    assert [f.why.key.rpartition(".")[2] for f in found] == ["below", "inside", "above"]
    assert [f.limit for f in found] == [pytest.approx(-0.2), None, pytest.approx(4.4)]
    loop = evaluate(OutOfRange(loop="ne43"), range(3), [0.0, 12.0, 22.0], unit="mA").findings
    assert [f.why.key.rpartition(".")[2] for f in loop] == ["loop_low", "inside", "loop_high"]


def test_a_marked_reading_beyond_the_span_is_what_it_feeds_on() -> None:
    marked = [Quality.OUT_OF_SPAN] * 2
    found = evaluate(OutOfRange(), range(2), [-0.1, -3.0], quality=marked, span=(0.0, 4.0)).findings
    assert [f.verdict for f in found] == [Verdict.CLEAR, Verdict.ACTIVE]


def test_nothing_but_a_good_reading_ends_it() -> None:
    detector = OutOfRange()
    state = detector.start(Subjects.simple(1, span=(0.0, 4.0)))
    detector.step(state, Batch.of(9, [0], [0], [-3.0]))
    for quality in (Quality.LATE, Quality.CONFLICT, Quality.CALIBRATION, Quality.RETAINED, Quality.SKEWED):
        assert detector.step(state, Batch.of(9, [0], [1], [1.0], quality=[quality])).findings == []
    assert detector.step(state, Batch.of(9, [0], [1], [NAN])).findings == []


def test_calibration_gas_beyond_the_span_raises_nothing() -> None:
    found = evaluate(OutOfRange(), [0], [9.0], quality=[Quality.CALIBRATION], span=(0.0, 4.0)).findings
    assert found == []


@pytest.mark.parametrize("parameters", [{"margin_low": -1.0}, {"margin_high": NAN}, {"loop": "ne44"}])
def test_nonsense_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        OutOfRange(**parameters)


def test_a_sensor_that_cannot_be_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="s0 has no span; give"):
        OutOfRange().start(Subjects.simple(1))
    with pytest.raises(ValueError, match="s0 is in '%vol', give"):
        OutOfRange(loop="ne43").start(Subjects.simple(1, unit="%vol"))
