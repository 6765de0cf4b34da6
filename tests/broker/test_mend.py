"""A broker that refuses us: one line, an alarm after the configured time, and nothing lost when it is put right."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.actions import ask_revision
from collector.judged import Judged
from collector.judging import Judging
from collector.message import MQTT
from collector.mqtt_settings import Mqtt
from collector.secret import Secret
from collector.settings import Settings
from collector.spool import SpoolReader
from tests.broker.collected import Attempts, collecting, connects
from tests.broker.test_mqtt import publisher
from tests.servers import Mosquitto, find
from tests.small_log import whole_journal

pytestmark = pytest.mark.broker
__all__ = ["connects"]
DOCUMENT = {
    "site": {"id": "pit", "timezone": "UTC", "simulated": True},
    "payload": {"plain": {"topic": "pit/{sensor}", "json": {"value": "v"}}},
    "sensor": {"ch4": {"area": "face", "quantity": "methane", "unit": "%vol"}},
}


def until(told: Callable[[], bool], within: float = 15.0) -> None:
    end = time.monotonic() + within
    while not told():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.05)


def test_a_password_that_was_changed_alarms_and_when_it_is_put_right_nothing_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, connects: Attempts
) -> None:
    passwords, ours, data = tmp_path / "passwords", tmp_path / "ours", tmp_path / "data"

    def broker_knows(password: str) -> None:
        tool = find("mosquitto_passwd", "apt-get install mosquitto")
        for create, user, word in (("-c", "pit", password), ("", "logger", "logs")):
            subprocess.run([tool, "-b", *create.split(), passwords, user, word], check=True, capture_output=True)
        passwords.chmod(0o644)

    broker_knows("old")
    ours.write_text("old\n")
    data.mkdir()
    broker = Mosquitto(tmp_path / "mosquitto", f"allow_anonymous false\npassword_file {passwords}\n").start()
    where = Mqtt(
        url=broker.url, client_id="davylamp-pit", user="pit", password=Secret(file=ours), subscriptions=("pit/#",),
        alarm_after=500_000_000,
    )  # fmt: skip
    ask_revision(data, DOCUMENT, "test", "")

    def own(topic: str) -> list[dict[str, object]]:
        messages = [m for seal in SpoolReader(data).read(0, 10**6) for m in seal.messages]
        return [json.loads(m.payload) for m in messages if m.topic == topic]

    def arrived() -> set[int]:
        messages = [m for seal in SpoolReader(data).read(0, 10**6) for m in seal.messages if m.origin == MQTT]
        return {json.loads(m.payload)["v"] for m in messages}

    def send(first: int) -> None:
        with publisher(broker.url, "logger", "logs") as publish:
            publish([json.dumps({"v": k}).encode() for k in range(first, first + 100)], topic="pit/ch4")

    with collecting(Settings(path=tmp_path / "site.toml", data=data, mqtt=where)):
        until(lambda: (data / "spool.db").exists() and any(said["value"] == 1 for said in own("own/link")))
        send(0)
        begun = time.monotonic()
        broker.stop()
        broker_knows("new")
        broker.start()
        connects.at.clear()
        until(lambda: any(said["active"] for said in own("own/alarm")) and len(connects.at) > 2)
        assert time.monotonic() - begun >= 0.5, "not before its time"
        connects.back_off()
        send(100)
        time.sleep(0.3)
        assert max(arrived()) < 100
        ours.write_text("new\n")
        until(lambda: len(arrived()) == 200)
        until(lambda: own("own/alarm")[-1]["active"] is False)
    broker.stop()
    refused = [record for record in caplog.records if "refused user 'pit'" in record.getMessage()]
    assert len(refused) == 1
    assert not any(word in caplog.text for word in ("old\n", "new\n"))
    judging = Judging(data)
    while judging.catch_up():
        pass
    judging.close()
    lines = [json.loads(line) for line in whole_journal(Judged(data))]
    told = [(line["change"], line["sensor"], line["priority"]) for line in lines if line["rule"] == "source-failing"]
    assert told == [("raised", "mqtt", "high"), ("returned", "mqtt", "high")]
