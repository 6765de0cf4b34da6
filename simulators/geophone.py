"""One channel of a geophone: coloured ground noise, what shakes, its resolution and span, its faults.

From 4.5 to 10 Hz the noise has the shape of Peterson's New High Noise Model (USGS 93-322, 1993), whose velocity falls
by 1 dB there. The model ends at 10 Hz; above about 18 Hz ours falls by 20 dB a decade. Below 4.5 Hz a geophone's own
corner cuts it off by two poles. Its size is the sensor's declared `noise` (standard deviation). It is as loud at night
as by day, which no real site is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter

from detectors.sensor import Sensor
from simulators.faults import Fault
from simulators.instrument import SECOND, resolved, stream
from simulators.rows import Rows
from simulators.seismic import HIGHEST, Block, Shake

QUIET = 0.01
"""mm/s where the sensor declares no noise."""
BEND, CORNER = 17.5, 4.5
"""Hz: above the first velocity noise falls, below the second the geophone does not follow."""
WARM_UP = 4.0
"""s of noise that are thrown away, so that it begins as it goes on."""


@cache
def colour(rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Filter (b, a) that makes ground noise of spread 1 out of white noise of spread 1."""
    b, a = np.array([1.0]), np.array([1.0, -np.exp(-2 * np.pi * BEND / rate)])
    if HIGHEST * rate > CORNER:
        above, below = butter(2, CORNER / (rate / 2), "highpass")
        b, a = np.convolve(b, above), np.convolve(a, below)
    answer = lfilter(b, a, np.concatenate([[1.0], np.zeros(round(20 * rate))]))
    return np.concatenate([b, np.zeros(len(a) - len(b))]) / np.sqrt(np.sum(answer * answer)), a


@dataclass(slots=True)
class Geophone:
    """One channel. Blocks of `block` samples; the same however the time is cut."""

    sensor: Sensor
    start: int
    block: int
    shakes: list[tuple[int, int, Shake]]
    """(its first sample, one past its last, the shake), by the first."""
    seed: int
    faults: Sequence[Fault] = ()
    _sent: int = 0
    _state: NDArray[np.float64] = field(init=False)
    _random: np.random.Generator = field(init=False)
    _felt: list[tuple[int, NDArray[np.float64]]] = field(default_factory=list)
    _waiting: list[Block] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = stream(self.seed, self.sensor.id, "noise")
        b, a = colour(self.sensor.rate)
        warm = self._random.standard_normal(round(WARM_UP * self.sensor.rate))
        _, self._state = lfilter(b, a, warm, zi=np.zeros(len(a) - 1))

    @classmethod
    def of(
        cls,
        sensor: Sensor,
        start: int,
        seconds: float,
        shakes: Sequence[Shake],
        seed: int,
        faults: Sequence[Fault] = (),
    ) -> Geophone:
        """The channel of a sensor that sends blocks of `seconds` s."""
        felt = []
        for shake in shakes:
            first = round(shake.onset(sensor) * sensor.rate)
            felt.append((first, first + round(shake.lasts(sensor) * sensor.rate), shake))
        felt.sort(key=lambda one: one[:2])
        return cls(sensor, start, max(1, round(seconds * sensor.rate)), felt, seed, faults)

    def take(self, until: int) -> list[Block]:
        """The next blocks that are complete and sent before `until`, in order of sending."""
        whole = int((until - self.start + 1) * self.sensor.rate / SECOND) + 1
        count = max(whole - self._sent, 0) // self.block + 1
        while count and self._time(self._sent + count * self.block) > until:
            count -= 1
        if count:
            first, self._sent = self._sent, self._sent + count * self.block
            self._waiting += self._blocks(first, self._samples(first, count * self.block))
        if not self.faults:
            due, self._waiting = self._waiting, []
            return due
        self._waiting.sort(key=lambda block: block.sent)
        due = [block for block in self._waiting if block.sent <= until]
        self._waiting = self._waiting[len(due) :]
        return due

    def _time(self, sample: int) -> int:
        return self.start + round(sample * SECOND / self.sensor.rate)

    def _samples(self, first: int, count: int) -> NDArray[np.float64]:
        """What the channel shows from sample `first` on."""
        b, a = colour(self.sensor.rate)
        ground, self._state = lfilter(b, a, self._random.standard_normal(count), zi=self._state)
        samples = np.asarray(ground, np.float64)
        samples *= QUIET if np.isnan(self.sensor.noise) else self.sensor.noise
        self._shaken(samples, first)
        np.clip(samples, *self.sensor.span, out=samples)
        samples = resolved(samples, self.sensor.quantum)
        second = (first + np.arange(count)) / self.sensor.rate if self.faults else samples
        for fault in self.faults:
            samples = fault.spoil(second, samples)
            if fault.analogue:
                samples = resolved(samples, self.sensor.quantum)
        return samples

    def _shaken(self, samples: NDArray[np.float64], first: int) -> None:
        end = first + len(samples)
        while self.shakes and self.shakes[0][0] < end:
            begin, _, shake = self.shakes.pop(0)
            self._felt.append((begin, shake.felt(self.sensor, self.seed)))
        for begin, felt in self._felt:
            low, high = max(begin, first), min(begin + len(felt), end)
            if low < high:
                samples[low - first : high - first] += felt[low - begin : high - begin]
        self._felt = [(begin, felt) for begin, felt in self._felt if begin + len(felt) > end]

    def _blocks(self, first: int, samples: NDArray[np.float64]) -> list[Block]:
        name, rate, size = self.sensor.id, self.sensor.rate, self.block
        starts = range(first, first + len(samples), size)
        times = [self._time(at) for at in (*starts, first + len(samples))]
        blocks = [
            Block(name, time, rate, samples[at - first : at - first + size], sent)
            for at, time, sent in zip(starts, times[:-1], times[1:], strict=True)
        ]
        if not self.faults:
            return blocks
        rows = Rows.of(np.array(starts) / rate, np.array([block.time for block in blocks], np.int64))
        rows = rows.with_sent(np.array([block.sent for block in blocks], np.int64))
        for fault in self.faults:
            rows = fault.carry(rows)
        columns = zip(rows.source.tolist(), rows.time.tolist(), rows.sent.tolist(), rows.half.tolist(), strict=True)
        return [replace(blocks[k], time=time, sent=sent, half=half) for k, time, sent, half in columns]
