"""In which order rules run: what a rule looks at runs before it, and a circle is a mistake.

Constraints. Names only; nothing is built here. The order is the file's wherever dependencies allow, so it never changes
by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

from detectors.document import Table


class Waiting(Protocol):
    """What is put in order."""

    table: Table
    needs: set[str]
    broken: bool


def selectors(table: Table) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(place below the rule, part, selector) of everything a rule wants to look at."""
    detector = table.data.get("detector")
    given: dict[tuple[str, ...], Any] = {("sensors",): table.data.get("sensors")}
    if isinstance(detector, Mapping):
        given[("detector", "of")] = detector.get("of")
    for place, value in given.items():
        if isinstance(value, Mapping):
            yield from ((place, str(part), text) for part, text in value.items() if isinstance(text, str))
        elif isinstance(value, str):
            yield place, "", value
        elif isinstance(value, list | tuple):
            yield from ((place, "", text) for text in value if isinstance(text, str))


def rule_in(selector: str) -> str:
    """The rule (or a glob of rules) that an input or `suppress_when` names; empty for a raw sensor."""
    if selector.startswith("@"):
        return selector[1:].partition("/")[0]
    return selector.rpartition("/")[2].rpartition(".")[0] if "/" in selector else ""


def depends_on(name: str, table: Table, rules: Mapping[str, Any]) -> set[str]:
    """Names of the rules that must run before this one. A glob never means the rule itself."""
    wanted = {rule_in(text) for _, _, text in selectors(table)}
    suppress = table.data.get("suppress_when")
    if isinstance(suppress, str):
        wanted.add(rule_in(suppress))
    plain = {rule for rule in wanted if rule in rules}
    globs = [rule for rule in wanted if any(letter in rule for letter in "*?[")]
    return plain | {rule for glob in globs for rule in rules if rule != name and fnmatchcase(rule, glob)}


def in_order(rules: Mapping[str, Waiting]) -> list[str]:
    """Rule names, each after those it needs. Rules in a circle are marked broken, and each circle is noted once."""
    place = {name: number for number, name in enumerate(rules)}
    names = list(rules)
    missing = {name: set(rule.needs) for name, rule in rules.items()}
    needed_by: dict[str, list[str]] = {name: [] for name in rules}
    for name, needs in missing.items():
        for need in needs:
            needed_by[need].append(name)
    ready = [place[name] for name, needs in missing.items() if not needs]
    heapify(ready)
    out: list[str] = []
    done: set[str] = set()
    while len(out) < len(names):
        if not ready:
            circle = _circle(names, missing, done)
            _note(circle, rules)
            for need in circle:
                missing[need] -= set(circle)
                if not missing[need]:
                    heappush(ready, place[need])
            continue
        name = names[heappop(ready)]
        out.append(name)
        done.add(name)
        for waiting in needed_by[name]:
            if name in missing[waiting]:
                missing[waiting].discard(name)
                if not missing[waiting]:
                    heappush(ready, place[waiting])
    return out


def _circle(names: list[str], missing: Mapping[str, set[str]], done: set[str]) -> list[str]:
    way = [next(name for name in names if name not in done)]
    while (following := min(missing[way[-1]], key=names.index)) not in way:
        way.append(following)
    circle = way[way.index(following) :]
    first = circle.index(min(circle, key=names.index))
    return circle[first:] + circle[:first]


def _note(circle: list[str], rules: Mapping[str, Waiting]) -> None:
    words = " -> ".join([*circle, circle[0]])
    rules[circle[0]].table.wrong((), f"a circle of rules: {words}", "rules whose inputs do not wait for them")
    for name in circle:
        rules[name].broken = True
