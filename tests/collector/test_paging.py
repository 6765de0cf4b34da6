"""A whole night on call: people who answer, channels that fail, restarts; and the book that tells it afterwards."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.call_text import Wording
from collector.calling import Taken, Text
from collector.calls import CALLING, FAILED, GENESIS, REFUSED, TAKEN, CallBook, read_calls
from collector.clock import Clock
from collector.errors import Rejected, Unavailable
from collector.escalation import Policy, called_for
from collector.journal import verify
from collector.oncall import OnCall
from collector.paging import Pager
from collector.roster import Person, Roster, Rotation
from detectors.records import CHANNEL

S = 10**9
DUSK = 1_795_000_000 * S
ZONE = ZoneInfo("Asia/Shanghai")


class Judging:
    """A journal with a hash chain, as judging would write it; acting on it answers at once."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str, str]] = []
        self.digest = ""
        self.active: dict[str, dict[str, Any]] = {}

    def add(
        self, now: int, change: str, rule: str, priority: str, isa: str = "B", by: str = "", sensor: str = "p17"
    ) -> None:
        line = {
            "seq": len(self.lines) + 1, "now": now, "time": now, "site": "pit", "area": "north-wall", "sensor": sensor,
            "rule": rule, "kind": "slope.velocity", "revision": 1, "priority": priority, "occurrence": 1,
            "change": change, "isa": isa, "value": 12.3, "limit": 10.0,
            "why": {"key": "slope.velocity.above", "floor": 1.0}, "by": by, "note": "", "action": "a" if by else "",
        }  # fmt: skip
        self.digest = sha256((self.digest + json.dumps(line)).encode()).hexdigest()
        line["hash"] = self.digest
        self.lines.append((len(self.lines) + 1, json.dumps(line), self.digest))
        name = called_for(line)
        if change == "raised":
            self.active[name] = line
        elif change == "returned":
            self.active.pop(name, None)

    def journal(self, after: int, limit: int = 1000) -> list[tuple[int, str, str]]:
        return self.lines[after : after + limit]

    def alarms(self) -> list[dict[str, Any]]:
        return [{"rule": "wall", "subject": "p17", "unit": "mm/d", "guidance": "Close ramp 4", "consequence": ""}]

    def status(self) -> dict[str, Any]:
        return {"site": "pit", "timezone": "Asia/Shanghai", "simulated": False}

    def identity(self) -> str:
        return "one"


class Line:
    """A channel that can be down; it remembers who got what."""

    def __init__(self) -> None:
        self.hangs = threading.Event()
        self.hangs.set()
        self.sent: list[tuple[str, Text]] = []
        self.raises: Exception | None = None

    def send(self, to: str, text: Text) -> Taken:
        assert self.hangs.wait(20)
        if self.raises is not None:
            raise self.raises
        self.sent.append((to, text))
        return Taken(200)

    def objection(self, to: str) -> str:
        return ""


class Night:
    """Fake clock, real pager, real book, real threads."""

    def __init__(self, folder: Path, policy: Policy | None = None) -> None:
        self.folder, self.time = folder, DUSK
        self.ways = {"sms": Line(), "phone": Line(), "mail": Line()}
        names = ("li", "wang", "chen", "zhao", "liu")
        reach = {name: tuple((channel, f"{name}@{channel}") for channel in self.ways) for name in names}
        self.people = {name: Person(name, name.title(), reach[name]) for name in names}
        start = datetime.fromtimestamp(DUSK / S, ZONE).replace(tzinfo=None) - timedelta(days=1)
        first = Rotation(("li", "wang"), start, timedelta(hours=30), ZONE)
        second = Rotation(("chen", "zhao", "liu"), start, timedelta(days=7), ZONE)
        self.oncall = OnCall(self.people, (Roster("first", (first,)), Roster("second", (second,))), self.ways,
                             policy or Policy())  # fmt: skip
        self.judging = Judging()
        self.reports: list[tuple[str, bool, str]] = []
        self.pager = self.make()

    def make(self) -> Pager:
        clock = Clock(CallBook(self.folder).now, monotonic=lambda: self.time, wall=lambda: self.time)
        return Pager(self.oncall, self.judging, self.folder, clock, report=lambda *said: self.reports.append(said))

    def step(self, wait: bool = True) -> None:
        """Until nothing more happens at this instant."""
        while self.pager.step() or (wait and self.pager._under_way):
            time.sleep(0.001)

    def at(self, seconds: float) -> None:
        self.time = DUSK + round(seconds * S)

    def book(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in read_calls(self.folder)]


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path)


