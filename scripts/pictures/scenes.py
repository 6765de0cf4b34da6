"""The scene of each kind: its own, or else what its contract test feeds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

import numpy as np

from detectors.reading import FAULTS
from scripts.pictures import gas_dust, health, network, seismic, signal, slope
from scripts.pictures.scene import BEGIN, SECOND, Scene, Trace
from tests.contract import Sample
from tests.strategies import Stream

OWN: Mapping[str, Callable[[], Scene]] = {
    **gas_dust.SCENES, **health.SCENES, **network.SCENES, **seismic.SCENES, **signal.SCENES, **slope.SCENES,
}  # fmt: skip


def scene_of(kind: str) -> Scene:
    """The kind's scene."""
    return OWN[kind]() if kind in OWN else of_test(sample_of(kind))


def sample_of(kind: str) -> Sample:
    """What its contract test declares."""
    sample: Sample = import_module(f"tests.detectors.test_{kind.replace('.', '_')}").SAMPLE
    return sample


def of_test(sample: Sample) -> Scene:
    """The good readings of a contract test's stream, one subject."""
    inputs = sample.subjects(1).inputs
    stream = (sample.long or sample.stream)(1, inputs)
    stream = stream.shifted(BEGIN - _begin(stream))
    span = (stream.until - BEGIN) / SECOND
    per = next((unit for unit, most in (("s", 300), ("min", 18_000), ("h", 864_000)) if span < most), "d")
    traces = [_trace(stream, k) for k in range(inputs)]
    return Scene(sample.detector, sample.subjects, traces, "The readings of its contract test.", per, span)


def _begin(stream: Stream) -> int:
    return min([*stream.time.tolist(), *(w.time for w in stream.waves)])


def _trace(stream: Stream, sensor: int) -> Trace:
    waves = [w for w in stream.waves if w.sensor == sensor]
    if waves:
        samples = np.concatenate([w.samples for w in waves])
        return Trace(samples, np.arange(len(samples)) / waves[0].rate, waves[0].rate)
    rows = np.flatnonzero((stream.sensor == sensor) & ((stream.quality & FAULTS) == 0))
    seconds = (stream.time[rows] - BEGIN) / SECOND
    return Trace(stream.value[rows], seconds, late=(stream.arrived[rows] - stream.time[rows]) / SECOND)
