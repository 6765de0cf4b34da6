"""The judge again in plain Python, one reading at a time: what the fast fold is held against.

Constraints. Written from DESIGN, not from detectors/judge.py: lists and dicts, no batches, nothing vectorised. It knows
the detectors signal.limit, signal.state, health.silent and network.vote, and no waves, revisions or broken rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any, NamedTuple

import numpy as np

from detectors.alarm import Alarm, Cause, Hidden, advance
from detectors.reading import Quality as Q
from detectors.records import Action
from detectors.rule import HOUR, Priority, Rule, Subject
from detectors.site import Site, series

UNKNOWN, CLEAR, ACTIVE = 0, 1, 2
NEVER = 1 << 62
SECOND = 10**9
FAULT = ~int(Q.SIMULATED) & 0xFF
BLUR = Q.NO_VALUE | Q.OUT_OF_SPAN | Q.SKEWED | Q.CALIBRATION


class Reading(NamedTuple):
    series: str
    time: int
    value: float
    quality: int


class Found(NamedTuple):
    """What a detector found, and at which reading: (verdict, time, value, limit, why)."""

    verdict: int
    time: int
    value: float | None
    limit: float | None
    why: str
    untimely: bool = False
    """A late or skewed reading raised it: its time says nothing."""


@dataclass
class Wait:
    """A change that waits for its delay."""

    found: Found
    time: int
    arrived: int


@dataclass(eq=False)
class Pair:
    """One rule on one subject: what its detector says, what is held after silence and delays, and its alarm."""

    rule: Rule
    subject: Subject
    inputs: list[str]
    due: int = NEVER
    detected: int = UNKNOWN
    said: int = UNKNOWN
    silent: int = 0
    held: int = UNKNOWN
    watching: bool = False
    wait: Wait | None = None
    members: dict[str, list[Any]] = field(default_factory=dict)
    alarm: Alarm = Alarm()
    priority: Priority = Priority.LOG
    last: Found = Found(UNKNOWN, 0, None, None, "judge.start")
    ends: dict[Cause, int] = field(default_factory=dict)

    @property
    def name(self) -> tuple[str, str]:
        return self.rule.name, self.subject.id

    def param(self, name: str) -> float:
        """A parameter of the detector, this subject's where it has one a subject."""
        value = np.asarray(getattr(self.rule.detector, name), np.float64)
        return float(value if value.ndim == 0 else value[self.rule.subjects.index(self.subject)])


