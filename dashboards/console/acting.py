"""What the page asks of the world: one protocol. The page decides nothing; judging takes an action or refuses it.

Constraints. An action is journaled whatever the answer. Not here: how long an alarm may be shelved, who may reset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol, TypeAlias

ActionKind: TypeAlias = Literal[
    "acknowledge", "accept", "comment", "shelve", "unshelve", "out_of_service", "in_service", "reset", "assign", "did",
    "close",
]
Access: TypeAlias = Literal["typed", "link", "reply", "console", "viewer", "operator", "engineer"]
"""`typed`: a name typed without a login; `link`: the bearer of a link that was sent to a person; `reply`: whoever
answered a message from that person's address; `console`: looks, and whoever acts gives name and password each time."""
Means: TypeAlias = Literal["", "login", "console", "token"]
"""How it is known who acts: a session, a password given for this action, a program's token; empty: it is not."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is asking, as a login says; of a console its own name, until somebody acts."""

    name: str
    access: Access
    means: Means = "login"


@dataclass(frozen=True, slots=True)
class Asked:
    """An action on one alarm. `occurrence` is the one that was shown; a later one is not meant."""

    kind: ActionKind
    rule: str
    subject: str
    occurrence: int | None
    by: str
    access: Access
    note: str = ""
    until: int | None = None
    """ns by judging's `now`; for shelve and out_of_service."""
    measure: str = ""
    """Compensating measure, for out_of_service."""
    owner: str = ""
    """Who has a hazard from now on, for assign."""
    id: str = ""
    """Names the action, which the log takes once under one name; made where empty."""
    means: Means = ""
    address: str = ""
    """Where it came from."""


class Reply(Enum):
    """What became of it."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    """It is in the log or on its way there; judging has not answered in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply, and the reason of the journal's line: `judge.refused.never_shelved`."""

    reply: Reply
    why_key: str = ""
    why_numbers: Mapping[str, float | int | str] = field(default_factory=dict)


class Acting(Protocol):
    """What the page may do."""

    def act(self, asked: Asked) -> Answer:
        """Put the action into the log and wait a few seconds for judging's answer. Called from several threads."""
        ...


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a link asks of the person it was sent to."""

    person: str
    occurrences: tuple[str, ...]
    """As people write them, `rule/subject#occurrence`."""
    mark: str
    """The same for the same link, another for any other; letters, digits, `-` and `_`."""


class BadLink(Exception):
    """A link that was not made here, was changed, or is too old; `str()` says which."""


class Inviting(Protocol):
    """Reads the links that messages carry."""

    def read(self, token: str) -> Invitation:
        """What it says. Raises BadLink."""
        ...
