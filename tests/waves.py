"""Waveforms for tests: traces cut into packets, and streams of them with gaps and bad packets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.reading import Quality, Wave
from tests.strategies import SECOND, Stream

BEGIN = 1_700_000_000 * SECOND


def packets(
    samples: NDArray[np.float64], sizes: Sequence[int], rate: float, sensor: int = 0, begin: int = BEGIN
) -> list[Wave]:
    """The trace in packets of `sizes`, the last taking the rest; each arrives when its last sample is over."""
    edges = np.minimum(np.cumsum([0, *sizes, len(samples)]), len(samples)).tolist()
    time = [begin + round(edge * SECOND / rate) for edge in edges]
    return [
        Wave(0, sensor, time[k], time[k + 1], rate, samples[edges[k] : edges[k + 1]])
        for k in range(len(edges) - 1)
        if edges[k + 1] > edges[k]
    ]


def stream_of(
    seed: int, inputs: int, trace: Callable[[int], NDArray[np.float64]], size: int, rate: float, trouble: float = 0.03
) -> Stream:
    """`trace(seed)` for each input in packets of `size`; of all packets a part is missing, and a part is bad."""
    rng = np.random.default_rng(seed)
    traces = [trace(seed * 100 + s) for s in range(inputs)]
    sizes = [size] * (len(traces[0]) // size)
    waves = [w for s, samples in enumerate(traces) for w in packets(samples, sizes, rate, s)]
    waves.sort(key=lambda w: (w.arrived, w.sensor))
    kept = [w for w in waves if rng.random() >= trouble]
    bad = [int(Quality.NO_VALUE) if rng.random() < trouble / 2 else 0 for _ in kept]
    spoilt = [Wave(0, w.sensor, w.time, w.arrived, w.rate, w.samples, q) for w, q in zip(kept, bad, strict=True)]
    nothing = np.zeros(0, np.int64)
    return Stream(
        nothing.astype(np.intp), nothing, nothing, nothing.astype(np.float64), nothing.astype(np.uint8),
        tuple(spoilt), max(w.arrived for w in waves) + SECOND,
    )  # fmt: skip
