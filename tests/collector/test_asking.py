"""The weekly question with a fake clock: asked once at its local time, over restarts; answered, or it alarms."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.accepting import Signer
from collector.asking import ASK, state_of
from collector.call_text import Wording
from collector.calls import ANSWERED, CALLING, FAILED, TAKEN, CallBook, read_memory
from collector.canary_settings import Weekly
from collector.clock import Clock
from collector.config import ConfigMistakes, load
from collector.errors import Unavailable
from collector.escalation import Call
from collector.journal import line_json
from collector.judged import Judged
from collector.oncall import OnCall
from collector.paging import Pager
from collector.sampling import Sampler
from collector.settings import Settings
from dashboards.console.figures import Local
from detectors.judge import Judge
from detectors.records import QUESTION, Action
from tests.collector.test_own_rules import MORE, SITE, fold, written
from tests.collector.test_paging import DUSK, Night, S

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = Weekly(0, time(10, 0), ZONE)
WITHIN = 30 * 60 * S
FIRST = MONDAY.last(datetime.fromtimestamp(DUSK / S, UTC)) + timedelta(days=7)
SLOT = FIRST.timestamp() - DUSK / S
"""s from DUSK to the first Monday 10:00 after it."""
WEEK = 7 * 86_400.0


class Weeks(Night):
    """A night on call that lasts for weeks."""

    def make(self) -> Pager:
        clock = Clock(CallBook(self.folder).now, monotonic=lambda: self.time, wall=lambda: self.time)
        links = Signer(self.folder, "https://pit", wall=lambda: self.time)
        return Pager(self.oncall, self.judging, self.folder, clock, links, weekly=(MONDAY, WITHIN))

    def restart(self) -> None:
        self.pager.close()
        self.pager = self.make()

    def asked(self) -> list[str]:
        return [line["occurrences"][0] for line in self.book() if line["what"] == CALLING and line["kind"] == ASK]

    def answer(self, name: str, by: str = "li") -> None:
        rule, _, rest = name.partition("/")
        person, _, number = rest.partition("#")
        line = {"seq": len(self.judging.lines) + 1, "now": self.time, "rule": rule, "sensor": person, "isa": "A",
                "occurrence": int(number), "change": "answered", "priority": "log", "by": by, "action": "a",
                "area": "system", "why": {"key": "judge.answered"}, "kind": QUESTION}  # fmt: skip
        self.judging.digest = sha256((self.judging.digest + json.dumps(line)).encode()).hexdigest()
        line["hash"] = self.judging.digest
        self.judging.lines.append((len(self.judging.lines) + 1, json.dumps(line), self.judging.digest))

    def state(self) -> int:
        return state_of(read_memory(self.folder).question)

    def to(self, seconds: float) -> None:
        self.at(seconds)
        self.step()


@pytest.fixture
def weeks(tmp_path: Path) -> Weeks:
    made = Weeks(tmp_path)
    made.step()
    return made


def name_at(slot: datetime, person: str) -> str:
    return f"{QUESTION}/{person}#{slot.astimezone(ZONE):%Y%m%d}"


def test_it_is_asked_at_its_local_time_of_one_person_by_the_first_way(weeks: Weeks) -> None:
    weeks.to(SLOT - 1)
    assert weeks.asked() == []
    weeks.to(SLOT)
    (name,) = weeks.asked()
    ((to, text),) = weeks.ways["sms"].sent
    person = name.partition("/")[2].partition("#")[0]
    assert name == name_at(FIRST, person)
    assert to == f"{person}@sms"
    assert text.headline == "TEST pit: please accept, no alarm"
    assert "Accept: https://pit/accept/" in text.body
    invitation = Signer(weeks.folder, "x", wall=lambda: weeks.time).read(text.body.rpartition("/")[2])
    assert (invitation.person, invitation.occurrences) == (person, (name,))
    assert weeks.state() == 1
    weeks.to(SLOT + 60)
    assert len(weeks.asked()) == 1


def test_an_answer_is_written_in_the_book_and_all_is_well(weeks: Weeks) -> None:
    weeks.to(SLOT)
    (name,) = weeks.asked()
    weeks.at(SLOT + 90)
    weeks.answer(name)
    weeks.step()
    assert weeks.state() == 0
    (answered,) = [line for line in weeks.book() if line["what"] == ANSWERED]
    assert (answered["occurrences"], answered["by"], answered["after"]) == ([name], "li", 90.0)
    weeks.to(SLOT + 7200)
    assert weeks.state() == 0


@pytest.mark.parametrize("name", [f"{QUESTION}/li#20260101", f"{QUESTION}/nobody#20261123"])
def test_an_answer_to_another_question_answers_nothing(name: str, weeks: Weeks) -> None:
    weeks.to(SLOT)
    weeks.answer(name)
    weeks.step()
    assert weeks.state() == 1


def test_without_an_answer_in_time_it_is_unanswered_until_somebody_answers(weeks: Weeks) -> None:
    weeks.to(SLOT)
    weeks.to(SLOT + 30 * 60 - 1)
    assert weeks.state() == 1
    weeks.to(SLOT + 30 * 60)
    assert weeks.state() == 2
    weeks.answer(weeks.asked()[0])
    weeks.step()
    assert weeks.state() == 0


def test_the_next_weeks_question_does_not_hide_that_the_last_was_not_answered(weeks: Weeks) -> None:
    weeks.to(SLOT)
    weeks.to(SLOT + 3600)
    weeks.to(SLOT + WEEK)
    assert len(weeks.asked()) == 2
    assert weeks.state() == 2
    weeks.answer(weeks.asked()[1])
    weeks.step()
    assert weeks.state() == 0


def test_those_on_duty_take_turns(weeks: Weeks) -> None:
    for week in range(6):
        weeks.to(SLOT + week * WEEK)
        weeks.answer(weeks.asked()[-1])
        weeks.step()
    asked = [name.partition("/")[2].partition("#")[0] for name in weeks.asked()]
    assert len(asked) == 6
    assert {"li", "wang"} & set(asked)
    assert {"chen", "zhao", "liu"} & set(asked), "both rosters are asked"


def test_a_way_that_fails_brings_the_next_and_without_one_nobody_will_answer(weeks: Weeks) -> None:
    weeks.ways["sms"].raises = Unavailable("down")
    weeks.to(SLOT)
    assert len(weeks.ways["phone"].sent) == 1
    assert [line["what"] for line in weeks.book() if line["kind"] == ASK] == [CALLING, FAILED, CALLING, TAKEN]
    for way in weeks.ways.values():
        way.raises = Unavailable("down")
    weeks.answer(weeks.asked()[0])
    weeks.to(SLOT + WEEK)
    assert weeks.state() == 2, "at once, not only after the time to answer"


def test_with_nobody_on_duty_it_is_unanswered_at_once(tmp_path: Path) -> None:
    weeks = Weeks(tmp_path)
    weeks.oncall = OnCall(weeks.people, (), weeks.ways)
    weeks.restart()
    weeks.step()
    weeks.to(SLOT)
    assert weeks.asked() == []
    assert weeks.state() == 2


def test_a_restart_neither_repeats_nor_forgets(weeks: Weeks) -> None:
    weeks.restart()
    weeks.to(SLOT - 10)
    weeks.restart()
    weeks.to(SLOT)
    for minute in range(1, 29):
        weeks.restart()
        weeks.to(SLOT + 60 * minute)
    assert len(weeks.asked()) == 1
    weeks.restart()
    weeks.to(SLOT + 1801)
    assert weeks.state() == 2


def test_what_was_due_while_nothing_ran_is_asked_late_and_once(weeks: Weeks) -> None:
    weeks.pager.close()
    weeks.at(SLOT + 2 * WEEK + 50_000)
    weeks.pager = weeks.make()
    weeks.step()
    (name,) = weeks.asked()
    assert name.endswith(f"#{FIRST + timedelta(weeks=2):%Y%m%d}")


def test_a_call_under_way_at_a_kill_is_made_again_under_its_own_id(weeks: Weeks) -> None:
    weeks.ways["sms"].hangs.clear()
    weeks.at(SLOT)
    weeks.step(wait=False)
    second = weeks.make()
    second.step()
    weeks.ways["sms"].hangs.set()
    weeks.pager._pool.shutdown()  # as if killed: it writes nothing more
    second.close()
    ids = {text.id for _, text in weeks.ways["sms"].sent}
    assert len(weeks.ways["sms"].sent) == 2
    assert len(ids) == 1


def test_the_question_is_a_reading_of_its_own(weeks: Weeks) -> None:
    from collector.canary_settings import Canary

    settings = Settings(weeks.folder / "s", weeks.folder, oncall=weeks.oncall, canary=Canary(ask=MONDAY))
    sampler = Sampler(settings, Judged(weeks.folder))
    assert sampler.look()["question"] == 0
    weeks.to(SLOT)
    assert sampler.look()["question"] == 1
    weeks.to(SLOT + 1800)
    assert sampler.look()["question"] == 2


# -- its slot ---------------------------------------------------------------------------------------------------------


ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")


@given(st.integers(1_767_225_600, 1_830_000_000), st.integers(0, 6), st.times(), st.sampled_from(ZONES))
def test_the_last_slot_is_not_ahead_and_less_than_eight_days_ago(
    moment: int, day: int, clock: time, zone: str
) -> None:
    weekly, now = Weekly(day, clock.replace(tzinfo=None, fold=0), ZoneInfo(zone)), datetime.fromtimestamp(moment, UTC)
    last = weekly.last(now)
    assert timedelta(0) <= now - last < timedelta(days=7, hours=2)
    later = weekly.last(now + timedelta(hours=5))
    assert later >= last, "time that goes on never takes a slot back"


def test_a_week_over_a_clock_change_is_still_a_local_week() -> None:
    berlin = Weekly(0, time(10, 0), ZoneInfo("Europe/Berlin"))
    before = berlin.last(datetime(2026, 10, 24, tzinfo=UTC))
    after = berlin.last(datetime(2026, 10, 31, tzinfo=UTC))
    assert after - before == timedelta(days=7, hours=1)


@pytest.mark.parametrize(("text", "day"), [("Mon 10:00", 0), ("monday 10:00", 0), ("Sunday 9:05", 6), ("thu 23:59", 3)])
def test_a_slot_is_read(text: str, day: int, tmp_path: Path) -> None:
    loaded = load(written(tmp_path, f'{SITE}{MORE}[canary]\nask = "{text}"\nanswer_within = "10min"\n'))
    assert loaded.settings.canary.ask is not None
    assert loaded.settings.canary.ask.day == day
    assert loaded.settings.canary.answer_within == 600 * S
    assert loaded.whole["sensor"]["davylamp.question"]["states"] == ["answered", "open", "unanswered"]
    assert "question-unanswered" in loaded.whole["rule"]


@pytest.mark.parametrize("text", ["10:00", "Mo 10:00", "Mon 24:00", "Mon 10:60", "holiday 10:00", "Mon"])
def test_what_is_no_slot_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigMistakes, match="a day and a local time"):
        load(written(tmp_path, f'{SITE}{MORE}[canary]\nask = "{text}"\n'))


# -- its answer in the fold -------------------------------------------------------------------------------------------


def answer(judge: Judge, **more: Any) -> dict[str, Any]:
    about = {"id": "a-1", "kind": "accept", "rule": QUESTION, "subject": "li", "by": "li", "occurrence": 20261207}
    changes = judge.act(Action(**{**about, **more}), 100 * S).changes
    assert len(changes) == 1
    found: dict[str, Any] = json.loads(line_json(changes[0], 1, "pit"))
    return found


def test_accepting_it_is_a_line_of_its_own_kind_and_leaves_nothing_to_list(tmp_path: Path) -> None:
    judge, _ = fold(written(tmp_path, SITE))
    line = answer(judge)
    assert (line["change"], line["rule"], line["sensor"], line["occurrence"], line["by"], line["action"]) == (
        "answered", QUESTION, "li", 20261207, "li", "a-1",
    )  # fmt: skip
    assert line["priority"] == "log"
    assert not [key for key in judge.alarms.records if key[0] == QUESTION]
    assert answer(judge, by="")["change"] == "refused"
    assert answer(judge, kind="acknowledge")["change"] == "refused"


def test_the_rule_raises_when_it_is_unanswered(tmp_path: Path) -> None:
    from tests.collector.test_own_rules import own

    path = written(tmp_path, f'{SITE}{MORE}[canary]\nask = "Mon 10:00"\n')
    readings = [(k * S, [own("readings", question=state)]) for k, state in ((2, 0), (3, 1), (4, 2), (5, 2), (6, 0))]
    _, lines = fold(path, *readings)
    about = [change for rule, _, change in lines if rule == "question-unanswered"]
    assert about == ["watched", "raised", "returned"]


@pytest.mark.parametrize(("language", "said"), [("en", "davylamp accept"), ("zh", "每周问询")])
def test_without_a_link_the_message_says_the_command(language: Any, said: str) -> None:
    name = f"{QUESTION}/li#20261207"
    text = Wording("pit", language, Local("UTC"), simulated=True).question(Call("x", ASK, "li", "sms", (name,)))
    assert said in text.body
    assert name in text.body
    assert text.headline.startswith(("SIMULATION TEST pit", "仿真 测试 pit"))
