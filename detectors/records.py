"""The words of an alarm's record: what a person asks for, what a journal line says, what is known of an alarm.

Plain data; what becomes of it is in raising.py and settling.py, and what people may do in people.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from detectors.alarm import Alarm
from detectors.detector import Why
from detectors.rule import Priority

BROKEN = "broken"
"""The own rule whose subjects are rules that raised an exception."""
WRONG_UNIT = "wrong-unit"
"""The own rule whose subjects are sensors whose payload named another unit than the site file."""
CHANNEL = "channel-failing"
"""The own rule whose subjects are ways to reach people, or one person's address on one."""
DIFFERS = "judge-differs"
"""The own rule that says that folding the log again gave another journal than the one on disk."""
TEST = "TEST"
"""The note of a journal line about an alarm that a test raised; its `why` has the test's id as `test`."""
SOURCE = "source-failing"
"""The own rule whose subjects are sources that nothing can come from: no connection, or a refused subscription."""
UNBALANCED = "ledger-unbalanced"
"""The own rule that says that at some hop more or less came out than went in."""
WORK = "work-failing"
"""The own rule whose subjects are works of a role, `announce/calls`, that die again when they are begun again."""
QUESTION = "weekly-question"
"""What an accept names that answers the weekly question; its subject is the person, its occurrence the day."""
REPORTED = (CHANNEL, DIFFERS, SOURCE, UNBALANCED, WORK)
"""Own rules whose alarms a role reports: it says them again after a reset where it is still so."""
OWN_RULES = (BROKEN, WRONG_UNIT, *REPORTED)

Key = tuple[str, str]
"""(rule, subject)"""


def spelled(rule: str, subject: str, occurrence: int) -> str:
    """An alarm's occurrence as people write it; `collector.actions.alarm_name` reads it."""
    return f"{rule}/{subject}#{occurrence}"


def tested_by(line: Mapping[str, Any]) -> str:
    """The test that raised what a journal's line is about, by its id; nothing for a real alarm."""
    return str((line.get("why") or {}).get("test", "")) if line.get("rule") else ""


@dataclass(frozen=True, slots=True)
class Action:
    """What a person asked for, as it lies in the log."""

    id: str
    kind: str
    rule: str
    subject: str
    by: str
    note: str = ""
    occurrence: int | None = None
    """The occurrence that was meant; None = whichever stands."""
    until: int | None = None
    measure: str = ""
    """Compensating measure while out of service."""
    access: str = "typed"
    owner: str = ""
    """Whom a hazard is assigned to."""
    evidence: tuple[str, ...] = ()
    """Files about a hazard, each as sha256sum prints it."""
    details: Mapping[str, float | int | str] = field(default_factory=dict)
    """What a calibration's record says; see handling.DETAILS."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the journal, before it has its number and hash."""

    now: int
    time: int
    area: str
    sensor: str
    rule: str
    kind: str
    revision: int
    priority: str
    occurrence: int
    change: str
    isa: str
    value: float | None
    limit: float | None
    why: Why
    by: str = ""
    note: str = ""
    action: str = ""
    desk: str = ""
    """Who hears it; empty where the change calls nobody."""
    notice: str = ""
    """The occurrence in whose notice it is heard: its own, or in a flood the one that it joined."""


@dataclass(slots=True)
class Record:
    """One (rule, subject): its alarm, and what is known of its last occurrence."""

    area: str
    kind: str
    priority: Priority
    latches: bool
    alarm: Alarm = Alarm()
    since: int = 0
    time: int = 0
    value: float | None = None
    limit: float | None = None
    why: Why = Why("judge.start")
    accepted_by: str = ""
    note: str = ""
    shelf_until: int | None = None
    service_until: int | None = None
    test: str = ""
    """The id of the test in which it was raised: gas was applied, the place is as it was."""

    @property
    def in_alarm(self) -> bool:
        """True if a real alarm stands here, active or latched: a fault on its sensor takes its priority."""
        return (self.alarm.active or self.alarm.latched) and not self.test

    @property
    def real(self) -> bool:
        """True if its alarm is active and says something of the place: no test, no fault, no entry of the log."""
        fault = self.kind.startswith("health.")
        return self.alarm.active and not self.test and not fault and self.priority is not Priority.LOG

    def line(
        self,
        key: Key,
        now: int,
        revision: int,
        change: str,
        *,
        time: int | None = None,
        why: Why | None = None,
        value: float | None = None,
        action: Action | None = None,
    ) -> Change:
        """The journal line that says what happened to it."""
        told = change in ("raised", "returned", "broken")
        because = why or self.why
        if self.test:
            because = Why(because.key, {**because.numbers, "test": self.test})
        return Change(
            now=now,
            time=now if time is None else time,
            area=self.area,
            sensor=key[1],
            rule=key[0],
            kind=self.kind,
            revision=revision,
            priority=self.priority.name.lower(),
            occurrence=self.alarm.occurrence,
            change=change,
            isa=self.alarm.isa,
            value=self.value if told else value,
            limit=self.limit if told else None,
            why=because,
            by=action.by if action else "",
            note=action.note if action else TEST if self.test else "",
            action=action.id if action else "",
        )
