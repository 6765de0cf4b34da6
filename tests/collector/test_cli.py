"""The command line as a person meets it: help, exit codes, where errors go, and what they say."""

from __future__ import annotations

import json
import shlex
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.cli import VERBS, main, parser
from collector.explaining import Story, words
from collector.inbox import Inbox
from collector.judging import Judging
from collector.message import CSV, MQTT, Message
from collector.spool import Spool
from collector.verbs_site import FIRST_SITE
from detectors.reading import Quality

SECOND = 1_000_000_000
START = 1_767_225_600 * SECOND
SITE = """
[site]
id = "small"
timezone = "Asia/Shanghai"
simulated = true
[mqtt]
url = "mqtt://127.0.0.1:1883"
[payload.plain]
topic = "small/{sensor}"
json = { value = "v", time = "t" }
[sensor]
ch4-1 = { area = "face-1", quantity = "methane", unit = "%vol", span = [0, 4] }
[rule.methane-high]
sensors = ["ch4-1"]
detector = { kind = "signal.limit", limit = "1.0 %vol", reset = "0.9 %vol" }
priority = "medium"
guidance = "Withdraw from face 1"
"""
ALARM = "methane-high/ch4-1#1"


class Small:
    """A data folder with one alarm, judged in this process; `judge` goes on with what came into the inbox."""

    def __init__(self, folder: Path) -> None:
        self.data, self.site = folder / "data", folder / "site.toml"
        self.site.write_text(SITE, encoding="utf-8")
        self.spool, self.inbox = Spool(self.data), Inbox(self.data)
        self.now = START
        from collector.actions import ask_revision
        from collector.config import load

        ask_revision(self.data, load(self.site).document, "test", "first")
        self.judging = Judging(self.data)
        self.take()
        for value in (0.3, 1.4):
            self.now += SECOND
            payload = json.dumps({"v": value, "t": self.now}).encode()
            self.spool.append([Message("small/ch4-1", payload, MQTT)], self.now, self.now)
            self.judging.catch_up()

    def take(self) -> None:
        self.now += SECOND
        waiting = self.inbox.waiting()
        self.spool.append(waiting, self.now, self.now)
        self.inbox.remove(waiting)
        self.judging.catch_up()

    def close(self) -> None:
        self.judging.close()
        self.spool.close()


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("collector.judging.SENSORS_EVERY", -1.0)
    made = Small(tmp_path)
    yield made
    made.close()


