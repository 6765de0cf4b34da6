"""Whom to call next: by hand for each promise, and over thousands of random nights for what must always hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.escalation import MINUTE, PAGE, RETURN, Call, Escalation, Memory, Policy
from collector.roster import Person

S = 10**9
PEOPLE = {
    "li": Person("li", "Li", (("sms", "1"), ("mail", "li@pit"))),
    "wang": Person("wang", "Wang", (("sms", "2"),)),
    "chen": Person("chen", "Chen", (("sms", "3"), ("mail", "chen@pit"))),
}


def line(change: str, rule: str = "wall", priority: str = "critical", isa: str = "B", occurrence: int = 1) -> Any:
    return {"rule": rule, "sensor": "p1", "occurrence": occurrence, "change": change, "priority": priority,
            "isa": isa, "area": "north"}  # fmt: skip


class Night:
    """An escalation with a clock of its own; every call arrives unless its channel is down."""

    def __init__(self, duty: Sequence[str] = ("li", "wang"), policy: Policy | None = None) -> None:
        self.escalation = Escalation(policy or Policy(), PEOPLE)
        self.duty, self.now = list(duty), 0
        self.down: set[str] = set()
        self.made: list[tuple[int, Call]] = []

    def take(self, *lines: Any) -> None:
        for one in lines:
            self.escalation.take(one, self.now)

    def until(self, end: int, step: int = 10 * S) -> list[str]:
        """Run to `end`; what was called, as "seconds person.channel"."""
        before = len(self.made)
        while self.now <= end:
            while calls := self.escalation.due(self.now, lambda area: self.duty):
                for call in calls:
                    self.made.append((self.now, call))
                    self.escalation.settled(call, call.channel not in self.down, self.now)
            self.now += step
        return [f"{at // S} {call.person}.{call.channel}" for at, call in self.made[before:]]


def test_a_critical_alarm_goes_to_the_next_person_then_the_next_channel_then_to_everyone() -> None:
    night = Night(policy=Policy(sirens=("horn",)))
    night.take(line("raised"))
    assert night.until(7 * MINUTE) == [
        "0 li.sms",
        "120 wang.sms",
        "240 li.mail",
        "360 .horn", "360 li.sms", "360 li.mail", "360 wang.sms", "360 chen.sms", "360 chen.mail",
    ]  # fmt: skip


def test_an_accept_stops_the_calls_and_an_acknowledgement_does_not() -> None:
    night = Night()
    night.take(line("raised"), line("acknowledged", isa="C"))
    assert night.until(3 * MINUTE) == ["0 li.sms", "120 wang.sms"]
    night.take(line("accepted", isa="C"))
    assert night.until(20 * MINUTE) == []


def test_after_an_accept_without_a_comment_the_calls_begin_anew_after_half_an_hour() -> None:
    night = Night()
    night.take(line("raised"))
    night.until(10 * S)
    night.take(line("accepted", isa="C"))
    assert night.until(31 * MINUTE) == ["1820 li.sms"]
    assert len({call.id for _, call in night.made}) == len(night.made)


def test_a_comment_after_the_accept_keeps_it_quiet() -> None:
    night = Night()
    night.take(line("raised"))
    night.until(10 * S)
    night.take(line("accepted", isa="C"), line("commented", isa="C"))
    assert night.until(3 * 60 * MINUTE) == []


def test_a_failing_channel_falls_back_at_once_to_the_same_persons_next_one() -> None:
    night = Night()
    night.down = {"sms"}
    night.take(line("raised"))
    assert night.until(10 * S) == ["0 li.sms", "0 li.mail"]
    assert night.until(2 * MINUTE)[:2] == ["120 wang.sms", "120 li.sms"]  # wang has no other way: everyone's turn


def test_while_no_call_arrives_everyone_is_called_each_half_minute_and_no_oftener() -> None:
    night = Night()
    night.down = {"sms", "mail"}
    night.take(line("raised"))
    night.until(5 * MINUTE)
    rounds = Counter(at for at, call in night.made if call.person == "chen" and call.channel == "sms")
    assert sorted(rounds) == [k * 30 * S for k in range(11)]


def test_with_nobody_on_duty_everyone_is_called_at_once() -> None:
    night = Night(duty=())
    night.take(line("raised", priority="high"))
    assert [words.split(" ")[1] for words in night.until(0)] == [
        "li.sms", "li.mail", "wang.sms", "chen.sms", "chen.mail"
    ]  # fmt: skip


def test_those_who_were_woken_hear_that_it_has_returned_and_nobody_else() -> None:
    night = Night()
    night.take(line("raised"))
    night.until(2 * MINUTE)
    night.take(line("returned", isa="D"))
    night.until(5 * MINUTE)
    assert [call.person for _, call in night.made if call.kind == RETURN] == ["li", "wang"]
    assert not night.escalation.memory.opens


def test_news_of_the_return_takes_the_persons_other_channel_when_the_first_has_failed_since() -> None:
    night = Night(duty=("li",))
    night.take(line("raised"))
    night.until(0)
    night.down = {"sms"}
    night.take(line("returned", isa="D"))
    assert night.until(MINUTE) == ["10 li.sms", "10 li.mail"]
    assert not night.escalation.memory.opens


def test_what_returned_before_anyone_was_called_calls_nobody() -> None:
    night = Night()
    night.take(line("raised"), line("returned", isa="D"))
    assert night.until(MINUTE) == []


def test_high_alarms_of_a_few_minutes_are_one_message_and_a_critical_one_among_them_is_alone() -> None:
    night = Night()
    night.take(*(line("raised", f"r{k}", "high") for k in range(3)))
    night.until(0)
    night.take(line("raised", "r9", "high"), line("raised", "wall"))
    night.until(6 * MINUTE)
    pages = [(at // S, len(call.occurrences), call.occurrences[0]) for at, call in night.made if call.person == "li"]
    assert pages[:4] == [(0, 3, "r0/p1#1"), (10, 1, "wall/p1#1"), (250, 1, "wall/p1#1"), (300, 1, "r9/p1#1")]


def test_what_was_seen_and_then_hidden_calls_again_when_it_appears_because_nobody_has_accepted() -> None:
    night = Night()
    night.take(line("raised"), line("acknowledged", isa="C"), line("suppressed", isa="F"), line("shelved", isa="F"))
    night.take(line("unshelved", isa="F"))
    assert night.until(5 * MINUTE) == [], "suppressed still"
    night.take(line("unsuppressed", isa="C"))
    assert night.until(6 * MINUTE) == ["310 li.sms"]


@pytest.mark.parametrize("change", ["shelved", "suppressed", "out_of_service"])
def test_what_is_hidden_calls_nobody_until_it_appears_again(change: str) -> None:
    night = Night()
    night.take(line("raised", priority="high"))
    night.until(0)
    night.take(line(change, priority="high", isa="E"))
    assert night.until(60 * MINUTE) == []
    night.take(line("shelf_ended", priority="high"))
    assert night.until(61 * MINUTE) == ["3610 wang.sms"]


@pytest.mark.parametrize("seen", [[], [line("acknowledged", isa="E")]], ids=["not seen", "seen as shelved"])
@pytest.mark.parametrize("change", ["unshelved", "unsuppressed", "in_service"])
def test_what_was_raised_hidden_calls_when_it_appears_though_it_was_seen(change: str, seen: list[Any]) -> None:
    night = Night()
    night.take(line("raised", isa="E"), *seen)
    assert night.until(60 * MINUTE) == []
    night.take(line(change, isa="C"))
    assert night.until(61 * MINUTE) == ["3610 li.sms"]
    assert night.escalation.memory.opens["wall/p1#1"].opened == 3610 * S, "nobody was wanted before"


def test_what_was_raised_hidden_and_accepted_or_over_before_it_appears_calls_nobody() -> None:
    night = Night()
    night.take(line("raised", isa="E"), line("accepted", isa="E"), line("commented", isa="E"))
    night.take(line("raised", "ramp", isa="F"), line("returned", "ramp", isa="F"))
    assert set(night.escalation.memory.opens) == {"wall/p1#1"}, "nothing is kept of what is over"
    night.take(line("unshelved", isa="C"), line("unsuppressed", "ramp", isa="C"))
    assert night.until(60 * MINUTE) == []


def test_what_was_accepted_while_hidden_and_not_commented_calls_half_an_hour_later_once_it_appears() -> None:
    night = Night()
    night.take(line("raised", isa="E"), line("accepted", isa="E"))
    assert night.until(50 * MINUTE) == []
    night.take(line("shelf_ended"))
    assert night.until(51 * MINUTE) == ["3010 li.sms"]


def test_medium_and_log_call_nobody_and_a_new_occurrence_calls_again() -> None:
    night = Night()
    night.take(line("raised", priority="medium"), line("raised", "x", priority="log"))
    assert night.until(MINUTE) == []
    night.take(line("raised"), line("accepted", isa="C"), line("returned", isa="A"), line("raised", occurrence=2))
    assert len(night.until(night.now)) == 1


def hazard(change: str, **more: Any) -> Any:
    """A line about the hazard of wall/p1#1, which is of a critical alarm."""
    return line(change, isa="", **more)


