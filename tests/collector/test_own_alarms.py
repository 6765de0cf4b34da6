"""Own alarms about what the site no longer has: they end and say why; a reset ends them, and hides nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from collector import orders
from collector.actions import own_alarm
from collector.decode import GONE
from collector.errors import Unavailable
from collector.explaining import Story, words
from collector.inbox import Inbox
from collector.judged import Judged
from collector.judging import Judging
from collector.message import ACTION, Message
from collector.mqtt_settings import Mqtt
from collector.oncall import OnCall
from collector.own_alarms import GUIDANCE, Gone
from collector.roster import Person
from collector.settings import Settings
from collector.spool import Spool
from detectors.records import BROKEN, CHANNEL, DIFFERS, OWN_RULES, REPORTED, SOURCE, UNBALANCED
from tests.small_log import START, S, revision

ONCALL = OnCall({"li": Person("li", "Li", ())}, (), {"sms": None})  # type: ignore[dict-item]
WAYS = ("sms", "sms:li", "sms:gone", "fax", "fax:li")


def alarm(rule: str, subject: str, active: bool = True) -> dict[str, Any]:
    return {"rule": rule, "subject": subject, "active": active}


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(folder / "s.toml", folder, **more)


def handed_in(folder: Path) -> list[tuple[str, str, bool, str]]:
    """What lies in the inbox, taken out of it."""
    waiting = Inbox(folder).waiting()
    Inbox(folder).remove(waiting)
    found = [orders.own_alarm(message.payload) for message in waiting]
    return sorted((one.rule, one.subject, one.active, one.detail) for one in found)


class Site:
    """A log and its judge; what lies in the inbox goes into it at each step."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.spool, self.now = folder, Spool(folder), START
        self.step([revision()])

    def step(self, messages: Sequence[Message] = ()) -> list[tuple[str, str, str, str]]:
        """(change, subject, isa, why) of the lines that came of it."""
        self.now += S
        inbox = Inbox(self.folder)
        waiting = inbox.waiting()
        self.spool.append([*messages, *waiting], self.now, self.now)
        inbox.remove(waiting)
        before = Judged(self.folder).lines()
        judging = Judging(self.folder)
        judging.catch_up()
        judging.close()
        lines = [json.loads(line) for _, line, _ in Judged(self.folder).journal(before)]
        return [(line["change"], line["sensor"], line["isa"], line["why"]["key"]) for line in lines]

    def reset(self, rule: str, subject: str) -> list[tuple[str, str, str, str]]:
        asked = {"kind": "reset", "rule": rule, "subject": subject, "by": "li", "note": "", "id": f"r{self.now}"}
        return self.step([Message("action", json.dumps(asked).encode(), ACTION)])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_an_own_alarm_that_the_disk_does_not_take_is_unavailable_and_can_be_said_later(tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("no folder: whoever writes there is refused")
    with pytest.raises(Unavailable, match="inbox: .*exists"):
        own_alarm(tmp_path, CHANNEL, "sms", True, "no route")
    gone = Gone(settings(tmp_path))
    with pytest.raises(Unavailable):
        gone.look([alarm(SOURCE, "mqtt")])
    (tmp_path / "inbox").unlink()
    gone.look([alarm(SOURCE, "mqtt")])
    assert handed_in(tmp_path) == [(SOURCE, "mqtt", False, GONE)]


def test_a_way_that_the_site_no_longer_has_is_said_once_to_be_gone(tmp_path: Path) -> None:
    standing = [*(alarm(CHANNEL, way) for way in WAYS), alarm(CHANNEL, "pager", active=False), alarm("gas", "fax")]
    gone = Gone(settings(tmp_path, oncall=ONCALL))
    gone.look(standing)
    assert handed_in(tmp_path) == [(CHANNEL, way, False, GONE) for way in ("fax", "fax:li", "sms:gone")]
    gone.look(standing)
    assert handed_in(tmp_path) == [], "judging has not come to it yet"
    gone.look([])
    gone.look(standing[-3:-2])
    assert handed_in(tmp_path) == [(CHANNEL, "fax:li", False, GONE)], "it was raised once more"


def test_without_a_roster_no_way_is_there_and_without_a_broker_no_source(tmp_path: Path) -> None:
    standing = [alarm(CHANNEL, "sms"), alarm(SOURCE, "mqtt"), alarm(UNBALANCED, "ledger")]
    Gone(settings(tmp_path)).look(standing)
    assert handed_in(tmp_path) == [(CHANNEL, "sms", False, GONE), (SOURCE, "mqtt", False, GONE)]
    Gone(settings(tmp_path, oncall=ONCALL, mqtt=Mqtt("mqtt://x", "c"))).look(standing)
    assert handed_in(tmp_path) == []


def test_what_is_gone_ends_in_the_journal_with_that_reason(site: Site) -> None:
    own_alarm(site.folder, CHANNEL, "sms", True, "no route")
    assert site.step() == [("raised", "sms", "B", "own.channel-failing")]
    Gone(settings(site.folder)).look(Judged(site.folder).alarms())
    assert site.step() == [("returned", "sms", "D", "own.gone")]


def test_a_reset_ends_what_a_role_reported_and_is_told_as_its_return(site: Site) -> None:
    own_alarm(site.folder, CHANNEL, "sms", True, "no route")
    site.step()
    assert site.reset(CHANNEL, "sms") == [
        ("reset", "sms", "A", "own.channel-failing"), ("returned", "sms", "A", "own.reset"),
    ]  # fmt: skip
    assert site.reset(CHANNEL, "sms") == [("refused", "sms", "A", "judge.refused.nothing_to_reset")]
    own_alarm(site.folder, CHANNEL, "sms", True, "no route")
    assert site.step() == [("raised", "sms", "B", "own.channel-failing")], "it fails still"


def test_each_rule_that_a_role_reports_can_be_reset(site: Site) -> None:
    for rule in REPORTED:
        own_alarm(site.folder, rule, "x", True, "why")
        site.step()
        assert [line[0] for line in site.reset(rule, "x")] == ["reset", "returned"], rule
    assert DIFFERS in REPORTED, "nothing else ends it"
    assert BROKEN not in REPORTED, "the rule would still judge nothing"


def test_explain_says_what_failed_what_to_do_and_how_it_ended(site: Site) -> None:
    own_alarm(site.folder, CHANNEL, "sms:li", True, "the gateway did not take it")
    site.step()
    story = Story.of(site.folder, CHANNEL, "sms:li", None)
    assert story is not None
    assert "people cannot be reached this way: the gateway did not take it" in words(story)
    assert "davylamp oncall test --send" in words(story)
    Gone(settings(site.folder)).look(Judged(site.folder).alarms())
    site.step()
    ended = Story.of(site.folder, CHANNEL, "sms:li", 1)
    assert ended is not None
    assert words(ended).splitlines()[-1].endswith("  returned       the site file no longer has it")


def test_every_own_rule_says_what_to_do_and_every_page_it_names_is_there() -> None:
    assert set(GUIDANCE) == set(OWN_RULES)
    headings = {
        line.lstrip("# ").lower().replace("/", "").replace(" ", "-")
        for line in (Path(__file__).parents[2] / "docs/operations.md").read_text("utf-8").splitlines()
        if line.startswith("##")
    }  # fmt: skip
    named = {words.rpartition("#")[2] for words in GUIDANCE.values() if "#" in words}
    assert len(named) >= 4
    assert named <= headings
