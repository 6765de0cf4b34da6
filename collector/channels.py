"""Where notices go: the console's log and a webhook. A channel sends one notice, or says why it did not.

Constraints. `send` returns the answer's code, or raises `Unavailable` (send it again later) or `Rejected` (never).
A notice's `id` is the same at every attempt, so the far side can tell a repetition. A channel keeps no memory and
decides nothing: what is worth sending is `collector.announcing`'s to know.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from collector.errors import Unavailable
from collector.posting import TIMEOUT, post
from dashboards.console.figures import measured
from detectors.hazards import OVERDUE
from detectors.records import spelled, tested_by

VERSION = 1
"""Of the webhook's body."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is sent to people: one change, or a digest of what came and went while nobody could be told."""

    id: str
    kind: str
    """"change" or "digest"."""
    site: str
    simulated: bool
    late_by: float
    """s between the (first) change and the sending; 0 when in time."""
    changes: Sequence[dict[str, Any]] = field(default_factory=tuple)
    """Journal lines as they are, `guidance`, `consequence`, `unit` and `states` beside them where the rule is known."""

    @property
    def test(self) -> bool:
        """True if a test raised all of it: gas was applied, the place is as it was."""
        return bool(self.changes) and all(tested_by(change) for change in self.changes)

    def text(self) -> str:
        """One line for a person."""
        mark = ("SIMULATION " if self.simulated else "") + ("TEST " if self.test else "")
        late = f" (late by {self.late_by:.0f} s)" if self.late_by else ""
        if self.kind == "digest":
            names = ", ".join(f"{_spelled(change)} {change['priority']}" for change in self.changes[:10])
            more = f" and {len(self.changes) - 10} more" if len(self.changes) > 10 else ""
            return f"{mark}{self.site}: {len(self.changes)} alarms came and returned{late}: {names}{more}"
        return f"{mark}{self.site}: {_sentence(self.changes[0])}{late}"

    def body(self) -> dict[str, Any]:
        """The webhook's body, to be sent as JSON."""
        return {
            "version": VERSION,
            "id": self.id,
            "kind": self.kind,
            "site": self.site,
            "simulation": self.simulated,
            "test": self.test,
            "late_by": self.late_by,
            "text": self.text(),
            "changes": list(self.changes),
        }


class Channel(Protocol):
    """A way to reach people."""

    @property
    def name(self) -> str:
        """The destination's name: stable, shown, without secrets."""
        ...

    def send(self, notice: Notice) -> int:
        """Send it and return the answer's code (200 where the way has none)."""
        ...


@dataclass(frozen=True, slots=True)
class Console:
    """One line a notice on a stream, the log of the announce role."""

    stream: IO[str] | None = None
    name: str = "console"

    def send(self, notice: Notice) -> int:
        """Print the line."""
        try:
            print(notice.text(), file=self.stream or sys.stdout, flush=True)
        except OSError as error:
            raise Unavailable(f"console: {error}; where does the output of `davylamp run` go?") from error
        return 200


@dataclass(frozen=True, slots=True)
class Webhook:
    """POST of JSON to an address. 2xx is received; 4xx but 408, 425, 429 is refused for ever; all else waits."""

    url: str
    name: str
    timeout: float = TIMEOUT

    def send(self, notice: Notice) -> int:
        """Post it."""
        return post(self.url, notice.body(), f"webhook {self.name}", notice.id, self.timeout)


def _spelled(change: dict[str, Any]) -> str:
    return spelled(change["rule"], change["sensor"], change["occurrence"])


def _sentence(change: dict[str, Any]) -> str:
    if change["change"] == "blind":
        return f"MONITORING WAS BLIND for {(change['why']['to'] - change['why']['from']) / 1e9:.0f} s"
    if change["change"] == "joined":
        count, worst = change["why"]["count"], change["why"]["worst"]
        return f"{count} more joined {change['area']} {_spelled(change)} in 10 min, the worst {worst}"
    if change["change"] == OVERDUE:
        owner = change["why"].get("owner", "nobody")
        return f"HAZARD OVERDUE {change['area']} {_spelled(change)} {change['priority']}, {owner} has it"
    unit, states = change.get("unit") or "", change.get("states") or ()
    figures = {"value": measured(change.get("value"), unit, states), "limit": measured(change.get("limit"), unit)}
    numbers = "".join(f" {name} {figure}" for name, figure in figures.items() if figure)
    by = f" by {change['by']}" if change.get("by") else ""
    to_do = f". {change['guidance']}" if change.get("guidance") and change["change"] == "raised" else ""
    return f"{change['priority'].upper()} {change['area']} {_spelled(change)} {change['change']}{by}{numbers}{to_do}"
