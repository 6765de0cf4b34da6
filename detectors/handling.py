"""What people do at a sensor for a time, as data: a test, a calibration, a blasting window; who asks, and why not.

Constraints. Pure. A handling begins with an action in the log and ends by another or by itself, when the log is past
its `until`. What it does to readings is handlings.py's, to alarms raising.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from detectors.records import Action
from detectors.rule import HOUR
from detectors.sensor import OF_A_SENSOR, OF_ITSELF, OWN
from detectors.site import Site

TEST, CALIBRATION, BLASTING = "test", "calibration", "blasting"
LONGEST = HOUR // 2
"""ns of a calibration or a blasting window, at most (DESIGN section 9)."""
BEGINS: Mapping[str, str] = {"test": TEST, "calibrate": CALIBRATION, "open_blasting": BLASTING}
ENDS: Mapping[str, str] = {"end_test": TEST, "end_calibration": CALIBRATION, "close_blasting": BLASTING}
RECORD, TELL = "calibrated", "tell"
KINDS = (*BEGINS, *ENDS, RECORD, TELL)
"""What may be asked of a sensor, in place of an alarm."""
NUMBERS, TEXTS = ("applied", "found", "left"), ("gas", "in_unit", "certificate", "expires", "due")
DETAILS = (*NUMBERS, *TEXTS)
"""What a calibration's record may say: gas, its concentration, reading before and after, cylinder's certificate and
expiry, when the next is due."""


@dataclass(slots=True)
class Handling:
    """One of them, while it lasts. Times are ns of `now`."""

    kind: str
    sensor: str
    id: str
    """Of the action that began it."""
    begun: int
    until: int
    by: str
    note: str
    raised: dict[str, int] = field(default_factory=dict)
    """In a test: each occurrence that was raised, and when."""
    reached: dict[str, int] = field(default_factory=dict)
    """In a test: each channel that took a notice of one of them, and when."""

    def verdict(self) -> tuple[str, dict[str, float | int | str]]:
        """What a test showed: "passed" (raised, and a notice arrived), "unreached" (raised only) or "nothing"."""
        numbers: dict[str, float | int | str] = {"seconds": seconds(self.until - self.begun)}
        if not self.raised:
            return "nothing", numbers
        numbers |= {"alarms": ", ".join(self.raised), "raised_after": seconds(min(self.raised.values()) - self.begun)}
        if not self.reached:
            return "unreached", numbers
        after = seconds(min(self.reached.values()) - self.begun)
        return "passed", {**numbers, "channels": ", ".join(self.reached), "reached_after": after}


def seconds(ns: int) -> float:
    """s, to the ms."""
    return round(ns / 1e9, 3)


def objection(action: Action, now: int, site: Site, open: Mapping[str, Handling]) -> str:
    """Why a sensor cannot be handled so, or nothing; whether an alarm forbids it is for handlings.py to say."""
    sensor = site.sensors.get(action.subject)
    if sensor is None or sensor.id.startswith(OWN):
        return "unknown_sensor"
    if not action.by:
        return "nobody"
    what = sensor.follows[0] if sensor.follows and sensor.follows[1] == sensor.id else ""
    present = open.get(action.subject)
    if action.kind in BEGINS:
        if (BEGINS[action.kind] == BLASTING) != (what == BLASTING):
            return "follows_another"
        return "handled" if present else _span_objection(action, now, site)
    if action.kind in ENDS:
        return "" if present and present.kind == ENDS[action.kind] else "not_handled"
    if action.kind == TELL:
        return "" if what in OF_ITSELF and what != BLASTING else "follows_another"
    return _record_objection(action, present)


def _span_objection(action: Action, now: int, site: Site) -> str:
    if action.until is None or action.until <= now:
        return "no_end"
    if action.until > now + (site.longest_test if action.kind == TEST else LONGEST):
        return "too_long"
    return "" if action.note else "no_note"


def _record_objection(action: Action, present: Handling | None) -> str:
    if present is not None and present.kind != CALIBRATION:
        return "handled"
    said = action.details
    whole = all(isinstance(said.get(name, 0.0), (int, float)) for name in NUMBERS)
    whole &= all(isinstance(said.get(name, ""), str) for name in TEXTS)
    return "" if whole and said.get("gas") and "applied" in said and "left" in said else "no_record"


__all__ = ["KINDS", "OF_A_SENSOR", "OF_ITSELF", "Handling", "objection", "seconds"]
