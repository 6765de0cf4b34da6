"""A real InfluxDB: the influxd that scripts/influxd.sh built, or the one at DAVYLAMP_TEST_INFLUX_URL (_TOKEN, _ORG).

Nothing here may depend on one version's wording. Each test has its own database or bucket, removed afterwards.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from collector.broker import free_port
from collector.influx import Address, InfluxSink
from tests.servers import missing

USER, PASSWORD = "lamp", "firedamp"
CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = {auth}
  log-enabled = false
"""


def binary() -> Path:
    """The built influxd; waits for scripts/influxd.sh where that is still building it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = cache / "davylamp" / "influxd-1.12.4" / "influxd"
    lock = path.with_name("lock")
    if not path.exists() and lock.exists():
        with lock.open() as building:
            fcntl.flock(building, fcntl.LOCK_EX)
    return path if path.exists() else missing("influxd", "bash scripts/influxd.sh")


@dataclass
class Influxd:
    """One influxd, its files in `folder`. `start` again after `stop` is the same server at the same port."""

    folder: Path
    auth: bool = False
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Influxd:
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "influxdb.conf"
        auth = str(self.auth).lower()
        configuration.write_text(CONFIGURATION.format(rpc=free_port(), folder=self.folder, port=self.port, auth=auth))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(binary()), "-config", str(configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._await()
        return self

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def _await(self) -> None:
        end = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/ping", timeout=1):
                    return
            except OSError:
                assert self.process is not None
                if self.process.poll() is not None or time.monotonic() > end:
                    pytest.fail(f"influxd did not start: {(self.folder / 'log').read_text()[-2000:]}")
                time.sleep(0.05)

    def __enter__(self) -> Influxd:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def ask(address: Address, statement: str) -> list[dict[str, Any]]:
    """The series that InfluxQL answers."""
    query = urllib.parse.urlencode({"q": statement, "db": address.place.partition("/")[0], "epoch": "ns"})
    headers = {"Authorization": f"Token {address.token}"} if address.token else {}
    request = urllib.request.Request(f"{address.url}/query", query.encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return [series for result in json.loads(answer.read())["results"] for series in result.get("series", [])]


def counts(address: Address) -> dict[str, int]:
    """Points of `reading` a sensor."""
    found = ask(address, "SELECT count(value) FROM reading GROUP BY sensor")
    return {series["tags"]["sensor"]: series["values"][0][1] for series in found}


def wrong_type(address: Address, sensor: str, at: int) -> None:
    """Somebody has written a text where a sensor's number goes; makes the database."""
    with closing(InfluxSink(address)) as sink:
        sink.write([b'reading,sensor=%s value="0.5" %d' % (sensor.encode(), at)])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A server that is always there, as an address without a place."""
    url = os.environ.get("DAVYLAMP_TEST_INFLUX_URL")
    if url:
        org = os.environ.get("DAVYLAMP_TEST_INFLUX_ORG", "")
        yield Address(url, "", not org, os.environ.get("DAVYLAMP_TEST_INFLUX_TOKEN", ""), org or "-")
        return
    with Influxd(tmp_path_factory.mktemp("influxd")) as own:
        yield Address(own.url, "", True)


@pytest.fixture
def place(server: Address) -> Iterator[Address]:
    """A database or bucket with a random name that is not there yet."""
    address = replace(server, place=f"davylamp_{secrets.token_hex(4)}")
    yield address
    remove(address)


def remove(address: Address) -> None:
    if address.database:
        ask(address, f'DROP DATABASE "{address.place}"')
        return
    from influxdb_client import InfluxDBClient

    with InfluxDBClient(url=address.url, token=address.token, org=address.org) as client:
        bucket = client.buckets_api().find_bucket_by_name(address.place)
        if bucket is not None:
            client.buckets_api().delete_bucket(bucket)
