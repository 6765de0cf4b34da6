"""What gateways post, over HTTP in process: who is heard, what accepts, and what stands in the book afterwards."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from collector.calling import Taken, Text
from collector.calls import ANSWERED, CALLING, DELIVERED, REPLIED, TAKEN, UNDELIVERED
from collector.errors import Unavailable
from collector.escalation import Open, Question
from collector.heard import DAY, HeardBook, read_heard
from collector.hearing import PER_MINUTE, WRONG_PER_MINUTE, Hearing
from collector.incoming import Incoming, ReplyFields, ReportFields
from collector.oncall import OnCall
from collector.paging import Pager
from collector.secret import Secret
from collector.throttle import Rate
from dashboards.console import bodies
from dashboards.console.acting import Answer, Asked, Reply
from tests.collector.test_paging import DUSK, Night, S
from tests.dashboards.asking_http import ask

TOKEN = "sesame"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
REPLY = ReplyFields("From", "Body", "Sid")
REPORT = ReportFields("Sid", "State", ("delivered", "read"), ("failed",))


class Desk:
    """Judging as far as a reply sees it: the log takes an id once."""

    def __init__(self, night: Night) -> None:
        self.night, self.asked, self.replies = night, [], {}  # type: ignore[var-annotated]
        self.says = Reply.TAKEN

    def act(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.says is Reply.TAKEN and asked.id not in self.replies:
            self.replies[asked.id] = asked
            rule = asked.rule
            self.night.judging.add(self.night.time, "accepted", rule, "critical", "C", by=asked.by)
        return Answer(self.says, "judge.refused.other_occurrence" if self.says is Reply.REFUSED else "")


class Numbered:
    """A gateway that gives each message an id of its own."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Text]] = []

    def send(self, to: str, text: Text) -> Taken:
        self.sent.append((to, text))
        return Taken(200, f"SM{len(self.sent)}")

    def objection(self, to: str) -> str:
        return ""


class Pit:
    """One night with a pager, and the routes of its gateways."""

    def __init__(self, folder: Path) -> None:
        self.night = Night(folder)
        self.sms = Numbered()
        self.night.ways["sms"] = self.sms  # type: ignore[assignment]
        secret = Secret(env="TEST_TOKEN")
        incoming = {"sms": Incoming(secret, REPLY, REPORT), "mail": Incoming(secret, ReplyFields("from.name", "m.0.t"))}
        old = self.night.oncall
        self.night.oncall = OnCall(old.people, old.rosters, old.ways, old.policy, incoming)
        self.night.pager.close()
        self.night.pager = self.night.make()
        self.desk = Desk(self.night)
        self.hearing = Hearing(self.night.oncall, folder, self.desk, wall=lambda: self.night.time)
        self.app = Starlette(routes=list(self.hearing.routes()))

    def raised(self, *rules: str) -> None:
        for rule in rules:
            self.night.judging.add(self.night.time, "raised", rule, "critical")
        self.night.step()

    def until(self, seconds: int) -> None:
        for second in range(0, seconds + 1, 60):
            self.night.at(second)
            self.night.step()

    def post(self, path: str = "/reply/sms", headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        return ask(self.app, path, "POST", data=fields, headers=BEARER if headers is None else headers)

    def reply(self, text: str, sid: str, sender: str = "li@sms") -> httpx.Response:
        found = self.post(From=sender, Body=text, Sid=sid)
        self.night.step()
        return found

    def book(self, what: str) -> list[dict[str, Any]]:
        return [line for line in self.night.book() if line["what"] == what]


@pytest.fixture
def pit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pit]:
    monkeypatch.setenv("TEST_TOKEN", TOKEN)
    pit = Pit(tmp_path)
    yield pit
    pit.hearing.close()
    pit.night.pager.close()


