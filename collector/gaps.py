"""Missing intervals, and why: a sensor not heard for longer than three of its intervals, or nothing collected at all.

Constraints. Read from the stored history by device time, so a buffered past that was delivered late leaves no gap. A
sensor without `every` has no gaps. What lies before a sensor's first reading, or after its newest, is a gap only if
judging's `now` is past it. A cause is named only where something written says so; else it is empty, not guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from collector.history import History
from collector.judged import Judged, every_line
from collector.ledger_minutes import unreadable_at
from detectors.records import SOURCE

INTERVALS = 3
EVER = 2**62
COLLECT = "(collect)"
"""In place of a sensor: nothing was collected at all."""
NOT_COLLECTED = "nothing was collected"
TOGETHER = 5
"""So many sensors that fall silent and speak again together are one cause."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Not heard between `start` and `end`, ns, and what is known of why."""

    sensor: str
    start: int
    end: int
    cause: str = ""


def find(folder: Path, sensor: str | None = None) -> list[Gap]:
    """All gaps, by time; of one sensor if it is named."""
    judged, history = Judged(folder), History(folder)
    try:
        now = int(judged.status().get("now", 0))
        blind, failing = _blind_and_failing(judged)
        every = {row["sensor"]: row["every"] for row in judged.sensors() if row["every"]}
        found = [gap for name, interval in every.items() for gap in _of(history, name, interval, now)]
        together = [gap for gap in _together(found, every) if sensor in (None, gap.sensor)]
        unreadable = {name: _unreadable(folder, judged, name) for name in {gap.sensor for gap in together}}
        known = [*blind, *_before_the_broker(judged)]
        chosen = [gap for gap in known if sensor in (None, gap.sensor)]
        chosen += [_caused(gap, history, blind, failing, unreadable[gap.sensor]) for gap in together]
    finally:
        history.close()
        judged.close()
    return sorted(chosen, key=lambda gap: (gap.start, gap.sensor))


def in_rows(found: Sequence[Gap]) -> list[Gap]:
    """For a person: gaps of one sensor and cause that follow each other with a single reading between are one line."""
    rows: list[Gap] = []
    last: dict[tuple[str, str], tuple[int, int]] = {}
    for gap in found:
        who = gap.sensor, gap.cause
        row, joined = last.get(who, (-1, 0))
        if row >= 0 and rows[row].end == gap.start < gap.end:
            said = f"{joined + 1} in a row, a single reading between" + (f"; {gap.cause}" if gap.cause else "")
            rows[row] = replace(rows[row], end=gap.end, cause=said)
            last[who] = row, joined + 1
        else:
            last[who] = len(rows), 1
            rows.append(gap)
    return rows


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


def _together(found: Sequence[Gap], every: dict[str, int]) -> Iterator[Gap]:
    """Gaps that begin and end within an interval of each other have others named beside them."""
    start, end = (np.array([getattr(gap, name) for gap in found], np.int64) for name in ("start", "end"))
    for gap in found:
        near = 2 * every[gap.sensor]
        others = int(np.count_nonzero((np.abs(start - gap.start) <= near) & (np.abs(end - gap.end) <= near))) - 1
        yield replace(gap, cause=f"silent together with {others} others") if others + 1 >= TOGETHER else gap


def _unreadable(folder: Path, judged: Judged, sensor: str) -> list[tuple[int, int]]:
    """(ns of `now`, how many) of a sensor's dead letters, as far as the log is kept."""
    seals = judged.dead_of(sensor)
    return [(now, seals[seal]) for seal, now in unreadable_at(folder, seals).items()] if seals else []


def _caused(
    gap: Gap, history: History, blind: Sequence[Gap], failing: Sequence[Gap], unreadable: Sequence[tuple[int, int]]
) -> Gap:
    """The gap with its cause, the surest one."""
    length = gap.end - gap.start
    if 2 * sum(_shared(gap, one) for one in blind) > length:
        return replace(gap, cause=NOT_COLLECTED)
    if dead := sum(many for now, many in unreadable if gap.start < now <= gap.end):
        return replace(gap, cause=f"{dead} messages could not be read: `davylamp ledger --dead`")
    if 2 * sum(_shared(gap, one) for one in failing) > length:
        return replace(gap, cause=max(failing, key=lambda one: _shared(gap, one)).cause)
    _, value, _ = history.window(gap.sensor, gap.start, gap.end)
    empty = int(np.count_nonzero(np.isnan(value)))
    return replace(gap, cause=f"{empty} of its readings had no number") if empty else gap


def _shared(one: Gap, other: Gap) -> int:
    """ns that two intervals have in common."""
    return max(0, min(one.end, other.end) - max(one.start, other.start))


def _blind_and_failing(judged: Judged) -> tuple[list[Gap], list[Gap]]:
    """When nothing was collected, and when the alarm about the broker stood, with its reason as the cause."""
    blind: list[Gap] = []
    failing: list[Gap] = []
    for _, text, _ in every_line(judged):
        line = json.loads(text)
        why, now = line["why"], int(line["now"])
        if line["change"] == "blind":
            blind.append(Gap(COLLECT, int(why.get("from", now)), int(why.get("to", now)), NOT_COLLECTED))
        elif line["rule"] == SOURCE and line["change"] == "raised":
            failing.append(Gap(COLLECT, now, EVER, f"{SOURCE}: {why.get('detail', '')}"))
        elif line["rule"] == SOURCE and line["change"] == "returned" and failing:
            failing[-1] = replace(failing[-1], end=now)
    return blind, failing
