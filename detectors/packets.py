"""Packets of waveforms put side by side, so that a filter runs over all channels in one call.

Constraints. Within a group no sensor repeats and rate and length agree; each sensor's packets keep their order from
group to group, other sensors' may change places: only what is kept apart by sensor may be folded over them. Empty
packets are left out, and of overlapping ones what was measured before. Not here: whether a packet continues the one
before it in a good state (each detector asks).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Column
from detectors.grouping import group
from detectors.reading import FAULTS, Bools, Floats, Indices, Times, Wave

_SENSOR, _TIME, _RATE, _QUALITY, _SAMPLES, _ARRIVED, _ROW = map(
    attrgetter, ("sensor", "time", "rate", "quality", "samples", "arrived", "row")
)


SET_BACK = 10_000_000_000
"""ns, and two packets more: for so long only older packets, at the pace of a clock, and a device's was set back."""


@dataclass(frozen=True, slots=True, eq=False)
class Packets:
    """(C,) unless said: C packets of L samples."""

    place: Indices
    """Which of the batch's waves."""
    sensor: Indices
    time: Times
    """ns of the first sample."""
    arrived: Times
    quality: NDArray[np.int64]
    rate: float
    samples: Floats
    """(C, L)."""
    ascending: bool = False
    """Known to be in the order of the sensors."""

    def __len__(self) -> int:
        return len(self.sensor)

    @property
    def length(self) -> int:
        """Samples of each."""
        return int(self.samples.shape[1])

    @property
    def slack(self) -> int:
        """ns; half a sample."""
        return int(0.5e9 / self.rate)

    @property
    def usable(self) -> Bools:
        """Not declared bad, and every sample a number."""
        return self.usable_but(FAULTS)

    def usable_but(self, bad: int) -> Bools:
        """None of the flags `bad`, and every sample a number."""
        mask: Bools = (self.quality & bad) == 0
        finite = np.isfinite(self.samples)
        return mask if finite.all() else mask & finite.all(axis=1)

    def place_in(self, count: int) -> Indices | slice:
        """Where they are in arrays of `count` sensors: where each has a packet, a slice, which copies nothing."""
        return slice(None) if self.ascending and len(self) == count else self.sensor

    def only(self, which: Bools) -> Packets:
        """Some of them."""
        if which.all():
            return self
        return Packets(
            self.place[which],
            self.sensor[which],
            self.time[which],
            self.arrived[which],
            self.quality[which],
            self.rate,
            self.samples[which],
            self.ascending,
        )

    def part(self, begin: int, end: int) -> Packets:
        """Samples `begin` to `end` of each."""
        return Packets(
            self.place,
            self.sensor,
            self.time_of(begin),
            self.arrived,
            self.quality,
            self.rate,
            self.samples[:, begin:end],
            self.ascending,
        )

    def time_of(self, sample: Indices | int) -> Times:
        """(C,) ns of a sample of each."""
        times: Times = self.time + np.rint(np.asarray(sample) * (1e9 / self.rate)).astype(np.int64)
        return times


def side_by_side(waves: Sequence[Wave]) -> Iterator[Packets]:
    """Groups of packets in which no sensor repeats and rate and length agree."""
    if not waves:
        return
    count = len(waves)
    sensor = np.fromiter(map(_SENSOR, waves), np.intp, count)
    time, arrived = (np.fromiter(map(of, waves), np.int64, count) for of in (_TIME, _ARRIVED))
    rate, quality, samples = (list(map(of, waves)) for of in (_RATE, _QUALITY, _SAMPLES))
    length = list(map(len, samples))
    flags = np.array(quality, np.int64)
    ascending = _is_one(rate) and _is_one(length) and bool((sensor[1:] > sensor[:-1]).all())
    groups = [np.arange(count)] if ascending else _alike(sensor, np.array(rate), np.array(length))
    for chosen in groups:
        first = int(chosen[0])
        if length[first]:
            mine = samples if len(chosen) == count else [samples[k] for k in chosen.tolist()]
            block = np.concatenate(mine).reshape(len(chosen), -1)
            times = time[chosen], arrived[chosen]
            yield Packets(chosen, sensor[chosen], *times, flags[chosen], rate[first], block, ascending)


