"""Mosquitto with the shipped configuration: who gets in, who may write, and what a kill -9 of it loses.

What is lost is counted, not hoped for: docs/deploy.md and docs/guarantees.md say the bound that this file holds.
"""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from collector.canary_publish import publish
from collector.errors import BrokerRefused
from collector.mqtt import Mqtt
from collector.mqtt_settings import Mqtt as Address
from collector.secret import Secret
from tests.deploy.shipped import Broker, secrets
from tests.servers import find

pytestmark = pytest.mark.broker
LOST_AT_MOST = 3.0
"""s before the kill: two for the autosave's coarse clock, one for writing and a loaded machine."""
AREA = "face-2105"


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secrets of a site, with one device, face-2105, beside Davylamp."""
    folder = secrets(tmp_path_factory.mktemp("deploy") / "secrets")
    passwords = folder / "mosquitto-passwords"
    subprocess.run([find("mosquitto_passwd", ""), "-b", passwords, AREA, "device"], check=True, capture_output=True)
    passwords.chmod(0o644)
    return folder


@pytest.fixture
def broker(tmp_path: Path, secret: Path) -> Iterator[Broker]:
    running = Broker(tmp_path / "broker", secrets=secret)
    with running:
        yield running


def test_the_canary_may_be_written_and_read_and_the_certificates_end_is_known(broker: Broker) -> None:
    secret = Secret(file=broker.secrets / "mqtt-password")
    where = Address(broker.url, "davylamp-pit", user="davylamp", password=secret, ca=broker.secrets / "ca.pem",
                    subscriptions=("pit/+/+", "davylamp/pit/canary"))  # fmt: skip
    mqtt = Mqtt(where, secret.reveal).start()
    try:
        mqtt.connected(10)
        published = publish(where, "davylamp/pit/canary", b"{}", 5.0)
        assert [message.topic for message in mqtt.poll(10, 10)] == ["davylamp/pit/canary"]
    finally:
        mqtt.stop()
    assert published.certificate == pytest.approx(825, abs=1)


def davylamp(broker: Broker, password: str | None = None) -> Mqtt:
    """Davylamp's own source, as the site file of docs/deploy.md sets it up."""
    where = Address(
        broker.url, "davylamp-pit", user="davylamp", ca=broker.secrets / "ca.pem", subscriptions=("pit/+/+",)
    )
    return Mqtt(where, lambda: password or (broker.secrets / "mqtt-password").read_text().strip()).start()


@contextmanager
def device(broker: Broker, user: str = AREA, password: str = "device") -> Iterator[paho.Client]:
    """A device that publishes; it is not told where it may."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="logger", clean_session=False)
    client.username_pw_set(user, password)
    client.tls_set(ca_certs=str(broker.secrets / "ca.pem"))
    client.max_inflight_messages_set(1000)
    up = threading.Event()
    client.on_connect = lambda *_: up.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    assert up.wait(10)
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def take(mqtt: Mqtt, quiet: float = 1.0) -> list[bytes]:
    """Payloads until nothing came for a while; each is acknowledged."""
    got: list[bytes] = []
    while messages := mqtt.poll(1000, quiet if got else 10):
        mqtt.release(messages)
        got += [message.payload for message in messages]
    return got


def session(broker: Broker) -> None:
    """Davylamp was here, and its session is on the broker's disk."""
    mqtt = davylamp(broker)
    mqtt.connected(10)
    mqtt.stop()
    time.sleep(LOST_AT_MOST)


class Numbered:
    """Publishes numbers, and knows when each was acknowledged."""

    def __init__(self, client: paho.Client) -> None:
        self.client, self.count = client, 0
        self._numbers: dict[int, int] = {}
        self._acked: dict[int, float] = {}
        client.on_publish = lambda _c, _d, mid, _r, _p: self._acked.__setitem__(mid, time.monotonic())

    def publish(self, seconds: float, rate: int = 200) -> None:
        begun = time.monotonic()
        for sent_before in range(int(seconds * rate)):
            sent = self.client.publish(f"pit/{AREA}/ch4", str(self.count).encode(), 1)
            self._numbers[sent.mid] = self.count
            self.count += 1
            time.sleep(max(0.0, begun + (sent_before + 1) / rate - time.monotonic()))

    def acked(self) -> dict[int, float]:
        """When each number was acknowledged."""
        return {self._numbers[mid]: at for mid, at in list(self._acked.items()) if mid in self._numbers}