def test_an_overdue_hazard_calls_as_a_high_alarm_does_whatever_its_alarm_was() -> None:
    night = Night()
    night.take(hazard("overdue"))
    assert night.until(31 * MINUTE) == [
        "0 li.sms", "900 wang.sms", "1800 li.mail",
    ]  # fmt: skip
    assert {call.occurrences for _, call in night.made} == {("hazard:wall/p1#1",)}
    assert {call.kind for _, call in night.made} == {PAGE}


@pytest.mark.parametrize("answer", ["assigned", "did", "closed"])
def test_whatever_a_person_does_about_it_stops_its_calls_and_nobody_hears_of_a_return(answer: str) -> None:
    night = Night()
    night.take(hazard("overdue"))
    night.until(0)
    night.take(hazard(answer))
    assert night.until(3 * 60 * MINUTE) == []
    assert bool(night.escalation.memory.opens) is (answer != "closed")


def test_an_accept_or_return_of_the_alarm_itself_is_no_answer_and_it_has_calls_of_its_own() -> None:
    night = Night()
    night.take(hazard("overdue"), line("raised"), line("accepted", isa="C"), line("commented", isa="C"))
    assert night.until(16 * MINUTE) == ["0 li.sms", "900 wang.sms"]
    night.take(line("returned", isa="A"))
    assert night.until(31 * MINUTE) == ["1800 li.mail"]


