"""The MQTT source: what a broker sends, acknowledged only when the caller says it is on disk.

Constraints. One thread of our own drives paho; `poll` and `release` may be called from another. QoS 1 acknowledgements
carry the number of the connection they belong to and are dropped after it: the broker then sends again. A full queue
stops the reading, not the keep-alive; full for longer than a keep-alive, the connection is given up on purpose and the
broker's session holds the rest. It never raises for a broker that is away: `link` says so, and it tries again.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.address import Address, place, reason
from collector.arriving import SESSION, ArrivingClient
from collector.backlog import Backlog, Entry
from collector.buffered import BufferedSocket
from collector.errors import BrokerRefused, DavylampError, Disconnected, NotSubscribed
from collector.message import MQTT, Message
from collector.owed import Owed
from collector.subscribing import Subscriptions
from collector.trust import tls_context
from collector.waking import Waking

QUEUE_MESSAGES = 20_000
QUEUE_BYTES = 64 * 1024 * 1024
READ_AT_ONCE = 2_000
"""Packets between two looks at the queue."""
CONNECT_WITHIN = 10.0
FIRST_WAIT, LONGEST_WAIT = 0.25, 4.0
"""s between two attempts."""
STEADY = 10.0
"""s that a connection lasts to count as one: who is let in and put out again and again is not connected."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Link:
    """How the connection stands. `error` is None while all is well, else what a person should read."""

    up: bool
    generation: int
    error: Disconnected | BrokerRefused | None


