"""One number of one rule, by its name: `RULE.limit`, `RULE.on_delay`, `RULE.RUNG.trip` of a rule that uses a clause.

Constraints. It changes a copy of a site's document, for a trial; nothing adopts it. A bare number takes the unit that
stands there. A `reset` that the rule gives goes along with its `limit`, at the same distance, or it could be beyond it.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from collector.verb import WrongUse
from detectors.detector import catalogue
from detectors.document import nearest
from detectors.limit_set import CHANGES
from detectors.site import Site, SiteMistakes, read_site

DELAYS = ("on_delay", "off_delay")
TRIPS = tuple(key for key in CHANGES if key != "priority")
_NUMBER = re.compile(r"\s*([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*(.*)")
_NAMED = re.compile(r"@([^/\s]+)|[^/\s]+/([^/\s]+)\.[^./\s]+$")


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """A place in a site's document that holds one number."""

    rule: str
    rung: str
    key: str

    def __str__(self) -> str:
        return ".".join(part for part in (self.rule, self.rung, self.key) if part)

    @property
    def name(self) -> str:
        """The rule as the journal names it."""
        return f"{self.rule}.{self.rung}" if self.rung else self.rule

    def place(self, document: Mapping[str, Any]) -> tuple[str, ...]:
        """Where it stands in the document."""
        table = document["rule"].get(self.rule, {})
        if "use" in table:
            return ("rule", self.rule, "change", self.rung, self.key)
        return ("rule", self.rule, *(() if self.key in DELAYS else ("detector",)), self.key)

    def value(self, document: Mapping[str, Any]) -> Any:
        """What the document says, or the clause that it uses; None where it is left to a default."""
        found: Any = document
        for name in self.place(document):
            found = found.get(name) if isinstance(found, Mapping) else None
        return self._by_clause(document) if found is None and self.rung else found

    def _by_clause(self, document: Mapping[str, Any]) -> Any:
        kind, _, place = str(document["rule"][self.rule].get("use", "")).partition(".")
        rungs = document.get("limit_set", {}).get(kind, {}).get(place, ())
        clause: Mapping[str, Any] = next((one for one in rungs if one["rung"] == self.rung), {})
        found = clause.get(self.key)
        return found if found is None or self.key == "delay" else f"{found!r} {clause['unit']}"

    def put(self, document: Mapping[str, Any], value: Any) -> dict[str, Any]:
        """A copy of the document with another value. Raises WrongUse where that is no site any more."""
        changed: dict[str, Any] = copy.deepcopy(dict(document))
        path = self.place(document)
        _set(changed, path, value)
        if "use" in changed["rule"][self.rule]:
            changed["rule"][self.rule].setdefault("deviation", "a trial, not in force")
        elif self.key == "limit":
            _move_along(changed, path, self.value(document), value)
        try:
            read_site(changed)
        except SiteMistakes as mistakes:
            raise WrongUse(f"{self} = {value}: {'; '.join(str(one) for one in mistakes.mistakes)}") from None
        return changed


def _set(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        document = document.setdefault(name, {})
    document[path[-1]] = value


def _move_along(document: dict[str, Any], path: tuple[str, ...], before: Any, after: Any) -> None:
    reset = (*path[:-1], "reset")
    table = document
    for name in reset[:-1]:
        table = table[name]
    old, new, own = parted(before), parted(after), parted(table.get("reset"))
    if old and new and own and old[1] == new[1] == own[1]:
        table["reset"] = joined(round(own[0] + new[0] - old[0], 12), own[1])


def parted(value: Any) -> tuple[float, str] | None:
    """(number, unit) of a number or a text like "1.0 %vol"; None where it is neither."""
    if isinstance(value, bool) or value is None:
        return None
    found = _NUMBER.fullmatch(value if isinstance(value, str) else repr(value))
    return None if found is None else (float(found[1]), found[2])


def joined(number: float, unit: str) -> Any:
    """A number as the document has it: whole where it is whole and has no unit."""
    if unit:
        return f"{number:.12g} {unit}"
    return int(number) if number == int(number) else number


def find_parameter(document: Mapping[str, Any], site: Site, spelled: str) -> Parameter:
    """The parameter that was meant. Raises WrongUse with what is allowed and the nearest name."""
    rule, _, rest = spelled.partition(".")
    tables = {**{one.name: {} for one in site.rules if one.name == "silent"}, **document.get("rule", {})}
    _known("rule", rule, tables)
    if "use" in tables[rule]:
        rungs = [one.name.partition(".")[2] for one in site.rules if one.name.partition(".")[0] == rule]
        rung, _, key = rest.partition(".")
        _known(f"rung of {rule}", rung, rungs)
        _known(f"parameter of {rule}.{rung}", key, TRIPS)
        return Parameter(rule, rung, key)
    kind = next(one.detector.kind for one in site.rules if one.name == rule)
    fields = [field.name for field in dataclasses.fields(catalogue()[kind]) if field.init]
    _known(f"parameter of {rule} ({kind})", rest, [*fields, *DELAYS])
    return Parameter(rule, "", rest)


def find_limit(document: Mapping[str, Any], site: Site, spelled: str) -> Parameter:
    """As `find_parameter`; a rule alone means its limit, RULE.RUNG the trip of that rung."""
    rule, dot, rest = spelled.partition(".")
    uses = "use" in document.get("rule", {}).get(rule, {})
    if uses and dot and "." not in rest:
        return find_parameter(document, site, f"{spelled}.trip")
    return find_parameter(document, site, spelled if dot or uses else f"{spelled}.limit")


def _known(what: str, name: str, allowed: Iterable[str]) -> None:
    names = list(allowed)
    if name not in names:
        close = nearest(name, names)
        hint = f", nearest {close!r}" if close else ""
        raise WrongUse(f"found {what} {name!r}, allowed: {', '.join(names)}{hint}")


def values_of(texts: str, standing: Any) -> list[Any]:
    """The values "0.8,1.0,1.2", each with the unit of what stands there where it has none. Raises WrongUse."""
    unit = (parted(standing) or (0.0, ""))[1]
    out = []
    for text in texts.split(","):
        found = parted(text.strip())
        if found is None:
            raise WrongUse(f"found the value {text.strip()!r}, allowed: numbers with or without unit, between commas")
        out.append(joined(found[0], found[1] or unit))
    return out


def alone(document: Mapping[str, Any], rule: str) -> dict[str, Any]:
    """The document with one rule, those it looks at, and `silent`: what others say does not change what it says."""
    rules = document.get("rule", {})
    kept, waiting = {"silent"} & rules.keys(), [rule]
    while waiting:
        name = waiting.pop()
        if name in kept or name not in rules:
            continue
        kept.add(name)
        named = {found for text in _texts(rules[name]) for found in _rules_in(text)}
        waiting += [other for other in rules if any(fnmatchcase(other, one.partition(".")[0]) for one in named)]
    return {**document, "rule": {name: table for name, table in rules.items() if name in kept}}


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _rules_in(text: str) -> list[str]:
    return [found[1] or found[2] for found in _NAMED.finditer(text)]
