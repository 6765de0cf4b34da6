"""What each sink makes of judging's blocks and journal: arrays for history, lines for InfluxDB; and what it counts.

Constraints. A step writes what is next and then moves the cursor, so a kill between the two only writes the same again.
What a sink refuses is set aside by line and counted. Alarm states and forecasts are levels: written as they are now,
only while judging's `now` advances, and never later. Not here: threads, waiting, trying again (storing.py).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import orjson

from collector.errors import DiskFull, Rejected
from collector.forecasts import Forecasts, watched
from collector.history import HistorySink
from collector.influx import AllRejected
from collector.judged import MINUTE, Block, SeriesRow
from collector.lines import ENDED, VALUE, Heads, alarm_event, alarm_states, pipeline, readings
from collector.stored import BLOCKS, CONFLICT, JOURNAL, NO_NUMBER, REFUSED, TRIMMED, WRITTEN, Cursor, Refused

MANY_BLOCKS, MANY_LINES = 100, 1000
SAY_EVERY = 600.0
"""s between two lines of the log about what a sink refuses; all is counted."""
LEVELS_EVERY = 5 * 10**9
"""ns of judging's `now` between two writings of all alarm states; DESIGN section 6 promises 10 s."""

log = logging.getLogger(__name__)


class Followed(Protocol):
    """What is read of judging: `collector.judged.Judged`."""

    def blocks(self, after: int, limit: int = 100) -> list[Block]: ...
    def trimmed(self) -> tuple[int, int]: ...
    def series(self) -> dict[int, SeriesRow]: ...
    def journal(self, after: int, limit: int = 1000) -> list[tuple[int, str, str]]: ...
    def alarms(self) -> list[dict[str, Any]]: ...
    def status(self) -> dict[str, Any]: ...
    def ledger(self) -> dict[str, int]: ...
    def hazards(self) -> list[dict[str, Any]]: ...


class Lines(Protocol):
    """A sink of joined lines: `collector.influx.InfluxSink`."""

    def write(self, items: Sequence[bytes]) -> None: ...
    def close(self) -> None: ...


class IntoHistory:
    """The embedded history follows the blocks."""

    pause = 1.0

    def __init__(
        self, followed: Followed, cursor: Cursor, sink: HistorySink, full: Callable[[], bool] = lambda: False
    ) -> None:
        self._followed, self._cursor, self._sink, self._full = followed, cursor, sink, full
        self._names: dict[int, str] = {}

    def step(self) -> bool:
        """Write the next blocks. A block that history has already (a kill between two files) is only counted."""
        if self._full():
            raise DiskFull("the disk is full: history waits, so that log and judge have room; free the disk")
        blocks, trimmed = ahead(self._followed, self._cursor)
        if not blocks:
            return False
        self._sink.write(blocks)
        numbers, counts = np.unique(np.concatenate([block.series for block in blocks]), return_counts=True)
        series = {self._name(n): count for n, count in zip(numbers.tolist(), counts.tolist(), strict=True)}
        counted = {WRITTEN: sum(map(len, blocks)), TRIMMED: trimmed}
        self._cursor.advance(BLOCKS, blocks[-1].seq, counted, series, [], by_minute(blocks))
        return len(blocks) == MANY_BLOCKS

    def close(self) -> None:
        """Close the history; the cursor is its opener's."""
        self._sink.close()

    def _name(self, number: int) -> str:
        if number not in self._names:
            self._names = {known: row.name for known, row in self._followed.series().items()}
        return self._names[number]


