"""The verb about the catalogue: every detector with its meaning, one in full, and the limit sets with their clauses.

Constraints. Everything is read from the code and its data files, and fits the width of the terminal.
"""

from __future__ import annotations

import dataclasses
import shutil
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from collector.verb import NO, OK, Arguments, Parser, Verb, add_json, say, say_json, warn
from detectors.about import REQUIRED, About, Parameter, about, finds

WIDEST = 110
"""Columns beyond which lines of prose are hard to read."""
MARKS = '[V]: the text of the source was seen. [R]: from recall; a live site writes confirmed = "name, 2026-01-31".'


def detectors(arguments: Arguments) -> int:
    """Print the catalogue, one detector, or the limits of a set."""
    if arguments.limits is not None:
        return _limits(arguments.limits, arguments.json)
    from detectors.detector import catalogue
    from detectors.document import nearest

    known = catalogue()
    if arguments.kind is None:
        found = {kind: first_sentence(finds(cls)) for kind, cls in known.items()}
        say_json(found) if arguments.json else say(_beside(list(found.items())))
        return OK
    if arguments.kind not in known:
        near = nearest(arguments.kind, known)
        hint = f"; the nearest is {near}" if near else ""
        warn(f"no detector {arguments.kind!r}{hint}. `davylamp detectors` lists all {len(known)}")
        return NO
    one = about(known[arguments.kind])
    cost = costs().get(one.kind)
    if arguments.json:
        say_json({**dataclasses.asdict(one), "cost": cost})
    else:
        say("\n\n".join(_shown(one, cost)))
    return OK


def first_sentence(text: str) -> str:
    """Up to the first full stop that another sentence follows."""
    return text.partition(". ")[0].removesuffix(".") + "."


def costs() -> Mapping[str, Any]:
    """What each detector costs, as measured: kind to ns, of, bytes; and the machine under `machine`."""
    file = resources.files("detectors") / "cost.toml"
    return tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}


def _shown(one: About, cost: Mapping[str, Any] | None) -> Iterator[str]:
    yield _wrapped(f"{one.kind}: {one.finds}")
    yield from (_wrapped(part) for part in one.verdicts.split("\n\n"))
    yield _wrapped(f"Cannot find: {one.cannot_find}")
    if one.constraints:
        yield _wrapped(f"Constraints: {one.constraints}")
    yield "Parameters\n" + _beside([(p.name, parameter_words(p)) for p in one.parameters])
    if one.columns:
        yield "Derived readings\n" + _beside(list(one.columns.items()))
    yield _wrapped(f"Source: {one.source}")
    yield "Sample\n" + textwrap.indent(one.sample, "  ")
    yield _wrapped(f"Cost: {cost_words(cost)}" + (f" ({costs()['machine']})" if cost else ""))


def parameter_words(parameter: Parameter) -> str:
    """How it is given, what holds where it is not, and what it is."""
    default = REQUIRED if parameter.default == REQUIRED else f"default {parameter.default}"
    if parameter.default == "not set":
        default = "may be left out"
    return ". ".join([f"{parameter.given}; {default}", *([parameter.meaning] if parameter.meaning else [])])


def cost_words(cost: Mapping[str, Any] | None) -> str:
    """One detector's cost in words."""
    if cost is None:
        return "not measured"
    return f"{cost['ns']:,} ns a {cost['of']}, {cost['bytes']:,} bytes a subject"


def _limits(name: str, as_json: bool) -> int:
    from collector.config import limit_set, limit_sets
    from detectors.document import nearest

    known = limit_sets()
    if name != "all" and name not in known:
        near = nearest(name, known)
        warn(f"no limit set {name!r}{f'; the nearest is {near}' if near else ''}. There are {', '.join(known)}")
        return NO
    sets = {one: limit_set(one) for one in (known if name == "all" else [name])}
    if as_json:
        say_json(sets)
        return OK
    for one, data in sets.items():
        say(_wrapped(f'Limit set {one}: `limits = "{one}"` in [site], `use = "methane.T1"` in a rule.'))
        for use, entries in ladders(data):
            say("\n" + "\n".join(_ladder(use, entries)))
        say("")
    say(_wrapped(MARKS))
    return OK


def ladders(limits: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """(what `use` says, its rungs) of a limit set."""
    for quantity, places in limits.items():
        for place, entries in places.items() if isinstance(places, Mapping) else ():
            yield f"{quantity}.{place}", entries


def trip_words(entry: Mapping[str, Any]) -> str:
    """Where a rung trips and ends: `>= 1.5 %vol, ends < 1`."""
    trips, ends = ("<=", ">") if entry.get("side") == "below" else (">=", "<")
    words = f"{trips} {entry['trip']:g} {entry['unit']}"
    words += f", ends {ends} {entry['reset']:g}" if "reset" in entry else ""
    words += f", {entry['kind']}" if "kind" in entry else ""
    words += f" over {entry['window']}" if "window" in entry else ""
    return words + (f", after {entry['delay']}" if "delay" in entry else "")


def mark_words(entry: Mapping[str, Any]) -> str:
    """`[V]`, or `[V, reset R]` where trip and reset differ."""
    reset = f", reset {entry['reset_mark']}" if "reset_mark" in entry else ""
    return f"[{entry['mark']}{reset}]"


def _ladder(use: str, entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield _wrapped(f"{use}: {entries[0]['place']}")
    for entry in entries:
        words = f"{trip_words(entry)}; {entry['priority']}. {entry['action']}. {entry['clause']} {mark_words(entry)}"
        yield _beside([(entry["rung"], words)], least=12)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _width(), break_long_words=False, break_on_hyphens=False)


def _beside(rows: Sequence[tuple[str, str]], least: int = 0) -> str:
    """Names to the left, what is said of them to the right, wrapped under itself."""
    left = max([least, *(len(name) for name, _ in rows)]) + 4
    lines = (
        textwrap.fill(
            text, _width(), initial_indent=f"  {name}".ljust(left), subsequent_indent=" " * left,
            break_long_words=False, break_on_hyphens=False,
        )
        for name, text in rows
    )  # fmt: skip
    return "\n".join(lines)


def _width() -> int:
    return min(WIDEST, shutil.get_terminal_size((80, 24)).columns)


def _arguments(parser: Parser) -> None:
    parser.add_argument("kind", nargs="?", metavar="KIND", help="one detector in full")
    parser.add_argument(
        "--limits", nargs="?", const="all", metavar="SET", help="the limits of cn, us or eu (without a SET: of all)"
    )
    add_json(parser)


VERBS = (
    Verb("detectors", "detectors and limit sets", "davylamp detectors signal.limit", _arguments, detectors),
)
