"""Trigger on the ratio of a short to a long mean of signal energy, on waveforms as they stream in.

Constraints. Packets of any length give the ratio of the whole trace, bit for bit. Nothing is said before the long
window is full; a gap, a bad packet or another rate starts it again, and so does a clock that was set back, once only
older packets came for 10 s and two packets, as fast as they were measured; they clear nothing that is later by its
time. Of packets that overlap each sample counts once; what comes after later
ones is left out. Times are near the onset, not at it.
Cannot find: emergent onsets, events inside the coda of a stronger one; it triggers on blasts and machines as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, TypeAlias

import numpy as np
import scipy
from numpy.typing import NDArray

from detectors.detector import Column, Finding, Outcome, Subjects, Verdict, Why, whole
from detectors.packets import Packets, beyond, set_back, side_by_side, wave_column
from detectors.reading import Batch, Floats, Indices, Quality, Times, Wave

ORDER = 4
TINY = 1e-99
"""Where the long mean begins, as in ObsPy: it keeps the first ratio finite."""
LEAST = 5e-324
"""What a long mean of nothing but zeros is divided by: the ratio is then 0."""
GREATEST = 1e150
"""What is greater counts as it: an infinite energy would stay in a mean for ever."""
WIDE = 64
"""From so many channels on, a step of all of them at once is cheaper than a filter along each."""
_UNKNOWN, _CLEAR, _ACTIVE = (np.int8(verdict) for verdict in (Verdict.UNKNOWN, Verdict.CLEAR, Verdict.ACTIVE))
"""Comparing an array with the enumeration's own member costs four times as much."""
Peaks: TypeAlias = tuple[Indices, Indices, Times, Floats]
"""(place among the waves, subject, time, value), an entry a packet."""


@dataclass(slots=True)
class State:
    """(N,) unless said."""

    verdict: NDArray[np.int8]
    rate: Floats
    """Samples a second; 0 before the first packet."""
    next: Times
    """Time of the sample that should come next."""
    older: Times
    """Arrival of the first of a row of late packets; 0: the newest was not late."""
    lag: Times
    """Its arrival less its time."""
    raised: Times
    """Time of what raised last: nothing from before it clears."""
    seen: NDArray[np.int64]
    """Samples since the start or the last gap."""
    filter: Floats
    """(N, 4, 2) the band-pass's delays."""
    sta: Floats
    lta: Floats


