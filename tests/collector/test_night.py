"""Issue 5, Shows 4: a whole night on call over a real log and judge, and the handover sheet in its morning."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from collector.calls import ANSWERED, CALLING, FAILED, GENESIS, TAKEN, read_calls
from collector.cli import main
from collector.errors import Unavailable
from collector.escalation import PAGE, RETURN
from collector.handover import HEAD, sheet_of
from collector.journal import verify
from collector.judged import Judged, every_line
from collector.judging import Judging
from collector.message import ACTION, MQTT, REVISION, Message
from collector.spool import Spool
from tests.collector.test_paging import DUSK, Night, S

ALARMS, CRITICAL = 40, frozenset({5, 17, 33})
LATE = {40: "shelved", 41: "out_of_service", 42: "standing"}
"""Alarms of the morning, and where they stand on the sheet."""


def document() -> dict[str, Any]:
    """A rule a sensor, so that each alarm is raised by itself."""
    sensor = {"area": "north-wall", "quantity": "velocity", "unit": "mm/d"}
    detector = {"kind": "signal.limit", "side": "above", "limit": "10 mm/d"}
    rules = {}
    for number in (*range(ALARMS), *LATE):
        rule = {"sensors": [f"s{number}"], "detector": detector, "guidance": "Close ramp 4", "priority": "high"}
        more = {"priority": "critical", "consequence": "Wall failure", "respond_within": "30min"}
        rules[f"r{number}"] = {**rule, **(more if number in CRITICAL else {})}
    return {
        "site": {"id": "pit", "timezone": "Asia/Shanghai"},
        "payload": {"plain": {"topic": "pit/{sensor}", "json": {"value": "v", "unit": "u", "time": "ts"}}},
        "sensor": {f"s{number}": sensor for number in (*range(ALARMS), *LATE)},
        "rule": rules,
    }


class Pit(Judged):
    """What judging writes, with the log that it follows."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.spool, self.judging = Spool(folder), Judging(folder)
        self.active: dict[str, str] = {}
        self.asked = 0
        revision = {"document": document(), "by": "wang", "note": "first"}
        self.seal(DUSK - S, Message("revision", json.dumps(revision).encode(), REVISION))

    def seal(self, now: int, *messages: Message) -> None:
        self.spool.append(list(messages), now, now)
        while self.judging.catch_up():
            pass
        self.judging.save()

    def reads(self, now: int, number: int, value: float) -> None:
        payload = {"v": value, "u": "mm/d", "ts": now}
        self.seal(now, Message(f"pit/s{number}", json.dumps(payload).encode(), MQTT))
        name = f"r{number}/s{number}#1"
        self.active.pop(name, None)
        if value > 10:
            self.active[name] = "critical" if number in CRITICAL else "high"

    def act(self, now: int, kind: str, number: int, by: str, **more: Any) -> None:
        self.asked += 1
        asked = {"id": f"a{self.asked}", "kind": kind, "rule": f"r{number}", "subject": f"s{number}", "by": by, **more}
        self.seal(now, Message("action", json.dumps(asked).encode(), ACTION, id=asked["id"]))

    def close(self) -> None:
        super().close()
        self.judging.close()
        self.spool.close()


def test_a_night_with_forty_alarms_two_dead_channels_and_two_restarts_and_the_sheet_in_its_morning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night, chance = Night(tmp_path), random.Random(22)
    pit = Pit(tmp_path)
    night.judging = pit  # type: ignore[assignment]
    night.pager.close()
    night.pager = night.make()
    plan: list[tuple[float, float, int]] = []
    for number in range(ALARMS):
        raised = 600 * number + chance.uniform(0, 300)
        plan.append((raised, 12.3, number))
        if number not in CRITICAL:
            plan.append((raised + chance.uniform(5, 60) * 60, 2.0, number))
    plan.sort()
    people = _People(night, pit)
    end = int(plan[-1][0] + 3600)
    for second in range(0, end, 5):
        night.at(second)
        if second == 9000:
            night.ways["sms"].raises = Unavailable("the gateway is down")
        if second == 9600:
            night.ways["mail"].raises = Unavailable("the gateway is down")
        if second == 10_500:
            night.pager.close()
            night.pager = night.make()
        if second == 20_000:
            night.pager._book.close()
            night.pager = night.make()
        while plan and plan[0][0] <= second:
            _, value, number = plan.pop(0)
            pit.reads(night.time, number, value)
        people.act()
        night.step()
    _check_calls(night, pit)
    _morning(night, pit)
    _check_sheet(night, pit, people.accepted, capsys)
    pit.close()


