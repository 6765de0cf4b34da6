"""The MQTT source against real brokers: delivery, redelivery, refusals, back-pressure, kills."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from collector.errors import BrokerRefused, Disconnected, NotSubscribed
from collector.listening import Broker as Listened
from collector.listening import hear
from collector.message import Message
from collector.mqtt import Mqtt
from collector.mqtt_settings import Mqtt as Address
from collector.secret import Secret
from collector.spool import SpoolReader
from tests.servers import Mosquitto, find, mosquitto, nats, nats_broker

pytestmark = pytest.mark.broker
EC = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
Broker = Callable[[Path], AbstractContextManager[str]]
BROKERS = pytest.mark.parametrize(
    ("broker", "version"),
    [
        pytest.param(mosquitto, "3.1.1", id="mosquitto"),
        pytest.param(mosquitto, "5", id="mosquitto-5"),
        pytest.param(nats, "3.1.1", id="nats"),
    ],
)


def address(url: str, version: str = "3.1.1", **more: object) -> Address:
    given: dict[str, object] = {"client_id": "collector", "subscriptions": ("pit/#",), "keepalive": 30} | more
    return Address(url=url, version=version, **given)  # type: ignore[arg-type]


@contextmanager
def source(where: Address, password: str | None = None, **more: int) -> Iterator[Mqtt]:
    mqtt = Mqtt(where, None if password is None else lambda: password, **more).start()
    try:
        yield mqtt
    finally:
        mqtt.stop()


@contextmanager
def publisher(url: str, user: str | None = None, password: str | None = None) -> Iterator[Callable[..., None]]:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="publisher")
    client.max_inflight_messages_set(500)
    if user:
        client.username_pw_set(user, password)
    client.connect("127.0.0.1", int(url.rsplit(":", 1)[1]))
    client.loop_start()

    def publish(payloads: list[bytes], topic: str = "pit/a/b", qos: int = 1, retain: bool = False) -> None:
        for sent in [client.publish(topic, payload, qos, retain) for payload in payloads]:
            sent.wait_for_publish(20)

    yield publish
    client.disconnect()
    client.loop_stop()


def take(mqtt: Mqtt, count: int, within: float = 15.0) -> list[Message]:
    messages: list[Message] = []
    end = time.monotonic() + within
    while len(messages) < count and time.monotonic() < end:
        messages += mqtt.poll(count - len(messages), 0.05)
    return messages


def numbers(count: int) -> list[bytes]:
    return [b"%d" % k for k in range(count)]


@BROKERS
def test_what_is_published_arrives_in_order_with_its_topic(tmp_path: Path, broker: Broker, version: str) -> None:
    with broker(tmp_path) as url, source(address(url, version)) as mqtt, publisher(url) as publish:
        mqtt.connected(10)
        publish(numbers(300))
        got = take(mqtt, 300)
        assert got == [Message("pit/a/b", payload, "mqtt") for payload in numbers(300)]
        mqtt.release(got)
        publish([b"zero"], topic="pit/zero", qos=0)
        assert take(mqtt, 1) == [Message("pit/zero", b"zero", "mqtt")]


@BROKERS
def test_what_was_not_released_comes_again_and_what_was_does_not(tmp_path: Path, broker: Broker, version: str) -> None:
    with broker(tmp_path) as url:
        with source(address(url, version)) as mqtt, publisher(url) as publish:
            mqtt.connected(10)
            publish(numbers(100))
            got = take(mqtt, 100)
            mqtt.release(got[:60])
            time.sleep(0.3)
        with source(address(url, version)) as mqtt:
            again = take(mqtt, 40)
            assert {message.payload for message in again} == set(numbers(100)[60:])
            mqtt.release(again)
            time.sleep(0.3)
        with source(address(url, version)) as mqtt:
            assert mqtt.poll(1, 1.5) == []


@BROKERS
def test_messages_wait_while_nobody_is_there(tmp_path: Path, broker: Broker, version: str) -> None:
    with broker(tmp_path) as url:
        with source(address(url, version)) as mqtt:
            mqtt.connected(10)
        with publisher(url) as publish:
            publish(numbers(500))
        with source(address(url, version)) as mqtt:
            assert [message.payload for message in take(mqtt, 500)] == numbers(500)


@BROKERS
def test_a_retained_message_is_marked(tmp_path: Path, broker: Broker, version: str) -> None:
    with broker(tmp_path) as url, publisher(url) as publish:
        publish([b"old"], retain=True)
        with source(address(url, version)) as mqtt:
            assert take(mqtt, 1) == [Message("pit/a/b", b"old", "mqtt", retained=True)]


@BROKERS
def test_a_broker_that_dies_and_comes_back_is_found_again_and_loses_nothing(
    tmp_path: Path, broker: Broker, version: str
) -> None:
    server = nats_broker(tmp_path) if broker is nats else Mosquitto(tmp_path / "mosquitto")
    with server, source(address(server.url, version)) as mqtt:
        mqtt.connected(10)
        with publisher(server.url) as publish:
            publish(numbers(50))
        first = take(mqtt, 50)
        # mosquitto saves its sessions at an orderly stop, and else only once a second
        server.stop(signal.SIGKILL if broker is nats else signal.SIGTERM)
        _until(lambda: not mqtt.link.up)
        assert isinstance(mqtt.link.error, Disconnected)
        mqtt.release(first)  # of a connection that is gone: must not acknowledge anything of the next
        server.start()
        mqtt.connected(10)
        assert mqtt.link.generation == 2
        with publisher(server.url) as publish:
            publish([b"later"])
        again = {message.payload for message in take(mqtt, 51)}
        assert again == {*numbers(50), b"later"}


def _until(true: Callable[[], bool], within: float = 10.0) -> None:
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_wrong_password_is_one_clear_line_and_a_right_one_connects(
    tmp_path: Path, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    tool = find("mosquitto_passwd", "apt-get install mosquitto")
    passwords = tmp_path / "passwords"
    subprocess.run([tool, "-b", "-c", passwords, "pit", "right"], check=True)
    passwords.chmod(0o644)
    with mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}\n") as url:
        with source(address(url, version, user="pit"), "wrong") as mqtt:
            with pytest.raises(BrokerRefused, match=r"refused user 'pit' .*check user, password_file and client_id"):
                mqtt.connected(10)
            time.sleep(1.5)
            lines = [record for record in caplog.records if record.name == "collector.mqtt"]
            assert len(lines) == 1
            assert "wrong" not in caplog.text
        with source(address(url, version, user="pit"), "right") as mqtt:
            mqtt.connected(10)


def test_a_refused_subscription_is_an_error_and_what_is_granted_arrives(tmp_path: Path) -> None:
    server = nats_broker(tmp_path)
    configure = server._configure

    def limited() -> Path:
        path = configure()
        path.write_text(path.read_text().replace("max_ack_pending: 8192", "max_ack_pending: 65535"))
        return path

    server._configure = limited  # type: ignore[method-assign]
    with server, source(address(server.url, subscriptions=("pit/a", "pit/#"))) as mqtt:
        with pytest.raises(NotSubscribed, match="'pit/#'"):
            mqtt.connected(10)
        assert mqtt.link.up
        with publisher(server.url) as publish:
            publish([b"1"], topic="pit/a")
        assert take(mqtt, 1) == [Message("pit/a", b"1", "mqtt")]


def test_nobody_listening_is_said_and_no_exception(tmp_path: Path) -> None:
    with source(address("mqtt://127.0.0.1:1")) as mqtt:
        with pytest.raises(Disconnected, match="nobody listens there"):
            mqtt.connected(0.5)
        assert mqtt.poll(1, 0) == []


@pytest.mark.parametrize("url", ["127.0.0.1:1883", "http://x", "mqtt://"])
def test_an_address_that_is_none_is_refused_before_anything_connects(url: str) -> None:
    with pytest.raises(ValueError, match="mqtt://HOST"):
        Mqtt(address(url))


def test_a_collector_without_subscriptions_is_refused() -> None:
    with pytest.raises(ValueError, match="subscriptions is empty"):
        Mqtt(address("mqtt://127.0.0.1", subscriptions=()))


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A CA, and a server's certificate for 127.0.0.1."""
    openssl = find("openssl", "apt-get install openssl")
    folder = tmp_path / "tls"
    folder.mkdir()
    commands = [
        f"req -x509 {EC} -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem",
        f"req {EC} -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem -extfile names",
    ]
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    for command in commands:
        subprocess.run([openssl, *command.split()], cwd=folder, check=True, capture_output=True)
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder


