"""How much ground vibration a building or a working may take, by frequency: the curves, and half-waves to read them by.

Constraints. Curves are in mm/s, never fall with frequency and are flat below 1 Hz. All values are [R]: from the clauses
as recalled, to be confirmed against the standard that binds the site. Where a clause gives a range its lower end holds.
Cannot say: what a geophone below its corner frequency did not measure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from detectors.reading import Floats, Indices

FLOOR = 1.0
"""Hz below which no curve is defined."""
Curve: TypeAlias = Callable[[Floats], Floats]


def _lines(*points: tuple[float, float]) -> Curve:
    frequency, limit = zip(*points, strict=True)
    return lambda f: np.interp(f, frequency, limit)


def _steps(low: float, middle: float, high: float) -> Curve:
    """GB 6722: up to 10 Hz, above 10 to 50 Hz, above 50 Hz; the table is in cm/s."""
    return lambda f: np.where(f <= 10, 10 * low, np.where(f <= 50, 10 * middle, 10 * high))


def _usbm(plateau: float) -> Curve:
    """RI 8507 Appendix B: 0.03 in of displacement, a plateau, 0.008 in of displacement, 2 in/s."""

    def curve(f: Floats) -> Floats:
        low, high = 2 * np.pi * f * 0.762, 2 * np.pi * f * 0.2032
        limit: Floats = np.minimum(np.maximum(np.minimum(low, plateau), high), 50.8)
        return limit

    return curve


CURVES: Mapping[str, Mapping[str, Curve]] = {
    "din4150-3": {
        "industrial": _lines((10, 20), (50, 40), (100, 50)),
        "dwelling": _lines((10, 5), (50, 15), (100, 20)),
        "sensitive": _lines((10, 3), (50, 8), (100, 10)),
    },
    "usbm": {"plaster": _usbm(12.7), "drywall": _usbm(19.05)},
    "cfr816": {"0-300ft": _lines((1, 31.75)), "301-5000ft": _lines((1, 25.4)), "beyond-5000ft": _lines((1, 19.05))},
    "gb6722": {
        "adobe": _steps(0.15, 0.45, 0.9),
        "dwelling": _steps(1.5, 2.0, 2.5),
        "industrial": _steps(2.5, 3.5, 4.2),
        "heritage": _steps(0.1, 0.2, 0.3),
        "control-room": _steps(0.5, 0.6, 0.7),
        "hydraulic-tunnel": _steps(7, 8, 10),
        "traffic-tunnel": _steps(10, 12, 15),
        "mine-roadway": _steps(15, 18, 20),
        "rock-slope": _steps(5, 8, 10),
        "concrete-0-3d": _steps(1.5, 2.0, 2.5),
        "concrete-3-7d": _steps(3, 4, 5),
        "concrete-7-28d": _steps(7, 8, 10),
    },
}
"""DIN 4150-3 table 1 (foundation, short-term); RI 8507 Appendix B; 30 CFR 816.67(d)(2)(i); GB 6722-2014 table 2."""


def vibration_limit(curve: str, building: str, frequency: Floats) -> Floats:
    """mm/s at each frequency (Hz)."""
    return CURVES[curve][building](np.maximum(frequency, FLOOR))


@dataclass(frozen=True, slots=True, eq=False)
class HalfWaves:
    """Half-waves that ended within packets of C channels, by channel and time: (H,); and what is still open."""

    channel: Indices
    end: Indices
    """First sample after it, of the packet."""
    frequency: Floats
    """Hz, of a wave of twice its length."""
    peak: Floats
    """Greatest magnitude."""
    open_start: Floats
    """(C,) the zero crossing it began at, in samples since the start."""
    open_peak: Floats
    """(C,)."""


def half_waves(
    samples: Floats, last: Floats, start: Floats, peak: Floats, count: NDArray[np.int64], rate: float
) -> HalfWaves:
    """Cut (C, L) samples at their zero crossings, which lie on the line between the two samples beside them.

    `last` is the sample before, `start` and `peak` are those of the half-wave that is open, `count` the samples seen
    before: (C,) each. Source: definition (ISEE: zero-crossing frequency at the peak).
    """
    length = samples.shape[1]
    before = np.concatenate((last[:, None], samples[:, :-1]), axis=1)
    new = (before >= 0) != (samples >= 0)
    channel, end = np.nonzero(new)
    a, b = before[channel, end], samples[channel, end]
    crossing = (count[channel] + end) - 1 + a / (a - b)
    heads = new.copy()
    heads[:, 0] = True
    head = np.flatnonzero(heads)
    greatest = np.maximum.reduceat(np.abs(samples).reshape(-1), head)
    begun = greatest[np.searchsorted(head, channel * length + end)]
    carried = greatest[np.searchsorted(head, np.arange(len(samples)) * length)]
    carried = np.where(new[:, 0], peak, np.maximum(peak, carried))
    if not len(channel):
        return HalfWaves(channel, end, np.zeros(0), np.zeros(0), start, carried)
    first = np.concatenate(([True], channel[1:] != channel[:-1]))
    from_there = np.where(first, start[channel], np.roll(crossing, 1))
    closed = np.where(first, carried[channel], np.roll(begun, 1))
    final = np.roll(first, -1)
    open_start, open_peak = start.copy(), carried
    open_start[channel[final]], open_peak[channel[final]] = crossing[final], begun[final]
    return HalfWaves(channel, end, frequency(crossing - from_there, rate), closed, open_start, open_peak)


def frequency(samples: Floats, rate: float) -> Floats:
    """Hz of a wave whose half is so many samples long."""
    hz: Floats = 0.5 * rate / np.maximum(samples, 1e-9)
    return hz
