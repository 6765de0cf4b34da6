"""Which acknowledgements are owed to the broker: from a message's arrival until it is on disk.

Constraints. They belong to one connection: those of an earlier one are dropped, for the same number may now be another
message's. `polled` and `release` are the caller's, all else is the network thread's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from collector.backlog import Entry
from collector.message import Message


class Owed:
    """What one connection after another has brought and we have not acknowledged."""

    def __init__(self) -> None:
        self._polled: dict[int, Entry] = {}
        self._released: deque[Entry] = deque()
        self._held: set[bytes] = set()
        self._generation = 0

    def polled(self, entries: Iterable[Entry]) -> None:
        """The caller has these now."""
        for entry in entries:
            if entry.owed:
                self._polled[id(entry.message)] = entry

    def release(self, messages: Sequence[Message]) -> None:
        """These are on disk."""
        for message in messages:
            entry = self._polled.pop(id(message), None)
            if entry is not None:
                self._released.append(entry)

    def begin(self, generation: int) -> None:
        """A new connection: nothing of those before it is owed any more."""
        self._generation = generation
        self._held.clear()

    def hold(self, owed: bytes) -> None:
        """A message arrived that wants this acknowledgement."""
        self._held.add(owed)

    def holds(self, owed: bytes) -> bool:
        """Whether a message that wants it is here: a copy of that one, sent for want of an answer, is not needed."""
        return owed in self._held

    def due(self) -> bytes:
        """The acknowledgements to be sent on this connection, once it is up."""
        released = [self._released.popleft() for _ in range(len(self._released))]
        due = [entry.owed for entry in released if entry.generation == self._generation]
        self._held.difference_update(due)
        return b"".join(due)
