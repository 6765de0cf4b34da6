"""Publishing: exact counts at a real broker, the declared formats, and the refusal of a real site."""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
import time
from collections import Counter

import msgspec
import numpy as np
import paho.mqtt.client as mqtt
import pytest

from detectors.sensor import Payload
from simulators.happening import Happening
from simulators.instrument import SECOND
from simulators.messages import Writer
from simulators.publish import NotSimulated, publish, readings_csv, run_demo
from simulators.replay import read_lines
from simulators.scenario import Registry, Scenario, north_pit_site, read_registry, read_scenario
from simulators.sender import BrokerRefuses
from tests.servers import mosquitto

START = 1_795_500_000 * SECOND
SITE = read_registry(north_pit_site())
DEMO = read_scenario("demo")


class Listener:
    """Everything a broker delivers."""

    def __init__(self, url: str) -> None:
        self.messages: list[tuple[str, bytes]] = []
        ready = threading.Event()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda _c, _d, m: self.messages.append((m.topic, m.payload))
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("127.0.0.1", int(url.rpartition(":")[2]))
        self.client.loop_start()
        self.client.subscribe("north-pit/#", 1)
        assert ready.wait(5)

    def stop(self, expected: int) -> list[tuple[str, bytes]]:
        deadline = time.monotonic() + 10
        while len(self.messages) < expected and time.monotonic() < deadline:
            time.sleep(0.02)
        self.client.disconnect()
        self.client.loop_stop()
        return self.messages


@pytest.mark.broker
def test_what_is_counted_is_what_a_broker_delivers(tmp_path):
    with mosquitto(tmp_path) as url:
        listener = Listener(url)
        published = publish(DEMO, SITE, url, START, lasts=40, speed=float("inf"))
        messages = listener.stop(published.messages)
    assert len(messages) == published.messages
    assert published.unanswered == 0
    world = DEMO.world(SITE.sensors.values(), START, SITE.timezone)
    assert published.readings == sum(map(len, world.readings(START + 40 * SECOND)))
    assert published.samples == 6 * 200 * 40
    kinds = Counter(topic.split("/", 3)[3:] == [] and "live" or topic.rsplit("/", 1)[1] for topic, _ in messages)
    assert kinds["wave"] == 6 * 40 * 2
    assert kinds["logger"] == 8 + 4 * 6 + 3 + 6 * 6 + 5 * 6


@pytest.mark.broker
def test_the_formats_are_those_of_the_sites_payloads(tmp_path):
    with mosquitto(tmp_path) as url:
        listener = Listener(url)
        count = publish(DEMO, SITE, url, START, lasts=10, speed=float("inf")).messages
        by_topic = dict(listener.stop(count))
    live = json.loads(by_topic["north-pit/face-2105/ch4-2105"])
    assert live.keys() == {"v", "u", "t"}
    assert live["u"] == "%vol"
    assert START <= live["t"] < START + 10 * SECOND
    kept = json.loads(by_topic["north-pit/north-wall/prism-11/logger"])
    assert len(kept["v"]) == len(kept["t"]) == 48
    wave = msgspec.msgpack.decode(by_topic["north-pit/pit/gp-1-z/wave"])
    assert (wave["t"], wave["hz"], len(wave["x"])) == (START + 19 * SECOND // 2, 200.0, 100)
    assert json.loads(by_topic["north-pit/plant/fan-main"])["v"] == "running"


@pytest.mark.broker
def test_speed_and_stop_are_kept(tmp_path):
    stop = threading.Event()
    with mosquitto(tmp_path) as url:
        begin = time.monotonic()
        paced = publish(DEMO, SITE, url, START, lasts=20, speed=10, past=False)
        assert 1.9 < time.monotonic() - begin < 4
        assert paced.samples == 6 * 200 * 20
        threading.Timer(1.0, stop.set).start()
        begin = time.monotonic()
        endless = run_demo(url, START, stop)
        assert time.monotonic() - begin < 4
    assert endless.unanswered == 0
    assert endless.readings > 5_000


def test_a_site_that_is_not_simulated_is_refused_before_anything_connects():
    real = dataclasses.replace(SITE, simulated=False)
    assert isinstance(real, Registry)
    with pytest.raises(NotSimulated, match="simulated = true"):
        publish(DEMO, real, "mqtt://127.0.0.1:1", START)
    with pytest.raises(NotSimulated):
        list(readings_csv(DEMO, real, START))


def test_a_broker_that_is_not_there_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(BrokerRefuses, match=f"no broker answers at 127.0.0.1:{port}"):
            publish(DEMO, SITE, f"mqtt://127.0.0.1:{port}", START)
    with pytest.raises(BrokerRefuses, match="allowed: mqtt://host:port"):
        publish(DEMO, SITE, "http://127.0.0.1:1", START)


@pytest.mark.broker
def test_a_wrong_password_is_named(tmp_path):
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    with (
        mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}\n") as url,
        pytest.raises(BrokerRefuses, match="Not authorized"),
    ):
        publish(DEMO, SITE, url.replace("//", "//a:b@"), START)


