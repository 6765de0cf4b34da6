"""What raises an alarm and what ends it: held verdicts, the system's own findings, and tests that are over.

Constraints. A test hides nothing: what it raises is marked, and ends with it; what is beyond its limit then is raised
anew as real. A real alarm on a sensor makes those real that a test alone had explained. Silence in a test is real: no
gas makes a sensor silent. Not here: in what order things happen (settling.py), which hides which (alarms.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from detectors.alarm import Cause, advance
from detectors.alarms import Alarms
from detectors.detector import Verdict, Why
from detectors.handlings import Handlings
from detectors.hazards import Hazards
from detectors.holding import Held
from detectors.levels import SILENCE
from detectors.records import BROKEN, Change, Key, Record, spelled
from detectors.rule import Priority, Rule, Subject


class Raising:
    """Changes the alarms' records, and opens the hazards that a critical or high one leaves."""

    def __init__(self, alarms: Alarms, hazards: Hazards, handlings: Handlings) -> None:
        self.alarms, self.hazards, self.handlings = alarms, hazards, handlings

    def hold(self, h: Held) -> list[Change]:
        """What became of the pair's alarm, and of those that it hides."""
        rule, subject = self.alarms.revision.pairs[h.pair]
        out: list[Change] = []
        if h.finding is not None and h.finding.why.key == "rule.broken":
            out += [*self._broken(rule, h), *self.alarms.resuppress((rule.name, subject.id), h.at)]
        if h.verdict is Verdict.ACTIVE and h.was is not Verdict.ACTIVE:
            out += self._raise(h, rule, subject)
        elif h.was is Verdict.ACTIVE and h.verdict is Verdict.CLEAR:
            out += self._return(h, rule, subject)
        elif h.watching is not h.was_watching:
            out.append(self._watch(h, rule, subject))
        if (h.verdict is Verdict.ACTIVE) is not (h.was is Verdict.ACTIVE):
            (self.alarms.active.add if h.verdict is Verdict.ACTIVE else self.alarms.active.discard)(h.pair)
            out += self.alarms.resuppress((rule.name, subject.id), h.at)
        return out

    def _raise(self, h: Held, rule: Rule, subject: Subject) -> list[Change]:
        record = self.alarms.of(h.pair)
        if record.alarm.active:
            return []
        return self.activate(h.pair, h.at, self._test_of(h.pair), h)

    def activate(self, pair: int, at: int, test: str, h: Held | None = None) -> list[Change]:
        """A new occurrence, of a test if one is named; without `h` with the reason that its record has."""
        (rule, subject), record = self.alarms.revision.pairs[pair], self.alarms.of(pair)
        record.priority = self._priority(rule, subject, pair)
        record.latches, record.accepted_by, record.note, record.test = rule.latch and not test, "", "", test
        changes = [*self._unshelve_critical((rule.name, subject.id), record, at), *self.alarms.suppress(pair, at)]
        record.alarm = advance(record.alarm, Cause.ACTIVATE)
        if record.priority is Priority.LOG:
            record.alarm = advance(record.alarm, Cause.ACKNOWLEDGE)
        record.since = at
        if h is not None:
            self._remember(record, h)
        key = (rule.name, subject.id)
        if not test:
            self.hazards.raised(key, record, rule.ladder, self.alarms.revision.site.hazards)
        changes.append(self.alarms.line(key, record, at, "raised", time=record.time))
        return changes + self._note_test(pair, key, record, at)

    def _unshelve_critical(self, key: Key, record: Record, at: int) -> list[Change]:
        """A shelf was put up for another priority: what is never shelved is not hidden by it."""
        if record.shelf_until is None or record.priority is not Priority.CRITICAL:
            return []
        record.shelf_until, record.alarm = None, advance(record.alarm, Cause.SHELF_ENDS)
        return [self.alarms.line(key, record, at, "shelf_ended")]

    def _priority(self, rule: Rule, subject: Subject, pair: int) -> Priority:
        """The rule's; a fault on a sensor in alarm takes that alarm's priority (DESIGN section 9)."""
        if not rule.raises_priority:
            return rule.priority
        sensors = {subject.id: None} | {name: None for _, name in subject.inputs}
        return max(rule.priority, self.alarms.worst_on(sensors, pair))

    def _return(self, h: Held, rule: Rule, subject: Subject) -> list[Change]:
        record = self.alarms.of(h.pair)
        if not record.alarm.active:
            return []
        cause = Cause.RETURN_LATCHED if record.latches else Cause.RETURN
        record.alarm = advance(record.alarm, cause)
        self._remember(record, h)
        return [self.alarms.line((rule.name, subject.id), record, h.at, "returned", time=record.time)]

    @staticmethod
    def _remember(record: Record, h: Held) -> None:
        if h.finding is not None:
            record.time, record.value = h.finding.time, h.finding.value
            record.limit, record.why = h.finding.limit, h.finding.why

    def _watch(self, h: Held, rule: Rule, subject: Subject) -> Change:
        record = self.alarms.of(h.pair)
        why = h.finding.why if h.finding is not None else Why("judge.heard" if h.watching else "judge.silent")
        if not record.alarm.standing:
            record.why = why
        time = h.finding.time if h.finding is not None else h.at
        value = h.finding.value if h.finding is not None else None
        change = "watched" if h.watching else "unwatched"
        return self.alarms.line((rule.name, subject.id), record, h.at, change, time=time, why=why, value=value)

    # -- the system's own ------------------------------------------------------------------------------------------

    def _broken(self, rule: Rule, h: Held) -> list[Change]:
        why = h.finding.why if h.finding is not None else Why("rule.broken")
        raised = self.own(BROKEN, rule.name, h.at, why, Priority.CRITICAL)
        return [replace(raised[-1], change="broken"), *raised] if raised else []

    def own(self, rule: str, subject: str, at: int, why: Why, least: Priority) -> list[Change]:
        """Raise an alarm of the system's own on a rule or sensor; a fault takes the priority of what stands there."""
        pairs = self.alarms.revision.wiring.on_sensor.get(subject, [])
        area = self.alarms.revision.pairs[pairs[0]][1].area if pairs else ""
        record = self.alarms.records.setdefault((rule, subject), Record(area, rule, least, False))
        if record.alarm.active:
            return []
        record.priority = max(least, self.alarms.worst_on([subject]))
        record.accepted_by, record.note = "", ""
        changes = self._unshelve_critical((rule, subject), record, at)
        record.alarm = advance(record.alarm, Cause.ACTIVATE)
        record.since = record.time = at
        record.why = why
        self.hazards.raised((rule, subject), record, "", self.alarms.revision.site.hazards)
        return [*changes, self.alarms.line((rule, subject), record, at, "raised")]

    def own_ends(self, rule: str, subject: str, at: int, why: Why) -> list[Change]:
        """The end of an alarm of the system's own."""
        record = self.alarms.records.get((rule, subject))
        if record is None or not record.alarm.active:
            return []
        record.alarm = advance(record.alarm, Cause.RETURN)
        record.time, record.why = at, why
        return [self.alarms.line((rule, subject), record, at, "returned")]

    # -- tests -----------------------------------------------------------------------------------------------------

    def end_tests(self, at: int) -> list[Change]:
        """What a test that is over had raised ends with it, and is raised anew where it is still beyond its limit."""
        on = {one.id for one in self.handlings.open.values()}
        return self._settle_marked([k for k, r in self.alarms.records.items() if r.test and r.test not in on], at)

    def _test_of(self, pair: int) -> str:
        """The test that explains an alarm of this pair, if one does; nothing while another input is in real alarm."""
        if self.alarms.revision.pairs[pair][0].detector.kind in SILENCE:
            return ""
        if not self.handlings.open:
            return ""
        raw = self.alarms.revision.raw[pair]
        tests = {name: self.handlings.open[name].id for name in sorted(raw & self.handlings.tested())}
        if not tests or self._really(pair, raw - tests.keys()):
            return ""
        return next(iter(tests.values()))

    def _really(self, pair: int, others: frozenset[str]) -> bool:
        """True if another rule has a real alarm on one of these sensors."""
        pair_of = self.alarms.revision.pair_of
        real = [pair_of[key] for key, r in self.alarms.records.items() if others and key in pair_of and r.real]
        return any(self.alarms.revision.raw[q] & others for q in real if q != pair)

    def _note_test(self, pair: int, key: Key, record: Record, at: int) -> list[Change]:
        """An alarm was raised: note what a test raised; a real one makes those real that tests alone explained."""
        name = spelled(*key, record.alarm.occurrence)
        if record.test and record.priority is not Priority.LOG:
            for sensor in self.handlings.tested() & self.alarms.revision.raw[pair]:
                self.handlings.open[sensor].raised[name] = at
        if not self.handlings.tested() or not record.real:
            return []
        pair_of, raw = self.alarms.revision.pair_of, self.alarms.revision.raw
        marked = [k for k, r in self.alarms.records.items() if r.test]
        real = [k for k in marked if k in pair_of and raw[pair_of[k]] & raw[pair]]
        return self._settle_marked([k for k in real if not self._test_of(pair_of[k])], at)

    def _settle_marked(self, keys: Sequence[Key], at: int) -> list[Change]:
        pair_of = self.alarms.revision.pair_of
        keys = sorted(keys, key=lambda key: (pair_of.get(key, -1), key))
        out = [line for key in keys for line in self._unmark(key, at)]
        for key in keys:
            pair = pair_of.get(key)
            if pair is not None and pair in self.alarms.active:
                out += self.activate(pair, at, self._test_of(pair))
        return out + [line for key in keys for line in self.alarms.resuppress(key, at)]

    def _unmark(self, key: Key, at: int) -> list[Change]:
        record = self.alarms.records[key]
        active, standing = record.alarm.active, record.alarm.standing
        for cause in (Cause.ACKNOWLEDGE, Cause.RETURN, Cause.RESET):
            record.alarm = advance(record.alarm, cause)
        over = Why("judge.test.over", {})
        line = record.line(key, at, self.alarms.revision.number, "returned" if active else "acknowledged", why=over)
        record.test = ""
        return [line] if standing else []
