"""How much dust is allowed for the rest of the shift, and whether the last half hour, continued, would exceed it.

Constraints. Shifts begin at declared local times; the site's zone does not reach a detector: give `utc_offset` and
`summer_time`. A shift in which clocks change keeps its beginning. Nothing is imputed: see `ACTIVE` and `CLEAR`.
Cannot find: a worker who walks between sensors, a change that comes later in the shift, exposure outside shifts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from detectors.detector import Finding, Outcome, PerSubject, Subjects, Verdict, Why, per_subject, whole
from detectors.drawing import columns_of
from detectors.exposure import MINUTE, NO_TIME, Exposure, Track, Window, entries, found, fresh, holds
from detectors.lapse import earliest, lapse
from detectors.local_time import HOUR, Summer, checked, local_time
from detectors.reach import reaches
from detectors.reading import Batch, Bools, Floats, Quality, Times

RECENT = Window(MINUTE, 30)
DAY = 1440
"""min"""
CHANGE = 60
"""min by which clocks change: so much a running shift's beginning may seem to move."""
CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
LAPSED = Why("dust.projection.low_coverage")


@dataclass(slots=True)
class State(Exposure):
    """The last 30 min, and of the shift that is working (N,):"""

    shift: Times
    """Minute of device time at which it began; NO_TIME before the first."""
    used: Floats
    """Dose so far, unit x s."""
    measured: Times
    """ns of it that were measured."""
    bounded: Bools
    """No reading of it stood at full scale."""


class Rest(NamedTuple):
    """Of the shift: mean of the last 30 min, the same with gaps as no dust, mean allowed for the rest by what is sure
    and by the best estimate, part of the limit's dose that is certainly used, coverage so far."""

    recent: float
    certain: float
    allowed: float
    likely: float
    used: float
    coverage: float


def allowed(limit: float, dose: float, hours: float, elapsed: float) -> float:
    """C_allow = (h L - sum C T)/(h - t): the mean for the rest of a shift of `hours` h that keeps the limit.

    `dose` in unit x h, `elapsed` in h. Source: reference gas-dust 4, from E = sum(C T)/8 of 29 CFR 1910.1000(d).

    >>> allowed(2.0, 12.0, 8.0, 4.0)
    1.0
    """
    return (hours * limit - dose) / (hours - elapsed)


@dataclass(frozen=True)
class Projection:
    """ACTIVE when the mean of the last 30 min is above what the rest of the shift allows, or nothing is left.

    For ACTIVE gaps count as no dust: what alarms is certain. CLEAR needs `coverage` of the shift so far, no reading at
    full scale, and a recent mean within what the best estimate (gaps like the rest) allows. The first 30 min and the
    last 5 of a shift say nothing new; at its end an alarm is over. The columns are the allowed mean and the recent one.
    Source: E = sum(C T)/8 of 29 CFR 1910.1000(d), solved for the rest [R, to be confirmed].

        [rule.dust-rest-of-shift]
        sensors = ["dust-2105"]
        detector = { kind = "dust.projection", limit = "1.5 mg/m3", begins = ["08:00", "16:00"], utc_offset = 8 }
        priority = "low"
        guidance = "Rotate the crew, more water, check the curtain"
    """

    kind: ClassVar[str] = "dust.projection"
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE | Quality.OUT_OF_SPAN | Quality.CALIBRATION
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"allowed": "{unit}", "recent": "{unit}", "used": "1"}
    period: ClassVar[int] = DAY * MINUTE
    """ns; a shift of time by a multiple changes nothing but times."""

    limit: PerSubject
    begins: tuple[str, ...]
    """Local times of the shifts' beginnings, "HH:MM"."""
    utc_offset: float
    """Hours east of UTC, in winter."""
    shift_hours: float = 8.0
    """h."""
    max_hold: float = float("nan")
    """s; NaN: three intervals of the sensor, or 60 s where it declares none."""
    coverage: float = 0.75
    summer_time: Summer = "none"
    """The rule by which clocks change."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give a concentration above 0, like '1.5 mg/m3'")
        if isinstance(self.begins, str) or not self.begins or not all(CLOCK.fullmatch(str(b)) for b in self.begins):
            raise ValueError(f'begins is {self.begins!r}; give local times, like ["06:00", "14:00", "22:00"]')
        checked(self.utc_offset, self.summer_time)
        if not 2 <= self.shift_hours <= 16:
            raise ValueError(f"shift_hours is {self.shift_hours}; give plain hours, 2 to 16")
        starts = self.minutes()
        gaps = [(b - a - 1) % DAY + 1 for a, b in zip(starts, starts[1:] + starts[:1], strict=True)]
        if min(gaps) < self.shift_hours * 60:
            raise ValueError(f"begins is {list(self.begins)}; give times {self.shift_hours:g} h apart or more")
        if self.max_hold <= 0 or self.max_hold > 1800:
            raise ValueError(f"max_hold is {self.max_hold} s; give two or three intervals of the sensor, up to 30 min")
        if not 0 < self.coverage <= 1:
            raise ValueError(f"coverage is {self.coverage}; give a part of the shift so far, 0 to 1 (0.75 is usual)")

    def minutes(self) -> list[int]:
        """The beginnings as minutes of the local day, ascending."""
        return sorted(int(text[:2]) * 60 + int(text[3:]) for text in self.begins)

    def reach(self, subjects: Subjects) -> None:
        """Raises ValueError where a sensor's span ends below the limit."""
        reaches(subjects, subjects.span_high, per_subject(self.limit, len(subjects)))

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, no shift begun."""
        count = len(subjects)
        hold = holds(subjects.interval, self.max_hold, RECENT.span)
        fields = fresh(count, RECENT, subjects.span_high, hold, self.coverage)
        return State(
            **fields,
            shift=np.full(count, NO_TIME),
            used=np.zeros(count),
            measured=np.zeros(count, np.int64),
            bounded=np.ones(count, np.bool_),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's rows in order; judged at the first good reading of each minute."""
        findings: list[Finding] = []
        judged: list[tuple[float, ...]] = []
        limit = per_subject(self.limit, len(state.verdict))
        for who, rows in batch.runs():
            track = _Track(state, who, self)
            for row, time, arrived, value, quality in entries(batch, rows):
                if track.due < arrived:
                    findings += track.lapse(LAPSED)
                if not track.takes(time, quality):
                    continue
                new_minute = track.advance(time, value, quality)
                if track.known:
                    track.due = arrived + track.patience
                    if new_minute:
                        rest = track.rest(float(limit[who]))
                        if rest is not None:
                            judged.append((row, who, rest.allowed, rest.recent, rest.used))
                        findings += self._judge(track, batch, row, rest)
            track.store()
        findings += lapse(state, batch.until, lambda _: LAPSED)
        return Outcome(whole(findings), columns_of(batch, judged, self.columns), earliest(state))

    def _judge(self, track: _Track, batch: Batch, row: int, rest: Rest | None) -> list[Finding]:
        if rest is None:
            if track.working():
                return []
            verdict = Verdict.CLEAR if track.verdict == Verdict.ACTIVE else Verdict.UNKNOWN
            return found(track, batch, row, verdict, Why("dust.projection.off_shift"), None, None)
        numbers = {"recent": rest.recent, "used": rest.used, "coverage": rest.coverage}
        if rest.used >= 1:
            verdict, key = Verdict.ACTIVE, "dust.projection.exceeded"
        elif rest.certain > rest.allowed:
            verdict, key = Verdict.ACTIVE, "dust.projection.exceeds"
        elif rest.coverage >= self.coverage and track.bounded and rest.recent <= rest.likely:
            verdict, key = Verdict.CLEAR, "dust.projection.within"
        elif track.verdict != Verdict.CLEAR:
            return []
        else:
            verdict, key = Verdict.UNKNOWN, LAPSED.key if track.bounded else "dust.projection.clipped"
        return found(track, batch, row, verdict, Why(key, numbers), rest.recent, max(0.0, rest.allowed))


