"""The MQTT source packet by packet, with a broker that the test plays: what is owed, to whom, and what never comes."""

from __future__ import annotations

import dataclasses
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTErrorCode

from collector.errors import Disconnected
from collector.message import Message
from collector.mqtt import Mqtt
from collector.mqtt_settings import Mqtt as Address
from tests.broker.scripted import Scripted

PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT = 0x40, 0x50, 0x62, 0x70, 0xE0
SUBSCRIBE, UNSUBSCRIBE, UNSUBACK = 0x82, 0xA2, 0xB0
DUP, RETAIN = 8, 1


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.mqtt.FIRST_WAIT", 0.05)


def at(broker: Scripted, **more: object) -> Address:
    return Address(
        url=broker.url, version="5" if broker.five else "3.1.1", client_id="collector", subscriptions=("pit/#",), **more
    )  # type: ignore[arg-type]


@contextmanager
def playing(five: bool = False, keepalive: int = 30, **more: int) -> Iterator[tuple[Scripted, Mqtt]]:
    with Scripted(five) as broker:
        mqtt = Mqtt(at(broker, keepalive=keepalive), **more).start()
        try:
            yield broker, mqtt
        finally:
            mqtt.stop()


def take(mqtt: Mqtt, count: int) -> list[Message]:
    messages: list[Message] = []
    end = time.monotonic() + 3
    while len(messages) < count and time.monotonic() < end:
        messages += mqtt.poll(count - len(messages), 0.05)
    return messages


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)


def said(mqtt: Mqtt) -> str:
    return str(mqtt.link.error or "")


def test_an_acknowledgement_of_a_lost_connection_is_never_sent_on_the_next() -> None:
    with playing() as (broker, mqtt):
        broker.let_in()
        broker.publish(7, b"one")
        got = take(mqtt, 1)
        broker.hang_up()
        until(lambda: not mqtt.link.up)
        mqtt.release(got)
        broker.accept()
        assert broker.read_all(0.15) == [], "number 7 may be another message's there"
        broker.write(0x20, b"\x01\x00")
        broker.grant()
        assert broker.read_all(0.1) == []
        broker.publish(7, b"another")
        assert [message.payload for message in take(mqtt, 1)] == [b"another"]


def test_what_was_released_last_is_acknowledged_before_we_go() -> None:
    with playing() as (broker, mqtt):
        broker.let_in()
        broker.publish(1, b"one")
        mqtt.release(take(mqtt, 1))
        mqtt.stop()
        assert [kind for kind, _ in broker.read_all(0.3)] == [PUBACK, DISCONNECT]


def test_a_copy_of_what_we_still_hold_is_not_taken_twice_and_one_that_comes_later_is() -> None:
    with playing() as (broker, mqtt):
        broker.let_in()
        broker.publish(1, b"one")
        broker.publish(1, b"one", flags=DUP)
        broker.publish(2, b"two", flags=DUP)
        got = take(mqtt, 2)
        assert [message.payload for message in got] == [b"one", b"two"]
        mqtt.release(got)
        assert [broker.read(), broker.read()] == [(PUBACK, b"\x00\x01"), (PUBACK, b"\x00\x02")]
        broker.publish(1, b"one", flags=DUP)
        assert [message.payload for message in take(mqtt, 1)] == [b"one"], "it may have crossed our answer"


@pytest.mark.parametrize("five", [False, True])
def test_a_message_of_qos_2_is_the_brokers_until_it_is_on_disk(five: bool) -> None:
    with playing(five) as (broker, mqtt):
        broker.let_in()
        broker.publish(9, b"twice", qos=2)
        got = take(mqtt, 1)
        assert got == [Message("pit/a", b"twice", "mqtt")]
        assert broker.read_all(0.1) == [], "after PUBREC the broker forgets it"
        mqtt.release(got)
        assert broker.read() == (PUBREC, b"\x00\x09")
        broker.write(PUBREL, b"\x00\x09")
        assert broker.read() == (PUBCOMP, b"\x00\x09")
        broker.write(PUBREL, b"\x00\x0a")  # of a session before us
        assert broker.read() == (PUBCOMP, b"\x00\x0a")


def text(name: str, value: str) -> bytes:
    """A user property."""
    return b"\x26" + b"".join(len(part.encode()).to_bytes(2, "big") + part.encode() for part in (name, value))


@pytest.mark.parametrize("about", [text("unit", "\ufeff%vol"), text("a", "b") * 30, b"\xff\xff", b""])
def test_what_a_device_wrote_into_properties_never_ends_the_connection(about: bytes) -> None:
    with playing(five=True) as (broker, mqtt):
        broker.let_in()
        assert len(about) < 128 or len(about) == 210
        if len(about) < 128:
            broker.publish(1, b"one", about=about)
        else:
            long = bytes([len(about) & 127 | 128, len(about) >> 7]) + about
            broker.write(0x32, b"\x00\x05pit/a\x00\x01" + long + b"one")
        broker.publish(2, b"two")
        assert [message.payload for message in take(mqtt, 2)] == [b"one", b"two"]
        assert mqtt.link.generation == 1


