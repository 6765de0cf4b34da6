"""Roles that are killed with -9 while a real broker delivers: the rig of test_kill.py and of bench/kill.py."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as mqtt

from collector.history import History
from collector.judged import Judged
from collector.ledger import balance, read_counts
from collector.replaying import replay
from collector.spool import SpoolReader
from detectors.site import read_site

S = 10**9
ROLES = ("collect", "judge", "store")
SENSORS = 200
SITE = """
[site]
id = "kill"
timezone = "Asia/Shanghai"
simulated = true
data = "data"
[mqtt]
url = "{url}"
[payload.plain]
topic = "kill/{{area}}/{{sensor}}"
json = {{ value = "v", unit = "u", time = "t" }}
[sensor]
{sensors}
[rule.gas]
sensors = ["quantity:methane"]
detector = {{ kind = "signal.limit", limit = "1.0 %vol", reset = "0.5 %vol" }}
priority = "high"
guidance = "Withdraw"
"""
SENSOR = 's{k:03d} = {{ area = "a", quantity = "methane", unit = "%vol", span = [0, 4], every = "60s" }}'


def write_site(folder: Path, url: str) -> Path:
    """The site file of the rig."""
    sensors = "\n".join(SENSOR.format(k=k) for k in range(SENSORS))
    path = folder / "site.toml"
    path.write_text(SITE.format(url=url, sensors=sensors))
    return path


@dataclass
class Rig:
    """All roles as processes of one site; `kill` takes one down with -9 and starts it again."""

    site: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kills: int = 0

    @property
    def data(self) -> Path:
        return self.site.parent / "data"

    def start(self, role: str) -> None:
        command = [sys.executable, "-m", "collector.cli", "run", str(self.site), "--role", role]
        with (self.site.parent / f"{role}.log").open("ab") as log:
            self.processes[role] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self, role: str) -> None:
        self.processes[role].kill()
        self.processes[role].wait()
        self.kills += 1
        self.start(role)

    def __enter__(self) -> Rig:
        for role in ROLES:
            self.start(role)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def publish(url: str, total: int, rig: Rig, kills: int, seed: int) -> None:
    """Publish QoS 1 readings with their own device times, killing a role now and then; returns when all are acked."""
    chance = random.Random(seed)
    host, _, port = url.removeprefix("mqtt://").partition(":")
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="publisher", protocol=mqtt.MQTTv311)
    client.max_inflight_messages_set(1000)
    client.connect(host, int(port))
    client.loop_start()
    start = time.time_ns()
    at = sorted(chance.sample(range(total // 20, total - total // 20), kills))
    for k in range(total):
        payload = {"v": round(chance.uniform(0, 1.05), 2), "u": "%vol", "t": start + k * 100_000}
        client.publish(f"kill/a/s{k % SENSORS:03d}", json.dumps(payload), qos=1)
        if k % 200 == 0:
            while client._out_messages and len(client._out_messages) > 4000:
                time.sleep(0.005)
        while at and at[0] <= k:
            at.pop(0)
            rig.kill(chance.choice(ROLES))
            time.sleep(0.8)
    while client._out_messages:
        time.sleep(0.05)
    client.disconnect()
    client.loop_stop()


def await_subscription(rig: Rig, url: str, seconds: float = 30) -> None:
    """Until a probe that is published again and again has reached the log: from then on the broker queues for us."""
    host, _, port = url.removeprefix("mqtt://").partition(":")
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="probe", protocol=mqtt.MQTTv311)
    client.connect(host, int(port))
    client.loop_start()
    end = time.monotonic() + seconds
    while not any(m.topic == "kill/probe/none" for s in SpoolReader(rig.data).read(0) for m in s.messages):
        assert time.monotonic() < end, (rig.site.parent / "collect.log").read_text()
        client.publish("kill/probe/none", b"{}", qos=1)
        time.sleep(0.1)
    client.disconnect()
    client.loop_stop()


def readings_in_history(data: Path) -> dict[str, int]:
    """How many readings of each raw sensor history holds, each device time once or more."""
    history = History(data)
    counts = {name: n for name, n in history.counts().items() if "/" not in name}
    history.close()
    return counts


def await_stored(rig: Rig, total: int, seconds: float) -> None:
    """Until history holds what was published, or time is over (the assertions then say what is missing)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and sum(readings_in_history(rig.data).values()) < total:
        time.sleep(0.2)
    time.sleep(1.5)


def verify(rig: Rig, total: int) -> dict[str, int]:
    """Once all roles have stopped: every promise, or an AssertionError. Returns the ledger."""
    counts = read_counts(rig.data)
    assert [str(i) for i in balance(counts)] == []
    per_sensor = readings_in_history(rig.data)
    assert set(per_sensor.values()) == {total // SENSORS}, f"history holds {sum(per_sensor.values())} of {total}"
    history = History(rig.data)
    for name in list(per_sensor)[:20]:
        times, _, _ = history.window(name, 0, 2**62)
        assert len(set(times.tolist())) == len(times) == total // SENSORS
    history.close()
    judged = Judged(rig.data)
    lines = judged.journal(0, 10_000_000)
    judged.close()
    document = json.loads(next(m.payload for s in SpoolReader(rig.data).read(0, 10**9) for m in s.messages
                               if m.origin == "revision"))["document"]  # fmt: skip
    again = replay(read_site(document), rig.data)
    assert (again.lines, again.hash) == (lines[-1][0], lines[-1][2])
    return counts
