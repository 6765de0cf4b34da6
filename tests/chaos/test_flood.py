"""A flood: 5,000 activations in 10 minutes, over the real log, judge and announcing; the desk stays able to hear.

The clock is the log's: seals carry it, so ten minutes take a few seconds.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from collector.announcing import Destination
from collector.channels import Notice
from collector.judged import Judged, every_line
from collector.judging import Judging
from collector.message import MQTT, REVISION, Message
from collector.receipts import Receipts
from collector.spool import Spool

pytestmark = pytest.mark.chaos
SECOND = 10**9
START = 1_700_000_000 * SECOND
SENSORS, CRITICAL, AREAS = 5000, 25, 40
TEN_MINUTES = 600
GUIDANCE = {"guidance": "Leave", "consequence": "Fire", "respond_within": "2min"}


class Desk:
    """A channel that remembers what it was sent, and at which `now` of the log."""

    name = "desk"

    def __init__(self) -> None:
        self.heard: list[tuple[int, dict[str, Any]]] = []

    def send(self, notice: Notice) -> int:
        self.heard += [(change["now"], change) for change in notice.changes]
        return 200


def document() -> dict[str, Any]:
    detector = {"kind": "signal.limit", "limit": "1.0 %vol", "reset": "0.9 %vol"}
    names = [f"ch4-{k:04d}" for k in range(SENSORS)]
    return {
        "site": {"id": "pit", "timezone": "UTC", "simulated": True},
        "payload": {"plain": {"topic": "pit/{sensor}", "json": {"value": "v", "time": "t"}}},
        "sensor": {
            name: {"area": f"area-{k % AREAS}", "quantity": "methane", "unit": "%vol", "span": [0, 4]}
            for k, name in enumerate(names)
        },
        "rule": {
            "gas": {"sensors": names[CRITICAL:], "detector": detector, "priority": "high", "guidance": "Look"},
            "cut": {"sensors": names[:CRITICAL], "detector": detector, "priority": "critical", **GUIDANCE},
        },
    }  # fmt: skip


def flood(spool: Spool) -> dict[str, int]:
    """Every sensor rises above its limit once, evenly over ten minutes; sensor -> ns of `now`."""
    revision = {"document": document(), "by": "test", "note": "first"}
    spool.append([Message("revision", json.dumps(revision).encode(), REVISION)], START, START)
    when: dict[str, int] = {}
    order = [(k * 1999) % SENSORS for k in range(SENSORS)]
    for second in range(TEN_MINUTES):
        now = START + (1 + second) * SECOND
        rising = order[second * SENSORS // TEN_MINUTES : (second + 1) * SENSORS // TEN_MINUTES]
        when |= {f"ch4-{k:04d}": now for k in rising}
        spool.append([Message(f"pit/ch4-{k:04d}", b'{"v":1.31,"t":%d}' % now, MQTT) for k in rising], now, now)
    end = START + 3 * TEN_MINUTES * SECOND
    spool.append([], end, end)
    return when


def test_five_thousand_alarms_in_ten_minutes_are_all_journaled_and_a_desk_hears_ten(tmp_path: Path) -> None:
    spool, desk = Spool(tmp_path), Desk()
    when = flood(spool)
    judging = Judging(tmp_path)
    while judging.catch_up():
        pass
    judging.close()
    spool.close()
    judged, receipts = Judged(tmp_path), Receipts(tmp_path)
    destination = Destination(desk, judged, receipts, wall=lambda: START)
    while destination.tell():
        pass

    lines = [json.loads(text) for _, text, _ in every_line(judged)]
    raised = {line["sensor"]: line for line in lines if line["change"] == "raised"}
    assert {sensor: line["now"] for sensor, line in raised.items()} == when, "every one, at its time"

    critical = {change["sensor"]: now for now, change in desk.heard if change["priority"] == "critical"}
    assert critical == {sensor: when[sensor] for sensor in (f"ch4-{k:04d}" for k in range(CRITICAL))}, "and not late"

    others = sorted(now for now, change in desk.heard if change["rule"] == "gas")
    most = max(sum(at - TEN_MINUTES * SECOND < t <= at for t in others) for at in others)
    assert most <= 10

    alone = sum(line["notice"] == f"gas/{sensor}#1" for sensor, line in raised.items() if line["rule"] == "gas")
    joined = sum(line["why"]["count"] for line in lines if line["change"] == "joined")
    assert alone + joined == SENSORS - CRITICAL, "each is heard by itself or counted"
    listed = Counter(row["notice"] for row in judged.alarms() if row["active"])
    assert listed.total() == SENSORS
    judged.close()
    receipts.close()
