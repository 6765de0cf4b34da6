"""What a long work says of itself: exact lines at given times, on a terminal and elsewhere."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from collector.progress import ERASE, Progress, line

MINUTE = 60 * 10**9
SITE = """
[site]
id = "pit"
timezone = "UTC"
simulated = true
[sensor]
ch4-1 = { area = "face", quantity = "methane", unit = "%vol", span = [0, 4], every = "1min" }
[rule.methane-high]
sensors = ["ch4-1"]
detector = { kind = "signal.limit", limit = "0.5 %vol" }
priority = "high"
guidance = "Withdraw"
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("share", "readings", "seconds", "shown"),
    [
        (0.25, 5_000_000, 10.0, "[######------------------]  25 %  5,000,000 readings  500,000/s  0:30 left"),
        (0.0, 0, 0.0, "[------------------------]   0 %  0 readings  0/s"),
        (0.01, 100, 60.0, "[------------------------]   1 %  100 readings  2/s  1:39:00 left"),
        (1.2, 100, 2.0, "[########################] 100 %  100 readings  50/s  0:00 left"),
        (None, 1000, 2.0, "1,000 readings  500/s"),
    ],
)
def test_a_line_says_how_far_how_fast_and_how_long(
    share: float | None, readings: int, seconds: float, shown: str
) -> None:
    assert line(share, readings, seconds) == shown


def test_a_terminal_sees_one_line_written_over_at_most_five_times_a_second() -> None:
    out, clock = Terminal(), Clock()
    progress = Progress(out, clock)
    for step in range(100):
        clock.now += 0.01
        progress((step + 1) / 100, step)
    progress.close()

    written = out.getvalue()
    assert written.count("\r") == 6
    assert written.count("\n") == 1
    assert written.endswith(f"100 %  99 readings  99/s  0:00 left{ERASE}\n")


def test_a_file_gets_a_line_each_ten_seconds_and_the_last() -> None:
    out, clock = io.StringIO(), Clock()
    progress = Progress(out, clock)
    for step in range(25):
        clock.now += 1.0
        progress((step + 1) / 25, step)
    progress.close()

    shares = [text.split("] ")[1].split(" %")[0].strip() for text in out.getvalue().splitlines()]
    assert shares == ["40", "80", "100"]


def test_nothing_was_done_and_nothing_is_written() -> None:
    out = Terminal()
    Progress(out).close()
    assert out.getvalue() == ""


def replayed(tmp_path: Path, *words: str, terminal: bool) -> tuple[str, str]:
    """(stdout, stderr) of the command, stderr a terminal or not."""
    site, readings = tmp_path / "site.toml", tmp_path / "readings.csv"
    site.write_text(SITE, encoding="utf-8")
    rows = "".join(f"{k * MINUTE},ch4-1,0.{k % 10}\n" for k in range(1, 300))
    readings.write_text(f"time,sensor,value\n{rows}", encoding="utf-8")
    command = [sys.executable, "-m", "collector.cli", "replay", str(site), str(readings), "--json", *words]
    if not terminal:
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        return ran.stdout, ran.stderr
    ours, theirs = pty.openpty()
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, check=True)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # Linux says so at the end of a terminal
        pass
    os.close(ours)
    return ran.stdout, shown.decode()


def test_the_verb_shows_it_on_a_terminal_or_when_asked_and_never_in_its_result(tmp_path: Path) -> None:
    quiet, silent = replayed(tmp_path, terminal=False)
    asked, told = replayed(tmp_path, "--progress", terminal=False)
    shown, bar = replayed(tmp_path, terminal=True)
    hidden, nothing = replayed(tmp_path, "--no-progress", terminal=True)

    assert (silent, nothing) == ("", "")
    assert "100 %" in told
    assert "100 %" in bar
    assert len({json.loads(out)["hash"] for out in (quiet, asked, shown, hidden)}) == 1
