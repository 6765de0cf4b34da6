"""Who comes in to the page: `dashboards.console.entering.Entering` over the file of users and the page's own store.

Constraints. Every coming in and every refusal is in the audit, no secret is. Not here: how wrong passwords slow
(attempts.py), what an access may do (dashboards/console/rights.py).
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from collector.attempts import Attempts, login_of
from collector.audit import Audit
from collector.passwords import Hashing, WeakPassword, check_password
from collector.sessions import KNOWN_FOR, SECOND, Entry, Sessions
from collector.throttle import Rate
from collector.users import BadUsers, User, Users, bearer, changing, differences, states
from dashboards.console.acting import Access, Person
from dashboards.console.entering import Caller, ConsoleRow, Pass, Refused

STATES = "users"
"""The fact that holds what the file of users last said."""
LOOK_EVERY = SECOND


@dataclass(frozen=True, slots=True)
class Spans:
    """ns: how long a session lasts, and after what idle time it only looks."""

    session: int = 12 * 3600 * SECOND
    idle: int = 1800 * SECOND


class Entrance:
    """`dashboards.console.entering.Entering`. `pause` waits (tests let it pass at once)."""

    def __init__(
        self,
        users: Users,
        sessions: Sessions,
        audit: Audit,
        spans: Spans = Spans(),
        hashing: Hashing | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._users, self._sessions, self._audit, self._spans = users, sessions, audit, spans
        self._attempts, self._rate = Attempts(users, sessions, audit, hashing or Hashing(), pause), Rate()
        self._guard = threading.Lock()
        self._looked = 0
        self._look()

    # -- who it is -------------------------------------------------------------------------------------------------

    def person(self, caller: Caller) -> Person | None:
        """By token, session or console, in this order; a wrong token is nobody, whatever else is shown."""
        self._look()
        if caller.bearer:
            return self._program(caller)
        session = self._session(caller)
        if session is not None:
            access = "console" if self._idle(session) else self._users.known().user[session.name].access
            return Person(session.name, _access(access))
        console = self._sessions.find("console", caller.console)
        if console is None:
            return None
        self._sessions.use(console)
        return Person(console.name, "console", "console")

    def rate(self, caller: Caller) -> float:
        """By token where that is known, else by address."""
        found = bearer(self._users.known(), caller.bearer) if caller.bearer else None
        return self._rate.wait(f"token {found[0]}" if found else f"address {caller.address}")

    def _program(self, caller: Caller) -> Person | None:
        found = bearer(self._users.known(), caller.bearer)
        if found is None:
            self._attempts.failed("token-refused", "", caller, f"tokens {caller.address}")
            return None
        self._sessions.used_token(found[0], caller.address)
        return Person(found[0], _access(found[1].access), "token")

    def _session(self, caller: Caller) -> Entry | None:
        found = self._sessions.find("session", caller.session)
        if found is None:
            return None
        user = self._users.known().user.get(found.name)
        over = self._away(found.made) > self._spans.session
        if user is None or user.mark != found.mark or over:
            self._sessions.end([found])
            self._audit.note("session-ended", found.name, caller.address, why="time" if over else "login changed")
            return None
        return found

    def _idle(self, session: Entry) -> bool:
        return self._away(session.used) > self._spans.idle

    def _away(self, time: int) -> int:
        """ns from now, either way: after a clock is set back, what lies ahead would last until it is come to again."""
        return abs(self._sessions.wall() - time)

    # -- passwords -------------------------------------------------------------------------------------------------

    async def login(self, name: str, password: str, caller: Caller) -> Pass | None:
        """A new session under a new secret; one that the browser had ends."""
        found = await self._attempts.fits(name, password, caller)
        if found is None:
            return None
        login, user = found
        old = self._sessions.find("session", caller.session)
        gone = self._sessions.wall() - max(self._spans.session, KNOWN_FOR)
        self._sessions.end([*([old] if old else []), *(s for s in self._sessions.all("session") if s.made < gone),
                            *(k for k in self._sessions.all("known") if k.used < gone)])  # fmt: skip
        session = self._sessions.open("session", login, user.mark, caller.address)
        known = ""
        if not self._attempts.is_known(login, caller):
            known = self._sessions.open("known", login, "", caller.address)
        self._audit.note("login", login, caller.address, access=user.access)
        return Pass(session, known, self._spans.session // SECOND, KNOWN_FOR // SECOND)

    async def prove(self, name: str, password: str, caller: Caller) -> Person | None:
        """Who acts at a console, or goes on after an idle time."""
        found = await self._attempts.fits(name, password, caller)
        if found is None:
            return None
        session = self._session(caller)
        if session is not None and session.name == found[0]:
            self._sessions.use(session)
        return Person(found[0], _access(found[1].access), "console")

    async def change(self, old: str, new: str, caller: Caller) -> None:
        """Another password for the login of this session, which alone goes on."""
        session = self._session(caller)
        if session is None:
            raise Refused("no_login")
        if await self._attempts.fits(session.name, old, caller) is None:
            raise Refused("wrong_password")
        try:
            check_password(new, session.name)
        except WeakPassword:
            raise Refused("weak_password") from None
        kept = await self._attempts.keep(new)
        try:
            with changing(self._users.path) as known:
                known.user[session.name] = User(known.user[session.name].access, kept)
        except (BadUsers, KeyError):
            raise Refused("users_not_written") from None
        mark = User("", kept).mark
        others = [one for one in self._sessions.all("session") if one.name == session.name and one != session]
        self._sessions.end(others)
        self._sessions.remark(session, mark)
        self._audit.note("password-changed", session.name, caller.address, ended=len(others))

    # -- what goes on ----------------------------------------------------------------------------------------------

    def acted(self, caller: Caller) -> None:
        """The session is in use, unless it was idle: that needs a password."""
        session = self._session(caller)
        if session is not None and not self._idle(session):
            self._sessions.use(session)

    def denied(self, caller: Caller, what: str) -> None:
        """What may not be done, and who asked."""
        person = self.person(caller)
        self._audit.turned_away("denied", person.name if person else "", caller.address, kind=what[:40])

    def logout(self, caller: Caller) -> None:
        """End the session."""
        session = self._sessions.find("session", caller.session)
        if session is not None:
            self._sessions.end([session])
            self._audit.note("logout", session.name, caller.address)

    def register(self, name: str, caller: Caller) -> str:
        """A console's cookie; the engineer's session ends, since what stays there only looks."""
        engineer, label = self._engineer(caller), login_of(name)
        if not label:
            raise Refused("malformed")
        secret = self._sessions.open("console", label, engineer, caller.address)
        self._audit.note("console-registered", engineer, caller.address, console=label)
        self.logout(caller)
        return secret

    def consoles(self) -> Sequence[ConsoleRow]:
        """The registered ones; the id opens nothing."""
        found = self._sessions.all("console")
        return [ConsoleRow(one.hash[:16], one.name, one.mark, one.made, one.used) for one in found]

    def withdraw(self, id: str, caller: Caller) -> None:
        """End a console."""
        engineer = self._engineer(caller)
        gone = [one for one in self._sessions.all("console") if one.hash[:16] == id]
        self._sessions.end(gone)
        for one in gone:
            self._audit.note("console-withdrawn", engineer, caller.address, console=one.name)

    def _engineer(self, caller: Caller) -> str:
        person = self.person(caller)
        if person is None or person.access != "engineer" or person.means != "login":
            raise Refused("not_allowed")
        return person.name

    # -- -----------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Each second at most: did the file of users change? That is in the audit too, whoever changed it."""
        now = self._sessions.wall()
        with self._guard:
            if 0 <= now - self._looked < LOOK_EVERY:
                return
            self._looked = now
            known, before = self._users.known(), self._sessions.fact(STATES)
            after = json.dumps(states(known))
            if after == before:
                return
            self._sessions.set_fact(STATES, after)
        for change in differences(json.loads(before or "{}"), known):
            self._audit.note("users", "file", "", change=change)

    def close(self) -> None:
        """Close what it opened."""
        self._attempts.close()


def _access(text: str) -> Access:
    for one in ("viewer", "operator", "engineer", "console"):
        if one == text:
            return one
    return "viewer"
