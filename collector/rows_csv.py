"""Readings as CSV lines: `time,sensor,value[,quality]`, time ISO 8601 with zone or integer ns.

Constraints. A row arrives at max(`now`, its time), and no row before the one above it. An empty value is a reading
without one; quality is our own flags as a number. A line that cannot be read is a dead letter and holds no other up.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from collector.device_time import BadTime, read_time
from collector.known import Known
from collector.rows import Dead, Rows
from detectors.reading import Floats, Times

_COMMA, _NEWLINE = ord(","), ord("\n")
_WHOLE = re.compile("-?[0-9]{1,40}")


def decode_csv(data: bytes, sensors: Mapping[str, Known], rows: Rows) -> None:
    """Add every line's reading to `rows`. A header line is passed over."""
    data = data.replace(b"\r\n", b"\n").strip(b"\n")
    if data.startswith(b"time,"):
        data = data.partition(b"\n")[2]
    if not data:
        return
    width = _width(data)
    if width in (3, 4):
        try:
            _add(rows, *_columns(data, width, sensors))
            return
        except (ValueError, KeyError, OverflowError):
            pass
    _line_by_line(data, sensors, rows)


def _width(data: bytes) -> int:
    """Fields a line, or 0 where lines differ."""
    raw = np.frombuffer(data, np.uint8)
    marks = raw[(raw == _COMMA) | (raw == _NEWLINE)]
    ends = np.flatnonzero(marks == _NEWLINE)
    width = int(ends[0]) + 1 if len(ends) else len(marks) + 1
    regular = len(marks) + 1 == width * (len(ends) + 1) and bool(
        (ends == width * np.arange(1, len(ends) + 1) - 1).all()
    )
    return width if regular else 0


def _columns(
    data: bytes, width: int, sensors: Mapping[str, Known]
) -> tuple[NDArray[np.int64], Times, Floats, NDArray[np.uint8]]:
    parts = data.decode("utf-8").replace("\n", ",").split(",")
    index = {name: known.index for name, known in sensors.items()}
    sensor = np.array([index[name] for name in parts[1::width]], np.int64)
    value = np.array([float(text) if text else math.nan for text in parts[2::width]], np.float64)
    count = len(sensor)
    quality = [int(text) for text in parts[3::width]] if width == 4 else [0] * count
    if any(not 0 <= flags <= 255 for flags in quality):
        raise ValueError("quality beyond its flags")
    return sensor, _times(parts[0::width]), value, np.array(quality, np.uint8)


def _times(texts: list[str]) -> Times:
    if texts[0].lstrip("-").isdigit():
        return np.array([int(text) for text in texts], np.int64)
    return np.array([read_time(text) for text in texts], np.int64)


def _add(
    rows: Rows, sensor: NDArray[np.int64], time: Times, value: Floats, quality: NDArray[np.uint8], after: int = 0
) -> int:
    arrived = np.maximum.accumulate(np.maximum(time, max(rows.now, after)))
    rows.add_block(sensor, time, arrived, value, quality)
    return int(arrived[-1])


def _line_by_line(data: bytes, sensors: Mapping[str, Known], rows: Rows) -> None:
    last = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line:
            continue
        try:
            sensor, time, value, quality = _line(line, sensors)
        except Dead as dead:
            rows.bury(dead, f"line {number}: ")
            continue
        last = _add(rows, np.array([sensor]), np.array([time]), np.array([value]), np.array([quality], np.uint8), last)


def _line(line: bytes, sensors: Mapping[str, Known]) -> tuple[int, int, float, int]:
    try:
        fields = line.decode("utf-8").split(",")
    except UnicodeDecodeError as error:
        raise Dead("not_utf8", f"byte {error.start} is not UTF-8") from error
    if len(fields) not in (3, 4):
        raise Dead("unparsable", f"{len(fields)} fields, time,sensor,value[,quality] are needed")
    when, name, number = fields[:3]
    if name not in sensors:
        raise Dead("unknown_sensor", f"sensor {name[:60]!r} is not in the site file", name[:200])
    try:
        time = int(when) if _WHOLE.fullmatch(when) else read_time(when)
    except BadTime as error:
        raise Dead("bad_time", str(error), name) from error
    if abs(time) >= 2**63:
        raise Dead("bad_time", f"time {when[:40]} is beyond 64 bits of ns", name)
    try:
        value = float(number) if number else math.nan
        quality = int(fields[3]) if len(fields) == 4 and fields[3] else 0
    except ValueError as error:
        raise Dead("wrong_type", str(error), name) from error
    if not 0 <= quality <= 255:
        raise Dead("wrong_type", f"quality {quality} is beyond its flags 0 to 255", name)
    return sensors[name].index, time, value, quality
