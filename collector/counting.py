"""Counts what a report says of a period, journal line by journal line.

Constraints. One pass in order, from the journal's beginning; what is kept grows with alarms and people's actions, never
with readings. Times are ns of `now`; what reaches over an end of the period counts inside it only. What a test
raised is counted with the tests, nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from detectors.records import tested_by

Line = Mapping[str, Any]
Pair = tuple[str, str]
"""(rule, subject)"""
HIDES = {"shelved": "shelved", "out_of_service": "out_of_service", "suppressed": "suppressed"}
SHOWS = {"unshelved": "shelved", "shelf_ended": "shelved", "in_service": "out_of_service",
         "service_ended": "out_of_service", "unsuppressed": "suppressed"}  # fmt: skip
CALLS = ("raised", *SHOWS)
TEST, CALIBRATION, OUT = "judge.in_test", "in_calibration", "out_of_service"
HOUR = 3600 * 10**9


@dataclass(slots=True)
class Hidden:
    """One override: an alarm that was shelved, taken out of service or suppressed by design."""

    kind: str
    rule: str
    subject: str
    begun: int
    by: str
    note: str
    ended: int | None = None


@dataclass(slots=True)
class Response:
    """How fast people answered alarms of one priority; s."""

    raised: int = 0
    acknowledged: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Called:
    """One alarm that called people, until it is accepted."""

    at: int
    response: Response
    seen: bool = False
    taken: bool = False

    def answered(self, change: str, now: int) -> None:
        seconds = (now - self.at) / 1e9
        if not self.seen:
            self.seen = True
            self.response.acknowledged.append(seconds)
        if change == "accepted" and not self.taken:
            self.taken = True
            self.response.accepted.append(seconds)


@dataclass(slots=True)
class Counting:
    """Feed it every line; read it at the end of the journal, after `close`."""

    start: int
    end: int
    revisions: list[Line] = field(default_factory=list)
    hidden: list[Hidden] = field(default_factory=list)
    suppressed: Counter[str] = field(default_factory=Counter)
    """ns that alarms of a rule were suppressed by design while they stood."""
    handled: list[Line] = field(default_factory=list)
    """Tests, calibrations, windows, what was told: begin, end, receipt and record."""
    refused: int = 0
    responses: dict[str, Response] = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)
    blind: int = 0
    """ns in which nothing was received."""
    unwatched: Counter[Pair] = field(default_factory=Counter)
    """(subject, cause) -> ns in which at least one of its rules was not watched for that cause."""
    known: set[Pair] = field(default_factory=set)
    first: int = 0
    last: int = 0
    _calling: dict[tuple[str, str, int], _Called] = field(default_factory=dict)
    _hiding: dict[tuple[str, str, str], Hidden] = field(default_factory=dict)
    _blank: dict[Pair, str] = field(default_factory=dict)
    """Pairs that are not watched now, and why."""
    _since: dict[Pair, tuple[int, int]] = field(default_factory=dict)
    """(subject, cause) -> since when, and of how many of its rules."""
    _calibrating: set[str] = field(default_factory=set)
    _revised: int = 0

    def take(self, line: Line) -> None:
        """One line."""
        now, change = int(line["now"]), str(line["change"])
        self.first, self.last = self.first or now, now
        inside = self.start <= now < self.end
        if change in ("watched", "unwatched"):
            self._watch(line, now)
        elif change == "blind":
            self.blind += self.inside(line["why"]["from"], line["why"]["to"])
        elif change == "revised":
            self._revised = now
            self.revisions += [line] if inside else []
        elif not line["rule"] and line["sensor"]:
            self._handle(line, now, inside)
        elif not tested_by(line):
            self._alarm(line, now, change, inside)
        self.refused += inside and change == "refused"

    # -- alarms ------------------------------------------------------------------------------------------------------

    def _alarm(self, line: Line, now: int, change: str, inside: bool) -> None:
        if change in HIDES or change in SHOWS:
            self._hide(line, now, change)
        if line["priority"] == "log":
            return
        key = (line["rule"], line["sensor"], line["occurrence"])
        self.changes[change] += inside
        if change in CALLS and line["isa"] == "B" and key not in self._calling and inside:
            response = self.responses.setdefault(line["priority"], Response())
            response.raised += 1
            self._calling[key] = _Called(now, response)
        elif change in ("acknowledged", "accepted") and key in self._calling:
            self._calling[key].answered(change, now)

    def _hide(self, line: Line, now: int, change: str) -> None:
        kind = HIDES.get(change) or SHOWS[change]
        key = (kind, line["rule"], line["sensor"])
        before = self._hiding.pop(key, None)
        if before is not None:
            self._shown(before, now)
        if change in HIDES:
            self._hiding[key] = Hidden(kind, line["rule"], line["sensor"], now, line["by"], line["note"])
        if kind == OUT and (change in HIDES) is not (before is not None):
            self._cause(line["sensor"], OUT, now, 1 if change in HIDES else -1)

    def _shown(self, one: Hidden, at: int) -> None:
        spent, one.ended = self.inside(one.begun, at), at
        if one.kind == "suppressed":
            self.suppressed[one.rule] += spent
        elif spent:
            self.hidden.append(one)

    # -- watching ----------------------------------------------------------------------------------------------------

    def _watch(self, line: Line, now: int) -> None:
        pair = (line["rule"], line["sensor"])
        if pair not in self.known:
            self.known.add(pair)
            self._count(pair[1], "judge.start", self._revised, now)
        cause = self._blank.pop(pair, None)
        if cause is not None:
            self._cause(pair[1], cause, now, -1)
        if line["change"] == "unwatched":
            own = str((line["why"] or {}).get("key", ""))
            self._blank[pair] = CALIBRATION if pair[1] in self._calibrating else own
            self._cause(pair[1], self._blank[pair], now, 1)

    def _handle(self, line: Line, now: int, inside: bool) -> None:
        self.handled += [line] if inside and line["change"] != "refused" else []
        if line["change"] == "calibration_begun":
            self._calibrating.add(line["sensor"])
        elif line["change"] == "calibration_ended":
            self._calibrating.discard(line["sensor"])
        if line["change"] in ("test_begun", "test_ended"):
            self._cause(line["sensor"], TEST, now, 1 if line["change"] == "test_begun" else -1)

    def _cause(self, subject: str, cause: str, now: int, more: int) -> None:
        since, rules = self._since.pop((subject, cause), (now, 0))
        if rules + more > 0:
            self._since[subject, cause] = since, rules + more
        else:
            self._count(subject, cause, since, now)

    def _count(self, subject: str, cause: str, begun: int, ended: int) -> None:
        if spent := self.inside(begun, ended):
            self.unwatched[subject, cause] += spent

    def inside(self, begun: int, ended: int) -> int:
        """ns of a span that lie in the period."""
        return max(0, min(ended, self.end) - max(begun, self.start))

    # -- the end -----------------------------------------------------------------------------------------------------

    def close(self, now: int, present: Container[Pair]) -> None:
        """What lasts still lasts up to `now`, as far as it is in the period. Pairs that are not `present` any more, of
        which no line says when, went with the last revision."""
        for pair, cause in self._blank.items():
            if pair not in present:
                self._cause(pair[1], cause, self._revised, -1)
        for (subject, cause), (since, _) in self._since.items():
            self._count(subject, cause, since, now)
        for one in self._hiding.values():
            self._shown(one, now)
            one.ended = None
        self.hidden.sort(key=lambda one: one.begun)


def spread(seconds: list[float]) -> tuple[float, float, float] | None:
    """Median, the value that 90 % stay below or at, and the worst; nothing of nothing."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return median(ordered), ordered[-(-9 * len(ordered) // 10) - 1], ordered[-1]
