"""A TCP proxy that makes the network bad: cut, half-open, reset.

Constraints. Loopback only, one thread a direction, nothing is looked at. `stall` keeps every connection open and
carries nothing, as a cable that was pulled behind a switch; what waits is thrown away when the connection ends.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress

PIECE = 65536
LOOK = 0.02
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close() send RST."""


class Tap:
    """Listens on `port` and passes on to `target`. A with-block closes it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._flows, self._open, self._closed = threading.Event(), True, False
        self._flows.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.port = int(self._listener.getsockname()[1])
        self.accepted = 0
        threading.Thread(target=self._accept, name="tap", daemon=True).start()

    def __enter__(self) -> Tap:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._flows.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    def stall(self) -> None:
        """From now on nothing gets through, and nobody is told."""
        self._flows.clear()

    def reset(self) -> None:
        """End every connection with a RST."""
        pairs, self._pairs = self._pairs, []
        for one in (one for pair in pairs for one in pair):
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def cut(self) -> None:
        """End every connection and let no new one through."""
        self._open = False
        self.reset()

    def mend(self) -> None:
        """All gets through again; a connection that was stalled has lost what was sent meanwhile, so it is reset."""
        if not self._flows.is_set():
            self.reset()
        self._open = True
        self._flows.set()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 5) if self._open else None
            except OSError:
                far = None
            if far is None:
                near.close()
                continue
            self._pairs.append((near, far))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), name="tap", daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while piece := one.recv(PIECE):
                while not self._flows.wait(LOOK) and one.fileno() >= 0:
                    time.sleep(LOOK)
                other.sendall(piece)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
