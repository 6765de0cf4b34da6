"""How often, or with how much energy, the rock breaks: events and their energy an hour, without those of blasting.

Constraints. Each reading of the part `events` is one event, at its device time; the newest 256 are kept. What falls in
a blasting window (part `blast`, 1 while it lasts) or within `after` of it counts neither as event nor as time. Late
readings do not count. With no event there is no reading: only the part `alive` can tell quiet from a dead network.
Cannot find: where the events are, blasts that nobody announced.
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
from detectors.drawing import columns_of
from detectors.lapse import earliest
from detectors.reading import FAULTS, Batch, Floats, Indices, Quality, Times
from detectors.state import PER_INPUT, SETTING

KEPT = 256
BLASTS = 32
HOUR = 3_600_000_000_000
NO_TIME = np.iinfo(np.int64).min
EVENTS, BLAST, ALIVE = range(3)
PARTS: Mapping[str, int] = {"events": EVENTS, "blast": BLAST, "alive": ALIVE}


@dataclass(slots=True)
class State:
    """(N,) unless said."""

    verdict: NDArray[np.int8]
    due: Times
    """When the rate is next to be counted again, or proof of life is missed."""
    heard: Times
    """Arrival of the first reading of any part."""
    alive: Times
    """Arrival of the newest proof of life."""
    time: Times
    """(N, 256) device times of events, oldest first, at the end."""
    arrived: Times
    """(N, 256)."""
    energy: Floats
    """(N, 256) J."""
    begun: Times
    """(N, 32) device times at which blasting windows began, and ended (NEVER while one lasts)."""
    ended: Times
    part: NDArray[np.int64] = field(metadata=SETTING)
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)
    newest: Times = field(metadata=PER_INPUT)
    """Device time of the part's newest reading."""


