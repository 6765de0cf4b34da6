"""Numbers, ages and times as people read them.

Constraints. A figure keeps its width while it changes little, so that nothing jumps. Times are shown in the site's zone
with its offset; records stay ns UTC. Not here: sentences (words.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

Lang: TypeAlias = Literal["en", "zh"]
SECOND = 1_000_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86400 * SECOND
NOTHING = "–"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPANS = {"en": (" s", " min", " h", " d"), "zh": (" 秒", " 分钟", " 小时", " 天")}


def number(value: float | None) -> str:
    """A fixed number, as short as it can be: `1`, `0.5`, `12,500`."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if abs(value) >= 1e4:
        return f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.3g}"
    return f"{value:.4g}"


def behind(unit: str) -> str:
    """The unit as it stands behind a number; nothing for a pure one."""
    return "" if unit in ("", "1") else f" {unit}"


def reading(value: float | None, states: Sequence[str] = ()) -> str:
    """A number that changes, with a steady count of decimals; a state's name if the sensor has states."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if states:
        whole = value == int(value) and 0 <= value < len(states)
        return states[int(value)] if whole else number(value)
    size = abs(value)
    if size == 0 or 5e-4 <= size < 1e9:
        decimals = 0 if size >= 1e4 else 1 if size >= 100 else 2 if size >= 1 else 3
        return f"{value:,.{decimals}f}"
    return f"{value:.2g}"


def in_words(value: float | None, states: Sequence[str]) -> float | str | None:
    """The state's name where the sensor has states, else the number as it is."""
    return reading(value, states) if states and value is not None else value


def measured(value: float | None, unit: str, states: Sequence[str] = ()) -> str:
    """A fixed number with its unit, or the state's name; nothing for none: `1.12 %vol`, `stopped`."""
    if value is None:
        return ""
    return reading(value, states) if states else number(value) + behind(unit)


def age(span: int, lang: Lang) -> str:
    """A length of time: `90 s`, `3 min`, `2 h 05 min`, `3 d`. Less than nothing is nothing."""
    s, m, h, d = _SPANS[lang]
    span = max(span, 0)
    if span < 2 * MINUTE:
        return f"{span // SECOND}{s}"
    if span < HOUR:
        return f"{span // MINUTE}{m}"
    if span < 2 * DAY:
        hours, minutes = span // HOUR, span % HOUR // MINUTE
        return f"{hours}{h}" if not minutes else f"{hours}{h} {minutes:02d}{m}"
    return f"{span // DAY}{d}"


class Local:
    """The site's clock."""

    def __init__(self, timezone: str) -> None:
        self.zone = ZoneInfo(timezone)

    def at(self, time: int) -> datetime:
        """The local date and time of ns UTC, to the second."""
        return (_EPOCH + timedelta(seconds=time // SECOND)).astimezone(self.zone)

    def clock(self, time: int) -> str:
        """`10:31:07 +08:00`."""
        return f"{self.at(time):%H:%M:%S} {self.offset(time)}"

    def offset(self, time: int) -> str:
        """`+08:00`."""
        text = self.at(time).strftime("%z")
        return f"{text[:3]}:{text[3:5]}"

    def moment(self, time: int, now: int) -> str:
        """`10:31:07` on the day of `now`, else `11-24 10:31`; the offset stands beside the page's clock."""
        there = self.at(time)
        return f"{there:%H:%M:%S}" if there.date() == self.at(now).date() else f"{there:%m-%d %H:%M}"
