"""What a detector says about itself, from its docstrings and fields: what page and command show.

Constraints. Nothing is said here that the class does not say; a module docstring begins with what it finds and ends
with "Cannot find:", a class's prose ends with "Source:" and is followed by its sample, indented.
Cannot say: what a detector costs (cost.toml, measured) or how late it is (docs/quality.md).
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

CANNOT, SOURCE = "Cannot find:", "Source:"
REQUIRED = "must be given"
SECONDS = re.compile(r"s([.; ]|$)")
"""Begin of the text of a field that is a time."""
GIVEN: Mapping[str, str] = {
    "PerSubject": "number", "float": "number", "int": "whole number", "str": "text", "tuple": "list",
    "bool": "true or false",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as a reader of the site file needs it."""

    name: str
    given: str
    """How it is written: a unit, the words allowed, a duration."""
    default: str
    meaning: str
    """Empty where its name says all."""


@dataclass(frozen=True, slots=True)
class About:
    """One detector in words."""

    kind: str
    finds: str
    constraints: str
    cannot_find: str
    verdicts: str
    """When it is ACTIVE, CLEAR and unknown, and what its columns are."""
    source: str
    sample: str
    parameters: tuple[Parameter, ...]
    columns: Mapping[str, str]
    """Derived readings and their units."""


def about(cls: type[Any]) -> About:
    """A detector class in words. It is read from the sources: a hundredth of a second each."""
    _, _, rest = (inspect.getdoc(inspect.getmodule(cls)) or "").partition("\n\n")
    constraints, _, cannot = rest.partition(CANNOT)
    prose, sample = _prose_and_sample(inspect.getdoc(cls) or "")
    verdicts, _, source = prose.partition(SOURCE)
    return About(
        kind=cls.kind,
        finds=finds(cls),
        constraints=_flowing(constraints.strip().removeprefix("Constraints.")),
        cannot_find=_flowing(cannot),
        verdicts=_paragraphs(verdicts),
        source=_flowing(source),
        sample=sample,
        parameters=_parameters(cls),
        columns={name: _unit(unit) for name, unit in getattr(cls, "columns", {}).items()},
    )


def finds(cls: type[Any]) -> str:
    """What a detector class finds: how its module begins."""
    return _flowing((inspect.getdoc(inspect.getmodule(cls)) or "").partition("\n\n")[0])


def _flowing(text: str) -> str:
    return " ".join(text.split())


def _paragraphs(text: str) -> str:
    return "\n\n".join(_flowing(part) for part in text.strip().split("\n\n"))


def _prose_and_sample(text: str) -> tuple[str, str]:
    lines = text.splitlines()
    start = next((k for k, line in enumerate(lines) if line.startswith("    [")), len(lines))
    stop = next((k for k in range(start, len(lines)) if lines[k] and not lines[k].startswith("    ")), len(lines))
    return "\n".join(lines[:start] + lines[stop:]), textwrap.dedent("\n".join(lines[start:stop])).strip()


def _parameters(cls: type[Any]) -> tuple[Parameter, ...]:
    meanings = _meanings(cls)
    return tuple(_parameter(field, cls.limit_parameters, meanings) for field in dataclasses.fields(cls) if field.init)


def _parameter(field: dataclasses.Field[Any], units: Mapping[str, str], meanings: Mapping[str, str]) -> Parameter:
    written, meaning = str(field.type), meanings.get(field.name, "")
    timed = SECONDS.match(meaning)
    if timed:
        meaning = meaning[timed.end() :].strip()
        meaning = meaning if timed[1] in ".;" else f"time {meaning}"
    if field.name in units:
        given = _unit(units[field.name])
    elif written.startswith("Literal"):
        given = ", ".join(f'"{word}"' for word in ast.literal_eval(written.removeprefix("Literal")) if word)
    else:
        given = "duration" if timed else GIVEN.get(written.partition("[")[0], written)
    meaning = "" if meaning == f"{given}." else meaning.replace("NaN:", "not set:")
    return Parameter(field.name, given, _default(field, bool(timed)), meaning)


def _meanings(cls: type[Any]) -> dict[str, str]:
    """The text that follows a field."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    return {
        field.target.id: text.value.value
        for field, text in pairwise(tree.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }  # fmt: skip


def _default(field: dataclasses.Field[Any], timed: bool) -> str:
    if field.default is dataclasses.MISSING:
        return REQUIRED
    if field.default != field.default or field.default in ("", ()):
        return "not set"
    if timed:
        return _duration(field.default)
    return ", ".join(map(str, field.default)) if isinstance(field.default, tuple) else f"{field.default}"


def _duration(seconds: Any) -> str:
    """As a site file would write it."""
    if isinstance(seconds, tuple):
        return ", ".join(map(_duration, seconds))
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def _unit(unit: str) -> str:
    return unit.replace("{unit}", "the sensor's unit")
