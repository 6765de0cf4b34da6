"""Onset of an event: the sample at which the band-passed trace stops being noise, in a window around the trigger.

Constraints. Told once the window after the trigger is whole. One onset an event: a trigger that stands, or comes again
within `apart` (coda), is not picked. Times are those of the band-passed trace, which its filter delays a little.
Cannot find: emergent onsets (no corner to find), S after P, whether it was a blast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column, Finding, Outcome, Subjects, Verdict, Why, whole
from detectors.packets import Packets, beyond, side_by_side, wave_column
from detectors.reading import Batch, Floats, Quality, Times, Wave
from detectors.seismic import sta_lta
from detectors.seismic.sta_lta import StaLta

KEPT = 1800
"""Samples that a window may have."""
LEAST = 8
NOT_WAITING = -1
NEVER_BEFORE = np.iinfo(np.int64).min


def aic(samples: Floats) -> Floats:
    """Akaike's criterion of a change of variance after each sample; its minimum is the onset.

    k log Var(a[:k]) + (n - k - 1) log Var(a[k:]), running variances after Welford; entry k - 1 is of k, the last one
    repeats. Source: Maeda 1985, as obspy.signal.trigger.aic_simple.
    """
    count = len(samples)
    out = np.zeros(count)
    if count <= 2:
        return out
    order = np.arange(2, count)
    with np.errstate(divide="ignore"):
        out[1 : count - 1] = order * np.log(_variances(samples[:-1].tolist()))
        out[: count - 2] += ((order - 1) * np.log(_variances(samples[:0:-1].tolist())))[::-1]
    out[-1] = out[-2]
    return out


def _variances(values: list[float]) -> Floats:
    """Population variance of the first 2, 3, ... of them."""
    mean, summed, out = values[0], 0.0, []
    for count, value in enumerate(values[1:], 2):
        delta = value - mean
        mean += delta / count
        summed += delta * (value - mean)
        out.append(summed / count)
    return np.array(out)


@dataclass(slots=True)
class State:
    """(N,) unless said; from `triggered` to `lta` it is the trigger's (sta_lta.State), whose verdict that is."""

    verdict: NDArray[np.int8]
    triggered: NDArray[np.int8]
    rate: Floats
    next: Times
    older: Times
    lag: Times
    raised: Times
    seen: NDArray[np.int64]
    filter: Floats
    """(N, 4, 2)."""
    sta: Floats
    lta: Floats
    ring: Floats
    """(N, W) newest band-passed samples, the newest last; W is the longest window of any subject."""
    wait: NDArray[np.int64]
    """Samples until the window is whole; -1: no onset is looked for."""
    onset: Times
    """Of the last event; the trigger's time where none was found."""
    trigger: Times
    """Time of the trigger whose window is awaited."""
    over: NDArray[np.bool_]
    """It went off meanwhile."""


