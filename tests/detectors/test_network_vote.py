"""network.vote. Oracle: P(2 of 3) = 3 p^2 - 2 p^3 for independent members, and the degradation table of voting."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from detectors.detector import Subjects, Verdict
from detectors.network.vote import Vote
from detectors.reading import Batch, Quality
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

NAN = float("nan")


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    said = np.zeros((200, inputs))
    for k in range(1, 200):
        flip = rng.random(inputs) < 0.1
        said[k] = np.where(flip, rng.choice([0.0, 0.0, 1.0, NAN], inputs), said[k - 1])
    return readings(seed, inputs, said, bad=0.02)


SAMPLE = Sample(Vote(k=2, within=3.0), lambda n: Subjects.simple(n, unit="1", members=3), stream)


def verdict(detector: Vote, values: tuple[float, ...]) -> Verdict:
    state = detector.start(Subjects.simple(1, members=len(values)))
    detector.step(state, Batch.of(9, range(len(values)), [0] * len(values), values))
    return Verdict(int(state.verdict[0]))


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5])
def test_two_of_three_has_the_probability_of_the_book(p: float) -> None:
    total = 0.0
    for values in itertools.product((0.0, 1.0), repeat=3):
        chance = float(np.prod([p if v else 1 - p for v in values]))
        total += chance * (verdict(Vote(k=2), values) is Verdict.ACTIVE)
    assert total == pytest.approx(3 * p**2 - 2 * p**3, rel=1e-12)


@pytest.mark.parametrize(
    ("values", "fewer", "keep"),
    [
        ((1, 1, 0), "ACTIVE", "ACTIVE"),
        ((1, 0, 0), "CLEAR", "CLEAR"),
        ((1, 0, NAN), "ACTIVE", "UNKNOWN"),
        ((0, 0, NAN), "CLEAR", "CLEAR"),
        ((0, NAN, NAN), "CLEAR", "UNKNOWN"),
        ((1, NAN, NAN), "ACTIVE", "UNKNOWN"),
        ((1, 1, NAN), "ACTIVE", "ACTIVE"),
        ((NAN, NAN, NAN), "UNKNOWN", "UNKNOWN"),
    ],
)
def test_faults_make_two_of_three_one_of_two(values: tuple[float, ...], fewer: str, keep: str) -> None:
    assert verdict_after_all(Vote(k=2, degrade="fewer"), values) == fewer
    assert verdict_after_all(Vote(k=2, degrade="keep"), values) == keep


def verdict_after_all(detector: Vote, values: tuple[float, ...]) -> str:
    """The verdict once the group was all clear and then said `values`."""
    state = detector.start(Subjects.simple(1, members=3))
    known = values if all(v != v for v in values) else (0.0, 0.0, 0.0)
    detector.step(state, Batch.of(1, range(3), [0] * 3, known))
    order = sorted(range(3), key=lambda m: values[m] == values[m])
    detector.step(state, Batch.of(9, order, [1] * 3, [values[m] for m in order]))
    return Verdict(int(state.verdict[0])).name


@pytest.mark.parametrize("degrade", ["fewer", "trip", "keep"])
@pytest.mark.parametrize(
    ("values", "expected"),
    [((1,), "UNKNOWN"), ((0,), "UNKNOWN"), ((0, 0), "CLEAR"), ((1, 0), "UNKNOWN"), ((1, 1), "ACTIVE"), ((), "UNKNOWN")],
)
def test_a_member_never_known_is_learning_and_no_fault(degrade: Any, values: tuple[float, ...], expected: str) -> None:
    detector = Vote(k=2, degrade=degrade)
    state = detector.start(Subjects.simple(1, members=3))
    found = detector.step(state, Batch.of(9, range(len(values)), [0] * len(values), values)).findings
    assert Verdict(int(state.verdict[0])).name == expected
    for finding in found:
        assert (type(finding.value), finding.why.numbers["members"]) == (float, 3)


def test_learning_members_do_not_soften_the_loss_of_others() -> None:
    detector = Vote(k=2)
    state = detector.start(Subjects.simple(1, members=4))
    rows = Batch.of(9, [0, 1, 0, 1], range(4), [0, 0, NAN, 1])
    found = detector.step(state, rows).findings
    assert [(f.time, f.verdict, f.why.key) for f in found] == [(3, Verdict.ACTIVE, "network.vote.degraded")]
    assert found[0].why.numbers == {"votes": 1, "unknown": 3, "members": 4}


def test_a_late_one_is_a_vote_and_makes_its_member_known_no_more_than_before() -> None:
    detector = Vote(k=1, degrade="keep")
    state = detector.start(Subjects.simple(1, members=1))
    found = detector.step(state, Batch.of(9, [0], [0], [1], quality=[int(Quality.LATE)])).findings
    assert [f.verdict for f in found] == [Verdict.ACTIVE]
    assert not state.known[0]


def test_all_members_lost_alarms_where_that_is_asked() -> None:
    state = Vote(k=2, degrade="trip").start(Subjects.simple(1, members=3))
    detector = Vote(k=2, degrade="trip")
    detector.step(state, Batch.of(1, range(3), [0] * 3, [0, 0, 0]))
    findings = detector.step(state, Batch.of(9, range(3), [1, 2, 3], [NAN] * 3)).findings
    assert [(f.time, f.verdict, f.why.key) for f in findings] == [(3, Verdict.ACTIVE, "network.vote.blind")]


def test_a_member_keeps_its_vote_while_unknown() -> None:
    detector = Vote(k=2, degrade="keep")
    state = detector.start(Subjects.simple(1, members=3))
    detector.step(state, Batch.of(1, range(3), [0] * 3, [1, 1, 0]))
    assert detector.step(state, Batch.of(9, [0, 1], [1, 2], [NAN, NAN])).findings == []
    assert state.verdict[0] == Verdict.ACTIVE


def test_a_member_lost_while_voting_is_a_vote_and_no_fault() -> None:
    detector = Vote(k=2, degrade="fewer")
    state = detector.start(Subjects.simple(1, members=3))
    detector.step(state, Batch.of(1, range(3), [0] * 3, [0, 0, 0]))
    assert detector.step(state, Batch.of(9, [0, 0], [1, 2], [1, NAN])).findings == []
    assert state.verdict[0] == Verdict.CLEAR


def test_an_alarm_stands_where_the_unknown_could_decide() -> None:
    detector = Vote(k=2, degrade="keep")
    state = detector.start(Subjects.simple(1, members=3))
    detector.step(state, Batch.of(1, range(3), [0] * 3, [1, 1, NAN]))
    assert detector.step(state, Batch.of(9, [1], [1], [0])).findings == []
    assert [f.verdict for f in detector.step(state, Batch.of(9, [2], [2], [0])).findings] == [Verdict.CLEAR]


def test_votes_hold_within_the_window_and_end_exactly() -> None:
    detector = Vote(k=2, within=10.0)
    state = detector.start(Subjects.simple(1, members=3))
    rows = Batch.of(3 * SECOND, [0, 1, 2, 0, 0, 1, 1], [0, 0, 0, SECOND, 2 * SECOND, 2 * SECOND, 3 * SECOND],
                    [0, 0, 0, 1, 0, 1, 0])  # fmt: skip
    findings = list(detector.step(state, rows).findings)
    assert [(f.at, f.verdict) for f in findings] == [(0, Verdict.CLEAR), (2 * SECOND, Verdict.ACTIVE)]
    assert detector.step(state, Batch.of(12 * SECOND)).findings == []
    ended = detector.step(state, Batch.of(12 * SECOND + 1))
    assert [(f.at, f.verdict) for f in ended.findings] == [(12 * SECOND, Verdict.CLEAR)]
    assert ended.due == 13 * SECOND


def test_a_vote_renewed_at_its_end_is_in_time() -> None:
    detector = Vote(k=1, within=10.0)
    state = detector.start(Subjects.simple(1, members=1))
    said = detector.step(state, Batch.of(99 * SECOND, [0, 0, 0], [0, SECOND, 11 * SECOND], [1, 0, 1])).findings
    assert [f.verdict for f in said] == [Verdict.ACTIVE]


def test_groups_do_not_mix() -> None:
    detector = Vote(k=2)
    state = detector.start(Subjects.simple(2, members=2))
    detector.step(state, Batch.of(9, [0, 1, 2, 3], [0] * 4, [1, 0, 0, 1]))
    assert state.verdict.tolist() == [Verdict.CLEAR, Verdict.CLEAR]


@pytest.mark.parametrize("parameters", [{"k": 0}, {"k": 1, "within": -1.0}, {"k": 1, "degrade": "off"}])
def test_nonsense_is_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="give"):
        Vote(**parameters)  # type: ignore[arg-type]


def test_a_group_smaller_than_k_is_refused() -> None:
    with pytest.raises(ValueError, match="k is 3; s0 has 2 members"):
        Vote(k=3).start(Subjects.simple(1, members=2))


@pytest.mark.parametrize(
    ("values", "key", "unknown"), [((1, 1, 0), "agree", 0), ((1, 1, 1), "agree", 0), ((1, 0, NAN), "degraded", 1)]
)
def test_the_reason_tells_agreement_from_a_vote_made_easier_by_a_fault(
    values: tuple[float, ...], key: str, unknown: int
) -> None:
    detector = Vote(k=2)
    state = detector.start(Subjects.simple(1, members=3))
    detector.step(state, Batch.of(1, range(3), [0] * 3, [0, 0, 0]))
    found = detector.step(state, Batch.of(9, range(3), [1, 2, 3], values)).findings[-1]
    assert (found.verdict, found.why.key, found.why.numbers["unknown"]) == (
        Verdict.ACTIVE, f"network.vote.{key}", unknown,
    )  # fmt: skip


def test_lost_and_learning_members_are_both_told_as_unknown() -> None:
    detector = Vote(k=2, degrade="keep")
    state = detector.start(Subjects.simple(1, members=4))
    detector.step(state, Batch.of(1, [0, 1, 2], [0] * 3, [0, 0, 0]))
    found = detector.step(state, Batch.of(9, [0], [1], [NAN])).findings[-1]
    assert (found.verdict, found.why.numbers["unknown"]) == (Verdict.UNKNOWN, 2)


def test_a_group_of_which_one_never_spoke_trips_when_all_others_are_lost() -> None:
    detector = Vote(k=2, degrade="trip")
    state = detector.start(Subjects.simple(1, members=3))
    detector.step(state, Batch.of(1, range(2), [0] * 2, [0, 0]))
    findings = detector.step(state, Batch.of(9, range(2), [1, 2], [NAN] * 2)).findings
    assert [(f.time, f.verdict, f.why.key) for f in findings[-1:]] == [(2, Verdict.ACTIVE, "network.vote.blind")]
