"""What makes the ground shake: one shake of a given size, blasts by a schedule, a tremor of a magnitude, a swarm.

Every geophone of the world feels each; `sensors` of a scenario's entry only say which should tell of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, pi
from typing import ClassVar

import numpy as np

from detectors.sensor import Sensor
from simulators.event import Levels, Seconds, needs
from simulators.seismic import Shake

LASTS = 6.0
"""s that a shake is said to last where a truth needs an end."""
LAWS = ("steady", "decaying", "accelerating")
STRESS = 1e6
"""Pa: the stress drop that gives a tremor its corner frequency (Brune 1970)."""


class Ground:
    """Something that shakes the ground from `start` on."""

    __slots__ = ()
    fits: ClassVar[tuple[str, ...]] = ("ground_velocity",)

    def shakes(self) -> list[Shake]:
        """Each shake of it."""
        raise NotImplementedError

    def seen_by(self, sensor: Sensor) -> Ground:
        """The same. Raises ValueError where the sensor samples too slowly for it."""
        top = max((shake.hertz[1] for shake in self.shakes() if shake.kind == "blast"), default=0.0)
        if 2 * top >= sensor.rate:
            raise ValueError(f"found waves up to {top:g} Hz, allowed: below half the sensor's own rate {sensor.rate:g}")
        return self


@dataclass(frozen=True, slots=True)
class OneShake(Ground):
    """A "blast" or a "tremor" with a `peak` in mm/s at 100 m."""

    start: Seconds
    shake: str
    peak: float
    position: tuple[float, ...]

    def __post_init__(self) -> None:
        needs(len(self.position) == 3, self, "position = [east, north, up] in m")
        needs(len(self.shakes()) == 1, self, "one shake")

    @property
    def end(self) -> float:
        """s at which it is over."""
        return self.start + LASTS

    def shakes(self) -> list[Shake]:
        """One."""
        hertz = (12.0, 40.0) if self.shake == "blast" else (9.0, 18.0)
        return [Shake(self.shake, self.start, self.peak, _place(self.position), hertz)]


@dataclass(frozen=True, slots=True)
class Blasts(Ground):
    """`count` blasts, one each `every` s: `holes` holes of `charge` kg, `delay` s apart.

    Peak velocity by Sadovsky's form in cm/s, K (charge^(1/3) / R)^alpha; medium rock 150-250, 1.5-1.8 (reference:
    seismic 2.3 [R]). `hertz`: bench holes 10-60 Hz (reference: seismic 2.3 [V]).
    """

    start: Seconds
    position: tuple[float, ...]
    charge: float
    holes: int = 12
    delay: Seconds = 0.042
    hertz: tuple[float, ...] = (10.0, 60.0)
    k: float = 200.0
    alpha: float = 1.6
    every: Seconds = inf
    count: int = 1

    def __post_init__(self) -> None:
        needs(len(self.position) == 3, self, "position = [east, north, up] in m")
        needs(min(self.charge, self.k, self.alpha, self.every) > 0 <= self.delay, self, "charge, k, alpha, every > 0")
        needs(len(self.hertz) == 2 and self.count >= 1, self, "hertz = [low, high] and count >= 1")
        needs(self.count == 1 or self.every < inf, self, "every (s) where count is above 1")
        needs(self.shakes(), self, "a blast")

    @property
    def end(self) -> float:
        """s at which the last is over."""
        return self.start + (self.every * (self.count - 1) if self.count > 1 else 0.0) + LASTS

    @property
    def peak(self) -> float:
        """mm/s at 100 m."""
        return 10 * self.k * float((self.charge ** (1 / 3) / 100) ** self.alpha)

    def shakes(self) -> list[Shake]:
        """One each `every` s."""
        place, hertz = _place(self.position), (self.hertz[0], self.hertz[1])
        at = [self.start + (self.every * k if k else 0.0) for k in range(self.count)]
        return [Shake("blast", s, self.peak, place, hertz, self.holes, self.delay, fall_off=self.alpha) for s in at]


@dataclass(frozen=True, slots=True)
class Tremor(Ground):
    """A tremor of local `magnitude`: log10(R v) = 3.95 + 0.57 M in cm and cm/s (McGarr 1981 [R]).

    Its S waves have Brune's corner frequency for a stress drop of 1 MPa; `quality` is Q of the rock.
    """

    start: Seconds
    position: tuple[float, ...]
    magnitude: float
    p_speed: float = 5500.0
    s_speed: float = 3200.0
    quality: float = 150.0

    def __post_init__(self) -> None:
        needs(len(self.position) == 3, self, "position = [east, north, up] in m")
        needs(-4 <= self.magnitude <= 6 and self.quality > 0, self, "magnitude from -4 to 6, quality > 0")
        needs(self.shakes(), self, "a tremor")

    @property
    def end(self) -> float:
        """s at which it is over."""
        return self.start + LASTS

    def shakes(self) -> list[Shake]:
        """One."""
        return [_tremor(self.start, _place(self.position), self.magnitude, self.p_speed, self.s_speed, self.quality)]


@dataclass(frozen=True, slots=True)
class Swarm(Ground):
    """`count` tremors around a place, with magnitudes by Gutenberg-Richter between `smallest` and `largest`.

    `law`: "steady"; "decaying" by Omori-Utsu, rate ~ (t + c)^-p; "accelerating", the same towards the end.
    """

    start: Seconds
    end: Seconds
    position: tuple[float, ...]
    count: int
    spread: float = 50.0
    b: float = 1.0
    smallest: float = -1.5
    largest: float = 2.0
    law: str = "steady"
    c: Seconds = 600.0
    p: float = 1.0
    p_speed: float = 5500.0
    s_speed: float = 3200.0
    quality: float = 150.0
    seed: int = 1

    def __post_init__(self) -> None:
        needs(self.law in LAWS, self, f"law: one of {', '.join(LAWS)}")
        needs(self.start < self.end < inf and 1 <= self.count <= 100_000, self, "end > start, count from 1 to 100,000")
        needs(len(self.position) == 3 and self.spread >= 0, self, "position = [east, north, up] and spread >= 0 in m")
        needs(min(self.b, self.c, self.p) > 0 and self.smallest < self.largest, self, "b, c, p > 0, smallest < largest")

    def catalogue(self) -> tuple[Levels, Levels, Levels]:
        """(count,) s ascending, (count,) magnitudes, (count, 3) places in m."""
        random = np.random.Generator(np.random.PCG64([self.seed, 1935]))
        after = np.sort(self._after(random.random(self.count)))
        whole = 1 - 10 ** (-self.b * (self.largest - self.smallest))
        magnitude = self.smallest - np.log10(1 - random.random(self.count) * whole) / self.b
        places = np.asarray(self.position) + random.normal(0, self.spread, (self.count, 3))
        return self.start + after, magnitude, places

    def _after(self, chance: Levels) -> Levels:
        whole = self.end - self.start
        if self.law == "steady":
            return chance * whole
        if abs(self.p - 1) < 1e-9:
            after = self.c * np.expm1(chance * np.log1p(whole / self.c))
        else:
            power = 1 - self.p
            after = (self.c**power + chance * ((self.c + whole) ** power - self.c**power)) ** (1 / power) - self.c
        return np.asarray(whole - after if self.law == "accelerating" else after, np.float64)

    def shakes(self) -> list[Shake]:
        """Each tremor."""
        rows = zip(*(column.tolist() for column in self.catalogue()), strict=True)
        speeds = (self.p_speed, self.s_speed, self.quality)
        return [_tremor(second, _place(place), magnitude, *speeds) for second, magnitude, place in rows]


def corner(magnitude: float, s_speed: float) -> float:
    """Hz: Brune's corner frequency, M0 = 10^(1.5 M + 9.1) N m."""
    radius = float((7 / 16 * 10 ** (1.5 * magnitude + 9.1) / STRESS) ** (1 / 3))
    return 2.34 * s_speed / (2 * pi * radius)


def _tremor(
    start: float, place: tuple[float, float, float], magnitude: float, p_speed: float, s_speed: float, quality: float
) -> Shake:
    hertz = corner(magnitude, s_speed)
    peak = float(10 ** (0.95 + 0.57 * magnitude))
    coda = max(0.7, min(quality / (pi * hertz), 5.0))
    return Shake(
        "tremor", start, peak, place, (hertz, 2 * hertz),
        p_speed=p_speed, s_speed=s_speed, fall_off=1.0, quality=quality, coda=coda,
    )  # fmt: skip


def _place(position: tuple[float, ...] | list[float]) -> tuple[float, float, float]:
    east, north, up = position
    return (float(east), float(north), float(up))
