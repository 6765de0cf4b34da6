"""A measuring device: response time, correlated noise, resolution, span. It knows no gas and no slope.

Constraints. What it shows may be asked for in pieces of any size and is the same. Each sensor has a random stream of
its own, seeded by the world's seed and the sensor's id, so a sensor more or less changes no other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from detectors.sensor import Sensor

SECOND = 1_000_000_000
T90 = 2.302585092994046
"""ln 10: a first-order device shows 90 % of a step after this many time constants."""


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """What one sensor sent, in order of sending: (M,) each."""

    sensor: str
    time: NDArray[np.int64]
    """ns UTC, as its clock says: ascending unless a fault has a hand in it."""
    value: NDArray[np.float64]
    """In its unit; NaN is "no number"."""
    quality: NDArray[np.uint8]
    """What the device itself says of it; 0 is good."""
    sent: NDArray[np.int64]
    """ns UTC at which it leaves the device, ascending."""
    half: NDArray[np.bool_]
    """Its payload breaks off: nobody can read it."""

    @classmethod
    def of(cls, sensor: str, time: NDArray[np.int64], value: NDArray[np.float64]) -> Readings:
        """Good readings, each sent at its time."""
        return cls(sensor, time, value, np.zeros(len(time), np.uint8), time, np.zeros(len(time), np.bool_))

    def __len__(self) -> int:
        return len(self.time)

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Readings:
        """Those at a mask, at indices or in a slice."""
        return Readings(
            self.sensor, self.time[which], self.value[which], self.quality[which], self.sent[which], self.half[which]
        )

    def then(self, later: Readings) -> Readings:
        """Both, in order of sending."""
        both = Readings(
            self.sensor,
            np.concatenate((self.time, later.time)),
            np.concatenate((self.value, later.value)),
            np.concatenate((self.quality, later.quality)),
            np.concatenate((self.sent, later.sent)),
            np.concatenate((self.half, later.half)),
        )
        return both.take(np.argsort(both.sent, kind="stable"))


def stream(seed: int, sensor: str, purpose: str) -> np.random.Generator:
    """The random stream of one sensor for one purpose ("traits", "noise")."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *f"{sensor}/{purpose}".encode()])))


def resolved(value: NDArray[np.float64], quantum: float) -> NDArray[np.float64]:
    """The values at whole steps of `quantum`; unchanged where it is NaN."""
    return np.round(np.round(value / quantum) * quantum, 9) + 0.0 if quantum > 0 else value


@dataclass(frozen=True, slots=True)
class Habit:
    """How sensors of a quantity behave on a calm day. `level` is the range their bases are drawn from."""

    level: tuple[float, float]
    daily: float = 0.0
    """Swing of the daily rhythm, in the unit."""
    peak_hour: float = 14.0
    """Local hour at which the rhythm is highest."""
    noise: float = 0.0
    """Standard deviation of one reading where the sensor declares none."""
    correlation: float = 0.0
    """s after which the noise has forgotten 1 - 1/e of itself; 0 is white."""
    t90: float = 0.0
    """s until 90 % of a step is shown."""
    floor: float = -np.inf
    """Smallest value that can be shown."""
    wander: float = 0.0
    """Standard deviation of a second, slower noise: temperature, refraction, atmosphere."""
    wander_correlation: float = 3600.0
    """s after which that has forgotten 1 - 1/e of itself."""
    drift: float = 0.0
    """Unit a day by which a sound device is off, from the start on."""
    outliers: float = 0.0
    """Share of readings that are far off by chance."""
    outlier_size: float = 6.0
    """How far, in standard deviations of the noise."""


