"""Trigger on the ratio of a short to a long mean of signal energy, on waveforms as they stream in.

Constraints. Packets of any length give the ratio of the whole trace, bit for bit. Nothing is said before the long
window is full; a gap, a bad packet or another rate starts it again. Times are near the onset, not at it.
Cannot find: emergent onsets, events inside the coda of a stronger one; it triggers on blasts and machines as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

from detectors.detector import Column, Finding, Outcome, Subjects, Verdict, Why, whole
from detectors.reading import FAULTS, Batch, Floats, Indices, Quality, Times, Wave

ORDER = 4
TINY = 1e-99
"""Where the long mean begins, as in ObsPy: it keeps the first ratio finite."""


@dataclass(slots=True)
class State:
    """(N,) unless said."""

    verdict: NDArray[np.int8]
    rate: Floats
    """Samples a second; 0 before the first packet."""
    next: Times
    """Time of the sample that should come next."""
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
        n = len(subjects)
        return State(
            verdict=np.zeros(n, np.int8),
            rate=np.zeros(n),
            next=np.zeros(n, np.int64),
            seen=np.zeros(n, np.int64),
            filter=np.zeros((n, ORDER, 2)),
            sta=np.zeros(n),
            lta=np.full(n, TINY),
        )

    def step(self, state: Any, batch: Batch) -> Outcome:
        """Packets side by side where no sensor repeats and their length and rate agree."""
        findings: list[Finding] = []
        peaks: list[tuple[Wave, int, float]] = []
        for group in _groups(batch.waves):
            ready = []
            for wave in group:
                if state.seen[wave.sensor] and wave.time < state.next[wave.sensor] - _slack(wave):
                    continue
                findings += self._resume(state, wave)
                if _usable(wave, self.high):
                    ready.append(wave)
            if ready:
                ratio, full = self._ratio(state, ready)
                findings += self._triggers(state, ready, ratio, full)
                peaks += _peaks(ready, ratio, full)
        return Outcome(whole(findings), [_column(peaks)] if peaks else ())

    def _resume(self, state: State, wave: Wave) -> list[Finding]:
        """Start again if the packet does not continue the last one; a clear verdict is then unknown."""
        who = wave.sensor
        away = abs(wave.time - int(state.next[who])) > _slack(wave)
        usable = _usable(wave, self.high)
        if usable and state.seen[who] and not away and state.rate[who] == wave.rate:
            return []
        state.rate[who] = wave.rate
        state.seen[who], state.filter[who] = 0, 0.0
        state.sta[who], state.lta[who] = 0.0, TINY
        if state.verdict[who] != Verdict.CLEAR:
            return []
        state.verdict[who] = Verdict.UNKNOWN
        return [_finding(wave, wave.time, Verdict.UNKNOWN, None, None, "gap" if usable else "no_value")]

    def _ratio(self, state: State, waves: list[Wave]) -> tuple[Floats, Indices]:
        """(C, L) ratio at each sample of C packets, 0 before the long window is full; (C,) where that is."""
        who = np.array([w.sensor for w in waves], np.intp)
        seen, rate = state.seen[who], waves[0].rate
        samples = np.stack([w.samples for w in waves])
        delays = np.ascontiguousarray(state.filter[who].transpose(1, 0, 2))
        band, delays = sosfilt(_band(self.low, self.high, rate), samples, axis=-1, zi=delays)
        energy = band**2
        energy[seen == 0, 0] = 0.0  # as in ObsPy, the means begin at the second sample
        short, long = max(1, round(self.sta * rate)), max(2, round(self.lta * rate))
        sta, lta = _mean(energy, short, state.sta[who]), _mean(energy, long, state.lta[who])
        ratio = np.divide(sta, lta, out=np.zeros(sta.shape), where=lta > 0)
        full = np.clip(long - seen, 0, samples.shape[1])
        ratio[np.arange(samples.shape[1]) < full[:, None]] = 0.0
        state.filter[who] = delays.transpose(1, 0, 2)
        state.sta[who], state.lta[who] = sta[:, -1], lta[:, -1]
        state.seen[who] = seen + samples.shape[1]
        state.next[who] = [_time_of(w, len(w.samples)) for w in waves]
        return ratio, full

    def _triggers(self, state: State, waves: list[Wave], ratio: Floats, full: Indices) -> list[Finding]:
        verdict = state.verdict[[w.sensor for w in waves]]
        counts = np.arange(ratio.shape[1]) >= full[:, None]
        moves = np.where((verdict == Verdict.ACTIVE)[:, None], ratio <= self.off, ratio > self.on) & counts
        moves |= (verdict == Verdict.UNKNOWN)[:, None] & counts
        findings = []
        for k in np.flatnonzero(moves.any(axis=1)).tolist():
            findings += self._trigger(state, waves[k], ratio[k], int(full[k]))
        return findings

    def _trigger(self, state: State, wave: Wave, ratio: Floats, full: int) -> list[Finding]:
        who, findings, place = wave.sensor, [], full
        verdict = Verdict(int(state.verdict[who]))
        if verdict is Verdict.UNKNOWN:
            verdict = Verdict.CLEAR
            findings.append(_finding(wave, _time_of(wave, full), verdict, float(ratio[full]), self.on, "quiet"))
        while True:
            ahead = ratio[place:] <= self.off if verdict is Verdict.ACTIVE else ratio[place:] > self.on
            if not ahead.any():
                break
            place += int(ahead.argmax())
            verdict = Verdict.CLEAR if verdict is Verdict.ACTIVE else Verdict.ACTIVE
            key = "triggered" if verdict is Verdict.ACTIVE else "quiet"
            findings.append(_finding(wave, _time_of(wave, place), verdict, float(ratio[place]), self.on, key))
        state.verdict[who] = verdict
        return findings


def _groups(waves: Sequence[Wave]) -> Iterator[list[Wave]]:
    """Runs of packets, in order, in which no sensor repeats and length and rate agree; empty ones are left out."""
    group: list[Wave] = []
    seen: set[int] = set()
    for wave in waves:
        if not len(wave.samples):
            continue
        alike = group and len(group[0].samples) == len(wave.samples) and group[0].rate == wave.rate
        if group and (wave.sensor in seen or not alike):
            yield group
            group, seen = [], set()
        group.append(wave)
        seen.add(wave.sensor)
    if group:
        yield group


@cache
def _band(low: float, high: float, rate: float) -> Floats:
    return np.asarray(butter(ORDER, [low, high], btype="bandpass", fs=rate, output="sos"), np.float64)


def _mean(energy: Floats, length: int, before: Floats) -> Floats:
    """Recursive mean along the last axis: m = e / length + (1 - 1 / length) m."""
    c = 1.0 / length
    mean, _ = lfilter([c], [1.0, c - 1.0], energy, axis=-1, zi=((1.0 - c) * before)[:, None])
    return np.asarray(mean, np.float64)


def _peaks(waves: list[Wave], ratio: Floats, full: Indices) -> list[tuple[Wave, int, float]]:
    place = ratio.argmax(axis=1)
    length = ratio.shape[1]
    out = []
    for k, wave in enumerate(waves):
        if full[k] < length:
            peak = max(int(place[k]), int(full[k]))
            out.append((wave, _time_of(wave, peak), float(ratio[k, peak])))
    return out


def _usable(wave: Wave, high: float) -> bool:
    return not wave.quality & FAULTS and wave.rate > 2 * high and bool(np.isfinite(wave.samples).all())


def _slack(wave: Wave) -> float:
    """ns; half a sample."""
    return 0.5e9 / wave.rate


def _time_of(wave: Wave, sample: int) -> int:
    return wave.time + round(sample * 1e9 / wave.rate)


def _finding(wave: Wave, time: int, verdict: Verdict, value: float | None, limit: float | None, key: str) -> Finding:
    why = Why(f"seismic.sta_lta.{key}")
    return Finding(wave.arrived, wave.row, wave.sensor, verdict, time, value, limit, why)


def _column(peaks: list[tuple[Wave, int, float]]) -> Column:
    who = np.array([w.sensor for w, _, _ in peaks], np.intp)
    arrived, row = np.array([w.arrived for w, _, _ in peaks]), np.array([w.row for w, _, _ in peaks])
    value = np.array([ratio for _, _, ratio in peaks])
    time = np.array([t for _, t, _ in peaks])
    return Column("ratio", "1", who, time, arrived, row, value, np.zeros(len(who), np.uint8))
