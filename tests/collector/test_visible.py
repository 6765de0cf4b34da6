"""What people and devices write cannot steer a terminal or begin a line of a log."""

from __future__ import annotations

import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.verb import say, table, warn
from collector.visible import OneLine, one_line, visible

CLEAR, TITLE, TURNED = "\x1b[2J\x1b[H", "\x1b]0;evil\x07", "\u202etxt.exe"


def test_what_steers_is_shown_and_letters_of_every_script_stay() -> None:
    assert visible(CLEAR) == "\\x1b[2J\\x1b[H"
    assert visible(TITLE + TURNED + "\x9b31m\r\u2028") == "\\x1b]0;evil\\x07\\u202etxt.exe\\x9b31m\\r\\u2028"
    for kept in ("甲烷 1.5 %vol ≥ 限值", "Größe\tµm\n", "عربي", "e\u0301"):
        assert visible(kept) == kept


@given(st.text())
def test_one_line_is_one_line_and_prints(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert "\x1b" not in line


def test_what_is_printed_for_people_goes_through_it(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{CLEAR}by Li")
    warn(f"{TITLE}no")
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err


def test_a_note_is_one_cell_of_one_row() -> None:
    shown = table(("alarm", "note"), [("a", f"seen\ncritical  forged{CLEAR}"), ("b", "")])
    assert len(shown.splitlines()) == 3
    assert "\x1b" not in shown


def test_a_device_cannot_write_a_line_of_the_log() -> None:
    topic = "x\n2026-01-01 INFO judge forged\r\x1b[2J"
    record = logging.LogRecord("mqtt", logging.WARNING, "", 0, "topic=%s", (topic,), None)
    line = OneLine("%(levelname)s %(message)s").format(record)
    assert line == "WARNING topic=x\\n2026-01-01 INFO judge forged\\r\\x1b[2J"
    try:
        raise ValueError("inside")
    except ValueError:
        record.exc_info = sys.exc_info()
    assert OneLine("%(message)s").format(record).splitlines()[-1] == "ValueError: inside"
