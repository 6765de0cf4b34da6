"""The parts of prisms put into epochs: displacement from a datum, less what a reference prism moved.

Constraints. An epoch is complete when north, east and up were all read anew, within a time of each other, and the
reference prism within it too. Readings are good ones. A datum never moves with them; a replaced prism goes on from its
last displacement. Not a verdict: slope.vector compares with its limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Subjects
from detectors.reading import Bools, Floats, Indices, Times
from detectors.state import PER_INPUT, SETTING

OWN, REFERENCE, REZERO = ("north", "east", "up"), ("ref_north", "ref_east", "ref_up"), "rezero"
PARTS = (*OWN, *REFERENCE, REZERO)
FLOOR = 3.0
"""Standard errors of an epoch less its datum, below which it is not told from noise."""
NO_TIME = np.iinfo(np.int64).min


@dataclass(slots=True)
class Epochs:
    """(N,) or, by input, (I,), unless said."""

    datum: Floats
    """(N, 3) where the displacement is zero; NaN before the first epoch."""
    reference: Floats
    """(N, 3) the reference prism's."""
    moved: Floats
    """(N, 3) newest displacement; NaN before the first epoch."""
    rezero: Bools
    """The next epoch is of a replaced prism."""
    time: Times = field(metadata=PER_INPUT)
    """Device time of the newest good reading."""
    value: Floats = field(metadata=PER_INPUT)
    anew: Bools = field(metadata=PER_INPUT)
    """Not yet part of an epoch."""
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)
    place: Indices = field(metadata=SETTING)
    """(N, 7) input of each part of PARTS, -1 for none."""
    part: Indices = field(metadata=SETTING)
    """Which of PARTS an input is."""
    floor: Floats = field(metadata=SETTING)
    """(N,) smallest displacement that noise does not make; 0 where none is declared."""


def unmeasured(subjects: Subjects, datum: tuple[float, ...], reference: tuple[float, ...]) -> dict[str, Any]:
    """The fields of Epochs before the first; () is a datum that is not declared.

    Raises ValueError for parts that are missing, unknown, double or in another unit.
    """
    n, inputs = len(subjects), subjects.inputs
    place = _places(subjects)
    for who, name in enumerate(subjects.id):
        _check_parts(subjects, name, place[who].tolist())
    return {
        "datum": np.tile(np.array(datum or (np.nan,) * 3), (n, 1)),
        "reference": np.tile(np.array(reference or (np.nan,) * 3), (n, 1)),
        "moved": np.full((n, 3), np.nan),
        "rezero": np.zeros(n, np.bool_),
        "time": np.full(inputs, NO_TIME),
        "value": np.full(inputs, np.nan),
        "anew": np.zeros(inputs, np.bool_),
        "owner": subjects.owner,
        "input_id": np.array(list(subjects.input_id), dtype=np.str_),
        "place": place,
        "part": np.array([PARTS.index(part) for part in subjects.part], np.intp),
        "floor": _floors(subjects, place),
    }


def completes(state: Epochs, who: int, member: int, time: int, value: float, together: int) -> bool:
    """Note a good reading; True if it completed an epoch, whose displacement is then `moved`."""
    if time <= state.time[member]:
        return False
    state.time[member], state.value[member] = time, value
    own = state.place[who, :3]
    if PARTS[state.part[member]] == REZERO:
        if value >= 0.5:
            state.rezero[who], state.anew[own] = True, False
        return False
    state.anew[member] = True
    reference = state.place[who, 3:6]
    needed = own if reference[0] < 0 else np.concatenate((own, reference))
    times = state.time[needed]
    if not state.anew[own].all() or NO_TIME in times or np.ptp(times) > together:
        return False
    state.anew[own] = False
    _place(state, who, own, reference)
    return True


def _place(state: Epochs, who: int, own: Indices, reference: Indices) -> None:
    """The displacement of an epoch: less the datum, less what the reference prism moved."""
    position = state.value[own]
    if reference[0] >= 0:
        if np.isnan(state.reference[who]).any():
            state.reference[who] = state.value[reference]
        position = position - (state.value[reference] - state.reference[who])
    if np.isnan(state.datum[who]).any():
        state.datum[who] = position
    elif state.rezero[who] and not np.isnan(state.moved[who]).any():
        state.datum[who] = position - state.moved[who]
    state.rezero[who] = False
    state.moved[who] = position - state.datum[who]


def _places(subjects: Subjects) -> Indices:
    """(N, 7) input of each part."""
    place = np.full((len(subjects), len(PARTS)), -1, np.intp)
    for k, (who, part) in enumerate(zip(subjects.owner.tolist(), subjects.part, strict=True)):
        if part not in PARTS or place[who, PARTS.index(part)] >= 0:
            raise ValueError(f"{subjects.id[who]} has a part {part!r} too many; give one of each: {', '.join(PARTS)}")
        place[who, PARTS.index(part)] = k
    return place


def _check_parts(subjects: Subjects, name: str, place: list[int]) -> None:
    missing = [part for part, k in zip(OWN, place[:3], strict=True) if k < 0]
    if missing:
        raise ValueError(f"{name} lacks {', '.join(missing)}; give sensors = {{ north = ..., east = ..., up = ... }}")
    if len({k < 0 for k in place[3:6]}) > 1:
        raise ValueError(f"{name} has a part of a reference prism; give all of {', '.join(REFERENCE)}, or none")
    units = {subjects.input_unit[k] for k in place[:6] if k >= 0}
    if len(units) > 1:
        raise ValueError(f"{name} has parts in {', '.join(sorted(units))}; give all in one unit")


def _floors(subjects: Subjects, place: Indices) -> Floats:
    """Three standard errors of an epoch less its datum, by the noisiest part of prism and reference."""
    out = np.zeros(len(subjects))
    for who in range(len(subjects)):
        noise = [float(subjects.noise[k]) for k in place[who, :6].tolist() if k >= 0]
        own, reference = max(noise[:3]), max(noise[3:], default=0.0)
        if not any(math.isnan(sigma) for sigma in noise):
            out[who] = FLOOR * math.sqrt(2.0 * (own * own + reference * reference))
    return out
