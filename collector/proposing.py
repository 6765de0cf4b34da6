"""A first `[payload]` and `[sensor]` for what was heard, as TOML that a person completes.

Constraints. A guess from names and values, and said to be one. Messages whose fields have other names get a table of
their own: one table for all would read a geophone's rate as methane. Not here: listening.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collector.listening import Heard
from detectors.units import UnitError, dimension

EPOCHS = 1.5e9, 4.2e9
"""s since 1970 that are taken for a time: 2017 to 2103; in ms, us and ns alike."""
SAMPLES = 8
"""Numbers in a row that are taken for a waveform."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What messages of one kind have in common: the form of their payload, and its fields by our names."""

    form: str
    fields: tuple[tuple[str, str], ...]
    depth: int


def proposal(heard: Sequence[Heard]) -> str:
    """`[payload]` and `[sensor]` tables for what was heard, as TOML to be completed."""
    sensors, shapes = ["[sensor]"], dict[Shape, list[list[str]]]()
    for one in heard:
        found = _read(one.sample)
        if found is None:
            sensors.append(f"# {one.topic}: no number found in {one.sample[:60]!r}")
            continue
        levels = one.topic.split("/")
        sensors.append(_sensor(one, levels, found))
        if found.fields:
            shape = Shape(found.form, tuple(found.fields.items()), len(levels) - 1)
            shapes.setdefault(shape, []).append(levels)
    tables = [line for k, shape in enumerate(shapes, 1) for line in _payload(k, shape, shapes[shape], len(shapes))]
    return "\n".join([*tables, *sensors])


def _payload(number: int, shape: Shape, topics: Sequence[Sequence[str]], kinds: int) -> list[str]:
    """A table; where there are several kinds, its topic keeps the words by which they differ."""
    levels = [column[0] if kinds > 1 and len(set(column)) == 1 else "+" for column in zip(*topics, strict=True)][:-1]
    name = "heard" if number == 1 else f"heard-{number}"
    fields = ", ".join(f"{ours} = {json.dumps(theirs)}" for ours, theirs in shape.fields)
    topic = json.dumps("/".join([*levels, "{sensor}"]))
    return [f"[payload.{name}]", f"topic = {topic}", f"{shape.form} = {{ {fields} }}", ""]


@dataclass(frozen=True, slots=True)
class Guess:
    """What one message seems to hold; `fields` is empty for a bare number."""

    form: str
    fields: dict[str, str]
    unit: str = "?"
    rate: float | None = None


def _sensor(one: Heard, levels: Sequence[str], found: Guess) -> str:
    area, name = ("?", *levels)[-2:]
    about = f'area = {json.dumps(area or "?")}, quantity = "?", unit = "{found.unit}"'
    about += f", rate = {found.rate:g}" if found.rate else ""
    about += f', every = "{max(1, round(one.every))}s"' if one.every else ""
    return f"{_key(name)} = {{ {about} }}   # {one.topic}"


def _read(sample: str) -> Guess | None:
    """None where there is no number in it."""
    try:
        value = json.loads(sample)
    except ValueError:
        return _cut_wave(sample)
    if _is_number(value):
        return Guess("json", {})
    return _of_table(value) if isinstance(value, dict) else None


def _of_table(table: dict[str, Any]) -> Guess | None:
    times = [name for name, given in table.items() if _is_time(given)]
    units = [name for name, given in table.items() if isinstance(given, str) and _is_unit(given)]
    numbers = [name for name, given in table.items() if _is_number(given) and given < 1e9 and name not in times]
    waves = [name for name, given in table.items() if _is_wave(given)]
    beside = {"unit": units[-1]} if units else {}
    unit = table[units[-1]] if units else "?"
    if waves:
        rates = [name for name in numbers if name.lower() in ("rate", "fs", "sps", "sampling_rate", "frequency", "hz")]
        fields = {"samples": waves[0], **({"rate": rates[0]} if rates else {}), **beside}
        return Guess("wave", fields | ({"start": times[0]} if times else {}), unit, table[rates[0]] if rates else None)
    if not numbers:
        return None
    return Guess("json", {"value": numbers[0], **beside, **({"time": times[-1]} if times else {})}, unit)


def _cut_wave(sample: str) -> Guess | None:
    """A long message is heard only by its beginning: up to where its list of samples was cut."""
    head, bracket, rest = sample.rpartition("[")
    if not bracket or "]" in rest:
        return None
    try:
        return _of_table(json.loads(f"{head}[{rest.rpartition(',')[0]}]}}"))
    except (ValueError, AttributeError):
        return None


def _is_wave(given: Any) -> bool:
    return isinstance(given, list) and len(given) >= SAMPLES and all(map(_is_number, given))


def _is_number(given: Any) -> bool:
    return isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given)


def _is_time(given: Any) -> bool:
    """True of ISO 8601 with date and clock, and of s, ms, us, ns since 1970."""
    if isinstance(given, str):
        try:
            return "T" in given and bool(datetime.fromisoformat(given))
        except ValueError:
            return False
    return _is_number(given) and any(EPOCHS[0] <= given / 1000**k < EPOCHS[1] for k in range(4))


def _is_unit(text: str) -> bool:
    try:
        dimension(text)
    except UnitError:
        return False
    return True


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else json.dumps(name)
