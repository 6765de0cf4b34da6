"""Two site files over the same readings: what the second would have said otherwise.

Constraints. Both are judged from the beginning by the real judge, in a process each. An occurrence of one is the same
as one of the other, earlier or later, where they are of one rule and subject and stood together, or within NEAR of each
other; one to one, in order. What is left over is gained or lost; where the other's alarm stood meanwhile, it is said to
be split from it or joined to it, since people were told all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from collector.scoring import known
from collector.trying import Course, changes, in_parallel
from detectors.attention import Figures, figures
from detectors.desks import EVERYTHING
from detectors.records import Change, Key, spelled
from detectors.site import read_site
from simulators.score import Score, score
from simulators.truths import Truths

NEAR = 300 * 10**9
"""ns between two short alarms of one cause."""
QUIET = frozenset({"watched", "unwatched"})
"""Changes that are no affair of a comparison."""
What: TypeAlias = Literal["gained", "lost", "earlier", "later", "same", "split", "joined"]


@dataclass(frozen=True, slots=True)
class Tried:
    """What one site file said."""

    course: Course
    changes: list[Change]
    desks: frozenset[str]
    score: Score | None
    """Where it is known what happened."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One alarm from its activation to its return."""

    rule: str
    subject: str
    number: int
    area: str
    raised: int
    returned: int
    """ns; the end of the readings while it stands."""
    value: float | None
    limit: float | None

    @property
    def name(self) -> str:
        return spelled(self.rule, self.subject, self.number)


@dataclass(frozen=True, slots=True)
class Difference:
    """One occurrence in both, or in one of them."""

    what: What
    present: Occurrence | None
    changed: Occurrence | None

    @property
    def of(self) -> Occurrence:
        """The changed one, else the one that is lost."""
        found = self.changed or self.present
        assert found is not None
        return found

    @property
    def shift(self) -> int:
        """ns that it comes later; below 0: earlier."""
        return 0 if self.present is None or self.changed is None else self.changed.raised - self.present.raised


@dataclass(frozen=True, slots=True)
class Backtest:
    """The comparison."""

    present: Tried
    changed: Tried
    differences: tuple[Difference, ...]
    """All, in order of time, what is the same too."""
    desks: Mapping[str, tuple[Figures, Figures]]
    """Desk -> ISA-18.2's figures before and after."""
    refused: tuple[Change, ...]
    """Actions that fitted and would not: their lines."""

    def of_rule(self) -> dict[str, dict[What, int]]:
        """Rule -> how many of each kind of difference."""
        out: dict[str, dict[What, int]] = {}
        for one in self.differences:
            counts = out.setdefault(one.of.rule, {})
            counts[one.what] = counts.get(one.what, 0) + 1
        return dict(sorted(out.items()))


def backtest(
    present: Mapping[str, Any],
    changed: Mapping[str, Any],
    source: Path,
    truths: Truths | None = None,
    tolerance: int = 0,
    processes: int | None = None,
) -> Backtest:
    """Judge a recording's folder or a data folder by two documents, and compare."""
    before, after = in_parallel(tried, [(one, source, truths, tolerance) for one in (present, changed)], processes)
    start, end = before.course.start, max(before.course.end, after.course.end) + 1
    return Backtest(
        present=before,
        changed=after,
        differences=tuple(differences(occurrences(before.changes, end), occurrences(after.changes, end))),
        desks=_desks(before, after, start, end),
        refused=_refused(before.changes, after.changes),
    )


def tried(document: Mapping[str, Any], source: Path, truths: Truths | None, tolerance: int) -> Tried:
    """One site file over the source; runs in a process of its own."""
    course, kept = Course(), []
    site = read_site(document)

    def passed() -> Iterable[Change]:
        for change in changes(document, source, course):
            if change.change not in QUIET:
                kept.append(change)
            yield change

    found = None
    if truths is None:
        for _ in passed():
            pass
    else:
        with_site, members = known(truths, site)
        found = score(passed(), with_site, members, tolerance=tolerance)
    return Tried(course, kept, frozenset(site.desk_of.values() or (EVERYTHING,)), found)


def occurrences(lines: Iterable[Change], end: int) -> list[Occurrence]:
    """All alarms, in the order in which they were raised; one that stands ends at `end`."""
    out: list[Occurrence] = []
    standing: dict[Key, Change] = {}

    def close(key: Key, at: int) -> None:
        raised = standing.pop(key, None)
        if raised is not None:
            out.append(Occurrence(
                *key, raised.occurrence, raised.area, raised.now, at, raised.value, raised.limit,
            ))  # fmt: skip

    for line in lines:
        key = (line.rule, line.sensor)
        if line.change == "raised":
            standing[key] = line
        elif line.change in ("returned", "removed"):
            close(key, line.now)
    for key in list(standing):
        close(key, end)
    return sorted(out, key=lambda one: (one.raised, one.rule, one.subject))


def differences(present: Sequence[Occurrence], changed: Sequence[Occurrence]) -> list[Difference]:
    """What became of each occurrence, in order of time."""
    sides: dict[Key, tuple[list[Occurrence], list[Occurrence]]] = {}
    for side, ones in enumerate((present, changed)):
        for one in ones:
            sides.setdefault((one.rule, one.subject), ([], []))[side].append(one)
    out = [found for before, after in sides.values() for found in _matched(before, after)]
    return sorted(out, key=lambda one: (one.of.raised, one.of.rule, one.of.subject))


def _matched(before: Sequence[Occurrence], after: Sequence[Occurrence]) -> Iterable[Difference]:
    i = j = 0
    while i < len(before) and j < len(after):
        one, other = before[i], after[j]
        if one.raised <= other.returned + NEAR and other.raised <= one.returned + NEAR:
            shift = other.raised - one.raised
            yield Difference("same" if not shift else "later" if shift > 0 else "earlier", one, other)
            i, j = i + 1, j + 1
        elif one.returned <= other.returned:
            yield _left("lost", one, after)
            i += 1
        else:
            yield _left("gained", other, before)
            j += 1
    yield from (_left("lost", one, after) for one in before[i:])
    yield from (_left("gained", one, before) for one in after[j:])


def _left(what: Literal["gained", "lost"], one: Occurrence, others: Sequence[Occurrence]) -> Difference:
    stood = any(other.raised <= one.raised <= other.returned for other in others)
    if what == "lost":
        return Difference("joined" if stood else "lost", one, None)
    return Difference("split" if stood else "gained", None, one)


def _desks(before: Tried, after: Tried, start: int, end: int) -> dict[str, tuple[Figures, Figures]]:
    def of(side: Tried, desk: str) -> Figures:
        return figures((change for change in side.changes if change.desk == desk), start, end)

    return {desk: (of(before, desk), of(after, desk)) for desk in sorted(before.desks | after.desks)}


def _refused(before: Iterable[Change], after: Iterable[Change]) -> tuple[Change, ...]:
    already = {line.action for line in before if line.change == "refused"}
    return tuple(line for line in after if line.change == "refused" and line.action and line.action not in already)