@dataclass(frozen=True)
class Activity:
    """ACTIVE at an event that brings the rate of the last `window` to `limit` an hour or more.

    `measure` "events" counts them; "energy" sums their J, from the part's value: a `magnitude` by log10 E = energy_a +
    energy_b M, or a `log_energy` (log10 of J) as it is. Blasting is taken out of the time as well; where it leaves less
    than half of the window nothing is judged. CLEAR by arrival, when a whole window was watched and its rate is below:
    watched is what the part `alive` proves, any sensor of the same way, heard within `hold`; without it no event is
    not quiet. The columns are of each event: `rate` and `power`.
    Source: definition; activity-rate monitors with blasts excluded (mXrap), energy after Gutenberg and Richter.

        [rule.stope-active]
        group = "stope-12"
        sensors = { events = "event-magnitude", blast = "blasting", alive = "geo-1-peak" }
        detector = { kind = "seismic.activity", limit = 10, window = "1h" }
        priority = "medium"
        guidance = "Keep the stope closed until the rate falls, call rock mechanics"
    """

    kind: ClassVar[str] = "seismic.activity"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.OUT_OF_SPAN
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"rate": "1/h", "power": "W"}

    limit: PerSubject
    """Events, or J, an hour."""
    window: float = 3600.0
    """s."""
    after: float = 60.0
    """s after a blasting window that belong to it."""
    hold: float = 300.0
    """s."""
    measure: Literal["events", "energy"] = "events"
    value: Literal["magnitude", "log_energy"] = "magnitude"
    energy_a: float = 4.8
    energy_b: float = 1.5

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give events (or J) an hour, above 0")
        if not 60 <= self.window <= 31 * 86_400:
            raise ValueError(f"window is {self.window} s; give a minute to 31 days, like '1h'")
        most = KEPT / self.window * 3600
        if self.measure == "events" and (np.asarray(self.limit) > most).any():
            raise ValueError(f"limit is {self.limit} an hour, but {KEPT} events are kept: give at most {most:g}")
        if not 0 <= self.after <= self.window or not 1 <= self.hold <= 31 * 86_400:
            raise ValueError(f"after is {self.after} s, hold {self.hold} s; give 0 to a window, and 1 s or more")
        if self.measure not in ("events", "energy") or self.value not in ("magnitude", "log_energy"):
            raise ValueError(
                f"measure is {self.measure!r}, value {self.value!r}; give events or energy, magnitude or log_energy"
            )

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for a subject without `events` or `alive`, or with unknown parts."""
        n = len(subjects)
        for who, name in enumerate(subjects.id):
            mine = [subjects.part[k] for k in np.flatnonzero(subjects.owner == who).tolist()]
            if not {"events", "alive"} <= set(mine) <= set(PARTS) or len(set(mine)) < len(mine):
                raise ValueError(f"{name} has the parts {sorted(mine)}; give events, alive and, where it blasts, blast")
        return State(
            verdict=np.zeros(n, np.int8),
            due=np.full(n, NEVER),
            heard=np.full(n, NO_TIME),
            alive=np.full(n, NO_TIME),
            time=np.full((n, KEPT), NO_TIME),
            arrived=np.full((n, KEPT), NO_TIME),
            energy=np.zeros((n, KEPT)),
            begun=np.full((n, BLASTS), NO_TIME),
            ended=np.full((n, BLASTS), NO_TIME),
            part=np.array([PARTS[part] for part in subjects.part], np.int64),
            owner=subjects.owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
            newest=np.full(subjects.inputs, NO_TIME),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row, with the deadlines between them."""
        findings: list[Finding] = []
        told: list[tuple[int, int, float, float]] = []
        bad = (batch.quality & (FAULTS & ~int(Quality.OUT_OF_SPAN))) != 0
        for row, one in enumerate(batch.sensor.tolist()):
            who, arrived, time = int(state.owner[one]), int(batch.arrived[row]), int(batch.time[row])
            findings += self._lapse(state, who, arrived)
            if bad[row] or time <= state.newest[one]:
                continue
            state.newest[one] = time
            if state.heard[who] == NO_TIME:
                state.heard[who] = arrived
            if state.part[one] == BLAST:
                _blast(state, who, time, float(batch.value[row]) >= 0.5)
            elif state.part[one] == ALIVE:
                if state.alive[who] == NO_TIME or arrived - state.alive[who] >= round(self.hold * 1e9):
                    state.heard[who] = arrived  # what nobody watched is not quiet
                state.alive[who] = arrived
            else:
                self._event(state, who, batch, row, findings, told)
            self._schedule(state, who, arrived)
        for who in np.flatnonzero(state.due < batch.until).tolist():
            findings += self._lapse(state, who, batch.until)
        return Outcome(whole(findings), columns_of(batch, told, self.columns), earliest(state))

    def _event(
        self,
        state: State,
        who: int,
        batch: Batch,
        row: int,
        findings: list[Finding],
        told: list[tuple[int, int, float, float]],
    ) -> None:
        time, value = int(batch.time[row]), float(batch.value[row])
        exponent = value if self.value == "log_energy" else self.energy_a + self.energy_b * value
        _push(state.time, who, time)
        _push(state.arrived, who, int(batch.arrived[row]))
        _push(state.energy, who, 10.0 ** min(exponent, 99.0))
        rates = self._rates(state, who, time, state.time[who])
        if rates is None:
            return
        told.append((row, who, rates[0], rates[1] / 3600))
        limit = float(per_subject(self.limit, len(state.verdict))[who])
        if rates[self.measure == "energy"] >= limit and state.verdict[who] != Verdict.ACTIVE:
            state.verdict[who] = Verdict.ACTIVE
            rate = rates[self.measure == "energy"]
            at, number = int(batch.arrived[row]), int(batch.row[row])
            findings.append(Finding(at, number, who, Verdict.ACTIVE, time, rate, limit, self._why("above")))

    def _rates(self, state: State, who: int, now: int, clock: Times) -> tuple[float, float] | None:
        """(events, J) an hour of the window that ends at `now`; None where blasting leaves less than half of it."""
        window, begin = round(self.window * 1e9), now - round(self.window * 1e9)
        known = state.begun[who] != NO_TIME
        begun = state.begun[who][known]
        lasting = state.ended[who][known] == NEVER
        ended = np.where(lasting, NEVER, np.where(lasting, 0, state.ended[who][known] + round(self.after * 1e9)))
        measured = window - _covered(begun, ended, begin, now)
        if measured < window / 2:
            return None
        time = state.time[who]
        inside = (clock > begin) & (clock <= now) & (clock != NO_TIME)
        inside &= ~((time[:, None] >= begun) & (time[:, None] <= ended)).any(axis=1)
        hours = measured / HOUR
        return float(np.count_nonzero(inside)) / hours, math.fsum(state.energy[who][inside].tolist()) / hours

    def _schedule(self, state: State, who: int, now: int) -> None:
        """When, from `now` on, time alone can next change what is true."""
        window = round(self.window * 1e9)
        ends = [int(t) + window for t in state.arrived[who].tolist() if t != NO_TIME]
        quiet = [t for t in state.ended[who].tolist() if t not in (NO_TIME, NEVER)]
        ends += [int(t) + window + round(self.after * 1e9) for t in quiet]
        ends.append(int(state.heard[who]) + window)
        if state.alive[who] != NO_TIME:
            ends.append(int(state.alive[who]) + round(self.hold * 1e9))
        state.due[who] = min((end for end in ends if end >= now), default=NEVER)

    def _lapse(self, state: State, who: int, before: int) -> list[Finding]:
        """Deadlines that passed before `before`, one by one."""
        findings: list[Finding] = []
        while state.due[who] < before:
            now = int(state.due[who])
            verdict, key = self._later(state, who, now)
            self._schedule(state, who, now + 1)
            was = int(state.verdict[who])
            if verdict is None or verdict == was or (was == Verdict.ACTIVE and verdict is Verdict.UNKNOWN):
                continue
            state.verdict[who] = verdict
            limit = float(per_subject(self.limit, len(state.verdict))[who])
            findings.append(at_deadline(now, who, verdict, self._why(key), limit))
        return findings

    def _later(self, state: State, who: int, now: int) -> tuple[Verdict | None, str]:
        """What is true at a deadline: nothing new is heard, so it can only become quieter or unknown."""
        window = round(self.window * 1e9)
        if state.alive[who] == NO_TIME or now - state.alive[who] >= round(self.hold * 1e9):
            return Verdict.UNKNOWN, "not_alive"
        rates = self._rates(state, who, now, state.arrived[who])
        if rates is None:
            return Verdict.UNKNOWN, "blasting"
        limit = float(per_subject(self.limit, len(state.verdict))[who])
        watched = now - state.heard[who] >= window
        if rates[self.measure == "energy"] < limit and watched:
            return Verdict.CLEAR, "below"
        return None, "above"

    def _why(self, key: str) -> Why:
        return Why(f"seismic.activity.{key}", {"hours": self.window / 3600})


def _push(ring: NDArray[Any], who: int, new: float) -> None:
    """Take the oldest out, the newest in."""
    ring[who, :-1] = ring[who, 1:].copy()
    ring[who, -1] = new


def _blast(state: State, who: int, time: int, on: bool) -> None:
    """Note that blasting begins or ends; repetitions change nothing."""
    lasting = state.ended[who, -1] == NEVER
    if on and not lasting:
        _push(state.begun, who, time)
        _push(state.ended, who, NEVER)
    elif lasting and not on:
        state.ended[who, -1] = time


def _covered(begun: Times, ended: Times, begin: int, end: int) -> int:
    """ns of begin to end that lie in any of the windows, which may overlap but are in order."""
    covered, reached = 0, begin
    for start, stop in zip(begun.tolist(), ended.tolist(), strict=True):
        start, stop = max(start, reached), min(stop, end)
        if stop > start:
            covered, reached = covered + stop - start, stop
    return covered
