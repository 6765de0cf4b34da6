"""Slope of the Gutenberg-Richter line: how many small events come for each large one, and when that falls.

Constraints. Over the newest `events` magnitudes at or above completeness. It refuses what is not exponential, as a list
of blasts never is: then there is no b. What falls while the part `blast` is 1 is left out. Late readings do not count.
Cannot find: b below some 50 events (its error is b / sqrt(n)); a change shorter than half the events it holds; that a
broad list of blasts is one, unless `complete` is given or the part `blast`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Finding, Outcome, PerSubject, Subjects, Verdict, Why, per_subject, whole
from detectors.drawing import columns_of
from detectors.reading import FAULTS, Batch, Bools, Floats, Indices, Quality, Times
from detectors.state import PER_INPUT, SETTING

KEPT = 1024
LEAST = 50
"""Events at or above completeness that a b needs: of fewer a list of blasts is not told from a line."""
GREATEST = 3.0
"""The tail beyond the mode of any list looks steeper still."""
ABOVE_MODE = 0.2
NO_TIME = np.iinfo(np.int64).min
EVENTS, BLAST = range(2)
PARTS: Mapping[str, int] = {"events": EVENTS, "value": EVENTS, "blast": BLAST}


def aki_utsu(magnitudes: Floats, complete: float, step: float = 0.0) -> float:
    """b = log10(e) / (mean - (complete - step / 2)). Source: Aki 1965, Utsu 1966."""
    return math.log10(math.e) / (_mean(magnitudes) - (complete - step / 2))


def tinti_mulargia(magnitudes: Floats, complete: float, step: float) -> float:
    """b = ln(1 + step / (mean - complete)) / (step ln 10), exact for bins. Source: Tinti and Mulargia 1987."""
    return math.log(1 + step / (_mean(magnitudes) - complete)) / (step * math.log(10))


def shi_bolt(magnitudes: Floats, b: float) -> float:
    """Standard error 2.30 b2 sqrt(sum (M - mean)2 / (n (n - 1))). Source: Shi and Bolt 1982."""
    mean, count = _mean(magnitudes), len(magnitudes)
    return 2.30 * b * b * math.sqrt(math.fsum((m - mean) ** 2 for m in magnitudes.tolist()) / (count * (count - 1)))


def maximum_curvature(magnitudes: Floats, step: float) -> float:
    """Completeness: the fullest bin and 0.2. Source: Wiemer and Wyss 2000; Woessner and Wiemer 2005 for the 0.2."""
    bins = np.rint(magnitudes / step).astype(np.int64)
    least = int(bins.min())
    fullest = least + int(np.bincount(bins - least).argmax())
    return fullest * step + ABOVE_MODE


def exponential(magnitudes: Floats, complete: float, step: float) -> bool:
    """Whether the excesses can be exponential (geometric, in bins of `step`), by their spread and by their whole shape.

    The deviation must be sqrt(m (m + step)) of the mean m, to 3 standard errors of 1 / sqrt(n); and no part of the
    distribution may be more than 1.5 / sqrt(n) off the law of that mean.
    Source: definition; Stephens 1974 for the second (1 % of exponential lists exceed 1.31 / sqrt(n)).
    """
    excess = magnitudes - complete
    mean, count = _mean(excess), len(magnitudes)
    if mean <= 0:
        return False
    deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in excess.tolist()) / (count - 1))
    if abs(deviation / math.sqrt(mean * (mean + step)) - 1) > 3 / math.sqrt(count):
        return False
    return _distance(excess, mean, step) <= 1.5 / math.sqrt(count)


def _distance(excess: Floats, mean: float, step: float) -> float:
    """Greatest difference between the distribution of the excesses and the law of their mean."""
    count = len(excess)
    if step:
        bins = np.bincount(np.rint(excess / step).astype(np.int64))
        below = np.cumsum(bins) / count
        return float(np.abs(below - (1 - (mean / (mean + step)) ** np.arange(1, len(bins) + 1))).max())
    law = 1 - np.exp(-np.sort(excess) / mean)
    place = np.arange(count)
    return float(np.maximum(law - place / count, (place + 1) / count - law).max())


def _mean(values: Floats) -> float:
    return math.fsum(values.tolist()) / len(values)


@dataclass(slots=True)
class State:
    """(N,) unless said."""

    verdict: NDArray[np.int8]
    known: NDArray[np.int64]
    """Magnitudes in the ring."""
    ring: Floats
    """(N, 1024) magnitudes, oldest first, at the end."""
    blasting: Bools
    newest: Times = field(metadata=PER_INPUT)
    """Device time of the part's newest reading."""
    part: NDArray[np.int64] = field(metadata=SETTING)
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)


