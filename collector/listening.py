"""What is published, before there is a site file; and the last message of each sensor once there is one.

Constraints. Listening subscribes with a client of its own and a clean session at QoS 0, so it takes nothing from
anybody. Not here: what is proposed for it (proposing.py).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from collector.address import place, reason
from collector.errors import BrokerRefused, Disconnected
from collector.message import MQTT
from collector.secret import Secret
from collector.spool import SpoolReader
from collector.trust import tls_context

TOPICS = 10_000
RECENT_SEALS = 600
"""How far back in the log a sensor's last message is looked for."""


@dataclass(slots=True)
class Heard:
    """One topic: how many messages, the first and last arrival (s), and the last payload as text."""

    topic: str
    messages: int
    first: float
    last: float
    sample: str

    @property
    def every(self) -> float | None:
        """s between messages; None after one."""
        return (self.last - self.first) / (self.messages - 1) if self.messages > 1 else None


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to listen. The url of a command line may hold user and password; a site file's never does."""

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    key_password: Secret | None = None

    @classmethod
    def of(cls, url: str) -> Broker:
        """From mqtt://user:password@host:port. Raises ValueError that says what an address looks like."""
        parts = urlsplit(url)
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        place(bare)
        return cls(bare, parts.username and unquote(parts.username), parts.password and unquote(parts.password))


def hear(broker: Broker, topic: str, seconds: float) -> list[Heard]:
    """Subscribe for some seconds; the topics heard, sorted. Raises Disconnected, BrokerRefused."""
    heard: dict[str, Heard] = {}
    refused: list[str] = []

    def connected(client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            refused.append(str(reason))
        client.subscribe(topic, qos=0)

    def message(_client: mqtt.Client, _data: Any, arrived: mqtt.MQTTMessage) -> None:
        now = time.monotonic()
        one = heard.get(arrived.topic)
        if one is None and len(heard) < TOPICS:
            one = heard[arrived.topic] = Heard(arrived.topic, 0, now, now, "")
        if one is not None:
            one.messages, one.last, one.sample = one.messages + 1, now, text(arrived.payload)

    client = _client(broker)
    client.on_connect, client.on_message = connected, message
    _connect(client, broker.url)
    client.loop_start()
    end = time.monotonic() + seconds
    while time.monotonic() < end and not refused:
        time.sleep(0.05)
    client.disconnect()
    client.loop_stop()
    if refused:
        raise BrokerRefused(f"{broker.url}: {refused[0]}; check user and password")
    return sorted(heard.values(), key=lambda one: one.topic)


def _client(broker: Broker) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, clean_session=True)
    if broker.user:
        client.username_pw_set(broker.user, broker.password)
    if place(broker.url)[2]:
        opens = broker.key_password.reveal if broker.key_password else None
        client.tls_set_context(tls_context(broker.ca, broker.cert, broker.key, opens))
    return client


def _connect(client: mqtt.Client, url: str) -> None:
    host, port, _ = place(url)
    try:
        client.connect(host, port, keepalive=30)
    except (OSError, ValueError) as error:
        raise Disconnected(f"{url}: {reason(error)}; is the broker running, and is that its port?") from error


def text(payload: bytes | bytearray) -> str:
    """A payload as a person can read it: text, else its beginning as hexadecimal."""
    try:
        return payload[:2000].decode()
    except UnicodeDecodeError:
        return payload[:40].hex(" ") + (" ..." if len(payload) > 40 else "")


def last_payloads(folder: Path) -> dict[str, str]:
    """Last part of each recent topic that names a sensor -> its last payload, from the end of the log."""
    reader = SpoolReader(folder)
    found: dict[str, str] = {}
    try:
        for seal in reader.read(max(0, reader.last() - RECENT_SEALS), 1_000_000):
            for message in seal.messages:
                if message.origin == MQTT:
                    for part in message.topic.split("/"):
                        found[part] = text(message.payload)
    finally:
        reader.close()
    return found
