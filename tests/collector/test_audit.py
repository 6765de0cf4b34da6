"""The book of who came in: a chain that shows what was changed."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from collector.audit import FILE, GENESIS, Audit, read_audit, worth_a_line
from collector.chain import Chain
from collector.errors import Unavailable
from collector.journal import verify


def written(folder: Path, wall: int = 7) -> list[str]:
    audit = Audit(folder, lambda: wall)
    audit.note("login", "li", "10.0.0.1", access="operator")
    audit.note("action", "li", "10.0.0.1", kind="acknowledge", outcome="taken")
    audit.close()
    return list(read_audit(folder))


def test_lines_say_what_who_and_from_where_and_go_on_after_a_restart(tmp_path: Path) -> None:
    assert list(read_audit(tmp_path)) == []
    written(tmp_path)
    lines = written(tmp_path)
    found = [json.loads(line) for line in lines]
    assert [(one["seq"], one["what"], one["by"], one["from"]) for one in found] == [
        (1, "login", "li", "10.0.0.1"), (2, "action", "li", "10.0.0.1"),
        (3, "login", "li", "10.0.0.1"), (4, "action", "li", "10.0.0.1"),
    ]  # fmt: skip
    assert verify(lines, GENESIS) is None


@pytest.mark.parametrize(
    "change",
    ["UPDATE line SET line = replace(line, 'li', 'eve') WHERE seq = 1", "DELETE FROM line WHERE seq = 1",
     "UPDATE line SET line = replace(line, '10.0.0.1', '10.0.0.2') WHERE seq = 2"],
)  # fmt: skip
def test_what_was_changed_or_taken_out_shows(tmp_path: Path, change: str) -> None:
    written(tmp_path)
    with sqlite3.connect(tmp_path / FILE) as store:
        store.execute(change)
    assert verify(list(read_audit(tmp_path)), GENESIS) is not None


def test_a_text_cannot_begin_a_line_of_its_own(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit.note("login-failed", 'li","what":"login\n{"seq":9}\r\x1b[2J\u2028', "10.0.0.1")
    audit.close()
    (line,) = read_audit(tmp_path)
    assert json.loads(line)["what"] == "login-failed"
    assert not set(line) & set("\n\r\x1b")


def test_a_full_disk_keeps_nobody_from_acting_and_the_chain_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    audit, add = Audit(tmp_path), Chain.add

    def full(*_: object) -> None:
        raise Unavailable("no space")

    monkeypatch.setattr(Chain, "add", full)
    audit.note("login", "li", "")
    assert "audit=not-written" in caplog.text
    monkeypatch.setattr(Chain, "add", add)
    audit.note("login", "wang", "")
    lines = list(read_audit(tmp_path))
    assert [json.loads(line)["by"] for line in lines] == ["wang"]
    assert verify(lines, GENESIS) is None


def test_a_flood_of_failures_is_a_few_lines() -> None:
    assert sum(worth_a_line(n) for n in range(1, 1_000_001)) == 10 + len([2**k for k in range(4, 20)])