def test_when_its_time_comes_again_it_calls_anew_and_not_twice_under_one_id() -> None:
    night = Night()
    night.take(hazard("overdue"))
    night.until(0)
    night.take(hazard("assigned"))
    night.until(60 * MINUTE)
    night.take(hazard("overdue"))
    assert night.until(night.now) == ["3610 li.sms"]
    night.take(hazard("overdue"))
    assert night.until(night.now) == [], "while it calls already nothing begins anew"
    assert len({call.id for _, call in night.made}) == len(night.made) == 2


def test_a_call_under_way_when_it_is_closed_leaves_nothing_behind() -> None:
    night = Night()
    night.take(hazard("overdue"))
    (call,) = night.escalation.due(0, lambda area: night.duty)
    night.take(hazard("closed"))
    assert night.escalation.memory.opens
    night.escalation.settled(call, True, 0)
    assert night.escalation.memory.opens == {}
    assert night.until(MINUTE) == []


changes = st.sampled_from(["raised", "returned", "accepted", "acknowledged", "commented", "shelved", "shelf_ended",
                           "overdue", "overdue", "assigned", "closed"])  # fmt: skip
events = st.tuples(
    changes, st.sampled_from(["a", "b", "c"]), st.integers(0, 400), st.sets(st.sampled_from(["sms", "mail"])),
    st.lists(st.sampled_from(sorted(PEOPLE)), unique=True, max_size=2),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(events, max_size=25), st.integers(0, 24))
def test_over_any_night(happens: list[Any], restart: int) -> None:
    night = Night()
    number: Counter[str] = Counter()
    active: Counter[str] = Counter()
    hidden: Counter[str] = Counter()
    closed: set[tuple[str, int]] = set()
    for count, (change, rule, wait, down, duty) in enumerate(happens):
        if count == restart:
            written = msgspec.json.decode(msgspec.json.encode(night.escalation.memory), type=Memory)
            night.escalation = Escalation(night.escalation.policy, PEOPLE, written)
        number[rule] += change == "raised"
        active[rule] = change == "raised" or (active[rule] and change != "returned")
        priority = "high" if rule == "c" else "critical"
        name = (rule, max(1, number[rule]))
        if change in ("overdue", "assigned", "closed") and name in closed:
            continue
        closed |= {name} if change == "closed" else set()
        hidden[rule] = (hidden[rule] or change == "shelved") and change != "shelf_ended"
        isa = "B" if change in ("raised", "shelf_ended") and active[rule] else "D"
        isa = "E" if hidden[rule] else isa
        night.down, night.duty = down, duty
        night.take(line(change, rule, priority, isa, max(1, number[rule])))
        night.until(night.now + wait * S)
    ids = [call.id for _, call in night.made]
    assert len(set(ids)) == len(ids), "a call was made twice"
    for _, call in night.made:
        assert call.kind in (PAGE, RETURN)
        if any(name[0] in "ab" for name in call.occurrences):
            assert len(call.occurrences) == 1, "a critical alarm was grouped"
    assert not any(call.kind == RETURN and name.startswith("hazard:") for _, call in night.made
                   for name in call.occurrences)  # fmt: skip
    for name, found in night.escalation.memory.opens.items():
        newest = name == f"{name[0]}/p1#{max(1, number[name[0]])}"
        assert not (found.calls and newest and hidden[name[0]]), "what is hidden calls"
        assert not found.calls or found.next >= night.now - 10 * S, "a step is overdue"
        assert not (found.returned and not found.owed), "what is over is forgotten"


