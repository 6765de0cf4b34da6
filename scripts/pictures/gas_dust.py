"""Scenes of gas and dust."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from detectors.detector import Subjects
from detectors.dust.explosion import Explosion
from detectors.dust.filter import Filter
from detectors.dust.hybrid import Hybrid
from detectors.dust.projection import Projection
from detectors.dust.shift_twa import ShiftTwa
from detectors.gas.ambient_rise import AmbientRise
from detectors.gas.ceiling import Ceiling
from detectors.gas.mixture import Mixture
from detectors.gas.oxygen import Oxygen
from detectors.gas.rate_of_rise import RateOfRise
from detectors.gas.stel import Stel
from detectors.gas.twa import Twa
from scripts.pictures.scene import Floats, Scene, noise, regular, sent

HOUR = 3600.0


def simple(unit: str, interval: float) -> Callable[[int], Subjects]:
    """Sensors of one unit, read at an interval."""
    return lambda n: Subjects.simple(n, unit=unit, interval=interval)


def parts(names: tuple[str, ...], units: tuple[str, ...], interval: float) -> Callable[[int], Subjects]:
    """Groups whose parts have units of their own."""

    def subjects(n: int) -> Subjects:
        plain = Subjects.simple(n, unit=units[0], interval=interval, members=len(names), parts=names)
        return replace(plain, input_unit=list(units) * n)

    return subjects


def peaks(seed: int, count: int, level: float, *bumps: tuple[float, float, float]) -> Floats:
    """A level with noise, never below 0, and bumps (begin, end, height), as parts of the whole."""
    x = np.linspace(0, 1, count)
    value = level + noise(seed, count, level / 8, 0.7)
    for begin, end, height in bumps:
        value += np.where((x > begin) & (x < end), height * np.sin(np.pi * (x - begin) / (end - begin)), 0)
    return np.maximum(value, 0)


def twa() -> Scene:
    co = peaks(1, 8 * 60, 8, (0.1, 0.3, 50), (0.45, 0.8, 140))
    trace = sent(regular(co, 60), ~((np.arange(480) > 250) & (np.arange(480) < 275)))
    return Scene(Twa(limit=35.0), simple("ppm", 60), [trace], "CO over a shift, with a gap of 25 min.", "h", 9 * HOUR)


def stel() -> Scene:
    co = peaks(2, 8 * 60, 6, (0.1, 0.14, 300), (0.3, 0.36, 240), (0.6, 0.66, 420))
    return Scene(Stel(limit=200.0), simple("ppm", 60), [regular(co, 60)], "CO with three short peaks.", "h")


def ceiling() -> Scene:
    co = peaks(3, 360, 20, (0.3, 0.42, 160), (0.6, 0.75, 290))
    return Scene(Ceiling(limit=200.0), simple("ppm", 10), [regular(co, 10)], "CO with two peaks.")


def mixture() -> Scene:
    co = peaks(4, 360, 6, (0.3, 0.8, 14))
    h2s = peaks(5, 360, 0.15, (0.4, 0.7, 0.5))
    scene = Mixture(limits=("co 25 ppm", "h2s 1 ppm"), reset=0.9)
    traces = [regular(co, 10), regular(h2s, 10)]
    return Scene(scene, parts(("co", "h2s"), ("ppm", "ppm"), 10), traces, "Neither gas alone reaches its limit.")


def oxygen() -> Scene:
    x = np.linspace(0, 1, 480)
    o2 = 20.9 - 2.6 * np.exp(-(((x - 0.35) / 0.07) ** 2)) + 3.4 * np.exp(-(((x - 0.75) / 0.06) ** 2))
    caption = "Nitrogen displaces the air; later an oxygen line leaks."
    return Scene(Oxygen(low_reset=20.0), simple("%vol", 5), [regular(o2 + noise(6, 480, 0.05), 5)], caption)


def ambient_rise() -> Scene:
    x = np.arange(3 * 1440)
    co = 4 + 1.5 * np.sin(x * 2 * np.pi / 1440) + noise(7, len(x), 0.4, 0.5) + np.clip((x - 3700) / 40, 0, 12)
    caption = "CO of a belt road with a daily swing; from 61 h on something smoulders."
    return Scene(AmbientRise(limit=10.0, reset=5.0), simple("ppm", 60), [regular(co, 60)], caption, "h")


def rate_of_rise() -> Scene:
    ch4 = 0.3 + np.clip(np.arange(480) - 240, 0, 60) * 0.0375 + noise(8, 480, 0.03)
    detector = RateOfRise(limit=0.1, floor=0.25, threshold=1.5)
    caption = "Methane rises by 0.15 %vol a minute from 60 min on."
    return Scene(detector, simple("%vol", 15), [regular(ch4, 15)], caption)


def explosion() -> Scene:
    dust = peaks(9, 300, 2, (0.4, 0.7, 26))
    return Scene(Explosion(mec=65.0), simple("g/m3", 1), [regular(dust, 1)], "Coal dust in a chute, MEC 65 g/m3.", "s")


def bag_filter() -> Scene:
    x = np.arange(6 * 120)
    pressure = 1200 + noise(10, len(x), 30) - np.where(x % 10 == 0, 250, 0) - np.where(x > 420, 560, 0)
    caption = "Cleaning pulses; a bag tears at 3.5 h."
    return Scene(Filter(idle=200.0), simple("Pa", 30), [regular(pressure, 30)], caption, "h")


def hybrid() -> Scene:
    dust, gas = peaks(11, 300, 3, (0.3, 0.8, 7)), peaks(12, 300, 0.25, (0.5, 0.9, 0.7))
    subjects = parts(("dust", "gas"), ("g/m3", "%vol"), 1)
    caption = "Coal dust and methane: each below a quarter of its own limit, together not."
    return Scene(Hybrid(mec="65 g/m3", lfl="5 %vol"), subjects, [regular(dust, 1), regular(gas, 1)], caption, "s")


def projection() -> Scene:
    dust = peaks(13, 7 * 60, 0.8, (0.3, 0.85, 3.2))
    detector = Projection(limit=1.5, begins=("00:00", "08:00", "16:00"), utc_offset=0)
    caption = "Dust of a shift: what the rest of it may still have falls, and is exceeded before the shift average is."
    return Scene(detector, simple("mg/m3", 60), [regular(dust, 60)], caption, "h")


def shift_twa() -> Scene:
    dust, humidity = peaks(14, 8 * 60, 1.0, (0.2, 0.8, 6.0)), 55 + 25 * np.linspace(0, 1, 480)
    subjects = parts(("dust", "humidity"), ("mg/m3", "%RH"), 60)
    caption = "Photometer at rising humidity, corrected by it and by a gravimetric factor of 0.8."
    traces = [regular(dust, 60), regular(humidity, 60)]
    return Scene(ShiftTwa(limit=1.5, factor=0.8), subjects, traces, caption, "h", 9 * HOUR)


SCENES: Mapping[str, Callable[[], Scene]] = {
    "dust.explosion": explosion,
    "dust.filter": bag_filter,
    "dust.hybrid": hybrid,
    "dust.projection": projection,
    "dust.shift_twa": shift_twa,
    "gas.ambient_rise": ambient_rise,
    "gas.ceiling": ceiling,
    "gas.mixture": mixture,
    "gas.oxygen": oxygen,
    "gas.rate_of_rise": rate_of_rise,
    "gas.stel": stel,
    "gas.twa": twa,
}
