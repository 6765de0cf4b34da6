"""A gas that rises: Theil-Sen slope over some minutes, with its confidence interval, a level floor and a time to act.

Constraints. At most 60 readings of a window, by device time; late and bad ones are lost. A slope is believed only where
its interval excludes 0 and the level is above the floor.
Cannot find: a jump that is over within a few readings (gas.ceiling), a rise slower than the noise of the window shows,
a rise of a sensor that stands at full scale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    per_subject,
    whole,
)
from detectors.lapse import earliest, lapse, lapse_one
from detectors.reading import FAULTS, Batch, Floats, Quality, Times
from detectors.state import SETTING
from detectors.theil_sen import Slope, theil_sen

KEPT = 60
MINUTE = 60_000_000_000
NO_TIME = np.iinfo(np.int64).min
FEW = Why("gas.rate_of_rise.few")


@dataclass(slots=True)
class State:
    """(N,) unless said."""

    verdict: NDArray[np.int8]
    due: Times
    """When a clear verdict lapses."""
    time: Times
    """(N, 60) device times of the readings kept, newest last; NO_TIME where there is none."""
    value: Floats
    """(N, 60)"""
    high: Floats = field(metadata=SETTING)
    patience: Times = field(metadata=SETTING)


@dataclass(frozen=True, slots=True)
class Rise:
    """Of one window: slope a minute with its interval, the level it leads to now, s to the threshold (inf: none)."""

    slope: Slope
    level: float
    soonest: float
    latest: float


def rise(time: Times, value: Floats, threshold: float, confidence: float) -> Rise:
    """Slope, level and time to the threshold of readings (n,), times in ns, newest last.

    The level is the Theil-Sen line at the newest time; the threshold is reached between (threshold - level)/high and
    (threshold - level)/low of the slope's interval, 0 where it already is.
    """
    minutes = (time - time[-1]) / MINUTE
    slope = theil_sen(value, minutes, confidence)
    level = float(np.median(value - slope.slope * minutes))
    ahead = max(0.0, threshold - level) * 60
    if not slope.low > 0 or math.isnan(threshold):
        return Rise(slope, level, math.inf, math.inf)
    return Rise(slope, level, ahead / slope.high, ahead / slope.low)


@dataclass(frozen=True)
class RateOfRise:
    """ACTIVE when the slope is at or above `limit`, surely above 0, and the level at or above `floor`.

    "Surely": the interval of `confidence` excludes 0. CLEAR when one of the three no longer holds (the slope: below
    `reset`), except at full scale, where nothing can rise. Fewer than `least` readings in the window: unknown.
    With a `threshold` the columns `seconds_from` and `seconds_to` say when the level reaches it (absent = no bound).
    No value is published: `limit` is the site's (0.1 %vol/min is typical).
    Source: Sen (1968); reference gas-dust 2.5 [R, to be confirmed].

        [rule.methane-rising]
        sensors = ["ch4-2105"]
        detector = { kind = "gas.rate_of_rise", limit = "0.1 %vol/min", floor = "0.3 %vol", threshold = "1 %vol" }
        priority = "medium"
        guidance = "Look at ventilation of 2105, be ready to cut power"
    """

    kind: ClassVar[str] = "gas.rate_of_rise"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {
        "limit": "{unit}/min",
        "reset": "{unit}/min",
        "floor": "{unit}",
        "threshold": "{unit}",
    }
    columns: ClassVar[Mapping[str, str]] = {
        "rate": "{unit}/min",
        "rate_low": "{unit}/min",
        "rate_high": "{unit}/min",
        "seconds_from": "s",
        "seconds_to": "s",
    }

    limit: PerSubject
    floor: PerSubject
    reset: PerSubject = float("nan")
    """NaN: the limit itself."""
    threshold: PerSubject = float("nan")
    window: float = 600.0
    """s."""
    least: int = 6
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give a rise above 0, like '0.1 %vol/min'")
        if not (np.asarray(self.floor) >= 0).all():
            raise ValueError(f"floor is {self.floor}; give the level below which no rise matters, like '0.3 %vol'")
        if (np.asarray(self.reset) > self.limit).any():
            raise ValueError(f"reset is {self.reset}, limit is {self.limit}; give a reset at or below the limit")
        if (np.asarray(self.threshold) <= self.floor).any():
            raise ValueError(f"threshold is {self.threshold}; give the alarm level, above the floor of {self.floor}")
        if not 60 <= self.window <= 86_400:
            raise ValueError(f"window is {self.window} s; give 1min to 24h ('10min' is usual)")
        if not 4 <= self.least <= KEPT:
            raise ValueError(f"least is {self.least}; give how many readings a slope needs, 4 to {KEPT}")
        if not 0.5 < self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}; give a part between 0.5 and 1 (0.95 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for a sensor too slow for the window."""
        for k in np.flatnonzero(subjects.interval * (self.least - 1) > self.window).tolist():
            every = subjects.interval[k]
            raise ValueError(f"{subjects.id[k]} reads each {every:g} s; give a window above {every * self.least:g} s")
        count = len(subjects)
        usual = np.where(subjects.interval > 0, 3 * subjects.interval, 0.0)
        return State(
            verdict=np.zeros(count, np.int8),
            due=np.full(count, NEVER),
            time=np.full((count, KEPT), NO_TIME),
            value=np.zeros((count, KEPT)),
            high=subjects.span_high,
            patience=np.rint(np.maximum(usual, self.window / 2) * 1e9).astype(np.int64),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's good readings in order; a slope at each one that is kept."""
        findings: list[Finding] = []
        drawn: list[tuple[int, int, Rise]] = []
        threshold = per_subject(self.threshold, len(state.verdict))
        spacing, width = round(self.window * 1e9 / KEPT), round(self.window * 1e9)
        for who, rows in batch.runs():
            times, values = state.time[who], state.value[who]
            for row in rows.tolist():
                arrived, time = int(batch.arrived[row]), int(batch.time[row])
                findings += lapse_one(state, who, arrived, FEW)
                newest = int(times[-1])
                if batch.quality[row] & FAULTS or (newest != NO_TIME and time < newest + spacing):
                    continue
                times[:-1], values[:-1] = times[1:].copy(), values[1:].copy()
                times[-1], values[-1] = time, batch.value[row]
                state.due[who] = arrived + state.patience[who]
                inside = times > time - width
                if inside.sum() < self.least:
                    findings += self._judge(state, batch, row, who, None)
                    continue
                found = rise(times[inside], values[inside], float(threshold[who]), self.confidence)
                drawn.append((row, who, found))
                findings += self._judge(state, batch, row, who, found)
        findings += lapse(state, batch.until, lambda _: FEW)
        return Outcome(whole(findings), _columns(batch, drawn), earliest(state))

    def _judge(self, state: State, batch: Batch, row: int, who: int, found: Rise | None) -> list[Finding]:
        count, was = len(state.verdict), int(state.verdict[who])
        limit, floor = float(per_subject(self.limit, count)[who]), float(per_subject(self.floor, count)[who])
        reset = float(per_subject(self.reset, count)[who])
        value = None
        if found is None:
            verdict, why = (Verdict.UNKNOWN if was == Verdict.CLEAR else Verdict(was)), FEW
        else:
            value = found.slope.slope
            sure = found.slope.low > 0 and found.level >= floor
            holds = sure and was == Verdict.ACTIVE and value >= (limit if math.isnan(reset) else reset)
            clipped = float(batch.value[row]) >= state.high[who]
            if (sure and value >= limit) or holds:
                verdict, why = Verdict.ACTIVE, Why("gas.rate_of_rise.rising", _told(found))
            elif clipped:
                verdict, why = Verdict(was), FEW
            else:
                verdict, why = Verdict.CLEAR, Why("gas.rate_of_rise.steady", _told(found))
        if verdict == was:
            return []
        state.verdict[who] = verdict
        at, number, time = int(batch.arrived[row]), int(batch.row[row]), int(batch.time[row])
        return [Finding(at, number, who, verdict, time, value, limit, why)]


def _told(found: Rise) -> dict[str, float]:
    numbers = {"level": found.level}
    if math.isfinite(found.latest):
        numbers |= {"seconds_from": found.soonest, "seconds_to": found.latest}
    return numbers


def _columns(batch: Batch, drawn: list[tuple[int, int, Rise]]) -> list[Column]:
    """The rates of every window; times only where there is a bound."""
    drawn.sort(key=lambda one: one[0])
    rows, who = np.array([d[0] for d in drawn], np.intp), np.array([d[1] for d in drawn], np.intp)
    table = [(*r.slope, r.soonest, r.latest) for _, _, r in drawn]
    out = []
    for (name, unit), values in zip(RateOfRise.columns.items(), np.array(table).reshape(-1, 5).T, strict=True):
        bound = np.isfinite(values)
        if bound.any():
            out.append(Column.of(name, unit, who[bound], batch, rows[bound], values[bound]))
    return out