def test_tls_with_a_ca_connects_and_carries_a_large_message(tmp_path: Path, certificates: Path) -> None:
    extra = f"certfile {certificates}/server.pem\nkeyfile {certificates}/server.key\n"
    with mosquitto(tmp_path, extra) as url:
        secure = url.replace("mqtt://", "mqtts://")
        with source(address(secure, ca=certificates / "ca.pem")) as mqtt:
            mqtt.connected(10)
            client = paho.Client(paho.CallbackAPIVersion.VERSION2)
            client.tls_set(ca_certs=str(certificates / "ca.pem"))
            client.connect("127.0.0.1", mqtt.port)
            client.loop_start()
            client.publish("pit/large", b"x" * 3_000_000, 1).wait_for_publish(20)
            client.disconnect()
            client.loop_stop()
            (got,) = take(mqtt, 1)
            assert got.payload == b"x" * 3_000_000
        with (
            source(address(secure)) as mqtt,
            pytest.raises(Disconnected, match=r"certificate is not trusted .*check ca"),
        ):
            mqtt.connected(2)
        with source(address(secure, ca=tmp_path / "no.pem")) as mqtt, pytest.raises(BrokerRefused, match="give a PEM"):
            mqtt.connected(2)


def test_a_full_queue_stops_the_reading_and_keeps_the_connection(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as url, source(address(url, keepalive=5), queue_messages=100) as mqtt:
        mqtt.connected(10)
        with publisher(url) as publish:
            publish([b"%d" % k + b" " * 1000 for k in range(3000)])
        time.sleep(1)
        assert 100 <= mqtt.depth < 1500
        assert mqtt.link.up
        got: list[Message] = []
        while len(got) < 3000 and (more := mqtt.poll(500, 2)):
            mqtt.release(more)
            got += more
        assert [int(message.payload) for message in got] == list(range(3000))
        assert mqtt.link.generation == 1


def test_a_queue_full_for_longer_than_the_keep_alive_gives_the_connection_up_and_loses_nothing(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as url, source(address(url, keepalive=2), queue_messages=10) as mqtt:
        mqtt.connected(10)
        with publisher(url) as publish:
            publish([b"%d" % k + b" " * 1000 for k in range(2000)])
        _until(lambda: not mqtt.link.up)
        assert "wait for the disk" in str(mqtt.link.error)
        got: set[int] = set()
        end = time.monotonic() + 20
        while len(got) < 2000 and time.monotonic() < end:
            more = mqtt.poll(500, 0.1)
            mqtt.release(more)
            got |= {int(message.payload) for message in more}
        assert got == set(range(2000))


COLLECT = """
import sys, threading
from pathlib import Path
from collector.collecting import collect
from collector.mqtt_settings import Mqtt
from collector.settings import Settings
where = Mqtt(url=sys.argv[1], client_id="collector", version=sys.argv[3], subscriptions=("pit/#",))
collect(Settings(path=Path("site.toml"), data=Path(sys.argv[2]), mqtt=where), threading.Event())
"""


@pytest.mark.chaos
@BROKERS
def test_a_collector_killed_while_5000_are_published_holds_every_one(
    tmp_path: Path, broker: Broker, version: str
) -> None:
    data = tmp_path / "data"
    with broker(tmp_path) as url:
        with source(address(url, version)) as mqtt:
            mqtt.connected(10)

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen([sys.executable, "-c", COLLECT, url, str(data), version], cwd=Path.cwd(),
                                    env={**os.environ, "PYTHONPATH": str(Path.cwd())})  # fmt: skip

        role = start()
        with publisher(url) as publish:
            for part in range(5):
                publish([b"%d" % k for k in range(part * 1000, part * 1000 + 1000)])
                if part < 4:
                    role.kill()
                    role.wait()
                    role = start()
        wanted = set(range(5000))
        reader, held, after = SpoolReader(data), list[int](), 0
        end = time.monotonic() + 30
        while not wanted <= set(held) and time.monotonic() < end:
            for seal in reader.read(after):
                held += [int(m.payload) for m in seal.messages if m.origin == "mqtt"]
                after = seal.seq
            time.sleep(0.05)
        role.terminate()
        role.wait()
        assert wanted == set(held)
        assert len(held) < 5000 + 5 * 1500


def test_a_port_that_accepts_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.mqtt.CONNECT_WITHIN", 0.3)
    mute = socket.create_server(("127.0.0.1", 0))
    with mute, source(address(f"mqtt://127.0.0.1:{mute.getsockname()[1]}")) as mqtt:
        _until(lambda: "is this an MQTT port?" in str(mqtt.link.error))
        assert not mqtt.link.up


def test_a_subscription_granted_for_qos_0_only_is_an_error(tmp_path: Path) -> None:
    with mosquitto(tmp_path, "max_qos 0\n") as url, source(address(url)) as mqtt:
        with pytest.raises(NotSubscribed, match="QoS 0 only"):
            mqtt.connected(10)
        with publisher(url) as publish:
            publish([b"1"], qos=0)
        assert take(mqtt, 1) == [Message("pit/a/b", b"1", "mqtt")]


def test_a_broker_that_lost_our_session_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = Mosquitto(tmp_path / "mosquitto")
    with server, source(address(server.url)) as mqtt:
        mqtt.connected(10)
        server.stop()
        (server.folder / "mosquitto.db").unlink()
        _until(lambda: not mqtt.link.up)
        server.start()
        mqtt.connected(10)
        assert "session=new" in caplog.text


# Certificates: one clear line for whatever is wrong, and it goes on by itself when that is mended.


@pytest.fixture
def mutual(tmp_path: Path, certificates: Path) -> Path:
    """Beside the server's: a client's certificate with an encrypted key, an expired one, one of another CA."""
    openssl = find("openssl", "apt-get install openssl")
    commands = [
        f"req {EC} -passout pass:opensesame -subj /CN=collector -keyout client.key -out client.csr",
        "x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out client.pem",
        f"req {EC} -nodes -subj /CN=collector -keyout old.key -out old.csr",
        "x509 -req -in old.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 -out old.pem",
        f"req -x509 {EC} -nodes -days 2 -subj /CN=stranger -keyout stranger.key -out stranger.pem",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 -out late.pem -extfile names",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out other.pem",
    ]
    for command in commands:
        subprocess.run([openssl, *command.split()], cwd=certificates, check=True, capture_output=True)
    for file in certificates.iterdir():
        file.chmod(0o644)
    return certificates


def secure_broker(folder: Path, tls: Path, cert: str = "server", more: str = "") -> AbstractContextManager[str]:
    return mosquitto(folder, f"certfile {tls}/{cert}.pem\nkeyfile {tls}/server.key\ncafile {tls}/ca.pem\n{more}")


def why_not(where: Address, key_password: str | None = None) -> str:
    given = None if key_password is None else (lambda: key_password)
    mqtt = Mqtt(where, key_password=given).start()
    try:
        with pytest.raises((Disconnected, BrokerRefused)) as refused:
            mqtt.connected(0.7)
    finally:
        mqtt.stop()
    assert "\n" not in str(refused.value)
    assert "opensesame" not in str(refused.value)
    return str(refused.value)


def test_a_client_certificate_with_an_encrypted_key_lets_us_in_and_nothing_else_does(
    tmp_path: Path, mutual: Path
) -> None:
    with secure_broker(tmp_path, mutual, more="require_certificate true\n") as url:
        url = url.replace("mqtt://", "mqtts://")

        def where(cert: str | None, key: str | None = None, ca: str = "ca") -> Address:
            files = {"cert": mutual / f"{cert}.pem", "key": mutual / f"{key or cert}.key"} if cert else {}
            return address(url, ca=mutual / f"{ca}.pem", **files)

        with source_with_key(where("client"), "opensesame") as mqtt:
            mqtt.connected(10)
        secret = tmp_path / "key-password"
        secret.write_text("opensesame\n")
        files = (mutual / "ca.pem", mutual / "client.pem", mutual / "client.key", Secret(file=secret))
        assert hear(Listened(url, None, None, *files), "pit/#", 0.2) == []
        assert "wants a client certificate: give cert and key" in why_not(where(None))
        assert "our client certificate has expired: renew cert" in why_not(where("old"))
        assert "does not trust our client certificate" in why_not(where("stranger"))
        assert "does not open with key_password_file" in why_not(where("client"), "wrong")
        assert "is encrypted: give key_password_file" in why_not(where("client"))
        assert "is not the key of cert" in why_not(where("old", "stranger"))
        assert "certificate is not trusted" in why_not(where("client", ca="stranger"), "opensesame")


@contextmanager
def source_with_key(where: Address, key_password: str) -> Iterator[Mqtt]:
    mqtt = Mqtt(where, key_password=lambda: key_password).start()
    try:
        yield mqtt
    finally:
        mqtt.stop()


@pytest.mark.parametrize(
    ("cert", "said"), [("late", "not valid now (certificate has expired)"), ("other", "another host's")]
)
def test_a_brokers_certificate_that_is_late_or_anothers_is_told_apart(
    tmp_path: Path, mutual: Path, cert: str, said: str
) -> None:
    with secure_broker(tmp_path, mutual, cert) as url:
        assert said in why_not(address(url.replace("mqtt://", "mqtts://"), ca=mutual / "ca.pem"))


def test_a_certificate_that_is_renewed_is_taken_without_a_restart(tmp_path: Path, mutual: Path) -> None:
    with secure_broker(tmp_path, mutual, more="require_certificate true\n") as url:
        for kind in ("pem", "key"):
            (mutual / f"mine.{kind}").write_bytes((mutual / f"old.{kind}").read_bytes())
        where = address(url.replace("mqtt://", "mqtts://"), ca=mutual / "ca.pem", cert=mutual / "mine.pem",
                        key=mutual / "mine.key")  # fmt: skip
        with source_with_key(where, "opensesame") as mqtt:
            _until(lambda: "our client certificate has expired" in str(mqtt.link.error))
            for kind in ("pem", "key"):
                (mutual / f"mine.{kind}").write_bytes((mutual / f"client.{kind}").read_bytes())
            _until(lambda: mqtt.link.up and mqtt.link.error is None)


def test_a_shared_subscription_gives_each_message_to_one_of_the_group(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as url:
        shared = ("$share/pair/pit/#",)
        with (
            source(address(url, client_id="one", subscriptions=shared)) as one,
            source(address(url, client_id="two", subscriptions=shared)) as two,
        ):
            one.connected(10)
            two.connected(10)
            with publisher(url) as publish:
                publish(numbers(40))
            halves = [take(mqtt, 40, 0.7) for mqtt in (one, two)]
        assert sorted(int(m.payload) for half in halves for m in half) == list(range(40))
        assert all(halves)
        assert {m.topic for half in halves for m in half} == {"pit/a/b"}
