"""Seeded noise and what happens in it: the same streams for every detector, in units of the noise's sigma.

Constraints. One reading a minute, mean 0, standard deviation 1 before it is quantised. A stream depends on seed, noise,
part and size, never on who looks; a detector that learns for less time gets its end. No simulated site (simulators/).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.signal import lfilter

from detectors.reading import Bools, Floats

MONTH = round(30.44 * 24 * 60)
"""Readings."""
LONGEST_WARM = 30 * 24 * 60
"""Readings before a month or an event that a detector may learn from."""
WATCHED = 24 * 60
"""Readings after an event in which it counts as found."""
SPIKE_WATCHED = 10
SPIKE = 8.0
QUANTUM = 1.0
"""8 bits over a span of 256 sigma: one step is one sigma."""
MISSING = 0.01
NOISES = ("phi 0", "phi 0.5", "phi 0.9", "t5", "8 bit", "1 % missing")
PHI = {"phi 0.5": 0.5, "phi 0.9": 0.9}


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """(ticks, sensors): what is measured, and which readings do not come."""

    truth: Floats
    offset: Floats | None
    """(sensors,) where the quantum's steps lie; None: not quantised."""
    absent: Bools | None

    def shown(self) -> Floats:
        """What the sensor shows."""
        return self.truth if self.offset is None else np.round(self.truth + self.offset) * QUANTUM

    def cut(self, first: int, last: int) -> Stream:
        """Ticks `first` to `last`."""
        absent = None if self.absent is None else self.absent[first:last]
        return Stream(self.truth[first:last], self.offset, absent)

    def changed(self, event: Callable[[Floats], Floats]) -> Stream:
        """The same noise with an event from its first tick on."""
        return Stream(event(self.truth), self.offset, self.absent)


def stream(seed: int, noise: str, part: int, sensors: int, ticks: int) -> Stream:
    """`sensors` independent sensors over `LONGEST_WARM` + `ticks` readings; `part` tells clean months from trials."""
    rng = np.random.default_rng([seed, NOISES.index(noise), part])
    shape = sensors, LONGEST_WARM + ticks
    truth = rng.standard_t(5, shape) / np.sqrt(5 / 3) if noise == "t5" else rng.standard_normal(shape)
    if noise in PHI:
        truth = correlated(truth, PHI[noise])
    offset = rng.uniform(-0.5, 0.5, sensors) if noise == "8 bit" else None
    absent = rng.uniform(size=shape) < MISSING if noise == "1 % missing" else None
    return Stream(np.ascontiguousarray(truth.T), offset, None if absent is None else np.ascontiguousarray(absent.T))


def correlated(white: Floats, phi: float) -> Floats:
    """AR(1) along the second axis, stationary from its first value, of the same deviation."""
    driven = white * np.sqrt(1 - phi * phi)
    driven[:, 0] = white[:, 0]
    out: Floats = lfilter([1.0], [1.0, -phi], driven, axis=1)
    return out


Event: TypeAlias = Callable[[Floats], Floats]


def step(size: float) -> Event:
    """The mean is `size` sigma higher from now on."""
    return lambda truth: truth + size


def ramp(slope: float) -> Event:
    """The mean rises by `slope` sigma a reading; the first reading already has one."""
    return lambda truth: truth + slope * np.arange(1, len(truth) + 1)[:, None]


def spike(truth: Floats) -> Floats:
    """One reading of `SPIKE` sigma."""
    out = truth.copy()
    out[0] += SPIKE
    return out


def louder(truth: Floats) -> Floats:
    """Twice the variance."""
    out: Floats = truth * np.sqrt(2.0)
    return out


LADDER: Mapping[str, Event] = {
    **{f"step {size:g}": step(size) for size in (0.5, 1, 2, 3, 5)},
    **{f"ramp {slope:g}": ramp(slope) for slope in (0.001, 0.01, 0.1)},
    "spike": spike,
    "variance x2": louder,
}


def watched(event: str) -> int:
    """Readings after the event in which an alarm counts for it."""
    return SPIKE_WATCHED if event == "spike" else WATCHED