class IntoLines:
    """A server of line protocol follows blocks, journal and alarm states."""

    pause = 0.5

    def __init__(
        self, followed: Followed, cursor: Cursor, sink: Lines, wall: Callable[[], int] = time.time_ns
    ) -> None:
        self._followed, self._cursor, self._sink, self._wall = followed, cursor, sink, wall
        self._heads: Heads | None = None
        self._states: dict[bytes, bytes] = {}
        self._pairs = cursor.pairs()
        self._now = 0
        self._levels_at = 0
        self._readings_at = 0
        self._said_at = -SAY_EVERY
        self._forecasts = Forecasts.read(cursor.forecasts())

    def step(self) -> bool:
        """Write the next blocks, journal lines and, when due, alarm states. Waits while nothing was judged yet."""
        status = self._followed.status()
        if "site" not in status:
            return False
        more = self._blocks(status["site"])
        more |= self._journal()
        self._levels(status)
        return more

    def close(self) -> None:
        """Close the connections; the cursor is its opener's."""
        self._sink.close()

    def _blocks(self, site: str) -> bool:
        blocks, trimmed = ahead(self._followed, self._cursor)
        if not blocks:
            return False
        heads = self._known(site, blocks)
        if self._forecasts.take(blocks, heads.rows()):
            self._cursor.keep_forecasts(self._forecasts.data())
        lines = readings(blocks, heads)
        refused = deliver(self._sink, lines.payloads)
        written = Counter(lines.written)
        written.subtract(heads.name(line.partition(VALUE)[0]) for line, _ in refused)
        counts = {
            WRITTEN: written.total(),
            NO_NUMBER: lines.no_number,
            CONFLICT: lines.conflict,
            REFUSED: len(refused),
            TRIMMED: trimmed,
        }
        self._cursor.advance(BLOCKS, blocks[-1].seq, counts, written, refused, by_minute(blocks))
        self._say(refused, written.total() + len(refused))
        return len(blocks) == MANY_BLOCKS

    def _say(self, refused: Refused, of: int) -> None:
        """A person must hear that readings do not get there, and why; not with each step."""
        if refused and time.monotonic() - self._said_at >= SAY_EVERY:
            self._said_at = time.monotonic()
            line, reason = refused[-1]
            log.warning("sink=influx refused=%d of=%d newest=%r reason=%s", len(refused), of, line.decode(), reason)

    def _known(self, site: str, blocks: Sequence[Block]) -> Heads:
        if self._heads is None:
            self._heads = Heads(site)
        if any(number not in self._heads for block in blocks for number in np.unique(block.series).tolist()):
            self._heads.update(self._followed.series())
        return self._heads

    def _journal(self) -> bool:
        lines = self._followed.journal(self._cursor.at(JOURNAL), MANY_LINES)
        if not lines:
            return False
        payload = b"\n".join(alarm_event(orjson.loads(line)) for _, line, _ in lines)
        self._cursor.advance(JOURNAL, lines[-1][0], {}, {}, deliver(self._sink, [payload]))
        return len(lines) == MANY_LINES

    def _levels(self, status: Mapping[str, Any]) -> None:
        """Alarm states that changed, all of them when due, and a last 0 of those that are gone."""
        now = int(status["now"])
        if now <= self._now:
            return
        alarms = self._followed.alarms()
        states = alarm_states(status["site"], alarms)
        due = now - self._levels_at >= LEVELS_EVERY
        written = states if due else {t: f for t, f in states.items() if self._states.get(t) != f}
        gone = self._pairs - states.keys()
        lines = [b"%s %s %d" % (tags, values, now) for tags, values in written.items()]
        lines += [b"%s %s %d" % (tags, ENDED, now) for tags in sorted(gone)]
        ledger = self._followed.ledger() if due else {}
        if due:
            lines.append(pipeline(status["site"], self._figures(status, ledger, now), now))
        self._send_levels(lines)
        if due and (ahead_of_now := self._forecasts.lines(status["site"], now, watched(alarms))):
            self._send_levels(ahead_of_now)
            self._cursor.keep_forecasts(self._forecasts.data())
        if gone or states.keys() - self._pairs:
            self._cursor.keep_pairs(states.keys() - self._pairs, gone)
        self._states, self._pairs, self._now = states, set(states), now
        if due:
            self._levels_at, self._readings_at = now, ledger.get("readings", 0)

    def _send_levels(self, lines: list[bytes]) -> None:
        if lines:
            refused = deliver(self._sink, [b"\n".join(lines)])
            if refused:
                self._cursor.refuse(refused)

    def _figures(self, status: Mapping[str, Any], ledger: Mapping[str, int], now: int) -> dict[str, float]:
        """Lag, the ledger's counts, hazards, and the rate of readings since the last time."""
        figures: dict[str, float] = dict(ledger)
        figures["lag"] = (self._wall() - int(status["wall"])) / 1e9
        figures["lag_seals"] = int(status["last_seal"]) - int(status["seal"])
        left = self._followed.hazards()
        figures["hazards_open"] = len(left)
        figures["hazards_overdue"] = sum(int(hazard["due"]) < now for hazard in left)
        if self._levels_at:
            new = ledger.get("readings", 0) - self._readings_at
            figures["readings_per_s"] = new / (now - self._levels_at) * 1e9
        return figures


def by_minute(blocks: Sequence[Block]) -> Counter[int]:
    """How many readings the blocks hold, by the minute in which they were judged."""
    minutes: Counter[int] = Counter()
    for block in blocks:
        minutes[block.now // MINUTE] += len(block)
    return minutes


def ahead(followed: Followed, cursor: Cursor) -> tuple[list[Block], int]:
    """The next blocks, and how many readings were trimmed before this sink took them (judging waits long for it)."""
    at = cursor.at(BLOCKS)
    blocks = followed.blocks(at, MANY_BLOCKS)
    if not blocks or blocks[0].seq == at + 1:
        return blocks, 0
    upto, rows = followed.trimmed()
    if upto >= blocks[0].seq:
        return [], 0  # trimmed while we looked: look again
    return blocks, rows - cursor.dealt() if at < upto else 0


def deliver(sink: Lines, payloads: Iterable[bytes]) -> Refused:
    """Write payloads; (line, reason) of each line that was refused, found by halving. Raises `Unavailable`."""
    refused: Refused = []
    for payload in payloads:
        try:
            sink.write([payload])
        except AllRejected as error:
            refused += [(line, error.reason) for line in payload.split(b"\n")]
        except Rejected as error:
            lines = payload.split(b"\n")
            half = len(lines) // 2
            if not half:
                refused.append((payload, error.reason))
            else:
                refused += deliver(sink, (b"\n".join(lines[:half]), b"\n".join(lines[half:])))
    return refused
