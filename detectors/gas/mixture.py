"""Gases that act together: the sum of each one's part of its own limit (additive effects).

Constraints. Members are present values, or averages that other rules derive (`co-2105/co-shift.twa`): then it is the
mixture formula of the standard. An unknown member counts as nothing, so the sum is a lower bound and never clears.
Cannot find: effects that are more or less than additive, a gas that no member measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Outcome, PerSubject, Subjects, Verdict, per_subject
from detectors.members import Members, Scale, judge_members, positive_hold, unheard
from detectors.reading import Batch, Floats, Quality
from detectors.state import SETTING
from detectors.units import UnitError, convert, quantity

WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "gas.mixture.above",
    Verdict.CLEAR: "gas.mixture.below",
    Verdict.UNKNOWN: "gas.mixture.unknown",
}


@dataclass(slots=True)
class State(Members):
    """Members with their own limits, (I,)."""

    of: Floats = field(metadata=SETTING)
    part: NDArray[np.str_] = field(metadata=SETTING)


@dataclass(frozen=True)
class Mixture:
    """ACTIVE when the sum of value / limit over the members is at or above `limit` (1), CLEAR below `reset`.

    `limits` names each part with its own limit. CLEAR needs every member known: read within `max_hold` (default three
    intervals). Negative values count zero. The column `of_limit` is the sum.
    Source: 29 CFR 1910.1000(d)(2)(i), Em = C1/L1 + ... + Cn/Ln; ACGIH additive mixtures [R, to be confirmed].

        [rule.toxic-together]
        group = "face-2105"
        sensors = { co = "co-2105", h2s = "h2s-2105" }
        detector = { kind = "gas.mixture", limits = ["co 25 ppm", "h2s 1 ppm"] }
        priority = "medium"
        guidance = "Limit the stay, ventilate"
    """

    kind: ClassVar[str] = "gas.mixture"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"of_limit": "1"}

    limits: tuple[str, ...]
    """"PART VALUE UNIT" of every part of the group."""
    limit: PerSubject = 1.0
    reset: PerSubject = float("nan")
    """NaN: the limit itself."""
    max_hold: float = float("nan")
    """s."""

    def __post_init__(self) -> None:
        if isinstance(self.limits, str) or not self.limits:
            raise ValueError(f'limits is {self.limits!r}; give one of each part, like ["co 25 ppm", "h2s 1 ppm"]')
        self.by_part()
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give the sum that alarms, above 0 (1 is the rule)")
        if (np.asarray(self.reset) > self.limit).any():
            raise ValueError(f"reset is {self.reset}, limit is {self.limit}; give a reset at or below the limit")
        positive_hold(self.max_hold)

    def by_part(self) -> dict[str, tuple[float, str]]:
        """Part -> (limit, unit). Raises ValueError for one that cannot be read."""
        found: dict[str, tuple[float, str]] = {}
        for text in self.limits:
            part, _, amount = str(text).strip().partition(" ")
            try:
                value, unit = quantity(amount)
            except UnitError:
                value, unit = 0.0, ""
            if value <= 0 or part in found:
                raise ValueError(f'limits has {text!r}; give each part once, with a value above 0: "co 25 ppm"')
            found[part] = value, unit
        return found

    def start(self, subjects: Subjects) -> State:
        """Nothing known. Raises ValueError where parts and limits do not fit, or a unit needs what is not known."""
        part = np.array(list(subjects.part), dtype=np.str_)
        return State(**unheard(subjects, self.max_hold), of=self.own_limits(subjects), part=part)

    def own_limits(self, subjects: Subjects) -> Floats:
        """(I,) each member's own limit in its own unit."""
        limits, out = self.by_part(), []
        for part, name, unit in zip(subjects.part, subjects.input_id, subjects.input_unit, strict=True):
            if part not in limits:
                raise ValueError(f"{name} is part {part!r}; give it a limit, limits has {sorted(limits)}")
            try:
                out.append(convert(*limits[part], unit))
            except UnitError as error:
                raise ValueError(f"limit of {part!r}: {error}; give it in {unit}") from error
        missing = set(limits) - set(subjects.part)
        if missing:
            raise ValueError(f"limits has {sorted(missing)}; give parts of the group, {sorted(set(subjects.part))}")
        return np.array(out, np.float64)

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row; members are added in their order."""
        count = len(state.verdict)
        limit, reset = per_subject(self.limit, count), per_subject(self.reset, count)
        places = [np.flatnonzero(state.owner == k).tolist() for k in range(count)]

        def weigh(who: int, values: Sequence[float]) -> tuple[float, Mapping[str, float | str]]:
            shares = [value / float(state.of[k]) for k, value in zip(places[who], values, strict=True)]
            total = 0.0
            for share in shares:
                total += share
            most = int(np.argmax(shares))
            return total, {"most": str(state.part[places[who][most]])}

        scale = Scale(WHY, limit, np.where(np.isnan(reset), limit, reset), weigh)
        return judge_members(state, batch, scale, "of_limit")
