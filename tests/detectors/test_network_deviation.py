"""network.deviation. Oracle: numpy.median, and a plain loop over whole rounds of readings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.detector import NEVER, Subjects, Verdict
from detectors.network.deviation import Deviation, apart
from detectors.reading import AFTER_ROWS, Batch, Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

NAN = float("nan")
DETECTOR = Deviation(limit=1.0, reset=0.8)
NAMES = ["p1", "p2", "p3", "p4", "p5"]


def subjects(count: int, members: int = 5) -> Subjects:
    simple = Subjects.simple(count, unit="mm", interval=1.0, members=members)
    return replace(simple, input_id=NAMES[:members] * count)


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    values = 5 + rng.normal(0, 0.1, (200, inputs))
    for begin in range(20, 200, 45):
        values[begin : begin + 20, int(rng.integers(inputs)) :: 5] += 1.5
    return readings(seed, inputs, values, bad=0.05, gap=(150, 156))


SAMPLE = Sample(DETECTOR, subjects, stream)


def rounds(*values: tuple[float, ...]) -> Batch:
    """Each round a second after the one before; NaN is a bad reading, None none at all."""
    entries = [(m, k, v) for k, one in enumerate(values) for m, v in enumerate(one) if v is not None]
    members, seconds, read = zip(*entries, strict=True)
    return Batch.of(10**15, members, np.array(seconds) * SECOND, read)


def told(*values: Any, detector: Deviation = DETECTOR) -> list[str]:
    state = detector.start(subjects(1, len(values[0])))
    batch = replace(rounds(*values), until=len(values) * SECOND)
    return [f"{f.at // SECOND} {f.verdict.name}" for f in detector.step(state, batch).findings]


def test_the_median_is_numpys() -> None:
    rng = np.random.default_rng(1)
    for size in range(1, 12):
        values = rng.normal(0, 1, size)
        middle, off = apart(values.tolist())
        assert middle == pytest.approx(np.median(values), rel=1e-15)
        assert off == np.abs(values - middle).tolist()


def test_it_alarms_in_the_rounds_that_numpys_median_names() -> None:
    rng = np.random.default_rng(2)
    for _ in range(100):
        values = 5 + rng.normal(0, 0.2, 5)
        values[rng.integers(5)] += rng.choice([0.0, 0.0, 2.0, -2.0])
        state = DETECTOR.start(subjects(1))
        DETECTOR.step(state, rounds((5.0,) * 5))
        DETECTOR.step(state, Batch.of(2 * SECOND, range(5), [SECOND] * 5, values))
        odd = np.abs(values - np.median(values)) >= 1.0
        assert not odd.any() or state.verdict[0] == Verdict.ACTIVE
        assert (np.flatnonzero(odd)[:, None] == np.flatnonzero(state.odd)).any(axis=1).all()


def test_the_odd_one_is_named_with_its_distance() -> None:
    state = DETECTOR.start(subjects(1))
    found = DETECTOR.step(state, rounds((5.0,) * 5, (5.0, 5.1, 4.9, 7.0, 5.0))).findings
    assert [f.verdict for f in found] == [Verdict.CLEAR, Verdict.ACTIVE]
    assert found[-1].why.numbers == {"member": "p4", "off": 2.0, "median": 5.0, "members": 5}
    assert (found[-1].value, found[-1].limit) == (2.0, 1.0)


def test_it_ends_below_the_reset_by_the_members_own_reading_only() -> None:
    apart_ = (5.0, 5.0, 5.0, 6.5, 5.0)
    assert told((5.0,) * 5, apart_, (5.0, 5.0, 5.0, 5.9, 5.0)) == ["0 CLEAR", "1 ACTIVE"]
    assert told((5.0,) * 5, apart_, (5.0, 5.0, 5.0, 5.7, 5.0)) == ["0 CLEAR", "1 ACTIVE", "2 CLEAR"]
    assert told((5.0,) * 5, apart_, (5.0, 5.0, 5.0, NAN, 5.0)) == ["0 CLEAR", "1 ACTIVE"]
    silent = [(5.0, 5.0, 5.0, None, 5.0)] * 20
    assert told((5.0,) * 5, apart_, *silent) == ["0 CLEAR", "1 ACTIVE"]


def test_all_moving_together_deviate_from_nobody() -> None:
    assert told(*[tuple(0.3 * k for _ in range(5)) for k in range(50)]) == ["0 CLEAR"]


def test_a_value_beyond_the_span_raises_and_is_no_peer() -> None:
    state = DETECTOR.start(subjects(1))
    DETECTOR.step(state, rounds((5.0,) * 5))
    beyond = Batch.of(SECOND, [3], [SECOND], [99.0], quality=[Quality.OUT_OF_SPAN])
    assert [f.verdict for f in DETECTOR.step(state, beyond).findings] == [Verdict.ACTIVE]
    assert np.isnan(state.value[3])
    late = Batch.of(SECOND, [3], [0], [5.0], arrived=[SECOND], quality=[Quality.LATE])
    assert DETECTOR.step(state, late).findings == []


def test_of_two_nobody_knows_which_is_wrong() -> None:
    assert told((5.0, 9.0, None, None, None)) == []
    assert told((5.0,) * 5, (5.0, 5.0, NAN, NAN, 5.0)) == ["0 CLEAR"]
    assert told((5.0,) * 5, (5.0, 5.0, NAN, NAN, NAN)) == ["0 CLEAR", "1 UNKNOWN"]


def test_values_that_are_no_longer_fresh_are_a_deadline() -> None:
    state = DETECTOR.start(subjects(1))
    assert DETECTOR.step(state, rounds((5.0,) * 5)).due == NEVER
    state = DETECTOR.start(subjects(1))
    assert DETECTOR.step(state, replace(rounds((5.0,) * 5), until=0)).due == 3 * SECOND
    assert DETECTOR.step(state, Batch.of(3 * SECOND)).findings == []
    found = DETECTOR.step(state, Batch.of(3 * SECOND + 1)).findings
    assert [(f.at, f.row, f.verdict) for f in found] == [(3 * SECOND, AFTER_ROWS, Verdict.UNKNOWN)]


@pytest.mark.parametrize(
    "parameters",
    [{"limit": 0.0}, {"limit": 1.0, "reset": 2.0}, {"limit": 1.0, "fresh": -1.0}, {"limit": 1.0, "least": 2}],
)
def test_nonsense_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        Deviation(**parameters)


def test_a_group_that_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="has 2 members in mm; give 3"):
        DETECTOR.start(subjects(1, 2))
    with pytest.raises(ValueError, match="5 members in kPa, mm; give"):
        DETECTOR.start(replace(subjects(1), input_unit=["mm"] * 4 + ["kPa"]))
    with pytest.raises(ValueError, match="give them group by group"):
        DETECTOR.start(replace(subjects(2), owner=np.arange(10) % 2))
    with pytest.raises(ValueError, match="no interval; give fresh"):
        DETECTOR.start(Subjects.simple(1, members=3))
    assert Deviation(limit=1.0, fresh=9.0).start(Subjects.simple(1, members=3)).fresh.tolist() == [9 * SECOND]
