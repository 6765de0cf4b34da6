"""Draining 60,000 QoS 1 messages that wait in mosquitto: ours, on disk before the ack, beside stock paho and Telegraf.

    python -m bench.ingest [--repeat 3] [--only collect]

One reading a message (64 bytes), each subscriber with a fresh broker and a persistent session of its own, by turns in
one run. Counted from the moment the broker takes the connection until the last message is where the subscriber puts it;
afterwards the session is looked at: nothing may be left unacknowledged. Then 100 readings a message.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.columns import columns
from bench.machine import machine
from bench.peers import INTO_FILE, INTO_INFLUX, Lines, influx_points, telegraf, telegraf_command
from bench.publisher import backlog
from bench.roles import SENSORS, Roles, cpu, payload, python, topic, write_site
from collector.history import History
from collector.spool import SpoolReader
from tests.influx.conftest import Influxd
from tests.servers import Mosquitto

TOTAL = 60_000
WITHIN = 120.0
OURS = "bench-davylamp"


@dataclass(frozen=True, slots=True)
class Drained:
    """One run: seconds and processor seconds for all of the backlog, and what the broker still held afterwards."""

    seconds: float
    busy: float
    left: int


def readings() -> Iterator[tuple[bytes, bytes]]:
    """The backlog: each sensor in turn, each reading with a time of its own."""
    start = time.time_ns() - TOTAL * 100_000
    for k in range(TOTAL):
        yield topic(k % SENSORS), payload(0.5 + k % 40 / 100, start + k * 100_000)


def session(port: int, client_id: str) -> None:
    """Have the broker keep what comes for this client."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False, protocol=mqtt.MQTTv311)
    client.connect("127.0.0.1", port)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    client.subscribe("bench/#", 1)
    time.sleep(0.2)
    client.disconnect()
    client.loop_stop()


