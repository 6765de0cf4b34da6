"""The wall clock is set by an hour, forwards and back, while readings come: nothing lost, no alarm cleared by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.clock import SECOND, Clock
from collector.collecting import Collector
from collector.inbox import Inbox
from collector.judged import Judged, every_line
from collector.judging import Judging
from collector.ledger import read_at_rest
from collector.message import Message
from collector.replaying import replay
from collector.spool import Spool, SpoolReader
from detectors.site import read_site
from tests.chaos.faults import CLOCK_STEPS, HOUR
from tests.collector.test_collecting import Belt
from tests.small_log import START, document, reading, revision

pytestmark = pytest.mark.chaos
STEPS = dict(zip(range(40, 200, 40), CLOCK_STEPS, strict=True))
"""Turn -> by how much the wall clock is set."""


class Clocks:
    """A monotonic clock that runs, and a wall clock that is set."""

    def __init__(self) -> None:
        self.ran, self.set = 0, 0

    def monotonic(self) -> int:
        return self.ran

    def wall(self) -> int:
        return START + self.ran + self.set


def collected(folder: Path, turns: int) -> list[Message]:
    """A reading of sensor 0 a second, above the limit throughout; of sensor 1 below it; what was sent."""
    clocks, belt, spool = Clocks(), Belt(), Spool(folder)
    spool.append([revision()], START, START)
    collector = Collector(spool, Inbox(folder), Clock(spool.now, clocks.monotonic, clocks.wall), lambda: belt)
    sent: list[Message] = []
    for turn in range(turns):
        clocks.ran += SECOND
        clocks.set += STEPS.get(turn, 0)
        device = START + clocks.ran  # devices have clocks of their own
        belt.waiting = [reading(0, device, 1.3), reading(1, device, 0.1)]
        sent += belt.waiting
        collector.turn()
    assert belt.released == sent
    collector.close()
    spool.close()
    return sent


def test_the_wall_clock_steps_by_an_hour_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.collecting.REPORT", 0.0)
    sent = collected(tmp_path, 200)
    seals = SpoolReader(tmp_path).read(0, 10**6)
    assert [m for seal in seals for m in seal.messages if m.origin == "mqtt"] == sent
    nows = [seal.now for seal in seals]
    assert nows == sorted(nows), "now never goes back"
    blind = [json.loads(m.payload) for s in seals for m in s.messages if m.topic == "own/blind"]
    jumps = [one["to"] - one["from"] for one in blind]
    assert any(abs(jump - HOUR) < 60 * SECOND for jump in jumps), "a step ahead is said as blind"
    offsets = [json.loads(m.payload)["value"] for s in seals for m in s.messages if m.topic == "own/clock-offset"]
    assert min(offsets) < -7000, "two steps back are slewed, and said"

    judging = Judging(tmp_path)
    while judging.catch_up(50):
        pass
    judging.close()
    judged = Judged(tmp_path)
    lines = [json.loads(text) for _, text, _ in every_line(judged)]
    last = judged.journal(0, 10**6)[-1]
    judged.close()
    gas = [line["change"] for line in lines if line["rule"] == "gas" and line["sensor"] == "ch4-0"]
    assert gas.count("raised") == 1
    assert "returned" not in gas
    assert read_at_rest(tmp_path, 1)[1] == []
    again = replay(read_site(document()), tmp_path)
    assert (again.lines, again.hash) == (last[0], last[2])
