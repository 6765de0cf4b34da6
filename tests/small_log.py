"""A small log with everything in it: readings, silence, an action, mistakes, a second revision; and its judge."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from collector.judged import Judged
from collector.judging import Judging
from collector.message import ACTION, MQTT, REVISION, Message
from collector.spool import Spool

S = 10**9
START = 1_760_000_000 * S

HAZARD_ACTIONS: dict[int, dict[str, dict[str, Any]]] = {
    60: {"assign": {"owner": "chen"}},
    110: {"did": {"note": "fan exchanged", "evidence": ["0" * 64 + "  fan.jpg"]}},
    **{k: {"close": {"note": "gone"}} for k in range(111, 140, 4)},
}
"""By seal; one of the attempts to close meets an alarm that has returned."""


def document() -> dict[str, Any]:
    sensor = {"area": "face", "quantity": "methane", "unit": "%vol", "span": [0, 4], "every": "5s"}
    limit = {"kind": "signal.limit", "side": "above", "limit": "1.0 %vol", "reset": "0.5 %vol"}
    return {
        "site": {"id": "pit", "timezone": "Asia/Shanghai", "simulated": True},
        "payload": {"plain": {"topic": "pit/{area}/{sensor}", "json": {"value": "v", "unit": "u", "time": "ts"}}},
        "sensor": {f"ch4-{k}": sensor for k in range(5)},
        "rule": {
            "gas": {"sensors": ["ch4-*"], "detector": limit, "priority": "high", "guidance": "Withdraw"},
            "held": {"sensors": ["ch4-*"], "detector": limit, "on_delay": "20s", "priority": "medium"},
        },
        "hazards": {"high": "90s"},
    }


def revision(**change: Any) -> Message:
    whole = {**document(), **change}
    return Message("revision", json.dumps({"document": whole, "by": "wang", "note": "first"}).encode(), REVISION)


def reading(sensor: int, at: int, value: float, unit: str = "%vol") -> Message:
    payload = {"v": value, "u": unit, "ts": at}
    return Message(f"pit/face/ch4-{sensor}", json.dumps(payload).encode(), MQTT)


def fill(folder: Path, seals: int = 300, seed: int = 1) -> None:
    """A log with readings, silence, an action, mistakes and a second revision."""
    chance, spool = random.Random(seed), Spool(folder)
    spool.append([revision()], START, START)
    for k in range(1, seals):
        now = START + k * S
        messages = [
            reading(s, now - chance.choice((0, 0, 0, 7 * S)), round(chance.uniform(0, 1.3), 2))
            for s in range(5)
            if chance.random() < 0.4
        ]
        if k % 50 == 0:
            messages += [reading(0, now, 0.2, "%LEL"), Message("pit/face/nobody", b"{}", MQTT)]
        if k == 100:
            asked = {"id": "a1", "kind": "acknowledge", "rule": "gas", "subject": "ch4-1", "by": "li", "note": "seen"}
            messages.append(Message("action", json.dumps(asked).encode(), ACTION))
        for kind, more in HAZARD_ACTIONS.get(k, {}).items():
            asked = {"id": f"{kind}{k}", "kind": kind, "rule": "gas", "subject": "ch4-2", "by": "wang", **more}
            messages.append(Message("action", json.dumps(asked).encode(), ACTION))
        if k == 150:
            messages.append(revision(site={**document()["site"], "limits": "cn"}))
        spool.append(messages, now, now)
    spool.close()


def judge_all(folder: Path, messages: int = 20_000) -> Judged:
    judging = Judging(folder)
    while judging.catch_up(messages):
        pass
    judging.close()
    return Judged(folder)


def whole_journal(judged: Judged) -> list[str]:
    return [line for _, line, _ in judged.journal(0, 1_000_000)]
