"""Missing intervals, from readings that are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.actions import ask_revision
from collector.gaps import COLLECT, Gap, find
from collector.history import HistorySink
from collector.inbox import Inbox
from collector.judged import Judged
from collector.judging import Judging
from collector.message import MQTT, OWN, Message
from collector.spool import Spool
from collector.stored import Cursor
from collector.storing import IntoHistory

SECOND = 1_000_000_000
START = 1_767_225_600 * SECOND
DOCUMENT = {
    "site": {"id": "small", "timezone": "UTC", "simulated": True},
    "payload": {"plain": {"topic": "small/{sensor}", "json": {"value": "v", "time": "t"}}},
    "sensor": {
        "ch4-1": {"area": "face-1", "quantity": "methane", "unit": "%vol", "every": "5s"},
        "prism-1": {"area": "wall", "quantity": "displacement", "unit": "mm"},
    },
}


def _reading(sensor: str, second: int, value: float | None = 0.3) -> Message:
    payload = json.dumps({"v": value, "t": START + second * SECOND}).encode()
    return Message(f"small/{sensor}", payload, MQTT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """ch4-1 is heard each 5 s but for 20 to 60, with a value that is no number at 40; then a blind time."""
    ask_revision(tmp_path, DOCUMENT, "test", "")
    spool = Spool(tmp_path)
    spool.append(Inbox(tmp_path).waiting(), START, START)
    for second in (*range(5, 21, 5), 40, *range(60, 100, 5)):
        value = None if second == 40 else 0.3
        spool.append([_reading("ch4-1", second, value)], START + second * SECOND, START)
    spool.append([_reading("prism-1", 50)], START + 100 * SECOND, START)
    blind = {"from": START + 100 * SECOND, "to": START + 104 * SECOND}
    spool.append([Message("own/blind", json.dumps(blind).encode(), OWN)], START + 104 * SECOND, START)
    spool.close()
    judging = Judging(tmp_path)
    judging.catch_up()
    judging.close()
    judged, cursor = Judged(tmp_path), Cursor(tmp_path, "history")
    into = IntoHistory(judged, cursor, HistorySink(tmp_path, judged.series))
    while into.step():
        pass
    into.close()
    cursor.close()
    return tmp_path


def test_a_silence_is_one_gap_and_a_reading_without_a_number_ends_none(folder: Path) -> None:
    assert find(folder, "ch4-1") == [Gap("ch4-1", START + 20 * SECOND, START + 60 * SECOND)]


def test_what_is_not_expected_regularly_has_no_gap(folder: Path) -> None:
    assert find(folder, "prism-1") == []


def test_time_in_which_nothing_was_collected_is_a_gap_of_all(folder: Path) -> None:
    assert Gap(COLLECT, START + 100 * SECOND, START + 104 * SECOND, "not collecting") in find(folder)


def test_an_empty_folder_has_no_gap(tmp_path: Path) -> None:
    assert find(tmp_path) == []
