"""What a call says: a headline for a small screen, then the reason, what to do, and how to accept.

Constraints. The first 60 characters hold place, what, value with unit, and limit. Words are the page's own, in the
site's language. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.calling import Text
from collector.escalation import RETURN, Call
from dashboards.console.figures import Lang, Local, measured, number
from dashboards.console.words import because
from detectors.hazards import OVERDUE
from detectors.records import spelled, tested_by

MOST = 60
"""Characters of the headline's first part."""
Line = Mapping[str, Any]
_WORDS: Mapping[str, tuple[str, str]] = {
    "limit": ("limit {limit}", "限值 {limit}"),
    "returned": ("RETURNED", "已恢复"),
    OVERDUE: ("HAZARD OVERDUE", "隐患逾期"),
    "more": ("and {count} more", "另有 {count} 条"),
    "since": ("since {time}", "自 {time} 起"),
    "reply": ("Reply {code} to accept", "回复 {code} 接警"),
    "accept": ("Accept: {link}", "接警：{link}"),
    "question": ("TEST {site}: please accept, no alarm", "测试 {site}：请接警应答，非报警"),
    "question_why": (
        "The weekly question whether a call reaches you. No answer is an alarm.",
        "每周问询：确认呼叫能够送达。无应答将报警。",
    ),
    "by_command": ("Accept: davylamp accept {name} --by NAME", "接警：davylamp accept {name} --by 姓名"),
    "simulation": ("SIMULATION", "仿真"),
    "test": ("TEST", "测试"),
    "critical": ("CRITICAL", "紧急"),
    "high": ("HIGH", "高"),
}


@dataclass(frozen=True, slots=True)
class Wording:
    """How a site's messages are written."""

    site: str
    language: Lang
    local: Local
    simulated: bool = False

    def text(
        self, call: Call, lines: Sequence[Line], advice: Sequence[Mapping[str, Any]], link: str = "", code: str = ""
    ) -> Text:
        """The message of a call about these occurrences; `advice` has each one's unit, guidance and consequence."""
        headline = self._headline(call, lines[0], advice[0])
        body = [self._word("more", count=str(len(lines) - 1))] if len(lines) > 1 else []
        for line, known in zip(lines, advice, strict=True):
            body += self._about(line, known, brief=len(lines) > 1)
        if code and call.kind != RETURN:
            body.append(self._word("reply", code=code))
        if link and call.kind != RETURN:
            body.append(self._word("accept", link=link))
        details = {"site": self.site, "kind": call.kind, "person": call.person, "simulation": self.simulated,
                   "occurrences": list(call.occurrences), "priority": lines[0]["priority"]}  # fmt: skip
        tests = {spelled(one["rule"], one["sensor"], one["occurrence"]): test for one in lines
                 if (test := tested_by(one)) and call.kind != RETURN}  # fmt: skip
        details |= {"tests": tests} if tests else {}
        return Text(call.id, headline, "\n".join(body), details)

    def question(self, call: Call, link: str = "", replied: bool = False) -> Text:
        """The message of the weekly question; `replied` says that a bare word answers it too."""
        mark = self._word("simulation") + " " if self.simulated else ""
        how = self._word("accept", link=link) if link else self._word("by_command", name=call.occurrences[0])
        details = {"site": self.site, "kind": call.kind, "person": call.person, "simulation": self.simulated,
                   "occurrences": list(call.occurrences)}  # fmt: skip
        body = "\n".join([self._word("question_why"), *([self._word("reply", code="1")] if replied else []), how])
        return Text(call.id, mark + self._word("question", site=self.site), body, details)

    def _headline(self, call: Call, line: Line, known: Mapping[str, Any]) -> str:
        figures = [measured(line["value"], known.get("unit", ""), known.get("states") or ())]
        if line["limit"] is not None:
            figures.append(self._word("limit", limit=number(line["limit"])))
        state = OVERDUE if line["change"] == OVERDUE else str(line["priority"])
        tail = " ".join([*filter(None, figures), self._word("returned" if call.kind == RETURN else state)])
        place = " ".join(filter(None, (line["area"], line["sensor"], line["rule"])))
        room = MOST - len(tail) - 1
        cut = place if len(place) <= room else place[: room - 1] + "…"
        mark = self._word("simulation") + " " if self.simulated else ""
        mark += self._word("test") + " " if tested_by(line) else ""
        return f"{mark}{cut} {tail}"

    def _about(self, line: Line, known: Mapping[str, Any], brief: bool) -> list[str]:
        reason = because(line["why"], line["limit"], known.get("unit", ""), self.language, self.local)
        name = spelled(line["rule"], line["sensor"], line["occurrence"])
        since = self._word("since", time=f"{self.local.at(line['time']):%m-%d} {self.local.clock(line['time'])}")
        head = name if line["change"] == OVERDUE else f"{name} {since}"
        first = head + (f": {reason}" if reason else "")
        return [first] if brief else [first, *filter(None, (known.get("consequence"), known.get("guidance")))]

    def _word(self, key: str, **fields: str) -> str:
        return _WORDS[key][self.language == "zh"].format(**fields)
