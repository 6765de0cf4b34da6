"""A reading that is unusual for its hour of the week, or of the day, however usual it is at other hours.

Constraints. Hours are judged by the mean of their good readings, when the first reading of a later hour comes. The zone
of the site does not reach a detector: give `utc_offset` and `summer_time`. The profile is the median of past weeks; an
hour that departs, or was ACTIVE, never enters it, so after a lasting change start the rule anew.
Cannot find: what is shorter than the mean of an hour shows, what was there in most of the weeks that it learned, a
drift slower than those weeks (it is learned), a cycle that is no day or week.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from detectors.detector import (
    NEVER,
    Finding,
    Outcome,
    PerSubject,
    Subjects,
    Verdict,
    Why,
    at_row,
    per_subject,
    whole,
)
from detectors.drawing import columns_of
from detectors.exposure import entries
from detectors.lapse import earliest, lapse, lapse_one
from detectors.local_time import HOUR, checked, date_of, local_time
from detectors.reading import Batch, Floats, Indices, Quality, Times
from detectors.state import SETTING

BINS: Mapping[str, int] = {"week": 168, "day": 24}
MOST: Mapping[str, int] = {"week": 10, "day": 60}
"""Cycles that fit the memory of a subject."""
MONTH = 730.56
"""Hours."""
MOST_OFTEN = 4.0
"""False alarms a month: what departs is not learned, so with more of them the bounds would narrow by themselves."""
LEAST = 4
"""Weeks (days) from which an hour is judged."""
ASIDE = 3
"""Hours before and after whose scatter is taken for the hour's own, too."""
NORMAL = 0.6744897501960817
"""Median of the absolute values of a standard normal."""
FREEDOM = 0.36
"""Degrees of freedom of that median's scatter, a deviation (0.37 for many, the efficiency of the MAD); simulated."""
THURSDAY = 72
"""Hours from Monday 00:00 to the weekday on which 1970 began."""
PATIENCE = 3
"""Hours, or intervals, without a reading after which a clear verdict is not known."""
LEAVE = 0.5
"""Part of its bound to which a departure must fall."""
NO_TIME = np.iinfo(np.int64).min
DATE = re.compile(r"(\d{4}-)?\d\d-\d\d")
WHY: Mapping[str, str] = {
    "above": "signal.seasonal.above",
    "below": "signal.seasonal.below",
    "within": "signal.seasonal.within",
    "learning": "signal.seasonal.learning",
    "flat": "signal.seasonal.flat",
}
FEW, HOLIDAY = Why("signal.seasonal.few"), Why("signal.seasonal.holiday")


@dataclass(slots=True)
class State:
    """(N,) unless said."""

    verdict: NDArray[np.int8]
    due: Times
    """When a clear verdict lapses."""
    time: Times
    """Device time of the newest reading taken."""
    hour: Times
    """Hour since 1970, in local winter time, that is open; NO_TIME before the first."""
    total: Floats
    """Sum of its good readings."""
    count: NDArray[np.int64]
    usual: Floats
    """What is usual for it; NaN where that is not known."""
    bound: Floats
    """How far its mean may depart."""
    past: Floats
    """(N, bins, cycles) means of past hours, the newest last; NaN where there is none yet."""
    needed: NDArray[np.int64] = field(metadata=SETTING)
    """Readings that make an hour."""
    patience: Times = field(metadata=SETTING)
    floor: Floats = field(metadata=SETTING)
    """Scatter that quantisation alone makes."""


class Usual(NamedTuple):
    """What is usual for an hour."""

    middle: float
    scale: float
    """Of the departure of a new mean, as of a standard normal."""
    freedom: float


def usual(past: Floats, place: int, floor: float = 0.0) -> Usual | None:
    """Median of the hour's past, and the scatter of what each past mean was from the median of the others.

    `past` (bins, cycles), NaN where there is none; the scatter is the median over the hour and `ASIDE` on either side.
    None where the hour has fewer than LEAST. As many as half of the past may be anything.
    """
    near = np.sort(past[np.arange(place - ASIDE, place + ASIDE + 1) % len(past)], axis=1)
    count = np.count_nonzero(~np.isnan(near), axis=1)
    own = near[ASIDE, : count[ASIDE]]
    if len(own) < LEAST:
        return None
    learned = count >= LEAST
    errors = apart(near[learned], count[learned])
    errors = np.sort(np.abs(errors[~np.isnan(errors)]))
    return Usual(
        _middle(own), max(_middle(errors) / NORMAL, floor), FREEDOM * (len(errors) - np.count_nonzero(learned))
    )


