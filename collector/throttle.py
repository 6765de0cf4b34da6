"""How long a login waits after wrong passwords, and how often programs may ask. Pure; the clock is handed in.

Constraints. It slows and never refuses: the right password still opens during a lock-out, `LONGEST` later at most. One
who tries from elsewhere slows strangers to the account, not the browsers that logged in before; one who tries many
accounts slows the address. What was failed is forgotten `FORGET` after the last failure. Memory is bounded.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

FREE = 5
"""Wrong passwords before it slows."""
LONGEST = 10.0
"""s that one attempt waits at most."""
FORGET = 900.0
"""s"""
MOST = 10_000
"""Accounts, addresses and browsers that are remembered; the one heard of longest ago goes first."""
BURST, EACH_SECOND = 120.0, 20.0
"""Requests of a program at once, and in the long run."""


def delay(failures: int) -> float:
    """s to wait after so many failures: none, then 1, 2, 4, 8 and LONGEST."""
    return 0.0 if failures < FREE else min(LONGEST, 2.0 ** min(failures - FREE, 8))


@dataclass(slots=True)
class Failures:
    """Wrong passwords by what they were tried on, each a text."""

    clock: Callable[[], float] = time.monotonic
    _counts: OrderedDict[str, tuple[int, float]] = field(default_factory=OrderedDict)

    def wait(self, *keys: str) -> float:
        """s that an attempt which concerns these must wait."""
        return max(delay(self._count(key)) for key in keys)

    def failed(self, *keys: str) -> int:
        """Note a failure; how many there were on the worst of them."""
        for key in keys:
            self._counts[key] = self._count(key) + 1, self.clock()
            self._counts.move_to_end(key)
        while len(self._counts) > MOST:
            self._counts.popitem(last=False)
        return max(self._counts[key][0] for key in keys)

    def succeeded(self, *keys: str) -> None:
        """The right password: what was failed on these is forgotten."""
        for key in keys:
            self._counts.pop(key, None)

    def _count(self, key: str) -> int:
        count, last = self._counts.get(key, (0, 0.0))
        return count if self.clock() - last < FORGET else 0


@dataclass(slots=True)
class Rate:
    """A bucket of requests for each that asks: a token's name, an address, a channel."""

    clock: Callable[[], float] = time.monotonic
    burst: float = BURST
    each_second: float = EACH_SECOND
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait(self, key: str) -> float:
        """0 if it may ask now, which is then counted; else in how many s."""
        now = self.clock()
        left, last = self._left.get(key, (self.burst, now))
        left = min(self.burst, left + (now - last) * self.each_second)
        self._left[key] = (left - 1 if left >= 1 else left), now
        self._left.move_to_end(key)
        if len(self._left) > MOST:
            self._left.popitem(last=False)
        return 0.0 if left >= 1 else (1 - left) / self.each_second