def test_csv_holds_every_reading_once_in_order_of_time_and_reads_back():
    lines = list(readings_csv(DEMO, SITE, START, until=100))
    pieces = list(read_lines(lines, 1000))
    time_ = np.concatenate([piece.time for piece in pieces])
    assert (np.diff(time_) >= 0).all()
    world = DEMO.world(SITE.sensors.values(), START, SITE.timezone)
    expected = {r.sensor: r.value.tolist() for r in world.readings(START + 100 * SECOND)}
    names = pieces[-1].names
    sensor = np.concatenate([piece.sensor for piece in pieces])
    value = np.concatenate([piece.value for piece in pieces])
    assert {name: value[sensor == k].tolist() for k, name in enumerate(names)} == expected


def test_csv_is_the_same_bytes_for_the_same_seed():
    assert "".join(readings_csv(DEMO, SITE, START, 50)) == "".join(readings_csv(DEMO, SITE, START, 50))


def broken(kind: str, sensor: str = "ch4-2105", **words: object) -> Scenario:
    """The demo's site with one fault, nothing else."""
    fault = Happening(kind, words, (sensor,))
    return dataclasses.replace(DEMO, past={}, happenings=(fault,), truths=())


def rows(scenario: Scenario, sensor: str = "ch4-2105") -> list[list[str]]:
    return [
        fields for line in readings_csv(scenario, SITE, START, 100) if (fields := line.strip().split(","))[1] == sensor
    ]


def test_csv_comes_in_the_order_of_sending_with_the_times_of_the_device():
    late = [int(time) for time, *_ in rows(broken("late", start=20, end=60, rate=2))]
    sound = [int(time) for time, *_ in rows(broken("silent", start=99.9))]
    assert late != sorted(late)
    assert sorted(late) == sound
    assert late.index(sound[28]) > late.index(sound[31])
    stepped = [int(time) for time, *_ in rows(broken("clock", start=40, end=60, by=-30.0))]
    assert len(stepped) == len(sound)
    assert sum(a != b for a, b in zip(stepped, sound, strict=True)) == 10


def test_csv_has_a_quality_where_a_device_tells_it_and_no_half_payloads():
    told = broken("calibration", start=20, end=60, gas=2.0)
    assert next(readings_csv(told, SITE, START, 1)) == "time,sensor,value,quality\n"
    pieces = list(read_lines(readings_csv(told, SITE, START, 100)))
    assert sum(int((piece.quality == 32).sum()) for piece in pieces) == 20
    assert all(len(fields) == 3 for fields in rows(broken("silent", start=99.9)))
    assert 15 < len(rows(broken("half_payload", start=0, share=0.5))) < 35


def test_a_half_payload_cannot_be_read_and_counts_for_no_reading():
    world = broken("half_payload", start=0, share=0.5).world(SITE.sensors.values(), START)
    writer = Writer(SITE.sensors, SITE.payloads)
    shown = next(r for r in world.readings(START + 100 * SECOND) if r.sensor == "ch4-2105")
    letters = list(writer.live(shown))
    whole = [letter for letter in letters if letter.readings]
    assert 0 < len(whole) < len(letters) == 50
    assert all(json.loads(letter.payload)["u"] == "%vol" for letter in whole)
    for letter in letters:
        if not letter.readings:
            with pytest.raises(json.JSONDecodeError):
                json.loads(letter.payload)
    wave = Writer(SITE.sensors, SITE.payloads).wave
    channel = broken("half_payload", "gp-1-x", start=0, share=0.5).world(SITE.sensors.values(), START)
    blocks = [wave(block) for block in channel.blocks(START + 20 * SECOND) if block.sensor == "gp-1-x"]
    assert {letter.samples for letter in blocks} == {0, 100}


def test_a_devices_quality_is_told_where_the_payload_has_a_place_for_it():
    world = broken("calibration", start=20, end=60, gas=2.0).world(SITE.sensors.values(), START)
    shown = next(r for r in world.readings(START + 100 * SECOND) if r.sensor == "ch4-2105")
    with_quality = Payload("q", "a/{sensor}", "json", {"value": "v", "quality": "q"})
    told = [json.loads(letter.payload)["q"] for letter in Writer(SITE.sensors, [with_quality]).live(shown)]
    assert sorted(set(told)) == [0, 32]
