"""Dust and gas together: a hybrid mixture that explodes although neither would alone.

Constraints. A group of two: part "dust" in g/m3, mg/m3 or ug/m3, part "gas" in its own unit. An unknown part counts as
nothing, so the number is a lower bound and never clears.
Cannot find: layers of settled dust, a cloud between sensors, an ignition source.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from detectors.detector import Outcome, PerSubject, Subjects, Verdict, per_subject
from detectors.members import Members, Scale, judge_members, positive_hold, unheard
from detectors.reading import Batch, Floats, Quality
from detectors.state import SETTING
from detectors.units import UnitError, convert, quantity

PARTS = ("dust", "gas")
CREDIBLE = (5.0, 5000.0)
"""g/m3; an MEC outside is a slip of units."""

WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "dust.hybrid.above",
    Verdict.CLEAR: "dust.hybrid.below",
    Verdict.UNKNOWN: "dust.hybrid.unknown",
}


@dataclass(slots=True)
class State(Members):
    """Members with the concentration at which each explodes alone, (I,)."""

    of: Floats = field(metadata=SETTING)
    is_gas: Floats = field(metadata=SETTING)


def le_chatelier(dust: float, gas: float) -> float:
    """Part of the explosible limit that a mixture is at, d = C_d/MEC and g = C_g/LFL: d + g.

    >>> le_chatelier(0.25, 0.5)
    0.75
    """
    return dust + gas


def bartknecht(dust: float, gas: float) -> float:
    """The same by Bartknecht, explosible where d >= (1 - g)^2: the part f for which (d/f, g/f) lies on that curve.

    With u = 1/sqrt(f): g u^2 + sqrt(d) u = 1, so f = ((sqrt(d) + sqrt(d + 4 g)) / 2)^2.

    >>> bartknecht(0.25, 0.5)
    1.0
    """
    return ((math.sqrt(dust) + math.sqrt(dust + 4 * gas)) / 2) ** 2


@dataclass(frozen=True)
class Hybrid:
    """ACTIVE when the mixture is at or above `fraction` of what explodes, CLEAR below `reset_fraction` of it.

    `curve` is "bartknecht" (C_d/MEC >= (1 - C_g/LFL)^2, the more careful) or "le-chatelier" (C_d/MEC + C_g/LFL >= 1).
    CLEAR needs both parts known: read within `max_hold` (default three intervals). The column `of_limit` is the part
    of the explosible mixture. Source: Le Chatelier; Bartknecht, Explosions [R, to be confirmed]; MEC of your own dust
    by ASTM E1515; 25 % after NFPA 69 [R, to be confirmed].

        [rule.belt-hybrid]
        group = "belt-3"
        sensors = { dust = "dust-belt-3", gas = "ch4-belt-3" }
        detector = { kind = "dust.hybrid", mec = "65 g/m3", lfl = "5 %vol" }
        priority = "high"
        guidance = "Stop belt 3, ventilate, nobody enters"
    """

    kind: ClassVar[str] = "dust.hybrid"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"of_limit": "1"}

    mec: str
    lfl: str
    fraction: PerSubject = 0.25
    reset_fraction: PerSubject = float("nan")
    """NaN: the fraction itself."""
    curve: Literal["bartknecht", "le-chatelier"] = "bartknecht"
    max_hold: float = float("nan")
    """s."""

    def __post_init__(self) -> None:
        for name, text, like in (("mec", self.mec, "65 g/m3"), ("lfl", self.lfl, "5 %vol")):
            try:
                value = quantity(text)[0]
            except (UnitError, TypeError):
                value = 0.0
            if value <= 0:
                raise ValueError(f"{name} is {text!r}; give a concentration above 0 with its unit, like {like!r}")
        if not ((np.asarray(self.fraction) > 0) & (np.asarray(self.fraction) <= 1)).all():
            raise ValueError(f"fraction is {self.fraction}; give a part of what explodes, 0 to 1 (0.25 is usual)")
        if (np.asarray(self.reset_fraction) > self.fraction).any():
            raise ValueError(f"reset_fraction is {self.reset_fraction}; give at most the fraction, {self.fraction}")
        if self.curve not in ("bartknecht", "le-chatelier"):
            raise ValueError(f"curve is {self.curve!r}; give 'bartknecht' or 'le-chatelier'")
        positive_hold(self.max_hold)

    def start(self, subjects: Subjects) -> State:
        """Nothing known. Raises ValueError where a group is not one dust and one gas, or an MEC is a slip of units."""
        for k, name in enumerate(subjects.id):
            parts = sorted(
                part for part, owner in zip(subjects.part, subjects.owner.tolist(), strict=True) if owner == k
            )
            if parts != list(PARTS):
                raise ValueError(f"{name} has the parts {parts}; give {{ dust = ..., gas = ... }}")
        grams = self._in(self.mec, "g/m3", "mec")
        if not CREDIBLE[0] <= grams <= CREDIBLE[1]:
            raise ValueError(f"mec is {grams:g} g/m3; give the dust's own, {CREDIBLE[0]:g} to {CREDIBLE[1]:g}")
        units = zip(subjects.part, subjects.input_unit, strict=True)
        of = [self._in(self.mec if part == "dust" else self.lfl, unit, part) for part, unit in units]
        is_gas = np.array([float(part == "gas") for part in subjects.part])
        return State(**unheard(subjects, self.max_hold), of=np.array(of), is_gas=is_gas)

    @staticmethod
    def _in(text: str, unit: str, what: str) -> float:
        try:
            return convert(*quantity(text), unit)
        except UnitError as error:
            raise ValueError(f"{what}: {error}; give it in {unit}") from error

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row; each part over its own limit, then the curve."""
        count = len(state.verdict)
        fraction, reset = per_subject(self.fraction, count), per_subject(self.reset_fraction, count)
        places = [np.flatnonzero(state.owner == k).tolist() for k in range(count)]
        curve = bartknecht if self.curve == "bartknecht" else le_chatelier

        def weigh(who: int, values: Sequence[float]) -> tuple[float, Mapping[str, float | str]]:
            share = {bool(state.is_gas[k]): v / float(state.of[k]) for k, v in zip(places[who], values, strict=True)}
            return curve(share[False], share[True]), {"dust": share[False], "gas": share[True]}

        scale = Scale(WHY, fraction, np.where(np.isnan(reset), fraction, reset), weigh)
        return judge_members(state, batch, scale, "of_limit")
