"""What a detector is: frozen parameters, explicit memory, findings returned.

A detector knows no clock, no disk, no network and no logging. All it may look at is its parameters, its state and the
batch; all it may change is its state. See CONTRIBUTING.md for a whole example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from detectors.reading import AFTER_ROWS, FAULTS, Batch, Floats, Indices, Quality, Times

FAMILIES = ("signal", "health", "gas", "dust", "slope", "seismic", "network")
NEVER = np.iinfo(np.int64).max
"""A deadline that does not come."""

PerSubject: TypeAlias = float | Floats
"""A parameter that is a number: one value for all, or (N,) one a subject."""


class Verdict(IntEnum):
    """What a detector says about a subject. UNKNOWN means not watching; it clears nothing."""

    UNKNOWN = 0
    CLEAR = 1
    ACTIVE = 2


@dataclass(frozen=True, slots=True)
class Why:
    """A reason as a key and numbers; it is put into words (zh, en) when it is shown."""

    key: str
    """Dotted, beginning with the detector's kind: `signal.limit.above`."""
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """A detector changed its mind about one subject.

    `at` is `now` of the row that caused it or the deadline that passed; `row` that row's `Batch.row`, or AFTER_ROWS;
    `time` the device's time of the reading (for a deadline: the deadline).
    """

    at: int
    row: int
    subject: int
    verdict: Verdict
    time: int
    value: float | None
    limit: float | None
    why: Why


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Derived readings of one kind, in log order: readings of the sensors `subject/rule.name`."""

    name: str
    unit: str
    subject: Indices
    time: Times
    arrived: Times
    row: Times
    value: Floats
    quality: NDArray[np.uint8]

    @classmethod
    def of(
        cls, name: str, unit: str, subject: Indices, batch: Batch, rows: Indices, value: Floats, quality: Any = 0
    ) -> Column:
        """A column whose entries were caused by `rows` of `batch`; values that are no number are marked so."""
        bad = np.where(np.isfinite(value), 0, int(Quality.NO_VALUE)).astype(np.uint8)
        clean = np.where(np.isfinite(value), value, np.nan)
        flags = np.broadcast_to(np.asarray(quality, np.uint8), bad.shape) | bad
        return cls(name, unit, subject, batch.time[rows], batch.arrived[rows], batch.row[rows], clean, flags)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step yields. `due` is the earliest deadline still ahead (NEVER if none)."""

    findings: Sequence[Finding] = ()
    columns: Sequence[Column] = ()
    due: int = NEVER


@dataclass(frozen=True, slots=True, eq=False)
class Subjects:
    """Whom a detector watches, as columns over N subjects, and its inputs as columns over I inputs.

    Every input belongs to exactly one subject (`owner[i]`); a sensor that serves two subjects is two inputs. `part[i]`
    says which part of its subject the input is ("value" when there is but one; "north", "east", "up"; a rule voted on).
    A detector of one input a subject has I == N and `owner == arange(N)`.
    """

    id: Sequence[str]
    unit: Sequence[str]
    owner: Indices
    part: Sequence[str]
    input_id: Sequence[str]
    input_unit: Sequence[str]
    span_low: Floats
    """(I,) in the input's unit; -inf where none is declared."""
    span_high: Floats
    quantum: Floats
    """(I,) smallest step the sensor shows; NaN where not declared."""
    noise: Floats
    """(I,) standard deviation of one reading; NaN where not declared."""
    interval: Floats
    """(I,) s between readings; NaN where none is expected."""
    rate: Floats
    """(I,) samples a second of a waveform; NaN for scalars."""
    position: Floats
    """(I, 3) m: east, north, up; NaN where not declared."""
    first_seen: Times
    """(N,) ns: `now` at which the subject came under watch (a dead-man counts from here)."""
    states: Sequence[Sequence[str]] = ()
    """(I,) names of the states 0, 1, ... of a two- or many-state sensor; empty for numbers."""

    def __len__(self) -> int:
        return len(self.id)

    @property
    def inputs(self) -> int:
        """How many inputs there are."""
        return len(self.owner)

    @classmethod
    def simple(
        cls,
        count: int,
        *,
        unit: str = "",
        span: tuple[float, float] = (-np.inf, np.inf),
        quantum: float = np.nan,
        noise: float = np.nan,
        interval: float = np.nan,
        rate: float = np.nan,
        states: Sequence[str] = (),
        first_seen: int = 0,
        members: int = 1,
        parts: Sequence[str] = (),
    ) -> Subjects:
        """`count` alike subjects of `members` inputs each: for tests, notebooks and benches."""
        total = count * members
        names = list(parts) or (["value"] if members == 1 else [f"m{k}" for k in range(members)])

        def full(x: float) -> Floats:
            return np.full(total, x, dtype=np.float64)

        return cls(
            id=[f"s{k}" for k in range(count)],
            unit=[unit] * count,
            owner=np.repeat(np.arange(count), members),
            part=names * count,
            input_id=[f"s{k}" if members == 1 else f"s{k}.{name}" for k in range(count) for name in names],
            input_unit=[unit] * total,
            span_low=full(span[0]),
            span_high=full(span[1]),
            quantum=full(quantum),
            noise=full(noise),
            interval=full(interval),
            rate=full(rate),
            position=np.full((total, 3), np.nan),
            first_seen=np.full(count, first_seen, np.int64),
            states=[tuple(states)] * total,
        )