@dataclass(slots=True)
class Noise:
    """First-order noise: its correlation fades as exp(-t / correlation). Keeps its last value for the next piece."""

    spread: float
    correlation: float
    random: np.random.Generator
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.spread * float(self.random.standard_normal())

    def take(self, count: int, step: float) -> NDArray[np.float64]:
        """The next `count` values, `step` s apart."""
        fresh = self.random.standard_normal(count)
        if self.correlation <= 0:
            return fresh * self.spread
        keep = float(np.exp(-step / self.correlation))
        gain = self.spread * np.sqrt(1 - keep * keep)
        noise, _ = lfilter([gain], [1.0, -keep], fresh, zi=np.array([keep * self._last]))
        self._last = float(noise[-1])
        return np.asarray(noise, np.float64)


@dataclass(slots=True)
class Instrument:
    """Shows levels as its sensor would. Keeps what the next piece needs: shown level and last noises."""

    noise: Noise
    t90: float
    quantum: float
    low: float
    high: float
    wander: Noise | None = None
    outliers: float = 0.0
    outlier_size: float = 0.0
    chance: np.random.Generator | None = None
    _shown: float = np.nan

    @classmethod
    def of(cls, sensor: Sensor, habit: Habit, seed: int) -> Instrument:
        """The instrument behind a sensor of a site; what the sensor does not declare comes from the habit."""
        spread = habit.noise if np.isnan(sensor.noise) else sensor.noise
        slow = habit.wander > 0
        return cls(
            noise=Noise(spread, habit.correlation, stream(seed, sensor.id, "noise")),
            t90=habit.t90,
            quantum=sensor.quantum,
            low=max(sensor.span[0], habit.floor),
            high=sensor.span[1],
            wander=Noise(habit.wander, habit.wander_correlation, stream(seed, sensor.id, "wander")) if slow else None,
            outliers=habit.outliers,
            outlier_size=habit.outlier_size * spread,
            chance=stream(seed, sensor.id, "outliers") if habit.outliers > 0 else None,
        )

    def show(self, level: NDArray[np.float64], step: float) -> NDArray[np.float64]:
        """What is shown for true levels that are `step` seconds apart."""
        if not len(level):
            return level
        shown = self._lagged(level, step) + self.noise.take(len(level), step)
        if self.wander is not None:
            shown += self.wander.take(len(level), step)
        if self.chance is not None:
            drawn = self.chance.random((len(level), 2))
            shown += np.where(drawn[:, 0] < self.outliers, np.copysign(self.outlier_size, drawn[:, 1] - 0.5), 0.0)
        return resolved(np.clip(shown, self.low, self.high), self.quantum)

    def _lagged(self, level: NDArray[np.float64], step: float) -> NDArray[np.float64]:
        if self.t90 <= 0:
            return level
        keep = float(np.exp(-step * T90 / self.t90))
        before = float(level[0]) if np.isnan(self._shown) else self._shown
        shown, _ = lfilter([1 - keep], [1, -keep], level, zi=np.array([keep * before]))
        self._shown = float(shown[-1])
        return np.asarray(shown, np.float64)


@dataclass(slots=True)
class Schedule:
    """When a sensor reads: each `past_every` before `start` (the logger's grid), each `every` from there. All ns."""

    first: int
    past_every: int
    start: int
    phase: int
    every: int
    _until: int = field(init=False)

    def __post_init__(self) -> None:
        self._until = self.first

    def take(self, until: int) -> list[tuple[NDArray[np.int64], float]]:
        """The next reading times before `until`, as pieces of equal step: (times, step in s)."""
        begin, self._until = self._until, max(until, self._until)
        pieces = []
        if self.past_every:
            pieces.append((_grid(0, self.past_every, begin, min(until, self.start)), self.past_every / SECOND))
        live = _grid(self.start + self.phase, self.every, max(begin, self.start), until)
        pieces.append((live, self.every / SECOND))
        return [piece for piece in pieces if len(piece[0])]


def _grid(origin: int, step: int, begin: int, end: int) -> NDArray[np.int64]:
    first, last = -(-(begin - origin) // step), -(-(end - origin) // step)
    return origin + step * np.arange(first, max(first, last), dtype=np.int64)
