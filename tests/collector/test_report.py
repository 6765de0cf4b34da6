"""The report of a period: counted by hand from a log that was written by hand."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from collector import cli
from collector.counting import HOUR, Counting, spread
from collector.errors import Unavailable
from collector.judged import Judged
from collector.loosening import loosened
from collector.message import ACTION, REVISION, Message
from collector.report import Report, report_of
from collector.report_text import document as as_document
from collector.report_text import html, text
from collector.report_words import SECTIONS
from collector.spool import Spool
from tests.small_log import START, S, document, judge_all, reading, revision

MIN = 60 * S
SCRIPT = "<script>alert(1)</script>"


def acted(at: int, kind: str, rule: str = "", subject: str = "ch4-0", **more: Any) -> Message:
    """An action at a minute; `until` in minutes."""
    if "until" in more:
        more["until"] = START + more["until"] * MIN
    asked = {"id": f"{kind}-{at}", "kind": kind, "rule": rule, "subject": subject, "by": "li", "note": "why", **more}
    return Message("action", json.dumps(asked).encode(), ACTION, id=f"{kind}-{at}")


def looser() -> Message:
    rules = document()["rule"]
    rules["gas"]["detector"] = {**rules["gas"]["detector"], "limit": "1.5 %vol"}
    return revision(rule=rules)


def night(folder: Path) -> None:
    """Two hours, a seal a minute; every sensor reads 0.1 but where said otherwise."""
    values = {(0, k): 1.2 for k in range(10, 20)} | {(1, k): 1.2 for k in range(30, 33)}
    values |= {(2, k): 1.3 for k in range(61, 64)} | {(3, k): 9.9 for k in range(90, 95)}
    values |= {(2, k): 1.6 for k in range(100, 104)}
    actions = {
        12: [acted(12, "acknowledge", "gas")], 15: [acted(15, "accept", "gas")],
        40: [acted(40, "shelve", "held", "ch4-1", until=70)], 50: [acted(50, "unshelve", "held", "ch4-1")],
        52: [acted(52, "out_of_service", "held", "ch4-4", until=82, measure="hand-held", note=SCRIPT)],
        60: [acted(60, "test", subject="ch4-2", until=70)],
        72: [acted(72, "calibrate", subject="ch4-1", until=77)],
        75: [acted(75, "calibrated", subject="ch4-1", details={"gas": "CH4", "applied": 2.0, "left": 1.9})],
        80: [looser()],
        85: [acted(85, "test", subject="ch4-9", until=90)],
    }  # fmt: skip
    spool = Spool(folder)
    spool.append([revision()], START, START)
    for k in range(1, 121):
        now = START + k * MIN
        read = [reading(s, now - 10**6 * j, values.get((s, k), 0.1)) for s in range(5) for j in (0,)]
        spool.append([*read, *actions.get(k, [])], now, now)
        for second in range(3, 60, 3):
            late = now + second * S
            spool.append([reading(s, late, values.get((s, k), 0.1)) for s in range(5)], late, late)
    spool.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("night")
    night(folder)
    judge_all(folder)
    return folder


@pytest.fixture(scope="module")
def whole(folder: Path) -> Report:
    return report_of(folder, START, START + 121 * MIN, "en")


def rows(report: Report, section: str) -> list[dict[str, str]]:
    return [dict(zip(SECTIONS[section], row, strict=True)) for row in report.sections[section]]


def test_rules_with_limit_unit_and_what_is_to_be_done(whole: Report) -> None:
    gas = next(row for row in rows(whole, "rules") if row["rule"] == "gas")
    assert (gas["limit"], gas["priority"], gas["sensors"]) == ("1.5 %vol", "high", "ch4-0, ch4-1, ch4-2, ch4-3, ch4-4")
    assert not any(row["rule"].startswith("davylamp") for row in rows(whole, "rules"))


def test_revisions_say_who_and_mark_what_was_loosened(whole: Report) -> None:
    first, second = rows(whole, "revisions")
    assert (first["by"], first["note"], first["loosened"]) == ("wang", "first", "")
    assert "limit 1 -> 1.5 on ch4-0" in second["loosened"]
    assert "rule.gas.detector.limit" in second["changes"]


def test_overrides_say_by_whom_how_long_and_why(whole: Report) -> None:
    found = {row["what"]: row for row in rows(whole, "overrides")}
    assert (found["shelved"]["alarm"], found["shelved"]["lasted"], found["shelved"]["by"]) == (
        "held/ch4-1", "10 min", "li",
    )  # fmt: skip
    assert (found["out of service"]["lasted"], found["out of service"]["note"]) == ("30 min", SCRIPT)


def test_hours_not_watched_are_those_of_test_service_and_calibration(whole: Report) -> None:
    spent = {(row["sensor"], row["cause"]): float(row["hours"]) for row in rows(whole, "not_watched")}
    assert spent["ch4-2", "in test"] == round(10 / 60, 2)
    assert spent["ch4-4", "out of service"] == 0.5
    assert spent["ch4-1", "in calibration"] == round((3 * MIN - 3 * S) / HOUR, 2), "two rules, one sensor: once"
    assert 0.0 not in spent.values()
    assert spent["in all", ""] == pytest.approx(sum(spent.values()) / 2, abs=0.03)
    assert ("ch4-0", "in test") not in spent


def test_tests_and_calibrations_with_what_came_of_them(whole: Report) -> None:
    found = rows(whole, "handled")
    assert [(row["what"], row["sensor"]) for row in found] == [
        ("test began", "ch4-2"), ("test ended", "ch4-2"), ("calibration began", "ch4-1"), ("calibrated", "ch4-1"),
        ("calibration ended", "ch4-1"),
    ]  # fmt: skip
    assert "no notice reached anybody" in found[1]["result"]
    assert "gas/ch4-2#1" in found[1]["result"]
    assert "CH4" in found[3]["result"]


def test_answers_are_counted_from_the_alarm_and_a_test_is_none(whole: Report) -> None:
    by = {row["priority"]: row for row in rows(whole, "answers")}
    assert by["high"]["raised"] == "4", "minutes 10, 30, 90 and 100; the test's is not among them"
    assert (by["high"]["not_acked"], by["high"]["not_accepted"]) == ("3", "3")
    assert (by["high"]["ack_median"], by["high"]["accept_worst"]) == ("2 min", "5 min")
    assert spread([1.0, 2.0, 3.0, 4.0, 100.0]) == (3.0, 100.0, 100.0)
    assert spread([float(k) for k in range(1, 11)]) == (5.5, 9.0, 10.0)
    assert spread([]) is None


def test_hazards_in_the_period_are_listed(whole: Report) -> None:
    names = [row["hazard"] for row in rows(whole, "hazards")]
    assert names == ["gas/ch4-0#1", "gas/ch4-1#1", "gas/ch4-3#1", "gas/ch4-2#2"]
    assert {row["state"] for row in rows(whole, "hazards")} == {"OVERDUE"}, "90 s are over"


def test_a_part_of_the_period_counts_only_what_is_in_it(folder: Path) -> None:
    part = report_of(folder, START + 65 * MIN, START + 75 * MIN, "en")
    spent = {(row["sensor"], row["cause"]): float(row["hours"]) for row in rows(part, "not_watched")}
    assert spent["ch4-2", "in test"] == round(5 / 60, 2)
    assert spent["ch4-4", "out of service"] == round(10 / 60, 2)
    assert part.figures.alarms == 0
    assert rows(part, "answers") == []


def test_the_record_names_the_head_that_was_verified(whole: Report, folder: Path) -> None:
    seq, _, digest = Judged(folder).journal(0, 10**6)[-1]
    said = text(whole)
    assert f"journal: {seq} lines, head {digest}, chain verified" in said
    assert "actions refused: 1" in said
    assert "balances" in said
    assert said.startswith("SIMULATION Inspection report pit")


class Page(HTMLParser):
    """Tags that are open, and scripts or addresses that a page should not have."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.wrong += [tag] if tag in ("script", "link", "img", "iframe") else []
        self.wrong += [name for name, _ in attrs if name in ("src", "href")]
        self.open += [tag] if tag != "meta" else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole_in_itself_and_escapes_what_people_wrote(folder: Path, language: Any) -> None:
    made = html(report_of(folder, START, START + 121 * MIN, language))
    page = Page()
    page.feed(made)
    assert (page.open, page.wrong) == ([], [])
    assert SCRIPT not in made
    assert "&lt;script&gt;" in made
    if language == "zh":
        said = re.sub(r"<style>.*</style>|<[^>]+>", " ", made)
        for word in ("检查报告", "现行规则", "放宽", "测试中", "哈希链校验通过", "未接警", "涉及", "平衡"):
            assert word in said
        assert "Inspection" not in said


