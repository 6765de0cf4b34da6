"""Listening to a real broker, and what is proposed for what was heard."""

from __future__ import annotations

import threading
import time
import tomllib
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from collector.broker import EmbeddedBroker
from collector.listening import Broker, Heard, hear, last_payloads, text
from collector.message import MQTT, Message
from collector.proposing import proposal
from collector.spool import Spool


@pytest.mark.broker
def test_topics_of_a_real_broker_are_heard_with_counts_and_samples(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        heard: list[Heard] = []
        thread = threading.Thread(target=lambda: heard.extend(hear(Broker.of(broker.url), "pit/#", 2.0)))
        thread.start()
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        for place in range(20):
            client.publish("pit/face/ch4-1", b'{"v": %d}' % place, qos=1)
            client.publish("elsewhere", b"1", qos=1)
            time.sleep(0.1)
        thread.join()
        client.disconnect()
        client.loop_stop()
    (one,) = heard
    assert one.topic == "pit/face/ch4-1"
    assert one.messages > 3
    assert one.sample.startswith('{"v": ')
    assert one.every == pytest.approx(0.1, abs=0.08)


def test_a_proposal_is_toml_with_a_sensor_for_each_topic_that_has_a_number() -> None:
    heard = [
        Heard("pit/face/ch4-1", 3, 0.0, 10.0, '{"v": 0.3, "ts": 1767225600000}'),
        Heard("pit/face/door", 1, 0.0, 0.0, "open"),
    ]
    document = tomllib.loads(proposal(heard))
    assert document["payload"]["heard"] == {"topic": "+/+/{sensor}", "json": {"value": "v", "time": "ts"}}
    assert document["sensor"] == {"ch4-1": {"area": "face", "quantity": "?", "unit": "?", "every": "5s"}}
    assert "pit/face/door: no number found" in proposal(heard)


def test_a_proposal_takes_the_unit_that_the_payload_names_and_the_depth_of_what_has_numbers() -> None:
    heard = [
        Heard("pit/face/ch4-1", 1, 0.0, 0.0, '{"v": 0.3, "u": "%vol", "note": "well"}'),
        Heard("pit/wall/gp-1/wave", 9, 0.0, 1.0, "83 a1 74 cf"),
        Heard("bare", 1, 0.0, 0.0, "7"),
    ]
    document = tomllib.loads(proposal(heard))
    assert document["payload"]["heard"] == {"topic": "+/+/{sensor}", "json": {"value": "v", "unit": "u"}}
    assert document["sensor"] == {
        "ch4-1": {"area": "face", "quantity": "?", "unit": "%vol"},
        "bare": {"area": "?", "quantity": "?", "unit": "?"},
    }


def test_a_password_in_the_address_is_taken_out_of_it() -> None:
    broker = Broker.of("mqtts://li:s%40fe@pit:8883")
    assert (broker.url, broker.user, broker.password) == ("mqtts://pit:8883", "li", "s@fe")
    assert "s@fe" not in repr(broker)


def test_a_payload_that_is_no_text_is_shown_as_hexadecimal() -> None:
    assert text(b"\xff\x00") == "ff 00"
    assert text(b"0.3") == "0.3"


def test_the_last_payload_of_each_sensor_is_found_in_the_log(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for value in (b"1", b"2"):
        spool.append([Message("pit/face/ch4-1", value, MQTT), Message("pit/face/co-1", b"7", MQTT)], 10, 10)
    spool.close()
    found = last_payloads(tmp_path)
    assert (found["ch4-1"], found["co-1"]) == ("2", "7")
