"""The life of one alarm: four independent facts, and what each cause makes of them.

ISA-18.2's letters are derived, never stored: A normal, B unacknowledged, C acknowledged, D returned unacknowledged,
E shelved, F suppressed by design, G out of service. Source: ISA-18.2-2016 clauses 5.2 and 11.7 (unshelving by a person
leaves an active alarm acknowledged, by time unacknowledged; what is over when its suppression ends is normal: nobody
was to act on it). The whole table is tests/detectors/alarm_table.txt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, IntFlag


class Hidden(IntFlag):
    """Why an alarm is not annunciated; several may hold at once, and none forgets what happened meanwhile."""

    NO = 0
    SUPPRESSED = 1
    SHELVED = 2
    OUT_OF_SERVICE = 4


class Cause(Enum):
    """What can happen to an alarm."""

    ACTIVATE = "activate"
    RETURN = "return"
    RETURN_LATCHED = "return, latched"
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    SHELVE = "shelve"
    UNSHELVE = "unshelve by a person"
    SHELF_ENDS = "shelf ends by time"
    SUPPRESS = "suppress by design"
    UNSUPPRESS = "end of suppression"
    REMOVE_FROM_SERVICE = "out of service"
    RETURN_TO_SERVICE = "back in service"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm of one rule on one subject."""

    active: bool = False
    acked: bool = True
    latched: bool = False
    """Gone, and a reset is owed."""
    hidden: Hidden = Hidden.NO
    occurrence: int = 0
    """+1 at every activation; a number is never used again."""

    @property
    def standing(self) -> bool:
        """True while anyone has still to do with it: active, latched or unacknowledged."""
        return self.active or self.latched or not self.acked

    @property
    def isa(self) -> str:
        """The letter of ISA-18.2; a latched alarm reads as its acknowledgement does (C or D)."""
        if self.hidden:
            return "G" if self.hidden & Hidden.OUT_OF_SERVICE else "F" if self.hidden & Hidden.SUPPRESSED else "E"
        if self.active:
            return "C" if self.acked else "B"
        return "D" if not self.acked else "C" if self.latched else "A"


def advance(alarm: Alarm, cause: Cause) -> Alarm:
    """The alarm after the cause; the same object where the cause changes nothing."""
    after = _after(alarm, cause)
    return alarm if after == alarm else after


def _after(alarm: Alarm, cause: Cause) -> Alarm:
    match cause:
        case Cause.ACTIVATE if not alarm.active:
            return replace(alarm, active=True, acked=False, latched=False, occurrence=alarm.occurrence + 1)
        case Cause.RETURN:
            return replace(alarm, active=False)
        case Cause.RETURN_LATCHED if alarm.active:
            return replace(alarm, active=False, latched=True)
        case Cause.ACKNOWLEDGE:
            return replace(alarm, acked=True)
        case Cause.RESET:
            return replace(alarm, latched=False)
        case Cause.UNSHELVE if alarm.hidden & Hidden.SHELVED:
            return replace(_shown(alarm, Hidden.SHELVED), acked=alarm.acked or alarm.active)
        case Cause.SHELF_ENDS if alarm.hidden & Hidden.SHELVED:
            return replace(_shown(alarm, Hidden.SHELVED), acked=alarm.acked and not alarm.active)
        case Cause.SHELVE:
            return replace(alarm, hidden=alarm.hidden | Hidden.SHELVED)
        case Cause.SUPPRESS:
            return replace(alarm, hidden=alarm.hidden | Hidden.SUPPRESSED)
        case Cause.UNSUPPRESS if alarm.hidden & Hidden.SUPPRESSED:
            over = not alarm.active and not alarm.latched
            return replace(_shown(alarm, Hidden.SUPPRESSED), acked=alarm.acked or over)
        case Cause.REMOVE_FROM_SERVICE:
            return replace(alarm, hidden=alarm.hidden | Hidden.OUT_OF_SERVICE)
        case Cause.RETURN_TO_SERVICE:
            return _shown(alarm, Hidden.OUT_OF_SERVICE)
    return alarm


def _shown(alarm: Alarm, flag: Hidden) -> Alarm:
    return replace(alarm, hidden=alarm.hidden & ~flag)
