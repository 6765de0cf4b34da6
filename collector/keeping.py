"""How long things are kept: the log by collect, the judged blocks by judging, receipts by announcing, each trimmed by
its one writer.

Constraints. Nothing after judging's anchor (its second newest snapshot) is ever trimmed from the log, whatever the disk
says; judging is the log's only reader that must not miss a seal. Up to it, a seal is kept for `keep`, or until the disk
is 80 % full: then the oldest go early, and that is said. A block is kept for an hour, and until every store has taken
it; one that no store takes in `keep`, or before the disk is 80 % full, goes all the same, and the stores count it. A
portion at a time, so nobody waits. What a file has free inside counts as free: it does not shrink.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from collector.errors import DavylampError
from collector.judged import Judged
from collector.judged_writer import JudgedWriter
from collector.receipts import Occurrence, Receipts
from collector.spool import Spool, SpoolReader
from collector.stored import BLOCKS, standings

EVERY = 5.0
"""s between two looks."""
PORTION = 1000
"""Seals or blocks that go at once at most."""
FULL = 0.8
"""Part of the disk."""
HOUR = 3600 * 10**9
DAY = 24 * HOUR
PAUSE = 60.0
"""s after the start until receipts are looked at."""

log = logging.getLogger(__name__)
Usage = Callable[[Path, int], float]
"""(folder, spare bytes inside its files) -> part of the disk that is in use."""


def usage(folder: Path, spare: int) -> float:
    """Part of the folder's disk that is in use, our own spare bytes not counted."""
    disk = shutil.disk_usage(folder)
    return (disk.used - spare) / max(1, disk.used + disk.free)


class LogKeeper:
    """Trims the log; made and used by its writer. `keep` in ns."""

    def __init__(self, folder: Path, spool: Spool, keep: int, used: Usage = usage) -> None:
        self._folder, self._spool, self._keep, self._used = Path(folder), spool, keep, used
        self._looked = -EVERY
        self._judged = Judged(self._folder)

    def look(self, now: int) -> int:
        """Trim what is due, EVERY s at most; returns how many messages went early. Trouble is logged, not raised."""
        if time.monotonic() - self._looked < EVERY:
            return 0
        self._looked = time.monotonic()
        try:
            return self._trim(now)
        except DavylampError as error:
            log.warning("log=not-trimmed reason=%s", error)
            return 0

    def _trim(self, now: int) -> int:
        anchor = self._judged.anchor()
        free = [(seq, at) for seq, at in self._spool.oldest(PORTION) if seq <= anchor]
        due = [seq for seq, at in free if at < now - self._keep]
        if due:
            messages = self._spool.trim(due[-1] + 1)
            log.info("log=trimmed upto=%d messages=%d", due[-1], messages)
            return 0
        if not free or self._used(self._folder, self._spool.spare()) <= FULL:
            return 0
        messages = self._spool.trim(free[-1][0] + 1, early=True)
        log.warning("log=trimmed-early upto=%d messages=%d disk-above=%.2f", free[-1][0], messages, FULL)
        return messages

    def close(self) -> None:
        """Close what was opened for reading."""
        self._judged.close()


class ReceiptKeeper:
    """Trims what destinations were told: `keep` (ns) after it was, never what is owed or about what stands. That a line
    was dealt with is known as long as the log could bring it again into a new judged.db: from its oldest seal on."""

    def __init__(self, folder: Path, keep: int, wall: Callable[[], int] = time.time_ns) -> None:
        self._keep, self._wall = keep, wall
        self._receipts, self._judged, self._spool = Receipts(folder), Judged(folder), SpoolReader(folder)

    def look(self) -> int:
        """Trim a portion of what is due; returns how many rows that was."""
        first = self._spool.first()
        log = self._spool.times([first]).get(first, 0) if first > 1 else 0
        return self._receipts.forget(self._wall() - self._keep, log - DAY, self._standing())

    def follow(self, stop: threading.Event) -> None:
        """Each hour until stopped. Trouble is logged, and waited out."""
        while not stop.wait(PAUSE):
            try:
                while (rows := self.look()) and not stop.wait(PAUSE / 60):
                    log.info("receipts=trimmed rows=%d", rows)
            except DavylampError as error:
                log.warning("receipts=not-trimmed reason=%s", error)
            stop.wait(HOUR / 1e9)

    def _standing(self) -> set[Occurrence]:
        rows = (one for one in self._judged.alarms() if one["active"] or one["latched"] or not one["acked"])
        return {(one["rule"], one["subject"], one["occurrence"]) for one in rows}

    def close(self) -> None:
        """Close all of it."""
        for one in (self._receipts, self._judged, self._spool):
            one.close()


class BlockKeeper:
    """Trims the judged blocks; made and used by their writer. `keep` in ns."""

    def __init__(
        self, folder: Path, writer: JudgedWriter, keep: int, used: Usage = usage, first: Callable[[], int] = lambda: 0
    ) -> None:
        """`first`: the log's oldest seal."""
        self._folder, self._writer, self._keep, self._used, self._first = Path(folder), writer, keep, used, first
        self._looked = -EVERY

    def look(self, now: int) -> None:
        """Trim what is due, EVERY s at most. Trouble is logged, not raised."""
        if time.monotonic() - self._looked < EVERY:
            return
        self._looked = time.monotonic()
        try:
            self._writer.forget(now - self._keep, self._first())
            self._trim(now)
        except DavylampError as error:
            log.warning("blocks=not-trimmed reason=%s", error)

    def _trim(self, now: int) -> None:
        old = [(seq, at) for seq, at in self._writer.oldest(PORTION) if at < now - HOUR]
        if not old:
            return
        identity = self._writer.get("identity")
        taken = {s.name: s.positions.get(BLOCKS, 0) if s.follows(identity) else 0 for s in standings(self._folder)}
        passed = min(taken.values(), default=0)
        due = [seq for seq, at in old if seq <= passed or at < now - self._keep]
        if not due and self._used(self._folder, self._writer.spare()) > FULL:
            due = [seq for seq, _ in old]
        if not due:
            return
        rows = self._writer.trim(due[-1] + 1)
        behind = sorted(name for name, seq in taken.items() if seq < due[-1])
        if due[-1] > passed:
            log.warning("blocks=trimmed-early upto=%d readings=%d behind=%s", due[-1], rows, ",".join(behind) or "all")
        else:
            log.info("blocks=trimmed upto=%d readings=%d", due[-1], rows)
