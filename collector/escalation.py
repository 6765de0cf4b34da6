"""Whom to call next: one person after another, one way after another, then everyone, until somebody accepts.

Constraints. Pure: journal lines, outcomes of calls and `now` come in, calls go out; no clock, no disk, no channel. Its
whole memory is `Open`, one for each occurrence or overdue hazard that people are called for, and can be written down
between any two steps. Only accepting or the alarm's return stops the calls; seeing (acknowledge) does not. A critical
alarm is never in one message with others. Source: DESIGN section 9; the order of steps is that of the issue that asked
for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from collector.roster import Person
from detectors.attention import CALLS
from detectors.hazards import CALLED, CHANGES, OVERDUE
from detectors.records import spelled, tested_by

MINUTE = 60 * 10**9
AFTER: Mapping[str, int] = {"critical": 2 * MINUTE, "high": 15 * MINUTE}
"""ns to wait for an accept before the next step."""
NOBODY = MINUTE // 2
"""ns until everyone is called again when not one call arrived."""
HIDES = ("suppressed", "shelved", "out_of_service")
HIDDEN = ("E", "F", "G")
SHOWN = ("B", "C")
"""Letters of ISA-18.2 of an alarm that stands and is not hidden: seen (C) is not accepted."""
PAGE, RETURN = "page", "return"
ANSWERS = ("accepted", "assigned", "did", "closed")
"""What a person does that stops the calls."""

Line: TypeAlias = Mapping[str, Any]
OnDuty: TypeAlias = Callable[[str], Sequence[str]]
"""The people on duty for an area, now."""


class Policy(msgspec.Struct, frozen=True):
    """How long to wait, and what is called when everyone is."""

    after: Mapping[str, int] = msgspec.field(default_factory=lambda: dict(AFTER))
    """By priority; others call nobody."""
    again: int = 5 * MINUTE
    """Between two rounds of calling everyone, at least."""
    group: int = 5 * MINUTE
    """Within it one person gets one message of high alarms; never of critical ones."""
    unattended: int = 30 * MINUTE
    """An accepted alarm that is still active, and without a comment, calls again."""
    sirens: tuple[str, ...] = ()
    """Channels that reach nobody in particular, used when everyone is called."""


class Call(msgspec.Struct, frozen=True):
    """One message to one person (or a siren: nobody in particular) over one channel."""

    id: str
    """The same however often it is sent."""
    kind: str
    person: str
    channel: str
    occurrences: tuple[str, ...]
    code: str = ""
    """What the person replies to accept."""


class Open(msgspec.Struct):
    """One occurrence that people are or were called for, until it has returned and they know."""

    line: dict[str, Any]
    """The journal line that raised it."""
    opened: int
    next: int
    """ns of `now` at which the next step is due, while it calls."""
    cycle: int = 0
    """+1 when calls begin anew."""
    round: int = 0
    """How often everyone was called, in this cycle."""
    tried: list[tuple[str, str]] = []
    """(person, channel), in this cycle."""
    asked: list[str] = []
    """People to whom a call was made, whatever became of it."""
    failed: str = ""
    """The person whose channel just failed: their next channel comes first."""
    reached: dict[str, str] = {}
    """Whom a call reached, and by which channel."""
    accepted: int | None = None
    commented: bool = False
    hidden: bool = False
    returned: bool = False
    owed: list[str] = []
    """People who are still to hear that it has returned."""
    told: list[tuple[str, str]] = []
    """(person, channel) tried with that news."""

    @property
    def hazard(self) -> bool:
        """True where people are called for a hazard that is overdue, not for an alarm."""
        return str(self.line["change"]) == OVERDUE

    @property
    def priority(self) -> str:
        """Of the alarm; an overdue hazard calls as a high one does, whatever its alarms were."""
        return "high" if self.hazard else str(self.line["priority"])

    @property
    def test(self) -> bool:
        """A test raised it: it calls people as a real one does, but no siren, and is in no message with others."""
        return bool(tested_by(self.line))

    @property
    def alone(self) -> bool:
        """True if it is in no message with others, and delays none."""
        return self.priority == "critical" or self.test

    @property
    def calls(self) -> bool:
        """True while somebody is wanted."""
        return self.accepted is None and not self.hidden and not self.returned

    @property
    def wanted(self) -> bool:
        """True if somebody is or was to be called: what was hidden from the first is nobody's call."""
        return not self.hidden or bool(self.asked)

    def shown(self, now: int) -> None:
        """It is hidden no more. Where it was from the first, it is from now on that people are wanted."""
        self.hidden, self.next = False, now
        self.opened = self.opened if self.asked else now


