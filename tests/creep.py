"""A slope on its way to failure at a known time, x = -(1/A) ln(1 - t/tf), for whatever forecasts it."""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors import evaluate
from detectors.detector import Outcome, Subjects
from tests.contract import Sample
from tests.strategies import SECOND, Stream, readings

DAY = 86_400.0
BEGIN = 1_700_000_000
A, TF = 0.02, 60.0


def creep(days: np.ndarray, a: float = A, tf: float = TF) -> np.ndarray:
    """Displacement in mm."""
    return -np.log(1 - days / tf) / a


def stream(seed: int, inputs: int) -> Stream:
    rng = np.random.default_rng(seed)
    days = np.minimum(np.arange(300) / 12, 19.5)[:, None]
    moved = creep(days, 0.03, 20.0) + rng.normal(0, 0.2, (300, inputs))
    return readings(seed, inputs, moved, every=7200 * SECOND, bad=0.03)


def sample(detector: Any) -> Sample:
    """How to exercise a detector of failure_from and failure_to."""
    instants = ("failure_from", "failure_to")
    return Sample(detector, lambda n: Subjects.simple(n, unit="mm", noise=0.2), stream, instants=instants)


def said(detector: Any, days: np.ndarray, values: np.ndarray, noise: float = 0.05) -> Outcome:
    """What the detector says to a displacement measured at times in days."""
    times = np.rint((BEGIN + days * DAY) * SECOND).astype(np.int64)
    return evaluate(detector, times, values, unit="mm", noise=noise)
