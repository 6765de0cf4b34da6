"""The store role: judged readings and journal lines go to every sink, each with its own thread, cursor and pace.

Constraints. It reads what judging wrote and decides nothing. A sink that is away holds up no other and no alarm: its
cursor waits, and it is tried again with a wait that grows to LONGEST_WAIT. Not here: what is written (sinks.py).
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
from collector.errors import DavylampError, Unavailable
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

FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0
"""s"""


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
    works = [(name, partial(follow, settings.data, name, make, stop)) for name, make in sinks(settings).items()]
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


def follow(data: Path, name: str, make: Make, stop: threading.Event) -> None:
    """Let one sink follow until stopped; after a failure it is made afresh, so a changed token needs no restart."""
    wait = FIRST_WAIT
    following: Following | None = None
    while not stop.is_set():
        try:
            following = following or Following(data, name, make)
            more = following.step()
        except Exception as error:  # whatever one sink does, the others go on
            pause = max(wait, error.after if isinstance(error, Unavailable) else 0.0)
            _report(name, error, pause, following)
            if following is not None:
                following.close()
                following = None
            stop.wait(pause)
            wait = min(2 * wait, LONGEST_WAIT)
            continue
        wait = FIRST_WAIT
        if not more:
            stop.wait(following.follower.pause)
    if following is not None:
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

    def close(self) -> None:
        """Close everything."""
        self.follower.close()
        self.cursor.close()
        self._judged.close()


def _report(name: str, error: Exception, wait: float, following: Following | None) -> None:
    """One line in the log, and the trouble where page and ledger find it."""
    known = isinstance(error, DavylampError)
    reason = str(error) if known else f"{type(error).__name__}: {error}; please report it"
    log.warning("sink=%s waits=%.1fs reason=%s", name, wait, reason, exc_info=None if known else error)
    if following is not None:
        try:
            following.cursor.trouble(reason, time.time_ns())
        except DavylampError as full:
            log.warning("sink=%s cursor=%s", name, full)
