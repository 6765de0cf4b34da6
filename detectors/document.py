"""Reading a document (nested tables of plain values) so that every mistake is found in one pass.

Constraints. Nothing here raises on bad content: a mistake is noted and a harmless value of the right type stands in, so
reading goes on. Whoever began the reading raises at the end. Not a schema language, and it knows no files or lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

from detectors.units import UnitError, convert, dimension, duration, duration_ns, quantity, unit_names

Path: TypeAlias = tuple[str | int, ...]
MISSING = "nothing"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake of meaning: where, what was found, what is allowed, and the nearest allowed name if there is one."""

    path: Path
    found: str
    allowed: str
    nearest: str | None = None

    def __str__(self) -> str:
        hint = f", nearest {self.nearest!r}" if self.nearest else ""
        return f"{'.'.join(str(part) for part in self.path)}: found {self.found}, allowed: {self.allowed}{hint}"


class SiteMistakes(ValueError):
    """A site document has mistakes; `mistakes` holds all of them."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The allowed name most like a wrong one."""
    close = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return close[0] if close else None


def of_family(name: str, names: Iterable[str]) -> list[str]:
    """The names that share with a wrong one what stands before the dot; all where none does."""
    every = list(names)
    return [one for one in every if one.partition(".")[0] == name.partition(".")[0]] or every


def shown(value: Any) -> str:
    """A found value as a reader of TOML would write it, cut short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value).replace("'", '"') if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def listed(names: Iterable[str], most: int = 12) -> str:
    """Allowed names in one line."""
    every = list(names)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")


class Table:
    """One table of a document with its place; each getter notes a mistake and gives the default instead."""

    def __init__(self, data: Any, path: Path, mistakes: list[Mistake], keys: Iterable[str] | None = None) -> None:
        self.path = path
        self.mistakes = mistakes
        self.data: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
        if not isinstance(data, Mapping):
            self.wrong((), shown(data), "a table")
        if keys is not None:
            self.only(keys)

    def __contains__(self, key: str) -> bool:
        return key in self.data

    def only(self, keys: Iterable[str]) -> None:
        """Note every key that is not one of `keys`."""
        allowed = list(keys)
        for key in self.data:
            if key not in allowed:
                self.wrong((key,), f"unknown key {key!r}", listed(allowed, 30), nearest(key, allowed))

    def wrong(self, below: Path, found: str, allowed: str, near: str | None = None) -> None:
        """Note a mistake at a place below this table."""
        self.mistakes.append(Mistake((*self.path, *below), found, allowed, near))

    def missing(self, key: str, allowed: str) -> None:
        """Note that a required key is not there."""
        self.wrong((key,), MISSING, allowed)

    def table(self, key: str, keys: Iterable[str] | None = None) -> Table:
        """The table under a key; an empty one if it is not there."""
        return Table(self.data.get(key, {}), (*self.path, key), self.mistakes, keys)

    def tables(self, key: str, keys: Iterable[str] | None = None) -> dict[str, Table]:
        """The named tables under a key."""
        outer = self.table(key)
        return {str(name): Table(data, (*outer.path, name), self.mistakes, keys) for name, data in outer.data.items()}

    def text(self, key: str, default: str | None = None, allowed: str = "a text") -> str:
        """A text; required where no default is given."""
        value = self.data.get(key)
        if value is None:
            if default is None:
                self.missing(key, allowed)
            return default or ""
        if not isinstance(value, str) or not value.strip():
            self.wrong((key,), shown(value), allowed)
            return default or ""
        return value

    def choice(self, key: str, choices: Iterable[str], default: str | None = None) -> str:
        """One of some texts."""
        options = list(choices)
        value = self.text(key, default, listed(options))
        if value and value not in options:
            self.wrong((key,), shown(value), listed(options), nearest(value, options))
            return default or options[0]
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """true or false."""
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            self.wrong((key,), shown(value), "true or false")
            return default
        return value

    def whole(self, key: str, default: int, low: int = 0, high: int | None = None) -> int:
        """A whole number within bounds."""
        value = self.data.get(key, default)
        allowed = f"a whole number from {low}" + (f" to {high}" if high is not None else "")
        if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
            self.wrong((key,), shown(value), allowed)
            return default
        return value

    def number(self, key: str, allowed: str, *, positive: bool = False) -> float:
        """A finite number; NaN if it is not there."""
        value = self.data.get(key)
        if value is None:
            return math.nan
        if not is_number(value) or (positive and value <= 0):
            self.wrong((key,), shown(value), allowed)
            return math.nan
        return float(value)

    def duration(self, key: str) -> int | None:
        """ns of a duration like "5s"; None if it is not there."""
        value = self.data.get(key)
        if value is None:
            return None
        try:
            return duration_ns(value if isinstance(value, str) else "")
        except UnitError:
            self.wrong((key,), shown(value), 'a duration: "500ms", "5s", "2min", "24h", "7d"')
            return None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; one text alone is a list of one."""
        value = self.data.get(key, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list | tuple) or not all(isinstance(v, str) and v for v in values):
            self.wrong((key,), shown(value), "a list of texts")
            return ()
        return tuple(values)


def is_number(value: Any) -> bool:
    """A finite int or float; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def as_unit(value: Any, unit: str, **gas: float) -> float:
    """A text like "10 mm/d" in `unit`. Bare numbers only where that is "1". Raises UnitError with what is allowed."""
    if is_number(value) and unit == "1":
        return float(value)
    if not isinstance(value, str):
        raise UnitError(f'a number with its unit, like "10 {unit}"')
    number, given = quantity(value)
    return convert(number, given, unit, **gas)


def as_seconds(value: Any) -> Any:
    """Seconds where the value is a text that reads as a duration; anything else unchanged."""
    try:
        return duration(value) if isinstance(value, str) else value
    except UnitError:
        return value


def known_unit(table: Table, key: str, default: str | None = None) -> str:
    """A unit that exists."""
    unit = table.text(key, default, 'a unit: "%vol", "ppm", "mg/m3", "mm", "mm/d", "1"')
    try:
        dimension(unit or "1")
    except UnitError:
        table.wrong((key,), f"unknown unit {unit!r}", listed(unit_names(), 60), nearest(unit, unit_names()))
        return default or "1"
    return unit or default or "1"
