"""A catalytic bead that was over its range: what it shows afterwards is not believed before a reset in fresh air.

Constraints. A group with the parts `value`, `reset`, and where there is one `oxygen` in %vol. Runs by the log's order.
Cannot find: an over-range while the sensor was silent, a reset contact that is stuck closed (health.stuck finds it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Finding, Outcome, PerSubject, Subjects, Verdict, Why, per_subject
from detectors.reading import BLURS, FAULTS, NEVER_RAISES, Batch, Bools, Floats, Indices, Quality
from detectors.state import SETTING

PARTS = ("value", "oxygen", "reset")
VALUE, OXYGEN, RESET = range(3)
LOW_END = 0.05
"""Part of full scale that counts as fresh air where `fresh_air` is not given."""


@dataclass(slots=True)
class State:
    """(N,) each, or (I,) by input."""

    verdict: NDArray[np.int8]
    fresh: Bools
    """The newest value, read since it went over its range, is that of fresh air."""
    enough: Bools
    """The newest oxygen is known and enough; always True without an oxygen part."""
    owner: Indices = field(metadata=SETTING)
    part: NDArray[np.int8] = field(metadata=SETTING)
    full: Floats = field(metadata=SETTING)
    air: Floats = field(metadata=SETTING)


@dataclass(frozen=True)
class OverRangeLatch:
    """ACTIVE from a value at full scale until `reset` says 1 while the value is that of fresh air, then CLEAR.

    Full scale is `full_scale` or the end of the span; fresh air is at most `fresh_air` (else 5 % of it). Above the LEL
    a bead reads ambiguously, and below `oxygen` %vol low: then a clear verdict becomes unknown and a reset is refused.
    No other reading ends it. Source: IEC 60079-29-2 (to be confirmed), shared reference gas-dust 2.7.

        [rule.methane-over-range]
        group = "bead-2105"
        sensors = { value = "ch4-2105", oxygen = "o2-2105", reset = "fresh-air-2105" }
        detector = { kind = "health.over_range_latch", fresh_air = "0.2 %vol", oxygen = "10 %vol" }
        priority = "high"
        guidance = "Treat as explosive. Reset in fresh air only, after a check with a second instrument"
    """

    kind: ClassVar[str] = "health.over_range_latch"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"full_scale": "{unit}", "fresh_air": "{unit}", "oxygen": "%vol"}
    columns: ClassVar[Mapping[str, str]] = {}

    full_scale: PerSubject = float("nan")
    fresh_air: PerSubject = float("nan")
    oxygen: PerSubject = 10.0
    """%vol."""

    def __post_init__(self) -> None:
        for name in ("full_scale", "fresh_air"):
            if (np.asarray(getattr(self, name)) <= 0).any():
                raise ValueError(f"{name} is {getattr(self, name)}; give a value above 0, like '4 %vol'")
        if not ((np.asarray(self.oxygen) > 0) & (np.asarray(self.oxygen) < 20.9)).all():
            raise ValueError(f"oxygen is {self.oxygen} %vol; give what the bead needs, below 20.9 (10 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for a group without value and reset, or without a full scale."""
        n, part = len(subjects), _parts(subjects)
        high = np.full(n, np.nan)
        high[subjects.owner[part == VALUE]] = subjects.span_high[part == VALUE]
        given = per_subject(self.full_scale, n)
        full = np.where(np.isnan(given), high, given)
        air = per_subject(self.fresh_air, n)
        air = np.where(np.isnan(air), LOW_END * full, air)
        for k in np.flatnonzero(~np.isfinite(full) | (air >= full)).tolist():
            raise ValueError(f"{subjects.id[k]}: full scale {full[k]}, fresh air {air[k]}; give a span or full_scale")
        enough = np.ones(n, np.bool_)
        enough[subjects.owner[part == OXYGEN]] = False
        return State(np.zeros(n, np.int8), np.zeros(n, np.bool_), enough, subjects.owner, part, full, air)

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Only the rows of subjects that stir are looked at one by one: a bead at rest costs a comparison."""
        who, part = state.owner[batch.sensor], state.part[batch.sensor]
        low = batch.value < per_subject(self.oxygen, len(state.verdict))[who]
        over = (batch.value >= state.full[who]) & (part == VALUE)
        stirs = state.verdict != Verdict.CLEAR
        stirs[who[over | ((part == OXYGEN) & low) | ((batch.quality & FAULTS) != 0)]] = True
        findings: list[Finding] = []
        for row in np.flatnonzero(stirs[who]).tolist():
            subject, quality = int(who[row]), int(batch.quality[row])
            key = self._take(state, subject, int(part[row]), float(batch.value[row]), quality, bool(low[row]))
            if key is not None:
                findings.append(_finding(state, batch, row, subject, key))
        return Outcome(findings)

    def _take(self, state: State, who: int, part: int, value: float, quality: int, low: bool) -> str | None:
        """Fold one reading; the reason of a new verdict, None if it stays."""
        if part == RESET:
            return self._reset(state, who, value, quality)
        if part == OXYGEN:
            return self._breathe(state, who, quality, low)
        if value >= state.full[who] and not quality & NEVER_RAISES:
            state.fresh[who] = False
            return _settle(state, who, Verdict.ACTIVE, "health.over_range_latch.over")
        if quality & BLURS:
            state.fresh[who] = False
            return _unknown(state, who, "health.over_range_latch.no_value")
        if quality & FAULTS:
            return None
        state.fresh[who] = value <= state.air[who]
        if state.verdict[who] == Verdict.UNKNOWN and state.enough[who]:
            return _settle(state, who, Verdict.CLEAR, "health.over_range_latch.in_range")
        return None

    @staticmethod
    def _breathe(state: State, who: int, quality: int, low: bool) -> str | None:
        good = not quality & FAULTS
        if good and not low:
            state.enough[who] = True
        elif good or quality & BLURS or low:
            state.enough[who] = False
            return _unknown(state, who, "health.over_range_latch.no_oxygen")
        return None

    @staticmethod
    def _reset(state: State, who: int, value: float, quality: int) -> str | None:
        fresh = bool(state.fresh[who] and state.enough[who])
        if quality & FAULTS or not value >= 0.5 or not fresh or state.verdict[who] != Verdict.ACTIVE:
            return None
        return _settle(state, who, Verdict.CLEAR, "health.over_range_latch.reset")


def _unknown(state: State, who: int, key: str) -> str | None:
    return _settle(state, who, Verdict.UNKNOWN, key) if state.verdict[who] == Verdict.CLEAR else None


def _settle(state: State, who: int, verdict: Verdict, key: str) -> str | None:
    was = int(state.verdict[who])
    state.verdict[who] = verdict
    return None if was == verdict else key


def _finding(state: State, batch: Batch, row: int, who: int, key: str) -> Finding:
    is_value = int(state.part[batch.sensor[row]]) == VALUE and not np.isnan(batch.value[row])
    return Finding(
        at=int(batch.arrived[row]),
        row=int(batch.row[row]),
        subject=who,
        verdict=Verdict(int(state.verdict[who])),
        time=int(batch.time[row]),
        value=float(batch.value[row]) if is_value else None,
        limit=float(state.full[who]),
        why=Why(key),
    )


def _parts(subjects: Subjects) -> NDArray[np.int8]:
    """(I,) which part each input is. Raises ValueError for one that is not known, or missing."""
    by_subject: list[list[str]] = [[] for _ in range(len(subjects))]
    for owner, part, name, unit in zip(
        subjects.owner.tolist(), subjects.part, subjects.input_id, subjects.input_unit, strict=True
    ):
        if part not in PARTS:
            raise ValueError(f"{name} is the part {part!r}; give a group with the parts {', '.join(PARTS)}")
        if part == "oxygen" and unit != "%vol":
            raise ValueError(f"{name} is in {unit!r}; give an oxygen sensor in %vol")
        by_subject[owner].append(part)
    for name, parts in zip(subjects.id, by_subject, strict=True):
        _complete(name, parts)
    return np.array([PARTS.index(part) for part in subjects.part], np.int8)


def _complete(name: str, parts: Sequence[str]) -> None:
    if parts.count("value") != 1 or parts.count("oxygen") > 1 or "reset" not in parts:
        found = ", ".join(parts) or "nothing"
        raise ValueError(f"{name} has {found}; give one value, one or more reset, and at most one oxygen")