@runtime_checkable
class Detector(Protocol):
    """Frozen parameters that can start a state and step it. Implementations are frozen dataclasses.

    Parameters typed `PerSubject` broadcast and may differ between rules that step together; all others are structure.
    `limit_parameters` names the PerSubject parameters that are given in the subject's unit (the loader converts them,
    `"10 mm/d"` too: the value there is the unit they must come in, with `{unit}` for the subject's own).
    A class whose findings compare in another unit than its first such parameter, or else its first column, says which:
    `compares: ClassVar[str] = "deg"`.
    A class that can tell which sensors never serve it has `reach(subjects)`, which raises ValueError: asked of a site
    that is proposed, never of one in force. What `start` refuses is refused in every log that holds it.
    A class that takes several inputs a subject (a group's) says `several: ClassVar[bool] = True`.
    The state is a dataclass of arrays whose first axis is the subject (or the input), and has `verdict`: (N,) int8.
    """

    kind: ClassVar[str]
    feeds_on: ClassVar[Quality]
    limit_parameters: ClassVar[Mapping[str, str]]

    def start(self, subjects: Subjects) -> Any:
        """A fresh state: every verdict unknown."""
        ...

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Fold the batch into the state; findings in order of (at, row, subject)."""
        ...


def per_subject(value: PerSubject, count: int) -> Floats:
    """A PerSubject parameter as (count,) floats."""
    return np.broadcast_to(np.asarray(value, np.float64), (count,))


def whole(findings: list[Finding]) -> list[Finding]:
    """The findings in their one order."""
    return sorted(findings, key=lambda f: (f.at, f.row, f.subject))


def findings_at(
    batch: Batch,
    rows: Indices,
    verdicts: NDArray[np.int8],
    subject: Indices,
    limit: Floats | None,
    why: Mapping[Verdict, str],
    numbers: Mapping[str, Floats] | None = None,
    value: Floats | None = None,
) -> list[Finding]:
    """Findings for rows of a batch: `subject[k]`, `limit[k]`, `value[k]` and each of `numbers` belong to `rows[k]`.

    What a late, out-of-span or conflicting reading raised is marked so: its flags are the number `quality`.
    """
    out = []
    values = batch.value[rows] if value is None else value
    for k, row in enumerate(rows.tolist()):
        verdict = Verdict(int(verdicts[k]))
        extra = {name: float(column[k]) for name, column in (numbers or {}).items()}
        if verdict is Verdict.ACTIVE and (flags := int(batch.quality[row]) & FAULTS):
            extra["quality"] = flags
        out.append(
            Finding(
                at=int(batch.arrived[row]),
                row=int(batch.row[row]),
                subject=int(subject[k]),
                verdict=verdict,
                time=int(batch.time[row]),
                value=None if np.isnan(values[k]) else float(values[k]),
                limit=None if limit is None or np.isnan(limit[k]) else float(limit[k]),
                why=Why(why[verdict], extra),
            )
        )
    return out


def at_row(
    batch: Batch, row: int, subject: int, verdict: Verdict, value: float | None, limit: float | None, why: Why
) -> Finding:
    """A finding that a row of the batch caused."""
    at, number, time = int(batch.arrived[row]), int(batch.row[row]), int(batch.time[row])
    return Finding(at, number, subject, verdict, time, value, limit, why)


def at_deadline(deadline: int, subject: int, verdict: Verdict, why: Why, limit: float | None = None) -> Finding:
    """A finding that no row caused."""
    return Finding(deadline, AFTER_ROWS, subject, verdict, deadline, None, limit, why)


@cache
def catalogue() -> Mapping[str, type[Any]]:
    """Every detector by its kind: one file in a family's folder is one, and entry points add those from outside.

    Raises ImportError if a file's class does not bear its path as `kind`, so a name has one meaning in all places.
    """
    found: dict[str, type[Any]] = {}
    for family in FAMILIES:
        package = import_module(f"detectors.{family}")
        for module in iter_modules(package.__path__):
            kind = f"{family}.{module.name}"
            classes = [
                c
                for c in vars(import_module(f"detectors.{kind}")).values()
                if isinstance(c, type) and getattr(c, "kind", None) is not None and c.__module__ == f"detectors.{kind}"
            ]
            if [getattr(c, "kind", None) for c in classes] != [kind]:
                raise ImportError(f"detectors/{family}/{module.name}.py must define one detector of kind {kind!r}")
            found[kind] = classes[0]
    for entry in entry_points(group="davylamp.detectors"):
        found[entry.name] = entry.load()
    return dict(sorted(found.items()))
