"""A gas above its own background: the rise over an ambient that is declared, or learned and never follows an alarm.

Constraints. The learned ambient rises at most `creep` of the limit a day, and stands still while the reading is above
`gate` of the limit: what should be found is not swallowed. It falls with `memory`, and 24 times as fast while the
reading is lower by more than `gate`: a fire that was learned hides the next one for hours, not days. It is never below
0. Device time; gaps teach nothing.
Cannot find: a rise slower than `creep`, a rise that was there while the ambient was learned, which gas it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Outcome, PerSubject, Subjects, Verdict, findings_at, per_subject
from detectors.reading import Batch, Bools, Floats, Quality, Times
from detectors.state import SETTING

NO_TIME = np.iinfo(np.int64).min
DAY = 86_400.0
FASTER = 24.0
"""So many times as fast it falls to a reading that is far below it."""
WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "gas.ambient_rise.risen",
    Verdict.CLEAR: "gas.ambient_rise.near",
    Verdict.UNKNOWN: "gas.ambient_rise.no_value",
}


@dataclass(slots=True)
class State:
    """(N,) each."""

    verdict: NDArray[np.int8]
    ambient: Floats
    """NaN before the first reading."""
    learned: Floats
    """s of readings it was learned from, up to `learn`."""
    time: Times
    """Device time of the newest good reading."""
    hold: Floats = field(metadata=SETTING)
    """s of a gap that a reading may still stand for."""


def follow(ambient: float, value: float, seconds: float, memory: float, rise: float) -> float:
    """The background after `seconds` at `value`: first order with a memory of `memory` s, rising at most by `rise`.

    By the rational form dt/(memory + dt), which holds for any step and needs no exponential.
    """
    return ambient + min((value - ambient) * (seconds / (memory + seconds)), rise)


@dataclass(frozen=True)
class AmbientRise:
    """ACTIVE at a reading `limit` or more above the ambient, CLEAR at one less than `reset` above it.

    Declare `ambient` where the ventilation plan states it; else it is learned from `learn` s of readings, and the
    verdict is unknown so long. A late or out-of-span reading may raise; only a good one clears or teaches. The columns
    are the rise and the ambient. After a lasting change of the ambient, declare it or start the rule anew.
    Source: 30 CFR 75.351, CO alert 5 ppm and alarm 10 ppm above ambient [R, to be confirmed].

        [rule.belt-fire]
        sensors = ["co-2105"]
        detector = { kind = "gas.ambient_rise", limit = "10 ppm", ambient = "2 ppm" }
        priority = "high"
        guidance = "Stop the belt, look for smoke, withdraw inby"
    """

    kind: ClassVar[str] = "gas.ambient_rise"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}", "reset": "{unit}", "ambient": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"rise": "{unit}", "ambient": "{unit}"}

    limit: PerSubject
    reset: PerSubject = float("nan")
    """NaN: the limit itself."""
    ambient: PerSubject = float("nan")
    """NaN: learned."""
    learn: float = 86_400.0
    """s."""
    memory: float = 86_400.0
    """s."""
    creep: float = 0.02
    """Part of the limit that the learned ambient may rise a day."""
    gate: float = 0.5
    """Part of the limit above the ambient from which nothing is learned."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give a rise above 0, like '10 ppm'")
        if (np.asarray(self.reset) > self.limit).any() or (np.asarray(self.reset) <= 0).any():
            raise ValueError(f"reset is {self.reset}, limit is {self.limit}; give a reset above 0, at most the limit")
        if (np.asarray(self.ambient) < 0).any():
            raise ValueError(f"ambient is {self.ambient}; give the background, 0 or more")
        if not 600 <= self.learn <= 30 * DAY or not 600 <= self.memory <= 30 * DAY:
            raise ValueError(
                f"learn is {self.learn} s, memory {self.memory} s; give 10min to 30d each ('24h' is usual)"
            )
        if not 0 <= self.creep <= 0.5:
            raise ValueError(f"creep is {self.creep}; give a part of the limit a day, 0 to 0.5 (0.02 is usual)")
        if not 0 < self.gate < 1:
            raise ValueError(f"gate is {self.gate}; give a part of the limit between 0 and 1 (0.5 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown; a declared ambient is known at once."""
        count = len(subjects)
        ambient = np.array(per_subject(self.ambient, count))
        return State(
            verdict=np.zeros(count, np.int8),
            ambient=ambient,
            learned=np.where(np.isnan(ambient), 0.0, self.learn),
            time=np.full(count, NO_TIME),
            hold=np.where(subjects.interval > 0, 3 * subjects.interval, 60.0),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's ambient in order, then one vector pass over the rises."""
        count, who = len(state.verdict), batch.sensor
        limit, reset = per_subject(self.limit, count), per_subject(self.reset, count)
        reset = np.where(np.isnan(reset), limit, reset)
        ambient, known = self._follow(state, batch, limit)
        rise = batch.value - ambient
        says = batch.steady(rise >= limit[who], rise < reset[who])
        says[~known] = 0
        rows, verdicts = batch.settle_verdicts(state.verdict, says)
        told = {"ambient": np.where(np.isnan(ambient[rows]), 0.0, ambient[rows])}
        findings = findings_at(batch, rows, verdicts, who[rows], limit[who[rows]], WHY, told, rise[rows])
        shown = np.flatnonzero(known & batch.good)
        columns = [
            Column.of(name, unit, who[shown], batch, shown, values[shown])
            for (name, unit), values in zip(self.columns.items(), (rise, ambient), strict=True)
        ]
        return Outcome(findings, columns if len(shown) else ())

    def _follow(self, state: State, batch: Batch, limit: Floats) -> tuple[Floats, Bools]:
        """(M,) the ambient at each row, after it, and whether it is known."""
        ambient, known = np.full(len(batch), np.nan), np.zeros(len(batch), np.bool_)
        fixed = np.isfinite(per_subject(self.ambient, len(limit)))
        good = batch.good
        for who, rows in batch.runs():
            if not fixed[who]:
                at = float(limit[who])
                for row, time, value in zip(
                    rows.tolist(), batch.time[rows].tolist(), batch.value[rows].tolist(), strict=True
                ):
                    if good[row]:
                        self._learn(state, who, time, value, at)
                    ambient[row], known[row] = state.ambient[who], state.learned[who] >= self.learn
            else:
                ambient[rows], known[rows] = state.ambient[who], True
        return ambient, known

    def _learn(self, state: State, who: int, time: int, value: float, limit: float) -> None:
        ambient, learned, value = float(state.ambient[who]), float(state.learned[who]), max(0.0, value)
        before = int(state.time[who])
        if before == NO_TIME:
            state.ambient[who], state.time[who] = value, time
        elif time > before:
            state.time[who] = time
            seconds = min((time - before) / 1e9, float(state.hold[who]))
            memory = self.memory / FASTER if ambient - value > self.gate * limit else self.memory
            if learned < self.learn:
                state.ambient[who] = follow(ambient, value, seconds, min(learned, memory), np.inf)
                state.learned[who] = learned + seconds
            elif value - ambient < self.gate * limit:
                rise = self.creep * limit * seconds / DAY
                state.ambient[who] = follow(ambient, value, seconds, memory, rise)