@dataclass(frozen=True)
class StaLta:
    """ACTIVE while triggered: from the first ratio above `on` to the last above `off`.

    Butterworth band-pass of order 4 from `low` to `high` Hz, then recursive means over `sta` and `lta` s. The column
    `ratio` is the greatest of each packet, at its sample's time.
    Source: Allen 1978; recursive form as obspy.signal.trigger.recursive_sta_lta (equal bit for bit).

        [rule.tremor]
        sensors = ["geo-1-up"]
        detector = { kind = "seismic.sta_lta", low = 2, high = 40, sta = 0.2, lta = 5, on = 4, off = 1.5 }
        priority = "low"
        guidance = "Look at the event, count it"
    """

    kind: ClassVar[str] = "seismic.sta_lta"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"ratio": "1"}

    low: float = 2.0
    high: float = 40.0
    sta: float = 0.2
    lta: float = 5.0
    on: float = 4.0
    off: float = 1.5

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(f"low is {self.low}, high is {self.high} Hz; give 0 < low < high")
        if not 0 < self.sta < self.lta:
            raise ValueError(f"sta is {self.sta}, lta is {self.lta} s; give 0 < sta < lta (0.2 and 5 are usual)")
        if not 0 < self.off <= self.on:
            raise ValueError(f"off is {self.off}, on is {self.on}; give 0 < off <= on (1.5 and 4 are usual)")

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where the declared rate cannot carry the band."""
        for sensor, rate in zip(subjects.input_id, subjects.rate.tolist(), strict=True):
            if rate <= 2 * self.high or rate * self.sta < 1:
                raise ValueError(f"{sensor} has {rate:g} samples a second; high must be below {rate / 2:g} Hz")
            _band(self.low, self.high, rate)  # SciPy loads its filters here, not amid the first packet
        n = len(subjects)
        return State(
            verdict=np.zeros(n, np.int8),
            rate=np.zeros(n),
            next=np.zeros(n, np.int64),
            older=np.zeros(n, np.int64),
            lag=np.zeros(n, np.int64),
            raised=np.zeros(n, np.int64),
            seen=np.zeros(n, np.int64),
            filter=np.zeros((n, ORDER, 2)),
            sta=np.zeros(n),
            lta=np.full(n, TINY),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Packets side by side where no sensor repeats and their length and rate agree."""
        findings: list[Finding] = []
        peaks: list[Peaks] = []
        for side in side_by_side(batch.waves):
            for packets in beyond(side, state.next, state.next > 0):
                ready = self.resume(state, packets, batch.waves, findings)
                if len(ready):
                    ratio, full, _ = self.characteristic(state, ready)
                    self.triggers(state, ready, batch.waves, ratio, full, findings)
                    peaks.append(_peaks(ready, ratio, full))
        return Outcome(whole(findings), _columns(batch.waves, peaks))

    def resume(self, state: State, packets: Packets, waves: Sequence[Wave], findings: list[Finding]) -> Packets:
        """Those to be filtered; what does not continue starts again, and a clear verdict is then unknown."""
        who, place = packets.sensor, packets.place_in(len(state.seen))
        ahead, usable = packets.time - state.next[place], packets.usable & (packets.rate > 2 * self.high)
        going = state.seen[place] > 0
        goes_on = usable & going & (np.abs(ahead) <= packets.slack) & (state.rate[place] == packets.rate)
        late = (state.next[place] > 0) & (ahead < -packets.slack)
        late &= ~set_back(packets, late, usable, state.older, state.lag)
        if goes_on.all():
            return packets
        afresh = ~late & ~goes_on
        if afresh.any():
            cut = who[afresh]
            state.rate[cut] = packets.rate
            state.seen[cut], state.filter[cut] = 0, 0.0
            state.sta[cut], state.lta[cut] = 0.0, TINY
            for k in np.flatnonzero(afresh & (state.verdict[who] == Verdict.CLEAR)).tolist():
                state.verdict[who[k]] = Verdict.UNKNOWN
                wave, key = waves[packets.place[k]], "gap" if usable[k] else "no_value"
                findings.append(_finding(wave, wave.time, Verdict.UNKNOWN, None, None, key))
        return packets.only(usable & ~late)

    def characteristic(self, state: State, packets: Packets) -> tuple[Floats, Indices, Floats]:
        """(C, L) ratio at each sample of C packets, 0 until the LTA is full; (C,) where that is; (C, L) band."""
        who, rate, length = packets.place_in(len(state.seen)), packets.rate, packets.length
        seen = state.seen[who]
        band, delays = scipy.signal.sosfilt(
            _band(self.low, self.high, rate), packets.samples, axis=-1, zi=state.filter[who].transpose(1, 0, 2)
        )
        energy = np.minimum(np.abs(band), GREATEST)
        energy *= energy
        if not seen.all():
            energy[seen == 0, 0] = 0.0  # as in ObsPy, the means begin at the second sample
        short, long = max(1, round(self.sta * rate)), max(2, round(self.lta * rate))
        sta, lta = _means(energy, (short, long), (state.sta[who], state.lta[who]))
        ratio = sta / np.maximum(lta, LEAST)
        full = np.minimum(np.maximum(long - seen, 0), length)
        if full.any():
            ratio[np.arange(length) < full[:, None]] = 0.0
        state.filter[who] = delays.transpose(1, 0, 2)
        state.sta[who], state.lta[who] = sta[:, -1], lta[:, -1]
        state.seen[who] = seen + length
        state.next[who] = packets.time_of(length)
        return ratio, full, band

    def triggers(
        self,
        state: State,
        packets: Packets,
        waves: Sequence[Wave],
        ratio: Floats,
        full: Indices,
        findings: list[Finding],
    ) -> None:
        """Every crossing of `on` and `off`, and where the long window became full."""
        verdict = state.verdict[packets.place_in(len(state.verdict))]
        if (verdict == _CLEAR).all() and ratio.max() <= self.on:
            return
        active = verdict == _ACTIVE
        moves = ratio.max(axis=1) > self.on
        if active.any():
            moves[active] = ratio[active].min(axis=1) <= self.off
        moves = (moves | (verdict == _UNKNOWN)) & (full < packets.length)
        for k in np.flatnonzero(moves).tolist():
            wave, begin = waves[packets.place[k]], int(packets.time[k])
            findings += self._trigger(state, wave, begin, ratio[k], int(full[k]))

    def _trigger(self, state: State, wave: Wave, begin: int, ratio: Floats, full: int) -> list[Finding]:
        findings: list[Finding] = []
        who, place, step = wave.sensor, full, 1e9 / wave.rate
        verdict = Verdict(int(state.verdict[who]))
        if verdict is Verdict.ACTIVE and begin <= state.raised[who]:
            return findings
        if verdict is Verdict.UNKNOWN:
            verdict = Verdict.CLEAR
            findings.append(_finding(wave, begin + round(full * step), verdict, float(ratio[full]), self.on, "quiet"))
        while True:
            ahead = ratio[place:] <= self.off if verdict is Verdict.ACTIVE else ratio[place:] > self.on
            if not ahead.any():
                break
            place += int(ahead.argmax())
            verdict = Verdict.CLEAR if verdict is Verdict.ACTIVE else Verdict.ACTIVE
            key, time = "triggered" if verdict is Verdict.ACTIVE else "quiet", begin + round(place * step)
            if verdict is Verdict.ACTIVE:
                state.raised[who] = time
            findings.append(_finding(wave, time, verdict, float(ratio[place]), self.on, key))
        state.verdict[who] = verdict
        return findings


