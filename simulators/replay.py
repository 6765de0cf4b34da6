"""Readings from CSV: header `time,sensor,value[,quality]`; time as ISO 8601 with a zone or as integer ns UTC.

Constraints. Memory does not grow with the file. A mistake names its line. Rows come in the order of the file; whether
that order makes sense is judged elsewhere. Waveforms are not CSV.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HEADER = ["time", "sensor", "value"]
NO_NUMBER = {"", "nan", "null"}
LONGEST = 19
"""Digits of the largest int64."""


class BadCsv(ValueError):
    """A CSV of readings that cannot be read: line, what was found, what is allowed."""

    def __init__(self, line: int, found: str, allowed: str) -> None:
        super().__init__(f"line {line}: found {found}; allowed: {allowed}")
        self.line, self.found, self.allowed = line, found, allowed


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A piece of the file as columns. `sensor` indexes `names`, which only ever grows at its end."""

    names: Sequence[str]
    sensor: NDArray[np.intp]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    line: int
    """Of the first row."""

    def __len__(self) -> int:
        return len(self.sensor)


def read_csv(path: Path, rows: int = 20_000) -> Iterator[Rows]:
    """Yield the file's rows in pieces of at most `rows`. Raises BadCsv, and OSError if the file cannot be opened."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        yield from read_lines(lines, rows)


def read_lines(lines: Iterable[str], rows: int = 20_000) -> Iterator[Rows]:
    """As `read_csv`, from lines of text."""
    reader = csv.reader(lines)
    width = _width(reader)
    names: dict[str, int] = {}
    while piece := _piece(reader, rows):
        yield _columns(piece, width, names)


def _width(reader: Iterator[list[str]]) -> int:
    try:
        header = [name.strip() for name in next(reader, [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadCsv(1, str(error), "UTF-8 text") from error
    if header not in (HEADER, [*HEADER, "quality"]):
        raise BadCsv(1, f"the header {','.join(header)!r}", "time,sensor,value[,quality]")
    return len(header)


def _piece(reader: Iterator[list[str]], rows: int) -> list[tuple[int, list[str]]]:
    piece: list[tuple[int, list[str]]] = []
    try:
        for row in islice(reader, rows):
            piece.append((reader.line_num, row))  # type: ignore[attr-defined]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadCsv(reader.line_num + 1, str(error), "UTF-8 text, one reading a line") from error  # type: ignore[attr-defined]
    return piece


def _columns(piece: list[tuple[int, list[str]]], width: int, names: dict[str, int]) -> Rows:
    rows = [row for _, row in piece if row]
    lines = [line for line, row in piece if row]
    for line, row in zip(lines, rows, strict=True):
        if len(row) != width or not row[1]:
            allowed = f"{width} fields: {','.join([*HEADER, 'quality'][:width])}, the sensor not empty"
            raise BadCsv(line, repr(",".join(row)), allowed)
    sensor = np.array([names.setdefault(row[1], len(names)) for row in rows], np.intp)
    time = _times([row[0] for row in rows], lines)
    value = _values([row[2] for row in rows], lines)
    quality = _qualities([row[3] for row in rows], lines) if width == 4 else np.zeros(len(rows), np.uint8)
    return Rows(list(names), sensor, time, value, quality, lines[0] if lines else 0)


def _times(texts: list[str], lines: list[int]) -> NDArray[np.int64]:
    try:
        return np.array([int(text) if _is_integer(text) else _iso(text) for text in texts], np.int64)
    except (ValueError, OverflowError):
        pass
    for text, line in zip(texts, lines, strict=True):
        try:
            np.int64(int(text) if _is_integer(text) else _iso(text))
        except (ValueError, OverflowError) as error:
            allowed = "2026-11-24T08:00:00.5+08:00 (a zone is needed), or integer ns UTC"
            raise BadCsv(line, f"the time {text!r}", allowed) from error
    raise AssertionError("a piece that fails has a row that fails")


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and len(text) <= LONGEST + 1


def _iso(text: str) -> int:
    """ns UTC; datetime would drop what is below a microsecond, numpy keeps it."""
    if text.endswith("Z"):
        body, offset = text[:-1], 0
    else:
        body, zone = text[:-6], text[-6:]
        if len(zone) != 6 or zone[0] not in "+-" or zone[3] != ":" or not (zone[1:3] + zone[4:]).isdecimal():
            raise ValueError("no zone")
        offset = (int(zone[1:3]) * 60 + int(zone[4:])) * (-1 if zone[0] == "-" else 1)
    if len(body) < 16 or body[4] != "-" or body[10] not in "T " or not 1678 <= int(body[:4]) <= 2261:
        raise ValueError("not ISO 8601")
    return int(np.datetime64(body, "ns").astype(np.int64)) - offset * 60_000_000_000


def _values(texts: list[str], lines: list[int]) -> NDArray[np.float64]:
    try:
        return np.array([np.nan if text.lower() in NO_NUMBER else float(text) for text in texts], np.float64)
    except ValueError:
        pass
    for text, line in zip(texts, lines, strict=True):
        try:
            float(text if text.lower() not in NO_NUMBER else "nan")
        except ValueError as error:
            raise BadCsv(line, f"the value {text!r}", "a number, or nothing for 'no number'") from error
    raise AssertionError("a piece that fails has a row that fails")


def _qualities(texts: list[str], lines: list[int]) -> NDArray[np.uint8]:
    for text, line in zip(texts, lines, strict=True):
        if text and not (text.isdecimal() and int(text) <= 255):
            raise BadCsv(line, f"the quality {text!r}", "0 to 255, the sum of its flags; 0 or nothing is good")
    return np.array([int(text or 0) for text in texts], np.uint8)
