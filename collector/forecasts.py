"""Forecasts of slope failure as a band into the future: inverse velocities that fall to zero between two instants.

Constraints. `forecast` in InfluxDB: tags site, area, sensor, rule; fields `low` and `high` in the inverse velocity's
unit, at whole ten minutes of the next 12 h. Future points cannot be deleted everywhere, so the whole set is written
again whenever it differs: below zero once failure is due, and GONE where nothing is forecast any more. No single line
is written: a forecast is a band, never a bare date. Straight lines, as dv/dt = A v^2 has them (Fukuzono 1985).
Pure: columns and `now` come in, lines go out. What is forecast, the detectors decide (detectors.failure).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from collector.judged import Block, SeriesRow
from collector.lines import fields, head

COLUMNS = ("inverse_velocity", "failure_from", "failure_to")
STEP, AHEAD = 600 * 10**9, 12 * 3600 * 10**9
"""ns between points, and from now to the last."""
MISSED = 4
"""Forecasts that fail to come before the last one is no more."""
GONE = -1.0


class Forecast(msgspec.Struct):
    """What a rule said of a subject at its newest knot."""

    area: str
    made: int
    """ns, device time."""
    apart: int = AHEAD
    """ns between the newest two knots."""
    inverse: float | None = None
    earliest: float | None = None
    """s since 1970"""
    latest: float | None = None
    """None: without bound."""
    stood: bool = False
    """Future points of it were written, so GONE must be once it ends."""

    def at(self, time: int) -> tuple[float, float]:
        """(low, high) at a time, ns."""
        assert self.inverse is not None
        assert self.earliest is not None
        low = _falling(self.inverse, self.made, self.earliest, time)
        return low, self.inverse if self.latest is None else _falling(self.inverse, self.made, self.latest, time)

    def stands(self, now: int) -> bool:
        """Whether there is one: the newest knot has it, and the knots have not stopped."""
        known = self.inverse is not None and self.earliest is not None and self.earliest * 1e9 > self.made
        return known and now - self.made < MISSED * self.apart


class Forecasts:
    """Those of a site, by `subject` and `rule`; `known` is what was kept over a restart."""

    def __init__(self, known: Mapping[tuple[str, str], Forecast] | None = None) -> None:
        self.known = dict(known or {})
        self._written: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._columns: dict[int, SeriesRow] = {}
        self._looked_at = 0

    @classmethod
    def read(cls, data: bytes | None) -> Forecasts:
        """From what `data` gave; none for None."""
        kept = [] if data is None else msgspec.json.decode(data, type=list[tuple[str, str, Forecast]])
        return cls({(subject, rule): one for subject, rule, one in kept})

    def data(self) -> bytes:
        """To be kept over a restart."""
        return msgspec.json.encode([(*key, one) for key, one in self.known.items()])

    def take(self, blocks: Iterable[Block], series: Mapping[int, SeriesRow]) -> bool:
        """What judging derived since; True if it concerns a forecast."""
        if len(series) != self._looked_at:
            self._looked_at = len(series)
            self._columns = {n: row for n, row in series.items() if row.quantity in COLUMNS and row.name != row.sensor}
        numbers = np.fromiter(self._columns, np.int32, len(self._columns))
        taken = False
        for block in blocks if len(numbers) else ():
            for at in np.flatnonzero(np.isin(block.series, numbers)).tolist():
                self._take(self._columns[int(block.series[at])], int(block.time[at]), float(block.value[at]))
                taken = True
        return taken

    def _take(self, row: SeriesRow, time: int, value: float) -> None:
        key = row.sensor, row.name.removeprefix(f"{row.sensor}/").removesuffix(f".{row.quantity}")
        found = self.known.get(key)
        if found is None or time > found.made:
            apart = AHEAD if found is None else time - found.made
            found = self.known[key] = Forecast(row.area, time, apart, stood=found is not None and found.stood)
        if time == found.made:
            name = {"inverse_velocity": "inverse", "failure_from": "earliest", "failure_to": "latest"}[row.quantity]
            setattr(found, name, value)

    def lines(self, site: str, now: int, watching: Mapping[tuple[str, str], bool]) -> list[bytes]:
        """Lines that differ from what was written. `watching` says of (rule, subject) whether its verdict is known."""
        made: list[bytes] = []
        first = -(-now // STEP) * STEP
        for (subject, rule), one in self.known.items():
            stands = one.stands(now) and watching.get((rule, subject), False)
            if not stands and not one.stood:
                continue
            drawn = (first, one.made, one.inverse, one.earliest, one.latest) if stands else ()
            if self._written.get((subject, rule)) == drawn:
                continue
            tags = head("forecast", (("site", site), ("area", one.area), ("sensor", subject), ("rule", rule)))
            made += _points(tags, first, one if stands else None)
            self._written[subject, rule] = drawn
            one.stood = stands
        return made


def _points(tags: bytes, first: int, one: Forecast | None) -> Iterator[bytes]:
    for time in range(first, first + AHEAD + 1, STEP):
        low, high = (GONE, GONE) if one is None else one.at(time)
        yield b"%s %s %d" % (tags, fields((("low", low), ("high", high))), time)


def _falling(inverse: float, made: int, end: float, time: int) -> float:
    """On the straight line from `inverse` when it was made to zero at `end` (s)."""
    return inverse * (end * 1e9 - time) / (end * 1e9 - made)


def watched(alarms: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], bool]:
    """Of each (rule, subject) whether its verdict is known."""
    return {(row["rule"], row["subject"]): bool(row["watching"]) for row in alarms}
