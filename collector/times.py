"""Times and durations as people write and read them. Inside, every time is ns UTC; here is where that ends."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

SECOND = 1_000_000_000
UNITS = {"ms": 1_000_000, "s": SECOND, "min": 60 * SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": 86400 * SECOND}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)")


class NoTime(ValueError):
    """What was written is no time or duration; the message says what is."""


def duration(text: str) -> int:
    """ns of "90s", "30min", "8h", "2d". Raises `NoTime`."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise NoTime(f"{text!r} is no duration: write 90s, 30min, 8h or 2d")
    return round(float(found[1]) * UNITS[found[2]])


def ending(text: str, now: int) -> int:
    """ns UTC of an end: a duration from `now`, or ISO 8601 with its zone. Raises `NoTime`."""
    try:
        return now + duration(text)
    except NoTime:
        return instant(text)


def instant(text: str) -> int:
    """ns UTC of ISO 8601 with its zone, or of whole ns. Raises `NoTime`."""
    if text.isdigit():
        return int(text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise NoTime(f"{text!r} is no time: write 2026-05-01T08:00+08:00, or a duration like 30min") from error
    if when.tzinfo is None:
        raise NoTime(f"{text!r} has no zone: write it as {text}+08:00 or {text}Z")
    return round((when - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6) * 1000


def shown(time: int | None, zone: tzinfo = UTC) -> str:
    """Local time with its offset, to the second; nothing for no time."""
    if not time:
        return ""
    when = datetime.fromtimestamp(time // SECOND, zone)
    return when.strftime("%Y-%m-%d %H:%M:%S") + when.strftime("%z")[:3]


def rfc3339(time: int) -> str:
    """ns UTC as programs write it, to the ms."""
    return datetime.fromtimestamp(time / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def age(span: int | None) -> str:
    """How long, in the largest unit that fits: 42 s, 5 min, 3 h, 2 d."""
    if span is None:
        return ""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if abs(span) >= 2 * size * SECOND:
            return f"{span / (size * SECOND):.0f} {unit}"
    return f"{span / SECOND:.0f} s"
