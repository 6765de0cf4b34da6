"""`davylamp run` with real roles and a real broker: the first file is adopted, the killed come back, none is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from collector.broker import EmbeddedBroker, free_port
from collector.cli import main
from collector.history import History
from collector.judged import Judged
from collector.ledger import read_at_rest
from collector.receipts import read_receipts

pytestmark = [pytest.mark.broker, pytest.mark.chaos]

SITE = """
[site]
id = "small"
timezone = "Asia/Shanghai"
simulated = true
[mqtt]
url = "{url}"
[page]
port = {port}
[payload.plain]
topic = "small/{{sensor}}"
json = {{ value = "v", time = "t" }}
[sensor]
ch4-1 = {{ area = "face-1", quantity = "methane", unit = "%vol", span = [0, 4] }}
[rule.methane-high]
sensors = ["ch4-1"]
detector = {{ kind = "signal.limit", limit = "1.0 %vol", reset = "0.9 %vol" }}
priority = "medium"
guidance = "Withdraw"
"""


class Running:
    """`davylamp run` on a small site, and a client that publishes to it."""

    def __init__(self, folder: Path, broker: EmbeddedBroker) -> None:
        self.site, self.data = folder / "site.toml", folder / "data"
        self.site.write_text(SITE.format(url=broker.url, port=free_port()), encoding="utf-8")
        command = [sys.executable, "-m", "collector.cli", "run", str(self.site)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        self.sent = 0

    def publish(self, value: float) -> None:
        self.sent += 1
        payload = json.dumps({"v": value, "t": time.time_ns()})
        self.client.publish("small/ch4-1", payload, qos=1).wait_for_publish(5)

    def roles(self) -> dict[str, int]:
        """Role -> process id, of the children of this run."""
        found = {}
        for place in Path("/proc").glob("[0-9]*"):
            try:
                words = (place / "cmdline").read_bytes().decode().split("\0")
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            if parent == self.process.pid and "--role" in words:
                found[words[words.index("--role") + 1]] = int(place.name)
        return found

    def stored(self) -> int:
        history = History(self.data)
        try:
            return history.counts().get("ch4-1", 0)
        finally:
            history.close()

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with EmbeddedBroker(tmp_path / "broker") as broker:
        made = Running(tmp_path, broker)
        try:
            yield made
        finally:
            made.stop()


def _told(data: Path) -> int:
    """How often the console was told of the alarm."""
    raised = [seq for seq, line, _ in Judged(data).journal(0) if json.loads(line)["change"] == "raised"]
    received = {receipt.id: receipt.attempts for receipt in read_receipts(data) if receipt.code == 200}
    return sum(received.get(f"small-{seq}", 0) for seq in raised)


def _eventually(condition: Callable[[], object], within: float = 20.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def test_a_sites_first_file_is_adopted_and_killed_roles_lose_nothing(running: Running) -> None:
    _eventually(lambda: Judged(running.data).status().get("revision") == 1)
    _eventually(lambda: len(running.roles()) == 5)
    time.sleep(1.5)
    running.publish(0.3)
    _eventually(lambda: running.stored() == 1)

    for role in ("judge", "collect", "store", "announce", "page"):
        before = running.roles()[role]
        os.kill(before, signal.SIGKILL)
        running.publish(0.4)
        _eventually(lambda role=role, before=before: running.roles().get(role, before) != before)  # type: ignore[misc]
    running.publish(1.4)
    _eventually(lambda: running.stored() == running.sent)
    _eventually(lambda: _told(running.data) == 1)

    assert main(["ack", "methane-high/ch4-1#1", "--by", "Li", "--data", str(running.data)]) == 0
    pids = [running.process.pid, *running.roles().values()]
    running.stop()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    counts, wrong = read_at_rest(running.data)
    assert wrong == []
    assert counts["spool.mqtt"] == running.sent + counts.get("gate.duplicate", 0)
    assert counts["judge.readings"] > counts["spool.mqtt"], "the system's own readings come beside them"
    assert main(["journal", "--verify", "--data", str(running.data)]) == 0


def test_replay_of_what_was_lived_gives_the_same_journal(running: Running, tmp_path: Path) -> None:
    _eventually(lambda: Judged(running.data).status().get("revision") == 1)
    time.sleep(1.5)
    for value in (0.3, 1.4, 0.5, 1.2):
        running.publish(value)
    _eventually(lambda: running.stored() == 4)
    running.stop()
    live = b"".join(line.encode() + b"\n" for _, line, _ in Judged(running.data).journal(0))
    file = tmp_path / "replayed.jsonl"
    assert main(["replay", str(running.site), str(running.data), "--journal", str(file)]) == 0
    assert live.count(b'"change":"raised"') == 2
    assert file.read_bytes() == live
