"""What becomes of alarms: one record a (rule, subject), changed at its place in the log's order.

Suppression by design and ladders therefore see exactly what had happened before. An alarm whose rule or sensor a
revision removed stays here until an engineer resets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from typing import Any

from detectors.alarm import Cause, Hidden, advance
from detectors.detector import Verdict, Why
from detectors.handling import KINDS as OF_SENSORS
from detectors.handlings import Handlings
from detectors.hazards import ACTIONS, CALLED, Hazard, Hazards
from detectors.holding import Held
from detectors.people import objection, take
from detectors.reading import AFTER_ROWS
from detectors.records import BROKEN, OWN_RULES, QUESTION, REPORTED, WRONG_UNIT, Action, Change, Key, Record
from detectors.revision import Revision
from detectors.rule import Priority, Rule, Subject
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


class Records:
    """All records of a site."""

    def __init__(self, revision: Revision) -> None:
        self.revision = revision
        self.due: list[Due] = []
        """A heap, gathered anew for each step: it holds nothing that the records do not."""
        self.records: dict[Key, Record] = {}
        self.used: dict[Key, int] = {}
        """The last occurrence of alarms that went with their rule or sensor: no number is used again."""
        self.active: set[int] = set()
        self.hazards = Hazards()
        self.handlings = Handlings(self)

    # -- readings --------------------------------------------------------------------------------------------------

    def settle(self, held: Sequence[Held], until: int) -> list[Change]:
        """All that happened up to `until`, in order: held verdicts, and what ends or falls due by time."""
        self.due = []
        for key, record in self.records.items():
            if record.shelf_until is not None:
                self.due.append(Due(record.shelf_until, key, SHELF))
            if record.service_until is not None:
                self.due.append(Due(record.service_until, key, SERVICE))
        self.due += [Due(hazard.remind, hazard.key, HAZARD) for hazard in self.hazards.due_before(until)]
        self.due += [Due(one.until, ("", one.sensor), HANDLING) for one in self.handlings.ends(until)]
        heapify(self.due)
        changes: list[Change] = []
        for h in held:
            changes += self._fall_due((h.at, h.row, h.pair))
            changes += self._hold(h)
        return changes + self._fall_due((until,))

    def _fall_due(self, before: tuple[int, ...]) -> list[Change]:
        """What falls due before a place: after all rows of its instant. What is due may bring what is due later."""
        changes: list[Change] = []
        while self.due and (self.due[0].at, AFTER_ROWS, len(self.revision.pairs)) < before:
            changes += self._end(heappop(self.due))
        return changes

    def _hold(self, h: Held) -> list[Change]:
        rule, subject = self.revision.pairs[h.pair]
        out: list[Change] = []
        if h.finding is not None and h.finding.why.key == "rule.broken":
            out += [*self._broken(rule, h), *self.resuppress((rule.name, subject.id), h.at)]
        if h.verdict is Verdict.ACTIVE and h.was is not Verdict.ACTIVE:
            out += self._raise(h, rule, subject)
        elif h.was is Verdict.ACTIVE and h.verdict is Verdict.CLEAR:
            out += self._return(h, rule, subject)
        elif h.watching is not h.was_watching:
            out.append(self._watch(h, rule, subject))
        if (h.verdict is Verdict.ACTIVE) is not (h.was is Verdict.ACTIVE):
            (self.active.add if h.verdict is Verdict.ACTIVE else self.active.discard)(h.pair)
            out += self.resuppress((rule.name, subject.id), h.at)
        return out

    def _record(self, pair: int) -> Record:
        rule, subject = self.revision.pairs[pair]
        key = (rule.name, subject.id)
        record = self.records.get(key)
        if record is None:
            record = Record(subject.area, rule.detector.kind, rule.priority, rule.latch)
            record.alarm = replace(record.alarm, occurrence=self.used.pop(key, 0))
            self.records[key] = record
        return record

    def _forget(self, key: Key) -> None:
        self.used[key] = self.records.pop(key).alarm.occurrence

    def _raise(self, h: Held, rule: Rule, subject: Subject) -> list[Change]:
        record = self._record(h.pair)
        if record.alarm.active:
            return []
        return self.activate(h.pair, h.at, self.handlings.test_of(h.pair), h)

    def activate(self, pair: int, at: int, test: str, h: Held | None = None) -> list[Change]:
        """A new occurrence, of a test if one is named; without `h` with the reason that its record has."""
        (rule, subject), record = self.revision.pairs[pair], self._record(pair)
        record.priority = self._priority(rule, subject, pair)
        record.latches, record.accepted_by, record.note, record.test = rule.latch and not test, "", "", test
        changes = [*self._unshelve_critical((rule.name, subject.id), record, at), *self._suppress(pair, at)]
        record.alarm = advance(record.alarm, Cause.ACTIVATE)
        if record.priority is Priority.LOG:
            record.alarm = advance(record.alarm, Cause.ACKNOWLEDGE)
        record.since = at
        if h is not None:
            self._remember(record, h)
        key = (rule.name, subject.id)
        if not test:
            self._leave(key, record, rule.ladder)
        changes.append(self._line(key, record, at, "raised", time=record.time))
        return changes + self.handlings.raised(pair, key, record, at)

    def _unshelve_critical(self, key: Key, record: Record, at: int) -> list[Change]:
        """A shelf was put up for another priority: what is never shelved is not hidden by it."""
        if record.shelf_until is None or record.priority is not Priority.CRITICAL:
            return []
        record.shelf_until, record.alarm = None, advance(record.alarm, Cause.SHELF_ENDS)
        return [self._line(key, record, at, "shelf_ended")]

    def _priority(self, rule: Rule, subject: Subject, pair: int) -> Priority:
        """The rule's; a fault on a sensor in alarm takes that alarm's priority (DESIGN section 9)."""
        if not rule.raises_priority:
            return rule.priority
        sensors = {subject.id: None} | {name: None for _, name in subject.inputs}
        others = [self._record(p) for s in sensors for p in self.revision.wiring.on_sensor.get(s, ()) if p != pair]
        return max([rule.priority, *(r.priority for r in others if _in_alarm(r))])

    def _return(self, h: Held, rule: Rule, subject: Subject) -> list[Change]:
        record = self._record(h.pair)
        if not record.alarm.active:
            return []
        cause = Cause.RETURN_LATCHED if record.latches else Cause.RETURN
        record.alarm = advance(record.alarm, cause)
        self._remember(record, h)
        return [self._line((rule.name, subject.id), record, h.at, "returned", time=record.time)]

    @staticmethod
    def _remember(record: Record, h: Held) -> None:
        if h.finding is not None:
            record.time, record.value = h.finding.time, h.finding.value
            record.limit, record.why = h.finding.limit, h.finding.why

    def _watch(self, h: Held, rule: Rule, subject: Subject) -> Change:
        record = self._record(h.pair)
        why = h.finding.why if h.finding is not None else Why("judge.heard" if h.watching else "judge.silent")
        if not record.alarm.standing:
            record.why = why
        time = h.finding.time if h.finding is not None else h.at
        value = h.finding.value if h.finding is not None else None
        change = "watched" if h.watching else "unwatched"
        return self._line((rule.name, subject.id), record, h.at, change, time=time, why=why, value=value)

    def _suppress(self, pair: int, at: int) -> list[Change]:
        rule, subject = self.revision.pairs[pair]
        record = self._record(pair)
        on = any(self._suppresses(q, pair) for q in self.revision.wiring.suppressors.get(pair, ()))
        before = record.alarm
        record.alarm = advance(before, Cause.SUPPRESS if on else Cause.UNSUPPRESS)
        if record.alarm is before or not before.standing:
            return []
        return [self._line((rule.name, subject.id), record, at, "suppressed" if on else "unsuppressed")]

    def _suppresses(self, q: int, pair: int) -> bool:
        """One that speaks for another must be told itself: not hidden by a person, not lower, not of a broken rule."""
        if q not in self.active:
            return False
        speaker = self._record(q)
        if speaker.test and not self._record(pair).test:
            return False
        if q not in self.revision.wiring.above[pair]:
            return True
        broken = self.records.get((BROKEN, self.revision.pairs[q][0].name))
        told = not speaker.alarm.hidden & (Hidden.SHELVED | Hidden.OUT_OF_SERVICE)
        works = broken is None or not broken.alarm.active
        return told and works and speaker.priority >= self._record(pair).priority

    def _broken(self, rule: Rule, h: Held) -> list[Change]:
        why = h.finding.why if h.finding is not None else Why("rule.broken")
        raised = self.own(BROKEN, rule.name, h.at, why, Priority.CRITICAL)
        return [replace(raised[0], change="broken"), *raised] if raised else []

    def own(self, rule: str, subject: str, at: int, why: Why, least: Priority) -> list[Change]:
        """Raise an alarm of the system's own on a rule or sensor; a fault takes the priority of what stands there."""
        pairs = self.revision.wiring.on_sensor.get(subject, [])
        area = self.revision.pairs[pairs[0]][1].area if pairs else ""
        record = self.records.setdefault((rule, subject), Record(area, rule, least, False))
        if record.alarm.active:
            return []
        others = [self._record(p) for p in pairs]
        record.priority = max([least, *(r.priority for r in others if _in_alarm(r))])
        record.accepted_by, record.note = "", ""
        record.alarm = advance(record.alarm, Cause.ACTIVATE)
        record.since = record.time = at
        record.why = why
        self._leave((rule, subject), record)
        return [self._line((rule, subject), record, at, "raised")]

    def own_ends(self, rule: str, subject: str, at: int, why: Why) -> list[Change]:
        """The end of an alarm of the system's own."""
        record = self.records.get((rule, subject))
        if record is None or not record.alarm.active:
            return []
        record.alarm = advance(record.alarm, Cause.RETURN)
        record.time, record.why = at, why
        return [self._line((rule, subject), record, at, "returned")]

    def own_standing(self, rule: str) -> list[str]:
        """Subjects on which an own alarm of this rule is active."""
        return sorted(subject for (name, subject), r in self.records.items() if name == rule and r.alarm.active)

    def _leave(self, key: Key, record: Record, ladder: str = "") -> None:
        """What a critical or high occurrence leaves to be done, until a person closes it."""
        hazard = self.hazards.raised(key, record, ladder, self.revision.site.hazards)
        if hazard is not None:
            heappush(self.due, Due(hazard.remind, hazard.key, HAZARD))

    def _overdue(self, due: Due) -> list[Change]:
        changes = self.hazards.overdue(due.key, due.at, self.revision.number)
        if changes:
            heappush(self.due, replace(due, at=self.hazards.open[due.key].remind))
        return changes

    def _end(self, due: Due) -> list[Change]:
        if due.order == HAZARD:
            return self._overdue(due)
        if due.order == HANDLING:
            return self.handlings.end(self.handlings.open[due.key[1]], due.at)
        record = self.records[due.key]
        if due.order == SHELF and record.shelf_until != due.at:
            return []
        if due.order == SHELF:
            record.shelf_until, change, cause = None, "shelf_ended", Cause.SHELF_ENDS
        else:
            record.service_until, change, cause = None, "service_ended", Cause.RETURN_TO_SERVICE
        record.alarm = advance(record.alarm, cause)
        return [self._line(due.key, record, due.at, change), *self.resuppress(due.key, due.at)]

    def resuppress(self, key: Key, at: int) -> list[Change]:
        """Hide and show what this one speaks for, as it now stands."""
        pair = self.revision.pair_of.get(key, -1)
        return [c for p in self.revision.wiring.dependents.get(pair, ()) for c in self._suppress(p, at)]

    def _line(self, key: Key, record: Record, at: int, change: str, **more: Any) -> Change:
        return record.line(key, at, self.revision.number, change, **more)

    # -- people ----------------------------------------------------------------------------------------------------

    def act(self, action: Action, now: int) -> list[Change]:
        """Take the action or refuse it with a reason; either way one line bears its id."""
        if action.kind in ACTIONS or action.rule.startswith(CALLED):
            return self.hazards.act(action, now, self.revision.number, self._stands)
        if action.kind in OF_SENSORS:
            return self.handlings.act(action, now)
        if (action.kind, action.rule) == ("accept", QUESTION):
            return [self._answer(action, now)]
        key = (action.rule, action.subject)
        known = key in self.revision.pair_of or key in self.records
        if not known:
            nobody = Record("", "", Priority.LOG, False)
            return [self._refuse(key, nobody, now, action, "unknown_alarm")]
        record = self.records.get(key) or self._record(self.revision.pair_of[key])
        removed = self._removed(key, record)
        reason = objection(record, action, now, self.revision.site.shelving, removed)
        if reason:
            return [self._refuse(key, record, now, action, reason)]
        change = take(record, action, removed)
        lines = [self._line(key, record, now, change, action=action)]
        if change == "accepted":
            lines += self.hazards.accepted(action, record.alarm.occurrence, now, self.revision.number)
        if change == "reset" and key[0] in OWN_RULES:
            lines.append(self._line(key, record, now, "returned", why=Why("own.reset")))
        if key not in self.revision.pair_of and key[0] not in OWN_RULES and not record.alarm.standing:
            self._forget(key)
        return lines + self.resuppress(key, now)

    def _removed(self, key: Key, record: Record) -> bool:
        """True if a reset ends the alarm though it is active: a revision took the rule away, or the sensor whose unit
        was wrong; or a role reported it, of something that this fold knows nothing of."""
        if key[0] not in OWN_RULES:
            return key not in self.revision.pair_of
        gone = key[0] == WRONG_UNIT and key[1] not in self.revision.site.sensors
        return record.alarm.active and (gone or key[0] in REPORTED)

    def _stands(self, hazard: Hazard) -> bool:
        found = (self.records.get((rule, hazard.subject)) for rule in hazard.occurrences)
        return any(record is not None and _in_alarm(record) for record in found)

    def _answer(self, action: Action, now: int) -> Change:
        """Somebody answers the weekly question: a line of its own kind, which no record is kept of."""
        key, nobody = (action.rule, action.subject), Record(OWN_AREA, QUESTION, Priority.LOG, False)
        nobody.alarm = replace(nobody.alarm, occurrence=action.occurrence or 0)
        if not action.by:
            return self._refuse(key, nobody, now, action, "nobody")
        return self._line(key, nobody, now, "answered", why=Why("judge.answered"), action=action)

    def _refuse(self, key: Key, record: Record, now: int, action: Action, reason: str) -> Change:
        why = Why(f"judge.refused.{reason}", {"asked": action.kind})
        return self._line(key, record, now, "refused", why=why, action=action)

    # -- revisions and listing -------------------------------------------------------------------------------------

    def revised(self, revision: Revision, now: int, by: str, note: str) -> list[Change]:
        """A revision was adopted: say so, and name what now stands without a rule."""
        self.revision, pair_of = revision, revision.pair_of
        self.active = {pair_of[key] for key, r in self.records.items() if r.alarm.active and key in pair_of}
        out = self.note("revised", now, Why("judge.revised", {"revision": self.revision.number}), by, note)
        out += self.handlings.revised(now)
        for key, record in sorted(self.records.items()):
            if key[0] == BROKEN:
                out += self.own_ends(*key, now, Why("rule.restarted"))
            elif key not in pair_of and key[0] not in OWN_RULES and record.alarm.standing:
                out.append(self._line(key, record, now, "removed"))
            elif key in pair_of:
                rule, subject = self.revision.pairs[pair_of[key]]
                record.area, record.kind = subject.area, rule.detector.kind
                record.priority = record.priority if record.alarm.standing else rule.priority
                record.latches = rule.latch and not record.test
        for key in [k for k, r in self.records.items() if k not in pair_of and not r.alarm.standing]:
            if key[0] not in OWN_RULES:
                self._forget(key)
        return out + [c for pair in sorted(self.revision.wiring.suppressors) for c in self._suppress(pair, now)]

    def note(self, change: str, now: int, why: Why, by: str = "", note: str = "") -> list[Change]:
        """A line about the whole site."""
        return [Change(now, now, "", "", "", "", self.revision.number, "log", 0, change, "", None, None, why, by, note)]

    def is_active(self, key: Key) -> bool:
        """True while the alarm of (rule, subject) is active."""
        return key in self.active_keys()

    def active_keys(self) -> set[Key]:
        """(rule, subject) of every active alarm."""
        return {key for key, record in self.records.items() if record.alarm.active}

    def out_of_service_pairs(self) -> list[int]:
        """Pairs that a person took out of service."""
        out = (k for k, r in self.records.items() if r.alarm.hidden & Hidden.OUT_OF_SERVICE)
        return [self.revision.pair_of[key] for key in out if key in self.revision.pair_of]

    def standing(self) -> Iterable[tuple[Key, Record]]:
        """Records of which something is still owed."""
        return ((key, r) for key, r in sorted(self.records.items()) if r.alarm.standing)


def _in_alarm(record: Record) -> bool:
    """True if a real alarm stands here, active or latched: a fault on its sensor takes its priority."""
    return (record.alarm.active or record.alarm.latched) and not record.test
