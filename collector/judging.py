"""The judge role: follows the spool, commits cursor, judged readings and journal in one transaction.

Constraints. kill -9 anywhere gives the same journal: a start loads a snapshot, folds the log to the journal's cursor
without writing, and must arrive at the hash that is on disk. On a difference the journal wins; the difference is put
into the log as an own message, and says so on stderr.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from collector.actions import own_alarm
from collector.errors import Damaged, Unavailable
from collector.folding import Folded, Folding
from collector.heartbeat import Heartbeat
from collector.journal import line_json, link
from collector.judged import MINUTE, judged_file
from collector.judged_writer import JudgedWriter
from collector.keeping import BlockKeeper
from collector.message import Seal
from collector.pairs import all_keys, hazard_row, pair_row
from collector.reserve import refused
from collector.settings import Keep, Settings
from collector.snapshots import Place, discard, newest, save
from collector.spool import SpoolReader
from detectors.records import DIFFERS, Key
from detectors.rule import Series
from detectors.sensor import OWN

log = logging.getLogger(__name__)
POLL = 0.01
"""s between looks at the spool."""
SNAPSHOT_EVERY = 300.0
"""s between snapshots, or sooner: see SNAPSHOT_MESSAGES."""
SNAPSHOT_MESSAGES = 500_000
"""Messages whose folding again would take about 3 s."""
KEEP = Keep().raw
SENSORS_EVERY = 0.5
"""s between writings of every sensor's latest reading."""


