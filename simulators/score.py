"""How good the alarms were: a journal beside what really happened.

What counts is the onset: one occurrence, however long it is held. An occurrence lies in a truth of a sensor that its
subject is or contains when its `now` is not before the truth's start, and its `now` or its device time is not after
the truth's end plus the tolerance. It is then

- a detection, where the truth expects its rule;
- neutral, where a truth that expects something explains it (another rule said it too);
- false in every other case, also in a truth that expects nothing.

A truth is detected by a rule with the first such occurrence, missed without one; where the rule stood active when the
truth began and did not come again, it is neither: held. A truth as a whole is also detected by any rule `health.*` if
it is a fault that expects something. What is raised before the span may detect, and counts in nothing else.

False alarms are divided by the time that the subjects were watched (verdict known, by the journal's own lines) inside
the span and outside truths. One pass; memory grows with truths, subjects and annunciations, not with lines.
Not here: files, and words (collector/scoring.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from detectors.attention import Figures, figures
from detectors.records import OWN_RULES, Change, Key, spelled
from simulators.score_figures import Rate, Spread
from simulators.score_members import Members
from simulators.truths import TimedTruth, Truths

SECOND = 10**9
TOLERANCE = 600 * SECOND
"""ns after its end in which a truth may still be said."""
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


@dataclass(frozen=True, slots=True)
class Said:
    """What became of one truth."""

    truth: TimedTruth
    by: Onset | None
    """The first detection; None: missed, or nothing was expected."""
    delay: int | None
    """ns from its start to `now` of the detection."""
    samples: float | None
    """The same in intervals of its sensor."""
    lead: int | None
    """ns from the detection to the failure."""
    late: bool
    """Missed, or later than `within`."""
    held: bool
    """Not asked: its rules stood already."""
    wrongly: int
    """Occurrences at a truth that expects nothing."""


@dataclass(frozen=True, slots=True)
class Part:
    """The score of a rule or of all rules of one kind."""

    name: str
    kind: str
    onsets: int
    truths: int
    detected: int
    missed: int
    held: int
    neutral: int
    delay: Spread
    """s."""
    samples: Spread
    lead: Spread
    """s before the failure."""
    false: Rate
    in_alarm: float
    """Share of the watched time that was spent in alarm, 0 to 1."""
    chatter: int
    """Times that one alarm came CHATTER times within a minute."""


@dataclass(frozen=True, slots=True)
class Score:
    """The whole. `rules` in order of their names, `kinds` likewise."""

    start: int
    end: int
    tolerance: int
    rules: tuple[Part, ...]
    kinds: tuple[Part, ...]
    total: Part
    said: tuple[Said, ...]
    false: tuple[Onset, ...]
    """The first LISTED ones."""
    figures: Figures
    unheard: tuple[str, ...]
    """Rules that a truth expects and the journal never names."""


def score(
    changes: Iterable[Change],
    truths: Truths,
    members: Members,
    *,
    span: tuple[int, int] | None = None,
    tolerance: int = TOLERANCE,
) -> Score:
    """Score a journal from its beginning. `span` is the truths' own if None, [start, end) in ns."""
    start, end = span or (truths.head.start, truths.head.end)
    tally = _Tally(truths, members, start, end, tolerance)
    called = figures(tally.take(changes), start, end)
    tally.finish()
    return _whole(tally, called)


@dataclass(slots=True)
class _Asked:
    """One truth and one rule that it expects."""

    truth: int
    rule: str
    first: Onset | None = None
    held: bool = False


@dataclass(slots=True)
class _Counts:
    """Of one rule."""

    kind: str = ""
    onsets: int = 0
    neutral: int = 0
    false: int = 0
    chatter: int = 0
    watched: int = 0
    alarmed: int = 0
    """ns, summed over subjects, outside truths."""


@dataclass(slots=True)
class _Pair:
    """One rule on one subject."""

    truths: tuple[int, ...]
    clean: tuple[tuple[int, int], ...]
    """The parts of the span that lie in no truth."""
    since: int | None = None
    """Watched since; None: not watched."""
    raised: int | None = None
    """Active since; None: not active."""
    recent: list[int] = field(default_factory=list)

    def clean_time(self, begin: int, end: int) -> int:
        """ns of [begin, end) that lie in the span and in no truth."""
        return sum(max(0, min(end, b) - max(begin, a)) for a, b in self.clean)


