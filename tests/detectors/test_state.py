"""What a detector remembers: stored, restored, carried over a change of subjects."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from detectors.detector import Subjects, Verdict
from detectors.gas.twa import Twa
from detectors.health.silent import Silent
from detectors.network.vote import Vote
from detectors.reading import Batch
from detectors.signal.limit import Limit
from detectors.slope.velocity import Velocity
from detectors.state import StateMismatch, arrays_of, restore, size_of, take

VOTE = Vote(k=1)


def members(*groups: list[str]) -> Subjects:
    """One subject a group, its inputs named."""
    flat = [name for group in groups for name in group]
    owner = np.array([k for k, group in enumerate(groups) for _ in group], np.intp)
    simple = Subjects.simple(len(groups), members=1)
    names = [f"g{k}" for k in range(len(groups))]
    return replace(simple, id=names, owner=owner, part=flat, input_id=flat, input_unit=["1"] * len(flat))


def voted(subjects: Subjects, values: list[float]) -> object:
    state = VOTE.start(subjects)
    VOTE.step(state, Batch.of(9, range(len(values)), [0] * len(values), values))
    return state


def test_settings_are_not_stored() -> None:
    state = Silent().start(Subjects.simple(2, interval=5.0))
    assert set(arrays_of(state)) == {"verdict", "due"}
    assert size_of(state) == 2 * (1 + 8)


def test_restoring_takes_the_memory_and_keeps_the_new_settings() -> None:
    old = Silent(intervals=3).start(Subjects.simple(1, interval=5.0))
    new = restore(Silent(intervals=7).start(Subjects.simple(1, interval=5.0)), arrays_of(old))
    assert new.due.tolist() == old.due.tolist()
    assert new.patience.tolist() == [35_000_000_000]


def test_what_is_restored_is_a_copy_that_may_be_written() -> None:
    detector = Limit(limit=1.0)
    file = io.BytesIO()
    np.savez(file, **arrays_of(detector.start(Subjects.simple(1))))
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        state = restore(detector.start(Subjects.simple(1)), dict(stored))
    detector.step(state, Batch.of(9, [0], [1], [2.0]))
    assert state.verdict.tolist() == [Verdict.ACTIVE]


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"verdict": np.zeros(3, np.int8)},
        {"verdict": np.zeros(2)},
        {"verdict": np.zeros(2, np.int8), "x": np.zeros(2)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(StateMismatch):
        restore(Limit(limit=1.0).start(Subjects.simple(2)), arrays)


def test_taking_reorders_and_starts_afresh() -> None:
    detector = Velocity(limit=1.0, window=86_400.0)
    old = Subjects.simple(3, noise=0.1)
    state = detector.start(old)
    detector.step(state, Batch.of(9, [0, 1, 2], [1, 2, 3], [10.0, 11.0, 12.0]))
    moved = take(state, np.array([2, -1]), old, detector.start(Subjects.simple(2, noise=0.5)))
    assert moved.origin.tolist() == [12.0, 0.0]
    assert moved.noise.tolist() == [0.5, 0.5]
    assert moved.sums.shape == (2, *state.sums.shape[1:])


def test_inputs_continue_by_their_id_within_their_subject() -> None:
    old = members(["a", "b"], ["a", "c", "d"])
    state = voted(old, [1, 0, 0, 1, 0])
    new = members(["c", "a", "new"], ["b", "a"])
    moved = take(state, np.array([1, 0]), old, VOTE.start(new))
    assert moved.on.tolist() == [True, False, False, False, True]
    assert moved.known.tolist() == [True, True, False, True, True]
    assert moved.verdict.tolist() == [Verdict.ACTIVE, Verdict.ACTIVE]


def test_a_subject_that_is_new_takes_no_member_from_another() -> None:
    old = members(["a", "b"])
    moved = take(voted(old, [1, 1]), np.array([-1]), old, VOTE.start(members(["a", "b"])))
    assert not moved.on.any()
    assert not moved.known.any()


def test_a_changed_form_is_refused() -> None:
    shift, longer = Twa(limit=1.0), Twa(limit=1.0, shift_hours=12.0)
    subjects = Subjects.simple(1)
    with pytest.raises(StateMismatch, match=r"dose: float64\(480,\) became float64\(720,\)"):
        take(shift.start(subjects), np.array([0]), subjects, longer.start(subjects))
