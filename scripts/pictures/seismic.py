"""Scenes of seismic sensors: waveforms of a geophone, and events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from detectors.detector import Subjects
from detectors.seismic.activity import Activity
from detectors.seismic.b_value import BValue
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
    "seismic.magnitude": magnitude,
    "seismic.pick": pick,
    "seismic.ppv": ppv,
    "seismic.pvs": pvs,
    "seismic.sta_lta": sta_lta,
}
