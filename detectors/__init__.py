"""Detectors: decide what is wrong, and what that means. No clock, no network, no disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.detector import Outcome, Subjects
from detectors.reading import Batch, Wave


def evaluate(
    detector: Any,
    time: Any = (),
    value: Any = (),
    *,
    quality: Any = None,
    waves: Sequence[Wave] = (),
    until: int | None = None,
    **subject: Any,
) -> Outcome:
    """One detector over one sensor's readings, for a notebook: findings and derived columns.

    `time` in ns UTC (or NumPy datetime64), `value` in the sensor's unit; `subject` is what `Subjects.simple` takes
    (unit, span, quantum, noise, interval, rate, states). The log counts as seen just past the last reading.
    """
    times = np.asarray(time)
    if times.dtype.kind == "M":
        times = times.astype("datetime64[ns]")
    times = times.astype(np.int64).reshape(-1)
    ends = [int(t) + 1 for t in times[-1:]] + [w.arrived + 1 for w in waves[-1:]]
    seen = max(ends, default=0) if until is None else until
    sensor = np.zeros(len(times), np.intp)
    batch = Batch.of(seen, sensor, times, np.asarray(value, np.float64), quality=quality, waves=waves)
    outcome: Outcome = detector.step(detector.start(Subjects.simple(1, **subject)), batch)
    return outcome
