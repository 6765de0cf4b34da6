"""One of several like sensors that does not go with the others.

Constraints. A group of sensors of one quantity and unit that should read alike. Newest good values, by arrival.
Cannot find: an error that most members share, a difference that is real (gas layers, a slope that moves in parts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

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
    per_subject,
    whole,
)
from detectors.drawing import columns_of
from detectors.lapse import earliest, lapse, lapse_one
from detectors.reading import BLURS, FAULTS, Batch, Bools, Floats, Indices, Quality, Times
from detectors.state import PER_INPUT, SETTING

BEYOND_ONLY = int(Quality.OUT_OF_SPAN)
INTERVALS = 3
NAN = float("nan")
LONG_AGO = np.iinfo(np.int64).min // 2
FEW = Why("network.deviation.few")


@dataclass(slots=True)
class State:
    """(N,) or, by input, (I,)."""

    verdict: NDArray[np.int8]
    due: Times
    """When too few values are fresh; NEVER once it has passed."""
    value: Floats = field(metadata=PER_INPUT)
    """Newest good value; NaN before the first, and after a bad one."""
    heard: Times = field(metadata=PER_INPUT)
    """`now` of it."""
    odd: Bools = field(metadata=PER_INPUT)
    """Deviated, and has not come back."""
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)
    fresh: Times = field(metadata=SETTING)
    """(N,) ns for which a value is fresh."""
    first: Indices = field(metadata=SETTING)
    """(N + 1,) inputs of subject k are first[k] to first[k + 1]."""


class Compared(NamedTuple):
    """What one row showed: the member furthest off, how far, and the median of all that are fresh."""

    member: int
    off: float
    middle: float
    members: int


@dataclass(slots=True)
class Peers:
    """One group while a batch is folded: what State says of it, as lists, by place in the group."""

    first: int
    lasts: int
    limit: float
    reset: float
    value: list[float]
    heard: list[int]
    odd: list[bool]

    @classmethod
    def of(cls, state: State, who: int, limit: float, reset: float) -> Peers:
        """The group as the state has it."""
        first, last = int(state.first[who]), int(state.first[who + 1])
        lists = (column[first:last].tolist() for column in (state.value, state.heard, state.odd))
        return cls(first, int(state.fresh[who]), limit, reset, *lists)

    def fresh(self, now: int) -> list[int]:
        """Places of the members whose newest value is good and fresh."""
        old = now - self.lasts
        both = zip(self.value, self.heard, strict=True)
        return [k for k, (value, at) in enumerate(both) if value == value and at >= old]

    def keep(self, state: State) -> None:
        """Back into the state."""
        last = self.first + len(self.value)
        state.value[self.first : last] = self.value
        state.heard[self.first : last] = self.heard
        state.odd[self.first : last] = self.odd


@dataclass(frozen=True)
class Deviation:
    """ACTIVE when a member is `limit` or more from the median of the group, CLEAR when all that were are back.

    Back is nearer than `reset` (else the limit), by a good reading of the member itself; one that falls silent while
    it deviates stays. Values count for `fresh` (0: three intervals). Below `least` fresh members nothing is known.
    Source: shared reference gas-dust 2.6 (|x - median|, 10 % of span is usual).

        [rule.prisms-apart]
        group = "north-wall"
        sensors = ["prism-17", "prism-18", "prism-19"]
        detector = { kind = "network.deviation", limit = "5 mm", reset = "4 mm" }
        priority = "low"
        guidance = "Compare with a second instrument; do not vote the odd one away"
    """

    kind: ClassVar[str] = "network.deviation"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}", "reset": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"median": "{unit}", "deviation": "{unit}"}

    limit: PerSubject
    reset: PerSubject = float("nan")
    fresh: float = 0.0
    """s."""
    least: int = 3

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give a difference above 0, like '0.4 %vol'")
        if (np.asarray(self.reset) > self.limit).any() or (np.asarray(self.reset) <= 0).any():
            raise ValueError(f"reset is {self.reset}, limit is {self.limit}; give a reset above 0, at most the limit")
        if not 0 <= self.fresh <= 366 * 86_400:
            raise ValueError(f"fresh is {self.fresh} s; give how long a value counts, or 0 for three intervals")
        if self.least < 3:
            raise ValueError(f"least is {self.least}; give 3 or more: of two nobody knows which is wrong")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, no values. Raises ValueError for a small group, mixed units, or no interval."""
        n, inputs = len(subjects), subjects.inputs
        if (np.diff(subjects.owner) < 0).any():
            raise ValueError("the inputs of a group do not stand together; give them group by group")
        fresh = np.full(n, round(self.fresh * 1e9))
        for who in range(n):
            own = np.flatnonzero(subjects.owner == who)
            units = sorted({subjects.input_unit[k] for k in own.tolist()})
            if len(own) < self.least or len(units) > 1:
                found = f"{subjects.id[who]} has {len(own)} members in {', '.join(units)}"
                raise ValueError(f"{found}; give {self.least} or more sensors of one unit")
            every = subjects.interval[own]
            if not self.fresh and np.isnan(every).any():
                raise ValueError(f"a member of {subjects.id[who]} has no interval; give fresh, like '5min'")
            if not self.fresh:
                fresh[who] = round(float(every.max()) * INTERVALS * 1e9)
        return State(
            verdict=np.zeros(n, np.int8),
            due=np.full(n, NEVER),
            value=np.full(inputs, np.nan),
            heard=np.full(inputs, LONG_AGO),
            odd=np.zeros(inputs, np.bool_),
            owner=subjects.owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
            fresh=fresh.astype(np.int64),
            first=np.searchsorted(subjects.owner, np.arange(n + 1)),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row, each group as short lists: of few members that is ten times faster than arrays."""
        findings: list[Finding] = []
        drawn: list[tuple[int, int, float, float]] = []
        limit, reset = self._limits(len(state.verdict))
        groups: dict[int, Peers] = {}
        columns = (batch.sensor, state.owner[batch.sensor], batch.arrived, batch.quality & FAULTS, batch.value)
        for row, (member, who, arrived, quality, value) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
            if who not in groups:
                groups[who] = Peers.of(state, who, float(limit[who]), float(reset[who]))
            peers = groups[who]
            findings += lapse_one(state, who, arrived, FEW)
            if quality & ~BEYOND_ONLY and not quality & BLURS:
                continue
            compared = self._hear(state, who, peers, member - peers.first, value, arrived, quality)
            if compared is not None:
                drawn.append((row, who, compared.middle, compared.off))
            if compared is not None or len(peers.fresh(arrived)) < self.least:
                findings += self._settle(state, batch, row, who, peers, compared, quality)
        for peers in groups.values():
            peers.keep(state)
        findings += lapse(state, batch.until, lambda _: FEW)
        return Outcome(whole(findings), columns_of(batch, drawn, self.columns), earliest(state))

    def _limits(self, count: int) -> tuple[Floats, Floats]:
        limit, reset = per_subject(self.limit, count), per_subject(self.reset, count)
        return limit, np.where(np.isnan(reset), limit, reset)

    def _hear(
        self, state: State, who: int, peers: Peers, place: int, value: float, arrived: int, quality: int
    ) -> Compared | None:
        """Note a value and compare the fresh ones; None where it is bad, or they are too few."""
        peers.value[place], peers.heard[place] = value, arrived
        fresh = peers.fresh(arrived)
        beyond = bool(quality)
        if beyond:
            peers.value[place] = NAN
        if quality & ~BEYOND_ONLY or len(fresh) < self.least:
            return None
        middle, off = apart([value if k == place else peers.value[k] for k in fresh])
        for k, far in zip(fresh, off, strict=True):
            if far >= peers.limit:
                peers.odd[k] = True
            elif far < peers.reset and not beyond:
                peers.odd[k] = False
        heard = sorted(peers.heard[k] for k in fresh if not (beyond and k == place))
        if len(heard) >= self.least:
            state.due[who] = heard[-self.least] + peers.lasts
        worst = off.index(max(off))
        return Compared(peers.first + fresh[worst], off[worst], middle, len(fresh))

    @staticmethod
    def _settle(
        state: State, batch: Batch, row: int, who: int, peers: Peers, compared: Compared | None, quality: int
    ) -> list[Finding]:
        was, odd = Verdict(int(state.verdict[who])), any(peers.odd)
        verdict = Verdict.ACTIVE if odd else Verdict.CLEAR if compared is not None else Verdict.UNKNOWN
        if verdict is was or (verdict is Verdict.UNKNOWN and was is Verdict.ACTIVE):
            return []
        if verdict is Verdict.CLEAR and quality:
            return []
        state.verdict[who] = verdict
        at, number, time = int(batch.arrived[row]), int(batch.row[row]), int(batch.time[row])
        if compared is None:
            return [Finding(at, number, who, verdict, time, None, peers.limit, FEW)]
        key = "network.deviation.apart" if odd else "network.deviation.alike"
        name = str(state.input_id[compared.member])
        why = Why(key, {"member": name, "off": compared.off, "median": compared.middle, "members": compared.members})
        return [Finding(at, number, who, verdict, time, compared.off, peers.limit, why)]


def apart(values: list[float]) -> tuple[float, list[float]]:
    """(median, absolute distances from it) of values, at least one."""
    ordered, count = sorted(values), len(values)
    middle = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    return middle, [abs(value - middle) for value in values]
