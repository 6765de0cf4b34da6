"""Peak particle velocity against a limit that depends on frequency, on waveforms as they stream in.

Constraints. One axis a subject: the clauses judge the largest axis, so write the rule over all of them. Every
half-wave is judged by its own peak and frequency, that of the peak among them: never milder than the peak alone. One
that is still open is judged by the frequency it can at most have. It counts where it ends. Of packets that overlap each
sample counts once; one from before a gap's end is judged by itself, and may only raise. Where nothing but older ones
comes for 10 s and two packets, and as fast as they were measured, the clock was set back: it starts there again, and
clears nothing that was raised later by its time.
Cannot find: what the geophone does not measure below its corner frequency or above half the sample rate; a geophone
that is dead, whose zeros are called below; damage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Finding, Outcome, Subjects, Verdict, Why, whole
from detectors.packets import Packets, beyond, marks, set_back, side_by_side, wave_column
from detectors.reading import FAULTS, Batch, Floats, Indices, Quality, Times, Wave
from detectors.state import SETTING
from detectors.units import UnitError, convert
from detectors.vibration import CURVES, HalfWaves, frequency, half_waves, vibration_limit

BAD = FAULTS & ~int(Quality.OUT_OF_SPAN)
NO_WINDOW = np.iinfo(np.int64).min

WINDOWED: Sequence[str] = ("next", "count", "start", "peak", "clipped", "top", "top_frequency", "worst", "last")
"""What of the state is of the running window, and empty at its beginning."""


@dataclass(slots=True)
class State:
    """(N,) each."""

    verdict: NDArray[np.int8]
    rate: Floats
    next: Times
    """Time of the sample that should come next."""
    older: Times
    """Arrival of the first of a row of late packets; 0: the newest was not late."""
    lag: Times
    """Its arrival less its time."""
    raised: Times
    """Time of what raised last: nothing from before it clears."""
    count: NDArray[np.int64]
    """Samples since the start or the last gap."""
    last: Floats
    start: Floats
    """Where the open half-wave began, in samples."""
    peak: Floats
    """Its greatest magnitude."""
    window: NDArray[np.int64]
    """Number of the window that is open."""
    gapless: NDArray[np.bool_]
    """Measured from the window's beginning."""
    clipped: NDArray[np.bool_]
    """A sample of the window stood at full scale."""
    top: Floats
    """Peak of the window, and its frequency."""
    top_frequency: Floats
    worst: Floats
    """Greatest part of its limit that a half-wave of the window took."""
    full: Floats = field(metadata=SETTING)
    """Full scale."""
    to_mm: Floats = field(metadata=SETTING)
    """The subject's unit in mm/s."""


