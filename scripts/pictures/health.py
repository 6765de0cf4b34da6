"""Scenes of sensors that are not well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from detectors.detector import Subjects
from detectors.health.calibration import Calibration
from detectors.health.clock import Clock
from detectors.health.frozen_network import FrozenNetwork
from detectors.health.negative_drift import NegativeDrift
from detectors.health.noisy import Noisy
from detectors.health.out_of_range import OutOfRange
from detectors.health.over_range_latch import OverRangeLatch
from detectors.health.silent import Silent
from detectors.health.stuck import Stuck
from detectors.health.too_fast import TooFast
from scripts.pictures.scene import BEGIN, Scene, noise, regular, says, sent

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def methane(n: int) -> Subjects:
    """A catalytic bead, 0 to 4 %vol."""
    return Subjects.simple(n, unit="%vol", span=(0.0, 4.0), quantum=0.01, noise=0.01, interval=5.0, first_seen=BEGIN)


def calibration() -> Scene:
    contact = says([(0, 0), (5 * DAY, 1), (5 * DAY + 1200, 0), (24 * DAY, 1), (24 * DAY + 2 * HOUR, 0)], 30 * DAY, 300)
    caption = "Calibrated on day 5, due after 15 days, calibrated four days late."
    subjects = lambda n: Subjects.simple(n, states=("in service", "in calibration"), first_seen=BEGIN)  # noqa: E731
    return Scene(Calibration(every=15 * DAY), subjects, [contact], caption, "d")


def clock() -> Scene:
    t = np.arange(480)
    late = 1.0 + np.clip(t - 200, 0, 200) * 3.0
    caption = "A logger whose clock loses time from 3.3 h on."
    trace = regular(0.4 + noise(70, 480, 0.01), 60, late=late)
    return Scene(Clock(), lambda n: Subjects.simple(n, unit="%vol", interval=60), [trace], caption, "h")


def frozen_network() -> Scene:
    t = np.arange(180)
    traces = []
    for k in range(6):
        value = 0.3 + 0.1 * k + noise(78 + k, 180, 0.01)
        keep = ~(((t > 90) & (t < 135 + k)) if k < 5 else ((t > 30) & (t < 45)))
        traces.append(sent(regular(value, 20, late=0.1 * k), keep))
    caption = "Readings of six sensors; one is silent for itself, then five behind one gateway for 15 min."

    def subjects(n: int) -> Subjects:
        names = [f"s{k}" for k in range(1, 7)]
        plain = Subjects.simple(n, unit="%vol", interval=20, members=6, parts=names, first_seen=BEGIN)
        return replace(plain, input_id=names * n)

    return Scene(FrozenNetwork(), subjects, traces, caption)


def negative_drift() -> Scene:
    zero = 0.01 - np.clip(np.arange(20 * 144) - 700, 0, None) * 6e-5 + noise(71, 20 * 144, 0.02)
    caption = "The zero of a methane cell sinks by 0.009 %vol a day."
    return Scene(NegativeDrift(limit=0.06), methane, [regular(zero, 600)], caption, "d", levels=False)


def noisy() -> Scene:
    t = np.arange(720)
    value = 0.4 + noise(72, 720, 1.0) * np.where((t > 300) & (t < 480), 0.05, 0.01)
    return Scene(Noisy(), methane, [regular(value, 5)], "A loose contact for a quarter of an hour.")


def out_of_range() -> Scene:
    t = np.arange(360)
    value = 0.4 + noise(73, 360, 0.01) - np.where((t > 150) & (t < 210), 1.2, 0)
    return Scene(OutOfRange(), methane, [regular(value, 5)], "A cell that fails for five minutes, span 0 to 4 %vol.")


def over_range_latch() -> Scene:
    t = np.arange(720)
    value = 0.3 + np.interp(t, [0, 200, 260, 300, 720], [0, 0, 4.5, 0.1, 0.0]) + noise(74, 720, 0.01)
    trace = regular(np.clip(value, 0, 4), 5)
    reset = says([(0, 0), (2900, 1), (2960, 0)], HOUR, 5)
    names = ("value", "reset")
    caption = "Over its range at 21 min, then it reads low: not believed until it is reset in fresh air at 48 min."
    return Scene(
        OverRangeLatch(fresh_air=0.5),
        lambda n: Subjects.simple(n, unit="%vol", span=(0.0, 4.0), members=2, parts=names),
        [trace, reset], caption,
    )  # fmt: skip


def silent() -> Scene:
    trace = regular(0.4 + noise(75, 360, 0.01), 5)
    keep = ~((np.arange(360) > 150) & (np.arange(360) < 240))
    return Scene(Silent(), methane, [sent(trace, keep)], "Nothing comes for 7.5 min; expected each 5 s.")


def stuck() -> Scene:
    value = np.round(0.4 + noise(76, 1200, 0.03, 0.8), 2)
    value[700:1000] = value[700]
    return Scene(Stuck(), methane, [regular(value, 5)], "From 58 min on it repeats one value for 25 min.")


def too_fast() -> Scene:
    value = 0.4 + noise(77, 240, 0.01)
    value[80:] += 2.0 * (1 - np.exp(-np.arange(160) * 5 / 60.0))
    value[[30, 160]] = (2.2, 0.1)
    caption = "A true rise, as fast as t90 = 20 s allows, and two readings that cannot be true."
    return Scene(TooFast(t90=20.0), methane, [regular(value, 5)], caption)


SCENES: Mapping[str, Callable[[], Scene]] = {
    "health.calibration": calibration,
    "health.clock": clock,
    "health.frozen_network": frozen_network,
    "health.negative_drift": negative_drift,
    "health.noisy": noisy,
    "health.out_of_range": out_of_range,
    "health.over_range_latch": over_range_latch,
    "health.silent": silent,
    "health.stuck": stuck,
    "health.too_fast": too_fast,
}
