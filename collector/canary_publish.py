"""One message published over MQTT like a device does: connect, publish with QoS 1, wait for the answer, leave.

Constraints. A connection of its own each time, so that it finds what a device would find: the port, TLS, the login, the
right to write. It says in one line what refused it. MQTT 3.1.1 has no word for "you may not write there": some brokers
close the connection, others acknowledge and drop; then only the canary's not coming tells. Not collect's connection.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from collector.address import five, place, reason
from collector.errors import BrokerRefused, Disconnected
from collector.mqtt_settings import Mqtt
from collector.trust import tls_context

DAY = 86_400.0


class Published(NamedTuple):
    """The broker has it: s from the publication to its acknowledgement, and days until its certificate ends, and until
    ours does; None where there is none."""

    seconds: float
    certificate: float | None
    ours: float | None = None


def publish(address: Mqtt, topic: str, payload: bytes, within: float) -> Published:
    """Publish, in `within` s at most. Raises `Disconnected`, `BrokerRefused`, `SecretAbsent`."""
    published = _Publishing(address).publish(topic, payload, within)
    return published._replace(ours=_days_of_file(address.cert))


class _Publishing:
    def __init__(self, address: Mqtt) -> None:
        self.host, self.port, tls = place(address.url)
        self.where, self.user = f"broker {self.host}:{self.port}", address.user
        newer = five(address)
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{address.client_id}-canary",
            clean_session=None if newer else True,
            protocol=paho.MQTTv5 if newer else paho.MQTTv311,
            reconnect_on_failure=False,
        )
        if address.user:
            self.client.username_pw_set(address.user, address.password.reveal() if address.password else None)
        if tls:
            secret = address.key_password
            self.client.tls_set_context(
                tls_context(address.ca, address.cert, address.key, secret.reveal if secret else None)
            )
        self.client.on_connect, self.client.on_disconnect = self._connected, self._disconnected
        self.client.on_publish = self._acknowledged
        self.let_in, self.done = threading.Event(), threading.Event()
        self.refused = self.lost = ""

    def publish(self, topic: str, payload: bytes, within: float) -> Published:
        end = time.monotonic() + within
        self.client.connect_timeout = within
        try:
            self.client.connect(self.host, self.port, keepalive=max(5, int(2 * within)))
        except (OSError, ValueError) as error:
            raise Disconnected(f"{self.where}: {reason(error)}") from error
        self.client.loop_start()
        try:
            self._wait(self.let_in, end, "it did not answer")
            days = _certificate_days(self.client.socket())
            begun = time.monotonic()
            self.client.publish(topic, payload, qos=1)
            self._wait(self.done, end, f"it did not acknowledge {topic}")
            return Published(time.monotonic() - begun, days)
        finally:
            self.client.disconnect()
            self.client.loop_stop()

    def _wait(self, event: threading.Event, end: float, otherwise: str) -> None:
        heard = event.wait(max(0.0, end - time.monotonic()))
        if self.refused:
            raise BrokerRefused(f"{self.where}: {self.refused}")
        if self.lost or not heard:
            raise Disconnected(f"{self.where}: {self.lost or otherwise}")

    def _connected(self, _client: Any, _data: Any, _flags: Any, answer: Any, _properties: Any) -> None:
        if answer.is_failure:
            self.refused = f"refused {self._who()} ({answer}): check user and password_file under [mqtt]"
        self.let_in.set()

    def _acknowledged(self, _client: Any, _data: Any, _mid: int, answer: Any, _properties: Any) -> None:
        if answer.is_failure:
            self.refused = f"{self._who()} may not write the canary's topic ({answer}): allow it in the broker's ACL"
        self.done.set()

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, why: Any, _properties: Any) -> None:
        if not self.done.is_set():
            asked = "when the canary was published: does its ACL let us write there?" if self.let_in.is_set() else ""
            self.lost = f"it closed the connection ({why}) {asked}".rstrip()
        self.let_in.set()
        self.done.set()

    def _who(self) -> str:
        return f"user {self.user!r}" if self.user else "a client without a user"


def _certificate_days(socket: Any) -> float | None:
    """Days until the certificate that was shown ends; None without TLS."""
    shown = socket.getpeercert() if isinstance(socket, ssl.SSLSocket) else None
    if not shown or "notAfter" not in shown:
        return None
    return _days(shown)


def _days_of_file(file: Path | None) -> float | None:
    """The same of our own certificate. The standard library shows what is in a file only to its own tests."""
    if file is None:
        return None
    try:
        return _days(ssl._ssl._test_decode_cert(str(file)))  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return None


def _days(shown: Mapping[str, Any]) -> float:
    ends = ssl.cert_time_to_seconds(str(shown["notAfter"]))
    return round((ends - datetime.now(UTC).timestamp()) / DAY, 3)