def left(port: int, client_id: str) -> int:
    """How many messages the broker still has for this client."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False, protocol=mqtt.MQTTv311)
    count = [0]
    client.on_message = lambda *_: count.__setitem__(0, count[0] + 1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    time.sleep(0.5)
    client.disconnect()
    client.loop_stop()
    return count[0]


Took = tuple[float, float]
"""Seconds, and seconds of processor time of the processes."""
Run = Callable[[Path, Mosquitto], Took]


def await_connection(log: Path, client_id: str, process: subprocess.Popen[bytes]) -> float:
    """When the broker said that the client is there (the session's own making was the first time)."""
    end = time.monotonic() + 30
    wanted = re.compile(rf"New client connected from .* as {re.escape(client_id)} ".encode())
    while len(wanted.findall(log.read_bytes())) < 2:
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{client_id} did not connect")
        time.sleep(0.002)
    return time.perf_counter()


def timed(
    server: Mosquitto, client_id: str, processes: Sequence[subprocess.Popen[bytes]], count: Callable[[], int]
) -> Took:
    """What it takes from the connection (of the first process) until `count` says that all is there."""
    begun = await_connection(server.folder / "mosquitto.log", client_id, processes[0])
    busy = sum(cpu(one.pid) for one in processes)
    while count() < TOTAL:
        if time.perf_counter() - begun > WITHIN:
            raise TimeoutError(f"{client_id}: {count()} of {TOTAL} in {WITHIN:g} s")
        time.sleep(0.005)
    return time.perf_counter() - begun, sum(cpu(one.pid) for one in processes) - busy


class Spooled:
    """Readings off the wire that the log holds on disk."""

    def __init__(self, data: Path) -> None:
        self._reader, self._seal, self._count = SpoolReader(data), 0, 0

    def __call__(self) -> int:
        for seal in self._reader.read(self._seal, 10**9):
            self._seal = seal.seq
            self._count += sum(m.origin == "mqtt" for m in seal.messages)
        return self._count


def stored(data: Path) -> Callable[[], int]:
    """Readings that history holds."""

    def count() -> int:
        time.sleep(0.05)
        history = History(data)
        found = sum(n for name, n in history.counts().items() if "/" not in name)
        history.close()
        return found

    return count


def ours(folder: Path, server: Mosquitto, names: tuple[str, ...]) -> Took:
    """The real roles; with `store` among them counted in history, else in the log."""
    site = write_site(folder, server.url)
    with Roles(site, names) as roles:
        count = stored(roles.data) if "store" in names else Spooled(roles.data)
        took = timed(server, OURS, list(roles.processes.values()), count)
        time.sleep(0.3)
    return took


def process(server: Mosquitto, client_id: str, command: list[str], count: Callable[[], int]) -> Took:
    """Another program, stopped by its own process id."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as running:
        try:
            took = timed(server, client_id, [running], count)
            time.sleep(0.5)
        finally:
            running.send_signal(signal.SIGTERM)
    return took


def paho(folder: Path, server: Mosquitto) -> Took:
    """Stock paho in a process of its own."""
    done = folder / "done"
    command = ["sh", "-c", 'exec "$@" > "$0"', str(done), *python("bench.stock", server.port, "bench-paho", TOTAL)]
    said = Lines(done)
    return process(server, "bench-paho", command, lambda: TOTAL * said())


def telegraf_file(binary: str) -> Run:
    """Telegraf, writing line protocol to a file."""

    def run(folder: Path, server: Mosquitto) -> Took:
        path = folder / "out.influx"
        output = INTO_FILE.format(path=path)
        command = telegraf_command(binary, folder, server.port, "bench-telegraf", output, 100_000)
        return process(server, "bench-telegraf", command, Lines(path))

    return run


def telegraf_influx(binary: str, undelivered: int) -> Run:
    """Telegraf, writing to a real InfluxDB."""

    def run(folder: Path, server: Mosquitto) -> Took:
        with Influxd(folder / "influxd") as influx:
            output = INTO_INFLUX.format(url=influx.url)
            command = telegraf_command(binary, folder, server.port, "bench-telegraf", output, undelivered)
            return process(server, "bench-telegraf", command, influx_points(influx.url))

    return run


def subscribers() -> dict[str, tuple[str, Run]]:
    """Name -> client id and one run."""
    found: dict[str, tuple[str, Run]] = {
        "collect (on disk before the ack)": (OURS, lambda f, s: ours(f, s, ("collect",))),
        "collect, judge, store -> history": (OURS, lambda f, s: ours(f, s, ("collect", "judge", "store"))),
        "stock paho, manual ack, nothing done": ("bench-paho", paho),
    }
    binary = telegraf()
    if binary is None:
        print("Telegraf is not here (bash scripts/telegraf.sh builds it): its rows are left out")
        return found
    found["Telegraf -> file"] = ("bench-telegraf", telegraf_file(binary))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    if not list((cache / "davylamp").glob("influxd-*/influxd")):
        print("influxd is not here (bash scripts/influxd.sh builds it): Telegraf -> InfluxDB is left out")
        return found
    for undelivered in (1000, 100_000):
        found[f"Telegraf -> InfluxDB, undelivered {undelivered}"] = (
            "bench-telegraf", telegraf_influx(binary, undelivered),
        )  # fmt: skip
    return found


def drain(client_id: str, run: Run) -> Drained:
    """One subscriber, one broker, one backlog."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(Mosquitto(folder / "mosquitto"))
        session(server.port, client_id)
        backlog(server.port, readings())
        return Drained(*run(folder, server), left(server.port, client_id))


def show(runs: dict[str, list[Drained]]) -> None:
    """The lines of the table, medians; the ratio is to the first."""
    medians = {name: statistics.median(d.seconds for d in drained) for name, drained in runs.items()}
    reference = next(iter(medians.values()))
    for name, seconds in medians.items():
        every = " ".join(f"{TOTAL / d.seconds / 1000:.1f}" for d in runs[name])
        held = max(d.left for d in runs[name])
        busy = statistics.median(d.busy for d in runs[name]) / TOTAL * 1e6
        print(
            f"{name:<40}{TOTAL / seconds:>8,.0f} msg/s {busy:>5.0f} us of processor each   collect has "
            f"{seconds / reference:>5.2f} x that   (k/s: {every}; left at the broker: {held})"
        )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default="", help="subscribers whose name holds this text")
    asked = parser.parse_args(argv)
    print(machine())
    chosen = {name: way for name, way in subscribers().items() if asked.only in name}
    runs: dict[str, list[Drained]] = {name: [] for name in chosen}
    for _ in range(asked.repeat):
        for name, (client_id, run) in chosen.items():
            runs[name].append(drain(client_id, run))
    show(runs)
    columns()
    return 0


if __name__ == "__main__":
    sys.exit(main())
