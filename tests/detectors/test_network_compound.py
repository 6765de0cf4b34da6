"""network.compound. Oracle: three-valued logic (Kleene) of "all" and "k of n", over every combination of inputs."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.detector import Subjects, Verdict
from detectors.network.compound import Compound
from detectors.reading import AFTER_ROWS, Batch, Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

NAN = float("nan")
PARTS = ["rain", "rain", "moving", "blast"]
NAMES = ["@rain/r1", "@rain/r2", "@wall/p1", "blast-1"]


def subjects(count: int, parts: list[str] = PARTS, names: list[str] = NAMES) -> Subjects:
    simple = Subjects.simple(count, unit="1", members=len(parts))
    return replace(simple, part=parts * count, input_id=names[: len(parts)] * count)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    said = np.zeros((200, inputs))
    for k in range(1, 200):
        flip = rng.random(inputs) < 0.1
        said[k] = np.where(flip, rng.choice([0.0, 0.0, 1.0, NAN], inputs), said[k - 1])
    return readings(seed, inputs, said, bad=0.02)


SAMPLE = Sample(Compound(k=2, within=3.0), subjects, stream)


def verdict(detector: Compound, values: tuple[float, ...]) -> str:
    state = detector.start(subjects(1))
    members = np.array([k for k, v in enumerate(values) if v == v], np.intp)
    detector.step(state, Batch.of(9, members, np.zeros(len(members)), np.array(values)[members]))
    return Verdict(int(state.verdict[0])).name


@pytest.mark.parametrize("k", [0, 1, 2])
def test_every_combination_is_what_three_valued_logic_says(k: int) -> None:
    for values in itertools.product((0.0, 1.0, NAN), repeat=4):
        rain = {1.0} if 1.0 in values[:2] else {0.0} if 0.0 in values[:2] else {0.0, 1.0}
        rest = [{v} if v == v else {0.0, 1.0} for v in values[2:]]
        worlds = {sum(world) >= (k or 3) for world in itertools.product(rain, *rest)}
        expected = "UNKNOWN" if len(worlds) == 2 else "ACTIVE" if True in worlds else "CLEAR"
        assert verdict(Compound(k=k), values) == expected, values


def said(detector: Compound, entries: list[tuple[int, float, float]], quality: Any = None, until: float = 99) -> Any:
    state = detector.start(subjects(1))
    members, times, values = zip(*[(m, 0.0, 0.0) for m in range(4)], *entries, strict=True)
    flags = None if quality is None else [0] * 4 + quality
    stamps = np.rint(np.array(times) * SECOND).astype(np.int64)
    batch = Batch.of(round(until * SECOND) + 1, members, stamps, values, quality=flags)
    return [f"{f.at / SECOND:g} {f.verdict.name}" for f in detector.step(state, batch).findings if f.at]


ALL = Compound(within=10.0)


def test_evidence_counts_for_its_time_and_ends_exactly() -> None:
    entries = [(0, 1.0, 1.0), (0, 2.0, 0.0), (2, 5.0, 1.0), (3, 12.0, 1.0)]
    assert said(ALL, entries) == ["12 ACTIVE", "12 CLEAR"]
    assert said(ALL, [*entries[:3], (3, 12.1, 1.0)]) == []
    assert said(ALL, [*entries[:3], (3, 8.0, 1.0)]) == ["8 ACTIVE", "12 CLEAR"]


def test_two_inputs_of_one_part_are_one_piece_of_evidence() -> None:
    assert said(Compound(k=2), [(0, 1.0, 1.0), (1, 2.0, 1.0)]) == []
    assert said(Compound(k=2), [(0, 1.0, 1.0), (2, 2.0, 1.0), (0, 3.0, 0.0)]) == ["2 ACTIVE", "3 CLEAR"]
    assert said(Compound(k=2), [(0, 1.0, 1.0), (1, 2.0, 1.0), (2, 2.0, 1.0), (0, 3.0, 0.0)]) == ["2 ACTIVE"]


def test_missing_or_late_data_ends_nothing() -> None:
    begun = [(0, 1.0, 1.0), (2, 2.0, 1.0), (3, 3.0, 1.0)]
    assert said(ALL, [*begun, *[(m, 4.0, NAN) for m in range(4)]]) == ["3 ACTIVE"]
    assert said(ALL, [*begun, (2, 4.0, 0.0)], quality=[0, 0, 0, Quality.LATE]) == ["3 ACTIVE"]
    assert said(ALL, begun, quality=[0, 0, Quality.LATE]) == ["3 ACTIVE"]


def test_it_lists_the_evidence_in_the_order_in_which_it_came() -> None:
    state = Compound().start(subjects(1))
    batch = Batch.of(9, [2, 3, 1], range(3), [1.0, 1.0, 1.0])
    why = Compound().step(state, batch).findings[-1].why
    assert why.numbers == {"present": 3, "parts": 3, "evidence": "moving: wall/p1, blast: blast-1, rain: rain/r2"}


def test_the_end_of_evidence_is_a_deadline_that_is_told() -> None:
    state = ALL.start(subjects(1))
    values = Batch.of(SECOND, [0, 2, 3, 3], [0, 0, 0, SECOND], [1.0, 1.0, 1.0, 0.0])
    assert ALL.step(state, values).due == 11 * SECOND
    ended = ALL.step(state, Batch.of(11 * SECOND + 1)).findings
    assert [(f.at, f.row, f.verdict) for f in ended] == [(11 * SECOND, AFTER_ROWS, Verdict.CLEAR)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.booleans()), max_size=30))
def test_it_equals_a_loop_over_seconds(steps: list[tuple[int, int, bool]]) -> None:
    entries, now = [], 1
    for member, gap, on in steps:
        now += gap
        entries.append((member, float(now), float(on)))
    expected, on, last, was = [], [False] * 4, [-99.0] * 4, False
    for second in range(now + 20):
        for member, time, value in entries:
            if time == second:
                if on[member] and not value:
                    last[member] = time
                on[member] = bool(value)
                was = _note(expected, second, [o or second - t <= 5 for o, t in zip(on, last, strict=True)], was)
        was = _note(expected, second, [o or second - t < 5 for o, t in zip(on, last, strict=True)], was)
    assert said(Compound(k=2, within=5.0), entries) == expected


def _note(expected: list[str], second: int, counts: list[bool], was: bool) -> bool:
    now = (counts[0] or counts[1]) + counts[2] + counts[3] >= 2
    if now != was:
        expected.append(f"{second} {'ACTIVE' if now else 'CLEAR'}")
    return now


@pytest.mark.parametrize("parameters", [{"k": -1}, {"within": -1.0}, {"within": NAN}])
def test_nonsense_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Compound(**parameters)


def test_a_group_of_too_few_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="s0 has 1 parts; give"):
        Compound().start(subjects(1, ["rain", "rain"]))
    with pytest.raises(ValueError, match="s0 has 3 parts; give"):
        Compound(k=4).start(subjects(1))
