"""A value no healthy sensor of this span can show, or a 4-20 mA loop that signals a failure.

Constraints. Judges the reading as it is, one at a time. Not a limit on what is measured: that is signal.limit.
Cannot find: a fault that reads inside the span, a loop whose failure current was scaled away before it was sent.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Finding, Outcome, Subjects, Verdict, Why, findings_at
from detectors.reading import BLURS, FAULTS, Batch, Bools, Floats, Quality
from detectors.says import Says
from detectors.state import SETTING

FAILED_LOW, FAILED_HIGH = 3.6, 21.0
"""mA: at or beyond, the transmitter says that it failed (NAMUR NE 43)."""
VALID_LOW, VALID_HIGH = 3.8, 20.5
"""mA: within, the current is a measured value; between valid and failed it is saturated."""
OTHER_FAULTS, OTHER_BLURS = FAULTS & ~int(Quality.OUT_OF_SPAN), BLURS & ~int(Quality.OUT_OF_SPAN)
WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "health.out_of_range.below",
    Verdict.CLEAR: "health.out_of_range.inside",
    Verdict.UNKNOWN: "health.out_of_range.no_value",
}
ABOVE = "health.out_of_range.above"
LOOP = ("health.out_of_range.loop_low", "health.out_of_range.loop_high")


@dataclass(slots=True)
class State:
    """(N,) each, in the sensor's unit."""

    verdict: NDArray[np.int8]
    trip_low: Floats = field(metadata=SETTING)
    trip_high: Floats = field(metadata=SETTING)
    good_low: Floats = field(metadata=SETTING)
    good_high: Floats = field(metadata=SETTING)


@dataclass(frozen=True)
class OutOfRange:
    """ACTIVE beyond the span by more than a margin, CLEAR inside the span; between, an alarm stands.

    Margins are parts of the span's width. With `loop = "ne43"` the reading is the loop's current in mA: ACTIVE at or
    below 3.6 and at or above 21, CLEAR from 3.8 to 20.5. A sensor without a finite span (or mA) is refused.
    Source: shared reference gas-dust 2.7 (below -5 % or above +110 % of span); NAMUR NE 43 (to be confirmed).

        [rule.methane-out-of-range]
        sensors = ["ch4-2105"]
        detector = { kind = "health.out_of_range", margin_low = 0.05, margin_high = 0.10 }
        priority = "medium"
        guidance = "Treat the place as unwatched; check the sensor with test gas"
    """

    kind: ClassVar[str] = "health.out_of_range"
    feeds_on: ClassVar[Quality] = Quality.OUT_OF_SPAN
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {}

    margin_low: float = 0.05
    margin_high: float = 0.10
    loop: Literal["", "ne43"] = ""

    def __post_init__(self) -> None:
        for name in ("margin_low", "margin_high"):
            if not 0 <= getattr(self, name) <= 10:
                raise ValueError(f"{name} is {getattr(self, name)}; give a part of the span from 0 to 10, like 0.05")
        if self.loop not in ("", "ne43"):
            raise ValueError(f"loop is {self.loop!r}; give 'ne43' for a current in mA, or leave it out")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where span or unit leave nothing to judge by."""
        if self.loop:
            low, high, good_low, good_high = self._currents(subjects)
        else:
            low, high, good_low, good_high = self._spans(subjects)
        return State(np.zeros(len(subjects), np.int8), low, high, good_low, good_high)

    def step(self, state: Any, batch: Batch) -> Outcome:
        """One vector pass along the rows; findings at the rows that changed a verdict."""
        value, who = batch.value, batch.sensor
        below, above = value <= state.trip_low[who], value >= state.trip_high[who]
        inside = (value >= state.good_low[who]) & (value <= state.good_high[who])
        rows, verdicts = batch.settle_verdicts(state.verdict, _says(batch, below | above, inside))
        limit = np.where(above, state.trip_high[who], state.trip_low[who])[rows]
        found = findings_at(batch, rows, verdicts, who[rows], np.where(verdicts == 2, limit, np.nan), WHY)
        return Outcome([self._named(f, bool(a)) for f, a in zip(found, above[rows].tolist(), strict=True)])

    def _named(self, finding: Finding, above: bool) -> Finding:
        if finding.verdict is not Verdict.ACTIVE:
            return finding
        key = LOOP[above] if self.loop else (WHY[Verdict.ACTIVE], ABOVE)[above]
        return dataclasses.replace(finding, why=Why(key, finding.why.numbers))

    def _spans(self, subjects: Subjects) -> tuple[Floats, Floats, Floats, Floats]:
        low, high = subjects.span_low, subjects.span_high
        for k in np.flatnonzero(~(np.isfinite(low) & np.isfinite(high))).tolist():
            raise ValueError(f"{subjects.input_id[k]} has no span; give the sensor span = [low, high]")
        width = high - low
        return _just_below(low - self.margin_low * width), _just_above(high + self.margin_high * width), low, high

    @staticmethod
    def _currents(subjects: Subjects) -> tuple[Floats, Floats, Floats, Floats]:
        for name, unit in zip(subjects.input_id, subjects.input_unit, strict=True):
            if unit != "mA":
                raise ValueError(f"loop is 'ne43'; {name} is in {unit!r}, give a sensor whose unit is mA")
        low, high, good_low, good_high = (
            np.full(len(subjects), x) for x in (FAILED_LOW, FAILED_HIGH, VALID_LOW, VALID_HIGH)
        )
        return low, high, good_low, good_high


def _says(batch: Batch, trip: Bools, inside: Bools) -> NDArray[np.uint8]:
    """A reading beyond the declared span is what this detector is for: it blurs nothing."""
    usable = (batch.quality & OTHER_FAULTS) == 0
    says = np.zeros(len(batch), np.uint8)
    says[usable] = Says.SHARPEN
    says[(batch.quality & OTHER_BLURS) != 0] = Says.BLUR
    says[usable & inside] = Says.CLEAR
    says[batch.may_raise & trip] = Says.ACTIVE
    return says


def _just_below(limit: Floats) -> Floats:
    """The rule is "below", the comparison "at or below"."""
    moved: Floats = np.nextafter(limit, -np.inf)
    return moved


def _just_above(limit: Floats) -> Floats:
    moved: Floats = np.nextafter(limit, np.inf)
    return moved