def test_the_message_carries_a_code_where_the_gateway_takes_replies(pit: Pit) -> None:
    pit.raised("wall")
    ((_, text),) = pit.sms.sent
    assert text.body.splitlines()[-1] == "Reply 4571 to accept"
    pit.until(240)
    assert all("Reply" not in text.body for _, text in pit.night.ways["phone"].sent)
    assert pit.night.ways["phone"].sent


def test_a_bare_word_accepts_what_the_person_was_called_for(pit: Pit) -> None:
    pit.raised("wall")
    found = pit.reply("1", "r1")
    assert (found.status_code, found.text) == (200, "Accepted: wall/p17#1")
    (asked,) = pit.desk.asked
    assert (asked.kind, asked.rule, asked.subject, asked.occurrence) == ("accept", "wall", "p17", 1)
    assert (asked.by, asked.access) == ("li", "reply")
    (answered,), (replied,) = pit.book(ANSWERED), pit.book(REPLIED)
    assert answered["by"] == "li"
    assert (replied["person"], replied["text"], replied["outcome"]) == ("li", "1", "accepted")
    assert replied["occurrences"] == ["wall/p17#1"]
    pit.until(600)
    assert len(pit.book(CALLING)) == 1, "nobody is called any more"


def test_with_several_open_a_bare_word_accepts_nothing_and_the_code_does(pit: Pit) -> None:
    pit.raised("wall", "ramp")
    said = pit.reply("ok", "r1")
    assert said.status_code == 200
    assert said.text.startswith("NOT accepted: 2 alarms call you. Reply 4571 for wall/p17#1.")
    assert pit.desk.asked == []
    assert pit.reply("8142", "r2").text == "Accepted: ramp/p17#1"
    assert [asked.rule for asked in pit.desk.asked] == ["ramp"]
    assert pit.reply("1", "r3").text == "Accepted: wall/p17#1", "one is left, so a bare word is clear"


@pytest.mark.parametrize(
    ("sender", "text", "outcome", "said"),
    [
        ("stranger-0001", "1", "unknown_sender", "nobody's address"),
        ("wang@sms", "4571", "unknown_code", "was not sent to you"),
        ("wang@sms", "1", "nothing", "Nothing to accept"),
        ("li@sms", "9999", "unknown_code", "code 9999"),
        ("li@sms", "what?", "not_understood", "reply only the code"),
    ],
)
def test_what_does_not_accept_is_answered_clearly_and_recorded(
    pit: Pit, sender: str, text: str, outcome: str, said: str
) -> None:
    pit.raised("wall")
    found = pit.reply(text, "r1", sender)
    assert found.status_code == 200
    assert said in found.text
    assert pit.desk.asked == []
    (replied,) = pit.book(REPLIED)
    assert replied["outcome"] == outcome
    assert sender not in json.dumps(replied), "no address is in the book"
    assert replied["sender"] == ("…0001" if sender.startswith("stranger") else "")


def test_the_same_reply_again_never_accepts_anew(pit: Pit) -> None:
    pit.raised("wall")
    assert pit.reply("1", "r1").text == "Accepted: wall/p17#1"
    pit.night.at(60 + 1800)  # no comment for half an hour: the calls begin anew
    pit.night.step()
    assert len(pit.book(CALLING)) == 2
    assert pit.reply("1", "r1").text == "Heard before. Accepted: wall/p17#1"
    assert len(pit.desk.asked) == 1
    assert len(pit.book(REPLIED)) == 1
    assert pit.reply("4571", "r2").text.startswith("NOT accepted: code 4571"), "the new calls have a new code"
    assert pit.reply("1", "r3").text == "Accepted: wall/p17#1"


def test_a_reply_that_was_refused_does_not_accept_when_it_comes_again_later(pit: Pit) -> None:
    assert "Nothing to accept" in pit.reply("1", "r1").text
    pit.raised("wall")
    assert pit.reply("1", "r1").text.startswith("Heard before. Nothing to accept")
    assert pit.desk.asked == []


