"""From the journaled alarm to where people see it: InfluxDB's `alarm_state`, an Alertmanager's webhook, the first call.

    python -m bench.notify [--alarms 60]

Real roles, mosquitto, influxd and Alertmanager on loopback; one new high alarm each half second on a sensor of its own.
The aims are a p99 of 1 s, 1 s and 2 s.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from bench.latency import await_subscription
from bench.machine import machine
from bench.publisher import Publisher, packet
from bench.roles import HIGH, LOW, Roles, payload, sensor, topic, write_site
from collector.influx import Address
from collector.judged import Judged
from collector.settings import ROLES
from tests.influx.conftest import Influxd, ask
from tests.servers import Mosquitto, alertmanager

LOOK = 0.002
AIMS = {"alarm_state in InfluxDB": 1.0, "Alertmanager's webhook": 1.0, "first call": 2.0}
MORE = """
[influx]
url = "{influx}"
database = "bench"
[announce]
alertmanager = "{alertmanager}"
[channel.hook]
webhook_file = "hook.url"
[person.li]
reach = {{ hook = "li" }}
[roster.duty]
layer = [{{ people = ["li"], start = "2020-01-06T08:00" }}]
[oncall]
group = "0s"
"""
Times = dict[str, float]
"""Moment by sensor."""


class Desk:
    """Where Alertmanager and the calls arrive."""

    def __init__(self) -> None:
        self.alerts: Times = {}
        self.calls: Times = {}
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                now = time.time()
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                desk.take(body, now)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def take(self, body: dict[str, Any], now: float) -> None:
        """One POST, of either."""
        for alert in body.get("alerts", ()):
            if alert["status"] == "firing" and "sensor" in alert["labels"]:
                self.alerts.setdefault(alert["labels"]["sensor"], now)
        for name in body.get("occurrences", ()):
            self.calls.setdefault(name.split("/")[1].split("#")[0], now)


def journaled(judged: Judged, rule: str, found: Times, stop: threading.Event) -> None:
    """When the line of each of a rule's alarms could first be read."""
    read = 0
    while not stop.wait(LOOK):
        for seq, text, _ in judged.journal(read):
            read, change = seq, json.loads(text)
            if change["change"] == "raised" and change["rule"] == rule:
                found.setdefault(change["sensor"], time.time())


def readable(place: Address, found: Times, stop: threading.Event) -> None:
    """When each alarm's state could first be read in InfluxDB."""
    query = "SELECT last(standing) FROM alarm_state WHERE rule = 'gas' GROUP BY sensor"
    while not stop.wait(LOOK):
        for series in ask(place, query):
            if series["values"][0][1] > 0:
                found.setdefault(series["tags"]["sensor"], time.time())


def raise_alarms(port: int, alarms: int) -> None:
    """Every sensor speaks once below its limit, then one after the other rises above it."""
    publisher = Publisher(port, b"notify")
    publisher.send(packet(topic(k), payload(LOW, time.time_ns()), k + 1) for k in range(alarms))
    time.sleep(1.0)
    for k in range(alarms):
        publisher.send([packet(topic(k), payload(HIGH, time.time_ns()), alarms + k + 1)])
        time.sleep(0.5)
    publisher.finish(2 * alarms)


def show(name: str, begun: Times, ended: Times, alarms: int) -> bool:
    """A line of the table; True if all arrived in time."""
    delays = [1000 * (ended[key] - begun[key]) for key in begun if key in ended]
    if not delays:
        print(f"alarm journaled -> {name:<26} nothing arrived")
        return False
    p50, p99 = np.percentile(delays, [50, 99])
    within = p99 <= 1000 * AIMS[name] and len(delays) == alarms
    print(f"alarm journaled -> {name:<26} p50 {p50:>5.0f} ms   p99 {p99:>5.0f} ms   {len(delays)} of {alarms}   "
          f"{'within' if within else 'MISSES'} the aim of {AIMS[name]:g} s")  # fmt: skip
    return within


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alarms", type=int, default=60)
    alarms = parser.parse_args(argv).alarms
    print(machine())
    desk, stop = Desk(), threading.Event()
    begun: Times = {}
    states: Times = {}
    with (
        tempfile.TemporaryDirectory() as name,
        Mosquitto(Path(name) / "mosquitto") as broker,
        Influxd(Path(name) / "influxd") as influx,
        alertmanager(Path(name) / "alertmanager", f"{desk.url}/") as far,
    ):
        site = write_site(Path(name), broker.url)
        (site.parent / "hook.url").write_text(f"{desk.url}/call\n")
        with site.open("a") as file:
            file.write(MORE.format(influx=influx.url, alertmanager=far))
        with Roles(site, ROLES) as roles:
            await_subscription(roles, broker.port)
            judged = Judged(roles.data)
            roles.until(lambda: bool(judged.status().get("of")), 30)
            place = Address(influx.url, "bench", True)
            watches: list[Callable[[], None]] = [
                lambda: journaled(judged, "gas", begun, stop),
                lambda: readable(place, states, stop),
            ]
            threads = [threading.Thread(target=watch) for watch in watches]
            for thread in threads:
                thread.start()
            try:
                raise_alarms(broker.port, alarms)
                everyone = {sensor(k) for k in range(alarms)}
                end = time.monotonic() + 20
                while time.monotonic() < end and not everyone <= states.keys() & desk.alerts.keys() & desk.calls.keys():
                    time.sleep(0.05)
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
    arrivals = (states, desk.alerts, desk.calls)
    good = [show(name, begun, ended, alarms) for name, ended in zip(AIMS, arrivals, strict=True)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
