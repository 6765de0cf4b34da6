"""A hazard through the real roles: raised, overdue, called for, taken by link and by reply, worked on, closed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.calls import ANSWERED, read_calls
from collector.cli import main
from collector.escalation import Policy
from collector.handover import sheet_of
from collector.judged import Judged
from collector.replaying import replay
from collector.spool import Spool
from detectors.site import read_site
from tests.collector.test_oncall_whole import Pit, eventually
from tests.dashboards.asking_http import SELF, ask, send
from tests.small_log import S, document, revision, whole_journal

NAME = "gas/ch4-0#1"


@pytest.fixture
def pit(tmp_path: Path) -> Iterator[Pit]:
    spool = Spool(tmp_path)
    now = time.time_ns() - 5 * S
    spool.append([revision(hazards={"high": "2s"})], now, now)
    spool.close()
    made = Pit(tmp_path, policy=Policy(group=0), language="zh")
    yield made
    made.close()


def hazard(pit: Pit) -> dict[str, Any]:
    (found,) = Judged(pit.folder).hazards(closed=True)
    return dict(found)


def overdue_calls(pit: Pit) -> list[str]:
    return [said for said in pit.called() if "隐患逾期" in said]


def test_an_overdue_hazard_calls_until_it_is_taken_and_stands_on_the_sheet_until_it_is_closed(
    pit: Pit, capsys: pytest.CaptureFixture[str]
) -> None:
    pit.heard.put(1.4)
    eventually(pit.called)
    pit.heard.put(0.1)
    eventually(lambda: overdue_calls(pit))
    said = overdue_calls(pit)[0]
    assert said.startswith("+86139|仿真 face ch4-0 gas 隐患逾期|gas/ch4-0#1: 隐患逾期未闭环：期限 ")
    assert "；无责任人" in said
    assert "Withdraw" not in said, "what to do in the alarm is not what the hazard is about"
    (row,) = sheet_of(pit.folder).sections["overdue_hazards"]
    assert (row[0], row[-2]) == (NAME, "nobody")

    link = re.search(r"http://127\.0\.0\.1(/accept/\S+?)(\||$)", said)
    assert link is not None
    assert "overdue, due" in ask(pit.app, link[1]).text
    assert hazard(pit)["owner"] == "", "looking takes nothing"
    answered = ask(pit.app, link[1], "POST", headers=SELF)
    assert answered.status_code == 200, answered.text
    assert hazard(pit)["owner"] == "li"
    eventually(lambda: any(json.loads(line)["what"] == ANSWERED for line in read_calls(pit.folder)))

    eventually(lambda: len(overdue_calls(pit)) > 1)
    code = re.search(r"回复 (\d{4}) 接警", overdue_calls(pit)[-1])
    assert code is not None
    gateway = {"Authorization": "Bearer sesame"}
    reply = ask(pit.app, "/reply/modem", "POST", json={"from": "+86139", "text": code[1]}, headers=gateway)
    assert reply.text == f"已接警：hazard:{NAME}", reply.text

    form = {"kind": "did", "rule": "gas", "subject": "ch4-0", "occurrence": 1, "by": "Wang", "note": "fan exchanged"}
    assert send(pit.app, **form).status_code == 200  # type: ignore[arg-type]
    assert hazard(pit)["done"][0]["note"] == "fan exchanged"
    where = ("--data", str(pit.folder))
    assert main(["close", NAME, "--by", "Zhao", "--note", "0.1 %vol", *where]) == 0
    assert hazard(pit)["closed_by"] == "Zhao"
    assert sheet_of(pit.folder).sections["overdue_hazards"] == []
    told = len(overdue_calls(pit))
    time.sleep(2.5)
    assert len(overdue_calls(pit)) == told, "nobody is called for what is closed"

    pit.close()
    lines = whole_journal(Judged(pit.folder))
    again = replay(read_site(document()), pit.folder)
    assert (again.lines, again.hash) == (len(lines), json.loads(lines[-1])["hash"])
