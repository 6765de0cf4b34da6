"""What is known of a (rule, subject) pair, or of a hazard, as a row that page, stores and commands read.

Constraints. Pure: it reads the judge and changes nothing. A removed rule is a row while its alarm stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collector.own_alarms import GUIDANCE
from detectors.alarm import Hidden
from detectors.hazards import Hazard
from detectors.judge import Judge
from detectors.records import Key, Record
from detectors.rule import compared_in


def pair_row(judge: Judge, key: Key) -> dict[str, Any] | None:
    """All that is known of a (rule, subject), as the page and the stores read it; None if nothing is."""
    pair, record = judge.revision.pair_of.get(key), judge.alarms.records.get(key)
    if pair is None and record is None:
        return None
    known: dict[str, Any] = {"guidance": GUIDANCE.get(key[0], "")}
    if pair is not None:
        rule, subject = judge.revision.pairs[pair]
        record = record or Record(subject.area, rule.detector.kind, rule.priority, rule.latch)
        known = {
            "unit": compared_in(rule.detector, judge.revision.table[subject.inputs[0][1]].unit),
            "guidance": rule.guidance, "citation": rule.citation, "consequence": rule.consequence,
            "inputs": [name for _, name in subject.inputs], "states": _states(judge, subject.inputs),
        }  # fmt: skip
    assert record is not None
    alarm = record.alarm
    watching = pair is not None and bool(judge.verdicts.holding.watching[pair])
    tested = pair is not None and judge.handlings.tests(pair)
    why = {"key": record.why.key, **record.why.numbers} if alarm.standing or not tested else {"key": "judge.in_test"}
    return {
        "unit": "", "guidance": "", "citation": "", "consequence": "", "inputs": [], "states": [], **known,
        "rule": key[0], "subject": key[1], "area": record.area, "kind": record.kind,
        "priority": record.priority.name.lower(),
        "active": alarm.active, "acked": alarm.acked, "latched": alarm.latched,
        "hidden": [flag.name.lower() for flag in Hidden if flag in alarm.hidden and flag.name],
        "occurrence": alarm.occurrence, "isa": alarm.isa,
        "watching": watching and alarm.isa != "G" and not tested,
        "test": record.test,
        "value": record.value, "limit": record.limit, "why": why,
        "since": record.since, "time": record.time, "accepted_by": record.accepted_by, "note": record.note,
        "desk": judge.desks.desk_of.get(record.area, ""), "notice": judge.desks.notice_of.get(key, ""),
        "until": record.shelf_until or record.service_until, "removed": pair is None,
    }  # fmt: skip


def _states(judge: Judge, inputs: Sequence[tuple[str, str]]) -> list[str]:
    """The names of the values of a subject that is one sensor with states."""
    sensor = judge.site.sensors.get(inputs[0][1]) if len(inputs) == 1 else None
    return [] if sensor is None else list(sensor.states)


def all_keys(judge: Judge) -> list[Key]:
    """Every pair that something is known of, in order."""
    return sorted(judge.revision.pair_of.keys() | judge.alarms.records.keys())


def hazard_row(hazard: Hazard) -> dict[str, Any]:
    """All that is known of a hazard, as page and commands read it."""
    return {
        "name": hazard.name, "rule": hazard.rule, "subject": hazard.subject, "occurrence": hazard.occurrence,
        "area": hazard.area, "priority": hazard.priority.name.lower(), "opened": hazard.opened, "due": hazard.due,
        "owner": hazard.owner,
        "occurrences": [
            {"rule": rule, "first": first, "last": last, "count": count}
            for rule, (first, last, count) in hazard.occurrences.items()
        ],
        "done": [
            {"at": one.at, "by": one.by, "note": one.note, "evidence": list(one.evidence)} for one in hazard.done
        ],
        "closed": hazard.closed, "closed_by": hazard.closed_by, "closed_note": hazard.closed_note,
    }  # fmt: skip
