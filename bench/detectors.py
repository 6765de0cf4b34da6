"""One step of signal.limit and of the whole judge: dense ticks and scattered batches, beside a plain Python loop.

    python -m bench.detectors

Medians of several repeats, ns a reading; the peer is one small object a sensor, called once a reading, in the same run.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.machine import machine
from detectors.detector import Subjects
from detectors.reading import Batch, Wave
from detectors.seismic.sta_lta import StaLta
from detectors.signal.limit import Limit

S = 10**9
REPEATS = 15


class Plain:
    """The peer: a limit with hysteresis as an object."""

    __slots__ = ("active",)

    def __init__(self) -> None:
        self.active = False

    def update(self, value: float) -> bool:
        """True when it changed."""
        if not self.active and value >= 1.0:
            self.active = True
            return True
        if self.active and value < 0.5:
            self.active = False
            return True
        return False


def median_of(work: Callable[[], Any]) -> float:
    """Median seconds of a call."""
    work()
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def plain(sensor: list[int], value: list[float], count: int) -> float:
    """The peer's median seconds over the same readings."""
    objects = [Plain() for _ in range(count)]

    def work() -> None:
        for k, v in zip(sensor, value, strict=True):
            objects[k].update(v)

    return median_of(work)


def row(name: str, sensors: int, sensor: Any) -> None:
    """One line of the table."""
    chance = np.random.default_rng(1)
    value = chance.uniform(0, 1.0001, len(sensor))
    detector = Limit(limit=1.0, reset=0.5)
    state = detector.start(Subjects.simple(sensors, unit="%vol"))
    times = np.full(len(sensor), S)
    batches = [Batch.of(2 * S, sensor, times, value) for _ in range(REPEATS + 1)]
    fresh = iter(batches)
    ours = median_of(lambda: detector.step(state, next(fresh)))
    peer = plain(sensor.tolist(), value.tolist(), sensors)
    each = ours / len(sensor) * 1e9
    print(f"{name:<34}{ours * 1e6:>10.0f} us {each:>9.1f} ns/reading   plain Python {peer / ours:>6.1f} x slower")


def waves(channels: int = 200, rate: float = 200.0, block: float = 0.1) -> None:
    """seismic.sta_lta on blocks of all channels: the share of one core that keeps up with them."""
    chance = np.random.default_rng(3)
    detector = StaLta()
    state = detector.start(Subjects.simple(channels, unit="mm/s", rate=rate))
    count, span = int(rate * block), int(block * S)
    batches = [
        Batch.of(
            S + (turn + 1) * span,
            waves=[
                Wave(0, k, S + turn * span, S + (turn + 1) * span, rate, chance.standard_normal(count))
                for k in range(channels)
            ],
        )
        for turn in range(REPEATS + 1)
    ]
    fresh = iter(batches)
    ours = median_of(lambda: detector.step(state, next(fresh)))
    print(
        f"sta_lta, {channels} x {rate:g} Hz, {block * 1e3:g} ms blocks {ours * 1e6:>9.0f} us "
        f"{ours / (channels * count) * 1e9:>9.1f} ns/sample   {100 * ours / block:.1f} % of a core"
    )


def main() -> int:
    print(machine())
    chance = np.random.default_rng(2)
    for count in (1_000, 10_000, 100_000):
        row(f"dense, {count:,} sensors", count, np.arange(count))
    row("10,000 scattered over 10,000", 10_000, chance.integers(0, 10_000, 10_000))
    row("10,000 unique of 100,000", 100_000, chance.permutation(100_000)[:10_000])
    row("1,000 scattered over 10,000", 10_000, chance.integers(0, 10_000, 1_000))
    row("10,000 of one hot sensor", 10_000, np.full(10_000, 7))
    row("100 loggers x 100 readings", 10_000, np.repeat(np.arange(100), 100))
    waves()
    return 0


if __name__ == "__main__":
    sys.exit(main())
