"""Hazards: what a critical or high alarm leaves to be done, followed from its first occurrence until it is closed.

Constraints. A fold of the records' own changes and of people's actions, at their places in the log. Opening and joining
have no journal line of their own: the line that raised the occurrence says both. The return of an alarm closes nothing,
nor does a revision. Not here: which alarms stand (alarms.py), who may close by access.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from detectors.detector import Why
from detectors.records import Action, Change, Key, Record, spelled
from detectors.rule import HOUR, Priority
from detectors.sensor import OWN

DUE: Mapping[Priority, int] = {Priority.CRITICAL: 8 * HOUR, Priority.HIGH: 72 * HOUR}
"""ns from opening until a hazard is to be closed. A choice of this project, to be confirmed at each site; occurrences
of other priorities open none."""
LONGEST = 30 * 24 * HOUR
"""ns ahead of now that a person may put a due time at most. A choice of this project."""
ACTIONS = ("assign", "did", "close")
CALLED = "hazard:"
"""Before the name of a hazard where people are called for the hazard itself: who accepts that takes it."""
OVERDUE = "overdue"
CHANGES = (OVERDUE, "assigned", "did", "closed")
"""What a journal line about a hazard itself says."""
SECOND = 1_000_000_000
NEVER = 1 << 62
_EVIDENCE = re.compile(r"[0-9a-f]{64}  [^\n]{1,200}")


@dataclass(frozen=True, slots=True)
class Done:
    """What somebody did about a hazard."""

    at: int
    by: str
    note: str
    evidence: tuple[str, ...] = ()
    """Files as sha256sum prints them: digest, two spaces, name."""


@dataclass(slots=True)
class Hazard:
    """One hazard, named by its first occurrence. All its occurrences are on one subject."""

    rule: str
    subject: str
    occurrence: int
    ladder: str
    area: str
    kind: str
    opened: int
    priority: Priority
    """The worst of its occurrences'."""
    span: int
    """ns between reminders once it is overdue."""
    due: int
    remind: int
    """When it is next said to be overdue: at `due`, then each `span`."""
    owner: str = ""
    """Empty: nobody has it."""
    occurrences: dict[str, list[int]] = field(default_factory=dict)
    """Rule -> first occurrence, last, how many."""
    done: list[Done] = field(default_factory=list)
    closed: int | None = None
    closed_by: str = ""
    closed_note: str = ""

    @property
    def name(self) -> str:
        """Its first occurrence as people write it."""
        return spelled(self.rule, self.subject, self.occurrence)

    @property
    def key(self) -> Key:
        """(rule, subject) of its first occurrence: no two open hazards share it."""
        return self.rule, self.subject

    def holds(self, rule: str, occurrence: int | None) -> bool:
        """True if that occurrence of the rule is one of its own; None stands for any."""
        first, last, _ = self.occurrences.get(rule, (0, -1, 0))
        return first <= last if occurrence is None else first <= occurrence <= last


Stands = Callable[[Hazard], bool]
"""Whether one of its alarms is still active, or waits for a reset."""


