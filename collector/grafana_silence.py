"""Keeps Grafana's silences equal to what is hidden here, where Grafana pages: what is shelved is not called out there.

Constraints. Grafana's own list is the memory, so a restart or a lost answer makes nothing twice; only silences made by
us, for this site, are touched. A shelf or time out of service has its end; what is suppressed by design has none, so
its silence reaches SPAN ahead and is renewed only while judging's `now` advances: a dead judge soon silences nothing.
A silence names rule and sensor, never an occurrence, since shelving outlives one. The heartbeat's rule has another
`part` and is never silenced. Source: Alertmanager's API v2 as Grafana 9.4 to 13 serves it (POST 202 makes, or changes
in place where matchers and start are the same; DELETE 200).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from collector.following import follow
from collector.grafana import Absent, Grafana
from collector.judged import every_line
from collector.times import rfc3339
from dashboards.alerts import SYSTEM
from detectors.records import spelled

log = logging.getLogger(__name__)
SECOND = 10**9
SPAN = 600 * SECOND
"""How far ahead a silence without an end reaches; renewed at half of it."""
AGAIN = 60 * SECOND
"""Between two looks at Grafana's list while nothing changes here."""
ALIVE = 60 * SECOND
"""Judging that is further behind renews nothing."""
POLL, LONGEST_WAIT = 0.5, 30.0
"""s"""
PATH = "/alertmanager/grafana/api/v2"
BY_PEOPLE = ("shelved", "out_of_service")
Pair: TypeAlias = tuple[str, str]


