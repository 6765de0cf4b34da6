"""Scenarios through the whole judging path: the demo is found whole, and the same however its messages are cut."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path

import pytest

from collector import rehearsing
from collector.cli import main
from collector.rehearsing import changes, names, rehearse, site_of
from detectors.records import Change
from simulators.instrument import SECOND
from simulators.scenario import read_scenario
from simulators.score import Score

START = 1_767_225_600 * SECOND


@cache
def demo() -> Score:
    return rehearse("demo")


def test_the_demo_is_found_whole_and_nothing_else_is_said() -> None:
    result = demo()
    assert len(result.said) == len(read_scenario("demo").truths)
    assert [said.truth.kind for said in result.said if said.late] == []
    assert result.total.false.count == 0, [onset.name for onset in result.false]
    assert sum(said.wrongly for said in result.said) == 0
    blasts = [said for said in result.said if said.truth.kind == "blast"]
    assert len(blasts) == 6, "every geophone feels it, and waveforms are judged too"
    assert all(said.delay is not None and said.delay <= 2 * SECOND for said in blasts)


def test_another_seed_gives_other_readings_and_the_same_findings() -> None:
    other = rehearse("demo", seed=2)
    assert [said.late for said in other.said] == [False] * len(other.said)
    assert [said.delay for said in other.said] != [said.delay for said in demo().said]


def test_how_the_messages_are_made_in_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = dataclasses.replace(read_scenario("demo"), lasts_s=40.0)
    site = site_of(scenario)

    def said(piece: float) -> list[Change]:
        monkeypatch.setattr(rehearsing, "SHORTEST", piece)
        return list(changes(scenario, site, START))

    whole = said(40)
    assert len(whole) > 50
    assert said(7.3) == whole


def test_the_names_are_those_of_scenarios_not_of_sites() -> None:
    assert "demo" in names()
    assert "north-pit" not in names()


def test_the_command_says_a_line_a_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "--scenario", "demo", "--processes", "1"]) == 0
    head, line, _, *whole = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["scenario", "asked", "found"]
    asked = str(len([truth for truth in read_scenario("demo").truths if truth.rules]))
    assert line.split()[:6] == ["demo", asked, asked, "0", "0", "0"]
    assert any(one.startswith("ground-shaken") for one in whole), "of a single one the whole score is there too"


SILLY = """
[scenario]
name = "silly"
site = "north-pit"
seed = 1
lasts = "30s"
[[event]]
truth = "a peak that nobody should say, and is said"
kind = "plume"
sensors = ["ch4-2105"]
start = 5
to = 1.3
rise = 2
expect = []
[[event]]
truth = "a small one that should be said, and is not"
kind = "plume"
sensors = ["ch4-2106"]
start = 5
to = 0.5
rise = 2
expect = ["return-methane.cut"]
"""


def test_what_is_amiss_is_named_and_the_answer_is_no(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "silly.toml"
    file.write_text(SILLY, encoding="utf-8")
    assert main(["score", "--scenario", str(file), "--processes", "1"]) == 1
    said = capsys.readouterr().out
    assert "RAISED 1 x, expected none: a peak that nobody should say, and is said, ch4-2105" in said
    assert "MISSED: a small one that should be said, and is not, ch4-2106" in said
    assert main(["score", "--scenario", str(file), "--processes", "1", "--json"]) == 1
    (result,) = json.loads(capsys.readouterr().out).values()
    assert result["total"]["false"]["count"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "found scenario"), (SILLY.replace("north-pit", "south-pit"), "which is not ours: give --site"),
     (SILLY.replace("ch4-2106", "ch4-9999"), "ch4-9999")],
)  # fmt: skip
def test_a_scenario_that_cannot_be_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, said: str
) -> None:
    file = tmp_path / "s.toml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    assert main(["score", "--scenario", str(file), "--processes", "1"]) == 1
    assert said in capsys.readouterr().err
