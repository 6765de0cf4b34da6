"""Hazards as a person sees them: what is still to be done, who has it, until when; and the forms of what may be asked.

Constraints. Overdue is said by a word and a shape of its own, in the ink's colour: the alarm hues mean alarms that
stand. Not here: markup (templates/), whether something is allowed (judging says).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dashboards.console.acting import ActionKind
from dashboards.console.figures import MINUTE, age
from dashboards.console.order import RANK
from dashboards.console.paths import sensor_path
from dashboards.console.reading import HazardRow
from dashboards.console.rights import may
from dashboards.console.view import Button, Look, dom_id

KINDS: tuple[ActionKind, ...] = ("assign", "did", "close")
DUE = (8 * 60, 24 * 60, 72 * 60, 7 * 24 * 60)
"""Minutes from now that are offered as a new due time."""


@dataclass(frozen=True, slots=True)
class HazardView:
    """One open hazard in words."""

    id: str
    name: str
    mark: str
    """Symbol of its priority, drawn as an outline."""
    priority: str
    overdue: bool
    subject: str
    href: str
    area: str
    due: str
    left: str
    """How long until then, or since."""
    owner: str
    opened: str
    alarms: str
    done: str
    buttons: tuple[Button, ...]


def in_order(rows: Iterable[HazardRow]) -> list[HazardRow]:
    """The first due first."""
    return sorted(rows, key=lambda row: (row.due, -RANK[row.priority], row.name))


def overdue(row: HazardRow, now: int) -> bool:
    """True if its due time is past."""
    return row.due < now


def hazard_view(row: HazardRow, look: Look) -> HazardView:
    """The hazard in words."""
    late = overdue(row, look.now)
    left = age(abs(row.due - look.now), look.lang)
    return HazardView(
        id=dom_id("z", row.name),
        name=row.name,
        mark=row.priority,
        priority=look.word(row.priority),
        overdue=late,
        subject=row.subject,
        href=look.to(sensor_path(row.subject)),
        area=row.area,
        due=look.moment(row.due),
        left=look.word("overdue_by" if late else "due_in", age=left),
        owner=row.owner,
        opened=look.moment(row.opened),
        alarms=look.word("alarms_count", count=str(row.alarms)) if row.alarms != 1 else look.word("alarm_one"),
        done=row.done,
        buttons=_buttons(row, look),
    )


def _buttons(row: HazardRow, look: Look) -> tuple[Button, ...]:
    about: dict[str, str | int] = {"rule": row.rule, "subject": row.subject, "occurrence": row.occurrence}
    return tuple(
        Button(kind, look.word(kind), look.to("/act", kind=kind, **about))
        for kind in KINDS
        if may(kind, look.access)
    )


def hazard_form(kind: ActionKind, row: HazardRow, look: Look) -> dict[str, Any]:
    """What the form of an action on a hazard shows beside what every form does."""
    offered: list[tuple[int | str, str]] = [("", look.word("due_stays", due=look.moment(row.due)))]
    offered += [(minutes, age(minutes * MINUTE, look.lang)) for minutes in DUE]
    return {"choices": offered if kind == "assign" else [], "owner": row.owner if kind == "assign" else None}
