"""How fast worlds are made: readings of scalar sensors, samples of waveforms, each beside two peers in the same run.

python -m bench.simulate [--sensors N] [--hours H]

The peers do less: bare NumPy draws the same count of white noise, scales and resolves it (no level, rhythm, event,
response, correlation, fault, time, sensor of its own); the naive loop makes one correlated, resolved value at a time in
Python. Each figure is the best of some rounds, of processor time on one core.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Callable

import numpy as np

from bench.machine import machine
from detectors.sensor import Sensor
from simulators.air import FanFailure
from simulators.dust import Cloud
from simulators.faults import Drift
from simulators.gas import Plume
from simulators.geophone import Geophone
from simulators.instrument import SECOND
from simulators.link import Dropout, Duplicates
from simulators.shaking import Swarm
from simulators.voight import Voight
from simulators.world import World

ROUNDS = 3
QUANTITIES = (("methane", "%vol", 0.01, 0.02), ("co", "ppm", 0.1, 0.6), ("dust", "mg/m3", 0.01, 0.08),
              ("displacement", "mm", 0.1, 0.8))  # fmt: skip
NAIVE = 200_000
READINGS, SAMPLES = 2e6, 20e6
"""What is asked for: readings and samples a second."""


def sensors(count: int) -> list[Sensor]:
    """At 1 Hz, of four quantities in turn."""
    return [
        Sensor(f"s-{k}", "a", quantity, unit, every=SECOND, quantum=quantum, noise=noise)
        for k in range(count)
        for quantity, unit, quantum, noise in (QUANTITIES[k % len(QUANTITIES)],)
    ]


def eventful(all_sensors: list[Sensor]) -> World:
    """Each sensor with an event; each fifth with faults of device and link."""
    made = {
        "methane": FanFailure(start=600, end=1800),
        "co": Plume(start=900, to=40, hold=600),
        "dust": Cloud(start=900, to=9),
        "displacement": Voight(start=0, failure=40_000, velocity=50),
    }
    faults = {s.id: [Drift(start=0, rate=1e-5), Dropout(start=0, share=0.01), Duplicates(start=0, share=0.01)]
              for s in all_sensors[::5]}  # fmt: skip
    events = {s.id: [made[s.quantity].seen_by(s)] for s in all_sensors}
    return World(all_sensors, seed=1, start=0, events=events, faults=faults)


def best(make: Callable[[], object], work: Callable[[object], int]) -> tuple[int, float]:
    """(count, least s of processor time) of `work` on a fresh `make()`."""
    taken, count = [], 0
    for _ in range(ROUNDS):
        made = make()
        begun = time.process_time()
        count = work(made)
        taken.append(time.process_time() - begun)
    return count, min(taken)


def scalars(world: Callable[[], World], hours: float, piece: float) -> tuple[int, float]:
    """Readings of a world, taken `piece` s at once."""

    def work(made: object) -> int:
        assert isinstance(made, World)
        cuts = np.arange(piece, hours * 3600 + 1e-9, piece)
        return sum(len(shown) for cut in cuts for shown in made.readings(round(cut * SECOND)))

    return best(world, work)


def waves(shaken: bool, seconds: float) -> tuple[int, float]:
    """Samples of 12 channels at 200 Hz, taken 60 s at once."""
    channels = [Sensor(f"gp-{k}-z", "a", "ground_velocity", "mm/s", (-100, 100), rate=200.0, quantum=0.001, noise=0.01,
                       position=(100.0 * k, 50.0, 0.0)) for k in range(12)]  # fmt: skip
    shakes = Swarm(start=0, end=seconds, position=(0, 0, -200), count=int(seconds / 20)).shakes() if shaken else []

    def work(made: object) -> int:
        assert isinstance(made, list)
        cuts = np.arange(60, seconds + 1e-9, 60)
        return sum(len(block.samples) for cut in cuts for one in made for block in one.take(round(cut * SECOND)))

    return best(lambda: [Geophone.of(one, 0, 0.5, shakes, 1) for one in channels], work)


def bare(count: int) -> float:
    """s for `count` values of white noise by NumPy, scaled and resolved."""

    def work(rng: object) -> int:
        assert isinstance(rng, np.random.Generator)
        for _ in range(max(1, count // 100_000)):
            np.round((0.3 + 0.02 * rng.standard_normal(100_000)) / 0.01) * 0.01
        return count

    return best(lambda: np.random.default_rng(1), work)[1]


def naive() -> float:
    """s a value in a plain Python loop."""

    def work(chance: object) -> int:
        assert isinstance(chance, random.Random)
        noise, shown, out = 0.0, 0.3, []
        for k in range(NAIVE):
            noise = 0.9 * noise + 0.0087 * chance.gauss(0, 1)
            level = 0.3 + 0.05 * math.cos(k * 7.3e-5)
            shown += 0.4 * (level - shown)
            out.append(round((shown + noise) / 0.01) * 0.01)
        return len(out)

    count, taken = best(lambda: random.Random(1), work)
    return taken / count


def line(name: str, unit: str, asked: float, count: int, taken: float, loop: float) -> None:
    """One row."""
    peer = bare(count)
    print(
        f"{name:<44}{count / taken / 1e6:>8.2f} M {unit}/s (asked {asked / 1e6:.0f})   bare NumPy "
        f"{count / peer / 1e6:.0f} M/s: ours takes {taken / peer:.1f} x   naive loop {1 / loop / 1e6:.2f} M/s: "
        f"{loop * count / taken:.0f} x as fast"
    )


def main() -> None:
    """The table."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sensors", type=int, default=200)
    words.add_argument("--hours", type=float, default=1.0)
    given = words.parse_args()
    print(machine())
    loop, all_sensors = naive(), sensors(given.sensors)

    def calm() -> World:
        return World(all_sensors, seed=1, start=0)

    whole = given.hours * 3600
    line("calm, an hour at once", "readings", READINGS, *scalars(calm, given.hours, whole), loop)
    line("calm, a minute at once", "readings", READINGS, *scalars(calm, given.hours, 60), loop)
    line("an event each, faults on a fifth, an hour", "readings", READINGS,
         *scalars(lambda: eventful(all_sensors), given.hours, whole), loop)  # fmt: skip
    line("ground noise, 12 channels", "samples", SAMPLES, *waves(False, 600), loop)
    line("ground noise and a tremor each 20 s", "samples", SAMPLES, *waves(True, 600), loop)


if __name__ == "__main__":
    main()
