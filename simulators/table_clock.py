"""Times as tables of others write them, read into ns UTC: local ones, day numbers of Excel, seconds since 1970.

Constraints. A local time that the clocks skip is refused; one that they show twice is, unless it is said which. Finer
than microseconds is kept of whole numbers only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

EPOCHS: Mapping[str, int] = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
EXCEL = datetime.fromisoformat("1899-12-30")
"""Day 0 of a workbook with the 1900 date system."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _ns(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def _bounded(time: int) -> int:
    if not -(2**63) < time < 2**63:
        raise ValueError("it is beyond 64 bits of ns")
    return time


@dataclass(slots=True)
class Clock:
    """Turns the table's times into ns UTC. Remembers whether they carried zones, and the last one."""

    format: str = "iso"
    zone: tzinfo | None = None
    ambiguous: str = "refuse"
    _last: int = -(2**63)
    _zoned: bool | None = None

    def read(self, text: str, decimal: str = ".") -> int:
        """ns UTC of one cell. Raises ValueError that says what is wrong."""
        text = text.strip()
        if self.format in EPOCHS:
            return _bounded(self._number(text, decimal, EPOCHS[self.format]))
        if self.format == "excel":
            days = float(text.replace(",", ".") if decimal == "," else text)
            if not 1 <= days < 2_958_466:
                raise ValueError(f"{text} is no day number of Excel (1 to 2958465)")
            return self.local(EXCEL + timedelta(microseconds=round(days * 86_400_000) * 1000))
        return self.local(self._moment(text))

    def local(self, moment: datetime) -> int:
        """ns UTC of a moment, with its own zone or the mapping's."""
        zoned = moment.tzinfo is not None
        if self._zoned is not None and self._zoned != zoned:
            raise ValueError("times with and without a zone are mixed")
        self._zoned = zoned
        if not zoned:
            moment = self._place(moment)
        self._last = _bounded(_ns(moment))
        return self._last

    def _moment(self, text: str) -> datetime:
        if self.format != "iso":
            return datetime.strptime(text, self.format)  # noqa: DTZ007 - `local` gives it the mapping's zone
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            if re.fullmatch(r"\d{5}([.,]\d+)?", text):
                raise ValueError('a day number of Excel? then say format = "excel"') from None
            raise ValueError('not ISO 8601; say `format`, like "%d.%m.%Y %H:%M"') from None

    def _number(self, text: str, decimal: str, scale: int) -> int:
        if text.removeprefix("-").isdecimal():
            return int(text) * scale
        number = float(text.replace(",", ".") if decimal == "," else text)
        if not math.isfinite(number):
            raise ValueError("not a time")
        return round(number * 1e6) * (scale // 10**6) if scale >= 10**6 else round(number * scale)

    def _place(self, moment: datetime) -> datetime:
        """A local time in the mapping's zone."""
        if self.zone is None:
            raise ValueError("it has no zone, and the mapping says none")
        first, second = (moment.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() == second.utcoffset():
            return first
        if first.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) != moment:
            raise ValueError(f"the clocks of {self.zone} skip it")
        if self.ambiguous == "refuse":
            say = 'say ambiguous = "first", "second" or "ascending"'
            raise ValueError(f"the clocks of {self.zone} show it twice; {say}")
        late = self.ambiguous == "second" or (self.ambiguous == "ascending" and _ns(first) <= self._last)
        return second if late else first
