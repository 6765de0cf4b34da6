"""Messages that are no readings, misshapen: each is a counted dead letter, and the log goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.decode import BLIND, OWN_ALARM
from collector.folding import Folded, Folding
from collector.judging import Judging
from collector.ledger import balance, read_counts
from collector.message import ACTION, MQTT, OWN, REVISION, Message, Seal
from collector.spool import Spool
from tests.small_log import START, S, document, fill, judge_all, reading, revision

NOT_JSON = [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b"[1]", b'"x"', b"12", b"{}"]
BLINDS = [
    *NOT_JSON,
    b'{"from": 5}',
    b'{"from": "1", "to": "2"}',
    b'{"from": 1.5, "to": 2}',
    b'{"from": 9, "to": 1}',
    b'{"from": -1, "to": 1}',
    b'{"from": 1, "to": 99999999999999999999}',
    b'{"from": null, "to": NaN}',
]
REVISIONS = [
    *NOT_JSON,
    b'{"document": []}',
    b'{"document": {}}',
    b'{"document": {"site": 5, "rule": [], "sensor": "x"}}',
    b'{"document": {"site": {"id": ["a"]}}, "by": "li"}',
    json.dumps({"document": document(), "by": 5}).encode(),
    json.dumps({"document": document(), "note": "\ud800"}).encode(),
]
ASKED = {"id": "a", "kind": "comment", "rule": "gas", "subject": "ch4-1", "by": "li", "note": "x"}
MISTYPED: list[dict[str, object]] = [
    {"rule": ["gas"]}, {"subject": {}}, {"kind": None}, {"by": 7}, {"until": "tomorrow"}, {"until": 1.5},
    {"occurrence": [1]}, {"until": 10**30}, {"note": "\ud800"}, {"measure": False},
]  # fmt: skip
ACTIONS = [
    *NOT_JSON,
    *(json.dumps({**ASKED, **wrong}).encode() for wrong in MISTYPED),
]


def first(folding: Folding) -> Folded:
    return folding.fold([Seal(1, START, START, (revision(),))])


@pytest.mark.parametrize("payload", BLINDS, ids=range(len(BLINDS)))
def test_a_blind_message_that_cannot_be_read_is_a_dead_letter(payload: bytes) -> None:
    folding = Folding()
    first(folding)
    out = folding.fold([Seal(2, START + S, START, (reading(0, START, 0.2), Message(BLIND, payload, OWN)))])
    assert [(d.seal, d.index, d.reason) for d in out.dead] == [(2, 1, "blind")]
    assert (folding.counts["dead.blind"], folding.counts["received"], folding.counts.get("blind", 0)) == (1, 2, 0)
    assert folding.counts["readings"] == 1


@pytest.mark.parametrize("payload", REVISIONS, ids=range(len(REVISIONS)))
@pytest.mark.parametrize("judged_before", [True, False])
def test_a_revision_that_cannot_be_read_is_a_dead_letter_and_changes_nothing(
    payload: bytes, judged_before: bool
) -> None:
    folding = Folding()
    if judged_before:
        first(folding)
    before = folding.judge
    out = folding.fold([Seal(2, START + S, START, (Message("revision", payload, REVISION),))])
    assert [(d.seal, d.index, d.reason) for d in out.dead] == [(2, 0, "revision")]
    assert folding.counts["dead.revision"] == 1
    assert (folding.judge, folding.revision) == (before, int(judged_before))


@pytest.mark.parametrize("payload", ACTIONS, ids=range(len(ACTIONS)))
def test_an_action_that_cannot_be_read_is_a_dead_letter(payload: bytes) -> None:
    folding = Folding()
    first(folding)
    out = folding.fold([Seal(2, START + S, START, (Message("action", payload, ACTION),))])
    assert [(d.seal, d.index, d.reason) for d in out.dead] == [(2, 0, "action")]
    assert folding.counts["dead.action"] == 1
    assert out.changes == []


def test_an_action_before_any_site_is_a_dead_letter_too() -> None:
    folding = Folding()
    out = folding.fold([Seal(1, START, START, (Message("action", json.dumps(ASKED).encode(), ACTION),))])
    assert [(d.reason, folding.counts) for d in out.dead] == [("action", {"dead.action": 1})]


def test_a_refused_revision_is_journaled_with_who_sent_it() -> None:
    folding = Folding()
    first(folding)
    payload = json.dumps({"document": {"site": {"id": "pit"}}, "by": "li"}).encode()
    out = folding.fold([Seal(2, START + S, START, (Message("revision", payload, REVISION),))])
    assert [(c.change, c.by) for c in out.changes] == [("refused", "li")]


def test_blindness_that_a_broker_claims_is_an_ordinary_message() -> None:
    folding = Folding()
    first(folding)
    claim = json.dumps({"from": START, "to": START + S}).encode()
    out = folding.fold([Seal(2, START + S, START, (Message(BLIND, claim, MQTT),))])
    assert ([c.change for c in out.changes], [d.reason for d in out.dead]) == ([], ["unknown_topic"])
    out = folding.fold([Seal(3, START + 2 * S, START, (Message(BLIND, claim, OWN),))])
    assert ([c.change for c in out.changes], out.dead) == (["blind"], [])


@pytest.mark.parametrize("payload", [*NOT_JSON, b"{}", b'{"rule": "gas", "subject": "x", "active": true}',
                                     b'{"rule": "channel-failing", "subject": "", "active": true}'])  # fmt: skip
def test_an_own_alarm_that_cannot_be_read_is_a_dead_letter(payload: bytes) -> None:
    folding = Folding()
    first(folding)
    out = folding.fold([Seal(2, START + S, START, (Message(OWN_ALARM, payload, OWN),))])
    assert [d.reason for d in out.dead] == ["alarm"]


def test_an_own_alarm_begins_once_and_ends_and_a_broker_cannot_claim_it() -> None:
    folding = Folding()
    first(folding)

    def said(active: bool, origin: str = OWN, detail: str = "down") -> list[tuple[str, str, str, str]]:
        payload = {"rule": "channel-failing", "subject": "sms", "active": active, "detail": detail}
        message = Message(OWN_ALARM, json.dumps(payload).encode(), origin)
        out = folding.fold([Seal(2, START + S, START, (message,))])
        return [(c.rule, c.sensor, c.change, c.priority) for c in out.changes]

    assert said(True, MQTT) == []
    assert said(True) == [("channel-failing", "sms", "raised", "high")]
    assert said(True) == []
    assert said(False) == [("channel-failing", "sms", "returned", "high")]
    assert said(False) == []
    assert folding.counts["own_alarms"] == 4


def test_a_log_with_all_of_them_balances_and_judging_goes_on(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    spool = Spool(tmp_path)
    claim = json.dumps({"from": START, "to": START + S}).encode()
    wrong = [Message(BLIND, p, OWN) for p in BLINDS]
    wrong += [Message("revision", p, REVISION) for p in REVISIONS]
    wrong += [Message("action", p, ACTION) for p in ACTIONS]
    wrong += [Message(BLIND, claim, MQTT), Message(BLIND, claim, OWN)]
    alarm = {"rule": "channel-failing", "subject": "sms", "active": True}
    wrong += [Message(OWN_ALARM, json.dumps(alarm).encode(), OWN)]
    spool.append(wrong, START + 30 * S, START)
    spool.append([reading(3, START + 31 * S, 1.2)], START + 31 * S, START)
    spool.close()

    judged = judge_all(tmp_path)

    counts = read_counts(tmp_path)
    assert balance(counts) == []
    dead = {name: counts[f"judge.dead.{name}"] for name in ("blind", "revision", "action")}
    assert dead == {"blind": len(BLINDS), "revision": len(REVISIONS), "action": len(ACTIONS)}
    assert {(d["seal"], d["number"]) for d in judged.dead(1000)} >= {(21, k) for k in range(len(wrong) - 2)}
    assert judged.status()["seal"] == 22
    Judging(tmp_path).close()
