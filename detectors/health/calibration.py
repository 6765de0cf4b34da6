"""Calibration that is due, and calibration that does not end.

Constraints. The input is a sensor that says 1 while a calibration runs and 0 when it is over (the instrument's own
contact), or one that follows the calibrations of a sensor, which says 2 when one was recorded. Runs by arrival, so it
needs no readings to fall due.
Cannot find: a calibration done badly, or with the wrong gas; one that nobody told the contact of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

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
from detectors.reading import FAULTS, NEVER_RAISES, Batch, Bools, Floats, Quality, Times
from detectors.state import SETTING

NOT = -1
"""No such time."""
DAY = 86_400.0
RECORDED = 1.5
"""From this reading on a calibration was recorded as made."""
FOREVER = 100 * 366 * DAY


@dataclass(slots=True)
class State:
    """(N,) each; ns."""

    verdict: NDArray[np.int8]
    done: Times
    """`now` at which the newest calibration ended; -1 if none was heard of."""
    begun: Times
    """`now` at which the running one began; -1 if none runs."""
    due: Times
    """The next deadline; NEVER once it has passed."""
    every: Times = field(metadata=SETTING)
    longest: Times = field(metadata=SETTING)
    seen: Times = field(metadata=SETTING)
    """`now` at which the subject came under watch."""


@dataclass(frozen=True)
class Calibration:
    """ACTIVE when the last calibration ended `every` ago, or one has run for `longest`; CLEAR when one ends.

    One that was never heard of counts from the day the sensor was registered, and is unknown until then. A contact
    closed for less than `shortest` is no calibration, and with `recorded` only what `davylamp calibrated` recorded is
    one. Warn ahead with a second rule of a shorter `every`.
    Source: 30 CFR 75.342(a)(4) 31 days (to be confirmed), AQ 1029 15 days; `longest` 30 min: DESIGN section 9.

        [rule.methane-calibration]
        sensors = ["cal-2105"]
        detector = { kind = "health.calibration", every = "15d", longest = "30min", recorded = true }
        priority = "low"
        guidance = "Calibrate the sensor; if it is in calibration, end it"
    """

    kind: ClassVar[str] = "health.calibration"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"age": "d"}

    every: PerSubject
    """s."""
    longest: PerSubject = 1800.0
    """s."""
    shortest: float = 60.0
    """s."""
    recorded: bool = False
    """True: a calibration that ends without a record is none."""

    def __post_init__(self) -> None:
        for name in ("every", "longest"):
            given = np.asarray(getattr(self, name))
            if given.dtype.kind not in "fiu" or not ((given > 0) & (given <= FOREVER)).all():
                raise ValueError(f"{name} is {getattr(self, name)} s; give a duration, like '31d' or '30min'")
        if not 0 <= self.shortest < float(np.min(self.longest)):
            raise ValueError(f"shortest is {self.shortest} s; give 0 or more, below longest ({self.longest} s)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, every clock running from `first_seen`."""
        n = len(subjects)
        every, longest = (np.rint(per_subject(p, n) * 1e9).astype(np.int64) for p in (self.every, self.longest))
        due = (subjects.first_seen + every).astype(np.int64)
        return State(np.zeros(n, np.int8), np.full(n, NOT), np.full(n, NOT), due, every, longest, subjects.first_seen)

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row (a contact speaks seldom), with the deadlines that passed between them."""
        findings: list[Finding] = []
        age = np.full(len(batch), np.nan)
        heard, begins = (batch.quality & FAULTS) == 0, (batch.quality & NEVER_RAISES) == 0
        for row in range(len(batch)):
            who, arrived = int(batch.sensor[row]), int(batch.arrived[row])
            findings += self._expire(state, who, arrived)
            running = bool(0.5 <= batch.value[row] < RECORDED)
            if running and begins[row] and state.begun[who] == NOT:
                state.begun[who], state.due[who] = arrived, arrived + state.longest[who]
            elif heard[row] and not running and state.begun[who] != NOT:
                findings += self._end(state, batch, row, who)
            if heard[row] and batch.value[row] >= RECORDED:
                findings += self._done(state, batch, row, who)
            if heard[row] and state.done[who] != NOT:
                age[row] = (arrived - int(state.done[who])) / 1e9 / DAY
        for who in np.flatnonzero(state.due < batch.until).tolist():
            findings += self._expire(state, who, batch.until)
        due = int(state.due.min()) if len(state.due) else NEVER
        return Outcome(whole(findings), _drawn(batch, ~np.isnan(age), age), due)

    @staticmethod
    def _expire(state: State, who: int, before: int) -> list[Finding]:
        """The deadline of a subject, if it passed before `before`."""
        deadline = int(state.due[who])
        if deadline >= before:
            return []
        state.due[who] = NEVER
        if state.verdict[who] == Verdict.ACTIVE:
            return []
        state.verdict[who] = Verdict.ACTIVE
        running = state.begun[who] != NOT
        span = int(state.longest[who] if running else state.every[who])
        known = state.done[who] != NOT
        key = "health.calibration.endless" if running else "health.calibration.overdue"
        if not running and not known:
            key = "health.calibration.never"
        return [at_deadline(deadline, who, Verdict.ACTIVE, Why(key, {"seconds": span / 1e9}))]

    def _end(self, state: State, batch: Batch, row: int, who: int) -> list[Finding]:
        """The contact opened: a calibration was made, unless it was closed for a moment only."""
        arrived, lasted = int(batch.arrived[row]), int(batch.arrived[row]) - int(state.begun[who])
        state.begun[who] = NOT
        if self.recorded or lasted < round(self.shortest * 1e9):
            since = int(state.seen[who] if state.done[who] == NOT else state.done[who])
            state.due[who] = max(since + int(state.every[who]), arrived)
            return []
        return self._done(state, batch, row, who, {"seconds": lasted / 1e9})

    @staticmethod
    def _done(
        state: State, batch: Batch, row: int, who: int, numbers: Mapping[str, float] = MappingProxyType({})
    ) -> list[Finding]:  # fmt: skip
        arrived = int(batch.arrived[row])
        state.begun[who] = NOT
        state.done[who], state.due[who] = arrived, arrived + state.every[who]
        if state.verdict[who] == Verdict.CLEAR:
            return []
        state.verdict[who] = Verdict.CLEAR
        why = Why("health.calibration.done", numbers)
        return [Finding(arrived, int(batch.row[row]), who, Verdict.CLEAR, int(batch.time[row]), None, None, why)]


def _drawn(batch: Batch, rows: Bools, age: Floats) -> list[Column]:
    places = np.flatnonzero(rows)
    return [Column.of("age", "d", batch.sensor[places], batch, places, age[places])] if len(places) else []