class _People:
    """Whoever is reached takes 40 s to answer and accepts what they were told; one in four sleeps on."""

    def __init__(self, night: Night, pit: Pit) -> None:
        self.night, self.pit = night, pit
        self.seen: Counter[str] = Counter()
        self.chance = random.Random(7)
        self.pending: list[tuple[int, str, Sequence[str]]] = []
        self.accepted: dict[str, str] = {}

    def act(self) -> None:
        for channel, way in self.night.ways.items():
            for to, text in way.sent[self.seen[channel] :]:
                if text.details["kind"] == PAGE and self.chance.random() > 0.25:
                    self.pending.append((self.night.time + 40 * S, to.split("@")[0], text.details["occurrences"]))
            self.seen[channel] = len(way.sent)
        for due, person, names in [one for one in self.pending if one[0] <= self.night.time]:
            for name in names:
                if name in self.pit.active and name not in self.accepted:
                    number = int(name.split("/")[0][1:])
                    self.pit.act(self.night.time, "accept", number, person)
                    self.pit.act(self.night.time, "comment", number, person, note=f"{person} is on the way")
                    self.accepted[name] = person
            self.pending.remove((due, person, names))


def _check_calls(night: Night, pit: Pit) -> None:
    lines = night.book()
    assert verify(read_calls(night.folder), GENESIS) is None
    answered = {line["occurrences"][0]: line["after"] for line in lines if line["what"] == ANSWERED}
    for number in CRITICAL:
        assert answered[f"r{number}/s{number}#1"] <= 6 * 60, "a critical alarm was accepted too late"
    begun = Counter((line["id"], line.get("again", False)) for line in lines if line["what"] == CALLING)
    assert max(begun.values()) == 1, "a call was made twice"
    ended = Counter(line["id"] for line in lines if line["what"] in (TAKEN, FAILED, "refused"))
    assert set(ended) == {name for name, _ in begun}, "a call has no receipt"
    assert max(ended.values()) == 1
    told = Counter((line["person"], line["channel"], name, line["kind"]) for line in lines if line["what"] == TAKEN
                   for name in line["occurrences"])  # fmt: skip
    assert max(told.values()) == 1, "somebody was called twice for the same thing"
    for line in lines:
        grouped = [name for name in line["occurrences"] if int(name.split("/")[0][1:]) in CRITICAL]
        assert not grouped or len(line["occurrences"]) == 1
    woken = {(line["person"], name) for line in lines if line["what"] == TAKEN and line["kind"] == PAGE
             for name in line["occurrences"] if name not in pit.active}  # fmt: skip
    heard = {(line["person"], name) for line in lines if line["what"] == TAKEN and line["kind"] == RETURN
             for name in line["occurrences"]}  # fmt: skip
    assert woken == heard, "who was woken hears of the return, and nobody else"
    after = [line for line in lines if line["now"] > DUSK + 9600 * S and line["what"] == TAKEN]
    assert {line["channel"] for line in after} == {"phone"}


def _morning(night: Night, pit: Pit) -> None:
    """Three alarms just before the shift ends: one is shelved, one taken out of service, one calls."""
    for number in LATE:
        pit.reads(night.time, number, 12.3)
    later = night.time + 1800 * S
    pit.act(night.time, "shelve", 40, "zhao", note="surveyor on site", until=later)
    pit.act(night.time, "out_of_service", 41, "liu", note="prism exchanged", measure="patrol", until=later)
    night.at(night.time / S - DUSK / S + 5)
    night.step()


def _check_sheet(night: Night, pit: Pit, accepted: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    sheet = sheet_of(night.folder)
    rows = {section: {row[0]: dict(zip(HEAD, row, strict=True)) for row in found}
            for section, found in sheet.sections.items()}  # fmt: skip
    standing = {f"r{number}/s{number}#1" for number in (*CRITICAL, 42)}
    unseen = {row for row in rows["standing"] if row not in standing}
    assert standing <= rows["standing"].keys()
    assert all("unacknowledged" in rows["standing"][row]["state"] for row in unseen), "returned, and nobody looked"
    for number in CRITICAL:
        row = rows["standing"][f"r{number}/s{number}#1"]
        assert (row["priority"], row["value"], row["limit"]) == ("critical", "12.3 mm/d", "10 mm/d")
        assert row["by"] == accepted[row["alarm"]]
        assert row["note"] == f"{row['by']} is on the way"
    assert [(row["alarm"], row["by"], row["note"]) for row in rows["shelved"].values()] == [
        ("r40/s40#1", "zhao", "surveyor on site")
    ]
    assert [(row["alarm"], row["by"], row["note"]) for row in rows["out_of_service"].values()] == [
        ("r41/s41#1", "liu", "prism exchanged")
    ]
    assert rows["suppressed"] == {}
    assert not any(name.startswith("r") for name in rows["not_watching"])
    journal = [json.loads(line) for _, line, _ in every_line(pit)]
    assert (sheet.seq, sheet.hash) == (len(journal), journal[-1]["hash"])
    assert sheet.counts["raised"] == ALARMS + len(LATE) == sum(line["change"] == "raised" for line in journal)
    assert sheet.counts["returned"] == ALARMS - len(CRITICAL)
    assert sheet.counts["accepted"] == len(accepted)
    assert sheet.calling == ["r42/s42#1"], "the one that nobody accepted yet"
    assert main(["handover", "--data", str(night.folder)]) == 0
    said = capsys.readouterr().out
    assert f"Standing ({len(rows['standing'])})" in said
    assert sheet.hash in said