def test_while_judging_does_not_answer_the_gateway_is_told_to_post_again_and_that_asks_the_same(pit: Pit) -> None:
    pit.raised("wall")
    pit.desk.says = Reply.UNANSWERED
    assert pit.reply("1", "r1").status_code == 503
    assert pit.book(REPLIED) == []
    pit.desk.says = Reply.TAKEN
    assert pit.reply("1", "r1").text == "Accepted: wall/p17#1"
    first, second = pit.desk.asked
    assert first.id == second.id


def test_what_judging_refuses_is_no_accept(pit: Pit) -> None:
    pit.raised("wall")
    pit.desk.says = Reply.REFUSED
    assert pit.reply("1", "r1").text == "NOT accepted: wall/p17#1 (other_occurrence)"
    assert pit.book(REPLIED)[0]["outcome"] == "refused"


def test_json_is_heard_too_by_paths_into_it(pit: Pit) -> None:
    pit.raised("wall")
    body = {"from": {"name": "li@mail"}, "m": [{"t": 4571}]}
    found = ask(pit.app, "/reply/mail", "POST", json=body, headers=BEARER)
    assert found.text == "Accepted: wall/p17#1"


def test_half_of_a_character_is_heard_like_any_other(pit: Pit) -> None:
    """As a telephone sends it that cuts an emoji in two: the accept counts, and the person is told so."""
    pit.raised("wall")
    headers = {**BEARER, "Content-Type": "application/json"}
    body = rb'{"From": "li@sms", "Body": "ok \ud83d", "Sid": "\udfff"}'
    found = ask(pit.app, "/reply/sms", "POST", content=body, headers=headers)
    assert (found.status_code, found.text) == (200, "Accepted: wall/p17#1")
    pit.night.step()
    assert pit.book(REPLIED)[0]["text"] == "ok \ufffd"
    found = ask(pit.app, "/delivered/sms", "POST", content=rb'{"Sid": "\ud83d", "State": "read"}', headers=headers)
    assert (found.status_code, found.text) == (200, "noted\n")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"headers": BEARER}, 200),
        ({"headers": {"Authorization": "Basic " + base64.b64encode(b"gw:sesame").decode()}}, 200),
        ({"params": {"token": TOKEN}}, 200),
        ({}, 401),
        ({"headers": {"Authorization": "Bearer sesam"}}, 401),
        ({"headers": {"Authorization": "Basic !!"}}, 401),
        ({"params": {"token": ""}}, 401),
        ({"headers": {"Authorization": "Bearer 芝麻".encode()}}, 401),
    ],
)
def test_nothing_is_heard_without_the_channels_token(pit: Pit, given: dict[str, Any], status: int) -> None:
    pit.raised("wall")
    found = ask(pit.app, "/reply/sms", "POST", data={"From": "li@sms", "Body": "1", "Sid": "r1"}, **given)
    assert found.status_code == status, found.text
    assert len(pit.desk.asked) == (status == 200)


@pytest.mark.parametrize(
    ("content", "kind", "status", "said"),
    [
        (b"From=li%40sms&Body=1", "application/x-www-form-urlencoded", 400, "no 'Sid'"),
        (b"From=li%40sms&Sid=r1", "application/x-www-form-urlencoded", 400, "no 'Body'"),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400, "cannot be read"),
        (b"{", "application/json", 400, "cannot be read"),
        (b"7", "application/json", 400, "no object"),
        (b"[" * 9000, "application/json", 400, "cannot be read"),
        (b"<xml/>", "text/xml", 415, "send form fields or JSON"),
        (b"x" * (bodies.LONGEST + 1), "application/json", 413, "more than"),
        (b"a=1&" * 101, "application/x-www-form-urlencoded", 400, "cannot be read"),
    ],
)
def test_what_is_no_reply_is_refused_with_a_reason(
    pit: Pit, content: bytes, kind: str, status: int, said: str
) -> None:
    pit.raised("wall")
    headers = {**BEARER, "Content-Type": kind}
    found = ask(pit.app, "/reply/sms", "POST", content=content, headers=headers)
    assert (found.status_code, said in found.text) == (status, True), found.text
    assert pit.desk.asked == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_gateway_that_looks_whether_the_address_is_there_changes_nothing(pit: Pit, method: str) -> None:
    pit.raised("wall")
    for path in ("/reply/sms?From=li%40sms&Body=1&Sid=r1&token=sesame", "/delivered/sms"):
        assert ask(pit.app, path, method).status_code == 200
    assert ask(pit.app, "/reply/phone", method).status_code == 404
    assert ask(pit.app, "/delivered/mail", method).status_code == 404
    assert ask(pit.app, "/reply/sms", "PUT").status_code == 405
    assert pit.desk.asked == []


