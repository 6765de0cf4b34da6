"""What happens to readings between a device and the collector: clocks, links, gateways, brokers. Times in s.

Each fault acts on rows (of readings or of whole blocks of samples); what it does to a row depends on that row and the
fault's own chance only, so time may be cut anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np

from simulators.event import Seconds, needs
from simulators.faults import Fault
from simulators.rows import SECOND, Rows


@dataclass(slots=True, kw_only=True)
class Silent(Fault):
    """Nothing is sent."""

    def carry(self, rows: Rows) -> Rows:
        """Rows inside the fault are lost."""
        return rows.take(~self.inside(rows.second))


@dataclass(slots=True, kw_only=True)
class Dropout(Fault):
    """A `share` of the readings is lost, in bursts of `burst` readings on average (1: each for itself)."""

    share: float
    burst: float = 1.0
    _lost: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        needs(self.end > self.start and 0 < self.share < 1, self, "end > start and share between 0 and 1")
        needs(self.burst >= 1 and self.share / (1 - self.share) <= self.burst, self, "burst >= 1, share/(1 - share)")

    def carry(self, rows: Rows) -> Rows:
        """A chain with two states (Gilbert 1960): good and lost; each row draws one number."""
        inside = self.inside(rows.second)
        chance = self.random.random(int(inside.sum()))
        begins, stays = self.share / (1 - self.share) / self.burst, 1 - 1 / self.burst
        lost = np.zeros(len(rows), np.bool_)
        for row, drawn in zip(np.flatnonzero(inside).tolist(), chance.tolist(), strict=True):
            self._lost = drawn < (stays if self._lost else begins)
            lost[row] = self._lost
        return rows.take(~lost)


@dataclass(slots=True, kw_only=True)
class Late(Fault):
    """A device without a link keeps its readings and sends them at the end, `rate` a second, with their own times."""

    rate: float = 20.0
    _kept: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        needs(self.start < self.end < inf and self.rate > 0, self, "end > start, not endless, and rate > 0 readings/s")

    def carry(self, rows: Rows) -> Rows:
        """Rows inside the fault wait."""
        inside = self.inside(rows.second)
        place = self._kept + np.cumsum(inside)
        self._kept += int(inside.sum())
        away = (self.end - rows.second + (place - 1) / self.rate) * SECOND
        return rows.with_sent(np.where(inside, rows.sent + np.round(away).astype(np.int64), rows.sent))


@dataclass(slots=True, kw_only=True)
class Gateway(Fault):
    """A gateway is gone, and with it several sensors. `keeps`: they send what they kept when it is back."""

    keeps: bool = False
    rate: float = 20.0
    _late: Late | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        needs(self.end > self.start, self, "end > start")
        if self.keeps:
            self._late = Late(start=self.start, end=self.end, rate=self.rate)

    def carry(self, rows: Rows) -> Rows:
        """Rows inside the fault are lost, or wait."""
        return self._late.carry(rows) if self._late else rows.take(~self.inside(rows.second))


@dataclass(slots=True, kw_only=True)
class Flapping(Fault):
    """A link that is up for `up` s and down for `down` s. `keeps`: what was taken while down is sent when it is up."""

    up: Seconds
    down: Seconds
    keeps: bool = False

    def __post_init__(self) -> None:
        needs(self.end > self.start and min(self.up, self.down) > 0, self, "end > start, up and down > 0 s")

    def carry(self, rows: Rows) -> Rows:
        """Rows of its down times are lost, or wait for the next up."""
        whole = self.up + self.down
        after = (rows.second - self.start) % whole
        down = self.inside(rows.second) & (after >= self.up)
        if not self.keeps:
            return rows.take(~down)
        wait = np.where(down, np.round((whole - after) * SECOND), 0).astype(np.int64)
        return rows.with_sent(rows.sent + wait)


@dataclass(slots=True, kw_only=True)
class Duplicates(Fault):
    """A `share` of the readings is sent twice, the second time `after` s later."""

    share: float
    after: Seconds = 1.0

    def __post_init__(self) -> None:
        needs(self.end > self.start and 0 < self.share <= 1, self, "end > start and share above 0, at most 1")
        needs(self.after >= 0, self, "after >= 0 s")

    def carry(self, rows: Rows) -> Rows:
        """Some rows stand twice."""
        inside = self.inside(rows.second)
        twice = inside.copy()
        twice[inside] = self.random.random(int(inside.sum())) < self.share
        return _repeated(rows, 1 + twice.astype(np.intp), self.after)


@dataclass(slots=True, kw_only=True)
class Storm(Fault):
    """A broker that redelivers: each reading comes `copies` times, `apart` s from one to the next."""

    copies: int = 5
    apart: Seconds = 0.2

    def __post_init__(self) -> None:
        needs(self.end > self.start and self.copies >= 2 and self.apart >= 0, self, "end > start, 2 copies, apart >= 0")

    def carry(self, rows: Rows) -> Rows:
        """Rows inside the fault stand `copies` times."""
        return _repeated(rows, np.where(self.inside(rows.second), self.copies, 1), self.apart)


@dataclass(slots=True, kw_only=True)
class Reordering(Fault):
    """A `share` of the readings is overtaken: put off by a time drawn up to `most` s."""

    share: float
    most: Seconds

    def __post_init__(self) -> None:
        needs(self.end > self.start and 0 < self.share <= 1, self, "end > start and share above 0, at most 1")
        needs(self.most > 0, self, "most > 0 s")

    def carry(self, rows: Rows) -> Rows:
        """Some rows are sent later."""
        inside = self.inside(rows.second)
        drawn = self.random.random((int(inside.sum()), 2))
        wait = np.zeros(len(rows))
        wait[inside] = np.where(drawn[:, 0] < self.share, drawn[:, 1] * self.most, 0.0)
        return rows.with_sent(rows.sent + np.round(wait * SECOND).astype(np.int64))


@dataclass(slots=True, kw_only=True)
class HalfPayload(Fault):
    """A `share` of the payloads breaks off in the middle: nobody can read them."""

    share: float

    def __post_init__(self) -> None:
        needs(self.end > self.start and 0 < self.share <= 1, self, "end > start and share above 0, at most 1")

    def carry(self, rows: Rows) -> Rows:
        """Some rows are marked; the writer of messages cuts them."""
        inside = self.inside(rows.second)
        half = rows.half.copy()
        half[inside] |= self.random.random(int(inside.sum())) < self.share
        return rows.with_half(half)


@dataclass(slots=True, kw_only=True)
class Clock(Fault):
    """A device's clock is wrong by `by` s, and gains `fast` s a day (below 0: loses); at the end it is set right.

    A step is a clock with `by` alone, a skew one with `fast` alone. Readings are sent in time, with wrong times.
    """

    by: float = 0.0
    fast: float = 0.0

    def __post_init__(self) -> None:
        needs(self.end > self.start and (self.by or self.fast), self, "end > start, and by (s) or fast (s/d) not 0")

    def carry(self, rows: Rows) -> Rows:
        """Rows inside the fault bear wrong times."""
        off = self.by + self.fast / 86400 * (rows.second - self.start)
        wrong = np.round(off * SECOND).astype(np.int64)
        return rows.with_time(np.where(self.inside(rows.second), rows.time + wrong, rows.time))


def _repeated(rows: Rows, copies: np.ndarray[tuple[int], np.dtype[np.intp]], apart: float) -> Rows:
    which = np.repeat(np.arange(len(rows)), copies)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(copies) - copies, copies)
    again = rows.take(which)
    return again.with_sent(again.sent + np.round(nth * apart * SECOND).astype(np.int64))
