"""What a site of so many sensors needs: bytes a message on disk, memory and processor time of judge, store and page.

    python -m bench.sizes [--sensors 100 1000 10000] [--minutes 10]

Each sensor sends one reading a message every 5 s, with one limit and the silence rule; the log is written through the
real spool in ticks of a second, then judge, store and page begin beside each other. Bytes count the files with what
SQLite keeps beside them. Not here: collect (bench.latency has its memory, bench.ingest its time), InfluxDB, Grafana.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.catch_up import at_the_end
from bench.machine import machine
from bench.roles import Roles, payload, topic, write_site
from collector.config import load
from collector.judged import Judged
from collector.message import MQTT, Message
from collector.spool import Spool

EVERY = 5
"""s between two readings of a sensor."""
S = 10**9
SIZES = (100, 1000, 10_000)
ROLES = ("judge", "store", "page")
SEAL = 500
"""Messages of one seal at most, as collect has it."""


def write(data: Path, sensors: int, seconds: int) -> int:
    """The log as collect would have written it; returns the messages."""
    spool, count, start = Spool(data), 0, time.time_ns() - seconds * S
    for second in range(seconds):
        now = start + (second + 1) * S
        messages = [
            Message(topic(k).decode(), payload(0.5 + (k * 7 + second) % 40 / 100, now - S + k), MQTT)
            for k in range(second % EVERY, sensors, EVERY)
        ]
        for first in range(0, len(messages), SEAL):
            spool.append(messages[first : first + SEAL], now + first, now + first)
        count += len(messages)
    spool.close()
    return count


def stored(data: Path, count: int) -> bool:
    """Whether history has all of them."""
    judged = Judged(data)
    found = judged.ledger().get("gate.judged", 0)
    judged.close()
    return found >= count and at_the_end(data)


def size(data: Path, name: str) -> int:
    """Bytes of the files whose name begins so."""
    return sum(path.stat().st_size for path in data.rglob("*") if path.is_file() and path.name.startswith(name))


def one(sensors: int, seconds: int) -> None:
    """Measure one size, and print it."""
    with tempfile.TemporaryDirectory() as name:
        site = write_site(Path(name), "mqtt://127.0.0.1:1", sensors)
        settings = load(site).settings
        empty = size(settings.data, "")
        count = write(settings.data, sensors, seconds)
        log = size(settings.data, "") - empty
        with Roles(site, ROLES) as roles:
            took = roles.until(lambda: stored(settings.data, count), 900, pause=0.1)
            time.sleep(15)
            page = f"http://127.0.0.1:{settings.page.port}"
            begun = time.perf_counter()
            with urllib.request.urlopen(f"{page}/", timeout=60) as answer:
                body = len(answer.read())
            shown = time.perf_counter() - begun
            busy = {role: roles.cpu(role) for role in ROLES}
            memory = roles.memory()
        history, judged, snapshots = (size(settings.data, name) for name in ("history", "judged", "judge-"))
    print(f"{sensors:,} sensors, {count:,} messages of 64 bytes, caught up in {took:.1f} s")
    print(
        f"  disk: log {log / count:.0f}, history {history / count:.0f}, judged {judged / count:.0f} bytes a message; "
        f"snapshots {snapshots / 1e6:.1f} MB"
    )
    print("  processor, start included: " + ", ".join(f"{role} {seconds:.1f} s" for role, seconds in busy.items()))
    print(f"  memory: {memory}")
    print(f"  first page: {body / 1e6:.2f} MB in {shown:.2f} s", flush=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sensors", type=int, nargs="+", default=SIZES)
    parser.add_argument("--minutes", type=float, default=10)
    asked = parser.parse_args(argv)
    print(machine())
    for sensors in asked.sensors:
        one(sensors, int(asked.minutes * 60))
    return 0


if __name__ == "__main__":
    sys.exit(main())