def one_packet(wave: Wave, place: int) -> Packets:
    """A packet by itself."""
    at, sensor, time, arrived, quality = (
        np.array([n], np.int64) for n in (place, wave.sensor, wave.time, wave.arrived, wave.quality)
    )
    return Packets(at, sensor, time, arrived, quality, wave.rate, wave.samples[None, :])


def beyond(packets: Packets, following: Times, going: Bools) -> Iterator[Packets]:
    """The packets, cut where they overlap: only the samples from `following` on, the time (of each sensor) of the one
    that should come next. What lies wholly before it, or does not follow anything, stays as it is."""
    place = packets.place_in(len(following))
    behind = following[place] - packets.time
    overlaps = going[place] & (behind > packets.slack)
    if overlaps.any():
        overlaps &= packets.time_of(packets.length) - following[place] > packets.slack
    if not overlaps.any():
        yield packets
        return
    if not overlaps.all():
        yield packets.only(~overlaps)
    for k in np.flatnonzero(overlaps).tolist():
        one = packets.only(np.arange(len(packets)) == k)
        yield one.part(round(int(behind[k]) * packets.rate / 1e9), packets.length)


def set_back(packets: Packets, late: Bools, usable: Bools, older: Times, lag: Times) -> Bools:
    """(C,) those of the `late` ones by which a device's clock is believed to have been set back.

    `older` (arrival, of each sensor; 0: the last one was not late) and `lag` (arrival less device time) are those of
    the first of a row of late packets, and are moved. What is sent again comes faster than it was measured, or after a
    silence: its lag changes, and by more than half the patience the row begins anew.
    """
    who, behind, length = packets.sensor, packets.arrived - packets.time, round(packets.length * 1e9 / packets.rate)
    begins = late & ((older[who] == 0) | (np.abs(behind - lag[who]) > SET_BACK // 2 + length))
    turned: Bools = late & usable & ~begins & (packets.arrived - older[who] > SET_BACK + 2 * length)
    begins &= usable
    older[who[begins]], lag[who[begins]] = packets.arrived[begins], behind[begins]
    older[who[usable & ~late]] = 0
    return turned


def _is_one(values: list[Any]) -> bool:
    return values.count(values[0]) == len(values)


def _alike(sensor: Indices, rate: Floats, length: Indices) -> list[Indices]:
    """Places of packets that can go side by side: the same turn of their sensors, the same rate, the same length."""
    place = np.arange(len(sensor))
    runs = group(sensor)
    turn = np.empty(len(sensor), np.intp)
    turn[runs.order] = place - np.repeat(runs.start, runs.stop - runs.start)
    order = np.lexsort((length, rate, turn))
    turn, rate, length = turn[order], rate[order], length[order]
    new = (turn[1:] != turn[:-1]) | (rate[1:] != rate[:-1]) | (length[1:] != length[:-1])
    return np.split(order, np.flatnonzero(new) + 1)


def marks(wave: Wave, flags: int) -> dict[str, int]:
    """The number `quality` of what a packet raised that is late or has another flag: its own and these."""
    both = (wave.quality | flags) & FAULTS
    return {"quality": both} if both else {}


def wave_column(
    name: str, unit: str, subject: Indices, waves: Sequence[Wave], place: Indices, time: Times, value: Floats
) -> Column:
    """A column whose entries were caused by the waves at `place`, in log order."""
    if len(place) == len(waves) and (place[1:] > place[:-1]).all():
        chosen: Sequence[Wave] = waves
    else:
        order = np.argsort(place, kind="stable")
        subject, time, value = subject[order], time[order], value[order]
        chosen = [waves[k] for k in place[order].tolist()]
    arrived, row = (np.fromiter(map(of, chosen), np.int64, len(chosen)) for of in (_ARRIVED, _ROW))
    return Column(name, unit, subject, time, arrived, row, value, np.zeros(len(chosen), np.uint8))
