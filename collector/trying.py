"""One site's judge over recorded inputs, from the beginning: what would this site file have said?

Constraints. Announces nothing, stores nothing. A data folder's log brings its own revisions: they are left out and
counted, since the site file that is tried stands for all of them; its actions are obeyed where they still fit, and each
that does not is among the changes as refused. Several trials run in processes of their own, started fresh.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from collector.config import Loaded
from collector.folding import Folding
from collector.message import REVISION, Seal
from collector.recording import is_recording, take
from collector.replaying import Replayed, batches
from collector.spool import SpoolReader
from detectors.judge import Judge
from detectors.records import Change
from detectors.site import Site, read_site

T = TypeVar("T")
SEALS = 20_000
"""Messages of a log taken at once."""


@dataclass(slots=True)
class Course:
    """What a trial went over."""

    readings: int = 0
    start: int = 0
    end: int = 0
    """ns."""
    revisions: int = 0
    """Of the log, left out."""
    begins: int = 1
    """First seal of the log; above 1 it was trimmed, and what stood before is not known."""
    unknown: dict[str, int] = field(default_factory=dict)
    """Readings of sensors that the site does not have."""
    dead: dict[str, int] = field(default_factory=dict)
    """Messages of the log that this site cannot decode, by reason."""


def changes(document: Mapping[str, Any], source: Path, course: Course) -> Iterator[Change]:
    """What the site of a document says over a recording's folder or a data folder; `course` is filled on the way."""
    site = read_site(document)
    yield from _columns(site, source, course) if is_recording(source) else _log(site, source, course)


def _columns(site: Site, folder: Path, course: Course) -> Iterator[Change]:
    judge: Judge | None = None
    counted = Replayed()
    for batch in batches(site, take(folder), counted):
        if judge is None:
            course.start = int(batch.arrived[0])
            judge = Judge(site, course.start)
            yield from judge.begin()
        yield from judge.step(batch).changes
        course.end, course.readings, course.unknown = batch.until, counted.readings, counted.unknown


def _log(site: Site, source: Path, course: Course) -> Iterator[Change]:
    reader, folding, seq = SpoolReader(source if source.is_dir() else source.parent), Folding(), 0
    try:
        course.begins = max(1, reader.first())
        while seals := reader.read(seq, SEALS):
            if folding.judge is None:
                course.start = seals[0].now
                judge = Judge(site, course.start)
                folding.adopt(site, judge, 1)
                yield from judge.begin()
            yield from folding.fold([_without_revisions(seal, course) for seal in seals]).changes
            seq, course.end = seals[-1].seq, seals[-1].now
    finally:
        reader.close()
    course.readings = folding.counts.get("readings", 0)
    course.dead = {k.removeprefix("dead."): n for k, n in folding.counts.items() if k.startswith("dead.")}


def document_for(loaded: Loaded, source: Path) -> Mapping[str, Any]:
    """What a site file judges by: of a log with the system's own sensors, whose readings only a log has."""
    return loaded.document if is_recording(source) else loaded.whole


def span_of(source: Path) -> tuple[int, int]:
    """ns from the first to after the last reading of a recording, or seal of a log."""
    if is_recording(source):
        times = np.memmap(source / "time", np.int64, "r")
        return int(times[0]), int(times.max()) + 1
    reader = SpoolReader(source if source.is_dir() else source.parent)
    try:
        first, last = (reader.read(seq - 1, 1)[0] for seq in (reader.first(), reader.last()))
    finally:
        reader.close()
    return first.now, last.now + 1


def _without_revisions(seal: Seal, course: Course) -> Seal:
    kept = tuple(message for message in seal.messages if message.origin != REVISION)
    course.revisions += len(seal.messages) - len(kept)
    return seal if len(kept) == len(seal.messages) else Seal(seal.seq, seal.now, seal.wall, kept)


def processors() -> int:
    """How many trials may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_parallel(work: Callable[..., T], jobs: Sequence[tuple[Any, ...]], processes: int | None = None) -> list[T]:
    """`work(*job)` of each job, in their order; in this process where one is enough."""
    many = min(processes or processors(), len(jobs))
    if many <= 1:
        return [work(*job) for job in jobs]
    with ProcessPoolExecutor(many, mp_context=get_context("spawn"), initializer=_leave_the_keys) as pool:
        return list(pool.map(work, *zip(*jobs, strict=True)))


def _leave_the_keys() -> None:
    """Ctrl-C is answered by who asked, not by every process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
