"""A log judged, and what was judged stored, at once and without processes: for tests of those who read it then."""

from __future__ import annotations

from pathlib import Path

from collector.history import HistorySink
from collector.judged import Judged
from collector.judging import Judging
from collector.stored import Cursor
from collector.storing import IntoHistory


def judge_log(folder: Path) -> None:
    """Judge all that the log has, and save."""
    judging = Judging(folder)
    while judging.catch_up():
        pass
    judging.close()


def store_history(folder: Path) -> None:
    """Take all that was judged into the embedded history."""
    judged, cursor = Judged(folder), Cursor(folder, "history")
    into = IntoHistory(judged, cursor, HistorySink(folder, judged.series))
    while into.step():
        pass
    into.close()
    cursor.close()
    judged.close()