def _while_judging(small: Small, *words: str) -> int:
    """Run a command while this process plays collect and judge."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main([*words, "--data", str(small.data)])), daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while thread.is_alive():
        assert time.monotonic() < end, f"{words} does not end"
        small.take()
        thread.join(0.02)
    return codes[0]


def test_every_verb_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for name, verb in VERBS.items():
        with pytest.raises(SystemExit) as end:
            main([name, "--help"])
        assert end.value.code == 0
        shown = capsys.readouterr().out
        assert f"example:\n  {verb.example}" in shown
        assert verb.example.startswith(f"davylamp {name}")


def test_every_example_can_be_parsed() -> None:
    for verb in VERBS.values():
        arguments = parser().parse_args(shlex.split(verb.example)[1:])
        assert arguments.verb == verb.name


def test_the_verbs_are_these() -> None:
    assert set(VERBS) == {
        "demo", "run", "replay", "simulate", "score", "backtest", "init", "listen", "sensors", "check", "apply",
        "detectors", "alarms", "ack", "accept", "shelve", "out-of-service", "reset", "comment", "explain",
        "hazards", "assign", "did", "close", "test", "calibrate", "calibrated", "tell", "handover", "oncall",
        "grafana", "ledger", "gaps", "journal", "backup", "restore", "verify", "user", "token", "audit",
        "watchdog", "report",
    }  # fmt: skip


@pytest.mark.parametrize("words", [[], ["nonsense"], ["ack"], ["demo", "--port", "x"], ["simulate", "demo"]])
def test_what_cannot_be_parsed_is_wrong_use(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "usage: davylamp" in capsys.readouterr().err


def test_a_data_folder_must_be_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAVYLAMP_DATA", raising=False)
    assert main(["alarms"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "--data DIR" in shown.err


def test_a_data_folder_that_is_none_says_how_one_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "--data", str(tmp_path / "none")]) == 2
    assert "davylamp run" in capsys.readouterr().err


def test_the_first_site_file_has_no_mistake_and_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "my-site.toml"
    assert main(["init", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == FIRST_SITE
    assert main(["check", str(file)]) == 0
    file.write_text("mine", encoding="utf-8")
    assert main(["init", str(file)]) == 2
    assert file.read_text(encoding="utf-8") == "mine"
    assert "exists already" in capsys.readouterr().err


def test_check_prints_every_mistake_with_its_line_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "site.toml"
    wrong = SITE.replace('"%vol", span', '"%volt", span').replace('"medium"', '"midium"')
    file.write_text(wrong, encoding="utf-8")
    assert main(["check", str(file)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    for word, nearest in (("%volt", "%vol"), ("midium", "medium")):
        line = wrong[: wrong.index(word)].count("\n") + 1
        assert f"{file}:{line}: " in shown.err
        assert nearest in shown.err


def test_alarms_are_shown_with_state_value_and_limit(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alarms", "--data", str(small.data)]) == 0
    shown = capsys.readouterr().out
    assert "SIMULATION small: watching 1 of 1" in shown
    assert ALARM in shown
    assert "active, unacknowledged" in shown
    assert main(["alarms", "--json", "--data", str(small.data)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["version"] == 1
    assert [(a["rule"], a["value"], a["limit"]) for a in told["alarms"]] == [("methane-high", 1.4, 1.0)]


def test_an_acknowledgement_is_taken_once_and_then_refused(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    assert _while_judging(small, "ack", ALARM, "--by", "Li") == 0
    assert "taken" in capsys.readouterr().out
    assert _while_judging(small, "ack", ALARM, "--by", "Li") == 1
    assert "acknowledged already" in capsys.readouterr().err


def test_an_occurrence_that_is_not_the_present_one_is_refused(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _while_judging(small, "ack", "methane-high/ch4-1#7", "--by", "Li") == 1
    assert "it has come again since" in capsys.readouterr().err


def test_shelving_needs_its_end_and_its_note(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    assert _while_judging(small, "shelve", ALARM, "--by", "Li", "--note", "moved") == 1
    assert "--end" in capsys.readouterr().err
    assert _while_judging(small, "shelve", ALARM, "--by", "Li", "--note", "moved", "--end", "9h") == 1
    assert _while_judging(small, "shelve", ALARM, "--by", "Li", "--note", "moved", "--end", "30min") == 0
    main(["alarms", "--data", str(small.data)])
    assert "shelved" in capsys.readouterr().out
    assert _while_judging(small, "shelve", ALARM, "--by", "Li", "--back") == 0


def test_out_of_service_needs_a_measure(small: Small) -> None:
    words = ("out-of-service", ALARM, "--by", "Li", "--note", "repair", "--end", "4h")
    assert _while_judging(small, *words) == 1
    assert _while_judging(small, *words, "--measure", "handheld") == 0


def test_accept_and_comment_are_journaled_with_who_and_why(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    assert _while_judging(small, "accept", ALARM, "--by", "Wang", "--note", "on my way") == 0
    assert _while_judging(small, "comment", ALARM, "--by", "Wang", "--note", "fan restarted") == 0
    capsys.readouterr()
    assert main(["journal", "--data", str(small.data)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    done = [(line["change"], line["by"], line["note"]) for line in lines if line["action"]]
    assert ("accepted", "Wang", "on my way") in done
    assert ("commented", "Wang", "fan restarted") in done


def test_an_action_nobody_answers_says_so(
    small: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.actions.act.__defaults__", (0.1,))
    assert main(["ack", ALARM, "--by", "Li", "--data", str(small.data)]) == 1
    assert "unanswered: " in capsys.readouterr().err


@pytest.mark.parametrize("alarm", ["methane-high", "methane-high/", "/ch4-1", "methane-high/ch4-1#x"])
def test_an_alarm_that_is_spelled_wrong_is_wrong_use(
    alarm: str, small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ack", alarm, "--by", "Li", "--data", str(small.data)]) == 2
    assert "rule/subject#occurrence" in capsys.readouterr().err


def test_explain_gives_the_reason_and_what_to_do(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", ALARM, "--data", str(small.data)]) == 0
    shown = capsys.readouterr().out
    assert "at or above the limit" in shown
    assert "Withdraw from face 1" in shown
    assert "raised" in shown
    assert main(["explain", "methane-high/ch4-9#1", "--data", str(small.data)]) == 1


def test_a_person_reads_what_is_wrong_with_a_reading_in_words_not_flags(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sensors", "--data", str(small.data)]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ch4-1 ")]
    assert " good " in line
    story = Story.of(small.data, "methane-high", "ch4-1", 1)
    assert story is not None
    readings = {"ch4-1": [(1, 0.3, int(Quality.SIMULATED)), (2, 4.5, int(Quality.SIMULATED | Quality.OUT_OF_SPAN))]}
    *_, good, out = words(replace(story, readings=readings)).splitlines()
    assert good.endswith("0.3  good")
    assert out.endswith("4.5  out of span")


def test_a_pure_number_is_shown_without_its_unit(small: Small) -> None:
    story = Story.of(small.data, "methane-high", "ch4-1", 1)
    assert story is not None
    line = words(replace(story, pair={**story.pair, "unit": "1"})).splitlines()[2]
    assert line == "value        1.4   limit 1"


def test_evidence_is_packed_and_its_journal_verifies(small: Small, tmp_path: Path) -> None:
    import zipfile

    from collector.journal import verify

    file = tmp_path / "evidence.zip"
    assert main(["explain", ALARM, "--evidence", str(file), "--data", str(small.data)]) == 0
    with zipfile.ZipFile(file) as packed:
        names = set(packed.namelist())
        assert names == {"alarm.json", "alarm.txt", "journal.jsonl", "revision.json", "readings.csv", "manifest.json"}
        assert verify(packed.read("journal.jsonl").splitlines()) is None
        assert json.loads(packed.read("revision.json"))["rule"]["methane-high"]["priority"] == "medium"


def test_the_journal_verifies_and_a_changed_one_does_not(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["journal", "--verify", "--data", str(small.data)]) == 0
    capsys.readouterr()
    main(["journal", "--data", str(small.data)])
    file = tmp_path / "journal.jsonl"
    file.write_text(capsys.readouterr().out.replace("1.4", "0.4"), encoding="utf-8")
    assert main(["journal", "--verify", "--file", str(file)]) == 1
    assert "the journal was changed" in capsys.readouterr().err


def test_sensors_show_value_and_raw_payload(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sensors", "--raw", "--json", "--data", str(small.data)]) == 0
    (row,) = json.loads(capsys.readouterr().out)["sensors"]
    assert (row["sensor"], row["value"], row["unit"]) == ("ch4-1", 1.4, "%vol")
    assert json.loads(row["raw"])["v"] == 1.4


def test_the_ledger_balances_and_lists_dead_letters(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    small.spool.append([Message("small/ch4-1", b"not JSON", MQTT), Message("other", b"1", MQTT)], small.now, small.now)
    small.take()
    assert main(["ledger", "--json", "--data", str(small.data)]) == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert counts["spool.mqtt"] == counts["judge.received"] == 4
    assert main(["ledger", "--dead", "--data", str(small.data)]) == 0
    shown = capsys.readouterr().out
    assert "unparsable" in shown
    assert "unknown_topic" in shown


def test_apply_says_what_changes_and_asks(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["apply", str(small.site), "--by", "Wang"]
    assert _while_judging(small, *words, "--yes") == 0
    assert "added rule judging-behind" in capsys.readouterr().out, "a site from before has no rules of the system's own"
    assert main([*words, "--data", str(small.data)]) == 0
    assert "nothing changes" in capsys.readouterr().out
    small.site.write_text(SITE.replace('"1.0 %vol"', '"1.5 %vol"'), encoding="utf-8")
    assert main([*words, "--data", str(small.data)]) == 1
    shown = capsys.readouterr()
    assert 'rule.methane-high.detector.limit: "1.0 %vol" -> "1.5 %vol"' in shown.out
    assert "nothing was applied" in shown.err
    assert _while_judging(small, *words, "--yes") == 0
    assert "revision 3 is in force" in capsys.readouterr().out


def test_replay_of_a_csv_gives_the_same_hash_each_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site, readings = tmp_path / "site.toml", tmp_path / "readings.csv"
    site.write_text(SITE, encoding="utf-8")
    rows = "".join(f"{START + k * SECOND},ch4-1,{0.2 + k % 7 * 0.2}\n" for k in range(100))
    readings.write_text(f"time,sensor,value\n{rows}{START},ch4-9,1\n", encoding="utf-8")
    hashes = []
    for _ in range(2):
        journal = tmp_path / "journal.jsonl"
        assert main(["replay", str(site), str(readings), "--json", "--journal", str(journal)]) == 0
        told = json.loads(capsys.readouterr().out)
        hashes.append(told["hash"])
        assert told["unknown"] == {"ch4-9": 1}
        assert main(["journal", "--verify", "--file", str(journal)]) == 0
        assert told["hash"] in capsys.readouterr().out
    assert hashes[0] == hashes[1]


def test_simulated_readings_are_the_same_at_each_writing(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.csv", "two.csv")]
    for file in files:
        assert main(["simulate", "demo", "--csv", str(file)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_text().startswith("time,sensor,value\n")


def test_a_scenario_that_is_not_there_is_a_no(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "dema", "--csv", str(tmp_path / "out.csv")]) == 1
    assert "demo" in capsys.readouterr().err


def test_listen_where_no_broker_is_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", "--mqtt", "mqtt://127.0.0.1:9", "--for", "1s"]) == 1
    assert "is the broker running" in capsys.readouterr().err
    assert main(["listen", "--mqtt", "mqtt://127.0.0.1:9", "--for", "soon"]) == 2


def test_a_csv_message_in_the_log_is_counted_as_received(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    small.spool.append([Message("", b"time,sensor,value\n", CSV)], small.now, small.now)
    small.take()
    main(["ledger", "--json", "--data", str(small.data)])
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert counts["spool.csv"] == 1
