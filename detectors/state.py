"""What a detector remembers, as named arrays: for snapshots, and for carrying it over a change of subjects.

Constraints. A state is a dataclass of arrays. The first axis of each is the subject, or, for a field marked
`PER_INPUT`, the input. A field marked `SETTING` holds what the registry or the parameters say: it is never stored, and
after a restart or a revision it is what the new start says. Nothing is pickled. It touches no file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Subjects
from detectors.reading import Indices

PER_INPUT: Final[Mapping[str, str]] = {"axis": "input"}
"""`field(metadata=PER_INPUT)`: remembered, first axis is the input."""
SETTING: Final[Mapping[str, str]] = {"axis": "none"}
"""`field(metadata=SETTING)`: set by start, not remembered."""

S = TypeVar("S")


class StateMismatch(ValueError):
    """Stored arrays do not fit the state they should be restored into: start afresh, as "learning"."""


def _remembered(state: Any) -> list[dataclasses.Field[Any]]:
    return [f for f in dataclasses.fields(state) if f.metadata.get("axis") != "none"]


def arrays_of(state: Any) -> dict[str, NDArray[Any]]:
    """The remembered arrays by name: what `np.savez` may store. They are the state's own, not copies."""
    return {f.name: getattr(state, f.name) for f in _remembered(state)}


def restore(template: S, arrays: Mapping[str, NDArray[Any]]) -> S:
    """A state with the memory of `arrays` and the settings of `template` (a fresh `detector.start(subjects)`).

    Raises StateMismatch if a name, type or shape differs from the template's.
    """
    wanted = arrays_of(template)
    if set(wanted) != set(arrays):
        raise StateMismatch(f"stored arrays {sorted(arrays)}, expected {sorted(wanted)}")
    for name, fresh in wanted.items():
        stored = arrays[name]
        if stored.shape != fresh.shape or stored.dtype != fresh.dtype:
            raise StateMismatch(
                f"{name}: stored {stored.dtype}{stored.shape}, expected {fresh.dtype}{fresh.shape}"
            )
    return _with(template, {name: np.array(arrays[name]) for name in wanted})


def take(state: S, index: Indices, subjects: Subjects, fresh: S) -> S:
    """The state after a change of subjects: subject k continues the old `index[k]`, or starts afresh where that is -1.

    `subjects` are the old ones, `fresh` is `detector.start(new subjects)`. Inputs continue by their id within their
    subject; a state with `PER_INPUT` fields therefore holds the settings `owner` and `input_id`, both (I,).
    Raises StateMismatch if an array changed its form.
    """
    moved: dict[str, NDArray[Any]] = {}
    for f in _remembered(state):
        chosen = _inputs(index, subjects, fresh) if f.metadata.get("axis") == "input" else index
        old, new = getattr(state, f.name), np.array(getattr(fresh, f.name))
        if old.shape[1:] != new.shape[1:] or old.dtype != new.dtype:
            raise StateMismatch(f"{f.name}: {old.dtype}{old.shape[1:]} became {new.dtype}{new.shape[1:]}")
        kept = np.flatnonzero(chosen >= 0)
        new[kept] = old[chosen[kept]]
        moved[f.name] = new
    return _with(fresh, moved)


def _inputs(index: Indices, subjects: Subjects, fresh: Any) -> Indices:
    """For each new input the old one of the same subject and id, or -1."""
    owners = subjects.owner.tolist()
    place = {key: k for k, key in enumerate(zip(owners, subjects.input_id, strict=True))}
    keys = zip(index[fresh.owner].tolist(), fresh.input_id.tolist(), strict=True)
    return np.array([place.get(key, -1) for key in keys], np.intp)


def size_of(state: Any) -> int:
    """Bytes remembered, all subjects together."""
    return sum(array.nbytes for array in arrays_of(state).values())


def _with(state: S, arrays: Mapping[str, NDArray[Any]]) -> S:
    return dataclasses.replace(state, **arrays)  # type: ignore[type-var]
