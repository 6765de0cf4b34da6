"""What became of one sensor's readings, minute by minute: judged, flagged by the gate, twice, unreadable.

Constraints. Counted anew from what judging wrote for all (blocks, dead letters, duplicates), so it says
only what the ledger says. As far back as blocks and log are kept. A minute is of `now`, when the reading arrived.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collector.judged import MINUTE, Judged
from collector.spool import SpoolReader
from detectors.reading import Quality, Times

FLAGS = {flag.name.lower(): flag for flag in Quality if flag.name and flag not in (Quality.GOOD, Quality.SIMULATED)}
ORDER = ("judged", *FLAGS, "twice", "unreadable")
"""The counts, in the order in which they are shown. A judged reading may bear several flags."""


def of_sensor(folder: Path, sensor: str, since: int = 0) -> dict[int, Counter[str]]:
    """Minute (from 1970) -> the counts that are not 0, from a time (ns of `now`) on."""
    judged = Judged(folder)
    found: dict[int, Counter[str]] = {}
    try:
        number = next((k for k, row in judged.series().items() if row.name == sensor), None)
        after = judged.block_before(since)
        while blocks := judged.blocks(after):
            for block in blocks:
                mine = block.series == number
                if mine.any():
                    _count(found, block.arrived[mine], block.quality[mine])
            after = blocks[-1].seq
        for minute, twice in judged.twice(sensor, since).items():
            found.setdefault(minute, Counter())["twice"] += twice
        seals = judged.dead_of(sensor)
    finally:
        judged.close()
    for seal, now in unreadable_at(folder, seals).items():
        if now >= since:
            found.setdefault(now // MINUTE, Counter())["unreadable"] += seals[seal]
    return {minute: found[minute] for minute in sorted(found) if minute >= since // MINUTE}


def unreadable_at(folder: Path, seals: Counter[int]) -> dict[int, int]:
    """`now` of the seals that hold a sensor's dead letters, as far as the log is kept."""
    reader = SpoolReader(folder)
    try:
        return reader.times(seals)
    finally:
        reader.close()


def _count(found: dict[int, Counter[str]], arrived: Times, quality: NDArray[np.uint8]) -> None:
    for minute in np.unique(arrived // MINUTE).tolist():
        inside = quality[arrived // MINUTE == minute]
        counts = found.setdefault(minute, Counter())
        counts["judged"] += len(inside)
        for name, flag in FLAGS.items():
            if flagged := int(np.count_nonzero(inside & flag)):
                counts[name] += flagged
