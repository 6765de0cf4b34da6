"""Missing intervals: a sensor not heard for longer than three of its intervals, or nothing collected at all.

Constraints. Read from the stored history by device time, so a buffered past that was delivered late leaves no gap. A
sensor without `every` has no gaps. What lies before a sensor's first reading, or after its newest, is a gap only if
judging's `now` is past it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collector.history import History
from collector.judged import Judged, every_line

INTERVALS = 3
EVER = 2**62
COLLECT = "(collect)"
"""In place of a sensor: nothing was collected at all."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Not heard between `start` and `end`, ns."""

    sensor: str
    start: int
    end: int
    cause: str = ""
    """Where it is known."""


def find(folder: Path, sensor: str | None = None) -> list[Gap]:
    """All gaps, by time; of one sensor if it is named."""
    judged, history = Judged(folder), History(folder)
    now = int(judged.status().get("now", 0))
    found = list(_blind(judged)) if sensor is None else []
    found += [gap for gap in _before_the_broker(judged) if sensor in (None, gap.sensor)]
    for row in judged.sensors():
        if row["every"] and sensor in (None, row["sensor"]):
            found += _of(history, row["sensor"], row["every"], now)
    history.close()
    judged.close()
    return sorted(found, key=lambda gap: (gap.start, gap.sensor))


def _of(history: History, sensor: str, every: int, now: int) -> Iterator[Gap]:
    time, value, _ = history.window(sensor, 0, EVER)
    heard = np.append(np.unique(time[np.isfinite(value)]), now)
    missing = np.flatnonzero(np.diff(heard) > INTERVALS * every)
    for k in missing.tolist():
        yield Gap(sensor, int(heard[k]), int(heard[k + 1]))


def _before_the_broker(judged: Judged) -> Iterator[Gap]:
    """What a sensor's or device's own numbers show; when it was sent nobody knows, so it is where it was seen."""
    for row in judged.missed():
        between = f"after number {row['before']} comes {row['number']}"
        cause = f"{row['missing']} missing before the broker: {between}"
        if row["missing"] < 0:
            cause = f"number {row['number']} came after all, after {row['before']}"
        yield Gap(row["sender"], row["now"], row["now"], cause)


def _blind(judged: Judged) -> Iterator[Gap]:
    for _, text, _ in every_line(judged):
        line = json.loads(text)
        if line["change"] == "blind":
            why = line["why"]
            yield Gap(COLLECT, int(why.get("from", line["now"])), int(why.get("to", line["now"])), "not collecting")
