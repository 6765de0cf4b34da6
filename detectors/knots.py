"""Displacement gathered into knots a spacing apart, and the velocities between them with what noise makes of each.

Constraints. A knot is the mean of the good readings since the last, once `spacing` of device time has passed. Noise
must be declared: a velocity without its floor is not shown. Only good readings, newer than the last, are taken.
Not a smoother: what is shorter than two spacings is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detectors.detector import NEVER, Finding, Outcome, Subjects, Verdict, Why, at_row, whole
from detectors.drawing import columns_of
from detectors.lapse import earliest, lapse, lapse_one
from detectors.reading import FAULTS, Batch, Bools, Floats, Times
from detectors.state import SETTING

KEPT = 32
"""Velocities remembered."""
SHORT, LONG = 3, 7
"""Velocities of the short and the long mean whose crossing is the onset (Carla et al. 2017)."""
LEAST = 4
"""Velocities that a line, or the two means, need."""
FLOOR = 3.0
"""Standard errors below which a velocity is not told from noise."""
LEAVE = 1 / 3
"""Part of the floor to which a mean velocity that was detected must fall to be lost again."""
DAY = 86_400.0
NO_TIME = np.iinfo(np.int64).min


@dataclass(slots=True)
class Trail:
    """(N,) unless said; the rings keep the newest 33 knots, oldest first, at their end."""

    verdict: NDArray[np.int8]
    due: Times
    """When a clear verdict lapses."""
    time: Times
    """Device time of the newest reading taken."""
    knot_end: Times
    gathered: NDArray[np.int64]
    """Readings since the last knot."""
    gathered_time: Floats
    """Their summed times, s from knot_end."""
    gathered_value: Floats
    """Their summed values, from the last knot's."""
    at: Times
    """(N, 33) mean time of each knot's readings, ns."""
    place: Floats
    """(N, 33) mean displacement of each knot's readings."""
    count: NDArray[np.int64]
    """(N, 33) readings in each knot."""
    known: NDArray[np.int64]
    """Velocities that the rings hold."""
    seen: Bools
    """The mean velocity is above its floor, or was and has not yet fallen to a third of it."""
    noise: Floats = field(metadata=SETTING)


def fresh(subjects: Subjects) -> dict[str, Any]:
    """The arrays of a new trail by name. Raises ValueError for a sensor whose noise is not declared: no floor."""
    for sensor, noise in zip(subjects.input_id, subjects.noise.tolist(), strict=True):
        if not noise > 0:
            raise ValueError(f"{sensor} declares no noise; give one reading's standard deviation (noise = 0.8)")
    return blank(subjects)


def blank(subjects: Subjects) -> dict[str, Any]:
    """The arrays of a new trail by name, for what needs no declared noise."""
    n = len(subjects)
    return {
        "verdict": np.zeros(n, np.int8),
        "due": np.full(n, NEVER),
        "time": np.full(n, NO_TIME),
        "knot_end": np.full(n, NO_TIME),
        "gathered": np.zeros(n, np.int64),
        "gathered_time": np.zeros(n),
        "gathered_value": np.zeros(n),
        "at": np.zeros((n, KEPT + 1), np.int64),
        "place": np.zeros((n, KEPT + 1)),
        "count": np.zeros((n, KEPT + 1), np.int64),
        "known": np.zeros(n, np.int64),
        "seen": np.zeros(n, np.bool_),
        "noise": subjects.noise,
    }


def checked_spacing(spacing: float) -> None:
    """Raises ValueError for a spacing that cannot be meant."""
    if not 1 <= spacing <= 100 * DAY:
        raise ValueError(f"spacing is {spacing} s; give the time between velocities, like '6h'")


def gather(state: Trail, who: int, time: int, value: float, spacing: int) -> bool:
    """Take one reading; True if it ended a knot and so gave a velocity."""
    state.time[who] = time
    if state.knot_end[who] == NO_TIME:
        state.knot_end[who] = state.at[who, -1] = time
        state.place[who, -1], state.count[who, -1] = value, 1
        return False
    end, base = int(state.knot_end[who]), float(state.place[who, -1])
    state.gathered[who] += 1
    state.gathered_time[who] += (time - end) * 1e-9
    state.gathered_value[who] += value - base
    if time < end + spacing:
        return False
    count = int(state.gathered[who])
    middle = end + round(float(state.gathered_time[who]) / count * 1e9)
    moved = base + float(state.gathered_value[who]) / count
    for ring, entry in ((state.at, middle), (state.place, moved), (state.count, count)):
        ring[who, :-1] = ring[who, 1:].copy()
        ring[who, -1] = entry
    state.known[who] = min(KEPT, int(state.known[who]) + 1)
    state.knot_end[who] = time
    state.gathered[who], state.gathered_time[who], state.gathered_value[who] = 0, 0.0, 0.0
    return True