class Model:
    """Feed it `read`, `tick` and `act` in the log's order; `lines` and `rows` grow."""

    def __init__(self, site: Site, now: int) -> None:
        self.site = site
        self.sensors = list(site.sensors.values())
        self.number = {s.id: k for k, s in enumerate(series(site))}
        self.seen: dict[str, dict[int, float]] = {s.id: {} for s in self.sensors}
        self.newest = {s.id: -NEVER for s in self.sensors}
        self.pairs = [
            Pair(rule, subject, [name for _, name in subject.inputs], priority=rule.priority)
            for rule in _order(site)
            for subject in rule.subjects
        ]
        for p in self.pairs:
            if p.rule.detector.kind == "health.silent":
                p.due = now + self._patience(p)
            p.members = {name: [False, False, NEVER, False] for name in p.inputs}  # on, known, end of a vote, heard
        self.lines: list[tuple[Any, ...]] = []
        self.rows: list[tuple[str, int, int, float]] = []

    # -- the log ---------------------------------------------------------------------------------------------------

    def read(self, sensor: int, time: int, value: float, arrived: int, quality: int = 0) -> None:
        self.tick(arrived)
        reading = self._gate(Reading(self.sensors[sensor].id, time, value, quality), arrived)
        if reading is not None:
            self._instant(arrived, [reading], deadline=False)

    def tick(self, until: int) -> None:
        """Deadlines before `until`, each after all that arrived at its instant."""
        while (at := min([self._due(p) for p in self.pairs], default=NEVER)) < until:
            self._instant(at, [], deadline=True)

    def _gate(self, r: Reading, arrived: int) -> Reading | None:
        sensor, seen, flags = self.site.sensors[r.series], self.seen[r.series], Q(r.quality)
        flags |= Q.NO_VALUE if not np.isfinite(r.value) else Q.GOOD
        value = r.value if np.isfinite(r.value) else nan
        flags |= Q.OUT_OF_SPAN if value < sensor.span[0] or value > sensor.span[1] else Q.GOOD
        skewed = r.time > arrived + 300 * SECOND or r.time < arrived - 90 * 24 * HOUR
        flags |= Q.SKEWED if skewed else Q.GOOD
        if r.time in seen:
            if seen[r.time] == value or (isnan(seen[r.time]) and isnan(value)):
                return None
            return Reading(r.series, r.time, value, int(flags | Q.CONFLICT | Q.LATE))
        seen[r.time] = value
        if len(seen) > 256:
            del seen[next(iter(seen))]
        if not skewed:
            flags |= Q.LATE if r.time <= self.newest[r.series] else Q.GOOD
            self.newest[r.series] = max(self.newest[r.series], r.time)
        return Reading(r.series, r.time, value, int(flags))

    # -- one place in the log --------------------------------------------------------------------------------------

    def _due(self, p: Pair) -> int:
        return min(p.due, self._waited(p), *p.ends.values(), NEVER)

    @staticmethod
    def _waited(p: Pair) -> int:
        """The `now` at which a delay passes without further readings: only what raises, or hears verdicts."""
        if p.wait is None or (p.wait.found.verdict == CLEAR and not all(name[0] == "@" for name in p.inputs)):
            return NEVER
        return p.wait.arrived + _delay(p) - (p.wait.time - p.wait.found.time)

    def _instant(self, at: int, rows: list[Reading], deadline: bool) -> None:
        silences: dict[int, int] = {}
        for number, p in enumerate(self.pairs):
            mine = sorted((r for r in rows if r.series in p.inputs), key=lambda r: self.number[r.series])
            found = [f for r in mine if (f := self._detect(p, r, at)) is not None]
            if deadline and p.due == at:
                found += [f for f in [self._expire(p, at)] if f is not None]
            was = p.held
            if found or number in silences:
                p.silent += silences.get(number, 0)
                p.said = found[-1].verdict if found else p.said
                self._hear(p, found[-1] if found else None, at, rows)
            for r in mine:
                if p.wait is not None and not r.quality & FAULT:
                    self._run(p, r, at, rows)
            if deadline and self._waited(p) == at:
                self._fire(p, at, at, rows)
            if p.rule.detector.kind == "health.silent" and (p.held == ACTIVE) != (was == ACTIVE):
                for k, other in enumerate(self.pairs):
                    if other.rule.detector.kind != "health.silent" and p.subject.id in other.inputs:
                        silences[k] = silences.get(k, 0) + (1 if p.held == ACTIVE else -1)
        if deadline:
            self._ends(at)

    # -- detectors -------------------------------------------------------------------------------------------------

    def _detect(self, p: Pair, r: Reading, at: int) -> Found | None:
        kind = p.rule.detector.kind
        if kind == "health.silent":
            if r.quality & Q.RETAINED:
                return None
            p.due = at + self._patience(p)
            return self._say(p, CLEAR, Found(CLEAR, r.time, None, None, "health.silent.heard"))
        if kind == "network.vote":
            return self._vote(p, r, at)
        trip, reset, limit, why = _level(p, r.value, self.site)
        verdict = p.detected
        if trip and not r.quality & (Q.NO_VALUE | Q.CALIBRATION):
            verdict = ACTIVE
        elif r.quality & BLUR or (reset is None and not r.quality & FAULT):
            verdict = UNKNOWN if verdict == CLEAR else verdict
        elif not r.quality & FAULT:
            verdict = CLEAR if reset or verdict == UNKNOWN else verdict
        value = None if isnan(r.value) else r.value
        untimely = verdict == ACTIVE and bool(r.quality & (Q.LATE | Q.SKEWED))
        return self._say(p, verdict, Found(verdict, r.time, value, limit, f"{kind}.{why[verdict]}", untimely))

    @staticmethod
    def _say(p: Pair, verdict: int, found: Found) -> Found | None:
        changed, p.detected = verdict != p.detected, verdict
        return found if changed else None

    def _patience(self, p: Pair) -> int:
        return int((self.site.sensors[p.subject.id].every or 0) * p.param("intervals"))

    def _expire(self, p: Pair, at: int) -> Found | None:
        p.due = NEVER
        if p.rule.detector.kind == "health.silent":
            return self._say(p, ACTIVE, Found(ACTIVE, at, None, None, "health.silent.silent"))
        for member in p.members.values():
            member[2] = NEVER if member[2] == at else member[2]
        return self._count(p, at, deadline=True)

    def _vote(self, p: Pair, r: Reading, at: int) -> Found | None:
        member, within = p.members[r.series], round(p.rule.detector.within * SECOND)
        if isnan(r.value):
            member[1] = False
        elif r.value == 1:
            member[:] = [True, True, NEVER, True]
        else:
            member[:] = [False, True, at + within if member[0] and within else member[2], True]
        return self._count(p, r.time, deadline=False)

    def _count(self, p: Pair, time: int, deadline: bool) -> Found | None:
        k, members = p.rule.detector.k, p.members.values()
        p.due = min(end for _, _, end, _ in members)
        votes = sum(on or end != NEVER for on, _, end, _ in members)
        silent = [heard for on, known, end, heard in members if not known and not on and end == NEVER]
        keep, lost = p.rule.detector.degrade == "keep", sum(silent)
        needed = k if keep else max(1, k - lost)
        could = votes + len(silent) if keep else votes + len(silent) - lost
        if votes >= needed:
            verdict, why = ACTIVE, "agree" if votes >= k else "degraded"
        elif could >= needed or len(silent) == len(members):
            verdict, why = (ACTIVE if p.detected == ACTIVE else UNKNOWN), "unknown"
        else:
            verdict, why = CLEAR, "few"
        return self._say(
            p, verdict, Found(verdict, time, None if deadline else float(votes), float(k), f"network.vote.{why}")
        )

    # -- silence and delays ----------------------------------------------------------------------------------------

    def _hear(self, p: Pair, found: Found | None, at: int, rows: list[Reading]) -> None:
        """Silence makes a clear verdict unknown; unknown clears nothing; a delay begins or is called off."""
        now = UNKNOWN if p.silent and p.said != ACTIVE else p.said
        watching = p.said != UNKNOWN and not p.silent
        since = found or Found(now, at, None, None, "held")
        if now == UNKNOWN:
            if p.wait is not None and p.wait.found.verdict == CLEAR:
                p.wait = None
            return self._hold(p, ACTIVE if p.held == ACTIVE else UNKNOWN, watching, found, at, rows)
        if (now == ACTIVE) == (p.held == ACTIVE) or not (p.rule.on_delay if now == ACTIVE else p.rule.off_delay):
            p.wait = None
            return self._hold(p, now, watching, found, at, rows)
        if p.wait is None:
            p.wait = Wait(since, since.time, at)
        return self._hold(p, p.held, watching, found, at, rows)

    def _run(self, p: Pair, r: Reading, at: int, rows: list[Reading]) -> None:
        """A delay runs by device time along good readings."""
        assert p.wait is not None
        if p.wait.found.untimely:
            p.wait = Wait(p.wait.found._replace(time=r.time, untimely=False), r.time, at)
        if r.time > p.wait.time:
            p.wait.time, p.wait.arrived = r.time, at
        if p.wait.time - p.wait.found.time >= _delay(p):
            self._fire(p, r.time, at, rows)

    def _fire(self, p: Pair, time: int, at: int, rows: list[Reading]) -> None:
        assert p.wait is not None
        found, p.wait = p.wait.found._replace(time=time), None
        self._hold(p, found.verdict, p.watching, found, at, rows)

    def _hold(
        self, p: Pair, verdict: int, watching: bool, found: Found | None, at: int, rows: list[Reading]
    ) -> None:
        was, p.held = p.held, verdict
        watched, p.watching = p.watching, watching
        if (was, watched) == (verdict, watching):
            return
        value, time = [nan, 0.0, 1.0][verdict], found.time if found else at
        rows.append(Reading(f"@{p.rule.name}/{p.subject.id}", time, value, Q.NO_VALUE if isnan(value) else 0))
        self.rows.append((rows[-1].series, time, at, value))
        if verdict == ACTIVE and was != ACTIVE:
            self._raise(p, found, at)
        elif was == ACTIVE and verdict == CLEAR:
            p.alarm = advance(p.alarm, Cause.RETURN_LATCHED if p.rule.latch else Cause.RETURN)
            p.last = found or p.last
            self._line(p, at, "returned", p.last)
        elif watched != watching:
            told = found or Found(0, at, None, None, "judge.heard" if watching else "judge.silent")
            self._line(p, at, "watched" if watching else "unwatched", told._replace(limit=None))
            p.last = p.last if p.alarm.standing else p.last._replace(why=told.why)
        if (verdict == ACTIVE) != (was == ACTIVE):
            self._suppress(p, at)

    # -- alarms ----------------------------------------------------------------------------------------------------

    def _raise(self, p: Pair, found: Found | None, at: int) -> None:
        beside = [q for q in self.pairs if q is not p and q.subject.id == p.subject.id and p.rule.raises_priority]
        p.priority = max([p.rule.priority, *(q.priority for q in beside if q.alarm.active or q.alarm.latched)])
        if p.priority == Priority.CRITICAL and p.ends.pop(Cause.SHELF_ENDS, None) is not None:
            p.alarm = advance(p.alarm, Cause.SHELF_ENDS)
            self._line(p, at, "shelf_ended", p.last._replace(time=at, value=None, limit=None))
        p.alarm = advance(p.alarm, Cause.ACTIVATE)
        if p.priority == Priority.LOG:
            p.alarm = advance(p.alarm, Cause.ACKNOWLEDGE)
        p.last = found or p.last
        self._line(p, at, "raised", p.last)

    def _suppress(self, changed: Pair, at: int) -> None:
        for p in self.pairs:
            by = self._suppressors(p)
            if changed not in by:
                continue
            rungs = [q for q in by if p.rule.ladder and q.rule.ladder == p.rule.ladder]
            put_away = Hidden.SHELVED | Hidden.OUT_OF_SERVICE
            untold = [q for q in rungs if q.alarm.hidden & put_away or q.priority < p.priority]
            on = any(q.held == ACTIVE and q not in untold for q in by)
            before, p.alarm = p.alarm, advance(p.alarm, Cause.SUPPRESS if on else Cause.UNSUPPRESS)
            if p.alarm != before and before.standing:
                quiet = p.last._replace(time=at, value=None, limit=None)
                self._line(p, at, "suppressed" if on else "unsuppressed", quiet)

    def _suppressors(self, p: Pair) -> list[Pair]:
        mine = [q for q in self.pairs if q.subject.id == p.subject.id]
        above = [q for q in mine if p.rule.ladder and q.rule.ladder == p.rule.ladder and q.rule.rung > p.rule.rung]
        rule, _, who = (p.rule.suppress_when or "").removeprefix("@").partition("/")
        named = [q for q in self.pairs if q.rule.name == rule and who in ("", q.subject.id)]
        return above + ([q for q in named if q.subject.id == p.subject.id] or named)

    def _ends(self, at: int) -> None:
        ending = [(p.name, cause.value, p, cause) for p in self.pairs for cause, end in p.ends.items() if end == at]
        for _, _, p, cause in sorted(ending, key=lambda e: (e[0], e[3] is not Cause.SHELF_ENDS)):
            del p.ends[cause]
            p.alarm = advance(p.alarm, cause)
            change = "shelf_ended" if cause is Cause.SHELF_ENDS else "service_ended"
            self._line(p, at, change, p.last._replace(time=at, value=None, limit=None))
            self._suppress(p, at)

    def _line(self, p: Pair, at: int, change: str, told: Found, action: str = "") -> None:
        self.lines.append(
            (at, told.time, *p.name, change, p.alarm.isa, p.alarm.occurrence, p.priority.name.lower(),
             told.value, told.limit, told.why, action)
        )  # fmt: skip

    # -- people ----------------------------------------------------------------------------------------------------

    def act(self, action: Action, now: int) -> None:
        """An action is taken or refused; one line says which."""
        self.tick(now)
        p = next((q for q in self.pairs if q.name == (action.rule, action.subject)), None)
        if p is None:
            nobody = (now, now, action.rule, action.subject, "refused", "A", 0, "log", None, None, "refused", action.id)
            return self.lines.append(nobody)
        change = _take(p, action, now) if _allowed(p, action, now) else "refused"
        told = p.last._replace(time=now, value=None, limit=None)
        self._line(p, now, change, told._replace(why="refused") if change == "refused" else told, action.id)
        return self._suppress(p, now)


