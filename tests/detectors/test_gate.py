"""The gate's marks, and that they do not depend on how the rows are cut."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import gate as gate_module
from detectors.gate import FUTURE, PAST, Gate
from detectors.reading import Batch, Quality

S = 10**9
NOW = 10**18
NAN = float("nan")
GOOD, LATE, SKEWED, OUT = Quality.GOOD, Quality.LATE, Quality.SKEWED, Quality.OUT_OF_SPAN
AGAIN = Quality.CONFLICT | Quality.LATE
DROPPED = None

Row = tuple[int, int, int, float]


def gate(sensors: int = 1) -> Gate:
    return Gate.over(np.full(sensors, 0.0), np.full(sensors, 4.0))


def mark(over: Gate, rows: list[Row]) -> list[Quality | None]:
    """Flags of (sensor, time, arrived, value), None for a dropped row."""
    sensor, time, arrived, value = zip(*rows, strict=True) if rows else ((), (), (), ())
    batch = Batch.of(NOW, sensor, time, value, arrived=arrived)
    keep, flags = over.mark(batch.sensor, batch.time, batch.arrived, batch.value, batch.quality)
    return [Quality(int(f)) if k else DROPPED for k, f in zip(keep.tolist(), flags.tolist(), strict=True)]


def at(time: int, value: float, arrived: int = 0, sensor: int = 0) -> Row:
    return sensor, NOW + time * S, NOW + (arrived or time) * S, value


def test_old_but_in_order_is_normal_and_not_after_the_newest_is_late() -> None:
    rows = [at(-3600, 1.0, 5), at(-1800, 1.0, 5), at(-1801, 1.1, 6), at(-1799, 1.0, 6)]

    assert mark(gate(), rows) == [GOOD, GOOD, LATE, GOOD]


def test_an_exact_duplicate_is_dropped_and_a_second_value_at_one_time_is_a_conflict() -> None:
    over = gate()

    assert mark(over, [at(1, 1.0), at(1, 1.0), at(1, 1.2), at(1, 1.0), at(2, NAN)]) == [
        GOOD, DROPPED, AGAIN, DROPPED, Quality.NO_VALUE,
    ]  # fmt: skip
    assert mark(over, [at(2, NAN)]) == [DROPPED]
    assert mark(over, [at(2, 1.0)]) == [AGAIN]
    assert over.counts == {"judged": 4, "duplicate": 3, "conflict": 2, "late": 2, "no_value": 1}


def test_one_sensors_rows_never_mark_anothers() -> None:
    rows = [at(5, 1.0, sensor=0), at(5, 1.0, sensor=1), at(4, 1.0, 5, sensor=1), at(6, 1.0, sensor=0)]

    assert mark(gate(2), rows) == [GOOD, GOOD, LATE, GOOD]


def test_the_ends_of_the_span_are_in_it() -> None:
    assert mark(gate(), [at(1, 0.0), at(2, 4.0), at(3, -1e-9), at(4, 4.0000001), at(5, NAN)]) == [
        GOOD, GOOD, OUT, OUT, Quality.NO_VALUE,
    ]  # fmt: skip


def test_a_time_that_cannot_be_right_is_skewed_and_makes_no_later_reading_late() -> None:
    ahead, behind = FUTURE // S, PAST // S
    rows = [at(ahead, 1.0, 1), at(ahead + 2, 1.0, 1), at(2, 1.0), at(-behind + 2, 1.0, 2), at(-behind, 1.0, 3)]

    assert mark(gate(), rows[1:]) == [SKEWED, GOOD, LATE, SKEWED]
    assert mark(gate(), rows[:1]) == [GOOD]


@pytest.mark.parametrize("together", [True, False])
def test_a_skewed_reading_that_comes_again_is_a_duplicate_also_when_its_time_has_become_possible(
    together: bool,
) -> None:
    over, first, again = gate(), at(400, 1.0, 1), at(400, 1.0, 200)

    marks = mark(over, [first, again]) if together else mark(over, [first]) + mark(over, [again])

    assert marks == [SKEWED, DROPPED]


def test_what_is_remembered_is_bounded_and_older_redelivery_is_late_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "REMEMBERED", 4)
    over = gate()
    mark(over, [at(k, 1.0) for k in range(1, 7)])

    assert mark(over, [at(3, 1.0, 7), at(2, 1.0, 7), at(3, 1.0, 7)]) == [DROPPED, LATE, LATE]


def one_by_one(rows: list[Row], remembered: int) -> list[Quality | None]:
    """The gate again, by lists."""
    out: list[Quality | None] = []
    for k, (sensor, time, arrived, value) in enumerate(rows):
        before = [(r, o) for r, o in zip(rows[:k], out, strict=True) if r[0] == sensor]
        known = [r for r, o in before if o is not DROPPED and Quality.CONFLICT not in o][-remembered:]
        newest = max((r[1] for r, o in before if o is not DROPPED and not o & (SKEWED | Quality.CONFLICT)), default=-1)
        twin = [r[3] for r in known if r[1] == time]
        skewed = time > arrived + FUTURE or time < arrived - PAST
        flags = (Quality.NO_VALUE if math.isnan(value) else GOOD) | (SKEWED if skewed else GOOD)
        flags |= OUT if value < 0 or value > 4 else GOOD
        if twin and (twin[-1] == value or (math.isnan(twin[-1]) and math.isnan(value))):
            out.append(DROPPED)
        elif twin:
            out.append(flags | AGAIN)
        else:
            out.append(flags | (LATE if time <= newest and not skewed else GOOD))
    return out


VALUE = st.sampled_from([0.5, 1.0, 5.0, NAN])
STEP = st.tuples(
    st.integers(0, 1),
    st.sampled_from([0, 0, 0, 1, 2, 5, -1, -FUTURE // S - 2, -FUTURE // S - 1, PAST // S + 1]),
    st.integers(0, 2),
    VALUE,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=40), st.lists(st.integers(0, 40), max_size=6), st.sampled_from([1, 3, 256]))
def test_cut_anywhere_the_gate_marks_as_one_reading_at_a_time(steps: list[Any], cuts: list[int], size: int) -> None:
    rows: list[Row] = []
    arrived = NOW
    for sensor, lag, pause, value in steps:
        arrived += pause * S
        rows.append((sensor, arrived - lag * S, arrived, value))
    places = [0, *sorted(min(c, len(rows)) for c in cuts), len(rows)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate_module, "REMEMBERED", size)
        over = gate(2)
        marks = [m for a, b in zip(places, places[1:], strict=False) for m in mark(over, rows[a:b])]

    assert marks == one_by_one(rows, size)