def test_flags_topics_and_payloads_arrive_as_they_are() -> None:
    with playing() as (broker, mqtt):
        broker.let_in()
        broker.publish(0, b"", qos=0)
        broker.publish(1, b"kept", flags=RETAIN)
        broker.publish(2, b"\x00\xff", "井下/甲烷".encode())
        broker.publish(3, b"x", b"pit/\xff\x00")
        broker.publish(65535, b"large" * 100_000)
        assert take(mqtt, 5) == [
            Message("pit/a", b"", "mqtt"),
            Message("pit/a", b"kept", "mqtt", retained=True),
            Message("井下/甲烷", b"\x00\xff", "mqtt"),
            Message("pit/\\xff\x00", b"x", "mqtt"),
            Message("pit/a", b"large" * 100_000, "mqtt"),
        ]


@pytest.mark.parametrize(
    ("five", "packet"),
    [
        (False, b"\x36\x07\x00\x03p/a\x00\x01"),  # QoS 3
        (False, b"\x32\x05\x00\x09p/a"),  # a topic longer than the packet
        (True, b"\x32\x09\x00\x03p/a\x00\x01\xff\xff"),  # a length of properties without an end
        (True, b"\x32\x09\x00\x03p/a\x00\x01\x7f\x00"),  # properties longer than the packet
    ],
)
def test_a_packet_that_is_none_ends_the_connection_and_not_the_source(five: bool, packet: bytes) -> None:
    with playing(five) as (broker, mqtt):
        broker.let_in()
        assert broker.peer is not None
        broker.peer.sendall(packet)
        until(lambda: "Protocol error" in said(mqtt))
        broker.let_in()
        mqtt.connected(3)
        assert mqtt.poll(1, 0) == []


def test_a_full_queue_is_named_as_the_reason_and_nobody_asks_the_broker_for_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with playing(queue_messages=4) as (broker, mqtt):
        broker.let_in()
        mqtt.connected(3)
        full, client = threading.Event(), mqtt._client

        def unanswered() -> None:
            """What paho does when the answer to its ping lies unread in a full queue."""
            if mqtt.depth >= 4 and client.socket() is not None:
                client._sock_close()
                client._do_on_disconnect(False, MQTTErrorCode.MQTT_ERR_KEEPALIVE)
                full.set()

        monkeypatch.setattr(client, "loop_misc", unanswered)
        for number in range(1, 6):
            broker.publish(number, b"x")
        assert full.wait(3)
        assert not broker.comes(0.2)
        assert "given up, 5 messages wait for the disk" in said(mqtt)
        take(mqtt, 4)
        broker.let_in()
        mqtt.connected(3)


def test_what_a_changed_site_file_no_longer_has_is_given_back_once(tmp_path: Path) -> None:
    with Scripted() as broker:
        first, then = ("pit/#", "mine/a"), ("$share/pair/pit/#", "mine/a")
        for filters, given_back in ((first, None), (first, None), (then, b"\x00\x05pit/#"), (then, None)):
            mqtt = Mqtt(dataclasses.replace(at(broker), subscriptions=filters), folder=tmp_path).start()
            broker.accept()
            broker.write(0x20, b"\x01\x00")
            broker.grant()
            if given_back is not None:
                kind, body = broker.read()
                assert (kind, body[2:]) == (UNSUBSCRIBE, given_back)
                assert "pit/#" in json.loads((tmp_path / "subscribed.json").read_bytes()), "until the broker answers"
                broker.write(UNSUBACK, body[:2])
            assert broker.read_all(0.1) == []
            mqtt.connected(3)
            mqtt.stop()
        assert json.loads((tmp_path / "subscribed.json").read_bytes()) == sorted(then)


@contextmanager
def after(known: tuple[str, ...], folder: Path, five: bool = False) -> Iterator[tuple[Scripted, Mqtt]]:
    """A connection whose SUBSCRIBE is not answered yet, of a site that had other filters before."""
    (folder / "subscribed.json").write_text(json.dumps(known))
    with Scripted(five) as broker:
        mqtt = Mqtt(at(broker), folder=folder).start()
        try:
            broker.accept()
            broker.write(0x20, b"\x01\x00" + b"\x00" * five)
            yield broker, mqtt
        finally:
            mqtt.stop()


def test_what_the_session_had_stays_until_all_that_is_wanted_now_is_granted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.subscribing.FIRST_WAIT", 0.05)
    with after(("old/#",), tmp_path) as (broker, mqtt):
        for refused in (True, True, False):
            kind, body = broker.read()
            assert (kind, body[2:]) == (SUBSCRIBE, b"\x00\x05pit/#\x01")
            broker.write(0x90, body[:2] + (b"\x80" if refused else b"\x01"))
        assert broker.read()[0] == UNSUBSCRIBE
        mqtt.connected(3)