def _allowed(p: Pair, a: Action, now: int) -> bool:
    alarm, longest = p.alarm, {1: 8 * HOUR, 2: 8 * HOUR, 3: HOUR}.get(p.priority, 0)
    if a.occurrence not in (None, alarm.occurrence) or not a.by:
        return False
    span = (a.until or now) - now
    return {
        "acknowledge": not alarm.acked,
        "accept": alarm.active or not alarm.acked,
        "comment": bool(a.note),
        "shelve": bool(a.note) and 0 < span <= longest,
        "unshelve": Hidden.SHELVED in alarm.hidden,
        "out_of_service": bool(a.note and a.measure) and 0 < span <= 12 * HOUR,
        "in_service": Hidden.OUT_OF_SERVICE in alarm.hidden,
        "reset": alarm.latched,
    }.get(a.kind, False)


def _take(p: Pair, a: Action, now: int) -> str:
    cause, change = {
        "acknowledge": (Cause.ACKNOWLEDGE, "acknowledged"),
        "accept": (Cause.ACKNOWLEDGE, "accepted"),
        "comment": (None, "commented"),
        "shelve": (Cause.SHELVE, "shelved"),
        "unshelve": (Cause.UNSHELVE, "unshelved"),
        "out_of_service": (Cause.REMOVE_FROM_SERVICE, "out_of_service"),
        "in_service": (Cause.RETURN_TO_SERVICE, "in_service"),
        "reset": (Cause.RESET, "reset"),
    }[a.kind]
    p.alarm = p.alarm if cause is None else advance(p.alarm, cause)
    ends = Cause.SHELF_ENDS if "shelve" in a.kind else Cause.RETURN_TO_SERVICE
    if a.kind in ("shelve", "out_of_service"):
        p.ends[ends] = a.until or now
    elif a.kind in ("unshelve", "in_service"):
        del p.ends[ends]
    return change