@cache
def _band(low: float, high: float, rate: float) -> Floats:
    return np.asarray(scipy.signal.butter(ORDER, [low, high], btype="bandpass", fs=rate, output="sos"), np.float64)


def _means(energy: Floats, lengths: tuple[int, int], before: tuple[Floats, Floats]) -> Sequence[Floats]:
    """Two recursive means along the last axis: m = e / length + (1 - 1 / length) m. The same bits either way."""
    if len(energy) < WIDE:
        return [_mean(energy, 1.0 / length, held) for length, held in zip(lengths, before, strict=True)]
    share = 1.0 / np.array(lengths)[:, None]
    keep = np.broadcast_to(1.0 - share, (2, len(energy))).copy()
    kept = keep * before
    means = np.multiply(energy.T[:, None, :], share, out=np.empty((energy.shape[1], *kept.shape)))
    for mean in means:
        np.add(mean, kept, mean)
        np.multiply(mean, keep, kept)
    return [means[:, k].T for k in range(2)]


def _mean(energy: Floats, share: float, before: Floats) -> Floats:
    mean, _ = scipy.signal.lfilter([share], [1.0, share - 1.0], energy, axis=-1, zi=((1.0 - share) * before)[:, None])
    return np.asarray(mean, np.float64)


def _peaks(packets: Packets, ratio: Floats, full: Indices) -> Peaks:
    """The greatest ratio of each packet in which the long window is full."""
    place = np.maximum(ratio.argmax(axis=1), full)
    time, value, told = packets.time_of(place), ratio.max(axis=1), full < packets.length
    if told.all():
        return packets.place, packets.sensor, time, value
    return packets.place[told], packets.sensor[told], time[told], value[told]


def _columns(waves: Sequence[Wave], peaks: list[Peaks]) -> list[Column]:
    if not any(len(place) for place, *_ in peaks):
        return []
    place, who, time, value = peaks[0] if len(peaks) == 1 else map(np.concatenate, zip(*peaks, strict=True))
    return [wave_column("ratio", "1", who, waves, place, time, value)]


def _finding(wave: Wave, time: int, verdict: Verdict, value: float | None, limit: float | None, key: str) -> Finding:
    why = Why(f"seismic.sta_lta.{key}")
    return Finding(wave.arrived, wave.row, wave.sensor, verdict, time, value, limit, why)
