"""One pass over a journal beside truths: which occurrence detects what, which is false, and how long each was watched.

Constraints. The rules of matching are score.py's; memory grows with truths and subjects, not with lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from detectors.records import OWN_RULES, Change, Key, spelled
from simulators.instrument import SECOND
from simulators.score_members import Members
from simulators.truths import TimedTruth, Truths

CHATTER, CHATTER_SPAN = 3, 60 * SECOND
"""Occurrences of one alarm within this: the practice of detectors/attention.py."""
LISTED = 1000
"""False alarms kept one by one; all are counted."""


@dataclass(frozen=True, slots=True)
class Onset:
    """One occurrence."""

    rule: str
    subject: str
    kind: str
    occurrence: int
    now: int
    value: float | None
    limit: float | None

    @property
    def name(self) -> str:
        return spelled(self.rule, self.subject, self.occurrence)


@dataclass(slots=True)
class Asked:
    """One truth and one rule that it expects."""

    truth: int
    rule: str
    first: Onset | None = None
    held: bool = False


@dataclass(slots=True)
class Counts:
    """Of one rule."""

    kind: str = ""
    onsets: int = 0
    neutral: int = 0
    false: int = 0
    chatter: int = 0
    watched: int = 0
    alarmed: int = 0
    """ns, summed over subjects, outside truths that expect something."""


@dataclass(slots=True)
class Pair:
    """One rule on one subject."""

    truths: tuple[int, ...]
    clean: tuple[tuple[int, int], ...]
    """The parts of the span that lie in no truth that expects something: there nothing that is raised is false."""
    since: int | None = None
    """Watched since; None: not watched."""
    raised: int | None = None
    """Active since; None: not active."""
    recent: list[int] = field(default_factory=list)

    def clean_time(self, begin: int, end: int) -> int:
        """ns of [begin, end) that lie in the span and in no truth that expects something."""
        return sum(max(0, min(end, b) - max(begin, a)) for a, b in self.clean)


class Tally:
    """What one pass over the journal gathers."""

    def __init__(self, truths: Truths, members: Members, start: int, end: int, tolerance: int) -> None:
        self.truths, self.members = truths, members
        self.start, self.end, self.tolerance = start, end, tolerance
        self.of_sensor: dict[str, list[int]] = {}
        for k, truth in enumerate(truths.all):
            self.of_sensor.setdefault(truth.sensor, []).append(k)
        self.asked = {(k, rule): Asked(k, rule) for k, truth in enumerate(truths.all) for rule in truth.expect}
        self.by_health: dict[int, Onset] = {}
        self.wrongly: dict[int, int] = {}
        self.counts: dict[str, Counts] = {}
        self.pairs: dict[Key, Pair] = {}
        self.false: list[Onset] = []
        self.begins = sorted(range(len(truths.all)), key=lambda k: -truths.all[k].start)
        """Truths yet to begin, the next one last."""

    def take(self, changes: Iterable[Change]) -> Iterator[Change]:
        """The changes as they came, counted on the way."""
        for change in changes:
            self._begin(change.now)
            if change.rule:
                self._one(change)
            elif change.change == "blind":
                self._blind(int(change.why.numbers["from"]), int(change.why.numbers["to"]))
            yield change

    def _begin(self, now: int) -> None:
        """Note what stands when a truth begins, before the first line that is not before it."""
        while self.begins and self.truths.all[self.begins[-1]].start <= now:
            k = self.begins.pop()
            for rule in self.truths.all[k].expect:
                self.asked[k, rule].held = any(
                    pair.raised is not None and k in pair.truths
                    for (name, _), pair in self.pairs.items()
                    if name == rule
                )

    def finish(self) -> None:
        """After the last line, all go on as they were up to the span's end."""
        self._begin(max(self.end, *(truth.start for truth in self.truths.all), 0))
        for (rule, _), pair in self.pairs.items():
            self._unwatch(self.counts[rule], pair, self.end)
            self._return(self.counts[rule], pair, self.end)

    def _one(self, change: Change) -> None:
        pair = self._pair(change)
        counts = self.counts.setdefault(change.rule, Counts())
        counts.kind = change.kind
        match change.change:
            case "raised":
                pair.raised = change.now
                self._watch(pair, change)
                self._raised(change, pair, counts)
            case "returned":
                self._return(counts, pair, change.now)
                self._watch(pair, change)
            case "watched":
                self._watch(pair, change)
            case "unwatched" | "broken" | "removed":
                self._unwatch(counts, pair, change.now)

    def _blind(self, begin: int, end: int) -> None:
        """Nothing was received: nobody was watched, whatever the verdicts."""
        for (rule, _), pair in self.pairs.items():
            if pair.since is not None:
                self.counts[rule].watched -= pair.clean_time(max(begin, pair.since), end)

    def _pair(self, change: Change) -> Pair:
        key = (change.rule, change.sensor)
        if key not in self.pairs:
            sensors = self.members(*key)
            touching = tuple(sorted(k for sensor in sensors for k in self.of_sensor.get(sensor, ())))
            explaining = [self.truths.all[k] for k in touching if self.truths.all[k].expect]
            self.pairs[key] = Pair(touching, self._clean(explaining))
        return self.pairs[key]

    def _clean(self, truths: Sequence[TimedTruth]) -> tuple[tuple[int, int], ...]:
        free, begin = [], self.start
        for truth in sorted(truths, key=lambda truth: truth.start):
            if truth.start > begin:
                free.append((begin, min(truth.start, self.end)))
            begin = max(begin, self.end if truth.end is None else truth.end + self.tolerance)
        free.append((begin, self.end))
        return tuple((a, b) for a, b in free if b > a)

    @staticmethod
    def _watch(pair: Pair, change: Change) -> None:
        if pair.since is None and change.rule not in OWN_RULES:
            pair.since = change.now

    @staticmethod
    def _unwatch(counts: Counts, pair: Pair, now: int) -> None:
        if pair.since is not None:
            counts.watched += pair.clean_time(pair.since, now)
            pair.since = None

    @staticmethod
    def _return(counts: Counts, pair: Pair, now: int) -> None:
        if pair.raised is not None:
            counts.alarmed += pair.clean_time(pair.raised, now)
            pair.raised = None

    def _raised(self, change: Change, pair: Pair, counts: Counts) -> None:
        onset = Onset(
            change.rule, change.sensor, change.kind, change.occurrence, change.now, change.value, change.limit
        )
        explained = [k for k in pair.truths if self._lies_in(change, self.truths.all[k])]
        detects = [k for k in explained if (k, change.rule) in self.asked]
        for k in detects:
            asked = self.asked[k, change.rule]
            asked.first = asked.first or onset
        speaking = [k for k in explained if self.truths.all[k].expect]
        if change.kind.startswith("health."):
            for k in speaking:
                if self.truths.all[k].fault:
                    self.by_health.setdefault(k, onset)
        if not self.start <= change.now < self.end:
            return
        counts.onsets += 1
        self._chatter(change.now, pair, counts)
        if detects:
            return
        if speaking:
            counts.neutral += 1
            return
        counts.false += 1
        for k in explained:
            self.wrongly[k] = self.wrongly.get(k, 0) + 1
        if len(self.false) < LISTED:
            self.false.append(onset)

    def _lies_in(self, change: Change, truth: TimedTruth) -> bool:
        last = inf if truth.end is None else truth.end + self.tolerance
        return truth.start <= change.now and (change.now <= last or truth.start <= change.time <= last)

    @staticmethod
    def _chatter(now: int, pair: Pair, counts: Counts) -> None:
        pair.recent = [at for at in pair.recent if now - at < CHATTER_SPAN] + [now]
        if len(pair.recent) == CHATTER:
            counts.chatter += 1
            pair.recent = []
