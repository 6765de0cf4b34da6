"""What a revision changes, in words, and that the one in force is read from the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from collector.applying import differences, in_force, put_in_force
from collector.inbox import Inbox
from collector.message import MQTT, REVISION, Message
from collector.spool import Spool

OLD: dict[str, Any] = {
    "site": {"id": "s"},
    "sensor": {"a": {"unit": "ppm"}, "b": {"unit": "ppm"}},
    "rule": {"high": {"detector": {"limit": "24 ppm"}}, "low": {"detector": {"limit": "1 ppm"}}},
}


def _revision(document: dict[str, Any]) -> Message:
    return Message("revision", json.dumps({"document": document, "by": "", "note": ""}).encode(), REVISION)


def test_the_same_document_changes_nothing() -> None:
    assert differences(OLD, json.loads(json.dumps(OLD))) == []


def test_a_first_revision_says_how_much_there_is() -> None:
    assert differences(None, OLD) == ["first revision: 2 sensors, 2 rules"]


def test_removed_comes_first_then_changed_then_added() -> None:
    new = json.loads(json.dumps(OLD))
    del new["rule"]["low"], new["sensor"]["b"]
    new["rule"]["high"]["detector"]["limit"] = "30 ppm"
    new["rule"]["new"] = {"detector": {"limit": "2 ppm"}}
    assert differences(OLD, new) == [
        "removed rule low: no longer watched",
        "removed sensor b: no longer watched",
        'rule.high.detector.limit: "24 ppm" -> "30 ppm"',
        "added rule new",
    ]


def test_a_key_that_comes_or_goes_is_shown_as_nothing() -> None:
    new = json.loads(json.dumps(OLD))
    new["rule"]["high"]["latch"] = True
    assert differences(OLD, new) == ["rule.high.latch: nothing -> true"]
    assert differences(new, OLD) == ["rule.high.latch: true -> nothing"]


def test_what_is_in_force_is_the_newest_revision_in_the_log(tmp_path: Path) -> None:
    assert in_force(tmp_path) is None
    spool = Spool(tmp_path)
    assert in_force(tmp_path) is None
    newer = {**OLD, "site": {"id": "t"}}
    spool.append([_revision(OLD), Message("x", b"1", MQTT)], 10, 10)
    spool.append([Message("x", b"1", MQTT), _revision(newer), Message("x", b"2", MQTT)], 20, 20)
    spool.append([Message("x", b"1", MQTT)], 30, 30)
    assert in_force(tmp_path) == newer
    spool.close()


def test_a_revision_nobody_judges_is_unanswered_and_waits_in_the_inbox(tmp_path: Path) -> None:
    answer = put_in_force(tmp_path, OLD, "Wang", "first", wait=0.1)
    assert answer.outcome == "unanswered"
    (message,) = Inbox(tmp_path).waiting()
    assert message.origin == REVISION
    assert json.loads(message.payload)["by"] == "Wang"
