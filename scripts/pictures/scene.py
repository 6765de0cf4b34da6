"""A scene: one subject's simulated readings, and the detector that looks at them.

Constraints. Seeded, so that a picture is the same each time. A scene shows what a detector is for; it proves nothing
(tests/detectors does) and is no simulated site (simulators/).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Outcome, Subjects, Verdict
from detectors.reading import Quality, Wave
from tests.strategies import Stream, cut

Floats: TypeAlias = NDArray[np.float64]

SECOND = 1_000_000_000
BEGIN = 1_767_225_600 * SECOND
"""2026-01-01 00:00 UTC, so that shifts and days begin with the picture."""
PACKET = 0.5
"""s of a waveform's packet."""
ENTRIES = 500


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One input: readings at `seconds`, or the samples of a waveform at `rate`."""

    value: Floats
    seconds: Floats
    """Device time since BEGIN."""
    rate: float = 0.0
    late: Floats | float = 0.0
    """s from the device's time to the arrival."""
    dots: bool = False
    """Events: drawn as points."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What happens to one subject."""

    detector: Any
    subjects: Callable[[int], Subjects]
    traces: Sequence[Trace]
    caption: str
    per: str = "min"
    """Unit of the time axis: s, min, h, d."""
    end: float = 0.0
    """s since BEGIN up to which the log is seen; 0: the newest reading."""
    levels: bool = True
    """Its limits are levels of what is drawn."""

    def stream(self, count: int) -> Stream:
        """The same for `count` subjects at once, in order of arrival."""
        rows = [self._rows(trace, k) for k, trace in enumerate(self.traces) if not trace.rate]
        sensor, time, arrived, value = (
            np.concatenate(column) for column in zip(*rows, strict=True)
        ) if rows else (np.zeros(0),) * 4  # fmt: skip
        order = np.argsort(arrived, kind="stable")
        members = len(self.traces)
        each = np.repeat(order, count)
        number = np.tile(np.arange(count), len(order)) * members + np.repeat(sensor[order], count)
        waves = sorted(
            (w for k, trace in enumerate(self.traces) if trace.rate for w in self._waves(trace, k)),
            key=lambda w: w.arrived,
        )
        before = np.searchsorted(arrived[order], [w.arrived for w in waves], side="right") * count
        many = tuple(
            replace(w, row=int(row), sensor=n * members + w.sensor)
            for w, row in zip(waves, before, strict=True)
            for n in range(count)
        )
        until = max([*arrived.tolist(), *(w.arrived for w in waves), BEGIN + round(self.end * SECOND)]) + 1
        quality = np.where(np.isnan(value[each]), int(Quality.NO_VALUE), 0).astype(np.uint8)
        return Stream(
            number.astype(np.intp), time[each].astype(np.int64), arrived[each].astype(np.int64), value[each], quality,
            many, int(until),
        )  # fmt: skip

    def _rows(self, trace: Trace, sensor: int) -> tuple[NDArray[Any], ...]:
        time = BEGIN + np.round(trace.seconds * SECOND).astype(np.int64)
        arrived = time + np.round(np.broadcast_to(trace.late, time.shape) * SECOND).astype(np.int64)
        return np.full(len(time), sensor), time, np.maximum.accumulate(arrived), trace.value

    def _waves(self, trace: Trace, sensor: int) -> list[Wave]:
        length = round(PACKET * trace.rate)
        parts = range(0, len(trace.value), length)
        return [
            Wave(0, sensor, begun := BEGIN + round(k / trace.rate * SECOND), begun + round(PACKET * SECOND), trace.rate,
                 trace.value[k : k + length])
            for k in parts
        ]  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the detector said of a scene: verdicts from their instants on, and derived readings, in s since BEGIN."""

    begins: Floats
    verdicts: Sequence[Verdict]
    columns: dict[str, tuple[Floats, Floats]]
    units: dict[str, str]
    end: float


def look(scene: Scene) -> Seen:
    """Run the detector over one subject."""
    stream = scene.stream(1)
    state = scene.detector.start(scene.subjects(1))
    said: list[Outcome] = [scene.detector.step(state, batch) for batch in cut(stream, range(0, len(stream), ENTRIES))]
    findings = [f for outcome in said for f in outcome.findings]
    unit = scene.subjects(1).unit[0]
    columns: dict[str, list[tuple[Floats, Floats]]] = {}
    for column in (c for outcome in said for c in outcome.columns):
        columns.setdefault(column.name, []).append((_since(column.time), column.value))
    return Seen(
        begins=_since([f.at for f in findings]),
        verdicts=[f.verdict for f in findings],
        columns={n: (np.concatenate([t for t, _ in p]), np.concatenate([v for _, v in p])) for n, p in columns.items()},
        units={c.name: c.unit.replace("{unit}", unit) for outcome in said for c in outcome.columns},
        end=float(_since([stream.until])[0]),
    )


def _since(times: Any) -> Floats:
    out: Floats = (np.asarray(times, np.int64) - BEGIN) / SECOND
    return out


def regular(value: Any, every: float, late: Floats | float = 0.0) -> Trace:
    """A reading each `every` s; NaN is a reading without a number."""
    values = np.asarray(value, np.float64)
    return Trace(values, np.arange(len(values)) * every, late=late)


def sent(trace: Trace, keep: NDArray[np.bool_]) -> Trace:
    """Only those readings that were sent."""
    return replace(trace, value=trace.value[keep], seconds=trace.seconds[keep])


def events(seconds: Floats, value: Any) -> Trace:
    """Readings when something happens."""
    return Trace(np.broadcast_to(np.asarray(value, np.float64), seconds.shape).copy(), seconds, dots=True)


def waveform(samples: Floats, rate: float) -> Trace:
    """Samples of a geophone."""
    return Trace(samples, np.arange(len(samples)) / rate, rate)


def says(changes: Sequence[tuple[float, float]], end: float, every: float) -> Trace:
    """A state or a verdict: (s, value) from when on, read each `every` s; NaN: not known."""
    seconds = np.arange(0.0, end, every)
    begins, values = zip(*changes, strict=True)
    return Trace(np.array(values, np.float64)[np.searchsorted(begins, seconds, side="right") - 1], seconds)


def noise(seed: int, count: int, sigma: float, phi: float = 0.0) -> Floats:
    """Normal, autoregressive where phi is given."""
    white = np.random.default_rng(seed).normal(0.0, sigma * np.sqrt(1 - phi * phi), count)
    for k in range(1, count) if phi else ():
        white[k] += phi * white[k - 1]
    return white
