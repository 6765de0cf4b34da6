"""Times as devices write them, read into ns UTC.

Constraints. A number is seconds, milliseconds, microseconds or nanoseconds since 1970 by its size alone: below 1e11 it
is seconds (to the year 5138), below 1e14 ms, below 1e17 us, else ns. A text is ISO 8601 and has a zone, or the payload
declares one. Whether a time can be right is not asked here: the gate compares it with the arrival.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

FARTHEST = 2**63 - 1
LONGEST = 100
"""Characters of a time in words."""
_SCALES = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (FARTHEST + 1, 1))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_FRACTION = re.compile(r"\.(\d+)")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


class BadTime(ValueError):
    """A device's time that cannot be read; the text says why."""


def read_zone(name: str | None) -> tzinfo | None:
    """A zone by name ("Asia/Shanghai") or offset ("+08:00"). Raises ValueError for another text."""
    if name is None:
        return None
    if offset := _OFFSET.fullmatch(name):
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"zone {name!r} is not known: give a name like Asia/Shanghai, or +08:00") from error


def read_time(value: Any, zone: tzinfo | None = None) -> int:
    """ns UTC of one device time: int, float or text. Raises BadTime."""
    if type(value) is int:
        return _scaled(value)
    if type(value) is float:
        if not math.isfinite(value):
            raise BadTime(f"time {value} is not a time")
        whole = _scaled(int(value))
        for below, scale in _SCALES:
            if abs(value) < below:
                return whole + round((value - int(value)) * min(scale, 10**6)) * max(1, scale // 10**6)
    if isinstance(value, str):
        return _from_text(value, zone)
    raise BadTime(f"time {str(value)[:40]!r} is neither number nor text")


def read_times(values: list[Any], zone: tzinfo | None = None) -> NDArray[np.int64]:
    """ns UTC of a column of device times. Raises BadTime if one of them cannot be read."""
    if set(map(type, values)) <= {int}:
        try:
            column: NDArray[np.int64] = np.array(values, np.int64)
        except OverflowError as error:
            raise BadTime("a time is beyond 64 bits of ns") from error
        size = np.abs(column.astype(np.float64))
        if not len(column) or (size.min() >= 1e17 and size.max() < FARTHEST):
            return column
        scale = np.select([size < below for below, _ in _SCALES[:3]], [scale for _, scale in _SCALES[:3]], 1)
        if (size * scale >= FARTHEST).any():
            raise BadTime(f"time {column[np.argmax(size * scale)]} is beyond 64 bits of ns")
        scaled: NDArray[np.int64] = column * scale
        return scaled
    return np.array([read_time(value, zone) for value in values], np.int64)


def _scaled(value: int) -> int:
    size = abs(value)
    for below, scale in _SCALES:
        if size < below and size * scale <= FARTHEST:
            return value * scale
        if size < below:
            break
    raise BadTime(f"time {value} is beyond 64 bits of ns")


def _from_text(text: str, zone: tzinfo | None) -> int:
    if len(text) > LONGEST:
        raise BadTime(f"time {text[:40]!r} has {len(text)} characters, at most {LONGEST} are read")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadTime(f"time {text[:40]!r} is not ISO 8601") from error
    if moment.tzinfo is None:
        if zone is None:
            raise BadTime(f"time {text[:40]!r} has no zone: declare `zone` in the payload, or send one")
        moment = moment.replace(tzinfo=zone)
    fraction = _FRACTION.search(text)
    finer = int(fraction[1][6:9].ljust(3, "0")) if fraction and len(fraction[1]) > 6 else 0
    try:
        ns = (moment - _EPOCH) // _TICK * 1000 + finer
    except OverflowError as error:
        raise BadTime(f"time {text[:40]!r} cannot be given in UTC") from error
    if abs(ns) > FARTHEST:
        raise BadTime(f"time {text[:40]!r} is beyond 64 bits of ns")
    return ns
