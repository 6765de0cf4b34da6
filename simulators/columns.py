"""Tables of others' columns as readings: long (a row a reading) or wide (a column a sensor), by a mapping in TOML.

Constraints. Memory does not grow with the file. A mistake names line and column and stops the reading: nothing is
guessed. Names that are no sensor are passed on under their own name, so whoever reads can count them. Values come in
the sensor's unit.
"""

from __future__ import annotations

import csv
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from io import TextIOWrapper
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from detectors.document import Mistake, SiteMistakes, Table, nearest, shown
from detectors.sensor import Sensor
from detectors.units import UnitError, convert
from simulators.replay import BadCsv, Rows
from simulators.table_clock import Clock

NO_NUMBER = ("", "nan", "null")
KEYS: Mapping[str, str] = {
    "form": '"long" (where not given) or "wide".',
    "time": "name of the column, or of two (date, time of day), joined by a space; `time` where not given.",
    "format": '"iso" (where not given), "excel" (day numbers), "s", "ms", "us", "ns", or like "%d.%m.%Y %H:%M".',
    "zone": "zone of times that carry none.",
    "ambiguous": '"refuse" (where not given), "first", "second" or "ascending": an hour that the clocks show twice.',
    "sensor": "long: name of the column; `sensor` where not given.",
    "value": "long: name of the column; `value` where not given.",
    "unit": "long: name of the column with the unit.",
    "delimiter": 'one character, "," where not given; a tab is "\\t".',
    "decimal": '"." (where not given) or ",".',
    "header": "number of the header's line, 1 where not given.",
    "encoding": '"utf-8" where not given; "gbk", "cp1252".',
    "missing": 'list of texts that stand for no number, like "---"; nothing, nan and null always do.',
    "sensors": 'table: their name or column = "our-id", or { sensor = "our-id", unit = "%LEL" }.',
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a name in the table is here: a sensor, and value * factor + offset in its unit."""

    sensor: str
    states: Mapping[str, float] = field(default_factory=dict)
    factor: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Columns:
    """A mapping, read and checked."""

    wide: bool = False
    time: tuple[str, ...] = ("time",)
    clock: Clock = field(default_factory=Clock)
    sensor: str = "sensor"
    value: str = "value"
    unit: str = ""
    delimiter: str = ","
    decimal: str = "."
    header: int = 1
    encoding: str = "utf-8"
    missing: frozenset[str] = frozenset(NO_NUMBER)
    targets: Mapping[str, Target] = field(default_factory=dict)
    sensors: Mapping[str, Sensor] = field(default_factory=dict)

    def target(self, name: str, unit: str = "") -> Target | None:
        """What a name is, in a unit of its row's. Raises UnitError."""
        target = self.targets.get(name)
        if target is None or not unit:
            return target
        return _target(self.sensors[target.sensor], unit)


def read_columns(text: str, sensors: Mapping[str, Sensor]) -> Columns:
    """A mapping from TOML. Raises SiteMistakes, TOMLDecodeError."""
    mistakes: list[Mistake] = []
    table = Table(tomllib.loads(text), (), mistakes, KEYS)
    wide = table.choice("form", ("long", "wide"), "long") == "wide"
    zone = _zone(table)
    delimiter = "\t" if table.data.get("delimiter") == "\t" else table.text("delimiter", ",")
    decimal = table.choice("decimal", (".", ","), ".")
    if len(delimiter) != 1 or delimiter == decimal:
        table.wrong(("delimiter",), shown(delimiter), "one character, another than `decimal`")
    columns = Columns(
        wide=wide,
        time=table.texts("time") or ("time",),
        clock=Clock(
            table.text("format", "iso"), zone,
            table.choice("ambiguous", ("refuse", "first", "second", "ascending"), "refuse"),
        ),
        sensor=table.text("sensor", "sensor"),
        value=table.text("value", "value"),
        unit=table.text("unit", ""),
        delimiter=delimiter[:1] or ",",
        decimal=decimal,
        header=table.whole("header", 1, 1),
        encoding=table.text("encoding", "utf-8"),
        missing=frozenset((*NO_NUMBER, *table.texts("missing"))),
        targets={**{name: _target(sensor) for name, sensor in sensors.items()}, **_targets(table, sensors)},
        sensors=sensors,
    )  # fmt: skip
    if mistakes:
        raise SiteMistakes(mistakes)
    return columns


def _zone(table: Table) -> tzinfo | None:
    name = table.text("zone", "")
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        table.wrong(("zone",), shown(name), "a zone of the IANA data base, like Asia/Shanghai")
        return None


def _targets(table: Table, sensors: Mapping[str, Sensor]) -> dict[str, Target]:
    out: dict[str, Target] = {}
    inner = table.table("sensors")
    for theirs, given in inner.data.items():
        one = inner.table(theirs, ("sensor", "unit")) if isinstance(given, Mapping) else None
        ours = inner.text(theirs) if one is None else one.text("sensor")
        unit = "" if one is None else one.text("unit", "")
        if ours not in sensors:
            found = f"sensor {ours!r}, which the site does not have"
            inner.wrong((theirs,), found, "a sensor's id", nearest(ours, sensors))
            continue
        try:
            out[theirs] = _target(sensors[ours], unit)
        except UnitError as error:
            inner.wrong((theirs, "unit"), f"{unit}: {error}", f"a unit that becomes {sensors[ours].unit}")
    return out


def _target(sensor: Sensor, unit: str = "") -> Target:
    states = {name: float(code) for code, name in enumerate(sensor.states)}
    if not unit or unit == sensor.unit:
        return Target(sensor.id, states)
    zero, one = (convert(value, unit, sensor.unit, **sensor.gas) for value in (0.0, 1.0))
    return Target(sensor.id, states, one - zero, zero)


def read_table(
    path: Path, columns: Columns, rows: int = 20_000, told: Callable[[float | None], None] | None = None
) -> Iterator[Rows]:
    """The file's readings in pieces of about `rows`. Raises BadCsv with line and column, OSError."""
    try:
        with path.open("rb") as file, TextIOWrapper(file, encoding=_codec(columns), newline="") as lines:
            size = path.stat().st_size
            for piece in _Reader(columns, lines).pieces(rows):
                if told is not None:
                    told(file.tell() / size if size else None)
                yield piece
    except LookupError as error:
        raise BadCsv(1, f"encoding {columns.encoding!r}", "one that Python knows: utf-8, gbk, cp1252") from error


def read_lines_of(lines: Iterator[str], columns: Columns, rows: int = 20_000) -> Iterator[Rows]:
    """As `read_table`, from lines of text."""
    return _Reader(columns, lines).pieces(rows)


def _codec(columns: Columns) -> str:
    return "utf-8-sig" if columns.encoding.lower() in ("utf-8", "utf8") else columns.encoding


class _Reader:
    """One pass over a table."""

    def __init__(self, columns: Columns, lines: Iterator[str] | TextIOWrapper) -> None:
        self.columns = columns
        self.clock = Clock(columns.clock.format, columns.clock.zone, columns.clock.ambiguous)
        self.reader = csv.reader(lines, delimiter=columns.delimiter)
        self.names: dict[str, int] = {}
        self.before = 0
        for _ in range(columns.header - 1):
            next(iter(lines), "")
            self.before += 1
        try:
            self.head = [name.strip() for name in next(self.reader, [])]
        except (UnicodeDecodeError, csv.Error) as error:
            raise BadCsv(columns.header, str(error), f"text in {columns.encoding}") from error
        twice = sorted({name for name in self.head if name and self.head.count(name) > 1})
        if twice:
            raise BadCsv(self.line, f"two columns {twice[0]!r}", "names of their own in the header")
        self.time = [self._at(name) for name in columns.time]

    @property
    def line(self) -> int:
        return self.before + self.reader.line_num

    def _at(self, name: str) -> int:
        if name not in self.head:
            near = nearest(name, self.head)
            raise BadCsv(
                self.line, f"no column {name!r}" + (f", nearest {near!r}" if near else ""),
                "the header has " + ", ".join(map(repr, self.head[:12])),
            )  # fmt: skip
        return self.head.index(name)

    def pieces(self, rows: int) -> Iterator[Rows]:
        cells = self._wide() if self.columns.wide else self._long()
        sensor: list[int] = []
        time: list[int] = []
        value: list[float] = []
        first = self.line + 1
        for name, at, number in cells:
            sensor.append(self.names.setdefault(name, len(self.names)))
            time.append(at)
            value.append(number)
            if len(sensor) >= rows:
                yield self._piece(sensor, time, value, first)
                sensor, time, value, first = [], [], [], self.line + 1
        if sensor:
            yield self._piece(sensor, time, value, first)

    def _piece(self, sensor: list[int], time: list[int], value: list[float], first: int) -> Rows:
        columns = (np.array(sensor, np.intp), np.array(time, np.int64), np.array(value), np.zeros(len(time), np.uint8))
        return Rows(list(self.names), *columns, first)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """(ns, cells) of each row that has any."""
        texts, at = "", 0
        try:
            for cells in self.reader:
                if not any(cells):
                    continue
                if len(cells) != len(self.head):
                    text = f"{len(cells)} fields, of which the last is {cells[-1]!r}"
                    hint = "; a decimal comma? say delimiter and decimal" if len(cells) > len(self.head) else ""
                    raise BadCsv(self.line, text, f"{len(self.head)}, as in the header{hint}")
                again = " ".join(cells[k] for k in self.time)
                if again != texts:
                    texts, at = again, self._time(again)
                yield at, cells
        except (UnicodeDecodeError, csv.Error) as error:
            raise BadCsv(self.line + 1, str(error), f"text in {self.columns.encoding}") from error

    def _time(self, text: str) -> int:
        try:
            return self.clock.read(text, self.columns.decimal)
        except (ValueError, OverflowError) as error:
            found = f"column {' '.join(self.columns.time)!r}: the time {text!r}: {error}"
            raise BadCsv(self.line, found, f"format {self.clock.format!r}") from error

    def _long(self) -> Iterator[tuple[str, int, float]]:
        columns = self.columns
        sensor, value = self._at(columns.sensor), self._at(columns.value)
        unit = self._at(columns.unit) if columns.unit else None
        known: dict[tuple[str, str], Target | None] = {}
        for at, cells in self._rows():
            key = (cells[sensor].strip(), "" if unit is None else cells[unit].strip())
            if key not in known:
                try:
                    known[key] = columns.target(*key)
                except UnitError as error:
                    found = f"column {columns.unit!r}: {error}"
                    raise BadCsv(self.line, found, "a unit of the sensor's kind") from error
            target = known[key]
            yield (
                (key[0], at, math.nan) if target is None
                else (target.sensor, at, self._value(cells[value], target, columns.value))
            )  # fmt: skip

    def _wide(self) -> Iterator[tuple[str, int, float]]:
        others = [(k, name) for k, name in enumerate(self.head) if k not in self.time and name]
        targets = [(k, name, self.columns.target(name)) for k, name in others]
        for at, cells in self._rows():
            for k, name, target in targets:
                if target is not None:
                    yield target.sensor, at, self._value(cells[k], target, name)
                elif cells[k]:
                    yield name, at, math.nan

    def _value(self, text: str, target: Target, column: str) -> float:
        text = text.strip()
        if text in self.columns.missing or text.lower() in NO_NUMBER:
            return math.nan
        if text in target.states:
            return target.states[text]
        decimal = self.columns.decimal
        try:
            if "_" in text or (decimal == "," and "." in text):
                raise ValueError(text)
            number = float(text.replace(",", ".") if decimal == "," else text)
        except ValueError as error:
            hint = '; decimal = "," where it is a comma' if decimal == "." and "," in text else ""
            allowed = "one of " + ", ".join(target.states) if target.states else f"a number with {decimal!r}{hint}"
            raise BadCsv(self.line, f"column {column!r}: the value {text!r}", allowed) from error
        return number * target.factor + target.offset


__all__: Sequence[str] = ["KEYS", "Clock", "Columns", "Target", "read_columns", "read_lines_of", "read_table"]
