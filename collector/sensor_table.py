"""Sensors from a CSV file, as the same tables that [sensor] in a site file holds.

Constraints. One row a sensor, first line the names of columns. Lists are written `0 4` or `stopped running`. What the
cells mean is judged later, with the rest of the site.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detectors.document import listed, nearest
from detectors.sensor import SENSOR_KEYS

NUMBERS = ("quantum", "noise", "rate", "molar_mass", "lel", "temperature")
LISTS = ("span", "position", "states")


@dataclass(slots=True)
class SensorTable:
    """Rows as tables by sensor id, each one's line, and mistakes as (line, found, allowed, nearest)."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    mistakes: list[tuple[int, str, str, str | None]] = field(default_factory=list)


def read_sensor_table(path: Path) -> SensorTable:
    """The sensors in a CSV file; what cannot be read is among its mistakes."""
    table = SensorTable()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            _rows(csv.reader(file, strict=True), table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        table.mistakes.append((1, f"a file that cannot be read ({error})", "a CSV file in UTF-8", None))
    return table


def _rows(reader: Any, table: SensorTable) -> None:
    allowed = ["id", *SENSOR_KEYS]
    header = [name.strip() for name in next(reader, [])]
    for name in header:
        if name not in allowed:
            table.mistakes.append((1, f"unknown column {name!r}", listed(allowed, 30), nearest(name, allowed)))
    if "id" not in header:
        table.mistakes.append((1, "no column id", "a column id with each sensor's name", None))
        return
    for cells in reader:
        line = reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            table.mistakes.append((line, f"{len(cells)} cells", f"{len(header)}, as the header has", None))
            continue
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
        name = row.pop("id", "")
        if not name or name in table.rows:
            table.mistakes.append((line, f"a second sensor {name!r}" if name else "no id", "an id of its own", None))
            continue
        table.rows[name] = {key: _cell(key, cell) for key, cell in row.items() if key in SENSOR_KEYS}
        table.lines[name] = line


def _cell(key: str, cell: str) -> Any:
    if key in LISTS:
        parts = cell.strip("[]").replace(",", " ").replace(";", " ").split()
        return [part.strip("\"'") if key == "states" else _number(part) for part in parts]
    return _number(cell) if key in NUMBERS else cell


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