def test_what_the_broker_would_not_take_back_is_given_back_at_the_next_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = tmp_path / "subscribed.json"
    with after(("old/a", "old/b", "old/c"), tmp_path, five=True) as (broker, _):
        broker.grant()
        kind, body = broker.read()
        assert (kind, body[3:]) == (UNSUBSCRIBE, b"\x00\x05old/a\x00\x05old/b\x00\x05old/c")
        broker.write(UNSUBACK, body[:2] + b"\x00\x00\x87\x11")  # taken, not authorized, was not there
        until(lambda: json.loads(kept.read_bytes()) == ["old/b", "pit/#"])
        assert "unsubscribed=refused 'old/b': Not authorized" in caplog.text
        broker.let_in()
        kind, body = broker.read()
        assert (kind, body[3:]) == (UNSUBSCRIBE, b"\x00\x05old/b")


def test_a_refused_subscription_is_not_asked_for_before_the_next_connection_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("collector.subscribing.FIRST_WAIT", 0.05)
    with playing() as (broker, mqtt):
        broker.accept()
        broker.write(0x20, b"\x01\x00")
        broker.write(0x90, broker.read()[1][:2] + b"\x80")
        until(lambda: "'pit/#'" in said(mqtt))
        broker.accept()
        time.sleep(0.1)
        mqtt.release([])  # wakes it
        assert broker.read_all(0.2) == []


def test_an_answer_to_what_this_connection_never_asked_says_nothing() -> None:
    with playing() as (broker, mqtt):
        broker.let_in()
        mqtt.connected(3)
        broker.accept()
        broker.write(0x20, b"\x01\x00")
        number = broker.read()[1][:2]
        broker.write(0x90, b"\xff\xf0\x01")
        broker.publish(1, b"one")
        assert take(mqtt, 1), "read after the answer"
        assert "connection lost" in said(mqtt)
        broker.write(0x90, number + b"\x01")
        mqtt.connected(3)


@pytest.mark.parametrize("kept", [b"", b"{}", b'"x"', b"[1, null]", b"\xff"])
def test_a_memory_of_subscriptions_that_cannot_be_read_holds_nothing_up(tmp_path: Path, kept: bytes) -> None:
    (tmp_path / "subscribed.json").write_bytes(kept)
    with Scripted() as broker:
        mqtt = Mqtt(at(broker), folder=tmp_path).start()
        broker.let_in()
        mqtt.connected(3)
        mqtt.stop()


def test_who_is_put_out_by_a_namesake_is_told_so() -> None:
    with playing(five=True) as (broker, mqtt):
        broker.let_in()
        mqtt.connected(3)
        broker.write(DISCONNECT, b"\x8e")
        until(lambda: "Session taken over" in said(mqtt))
        assert said(mqtt).endswith("another client with client_id 'collector'? Give each its own under [mqtt]")


def test_whose_connections_never_last_is_asked_about_a_namesake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.mqtt.LONGEST_WAIT", 0.05)
    with playing() as (broker, mqtt):
        for number in range(1, 4):
            broker.let_in()
            until(lambda number=number: mqtt.link.generation == number and mqtt.link.error is None)  # type: ignore[misc]
            broker.hang_up()
            until(lambda: not mqtt.link.up)
            assert ("another client" in said(mqtt)) == (number == 3)


def test_a_session_that_is_kept_for_less_than_asked_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with playing(five=True) as (broker, mqtt):
        broker.let_in(b"\x11" + (3600).to_bytes(4, "big"))
        mqtt.connected(3)
        assert "mqtt session=3600s" in caplog.text
        broker.hang_up()
        broker.let_in()
        until(lambda: mqtt.link.generation == 2 and mqtt.link.error is None)
        assert caplog.text.count("session=") == 1


def test_an_error_that_nobody_thought_of_is_said_and_does_not_end_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    with playing() as (broker, mqtt):
        broker.let_in()
        mqtt.connected(3)

        def broken(*_: object) -> None:
            raise KeyError("odd")

        with monkeypatch.context() as patched:
            patched.setattr(mqtt._client, "_taker", broken)
            broker.publish(1, b"one")
            until(lambda: "KeyError: 'odd'; this is a fault of Davylamp" in said(mqtt))
        broker.let_in()
        mqtt.connected(3)
        broker.publish(1, b"one", flags=DUP)
        assert [message.payload for message in take(mqtt, 1)] == [b"one"]


def test_the_alert_of_one_connection_is_not_the_reason_of_the_next() -> None:
    with Scripted() as broker:
        mqtt = Mqtt(at(broker)).start()
        broker.let_in()
        mqtt.connected(3)
        assert mqtt._client.buffered is not None
        mqtt._client.buffered.alert = ssl.SSLError(1, "sslv3 alert certificate expired")
        mqtt._client.buffered.alert.reason = "SSLV3_ALERT_CERTIFICATE_EXPIRED"
        broker.close()
        until(lambda: "connection lost" not in said(mqtt) and not mqtt.link.up)
        mqtt.stop()
        assert isinstance(mqtt.link.error, Disconnected)
        assert "nobody listens there" in said(mqtt)
