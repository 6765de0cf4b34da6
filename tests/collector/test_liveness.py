"""What the verbs say of judging that stands still, and of a folder that is no site's: never that nothing stands."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.channels import Notice
from collector.cli import main
from collector.handover import sheet_of
from collector.liveness import behind, dead_for, facts, not_live
from collector.spool import Spool
from collector.verbs_alarms import few
from dashboards.console.board import NOT_LIVE
from tests.collector.test_cli import START, Small
from tests.collector.test_serving import judged_folder

SECOND = 1_000_000_000
LOOKING = (["alarms"], ["sensors"], ["hazards"], ["handover"])
EVERY = (*LOOKING, ["ledger"], ["gaps"], ["journal"], ["journal", "--verify"], ["audit"], ["explain", "a/b#1"],
         ["ack", "a/b#1", "--by", "Li"], ["backup", "copy"], ["did", "a/b#1", "--by", "Li"])  # fmt: skip


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """A site that was judged long ago and not since."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collector.judging.SENSORS_EVERY", -1.0)
        made = Small(tmp_path_factory.mktemp("stopped"))
    yield made
    made.close()


def test_what_was_judged_just_now_is_live() -> None:
    status = {"wall": time.time_ns() - SECOND, "now": START, "timezone": "UTC"}
    assert not_live(status) == ""
    assert dead_for(status) == 0
    assert facts(status)["live"] is True


def test_what_was_judged_longer_ago_than_the_page_allows_is_not_live() -> None:
    status = {"wall": time.time_ns() - NOT_LIVE - SECOND, "now": START, "timezone": "Asia/Shanghai"}
    said = not_live(status)
    assert said.startswith("NOT LIVE SINCE 2026-01-01 08:00:00+08: judging is 6 s behind")
    assert "Watch the site by other means" in said
    assert facts(status)["live"] is False


def test_it_is_said_in_chinese_too() -> None:
    said = not_live({"wall": time.time_ns() - 7200 * SECOND, "now": START, "timezone": "Asia/Shanghai"}, "zh")
    assert said.startswith("数据中断，自 2026-01-01 08:00:00+08：判定滞后 2 小时")


def test_a_clock_that_was_set_back_makes_nothing_negative() -> None:
    assert behind({"wall": time.time_ns() + 60 * SECOND, "now": START}) == 0
    assert behind({}) == 0


@pytest.mark.parametrize("words", LOOKING, ids=lambda words: words[0])
def test_every_verb_that_looks_says_first_that_judging_stands_still(
    words: list[str], stopped: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--data", str(stopped.data)]) == 0
    said = capsys.readouterr().out.splitlines()
    first = next(line for line in said if line and "Handover" not in line)
    assert first.startswith("NOT LIVE SINCE 2026-01-01 08:00:0")


@pytest.mark.parametrize("words", LOOKING, ids=lambda words: words[0])
def test_a_program_is_told_the_same(words: list[str], stopped: Small, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--data", str(stopped.data), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.get("status", found)["live"] is False


def test_a_reading_grows_older_while_judging_stands_still(stopped: Small, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sensors", "--data", str(stopped.data), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["sensors"]
    age = next(row["age"] for row in rows if row["sensor"] == "ch4-1")
    assert age == pytest.approx(time.time_ns() - stopped.now, abs=600 * SECOND)


def test_a_site_that_was_quiet_when_judging_stopped_is_not_called_quiet(
    stopped: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.judged.Judged.alarms", lambda _: [])
    assert main(["alarms", "--data", str(stopped.data)]) == 0
    said = capsys.readouterr().out
    assert "no alarm stood then" in said
    assert "no alarm stands" not in said


def test_the_worst_stands_first_on_the_sheet(stopped: Small) -> None:
    rows = sheet_of(stopped.data).sections["standing"]
    order = ["critical", "high", "medium", "low"]
    assert [row[2] for row in rows] == sorted((row[2] for row in rows), key=order.index)


@pytest.mark.parametrize("words", EVERY, ids=lambda words: words[0])
def test_a_folder_of_other_things_is_refused_and_left_as_it_is(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert main([*words, "--data", str(tmp_path)]) == 2
    assert "has no log of a site (spool.db): is it the right data folder?" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("words", LOOKING, ids=lambda words: words[0])
def test_a_log_that_nobody_judged_yet_is_no_quiet_site(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Spool(tmp_path).close()
    assert main([*words, "--data", str(tmp_path)]) == 1
    assert "nothing was judged there yet" in capsys.readouterr().err


@pytest.fixture(scope="module")
def fan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site on which a fan stands still, methane is high, and judging has just read so."""
    where = tmp_path_factory.mktemp("fan")
    return judged_folder(where, where / "data")


@pytest.mark.parametrize("words", [["alarms"], ["handover"], ["explain", "fan-stopped/fan-1#1"]], ids=lambda w: w[0])
def test_a_state_is_its_name_and_no_number(words: list[str], fan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--data", str(fan)]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = "value " if words[0] == "explain" else "fan-stopped/fan-1#1"
    assert "stopped" in next(line for line in lines if line.startswith(start)).split()


def test_sensors_name_a_state_too(fan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sensors", "--data", str(fan)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("fan-1"))
    assert "stopped" in line.split()


def test_alarms_show_value_and_limit_with_their_unit(fan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alarms", "--data", str(fan)]) == 0
    said = capsys.readouterr().out
    assert "1.4 %vol" in said
    assert "1 %vol" in said.replace("1.4 %vol", "")


def test_a_notice_names_the_state() -> None:
    change = {"rule": "fan-stopped", "sensor": "fan-1", "occurrence": 1, "priority": "high", "area": "face-1",
              "change": "raised", "value": 0.0, "limit": None, "unit": "1", "states": ["stopped", "running"],
              "why": {}}  # fmt: skip
    assert "raised value stopped" in Notice("n", "change", "s", False, 0.0, (change,)).text()


def test_what_is_not_watching_is_named_and_the_rest_counted(fan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alarms", "--data", str(fan)]) == 0
    assert "\nnot watching: moving/prism-1\n" in capsys.readouterr().out
    assert few(["a"] * 8) == ", ".join("a" * 8)
    assert few(["a"] * 10).endswith("a and 2 more; `davylamp alarms --all` lists them")