@dataclass(frozen=True)
class Pick:
    """ACTIVE at an onset, until the trigger (seismic.sta_lta with the same words) is off.

    The window reaches from `before` to `after` s around the trigger; the onset is where Akaike's criterion of its
    band-passed samples is least. The column `onset` is in s since 1970 UTC, `snr` the standard deviation after it over
    that before. Where the criterion has no least value (a dead channel) the trigger's time stands, without columns.
    Source: Maeda 1985; equal to obspy.signal.trigger.aic_simple within 1e-9.

        [rule.onset]
        sensors = ["geo-1-up"]
        detector = { kind = "seismic.pick", low = 2, high = 40, sta = 0.2, lta = 5, on = 4, off = 1.5 }
        priority = "log"
        guidance = "Locate the event"
    """

    kind: ClassVar[str] = "seismic.pick"
    feeds_on: ClassVar[Quality] = Quality.GOOD
    limit_parameters: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Mapping[str, str]] = {"onset": "s", "snr": "1"}
    compares: ClassVar[str] = "1"

    low: float = 2.0
    high: float = 40.0
    sta: float = 0.2
    lta: float = 5.0
    on: float = 4.0
    off: float = 1.5
    before: float = 1.0
    """s."""
    after: float = 0.5
    """s."""
    apart: float = 2.0
    """s; a trigger that comes sooner after the last is its coda."""

    def __post_init__(self) -> None:
        _ = self.detection
        if not 0 < self.before <= self.lta:
            raise ValueError(f"before is {self.before} s; give noise before the trigger, above 0 and at most lta")
        if not 0 < self.after <= 60:
            raise ValueError(f"after is {self.after} s; give a little of the event, like 0.5 s")
        if not self.after <= self.apart <= 3600:
            raise ValueError(f"apart is {self.apart} s; give how long a coda may last, from `after` to an hour")

    @property
    def detection(self) -> StaLta:
        """The trigger."""
        return StaLta(self.low, self.high, self.sta, self.lta, self.on, self.off)

    def start(self, subjects: Subjects) -> State:
        """Every verdict unknown. Raises ValueError where the rate cannot carry the band or the window."""
        trigger = self.detection.start(subjects)
        width = 0
        for sensor, rate in zip(subjects.input_id, subjects.rate.tolist(), strict=True):
            size = sum(self._sides(rate))
            width = max(width, size)
            if not LEAST <= size <= KEPT:
                raise ValueError(f"before and after are {size} samples of {sensor}; give {LEAST} to {KEPT}")
        n = len(subjects)
        return State(
            verdict=np.zeros(n, np.int8),
            triggered=trigger.verdict,
            rate=trigger.rate,
            next=trigger.next,
            older=trigger.older,
            lag=trigger.lag,
            raised=trigger.raised,
            seen=trigger.seen,
            filter=trigger.filter,
            sta=trigger.sta,
            lta=trigger.lta,
            ring=np.zeros((n, width)),
            wait=np.full(n, NOT_WAITING),
            onset=np.full(n, NEVER_BEFORE),
            trigger=np.zeros(n, np.int64),
            over=np.zeros(n, np.bool_),
        )

    def _sides(self, rate: float) -> tuple[int, int]:
        """Samples before and after the trigger."""
        return max(4, round(self.before * rate)), max(4, round(self.after * rate))

    def step(self, state: Any, batch: Batch) -> Outcome:
        """The trigger over packets side by side; onsets where one is looked for."""
        findings: list[Finding] = []
        onsets: list[tuple[int, int, int, float, float]] = []
        detection, trigger = self.detection, _trigger_of(state)
        for packets in (p for side in side_by_side(batch.waves) for p in beyond(side, state.next, state.next > 0)):
            begun: list[Finding] = []
            ready = detection.resume(trigger, packets, batch.waves, begun)
            self._interrupted(state, packets, batch.waves, begun, findings)
            if len(ready):
                ratio, full, band = detection.characteristic(trigger, ready)
                turns: list[Finding] = []
                detection.triggers(trigger, ready, batch.waves, ratio, full, turns)
                self._follow(state, ready, batch.waves, band, turns, findings, onsets)
        return Outcome(whole(findings), self._columns(batch.waves, onsets))

    def _interrupted(
        self, state: State, packets: Packets, waves: Sequence[Wave], begun: list[Finding], findings: list[Finding]
    ) -> None:
        """Where samples are missing the window is given up, and a clear verdict is unknown."""
        keys = {f.subject: f.why.key.rpartition(".")[2] for f in begun}
        sensor = packets.sensor
        lost = (state.seen[sensor] == 0) & ((state.wait[sensor] >= 0) | (state.verdict[sensor] == Verdict.CLEAR))
        for k in np.flatnonzero(lost).tolist():
            who, wave = int(packets.sensor[k]), waves[packets.place[k]]
            state.wait[who] = NOT_WAITING
            if state.verdict[who] == Verdict.CLEAR:
                state.verdict[who] = Verdict.UNKNOWN
                key = keys.get(who, "gap")
                findings.append(_finding(wave, wave.time, Verdict.UNKNOWN, None, key))

    def _follow(
        self,
        state: State,
        packets: Packets,
        waves: Sequence[Wave],
        band: Floats,
        turns: list[Finding],
        findings: list[Finding],
        onsets: list[tuple[int, int, int, float, float]],
    ) -> None:
        """Keep the newest samples of all; follow those that trigger or wait."""
        who, length = packets.sensor, packets.length
        longer = np.concatenate((state.ring[who], band), axis=1)
        state.ring[who] = longer[:, length:]
        mine: dict[int, list[Finding]] = {}
        for turn in turns:
            mine.setdefault(turn.subject, []).append(turn)
        told = np.flatnonzero((state.wait[who] >= 0) | np.isin(who, list(mine))).tolist()
        for k in told:
            one, wave, width = int(who[k]), waves[packets.place[k]], state.ring.shape[1]
            for turn in mine.get(one, ()):
                sample = round((turn.time - int(packets.time[k])) * packets.rate / 1e9)
                self._pick(state, wave, int(packets.place[k]), longer[k], sample, width, findings, onsets)
                self._turn(state, wave, turn, sample, packets.rate, findings)
            self._pick(state, wave, int(packets.place[k]), longer[k], length, width, findings, onsets)
            if state.wait[one] >= 0:
                state.wait[one] -= length

    def _turn(
        self, state: State, wave: Wave, turn: Finding, sample: int, rate: float, findings: list[Finding]
    ) -> None:
        """The trigger went on or off at a sample."""
        who = turn.subject
        if turn.verdict is Verdict.ACTIVE:
            onset = int(state.onset[who])
            coda = onset != NEVER_BEFORE and 0 <= turn.time - onset < self.apart * 1e9
            if state.wait[who] < 0 and state.verdict[who] != Verdict.ACTIVE and not coda:
                state.wait[who] = sample + self._sides(rate)[1]
                state.trigger[who], state.over[who] = turn.time, False
        elif state.wait[who] >= 0:
            state.over[who] = True
        elif state.verdict[who] != Verdict.CLEAR:
            state.verdict[who] = Verdict.CLEAR
            findings.append(_finding(wave, turn.time, Verdict.CLEAR, None, "quiet"))

    def _pick(
        self,
        state: State,
        wave: Wave,
        place: int,
        longer: Floats,
        seen: int,
        width: int,
        findings: list[Finding],
        onsets: list[tuple[int, int, int, float, float]],
    ) -> None:
        """The onset, if its window is whole by the time that `seen` samples of the packet are."""
        who, wait = wave.sensor, int(state.wait[wave.sensor])
        if not 0 <= wait <= seen:
            return
        before, after = self._sides(wave.rate)
        window = longer[max(0, width + wait - before - after) : width + wait]
        criterion = aic(window)
        least = int(criterion.argmin())
        time, value, key = int(state.trigger[who]), None, "triggered"
        if len(window) == before + after and np.isfinite(criterion).all():
            time += round((least - before) * 1e9 / wave.rate)
            noise, signal = float(np.std(window[: least + 1])), float(np.std(window[least + 1 :]))
            value, key = signal / noise if noise > 0 else 0.0, "onset"
            onsets.append((place, who, time, time * 1e-9, value))
        state.wait[who], state.onset[who] = NOT_WAITING, time
        if state.verdict[who] != Verdict.ACTIVE:
            state.verdict[who] = Verdict.ACTIVE
            findings.append(_finding(wave, time, Verdict.ACTIVE, value, key))
            if state.over[who]:
                state.verdict[who] = Verdict.CLEAR
                findings.append(_finding(wave, time + round(after * 1e9 / wave.rate), Verdict.CLEAR, None, "quiet"))

    def _columns(self, waves: Sequence[Wave], onsets: list[tuple[int, int, int, float, float]]) -> list[Column]:
        if not onsets:
            return []
        place, who, time, *values = (np.array(column) for column in zip(*onsets, strict=True))
        return [
            wave_column(name, unit, who, waves, place, time, value)
            for (name, unit), value in zip(self.columns.items(), values, strict=True)
        ]


def _trigger_of(state: State) -> sta_lta.State:
    """The trigger's memory, in the same arrays."""
    return sta_lta.State(
        state.triggered, state.rate, state.next, state.older, state.lag, state.raised, state.seen, state.filter,
        state.sta, state.lta,
    )  # fmt: skip


def _finding(wave: Wave, time: int, verdict: Verdict, value: float | None, key: str) -> Finding:
    return Finding(wave.arrived, wave.row, wave.sensor, verdict, time, value, None, Why(f"seismic.pick.{key}"))
