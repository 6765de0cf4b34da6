"""What a reply means. Oracle: a table written by hand, and that nothing but a code or a bare word ever accepts."""

from __future__ import annotations

import re
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.escalation import Memory, Open
from collector.replies import ACCEPT, WORDS, decide, understood, who
from collector.roster import Person

PEOPLE = {
    "li": Person("li", "Li Wei", (("sms", "+86 139 0000 0000"), ("chat", "li@pit"))),
    "wang": Person("wang", "Wang Fang", (("sms", "+8613900000001"),), (("chat", "ou_7f"),)),
}


def opened(priority: str = "critical", asked: tuple[str, ...] = ("li",), **more: object) -> Open:
    found = Open({"priority": priority}, 0, 0, asked=list(asked))
    for key, value in more.items():
        setattr(found, key, value)
    return found


def memory(codes: dict[str, list[str]], **opens: Open) -> Memory:
    return Memory(opens={f"{name}/p#1": one for name, one in opens.items()}, codes=codes)


ONE = memory({"4571": ["a/p#1"]}, a=opened())
TWO = memory({"4571": ["a/p#1"], "8142": ["b/p#1"]}, a=opened(), b=opened())
GROUPED = memory({"4571": ["a/p#1", "b/p#1"]}, a=opened("high"), b=opened("high"))


@pytest.mark.parametrize(
    ("text", "known", "outcome", "names"),
    [
        ("1", ONE, ACCEPT, ("a/p#1",)),
        ("OK", ONE, ACCEPT, ("a/p#1",)),
        (" 接受。", ONE, ACCEPT, ("a/p#1",)),
        ("１", ONE, ACCEPT, ("a/p#1",)),
        ("4571", TWO, ACCEPT, ("a/p#1",)),
        ("ok 8142!", TWO, ACCEPT, ("b/p#1",)),
        ("4571, 8142", TWO, ACCEPT, ("a/p#1", "b/p#1")),
        ("1\n> Reply 4571 to accept", ONE, ACCEPT, ("a/p#1",)),
        ("ok", GROUPED, ACCEPT, ("a/p#1", "b/p#1")),
        ("ok", TWO, "several", ()),
        ("4572", TWO, "unknown_code", ()),
        ("4571 4572", TWO, "unknown_code", ()),
        ("not 4571", TWO, "not_understood", ()),
        ("45711", ONE, "not_understood", ()),
        ("who is this?", ONE, "not_understood", ()),
        ("\n \n", ONE, "not_understood", ()),
        ("1", memory({"4571": ["a/p#1"]}, a=opened(accepted=5)), "nothing", ()),
        ("4571", memory({"4571": ["a/p#1"]}, a=opened(accepted=5)), "nothing", ()),
        ("4571", memory({"4571": ["a/p#1"]}, a=opened(returned=True)), "nothing", ()),
        ("1", memory({"4571": ["a/p#1"]}, a=opened(asked=("wang",))), "nothing", ()),
        ("4571", memory({"4571": ["a/p#1"]}, a=opened(asked=("wang",))), "unknown_code", ()),
    ],
)  # fmt: skip
def test_what_a_reply_comes_to(text: str, known: Memory, outcome: str, names: tuple[str, ...]) -> None:
    found = decide("+8613900000000", text, True, "sms", PEOPLE, known)
    assert (found.outcome, found.names) == (outcome, names)
    assert found.person == "li"


def test_without_an_id_of_the_gateway_only_a_code_accepts() -> None:
    assert decide("+8613900000000", "1", False, "sms", PEOPLE, ONE).outcome == "no_id"
    assert decide("+8613900000000", "4571", False, "sms", PEOPLE, ONE).outcome == ACCEPT


def test_the_answer_says_what_could_be_replied() -> None:
    found = decide("+8613900000000", "ok", True, "sms", PEOPLE, TWO)
    assert found.answer("en") == ("NOT accepted: 2 alarms call you. Reply 4571 for a/p#1. Reply 8142 for b/p#1.")
    assert "2 条报警" in found.answer("zh")
    assert "4571" in found.answer("zh")


@pytest.mark.parametrize(
    ("sender", "channel", "person"),
    [
        ("+8613900000000", "sms", "li"),
        ("008613900000000", "sms", "li"),
        ("13900000000", "sms", "li"),
        ("whatsapp:+8613900000000", "sms", "li"),
        ("tel:+86-139-0000-0001", "sms", "wang"),
        ("3900000000", "sms", "li"),
        ("00000000", "sms", None),
        ("+8613900000000", "chat", None),
        ("LI@pit", "chat", "li"),
        ("ou_7f", "chat", "wang"),
        ("ou_7g", "chat", None),
        ("", "sms", None),
        ("9999913900000000", "sms", None),
    ],
)
def test_whose_address_it_is(sender: str, channel: str, person: str | None) -> None:
    assert who(sender, channel, PEOPLE) == person


def test_an_address_that_could_be_two_peoples_is_nobodys() -> None:
    twice = {**PEOPLE, "chen": Person("chen", "Chen", (("sms", "13900000000"),))}
    assert who("+8613900000000", "sms", twice) is None


@given(st.text(max_size=60))
def test_no_text_without_code_or_word_accepts(text: str) -> None:
    found = decide("+8613900000000", text, True, "sms", PEOPLE, ONE)
    if found.outcome == ACCEPT:
        first = next(line for line in normalize("NFKC", text).casefold().splitlines() if line.strip())
        assert {word for word in re.split(r"\W+", first) if word} <= {*WORDS, "4571"}


@given(st.text(alphabet="0123456789 ok1接受,.\n", max_size=12))
def test_a_code_never_accepts_what_it_was_not_sent_for(text: str) -> None:
    found = decide("+8613900000000", text, True, "sms", PEOPLE, TWO)
    codes = understood(text) or []
    meant = {name for code in codes for name in TWO.codes.get(code, [])}
    assert set(found.names) <= meant
    assert not WORDS & set(codes)