def test_wrong_tokens_without_end_do_not_keep_out_the_right_one(pit: Pit) -> None:
    pit.raised("wall")
    codes = [pit.post(headers={}, From="li@sms", Body="1", Sid="r1").status_code for _ in range(WRONG_PER_MINUTE + 5)]
    assert codes[:WRONG_PER_MINUTE] == [401] * WRONG_PER_MINUTE
    assert codes[-1] == 429
    assert pit.reply("1", "r1").status_code == 200


def test_a_channel_is_heard_so_often_in_a_minute(pit: Pit) -> None:
    at = [0.0]
    pit.hearing._right["reply"].clock = lambda: at[0]
    most = PER_MINUTE["reply"]
    heard = [pit.post(From="li@sms", Body="1", Sid="r1").status_code for _ in range(most + 1)]
    assert heard == [200] * most + [429]
    at[0] = 60 / most
    assert [pit.post(From="li@sms", Body="1", Sid="r1").status_code for _ in range(2)] == [200, 429]


def test_a_flood_of_reports_keeps_out_no_reply(pit: Pit) -> None:
    pit.raised("wall")
    pit.hearing._right["delivered"] = Rate(burst=1, each_second=0.001)
    codes = [pit.post("/delivered/sms", Sid="SM1", State="queued").status_code for _ in range(3)]
    assert codes == [200, 429, 429]
    assert pit.reply("1", "r1").text == "Accepted: wall/p17#1"


def test_the_weekly_question_is_answered_by_a_bare_word_and_only_by_whom_it_asks(pit: Pit) -> None:
    memory = pit.night.pager._escalation.memory
    memory.question = Question("li", 20_261_207, DUSK)
    pit.night.judging.add(DUSK, "raised", "wall", "medium")  # has the memory written down
    pit.night.step()
    assert "Nothing to accept" in pit.reply("1", "r0", "wang@sms").text
    assert pit.reply("1", "r1").text == "Accepted: weekly-question/li#20261207"
    (asked,) = pit.desk.asked
    assert (asked.rule, asked.subject, asked.occurrence, asked.by) == ("weekly-question", "li", 20_261_207, "li")
    pit.raised("wall2")
    assert pit.reply("1", "r2").text == "Accepted: wall2/p17#1", "an alarm is meant before a question"


def test_an_overdue_hazard_is_taken_by_its_code_like_an_alarm(pit: Pit) -> None:
    found = Open({"change": "overdue", "priority": "critical", "rule": "wall", "sensor": "p17"}, DUSK, DUSK)
    found.asked = ["li"]
    memory = pit.night.pager._escalation.memory
    memory.opens["hazard:wall/p17#3"], memory.codes["1234"] = found, ["hazard:wall/p17#3"]
    pit.night.pager._book.write([], memory, pit.night.pager._book.place)
    assert pit.post(From="li@sms", Body="1234", Sid="r1").text == "Accepted: hazard:wall/p17#3"
    (asked,) = pit.desk.asked
    assert (asked.rule, asked.subject, asked.occurrence) == ("hazard:wall", "p17", 3)


def test_a_report_writes_delivered_into_the_book_once(pit: Pit) -> None:
    pit.raised("wall")
    for state in ("queued", "delivered", "delivered", "read"):
        assert pit.post("/delivered/sms", Sid="SM1", State=state).status_code == 200
        pit.night.step()
    (line,), (taken,) = pit.book(DELIVERED), pit.book(TAKEN)
    assert (line["id"], line["person"], line["channel"]) == (taken["id"], "li", "sms")
    assert taken["gateway"] == "SM1"