def _delay(p: Pair) -> int:
    assert p.wait is not None
    return p.rule.on_delay if p.wait.found.verdict == ACTIVE else p.rule.off_delay


def _level(p: Pair, value: float, site: Site) -> tuple[bool, bool | None, float | None, list[str]]:
    """(beyond the limit, beyond the reset or None where the value means nothing, the limit, a word a verdict)."""
    if p.rule.detector.kind == "signal.state":
        states = site.sensors[p.subject.id].states
        known = value in range(len(states))
        alarm = known and states[int(value)] == p.rule.detector.alarm_on
        return alarm, not alarm if known else None, None, ["not_a_state", "left", "entered"]
    limit, reset, above = p.param("limit"), p.param("reset"), p.rule.detector.side == "above"
    reset = limit if isnan(reset) else reset
    words = ["no_value", "within", p.rule.detector.side]
    return (value >= limit, value < reset, limit, words) if above else (value <= limit, value > reset, limit, words)


def _order(site: Site) -> list[Rule]:
    """Rules in order of dependency: silence, then level by level in the file's order, a ladder's top rung first."""
    level: dict[str, int] = {}
    for rule in site.rules:
        names = [name for s in rule.subjects for _, name in s.inputs] + [rule.suppress_when or ""]
        needs = [name[1:].partition("/")[0] for name in names if name.startswith("@")]
        level[rule.name] = 0 if rule.detector.kind == "health.silent" else 1 + max((level[n] for n in needs), default=0)
    place = {rule.name: k for k, rule in enumerate(site.rules)}
    first = {
        rule.name: min(place[r.name] for r in site.rules if _together(r, rule, level)) for rule in site.rules
    }
    return sorted(site.rules, key=lambda r: (level[r.name], first[r.name], -r.rung, place[r.name]))


def _together(a: Rule, b: Rule, level: dict[str, int]) -> bool:
    return a is b or (bool(a.ladder) and a.ladder == b.ladder and level[a.name] == level[b.name])
