"""Logins in memory, for the page: one person is asking, or nobody."""

from __future__ import annotations

from dataclasses import dataclass, field

from dashboards.console.acting import Person
from dashboards.console.entering import Busy, Caller, ConsoleRow, Pass, Refused

PASSWORD = "four words nobody says"


@dataclass
class Logins:
    """Entering: whoever asks is `who`; the one right password is PASSWORD, for `proved`."""

    who: Person | None
    proved: Person = Person("zhang", "operator", "console")
    busy: bool = False
    seconds: float = 0.0
    callers: list[Caller] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def person(self, caller: Caller) -> Person | None:
        self.callers.append(caller)
        return self.who

    def rate(self, caller: Caller) -> float:
        return self.seconds

    async def login(self, name: str, password: str, caller: Caller) -> Pass | None:
        if self.busy:
            raise Busy
        return Pass("session-secret", "known-secret", 60, 600) if password == PASSWORD else None

    async def prove(self, name: str, password: str, caller: Caller) -> Person | None:
        if self.busy:
            raise Busy
        return self.proved if password == PASSWORD and name == self.proved.name else None

    def acted(self, caller: Caller) -> None:
        self.said.append("acted")

    def denied(self, caller: Caller, what: str) -> None:
        self.said.append(f"denied {what}")

    def logout(self, caller: Caller) -> None:
        self.said.append(f"logout {caller.session}")

    async def change(self, old: str, new: str, caller: Caller) -> None:
        if old != PASSWORD:
            raise Refused("wrong_password")
        self.said.append("changed")

    def register(self, name: str, caller: Caller) -> str:
        if self.who is None or self.who.access != "engineer":
            raise Refused("not_allowed")
        return "console-secret"

    def consoles(self) -> list[ConsoleRow]:
        return [ConsoleRow("c0ffee", "control-room", "wang", 0, 0)]

    def withdraw(self, id: str, caller: Caller) -> None:
        self.said.append(f"withdraw {id}")
