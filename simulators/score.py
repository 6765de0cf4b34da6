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
the span and outside truths that expect something. One pass; memory grows with truths, subjects and annunciations, not
with lines.
Not here: files, and words (collector/scoring.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from detectors.attention import Figures, figures
from detectors.records import Change
from simulators.instrument import SECOND
from simulators.score_figures import Rate, Spread
from simulators.score_members import Members
from simulators.score_tally import LISTED, Asked, Onset, Tally
from simulators.truths import TimedTruth, Truths

TOLERANCE = 600 * SECOND
"""ns after its end in which a truth may still be said."""


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
    tally = Tally(truths, members, start, end, tolerance)
    called = figures(tally.take(changes), start, end)
    tally.finish()
    return _whole(tally, called)


def _whole(tally: Tally, called: Figures) -> Score:
    rules = sorted({*tally.counts, *(rule for _, rule in tally.asked)})
    asked: dict[str, list[Asked]] = {rule: [] for rule in rules}
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


def _part(name: str, kind: str, rules: Sequence[str], asked: Mapping[str, list[Asked]], tally: Tally) -> Part:
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


def _samples(truth: TimedTruth, delay: int, tally: Tally) -> float | None:
    every = tally.truths.head.sensors.get(truth.sensor)
    return delay / every if every else None


def _said(k: int, truth: TimedTruth, tally: Tally) -> Said:
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


__all__ = ["LISTED", "SECOND", "TOLERANCE", "Onset", "Part", "Said", "Score", "score"]
