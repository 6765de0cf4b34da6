"""Messages between the thread that reads the network and the one that writes the log, bounded.

Constraints. `put` never blocks and may overshoot by what was read at once; whoever puts looks at `full` first. Each
message keeps the connection that brought it and the packet that acknowledges it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from collector.message import Message


class Entry(NamedTuple):
    """A message as it came: `owed` is empty where nothing is to be acknowledged."""

    message: Message
    generation: int
    owed: bytes


class Backlog:
    """At most about `messages` messages and `size` bytes of payload."""

    def __init__(self, messages: int, size: int) -> None:
        self._most, self._most_bytes = messages, size
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._arrived = threading.Condition()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def full(self) -> bool:
        return len(self._entries) >= self._most or self._bytes >= self._most_bytes

    @property
    def roomy(self) -> bool:
        """Less than half full."""
        return 2 * len(self._entries) < self._most and 2 * self._bytes < self._most_bytes

    def put(self, entries: Sequence[Entry]) -> None:
        """Add what was read."""
        with self._arrived:
            self._entries.extend(entries)
            self._bytes += sum(len(entry.message.payload) for entry in entries)
            self._arrived.notify()

    def take(self, limit: int, wait: float) -> list[Entry]:
        """At most `limit` entries, oldest first; waits up to `wait` s for the first."""
        with self._arrived:
            if not self._entries and wait > 0:
                self._arrived.wait(wait)
            taken = [self._entries.popleft() for _ in range(min(limit, len(self._entries)))]
            self._bytes -= sum(len(entry.message.payload) for entry in taken)
        return taken
