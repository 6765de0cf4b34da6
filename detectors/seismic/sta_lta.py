"""Trigger on the ratio of a short to a long mean of signal energy, on waveforms as they stream in.

Constraints. Packets of any length give the ratio of the whole trace, bit for bit. Nothing is said before the long
window is full; a gap, a bad packet or another rate starts it again. Times are near the onset, not at it.
Cannot find: emergent onsets, events inside the coda of a stronger one; it triggers on blasts and machines as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

from detectors.detector import Column, Finding, Outcome, Subjects, Verdict, Why, whole
from detectors.reading import FAULTS, Batch, Floats, Quality, Times, Wave

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
        """Packet by packet."""
        findings: list[Finding] = []
        peaks: list[tuple[Wave, int, float]] = []
        for wave in batch.waves:
            late = state.seen[wave.sensor] and wave.time < state.next[wave.sensor] - _slack(wave)
            if late or not len(wave.samples):
                continue
            findings += self._resume(state, wave)
            if not _usable(wave, self.high):
                continue
            ratio, full = self._ratio(state, wave)
            findings += self._trigger(state, wave, ratio, full)
            if full < len(ratio):
                peak = full + int(ratio[full:].argmax())
                peaks.append((wave, _time_of(wave, peak), float(ratio[peak])))
        return Outcome(whole(findings), [_column(peaks)] if peaks else ())

    def _resume(self, state: State, wave: Wave) -> list[Finding]:
        """Start again if the packet does not continue the last one; a clear verdict is then unknown."""
        who = wave.sensor
        late = abs(wave.time - int(state.next[who])) > _slack(wave)
        usable = _usable(wave, self.high)
        if usable and state.seen[who] and not late and state.rate[who] == wave.rate:
            return []
        state.rate[who] = wave.rate
        state.seen[who], state.filter[who] = 0, 0.0
        state.sta[who], state.lta[who] = 0.0, TINY
        if state.verdict[who] != Verdict.CLEAR:
            return []
        state.verdict[who] = Verdict.UNKNOWN
        return [_finding(wave, wave.time, Verdict.UNKNOWN, None, None, "gap" if usable else "no_value")]

    def _ratio(self, state: State, wave: Wave) -> tuple[Floats, int]:
        """(ratio at each sample, first index at which the long window is full)."""
        who = wave.sensor
        seen, short, long = int(state.seen[who]), *_lengths(self.sta, self.lta, wave.rate)
        band, state.filter[who] = sosfilt(_band(self.low, self.high, wave.rate), wave.samples, zi=state.filter[who])
        energy = band[1:] ** 2 if seen == 0 else band**2
        ratio = np.zeros(len(band))
        if len(energy):
            sta, lta = _mean(energy, short, float(state.sta[who])), _mean(energy, long, float(state.lta[who]))
            state.sta[who], state.lta[who] = sta[-1], lta[-1]
            ratio[-len(energy) :] = np.divide(sta, lta, out=np.zeros(len(sta)), where=lta > 0)
        state.seen[who] = seen + len(band)
        state.next[who] = _time_of(wave, len(band))
        full = max(0, min(len(band), long - seen))
        ratio[:full] = 0.0
        return ratio, full

    def _trigger(self, state: State, wave: Wave, ratio: Floats, full: int) -> list[Finding]:
        who, findings = wave.sensor, []
        verdict = Verdict(int(state.verdict[who]))
        if verdict is Verdict.UNKNOWN and full < len(ratio):
            verdict = Verdict.CLEAR
            findings.append(_finding(wave, _time_of(wave, full), verdict, float(ratio[full]), self.on, "quiet"))
        place = full
        while place < len(ratio):
            ahead = ratio[place:] <= self.off if verdict is Verdict.ACTIVE else ratio[place:] > self.on
            if verdict is Verdict.UNKNOWN or not ahead.any():
                break
            place += int(ahead.argmax())
            verdict = Verdict.CLEAR if verdict is Verdict.ACTIVE else Verdict.ACTIVE
            key = "triggered" if verdict is Verdict.ACTIVE else "quiet"
            findings.append(_finding(wave, _time_of(wave, place), verdict, float(ratio[place]), self.on, key))
        state.verdict[who] = verdict
        return findings


@cache
def _band(low: float, high: float, rate: float) -> Floats:
    return np.asarray(butter(ORDER, [low, high], btype="bandpass", fs=rate, output="sos"), np.float64)


def _lengths(sta: float, lta: float, rate: float) -> tuple[int, int]:
    return max(1, round(sta * rate)), max(2, round(lta * rate))


def _mean(energy: Floats, length: int, before: float) -> Floats:
    c = 1.0 / length
    mean, _ = lfilter([c], [1.0, c - 1.0], energy, zi=[(1.0 - c) * before])
    return np.asarray(mean, np.float64)


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
