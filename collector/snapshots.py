"""Snapshots of the fold: where judging, and a replay of a trimmed log, begin instead of at the log's beginning.

Constraints. One file a snapshot, complete or not there, named by the last seal that it has in it; the two newest are
kept. The older of the two is the anchor: nothing after it may be trimmed from the log, so that one that turns out to be
unusable costs nothing. No pickle. Not here: when one is taken.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from collector.folding import Folding
from collector.journal import GENESIS
from collector.remembered import Memory
from collector.whole import clear_parts, whole
from detectors.site import read_site
from detectors.snapshot import restore, snapshot

log = logging.getLogger(__name__)
KEPT = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A place in log and journal: the last seal that was folded, the last line and its hash."""

    seal: int = 0
    line: int = 0
    hash: str = GENESIS


def newest(folder: Path, folding: Folding, lowest: int, highest: int) -> Place | None:
    """Put the newest usable snapshot between two seals into the folding."""
    return _first_usable(sorted(_between(folder, lowest, highest), reverse=True), folder, folding)


def oldest(folder: Path, folding: Folding, lowest: int) -> Place | None:
    """Put the oldest usable snapshot from a seal on into the folding."""
    return _first_usable(sorted(_between(folder, lowest, 2**63)), folder, folding)


def save(folder: Path, folding: Folding, place: Place) -> int:
    """Write a snapshot of the folding at its place; returns the anchor, 0 while there is only one."""
    assert folding.judge is not None
    arrays, plain = snapshot(folding.judge)
    state = {
        "document": folding.document, "judge": plain, "revision": folding.revision,
        "counts": folding.counts, "line": place.line, "hash": place.hash, "memory": folding.memory.plain(),
    }  # fmt: skip
    path = _file(folder, place.seal)
    path.parent.mkdir(exist_ok=True)
    clear_parts(path.parent)
    with whole(path) as file:
        np.savez(file, plain=np.frombuffer(json.dumps(state).encode(), np.uint8), **arrays)  # type: ignore[arg-type]
    seals = sorted(_between(folder, 0, place.seal))
    return seals[-KEPT] if len(seals) >= KEPT else 0


def discard(folder: Path, anchor: int) -> None:
    """Remove the snapshots older than the anchor."""
    for seal in _between(folder, 0, anchor - 1):
        _file(folder, seal).unlink()


def _first_usable(seals: Iterable[int], folder: Path, folding: Folding) -> Place | None:
    for seal in seals:
        path = _file(folder, seal)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            plain = json.loads(arrays.pop("plain").tobytes())
            site = read_site(plain["document"])
            memory = Memory(plain.get("memory"))  # snapshots of older versions have none
            judge = restore(site, arrays, plain["judge"])
            folding.adopt(site, judge, plain["revision"], memory)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            log.warning("snapshot=%s unusable=%s", path.name, error)
            continue
        folding.counts = dict(plain["counts"])
        if rules := {judge.revision.pairs[pair][0].name for pair, _ in judge.verdicts.restarted}:
            log.warning("snapshot=%s rules=%s learn anew: their memory has another form in this version",
                        path.name, ",".join(sorted(rules)))  # fmt: skip
        return Place(seal, plain["line"], plain["hash"])
    return None


def _between(folder: Path, lowest: int, highest: int) -> list[int]:
    found = (int(path.stem.removeprefix("judge-")) for path in (Path(folder) / "snapshots").glob("judge-*.npz"))
    return [seal for seal in found if lowest <= seal <= highest]


def _file(folder: Path, seal: int) -> Path:
    return Path(folder) / "snapshots" / f"judge-{seal:012d}.npz"
