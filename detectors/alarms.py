"""All alarms of a site: a record of each (rule, subject), and which of them hides which.

Constraints. A record begins when something happens to its pair, and goes when its rule or sensor is gone and nothing of
it stands. Not here: what raises an alarm or ends it (raising.py), in what order things happen (settling.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from detectors.alarm import Cause, Hidden, advance
from detectors.records import BROKEN, Change, Key, Record, spelled
from detectors.revision import Revision
from detectors.rule import Priority


class Alarms:
    """The records, and the pairs whose held verdict is active."""

    def __init__(self, revision: Revision) -> None:
        self.revision = revision
        self.records: dict[Key, Record] = {}
        self.used: dict[Key, int] = {}
        """The last occurrence of alarms that went with their rule or sensor: no number is used again."""
        self.active: set[int] = set()

    def of(self, pair: int) -> Record:
        """The record of a pair."""
        rule, subject = self.revision.pairs[pair]
        key = (rule.name, subject.id)
        record = self.records.get(key)
        if record is None:
            record = Record(subject.area, rule.detector.kind, rule.priority, rule.latch)
            record.alarm = replace(record.alarm, occurrence=self.used.pop(key, 0))
            self.records[key] = record
        return record

    def forget(self, key: Key) -> None:
        """Its rule or sensor is gone, and nothing of it stands; the numbers of its occurrences stay used."""
        self.used[key] = self.records.pop(key).alarm.occurrence

    def line(self, key: Key, record: Record, at: int, change: str, **more: Any) -> Change:
        """What happened to it, as the journal says it."""
        return record.line(key, at, self.revision.number, change, **more)

    def adopt(self, revision: Revision) -> None:
        """Go on under a revision."""
        self.revision, pair_of = revision, revision.pair_of
        self.active = {pair_of[key] for key, r in self.records.items() if r.alarm.active and key in pair_of}

    # -- hiding ----------------------------------------------------------------------------------------------------

    def suppress(self, pair: int, at: int) -> list[Change]:
        """Hide it or show it, as what speaks for it now stands."""
        rule, subject = self.revision.pairs[pair]
        record = self.of(pair)
        on = any(self._suppresses(q, pair) for q in self.revision.wiring.suppressors.get(pair, ()))
        before = record.alarm
        record.alarm = advance(before, Cause.SUPPRESS if on else Cause.UNSUPPRESS)
        if record.alarm is before or not before.standing:
            return []
        return [self.line((rule.name, subject.id), record, at, "suppressed" if on else "unsuppressed")]

    def _suppresses(self, q: int, pair: int) -> bool:
        """One that speaks for another must be told itself: not hidden by a person, not lower, not of a broken rule."""
        if q not in self.active:
            return False
        speaker = self.of(q)
        if speaker.test and not self.of(pair).test:
            return False
        if q not in self.revision.wiring.above[pair]:
            return True
        broken = self.records.get((BROKEN, self.revision.pairs[q][0].name))
        told = not speaker.alarm.hidden & (Hidden.SHELVED | Hidden.OUT_OF_SERVICE)
        works = broken is None or not broken.alarm.active
        return told and works and speaker.priority >= self.of(pair).priority

    def resuppress(self, key: Key, at: int) -> list[Change]:
        """Hide and show what this one speaks for, as it now stands."""
        pair = self.revision.pair_of.get(key, -1)
        return [c for p in self.revision.wiring.dependents.get(pair, ()) for c in self.suppress(p, at)]

    # -- listing ---------------------------------------------------------------------------------------------------

    def worst_on(self, sensors: Iterable[str], but: int = -1) -> Priority:
        """The highest priority of what stands on these sensors, `but` one pair."""
        pairs = [p for one in sensors for p in self.revision.wiring.on_sensor.get(one, ()) if p != but]
        return max((r.priority for r in map(self.of, pairs) if r.in_alarm), default=Priority.LOG)

    def in_alarm_by(self, sensor: str) -> str:
        """An alarm of a rule that this sensor feeds, if any stands, also in a test; priority log is none."""
        for key, record in sorted(self.records.items()):
            alarm, pair = record.alarm, self.revision.pair_of.get(key)
            mine = key[1] == sensor or (pair is not None and sensor in self.revision.raw[pair])
            if mine and (alarm.active or alarm.latched) and record.priority is not Priority.LOG:
                return spelled(*key, alarm.occurrence)
        return ""

    def any_in_alarm(self, rules: Collection[str], subject: str) -> bool:
        """True if the alarm of one of these rules stands on the subject, active or latched."""
        found = (self.records.get((rule, subject)) for rule in rules)
        return any(record is not None and record.in_alarm for record in found)

    def own_standing(self, rule: str) -> list[str]:
        """Subjects on which an own alarm of this rule is active."""
        return sorted(subject for (name, subject), r in self.records.items() if name == rule and r.alarm.active)

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