@dataclass(frozen=True)
class BValue:
    """ACTIVE when b and `sigmas` of its standard errors lie below `limit`; CLEAR when b is at or above it.

    Magnitudes come in steps of `rounding` (0: continuous). Without `complete`, completeness is the fullest bin and 0.2.
    The estimator is Tinti-Mulargia's for binned magnitudes, Aki-Utsu's for continuous ones; the error Shi-Bolt's. A
    list that is not exponential, of fewer than 50 complete events or with a b above 3 has no b: the verdict is unknown.
    Columns: `b`, its error `sigma`, and the completeness used.
    Source: Tinti and Mulargia 1987; Aki 1965; Shi and Bolt 1982; Wiemer and Wyss 2000.

        [rule.b-falls]
        sensors = ["event-magnitude"]
        detector = { kind = "seismic.b_value", limit = 0.8, rounding = 0.1, events = 200 }
        priority = "log"
        guidance = "Compare with activity and energy, ask rock mechanics"
    """

    kind: ClassVar[str] = "seismic.b_value"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"b": "1", "sigma": "1", "complete_from": "1"}

    limit: PerSubject
    rounding: float = 0.1
    complete: PerSubject = float("nan")
    events: int = 200
    sigmas: float = 2.0

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give a b above 0 (0.8 to 1.2 is usual)")
        if not 0 <= self.rounding <= 0.5:
            raise ValueError(f"rounding is {self.rounding}; give the step of the magnitudes (0.1), or 0")
        if not 50 <= self.events <= KEPT:
            raise ValueError(f"events is {self.events}; give 50 to {KEPT} (200 is usual)")
        if not 0 <= self.sigmas <= 10:
            raise ValueError(f"sigmas is {self.sigmas}; give 0 to 10 standard errors (2 is usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for other parts than events and blast."""
        n = len(subjects)
        for who, name in enumerate(subjects.id):
            mine = [subjects.part[k] for k in np.flatnonzero(subjects.owner == who).tolist()]
            if sorted(PARTS.get(part, -1) for part in mine) not in ([EVENTS], [EVENTS, BLAST]):
                raise ValueError(f"{name} has the parts {sorted(mine)}; give events, and may be blast")
        return State(
            verdict=np.zeros(n, np.int8),
            known=np.zeros(n, np.int64),
            ring=np.zeros((n, KEPT)),
            blasting=np.zeros(n, np.bool_),
            newest=np.full(subjects.inputs, NO_TIME),
            part=np.array([PARTS[part] for part in subjects.part], np.int64),
            owner=subjects.owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Row by row; a b at each event."""
        findings: list[Finding] = []
        told: list[tuple[int, int, float, float, float]] = []
        good = (batch.quality & FAULTS) == 0
        for row, one in enumerate(batch.sensor.tolist()):
            who, time, value = int(state.owner[one]), int(batch.time[row]), float(batch.value[row])
            if not good[row] or time <= state.newest[one]:
                continue
            state.newest[one] = time
            if state.part[one] == BLAST:
                state.blasting[who] = value >= 0.5
            elif not state.blasting[who]:
                state.ring[who, :-1] = state.ring[who, 1:].copy()
                state.ring[who, -1] = round(value / self.rounding) * self.rounding if self.rounding else value
                state.known[who] = min(KEPT, int(state.known[who]) + 1)
                self._judge(state, who, batch, row, findings, told)
        return Outcome(whole(findings), columns_of(batch, told, self.columns))

    def _judge(
        self,
        state: State,
        who: int,
        batch: Batch,
        row: int,
        findings: list[Finding],
        told: list[tuple[int, int, float, float, float]],
    ) -> None:
        magnitudes, complete = self._complete(state, who)
        found, key = self._estimate(magnitudes, complete)
        limit, was = float(per_subject(self.limit, len(state.verdict))[who]), int(state.verdict[who])
        verdict, b = Verdict.UNKNOWN, None
        numbers = {"complete": complete, "events": len(magnitudes)}
        if found is not None:
            b, sigma = found
            told.append((row, who, b, sigma, complete))
            numbers["sigma"] = sigma
            verdict, key = _verdict(b, sigma * self.sigmas, limit, was)
        if verdict == was or (verdict is Verdict.UNKNOWN and was == Verdict.ACTIVE):
            return
        state.verdict[who] = verdict
        at, number, time = int(batch.arrived[row]), int(batch.row[row]), int(batch.time[row])
        why = Why(f"seismic.b_value.{key}", numbers)
        findings.append(Finding(at, number, who, verdict, time, b, limit, why))

    def _complete(self, state: State, who: int) -> tuple[Floats, float]:
        """The newest magnitudes at or above completeness, and that."""
        magnitudes = state.ring[who, KEPT - int(state.known[who]) :]
        complete = float(per_subject(self.complete, len(state.verdict))[who])
        if math.isnan(complete):
            complete = maximum_curvature(magnitudes, self.rounding or 0.1)
        if self.rounding:
            complete = round(complete / self.rounding) * self.rounding
        return magnitudes[magnitudes >= complete - 1e-9][-self.events :], complete

    def _estimate(self, magnitudes: Floats, complete: float) -> tuple[tuple[float, float] | None, str]:
        """(b, its standard error), or why there is none."""
        if len(magnitudes) < LEAST:
            return None, "few"
        if not exponential(magnitudes, complete, self.rounding):
            return None, "not_exponential"
        step = self.rounding
        b = tinti_mulargia(magnitudes, complete, step) if step else aki_utsu(magnitudes, complete)
        return ((b, shi_bolt(magnitudes, b)), "usual") if b <= GREATEST else (None, "not_exponential")


def _verdict(b: float, margin: float, limit: float, was: int) -> tuple[Verdict, str]:
    if b + margin < limit:
        return Verdict.ACTIVE, "below"
    if b < limit and was == Verdict.ACTIVE:
        return Verdict.ACTIVE, "below"
    return Verdict.CLEAR, "usual" if b >= limit else "not_surely"
