"""Readings from CSV: header `time,sensor,value[,quality]`; time as ISO 8601 with a zone or as integer ns UTC.

Constraints. Memory does not grow with the file. A mistake names its line. Rows come in the order of the file; whether
that order makes sense is judged elsewhere. Waveforms are not CSV.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import chain, islice, repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.reading import Wave

HEADER = ["time", "sensor", "value"]
NO_NUMBER = {"", "nan", "null"}
EXCEL = range(20_000, 80_000)
"""Whole numbers that are days of Excel (1954 to 2119), and no ns that anybody recorded."""
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
    waves: Sequence[Wave] = ()
    """Blocks of samples; their `sensor` indexes `names` too."""

    def __len__(self) -> int:
        return len(self.sensor)


def read_csv(path: Path, rows: int = 20_000, told: Callable[[float | None], None] | None = None) -> Iterator[Rows]:
    """Yield the file's rows in pieces of at most `rows`. Raises BadCsv, and OSError if the file cannot be opened.

    `told` hears before each piece what share of the file is read with it; None where it has no size (a pipe).
    """
    with path.open("rb") as file, TextIOWrapper(file, encoding="utf-8-sig", newline="") as lines:
        size = path.stat().st_size
        for piece in read_lines(lines, rows):
            if told is not None:
                told(file.tell() / size if size else None)
            yield piece


def read_lines(lines: Iterable[str], rows: int = 20_000) -> Iterator[Rows]:
    """As `read_csv`, from lines of text."""
    source = iter(lines)
    number, width = _header(source)
    names: dict[str, int] = {}
    while piece := _take(source, rows, number):
        columns = _plain(piece, width)
        if columns is not None:
            at: Sequence[int] = range(number + 1, number + 1 + len(piece))
            number += len(piece)
        else:
            number, at, columns = _quoted(chain(piece, source), rows, number, width)
        if not names and columns[0] and _is_integer(columns[0][0]) and int(columns[0][0]) in EXCEL:
            found = f"the time {columns[0][0]!r}, a day number of Excel"
            raise BadCsv(at[0], found, 'it by --columns with format = "excel"')
        yield _rows(columns, at, names)


def _header(lines: Iterator[str]) -> tuple[int, int]:
    """(lines that the header takes, its fields)."""
    reader = csv.reader(lines)
    try:
        header = [name.strip() for name in next(reader, [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadCsv(1, str(error), "UTF-8 text") from error
    if header not in (HEADER, [*HEADER, "quality"]):
        raise BadCsv(1, f"the header {','.join(header)!r}", "time,sensor,value[,quality]; any other by --columns")
    return reader.line_num, len(header)


def _take(lines: Iterator[str], rows: int, number: int) -> list[str]:
    piece: list[str] = []
    try:
        piece.extend(islice(lines, rows))
    except UnicodeDecodeError as error:
        raise BadCsv(number + len(piece) + 1, str(error), "UTF-8 text, one reading a line") from error
    return piece


def _plain(piece: list[str], width: int) -> list[list[str]] | None:
    """The columns, five times as fast as by csv.reader; None where there are quotes, empty lines or other mistakes."""
    text = "".join(piece).replace("\r\n", "\n")
    text += "" if text.endswith("\n") else "\n"
    if '"' in text or "\r" in text or text.count("\n") != len(piece):
        return None
    if set(map(str.count, piece, repeat(","))) != {width - 1}:
        return None
    fields = text[:-1].replace("\n", ",").split(",")
    columns = [fields[k::width] for k in range(width)]
    return columns if all(columns[1]) else None


def _quoted(lines: Iterator[str], rows: int, before: int, width: int) -> tuple[int, list[int], list[list[str]]]:
    """(lines read so far, the line of each row, the columns): whatever CSV allows, empty lines left out."""
    reader = csv.reader(lines)
    at: list[int] = []
    columns: list[list[str]] = [[] for _ in range(width)]
    try:
        for row in islice(reader, rows):
            if not row:
                continue
            at.append(before + reader.line_num)
            if len(row) != width or not row[1]:
                allowed = f"{width} fields: {','.join([*HEADER, 'quality'][:width])}, the sensor not empty"
                allowed += "; a decimal comma by --columns" if len(row) > width else ""
                raise BadCsv(at[-1], repr(",".join(row)), allowed)
            for column, field in zip(columns, row, strict=True):
                column.append(field)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadCsv(before + reader.line_num + 1, str(error), "UTF-8 text, one reading a line") from error
    return before + reader.line_num, at, columns


def _rows(columns: list[list[str]], lines: Sequence[int], names: dict[str, int]) -> Rows:
    for name in dict.fromkeys(columns[1]):
        names.setdefault(name, len(names))
    sensor = np.array([*map(names.__getitem__, columns[1])], np.intp)
    time = _times(columns[0], lines)
    value = _values(columns[2], lines)
    quality = _qualities(columns[3], lines) if len(columns) == 4 else np.zeros(len(sensor), np.uint8)
    return Rows(list(names), sensor, time, value, quality, lines[0] if lines else 0)


def _times(texts: list[str], lines: Sequence[int]) -> NDArray[np.int64]:
    """Each text once: many sensors have the same times."""
    times: dict[str, int] = dict.fromkeys(texts, 0)
    try:
        for text in times:
            times[text] = _time(text)
    except (ValueError, OverflowError) as error:
        allowed = "2026-11-24T08:00:00.5+08:00 (a zone is needed), or integer ns UTC; other times by --columns"
        raise BadCsv(lines[texts.index(text)], f"the time {text!r}", allowed) from error
    return np.array([*map(times.__getitem__, texts)], np.int64)


def _time(text: str) -> int:
    time = int(text) if _is_integer(text) else _iso(text)
    if not -(2**63) <= time < 2**63:
        raise OverflowError(text)
    return time


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


def _values(texts: list[str], lines: Sequence[int]) -> NDArray[np.float64]:
    try:
        return np.array([*map(float, texts)], np.float64)
    except ValueError:
        pass
    values = np.empty(len(texts))
    for k, (text, line) in enumerate(zip(texts, lines, strict=True)):
        try:
            values[k] = np.nan if text.lower() in NO_NUMBER else float(text)
        except ValueError as error:
            allowed = "a number, or nothing for 'no number'; a decimal comma by --columns"
            raise BadCsv(line, f"the value {text!r}", allowed) from error
    return values


def _qualities(texts: list[str], lines: Sequence[int]) -> NDArray[np.uint8]:
    for text in dict.fromkeys(texts):
        if text and not (text.isdecimal() and int(text) <= 255):
            line = lines[texts.index(text)]
            raise BadCsv(line, f"the quality {text!r}", "0 to 255, the sum of its flags; 0 or nothing is good")
    return np.array([int(text or 0) for text in texts], np.uint8)