def test_the_document_for_a_program_has_numbers(whole: Report) -> None:
    made = json.loads(json.dumps(as_document(whole)))
    assert made["version"] == 1
    assert made["journal"]["verified"] is True
    assert made["figures"]["alarms"] == whole.figures.alarms
    assert made["rules"][0].keys() == set(SECTIONS["rules"])


def test_the_command_writes_it_and_says_no_where_the_chain_is_broken(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil
    import sqlite3

    site = tmp_path / "site.toml"
    site.write_text('[site]\nid = "pit"\ntimezone = "Asia/Shanghai"\nsimulated = true\n[sensor]\n'
                    'a = { area = "x", quantity = "methane", unit = "%vol" }\n[payload.p]\ntopic = "x/{sensor}"\n'
                    'json = { value = "v" }\n', "utf-8")  # fmt: skip
    words = ["report", str(site), "--from", "2025-10-01", "--to", "2025-11-01", "--data"]
    assert cli.main([*words, str(folder), "--html", str(tmp_path / "r.html")]) == 0
    assert "<h1>" in (tmp_path / "r.html").read_text("utf-8")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    with sqlite3.connect(copy / "judged.db") as store:
        store.execute("UPDATE journal SET line = replace(line, '\"by\":\"li\"', '\"by\":\"xx\"') WHERE seq > 20")
    assert cli.main([*words, str(copy), "--json"]) == 1
    assert "CHAIN" not in capsys.readouterr().err
    assert cli.main(["report", str(site), "--from", "2025-11-01", "--to", "2025-10-01", "--data", str(folder)]) == 2
    assert cli.main(["report", str(site), "--from", "soon", "--to", "2025-10-01", "--data", str(folder)]) == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unavailable, match="nothing was judged"):
        report_of(tmp_path / "empty", 0, 1, "en")