def test_a_call_is_written_down_before_it_is_made_and_after(night: Night) -> None:
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step()
    assert [(line["what"], line.get("code")) for line in night.book()] == [(CALLING, None), (TAKEN, 200)]
    ((to, text),) = night.ways["sms"].sent
    assert to == "li@sms"
    assert text.headline == "north-wall p17 wall 12.3 mm/d limit 10 CRITICAL"
    assert "Close ramp 4" in text.body
    assert "noise floor 1 mm/d" in text.body
    assert verify(read_calls(night.folder), GENESIS) is None
    assert not any("@sms" in line for line in read_calls(night.folder))


def test_a_channel_that_hangs_holds_up_nobody_else(night: Night) -> None:
    night.ways["sms"].hangs.clear()
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step(wait=False)
    night.at(120)
    night.step(wait=False)
    assert [line["person"] for line in night.book()] == ["li", "chen"]
    night.at(240)
    night.pager.step()
    while not night.ways["phone"].sent:
        time.sleep(0.001)
    night.ways["sms"].hangs.set()
    night.step()
    assert Counter(line["what"] for line in night.book()) == {CALLING: 3, TAKEN: 3}


def test_a_kill_in_the_middle_of_a_call_makes_it_again_under_the_same_id(night: Night) -> None:
    night.ways["sms"].hangs.clear()
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step(wait=False)
    night.pager._book.close()  # killed: what the old pager's thread does later nobody reads
    night.pager = night.make()
    night.ways["sms"].hangs.set()
    night.step()
    lines = night.book()
    assert [(line["what"], line.get("again", False)) for line in lines] == [
        (CALLING, False), (CALLING, True), (TAKEN, False)
    ]  # fmt: skip
    assert len({line["id"] for line in lines}) == 1


