"""The verbs about hazards over a small data folder: who has it, what was done, when it may be closed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.cli import main
from collector.evidence import keep_evidence
from collector.message import MQTT, Message
from tests.collector import test_cli
from tests.collector.test_cli import SECOND, Small, _while_judging

NAME = "methane-high/ch4-1#1"
MADE = test_cli.SITE.replace('priority = "medium"', 'priority = "high"') + '[hazards]\nhigh = "1h"\n'


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    monkeypatch.setattr(test_cli, "SITE", MADE)
    monkeypatch.setattr("collector.liveness.behind", lambda status: 0)
    made = Small(tmp_path)
    yield made
    made.close()


def read(small: Small, value: float, later: float = 1.0) -> None:
    small.now += round(later * SECOND)
    payload = json.dumps({"v": value, "t": small.now}).encode()
    small.spool.append([Message("small/ch4-1", payload, MQTT)], small.now, small.now)
    small.judging.catch_up()


def listed(small: Small, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["hazards", "--data", str(small.data), "--json", *words]) == 0
    return list(json.loads(capsys.readouterr().out)["hazards"])


def test_it_is_listed_with_its_due_time_and_that_nobody_has_it(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hazards", "--data", str(small.data)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("SIMULATION small: 1 open hazard, 0 overdue")
    row = said.splitlines()[2]
    for words in (NAME, "high", "open", "face-1", "nobody", "(in 60 min)"):
        assert words in row
    assert listed(small, capsys, "--overdue") == []


def test_after_its_time_it_is_overdue_by_word_and_for_programs(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    read(small, 1.4, later=3 * 3600)
    assert main(["hazards", "--data", str(small.data), "--overdue"]) == 0
    said = capsys.readouterr().out
    assert "1 open hazard, 1 overdue" in said
    assert "OVERDUE" in said
    assert "(2 h ago)" in said
    assert [row["overdue"] for row in listed(small, capsys, "--overdue")] == [True]


def test_it_is_assigned_worked_on_with_evidence_and_closed(
    small: Small, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    photo = tmp_path / "fan 2.jpg"
    photo.write_bytes(b"a picture")
    digest = hashlib.sha256(b"a picture").hexdigest()
    assert _while_judging(small, "assign", NAME, "--to", "Wang", "--by", "Li", "--due", "30min") == 0
    done = ("did", "methane-high/ch4-1", "--by", "Wang", "--note", "fan exchanged", "--evidence", str(photo))
    assert _while_judging(small, *done) == 0
    close = ("close", NAME, "--by", "Zhao", "--note", "0.2 %vol for a shift")
    assert _while_judging(small, *close) == 1
    assert "refused: one of its alarms is active" in capsys.readouterr().err
    read(small, 0.2)
    assert _while_judging(small, "close", NAME, "--by", "Zhao") == 1
    assert "it needs a reason" in capsys.readouterr().err
    assert _while_judging(small, *close) == 0

    assert listed(small, capsys) == []
    (row,) = listed(small, capsys, "--all")
    assert (row["owner"], row["closed_by"], row["closed_note"]) == ("Wang", "Zhao", "0.2 %vol for a shift")
    assert row["due"] - row["opened"] < 3600 * SECOND
    (entry,) = row["done"]
    assert (entry["by"], entry["note"], entry["evidence"]) == ("Wang", "fan exchanged", [f"{digest}  fan 2.jpg"])
    assert (small.data / "evidence" / digest).read_bytes() == b"a picture"

    assert main(["hazards", NAME, "--data", str(small.data)]) == 0
    story = capsys.readouterr().out
    assert f"evidence/{digest}  fan 2.jpg" in story
    assert "closed by Zhao" in story
    assert f"alarm   {NAME} (1)" in story
    assert main(["explain", NAME, "--data", str(small.data)]) == 0
    assert "hazard closed" in capsys.readouterr().out


def test_who_accepted_has_it(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    assert _while_judging(small, "accept", NAME, "--by", "Chen") == 0
    assert [row["owner"] for row in listed(small, capsys)] == ["Chen"]


def test_what_cannot_be_meant_is_refused_with_what_to_do(
    small: Small, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = ("--data", str(small.data))
    assert main(["hazards", "nobody/ch4-1#1", *data]) == 1
    assert "davylamp hazards --all" in capsys.readouterr().err
    assert main(["did", NAME, "--by", "Li", "--evidence", str(tmp_path / "none.jpg"), *data]) == 1
    assert "none.jpg: No such file or directory; nothing was sent" in capsys.readouterr().err
    assert main(["assign", NAME, "--to", "Wang", "--by", "Li", "--due", "soon", *data]) == 2
    assert main(["close", "methane-high", "--by", "Li", *data]) == 2
    assert not (small.data / "inbox").exists() or not list((small.data / "inbox").glob("[!.]*"))
    assert _while_judging(small, "did", "methane-high/ch4-1#7", "--by", "Li", "--note", "x") == 1
    assert "no open hazard holds it" in capsys.readouterr().err


def test_evidence_is_kept_once_and_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a\nb.txt"
    file.write_bytes(b"12345")
    first, second = keep_evidence(tmp_path, file), keep_evidence(tmp_path, file)
    assert first == second == hashlib.sha256(b"12345").hexdigest() + "  a b.txt"
    assert len(list((tmp_path / "evidence").iterdir())) == 1
    monkeypatch.setattr("collector.evidence.LARGEST", 4)
    with pytest.raises(Exception, match="at most 4 are kept"):
        keep_evidence(tmp_path, file)
