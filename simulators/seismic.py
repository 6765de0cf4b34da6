"""Geophones: velocity in mm/s as blocks of samples: coloured ground noise, blasts and small tremors.

Arrivals follow from distance: P at 3500 m/s, S at 2000 m/s; amplitude falls with distance to the power 1.4. A blast is
a row of delayed holes of 12-40 Hz; a tremor has a small P and a larger S with a coda.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from detectors.sensor import Sensor
from simulators.instrument import SECOND, resolved, stream

P_SPEED, S_SPEED = 3500.0, 2000.0
"""m/s"""
FALL_OFF = 1.4
NEAR = 100.0
"""m: the distance at which an event's `peak` is given."""
COLOUR = 0.7
"""Correlation of ground noise from one sample to the next."""
HOLES, HOLE_DELAY = 12, 0.042


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Samples of one sensor: `time` in ns UTC of the first, `rate` in Hz."""

    sensor: str
    time: int
    rate: float
    samples: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shake:
    """A blast or a tremor at a place, in s, m (east, north, up) and mm/s at 100 m."""

    kind: str
    start: float
    peak: float
    position: tuple[float, float, float]

    def __post_init__(self) -> None:
        if self.kind not in ("blast", "tremor") or self.peak <= 0:
            raise ValueError(f"a shake is a 'blast' or a 'tremor' with peak > 0 mm/s, found {self}")

    def at(self, sensor: Sensor, seed: int) -> tuple[float, NDArray[np.float64]]:
        """What the sensor feels: (s of the first sample, samples in mm/s)."""
        place = np.asarray(sensor.position or (0.0, 0.0, 0.0))
        distance = max(float(np.sqrt(np.sum((place - np.asarray(self.position)) ** 2))), 10.0)
        random = stream(seed, sensor.id, f"{self.kind}@{self.start}")
        second = np.arange(round(6.0 * sensor.rate)) / sensor.rate
        moved = _blast(second, random) if self.kind == "blast" else _tremor(second, distance, random, sensor.id)
        strength = self.peak * (NEAR / max(distance, NEAR)) ** FALL_OFF
        if not sensor.id.endswith("z"):
            strength *= float(random.uniform(0.6, 0.9))
        return self.start + distance / P_SPEED, moved * (strength / float(np.max(np.abs(moved))))


def _burst(second: NDArray[np.float64], onset: float, hertz: float, decay: float, phase: float) -> NDArray[np.float64]:
    after = second - onset
    shape = np.where(after > 0, (1 - np.exp(-after.clip(0) * hertz)) * np.exp(-after.clip(0) / decay), 0.0)
    return shape * np.sin(2 * np.pi * hertz * after + phase)


def _blast(second: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    moved = np.zeros_like(second)
    for hole in range(HOLES):
        onset = hole * HOLE_DELAY + float(random.normal(0, 0.002))
        moved += float(random.uniform(0.6, 1)) * _burst(second, max(onset, 0), float(random.uniform(12, 40)), 0.15, 0.0)
    return moved


def _tremor(
    second: NDArray[np.float64], distance: float, random: np.random.Generator, sensor: str
) -> NDArray[np.float64]:
    behind = distance / S_SPEED - distance / P_SPEED
    up = sensor.endswith("z")
    first = _burst(second, 0.0, 18.0, 0.2, 0.0) * (0.5 if up else 0.2)
    coda = lfilter([1.0], [1.0, -0.9], random.standard_normal(len(second)))
    late = np.clip(second - behind, 0, None)
    tail = np.where(second > behind, np.exp(-late / 0.7), 0.0) * np.asarray(coda) * 0.08
    phase = float(random.uniform(-0.4, 0.4))
    return first + _burst(second, behind, 9.0, 0.5, phase) * (0.5 if up else 1.0) + tail


@dataclass(slots=True)
class Geophone:
    """One channel. Blocks of `block` samples; the same however the time is cut."""

    sensor: Sensor
    start: int
    block: int
    shakes: list[tuple[int, NDArray[np.float64]]]
    random: np.random.Generator
    _sent: int = 0
    _noise: float = field(default=0.0)

    @classmethod
    def of(cls, sensor: Sensor, start: int, seconds: float, shakes: list[Shake], seed: int) -> Geophone:
        """The channel of a sensor that sends blocks of `seconds` s."""
        felt = []
        for shake in shakes:
            begin, samples = shake.at(sensor, seed)
            felt.append((round(begin * sensor.rate), samples))
        return cls(sensor, start, max(1, round(seconds * sensor.rate)), felt, stream(seed, sensor.id, "noise"))

    def take(self, until: int) -> list[Block]:
        """The next blocks that are complete before `until`."""
        blocks = []
        while self._time(self._sent + self.block) <= until:
            blocks.append(Block(self.sensor.id, self._time(self._sent), self.sensor.rate, self._samples()))
            self._sent += self.block
        return blocks

    def _time(self, sample: int) -> int:
        return self.start + round(sample * SECOND / self.sensor.rate)

    def _samples(self) -> NDArray[np.float64]:
        noise = 0.01 if np.isnan(self.sensor.noise) else self.sensor.noise
        fresh = noise * np.sqrt(1 - COLOUR**2) * self.random.standard_normal(self.block)
        moved, _ = lfilter([1.0], [1.0, -COLOUR], fresh, zi=np.array([COLOUR * self._noise]))
        self._noise = float(moved[-1])
        samples = np.asarray(moved, np.float64).copy()
        for first, felt in self.shakes:
            begin, end = max(first, self._sent), min(first + len(felt), self._sent + self.block)
            if begin < end:
                samples[begin - self._sent : end - self._sent] += felt[begin - first : end - first]
        clipped = np.clip(samples, *self.sensor.span)
        return resolved(clipped, self.sensor.quantum)
