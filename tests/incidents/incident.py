"""A scenario run through the real judging path, its bounds, and its golden journal.

    python -m tests.incidents.incident [NAME ...]     write the golden journals anew, and say what differs

A golden journal holds the decisions: time from the start, change, alarm, state, value and limit a line. Compared are
the decisions exactly, and values to 1e-9; on another kind of processor too.
"""

from __future__ import annotations

import dataclasses
import math
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.rehearsing import START, changes, site_of
from collector.scoring import known
from collector.times import duration, instant
from detectors.records import Change, spelled
from simulators.scenario import read_scenario
from simulators.score import Score, score
from simulators.truths import Truths, truths_of

HERE = Path(__file__).parent
SECOND = 10**9
CLOSE = 1e-9


@dataclass(frozen=True)
class Line:
    """One decision; two of the same `key` are the same decision, whatever their time and values."""

    at: str
    change: str
    alarm: str
    isa: str
    value: float | None
    limit: float | None

    @property
    def key(self) -> tuple[str, str]:
        return self.change, self.alarm

    def __str__(self) -> str:
        numbers = " ".join("-" if number is None else repr(number) for number in (self.value, self.limit))
        return f"{self.at} {self.change} {self.alarm} {self.isa or '-'} {numbers}"

    @classmethod
    def read(cls, text: str) -> Line:
        at, change, alarm, isa, value, limit = text.split(" ")
        numbers = (None if number == "-" else float(number) for number in (value, limit))
        return cls(at, change, alarm, "" if isa == "-" else isa, *numbers)

    def same(self, other: Line) -> bool:
        plain = (self.at, self.key, self.isa) == (other.at, other.key, other.isa)
        return plain and _close(self.value, other.value) and _close(self.limit, other.limit)


@dataclass(frozen=True)
class Run:
    """What came of a scenario."""

    changes: Sequence[Change]
    truths: Truths
    score: Score

    def lines(self) -> list[Line]:
        return [_line(change) for change in self.changes if change.rule]

    def delay(self, rule: str) -> float:
        """s from the start of the first truth that expects the rule (else of any) to its first onset; inf: never."""
        starts = [truth.start for truth in self.truths.all if rule in truth.expect]
        begun = min(starts or [truth.start for truth in self.truths.all])
        raised = (c.now for c in self.changes if c.rule == rule and c.change == "raised" and c.now >= begun)
        first = next(raised, None)
        return math.inf if first is None else (first - begun) / SECOND

    def standing(self) -> set[str]:
        """rule/subject of the alarms that are active at the end."""
        active: dict[str, bool] = {}
        for change in self.changes:
            if change.change in ("raised", "returned"):
                active[f"{change.rule}/{change.sensor}"] = change.change == "raised"
        return {name for name, on in active.items() if on}


def bounds() -> Mapping[str, Mapping[str, Any]]:
    """By scenario."""
    return tomllib.loads((HERE / "bounds.toml").read_text("utf-8"))


def run(name: str, seed: int | None = None) -> Run:
    """The scenario, on its own seed or another."""
    scenario = read_scenario(name)
    scenario = scenario if seed is None else dataclasses.replace(scenario, seed=seed)
    site, start = site_of(scenario), instant(START)
    truths, members = known(truths_of(scenario, site, start), site)
    said = list(changes(scenario, site, start))
    return Run(said, truths, score(said, truths, members))


def amiss(ran: Run, bound: Mapping[str, Any]) -> list[str]:
    """What is not as the bounds say, a sentence each."""
    wrong = []
    for rule, within in bound["say"].items():
        if ran.delay(rule) > duration(within) / SECOND:
            wrong.append(f"{rule} said it after {ran.delay(rule):.0f} s, bound {within}")
    raised = {change.rule for change in ran.changes if change.change == "raised"}
    wrong += [f"{rule} was raised, which the story does not hold" for rule in bound.get("never", ()) if rule in raised]
    wrong += [f"{name} was cleared by a fault" for name in bound.get("holds", ()) if name not in ran.standing()]
    late = [one.truth for one in ran.score.said if one.late]
    wrong += [f"{truth.kind} at {truth.sensor} was said later than its story asks" for truth in late]
    if len(ran.score.false) > bound["false"]:
        wrong.append(f"{len(ran.score.false)} false alarms, bound {bound['false']}: {ran.score.false[:3]}")
    return wrong


def golden(name: str) -> list[Line]:
    """The stored journal of a scenario."""
    return [Line.read(text) for text in (HERE / f"{name}.journal").read_text("utf-8").splitlines()]


def differences(before: Sequence[Line], after: Sequence[Line]) -> list[str]:
    """In words: what is gone, what is new, what came at another time or with other values."""
    old, new = _numbered(before), _numbered(after)
    out = [f"gone: {line}" for key, line in old.items() if key not in new]
    out += [f"new: {line}" for key, line in new.items() if key not in old]
    for key in old.keys() & new.keys():
        if not old[key].same(new[key]):
            out.append(f"changed: {old[key]}  ->  {new[key]}")
    if not out and [line.key for line in before] != [line.key for line in after]:
        out.append("the same decisions in another order")
    return sorted(out)


def _numbered(lines: Sequence[Line]) -> dict[tuple[str, str, int], Line]:
    seen: dict[tuple[str, str], int] = {}
    found = {}
    for line in lines:
        seen[line.key] = seen.get(line.key, 0) + 1
        found[(*line.key, seen[line.key])] = line
    return found


def _line(change: Change) -> Line:
    at = change.now - instant(START)
    sign, ns = ("-", -at) if at < 0 else ("+", at)
    seconds, rest = divmod(ns, SECOND)
    clock = f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:09}"
    numbers = (None if x is None or not math.isfinite(x) else float(x) for x in (change.value, change.limit))
    return Line(clock, change.change, spelled(change.rule, change.sensor, change.occurrence), change.isa, *numbers)


def _close(a: float | None, b: float | None) -> bool:
    return a == b if a is None or b is None else math.isclose(a, b, rel_tol=CLOSE, abs_tol=CLOSE)


def _write(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        lines, path = run(name).lines(), HERE / f"{name}.journal"
        before = golden(name) if path.exists() else []
        told = differences(before, lines)
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        yield f"{name}: {len(lines)} lines" + "".join(f"\n  {one}" for one in told if before)


if __name__ == "__main__":
    for said in _write(sys.argv[1:] or list(bounds())):
        print(said, flush=True)
