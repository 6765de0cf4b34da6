"""The page behind a link in a message: what it was sent for, and one button that accepts it.

Constraints. Looking does nothing: programs that open links to see where they lead accept nothing. A link accepts the
occurrences that its message named, each once, whoever holds it; the journal says "link". A hazard's name comes after
CALLED, and accepting it means taking it. Not here: how links are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.console.acting import Acting, Answer, Asked, Invitation, Reply
from dashboards.console.board import World
from dashboards.console.figures import behind, number, reading
from dashboards.console.hazards import hazard_view
from dashboards.console.reading import AlarmRow, HazardRow
from dashboards.console.view import Look
from dashboards.console.words import say
from detectors.hazards import CALLED
from detectors.records import QUESTION


@dataclass(frozen=True, slots=True)
class Called:
    """One occurrence that a link was sent for, in words."""

    name: str
    state: str
    figures: str
    guidance: str


def called(invitation: Invitation, world: World, look: Look) -> list[Called]:
    """Each occurrence as it stands now."""
    rows = {f"{row.rule}/{row.subject}": row for row in world.alarms}
    left = {CALLED + row.name: row for row in world.hazards}
    return [
        _left(name, left.get(name), look)
        if name.startswith(CALLED)
        else _called(name, rows.get(name.rpartition("#")[0]), look)
        for name in invitation.occurrences
    ]


def accept(invitation: Invitation, acting: Acting, address: str = "") -> list[tuple[str, Answer]]:
    """Accept each occurrence; the link's mark makes it once, however often the button is pressed."""
    return [(name, acting.act(_asked(name, invitation, k, address))) for k, name in enumerate(invitation.occurrences)]


def worded(answers: Sequence[tuple[str, Answer]], look: Look) -> tuple[int, str]:
    """(HTTP status, what became of it)."""
    replies = {answer.reply for _, answer in answers}
    status = 409 if Reply.REFUSED in replies else 202 if Reply.UNANSWERED in replies else 200
    return status, "; ".join(_answer(name, answer, look) for name, answer in answers)


def _answer(name: str, answer: Answer, look: Look) -> str:
    text = f"{look.word(answer.reply.value)}: {look.word('accept')} {name}"
    if answer.reply is Reply.REFUSED:
        text += f" ({say(answer.why_key, answer.why_numbers, look.lang, look.local)})"
    return text


def _asked(name: str, invitation: Invitation, place: int, address: str) -> Asked:
    alarm, _, occurrence = name.rpartition("#")
    rule, _, subject = alarm.partition("/")
    return Asked("accept", rule, subject, int(occurrence), invitation.person, "link",
                 id=f"link-{invitation.mark}-{place}", address=address)  # fmt: skip


def _left(name: str, row: HazardRow | None, look: Look) -> Called:
    """A hazard that is overdue: accepting it means taking it."""
    name = name.removeprefix(CALLED)
    if row is None:
        return Called(name, look.word("hazard_closed"), "", "")
    view = hazard_view(row, look)
    late = f"{look.word('overdue')}, " if view.overdue else ""
    owner = f"{look.word('owner')}: {row.owner}" if row.owner else look.word("nobody_has_it")
    done = f"{look.word('last_done')}: {row.done}" if row.done else ""
    return Called(name, f"{look.word('hazard')}: {late}{look.word('due')} {view.due} ({view.left})", owner, done)


def _called(name: str, row: AlarmRow | None, look: Look) -> Called:
    if name.startswith(f"{QUESTION}/"):
        return Called(name, look.word("question"), "", "")
    if row is None or str(row.occurrence) != name.rpartition("#")[2]:
        return Called(name, look.word("occurrence_over"), "", "")
    unit = behind(row.unit)
    figures = [reading(row.value, row.states) + unit] if row.value is not None else []
    figures += [f"{look.word('limit')} {number(row.limit)}{unit}"] if row.limit is not None else []
    state = look.word(row.priority) + ", " + look.word("active" if row.active else "returned")
    accepted = f", {look.word('accepted_by')} {row.accepted_by}" if row.accepted_by and row.acked else ""
    return Called(name, state + accepted, " ".join(figures), row.guidance)
