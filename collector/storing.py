"""The store role: judged readings and journal lines go to every sink, each with its own thread, cursor and pace.

Constraints. It reads what judging wrote and decides nothing. A sink that is away holds up no other and no alarm: its
cursor waits, and it is tried again (following.py). Not here: what is written (sinks.py).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from collector.balancing import watch_balance
from collector.errors import DavylampError
from collector.following import follow
from collector.history import HistorySink
from collector.influx import Address, InfluxSink
from collector.judged import Judged
from collector.locking import lock, unlock
from collector.reserve import spent
from collector.settings import Settings
from collector.sinks import IntoHistory, IntoLines
from collector.stored import Cursor
from collector.working import Works

log = logging.getLogger(__name__)

LONGEST_WAIT = 10.0
"""s between two attempts."""


class Follower(Protocol):
    """One sink that follows judging."""

    pause: float
    """s to wait when there is nothing to do."""

    def step(self) -> bool:
        """Write what is next; True when there is more at once."""
        ...

    def close(self) -> None: ...


def store(settings: Settings, stop: threading.Event) -> None:
    """The role: one work a sink, until stopped. Raises `Occupied` if another process stores this data folder."""
    held = lock(settings.data / "store.lock", "storing process")
    works = [(name, partial(keep_storing, settings.data, name, make, stop)) for name, make in sinks(settings).items()]
    Works(settings.data, "store", [*works, ("balance", partial(watch_balance, settings.data, stop))]).run(stop)
    unlock(held)


Make = Callable[[Judged, Cursor], Follower]


def sinks(settings: Settings) -> dict[str, Make]:
    """The sinks of a site: history always, InfluxDB where the site file has it."""
    data, keep, influx = settings.data, settings.keep.history, settings.influx
    found: dict[str, Make] = {
        HistorySink.name: lambda judged, cursor: IntoHistory(
            judged, cursor, HistorySink(data, judged.series, keep, judged.identity()), lambda: spent(data)
        )
    }
    if influx is not None:
        found[InfluxSink.name] = lambda judged, cursor: IntoLines(judged, cursor, InfluxSink(Address.of(influx)))
    return found


def keep_storing(data: Path, name: str, make: Make, stop: threading.Event) -> None:
    """Let one sink follow until stopped; after a failure it is made afresh, so a changed token needs no restart."""
    made: list[Following] = []

    def step() -> float:
        if not made:
            made.append(Following(data, name, make))
        return 0.0 if made[0].step() else made[0].follower.pause

    def failed(reason: str) -> None:
        while made:
            following = made.pop()
            following.trouble(reason)
            following.close()

    follow(f"sink={name}", step, stop, LONGEST_WAIT, failed, again_after=Exception)
    for following in made:
        following.close()


class Following:
    """One sink with all it has open; made and used in one thread. A new judged.db is followed from its beginning."""

    def __init__(self, data: Path, name: str, make: Make) -> None:
        self._name, self._make = name, make
        self._judged = Judged(data)
        self.cursor = Cursor(data, name)
        self._identity = self._judged.identity()
        try:
            self.follower = self._begin()
        except Exception as error:
            self.cursor.trouble(str(error), time.time_ns())
            self.cursor.close()
            raise

    def _begin(self) -> Follower:
        if self._identity and self.cursor.follow(self._identity):
            log.warning("sink=%s judged.db=new begins-at=0", self._name)
        return self._make(self._judged, self.cursor)

    def step(self) -> bool:
        """One step of the follower; it went well."""
        identity = self._judged.identity()
        if identity != self._identity:
            self._identity = identity
            self.follower.close()
            self.follower = self._begin()
        more = self.follower.step()
        self.cursor.well()
        return more

    def trouble(self, reason: str) -> None:
        """Leave word where page and ledger find it."""
        try:
            self.cursor.trouble(reason, time.time_ns())
        except DavylampError as full:
            log.warning("sink=%s cursor=%s", self._name, full)

    def close(self) -> None:
        """Close everything."""
        self.follower.close()
        self.cursor.close()
        self._judged.close()
