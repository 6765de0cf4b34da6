"""The collect role: what arrives is put in the log, then acknowledged; and time is carried on when nothing arrives.

Constraints. The only writer of the log. A seal is at most 20 ms old when it is written, and there is one each second at
least, whether or not a broker can be reached. Nothing is decoded here. While the disk takes nothing, nothing is
acknowledged or forgotten: it is tried again, and the source stops reading when its queue is full. A full disk first
costs the reserve (reserve.py), then the connection.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Protocol

from collector.clock import SECOND, Clock
from collector.decode import OWN_ALARM
from collector.errors import DiskFull, Unavailable
from collector.heartbeat import Heartbeat
from collector.inbox import Inbox
from collector.keeping import LogKeeper
from collector.message import OWN, Message
from collector.mqtt import STEADY, Link, Mqtt
from collector.reserve import Reserve
from collector.sealing import SEAL_MESSAGES
from collector.settings import Settings
from collector.spool import Spool
from detectors.records import SOURCE

AT_ONCE = 4 * SEAL_MESSAGES
"""Messages that one fsync serves at most."""
WAIT, PAUSE, GATHER = 0.02, 0.002, 0.012
"""s: for a first message; between two looks for more; in all, so that a seal is younger than 20 ms."""
LOOK = 0.05
"""s between two looks into the inbox."""
TICK = SECOND
REPORT = 10.0
"""s between two readings of our own sensors; a link that comes or goes is said at once."""
AGAIN = 60.0
"""s after which a failing source is said again: a reset by a person hides nothing."""
RETRY = 0.5

log = logging.getLogger(__name__)


class Source(Protocol):
    """Where messages come from. `release` is called once they are on disk."""

    def poll(self, limit: int, wait: float) -> list[Message]: ...
    def release(self, messages: Sequence[Message]) -> None: ...
    @property
    def link(self) -> Link: ...
    @property
    def depth(self) -> int: ...
    def stop(self) -> None: ...


def collect(settings: Settings, stop: threading.Event) -> None:
    """Run the role until `stop`. Raises Occupied if another process writes this data folder."""
    data = settings.data
    with (
        closing(Spool(data)) as spool,
        closing(LogKeeper(data, spool, settings.keep.raw)) as keeper,
        closing(Collector(spool, Inbox(data), Clock(spool.now), lambda: _source(settings))) as collector,
    ):
        collector.reserve, collector.keeper = Reserve(data), keeper
        collector.alarm_after = settings.mqtt.alarm_after / SECOND if settings.mqtt else collector.alarm_after
        heart = Heartbeat(data, "collect")
        while not stop.is_set():
            collector.turn()
            heart.beat(spool.now, spool.last())


def _source(settings: Settings) -> Mqtt | None:
    if settings.mqtt is None:
        return None
    password, key, own = settings.mqtt.password, settings.mqtt.key_password, filter(None, (settings.canary.topic,))
    address = dataclasses.replace(settings.mqtt, subscriptions=(*settings.mqtt.subscriptions, *own))
    return Mqtt(address, password.reveal if password else None, key_password=key.reveal if key else None,
                folder=settings.data).start()  # fmt: skip


class Collector:
    """Fills the log from one source and the inbox, turn by turn. `connect` makes the source, anew after a full disk."""

    alarm_after = 60.0
    """s without the source, or without a subscription, until that is an alarm."""
    reserve: Reserve | None = None
    keeper: LogKeeper | None = None

    def __init__(self, spool: Spool, inbox: Inbox, clock: Clock, connect: Callable[[], Source | None]) -> None:
        self._spool, self._inbox, self._clock, self._connect = spool, inbox, clock, connect
        self._source = connect()
        self._gone = False
        """Disconnected on purpose: the disk is full, and the broker's session holds what comes."""
        self._held: list[Message] = []
        """Polled and not on disk yet."""
        self._own: list[Message] = []
        self._sealed = 0
        self._looked = self._reported = -REPORT
        self._told_link: bool | None = None
        self._well_at = time.monotonic()
        """When the source was last as it should be."""
        self._good_since, self._generation = -STEADY, 0
        """Since when, and on which of its connections."""
        self._alarm: bool | None = None
        """Whether we said that it fails; None at the start, when an alarm of the process before may stand."""
        self._alarm_at = 0.0
        self._failing = False
        self._gone_at = 0

    def turn(self) -> None:
        """Wait a moment for messages, put what there is on disk, acknowledge it.

        The inbox comes first, so that the first revision of a site lies before the backlog that its broker kept.
        """
        handed_in = self._look()
        if not self._held:
            self._held = self._gather()
        self._watch()
        now = self._clock.now()
        self._own += [own("blind", **{"from": gap.start, "to": gap.end}) for gap in self._clock.take_blind()]
        messages = [*handed_in, *self._held, *self._own]
        if messages or now - self._sealed >= TICK:
            self._write(messages, handed_in, now)

    def _write(self, messages: Sequence[Message], handed_in: Sequence[Message], now: int) -> None:
        try:
            self._spool.append(messages, now, self._clock.wall())
        except Unavailable as error:
            self._unwritten(len(messages), error)
            return
        if self._failing:
            log.warning("spool writable=yes")
            self._failing = False
        if self._source is not None and self._held:
            self._source.release(self._held)
        self._inbox.remove(handed_in)
        self._held, self._own = [], []
        if self._gone and (self.reserve is None or self.reserve.room()):
            self._return(now)
        self._sealed = now

    def _unwritten(self, messages: int, error: Unavailable) -> None:
        """Give the reserve up for a full disk, then the connection; else wait."""
        full = isinstance(error, DiskFull)
        if full and self.reserve is not None and self.reserve.give_up():
            log.error("disk=full reserve=given-up %s", error)
            self._own.append(own("disk-reserve", value=1))
            return
        if not self._failing:
            log.error("spool writable=no held=%d %s", messages, error)
        self._failing = True
        if full and self._source is not None:
            log.error("disk=full disconnected=on-purpose: the broker's session holds what comes; free the disk")
            self._source.stop()
            self._source, self._gone, self._gone_at = None, True, self._sealed
        time.sleep(RETRY)

    def _return(self, now: int) -> None:
        """Connect again; what was between is blind."""
        log.warning("disk=has-room connecting again")
        self._own.append(own("blind", **{"from": self._gone_at, "to": now}))
        self._source, self._gone = self._connect(), False
        self._told_link = None

    def _gather(self) -> list[Message]:
        """What comes within some ms of the first message; a pause in it ends the waiting, so that a broker with a
        small window of unacknowledged messages is not slowed down."""
        if self._source is None:
            time.sleep(WAIT)
            return []
        messages = self._source.poll(AT_ONCE, WAIT)
        end = time.monotonic() + GATHER
        while messages and len(messages) < SEAL_MESSAGES and time.monotonic() < end:
            time.sleep(PAUSE)
            more = self._source.poll(AT_ONCE - len(messages), 0)
            if not more:
                break
            messages += more
        return messages

    def _look(self) -> list[Message]:
        if time.monotonic() - self._looked < LOOK:
            return []
        handed_in = self._inbox.waiting()
        if len(handed_in) == 0:
            self._looked = time.monotonic()
        return handed_in

    def _watch(self) -> None:
        """Our own sensors: the queue, the link, the clock."""
        link = None if self._source is None else self._source.link
        due = time.monotonic() - self._reported >= REPORT
        if link is not None and (due or link.up != self._told_link):
            detail = {} if link.error is None else {"detail": str(link.error)}
            self._own.append(own("link", value=int(link.up), **detail))
            self._told_link = link.up
        if link is not None:
            self._fails(link)
        if due and not self._failing:
            self._reported = time.monotonic()
            self._own.append(own("clock-offset", value=self._clock.offset() / SECOND))
            if self._source is not None:
                self._own.append(own("queue", value=self._source.depth))
            if self.reserve is not None and self.reserve.restore():
                self._own.append(own("disk-reserve", value=0))
        early = 0 if self.keeper is None else self.keeper.look(self._clock.now())
        if early:
            self._own.append(own("trimmed-early", value=early))

    def _fails(self, link: Link) -> None:
        """The alarm about the source: raised when it has failed for `alarm_after`, ended when it is well.

        A connection that comes and goes is no connection: well is what lasts."""
        now = time.monotonic()
        if self._lasts(link, now):
            self._well_at, failing = now, False
        elif link.error is not None and now - self._well_at >= self.alarm_after:
            failing = True
        else:
            return
        if failing == self._alarm and not (failing and now - self._alarm_at >= AGAIN):
            return
        self._alarm, self._alarm_at = failing, now
        said = {"rule": SOURCE, "subject": "mqtt", "active": failing, "detail": str(link.error or "")}
        self._own.append(Message(OWN_ALARM, json.dumps(said).encode(), OWN))

    def _lasts(self, link: Link, now: float) -> bool:
        if link.error is not None or link.generation > self._generation > 0:
            self._good_since = now
        self._generation = link.generation
        return link.error is None and now - self._good_since >= min(STEADY, self.alarm_after)

    def close(self) -> None:
        """Disconnect; what was not acknowledged the broker sends again."""
        if self._source is not None:
            self._source.stop()


def own(sensor: str, **fields: object) -> Message:
    """A message of the system about itself: a reading (`value`) or a fact of `own/SENSOR`."""
    return Message(f"own/{sensor}", json.dumps(fields).encode(), OWN)
