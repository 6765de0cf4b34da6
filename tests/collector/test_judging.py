"""The judge role over a real spool: commits, restarts and replays come to the same journal."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collector.journal import verify
from collector.judged import Judged
from collector.judging import Judging
from collector.message import ACTION, CSV, MQTT, REVISION, Message
from collector.replaying import replay
from collector.spool import Spool
from detectors.site import read_site

S = 10**9
START = 1_760_000_000 * S


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


def test_the_journal_is_a_chain_and_the_same_however_the_log_is_taken(tmp_path: Path) -> None:
    journals = []
    for messages in (1, 7, 20_000):
        folder = tmp_path / str(messages)
        fill(folder)
        journals.append(whole_journal(judge_all(folder, messages)))

    assert verify(journals[0]) is None
    assert len(journals[0]) > 20
    assert journals[0] == journals[1] == journals[2]


def test_a_restart_from_a_snapshot_or_from_nothing_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    fill(tmp_path / "whole")
    expected = whole_journal(judge_all(tmp_path / "whole"))
    fill(tmp_path / "cut")

    for step in range(12):
        judging = Judging(tmp_path / "cut")
        for _ in range(9):
            judging.catch_up(5)
        if step % 3 == 0:
            judging.save()
        judging.writer.close()
        judging.spool.close()

    judged = judge_all(tmp_path / "cut")
    assert whole_journal(judged) == expected
    assert not list((tmp_path / "cut" / "inbox").glob("*"))
    assert judged.ledger() == Judged(tmp_path / "whole").ledger()


def test_a_killed_judge_leaves_a_journal_that_goes_on(tmp_path: Path) -> None:
    fill(tmp_path / "whole", 2000)
    fill(tmp_path / "killed", 2000)
    code = "import sys,pathlib;from collector.judging import Judging\nj=Judging(pathlib.Path(sys.argv[1]))\n"
    code += "print('ready',flush=True)\nwhile j.catch_up(20): print('.',end='',flush=True)\n"
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "killed")], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.read(40)
        process.kill()
        process.wait()
        process.stdout.close()

    assert whole_journal(judge_all(tmp_path / "killed")) == whole_journal(judge_all(tmp_path / "whole"))


def test_every_reading_is_in_a_block_once_and_every_message_is_counted(tmp_path: Path) -> None:
    fill(tmp_path)
    judged = judge_all(tmp_path)

    ledger, names = judged.ledger(), judged.series()
    raw = [
        (names[int(s)].name, int(t))
        for block in judged.blocks(0, 10_000)
        for s, t in zip(block.series, block.time, strict=True)
        if "/" not in names[int(s)].name
    ]
    dead = sum(n for name, n in ledger.items() if name.startswith("dead."))
    assert ledger["received"] == ledger["readings"] + dead
    assert ledger["readings"] == ledger["gate.judged"] + ledger.get("gate.duplicate", 0)
    assert len(raw) == ledger["gate.judged"]
    assert {d["reason"] for d in judged.dead()} >= {"wrong_unit"}


def test_actions_are_answered_and_the_pairs_are_listed(tmp_path: Path) -> None:
    fill(tmp_path)
    judged = judge_all(tmp_path)

    answer = judged.answer("a1")
    assert answer is not None
    assert answer["change"] in ("acknowledged", "refused")
    alarms = {(a["rule"], a["subject"]): a for a in judged.alarms()}
    assert len(alarms) == 15 + 1, "every pair, and the alarm about a wrong unit"
    assert alarms["gas", "ch4-1"]["guidance"] == "Withdraw"
    status = judged.status()
    assert (status["of"], status["site"], status["revision"]) == (15, "pit", 2)


@pytest.mark.parametrize("messages", [1, 50, 20_000])
def test_replay_of_the_spool_gives_the_live_hash(tmp_path: Path, messages: int) -> None:
    fill(tmp_path)
    live = judge_all(tmp_path).journal(0, 1_000_000)

    result = replay(read_site(document()), tmp_path, tmp_path / "journal.jsonl", messages=messages)

    assert (result.lines, result.hash) == (live[-1][0], live[-1][2])
    assert (tmp_path / "journal.jsonl").read_text().splitlines() == [line for _, line, _ in live]


def test_replay_of_a_csv_judges_it_and_names_unknown_sensors(tmp_path: Path) -> None:
    rows = [f"{START + k * S},ch4-0,{0.2 if k % 20 else 1.2}" for k in range(100)] + [f"{START + 101 * S},other,1"]
    (tmp_path / "r.csv").write_text("time,sensor,value\n" + "\n".join(rows) + "\n")

    result = replay(read_site(document()), tmp_path / "r.csv")

    assert result.changes["raised"] == 5 + 4
    assert result.unknown == {"other": 1}
    assert result.readings == 100


def test_a_wrong_unit_is_an_alarm_until_the_sensor_can_be_read_again(tmp_path: Path) -> None:
    fill(tmp_path)
    lines = [json.loads(line) for line in whole_journal(judge_all(tmp_path))]

    changes = [(line["sensor"], line["change"]) for line in lines if line["rule"] == "wrong-unit"]
    assert changes[:2] == [("ch4-0", "raised"), ("ch4-0", "returned")]
    assert changes.count(("ch4-0", "raised")) == 5


def test_before_a_revision_nothing_is_lost_but_set_aside_by_name(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([reading(0, START, 0.1), Message("csv", b"x", CSV)], START, START)
    spool.close()

    judged = judge_all(tmp_path)

    assert [d["reason"] for d in judged.dead()] == ["no_site", "no_site"]
    assert judged.ledger() == {"received": 2, "dead.no_site": 2}