def test_davylamp_reads_over_tls_and_a_device_writes_in_its_area_only(broker: Broker) -> None:
    mqtt = davylamp(broker)
    mqtt.connected(10)
    assert mqtt.link.error is None
    own = (broker.secrets / "mqtt-password").read_text().strip()
    for user, password, topic in (
        (AREA, "device", "pit/face-2106/ch4"),
        (AREA, "device", "other/face-2105/ch4"),
        ("davylamp", own, "pit/face-2105/forged"),
        (AREA, "device", "pit/face-2105/ch4"),
    ):
        with device(broker, user, password) as client:
            client.publish(topic, topic.encode(), 1)
            time.sleep(0.3)
    assert take(mqtt) == [b"pit/face-2105/ch4"]
    mqtt.stop()


def test_nobody_gets_in_without_the_password_or_unencrypted(broker: Broker) -> None:
    mqtt = davylamp(broker, "wrong")
    with pytest.raises(BrokerRefused, match="refused user 'davylamp'"):
        mqtt.connected(10)
    mqtt.stop()
    plain = paho.Client(paho.CallbackAPIVersion.VERSION2)
    plain.connect("127.0.0.1", broker.port)
    end = time.monotonic() + 5
    while plain.loop(0.1) == paho.MQTT_ERR_SUCCESS:
        assert not plain.is_connected()
        assert time.monotonic() < end
    assert not plain.is_connected()


def test_more_waits_for_davylamp_than_mosquitto_keeps_by_default(broker: Broker) -> None:
    session(broker)
    with device(broker) as client:
        sent = [client.publish(f"pit/{AREA}/ch4", b"%d" % k, 1) for k in range(5000)]
        sent[-1].wait_for_publish(30)
    mqtt = davylamp(broker)
    assert take(mqtt) == [b"%d" % k for k in range(5000)]
    mqtt.stop()


def test_a_regular_stop_of_the_broker_loses_nothing(broker: Broker) -> None:
    session(broker)
    with device(broker) as client:
        numbered = Numbered(client)
        numbered.publish(1.0)
        client.loop_stop()
        broker.stop(signal.SIGTERM)
    broker.start()
    mqtt = davylamp(broker)
    assert set(numbered.acked()) <= {int(payload) for payload in take(mqtt)}
    mqtt.stop()


def test_a_killed_broker_loses_at_most_the_last_seconds_of_what_waited(broker: Broker) -> None:
    session(broker)
    with device(broker) as client:
        numbered = Numbered(client)
        numbered.publish(2 * LOST_AT_MOST)
        broker.stop(signal.SIGKILL)
        killed = time.monotonic()
        client.loop_stop()
    broker.start()
    mqtt = davylamp(broker)
    got = [int(payload) for payload in take(mqtt)]
    mqtt.stop()
    acked = numbered.acked()
    assert len(acked) > 1000
    lost = {number: killed - acked[number] for number in acked.keys() - set(got)}
    assert got == sorted(set(got))
    assert max(lost.values(), default=0.0) <= LOST_AT_MOST, f"{len(lost)} lost"


def test_a_killed_broker_loses_nothing_that_davylamp_had_taken(broker: Broker) -> None:
    mqtt = davylamp(broker)
    mqtt.connected(10)
    got: list[int] = []
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            messages = mqtt.poll(1000, 0.1)
            mqtt.release(messages)
            got.extend(int(message.payload) for message in messages)

    thread = threading.Thread(target=collect)
    thread.start()
    with device(broker) as client:
        numbered = Numbered(client)
        numbered.publish(2.0)
        broker.stop(signal.SIGKILL)
        killed = time.monotonic()
        client.loop_stop()
    broker.start()
    mqtt.connected(20)
    time.sleep(1)
    stop.set()
    thread.join()
    mqtt.stop()
    lost = {number: killed - at for number, at in numbered.acked().items() if number not in set(got)}
    assert len(numbered.acked()) > 300
    assert max(lost.values(), default=0.0) <= 0.1, f"{len(lost)} lost"
