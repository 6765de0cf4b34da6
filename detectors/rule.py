"""A rule: one detector, its subjects, one priority, and what a person is told.

Constraints. A rule is read once from the site file and never changes; a new revision makes new rules. Delays, latch and
suppression are only declared here; holding.py, raising.py and alarms.py do them. Not here: reading and checking
(site_rules.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

HOUR = 3_600_000_000_000


class Priority(IntEnum):
    """How much an alarm matters. LOG is journaled and drawn, never annunciated or acknowledged."""

    LOG = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


LONGEST_SHELF: Mapping[Priority, int] = {Priority.LOW: 8 * HOUR, Priority.MEDIUM: 8 * HOUR, Priority.HIGH: HOUR}
"""ns an alarm may be shelved at most. A critical one never is; a site may only shorten these."""


@dataclass(frozen=True, slots=True)
class Series:
    """What may be an input of a rule: a sensor, a derived column "subject/rule.column", a verdict "@rule/subject"."""

    id: str
    sensor: str
    """The sensor itself, or the subject the column or verdict is about."""
    area: str
    quantity: str
    unit: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a rule watches: one sensor, or a group of inputs under one name."""

    id: str
    area: str
    inputs: tuple[tuple[str, str], ...]
    """(part, series id): ("value", "ch4-2105"), ("north", "geo-1-n")."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One detector over its subjects. All times are ns."""

    name: str
    detector: Any
    subjects: tuple[Subject, ...]
    priority: Priority
    on_delay: int = 0
    off_delay: int = 0
    latch: bool = False
    suppress_when: str | None = None
    """"@rule" (the same subject where that rule has it, else any of its subjects) or "@rule/subject"."""
    guidance: str = ""
    consequence: str = ""
    respond_within: int | None = None
    citation: str = ""
    mark: str = ""
    """V: the clause's text was seen. R: from recall, confirmed by the site. Empty: the site's own value."""
    ladder: str = ""
    """"face-methane" of "face-methane.warn"; an active higher rung suppresses the lower ones."""
    rung: int = 0
    raises_priority: bool = False
    """True of health.*: on a sensor with a standing alarm the occurrence takes that alarm's priority."""


def compared_in(detector: Any, unit: str) -> str:
    """The unit of a rule's value and limit (a velocity's mm/d), where `unit` is that of its input."""
    own = [detector.compares] if hasattr(detector, "compares") else []
    shapes = [*own, *detector.limit_parameters.values(), *detector.columns.values(), "{unit}"]
    return str(shapes[0]).replace("{unit}", unit)
