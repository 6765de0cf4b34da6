"""Rules of one kind whose structure agrees, stepping as one detector over all their subjects.

A thousand rules on a thousand sensors cost one vector step. Nothing here decides anything: a bank gathers the rows its
inputs want, in the log's order, and hands back what the detector said.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Finding, Outcome, Verdict, per_subject
from detectors.holding import GoodRow, Held, Silence
from detectors.reading import Batch, Floats, Indices, Quality, Times, Wave
from detectors.rule import Rule, Series
from detectors.site import Site
from detectors.site_subjects import subjects_as_columns
from detectors.state import size_of

SMALL = 1 << 20
"""Bytes of state up to which a step is undone exactly when a detector raises; larger ones restart as learning."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Readings of any series, as columns (M,), in log order."""

    series: Indices
    time: Times
    arrived: Times
    row: Times
    value: Floats
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.series)

    def where(self, index: Any) -> Rows:
        """The rows at an index or mask."""
        return Rows(*(getattr(self, f.name)[index] for f in dataclasses.fields(self)))

    @staticmethod
    def joined(parts: Sequence[Rows]) -> Rows:
        """All rows in log order; what one row caused is in the order of the series, so of dependencies."""
        if len(parts) == 1:
            return parts[0]
        columns = [np.concatenate([getattr(p, f.name) for p in parts]) for f in dataclasses.fields(Rows)]
        whole = Rows(*columns)
        return whole.where(np.lexsort((whole.series, whole.row, whole.arrived)))


class Bank:
    """One detector over the subjects of one or more rules. `pairs[k]` is the global number of subject k."""

    def __init__(
        self,
        site: Site,
        rules: Sequence[Rule],
        pairs: Indices,
        series: Mapping[str, int],
        seen: Times,
        table: Mapping[str, Series],
    ) -> None:
        self.rules = tuple(rules)
        self.pairs = pairs
        self.detector = together([r.detector for r in rules], [len(r.subjects) for r in rules])
        subjects = [s for r in rules for s in r.subjects]
        columns = subjects_as_columns(subjects, table, site.sensors)
        self.subjects = dataclasses.replace(columns, first_seen=seen)
        self.input_series = np.array([series[name] for name in columns.input_id], np.intp)
        self.fan = np.bincount(self.input_series, minlength=len(series)).astype(np.intp)
        order = np.argsort(self.input_series, kind="stable")
        self.by_series = order
        self.first = np.concatenate(([0], np.cumsum(self.fan)[:-1])).astype(np.intp)
        self.single = bool((self.fan <= 1).all())
        self.raw_only = bool((self.input_series < len(site.sensors)).all())
        self.state: Any = self.detector.start(self.subjects)
        self.forgot = False
        """True while it has not been told yet that the memory was lost."""
        self._series = series
        self._columns: dict[str, Indices] = {}

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two banks the same across a revision."""
        return structure(self.detector)

    def subject_keys(self) -> list[tuple[str, str]]:
        """(rule, subject) of each subject."""
        return [(r.name, s.id) for r in self.rules for s in r.subjects]

    def parameters(self) -> list[bytes]:
        """What the detector asks of each subject, in those parameters that may differ between subjects."""
        names, count = broadcast_parameters(type(self.detector)), len(self.subjects)
        columns = [per_subject(getattr(self.detector, name), count) for name in names]
        return [row.tobytes() for row in np.array(columns, np.float64).reshape(len(names), count).T]

    def inputs_of(self, subject: int) -> list[tuple[str, str]]:
        """(series, unit) of a subject's inputs, in order."""
        mine = np.flatnonzero(self.subjects.owner == subject).tolist()
        return [(self.subjects.input_id[i], self.subjects.input_unit[i]) for i in mine]

    def column_series(self, name: str) -> Indices:
        """(N,) global numbers of the derived series `subject/rule.name`."""
        if name not in self._columns:
            names = [f"{subject}/{rule}.{name}" for rule, subject in self.subject_keys()]
            self._columns[name] = np.array([self._series[n] for n in names], np.intp)
        return self._columns[name]

    def view(self, parts: Sequence[Rows], waves: Sequence[Wave], until: int) -> Batch:
        """The batch as this bank's inputs see it."""
        wanted = [p for p in (parts[:1] if self.raw_only else parts) if len(p)]
        chosen = [p.where(index) for p in wanted if len(index := np.flatnonzero(self.fan[p.series]))]
        if not chosen:
            return Batch.of(until, waves=self._waves(waves))
        rows = Rows.joined(chosen)
        sensor = self.by_series[self.first[rows.series]]
        if not self.single:
            rows, sensor = self._spread(rows)
        return Batch(
            until, sensor, rows.time, rows.arrived, rows.value, rows.quality, rows.row, tuple(self._waves(waves))
        )

    def _spread(self, rows: Rows) -> tuple[Rows, Indices]:
        times = self.fan[rows.series]
        index = np.repeat(np.arange(len(rows)), times)
        turn = np.arange(len(index)) - np.repeat(np.cumsum(times) - times, times)
        spread = rows.where(index)
        return spread, self.by_series[self.first[spread.series] + turn]

    def _waves(self, waves: Sequence[Wave]) -> list[Wave]:
        series = [wave.sensor for wave in waves]
        fan, first, inputs = self.fan[series].tolist(), self.first[series].tolist(), self.by_series
        return [
            _as_input(wave, int(inputs[begin + k]))
            for wave, times, begin in zip(waves, fan, first, strict=True)
            for k in range(times)
        ]

    def good_rows(self, view: Batch, pair: int) -> list[GoodRow]:
        """The good readings of one pair's inputs."""
        subject = int(np.flatnonzero(self.pairs == pair)[0])
        mine: Indices = np.flatnonzero((self.subjects.owner[view.sensor] == subject) & view.good)
        columns = (view.arrived, view.row, view.time)
        return [GoodRow(*place) for place in zip(*(column[mine].tolist() for column in columns), strict=True)]

    def events(
        self, findings: Iterable[Finding], silences: Mapping[int, Sequence[Silence]]
    ) -> dict[int, list[Finding | Silence]]:
        """What happened to each pair: what the detector found, and its inputs falling silent, in order."""
        events: dict[int, list[Finding | Silence]] = {}
        for finding in findings:
            events.setdefault(int(self.pairs[finding.subject]), []).append(finding)
        for pair in self.pairs.tolist() if silences else ():
            if pair in silences:
                events[pair] = sorted([*silences[pair], *events.get(pair, [])], key=lambda e: (e.at, e.row))
        return events

    def derived(self, outcome: Outcome) -> list[Rows]:
        """The detector's columns as readings of their series."""
        return [
            Rows(self.column_series(c.name)[c.subject], c.time, c.arrived, c.row, c.value, c.quality)
            for c in outcome.columns
            if len(c.subject)
        ]

    def step(self, batch: Batch) -> Outcome:
        """One step of the detector. What it raises passes through, with the state as it was if the state is small; of a
        larger one only what was active is left, so that it is not taken for clear."""
        before = copy.deepcopy(self.state) if size_of(self.state) <= SMALL else None
        active = np.flatnonzero(self.state.verdict == Verdict.ACTIVE)
        try:
            outcome: Outcome = self.detector.step(self.state, batch)
        except Exception:
            if before is None:
                before = self.detector.start(self.subjects)
                before.verdict[active] = int(Verdict.ACTIVE)
                self.forgot = True
            self.state = before
            raise
        return outcome


