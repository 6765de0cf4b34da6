"""What belongs to the picture of one event: the readings of its sensor around it, and the alarms that stood meanwhile.

Constraints. Readings and journal are passed over once for all pictures; of a long window every column of the picture
keeps its first, last, lowest and highest reading, so memory does not grow with the readings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from collector.backtesting import Occurrence, occurrences
from collector.history import History
from collector.recording import is_recording, take
from dashboards.console.chart import COLUMNS
from detectors.reading import Floats, Times
from detectors.records import Change
from simulators.score import SECOND, Onset, Said, Score
from simulators.score_members import Members
from simulators.truths import TimedTruth

MOST_TRUTHS, MOST_FALSE = 100, 20
"""Pictures in one report."""
MARGIN = 0.25
"""Of the event's length, before and after it."""
LEAST = 60 * SECOND
AROUND = 10
"""Intervals of the sensor that are shown around it at least."""
ENOUGH = 40_000
"""Readings of one picture from which on they are thinned."""


@dataclass(slots=True)
class Picture:
    """One event: a truth with what became of it, or a false alarm."""

    sensor: str
    begin: int
    end: int
    """ns; what is shown."""
    said: Said | None = None
    false: Onset | None = None
    times: Times = field(default_factory=lambda: np.zeros(0, np.int64))
    values: Floats = field(default_factory=lambda: np.zeros(0))
    alarms: list[Occurrence] = field(default_factory=list)

    def add(self, times: Times, values: Floats) -> None:
        """More readings of its sensor."""
        inside = (times >= self.begin) & (times <= self.end)
        self.times = np.concatenate((self.times, times[inside]))
        self.values = np.concatenate((self.values, values[inside]))
        if len(self.times) > ENOUGH:
            kept = extremes(self.times, self.values, self.begin, self.end)
            self.times, self.values = self.times[kept], self.values[kept]


def extremes(times: Times, values: Floats, begin: int, end: int) -> Times:
    """Indices, ascending: each column's first, last, lowest and highest reading, and where numbers begin to lack."""
    good = np.flatnonzero(np.isfinite(values))
    column = (times[good] - begin) * COLUMNS // (end - begin + 1)
    order = np.lexsort((values[good], column))
    starts = np.flatnonzero(np.append(True, np.diff(column[order]) != 0)) if len(good) else np.zeros(0, np.intp)
    ends = np.append(starts[1:], len(good))[: len(starts)] - 1
    by_time = np.flatnonzero(np.append(True, np.diff(column) != 0)) if len(good) else starts
    last = np.append(by_time[1:], len(good))[: len(by_time)] - 1
    bad = np.flatnonzero(~np.isfinite(values))
    bad = bad[np.append(True, np.diff(bad) > 1)] if len(bad) else bad
    chosen = np.concatenate((good[order[starts]], good[order[ends]], good[by_time], good[last], bad))
    return np.unique(chosen).astype(np.int64)


def pictures(
    result: Score, sensors: Mapping[str, int | None], members: Members, changes: Iterable[Change], source: Path | None
) -> list[Picture]:
    """The pictures of a score's truths and of its first false alarms, in that order.

    `sensors` gives intervals; `source` is a recording's folder or a data folder (its history); None: without readings.
    """
    out = [_of_truth(said, result, sensors) for said in result.said[:MOST_TRUTHS]]
    for onset in result.false[:MOST_FALSE]:
        names = sorted(members(onset.rule, onset.subject))
        room = max(LEAST, AROUND * 3 * (sensors.get(names[0]) or 0))
        out.append(Picture(names[0], onset.now - room, onset.now + room, false=onset))
    _alarms(out, changes, members, result.end)
    if source is not None:
        (_readings if is_recording(source) else _from_history)(out, source)
    return out


def _of_truth(said: Said, result: Score, sensors: Mapping[str, int | None]) -> Picture:
    truth = said.truth
    end = _last(truth, said, result.end)
    every = sensors.get(truth.sensor) or 0
    margin = max(LEAST, AROUND * every, round(MARGIN * (end - truth.start)))
    return Picture(truth.sensor, truth.start - margin, end + margin, said=said)


def _last(truth: TimedTruth, said: Said, end: int) -> int:
    last = max(truth.start, end) if truth.end is None else truth.end
    return max(last, said.by.now) if said.by is not None else last


def _alarms(out: Sequence[Picture], changes: Iterable[Change], members: Members, end: int) -> None:
    by_sensor: dict[str, list[Picture]] = {}
    for picture in out:
        by_sensor.setdefault(picture.sensor, []).append(picture)

    def near() -> Iterator[Change]:
        for change in changes:
            if change.rule and any(sensor in by_sensor for sensor in members(change.rule, change.sensor)):
                yield change

    for one in occurrences(near(), end):
        for sensor in members(one.rule, one.subject):
            for picture in by_sensor.get(sensor, ()):
                if one.raised <= picture.end and one.returned >= picture.begin:
                    picture.alarms.append(one)


def _readings(out: Sequence[Picture], source: Path) -> None:
    for rows in take(source):
        first, last = int(rows.time.min()), int(rows.time.max())
        place = {name: k for k, name in enumerate(rows.names)}
        for picture in out:
            if picture.begin <= last and picture.end >= first and picture.sensor in place:
                mine = rows.sensor == place[picture.sensor]
                picture.add(rows.time[mine], rows.value[mine])


def _from_history(out: Sequence[Picture], folder: Path) -> None:
    history = History(folder)
    try:
        for picture in out:
            picture.add(*history.window(picture.sensor, picture.begin, picture.end + 1)[:2])
    finally:
        history.close()
