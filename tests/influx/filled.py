"""A database filled the way a site fills it: the simulator's messages, the log, the judge, the store."""

from __future__ import annotations

import json
import time
from pathlib import Path

from collector.config import load
from collector.decode import BLIND
from collector.influx import Address, InfluxSink
from collector.judged import Judged
from collector.judging import Judging
from collector.message import MQTT, OWN, REVISION, Message
from collector.sinks import IntoLines
from collector.spool import Spool
from collector.stored import Cursor
from detectors.site import Site
from simulators.messages import Letter, Writer
from simulators.scenario import north_pit_site, read_registry, read_scenario

SECOND = 10**9


class Filled:
    """The demo's pit up to this moment; `again` says once more that judging lives."""

    def __init__(self, folder: Path, address: Address, lasts: int = 150) -> None:
        self.folder = folder
        path = folder / "site.toml"
        path.write_text(north_pit_site(), "utf-8")
        loaded = load(path)
        self.site: Site = loaded.site
        self.spool = Spool(folder)
        start = time.time_ns() - (lasts + 10) * SECOND
        revision = {"document": loaded.document, "by": "test", "note": "first"}
        applied = start - 700 * SECOND  # so that a whole window of ten minutes has passed
        self.spool.append([Message("revision", json.dumps(revision).encode(), REVISION)], applied, applied)
        blind = json.dumps({"from": applied, "to": start}).encode()
        self.spool.append([Message(BLIND, blind, OWN)], start, start)
        self._publish(start, lasts)
        self.judging = Judging(folder)
        self.follower = IntoLines(Judged(folder), Cursor(folder, "influx"), InfluxSink(address))
        self.again(time.time_ns() - 6 * SECOND)
        self.again()

    def again(self, now: int | None = None) -> None:
        """An empty seal of now, judged and stored."""
        now = now or time.time_ns()
        self.spool.append([], now, now)
        while self.judging.catch_up():
            pass
        self.judging.save()
        while self.follower.step():
            pass

    def close(self) -> None:
        self.follower.close()
        self.judging.close()
        self.spool.close()

    def _publish(self, start: int, lasts: int) -> None:
        registry = read_registry(north_pit_site())
        world = read_scenario().world(registry.sensors.values(), start, registry.timezone)
        writer = Writer(registry.sensors, registry.payloads)
        kept = [letter for readings in world.readings(start) for letter in writer.kept(readings)]
        for first in range(0, len(kept), 400):
            self._seal(kept[first : first + 400], start)
        for second in range(1, lasts + 1):
            until = start + second * SECOND
            letters = [letter for readings in world.readings(until) for letter in writer.live(readings)]
            self._seal([*letters, *(writer.wave(block) for block in world.blocks(until))], until)

    def _seal(self, letters: list[Letter], now: int) -> None:
        self.spool.append([Message(letter.topic, letter.payload, MQTT) for letter in letters], now, now)
