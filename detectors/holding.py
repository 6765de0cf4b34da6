"""From what a detector says to what a rule holds: silence of the inputs, on-delay and off-delay, each done once, here.

Silence makes a clear verdict unknown, clears nothing and hides nothing. An on-delay runs by device time between rows,
and by `now` when rows stop; an off-delay runs by device time only, since missing data must not clear an alarm; but
where all inputs are verdicts, which come only when they change, no row is no missing data, and it runs by `now` too.
A late or skewed reading may begin a delay, and gives it no time: it runs from the first good one.
All of it is sparse: the cost is per change and per row of a pending delay, never per reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.detector import Finding, Verdict, Why
from detectors.reading import AFTER_ROWS, Quality


class Silence(NamedTuple):
    """One input of a pair fell silent (+1) or spoke again (-1)."""

    at: int
    row: int
    change: int


class GoodRow(NamedTuple):
    """A good reading of one of a pair's inputs."""

    at: int
    row: int
    time: int


@dataclass(frozen=True, slots=True)
class Held:
    """A pair's held verdict, or whether it is watched, changed."""

    at: int
    row: int
    pair: int
    verdict: Verdict
    was: Verdict
    watching: bool
    was_watching: bool
    finding: Finding | None


@dataclass(slots=True)
class Pending:
    """A change that waits for its delay. `since`, `time` are device time; `arrived` is `now` of the last good row."""

    verdict: Verdict
    since: int
    time: int
    arrived: int
    finding: Finding
    timely: bool = True
    """False: a late or skewed reading began it; `since` is not known before the first good row."""

    def due(self, delay: int) -> int:
        """The `now` at which the delay passes if no more rows come."""
        return self.arrived + delay - (self.time - self.since)


UNTIMELY = int(Quality.LATE | Quality.SKEWED)
BEGIN = (-1, -1)
END = (AFTER_ROWS, AFTER_ROWS)
HELD = ("said", "silent", "verdict", "watching")