@dataclass(frozen=True)
class Ppv:
    """ACTIVE at the first half-wave whose peak is at or above the curve at its frequency.

    CLEAR at the end of a window without one, measured throughout and not clipped. The columns are of each `window`,
    where it ends: greatest magnitude, its zero-crossing frequency (within 3 % up to a fifth of the sample rate), and
    the greatest part of its limit that any half-wave took. `curve` and `building`: din4150-3 (industrial, dwelling,
    sensitive), usbm (plaster, drywall), cfr816 (0-300ft, 301-5000ft, beyond-5000ft), gb6722 (adobe, dwelling,
    industrial, heritage, control-room, hydraulic-tunnel, traffic-tunnel, mine-roadway, rock-slope, concrete-0-3d,
    concrete-3-7d, concrete-7-28d).
    Source: DIN 4150-3 table 1; RI 8507 App. B; 30 CFR 816.67; GB 6722-2014 table 2, lower ends [R, to be confirmed].

        [rule.blast-vibration]
        sensors = ["geo-1-up"]
        detector = { kind = "seismic.ppv", curve = "gb6722", building = "rock-slope" }
        priority = "medium"
        guidance = "Compare with the blast design, inspect the slope before entry"
    """

    kind: ClassVar[str] = "seismic.ppv"
    feeds_on: ClassVar[Quality] = Quality.OUT_OF_SPAN
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"ppv": "{unit}", "frequency": "Hz", "of_limit": "1"}

    curve: str
    building: str
    window: float = 10.0
    """s."""

    def __post_init__(self) -> None:
        if self.curve not in CURVES:
            raise ValueError(f"curve is {self.curve!r}; give one of {', '.join(CURVES)}")
        if self.building not in CURVES[self.curve]:
            raise ValueError(f"building is {self.building!r}; {self.curve} has {', '.join(CURVES[self.curve])}")
        if not 1 <= self.window <= 86_400:
            raise ValueError(f"window is {self.window} s; give 1 s to a day ('10s' holds a blast)")

    @property
    def period(self) -> int:
        """ns; a shift of time by a multiple changes nothing but times."""
        return round(self.window * 1e9)

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError for what is no velocity or no waveform, and for several axes."""
        if subjects.inputs != len(subjects):
            raise ValueError("one axis a subject; leave `group` away")
        for sensor, rate in zip(subjects.input_id, subjects.rate.tolist(), strict=True):
            if not rate > 0:
                raise ValueError(f"{sensor} declares no rate; give its samples a second")
        n = len(subjects)
        return State(
            verdict=np.zeros(n, np.int8),
            rate=np.zeros(n),
            next=np.zeros(n, np.int64),
            older=np.zeros(n, np.int64),
            lag=np.zeros(n, np.int64),
            raised=np.zeros(n, np.int64),
            count=np.zeros(n, np.int64),
            last=np.zeros(n),
            start=np.zeros(n),
            peak=np.zeros(n),
            window=np.full(n, NO_WINDOW),
            gapless=np.zeros(n, np.bool_),
            clipped=np.zeros(n, np.bool_),
            top=np.zeros(n),
            top_frequency=np.zeros(n),
            worst=np.zeros(n),
            full=np.minimum(subjects.span_high, -subjects.span_low),
            to_mm=np.array([_to_mm(u) for u in subjects.input_unit]),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Packets side by side, cut at the ends of windows."""
        findings: list[Finding] = []
        ended: list[tuple[int, int, int, float, float, float]] = []
        for side in side_by_side(batch.waves):
            for packets in beyond(side, state.next, state.next > 0):
                ready = self._resume(state, packets, batch.waves, findings, ended)
                for part in _within(ready, self.period):
                    self._turn(state, part, batch.waves, findings, ended)
                    self._measure(state, part, batch.waves, findings)
        return Outcome(whole(findings), self._columns(batch.waves, ended))

    def _resume(
        self, state: State, packets: Packets, waves: Sequence[Wave], findings: list[Finding], ended: list[Any]
    ) -> Packets:
        """Those to be measured; what does not continue starts again, its window told as far as it went."""
        who, ahead = packets.sensor, packets.time - state.next[packets.sensor]
        going = state.count[who] > 0
        late = (state.next[who] > 0) & (ahead < -packets.slack)
        usable = packets.usable_but(BAD)
        if late.any():
            self._late(state, packets.only(late & usable), waves, findings)
        late &= ~set_back(packets, late, usable, state.older, state.lag)
        afresh = ~late & ~(usable & going & (np.abs(ahead) <= packets.slack) & (state.rate[who] == packets.rate))
        for k in np.flatnonzero(afresh).tolist():
            one, place = int(who[k]), int(packets.place[k])
            self._tell(state, one, place, ended)
            if state.verdict[one] == Verdict.CLEAR:
                wave, key = waves[place], "gap" if usable[k] else "no_value"
                state.verdict[one] = Verdict.UNKNOWN
                findings.append(_finding(wave, wave.time, Verdict.UNKNOWN, key))
        cut = who[afresh]
        state.rate[cut], state.count[cut], state.peak[cut], state.start[cut] = packets.rate, 0, 0.0, 0.0
        state.window[cut], state.gapless[cut] = NO_WINDOW, False
        state.last[cut] = packets.samples[afresh, 0]
        return packets.only(usable & ~late)

    def _late(self, state: State, packets: Packets, waves: Sequence[Wave], findings: list[Finding]) -> None:
        """Judge what lies before the newest gap's end by itself; of the state it moves the verdict alone."""
        who = packets.sensor
        begun = state.next[who] - np.rint(state.count[who] * (1e9 / state.rate[who])).astype(np.int64)
        packets = packets.only(packets.time < begun - packets.slack)
        if len(packets):
            blank = {name: np.zeros_like(getattr(state, name)) for name in WINDOWED}
            blank["last"][packets.sensor] = packets.samples[:, 0]
            rate = np.full_like(state.rate, packets.rate)
            self._measure(replace(state, rate=rate, **blank), packets, waves, findings, int(Quality.LATE))

    def _turn(
        self, state: State, part: Packets, waves: Sequence[Wave], findings: list[Finding], ended: list[Any]
    ) -> None:
        """End the windows that these packets have left, and begin theirs."""
        who, window = part.sensor, part.time // self.period
        for k in np.flatnonzero(state.window[who] != window).tolist():
            one, place = int(who[k]), int(part.place[k])
            going = state.window[one] != NO_WINDOW
            if going:
                self._clear(state, one, waves[place], int(window[k]) * self.period, findings)
                self._tell(state, one, place, ended)
            offset = int(part.time[k]) - int(window[k]) * self.period
            state.window[one] = window[k]
            state.gapless[one] = going or offset <= round(1e9 / part.rate)

    def _tell(self, state: State, who: int, place: int, ended: list[Any]) -> None:
        """Close the window: its three columns, a half-wave that is still open among its peaks."""
        if state.window[who] != NO_WINDOW:
            top, hertz = float(state.top[who]), float(state.top_frequency[who])
            if state.peak[who] > top:
                top, hertz = float(state.peak[who]), float(_open_frequency(state, np.array([who]))[0])
            ended.append((place, who, int(state.next[who]), top, hertz, float(state.worst[who])))
        state.top[who] = state.top_frequency[who] = state.worst[who] = 0.0
        state.clipped[who] = False

    def _clear(self, state: State, who: int, wave: Wave, time: int, findings: list[Finding]) -> None:
        """CLEAR after a whole window below the curve."""
        was, below = state.verdict[who], state.worst[who] < 1
        if was == Verdict.ACTIVE and state.next[who] <= state.raised[who]:
            return
        if below and state.clipped[who] and was == Verdict.CLEAR:
            state.verdict[who] = Verdict.UNKNOWN
            findings.append(_finding(wave, time, Verdict.UNKNOWN, "clipped"))
        elif below and not state.clipped[who] and state.gapless[who] and was != Verdict.CLEAR:
            state.verdict[who] = Verdict.CLEAR
            top = float(max(state.top[who], state.peak[who]))
            findings.append(_finding(wave, time, Verdict.CLEAR, "below", value=top))

    def _measure(
        self, state: State, part: Packets, waves: Sequence[Wave], findings: list[Finding], flags: int = 0
    ) -> None:
        """Take the packets in; of what they raise `flags` are said."""
        who = part.sensor
        halves = half_waves(
            part.samples, state.last[who], state.start[who], state.peak[who], state.count[who], part.rate
        )
        state.last[who], state.next[who] = part.samples[:, -1], part.time_of(part.length)
        state.start[who], state.peak[who] = halves.open_start, halves.open_peak
        state.count[who] += part.length
        state.clipped[who] |= (np.abs(part.samples) >= state.full[who][:, None]).any(axis=1)
        limit = self._limit(state, who[halves.channel], halves.frequency)
        taken = halves.peak / limit
        self._top(state, who, halves, taken)
        open_limit = self._limit(state, who, _open_frequency(state, who))
        open_taken = halves.open_peak / open_limit
        state.worst[who] = np.maximum(state.worst[who], open_taken)
        alarming = (state.worst[who] >= 1) & (state.verdict[who] != Verdict.ACTIVE)
        for k in np.flatnonzero(alarming).tolist():
            over = np.flatnonzero((halves.channel == k) & (taken >= 1))
            wave, one = waves[part.place[k]], int(who[k])
            if len(over):
                h = int(over[0])
                time, at = int(part.time[k]) + round(int(halves.end[h]) * 1e9 / part.rate), float(limit[h])
                value, hertz = float(halves.peak[h]), float(halves.frequency[h])
            else:
                time, at = int(state.next[one]), float(open_limit[k])
                value, hertz = float(halves.open_peak[k]), float(_open_frequency(state, who[k : k + 1])[0])
            state.verdict[one], state.raised[one] = Verdict.ACTIVE, time
            numbers = {"frequency": hertz, **marks(wave, flags)}
            findings.append(_finding(wave, time, Verdict.ACTIVE, "above", value=value, limit=at, **numbers))

    def _top(self, state: State, who: Indices, halves: HalfWaves, taken: Floats) -> None:
        """Take the greatest of the half-waves of each channel into its window."""
        if not len(halves.channel):
            return
        first = np.flatnonzero(np.concatenate(([True], halves.channel[1:] != halves.channel[:-1])))
        channel = halves.channel[first]
        greatest = np.maximum.reduceat(halves.peak, first)
        lengths = np.diff(np.append(first, len(halves.channel)))
        hits = np.flatnonzero(halves.peak == np.repeat(greatest, lengths))
        hit = hits[np.searchsorted(hits, first)]
        mine = who[channel]
        higher = greatest > state.top[mine]
        state.top[mine[higher]] = greatest[higher]
        state.top_frequency[mine[higher]] = halves.frequency[hit[higher]]
        state.worst[mine] = np.maximum(state.worst[mine], np.maximum.reduceat(taken, first))

    def _limit(self, state: State, who: Indices, hertz: Floats) -> Floats:
        """In the subject's unit."""
        limit: Floats = vibration_limit(self.curve, self.building, hertz) / state.to_mm[who]
        return limit

    def _columns(self, waves: Sequence[Wave], ended: list[tuple[int, int, int, float, float, float]]) -> list[Column]:
        if not ended:
            return []
        place, who, time, *values = (np.array(column) for column in zip(*ended, strict=True))
        return [
            wave_column(name, unit, who, waves, place, time, value)
            for (name, unit), value in zip(self.columns.items(), values, strict=True)
        ]


