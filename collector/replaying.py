"""Replay: the live fold over a spool, or over readings as CSV, as fast as it goes. Announces nothing, stores nothing.

Constraints. A spool brings its own revisions, so its journal's hash must equal the live one. A CSV row arrives at
max(now, its time); a sensor that the site does not know is counted by name, never skipped in silence.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from collector.errors import Damaged
from collector.folding import Folding
from collector.journal import GENESIS, line_json, link, with_hash
from collector.progress import Progress
from collector.recorded import Source, blocks_of, pieces
from collector.snapshots import oldest
from collector.spool import SpoolReader, spool_file
from detectors.judge import Judge
from detectors.reading import Batch
from detectors.records import Change
from detectors.site import Site
from simulators.replay import Rows


@dataclass(slots=True)
class Replayed:
    """What a replay came to."""

    hash: str = GENESIS
    lines: int = 0
    readings: int = 0
    start: int = 0
    """ns; arrival of the first reading."""
    end: int = 0
    begins: int = 1
    """The first seal of the log; above 1 it was trimmed, and the replay begins in the middle."""
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    """Readings of sensors that the site does not have, by name."""
    changes: dict[str, int] = field(default_factory=dict)
    """How many lines of each change."""


class _Chain:
    """Numbers and links the lines, and writes them where a file is wanted."""

    def __init__(self, result: Replayed, out: BinaryIO | None) -> None:
        self.result, self.out = result, out

    def add(self, changes: list[Change], site: str) -> None:
        for change in changes:
            self.result.lines += 1
            line = line_json(change, self.result.lines, site)
            self.result.hash = link(self.result.hash, line)
            self.result.changes[change.change] = self.result.changes.get(change.change, 0) + 1
            if self.out is not None:
                self.out.write(with_hash(line, self.result.hash) + b"\n")


def replay(
    site: Site,
    source: Path,
    journal: Path | None = None,
    *,
    messages: int = 20_000,
    progress: Progress | None = None,
    part: Source | None = None,
) -> Replayed:
    """Fold a data folder's spool (a folder or its spool.db) or a recording; write the journal where one is named.

    `part` says how a recording's columns are called and which part is wanted; a log is folded whole.
    """
    result = Replayed()
    begun = time.perf_counter()
    out = journal.open("wb") if journal is not None else None
    try:
        chain = _Chain(result, out)
        folder = source.parent if source.name == spool_file(source.parent).name else source
        if folder.is_dir() and spool_file(folder).exists():
            _spool(folder, chain, messages, progress)
        else:
            _recording(site, part or Source(source), chain, progress)
    finally:
        if out is not None:
            out.close()
    result.seconds = time.perf_counter() - begun
    return result


def _spool(folder: Path, chain: _Chain, messages: int, progress: Progress | None) -> None:
    reader, folding, seal = SpoolReader(folder), Folding(), 0
    chain.result.begins = max(1, reader.first())
    if chain.result.begins > 1:
        place = oldest(folder, folding, chain.result.begins - 1)
        if place is None:
            raise Damaged(
                f"{folder}: the log begins at seal {chain.result.begins}, what was before is trimmed, and no snapshot "
                "is usable: replay needs the folder's snapshots/ too"
            )
        seal, chain.result.lines, chain.result.hash = place.seal, place.line, place.hash
    first, last = seal, reader.last()
    while seals := reader.read(seal, messages):
        folded = folding.fold(seals)
        seal = seals[-1].seq
        chain.result.start = chain.result.start or seals[0].now
        chain.result.end = seals[-1].now
        if folding.judge is not None:
            chain.add(folded.changes, folding.judge.site.id)
        if progress is not None:
            progress((seal - first) / max(1, last - first), folding.counts.get("readings", 0))
    reader.close()
    chain.result.counts = folding.ledger()
    chain.result.readings = folding.counts.get("readings", 0)


def _recording(site: Site, source: Source, chain: _Chain, progress: Progress | None) -> None:
    judge: Judge | None = None
    told = None if progress is None else lambda share: progress(share, chain.result.readings)
    for batch in batches(site, pieces(source, site, told), chain.result):
        if judge is None:
            chain.result.start = min([*batch.arrived[:1].tolist(), *(wave.arrived for wave in batch.waves[:1])])
            judge = Judge(site, chain.result.start)
            chain.add(judge.begin(), site.id)
        chain.add(judge.step(batch).changes, site.id)
        chain.result.end = batch.until
    if judge is not None:
        chain.result.counts = {f"gate.{k}": v for k, v in sorted(judge.gate.counts.items())}


def batches(site: Site, read: Iterator[Rows], result: Replayed) -> Iterator[Batch]:
    """Pieces of recorded readings as batches: a row arrives at max(now, its time). Counts into `result`."""
    number = {name: k for k, name in enumerate(site.sensors)}
    now = np.iinfo(np.int64).min
    for piece in read:
        table = np.array([number.get(name, -1) for name in piece.names], np.intp)
        sensor = table[piece.sensor]
        known = sensor >= 0
        for index, count in zip(*np.unique(piece.sensor[~known], return_counts=True), strict=True):
            name = piece.names[int(index)]
            result.unknown[name] = result.unknown.get(name, 0) + int(count)
        waves = blocks_of(piece, table, now)
        for wave in piece.waves:
            if table[wave.sensor] < 0:
                name = piece.names[wave.sensor]
                result.unknown[name] = result.unknown.get(name, 0) + 1
        if waves:
            now = waves[-1].arrived
            result.readings += len(waves)
            yield Batch.of(now, waves=waves)
        if not known.any():
            continue
        times = piece.time[known]
        arrived = np.maximum.accumulate(np.maximum(times, now))
        now = int(arrived[-1])
        row = np.arange(result.readings, result.readings + len(times))
        result.readings += len(times)
        yield Batch.of(
            now, sensor[known], times, piece.value[known], arrived=arrived, quality=piece.quality[known], row=row
        )
