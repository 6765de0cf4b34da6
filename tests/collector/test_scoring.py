"""`davylamp score`: the demo simulated, replayed and scored through the command line, and wrong input."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from collector.cli import main
from collector.journal import KEYS, change_of, line_json
from collector.scoring import changes_of
from detectors.detector import Why
from detectors.records import Change
from simulators.scenario import north_pit_site, read_scenario


@cache
def demo() -> Path:
    """A folder with the demo's site, readings, truths and journal, made by the commands."""
    folder = Path(mkdtemp())
    (folder / "site.toml").write_text(north_pit_site(), encoding="utf-8")
    text = (Path("simulators/scenarios") / "demo.toml").read_text(encoding="utf-8")
    story, _, rest = text.partition("[past]")
    (folder / "demo.toml").write_text(story + "[[event]]" + rest.partition("[[event]]")[2], encoding="utf-8")
    where = {name: str(folder / name) for name in ("site.toml", "demo.toml", "r.csv", "t.jsonl", "j.jsonl")}
    assert main(["simulate", where["demo.toml"], "--csv", where["r.csv"], "--truth", where["t.jsonl"]]) == 0
    assert main(["replay", where["site.toml"], where["r.csv"], "--journal", where["j.jsonl"]]) == 0
    return folder


def scored(capsys: pytest.CaptureFixture[str], *more: str) -> Any:
    folder = demo()
    capsys.readouterr()
    words = ["score", str(folder / "j.jsonl"), str(folder / "t.jsonl"), "--site", str(folder / "site.toml"), *more]
    assert main(words) == 0
    said = capsys.readouterr().out
    return json.loads(said) if "--json" in more else said


def test_the_demo_scores_as_its_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    result = scored(capsys, "--json")
    found = {truth["kind"]: truth for truth in result["truths"]}
    assert len(result["truths"]) == len(read_scenario("demo").truths)
    assert found["methane peak that returns"]["by"] == "face-methane.warn/ch4-2105#1"
    assert 0 < found["methane peak that returns"]["delay"] < 10e9
    assert found["stuck"]["by"] == "stuck/co-2201#1"
    assert found["single spike"]["wrongly"] == 0
    assert {onset["rule"] for onset in result["false"]} == {"silent"}, "a CSV has no waveforms, so geophones are silent"
    assert {onset["subject"][:3] for onset in result["false"]} == {"gp-"}
    blast = found["blast"]
    assert blast["by"] is None
    assert blast["late"]
    assert "ground-shaken" in result["unheard"]


def test_the_table_for_a_person_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    said = scored(capsys)
    assert "2026-01-01 08:00:00+08" in said, "times are the site's"
    (blast, *_) = (line for line in said.splitlines() if line.startswith("blast"))
    assert "MISSED" in blast
    assert "expected, but never named in the journal: ground-shaken" in said
    assert "false alarms, the first 6 of 6" in said
    assert "quiet, as expected" in said


def test_a_group_is_known_by_the_site_file(capsys: pytest.CaptureFixture[str]) -> None:
    rules = {part["name"]: part for part in scored(capsys, "--json")["rules"]}
    assert rules["wall-failing"]["truths"] == 2
    assert rules["wall-failing"]["detected"] in (0, 2), "one occurrence of the group finds both"


def test_a_change_comes_back_from_its_journal_line() -> None:
    change = Change(5, 4, "face", "a", "gas", "signal.limit", 2, "high", 7, "raised", "B", 1.5, None,
                    Why("signal.limit.above", {"over": 0.5}), "Li", "note", "id-1")  # fmt: skip
    assert change_of(line_json(change, 1, "site")) == change
    assert set(json.loads(line_json(change, 1, "site"))) | {"hash"} == set(KEYS)


def test_every_line_of_a_journal_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    file = demo() / "j.jsonl"
    changes = list(changes_of(file))
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [(c.now, c.rule, c.change) for c in changes] == [(x["now"], x["rule"], x["change"]) for x in lines]


@pytest.mark.parametrize(
    ("journal", "truth", "code", "said"),
    [
        ("absent.jsonl", "t.jsonl", 2, "absent.jsonl is not there"),
        ("j.jsonl", "absent.jsonl", 2, "absent.jsonl is not there"),
        ("r.csv", "t.jsonl", 1, "r.csv:1: found"),
        ("j.jsonl", "j.jsonl", 1, "j.jsonl:1: found"),
    ],
)
def test_wrong_files_are_told(
    capsys: pytest.CaptureFixture[str], journal: str, truth: str, code: int, said: str
) -> None:
    assert main(["score", str(demo() / journal), str(demo() / truth)]) == code
    assert said in capsys.readouterr().err


def test_a_wrong_tolerance_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(demo() / "j.jsonl"), str(demo() / "t.jsonl"), "--tolerance", "soon"]) == 2
    assert "--tolerance: 'soon' is no duration" in capsys.readouterr().err


def test_truths_go_with_a_csv(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["simulate", "demo", "--mqtt", "mqtt://127.0.0.1:1", "--truth", str(tmp_path / "t")]) == 2
    assert "--truth goes with --csv" in capsys.readouterr().err
