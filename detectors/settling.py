"""What happens to alarms, in the log's order: held verdicts, what falls due by time, what people ask, revisions.

Suppression by design and ladders therefore see exactly what had happened before. An alarm whose rule or sensor a
revision removed stands until an engineer resets it. Not here: what raises an alarm (raising.py), what people may do and
why not (people.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush

from detectors.alarm import Cause, advance
from detectors.alarms import Alarms
from detectors.detector import Why
from detectors.handling import KINDS as OF_SENSORS
from detectors.handling import TEST, Handling
from detectors.handlings import Handlings
from detectors.hazards import ACTIONS, CALLED, Hazard, Hazards
from detectors.holding import Held
from detectors.people import objection, take
from detectors.raising import Raising
from detectors.reading import AFTER_ROWS
from detectors.records import BROKEN, OWN_RULES, QUESTION, REPORTED, WRONG_UNIT, Action, Change, Key, Record
from detectors.revision import Revision
from detectors.rule import Priority
from detectors.sensor import OWN_AREA

SHELF, SERVICE, HAZARD = 0, 1, 2
"""What may fall due, in the order of one instant and alarm."""
HANDLING = 9
"""A test, a calibration or a blasting window is over: its key has no rule."""


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """Something that ends or falls due by time: `at` ns of `now`, what it is, and whose."""

    at: int
    key: Key
    order: int


class Settling:
    """Takes what happens to the alarms of a site in its order; returns what changed."""

    def __init__(self, alarms: Alarms, hazards: Hazards, handlings: Handlings) -> None:
        self.alarms, self.hazards, self.handlings = alarms, hazards, handlings
        self.raising = Raising(alarms, hazards, handlings)
        self.due: list[Due] = []
        """A heap, gathered anew for each step: it holds nothing that the records do not."""

    # -- readings --------------------------------------------------------------------------------------------------

    def settle(self, held: Sequence[Held], until: int) -> list[Change]:
        """All that happened up to `until`, in order: held verdicts, and what ends or falls due by time."""
        self.due = []
        for key, record in self.alarms.records.items():
            if record.shelf_until is not None:
                self.due.append(Due(record.shelf_until, key, SHELF))
            if record.service_until is not None:
                self.due.append(Due(record.service_until, key, SERVICE))
        self.due += [Due(one.until, ("", one.sensor), HANDLING) for one in self.handlings.ends(until)]
        heapify(self.due)
        changes: list[Change] = []
        for h in held:
            changes += self._fall_due((h.at, h.row, h.pair), until)
            changes += self.raising.hold(h)
        return changes + self._fall_due((until,), until)

    def _fall_due(self, before: tuple[int, ...], until: int) -> list[Change]:
        """What falls due before a place: after all rows of its instant. What is due may bring what is due later."""
        changes: list[Change] = []
        self._remind(until)
        while self.due and (self.due[0].at, AFTER_ROWS, len(self.alarms.revision.pairs)) < before:
            changes += self._end(heappop(self.due))
            self._remind(until)
        return changes

    def _remind(self, until: int) -> None:
        """Hazards that were opened, or were said to be overdue, may be due again in the same step."""
        for hazard in self.hazards.due_before(until):
            heappush(self.due, Due(hazard.remind, hazard.key, HAZARD))

    def _end(self, due: Due) -> list[Change]:
        if due.order == HAZARD:
            return self.hazards.overdue(due.key, due.at, self.alarms.revision.number)
        if due.order == HANDLING:
            return self._over(self.handlings.open[due.key[1]], due.at)
        record = self.alarms.records[due.key]
        if due.order == SHELF and record.shelf_until != due.at:
            return []
        if due.order == SHELF:
            record.shelf_until, change, cause = None, "shelf_ended", Cause.SHELF_ENDS
        else:
            record.service_until, change, cause = None, "service_ended", Cause.RETURN_TO_SERVICE
        record.alarm = advance(record.alarm, cause)
        return [self.alarms.line(due.key, record, due.at, change), *self.alarms.resuppress(due.key, due.at)]

    def _over(self, handling: Handling, at: int) -> list[Change]:
        return self.handlings.end(handling, at) + self.raising.end_tests(at)

    # -- people ----------------------------------------------------------------------------------------------------

    def act(self, action: Action, now: int) -> list[Change]:
        """Take the action or refuse it with a reason; either way one line bears its id."""
        if action.kind in ACTIONS or action.rule.startswith(CALLED):
            return self.hazards.act(action, now, self.alarms.revision.number, self._stands)
        if action.kind in OF_SENSORS:
            return self._handle(action, now)
        if (action.kind, action.rule) == ("accept", QUESTION):
            return [self._answer(action, now)]
        key = (action.rule, action.subject)
        known = key in self.alarms.revision.pair_of or key in self.alarms.records
        if not known:
            nobody = Record("", "", Priority.LOG, False)
            return [self._refuse(key, nobody, now, action, "unknown_alarm")]
        record = self.alarms.records.get(key) or self.alarms.of(self.alarms.revision.pair_of[key])
        removed = self._removed(key, record)
        reason = objection(record, action, now, self.alarms.revision.site.shelving, removed)
        if reason:
            return [self._refuse(key, record, now, action, reason)]
        change = take(record, action, removed)
        lines = [self.alarms.line(key, record, now, change, action=action)]
        if change == "accepted":
            lines += self.hazards.accepted(action, record.alarm.occurrence, now, self.alarms.revision.number)
        if change == "reset" and key[0] in OWN_RULES:
            lines.append(self.alarms.line(key, record, now, "returned", why=Why("own.reset")))
        if key not in self.alarms.revision.pair_of and key[0] not in OWN_RULES and not record.alarm.standing:
            self.alarms.forget(key)
        return lines + self.alarms.resuppress(key, now)

    def _handle(self, action: Action, now: int) -> list[Change]:
        in_alarm = self.alarms.in_alarm_by(action.subject) if action.kind == TEST else ""
        return self.handlings.act(action, now, in_alarm) + self.raising.end_tests(now)

    def _stands(self, hazard: Hazard) -> bool:
        return self.alarms.any_in_alarm(hazard.occurrences, hazard.subject)

    def _removed(self, key: Key, record: Record) -> bool:
        """True if a reset ends the alarm though it is active: a revision took the rule away, or the sensor whose unit
        was wrong; or a role reported it, of something that this fold knows nothing of."""
        if key[0] not in OWN_RULES:
            return key not in self.alarms.revision.pair_of
        gone = key[0] == WRONG_UNIT and key[1] not in self.alarms.revision.site.sensors
        return record.alarm.active and (gone or key[0] in REPORTED)

    def _answer(self, action: Action, now: int) -> Change:
        """Somebody answers the weekly question: a line of its own kind, which no record is kept of."""
        key, nobody = (action.rule, action.subject), Record(OWN_AREA, QUESTION, Priority.LOG, False)
        nobody.alarm = replace(nobody.alarm, occurrence=action.occurrence or 0)
        if not action.by:
            return self._refuse(key, nobody, now, action, "nobody")
        return self.alarms.line(key, nobody, now, "answered", why=Why("judge.answered"), action=action)

    def _refuse(self, key: Key, record: Record, now: int, action: Action, reason: str) -> Change:
        why = Why(f"judge.refused.{reason}", {"asked": action.kind})
        return self.alarms.line(key, record, now, "refused", why=why, action=action)

    # -- revisions -----------------------------------------------------------------------------------------------

    def revised(self, revision: Revision, now: int, by: str, note: str) -> list[Change]:
        """A revision was adopted: say so, and name what now stands without a rule."""
        self.alarms.adopt(revision)
        pair_of, gone = revision.pair_of, self.handlings.adopt(revision)
        out = self.note("revised", now, Why("judge.revised", {"revision": revision.number}), by, note)
        out += [line for handling in gone for line in self._over(handling, now)]
        for key, record in sorted(self.alarms.records.items()):
            if key[0] == BROKEN:
                out += self.raising.own_ends(*key, now, Why("rule.restarted"))
            elif key not in pair_of and key[0] not in OWN_RULES and record.alarm.standing:
                out.append(self.alarms.line(key, record, now, "removed"))
            elif key in pair_of:
                rule, subject = revision.pairs[pair_of[key]]
                record.area, record.kind = subject.area, rule.detector.kind
                record.priority = record.priority if record.alarm.standing else rule.priority
                record.latches = rule.latch and not record.test
        for key in [k for k, r in self.alarms.records.items() if k not in pair_of and not r.alarm.standing]:
            if key[0] not in OWN_RULES:
                self.alarms.forget(key)
        return out + [c for pair in sorted(revision.wiring.suppressors) for c in self.alarms.suppress(pair, now)]

    def note(self, change: str, now: int, why: Why, by: str = "", note: str = "") -> list[Change]:
        """A line about the whole site."""
        number = self.alarms.revision.number
        return [Change(now, now, "", "", "", "", number, "log", 0, change, "", None, None, why, by, note)]
