"""What a person's reply means: whom it is from, which occurrences it accepts, and what they are told.

Constraints. Pure: the reply, the people and escalation's memory come in, a decision goes out. Only a code that was sent
to that very person, or a bare word where there is no doubt what it means, accepts; everything else accepts nothing and
says so. Only the first line counts, since mails quote what they answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collector.asking import OPEN, name_of
from collector.escalation import Memory
from collector.roster import Person
from dashboards.console.figures import Lang

WORDS = frozenset({"1", "ok", "accept", "接受", "接警"})
"""Bare words that accept."""
SHORTEST_NUMBER = 9
"""Digits that two forms of one telephone number share at least."""
ACCEPT = "accept"
_CODE = re.compile(r"\d{4}")
_SAID: Mapping[str, tuple[str, str]] = {
    "accepted": ("Accepted: {names}", "已接警：{names}"),
    "refused": ("NOT accepted: {names} ({reason})", "未接警：{names}（{reason}）"),
    "unanswered": (
        "NOT accepted yet: no word from judging. Reply again, or telephone.",
        "尚未接警：判断程序无响应，请重新回复或致电。",
    ),
    "unknown_sender": ("NOT accepted: this sender is nobody's address here.", "未接警：此号码不属于任何人员。"),
    "unknown_code": (
        "NOT accepted: code {code} was not sent to you, or is of an earlier call. {codes}",
        "未接警：代码 {code} 未发送给您，或属于先前的呼叫。{codes}",
    ),
    "several": ("NOT accepted: {count} alarms call you. {codes}", "未接警：有 {count} 条报警呼叫您。{codes}"),
    "no_id": ("NOT accepted: reply with the code, or open the link. {codes}", "未接警：请回复代码或打开链接。{codes}"),
    "nothing": ("Nothing to accept: it was accepted, or has returned.", "无可接警：已被接警或已恢复。"),
    "not_understood": ("NOT accepted: reply only the code, or 1. {codes}", "未接警：请只回复代码或 1。{codes}"),
    "reply_with": ("Reply {code} for {names}.", "回复 {code} 接警 {names}。"),
    "again": ("Heard before. {said}", "此前已收到。{said}"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reply comes to: ACCEPT with the occurrences, or why it accepts nothing."""

    outcome: str
    person: str = ""
    names: tuple[str, ...] = ()
    code: str = ""
    """One that is unknown."""
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What this person could reply now: code -> occurrences."""

    def answer(self, lang: Lang) -> str:
        """What they are told where nothing was accepted."""
        codes = " ".join(said(lang, "reply_with", code=code, names=", ".join(names))
                         for code, names in self.codes.items())  # fmt: skip
        count = str(len({name for names in self.codes.values() for name in names}))
        return said(lang, self.outcome, code=self.code, codes=codes, count=count).strip()


def said(lang: Lang, key: str, **fields: str) -> str:
    """An answer in words."""
    return _SAID[key][lang == "zh"].format(**fields)


def decide(
    sender: str, text: str, named: bool, channel: str, people: Mapping[str, Person], memory: Memory
) -> Decision:
    """`named` says that the gateway gives each reply an id, so that a repeated bare word is known as one."""
    person = who(sender, channel, people)
    if person is None:
        return Decision("unknown_sender")
    pending = [name for name, found in memory.opens.items() if found.calls and person in found.asked]
    codes = {code: tuple(names) for code, names in memory.codes.items() if set(names) & set(pending)}
    asked = understood(text)
    if asked is None:
        return Decision("not_understood", person, codes=codes)
    if asked:
        return _by_code(person, asked, pending, codes, memory)
    question = asked_now(memory, person)
    if not pending and not question:
        return Decision("nothing", person)
    if not named:
        return Decision("no_id", person, codes=codes)
    if not pending:
        return Decision(ACCEPT, person, question)
    if any(set(pending) <= set(names) for names in codes.values()):
        return Decision(ACCEPT, person, tuple(pending))
    return Decision("several", person, codes=codes)


def asked_now(memory: Memory, person: str) -> tuple[str, ...]:
    """The weekly question that this person is to answer; nothing where there is none."""
    question = memory.question
    waits = question is not None and question.state == OPEN and question.person == person
    return (name_of(question),) if question is not None and waits else ()


def _by_code(
    person: str, asked: Sequence[str], pending: Sequence[str], codes: Mapping[str, tuple[str, ...]], memory: Memory
) -> Decision:
    wanted: list[str] = []
    for code in asked:
        names = memory.codes.get(code, [])
        if not any(person in memory.opens[name].asked for name in names if name in memory.opens):
            return Decision("unknown_code", person, code=code, codes=codes)
        wanted += names
    accepted = tuple(name for name in pending if name in wanted)
    return Decision(ACCEPT, person, accepted) if accepted else Decision("nothing", person)


def understood(text: str) -> list[str] | None:
    """The codes of a reply's first line, none for a bare word; None for anything else."""
    lines = [line for line in unicodedata.normalize("NFKC", text).casefold().splitlines() if line.strip()]
    words = re.findall(r"\w+", lines[0]) if lines else []
    codes = [word for word in words if _CODE.fullmatch(word)]
    if not words or any(word not in WORDS and word not in codes for word in words):
        return None
    return list(dict.fromkeys(codes))


def who(sender: str, channel: str, people: Mapping[str, Person]) -> str | None:
    """The one person whose address on a channel this is; None for nobody, and where it could be two."""
    names = {person.id: [name for way, name in (*person.known_as, *person.reach) if way == channel]
             for person in people.values()}  # fmt: skip
    found = [person for person, several in names.items() if any(_same(sender, name) for name in several)]
    return found[0] if len(found) == 1 else None


def _same(one: str, other: str) -> bool:
    """Equal, or two forms of one telephone number: +86 139 0000 0000, 0086..., 139..."""
    one, other = one.strip().casefold(), other.strip().casefold()
    if one == other:
        return bool(one)
    short, long = sorted((_digits(one), _digits(other)), key=len)
    return len(short) >= SHORTEST_NUMBER and long.endswith(short) and len(long) - len(short) <= 3


def _digits(text: str) -> str:
    """A telephone number's digits without what stands for the way out of a country; empty for what is none."""
    if not re.fullmatch(r"([a-z]+:)?\+?[\d\s().-]+", text):
        return ""
    return re.sub(r"\D", "", text).lstrip("0")
