"""One step of signal.limit, signal.cusum and seismic.sta_lta on batches of many shapes, beside others in the same run.

    python -m bench.detectors

Median processor time of several steps, so that other work on the machine counts less, on sensors that were heard before
(a first reading moves every verdict). The peers hold an object a sensor and are called once a reading: a limit with a
reset in Python, which stands beside signal.limit, and river's PageHinkley, ADWIN and GaussianScorer (score and learn),
which stand beside signal.cusum. ObsPy's STA/LTA runs in C over a whole trace, without the band-pass and the triggers of
ours.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from river.anomaly import GaussianScorer
from river.drift import ADWIN, PageHinkley

from bench.machine import machine
from detectors.detector import Subjects, catalogue
from detectors.reading import Batch, Wave
from detectors.seismic.sta_lta import StaLta
from detectors.signal.limit import Limit

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from obspy.signal.trigger import classic_sta_lta, recursive_sta_lta

S = 10**9
REPEATS, PEER_REPEATS = 31, 3
MANY = 10_000
"""Sensors above which the scorer is left out: it takes 3 kB of each."""


class Plain:
    """A limit with a reset as an object."""

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


class Scorer:
    """river's scorer, used as a monitor would: score, then learn."""

    __slots__ = ("scorer",)

    def __init__(self) -> None:
        self.scorer: Any = GaussianScorer()

    def update(self, value: float) -> float:
        """The score."""
        score = self.scorer.score_one(None, value)
        self.scorer.learn_one(None, value)
        return float(score)


MADE: dict[str, Callable[[], Any]] = {
    "plain Python": Plain,
    "PageHinkley": PageHinkley,
    "ADWIN": ADWIN,
    "GaussianScorer": Scorer,
}


def ours() -> dict[str, Any]:
    """The detectors measured, by their kinds."""
    found: dict[str, Any] = {"signal.limit": Limit(limit=1.0, reset=0.5)}
    if "signal.cusum" in catalogue():
        found["signal.cusum"] = catalogue()["signal.cusum"](mean=0.5, sigma=0.1, phi=0.0)
    return found


def median_of(steps: Iterable[Callable[[], Any]]) -> float:
    """Median seconds of processor time of calls; making each is not counted."""
    taken = []
    for step in steps:
        begun = time.thread_time()
        step()
        taken.append(time.thread_time() - begun)
    return statistics.median(taken)


def values(count: int, chance: np.random.Generator) -> Any:
    """Calm readings, and one in 10,000 over the limit."""
    calm = 0.5 + 0.1 * chance.standard_normal(count)
    calm[chance.random(count) < 1e-4] = 1.2
    return calm


def our_seconds(detector: Any, sensors: int, sensor: Any) -> float:
    """Seconds of a step."""
    chance = np.random.default_rng(1)
    state = detector.start(Subjects.simple(sensors, unit="%vol", interval=1.0))
    detector.step(state, Batch.of(S, np.arange(sensors), np.full(sensors, S), np.full(sensors, 0.5)))

    def steps() -> Iterator[Callable[[], Any]]:
        for turn in range(2, REPEATS + 2):
            times = turn * S + np.arange(len(sensor))
            batch = Batch.of(times[-1] + 1, sensor, times, values(len(sensor), chance))
            yield partial(detector.step, state, batch)

    return median_of(steps())


def peer_seconds(make: Callable[[], Any], sensors: int, sensor: Any) -> float:
    """Seconds of the same readings, one call each."""
    chance = np.random.default_rng(1)
    updates = [make().update for _ in range(sensors)]
    order = sensor.tolist()

    def steps() -> Iterator[Callable[[], Any]]:
        for _ in range(PEER_REPEATS):
            pairs = list(zip(order, values(len(order), chance).tolist(), strict=True))

            yield partial(_call, updates, pairs)

    return median_of(steps())


def _call(updates: list[Any], pairs: list[tuple[int, float]]) -> None:
    for k, value in pairs:
        updates[k](value)


def row(name: str, sensors: int, sensor: Any) -> None:
    """One line of the table: seconds of a step, ns a reading, and of the peers how many times as long as ours it is."""
    count = len(sensor)
    mine = {kind: our_seconds(detector, sensors, sensor) for kind, detector in ours().items()}
    parts = [f"{kind} {taken * 1e6:,.0f} us ({taken / count * 1e9:.1f} ns)" for kind, taken in mine.items()]
    for peer, make in MADE.items():
        if sensors <= MANY or make is not Scorer:
            taken = peer_seconds(make, sensors, sensor)
            beside = mine["signal.limit"] if make is Plain else max(mine.values())
            parts.append(f"{peer} {taken / count * 1e9:.0f} ns ({taken / beside:.1f} x)")
    print(f"{name:<28}{'  '.join(parts)}", flush=True)


def waves(channels: int, rate: float, block: float, repeats: int) -> None:
    """seismic.sta_lta on blocks of all channels: the share of one core that keeps up with them."""
    chance = np.random.default_rng(3)
    detector = StaLta()
    state = detector.start(Subjects.simple(channels, unit="mm/s", rate=rate))
    count, span = int(rate * block), int(block * S)
    warm = int(detector.lta / block) + 1

    def steps() -> Iterator[Callable[[], Any]]:
        for turn in range(warm + repeats):
            begin, end = S + turn * span, S + (turn + 1) * span
            packets = [Wave(0, k, begin, end, rate, chance.standard_normal(count)) for k in range(channels)]
            batch = Batch.of(end, waves=packets)
            if turn < warm:
                detector.step(state, batch)
            else:
                yield partial(detector.step, state, batch)

    taken = median_of(steps())
    print(
        f"sta_lta, {channels} x {rate:g} Hz, {block * 1e3:g} ms blocks: {taken * 1e6:.0f} us a block, "
        f"{taken / (channels * count) * 1e9:.1f} ns/sample, {100 * taken / block:.2f} % of a core"
    )


def obspy(samples: int = 1_000_000) -> None:
    """ObsPy's two, over one trace; ours over the same in blocks of 1 s is in the lines above."""
    trace = np.random.default_rng(3).standard_normal(samples)
    for name, work in (("classic", classic_sta_lta), ("recursive", recursive_sta_lta)):
        taken = median_of(partial(work, trace, 40, 1000) for _ in range(5))
        print(f"obspy {name}_sta_lta, one trace of {samples:,}: {taken / samples * 1e9:.1f} ns/sample")


def main() -> int:
    print(machine())
    chance = np.random.default_rng(2)
    for count in (1_000, 10_000, 100_000):
        row(f"dense, {count:,} sensors", count, np.arange(count))
    row("10,000 unique of 10,000", 10_000, chance.permutation(10_000))
    row("10,000 uniform over 10,000", 10_000, chance.integers(0, 10_000, 10_000))
    row("1,000 uniform over 10,000", 10_000, chance.integers(0, 10_000, 1_000))
    row("10,000 of one hot sensor", 10_000, np.full(10_000, 7))
    row("100 loggers x 100 readings", 10_000, np.repeat(np.arange(100), 100))
    waves(200, 200.0, 0.1, 200)
    waves(200, 200.0, 1.0, 50)
    obspy()
    return 0


if __name__ == "__main__":
    sys.exit(main())
