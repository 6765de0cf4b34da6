"""The weekly question: one person on duty is called and has to accept, so that somebody knows a call would be heard.

Constraints. Pure: journal lines, outcomes of calls, `now` and the date come in, calls go out; all that it remembers is
in escalation's memory, which is written down with the calls, so a restart neither asks again nor forgets to ask. A slot
that was missed while nothing ran is asked late, a site's very first slot is one that is still to come. Those on duty
take turns by the week. It is no alarm; that nobody answers is read as a sensor's state (sampling.py), with a rule.
"""

from __future__ import annotations

import logging
from datetime import datetime

from collector.canary_settings import Weekly
from collector.escalation import Call, Line, Memory, Question
from collector.oncall import OnCall
from detectors.records import QUESTION, spelled

ASK = "question"
"""Kind of its calls."""
OPEN, ANSWERED, UNANSWERED = "open", "answered", "unanswered"
STATES = (ANSWERED, OPEN, UNANSWERED)
"""In the order of the sensor's states."""

log = logging.getLogger(__name__)


class Asking:
    """One site's. `within` is ns of `now` that a person has to answer."""

    def __init__(self, oncall: OnCall, weekly: Weekly, within: int, memory: Memory) -> None:
        self._oncall, self._weekly, self._within, self._memory = oncall, weekly, within, memory
        self.changed = False
        """True where the memory is to be written down though no call says so; whoever does sets it back."""

    @property
    def asked(self) -> int:
        """ns of `now` at which the newest was asked."""
        return 0 if self._memory.question is None else self._memory.question.asked

    def due(self, now: int, moment: datetime) -> list[Call]:
        """The calls that are due; the outcome of each is to be `settled`."""
        memory, slot = self._memory, self._weekly.last(moment)
        seconds, calls = int(slot.timestamp()), []
        if memory.slot == 0:
            memory.slot, self.changed = seconds, True
        elif seconds > memory.slot:
            memory.slot, self.changed = seconds, True
            calls += self._ask(slot, now, moment)
        question = memory.question
        if question is not None and question.state == OPEN:
            if now - question.asked >= self._within:
                self._unanswered(question, f"no answer in {self._within / 60e9:.0f} min")
            elif question.fell_back:
                question.fell_back = False
                calls += self._next(question)
        return calls

    def settled(self, call: Call, reached: bool) -> None:
        """What became of a call: the next way is tried where it did not arrive."""
        question = self._memory.question
        if not reached and question is not None and call.kind == ASK and call.occurrences == (name_of(question),):
            question.fell_back = self.changed = True

    def take(self, line: Line) -> bool:
        """One journal line; True if it answers."""
        question = self._memory.question
        if line["change"] != ANSWERED or question is None or question.state == ANSWERED:
            return False
        if spelled(line["rule"], line["sensor"], line["occurrence"]) != name_of(question):
            return False
        question.state, question.missed, self.changed = ANSWERED, False, True
        log.info("question=%s answered", name_of(question))
        return True

    def _ask(self, slot: datetime, now: int, moment: datetime) -> list[Call]:
        local = slot.astimezone(self._weekly.zone).date()
        people = list(dict.fromkeys(found for one in self._oncall.rosters if (found := one.at(moment)) is not None))
        before = self._memory.question
        missed = before is not None and (before.missed or before.state != ANSWERED)
        person = people[local.isocalendar().week % len(people)] if people else ""
        number = local.year * 10_000 + local.month * 100 + local.day
        self._memory.question = question = Question(person, number, now, missed=missed)
        if not person:
            self._unanswered(question, "nobody is on duty")
            return []
        log.info("question=%s asked", name_of(question))
        return self._next(question)

    def _next(self, question: Question) -> list[Call]:
        """By the person's next way; without one left nobody will answer."""
        reach = self._oncall.people[question.person].reach if question.person in self._oncall.people else ()
        channel = next((way for way, _ in reach if way not in question.tried), None)
        if channel is None:
            self._unanswered(question, "no way to that person works")
            return []
        question.tried.append(channel)
        name = name_of(question)
        call = Call(f"{name}:{ASK}:{question.person}:{channel}", ASK, question.person, channel, (name,))
        self._memory.flying[call.id] = call
        return [call]

    def _unanswered(self, question: Question, why: str) -> None:
        question.state, self.changed = UNANSWERED, True
        log.error("question=%s unanswered reason=%s", name_of(question), why)


def name_of(question: Question) -> str:
    """What is to be accepted, spelled like an alarm."""
    return spelled(QUESTION, question.person, question.number)


def state_of(question: Question | None) -> int:
    """The sensor's reading: an earlier one without an answer stands until somebody answers."""
    if question is None:
        return STATES.index(ANSWERED)
    return STATES.index(UNANSWERED if question.missed else question.state)
