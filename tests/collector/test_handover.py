"""The handover sheet of a small log in which things stand, are shelved, out of service and not watched."""

from __future__ import annotations

import json
import re
from pathlib import Path
from unicodedata import east_asian_width

import pytest

from collector.cli import main
from collector.handover import HEAD, SECTIONS, Sheet, sheet_of
from collector.handover_words import TEXTS
from collector.message import ACTION, Message
from collector.spool import Spool
from tests.small_log import START, S, judge_all, reading, revision

NOTE = "<b>fan & hand meter</b>"


def asked(kind: str, subject: str, now: int, **more: object) -> Message:
    payload = {"id": f"{kind}-{subject}", "kind": kind, "rule": "gas", "subject": subject, "by": "li", **more}
    if "until" in more:
        payload["until"] = now + 1800 * S
    return Message("action", json.dumps(payload).encode(), ACTION)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    spool = Spool(tmp_path)
    spool.append([revision()], START, START)
    for k in range(1, 20):
        spool.append([reading(s, START + k * S, 1.2 if s < 3 else 0.2) for s in range(4)], START + k * S, START + k * S)
    now = START + 20 * S
    actions = [asked("shelve", "ch4-1", now, until=True, note=NOTE),
               asked("out_of_service", "ch4-2", now, until=True, note="exchanged", measure="patrol")]  # fmt: skip
    spool.append(actions, now, now)
    spool.append([reading(s, now + S, 1.2) for s in range(4)], now + S, now + S)
    spool.close()
    judge_all(tmp_path)
    return tmp_path


def names(sheet: Sheet, section: str) -> list[str]:
    return [row[0] for row in sheet.sections[section]]


def test_every_alarm_is_in_the_section_where_it_belongs(folder: Path) -> None:
    sheet = sheet_of(folder)
    assert "gas/ch4-0#1" in names(sheet, "standing")
    assert "gas/ch4-3#1" in names(sheet, "standing")
    assert names(sheet, "shelved") == ["gas/ch4-1#1"]
    assert names(sheet, "out_of_service") == ["gas/ch4-2#1"]
    assert "gas/ch4-4" in names(sheet, "not_watching"), "a sensor that never spoke is not watched"
    assert "gas/ch4-2#1" not in names(sheet, "not_watching")


def test_overdue_hazards_stand_on_it_with_who_has_them_and_what_was_done(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([revision(hazards={"high": "60s"})], START, START)
    for k in (1, 2, 100, 200):
        now = START + k * S
        spool.append([reading(s, now, 1.2 if s < 2 and k == 1 else 0.2) for s in range(4)], now, now)
    now = START + 201 * S
    spool.append([asked("assign", "ch4-0", now, owner="chen"), asked("did", "ch4-0", now, note=NOTE)], now, now)
    spool.append([], now + 60 * S, now + 60 * S)
    spool.close()
    judge_all(tmp_path)
    sheet = sheet_of(tmp_path)
    first, second = (dict(zip(HEAD, row, strict=True)) for row in sheet.sections["overdue_hazards"])
    assert (first["alarm"], first["state"], first["by"], first["note"]) == (
        "gas/ch4-0#1", "OVERDUE, 1 alarm", "chen", NOTE,
    )  # fmt: skip
    assert (second["alarm"], second["by"], second["note"]) == ("gas/ch4-1#1", "nobody", "")
    assert first["until"].endswith("(3 min ago)")
    assert "Overdue hazards (2)" in sheet.text()
    assert "&lt;b&gt;fan &amp; hand meter" in sheet.html()
    assert [row["alarm"] for row in sheet.document()["overdue_hazards"]] == ["gas/ch4-0#1", "gas/ch4-1#1"]
    assert sheet.counts["overdue"] == 8


def test_who_hid_it_and_why_and_until_when(folder: Path) -> None:
    (row,) = sheet_of(folder).sections["shelved"]
    found = dict(zip(HEAD, row, strict=True))
    assert (found["by"], found["note"]) == ("li", NOTE)
    assert found["until"].endswith("(in 29 min)")
    assert found["value"] == "1.2 %vol"
    assert found["state"] == "active, unacknowledged, shelved"


def test_the_sheet_carries_the_journals_last_hash(folder: Path) -> None:
    sheet = sheet_of(folder)
    lines = [line for _, line, _ in judge_all(folder).journal(0, 10_000)]
    assert sheet.seq == len(lines)
    assert sheet.hash == lines[-1][-66:-2]
    assert sheet.counts["raised"] == sum('"change":"raised"' in line for line in lines)


def test_only_this_shift_is_counted(folder: Path) -> None:
    assert sheet_of(folder, START + 21 * S).counts.get("shelved") is None
    assert sheet_of(folder).counts["shelved"] == 1


def test_what_people_wrote_is_only_text_on_the_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "sheet.html"
    assert main(["handover", "--data", str(folder), "--html", str(file)]) == 0
    page = file.read_text("utf-8")
    assert "<b>fan" not in page
    assert "&lt;b&gt;fan &amp; hand meter" in page
    assert main(["handover", "--data", str(folder), "--shift", "8h"]) == 0
    said = capsys.readouterr().out
    assert "SIMULATION Handover pit" in said
    assert "Shelved (1)" in said
    assert "Suppressed by design (0)\nnone" in said
    assert "Overdue hazards (0)\nnone" in said


def test_programs_get_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["handover", "--data", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["shelved"][0]["by"] == "li"
    assert found["of"] >= found["watching"] > 0
    assert main(["handover", "--data", str(folder), "--shift", "soon"]) == 2


def test_a_folder_in_which_nothing_was_judged_has_no_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["handover", "--data", str(tmp_path)]) == 2
    assert "no log of a site" in capsys.readouterr().err


def test_a_sheet_in_chinese_says_everything_in_chinese(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["handover", "--data", str(folder), "--language", "zh"]) == 0
    said = capsys.readouterr().out
    for text in ("仿真数据 交接班表 pit", "正在监视 ", "本班", "搁置 1 次", "停用 1 次", "已搁置 (1)", "未监视 (",
                 "日志", "报警中、未确认、搁置", "高"):  # fmt: skip
        assert text in said, text
    english = sheet_of(folder).text()
    for text in ("Handover", "watching", "Shelved", "unacknowledged", "raised", "high", "until", "(in "):
        assert text in english, text
        assert text not in said, text
    file = folder / "sheet.html"
    assert main(["handover", "--data", str(folder), "--language", "zh", "--html", str(file)]) == 0
    page = file.read_text("utf-8")
    assert '<html lang="zh">' in page
    assert "<h2>按设计抑制 (0)</h2>" in page
    assert "&lt;b&gt;fan &amp; hand meter" in page


def test_columns_of_a_chinese_sheet_stand_below_each_other(folder: Path) -> None:
    lines = sheet_of(folder, lang="zh").text().splitlines()
    head = next(k for k, line in enumerate(lines) if line.startswith("持续报警")) + 1
    wide = [sum(1 + (east_asian_width(c) in "WF") for c in line[: line.index(mark)])
            for line, mark in ((lines[head], "区域"), (lines[head + 1], "face"))]  # fmt: skip
    assert wide[0] == wide[1]


def test_both_languages_have_every_word_and_the_same_places_in_it() -> None:
    for key, (english, chinese) in TEXTS.items():
        assert english, key
        assert chinese, key
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese)), key
    assert {*HEAD, *SECTIONS.values()} <= TEXTS.keys()
