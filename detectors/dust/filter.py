"""A bag filter by its differential pressure: a sudden drop (a torn bag) or step up (clogged, cleaning air lost).

Constraints. Means of the minutes in which it ran, so that cleaning pulses average out and a stop is no drop; the last
`recent` against the hour before, or a declared `reference`, which stands still from an alarm until an hour after its
end: a drop does not become the new normal by itself.
Cannot find: a slow build-up (signal.trend), a tear too small to show, a torn bag while the fan is throttled too. After
new bags declare a reference or start the rule anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import NEVER, Finding, Outcome, PerSubject, Subjects, Verdict, Why, per_subject, whole
from detectors.drawing import columns_of
from detectors.exposure import (
    MINUTE,
    NO_TIME,
    SECOND,
    Exposure,
    Track,
    Window,
    entries,
    found,
    fresh,
    holds,
)
from detectors.lapse import earliest, lapse
from detectors.reading import Batch, Floats, Quality, Times

BEFORE = 60
"""min of the reference."""
LAPSED = Why("dust.filter.no_value")


@dataclass(slots=True)
class State(Exposure):
    """Minutes of pressure, and (N,):"""

    frozen: Floats
    """The reference of an alarm, NaN before the first."""
    thaw: Times
    """Minute of device time up to which it stands."""


@dataclass(frozen=True)
class Filter:
    """ACTIVE when the mean pressure of the last `recent` min is `drop` below or `rise` above the hour before it.

    Both are parts of the reference (0.4: by 40 %). CLEAR within half of either. A minute below `idle` is one in which
    the filter stood still; where it ran in fewer than three quarters of the minutes on either side the verdict is
    unknown, which ends no alarm. The columns are the recent mean and its ratio to the reference.
    Source: reference gas-dust 4, differential pressure step or drop [R, to be confirmed]; no value is published.

        [rule.bag-filter]
        sensors = ["dp-filter-1"]
        detector = { kind = "dust.filter", idle = "200 Pa", drop = 0.4, rise = 0.6 }
        priority = "medium"
        guidance = "Look at the stack and the bags of filter 1"
    """

    kind: ClassVar[str] = "dust.filter"
    feeds_on: ClassVar[Quality] = Quality.NO_VALUE
    limit_parameters: ClassVar[Mapping[str, str]] = {"idle": "{unit}", "reference": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"recent": "{unit}", "ratio": "1"}
    period: ClassVar[int] = MINUTE
    """ns; a shift of time by a multiple changes nothing but times."""

    idle: PerSubject
    """Pressure below which the filter does not run."""
    drop: PerSubject = 0.4
    rise: PerSubject = 0.6
    reference: PerSubject = float("nan")
    """NaN: the hour before."""
    recent: int = 10
    """min."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.idle) > 0).all():
            raise ValueError(f"idle is {self.idle}; give the pressure below which it does not run, like '200 Pa'")
        if not ((np.asarray(self.drop) > 0) & (np.asarray(self.drop) < 1)).all():
            raise ValueError(f"drop is {self.drop}; give a part of the reference between 0 and 1 (0.4 is by 40 %)")
        if not (np.asarray(self.rise) > 0).all():
            raise ValueError(f"rise is {self.rise}; give a part of the reference above 0 (0.6 is by 60 %)")
        if (np.asarray(self.reference) <= self.idle).any():
            raise ValueError(f"reference is {self.reference}; give the running pressure, above idle ({self.idle})")
        if isinstance(self.recent, bool) or not 2 <= self.recent <= BEFORE or self.recent != int(self.recent):
            raise ValueError(f"recent is {self.recent}; give whole minutes, 2 to {BEFORE} (10 is usual)")

    @property
    def window(self) -> Window:
        """The recent minutes and the hour before them."""
        return Window(MINUTE, BEFORE + self.recent)

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, nothing measured."""
        count = len(subjects)
        hold = holds(subjects.interval, math.nan, 600.0)
        fields = fresh(count, self.window, subjects.span_high, hold, 1.0)
        fields["patience"] = hold + self.recent * MINUTE
        return State(**fields, frozen=np.full(count, np.nan), thaw=np.full(count, NO_TIME))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's rows in order; judged at the first good reading of each minute."""
        findings: list[Finding] = []
        judged: list[tuple[float, ...]] = []
        for who, rows in batch.runs():
            track = Track(state, who, self.window)
            for row, time, arrived, value, quality in entries(batch, rows):
                if track.due < arrived:
                    findings += track.lapse(LAPSED)
                if not track.takes(time, quality):
                    continue
                new_minute = track.advance(time, value, quality)
                if track.known:
                    track.due = arrived + track.patience
                    if new_minute:
                        recent, before = self._means(track)
                        judged += [(row, who, recent, recent / before)] if recent > 0 and before > 0 else []
                        findings += self._judge(track, batch, row, recent, before)
            track.store()
        findings += lapse(state, batch.until, lambda _: LAPSED)
        return Outcome(whole(findings), columns_of(batch, judged, self.columns), earliest(state))

    def _means(self, track: Track) -> tuple[float, float]:
        """(recent mean, reference); NaN where it is not known to have run in three quarters of the minutes."""
        newest = track.time // MINUTE
        places = np.arange(newest - track.bins, newest) % track.bins
        dose, cover = track.state.dose[track.who][places], track.state.cover[track.who][places]
        idle, declared = (
            float(per_subject(p, len(track.state.verdict))[track.who]) for p in (self.idle, self.reference)
        )
        recent = _mean(dose[BEFORE:], cover[BEFORE:], idle)
        if newest < track.state.thaw[track.who]:
            return recent, float(track.state.frozen[track.who])
        return recent, declared if declared == declared else _mean(dose[:BEFORE], cover[:BEFORE], idle)

    def _judge(self, track: Track, batch: Batch, row: int, recent: float, before: float) -> list[Finding]:
        count, who = len(track.state.verdict), track.who
        idle, drop, rise = (float(per_subject(p, count)[who]) for p in (self.idle, self.drop, self.rise))
        known = recent == recent and before == before
        told = {"recent": recent, "reference": before} if known else {}
        limit = None
        if not known:
            stands = track.value < idle
            verdict, key = Verdict.UNKNOWN, "dust.filter.idle" if stands else "dust.filter.learning"
        elif recent <= before * (1 - drop):
            verdict, key, limit = Verdict.ACTIVE, "dust.filter.dropped", before * (1 - drop)
        elif recent >= before * (1 + rise):
            verdict, key, limit = Verdict.ACTIVE, "dust.filter.risen", before * (1 + rise)
        elif track.verdict == Verdict.ACTIVE and not before * (1 - drop / 2) < recent < before * (1 + rise / 2):
            return []
        else:
            verdict, key = Verdict.CLEAR, "dust.filter.steady"
        if verdict == Verdict.UNKNOWN and track.verdict != Verdict.CLEAR:
            return []
        if verdict == Verdict.ACTIVE:
            track.state.frozen[who], track.state.thaw[who] = before, NEVER
        elif verdict != track.verdict and track.verdict == Verdict.ACTIVE:
            track.state.thaw[who] = track.time // MINUTE + track.bins
        return found(track, batch, row, verdict, Why(key, told), recent if known else None, limit)


def _mean(dose: Floats, cover: NDArray[np.int64], idle: float) -> float:
    """Mean of the minutes in which it ran; NaN where they are less than three quarters of all."""
    ran = (cover > 0) & (dose >= idle * (cover / SECOND))
    covered = int(cover[ran].sum())
    return float(dose[ran].sum()) / (covered / SECOND) if covered >= 0.75 * len(cover) * MINUTE else math.nan
