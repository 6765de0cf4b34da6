"""A reading far from those before it that is gone with the next: interference, a loose plug, a bit fallen over.

Constraints. A step is not a spike: what stays away for more than `longest` readings is one, so a spike is told when it
is over, at most `longest` readings late. The window counts good readings; device time says whether two are neighbours.
Cannot find: a spike below the limit, one longer than `longest`, one across a gap, one within half a window of a step
(so long its level is not known, which is said), one of a sensor that repeats one value and declares no quantum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Finding, Outcome, PerSubject, Subjects, Verdict, findings_at, per_subject, whole
from detectors.hampel import BACK, BEYOND, FLAT, Look, Windows, empty, look
from detectors.hampel_limit import limit_of
from detectors.preceding import newest, preceding
from detectors.reading import FAULTS, Batch, Bools, Floats, Quality, Times
from detectors.says import Says
from detectors.state import SETTING
from detectors.wished import chance_of

OTHER_FAULTS = FAULTS & ~int(Quality.OUT_OF_SPAN)
GAP = 5
"""Readings further apart than so many intervals do not tell whether a value came back."""
LONG_AGO = np.iinfo(np.int64).min // 2
WHY: Mapping[Verdict, str] = {
    Verdict.ACTIVE: "signal.spike.spike",
    Verdict.CLEAR: "signal.spike.steady",
    Verdict.UNKNOWN: "signal.spike.step",
}
NO_SCALE: Mapping[Verdict, str] = {**WHY, Verdict.UNKNOWN: "signal.spike.flat"}


@dataclass(slots=True)
class State(Windows):
    """(N,) each, besides the windows."""

    time: Times
    """Device time of the newest reading looked at."""
    away: NDArray[np.int64]
    """Readings of the excursion that lasts, at most `longest` + 1; 0: none does."""
    peak: Floats
    """Its reading farthest from the median."""
    usual: Floats
    """The median before that."""
    bound: Floats
    """The limit then, from the median; negative for an excursion below."""
    last: NDArray[np.int64]
    """`count` at the newest spike."""
    gap: Times = field(metadata=SETTING)


class Over(NamedTuple):
    """A spike that is over."""

    peak: float
    usual: float
    """The median before its peak."""
    bound: float
    """The limit as it was then, from the median."""
    readings: int


@dataclass(frozen=True)
class Spike:
    """ACTIVE when one reading, or up to `longest` on one side, were beyond the limit and the next is not, CLEAR after
    `calm` readings without another.

    The limit is so many robust standard deviations from the median of the `window` good readings before (1.4826 MAD):
    as many as normal, independent readings exceed `false_alarms` times a sensor-month, or `limit` itself. A declared
    noise is the least deviation; half a quantum is added to the MAD in quadrature, so a sensor that repeats itself is
    not all spikes. A value is back within half of the limit or on the other side. A reading beyond the span may be a
    spike, but is no part of a window. The column is the size of each spike.
    Heavy tails are spikes: Student's t with 5 degrees of freedom makes 50 a month at a reading a minute. Correlation
    makes none, since it does not come back at once; of steps just beyond the limit 1 in 200 is called a spike.
    Source: Hampel 1974, J. Am. Stat. Assoc. 69 (shared reference: statistics 7); the limit by own integral.

        [rule.methane-spikes]
        sensors = ["ch4-2105"]
        detector = { kind = "signal.spike", false_alarms = 0.04, window = 61 }
        priority = "log"
        guidance = "Check plug, cable and interference"
    """

    kind: ClassVar[str] = "signal.spike"
    feeds_on: ClassVar[Quality] = Quality.OUT_OF_SPAN
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"spike": "{unit}"}

    false_alarms: PerSubject = 0.04
    """A sensor-month."""
    limit: PerSubject = float("nan")
    """Robust standard deviations; NaN: by false_alarms."""
    window: int = 61
    """Readings."""
    longest: int = 1
    """Readings."""
    calm: int = 10
    """Readings."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.false_alarms) > 0).all():
            raise ValueError(f"false_alarms is {self.false_alarms}; give a number a sensor-month above 0, like 0.04")
        if (np.asarray(self.limit) < 2).any():
            raise ValueError(f"limit is {self.limit}; give 2 robust standard deviations or more, or leave it out")
        if not 15 <= self.window <= 251 or self.window % 2 == 0:
            raise ValueError(f"window is {self.window}; give an odd number of readings from 15 to 251 (61 is usual)")
        if not 1 <= self.longest <= self.window // 5:
            raise ValueError(f"longest is {self.longest}; give 1 reading to a fifth of the window (1 is usual)")
        if self.calm < 1:
            raise ValueError(f"calm is {self.calm}; give 1 or more readings (10 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where no limit can be had."""
        n, every = len(subjects), subjects.interval
        gap = np.where(every > 0, np.nan_to_num(every) * GAP * 1e9, 2.0**62)
        return State(
            **empty(subjects, self.window, self._limits(subjects)),
            time=np.zeros(n, np.int64),
            away=np.zeros(n, np.int64),
            peak=np.zeros(n),
            usual=np.zeros(n),
            bound=np.zeros(n),
            last=np.full(n, LONG_AGO),
            gap=gap.astype(np.int64),
        )

    def _limits(self, subjects: Subjects) -> Floats:
        limit = np.array(per_subject(self.limit, len(subjects)))
        chance = chance_of(self.false_alarms, subjects, np.isnan(limit), 1, "limit")
        for k in np.flatnonzero(np.isnan(limit)).tolist():
            limit[k] = limit_of(float(chance[k]), self.window)
        return limit

    def step(self, state: Any, batch: Batch) -> Outcome:
        """How far each reading is, all at once; then, one by one, only those of excursions."""
        seen = look(state, batch, (batch.quality & OTHER_FAULTS) == 0)
        judged = (seen.order >= 0) & (batch.good | (np.abs(seen.far) == BEYOND))
        lasting = np.zeros(len(batch), np.int64)
        spikes = self._excursions(state, batch, seen, judged, lasting)
        steady = judged & (lasting == 0) & (seen.far != FLAT)
        says = np.zeros(len(batch), np.uint8)
        says[steady] = Says.SHARPEN
        says[steady & (seen.order - self._last(state, batch, seen, spikes) >= self.calm)] = Says.CLEAR
        says[(lasting > self.longest) | (judged & (seen.far == FLAT))] = Says.BLUR
        says[list(spikes)] = Says.ACTIVE
        return Outcome(self._findings(state, batch, seen, says, spikes), self._column(batch, spikes))

    def _excursions(
        self, state: State, batch: Batch, seen: Look, judged: Bools, lasting: NDArray[np.int64]
    ) -> dict[int, Over]:
        """Rows at which a spike was over: its peak, the median, the limit from there, its readings.

        `lasting` is told how many readings the excursion has that goes on at each row.
        """
        before = preceding(batch, judged)
        inside = before >= 0
        earlier = np.where(inside, batch.time[before], state.time[batch.sensor])
        after = np.where(inside, seen.far[before] != BACK, state.away[batch.sensor] > 0)
        rows = newest(batch, judged)
        state.time[batch.sensor[rows]] = batch.time[rows]
        spikes = {}
        for row in np.flatnonzero(judged & (after | (seen.far != BACK))).tolist():
            who, far = int(batch.sensor[row]), int(seen.far[row])
            if state.away[who] and batch.time[row] - earlier[row] > state.gap[who]:
                state.away[who] = self.longest + 1
            same = far != FLAT and far * state.bound[who] > 0
            if state.away[who] and not same:
                if far != FLAT and state.away[who] <= self.longest:
                    spikes[row] = Over(
                        float(state.peak[who]), float(state.usual[who]), float(state.bound[who]), int(state.away[who])
                    )
                state.away[who] = 0
            if abs(far) == BEYOND or (same and state.away[who]):
                self._stays(state, who, float(batch.value[row]), float(seen.usual[row]), float(seen.bound[row]))
            lasting[row] = state.away[who]
        return spikes

    def _stays(self, state: State, who: int, value: float, usual: float, bound: float) -> None:
        """One more reading of an excursion, or its first."""
        if not state.away[who] or abs(value - usual) > abs(state.peak[who] - state.usual[who]):
            state.peak[who], state.usual[who] = value, usual
            state.bound[who] = bound if value > usual else -bound
        state.away[who] = min(int(state.away[who]) + 1, self.longest + 1)

    def _last(self, state: State, batch: Batch, seen: Look, spikes: Mapping[int, Over]) -> NDArray[np.int64]:
        """(M,) `order` of the newest spike before each row; the state moves on."""
        over = np.zeros(len(batch), np.bool_)
        over[list(spikes)] = True
        last, before = state.last[batch.sensor], preceding(batch, over)
        inside = before >= 0
        last[inside] = seen.order[before[inside]]
        rows = newest(batch, over)
        state.last[batch.sensor[rows]] = seen.order[rows]
        return last

    def _findings(
        self, state: State, batch: Batch, seen: Look, says: NDArray[np.uint8], spikes: Mapping[int, Over]
    ) -> list[Finding]:
        rows, verdicts = batch.settle_verdicts(state.verdict, says)
        over, flat = verdicts == Verdict.ACTIVE, seen.far[rows] == FLAT
        peak, usual, bound, readings = columns([spikes[row] for row in rows[over].tolist()])
        told, who = {"usual": usual, "readings": readings}, batch.sensor[rows]
        found = findings_at(batch, rows[over], verdicts[over], who[over], usual + bound, WHY, told, peak)
        for why, chosen in ((WHY, ~over & ~flat), (NO_SCALE, ~over & flat)):
            found += findings_at(batch, rows[chosen], verdicts[chosen], who[chosen], None, why)
        return whole(found)

    @staticmethod
    def _column(batch: Batch, spikes: Mapping[int, Over]) -> list[Column]:
        rows = np.array(sorted(spikes), np.intp)
        peak, usual, _, _ = columns([spikes[row] for row in rows.tolist()])
        return [Column.of("spike", "{unit}", batch.sensor[rows], batch, rows, peak - usual)] if len(rows) else []


def columns(spikes: Sequence[Over]) -> tuple[Floats, ...]:
    """Peaks, medians, limits from there, readings."""
    return tuple(np.array([spike[k] for spike in spikes], np.float64) for k in range(len(Over._fields)))
