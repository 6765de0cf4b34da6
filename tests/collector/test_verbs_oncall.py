"""`davylamp oncall`, and what `check` says of a roster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.cli import main
from tests.collector.test_oncall import SITE

RULE = """
[rule.gas]
sensors = ["g1"]
detector = { kind = "signal.limit", limit = "1 %vol" }
priority = "high"
guidance = "Ventilate"
"""
WHOLE = SITE.replace("[channel.sms]", RULE + "[channel.sms]").replace("2026-11-02T08:00", "2020-10-26T08:00")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEST_SMS", "json://127.0.0.1:9/{to}")
    (tmp_path / "chat.url").write_text("http://127.0.0.1:9/{to}\n")
    path = tmp_path / "site.toml"
    path.write_text(WHOLE, "utf-8")
    return path


def test_it_says_who_is_on_duty_now_and_next(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["oncall", str(site), "--at", "2026-11-04T03:00+08:00"]) == 0
    said = capsys.readouterr().out
    assert "pit, Wed 2026-11-04 03:00 +0800" in said
    assert " ".join(said.splitlines()[2].split()) == "duty all, Davylamp itself Li Wei (li) Mon 11-09 08:00 wang (wang)"


def test_programs_get_the_same(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["oncall", str(site), "--at", "2026-11-10T03:00+08:00", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [(turn["person"], turn["next"]) for turn in said["duty"]] == [("wang", "li")]
    assert said["troubles"] == []


def test_nobody_on_duty_on_sunday_at_three_is_an_error_of_check(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    days = "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"
    site.write_text(WHOLE.replace('turn = "7d" }', f"days = {list(days)} }}"), "utf-8")
    assert main(["check", str(site)]) == 1
    assert "nobody is on duty for mill, Davylamp itself from Sun" in capsys.readouterr().err
    site.write_text(WHOLE, "utf-8")
    assert main(["check", str(site)]) == 0


def test_an_address_that_its_channel_refuses_is_said_before_the_night(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["oncall", "test", str(site)]) == 0
    assert "nothing was sent" in capsys.readouterr().out
    monkeypatch.setenv("TEST_SMS", "nosuch://{to}")
    assert main(["oncall", "test", str(site)]) == 1
    assert "person li, channel sms: apprise takes no such URL" in capsys.readouterr().err


def test_a_test_that_does_not_arrive_says_where(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["oncall", "test", str(site), "--send", "--person", "wang"]) == 1
    assert "wang sms: the gateway did not take it" in capsys.readouterr().err
    assert main(["oncall", "test", str(site), "--send", "--person", "nobody"]) == 2


def test_wrong_words_and_a_site_without_a_roster_are_told_what_to_do(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["oncall", "tset", str(site)]) == 2
    site.write_text(WHOLE.split("[person.li]")[0], "utf-8")
    assert main(["oncall", str(site)]) == 1
    assert "calls nobody" in capsys.readouterr().err


def test_the_book_is_empty_before_the_first_call(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["oncall", str(site), "--calls"]) == 0
    assert "nobody was called yet" in capsys.readouterr().out
