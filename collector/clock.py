"""`now`: the time the log runs on.

Constraints. It never goes back, over restarts too; it runs by the monotonic clock and slews to the wall clock by at
most 1 %, so a duration measured with it is right to 1 % whatever is done to the machine's clock. Time in which nothing
ran (a stop, a suspended machine) is jumped over and reported as blind. It is not the wall clock: that is for people.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

SECOND = 1_000_000_000
SLEW = 0.01
JUMP = 60 * SECOND
"""A wall clock further ahead than this was not slewing: the machine slept, or was set."""
NOTICED = 2 * SECOND
"""Less than this is what an ordinary pause between two seals looks like."""


@dataclass(frozen=True, slots=True)
class Blind:
    """Nothing was collected between `start` and `end` (ns of `now`)."""

    start: int
    end: int


class Clock:
    """Runs on from `last`, the log's newest `now` (0 for an empty log). Both clocks give ns and can be injected."""

    def __init__(
        self,
        last: int = 0,
        monotonic: Callable[[], int] = time.monotonic_ns,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self._monotonic, self._wall = monotonic, wall
        self._seen = monotonic()
        self._blind: list[Blind] = []
        self._now = max(last, wall())
        if last:
            self._note(last)

    def now(self) -> int:
        """ns; at least what it was before."""
        seen, wall = self._monotonic(), self._wall()
        elapsed = max(0, seen - self._seen)
        self._seen = seen
        before, self._now = self._now, self._now + elapsed
        offset = wall - self._now
        if offset > JUMP:
            self._now = wall
            self._note(before + elapsed)
        else:
            most = int(elapsed * SLEW)
            self._now += max(-most, min(most, offset))
        return self._now

    def wall(self) -> int:
        """ns UTC as the machine says, for people."""
        return self._wall()

    def offset(self) -> int:
        """How far the wall clock is ahead of `now`, ns."""
        return self._wall() - self._now

    def take_blind(self) -> list[Blind]:
        """The blind intervals since the last call, each once."""
        blind, self._blind = self._blind, []
        return blind

    def _note(self, start: int) -> None:
        if self._now - start > NOTICED:
            self._blind.append(Blind(start, self._now))