def test_what_is_kept_does_not_grow_with_lines_that_call_nobody() -> None:
    counting = Counting(0, 10**18)
    line = {"now": 1, "rule": "a", "sensor": "b", "occurrence": 1, "priority": "low", "isa": "A", "why": {"key": "x"},
            "by": "", "note": "", "change": "watched"}  # fmt: skip
    for k in range(2000):
        counting.take({**line, "now": k, "change": ("unwatched", "watched")[k % 2]})
    assert len(counting.unwatched) == 1
    assert not counting.handled + counting.revisions


def test_a_pair_that_a_revision_removed_is_counted_up_to_it() -> None:
    counting = Counting(0, 100 * HOUR)
    line = {"rule": "a", "sensor": "b", "occurrence": 1, "priority": "low", "isa": "A", "why": {"key": "x"}, "by": "",
            "note": "", "change": "unwatched"}  # fmt: skip
    for hour, change in ((1, "watched"), (2, "unwatched"), (5, "revised")):
        counting.take({**line, "now": hour * HOUR, "change": change, "rule": "" if change == "revised" else "a"})
    counting.close(9 * HOUR, set())
    assert counting.unwatched["b", "x"] == 3 * HOUR
    again = Counting(0, 100 * HOUR)
    again.take({**line, "now": 2 * HOUR})
    again.close(9 * HOUR, {("a", "b")})
    assert again.unwatched["b", "x"] == 7 * HOUR


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"limit": "1.5 %vol"}, ["rule gas: limit 1 -> 1.5 on ch4-0, ch4-1, ch4-2, ch4-3, ch4-4"]),
        ({"limit": "0.8 %vol"}, []),
        ({"side": "below", "limit": "0.1 %vol", "reset": "0.2 %vol"}, ["rule gas: limit 1 -> 0.1 on ch4-0, ch4-1, "
                                                                       "ch4-2, ch4-3, ch4-4"]),
        ({"kind": "signal.rate", "limit": "1 %vol/min", "side": None}, None),
    ],
)  # fmt: skip
def test_loosened_knows_which_way_a_limit_is_looser(change: dict[str, Any], said: list[str] | None) -> None:
    old, new = document(), document()
    detector = {**new["rule"]["gas"]["detector"], **change}
    new["rule"]["gas"] = {**new["rule"]["gas"], "detector": {k: v for k, v in detector.items() if v is not None}}
    if said is None:
        assert "cannot be compared" in " ".join(loosened(old, new))
    else:
        assert loosened(old, new) == said


def test_apply_says_first_what_is_loosened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from collector.config import load

    site = tmp_path / "site.toml"
    plain = ('[site]\nid = "pit"\ntimezone = "Asia/Shanghai"\nsimulated = true\ndata = "data"\n[sensor]\n'
             'a = { area = "x", quantity = "methane", unit = "%vol" }\n[payload.p]\ntopic = "x/{sensor}"\n'
             'json = { value = "v" }\n[rule.gas]\nsensors = ["a"]\npriority = "high"\nguidance = "Go"\n'
             'detector = { kind = "signal.limit", side = "above", limit = "1 %vol", reset = "0.5 %vol" }')  # fmt: skip
    site.write_text(plain, "utf-8")
    payload = json.dumps({"document": load(site).whole, "by": "wang", "note": ""}, default=dict).encode()
    spool = Spool(tmp_path / "data")
    spool.append([Message("revision", payload, REVISION)], START, START)
    spool.close()
    site.write_text(plain.replace("1 %vol", "1.5 %vol"), "utf-8")
    monkeypatch.setattr("collector.verbs_site._agreed", lambda: False)
    assert cli.main(["apply", str(site), "--by", "wang", "--note", "n"]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first == "LOOSENED rule gas: limit 1 -> 1.5 on a"
    assert second.startswith("rule.gas.detector.limit")


def test_loosened_names_all_that_is_watched_less() -> None:
    old, new = document(), document()
    new["rule"]["held"] = {**new["rule"]["held"], "on_delay": "60s", "priority": "low", "sensors": ["ch4-0"]}
    new["sensor"] = {name: one for name, one in new["sensor"].items() if name != "ch4-4"}
    new["sensor"]["ch4-3"] = {**new["sensor"]["ch4-3"], "every": "60s"}
    said = "\n".join(loosened(old, new))
    for what in ("sensor ch4-4 removed", "ch4-3: silence is found later", "priority medium -> low",
                 "on_delay 20 s -> 60 s", "no longer watches ch4-1, ch4-2, ch4-3"):  # fmt: skip
        assert what in said
    del new["rule"]["gas"]
    assert "rule gas removed" in loosened(old, new)
    assert loosened(None, new) == []