def _as_input(wave: Wave, sensor: int) -> Wave:
    if wave.sensor == sensor:
        return wave
    return Wave(wave.row, sensor, wave.time, wave.arrived, wave.rate, wave.samples, wave.quality)


def verdict_rows(held: Sequence[Held], series: Sequence[int]) -> Rows:
    """Held verdicts as readings; `series[k]` is of pair k."""
    meaning = {Verdict.ACTIVE: 1.0, Verdict.CLEAR: 0.0, Verdict.UNKNOWN: np.nan}
    value = np.array([meaning[h.verdict] for h in held], np.float64)
    return Rows(
        np.array([series[h.pair] for h in held], np.intp),
        np.array([h.finding.time if h.finding else h.at for h in held], np.int64),
        np.array([h.at for h in held], np.int64),
        np.array([h.row for h in held], np.int64),
        value,
        np.where(np.isnan(value), int(Quality.NO_VALUE), 0).astype(np.uint8),
    )


def broadcast_parameters(kind: type[Any]) -> tuple[str, ...]:
    """Names of the parameters of a detector class that may differ a subject."""
    return tuple(f.name for f in dataclasses.fields(kind) if "PerSubject" in str(f.type))


def structure(detector: Any) -> tuple[Any, ...]:
    """What must agree for two detectors to step as one: the kind and every parameter that does not broadcast."""
    loose = broadcast_parameters(type(detector))
    fixed = tuple((f.name, getattr(detector, f.name)) for f in dataclasses.fields(detector) if f.name not in loose)
    return (detector.kind, *fixed)


def together(detectors: Sequence[Any], counts: Sequence[int]) -> Any:
    """One detector over all subjects of several whose structure agrees; `counts[k]` subjects belong to the k-th."""
    first = detectors[0]
    joined = {}
    for name in broadcast_parameters(type(first)):
        columns = [per_subject(getattr(d, name), n) for d, n in zip(detectors, counts, strict=True)]
        joined[name] = np.concatenate(columns)
    return dataclasses.replace(first, **joined)
