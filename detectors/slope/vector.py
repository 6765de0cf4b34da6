"""Three parts of a prism put into one displacement: in space, along the dip, along the line of sight.

Constraints. An epoch is complete when north, east and up were all read anew, within `together` of each other. A datum
is declared, or is the first epoch, and is never moved by readings; a replaced prism goes on from its last displacement
after a reading of the part "rezero". With a reference prism its own displacement is taken off, or nothing is said.
Cannot find: movement of the reference and the prism together, of the instrument without a reference; anything sudden
between two epochs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.detector import (
    NEVER,
    Column,
    Finding,
    Outcome,
    PerSubject,
    Subjects,
    Verdict,
    Why,
    at_deadline,
    per_subject,
    whole,
)
from detectors.lapse import earliest, lapse
from detectors.reading import FAULTS, Batch, Bools, Floats, Indices, Quality, Times
from detectors.state import PER_INPUT, SETTING

OWN, REFERENCE, REZERO = ("north", "east", "up"), ("ref_north", "ref_east", "ref_up"), "rezero"
PARTS = (*OWN, *REFERENCE, REZERO)
FLOOR = 3.0
"""Standard errors of an epoch less its datum, below which it is not told from noise."""
NO_TIME = np.iinfo(np.int64).min
WHY: Mapping[str, str] = {
    "above": "slope.vector.above",
    "below": "slope.vector.below",
    "between": "slope.vector.between",
    "below_floor": "slope.vector.below_floor",
    "stale": "slope.vector.stale",
}


def direction(azimuth: float, plunge: float) -> tuple[float, float, float]:
    """Unit vector (north, east, up) of an azimuth clockwise from north and a plunge below the horizon, degrees."""
    a, p = math.radians(azimuth), math.radians(plunge)
    return math.cos(p) * math.cos(a), math.cos(p) * math.sin(a), -math.sin(p)


def along(moved: tuple[float, float, float], unit: tuple[float, float, float]) -> float:
    """Part of a displacement in a direction."""
    return math.fsum(a * b for a, b in zip(moved, unit, strict=True))


def total(moved: tuple[float, float, float]) -> float:
    """Length of a displacement."""
    return math.sqrt(math.fsum(a * a for a in moved))


@dataclass(slots=True)
class State:
    """(N,) or, by input, (I,), unless said."""

    verdict: NDArray[np.int8]
    due: Times
    """When a clear verdict lapses."""
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


@dataclass(frozen=True)
class Vector:
    """ACTIVE when the displacement from the datum is at or above `limit`; CLEAR below `reset`.

    Parts north, east, up of one prism in one unit; ref_north, ref_east, ref_up of a prism on stable ground; rezero, an
    own sensor that reads 1 when the prism was replaced. `measure` says what is judged: "total" (the length), "dip" or
    "sight", each along [azimuth, plunge] in degrees (a line of sight from the prism up to the instrument has a negative
    plunge). Columns: total, along_dip, along_sight. Unknown where noise hides a displacement of the limit.
    Source: definition (vector algebra; shared reference slope 1 for the floor).

        [rule.prism-17-moved]
        group = "prism-17-space"
        sensors = { north = "prism-17-n", east = "prism-17-e", up = "prism-17-u" }
        detector = { kind = "slope.vector", limit = "50 mm", dip = [135, 40], together = "15min" }
        priority = "medium"
        guidance = "Look at the velocity, inspect the crest"
    """

    kind: ClassVar[str] = "slope.vector"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}", "reset": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"total": "{unit}", "along_dip": "{unit}", "along_sight": "{unit}"}

    limit: PerSubject
    reset: PerSubject = float("nan")
    """NaN: the limit itself."""
    measure: Literal["total", "dip", "sight"] = "total"
    dip: tuple[float, ...] = ()
    sight: tuple[float, ...] = ()
    datum: tuple[float, ...] = ()
    """North, east, up in the parts' unit; none: the first epoch."""
    reference: tuple[float, ...] = ()
    """The reference prism's datum; none: its first."""
    together: float = 900.0
    """s between the parts of one epoch."""
    stale: float = 86_400.0
    """s after which a displacement that was not renewed is no longer clear."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all() or (np.asarray(self.reset) > self.limit).any():
            raise ValueError(
                f"limit is {self.limit}, reset is {self.reset}; give a limit above 0, a reset not above it"
            )
        for name in ("dip", "sight"):
            line = getattr(self, name)
            if line and not (len(line) == 2 and 0 <= line[0] <= 360 and -90 <= line[1] <= 90):
                raise ValueError(f"{name} is {line}; give [azimuth 0 to 360, plunge -90 to 90] in degrees")
        if self.measure not in ("total", "dip", "sight"):
            raise ValueError(f"measure is {self.measure!r}; give 'total', 'dip' or 'sight'")
        if self.measure != "total" and not getattr(self, self.measure):
            raise ValueError(f"measure is {self.measure!r}; give {self.measure} = [azimuth, plunge] too")
        for name in ("datum", "reference"):
            if len(getattr(self, name)) not in (0, 3):
                raise ValueError(f"{name} is {getattr(self, name)}; give [north, east, up]")
        if not 0 <= self.together <= 86_400 or not 60 <= self.stale <= 366 * 86_400:
            raise ValueError(
                f"together is {self.together} s, stale is {self.stale} s; give times like '15min' and '24h'"
            )

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for parts that are missing, unknown, double or in another unit."""
        n, inputs = len(subjects), subjects.inputs
        place = np.full((n, len(PARTS)), -1, np.intp)
        for k, (who, part) in enumerate(zip(subjects.owner.tolist(), subjects.part, strict=True)):
            if part not in PARTS or place[who, PARTS.index(part)] >= 0:
                raise ValueError(
                    f"{subjects.id[who]} has a part {part!r} too many; give one of each: {', '.join(PARTS)}"
                )
            place[who, PARTS.index(part)] = k
        for who, name in enumerate(subjects.id):
            _check_parts(subjects, name, place[who].tolist())
        return State(
            verdict=np.zeros(n, np.int8),
            due=np.full(n, NEVER),
            datum=np.tile(np.array(self.datum or (np.nan,) * 3), (n, 1)),
            reference=np.tile(np.array(self.reference or (np.nan,) * 3), (n, 1)),
            moved=np.full((n, 3), np.nan),
            rezero=np.zeros(n, np.bool_),
            time=np.full(inputs, NO_TIME),
            value=np.full(inputs, np.nan),
            anew=np.zeros(inputs, np.bool_),
            owner=subjects.owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
            place=place,
            part=np.array([PARTS.index(part) for part in subjects.part], np.intp),
            floor=_floors(subjects, place),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row; a displacement at each complete epoch."""
        findings: list[Finding] = []
        shown: dict[str, list[tuple[int, int, float]]] = {name: [] for name in self.columns}
        count = len(state.verdict)
        limit, reset = per_subject(self.limit, count), per_subject(self.reset, count)
        reset = np.where(np.isnan(reset), limit, reset)
        good = (batch.quality & FAULTS) == 0
        for row in range(len(batch)):
            member, arrived = int(batch.sensor[row]), int(batch.arrived[row])
            who = int(state.owner[member])
            findings += _lapse_one(state, who, arrived)
            if good[row] and self._take(state, who, member, int(batch.time[row]), float(batch.value[row])):
                state.due[who] = arrived + round(self.stale * 1e9)
                moved = (float(state.moved[who, 0]), float(state.moved[who, 1]), float(state.moved[who, 2]))
                measures = self._measures(moved)
                for name, value in measures.items():
                    shown[name].append((row, who, value))
                value = measures["total" if self.measure == "total" else f"along_{self.measure}"]
                findings += _judge(state, who, batch, row, value, float(limit[who]), float(reset[who]))
        findings += lapse(state, batch.until, lambda _: Why(WHY["stale"]))
        return Outcome(whole(findings), list(_columns(batch, shown)), earliest(state))

    def _measures(self, moved: tuple[float, float, float]) -> dict[str, float]:
        out = {"total": total(moved)}
        for name, line in (("along_dip", self.dip), ("along_sight", self.sight)):
            if line:
                out[name] = along(moved, direction(line[0], line[1]))
        return out

    def _take(self, state: State, who: int, member: int, time: int, value: float) -> bool:
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
        if not state.anew[own].all() or NO_TIME in times or np.ptp(times) > round(self.together * 1e9):
            return False
        state.anew[own] = False
        _place(state, who, own, reference)
        return True


def _place(state: State, who: int, own: Indices, reference: Indices) -> None:
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


def _judge(state: State, who: int, batch: Batch, row: int, value: float, limit: float, reset: float) -> list[Finding]:
    was, floor = Verdict(int(state.verdict[who])), float(state.floor[who])
    if value >= limit and value >= floor:
        verdict, key = Verdict.ACTIVE, "above"
    elif floor > limit:
        verdict, key = (was if was is Verdict.ACTIVE else Verdict.UNKNOWN), "below_floor"
    elif value < reset or was is Verdict.UNKNOWN:
        verdict, key = Verdict.CLEAR, "below"
    else:
        verdict, key = was, "between"
    if verdict is was:
        return []
    state.verdict[who] = verdict
    numbers = {part: float(state.moved[who, k]) for k, part in enumerate(OWN)}
    arrived, number, time = int(batch.arrived[row]), int(batch.row[row]), int(batch.time[row])
    return [Finding(arrived, number, who, verdict, time, value, limit, Why(WHY[key], numbers))]


def _lapse_one(state: State, who: int, arrived: int) -> list[Finding]:
    due = int(state.due[who])
    if due >= arrived:
        return []
    state.due[who] = NEVER
    if state.verdict[who] != Verdict.CLEAR:
        return []
    state.verdict[who] = Verdict.UNKNOWN
    return [at_deadline(due, who, Verdict.UNKNOWN, Why(WHY["stale"]))]


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


def _columns(batch: Batch, shown: Mapping[str, list[tuple[int, int, float]]]) -> list[Column]:
    out = []
    for name, entries in shown.items():
        if entries:
            rows, who = (np.array([e[k] for e in entries], np.intp) for k in (0, 1))
            out.append(Column.of(name, "{unit}", who, batch, rows, np.array([e[2] for e in entries])))
    return out
