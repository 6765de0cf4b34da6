"""The ledger: what balances, what does not, and that a gap is named by its hop."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from collector.actions import ask_revision
from collector.balancing import look
from collector.inbox import Inbox
from collector.judged import MINUTE, Judged, judged_file
from collector.judging import Judging
from collector.ledger import SpoolCounts, balance, read_at_rest, read_counts, text, verdict
from collector.ledger_minutes import of_sensor
from collector.message import ACTION, MQTT, OWN, Message
from collector.spool import Spool
from collector.stored import Cursor
from detectors.records import UNBALANCED
from tests.at_rest import judge_log, store_history

START = 1_767_225_600_000_000_000
SECOND = 1_000_000_000
DOCUMENT = {
    "site": {"id": "small", "timezone": "UTC", "simulated": True},
    "payload": {"plain": {"topic": "small/{sensor}", "json": {"value": "v", "time": "t"}}},
    "sensor": {"ch4-1": {"area": "face-1", "quantity": "methane", "unit": "%vol", "span": [0, 4]}},
    "rule": {
        "high": {
            "sensors": ["ch4-1"],
            "detector": {"kind": "signal.limit", "limit": "1.0 %vol"},
            "priority": "low",
            "guidance": "look",
        }
    },
}
BALANCED = {
    "spool.mqtt": 10, "spool.csv": 1, "spool.own": 2, "spool.action": 3, "spool.revision": 1, "judge.received": 13,
    "judge.actions": 2, "judge.dead.action": 1, "judge.revisions": 1, "judge.readings": 40, "gate.judged": 35,
    "gate.duplicate": 3, "gate.waves": 2, "judge.derived": 5, "store.history.written": 30, "store.history.waiting": 10,
    "store.history.cursor": 7,
}  # fmt: skip


def _reading(value: object, at: int) -> Message:
    return Message("small/ch4-1", json.dumps({"v": value, "t": at}).encode(), MQTT)


def _filled(folder: Path) -> None:
    """A log with readings, duplicates, dead letters, an action and a revision in mixed seals; judged and stored."""
    ask_revision(folder, DOCUMENT, "test", "")
    action = json.dumps({"id": "a", "kind": "comment", "rule": "high", "subject": "ch4-1", "by": "Li", "note": "x"})
    seals = [
        Inbox(folder).waiting(),
        [_reading(0.5, START), _reading(0.6, START + SECOND), Message("own/link", b'{"value": 1}', OWN)],
        [_reading(0.6, START + SECOND), Message("elsewhere", b"1", MQTT), _reading("high", START + 2 * SECOND)],
        [_reading(1.2, START + 3 * SECOND), Message("action", action.encode(), ACTION, id="a")],
    ]
    spool = Spool(folder)
    for place, messages in enumerate(seals):
        spool.append(messages, START + (place + 4) * SECOND, START)
    spool.close()
    judge_log(folder)


def test_a_log_with_all_kinds_of_input_balances_at_every_hop(tmp_path: Path) -> None:
    _filled(tmp_path)
    store_history(tmp_path)
    counts = read_counts(tmp_path)
    assert balance(counts) == []
    assert (counts["spool.mqtt"], counts["spool.own"], counts["spool.action"], counts["spool.revision"]) == (6, 1, 1, 1)
    assert counts["judge.received"] == 7
    assert counts["gate.duplicate"] == 1
    assert counts["judge.dead.unknown_topic"] == 1
    assert counts["store.history.written"] == counts["gate.judged"] + counts["judge.derived"]


def test_what_no_store_has_taken_yet_is_waiting_and_balances(tmp_path: Path) -> None:
    _filled(tmp_path)
    Cursor(tmp_path, "history").close()
    counts = read_counts(tmp_path)
    assert counts["store.history.waiting"] == counts["gate.judged"] + counts["judge.derived"]
    assert balance(counts) == []


def test_seals_that_are_not_judged_yet_are_waiting(tmp_path: Path) -> None:
    _filled(tmp_path)
    spool = Spool(tmp_path)
    spool.append([_reading(0.1, START + 9 * SECOND)], START + 20 * SECOND, START)
    spool.close()
    counts = read_counts(tmp_path)
    assert counts["judge.waiting_seals"] == 1
    assert counts["spool.mqtt"] == 6
    assert balance(counts) == []


def test_counting_on_gives_what_counting_afresh_gives(tmp_path: Path) -> None:
    _filled(tmp_path)
    going_on = SpoolCounts(tmp_path)
    for upto in (1, 2, 2, 4):
        going_on.read(upto)
    assert going_on.counts == SpoolCounts(tmp_path).read(4) != {}


def test_an_empty_folder_balances_and_says_that_nothing_came(tmp_path: Path) -> None:
    counts, wrong = read_at_rest(tmp_path)
    assert wrong == []
    assert text(counts) == "nothing has come in yet"


def test_balanced_counts_have_no_imbalance() -> None:
    assert balance(BALANCED) == []


@pytest.mark.parametrize(
    ("name", "hop"),
    [
        ("spool.mqtt", "spool -> decode"),
        ("spool.action", "spool -> actions"),
        ("judge.revisions", "spool -> revisions"),
        ("gate.duplicate", "decode -> gate"),
        ("store.history.written", "judged -> history"),
    ],
)
def test_one_message_too_few_is_named_by_its_hop(name: str, hop: str) -> None:
    (wrong,) = balance({**BALANCED, name: BALANCED[name] - 1})
    assert wrong.hop == hop
    assert "does not balance by" in str(wrong)
    assert name in str(wrong)


# -- minutes -------------------------------------------------------------------------------------------------------


def _lost(folder: Path, name: str, minute: int) -> None:
    """Take one from a count of judging, as if it had lost something in that minute."""
    store = sqlite3.connect(judged_file(folder))
    ledger = json.loads(store.execute("SELECT value FROM fact WHERE name = 'ledger'").fetchone()[0])
    store.execute("UPDATE fact SET value = ? WHERE name = 'ledger'", (json.dumps({**ledger, name: ledger[name] - 1}),))
    store.execute("UPDATE minute SET number = number - 1 WHERE minute = ? AND name = ?", (minute, name))
    store.commit()
    store.close()


def _later(folder: Path) -> None:
    """A second minute, with a reading, and a third that has only begun."""
    spool = Spool(folder)
    for at in (80 * SECOND, 150 * SECOND):
        spool.append([_reading(0.2, START + at)], START + at, START)
    spool.close()
    judge_log(folder)


def test_the_minutes_add_up_to_the_whole(tmp_path: Path) -> None:
    _filled(tmp_path)
    _later(tmp_path)
    judged = Judged(tmp_path)
    minutes = judged.minutes()
    assert len(minutes) == 3
    total = sum((Counter(counts) for counts in minutes.values()), Counter())
    assert {name: total[name] for name in judged.ledger()} == judged.ledger()


@pytest.mark.parametrize(
    ("name", "hop"),
    [("received", "spool -> decode"), ("gate.judged", "decode -> gate"), ("derived", "judged -> history")],
)
def test_an_imbalance_is_named_by_hop_and_minute(tmp_path: Path, name: str, hop: str) -> None:
    _filled(tmp_path)
    _later(tmp_path)
    store_history(tmp_path)
    _lost(tmp_path, name, START // MINUTE)
    counts, wrong = read_at_rest(tmp_path, tries=1)
    found = {one.hop: one for one in wrong}
    assert list(found[hop].minutes) == [START // MINUTE]
    assert f"{hop} does not balance by " in verdict(counts, wrong)
    assert "between 2026-01-01 00:00:00" in verdict(counts, wrong)


def test_what_became_of_a_sensors_readings_is_said_by_the_minute(tmp_path: Path) -> None:
    _filled(tmp_path)
    _later(tmp_path)
    minutes = of_sensor(tmp_path, "ch4-1")
    first = START // MINUTE
    assert minutes[first] == {"judged": 3, "twice": 1, "unreadable": 1}
    assert {minute - first: counts["judged"] for minute, counts in minutes.items()} == {0: 3, 1: 1, 2: 1}
    assert list(of_sensor(tmp_path, "ch4-1", START + 70 * SECOND)) == [first + 1, first + 2]
    assert of_sensor(tmp_path, "nobody") == {}


def test_a_restart_in_a_minute_counts_it_once(tmp_path: Path) -> None:
    _filled(tmp_path)
    before = Judged(tmp_path).minutes()
    Judging(tmp_path).close()
    assert Judged(tmp_path).minutes() == before


def test_old_minutes_are_forgotten_and_the_whole_is_kept(tmp_path: Path) -> None:
    _filled(tmp_path)
    _later(tmp_path)
    whole = Judged(tmp_path).ledger()
    judging = Judging(tmp_path)
    judging.writer.forget(START + 70 * SECOND, 0)
    judging.close()
    assert list(Judged(tmp_path).minutes()) == [START // MINUTE + 1, START // MINUTE + 2]
    assert Judged(tmp_path).ledger() == whole


def test_an_imbalance_is_an_alarm_until_it_balances_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.balancing.read_at_rest", lambda folder: read_at_rest(folder, tries=1))
    _filled(tmp_path)
    Inbox(tmp_path).remove(Inbox(tmp_path).waiting())
    assert look(tmp_path, False) is False
    assert Inbox(tmp_path).waiting() == []
    _lost(tmp_path, "gate.judged", START // MINUTE)
    assert look(tmp_path, False) is True
    assert look(tmp_path, True) is True
    assert len(Inbox(tmp_path).waiting()) == 2, "said each time, so that a reset hides nothing"
    _told(tmp_path, START + 200 * SECOND)
    standing = [row for row in Judged(tmp_path).alarms() if row["active"] and row["rule"] == UNBALANCED]
    assert [(row["subject"], row["priority"]) for row in standing] == [("ledger", "high")]
    assert "decode -> gate does not balance by 1" in standing[0]["why"]["detail"]

    assert look(tmp_path, True) is False, "judging wrote its own count again"
    _told(tmp_path, START + 210 * SECOND)
    assert not [row for row in Judged(tmp_path).alarms() if row["active"] and row["rule"] == UNBALANCED]


def _told(folder: Path, now: int) -> None:
    """What lies in the inbox goes into the log and is judged."""
    inbox, spool = Inbox(folder), Spool(folder)
    waiting = inbox.waiting()
    spool.append(waiting, now, START)
    inbox.remove(waiting)
    spool.close()
    judge_log(folder)


def test_a_cursor_is_no_count() -> None:
    assert balance({**BALANCED, "store.history.cursor": 999}) == []


def test_the_text_leaves_out_what_is_zero() -> None:
    shown = text({**BALANCED, "judge.dead.empty": 0})
    assert "dead.empty" not in shown
    assert "received" in shown