class Mqtt:
    """A Source over one broker. `start`, then `poll` and `release`; `stop` leaves the session with the broker.

    `folder` keeps what was subscribed to, so that what is not any more is given back.
    """

    def __init__(
        self,
        address: Address,
        password: Callable[[], str] | None = None,
        *,
        key_password: Callable[[], str] | None = None,
        queue_messages: int = QUEUE_MESSAGES,
        queue_bytes: int = QUEUE_BYTES,
        folder: Path | None = None,
    ) -> None:
        self.host, self.port, self._tls = place(address.url)
        if not address.subscriptions:
            raise ValueError("mqtt.subscriptions is empty: give at least one topic filter, such as 'pit/#'")
        self._address, self._password, self._key_password = address, password, key_password
        self._backlog = Backlog(queue_messages, queue_bytes)
        self._fresh: list[Entry] = []
        self._owed = Owed()
        self._client = self._make()
        self._subscriptions = Subscriptions(address.subscriptions, self._client, folder)
        self._answer_heard = False
        """To this connection's CONNECT."""
        self._short = 0
        """Connections in a row that did not last."""
        self._up_since = 0.0
        self._stop = threading.Event()
        self._waking = Waking()
        self._link = Link(False, 0, Disconnected(f"{self._where()}: not connected yet"))
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> Mqtt:
        """Begin to connect; returns at once."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Disconnect and end the thread. What was not released comes again in the next session."""
        self._stop.set()
        self._waking.nudge()
        if self._thread.is_alive():
            self._thread.join(10)
        self._waking.close()

    @property
    def link(self) -> Link:
        """How the connection stands now."""
        return self._link

    @property
    def depth(self) -> int:
        """Messages waiting to be polled."""
        return len(self._backlog)

    def connected(self, within: float) -> None:
        """Wait for the connection and all subscriptions. Raises what `link.error` says when that takes too long, or
        at once if the broker refused."""
        end = time.monotonic() + within
        while not self._link.up or self._link.error is not None:
            error = self._link.error
            if error is not None and (isinstance(error, BrokerRefused) or time.monotonic() > end):
                raise error
            time.sleep(0.01)

    def poll(self, limit: int, wait: float) -> list[Message]:
        """At most `limit` messages, oldest first; waits up to `wait` s for the first."""
        full = self._backlog.full
        taken = self._backlog.take(limit, wait)
        self._owed.polled(taken)
        if full:
            self._waking.nudge()
        return [entry.message for entry in taken]

    def release(self, messages: Sequence[Message]) -> None:
        """These polled messages are on disk: acknowledge them, if the connection they came by still stands."""
        self._owed.release(messages)
        self._waking.nudge()

    def _make(self) -> ArrivingClient:
        client = ArrivingClient(self._address, self._arrived, CONNECT_WITHIN / 2)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        return client

    # The thread.

    def _run(self) -> None:
        wait = FIRST_WAIT
        while not self._stop.is_set():
            begun = time.monotonic()
            self._connect()
            if time.monotonic() - begun >= STEADY:
                wait = FIRST_WAIT
            self._await_room()
            self._stop.wait(wait * random.uniform(0.75, 1.0))
            wait = min(LONGEST_WAIT, wait * 2)
        if self._client.socket() is not None:
            self._client.disconnect()

    def _connect(self) -> None:
        """One connection, whatever ends it: that is said."""
        try:
            self._identify()
            self._client.reconnect()
            self._serve()
            self._unsaid()
        except (OSError, ValueError) as error:
            if not self._told_why():
                self._down(Disconnected(f"{self._where()}: {reason(error)}"))
        except DavylampError as error:
            self._down(BrokerRefused(f"{self._where()}: {error}"))
        except Exception as error:
            log.exception("mqtt failed=%s", type(error).__name__)
            self._down(Disconnected(f"{self._where()}: {type(error).__name__}: {error}; this is a fault of Davylamp"))

    def _await_room(self) -> None:
        """Half of a full queue goes to the disk before the broker is asked for more."""
        if self._backlog.full:
            self._overfull()
            while not self._backlog.roomy and not self._stop.wait(0.1):
                pass

    def _overfull(self) -> None:
        self._down(Disconnected(f"{self._where()}: given up, {len(self._backlog)} messages wait for the disk"))

    def _identify(self) -> None:
        """Password and certificates, read again: they may have been put right or renewed meanwhile."""
        if self._address.user:
            self._client.username_pw_set(self._address.user, self._password() if self._password else None)
        if self._tls:
            address = self._address
            self._client.trust(tls_context(address.ca, address.cert, address.key, self._key_password))

    def _serve(self) -> None:
        """One connection, until it is lost, refused, stuck or no longer wanted."""
        buffered = self._client.buffered
        assert buffered is not None
        begun, full_since = time.monotonic(), 0.0
        self._answer_heard = False
        while self._client.socket() is not None:
            self._write(buffered)
            if self._client.socket() is None:
                break
            room = not self._backlog.full
            self._waking.sleep(buffered, room)
            if room:
                full_since = 0.0
                self._read(buffered)
            else:
                full_since = full_since or time.monotonic()
            if self._client.socket() is not None:
                self._client.loop_misc()
            if self._link.up:
                self._subscriptions.ask_again()
            self._give_up(buffered, begun, full_since)

    def _unsaid(self) -> None:
        """A connection that ended before the broker's answer, without a word."""
        if not (self._answer_heard or self._stop.is_set() or self._told_why()):
            text = "it ended the connection without an answer: check user, password_file and client_id under [mqtt]"
            self._down(Disconnected(f"{self._where()}: {text}"))

    def _told_why(self) -> bool:
        """Say what the broker's TLS alert says, if there was one."""
        alert = None if self._client.buffered is None else self._client.buffered.alert
        if alert is not None:
            self._down(BrokerRefused(f"{self._where()}: {reason(alert)}"))
        return alert is not None

    def _read(self, buffered: BufferedSocket) -> None:
        for _ in range(READ_AT_ONCE):
            self._client.loop_read()
            if self._client.socket() is None or not buffered.pending():
                break
        if self._fresh:
            self._backlog.put(self._fresh)
            self._fresh.clear()

    def _write(self, buffered: BufferedSocket) -> None:
        if self._client.want_write():
            self._client.loop_write()
        if self._link.up:
            buffered.send(self._owed.due())
        if self._client.socket() is not None:
            buffered.flush()

    def _give_up(self, buffered: BufferedSocket, begun: float, full_since: float) -> None:
        now = time.monotonic()
        if self._stop.is_set() and self._client.socket() is not None:
            self._write(buffered)
            self._client.disconnect()
        elif not self._link.up and now - begun > CONNECT_WITHIN:
            raise TimeoutError(f"no answer within {CONNECT_WITHIN:g} s; is this an MQTT port?")
        elif full_since and now - full_since > self._address.keepalive:
            self._overfull()
            self._client.disconnect()

    # What the client calls, in the thread.

    def _on_connect(self, _client: Any, _data: Any, flags: Any, answer: Any, properties: Any) -> None:
        self._answer_heard = True
        if answer.is_failure:
            who = f"user {self._address.user!r}" if self._address.user else "a client without a user"
            self._down(
                BrokerRefused(
                    f"{self._where()} refused {who} ({answer}): check user, password_file and client_id under [mqtt]"
                )
            )
            return
        if self._link.generation and not flags.session_present:
            log.warning("mqtt session=new %s kept none for us: what was sent meanwhile did not wait", self._where())
        kept = getattr(properties, "SessionExpiryInterval", SESSION)
        if kept < SESSION:
            log.warning("mqtt session=%ds %s keeps it no longer than that while we are away", kept, self._where())
        self._link = Link(True, self._link.generation + 1, self._link.error)
        self._up_since = time.monotonic()
        self._owed.begin(self._link.generation)
        self._subscriptions.begin()

    def _on_subscribe(self, _client: Any, _data: Any, mid: int, reasons: Any, _properties: Any) -> None:
        wrong = self._subscriptions.answer(mid, reasons)
        if wrong is None:
            return
        error = NotSubscribed(f"{self._where()} did not grant subscriptions as asked: {wrong}") if wrong else None
        self._say(Link(True, self._link.generation, error))

    def _on_unsubscribe(self, _client: Any, _data: Any, mid: int, reasons: Any, _properties: Any) -> None:
        self._subscriptions.dropped(mid, reasons)

    def _arrived(self, topic: str, payload: bytes, retained: bool, owed: bytes, again: bool) -> None:
        if owed:
            if again and self._owed.holds(owed):
                return
            self._owed.hold(owed)
        self._fresh.append(Entry(Message(topic, payload, MQTT, retained), self._link.generation, owed))

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, why: Any, _properties: Any) -> None:
        if self._link.up and not self._stop.is_set():
            self._down(Disconnected(f"{self._where()}: connection lost ({why}){self._another(str(why))}"))

    def _another(self, why: str) -> str:
        """Two clients of one name put each other out, and each gets a part of what is sent."""
        self._short = 0 if time.monotonic() - self._up_since >= STEADY else self._short + 1
        if "taken over" not in why and self._short < 3:
            return ""
        return f": is there another client with client_id {self._address.client_id!r}? Give each its own under [mqtt]"

    # What both sides use.

    def _down(self, error: Disconnected | BrokerRefused) -> None:
        self._say(Link(False, self._link.generation, error))

    def _say(self, link: Link) -> None:
        before, self._link = self._link, link
        if str(before.error) != str(link.error) or before.up != link.up:
            log.log(logging.INFO if link.error is None else logging.WARNING, "mqtt up=%s %s", link.up, link.error or "")

    def _where(self) -> str:
        return f"broker {self.host}:{self.port}"
