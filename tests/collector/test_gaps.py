"""Missing intervals, from readings that are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.actions import ask_revision
from collector.decode import OWN_ALARM
from collector.gaps import COLLECT, NOT_COLLECTED, Gap, find, in_rows
from collector.inbox import Inbox
from collector.message import MQTT, OWN, Message
from collector.spool import Spool
from detectors.records import SOURCE
from tests.at_rest import judge_log, store_history

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
    _judged_and_stored(tmp_path)
    return tmp_path


def _judged_and_stored(folder: Path) -> None:
    judge_log(folder)
    store_history(folder)


def test_a_silence_is_one_gap_and_a_reading_without_a_number_ends_none(folder: Path) -> None:
    assert find(folder, "ch4-1") == [
        Gap("ch4-1", START + 20 * SECOND, START + 60 * SECOND, "1 of its readings had no number")
    ]


def test_what_is_not_expected_regularly_has_no_gap(folder: Path) -> None:
    assert find(folder, "prism-1") == []


def test_time_in_which_nothing_was_collected_is_a_gap_of_all(folder: Path) -> None:
    assert Gap(COLLECT, START + 100 * SECOND, START + 104 * SECOND, NOT_COLLECTED) in find(folder)


def test_an_empty_folder_has_no_gap(tmp_path: Path) -> None:
    assert find(tmp_path) == []


def test_messages_that_could_not_be_read_are_the_cause(folder: Path) -> None:
    spool = Spool(folder)
    for second in range(105, 140, 5):
        spool.append([Message("small/ch4-1", b"{", MQTT)], START + second * SECOND, START)
    spool.append([_reading("ch4-1", 140)], START + 140 * SECOND, START)
    spool.close()
    _judged_and_stored(folder)
    (_, gap) = find(folder, "ch4-1")
    assert (gap.start, gap.end) == (START + 95 * SECOND, START + 140 * SECOND)
    assert gap.cause == "7 messages could not be read: `davylamp ledger --dead`"


@pytest.mark.parametrize(
    ("to", "cause"), [(58, "source-failing: 'pit/#' refused"), (30, ""), (None, "source-failing: 'pit/#' refused")]
)
def test_a_broker_that_failed_most_of_the_time_is_the_cause(tmp_path: Path, to: int | None, cause: str) -> None:
    ask_revision(tmp_path, DOCUMENT, "test", "")
    spool = Spool(tmp_path)
    spool.append(Inbox(tmp_path).waiting(), START, START)
    said = {"rule": SOURCE, "subject": "mqtt", "active": True, "detail": "'pit/#' refused"}
    log: list[tuple[int, Message]] = [(20, _reading("ch4-1", 20)), (24, own(said))]
    log += [] if to is None else [(to, own(said | {"active": False, "detail": ""}))]
    for second, message in [*log, (60, _reading("ch4-1", 60))]:
        spool.append([message], START + second * SECOND, START)
    spool.close()
    _judged_and_stored(tmp_path)
    assert find(tmp_path, "ch4-1") == [Gap("ch4-1", START + 20 * SECOND, START + 60 * SECOND, cause)]


def own(alarm: dict[str, object]) -> Message:
    return Message(OWN_ALARM, json.dumps(alarm).encode(), OWN)


@pytest.mark.parametrize(("many", "said"), [(6, True), (4, False)])
def test_sensors_that_fall_silent_and_speak_again_together_are_said_to(tmp_path: Path, many: int, said: bool) -> None:
    names = [f"ch4-{k}" for k in range(many)]
    sensors = dict.fromkeys(names, DOCUMENT["sensor"]["ch4-1"])  # type: ignore[index]
    ask_revision(tmp_path, {**DOCUMENT, "sensor": sensors}, "test", "")
    spool = Spool(tmp_path)
    spool.append(Inbox(tmp_path).waiting(), START, START)
    for second in (*range(5, 21, 5), *range(60, 100, 5)):
        now = START + second * SECOND
        spool.append([_reading(name, second) for name in names], now, START)
    spool.close()
    _judged_and_stored(tmp_path)
    causes = {gap.sensor: gap.cause for gap in find(tmp_path)}
    assert causes == dict.fromkeys(names, f"silent together with {many - 1} others" if said else "")


def test_gaps_of_a_sensor_that_follow_each_other_are_one_row_for_a_person() -> None:
    slow = [Gap("radar-1", k, k + 10) for k in range(0, 30, 10)]
    apart, other = Gap("radar-1", 50, 60), Gap("radar-2", 0, 10, "1 of its readings had no number")
    assert in_rows([slow[0], other, slow[1], slow[2], apart]) == [
        Gap("radar-1", 0, 30, "3 in a row, a single reading between"), other, apart,
    ]  # fmt: skip


def test_gaps_of_different_causes_or_without_length_stay_rows_of_their_own() -> None:
    found = [Gap("a", 0, 10), Gap("a", 10, 20, "dead"), Gap("b", 5, 5, "1 missing"), Gap("b", 5, 5, "1 missing")]
    assert in_rows(found) == found
