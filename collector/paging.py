"""Calls people: follows the journal, lets escalation decide, makes the calls side by side, writes everything down.

Constraints. It judges nothing. A slow or dead channel holds up no other call: each is made in a thread of its own. Time
is `now` as the log's clock makes it, so a machine's clock that is set neither hurries nor delays a step. The order is:
write the intent, call, write the outcome; so after a kill the calls under way are made again, under the same id.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

from collector.announcing import Followed, canary_of, unread
from collector.asking import ASK, Asking
from collector.call_text import Wording
from collector.calling import Taken, Text
from collector.calls import (
    ANSWERED,
    CALLING,
    DELIVERED,
    FAILED,
    REFUSED,
    REPLIED,
    TAKEN,
    UNDELIVERED,
    CallBook,
    Place,
)
from collector.canary_settings import Weekly
from collector.clock import Clock
from collector.errors import DavylampError, Rejected, Unavailable
from collector.escalation import ANSWERS, Call, Escalation, called_for
from collector.following import follow
from collector.heard import REPLY, Line, read_heard
from collector.oncall import OnCall
from dashboards.console.figures import Local
from detectors.hazards import OVERDUE
from detectors.records import CHANNEL

log = logging.getLogger(__name__)
POLL, LONGEST_WAIT = 0.2, 1.0
"""s: between two looks, between two attempts."""
AT_ONCE = 32
"""Calls under way at the same time."""
EARLY = 10 * 10**9
"""ns that a report is waited with for the call it is about, whose outcome may not be written down yet."""
PARTING = 12.0
"""s to wait for calls under way when the role stops."""


class Outcome(NamedTuple):
    """What became of a call."""

    call: Call
    what: str
    taken: Taken | None
    problem: str


class Links(Protocol):
    """Makes the link by which a person accepts: `collector.accepting.Signer`."""

    def link(self, call: Call) -> str: ...


Report: TypeAlias = Callable[[str, bool, str], object]
"""(channel, or channel:person; whether it fails; how): told when that changes. May raise `Unavailable`: told later."""


class Pager:
    """One site's calls."""

    def __init__(
        self,
        oncall: OnCall,
        followed: Followed,
        folder: Path,
        clock: Clock | None = None,
        links: Links | None = None,
        report: Report = lambda way, failing, problem: None,
        canary: Sequence[Callable[[str], None]] = (),
        weekly: tuple[Weekly, int] | None = None,
    ) -> None:
        """`canary` is told the name of each canary that the journal has, one for each way's door; `weekly` is when a
        person is asked, and how many ns they have to answer."""
        self._oncall, self._followed, self._links, self._report = oncall, followed, links, report
        self._folder, self._canary = folder, canary
        self._book = CallBook(folder)
        self._clock = clock or Clock(self._book.now)
        self._escalation = Escalation(oncall.policy, oncall.people, self._book.memory)
        self._asking = None if weekly is None else Asking(oncall, *weekly, self._book.memory)
        self._outcomes: queue.Queue[Outcome] = queue.Queue()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="call")
        self._under_way: set[str] = set()
        self._unwritten: list[dict[str, Any]] = []
        self._failing = self._standing()
        self._untold: dict[str, tuple[bool, str]] = {}
        """What of a way could not be reported yet."""
        self._lost: set[str] = set()
        """Addresses to which a message was not delivered, until one is."""

    def step(self) -> int:
        """Take what is new, call whom it is time to call; the number of calls begun."""
        now = self._clock.now()
        for way, said in list(self._untold.items()):
            self._say(way, *said)
        self._settle(now)
        place = self._hear(now, self._read(now))
        again = [call for call in self._escalation.memory.flying.values() if call.id not in self._under_way]
        calls = self._escalation.due(now, self._on_duty)
        if self._asking is not None:
            calls += self._asking.due(now, self._date())
        self._unwritten += [self._line(now, CALLING, call, again=True) for call in again]
        self._unwritten += [self._line(now, CALLING, call) for call in calls]
        self._write(place)
        self._begin([*again, *calls])
        return len(again) + len(calls)

    def follow(self, stop: threading.Event) -> None:
        """Step until stopped, then let the calls under way end."""

        def step() -> float:
            self.step()
            return POLL

        try:
            follow("on-call", step, stop, LONGEST_WAIT, again_after=Unavailable)
        except BaseException:
            self._leave()
            raise
        self.close()

    def close(self) -> None:
        """Wait for the calls under way, write down what became of them, close the book."""
        end = time.monotonic() + PARTING
        while self._under_way and time.monotonic() < end:
            self._settle(self._clock.now())
            self._write(self._book.place)
            time.sleep(0.01)
        self._leave()

    def _leave(self) -> None:
        """What is under way is left to it: whoever comes next makes it again, under the same id."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._book.close()

    def _write(self, place: Place) -> None:
        asked = self._asking is not None and self._asking.changed
        if self._unwritten or place != self._book.place or asked:
            self._book.write(self._unwritten, self._escalation.memory, place)
            self._unwritten = []
            if self._asking is not None:
                self._asking.changed = False

    def _read(self, now: int) -> Place:
        """The journal's new lines into escalation; how far it is read."""
        place = self._book.place
        if place.seq and not self._same(place):
            log.warning("journal=another read=from-the-beginning open=%d", len(self._escalation.memory.opens))
            place = Place(heard=place.heard)
        for line in unread(self._followed, place.seq):
            name = called_for(line)
            place = Place(line["seq"], line["hash"], place.heard)
            open_before = self._escalation.memory.opens.get(name)
            if line["change"] in ANSWERS and open_before is not None and open_before.wanted:
                self._unwritten.append(self._answer(now, name, line, now - open_before.opened))
            if self._asking is not None and self._asking.take(line):
                self._unwritten.append(self._answer(now, name, line, now - self._asking.asked))
            self._escalation.take(line, now)
            if (line["rule"], line["change"]) == (CHANNEL, "reset") and line["sensor"] not in self._standing():
                self._failing.discard(line["sensor"])
            if flown := canary_of(line):
                for knock in self._canary:
                    knock(flown)
        return place

    def _answer(self, now: int, name: str, line: Mapping[str, Any], after: int) -> dict[str, Any]:
        said = {"occurrences": [name], "by": line["by"], "after": round(after / 1e9, 1), "action": line["action"]}
        return {**self._when(now), "what": ANSWERED, **said}

    def _same(self, place: Place) -> bool:
        found = self._followed.journal(place.seq - 1, 1)
        return bool(found) and found[0][0] == place.seq and found[0][2] == place.hash

    def _settle(self, now: int) -> None:
        while not self._outcomes.empty():
            outcome = self._outcomes.get()
            self._under_way.discard(outcome.call.id)
            self._escalation.settled(outcome.call, outcome.what == TAKEN, now)
            if self._asking is not None:
                self._asking.settled(outcome.call, outcome.what == TAKEN)
            said: dict[str, Any] = {"problem": outcome.problem}
            if outcome.taken is not None:
                said = {"code": outcome.taken.code} | ({"gateway": outcome.taken.id} if outcome.taken.id else {})
            self._unwritten.append(self._line(now, outcome.what, outcome.call, **said))
            self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        """A channel that fails is an alarm of its own, and so is an address that is refused."""
        channel, address = outcome.call.channel, f"{outcome.call.channel}:{outcome.call.person}"
        if outcome.what == TAKEN:
            self._works({channel, address} - self._lost)
        elif self._to(outcome.call) is not None:
            self._fails(address if outcome.what == REFUSED else channel, outcome.problem)

    def _standing(self) -> set[str]:
        """Ways that are known to fail."""
        return {row["subject"] for row in self._followed.alarms() if row["rule"] == CHANNEL and row["active"]}

    def _works(self, ways: set[str]) -> None:
        for way in ways:
            self._say(way, False, "")

    def _fails(self, way: str, problem: str) -> None:
        self._say(way, True, problem)

    def _say(self, way: str, fails: bool, problem: str) -> None:
        """Once a change. What cannot be said now is said at a later step: it ends no calling."""
        before = self._untold.pop(way, None)
        if fails is (way in self._failing):
            return
        try:
            self._report(way, fails, problem)
        except Unavailable as error:
            self._untold[way] = fails, problem
            if before is None:
                log.warning("way=%s alarm=not-written reason=%s", way, error)
            return
        (self._failing.add if fails else self._failing.discard)(way)

    def _hear(self, now: int, place: Place) -> Place:
        """What gateways posted since into the book; how far that is read."""
        for line in read_heard(self._folder, place.heard):
            if line.said["kind"] == REPLY:
                self._unwritten.append({**self._when(now), "what": REPLIED, **_without_kind(line)})
            elif not self._reported(now, line):
                break
            place = place._replace(heard=line.seq)
        return place

    def _reported(self, now: int, line: Line) -> bool:
        """Write down what became of a call; False while that call's own outcome may still come."""
        channel, name, arrived = line.said["channel"], line.said["id"], line.said["arrived"]
        known = self._book.taken(channel, name)
        if known is None:
            if self._clock.wall() - line.at < EARLY:
                return False
            log.warning("channel=%s report=of-no-call id=%s", channel, name)
            return True
        call = Call(known["id"], known["kind"], known["person"], channel, tuple(known["occurrences"]))
        more = {} if arrived else {"problem": f"the gateway says {line.said['status']}"}
        self._unwritten.append(self._line(now, DELIVERED if arrived else UNDELIVERED, call, **more))
        address = f"{channel}:{call.person}"
        if arrived:
            self._lost.discard(address)
            self._works({address})
        else:
            self._lost.add(address)
            self._fails(address, more["problem"])
            self._escalation.undelivered(call, now)
            if self._asking is not None:
                self._asking.settled(call, reached=False)
        return True

    def _begin(self, calls: Sequence[Call]) -> None:
        if not calls:
            return
        advice = {(row["rule"], row["subject"]): row for row in self._followed.alarms()}
        status = self._followed.status()
        local = Local(status.get("timezone") or "UTC")
        wording = Wording(str(status.get("site", "")), self._oncall.language, local, bool(status.get("simulated")))
        for call in calls:
            self._under_way.add(call.id)
            self._pool.submit(self._make, call, self._said(call, wording, advice))

    def _said(self, call: Call, wording: Wording, advice: Mapping[tuple[str, str], Mapping[str, Any]]) -> Text:
        """Its text; only what it is about where no words can be found for that: somebody is called all the same."""
        try:
            return self._text(call, wording, advice)
        except Exception:
            log.exception("call=%s worded=no", call.id)
            return Text(call.id, " ".join(call.occurrences), "", {"kind": call.kind, "person": call.person})

    def _text(self, call: Call, wording: Wording, advice: Mapping[tuple[str, str], Mapping[str, Any]]) -> Text:
        incoming = self._oncall.incoming.get(call.channel)
        reply = None if incoming is None else incoming.reply
        if call.kind == ASK:
            named = reply is not None and bool(reply.id)
            return wording.question(call, self._links.link(call) if self._links else "", named)
        lines = [self._escalation.memory.opens[name].line for name in call.occurrences
                 if name in self._escalation.memory.opens]  # fmt: skip
        known = [{} if line["change"] == OVERDUE else advice.get((line["rule"], line["sensor"]), {}) for line in lines]
        code = "" if reply is None else call.code
        return wording.text(call, lines, known, self._links.link(call) if self._links else "", code)

    def _make(self, call: Call, text: Text) -> None:
        try:
            outcome = Outcome(call, TAKEN, self._oncall.ways[call.channel].send(self._address(call), text), "")
        except Rejected as error:
            outcome = Outcome(call, REFUSED, None, error.reason)
        except DavylampError as error:
            outcome = Outcome(call, FAILED, None, str(error))
        except Exception as error:  # whatever a channel does, the next one must be tried
            log.exception("channel=%s raised", call.channel)
            outcome = Outcome(call, FAILED, None, f"{type(error).__name__}: {error}")
        self._outcomes.put(outcome)

    def _address(self, call: Call) -> str:
        """Raises Rejected where there is none: a restart makes a call again that another site file meant."""
        to = self._to(call)
        if to is None:
            raise Rejected(f"the site no longer reaches {call.person} by {call.channel}")
        return to

    def _to(self, call: Call) -> str | None:
        """Empty for a siren."""
        person = self._oncall.people.get(call.person)
        return dict(() if person is None else person.reach).get(call.channel) if call.person else ""

    def _on_duty(self, area: str) -> Sequence[str]:
        """Nobody where that cannot be told (a calendar may hold anything): then everyone is called."""
        try:
            return self._oncall.on_duty(area, self._date())
        except Exception:
            log.exception("roster=unreadable area=%s on-duty=nobody", area)
            return ()

    def _line(self, now: int, what: str, call: Call, **more: Any) -> dict[str, Any]:
        about = {"id": call.id, "kind": call.kind, "person": call.person, "channel": call.channel,
                 "occurrences": list(call.occurrences)}  # fmt: skip
        return {**self._when(now), "what": what, **about, **more}

    def _when(self, now: int) -> dict[str, Any]:
        return {"now": now, "wall": self._clock.wall()}

    def _date(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall() / 1e9, UTC)


def _without_kind(line: Line) -> dict[str, Any]:
    return {key: value for key, value in line.said.items() if key != "kind"}
