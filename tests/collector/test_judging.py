"""The judge role over a real spool: commits, restarts and replays come to the same journal."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from collector.journal import verify
from collector.judged import Judged
from collector.judging import Judging
from collector.message import CSV, MQTT, Message
from collector.replaying import replay
from collector.spool import Spool
from detectors.site import read_site
from tests.small_log import START, S, document, fill, judge_all, reading, revision, whole_journal


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
    assert judged.hazards(closed=True) == Judged(tmp_path / "whole").hazards(closed=True)


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

    killed, whole = judge_all(tmp_path / "killed"), judge_all(tmp_path / "whole")
    assert whole_journal(killed) == whole_journal(whole)
    assert killed.hazards(closed=True) == whole.hazards(closed=True)


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


def test_hazards_are_kept_open_and_closed_and_overdue_is_in_the_journal(tmp_path: Path) -> None:
    fill(tmp_path)
    judged = judge_all(tmp_path)
    lines = [json.loads(line) for line in whole_journal(judged)]

    closed, *_ = [row for row in judged.hazards(closed=True) if row["closed"] is not None]
    assert (closed["name"], closed["owner"], closed["closed_by"], closed["closed_note"]) == (
        "gas/ch4-2#1", "chen", "wang", "gone",
    )  # fmt: skip
    assert closed["done"][0]["note"] == "fan exchanged"
    assert closed["done"][0]["evidence"] == ["0" * 64 + "  fan.jpg"]
    assert {"still_stands", "no_hazard"} <= {
        line["why"]["key"].rpartition(".")[2] for line in lines if line["change"] == "refused"
    }
    raised = {(line["sensor"]) for line in lines if line["change"] == "raised" and line["rule"] == "gas"}
    assert {row["subject"] for row in judged.hazards()} == raised
    assert all(row["closed"] is None for row in judged.hazards())
    overdue = [line for line in lines if line["change"] == "overdue"]
    assert len(overdue) > 5
    assert all(line["why"]["due"] * S <= line["now"] for line in overdue)


def test_a_judged_db_from_before_hazards_has_none(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    judged = judge_all(tmp_path)
    with sqlite3.connect(tmp_path / "judged.db") as store:
        store.execute("DROP TABLE hazard")
    assert judged.hazards() == []


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


def test_readings_beside_the_first_revision_are_judged_by_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([revision(), reading(0, START, 0.1)], START, START)
    spool.close()

    ledger = judge_all(tmp_path).ledger()

    assert (ledger["readings"], ledger["gate.judged"]) == (1, 1)


def test_before_a_revision_nothing_is_lost_but_set_aside_by_name(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([reading(0, START, 0.1), Message("csv", b"x", CSV)], START, START)
    spool.close()

    judged = judge_all(tmp_path)

    assert [d["reason"] for d in judged.dead()] == ["no_site", "no_site"]
    assert judged.ledger() == {"received": 2, "dead.no_site": 2}


@pytest.mark.parametrize(
    "payload",
    [
        '{"s": "\\ud800", "v": 1, "ts": 1}',
        '{"s": "ch4-1", "v": "\\udfff", "ts": 1}',
        '{"s": "ch4-1", "v": 1, "u": "\\ud83d", "ts": 1}',
        '{"s": "ch4-1", "v": 1, "ts": "\\ud83d"}',
        '{"s": "ch4-1", "v": 1, "ts": 1, "n": 1, "d": "\\ud83d"}',
    ],
)
def test_half_of_a_character_from_a_device_stops_nothing(tmp_path: Path, payload: str) -> None:
    """No file takes it as it is; judging would come to it again at each start."""
    form = {"topic": "any", "json": {"sensor": "s", "value": "v", "unit": "u", "time": "ts", "seq": "n", "device": "d"}}
    spool = Spool(tmp_path)
    spool.append([revision(payload={**document()["payload"], "any": form})], START, START)
    later = payload.replace('"n": 1', '"n": 9')
    spool.append([Message("any", text.encode(), MQTT) for text in (payload, later)], START + S, START + S)
    spool.append([reading(0, START + 2 * S, 0.1)], START + 2 * S, START + 2 * S)
    spool.close()

    judging = Judging(tmp_path)
    while judging.catch_up(5):
        pass
    judging.save()
    judging.writer.close()
    judging.spool.close()

    judged = judge_all(tmp_path)
    assert judged.ledger()["received"] == 3
    assert {row["sensor"]: row["value"] for row in judged.sensors()}["ch4-0"] == 0.1
