"""Sleeping until the network has something, or until another thread says that there is something to do."""

from __future__ import annotations

import select
import socket
from contextlib import suppress

from collector.buffered import BufferedSocket

LONGEST = 0.25
"""s"""


class Waking:
    """`nudge` is for any thread, `sleep` for the one that owns the socket."""

    def __init__(self) -> None:
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)

    def nudge(self) -> None:
        """End the sleep, now or when it begins."""
        with suppress(OSError):
            self._wake.send(b"x")

    def sleep(self, buffered: BufferedSocket, reading: bool) -> None:
        """Until there is something to read (where `reading`), room for what is unsent, a nudge, or LONGEST."""
        if reading and buffered.pending():
            return
        reads: list[socket.socket | BufferedSocket] = [self._woken, *([buffered] if reading else [])]
        readable, _, _ = select.select(reads, [buffered] if buffered.unsent else [], [], LONGEST)
        if self._woken in readable:
            self._woken.recv(4096)

    def close(self) -> None:
        """Nobody sleeps any more."""
        self._wake.close()
        self._woken.close()
