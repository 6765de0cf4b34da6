"""What each access may ask for (DESIGN section 9, "Who"). What is not named here is an engineer's.

Constraints. Decided by the page, because only it knows who asks; whether the alarm's state allows it, judging says.
"""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.console.acting import Access

OPERATORS: frozenset[str] = frozenset({"acknowledge", "accept", "comment", "shelve", "unshelve", "assign", "did"})
"""Seen, acting (also for a named person), a note, hidden for a time, somebody's task, a task done."""
LINKS: frozenset[str] = frozenset({"accept"})
ALL: Mapping[Access, frozenset[str] | None] = {
    "viewer": frozenset(),
    "link": LINKS,
    "reply": LINKS,
    "operator": OPERATORS,
    "engineer": None,
    "typed": None,
    "console": None,
}
"""None: everything. At a console it is decided by whoever gives a password; "typed" is journaled as such."""


def may(kind: str, access: Access) -> bool:
    """True if such an access may ask for that kind of action."""
    allowed = ALL[access]
    return allowed is None or kind in allowed
