"""The journal's changes become notices, each destination with its own cursor and its own pace.

Constraints. It reads what judging wrote and decides nothing about alarms. Hidden alarms and those of priority log are
never announced. What was raised and has returned before it could be told goes out as one digest; what is active goes
out at once, saying how late. One destination that is down holds up no other. Calling people is paging.py's.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from collector.channels import Channel, Notice
from collector.errors import Rejected, Unavailable
from collector.following import follow
from collector.judged import every_line
from collector.receipts import REFUSED, Receipt, Receipts
from detectors.attention import CALLS
from detectors.hazards import OVERDUE
from detectors.records import spelled

log = logging.getLogger(__name__)

HIDDEN = ("E", "F", "G")
LATE = 10.0
"""s between change and sending from which a notice says so."""
POLL, LONGEST_WAIT = 0.2, 60.0
"""s: between two looks, between two attempts."""


class Followed(Protocol):
    """What is read of judging: `collector.judged.Judged`."""

    def journal(self, after: int, limit: int = 1000) -> list[tuple[int, str, str]]: ...
    def alarms(self) -> list[dict[str, Any]]: ...
    def status(self) -> dict[str, Any]: ...
    def identity(self) -> str: ...


Change = dict[str, Any]
Told = Callable[[Change], bool]


@dataclass(slots=True)
class Destination:
    """One channel following the journal."""

    channel: Channel
    followed: Followed
    receipts: Receipts
    wall: Callable[[], int] = time.time_ns
    canary: Callable[[str], None] = lambda name: None
    """Told the name of the newest canary that it came to, after all that it owed was sent."""

    def tell(self) -> int:
        """Send what is new; the number of notices sent. Raises `Unavailable` with nothing lost: call again."""
        name, identity = self.channel.name, self.followed.identity()
        generation = self.receipts.follow(name, identity) if identity else 0
        lines = unread(self.followed, self.receipts.cursor(name))
        if not lines:
            return 0
        dealt = [(line["hash"], line["now"]) for line in lines if worth(line)]
        again = {line for line, _ in dealt if generation and self.receipts.dealt(name, line)}
        new = [line for line in lines if line["hash"] not in again]
        alarms = self.followed.alarms() if any(map(worth, new)) else []
        notices = plan(new, self._told, self.wall(), self.followed.status(), _advice(alarms))
        if generation:
            notices = [replace(notice, id=f"{notice.id}.{generation}") for notice in notices]
        owed = [notice for notice in notices if not self.receipts.received(name, notice.id)]
        for notice in owed:
            self._send(notice)
        self.receipts.move(name, lines[-1]["seq"], dealt)
        if flown := [one for line in lines if (one := canary_of(line))]:
            self.canary(flown[-1])
        return len(owed)

    def follow(self, stop: threading.Event) -> None:
        """Tell until stopped."""

        def step() -> float:
            self.tell()
            return POLL

        follow(f"destination={self.channel.name}", step, stop, LONGEST_WAIT)

    def _told(self, change: Change) -> bool:
        return self.receipts.told(self.channel.name, change["rule"], change["sensor"], change["occurrence"])

    def _send(self, notice: Notice) -> None:
        code: int | None = None
        problem = ""
        try:
            code = self.channel.send(notice)
        except Rejected as error:
            code, problem = REFUSED, error.reason
            log.error("destination=%s notice=%s refused reason=%s", self.channel.name, notice.id, problem)
        except Unavailable as error:
            problem = str(error)
            raise
        finally:
            heard = [_occurrence(c) for c in notice.changes if code and c["change"] != OVERDUE]
            about = "\n".join(dict.fromkeys(spelled(*_occurrence(change)) for change in notice.changes))
            receipt = Receipt(
                self.channel.name, notice.id, notice.kind, len(notice.changes), 1, self.wall(), code, problem, about
            )
            self.receipts.record(receipt, heard, [(c["hash"], c["now"]) for c in notice.changes if code is not None])


def unread(followed: Followed, after: int) -> list[Change]:
    """All journal lines after a seq, as dictionaries."""
    return [json.loads(line) for _, line, _ in every_line(followed, after)]


def plan(
    lines: Sequence[Change],
    told: Told,
    wall: int,
    status: Mapping[str, Any],
    advice: Mapping[tuple[str, str], Mapping[str, Any]],
) -> list[Notice]:
    """What the lines are worth telling, in order; what came and went unheard and late as one digest at the end."""
    ended = {_occurrence(line) for line in lines if line["change"] == "returned"}
    raised: set[tuple[str, str, int]] = set()
    digest: list[Change] = []
    notices: list[Notice] = []

    def notice(kind: str, changes: Sequence[Change]) -> Notice:
        late = (wall - changes[0]["now"]) / 1e9
        told_late = round(late, 1) if late > LATE else 0.0
        name = f"{status['site']}-{changes[0]['seq']}" + (f"-{changes[-1]['seq']}" if kind == "digest" else "")
        full = [{**change, **advice.get((change["rule"], change["sensor"]), {})} for change in changes]
        return Notice(name, kind, status["site"], bool(status["simulated"]), told_late, full)

    for line in lines:
        if not worth(line):
            continue
        key = _occurrence(line)
        late = (wall - line["now"]) / 1e9 > LATE
        if line["change"] == OVERDUE:
            notices.append(notice("change", [line]))
        elif line["change"] == "returned":
            if key in raised or told(line):
                notices.append(notice("change", [line]))
        elif key in ended and late and line["change"] != "joined" and not told(line):
            digest.append(line)
        else:
            raised.add(key)
            notices.append(notice("change", [line]))
    return notices + ([notice("digest", digest)] if digest else [])


def worth(line: Change) -> bool:
    """True if people are told of such a change at all: in a flood, of what joined another notice only how many did."""
    if line["change"] in ("blind", "joined", OVERDUE):
        return True
    if line["priority"] in ("log", "", None) or line["isa"] in HIDDEN:
        return False
    alone = line.get("notice") in (None, spelled(*_occurrence(line)))
    return line["change"] == "returned" or (line["change"] in CALLS and line["isa"] == "B" and alone)


def canary_of(line: Change) -> str:
    """The name of the canary that a line is about; empty for other lines."""
    return str(line["why"]["id"]) if line["change"] == "canary" else ""


def _advice(alarms: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    texts = ("guidance", "consequence", "unit")
    return {
        (alarm["rule"], alarm["subject"]): {name: alarm.get(name) or "" for name in texts}
        | ({"states": alarm["states"]} if alarm.get("states") else {})
        for alarm in alarms
    }


def _occurrence(line: Change) -> tuple[str, str, int]:
    return line["rule"], line["sensor"], line["occurrence"]
