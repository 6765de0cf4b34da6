"""Who comes in: one protocol. The page asks it who a request is from; it keeps passwords, sessions and tokens.

Constraints. The page sees secrets only on their way: out of a cookie, a header or a form, and into a cookie. Not here:
what an access may do (rights.py), how it looks in HTTP (login.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dashboards.console.acting import Person


class Busy(Exception):
    """Too many try at once from there under that name; try again in some seconds. Never raised for a known browser."""


class Refused(Exception):
    """Not done; `str()` is a key of labels.py that says why."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What a request shows of itself."""

    address: str
    session: str = ""
    console: str = ""
    known: str = ""
    bearer: str = ""


@dataclass(frozen=True, slots=True)
class Pass:
    """What a login gives: two cookies and how many s they last; an empty one is left as it is."""

    session: str
    known: str
    session_lasts: int
    known_lasts: int


@dataclass(frozen=True, slots=True)
class ConsoleRow:
    """A registered console; times are ns UTC."""

    id: str
    name: str
    by: str
    made: int
    used: int


class Entering(Protocol):
    """Everything about coming in. What waits is asynchronous, so that nobody's wait holds up an acknowledgement."""

    def person(self, caller: Caller) -> Person | None:
        """Who that is; None for a stranger. Of a console, and of a session that was long idle, access is "console"."""
        ...

    def rate(self, caller: Caller) -> float:
        """0 if a program may ask now, else in how many s."""
        ...

    async def login(self, name: str, password: str, caller: Caller) -> Pass | None:
        """A new session; None where name or password is wrong. Raises Busy."""
        ...

    async def prove(self, name: str, password: str, caller: Caller) -> Person | None:
        """Who acts at a console; no session is made, and one of that person counts as fresh. Raises Busy."""
        ...

    def acted(self, caller: Caller) -> None:
        """A person did something: the session is not idle."""
        ...

    def denied(self, caller: Caller, what: str) -> None:
        """Somebody asked for what may not be done; it is written down."""
        ...

    def logout(self, caller: Caller) -> None:
        """End the session; a console stays."""
        ...

    async def change(self, old: str, new: str, caller: Caller) -> None:
        """Another password; all other sessions of that login end. Raises Refused, Busy."""
        ...

    def register(self, name: str, caller: Caller) -> str:
        """Make this browser a console; its cookie. Raises Refused unless an engineer asks."""
        ...

    def consoles(self) -> Sequence[ConsoleRow]:
        """Those that are registered."""
        ...

    def withdraw(self, id: str, caller: Caller) -> None:
        """A console is none any more. Raises Refused unless an engineer asks."""
        ...
