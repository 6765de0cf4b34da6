"""Velocity of a displacement over a trailing window, by one of four estimators, gated by its own noise floor.

Constraints. Device time decides. The window moves in steps of 1/192 of itself: a reading leaves with its step, so
readings at least that far apart are fitted exactly one by one. Only good readings are fitted. Theil-Sen and
Savitzky-Golay judge once a step, from the means of the steps.
Cannot find: movement below three standard errors of the slope (said so), what is shorter than half the window; whether
a step is the wall's or of a prism set up anew (slope.vector hears of a rezero). A daily cycle of amplitude a, as sun
and air give to prisms, makes up to 1.91 a/n2 a day in a window of n whole days: 3 days for a limit below 2 a.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

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
from detectors.lapse import earliest, lapse
from detectors.reach import reads_often
from detectors.reading import FAULTS, Batch, Quality, Times
from detectors.tracks import DAY, STEPS, TRACKS, Window, empty

FLOOR = 3.0
"""Standard errors of the slope below which a velocity is not told from noise."""


@dataclass(slots=True)
class State(Window):
    """(N,) unless said."""

    verdict: NDArray[np.int8]
    due: Times
    """When a clear verdict lapses."""


@dataclass(frozen=True)
class Velocity:
    """ACTIVE when the velocity, in either direction, is at or above `limit` and above its noise floor.

    The floor is three standard errors of the velocity, from the declared noise or else from the scatter about the line.
    CLEAR below `reset`; unknown while the floor is above the limit or the readings span less than half the window.
    `estimator`: "least_squares"; "theil_sen" bears outliers; "savitzky_golay", the end of a parabola, lags less and has
    four times the floor; "kalman" needs a declared noise, leaves out outliers and forgets over a quarter of the window:
    it begins anew at the third reading in a row beyond, and tells before half a window only what is above two floors.
    Source: least squares; Sen 1968; Savitzky and Golay 1964; Bar-Shalom et al. 2001. Limits are a site's own TARP (no
    universal table: shared reference slope 2.1).

        [rule.wall-moving]
        sensors = ["prism-17"]
        detector = { kind = "slope.velocity", limit = "10 mm/d", window = "24h" }
        priority = "high"
        latch = true
        guidance = "Close ramp 4, call geotechnical duty"
    """

    kind: ClassVar[str] = "slope.velocity"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}/d", "reset": "{unit}/d"}
    columns: ClassVar[Mapping[str, str]] = {"velocity": "{unit}/d"}

    limit: PerSubject
    window: float
    """s."""
    reset: PerSubject = float("nan")
    """NaN: the limit itself."""
    estimator: Literal["least_squares", "theil_sen", "savitzky_golay", "kalman"] = "least_squares"

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give a velocity above 0, like '10 mm/d'")
        if not 1 <= self.window <= 366 * DAY:
            raise ValueError(f"window is {self.window} s; give a duration up to a year, like '24h'")
        if (np.asarray(self.reset) > self.limit).any():
            raise ValueError(f"reset is {self.reset}, limit is {self.limit}; give a reset at or below the limit")
        if self.estimator not in TRACKS:
            raise ValueError(f"estimator is {self.estimator!r}; give {', '.join(map(repr, TRACKS))}")

    @property
    def period(self) -> int:
        """ns; a shift of time by a multiple changes nothing but times."""
        return round(self.window * 1e9) // STEPS

    def reach(self, subjects: Subjects) -> None:
        """Raises ValueError for a sensor that reads too seldom for the window."""
        reads_often(subjects, self.window, 3)

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, no readings. Raises ValueError for a Kalman filter of a sensor without noise."""
        count = len(subjects)
        for sensor, noise in zip(subjects.input_id, subjects.noise.tolist(), strict=True):
            if self.estimator == "kalman" and not noise > 0:
                raise ValueError(f"{sensor} declares no noise; give one reading's standard deviation (noise = 0.8)")
        window = empty(count, subjects.noise)
        return State(**window, verdict=np.zeros(count, np.int8), due=np.full(count, NEVER))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's rows in order; a velocity at every good reading once the window is half full."""
        findings: list[Finding] = []
        speeds: list[tuple[int, int, float]] = []
        limit = per_subject(self.limit, len(state.verdict))
        reset = per_subject(self.reset, len(state.verdict))
        reset = np.where(np.isnan(reset), limit, reset)
        arrived, time = batch.arrived.tolist(), batch.time.tolist()
        value, quality = batch.value.tolist(), batch.quality.tolist()
        make, step = TRACKS[self.estimator], self.period
        for who, rows in batch.runs():
            track = make(state, who, step)
            judge = _Judge(state, who, float(limit[who]), float(reset[who]))
            for row in rows.tolist():
                if judge.due < arrived[row]:
                    findings += judge.lapse()
                if quality[row] & FAULTS or time[row] <= track.time:
                    continue
                judged = track.add(time[row], value[row])
                judge.due = arrived[row] + step * (STEPS // 2)
                if judged:
                    findings += judge.take(batch, row, track.fit(), speeds)
            track.store()
            state.verdict[who], state.due[who] = judge.verdict, judge.due
        findings += lapse(state, batch.until, lambda _: Why("slope.velocity.learning"))
        speeds.sort()
        if not speeds:
            return Outcome(whole(findings), due=earliest(state))
        places = np.array([s[0] for s in speeds], np.intp)
        subjects = np.array([s[1] for s in speeds], np.intp)
        column = Column.of("velocity", "{unit}/d", subjects, batch, places, np.array([s[2] for s in speeds]))
        return Outcome(whole(findings), [column], earliest(state))


class _Judge:
    """One subject's verdict in local variables, for the length of a run."""

    def __init__(self, state: State, who: int, limit: float, reset: float) -> None:
        self.who, self.limit, self.reset = who, limit, reset
        self.verdict, self.due = int(state.verdict[who]), int(state.due[who])

    def lapse(self) -> list[Finding]:
        """The deadline passed before the next row."""
        due, self.due = self.due, NEVER
        if self.verdict != Verdict.CLEAR:
            return []
        self.verdict = int(Verdict.UNKNOWN)
        return [at_deadline(due, self.who, Verdict.UNKNOWN, Why("slope.velocity.learning"))]

    def take(
        self, batch: Batch, row: int, fit: tuple[float, float] | None, speeds: list[tuple[int, int, float]]
    ) -> list[Finding]:
        """What a velocity, with its standard error, changes."""
        velocity, floor = (math.nan, math.nan) if fit is None else (fit[0], FLOOR * fit[1])
        verdict, key = self._judge(velocity, floor)
        known = math.isfinite(velocity)
        if known:
            speeds.append((row, self.who, velocity))
        if verdict == self.verdict:
            return []
        self.verdict = int(verdict)
        arrived, number, time = int(batch.arrived[row]), int(batch.row[row]), int(batch.time[row])
        why = Why(f"slope.velocity.{key}", {"floor": floor} if known else {})
        return [Finding(arrived, number, self.who, verdict, time, velocity if known else None, self.limit, why)]

    def _judge(self, velocity: float, floor: float) -> tuple[Verdict, str]:
        speed = abs(velocity)
        if math.isnan(speed):
            return self._blurred(), "learning"
        if speed >= self.limit and speed >= floor:
            return Verdict.ACTIVE, "above"
        if not floor <= self.limit:
            return self._blurred(), "below_floor"
        if speed < self.reset or self.verdict == Verdict.UNKNOWN:
            return Verdict.CLEAR, "below"
        return Verdict(self.verdict), "between"

    def _blurred(self) -> Verdict:
        return Verdict.ACTIVE if self.verdict == Verdict.ACTIVE else Verdict.UNKNOWN
