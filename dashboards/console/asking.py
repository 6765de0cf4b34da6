"""From a form to an action, and from the answer to words.

Constraints. A form is checked for shape only; whether the action is allowed by the alarm's state, judging says.
Not here: the routes (page.py), who may ask for what (rights.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from dashboards.console.acting import ActionKind, Answer, Asked, Person, Reply
from dashboards.console.board import World
from dashboards.console.figures import MINUTE, age
from dashboards.console.hazards import KINDS as OF_HAZARDS
from dashboards.console.hazards import hazard_form
from dashboards.console.reading import Priority, Status
from dashboards.console.view import Look
from dashboards.console.words import say

KINDS: tuple[ActionKind, ...] = get_args(ActionKind)
NOTED = frozenset({"comment", "shelve", "out_of_service", "did", "close"})
"""Actions that judging refuses without a note."""
STATUS = {Reply.TAKEN: 200, Reply.UNANSWERED: 202, Reply.REFUSED: 409}
SHELVES: Mapping[Priority, tuple[int, ...]] = {
    "high": (10, 30, 60),
    "medium": (30, 60, 120, 240, 480),
    "low": (30, 60, 120, 240, 480),
}
"""Minutes that are offered; judging refuses what the site does not allow."""
OUT_OF_SERVICE = (30, 60, 240, 480, 720)


class BadRequest(Exception):
    """Not something that a form of this page sends."""


def form_of(query: Mapping[str, str], world: World, look: Look) -> dict[str, Any]:
    """What the form of an action shows. Raises BadRequest."""
    kind, rule, subject = _kind(query.get("kind", "")), query.get("rule", ""), query.get("subject", "")
    occurrence = _whole(query.get("occurrence"))
    if kind in OF_HAZARDS:
        hazard = next((h for h in world.hazards if (h.rule, h.subject) == (rule, subject)), None)
        if hazard is None:
            raise BadRequest(f"no open hazard of {rule!r} on {subject!r}")
        return {**_form(kind, rule, subject, occurrence, look), **hazard_form(kind, hazard, look)}
    row = next((r for r in world.alarms if (r.rule, r.subject) == (rule, subject)), None)
    if row is None:
        raise BadRequest(f"no rule {rule!r} on {subject!r}")
    minutes = SHELVES.get(row.priority, ()) if kind == "shelve" else OUT_OF_SERVICE if kind == "out_of_service" else ()
    choices = [(m, age(m * MINUTE, look.lang)) for m in minutes]
    return {**_form(kind, rule, subject, occurrence, look), "choices": choices}


def _form(kind: ActionKind, rule: str, subject: str, occurrence: int | None, look: Look) -> dict[str, Any]:
    return {
        "kind": kind,
        "title": look.word("take_out" if kind == "out_of_service" else kind),
        "means": look.word(f"{kind}_means"),
        "rule": rule,
        "subject": subject,
        "occurrence": occurrence,
        "owner": None,
        "note_needed": kind in NOTED,
    }


def asked_from(sent: Mapping[str, str], person: Person | None, status: Status, address: str = "") -> Asked:
    """The action that a sent form asks for, of a person that is proved. Raises BadRequest.

    Who accepts for somebody else is written beside the name: a login never signs as another.
    """
    if not sent.get("rule") or not sent.get("subject"):
        raise BadRequest("rule or subject is missing")
    minutes = _whole(sent.get("minutes"))
    return Asked(
        kind=_kind(sent.get("kind", "")),
        rule=sent["rule"][:200],
        subject=sent["subject"][:200],
        occurrence=_whole(sent.get("occurrence")),
        by=_by(sent, person),
        access=person.access if person else "typed",
        note=sent.get("note", "").strip()[:1000],
        until=None if minutes is None else status.now + status.behind + minutes * MINUTE,
        measure=sent.get("measure", "").strip()[:200],
        owner=sent.get("owner", "").strip()[:80],
        means=person.means if person else "",
        address=address,
    )


def worded(answer: Answer, asked: Asked, look: Look) -> tuple[int, bool, str]:
    """(HTTP status, whether it was taken, the answer in words)."""
    what = f"{look.word('take_out' if asked.kind == 'out_of_service' else asked.kind)} {asked.rule}/{asked.subject}"
    text = f"{look.word(answer.reply.value)}: {what}"
    if answer.reply is Reply.REFUSED:
        text = f"{look.word('refused')}: {say(answer.why_key, answer.why_numbers, look.lang, look.local)}"
    return STATUS[answer.reply], answer.reply is Reply.TAKEN, text


def _by(sent: Mapping[str, str], person: Person | None) -> str:
    if person is None:
        return sent.get("by", "").strip()[:80]
    other = sent.get("for", "").strip()[:80] if sent.get("kind") == "accept" else ""
    return f"{other} ({person.name})" if other else person.name


def _kind(text: str) -> ActionKind:
    for kind in KINDS:
        if kind == text:
            return kind
    raise BadRequest(f"kind is {text!r}; one of {', '.join(KINDS)}")


def _whole(text: str | None) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise BadRequest(f"{text!r} is no whole number")
    return int(text)