def apart(ordered: Floats, count: NDArray[np.int64]) -> Floats:
    """Each value less the median of the others of its row; (k, m) rows ascend: `count` (k,) >= 2 values, then NaN."""
    row, place, middle = np.arange(len(ordered))[:, None], np.arange(ordered.shape[1]), count[:, None] // 2
    low = np.where(place >= middle, middle - 1, middle)
    high = np.where(place > middle, middle, np.minimum(middle + 1, ordered.shape[1] - 1))
    high = np.where(count[:, None] % 2 == 0, low, high)
    out: Floats = ordered - (ordered[row, low] + ordered[row, high]) / 2
    return out


def _middle(ordered: Floats) -> float:
    """Median of ascending values."""
    count = len(ordered)
    return (float(ordered[(count - 1) // 2]) + float(ordered[count // 2])) / 2


@dataclass(frozen=True)
class Seasonal:
    """ACTIVE when the mean of an hour departs from what is usual for it by more than chance and more than `limit`.

    How far chance goes follows from the wished `false_alarms` a month. CLEAR when the departure has fallen to half of
    that. Unknown in the first 4 weeks (days, with `cycle` "day"), on a holiday, after an hour with less than half of
    its readings, and where all weeks are one value (give `quantum` or `limit`). Hours are local: winter's offset is
    `utc_offset`, `summer_time` the rule by which an hour is added. The columns are of each hour as it begins.
    Source: median and median absolute deviation (Hampel 1974), Student's t for the few weeks; false alarms simulated.

        [rule.co-unusual]
        sensors = ["co-2105"]
        detector = { kind = "signal.seasonal", utc_offset = 8, limit = "2 ppm", holidays = ["10-01", "2027-02-06"] }
        priority = "log"
        guidance = "Compare with the shift's log: what ran at this hour?"
    """

    kind: ClassVar[str] = "signal.seasonal"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"usual": "{unit}", "low": "{unit}", "high": "{unit}"}
    period: ClassVar[int] = 168 * HOUR
    """ns; without summer time a shift of time by a multiple changes nothing but times."""

    utc_offset: float
    """Plain hours east of UTC, in winter."""
    limit: PerSubject = 0.0
    """A smaller departure never matters."""
    false_alarms: PerSubject = 0.04
    """A sensor-month."""
    side: Literal["above", "below", "either"] = "either"
    cycle: Literal["week", "day"] = "week"
    cycles: int = 8
    """Weeks (days) that are remembered."""
    summer_time: Literal["none", "eu", "us"] = "none"
    holidays: tuple[str, ...] = ()
    """Local dates, "2026-10-01", or "10-01" for each year."""

    def __post_init__(self) -> None:
        checked(self.utc_offset, self.summer_time)
        if not (np.asarray(self.limit) >= 0).all():
            raise ValueError(f"limit is {self.limit}; give a departure of 0 or more (side gives the direction)")
        wished = np.asarray(self.false_alarms)
        if not ((wished > 0) & (wished <= MOST_OFTEN)).all():
            raise ValueError(f"false_alarms is {self.false_alarms}; give above 0 to {MOST_OFTEN:g} a month, like 0.04")
        if self.side not in ("above", "below", "either"):
            raise ValueError(f"side is {self.side!r}; give 'above', 'below' or 'either'")
        if self.cycle not in BINS:
            raise ValueError(f"cycle is {self.cycle!r}; give 'week' or 'day'")
        if not LEAST <= self.cycles <= MOST[self.cycle]:
            raise ValueError(f"cycles is {self.cycles}; give {LEAST} to {MOST[self.cycle]} {self.cycle}s")
        for text in self.holidays:
            _checked(text)

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown, nothing learned."""
        n, nothing = len(subjects), np.full(len(subjects), np.nan)
        every = np.nan_to_num(subjects.interval)
        half = np.where(every > 0, 1800.0 / np.where(every > 0, every, 1.0), 1.0)
        return State(
            verdict=np.zeros(n, np.int8),
            due=np.full(n, NEVER),
            time=np.full(n, NO_TIME),
            hour=np.full(n, NO_TIME),
            total=np.zeros(n),
            count=np.zeros(n, np.int64),
            usual=nothing.copy(),
            bound=nothing.copy(),
            past=np.full((n, BINS[self.cycle], self.cycles), np.nan),
            needed=np.maximum(1, np.ceil(half)).astype(np.int64),
            patience=PATIENCE * np.maximum(HOUR, np.round(every * 1e9)).astype(np.int64),
            floor=np.nan_to_num(subjects.quantum) / math.sqrt(12),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Each sensor's good readings in order; an hour is judged when a later one begins."""
        findings: list[Finding] = []
        begun: list[tuple[float, ...]] = []
        good = batch.good
        for who, rows in batch.runs():
            self._follow(state, who, batch, rows[good[rows]], findings, begun)
        findings += lapse(state, batch.until, lambda _: FEW)
        return Outcome(whole(findings), columns_of(batch, begun, self.columns), earliest(state))

    def _follow(
        self,
        state: State,
        who: int,
        batch: Batch,
        rows: Indices,
        findings: list[Finding],
        begun: list[tuple[float, ...]],
    ) -> None:
        newest, hour, due = int(state.time[who]), int(state.hour[who]), int(state.due[who])
        total, count = float(state.total[who]), int(state.count[who])
        offset, patience = round(self.utc_offset * HOUR), int(state.patience[who])
        for row, time, arrived, value, _ in entries(batch, rows):
            if due < arrived:
                state.due[who], due = due, NEVER
                findings += lapse_one(state, who, arrived, FEW)
            if time <= newest:
                continue
            newest, now, due = time, (time + offset) // HOUR, arrived + patience
            if now != hour:
                if hour != NO_TIME:
                    findings += self._close(state, who, batch, row, hour, total, count)
                begun += self._begin(state, who, row, now)
                hour, total, count = now, 0.0, 0
            total, count = total + value, count + 1
        state.time[who], state.hour[who], state.due[who] = newest, hour, due
        state.total[who], state.count[who] = total, count

    def _place(self, hour: int) -> tuple[int, bool]:
        """(bin of an hour, it lies on a holiday)."""
        offset = round(self.utc_offset * HOUR)
        local = local_time(hour * HOUR - offset, offset, self.summer_time)
        date = date_of(local) if self.holidays else ""
        return (local // HOUR + THURSDAY) % BINS[self.cycle], not {date, date[5:]}.isdisjoint(self.holidays)

    def _begin(self, state: State, who: int, row: int, hour: int) -> list[tuple[float, ...]]:
        """What is usual for the hour that begins; its entry of the columns, if that is known."""
        place, holiday = self._place(hour)
        found = None if holiday else usual(state.past[who], place, float(state.floor[who]))
        state.usual[who], state.bound[who] = math.nan, math.nan
        if found is None:
            return []
        wished, limit = (float(per_subject(x, len(state.verdict))[who]) for x in (self.false_alarms, self.limit))
        tail = wished / MONTH / (2 if self.side == "either" else 1)
        bound = max(-float(scipy.special.stdtrit(found.freedom, tail)) * found.scale, limit)
        state.usual[who], state.bound[who] = found.middle, bound
        return [(row, who, found.middle, found.middle - bound, found.middle + bound)] if bound > 0 else []

    def _close(
        self, state: State, who: int, batch: Batch, row: int, hour: int, total: float, count: int
    ) -> list[Finding]:
        """Judge the hour that is over, and learn it if nothing speaks against it."""
        place, holiday = self._place(hour)
        middle, bound = float(state.usual[who]), float(state.bound[who])
        if holiday or count < state.needed[who]:
            return self._settle(state, who, batch, row, None, None, HOLIDAY if holiday else FEW)
        mean = total / count
        if middle != middle or bound == 0:
            _learn(state.past[who, place], mean)
            known = int(np.count_nonzero(~np.isnan(state.past[who, place])))
            why = Why(WHY["learning" if middle != middle else "flat"], {"known": known})
            return self._settle(state, who, batch, row, None, None, why)
        departure = mean - middle
        far = {"above": departure, "below": -departure, "either": abs(departure)}[self.side]
        active = far > bound or (state.verdict[who] == Verdict.ACTIVE and far > LEAVE * bound)
        if not active and abs(departure) <= bound:
            _learn(state.past[who, place], mean)
        side = ("above" if departure > 0 else "below") if active else "within"
        why = Why(WHY[side], {"mean": mean, "usual": middle, "departure": abs(departure)})
        limit = middle + math.copysign(bound, departure)
        return self._settle(state, who, batch, row, active, (mean, limit), why)

    def _settle(
        self,
        state: State,
        who: int,
        batch: Batch,
        row: int,
        active: bool | None,
        met: tuple[float, float] | None,
        why: Why,
    ) -> list[Finding]:
        """The finding that turns the verdict; what is unknown (None) leaves an active one standing."""
        verdict = Verdict.UNKNOWN if active is None else Verdict.ACTIVE if active else Verdict.CLEAR
        was = int(state.verdict[who])
        if verdict == was or (verdict is Verdict.UNKNOWN and was == Verdict.ACTIVE):
            return []
        state.verdict[who] = verdict
        value, limit = (None, None) if met is None else met
        return [at_row(batch, row, who, verdict, value, limit, why)]


def _learn(past: Floats, mean: float) -> None:
    past[:-1] = past[1:].copy()
    past[-1] = mean


def _checked(text: str) -> None:
    """Raises ValueError for what is no date."""
    try:
        np.datetime64(text if len(text) > 5 else f"2000-{text}", "D")
        fits = DATE.fullmatch(text) is not None
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f'holidays is {text!r}; give local dates, like "2026-10-01", or "10-01" for each year')
