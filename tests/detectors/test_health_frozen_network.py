"""health.frozen_network. Oracle: counting, for every combination of silent, heard and unknown members."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.detector import Subjects, Verdict
from detectors.health.frozen_network import FrozenNetwork
from detectors.reading import Batch
from tests.contract import Sample
from tests.strategies import Stream, readings

NAN = float("nan")
DETECTOR = FrozenNetwork(share=0.5, least=3)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    said = (rng.random((150, inputs)) < 0.1).astype(float)
    said[60:80] = rng.random((20, inputs)) < 0.8
    said[rng.random((150, inputs)) < 0.1] = NAN
    return readings(seed, inputs, said, bad=0.02)


def subjects(count: int) -> Subjects:
    """Names that do not tell the group apart: what is said names them."""
    return replace(Subjects.simple(count, unit="1", members=5), input_id=[f"@silent/m{k}" for k in range(5)] * count)


SAMPLE = Sample(DETECTOR, subjects, stream)


def after(values: list[float], detector: FrozenNetwork = DETECTOR) -> Verdict:
    state = detector.start(Subjects.simple(1, members=len(values)))
    detector.step(state, Batch.of(9, range(len(values)), [0] * len(values), values))
    return Verdict(int(state.verdict[0]))


@pytest.mark.parametrize(("members", "needed"), [(3, 3), (5, 3), (6, 3), (7, 4)])
def test_it_counts(members: int, needed: int) -> None:
    for values in itertools.product((0.0, 1.0, NAN), repeat=members):
        silent, unknown = values.count(1.0), sum(v != v for v in values)
        ever = np.cumsum([v == 1.0 for v in values]).max() >= needed
        could = "UNKNOWN" if silent + unknown >= needed else "CLEAR"
        assert after(list(values)).name == ("ACTIVE" if ever else could), values


def test_two_hundred_silent_sensors_are_one_alarm_that_names_the_first() -> None:
    names = [f"@silent/s{k}" for k in range(200)]
    state = DETECTOR.start(replace(Subjects.simple(1, members=200), input_id=names))
    heard = Batch.of(1, range(200), [0] * 200, np.zeros(200))
    order = np.random.default_rng(1).permutation(200)
    silent = Batch.of(999, order, np.arange(1, 201), np.ones(200))
    found = [*DETECTOR.step(state, heard).findings, *DETECTOR.step(state, silent).findings]
    assert [(f.verdict, f.at) for f in found] == [(Verdict.CLEAR, 0), (Verdict.ACTIVE, 100)]
    first = ", ".join(f"s{k}" for k in order[:6].tolist()) + " +94"
    assert found[-1].why.numbers == {"silent": 100, "members": 200, "first": first}
    assert (found[-1].value, found[-1].limit) == (100.0, 100.0)


def test_a_silent_member_that_becomes_unknown_stays_silent_until_it_is_heard() -> None:
    state = DETECTOR.start(Subjects.simple(1, members=3))
    DETECTOR.step(state, Batch.of(9, [0, 1, 2], [0] * 3, [1.0, 1.0, 1.0]))
    assert DETECTOR.step(state, Batch.of(9, [0, 1, 2], [1] * 3, [NAN] * 3)).findings == []
    assert [f.verdict for f in DETECTOR.step(state, Batch.of(9, [1], [2], [0.0])).findings] == [Verdict.CLEAR]


def test_the_number_of_silent_sensors_is_drawn() -> None:
    state = DETECTOR.start(Subjects.simple(1, members=3))
    column = DETECTOR.step(state, Batch.of(9, [0, 1, 1, 0], range(4), [1.0, 1.0, 1.0, 0.0])).columns[0]
    assert (column.value.tolist(), column.time.tolist()) == ([1.0, 2.0, 1.0], [0, 1, 3])


@pytest.mark.parametrize("parameters", [{"share": 0.0}, {"share": 1.5}, {"least": 1}])
def test_nonsense_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        FrozenNetwork(**parameters)


def test_a_group_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="s0 has 2 members, give"):
        DETECTOR.start(Subjects.simple(1, members=2))