class Hazards:
    """All open hazards of a site. `changed` holds what was opened, changed or closed since it was last taken."""

    def __init__(self) -> None:
        self.open: dict[Key, Hazard] = {}
        self.changed: dict[tuple[str, int], Hazard] = {}
        self._holder: dict[Key, Hazard] = {}
        self._next = NEVER
        """No reminder comes before it; so that a step without one looks at no hazard."""

    def restore(self, known: Iterable[Hazard]) -> None:
        """Take over the open hazards of a snapshot."""
        self.open = {hazard.key: hazard for hazard in known}
        for hazard in self.open.values():
            self._index(hazard)

    def _index(self, hazard: Hazard) -> None:
        for name in (*hazard.occurrences, *((f"@{hazard.ladder}",) if hazard.ladder else ())):
            self._holder[name, hazard.subject] = hazard
        self._next = min(self._next, hazard.remind)

    def _changed(self, hazard: Hazard) -> None:
        self.changed[hazard.name, hazard.opened] = hazard
        self._next = min(self._next, hazard.remind)

    def of(self, rule: str, subject: str, occurrence: int | None) -> Hazard | None:
        """The open hazard that an occurrence belongs to; without a number the one that the alarm's last belongs to."""
        hazard = self._holder.get((rule, subject))
        return hazard if hazard is not None and hazard.holds(rule, occurrence) else None

    def take_changed(self) -> list[Hazard]:
        """What changed since this was last asked, each once, in order of the first change."""
        changed, self.changed = list(self.changed.values()), {}
        return changed

    # -- alarms and time -------------------------------------------------------------------------------------------

    def raised(self, key: Key, record: Record, ladder: str, due: Mapping[Priority, int]) -> Hazard | None:
        """An alarm was raised: the hazard that it opened or joined; None where it leaves nothing to be done, and for
        the system's own sensors, whose trouble is no hazard of the site's."""
        span = due.get(record.priority)
        if span is None or key[1].startswith(OWN):
            return None
        at, number = record.since, record.alarm.occurrence
        hazard = self._holder.get(key) or self._holder.get((f"@{ladder}", key[1]))
        if hazard is None:
            ends = at + span
            hazard = Hazard(*key, number, ladder, record.area, record.kind, at, record.priority, span, ends, ends)
            self.open[key] = hazard
        first, _, count = hazard.occurrences.get(key[0], (number, number, 0))
        hazard.occurrences[key[0]] = [first, number, count + 1]
        if record.priority > hazard.priority:
            hazard.priority, hazard.span = record.priority, span
            hazard.due, hazard.remind = min(hazard.due, at + span), min(hazard.remind, at + span)
        self._index(hazard)
        self._changed(hazard)
        return hazard

    def due_before(self, until: int) -> list[Hazard]:
        """Those whose reminder comes before `until`."""
        if until <= self._next:
            return []
        self._next = min((one.remind for one in self.open.values() if one.remind >= until), default=NEVER)
        return [one for one in self.open.values() if one.remind < until]

    def overdue(self, key: Key, at: int, revision: int) -> list[Change]:
        """Its time has come, if it is still open and still due then."""
        hazard = self.open.get(key)
        if hazard is None or hazard.remind != at:
            return []
        hazard.remind = at + hazard.span
        numbers: dict[str, float | int | str] = {"opened": hazard.opened // SECOND, "due": hazard.due // SECOND}
        why = Why("hazard.overdue" if hazard.owner else "hazard.overdue_unowned", numbers | _owner(hazard))
        self._changed(hazard)
        return [_line(hazard, at, revision, OVERDUE, why)]

    # -- people ----------------------------------------------------------------------------------------------------

    def accepted(self, action: Action, occurrence: int, now: int, revision: int) -> list[Change]:
        """Who accepts an alarm takes its hazard where nobody has it, or where it is overdue; the latter is a line."""
        hazard = self.of(action.rule, action.subject, occurrence)
        if hazard is None or (hazard.owner and now <= hazard.due):
            return []
        hazard.owner = action.by
        self._changed(hazard)
        if now <= hazard.due:
            return []
        return [_line(hazard, now, revision, "assigned", Why("hazard.accepted", _owner(hazard)), action.by)]

    def act(self, action: Action, now: int, revision: int, stands: Stands) -> list[Change]:
        """Take an action on a hazard or refuse it with a reason; the one line bears the action's id."""
        hazard = self.of(action.rule.removeprefix(CALLED), action.subject, action.occurrence)
        if hazard is None:
            number = action.occurrence or 0
            nothing = Hazard(action.rule, action.subject, number, "", "", "", 0, Priority.LOG, 0, 0, 0)
            return [_answer(nothing, now, revision, "refused", _refusal("no_hazard", action), action)]
        reason = _objection(hazard, action, now, stands)
        if reason:
            return [_answer(hazard, now, revision, "refused", _refusal(reason, action), action)]
        change, why = self._take(hazard, action, now)
        self._changed(hazard)
        return [_answer(hazard, now, revision, change, why, action)]

    def _take(self, hazard: Hazard, action: Action, now: int) -> tuple[str, Why]:
        if action.kind == "accept":
            hazard.owner = action.by
            return "assigned", Why("hazard.accepted", _owner(hazard))
        if action.kind == "assign":
            hazard.owner = action.owner
            if action.until is not None:
                hazard.due = hazard.remind = action.until
            return "assigned", Why("hazard.assigned", {**_owner(hazard), "due": hazard.due // SECOND})
        evidence: dict[str, float | int | str] = {"evidence": ", ".join(action.evidence)} if action.evidence else {}
        if action.kind == "did" or action.evidence:
            hazard.done.append(Done(now, action.by, action.note, action.evidence))
        if action.kind == "did":
            return "did", Why("hazard.did", evidence)
        hazard.closed, hazard.closed_by, hazard.closed_note = now, action.by, action.note
        del self.open[hazard.key]
        self._holder = {key: holder for key, holder in self._holder.items() if holder is not hazard}
        return "closed", Why("hazard.closed", evidence)


def _objection(hazard: Hazard, action: Action, now: int, stands: Stands) -> str:
    if not action.by:
        return "nobody"
    if not all(_EVIDENCE.fullmatch(one) for one in action.evidence):
        return "bad_evidence"
    match action.kind:
        case "accept":
            return ""
        case "assign":
            return "no_owner" if not action.owner.strip() else _due_objection(hazard, action, now)
        case "did":
            return "" if action.note or action.evidence else "no_note"
        case "close":
            return "still_stands" if stands(hazard) else "" if action.note else "no_note"
    return "unknown_action"


def _due_objection(hazard: Hazard, action: Action, now: int) -> str:
    """A due time may be any until LONGEST from now; why it became later must be said."""
    if action.until is None:
        return ""
    if action.until <= now:
        return "no_end"
    if action.until > now + LONGEST:
        return "too_long"
    return "no_note" if action.until > hazard.due and not action.note else ""


def _refusal(reason: str, action: Action) -> Why:
    return Why(f"judge.refused.{reason}", {"asked": action.kind})


def _owner(hazard: Hazard) -> dict[str, float | int | str]:
    return {"owner": hazard.owner} if hazard.owner else {}


def _answer(hazard: Hazard, now: int, revision: int, change: str, why: Why, action: Action) -> Change:
    return _line(hazard, now, revision, change, why, action.by, action.note, action.id)


def _line(
    hazard: Hazard, now: int, revision: int, change: str, why: Why, by: str = "", note: str = "", action: str = ""
) -> Change:
    priority = hazard.priority.name.lower()
    return Change(
        now, now, hazard.area, hazard.subject, hazard.rule, hazard.kind, revision, priority, hazard.occurrence,
        change, "", None, None, why, by, note, action,
    )  # fmt: skip