class _Tally:
    """What one pass over the journal gathers."""

    def __init__(self, truths: Truths, members: Members, start: int, end: int, tolerance: int) -> None:
        self.truths, self.members = truths, members
        self.start, self.end, self.tolerance = start, end, tolerance
        self.of_sensor: dict[str, list[int]] = {}
        for k, truth in enumerate(truths.all):
            self.of_sensor.setdefault(truth.sensor, []).append(k)
        self.asked = {(k, rule): _Asked(k, rule) for k, truth in enumerate(truths.all) for rule in truth.expect}
        self.by_health: dict[int, Onset] = {}
        self.wrongly: dict[int, int] = {}
        self.counts: dict[str, _Counts] = {}
        self.pairs: dict[Key, _Pair] = {}
        self.false: list[Onset] = []
        self.begins = sorted(range(len(truths.all)), key=lambda k: -truths.all[k].start)
        """Truths yet to begin, the next one last."""

    def take(self, changes: Iterable[Change]) -> Iterator[Change]:
        """The changes as they came, counted on the way."""
        for change in changes:
            self._begin(change.now)
            if change.rule:
                self._one(change)
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
        counts = self.counts.setdefault(change.rule, _Counts())
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

    def _pair(self, change: Change) -> _Pair:
        key = (change.rule, change.sensor)
        if key not in self.pairs:
            sensors = self.members(*key)
            touching = tuple(sorted(k for sensor in sensors for k in self.of_sensor.get(sensor, ())))
            self.pairs[key] = _Pair(touching, self._clean([self.truths.all[k] for k in touching]))
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
    def _watch(pair: _Pair, change: Change) -> None:
        if pair.since is None and change.rule not in OWN_RULES:
            pair.since = change.now

    @staticmethod
    def _unwatch(counts: _Counts, pair: _Pair, now: int) -> None:
        if pair.since is not None:
            counts.watched += pair.clean_time(pair.since, now)
            pair.since = None

    @staticmethod
    def _return(counts: _Counts, pair: _Pair, now: int) -> None:
        if pair.raised is not None:
            counts.alarmed += pair.clean_time(pair.raised, now)
            pair.raised = None

    def _raised(self, change: Change, pair: _Pair, counts: _Counts) -> None:
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
    def _chatter(now: int, pair: _Pair, counts: _Counts) -> None:
        pair.recent = [at for at in pair.recent if now - at < CHATTER_SPAN] + [now]
        if len(pair.recent) == CHATTER:
            counts.chatter += 1
            pair.recent = []


def _whole(tally: _Tally, called: Figures) -> Score:
    rules = sorted({*tally.counts, *(rule for _, rule in tally.asked)})
    asked: dict[str, list[_Asked]] = {rule: [] for rule in rules}
    for one in tally.asked.values():
        asked[one.rule].append(one)
    kinds = {rule: tally.counts[rule].kind if rule in tally.counts else "" for rule in rules}
    return Score(
        start=tally.start,
        end=tally.end,
        tolerance=tally.tolerance,
        rules=tuple(_part(rule, kinds[rule], [rule], asked, tally) for rule in rules),
        kinds=tuple(
            _part(kind, kind, [rule for rule in rules if kinds[rule] == kind], asked, tally)
            for kind in sorted(set(kinds.values()) - {""})
        ),
        total=_part("all", "", rules, asked, tally),
        said=tuple(_said(k, truth, tally) for k, truth in enumerate(tally.truths.all)),
        false=tuple(tally.false),
        figures=called,
        unheard=tuple(rule for rule in rules if rule not in tally.counts),
    )


def _part(name: str, kind: str, rules: Sequence[str], asked: Mapping[str, list[_Asked]], tally: _Tally) -> Part:
    counted = [tally.counts[rule] for rule in rules if rule in tally.counts]
    ones = [one for rule in rules for one in asked[rule]]
    tried = [one for one in ones if one.first is not None or not one.held]
    found = [(tally.truths.all[one.truth], one.first) for one in tried if one.first is not None]
    missed = [inf] * (len(tried) - len(found))
    samples = [_samples(truth, onset.now - truth.start, tally) for truth, onset in found]
    leads = [(truth.failure - onset.now) / SECOND for truth, onset in found if truth.failure is not None]
    watched = sum(one.watched for one in counted)
    return Part(
        name=name,
        kind=kind,
        onsets=sum(one.onsets for one in counted),
        truths=len(ones),
        detected=len(found),
        missed=len(missed),
        held=len(ones) - len(tried),
        neutral=sum(one.neutral for one in counted),
        delay=Spread.of([*((onset.now - truth.start) / SECOND for truth, onset in found), *missed]),
        samples=Spread.of([*(known for known in samples if known is not None), *missed]) if found else Spread.of([]),
        lead=Spread.of(leads),
        false=Rate.of(sum(one.false for one in counted), watched),
        in_alarm=min(1.0, sum(one.alarmed for one in counted) / watched) if watched else 0.0,
        chatter=sum(one.chatter for one in counted),
    )


def _samples(truth: TimedTruth, delay: int, tally: _Tally) -> float | None:
    every = tally.truths.head.sensors.get(truth.sensor)
    return delay / every if every else None


def _said(k: int, truth: TimedTruth, tally: _Tally) -> Said:
    asked = [tally.asked[k, rule] for rule in truth.expect]
    onsets = [one.first for one in asked if one.first is not None]
    if k in tally.by_health:
        onsets.append(tally.by_health[k])
    first = min(onsets, key=lambda onset: onset.now, default=None)
    held = first is None and any(one.held for one in asked)
    delay = None if first is None else first.now - truth.start
    return Said(
        truth=truth,
        by=first,
        delay=delay,
        samples=None if delay is None else _samples(truth, delay, tally),
        lead=None if first is None or truth.failure is None else truth.failure - first.now,
        late=bool(truth.expect) and not held and (delay is None or (truth.within is not None and delay > truth.within)),
        held=held,
        wrongly=tally.wrongly.get(k, 0),
    )