def codes(night: Night) -> dict[str, list[str]]:
    return {code: list(names) for code, names in night.escalation.memory.codes.items()}


def test_a_message_has_a_code_of_its_own_for_what_it_is_about_and_each_cycle_a_new_one() -> None:
    night = Night()
    night.take(line("raised"), line("raised", "ramp"))
    night.until(3 * MINUTE)
    by_rule = {call.occurrences[0]: {c.code for _, c in night.made if c.occurrences == call.occurrences}
               for _, call in night.made}  # fmt: skip
    assert by_rule == {"wall/p1#1": {"4571"}, "ramp/p1#1": {"8142"}}, "the same for whoever is called"
    night.take(line("accepted", isa="C"))
    night.until(40 * MINUTE)
    assert night.made[-1][1].code not in ("4571", "8142")
    assert "4571" not in codes(night)
    night.take(line("returned", isa="D"), line("returned", "ramp", isa="D"))
    night.until(41 * MINUTE)
    assert codes(night) == {}, "nothing is kept of what is over"


def test_nine_thousand_codes_pass_before_one_comes_again() -> None:
    escalation = Escalation(Policy(), PEOPLE)
    made = []
    for _ in range(9000):
        made.append(escalation._code(("a#1",)))
        escalation.memory.codes.clear()
    assert len(set(made)) == 9000
    assert all(len(code) == 4 for code in made)
    differ = [sum(a != b for a, b in zip(one, other, strict=True)) for one, other in zip(made, made[1:], strict=False)]
    assert sum(count >= 2 for count in differ) > 8900, "a slip of one digit seldom makes the neighbour's"


def test_a_message_that_did_not_arrive_after_all_falls_back_at_once() -> None:
    night = Night()
    night.take(line("raised"))
    assert night.until(10 * S) == ["0 li.sms"]
    night.escalation.undelivered(night.made[0][1], night.now)
    assert night.until(60 * S) == ["20 li.mail"]
    assert night.escalation.memory.opens["wall/p1#1"].reached == {"li": "mail"}
    night.escalation.undelivered(night.made[0][1], night.now)
    assert night.until(90 * S) == [], "what reached them by another way is not undone"


def test_who_was_not_reached_after_all_hears_of_no_return() -> None:
    night = Night(duty=["wang"])
    night.take(line("raised"))
    night.until(10 * S)
    night.take(line("accepted", isa="C"))
    night.escalation.undelivered(night.made[0][1], night.now)
    night.take(line("returned", isa="D"))
    assert night.until(60 * S) == []
    assert night.escalation.memory.opens == {}


def of_a_test(one: Any) -> Any:
    return {**one, "why": {"key": "signal.limit.above", "test": "t1"}}



def test_a_test_calls_people_but_no_siren_and_shares_no_message_and_no_budget_with_what_is_real() -> None:
    night = Night(policy=Policy(sirens=("horn",)))
    night.take(of_a_test(line("raised", "gas", "high")))
    assert night.until(10 * S) == ["0 li.sms"]
    night.take(line("raised", "wall", "high"))
    assert night.until(30 * S)[0] == "20 li.sms", "the real one is not delayed by a message about the test"
    assert all(len(call.occurrences) == 1 for _, call in night.made)
    alone = Night(policy=Policy(sirens=("horn",)))
    alone.take(of_a_test(line("raised")))
    assert ".horn" not in " ".join(alone.until(7 * MINUTE))
    assert "360 chen.mail" in [f"{at // S} {call.person}.{call.channel}" for at, call in alone.made]
