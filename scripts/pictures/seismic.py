"""Scenes of seismic sensors: waveforms of a geophone, and events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from detectors.detector import Subjects
from detectors.seismic.activity import Activity
from detectors.seismic.b_value import BValue
from detectors.seismic.location import Location
from detectors.seismic.magnitude import Magnitude
from detectors.seismic.pick import Pick
from detectors.seismic.ppv import Ppv
from detectors.seismic.pvs import Pvs
from detectors.seismic.sta_lta import StaLta
from scripts.pictures.scene import Floats, Scene, events, noise, says, waveform

RATE = 200.0


def geophone(n: int) -> Subjects:
    """One axis."""
    return Subjects.simple(n, unit="mm/s", rate=RATE)


def shaken(seed: int, seconds: float, *shakes: tuple[float, float, float, float]) -> Floats:
    """Noise and events (begin, peak mm/s, Hz, s of decay)."""
    t = np.arange(0, seconds, 1 / RATE)
    out = noise(seed, len(t), 0.02)
    for begin, peak, hertz, decay in shakes:
        since = np.maximum(t - begin, 0)
        out += peak * np.exp(-since / decay) * np.sin(2 * np.pi * hertz * since) * (t >= begin)
    return out


def sta_lta() -> Scene:
    samples = shaken(40, 40, (18, 0.5, 18, 0.8), (29, 1.2, 12, 1.2))
    return Scene(StaLta(), geophone, [waveform(samples, RATE)], "Noise and two small events.", "s")


def pick() -> Scene:
    samples = shaken(41, 30, (14.0, 0.6, 18, 0.8), (22.0, 1.2, 12, 1.0))
    caption = "Onsets at 14 s and 22 s (below: the picked onset)."
    return Scene(Pick(), geophone, [waveform(samples, RATE)], caption, "s", 32.0)


def ppv() -> Scene:
    samples = shaken(42, 60, (15, 8, 30, 0.5), (38, 9, 6, 0.8))
    detector = Ppv(curve="din4150-3", building="dwelling", window=2.0)
    caption = "Two blasts of like peak at a dwelling: the lower frequency is the worse one."
    return Scene(detector, geophone, [waveform(samples, RATE)], caption, "s")


def pvs() -> Scene:
    axes = [shaken(43 + k, 40, (15, p, 25, 0.5), (27, 2 * p, 20, 0.7)) for k, p in enumerate((6.0, 4.0, 5.0))]
    caption = "Three axes of a station: none reaches the limit, the vector does."
    return Scene(
        Pvs(limit=12.5, window=2.0),
        lambda n: Subjects.simple(n, unit="mm/s", rate=RATE, members=3, parts=("x", "y", "z")),
        [waveform(a, RATE) for a in axes], caption, "s",
    )  # fmt: skip


def magnitude() -> Scene:
    rng = np.random.default_rng(46)
    at = np.sort(rng.uniform(0, 86_400, 40))
    peak = 10 ** rng.normal(-0.3, 0.5, 40)
    peak[30] = 40.0

    def station(n: int) -> Subjects:
        plain = Subjects.simple(n, unit="mm/s", members=2, parts=("velocity", "frequency"))
        return replace(plain, input_unit=["mm/s", "Hz"] * n)

    caption = "Peak velocities of 40 events 350 m away, and their magnitudes."
    traces = [events(at, peak), events(at, rng.uniform(15, 40, 40))]
    return Scene(Magnitude(limit=2.0, distance=0.35), station, traces, caption, "h")


def activity() -> Scene:
    rng = np.random.default_rng(47)
    quiet, blast = rng.uniform(0, 12 * 3600, 30), 4 * 3600 + rng.uniform(0, 900, 40)
    swarm = 8 * 3600 + rng.exponential(2400, 90)
    at = np.sort(np.concatenate((quiet, blast, swarm[swarm < 12 * 3600])))
    blasting = says([(0, 0), (4 * 3600 - 60, 1), (4 * 3600 + 1000, 0)], 12 * 3600, 60)

    def stope(n: int) -> Subjects:
        return Subjects.simple(n, unit="1", members=3, parts=("events", "blast", "alive"))

    caption = "Events and a blast, whose own are not counted; a swarm from 8 h on."
    traces = [events(at, rng.exponential(0.4, len(at)) - 0.5), blasting, says([(0, 0)], 12 * 3600, 60)]
    return Scene(Activity(limit=30.0), stope, traces, caption, "h")


def location() -> Scene:
    rng = np.random.default_rng(49)
    stations = np.array(
        [[0, 0, 0], [900, 50, -300], [850, 950, 20], [-40, 880, -420], [430, 460, -700], [300, -200, -150]], np.float64
    )
    origins = np.sort(rng.uniform(0, 6 * 3600, 24))
    near = np.arange(24) % 6 == 4
    sources = np.where(near[:, None], [220.0, 310.0, -250.0], rng.uniform([0, 0, -600], [900, 900, -50], (24, 3)))
    away = np.sqrt(((sources[:, None, :] - stations[None]) ** 2).sum(axis=2))
    onsets = origins[:, None] + away / 5000.0 + rng.normal(0, 0.001, away.shape)
    names = [f"st-{k}" for k in range(1, 7)]

    def network(n: int) -> Subjects:
        plain = Subjects.simple(n, unit="s", members=6, parts=names)
        return replace(plain, position=np.tile(stations, (n, 1)))

    caption = "Onsets at six stations (above: s after each hour); events within 100 m of 200 m east, 300 m north."
    detector = Location(vp=5000.0, radius=100.0, east=200.0, north=300.0, within=0.5, wait=3.0)
    traces = [events(onsets[:, k], onsets[:, k] % 3600) for k in range(6)]
    return Scene(detector, network, traces, caption, "h", levels=False)


def b_value() -> Scene:
    rng = np.random.default_rng(48)
    slopes = np.repeat([1.2, 0.7], [500, 500])
    sizes = np.round(rng.exponential(1 / (slopes * np.log(10))), 1)
    at = np.arange(1000) * 600.0
    caption = "A thousand events; b falls from 1.2 to 0.7 in the middle."
    return Scene(BValue(limit=0.9), lambda n: Subjects.simple(n, unit="1"), [events(at, sizes)], caption, "d")


SCENES: Mapping[str, Callable[[], Scene]] = {
    "seismic.activity": activity,
    "seismic.b_value": b_value,
    "seismic.location": location,
    "seismic.magnitude": magnitude,
    "seismic.pick": pick,
    "seismic.ppv": ppv,
    "seismic.pvs": pvs,
    "seismic.sta_lta": sta_lta,
}
