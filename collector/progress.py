"""A line on stderr that says how far a long work has come: share, readings a second, time left.

Constraints. On a terminal one line that is written over, five times a second; elsewhere, where it was asked for, a
line each ten seconds. Time left goes by the mean pace so far; where the end is not known, neither is said.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

CELLS = 24
ON_A_TERMINAL, ELSEWHERE = 0.2, 10.0
"""s between lines."""
ERASE = "\x1b[K"


class Progress:
    """Call it as often as you like; it writes when it is time to. `close` ends the line."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock = out, clock
        self._live = out.isatty()
        self._every = ON_A_TERMINAL if self._live else ELSEWHERE
        self._begun = clock()
        self._next = self._begun + self._every
        self._last = ""

    def __call__(self, share: float | None, readings: int) -> None:
        """`share` of the work, 0 to 1, that is done; None where that is not known."""
        now = self._clock()
        self._last = line(share, readings, now - self._begun)
        if now >= self._next:
            self._next = now + self._every
            self._write(self._last)

    def close(self) -> None:
        """The newest state, and the end of the line."""
        if self._last:
            self._write(self._last)
        if self._last and self._live:
            self._out.write("\n")
            self._out.flush()

    def _write(self, text: str) -> None:
        self._out.write(f"\r{text}{ERASE}" if self._live else f"{text}\n")
        self._out.flush()


@contextmanager
def shown(wanted: bool | None) -> Iterator[Progress | None]:
    """A line on stderr for as long as the block lasts; without a wish, where that is a terminal."""
    progress = Progress(sys.stderr) if (sys.stderr.isatty() if wanted is None else wanted) else None
    try:
        yield progress
    finally:
        if progress is not None:
            progress.close()


def line(share: float | None, readings: int, seconds: float) -> str:
    """What is shown after so many seconds."""
    pace = f"{readings:,} readings  {readings / seconds if seconds > 0 else 0:,.0f}/s"
    if share is None:
        return pace
    done = min(max(share, 0.0), 1.0)
    full = int(done * CELLS)
    left = f"  {_clock_time(seconds / done - seconds)} left" if done > 0 else ""
    return f"[{'#' * full}{'-' * (CELLS - full)}] {int(done * 100):3d} %  {pace}{left}"


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
