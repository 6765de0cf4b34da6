"""Hypothesis strategies and seeded streams for whatever takes batches.

A stream is a list of single readings and waves in log order. `cut` turns it into batches: at given places, with empty
batches (ticks) anywhere. Not a simulator: values only have to reach every branch of a detector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.reading import Batch, Wave

SECOND = 1_000_000_000


@dataclass(frozen=True)
class Stream:
    """Readings and waves in log order. `row` numbers both, so that every entry has a place of its own."""

    sensor: NDArray[np.intp]
    time: NDArray[np.int64]
    arrived: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    waves: tuple[Wave, ...] = ()
    """`row` of a wave: how many readings come before it."""
    until: int = 0

    def __len__(self) -> int:
        return len(self.sensor) + len(self.waves)

    def shifted(self, by: int) -> Stream:
        waves = tuple(replace(w, time=w.time + by, arrived=w.arrived + by) for w in self.waves)
        return replace(
            self, time=self.time + by, arrived=self.arrived + by, waves=waves, until=self.until + by
        )

    def head(self, count: int) -> Stream:
        """The first `count` entries, the log seen up to the last of them."""
        order = _order(self)[:count]
        rows = np.array([k for kind, k in order if kind == "row"], np.intp)
        waves = tuple(self.waves[k] for kind, k in order if kind == "wave")
        arrived = [int(self.arrived[k]) for k in rows[-1:]] + [w.arrived for w in waves[-1:]]
        return replace(self._rows(rows), waves=waves, until=max(arrived, default=0))

    def only(self, inputs: Sequence[int]) -> Stream:
        """The entries of some inputs, renumbered 0, 1, ... in the given order."""
        number = {old: new for new, old in enumerate(inputs)}
        keep = np.flatnonzero(np.isin(self.sensor, list(number)))
        before = np.concatenate(([0], np.cumsum(np.isin(self.sensor, list(number)))))
        waves = tuple(
            replace(w, sensor=number[w.sensor], row=int(before[w.row])) for w in self.waves if w.sensor in number
        )
        part = self._rows(keep)
        sensor = np.array([number[s] for s in part.sensor.tolist()], np.intp)
        return replace(part, sensor=sensor, waves=waves)

    def _rows(self, rows: NDArray[np.intp]) -> Stream:
        return replace(
            self,
            sensor=self.sensor[rows],
            time=self.time[rows],
            arrived=self.arrived[rows],
            value=self.value[rows],
            quality=self.quality[rows],
        )


def _order(stream: Stream) -> list[tuple[str, int]]:
    """Entries in log order: a wave lies before the reading of its row."""
    entries: list[tuple[str, int]] = []
    waves = list(enumerate(stream.waves))
    for k in range(len(stream.sensor)):
        while waves and waves[0][1].row <= k:
            entries.append(("wave", waves.pop(0)[0]))
        entries.append(("row", k))
    return entries + [("wave", k) for k, _ in waves]


def cut(stream: Stream, places: Sequence[int] = (), ticks: Sequence[int] = ()) -> list[Batch]:
    """Batches of the stream, cut before the entries `places`, an empty batch before each of the entries `ticks`."""
    order = _order(stream)
    edges = sorted({0, len(order), *(p for p in places if 0 < p < len(order))})
    batches: list[Batch] = []
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        for tick in sorted(t for t in ticks if start <= t < stop):
            if tick == start:
                batches.append(Batch.of(_arrived(stream, order[tick])))
        batches.append(_batch(stream, order, start, stop))
    if stream.until:
        batches.append(Batch.of(stream.until))
    return batches


def _arrived(stream: Stream, entry: tuple[str, int]) -> int:
    kind, k = entry
    return stream.waves[k].arrived if kind == "wave" else int(stream.arrived[k])


def _batch(stream: Stream, order: list[tuple[str, int]], start: int, stop: int) -> Batch:
    """Entries start..stop; its `until` is the last arrival, as of a log whose next seal is not yet read."""
    part = order[start:stop]
    rows = np.array([k for kind, k in part if kind == "row"], np.intp)
    numbers = np.array([start + n for n, (kind, _) in enumerate(part) if kind == "row"], np.int64)
    waves = [
        replace(stream.waves[k], row=start + n) for n, (kind, k) in enumerate(part) if kind == "wave"
    ]
    return Batch.of(
        _arrived(stream, part[-1]),
        stream.sensor[rows],
        stream.time[rows],
        stream.value[rows],
        arrived=stream.arrived[rows],
        quality=stream.quality[rows],
        row=numbers,
        waves=waves,
    )


@st.composite
def cuts(draw: st.DrawFn, length: int) -> tuple[list[int], list[int]]:
    """(places to cut, places of ticks, which are cuts too) for a stream of `length` entries."""
    places = draw(st.lists(st.integers(0, max(0, length - 1)), max_size=12))
    ticks = draw(st.lists(st.integers(0, max(0, length - 1)), max_size=6))
    return [*places, *ticks], ticks


def readings(
    seed: int,
    inputs: int,
    values: NDArray[np.float64],
    *,
    every: int = SECOND,
    bad: float = 0.05,
    begin: int = 1_700_000_000 * SECOND,
    gap: tuple[int, int] = (0, 0),
) -> Stream:
    """`values` (steps, inputs) as a stream: each step every input reads once, a few late, missing or bad.

    It arrives a good interval after it was measured. Of the steps in `gap` (first, end) nothing is sent at all.
    """
    rng = np.random.default_rng(seed)
    steps = len(values)
    step, sensor = np.divmod(np.arange(steps * inputs), inputs)
    arrived = begin + step * every + (every // 10) * (sensor * 7 % inputs) // max(1, inputs)
    time = arrived - every * 13 // 10
    quality = np.zeros(len(step), np.uint8)
    unlucky = rng.random(len(step)) < bad
    quality[unlucky] = rng.choice([1, 2, 4, 8, 16, 32, 64], int(unlucky.sum()))
    late = (quality & 4) != 0
    time[late] -= 2 * every
    value = np.asarray(values, np.float64).reshape(-1).copy()
    value[(quality & 1) != 0] = np.nan
    sent = rng.random(len(step)) > bad
    sent &= ~((step >= gap[0]) & (step < gap[1]))
    keep = np.flatnonzero(sent)
    keep = keep[np.argsort(arrived[keep], kind="stable")]
    until = begin + (steps + 1) * every
    return Stream(
        sensor[keep].astype(np.intp), time[keep], arrived[keep], value[keep], quality[keep], until=until
    )
