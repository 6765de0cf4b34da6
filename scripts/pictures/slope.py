"""Scenes of slopes: prisms of a pit wall, and rain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from detectors.detector import Subjects
from detectors.slope.acceleration import Acceleration
from detectors.slope.cluster import Cluster
from detectors.slope.inverse_velocity import InverseVelocity
from detectors.slope.rainfall import Rainfall
from detectors.slope.saito import Saito
from detectors.slope.slo import Slo
from detectors.slope.tangent_angle import TangentAngle
from detectors.slope.vector import Vector
from detectors.slope.velocity import Velocity
from scripts.pictures.scene import Floats, Scene, noise, regular, says

HOUR, DAY = 3600.0, 86_400.0
FAILURE = 60.0
"""d: when the simulated wall fails."""


def prism(n: int) -> Subjects:
    """Displacement of a prism, hourly."""
    return Subjects.simple(n, unit="mm", noise=0.5, interval=HOUR)


def failing(days: float, every: float, sigma: float = 0.5, lead: float = FAILURE) -> Floats:
    """x = -(1/A) ln(1 - t/tf), A = 0.02/mm: an inverse velocity that falls in a straight line to tf."""
    t = np.arange(0, days, every / DAY)
    return -50.0 * np.log(1 - t / lead) + noise(20, len(t), sigma)


def velocity() -> Scene:
    t = np.arange(0, 20 * 24)
    x = 0.02 * t + np.clip(t - 240, 0, 96) * 0.6 + noise(21, len(t), 0.5)
    caption = "A wall that creeps, moves by 14 mm/d for four days and rests."
    return Scene(Velocity(limit=10.0, window=DAY), prism, [regular(x, HOUR)], caption, "d")


def acceleration() -> Scene:
    caption = "A creeping wall that begins to accelerate."
    return Scene(Acceleration(spacing=DAY), prism, [regular(failing(57, 6 * HOUR), 6 * HOUR)], caption, "d")


def inverse_velocity() -> Scene:
    detector = InverseVelocity(within=10 * DAY, spacing=DAY)
    caption = "A wall that fails on day 60: the band closes on it (below, dotted: now)."
    return Scene(detector, prism, [regular(failing(58, 6 * HOUR), 6 * HOUR)], caption, "d")


def saito() -> Scene:
    detector = Saito(within=10 * DAY, spacing=DAY)
    caption = "The same wall, failing on day 60."
    return Scene(detector, prism, [regular(failing(58, 6 * HOUR), 6 * HOUR)], caption, "d")


def slo() -> Scene:
    detector = Slo(within=10 * DAY, spacing=DAY)
    caption = "The same wall, failing on day 60."
    return Scene(detector, prism, [regular(failing(58, 6 * HOUR), 6 * HOUR)], caption, "d")


def tangent_angle() -> Scene:
    detector = TangentAngle(limit=80.0, spacing=DAY, creep_from="2026-01-05", creep_to="2026-01-25")
    caption = "The same wall, its own creep taken from day 4 to day 24."
    return Scene(detector, prism, [regular(failing(58, 6 * HOUR), 6 * HOUR)], caption, "d")


def vector() -> Scene:
    t = np.arange(0, 20 * 24)
    slid = np.clip(t - 200, 0, 200) * 0.35
    parts = [-0.6 * slid, 0.4 * slid, -0.7 * slid]
    traces = [regular(p + noise(22 + k, len(t), 0.5), HOUR) for k, p in enumerate(parts)]
    names = ("north", "east", "up")
    detector = Vector(limit=50.0, dip=(146, 44), sight=(0, 0), datum=(0.0, 0.0, 0.0))
    caption = "Three parts of a prism that slides out of the wall and down."
    return Scene(
        detector, lambda n: Subjects.simple(n, unit="mm", noise=0.5, members=3, parts=names), traces, caption, "d"
    )


def rainfall() -> Scene:
    hours = np.arange(0, 6 * 24)
    storm = np.where((hours > 60) & (hours < 84), 4 + 3 * np.sin((hours - 60) * np.pi / 24), 0.0)
    rain = storm + np.where(np.isin(hours, (20, 21, 40)), 3.0, 0.0)
    detector = Rainfall(alpha=18.0, beta=0.39)
    caption = "Showers, then a day of rain: no hour of it is unusual, the day is."
    return Scene(detector, lambda n: Subjects.simple(n, unit="mm", interval=HOUR), [regular(rain, HOUR)], caption, "d")


def cluster() -> Scene:
    places = np.array([[0.0, 0, 0], [30, 0, 0], [0, 40, 0], [500, 0, 0]])
    end = 12 * HOUR
    traces = [
        says([(0, 0), (4 * HOUR, 1), (10 * HOUR, 0)], end, 600),
        says([(0, 0), (5 * HOUR, 1), (8 * HOUR, np.nan), (9 * HOUR, 0)], end, 600),
        says([(0, 0), (6 * HOUR, 1), (9 * HOUR, 0)], end, 600),
        says([(0, 0), (2 * HOUR, 1), (4.5 * HOUR, 0)], end, 600),
    ]

    def prisms(n: int) -> Subjects:
        names = ("prism-1", "prism-2", "prism-3", "far away")
        plain = Subjects.simple(n, unit="1", members=4, parts=names)
        return replace(plain, position=np.tile(places, (n, 1)), input_id=[f"@moving/{p}" for p in names] * n)

    return Scene(Cluster(k=3, distance=60.0), prisms, traces, "Verdicts of `wall-moving` on four prisms, k = 3.", "h")


SCENES: Mapping[str, Callable[[], Scene]] = {
    "slope.acceleration": acceleration,
    "slope.cluster": cluster,
    "slope.inverse_velocity": inverse_velocity,
    "slope.rainfall": rainfall,
    "slope.saito": saito,
    "slope.slo": slo,
    "slope.tangent_angle": tangent_angle,
    "slope.vector": vector,
    "slope.velocity": velocity,
}
