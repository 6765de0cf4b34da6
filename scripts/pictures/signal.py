"""Scenes of any signal."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from detectors.detector import Subjects
from detectors.signal.changepoint import Changepoint
from detectors.signal.cusum import Cusum
from detectors.signal.ewma import Ewma
from detectors.signal.limit import Limit
from detectors.signal.rate import Rate
from detectors.signal.seasonal import Seasonal
from detectors.signal.spike import Spike
from detectors.signal.state import StateIs
from detectors.signal.tail import Tail
from detectors.signal.trend import Trend
from detectors.signal.variance import Variance
from scripts.pictures.scene import Scene, Trace, noise, regular, says

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def shifted() -> Trace:
    """Readings whose mean moves by one sigma."""
    return regular(8 + noise(66, 2400, 1.0, 0.3) + np.where(np.arange(2400) > 1800, 1.0, 0), 60)


def ppm(n: int) -> Subjects:
    """CO, a reading a minute."""
    return Subjects.simple(n, unit="ppm", interval=60)


def cusum() -> Scene:
    caption = "CO whose mean moves by one sigma at 30 h; the first 17 h are learned."
    return Scene(Cusum(), ppm, [shifted()], caption, "h", levels=False)


def ewma() -> Scene:
    caption = "The same readings as at signal.cusum: the weighted mean leaves its band."
    return Scene(Ewma(), ppm, [shifted()], caption, "h", levels=False)


def variance() -> Scene:
    value = 8 + noise(67, 2400, 1.0) * np.where(np.arange(2400) > 1800, 2.0, 1.0)
    caption = "CO whose noise doubles at 30 h; the first 20 h are learned."
    return Scene(Variance(), ppm, [regular(value, 60)], caption, "h", levels=False)


def limit() -> Scene:
    x = np.linspace(0, 1, 360)
    ch4 = 0.3 + 1.0 * np.exp(-(((x - 0.45) / 0.13) ** 2)) + noise(60, 360, 0.03, 0.5)
    caption = "Methane under 30 CFR 57.22235: trips at 1.0 %vol, ends only below 0.5 %vol."
    return Scene(Limit(limit=1.0, reset=0.5), lambda n: Subjects.simple(n, unit="%vol"), [regular(ch4, 10)], caption)


def state() -> Scene:
    fan = says([(0, 0), (25 * MINUTE, 1), (40 * MINUTE, 0)], HOUR, 10)
    subjects = lambda n: Subjects.simple(n, states=("running", "stopped"))  # noqa: E731
    return Scene(StateIs("stopped"), subjects, [fan], "A fan that stops for a quarter of an hour.")


def rate() -> Scene:
    t = np.arange(720)
    level = 40 + np.clip(t - 300, 0, 200) * 0.12 + noise(61, 720, 0.4)
    caption = "A tank that fills by 7 %/h from 5 h on; the band is the confidence interval."
    detector = Rate(limit=0.08, window=HOUR, threshold=70.0)
    return Scene(detector, lambda n: Subjects.simple(n, unit="%"), [regular(level, 60)], caption, "h")


def trend() -> Scene:
    t = np.arange(4 * 144)
    pressure = 1200 + np.clip(t - 200, 0, None) * 0.25 + noise(62, len(t), 20, 0.5)
    caption = "A filter that clogs by 36 Pa a day from day 1.4 on, in correlated noise."
    detector = Trend(window=DAY, side="rising")
    return Scene(detector, lambda n: Subjects.simple(n, unit="Pa"), [regular(pressure, 600)], caption, "d")


def seasonal() -> Scene:
    hours = np.arange(0, 14 * 24, 0.25)
    co = 6 + 4 * np.exp(-(((hours % 24 - 14) / 2.5) ** 2)) + noise(68, len(hours), 0.5)
    co += np.where((hours >= 290) & (hours < 294), 4.0, 0.0)
    caption = "CO with a peak each afternoon; on day 12 the same value comes at 3 in the morning."
    detector = Seasonal(utc_offset=0, cycle="day")
    subjects = lambda n: Subjects.simple(n, unit="ppm", interval=900)  # noqa: E731
    return Scene(detector, subjects, [regular(co, 900)], caption, "d", levels=False)


def spike() -> Scene:
    value = 0.4 + noise(63, 720, 0.02, 0.6)
    value[[150, 420]] += (0.5, -0.3)
    value[560:] += 0.3
    caption = "Two single readings far off, and a step, which is none."
    return Scene(Spike(), lambda n: Subjects.simple(n, unit="%vol", interval=60), [regular(value, 60)], caption, "h")


def tail() -> Scene:
    value = 6 + np.random.default_rng(64).gamma(4.0, 1.0, 15 * 1440)
    value[13 * 1440] = 60.0
    caption = "CO with a long upper tail: the limit is that of its own peaks."
    return Scene(Tail(), ppm, [regular(value, 60)], caption, "d")


def changepoint() -> Scene:
    pressure = 1200 + noise(65, 900, 25) - np.where(np.arange(900) > 600, 60, 0)
    caption = "Differential pressure with a step of 60 Pa, about twice its noise, at 10 h."
    return Scene(
        Changepoint(limit=20.0), lambda n: Subjects.simple(n, unit="Pa", interval=60), [regular(pressure, 60)],
        caption, "h", levels=False,
    )  # fmt: skip


SCENES: Mapping[str, Callable[[], Scene]] = {
    "signal.changepoint": changepoint,
    "signal.cusum": cusum,
    "signal.ewma": ewma,
    "signal.limit": limit,
    "signal.rate": rate,
    "signal.seasonal": seasonal,
    "signal.spike": spike,
    "signal.state": state,
    "signal.tail": tail,
    "signal.trend": trend,
    "signal.variance": variance,
}
