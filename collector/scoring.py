"""A journal, a file of truths and perhaps a site file, brought together for `simulators.score`.

Constraints. A journal is a file of JSON lines or a data folder, read line by line. With a site file it is known which
sensors a group holds and at what interval they read; without, a group is taken to hold any sensor of the truths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from collector.errors import Rejected
from collector.journal import change_of
from collector.judged import Judged, every_line
from detectors.records import Change
from detectors.site import Site
from simulators.score import Onset, Part, Score, score
from simulators.score_members import Members, members_by_name, members_of
from simulators.truths import BadTruth, Truths, read_truths


def changes_of(journal: Path) -> Iterator[Change]:
    """The changes that a journal tells of, in order. Raises Rejected with the line that is none."""
    if journal.is_dir():
        judged = Judged(journal)
        try:
            yield from (change_of(text) for _, text, _ in every_line(judged))
        finally:
            judged.close()
        return
    with journal.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield change_of(line)
            except ValueError as wrong:
                raise Rejected(
                    f"{journal}:{number}: found {wrong}; allowed: lines as `davylamp journal` prints"
                ) from None


def truths_from(file: Path) -> Truths:
    """The truths of a file. Raises Rejected with its line."""
    try:
        return read_truths(file)
    except BadTruth as wrong:
        raise Rejected(str(wrong)) from None


def known(truths: Truths, site: Site | None) -> tuple[Truths, Members]:
    """The truths with the site's intervals, and whom its subjects stand for."""
    if site is None:
        return truths, members_by_name(truths.head.sensors)
    every = {name: sensor.every or None for name, sensor in site.sensors.items()}
    return Truths(
        msgspec.structs.replace(truths.head, sensors={**truths.head.sensors, **every}), truths.all
    ), members_of(site)


def score_journal(journal: Path, truths: Truths, site: Site | None, tolerance: int) -> Score:
    """Score a journal from its beginning."""
    with_site, members = known(truths, site)
    return score(changes_of(journal), with_site, members, tolerance=tolerance)


def document(result: Score) -> dict[str, Any]:
    """The score for a program. Times are ns, delays and lead times s, rates a sensor-month."""
    return {
        "version": 1,
        "start": result.start,
        "end": result.end,
        "tolerance": result.tolerance,
        "rules": [plain(part) for part in result.rules],
        "kinds": [plain(part) for part in result.kinds],
        "total": plain(result.total),
        "truths": [
            {**msgspec.to_builtins(said.truth), "by": None if said.by is None else said.by.name}
            | {name: getattr(said, name) for name in ("delay", "samples", "lead", "late", "held", "wrongly")}
            for said in result.said
        ],
        "false": [_onset(onset) for onset in result.false],
        "alarms": msgspec.to_builtins(result.figures),
        "unheard": list(result.unheard),
    }


def plain(part: Part) -> Mapping[str, Any]:
    """A rule's score for a program."""
    figures: Mapping[str, Any] = msgspec.to_builtins(part)
    return figures


def _onset(onset: Onset) -> dict[str, Any]:
    return {"name": onset.name, **msgspec.to_builtins(replace(onset))}
