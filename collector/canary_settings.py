"""How often the canary flies and who is asked each week: the table [canary] of a site file.

Constraints. Settings, not judgement: nothing here is part of a revision. Not here: what a door is (doors.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from collector.own_names import canary_topic
from collector.roster import DAYS, instant
from detectors.document import Table, shown

SECOND = 10**9
MINUTE = 60 * SECOND
CANARY_KEYS: Mapping[str, str] = {
    "every": "duration between two canaries; 5min.",
    "within": "duration in which it must be at every door; 30s. The rule `canary-lost` has it as its limit.",
    "off": "text. The reason for which no canary flies.",
    "ask": 'day and local time, "Mon 10:00": each week one person on duty is called and has to accept. Needs a roster.',
    "answer_within": "duration in which that person must accept; 30min.",
}
PROBE, SEND, OFF = "probe", "send", "off"
MODES = (PROBE, SEND, OFF)
MODE_KEY = {
    "canary": '"probe" (where not given: looks whether the door is open, and sends nothing), "send" (sends a message '
    'that says it is a test) or "off".'
}
_SLOT = re.compile(r"([A-Za-z]{3,9})\s+(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Weekly:
    """A day of the week (Monday is 0) and a local time in a zone."""

    day: int
    clock: time
    zone: ZoneInfo

    def last(self, moment: datetime) -> datetime:
        """The newest instant of it that is not after a moment; the first of two in a repeated hour."""
        today = moment.astimezone(self.zone).date()
        days = (today - timedelta(days=back) for back in range(8))
        found = (instant(datetime.combine(day, self.clock), self.zone) for day in days if day.weekday() == self.day)
        return next(one for one in found if one <= moment)


@dataclass(frozen=True, slots=True)
class Canary:
    """All times in ns. Without a topic no canary flies."""

    topic: str = ""
    every: int = 5 * MINUTE
    within: int = 30 * SECOND
    off: str = ""
    ask: Weekly | None = None
    answer_within: int = 30 * MINUTE


def read_canary(table: Table, site: str, zone: ZoneInfo, broker: bool, roster: bool) -> Canary:
    """What [canary] says; a mistake is noted where there is one."""
    usual = Canary()
    off = table.text("off", "") if "off" in table else ""
    if "ask" in table and not roster:
        table.wrong(("ask",), "a question without a roster", "a [roster.NAME]: it says who is on duty")
    return Canary(
        topic=canary_topic(site) if broker and not off else "",
        every=_span(table, "every", usual.every),
        within=_span(table, "within", usual.within),
        off=off,
        ask=_weekly(table, zone) if "ask" in table else None,
        answer_within=_span(table, "answer_within", usual.answer_within),
    )


def read_mode(table: Table) -> str:
    """What the canary does at one channel's door."""
    return table.choice("canary", MODES, PROBE)


def _span(table: Table, key: str, usual: int) -> int:
    given = table.duration(key)
    if given is not None and given < SECOND:
        table.wrong((key,), shown(table.data[key]), "1s or more")
        return usual
    return usual if given is None else given


def _weekly(table: Table, zone: ZoneInfo) -> Weekly | None:
    text = table.text("ask")
    found = _SLOT.fullmatch(text.strip())
    day = next((k for k, name in enumerate(DAYS[:7]) if found and name.startswith(found[1].lower())), None)
    if found is None or day is None or int(found[2]) > 23 or int(found[3]) > 59:
        table.wrong(("ask",), shown(table.data["ask"]), 'a day and a local time: "Mon 10:00"')
        return None
    return Weekly(day, time(int(found[2]), int(found[3])), zone)