class Judging:
    """One data folder's judge: `catch_up` takes what the spool has beyond the cursor."""

    def __init__(self, folder: Path, keep: int = KEEP) -> None:
        self.folder = Path(folder)
        self.writer = JudgedWriter(self.folder)
        self.spool = SpoolReader(self.folder)
        self.keeper = BlockKeeper(self.folder, self.writer, keep, first=self.spool.first)
        self.folding = Folding()
        self._table: Mapping[str, Series] = {}
        self._numbers = np.zeros(0, np.int32)
        self._since_snapshot, self._snapshot_at, self._sensors_at = 0, time.monotonic(), 0.0
        self._untold = ""
        """That the journal differs, where the disk did not take the alarm."""
        self.now = 0
        """ns; `now` of the last seal that was judged, 0 before the first since the start."""
        self._before: dict[str, int] = {}
        """Readings judged before this judged.db was made, where a new one could not have them again."""
        try:
            self.seal = self._resume()
            self._counts = self.folding.ledger()
            self._before = {"before": n} if (n := self.writer.get("before")) else {}
        except BaseException:
            self.writer.close()
            raise

    def _resume(self) -> int:
        """Fold to the cursor without writing; returns the cursor."""
        cursor, place = self.writer.cursor(), self._begin()
        if place.seal > cursor:
            return self._without_beginning(place)
        seal, line, digest = place.seal, place.line, place.hash
        while seal < cursor:
            seals = [s for s in self.spool.read(seal) if s.seq <= cursor]
            if not seals:
                raise Damaged(
                    f"{self.folder}: the log ends at seal {seal}, but judging has judged up to {cursor}: spool.db was "
                    "replaced; put it back, or move judged.db and snapshots/ away too"
                )
            folded = self.folding.fold(seals)
            seal = seals[-1].seq
            self._since_snapshot += sum(len(s.messages) for s in seals)
            line, digest = self._chain(folded, line, digest)
        if digest != self.writer.hash:
            self._differs(line)
        return cursor

    def _begin(self) -> Place:
        """Where folding begins: the newest usable snapshot up to the cursor, or the log's beginning.

        With a new judged.db and a log whose beginning was trimmed it is the newest snapshot of all.
        """
        cursor, first = self.writer.cursor(), self.spool.first()
        lowest, highest = max(0, first - 1), cursor or (self.spool.last() if first > 1 else 0)
        place = newest(self.folder, self.folding, lowest, highest)
        if place is None and first > 1:
            raise Damaged(
                f"{self.folder}: the log begins at seal {first}, what was before is trimmed, and no snapshot from "
                f"{lowest} to {highest} is usable: put snapshots/ back from a backup, or move the folder away and "
                "start with a new one"
            )
        return place or Place()

    def _without_beginning(self, place: Place) -> int:
        """A new judged.db, and only a snapshot knows what was before: the journal goes on after the snapshot's line."""
        log.error("judged.db=new journal=begins-at-line-%d reason=the log before seal %d is trimmed", place.line + 1,
                  place.seal + 1)  # fmt: skip
        judge = self.folding.judge
        assert judge is not None
        self.writer.line, self.writer.hash = place.line, place.hash
        counts = self.folding.ledger()
        self.writer.begin()
        self.writer.fact("before", counts.get("gate.judged", 0) + counts.get("derived", 0))
        self.writer.pairs(row for key in all_keys(judge) if (row := pair_row(judge, key)) is not None)
        self.writer.hazards(map(hazard_row, judge.hazards.open.values()))
        self.writer.commit(place.seal)
        return place.seal

    def _chain(self, folded: Folded, line: int, digest: str) -> tuple[int, str]:
        if self.folding.judge is None:
            return line, digest
        for change in folded.changes:
            line += 1
            digest = link(digest, line_json(change, line, self.folding.judge.site.id))
        return line, digest

    def _differs(self, line: int) -> None:
        text = f"folding the log again gave {line} journal lines, and the journal on disk has {self.writer.line}"
        log.error("judge=differs detail=%s", text)
        self._tell_differs(text)

    def _tell_differs(self, text: str) -> None:
        self._untold = ""
        try:
            own_alarm(self.folder, DIFFERS, "journal", True, text)
        except Unavailable as error:
            self._untold = text
            log.warning("judge=differs alarm=not-written reason=%s", error)

    def save(self) -> None:
        """Write a snapshot, and what of the log can now be done without."""
        if self.folding.judge is None:
            return
        if self._untold:  # no later start finds it once there is a snapshot
            self._tell_differs(self._untold)
        anchor = save(self.folder, self.folding, Place(self.seal, self.writer.line, self.writer.hash))
        self.writer.begin()
        self.writer.fact("anchor", anchor)
        self.writer.fact("document", self.folding.document)
        self.writer.commit(self.seal)
        discard(self.folder, anchor)
        self._since_snapshot, self._snapshot_at = 0, time.monotonic()

    def catch_up(self, messages: int = 20_000) -> int:
        """Judge what lies beyond the cursor, about `messages` at most; returns how many seals that was."""
        seals = self.spool.read(self.seal, messages)
        for _, part in groupby(seals, lambda seal: seal.now // MINUTE):
            self._take(list(part))
        return len(seals)

    def _take(self, seals: list[Seal]) -> None:
        """One commit, of seals of one minute, so that a minute's counts are of the same messages at every hop."""
        before = self._counts
        folded = self.folding.fold(seals)
        counts, last = self.folding.ledger(), seals[-1]
        self._counts = counts
        self.writer.begin()
        self._write(folded, last.now)
        self.writer.fact("status", self._status(last.now, last.wall, last.seq))
        self.writer.fact("ledger", {**counts, **self._before})
        new = {name: number - before.get(name, 0) for name, number in counts.items() if number != before.get(name, 0)}
        self.writer.tally(last.now, new, folded.twice)
        if time.monotonic() - self._sensors_at > SENSORS_EVERY:
            self._sensors_at = time.monotonic()
            self.writer.fact("sensors", self._sensors())
        self.writer.commit(last.seq)
        self.seal, self.now = last.seq, last.now
        self._since_snapshot += sum(len(s.messages) for s in seals)
        if self._since_snapshot > SNAPSHOT_MESSAGES or time.monotonic() - self._snapshot_at > SNAPSHOT_EVERY:
            self.save()
        self.keeper.look(last.now)

    def _write(self, folded: Folded, now: int) -> None:
        judge = self.folding.judge
        for part in folded.parts:
            if part.table is not self._table:
                self._table, self._numbers = part.table, self.writer.known(part.table.values())
            self.writer.readings(now, part.rows, self._numbers)
        self.writer.dead(folded.dead)
        self.writer.missed(folded.gaps)
        if judge is None:
            return
        self.writer.journal(folded.changes, judge.site.id)
        self.writer.hazards(map(hazard_row, folded.hazards))
        keys: Iterable[Key] = all_keys(judge) if folded.revised else sorted(folded.touched)
        rows = [row for key in keys if (row := pair_row(judge, key)) is not None]
        self.writer.pairs(rows, all_of_them=folded.revised)
        for rule, subject in folded.touched - {(r["rule"], r["subject"]) for r in rows}:
            self.writer.gone(rule, subject)

    def _status(self, now: int, wall: int, seal: int) -> dict[str, Any]:
        judge = self.folding.judge
        status: dict[str, Any] = {"now": now, "wall": wall, "seal": seal, "last_seal": self.spool.last()}
        if judge is not None:
            watching, of = judge.watching()
            site, pairs = judge.site, judge.revision.pairs
            status |= {
                "watching": watching, "of": of, "revision": judge.revision.number, "simulated": site.simulated,
                "site": site.id, "timezone": site.timezone,
                "not_watched": sorted(
                    name for name in site.sensors.keys() - {s.id for _, s in pairs} if not name.startswith(OWN)
                ),
            }  # fmt: skip
        return status

    def _sensors(self) -> list[dict[str, Any]]:
        judge = self.folding.judge
        if judge is None:
            return []
        open = judge.handlings.open

        def handling(name: str) -> dict[str, Any] | None:
            one = open.get(name)
            return None if one is None else {"kind": one.kind, "until": one.until, "by": one.by, "test": one.id}

        return [
            {
                "sensor": s.id, "area": s.area, "quantity": s.quantity, "unit": s.unit, "every": s.every,
                "states": list(s.states), "value": None if np.isnan(value) else value, "quality": quality,
                "time": at, "arrived": arrived, "handling": handling(s.id),
            }
            for s, value, quality, at, arrived in zip(
                judge.site.sensors.values(), judge.latest.value.tolist(), judge.latest.quality.tolist(),
                judge.latest.time.tolist(), judge.latest.arrived.tolist(), strict=True,
            )
        ]  # fmt: skip

    def close(self) -> None:
        """Save and close."""
        self.save()
        self.leave()

    def leave(self) -> None:
        """Close without saving; the next start folds from the snapshot before."""
        self.writer.close()
        self.spool.close()


def judge(settings: Settings, stop: Event) -> None:
    """The judge role: until `stop`, judge what comes. Raises `Occupied` if another process judges this data folder,
    `Unavailable` when the disk takes nothing: started again, it goes on where it was."""
    try:
        _judge(settings, stop)
    except (sqlite3.OperationalError, OSError) as error:
        raise refused(judged_file(settings.data), error) from error


def _judge(settings: Settings, stop: Event) -> None:
    judging, heart = Judging(settings.data, settings.keep.raw), Heartbeat(settings.data, "judge")
    try:
        while not stop.is_set():
            if not judging.catch_up():
                stop.wait(POLL)
            heart.beat(judging.now, judging.seal)
    except BaseException:  # no snapshot: what stopped the judging would stop that too
        judging.leave()
        raise
    judging.close()