def gives_way(night: Night, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """While the list is not empty, no alarm about a way can be written."""
    full = [True]

    def report(way: str, fails: bool, problem: str) -> None:
        if full:
            raise Unavailable("inbox: [Errno 28] No space left on device")
        night.reports.append((way, fails, problem))

    monkeypatch.setattr(night.pager, "_report", report)
    return full


def test_a_full_disk_keeps_a_failing_ways_alarm_for_later_and_the_next_way_is_called(
    night: Night, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full = gives_way(night, monkeypatch)
    night.ways["sms"].raises = Unavailable("no route")
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step()
    for _ in range(3):
        night.step()
    called = [(line["what"], line["channel"]) for line in night.book()]
    assert called == [(CALLING, "sms"), (FAILED, "sms"), (CALLING, "phone"), (TAKEN, "phone")]
    said = [line for line in caplog.messages if "alarm=not-written" in line]
    assert said == ["way=sms alarm=not-written reason=inbox: [Errno 28] No space left on device"], "once"
    full.clear()
    night.step()
    night.step()
    assert night.reports == [("sms", True, "no route")]


def test_a_full_disk_keeps_the_end_of_a_ways_alarm_for_later_and_nobody_is_called_twice(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = gives_way(night, monkeypatch)
    night.pager._failing = {"sms", "sms:li"}
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step()
    night.step()
    assert [line["what"] for line in night.book()] == [CALLING, TAKEN]
    assert [to for to, _ in night.ways["sms"].sent] == ["li@sms"]
    full.clear()
    night.step()
    assert sorted(night.reports) == [("sms", False, ""), ("sms:li", False, "")]
    assert night.pager._failing == set()


def test_a_way_that_works_again_before_its_alarm_could_be_written_has_none(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = gives_way(night, monkeypatch)
    night.pager._fails("sms", "no route")
    night.pager._works({"sms"})
    full.clear()
    night.step()
    assert night.reports == []


def changed(night: Night, people: dict[str, Person]) -> None:
    """Killed in the middle of a call; the site that begins again has these people, `wang` on duty."""
    night.ways["sms"].hangs.clear()
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step(wait=False)
    night.pager._book.close()
    night.ways["sms"] = Line()
    duty = Rotation(("wang",), datetime.fromisoformat("2020-01-06T08:00"), timedelta(days=7), ZONE)
    night.oncall = OnCall(people, (Roster("first", (duty,)),), night.ways)
    night.pager = night.make()
    night.step()


def test_a_call_under_way_to_somebody_who_is_gone_since_goes_on_to_the_next_at_once(night: Night) -> None:
    changed(night, {name: one for name, one in night.people.items() if name != "li"})
    called = [(line["what"], line["person"]) for line in night.book()]
    assert called == [(CALLING, "li"), (CALLING, "li"), (REFUSED, "li"), (CALLING, "wang"), (TAKEN, "wang")]
    assert night.ways["sms"].sent[0][0] == "wang@sms"
    assert night.reports == [], "nobody can mend the address of somebody who is gone"
    night.judging.add(DUSK + S, "accepted", "wall", "critical", by="wang")
    night.judging.add(DUSK + 2 * S, "returned", "wall", "critical")
    night.at(2)
    night.step()
    assert night.pager._escalation.memory.opens == {}


def test_a_call_under_way_by_a_way_that_is_gone_since_is_made_to_no_empty_address(night: Night) -> None:
    changed(night, {**night.people, "li": Person("li", "Li", (("phone", "li@phone"),))})
    assert [to for to, _ in night.ways["sms"].sent] == ["wang@sms"]
    assert [line["what"] for line in night.book()][:3] == [CALLING, CALLING, REFUSED]


def test_where_nobody_can_tell_who_is_on_duty_everyone_is_called(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("DTSTART")

    monkeypatch.setattr(Rotation, "at", broken)
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step()
    assert {to for to, _ in night.ways["sms"].sent} == {f"{name}@sms" for name in night.people}


def test_a_call_for_which_there_are_no_words_is_made_all_the_same(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wording, "text", lambda *_: 1 / 0)
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step()
    ((to, text),) = night.ways["sms"].sent
    assert (to, text.headline) == ("li@sms", "wall/p17#1")


def test_a_stop_waits_for_the_call_under_way_and_a_start_does_not_repeat_it(night: Night) -> None:
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.pager.step()
    night.pager.close()
    night.pager = night.make()
    night.step()
    assert [line["what"] for line in night.book()] == [CALLING, TAKEN]


def test_an_address_that_is_refused_and_a_channel_that_breaks_fall_back_at_once(night: Night) -> None:
    night.ways["sms"].raises = Rejected("no such number")
    night.ways["phone"].raises = RuntimeError("a fault of the plugin")
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step()
    assert [line["what"] for line in night.book()] == [CALLING, "refused", CALLING, FAILED, CALLING, TAKEN]
    assert night.book()[1]["problem"] == "no such number"
    assert night.book()[3]["problem"] == "RuntimeError: a fault of the plugin"


def test_a_channel_that_fails_and_an_address_that_is_refused_are_alarms_until_they_work(night: Night) -> None:
    told: list[tuple[str, bool, str]] = []
    night.pager._report = lambda way, failing, problem: told.append((way, failing, problem))
    night.ways["sms"].raises = Unavailable("the gateway is down")
    night.ways["phone"].raises = Rejected("no such number")
    for k in range(2):
        night.judging.add(DUSK, "raised", f"wall{k}", "critical")
    night.step()
    assert sorted(told) == [("phone:li", True, "no such number"), ("sms", True, "the gateway is down")]
    night.ways["sms"].raises = night.ways["phone"].raises = None
    night.judging.add(DUSK, "raised", "wall9", "critical")
    night.step()
    assert told[2:] == [("sms", False, "")]


def test_another_judged_db_calls_nobody_again(night: Night) -> None:
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step()
    night.judging = Judging()
    night.judging.add(DUSK + 1, "raised", "wall", "critical")
    night.pager.close()
    night.pager = night.make()
    night.step()
    assert [line["what"] for line in night.book()] == [CALLING, TAKEN]


def test_what_was_raised_hidden_is_called_for_when_it_appears_and_its_answer_is_counted_from_then(night: Night) -> None:
    for rule in ("wall", "ramp"):
        night.judging.add(DUSK, "raised", rule, "critical", isa="E")
        night.judging.add(DUSK, "acknowledged", rule, "critical", isa="E", by="operator")
    night.judging.add(DUSK, "accepted", "ramp", "critical", isa="E", by="wang")
    night.step()
    assert night.book() == [], "nobody was called, so nobody answered a call"
    night.at(600)
    night.judging.add(night.time, "unshelved", "wall", "critical", isa="C", by="operator")
    night.judging.add(night.time, "unshelved", "ramp", "critical", isa="C", by="operator")
    night.step()
    ((to, text),) = night.ways["sms"].sent
    assert (to, text.headline) == ("li@sms", "north-wall p17 wall 12.3 mm/d limit 10 CRITICAL")
    night.at(660)
    night.judging.add(night.time, "accepted", "wall", "critical", isa="C", by="li")
    night.step()
    assert [(line["occurrences"], line["after"]) for line in night.book() if line["what"] == "answered"] == [
        (["wall/p17#1"], 60.0)
    ]


def test_calling_that_breaks_leaves_nothing_open_and_the_next_one_makes_the_calls_again(night: Night) -> None:
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step()
    night.judging.lines.append((2, "no JSON", "x"))
    with pytest.raises(json.JSONDecodeError):
        night.pager.follow(threading.Event())
    with pytest.raises(sqlite3.ProgrammingError):
        night.pager._book.write([], night.pager._escalation.memory, night.pager._book.place)
    night.judging.lines.pop()
    night.pager = night.make()
    night.at(120)
    night.step()
    assert [line["person"] for line in night.book() if line["what"] == CALLING] == ["li", "chen"]


def test_a_wall_clock_set_back_an_hour_delays_no_step(night: Night) -> None:
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step()
    monotonic = [0]
    clock = Clock(DUSK, monotonic=lambda: monotonic[0], wall=lambda: DUSK - 3600 * S + monotonic[0])
    night.pager.close()
    night.pager = Pager(night.oncall, night.judging, night.folder, clock)
    monotonic[0] = 122 * S  # it may slew by 1 %
    night.step()
    assert [line["person"] for line in night.book() if line["what"] == CALLING] == ["li", "chen"]


def test_a_way_that_was_reset_and_fails_still_is_said_again(night: Night) -> None:
    said: list[tuple[str, bool]] = []
    night.pager._report = lambda way, failing, problem: said.append((way, failing))
    night.ways["sms"].raises = Unavailable("no network")
    night.judging.add(DUSK, "raised", "wall", "critical")
    night.step()
    night.step()
    assert said == [("sms", True)]
    night.judging.add(DUSK, "reset", CHANNEL, "high", isa="A", by="li", sensor="sms")
    night.at(130)
    night.step()
    night.step()
    assert said == [("sms", True), ("sms", True)]
    row = {"rule": CHANNEL, "subject": "sms", "active": True}
    night.judging.alarms = lambda: [row]  # type: ignore[method-assign]
    night.judging.add(DUSK, "reset", CHANNEL, "high", isa="A", by="li", sensor="sms")
    night.ways["sms"].raises = None
    for second in range(250, 1500, 125):
        night.at(second)
        night.step()
    assert said[2:] == [("sms", False)], "a reset of before, read again: what stands since is ended when it works"
