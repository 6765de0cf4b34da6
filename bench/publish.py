"""How fast a scenario is published, beside the same messages from a bare socket: what the broker takes at most.

python -m bench.publish [--hours H]

Mosquitto on loopback, nobody subscribed, QoS 1. The bare publisher has all packets made beforehand and writes them as
fast as the socket takes them; ours makes the world, words each message and waits for acknowledgements as it goes.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from math import inf
from pathlib import Path

from bench.machine import machine
from bench.publisher import Publisher, packet
from simulators.messages import Letter, Writer
from simulators.publish import publish
from simulators.registry import read_registry, site_text
from simulators.scenario import Scenario, SiteLike, read_scenario
from tests.servers import Mosquitto

AT_ONCE = 500
"""Packets that the bare publisher writes at once."""


def letters(scenario: Scenario, site: SiteLike, start: int) -> list[Letter]:
    """All messages of a scenario, in order."""
    world, writer = scenario.world(site.sensors.values(), start, site.timezone), Writer(site.sensors, site.payloads)
    end = start + round(scenario.lasts_s * 1e9)
    return writer.ordered([letter for shown in world.readings(end) for letter in writer.live(shown)])


def bare(port: int, wanted: list[Letter]) -> float:
    """Messages a second of a bare socket."""
    packets = [packet(letter.topic.encode(), letter.payload, k) for k, letter in enumerate(wanted)]
    publisher, begun = Publisher(port, b"bare"), time.perf_counter()
    for first in range(0, len(packets), AT_ONCE):
        publisher.send(packets[first : first + AT_ONCE])
    publisher.finish(len(packets))
    return len(packets) / (time.perf_counter() - begun)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=12)
    hours = parser.parse_args(argv).hours
    print(machine())
    scenario = dataclasses.replace(read_scenario("quiet-month"), lasts_s=hours * 3600, past={})
    start = time.time_ns() - round(hours * 3.6e12)
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder)) as broker:
        site = read_registry(site_text(scenario.site))
        wanted = letters(scenario, site, start)
        most = bare(broker.port, wanted)
        begun = time.perf_counter()
        sent = publish(scenario, site, broker.url, start, speed=inf, past=False)
        ours = sent.messages / (time.perf_counter() - begun)
    print(f"ours           {ours:>9,.0f} messages/s   {sent.messages:,} acknowledged, {sent.unanswered} not")
    print(f"bare socket    {most:>9,.0f} messages/s   {len(wanted):,}; this broker takes {most / ours:.1f} x ours")
    return 0 if sent.messages == len(wanted) and not sent.unanswered else 1


if __name__ == "__main__":
    sys.exit(main())
