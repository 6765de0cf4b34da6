"""Letters to a broker at QoS 1, counted when the broker has acknowledged them.

Constraints. At most `IN_FLIGHT` letters wait for an acknowledgement; then `send` waits until half of them are answered,
so a slow broker slows whoever sends, and two threads do not wake each other for every letter.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from threading import Event
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from simulators.messages import Letter

IN_FLIGHT = 2000
TURN = 0.1
"""s between looks at whether to stop."""
PATIENCE = 10.0
"""s for the broker to let us in, and to acknowledge what is left at the end."""
PORTS = {"mqtt": 1883, "mqtts": 8883}


class BrokerRefuses(ConnectionError):
    """The broker cannot be reached, or does not let us in."""


@dataclass(frozen=True, slots=True)
class Published:
    """What the broker acknowledged: messages, and in them readings and samples; and how many it did not (yet)."""

    messages: int
    readings: int
    samples: int
    unanswered: int = 0


class Sender:
    """A connection that sends letters. A context manager; raises BrokerRefuses on entry."""

    def __init__(self, url: str, stop: Event, client_id: str = "", will: Letter | None = None) -> None:
        """`url` as mqtt://user:password@host:port or mqtts://...; `stop` ends every wait; `will` is said by the broker
        where we are cut off."""
        self._url, self._stop = urlsplit(url), stop
        self._sent: deque[tuple[int, Letter]] = deque()
        self._answered: set[int] = set()
        self._news, self._connected = Event(), Event()
        self._refusal = ""
        self._messages = self._readings = self._samples = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.reconnect_delay_set(1, 4)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        if will is not None:
            self._client.will_set(will.topic, will.payload, qos=1)
        if self._url.username:
            self._client.username_pw_set(unquote(self._url.username), unquote(self._url.password or ""))
        if self._url.scheme == "mqtts":
            self._client.tls_set()

    def __enter__(self) -> Sender:
        host, port = self._place()
        try:
            self._client.connect(host, port, keepalive=30)
        except OSError as error:
            raise BrokerRefuses(f"no broker answers at {host}:{port} ({error}); start it or correct the url") from error
        self._client.loop_start()
        if not self._connected.wait(PATIENCE) or self._refusal:
            self._client.loop_stop()
            raise BrokerRefuses(f"the broker at {host}:{port} says {self._refusal or 'nothing'!r}; see user, password")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, letter: Letter) -> bool:
        """Publish one letter, waiting for room; False if stopped meanwhile."""
        if len(self._sent) >= IN_FLIGHT:
            self._reap()
            while len(self._sent) > IN_FLIGHT // 2:
                if self._stop.is_set():
                    return False
                self._wait()
        self._sent.append((self._client.publish(letter.topic, letter.payload, qos=1).mid, letter))
        return True

    @property
    def acknowledged(self) -> int:
        """Readings so far."""
        return self._readings

    def settle(self) -> Published:
        """Wait until all is acknowledged, or PATIENCE is over, or 1 s after a stop; then what was acknowledged."""
        deadline = time.monotonic() + (1.0 if self._stop.is_set() else PATIENCE)
        self._reap()
        while self._sent and time.monotonic() < deadline:
            self._wait()
        late = sum(1 for number, _ in self._sent if number not in self._answered)
        return Published(self._messages, self._readings, self._samples, late)

    def _place(self) -> tuple[str, int]:
        if self._url.scheme not in PORTS or not self._url.hostname:
            raise BrokerRefuses(f"found the url {self._url.geturl()!r}, allowed: mqtt://host:port or mqtts://host:port")
        return self._url.hostname, self._url.port or PORTS[self._url.scheme]

    def _wait(self) -> None:
        self._news.wait(TURN)
        self._news.clear()
        self._reap()

    def _reap(self) -> None:
        """Count the letters at the head that were answered."""
        while self._sent and self._sent[0][0] in self._answered:
            number, letter = self._sent.popleft()
            self._answered.discard(number)
            self._messages += 1
            self._readings += letter.readings
            self._samples += letter.samples

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._refusal = str(reason) if reason.is_failure else ""
        self._connected.set()

    def _on_publish(self, _client: Any, _data: Any, number: int, _reason: Any, _properties: Any) -> None:
        self._answered.add(number)
        if len(self._answered) >= min(IN_FLIGHT // 2, len(self._sent)):
            self._news.set()
