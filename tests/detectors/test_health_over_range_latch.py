"""health.over_range_latch. Oracle: a table of readings and states, and a plain loop without shortcuts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.detector import Subjects, Verdict
from detectors.health.over_range_latch import OverRangeLatch
from detectors.reading import Batch, Quality
from tests.contract import Sample
from tests.strategies import Stream, readings

NAN = float("nan")
DETECTOR = OverRangeLatch(fresh_air=0.2)
PARTS = ("value", "oxygen", "reset")
V, O2, R = range(3)
EASY = [(O2, 20.9), (V, 0.0)]
OVER = [*EASY, (V, 4.0)]


def subjects(count: int, parts: tuple[str, ...] = PARTS, span: tuple[float, float] = (0.0, 4.0)) -> Subjects:
    return Subjects.simple(count, unit="%vol", span=span, members=len(parts), parts=parts)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    kinds = [
        rng.choice([0.0, 0.1, 2.0, 4.0], (200, inputs), p=[0.6, 0.25, 0.1, 0.05]),
        rng.choice([20.9, 8.0], (200, inputs), p=[0.95, 0.05]),
        rng.choice([0.0, 1.0], (200, inputs), p=[0.7, 0.3]),
    ]
    values = np.choose(np.arange(inputs) % 3, kinds)
    return readings(seed, inputs, values, bad=0.03)


SAMPLE = Sample(DETECTOR, subjects, stream)


def said(entries: list[tuple[int, float]], quality: Any = None, detector: OverRangeLatch = DETECTOR) -> list[str]:
    state = detector.start(subjects(1))
    sensor, value = zip(*entries, strict=True)
    batch = Batch.of(99, sensor, range(len(entries)), value, quality=quality)
    return [f"{f.row} {f.verdict.name} {f.why.key.rpartition('.')[2]}" for f in detector.step(state, batch).findings]


@pytest.mark.parametrize(
    ("then", "told"),
    [
        ([(V, 0.0)], []),
        ([(V, 0.0), (R, 0.0)], []),
        ([(R, 1.0)], []),
        ([(V, 0.3), (R, 1.0)], []),
        ([(V, 0.0), (R, 1.0)], ["4 CLEAR reset"]),
        ([(V, 0.2), (V, 0.3), (R, 1.0)], []),
        ([(O2, 9.9), (V, 0.0), (R, 1.0)], []),
        ([(O2, NAN), (V, 0.0), (R, 1.0)], []),
        ([(O2, 9.9), (V, 0.0), (O2, 20.9), (R, 1.0)], ["6 CLEAR reset"]),
        ([(V, 0.0), (V, NAN), (R, 1.0)], []),
        ([(V, 0.0), (R, 1.0), (V, 4.0)], ["4 CLEAR reset", "5 ACTIVE over"]),
        ([(V, -1.0), (V, NAN), (V, 0.0), (O2, 5.0)], []),
    ],
)  # fmt: skip
def test_only_a_reset_in_fresh_air_ends_it(then: list[tuple[int, float]], told: list[str]) -> None:
    assert said([*OVER, *then]) == ["1 CLEAR in_range", "2 ACTIVE over", *told]


def test_it_says_when_a_bead_cannot_measure() -> None:
    assert said([(V, 0.0)]) == []
    assert said([*EASY, (O2, 9.9), (V, 0.0), (O2, 20.9), (V, 0.0)]) == [
        "1 CLEAR in_range", "2 UNKNOWN no_oxygen", "5 CLEAR in_range",
    ]  # fmt: skip
    assert said([*EASY, (V, NAN), (V, 0.0)]) == ["1 CLEAR in_range", "2 UNKNOWN no_value", "3 CLEAR in_range"]


@pytest.mark.parametrize("quality", [Quality.LATE, Quality.CONFLICT, Quality.OUT_OF_SPAN])
def test_a_bad_reading_may_raise_it(quality: Quality) -> None:
    assert said(OVER, [0, 0, quality])[-1] == "2 ACTIVE over"


def test_calibration_gas_does_not_raise_it_and_a_bad_reset_resets_nothing() -> None:
    assert said(OVER, [0, 0, Quality.CALIBRATION])[-1] == "2 UNKNOWN no_value"
    assert said([*OVER, (V, 0.0), (R, 1.0)], [0, 0, 0, 0, Quality.LATE])[-1] == "2 ACTIVE over"


def test_it_equals_a_loop_that_looks_at_every_row() -> None:
    whole = stream(3, 9)
    batch = Batch.of(10**19 // 2, whole.sensor, whole.time, whole.value, arrived=whole.arrived, quality=whole.quality)
    state = DETECTOR.start(subjects(3))
    quick = [(f.row, f.subject, f.verdict) for f in DETECTOR.step(state, batch).findings]
    state, slow = DETECTOR.start(subjects(3)), []
    for row in range(len(batch)):
        part, who = int(batch.sensor[row]) % 3, int(batch.sensor[row]) // 3
        value, quality = float(batch.value[row]), int(batch.quality[row])
        if DETECTOR._take(state, who, part, value, quality, value < 10) is not None:
            slow.append((row, who, Verdict(int(state.verdict[who]))))
    assert quick == slow
    assert len(quick) > 20


def test_without_an_oxygen_part_it_works_too() -> None:
    state = DETECTOR.start(subjects(1, ("value", "reset")))
    found = DETECTOR.step(state, Batch.of(9, [0, 0, 0, 1], range(4), [0.0, 4.0, 0.0, 1.0])).findings
    assert [f.verdict.name for f in found] == ["CLEAR", "ACTIVE", "CLEAR"]


@pytest.mark.parametrize("parameters", [{"full_scale": 0.0}, {"fresh_air": -1.0}, {"oxygen": 21.0}])
def test_nonsense_is_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        OverRangeLatch(**parameters)


@pytest.mark.parametrize("parts", [("value",), ("reset",), ("value", "oxygen"), ("value", "reset", "co")])
def test_a_group_without_its_parts_is_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="give"):
        DETECTOR.start(subjects(1, parts))


def test_without_a_full_scale_or_with_a_fresh_air_above_it_it_is_refused() -> None:
    with pytest.raises(ValueError, match="give a span or full_scale"):
        DETECTOR.start(subjects(1, span=(0.0, np.inf)))
    with pytest.raises(ValueError, match="fresh air 9"):
        OverRangeLatch(fresh_air=9.0).start(subjects(1))
    with pytest.raises(ValueError, match="give an oxygen sensor in %vol"):
        DETECTOR.start(replace(subjects(1), input_unit=["%vol", "ppm", "1"]))