class Holding:
    """What each of P (rule, subject) pairs holds."""

    def __init__(
        self, on_delay: NDArray[np.int64], off_delay: NDArray[np.int64], hears_verdicts: NDArray[np.bool_]
    ) -> None:
        pairs = len(on_delay)
        self.on_delay, self.off_delay, self.hears_verdicts = on_delay, off_delay, hears_verdicts
        self.said = np.zeros(pairs, np.int8)
        self.silent = np.zeros(pairs, np.int64)
        self.verdict = np.zeros(pairs, np.int8)
        self.watching = np.zeros(pairs, np.bool_)
        self.pending: dict[int, Pending] = {}

    def hold(
        self, pair: int, events: Sequence[Finding | Silence], rows: Callable[[], list[GoodRow]], until: int
    ) -> list[Held]:
        """Walk one pair's events, good rows and deadlines in the log's order. `rows` is called if a delay waits."""
        out: list[Held] = []
        good: list[GoodRow] | None = None
        event = row = 0
        heard = BEGIN
        while True:
            next_event = (events[event].at, events[event].row) if event < len(events) else END
            pending = self.pending.get(pair)
            next_row = next_due = END
            if pending is not None:
                good = rows() if good is None else good
                while row < len(good) and (good[row].at, good[row].row) < heard:
                    row += 1
                next_row = (good[row].at, good[row].row) if row < len(good) else END
                next_due = self._deadline(pair, pending, until)
            first = min(next_event, next_row, next_due)
            if first == END:
                return out
            if next_event == first:
                heard = first
                together = [e for e in events[event:] if (e.at, e.row) == first]
                event += len(together)
                self._hear(pair, first, together, out)
            elif next_row == first and pending is not None and good is not None:
                self._pass_row(pair, pending, good[row], out)
                row += 1
            elif pending is not None:
                self._fire(pair, pending, first, first[0], out)

    def _deadline(self, pair: int, pending: Pending, until: int) -> tuple[int, int]:
        if pending.verdict is not Verdict.ACTIVE and not self.hears_verdicts[pair]:
            return END
        due = pending.due(self._delay(pair, pending))
        return (due, AFTER_ROWS) if due < until else END

    def _delay(self, pair: int, pending: Pending) -> int:
        return int(self.on_delay[pair] if pending.verdict is Verdict.ACTIVE else self.off_delay[pair])

    def _hear(self, pair: int, key: tuple[int, int], events: Sequence[Finding | Silence], out: list[Held]) -> None:
        finding = None
        for event in events:
            if isinstance(event, Silence):
                self.silent[pair] += event.change
            else:
                finding = event
                self.said[pair] = int(event.verdict)
        silent, now = self.silent[pair] > 0, Verdict(int(self.said[pair]))
        watching = now is not Verdict.UNKNOWN and not silent
        if silent and now is not Verdict.ACTIVE:
            now = Verdict.UNKNOWN
        held = Verdict(int(self.verdict[pair]))
        origin = finding or Finding(key[0], key[1], 0, now, key[0], None, None, _NO_WHY)
        settled = self._settle(pair, held, now, origin)
        self._emit(pair, key, settled, watching, finding, out)

    def _settle(self, pair: int, held: Verdict, now: Verdict, finding: Finding) -> Verdict:
        """The verdict to hold at once; a waiting change is put into `pending`."""
        pending = self.pending.get(pair)
        if now is Verdict.ACTIVE:
            if held is Verdict.ACTIVE or self.on_delay[pair] == 0:
                self.pending.pop(pair, None)
                return Verdict.ACTIVE
            if pending is None:
                self._wait(pair, Verdict.ACTIVE, finding)
            return held
        if now is Verdict.CLEAR:
            if held is not Verdict.ACTIVE or self.off_delay[pair] == 0:
                self.pending.pop(pair, None)
                return Verdict.CLEAR
            if pending is None:
                self._wait(pair, Verdict.CLEAR, finding)
            return held
        if pending is not None and pending.verdict is Verdict.CLEAR:
            self.pending.pop(pair)
        return held if held is Verdict.ACTIVE else Verdict.UNKNOWN

    def _wait(self, pair: int, verdict: Verdict, finding: Finding) -> None:
        timely = not int(finding.why.numbers.get("quality", 0)) & UNTIMELY
        self.pending[pair] = Pending(verdict, finding.time, finding.time, finding.at, finding, timely)

    def _pass_row(self, pair: int, pending: Pending, row: GoodRow, out: list[Held]) -> None:
        if not pending.timely:
            pending.since, pending.time, pending.arrived, pending.timely = row.time, row.time, row.at, True
        elif row.time > pending.time:
            pending.time, pending.arrived = row.time, row.at
        if pending.time - pending.since >= self._delay(pair, pending):
            self._fire(pair, pending, (row.at, row.row), row.time, out)

    def _fire(self, pair: int, pending: Pending, key: tuple[int, int], time: int, out: list[Held]) -> None:
        del self.pending[pair]
        finding = replace(pending.finding, at=key[0], row=key[1], time=time)
        self._emit(pair, key, pending.verdict, bool(self.watching[pair]), finding, out)

    def _emit(
        self,
        pair: int,
        key: tuple[int, int],
        verdict: Verdict,
        watching: bool,
        finding: Finding | None,
        out: list[Held],
    ) -> None:
        was, was_watching = Verdict(int(self.verdict[pair])), bool(self.watching[pair])
        if verdict is not was or watching is not was_watching:
            self.verdict[pair], self.watching[pair] = int(verdict), watching
            out.append(Held(*key, pair, verdict, was, watching, was_watching, finding))

    def unwatch(self, pair: int, place: tuple[int, int], why: Why) -> Held:
        """From this place on nobody watches; an active verdict stands."""
        was, was_watching = Verdict(int(self.verdict[pair])), bool(self.watching[pair])
        held = was if was is Verdict.ACTIVE else Verdict.UNKNOWN
        self.verdict[pair], self.watching[pair] = int(held), False
        self.pending.pop(pair, None)
        finding = Finding(place[0], place[1], 0, Verdict.UNKNOWN, place[0], None, None, why)
        return Held(*place, pair, held, was, False, was_watching, finding)

    def forget(self, pair: int, place: tuple[int, int], why: Why) -> Held:
        """From this place on what was said is not known to hold: nobody watches, what would end an alarm waits no more,
        and what would raise one still does."""
        pending = self.pending.get(pair)
        held = self.unwatch(pair, place, why)
        self.said[pair] = int(Verdict.UNKNOWN)
        if pending is not None and pending.verdict is Verdict.ACTIVE:
            self.pending[pair] = pending
        return held

    def go_on_waiting(self, pair: int, pending: Pending, now: int) -> None:
        """Take over a wait begun under an earlier revision; what its new delay makes overdue passes at `now`."""
        earliest = now - self._delay(pair, pending) + (pending.time - pending.since)
        self.pending[pair] = replace(pending, arrived=max(pending.arrived, earliest))

    def snapshot(self) -> tuple[dict[str, NDArray[Any]], dict[int, Pending]]:
        """(arrays, pending) that `restore` takes."""
        arrays: dict[str, NDArray[Any]] = {name: getattr(self, name) for name in HELD}
        return arrays, self.pending

    def restore(self, arrays: dict[str, NDArray[Any]], pending: dict[int, Pending]) -> None:
        """Take over a snapshot of the same pairs."""
        for name in HELD:
            setattr(self, name, arrays[name].copy())
        self.pending = dict(pending)


_NO_WHY = Why("held")
