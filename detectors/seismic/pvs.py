"""Peak vector sum of the parts of one station: the greatest length of the velocity vector, sample by sample.

Constraints. Parts are put together by the time of their samples (to half a sample), whatever their packets and order.
Of packets that overlap each sample counts once; what comes after later ones of its part is left out, until a clock
that was set back is believed: after 10 s and two packets, as fast as they were measured. Where it is one part's clock
alone, that part may raise by itself; where all are, the vector starts again, and clears nothing later by its time.
A sample of which a part is missing gives a lower bound: it may raise, and the window is never called quiet. Parts may
be apart by 1800 samples at most.
Cannot find: which frequency it had (seismic.ppv), motion along an axis that is not measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Finding, Outcome, PerSubject, Subjects, Verdict, Why, per_subject, whole
from detectors.packets import marks, one_packet, set_back, wave_column
from detectors.reading import FAULTS, Batch, Floats, Indices, Quality, Times, Wave
from detectors.state import PER_INPUT, SETTING

KEPT = 1800
"""Samples that a part may be ahead of the others."""
BAD = FAULTS & ~int(Quality.OUT_OF_SPAN)
ALL = np.ones(1, np.bool_)
NO_WINDOW = np.iinfo(np.int64).min


@dataclass(slots=True)
class State:
    """(N,) or, by input, (I,); the buffer is (N, 1800)."""

    verdict: NDArray[np.int8]
    rate: Floats
    """Samples a second; 0 before the first packet."""
    begin: Times
    """Time of the first sample of the buffer."""
    squares: Floats
    """Sums of the squares that were heard so far."""
    window: NDArray[np.int64]
    """Number of the window that is open."""
    top: Floats
    """Its greatest vector."""
    spoilt: Times
    """Newest time that was above the limit, clipped or not wholly measured."""
    done: NDArray[np.int64] = field(metadata=PER_INPUT)
    """Samples of the buffer that the part has given."""
    older: Times = field(metadata=PER_INPUT)
    """Arrival of the first of a row of late packets; 0: the newest was not late."""
    lag: Times = field(metadata=PER_INPUT)
    """Its arrival less its time."""
    full: Floats = field(metadata=SETTING)
    """(I,) full scale."""
    owner: Indices = field(metadata=SETTING)
    input_id: NDArray[np.str_] = field(metadata=SETTING)


@dataclass(slots=True)
class _Pass:
    """One step under way."""

    state: State
    limit: Floats
    findings: list[Finding]
    ended: list[tuple[int, int, int, float]]
    """(place of the wave, subject, time, vector) of each window that ended."""


@dataclass(frozen=True)
class Pvs:
    """ACTIVE at the first sample whose vector sqrt(x2 + y2 + z2), or one part of it alone, is at or above `limit`.

    CLEAR at the end of a window below it, all parts measured throughout and none clipped. The column is the greatest
    vector of each `window`, where it ends.
    Source: definition (PVS of ISEE; DIN 4150-3 and US clauses judge the largest axis: seismic.ppv).

        [rule.blast-vector]
        group = "station-1"
        sensors = { x = "geo-1-east", y = "geo-1-north", z = "geo-1-up" }
        detector = { kind = "seismic.pvs", limit = "50 mm/s" }
        priority = "low"
        guidance = "Compare with the blast design"
    """

    kind: ClassVar[str] = "seismic.pvs"
    several: ClassVar[bool] = True
    feeds_on: ClassVar[Quality] = Quality.OUT_OF_SPAN
    limit_parameters: ClassVar[Mapping[str, str]] = {"limit": "{unit}"}
    columns: ClassVar[Mapping[str, str]] = {"pvs": "{unit}"}

    limit: PerSubject
    window: float = 10.0
    """s."""

    def __post_init__(self) -> None:
        if not (np.asarray(self.limit) > 0).all():
            raise ValueError(f"limit is {self.limit}; give a velocity above 0, like '50 mm/s'")
        if not 1 <= self.window <= 86_400:
            raise ValueError(f"window is {self.window} s; give 1 s to a day ('10s' holds a blast)")

    @property
    def period(self) -> int:
        """ns; a shift of time by a multiple changes nothing but times."""
        return round(self.window * 1e9)

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where the parts of a subject are not two or three alike."""
        n = len(subjects)
        for who, name in enumerate(subjects.id):
            mine = np.flatnonzero(subjects.owner == who).tolist()
            if len(mine) not in (2, 3):
                raise ValueError(f"{name} has {len(mine)} parts; give two or three axes of one station")
            if not subjects.rate[mine[0]] > 0:
                raise ValueError(f"{subjects.input_id[mine[0]]} declares no rate; give its samples a second")
            if len({subjects.input_unit[k] for k in mine}) > 1 or len({float(subjects.rate[k]) for k in mine}) > 1:
                raise ValueError(f"the parts of {name} differ; give axes of one unit and one rate")
        return State(
            verdict=np.zeros(n, np.int8),
            rate=np.zeros(n),
            begin=np.zeros(n, np.int64),
            squares=np.zeros((n, KEPT)),
            window=np.full(n, NO_WINDOW),
            top=np.zeros(n),
            spoilt=np.zeros(n, np.int64),
            done=np.zeros(subjects.inputs, np.int64),
            older=np.zeros(subjects.inputs, np.int64),
            lag=np.zeros(subjects.inputs, np.int64),
            full=np.minimum(subjects.span_high, -subjects.span_low),
            owner=subjects.owner,
            input_id=np.array(list(subjects.input_id), dtype=np.str_),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Packet by packet."""
        going = _Pass(state, per_subject(self.limit, len(state.verdict)), [], [])
        for place, wave in enumerate(batch.waves):
            if wave.quality & BAD or not np.isfinite(wave.samples).all():
                _lose(going, int(state.owner[wave.sensor]), wave, wave.time, "no_value")
                continue
            for start in range(0, len(wave.samples), KEPT // 2):
                self._take(going, place, wave, start, wave.samples[start : start + KEPT // 2])
        return Outcome(whole(going.findings), _column(batch, going.ended, self.columns["pvs"]))

    def _take(self, going: _Pass, place: int, wave: Wave, start: int, samples: Floats) -> None:
        """Add a part's samples to the buffer, and judge what is whole by then."""
        state, who, part = going.state, int(going.state.owner[wave.sensor]), wave.sensor
        time = wave.time + round(start * 1e9 / wave.rate)
        mine = np.flatnonzero(state.owner == who)
        known, length = int(state.done[part]), len(wave.samples)
        offset = round((time - int(state.begin[who])) * wave.rate / 1e9)
        late = state.rate[who] > 0 and offset + length <= round(known * wave.rate / state.rate[who])
        turned = set_back(one_packet(wave, place), np.array([late]), ALL, state.older, state.lag).all()
        if late and not (turned and state.older[mine].all()):
            if turned:
                self._alone(going, wave, time, samples, int(Quality.LATE))
            return
        if late or state.rate[who] != wave.rate:
            self._begin(going, who, place, wave, time, mine)
            known = offset = 0
        if (twice := known - offset) > 0:
            samples, offset, time = samples[twice:], known, time + round(twice * 1e9 / wave.rate)
        if offset > known:
            _lose(going, who, wave, time, "gap")
        if (extra := offset + len(samples) - KEPT) > 0:
            _lose(going, who, wave, int(state.begin[who]) + round(extra * 1e9 / wave.rate), "part_missing")
            self._judge(going, who, place, wave, extra, mine)
            offset -= extra
        state.squares[who, offset : offset + len(samples)] += samples * samples
        state.done[part] = offset + len(samples)
        self._alone(going, wave, time, samples)
        self._judge(going, who, place, wave, int(state.done[mine].min()), mine)

    def _begin(self, going: _Pass, who: int, place: int, wave: Wave, time: int, mine: Indices) -> None:
        """A first packet, another rate, a clock set back: judge what is there, and begin with this one."""
        state = going.state
        if state.rate[who] > 0:
            _lose(going, who, wave, time, "gap")
            self._judge(going, who, place, wave, int(state.done[mine].max()), mine)
            self._tell(going, who, place)
        state.rate[who], state.begin[who], state.window[who] = wave.rate, time, NO_WINDOW
        state.done[mine], state.older[mine], state.squares[who] = 0, 0, 0.0
        before = time - round(1e9 / wave.rate)
        state.spoilt[who] = max(int(state.spoilt[who]), before) if state.verdict[who] == Verdict.ACTIVE else before

    def _alone(self, going: _Pass, wave: Wave, time: int, samples: Floats, flags: int = 0) -> None:
        """One part may be enough to raise, and one that is clipped leaves the vector without an upper bound."""
        who = int(going.state.owner[wave.sensor])
        size = np.abs(samples)
        over = np.flatnonzero(size >= going.limit[who])
        if len(over):
            self._raise(going, who, wave, time + round(int(over[0]) * 1e9 / wave.rate), float(size[over[0]]), flags)
        end = time + round((len(samples) - 1) * 1e9 / wave.rate)
        if (size >= going.state.full[wave.sensor]).any():
            _lose(going, who, wave, end, "clipped")
        elif len(over):
            going.state.spoilt[who] = max(int(going.state.spoilt[who]), end)

    def _raise(self, going: _Pass, who: int, wave: Wave, time: int, value: float, flags: int = 0) -> None:
        if going.state.verdict[who] != Verdict.ACTIVE:
            going.state.verdict[who] = Verdict.ACTIVE
            limit = float(going.limit[who])
            said = _finding(who, wave, time, Verdict.ACTIVE, value, limit, "above", **marks(wave, flags))
            going.findings.append(said)

    def _judge(self, going: _Pass, who: int, place: int, wave: Wave, count: int, mine: Indices) -> None:
        """Take the first `count` samples out of the buffer, window by window."""
        state = going.state
        vectors = np.sqrt(state.squares[who, :count])
        rate, left = float(state.rate[who]), len(vectors)
        while left > 0:
            begin, vector = int(state.begin[who]), vectors[len(vectors) - left :]
            self._turn(going, who, place, wave, begin)
            edge = (begin // self.period + 1) * self.period
            inside = min(left, max(1, math.ceil((edge - begin) * rate / 1e9 - 1e-6)))
            vector = vector[:inside]
            over = np.flatnonzero(vector >= going.limit[who])
            if len(over):
                first, last = (begin + round(int(k) * 1e9 / rate) for k in (over[0], over[-1]))
                state.spoilt[who] = max(int(state.spoilt[who]), last)
                self._raise(going, who, wave, first, float(vector[over[0]]))
            state.top[who] = max(float(state.top[who]), float(vector.max()))
            state.begin[who] = begin + round(inside * 1e9 / rate)
            left -= inside
        state.begin[who] += round((count - len(vectors)) * 1e9 / rate)
        rest = state.squares[who, count:].copy()
        state.squares[who, : len(rest)], state.squares[who, len(rest) :] = rest, 0.0
        state.done[mine] = np.maximum(state.done[mine] - count, 0)

    def _turn(self, going: _Pass, who: int, place: int, wave: Wave, begin: int) -> None:
        """End the window that is left: its column, and CLEAR if nothing spoilt it."""
        state, window = going.state, begin // self.period
        was = int(state.window[who])
        if was == window:
            return
        if was != NO_WINDOW:
            if state.spoilt[who] < was * self.period and state.verdict[who] != Verdict.CLEAR:
                state.verdict[who] = Verdict.CLEAR
                top, limit = float(state.top[who]), float(going.limit[who])
                going.findings.append(_finding(who, wave, begin, Verdict.CLEAR, top, limit, "below"))
            self._tell(going, who, place)
        state.window[who] = window

    def _tell(self, going: _Pass, who: int, place: int) -> None:
        if going.state.window[who] != NO_WINDOW:
            going.ended.append((place, who, int(going.state.begin[who]), float(going.state.top[who])))
        going.state.top[who] = 0.0


def _lose(going: _Pass, who: int, wave: Wave, time: int, key: str) -> None:
    """Something up to `time` was not wholly measured: the window is spoilt, a clear verdict unknown."""
    going.state.spoilt[who] = max(int(going.state.spoilt[who]), time)
    if going.state.verdict[who] == Verdict.CLEAR:
        going.state.verdict[who] = Verdict.UNKNOWN
        going.findings.append(_finding(who, wave, time, Verdict.UNKNOWN, None, None, key))


def _finding(
    who: int,
    wave: Wave,
    time: int,
    verdict: Verdict,
    value: float | None,
    limit: float | None,
    key: str,
    **numbers: float,
) -> Finding:
    return Finding(wave.arrived, wave.row, who, verdict, time, value, limit, Why(f"seismic.pvs.{key}", numbers))


def _column(batch: Batch, ended: list[tuple[int, int, int, float]], unit: str) -> list[Column]:
    if not ended:
        return []
    place, who, time, value = (np.array(column) for column in zip(*ended, strict=True))
    return [wave_column("pvs", unit, who, batch.waves, place, time, value)]
