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
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.detector import (
    NEVER,
    Finding,
    Outcome,
    PerSubject,
    Subjects,
    Verdict,
    Why,
    at_row,
    per_subject,
    whole,
)
from detectors.drawing import columns_of
from detectors.epochs import OWN, Epochs, completes, unmeasured
from detectors.lapse import earliest, lapse, lapse_one
from detectors.reading import Batch, Quality, Times

WHY: Mapping[str, str] = {
    "above": "slope.vector.above",
    "below": "slope.vector.below",
    "between": "slope.vector.between",
    "below_floor": "slope.vector.below_floor",
    "stale": "slope.vector.stale",
}
STALE = Why(WHY["stale"])


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
class State(Epochs):
    """(N,)."""

    verdict: NDArray[np.int8]
    due: Times
    """When a clear verdict lapses."""


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
        n = len(subjects)
        return State(
            **unmeasured(subjects, self.datum, self.reference), verdict=np.zeros(n, np.int8), due=np.full(n, NEVER)
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row; a displacement at each complete epoch."""
        findings: list[Finding] = []
        shown: dict[str, list[tuple[int, int, float]]] = {name: [] for name in self.columns}
        count = len(state.verdict)
        limit, reset = per_subject(self.limit, count), per_subject(self.reset, count)
        reset = np.where(np.isnan(reset), limit, reset)
        good, together = batch.good, round(self.together * 1e9)
        for row in range(len(batch)):
            member, arrived = int(batch.sensor[row]), int(batch.arrived[row])
            who = int(state.owner[member])
            findings += lapse_one(state, who, arrived, STALE)
            time, read = int(batch.time[row]), float(batch.value[row])
            if good[row] and completes(state, who, member, time, read, together):
                state.due[who] = arrived + round(self.stale * 1e9)
                moved = (float(state.moved[who, 0]), float(state.moved[who, 1]), float(state.moved[who, 2]))
                measures = self._measures(moved)
                for name, value in measures.items():
                    shown[name].append((row, who, value))
                value = measures["total" if self.measure == "total" else f"along_{self.measure}"]
                findings += _judge(state, who, batch, row, value, float(limit[who]), float(reset[who]))
        findings += lapse(state, batch.until, lambda _: STALE)
        columns = [c for name, drawn in shown.items() for c in columns_of(batch, drawn, {name: self.columns[name]})]
        return Outcome(whole(findings), columns, earliest(state))

    def _measures(self, moved: tuple[float, float, float]) -> dict[str, float]:
        out = {"total": total(moved)}
        for name, line in (("along_dip", self.dip), ("along_sight", self.sight)):
            if line:
                out[name] = along(moved, direction(line[0], line[1]))
        return out


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
    return [at_row(batch, row, who, verdict, value, limit, Why(WHY[key], numbers))]