class Followed(Protocol):
    """What is read of judging: `collector.judged.Judged`."""

    def journal(self, after: int, limit: int = 1000) -> list[tuple[int, str, str]]: ...
    def alarms(self) -> list[dict[str, Any]]: ...
    def status(self) -> dict[str, Any]: ...
    def identity(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Silence:
    """One that is wanted."""

    matchers: tuple[Pair, ...]
    ends: int
    """ns UTC"""
    comment: str
    rolling: bool = False
    """It has no end of its own, and is renewed."""


@dataclass(slots=True)
class Silences:
    """Those of one site; `connect` gives a Grafana, with its token read anew."""

    connect: Callable[[], Grafana]
    followed: Followed
    wall: Callable[[], int] = time.time_ns
    _who: dict[tuple[str, str, str], Mapping[str, Any]] = field(default_factory=dict)
    """The journal line by which a pair was hidden last: (rule, sensor, change)."""
    _seen: int = 0
    _identity: str = ""
    _looked: int = -AGAIN
    _wanted: dict[Pair, Silence] = field(default_factory=dict)

    def step(self) -> int:
        """Make Grafana's list equal if something changed here, or AGAIN after the last look; the number of changes.

        Raises what `Grafana.ask` raises; the next step tries again.
        """
        now, status = self.wall(), self.followed.status()
        if "site" not in status:
            return 0
        self._read()
        wanted = self._hidden(str(status["site"]), now, alive=now - int(status["wall"]) < ALIVE)
        if now - self._looked < AGAIN and _same_needs(wanted, self._wanted):
            return 0
        done = self._equal(str(status["site"]), wanted, now)
        self._looked, self._wanted = now, wanted
        return done

    def follow(self, stop: threading.Event) -> None:
        """Step until stopped; after a failure Grafana's list is looked at again."""

        def step() -> float:
            self.step()
            return POLL

        def failed(_reason: str) -> None:
            self._looked = -AGAIN

        follow("grafana=silences", step, stop, LONGEST_WAIT, failed)

    def _read(self) -> None:
        """Who hid what, from the journal's new lines; all of it again where it is another file."""
        identity = self.followed.identity()
        if identity != self._identity:
            self._identity, self._seen, self._who = identity, 0, {}
        for seq, text, _ in every_line(self.followed, self._seen):
            line = json.loads(text)
            if line["change"] in BY_PEOPLE:
                self._who[line["rule"], line["sensor"], line["change"]] = line
            self._seen = seq

    def _hidden(self, site: str, now: int, alive: bool) -> dict[Pair, Silence]:
        found = {}
        for row in self.followed.alarms():
            key = row["rule"], row["subject"]
            if not row["hidden"] or row["priority"] == "log":
                continue
            by_people = [name for name in BY_PEOPLE if name in row["hidden"]]
            ends = int(row["until"] or 0) if by_people else now + SPAN * (alive and bool(row["active"]))
            if ends > now:
                found[key] = Silence(_matchers(site, row), ends, self._comment(row, by_people), not by_people)
        return found

    def _comment(self, row: Mapping[str, Any], by_people: list[str]) -> str:
        name = spelled(row["rule"], row["subject"], row["occurrence"])
        if not by_people:
            return f"{name}: suppressed by design"
        line = self._who.get((row["rule"], row["subject"], by_people[0]), {})
        why = f": {line['note']}" if line.get("note") else ""
        return f"{name}: {by_people[0].replace('_', ' ')} by {line.get('by') or 'nobody'}{why}"

    def _equal(self, site: str, wanted: Mapping[Pair, Silence], now: int) -> int:
        grafana, done = self.connect(), 0
        there = _ours(grafana.ask("GET", f"{PATH}/silences"), site)
        by_matchers = {silence.matchers: silence for silence in wanted.values()}
        kept: set[tuple[Pair, ...]] = set()
        for one in there:
            matchers = _pairs(one)
            want = None if matchers in kept else by_matchers.get(matchers)
            if want is None:
                done += self._end(grafana, one)
                continue
            kept.add(matchers)
            if not _fits(want, one, now):
                self._send(grafana, want, one["startsAt"], one["id"])
                done += 1
        for matchers, want in by_matchers.items():
            if matchers not in kept:
                self._send(grafana, want, rfc3339(now))
                done += 1
        return done

    def _send(self, grafana: Grafana, want: Silence, starts: str, id: str = "") -> None:
        matchers = [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in want.matchers]
        body = {"matchers": matchers, "startsAt": starts, "endsAt": rfc3339(want.ends), "createdBy": SYSTEM,
                "comment": want.comment}  # fmt: skip
        grafana.ask("POST", f"{PATH}/silences", body | ({"id": id} if id else {}))
        log.info("grafana=silence %s until=%s", want.comment, rfc3339(want.ends))

    def _end(self, grafana: Grafana, one: Mapping[str, Any]) -> int:
        try:
            grafana.ask("DELETE", f"{PATH}/silence/{one['id']}")
        except Absent:
            return 0
        log.info("grafana=silence ended %s", one.get("comment", ""))
        return 1


def _matchers(site: str, row: Mapping[str, Any]) -> tuple[Pair, ...]:
    named = {"system": SYSTEM, "part": "alarm", "site": site, "rule": row["rule"], "sensor": row["subject"]}
    return tuple(sorted(named.items()))


def _pairs(one: Mapping[str, Any]) -> tuple[Pair, ...]:
    """What a silence of Grafana's list matches, where it names values and nothing else."""
    plain = [(m["name"], m["value"]) for m in one["matchers"] if not m.get("isRegex") and m.get("isEqual", True)]
    return tuple(sorted(plain)) if len(plain) == len(one["matchers"]) else ()


def _ours(silences: list[dict[str, Any]], site: str) -> list[dict[str, Any]]:
    """Those that stand, were made by us, and are of this site."""
    standing = [one for one in silences if one["status"]["state"] != "expired" and one["createdBy"] == SYSTEM]
    return [one for one in standing if {("site", site), ("system", SYSTEM)} <= set(_pairs(one))]


def _fits(want: Silence, one: Mapping[str, Any], now: int) -> bool:
    ends = _instant(one["endsAt"])
    reaches = ends - now > SPAN // 2 if want.rolling else abs(ends - want.ends) < SECOND
    return reaches and one["comment"] == want.comment


def _same_needs(one: Mapping[Pair, Silence], other: Mapping[Pair, Silence]) -> bool:
    """Whether nothing changed but the end of those that have none."""
    return one.keys() == other.keys() and all(
        (a.comment, a.rolling, a.rolling or a.ends) == (b.comment, b.rolling, b.rolling or b.ends)
        for a, b in ((one[key], other[key]) for key in one)
    )


def _instant(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e9)