def _within(packets: Packets, period: int) -> Iterator[Packets]:
    """Parts of the packets that lie in one window each, in order."""
    while len(packets):
        edge = (packets.time // period + 1) * period
        inside = np.ceil((edge - packets.time) * (packets.rate / 1e9) - 1e-6).astype(np.int64)
        inside = np.clip(inside, 1, packets.length)
        shortest = int(inside.min())
        if shortest == packets.length:
            yield packets
            return
        yield packets.part(0, shortest)
        packets = packets.part(shortest, packets.length)


def _open_frequency(state: State, who: Indices) -> Floats:
    """Hz that the half-wave that is open can at most have."""
    return frequency(state.count[who] - 1 - state.start[who], 1.0) * state.rate[who]


def _to_mm(unit: str) -> float:
    try:
        return convert(1.0, unit or "1", "mm/s")
    except UnitError as error:
        raise ValueError(f"ground velocity is asked for, like mm/s: {error}") from None


def _finding(
    wave: Wave,
    time: int,
    verdict: Verdict,
    key: str,
    value: float | None = None,
    limit: float | None = None,
    **numbers: float,
) -> Finding:
    return Finding(wave.arrived, wave.row, wave.sensor, verdict, time, value, limit, Why(f"seismic.ppv.{key}", numbers))
