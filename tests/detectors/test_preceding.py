"""preceding, newest: a plain loop is the oracle."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.preceding import along_time, newest, preceding
from detectors.reading import Batch

ENTRIES = st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=40)


@given(ENTRIES)
def test_they_equal_a_loop(entries: list[tuple[int, bool]]) -> None:
    sensor = [s for s, _ in entries]
    usable = np.array([u for _, u in entries], np.bool_)
    batch = Batch.of(9, np.array(sensor, np.intp), np.zeros(len(sensor)), np.zeros(len(sensor)))
    last: dict[int, int] = {}
    expected = []
    for row, (who, fit) in enumerate(entries):
        expected.append(last.get(who, -1))
        if fit:
            last[who] = row
    assert preceding(batch, usable).tolist() == expected
    assert sorted(newest(batch, usable).tolist()) == sorted(last.values())


def test_few_sensors_of_many_readings_are_worked_along_time() -> None:
    def batch(sensor: list[int]) -> Batch:
        return Batch.of(9, sensor, [0] * len(sensor), [0] * len(sensor))

    assert along_time(batch([0, 1] * 8))
    assert not along_time(batch([0, 1] * 7))
    assert not along_time(batch(list(range(20))))
    assert not along_time(batch([]))