@dataclass(frozen=True, slots=True)
class Pace:
    """Velocities, oldest first: ns of their middles, signed a day, their standard errors, their lengths in days."""

    when: Times
    velocity: Floats
    sigma: Floats
    days: Floats

    def __len__(self) -> int:
        return len(self.velocity)

    def last(self, count: int) -> Pace:
        """The newest `count` of them."""
        return Pace(self.when[-count:], self.velocity[-count:], self.sigma[-count:], self.days[-count:])


def paces(state: Trail, who: int, count: int) -> Pace:
    """The newest `count` velocities, or as many as are known."""
    count = min(count, int(state.known[who]))
    at, place = state.at[who, -count - 1 :], state.place[who, -count - 1 :]
    weight = 1.0 / state.count[who, -count - 1 :]
    apart = np.diff(at)
    days: Floats = apart * 1e-9 / DAY
    sigma: Floats = np.sqrt(weight[1:] + weight[:-1]) * float(state.noise[who]) / days
    return Pace(at[:-1] + apart // 2, np.diff(place) / days, sigma, days)


def mean(values: Floats) -> float:
    """Exactly rounded sum over the count."""
    return math.fsum(values.tolist()) / len(values)


def error_of_mean(pace: Pace) -> float:
    """Standard error of the mean velocity as if the errors were independent: too large, neighbours share a knot."""
    return math.sqrt(math.fsum((pace.sigma * pace.sigma).tolist())) / len(pace)


def moves(state: Trail, who: int, pace: Pace) -> bool:
    """The mean velocity is above its floor; once it is, it is until it falls to a third of the floor."""
    floor = FLOOR * error_of_mean(pace) * (LEAVE if state.seen[who] else 1.0)
    state.seen[who] = abs(mean(pace.velocity)) >= floor
    return bool(state.seen[who])


def excess(pace: Pace, short: int) -> tuple[float, float]:
    """(short mean over the mean of all, its standard error as above), along the direction of the short mean."""
    count = len(pace)
    near = mean(pace.velocity[-short:])
    weight = np.full(count, -1.0 / count)
    weight[-short:] += 1.0 / short
    error = math.sqrt(math.fsum(((weight * pace.sigma) ** 2).tolist()))
    return (near - mean(pace.velocity)) * math.copysign(1.0, near), error


@dataclass(frozen=True, slots=True)
class Answer:
    """What a knot says: UNKNOWN leaves an active verdict standing, None leaves any."""

    verdict: Verdict | None
    key: str
    value: float | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    derived: Mapping[str, float] = field(default_factory=dict)


Judge: TypeAlias = Callable[[int, int], Answer]
"""(subject, device time of the reading that ended the knot) -> answer."""

Take: TypeAlias = Callable[[int, int, float], None]
"""(subject, device time, value)."""


@dataclass(frozen=True, slots=True)
class Follower:
    """Takes each sensor's good rows in order and asks `judge` at every knot."""

    why: Mapping[str, str]
    """Key of each answer."""
    spacing: float
    units: Mapping[str, str]
    """The detector's columns."""

    def follow(
        self, state: Trail, batch: Batch, judge: Judge, limit: Sequence[float], take: Take | None = None
    ) -> Outcome:
        """One step of a detector whose state is a trail; `take` sees each reading that is taken."""
        findings: list[Finding] = []
        derived: dict[str, list[tuple[int, int, float]]] = {name: [] for name in self.units}
        spacing, lapsed = round(self.spacing * 1e9), Why(self.why["learning"])
        good = (batch.quality & FAULTS) == 0
        for who, rows in batch.runs():
            for row in rows.tolist():
                time, arrived = int(batch.time[row]), int(batch.arrived[row])
                findings += lapse_one(state, who, arrived, lapsed)
                if not good[row] or time <= state.time[who]:
                    continue
                if take is not None:
                    take(who, time, float(batch.value[row]))
                if gather(state, who, time, float(batch.value[row]), spacing):
                    state.due[who] = arrived + LEAST * spacing
                    answer = judge(who, time)
                    for name, value in answer.derived.items():
                        derived[name].append((row, who, value))
                    findings += self._settle(state, who, batch, row, answer, limit[who])
        findings += lapse(state, batch.until, lambda _: lapsed)
        columns = [c for name, drawn in derived.items() for c in columns_of(batch, drawn, {name: self.units[name]})]
        return Outcome(whole(findings), columns, earliest(state))

    def _settle(self, state: Trail, who: int, batch: Batch, row: int, answer: Answer, limit: float) -> list[Finding]:
        was = Verdict(int(state.verdict[who]))
        verdict = was if answer.verdict is None else answer.verdict
        if verdict is was or (verdict is Verdict.UNKNOWN and was is Verdict.ACTIVE):
            return []
        state.verdict[who] = verdict
        shown = None if math.isnan(limit) else limit
        return [at_row(batch, row, who, verdict, answer.value, shown, Why(self.why[answer.key], answer.numbers))]
