"""Passwords that are tried: who waits how long, in which line, and whether one fits.

Constraints. What waits is asynchronous, and passwords are compared in two threads of their own, so that neither a wait
nor a flood of logins holds up an acknowledgement. It slows and never locks out: throttle.py has the figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from collector.audit import Audit, worth_a_line
from collector.passwords import Hashing
from collector.sessions import Sessions
from collector.throttle import Failures
from collector.users import BadUsers, User, Users, named
from dashboards.console.entering import Busy, Caller

QUEUE = 20
"""Attempts of strangers that may wait at one address."""


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Attempts:
    """Compares passwords, slowly where many were wrong. `pause` waits (tests let it pass at once)."""

    def __init__(
        self,
        users: Users,
        sessions: Sessions,
        audit: Audit,
        hashing: Hashing,
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._users, self._sessions, self._audit, self._hashing, self._pause = users, sessions, audit, hashing, pause
        self._nobody = hashing.keep("nobody has this password")
        self._pool, self._failures = ThreadPoolExecutor(2, "password"), Failures()
        self._turns: dict[str, _Turn] = {}

    async def fits(self, name: str, password: str, caller: Caller) -> tuple[str, User] | None:
        """The login and user whose password that is, after the wait that is due.

        A console, a browser that logged in as that before, and all strangers at an address each stand in a line of
        their own, one attempt at a time; so a guesser gets no more by asking twice at once, and holds up no known one.
        A name that nobody has waits and costs as much as one that somebody has.
        """
        login = login_of(name)
        user = self._users.known().user.get(login)
        own = self._own_line(login, caller)
        keys = [own] if own else [f"account {login}", f"address {caller.address}"]
        place = own or caller.address
        turn = self._turns.setdefault(place, _Turn())
        if turn.waiting >= QUEUE and not own:
            raise Busy(f"{QUEUE} attempts wait already")
        turn.waiting += 1
        try:
            async with turn.lock:
                await self._pause(self._failures.wait(*keys))
                kept = user.password if user else self._nobody
                loop = asyncio.get_running_loop()
                fits = await loop.run_in_executor(self._pool, self._hashing.fits, kept, password)
                if user is None or not fits:
                    self.failed("login-failed", login if user else "", caller, *keys)
                    return None
                if self.is_known(login, caller):  # else who has one password could guess on at others
                    self._failures.succeeded(f"known {caller.known}")
                return login, user
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                self._turns.pop(place, None)

    async def keep(self, password: str) -> str:
        """What is stored of a password."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._hashing.keep, password)

    def failed(self, what: str, by: str, caller: Caller, *keys: str) -> None:
        """Note a failure, and write it where it is worth a line."""
        count = self._failures.failed(*keys)
        if worth_a_line(count):
            self._audit.turned_away(what, by, caller.address, times=count)

    def _own_line(self, login: str, caller: Caller) -> str:
        """What a console or a known browser is counted by; nothing for a stranger."""
        if self._sessions.find("console", caller.console) is not None:
            return f"console {caller.console}"
        return f"known {caller.known}" if self.is_known(login, caller) else ""

    def is_known(self, login: str, caller: Caller) -> bool:
        """True if this browser logged in as that before."""
        found = self._sessions.find("known", caller.known)
        return found is not None and found.name == login

    def close(self) -> None:
        """End its threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def login_of(text: str) -> str:
    """The login that was meant; nothing for a text that can be none."""
    try:
        return named(text)
    except BadUsers:
        return ""
