"""Readings of the system's own sensors that no role can take of itself: how far each reader is, disk, memory, rates.

Constraints. It looks from outside, read-only, at what the roles leave on disk: signs of life, cursors, receipts. What
cannot be read is not said, and so falls silent, which has a rule. One own message a look holds all readings; collect
appends it like anything that is handed in. A lag is by the log's own time. Run by the announce role.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from collector.asking import state_of
from collector.calls import read_memory, read_place
from collector.decode import OWN_READINGS
from collector.errors import DavylampError
from collector.heartbeat import read_heartbeats
from collector.inbox import put
from collector.judged import Judged
from collector.message import OWN, Message
from collector.own_alarms import Gone
from collector.own_names import plain
from collector.own_rules import EVERY, destinations, stores
from collector.receipts import announced
from collector.reserve import spent
from collector.settings import Settings
from collector.stored import BLOCKS, standings
from detectors.records import CHANNEL

SECOND = 10**9
AFTER_START = 3.0
"""s"""
OLD = 30 * SECOND
"""A sign of life older than this says nothing of the role's memory."""
Readings = dict[str, float | None]

log = logging.getLogger(__name__)


def hand_in(data: Path, readings: Mapping[str, float | None]) -> None:
    """Put readings of own sensors (names without the prefix) on disk for the log; said and forgone where it cannot."""
    if not readings:
        return
    try:
        put(data, Message(OWN_READINGS, json.dumps(readings).encode(), OWN))
    except OSError as error:
        log.warning("own-readings=%d not-written reason=%s", len(readings), error)


class Sampler:
    """One site's."""

    def __init__(self, settings: Settings, judged: Judged, wall: Callable[[], int] = time.time_ns) -> None:
        self._settings, self._data, self._judged, self._wall = settings, settings.data, judged, wall
        self._gone = Gone(settings)
        self._before: tuple[int, int, int] | None = None
        """now, seals and messages at the look before."""

    def follow(self, stop: threading.Event) -> None:
        """Look each EVERY s until stopped, the first time once the other roles have made their files."""
        wait = AFTER_START
        while not stop.wait(wait):
            hand_in(self._data, self.look())
            wait = EVERY

    def look(self) -> Readings:
        """What can be read now, by name."""
        found: Readings = {}
        for reading in (self._judging, self._storing, self._announcing, self._machine, self._memory, self._rates):
            try:
                found |= dict(reading())
            except (DavylampError, OSError) as error:
                log.warning("own-readings=%s not-read reason=%s", reading.__name__.strip("_"), error)
        return found

    def _judging(self) -> Iterator[tuple[str, float]]:
        collected = int(read_heartbeats(self._data).get("collect", {}).get("now", 0))
        judged = int(self._judged.status().get("now", 0))
        if collected and judged:
            yield "lag-judge", _seconds(collected - judged)

    def _storing(self) -> Iterator[tuple[str, float]]:
        now, identity = self._now(), self._judged.identity()
        seen = {sink.name: sink.positions.get(BLOCKS, 0) for sink in standings(self._data) if sink.follows(identity)}
        for name in stores(self._settings):
            yield f"lag-store-{name}", self._lag(now, self._judged.block_after(seen.get(name, 0)))

    def _announcing(self) -> Iterator[tuple[str, float]]:
        now, told = self._now(), announced(self._data)
        places = {f"lag-announce-{plain(name)}": told.get(name, {}).get("cursor", 0)
                  for name in destinations(self._settings)}  # fmt: skip
        if self._settings.oncall is not None:
            places["lag-calls"] = read_place(self._data).seq
        for name, seq in places.items():
            lines = self._judged.journal(seq, 1)
            yield name, self._lag(now, json.loads(lines[0][1])["now"] if lines else None)
        if self._settings.canary.ask is not None:
            yield "question", float(state_of(read_memory(self._data).question))
        alarms = self._judged.alarms()
        self._gone.look(alarms)
        failing = [row for row in alarms if row["rule"] == CHANNEL and row["active"]]
        yield "channels-failing", float(len(failing))

    def _machine(self) -> Iterator[tuple[str, float]]:
        disk = shutil.disk_usage(self._data)
        yield "disk-free", round(100 * disk.free / max(1, disk.used + disk.free), 2)
        yield "disk-reserve", float(spent(self._data))

    def _memory(self) -> Iterator[tuple[str, float]]:
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        for role, said in read_heartbeats(self._data).items():
            if said.get("memory") and self._wall() - int(said.get("wall", 0)) < OLD:
                yield f"memory-{role}", round(100 * said["memory"] / whole, 3)

    def _rates(self) -> Iterator[tuple[str, float]]:
        status = self._judged.status()
        here = (int(status.get("now", 0)), int(status.get("seal", 0)), self._judged.ledger().get("received", 0))
        before, self._before = self._before, here
        if before is None or here[0] <= before[0]:
            return
        span = (here[0] - before[0]) / SECOND
        yield "seals", round((here[1] - before[1]) / span, 3)
        yield "messages", round((here[2] - before[2]) / span, 3)

    def _now(self) -> int:
        return int(self._judged.status().get("now", 0))

    @staticmethod
    def _lag(now: int, oldest: Any) -> float:
        """Of a reader, by when the oldest of what it has not dealt with arrived; 0 if there is nothing."""
        return 0.0 if oldest is None else _seconds(now - int(oldest))


def sample(settings: Settings, stop: threading.Event) -> None:
    """The thread's work."""
    with closing(Judged(settings.data)) as judged:
        Sampler(settings, judged).follow(stop)


def _seconds(span: int) -> float:
    return round(max(0, span) / SECOND, 3)
