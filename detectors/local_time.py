"""Local wall time without a data base of zones: a fixed offset from UTC, and the summer-time rules of EU and USA.

Constraints. The rules are those in force (EU since 1996, USA since 2007), in northern summers only; times are ns.
Cannot tell: other countries' rules, a law that changes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np

HOUR = 3_600_000_000_000
DAY = 24 * HOUR
Summer: TypeAlias = Literal["none", "eu", "us"]


def checked(utc_offset: float, summer_time: str) -> None:
    """Raises ValueError with what to give for an offset that no place has, or rules that are not known here."""
    if not (-12 <= utc_offset <= 14 and utc_offset * 4 == round(utc_offset * 4)):
        raise ValueError(f"utc_offset is {utc_offset}; give plain hours, -12 to 14, like 8 or 5.5")
    if summer_time not in ("none", "eu", "us"):
        raise ValueError(f"summer_time is {summer_time!r}; give 'none', 'eu' or 'us'")


def local_time(time: int, offset: int, summer: Summer) -> int:
    """Local wall time of a time UTC, as ns since 1970-01-01 00:00 local; `offset` is that of winter.

    Source: Directive 2000/84/EC (last Sundays of March and October, 01:00 UTC); 15 USC 260a (second Sunday of March,
    first of November, 02:00 local).
    """
    standard = time + offset
    if summer == "none":
        return standard
    begin, end = _summer(int(np.datetime64(standard, "ns").astype("M8[Y]").astype(np.int64)) + 1970, offset, summer)
    return standard + (HOUR if begin <= time < end else 0)


@lru_cache(maxsize=64)
def _summer(year: int, offset: int, summer: Summer) -> tuple[int, int]:
    """Begin and end of summer time, UTC."""
    if summer == "eu":
        return _last_sunday(f"{year}-03-31") * DAY + HOUR, _last_sunday(f"{year}-10-31") * DAY + HOUR
    second, first = _last_sunday(f"{year}-03-14"), _last_sunday(f"{year}-11-07")
    return second * DAY + 2 * HOUR - offset, first * DAY + HOUR - offset


def _last_sunday(date: str) -> int:
    """Day since 1970 of the Sunday on or before a date; 1970-01-01 was a Thursday."""
    day = int(np.datetime64(date, "D").astype(np.int64))
    return day - (day + 4) % 7


def date_of(local: int) -> str:
    """The date of a local wall time, "2026-10-01"."""
    return str(np.datetime64(local // DAY, "D"))