class Question(msgspec.Struct):
    """The newest weekly question (asking.py)."""

    person: str
    """Empty where nobody was on duty."""
    number: int
    """Its local date, 20261207."""
    asked: int
    """ns of `now`."""
    state: str = "open"
    tried: list[str] = []
    """Channels."""
    fell_back: bool = False
    """The last call did not arrive: the next way is due."""
    missed: bool = False
    """An earlier one was never answered, nor was one since."""


class Memory(msgspec.Struct):
    """All that is to be kept over a restart."""

    opens: dict[str, Open] = {}
    grouped: dict[str, int] = {}
    """When each person last got a message of high alarms."""
    flying: dict[str, Call] = {}
    """Calls whose outcome is not known yet, by id."""
    codes: dict[str, list[str]] = {}
    """The occurrences that a code in a message stands for; each cycle of calls has codes of its own."""
    coded: int = 0
    """Codes ever made."""
    question: Question | None = None
    slot: int = 0
    """The newest slot of the weekly question that was dealt with, s since 1970; 0 before the first."""


class Escalation:
    """The steps of all open occurrences; `policy` and `people` are the site's."""

    def __init__(self, policy: Policy, people: Mapping[str, Person], memory: Memory | None = None) -> None:
        self.policy, self.people = policy, people
        self.memory = memory or Memory()

    def take(self, line: Line, now: int) -> None:
        """One journal line, in order."""
        name, change, opens = called_for(line), line["change"], self.memory.opens
        found = opens.get(name)
        if change in CHANGES:
            self._take_hazard(name, found, line, now)
        elif change in CALLS and found is not None and found.hidden:
            if line["isa"] in SHOWN:
                found.shown(now)
        elif found is None and _begins(line) and line["priority"] in self.policy.after:
            opens[name] = Open(dict(line), now, now, hidden=line["isa"] in HIDDEN)
        elif found is None:
            return
        elif change in HIDES:
            found.hidden = True
        elif change == "accepted":
            found.accepted, found.commented = now, False
        elif change == "commented":
            found.commented = True
        elif change in ("returned", "removed"):
            found.returned, found.owed = True, list(found.reached)
            self._close(name, found)

    def _take_hazard(self, name: str, found: Open | None, line: Line, now: int) -> None:
        """It calls when it is overdue, until a person does anything about it; and anew when its time comes again."""
        if line["change"] == OVERDUE and found is None:
            self.memory.opens[name] = Open(dict(line), now, now)
        elif found is None:
            return
        elif line["change"] != OVERDUE:
            found.accepted, found.commented = now, True
            found.returned = line["change"] == "closed"
            self._close(name, found)
        elif found.accepted is not None:
            found.line, found.opened = dict(line), now
            self._anew(name, found, now)

    def due(self, now: int, on_duty: OnDuty) -> list[Call]:
        """The calls that are due; the outcome of each is to be `settled`."""
        calls: list[Call] = []
        together: dict[tuple[str, str], list[str]] = {}
        by_weight = sorted(self.memory.opens.items(), key=lambda item: (item[1].priority != "critical", item[1].opened))
        for name, found in by_weight:
            self._resume(name, found, now)
            if found.returned:
                calls += self._returns(name, found)
            if not found.calls or found.next > now:
                continue
            step = self._next(found, on_duty(found.line["area"]))
            if step is None:
                calls += self._everyone(name, found, now)
            elif found.alone:
                self._tried(found, step, now)
                calls.append(self._call(PAGE, *step, (name,)))
            elif self._free(step[0]) > now:
                found.next = self._free(step[0])
            else:
                self._tried(found, step, now)
                together.setdefault(step, []).append(name)
        for (person, channel), names in together.items():
            self.memory.grouped[person] = now
            calls.append(self._call(PAGE, person, channel, tuple(names)))
        self.memory.flying.update({call.id: call for call in calls})
        return calls

    def settled(self, call: Call, reached: bool, now: int) -> None:
        """What became of a call. A failure brings the next step at once."""
        self.memory.flying.pop(call.id, None)
        if not reached:
            self.memory.grouped.pop(call.person, None)
        for name in call.occurrences:
            found = self.memory.opens.get(name)
            if found is None:
                continue
            if call.kind == RETURN:
                if reached and call.person in found.owed:
                    found.owed.remove(call.person)
            elif call.person and reached:
                self._reached(found, call)
            elif call.person and call.person not in found.reached:
                self._fall_back(found, call.person, now)
            self._close(name, found)

    def undelivered(self, call: Call, now: int) -> None:
        """A call that the gateway had taken did not arrive: the next way is tried at once."""
        for name in call.occurrences:
            found = self.memory.opens.get(name)
            if found is None or call.kind == RETURN or found.reached.get(call.person) != call.channel:
                continue
            del found.reached[call.person]
            self._fall_back(found, call.person, now)

    def _reached(self, found: Open, call: Call) -> None:
        found.reached[call.person] = call.channel
        if found.returned and not found.hazard and call.person not in found.owed:
            found.owed.append(call.person)

    def _fall_back(self, found: Open, person: str, now: int) -> None:
        if not found.round:
            found.next, found.failed = now, person
        elif not found.reached:
            found.next = min(found.next, now + NOBODY)

    def _resume(self, name: str, found: Open, now: int) -> None:
        if found.accepted is None or found.returned or found.hidden or found.commented:
            return
        if now - found.accepted >= self.policy.unattended:
            self._anew(name, found, now)

    def _anew(self, name: str, found: Open, now: int) -> None:
        found.accepted, found.next, found.tried, found.failed = None, now, [], ""
        found.cycle, found.round = found.cycle + 1, 0
        self.memory.codes = {code: names for code, names in self.memory.codes.items() if name not in names}

    def _next(self, found: Open, called: Sequence[str]) -> tuple[str, str] | None:
        """The next (person, channel) not tried yet; None when it is everyone's turn, and from then on."""
        if found.round:
            return None
        reach = {id: self.people[id].reach for id in called}
        steps = [(found.failed, channel) for channel, _ in reach.get(found.failed, ())]
        for turn in range(max((len(ways) for ways in reach.values()), default=0)):
            steps += [(id, ways[turn][0]) for id, ways in reach.items() if turn < len(ways)]
        return next((step for step in steps if step not in found.tried), None)

    def _tried(self, found: Open, step: tuple[str, str], now: int) -> None:
        found.tried.append(step)
        found.failed = ""
        found.next = now + self.policy.after[found.priority]

    def _free(self, person: str) -> int:
        """When a person may get the next message of high alarms."""
        return self.memory.grouped.get(person, -self.policy.group) + self.policy.group

    def _everyone(self, name: str, found: Open, now: int) -> Iterator[Call]:
        found.round += 1
        found.next = now + max(self.policy.again, self.policy.after[found.priority])
        for siren in () if found.test else self.policy.sirens:
            yield self._call(PAGE, "", siren, (name,))
        for person in self.people.values():
            for channel, _ in person.reach:
                yield self._call(PAGE, person.id, channel, (name,))

    def _returns(self, name: str, found: Open) -> Iterator[Call]:
        """To each who is owed it one call at a time, until one arrives or no way is left."""
        flying = [call.person for call in self._flying(name) if call.kind == RETURN]
        for person in [person for person in found.owed if person not in flying]:
            known = self.people[person].reach if person in self.people else ()
            ways = [found.reached[person], *(channel for channel, _ in known)]
            channel = next((way for way in ways if (person, way) not in found.told), None)
            if channel is None:
                found.owed.remove(person)
            else:
                found.told.append((person, channel))
                yield self._call(RETURN, person, channel, (name,))
        self._close(name, found)

    def _close(self, name: str, found: Open) -> None:
        if found.returned and not found.owed and not self._flying(name):
            self.memory.opens.pop(name, None)
            self.memory.codes = {code: names for code, names in self.memory.codes.items()
                                 if any(one in self.memory.opens for one in names)}  # fmt: skip

    def _flying(self, name: str) -> list[Call]:
        return [call for call in self.memory.flying.values() if name in call.occurrences]

    def _call(self, kind: str, person: str, channel: str, names: tuple[str, ...]) -> Call:
        first = self.memory.opens[names[0]]
        more = f"+{len(names) - 1}" if len(names) > 1 else ""
        step = f"{first.cycle}.{first.round}"
        code = self._code(names) if kind == PAGE and person else ""
        for found in (self.memory.opens[name] for name in names):
            found.asked += [person] * (bool(person) and person not in found.asked)
        return Call(f"{names[0]}{more}:{kind}:{person}:{channel}:{step}", kind, person, channel, names, code)

    def _code(self, names: tuple[str, ...]) -> str:
        """That of these occurrences; neighbours differ in more than a digit, and none comes again for long."""
        known = self.memory.codes
        code = next((code for code, about in known.items() if about == list(names)), "")
        while not code:
            self.memory.coded += 1
            made = str(1000 + self.memory.coded * 3571 % 9000)
            code = made if made not in known else ""
        known[code] = list(names)
        return code


def _begins(line: Line) -> bool:
    """True where an occurrence begins: hidden or not, or shown and seen by nobody that is known of."""
    return line["change"] in CALLS and (line["isa"] == "B" or (line["change"] == "raised" and line["isa"] in HIDDEN))


def called_for(line: Line) -> str:
    """What people are called for: the occurrence that a line is about, or the hazard, its name after CALLED."""
    name = spelled(line["rule"], line["sensor"], line["occurrence"])
    return CALLED + name if line["change"] in CHANGES else name
