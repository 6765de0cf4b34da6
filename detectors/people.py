"""What people may do with an alarm, and why not: a closed list of reasons (DESIGN section 9).

Pure functions over one record. Who is allowed what by access is the page's and the commands' affair; here an action is
judged by the alarm alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from detectors.alarm import Cause, Hidden, advance
from detectors.records import Action, Record
from detectors.rule import HOUR, Priority

SHIFT = 12 * HOUR
"""Longest time out of service before it must be renewed."""


def objection(record: Record, action: Action, now: int, shelving: Mapping[Priority, int], removed: bool) -> str:
    """Why not, or nothing. `removed`: a revision took the rule or its sensor away."""
    if action.occurrence is not None and action.occurrence != record.alarm.occurrence:
        return "other_occurrence"
    if not action.by:
        return "nobody"
    alarm = record.alarm
    match action.kind:
        case "acknowledge" | "accept":
            seen = alarm.acked and (action.kind == "acknowledge" or not alarm.active)
            return "nothing_to_acknowledge" if seen else ""
        case "comment":
            return "" if action.note else "no_note"
        case "shelve":
            longest = shelving.get(record.priority)
            if longest is None:
                return "never_shelved"
            return _span_objection(action.until, now, longest) or ("" if action.note else "no_note")
        case "unshelve":
            return "" if alarm.hidden & Hidden.SHELVED else "not_shelved"
        case "out_of_service":
            said = action.note and action.measure
            return _span_objection(action.until, now, SHIFT) or ("" if said else "no_note")
        case "in_service":
            return "" if alarm.hidden & Hidden.OUT_OF_SERVICE else "in_service_already"
        case "reset":
            return "" if alarm.latched or removed else "nothing_to_reset"
    return "unknown_action"


def take(record: Record, action: Action, removed: bool) -> str:
    """Do it to the record; returns the change's name. Only what `objection` lets pass."""
    record.note = action.note or record.note
    match action.kind:
        case "acknowledge":
            return _advance(record, Cause.ACKNOWLEDGE, "acknowledged")
        case "accept":
            record.accepted_by = action.by
            return _advance(record, Cause.ACKNOWLEDGE, "accepted")
        case "shelve":
            record.shelf_until = action.until
            return _advance(record, Cause.SHELVE, "shelved")
        case "unshelve":
            record.shelf_until = None
            return _advance(record, Cause.UNSHELVE, "unshelved")
        case "out_of_service":
            record.service_until = action.until
            return _advance(record, Cause.REMOVE_FROM_SERVICE, "out_of_service")
        case "in_service":
            record.service_until = None
            return _advance(record, Cause.RETURN_TO_SERVICE, "in_service")
        case "reset":
            if removed:
                record.alarm = advance(advance(record.alarm, Cause.RETURN), Cause.ACKNOWLEDGE)
            return _advance(record, Cause.RESET, "reset")
    return "commented"


def _advance(record: Record, cause: Cause, change: str) -> str:
    record.alarm = advance(record.alarm, cause)
    return change


def _span_objection(until: int | None, now: int, longest: int) -> str:
    if until is None or until <= now:
        return "no_end"
    return "too_long" if until > now + longest else ""
