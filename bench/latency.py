"""From publishing to the journaled alarm: 5,000 QoS 1 messages a second through mosquitto and the real roles.

    python -m bench.latency [--rate 5000] [--seconds 30]

Each reading carries the moment of its sending as its device time, so does the journal line of an alarm that it raises;
a reader like any other looks for new lines every 2 ms. The aim is p99 <= 250 ms.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.machine import machine
from bench.publisher import RISE, Publisher, packet
from bench.roles import Roles, python, write_site
from collector.judged import Judged
from collector.settings import ROLES
from collector.spool import SpoolReader
from tests.servers import Mosquitto

LOOK = 0.002
AIM = 250.0


def watch(judged: Judged, line: int, publisher: subprocess.Popen[bytes], seconds: float) -> list[float]:
    """ms from the device's time of each raised alarm until its line could be read."""
    delays: list[float] = []
    end = time.monotonic() + seconds + 60
    done = None
    while done is None or time.monotonic() < done:
        seen = judged.journal(line)
        now = time.time_ns()
        for number, text, _ in seen:
            line, change = number, json.loads(text)
            if change["change"] == "raised" and change["rule"] == "gas":
                delays.append((now - change["time"]) / 1e6)
        if done is None and publisher.poll() is not None:
            done = time.monotonic() + 2.0
        if time.monotonic() > end:
            raise TimeoutError("the publisher did not end")
        time.sleep(LOOK)
    return delays


def show(delays: list[float], rate: int, seconds: float) -> None:
    """The line of the table."""
    p50, p99 = np.percentile(delays, [50, 99])
    verdict = "within" if p99 <= AIM else "MISSES"
    print(
        f"publish -> alarm journaled at {rate:,} msg/s for {seconds:g} s: p50 {p50:.0f} ms, p99 {p99:.0f} ms, "
        f"most {max(delays):.0f} ms over {len(delays)} alarms; {verdict} the aim of {AIM:.0f} ms"
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=30)
    asked = parser.parse_args(argv)
    print(machine())
    with tempfile.TemporaryDirectory() as name, Mosquitto(Path(name) / "mosquitto") as server:
        site = write_site(Path(name), server.url)
        with Roles(site, ROLES) as roles:
            await_subscription(roles, server.port)
            judged = Judged(roles.data)
            roles.until(lambda: bool(judged.status().get("of")), 30)
            line = (judged.journal(0, 10**6) or [(0, "", "")])[-1][0]
            command = python("bench.publisher", server.port, asked.rate, asked.seconds)
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as publisher:
                delays = watch(judged, line, publisher, asked.seconds)
                sent = int(publisher.stdout.read()) if publisher.stdout else 0
            taken = judged.ledger().get("gate.judged", 0)
            print(f"published {sent:,}, judged {taken:,}, one in {RISE} above the limit; memory: {roles.memory()}")
            show(delays, asked.rate, asked.seconds)
            judged.close()
    return 0


def await_subscription(roles: Roles, port: int) -> None:
    """Until a message that is published again and again has reached the log: from then on nothing passes by."""

    def heard() -> bool:
        publisher.send([packet(b"bench/pit/none", b"{}", publisher.acked)])
        reader = SpoolReader(roles.data)
        found = any(m.topic == "bench/pit/none" for seal in reader.read(0) for m in seal.messages)
        reader.close()
        return found

    publisher = Publisher(port, b"probe")
    roles.until(heard, 30, pause=0.1)


if __name__ == "__main__":
    sys.exit(main())