class _Track(Track):
    """The last 30 min and the dose of the shift."""

    def __init__(self, state: State, who: int, of: Projection) -> None:
        super().__init__(state, who, RECENT)
        self.begins, self.length = of.minutes(), round(of.shift_hours * 60)
        self.offset, self.summer, self.shift = round(of.utc_offset * HOUR), of.summer_time, int(state.shift[who])
        self.used, self.measured = float(state.used[who]), int(state.measured[who])
        self.bounded = bool(state.bounded[who])

    def store(self) -> None:
        super().store()
        state, who = self.state, self.who
        state.shift[who], state.used[who] = self.shift, self.used
        state.measured[who], state.bounded[who] = self.measured, self.bounded

    def began(self, minute: int) -> int:
        """The minute (UTC) at which the newest shift before or at `minute` began."""
        local = local_time(minute * MINUTE, self.offset, self.summer) // MINUTE % DAY
        began = minute - min((local - begin) % DAY for begin in self.begins)
        return self.shift if abs(began - self.shift) <= CHANGE else began

    def closed(self, number: int) -> None:
        """A minute is over: it belongs to the shift it lies in."""
        began = self.began(number)
        if began != self.shift:
            self.shift, self.used, self.measured, self.bounded = began, 0.0, 0, True
        if number < began + self.length:
            place = self.who, number % self.bins
            self.used += float(self.state.dose[place])
            self.measured += int(self.state.cover[place])
            self.bounded = self.bounded and not bool(self.state.clipped[place])

    def working(self) -> bool:
        """Whether the newest reading lies in a shift."""
        minute = self.time // MINUTE
        return minute < self.began(minute) + self.length

    def rest(self, limit: float) -> Rest | None:
        """What the rest of the shift allows; None in its first 30 min, its last 5 and outside shifts."""
        minute = self.time // MINUTE
        elapsed = minute - self.began(minute)
        if self.shift != self.began(minute) or not RECENT.bins <= elapsed <= self.length - 5:
            return None
        average = self.average()
        if math.isnan(average.best):
            return None
        hours, past = self.length / 60, elapsed / 60
        dose, coverage = self.used / 3600, self.measured / (elapsed * MINUTE)
        certain = allowed(limit, dose, hours, past)
        likely = allowed(limit, dose / coverage if coverage else 0.0, hours, past)
        return Rest(average.best, average.lower, certain, likely, dose / (hours * limit), coverage)
