"""A flood over the real roles: thousands of alarms within seconds, and what a desk hears of them.

    python -m bench.flood [--alarms 5000] [--seconds 60]

Real roles and mosquitto on loopback; a webhook is the desk. Every alarm must be journaled, the desk must hear at most
10 notices that are not critical, and the critical ones at once: their delay is from the journaled line to the webhook.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from bench.latency import await_subscription
from bench.machine import machine
from bench.notify import journaled
from bench.publisher import Publisher, packet
from bench.roles import HIGH, LOW, Roles, payload, sensor, topic, write_site
from collector.judged import Judged, every_line
from tests.chaos.desk import Desk
from tests.servers import Mosquitto

ROLES = ("collect", "judge", "announce")
CRITICAL = 25
MORE = """
[announce]
webhooks = [{{ name = "desk", url = "{url}" }}]
[rule.cut]
sensors = [{sensors}]
detector = {{ kind = "signal.limit", limit = "1.0 %vol", reset = "0.9 %vol" }}
priority = "critical"
guidance = "Leave"
consequence = "Fire"
respond_within = "2min"
"""


def flood(port: int, alarms: int, seconds: float) -> None:
    """Every sensor speaks once below its limit; then all rise, evenly over the time, the critical ones among them."""
    publisher = Publisher(port, b"flood")
    publisher.send(packet(topic(k), payload(LOW, time.time_ns()), k % 65535 + 1) for k in range(alarms))
    time.sleep(2.0)
    order = [(k * 1999) % alarms for k in range(alarms)]
    begun = time.monotonic()
    for place, k in enumerate(order):
        publisher.send([packet(topic(k), payload(HIGH, time.time_ns()), (alarms + place) % 65535 + 1)])
        time.sleep(max(0.0, begun + (place + 1) * seconds / alarms - time.monotonic()))
    publisher.finish(2 * alarms)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alarms", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args(argv)
    print(machine())
    desk, stop, begun = Desk(), threading.Event(), dict[str, float]()
    with tempfile.TemporaryDirectory() as name, Mosquitto(Path(name) / "mosquitto") as broker:
        more = MORE.format(url=desk.url, sensors=", ".join(f'"{sensor(k)}"' for k in range(CRITICAL)))
        site = write_site(Path(name), broker.url, given.alarms, more)
        with Roles(site, ROLES) as roles:
            await_subscription(roles, broker.port)
            judged = Judged(roles.data)
            roles.until(lambda: judged.status().get("of", 0) > given.alarms, 60)
            watch = threading.Thread(target=journaled, args=(judged, "cut", begun, stop))
            watch.start()
            try:
                flood(broker.port, given.alarms, given.seconds)
                roles.until(lambda: raised(judged) >= given.alarms + CRITICAL, 120, pause=1.0)
                time.sleep(2.0)
            finally:
                stop.set()
                watch.join()
            return 0 if table(desk, begun, raised(judged), given.alarms + CRITICAL) else 1


def raised(judged: Judged) -> int:
    """How many alarms the journal has raised."""
    return sum(json.loads(text)["change"] == "raised" for _, text, _ in every_line(judged))


def table(desk: Desk, begun: dict[str, float], journal: int, activations: int) -> bool:
    """Print what came of it; True if all is as promised."""
    critical = {c["sensor"]: at for at, _, c in desk.heard if c["change"] == "raised" and c["priority"] == "critical"}
    delays = [1000 * (at - begun[name]) for name, at in critical.items() if name in begun]
    others = sum(c["priority"] != "critical" for _, _, c in desk.heard if c["change"] in ("raised", "joined"))
    print(f"activations                    {activations:>7,}")
    print(f"journaled                      {journal:>7,}")
    print(f"notices at the desk            {others:>7,}   of alarms that are not critical; at most 10 in any 10 min")
    print(f"critical alarms at the desk    {len(critical):>7,}   of {CRITICAL}")
    if delays:
        p50, p99 = np.percentile(delays, [50, 99])
        print(f"their delay after the journal   p50 {p50:.0f} ms   p99 {p99:.0f} ms")
    return journal == activations and others <= 10 and len(critical) == CRITICAL


if __name__ == "__main__":
    sys.exit(main())
