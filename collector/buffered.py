"""A socket that reads and writes in large pieces, under a client that asks for one byte at a time.

Constraints. Non-blocking: `recv` raises BlockingIOError (or ssl's own) when nothing is there. `send` takes everything
at once, so a packet is never interleaved; `flush` puts out what the network takes. One thread at a time. paho spends
most of its time in system calls, and this roughly doubles its rate (reference: ingest section 2).
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress

CHUNK = 65536


class BufferedSocket:
    """Wraps a connected socket; what paho does not find here it finds on the socket itself."""

    def __init__(self, wrapped: socket.socket) -> None:
        self._wrapped = wrapped
        self.alert: ssl.SSLError | None = None
        """Why TLS ended; paho does not say."""
        self._read = b""
        self._at = 0
        self._unsent = bytearray()

    def recv(self, size: int) -> bytes:
        """At most `size` bytes; none at the end of the connection."""
        start = self._at
        if start >= len(self._read):
            if size >= CHUNK:
                return self._receive(size)
            self._read, start = self._receive(CHUNK), 0
        self._at = start + size
        return self._read[start : start + size]

    def _receive(self, size: int) -> bytes:
        try:
            return self._wrapped.recv(size)
        except ssl.SSLError as error:
            self.alert = error if error.reason and "ALERT" in error.reason else self.alert
            raise

    def pending(self) -> int:
        """Bytes that can be read without asking the network."""
        inner = self._wrapped.pending() if isinstance(self._wrapped, ssl.SSLSocket) else 0
        return max(0, len(self._read) - self._at) + inner

    def send(self, data: bytes) -> int:
        """Take all of `data` for the next `flush`."""
        self._unsent += data
        return len(data)

    @property
    def unsent(self) -> int:
        """Bytes waiting for `flush`."""
        return len(self._unsent)

    def flush(self) -> None:
        """Put out as much as the network takes now. Raises OSError when the connection is lost."""
        while self._unsent:
            try:
                sent = self._wrapped.send(self._unsent)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError:
                with suppress(OSError):  # who hung up may have said why before
                    self._receive(CHUNK)
                raise
            del self._unsent[:sent]

    def fileno(self) -> int:
        return self._wrapped.fileno()

    def setblocking(self, flag: bool) -> None:
        self._wrapped.setblocking(flag)

    def close(self) -> None:
        """Close it, after one try to put out what is unsent (a goodbye, acknowledgements)."""
        with suppress(OSError):
            self.flush()
        self._wrapped.close()
