"""What is subscribed to, and what the broker granted.

Constraints. QoS 1 is asked for. A filter that is refused, or granted for QoS 0 only, is asked for again, because an
access list may be put right meanwhile: after FIRST_WAIT, then each time later, at most LONGEST_WAIT. The answers of one
connection do not count in the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""s until a refused subscription is asked for again."""


class Subscriptions:
    """The filters of one source; `ask` sends them and returns the number of the packet."""

    def __init__(self, filters: Sequence[str], ask: Callable[[Sequence[str]], int | None]) -> None:
        self._filters, self._ask = tuple(filters), ask
        self._asked: dict[int, Sequence[str]] = {}
        self._refused: dict[str, str] = {}
        self._answered, self._wait = 0.0, FIRST_WAIT

    def begin(self) -> None:
        """A new connection: ask for all."""
        self._asked.clear()
        self._refused.clear()
        self._answered, self._wait = 0.0, FIRST_WAIT
        self._send(self._filters)

    def ask_again(self) -> None:
        """Ask for what was refused, where that is due."""
        if self._refused and self._answered and time.monotonic() - self._answered > self._wait:
            self._answered, self._wait = time.monotonic(), min(2 * self._wait, LONGEST_WAIT)
            self._send(list(self._refused))

    def answer(self, number: int, reasons: Sequence[Any]) -> str:
        """The broker's answer; what is not granted as asked, in words, or nothing."""
        for name, said in zip(self._asked.pop(number, ()), reasons, strict=False):
            self._refused.pop(name, None)
            if said.is_failure:
                self._refused[name] = f"{said}; what is sent there waits for us only if our session had it before"
            elif said.value == 0:
                self._refused[name] = "QoS 0 only, what is lost on the way is not sent again"
        self._answered = time.monotonic()
        return "; ".join(f"{name!r}: {why}" for name, why in self._refused.items())

    def _send(self, filters: Sequence[str]) -> None:
        number = self._ask(filters)
        if number is not None:
            self._asked[number] = filters