def test_our_own_id_is_known_too(pit: Pit) -> None:
    pit.raised("wall")
    (taken,) = pit.book(TAKEN)
    pit.post("/delivered/sms", Sid=taken["id"], State="delivered")
    pit.night.step()
    assert len(pit.book(DELIVERED)) == 1


def test_what_did_not_arrive_brings_the_next_way_at_once_and_is_an_alarm_until_something_does(pit: Pit) -> None:
    told: list[tuple[str, bool]] = []
    pit.night.pager._report = lambda way, failing, problem: told.append((way, failing))
    pit.raised("wall")
    pit.night.at(5)
    pit.post("/delivered/sms", Sid="SM1", State="failed")
    pit.night.step()
    assert pit.book(UNDELIVERED)[0]["problem"] == "the gateway says failed"
    assert [(line["person"], line["channel"]) for line in pit.book(CALLING)] == [("li", "sms"), ("li", "phone")]
    assert told == [("sms:li", True)]
    pit.raised("ramp")
    assert told == [("sms:li", True)], "that the gateway takes it says nothing of its arrival"
    pit.post("/delivered/sms", Sid="SM2", State="delivered")
    pit.night.step()
    assert told == [("sms:li", True), ("sms:li", False)]


def test_a_report_that_comes_before_its_calls_outcome_waits_and_one_of_no_call_passes(
    pit: Pit, caplog: pytest.LogCaptureFixture
) -> None:
    pit.post("/delivered/sms", Sid="SM1", State="delivered")
    pit.raised("wall")
    pit.night.step()
    assert len(pit.book(DELIVERED)) == 1
    pit.post("/delivered/sms", Sid="SM77", State="delivered")
    pit.reply("1", "r1")
    assert pit.book(REPLIED) == []
    pit.night.at(11)
    pit.night.step()
    assert "report=of-no-call id=SM77" in caplog.text
    assert len(pit.book(REPLIED)) == 1


def test_a_restart_reads_on_where_it_was(pit: Pit) -> None:
    pit.raised("wall")
    pit.post("/delivered/sms", Sid="SM1", State="delivered")
    pit.night.step()
    pit.reply("1", "r1")
    pit.night.pager._book.close()
    pit.night.pager = pit.night.make()
    pit.night.step()
    assert (len(pit.book(DELIVERED)), len(pit.book(REPLIED))) == (1, 1)
    assert isinstance(pit.night.pager, Pager)


def test_a_disk_that_refuses_is_told_to_the_gateway(pit: Pit, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise Unavailable("disk full")

    monkeypatch.setattr(pit.hearing._book, "claim", full)
    assert pit.post(From="li@sms", Body="1", Sid="r1").status_code == 503


def test_a_page_that_runs_for_years_forgets_each_day_what_is_two_years_old(tmp_path: Path) -> None:
    book = HeardBook(tmp_path, DUSK)
    for day in (0, 1, 729, 732):
        book.report("sms", f"r{day}", DUSK + day * DAY, {"kind": "report"})
    assert [line.at - DUSK for line in read_heard(tmp_path, 0)] == [day * DAY for day in (729, 732)]
    assert book.claim("sms", "r729", DUSK + 732 * DAY, {}) is not None
    assert book.claim("sms", "r0", DUSK + 732 * DAY, {}) is None
    book.close()


def test_what_is_two_years_old_is_forgotten(tmp_path: Path, pit: Pit) -> None:
    pit.reply("1", "r1")
    assert len(list(read_heard(tmp_path, 0))) == 1
    pit.hearing.close()
    pit.hearing = Hearing(pit.night.oncall, tmp_path, pit.desk, wall=lambda: DUSK + 731 * 86_400 * S)
    assert list(read_heard(tmp_path, 0)) == []
