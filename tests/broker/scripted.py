"""A broker of bytes: one connection after another, each packet written and read by the test itself."""

from __future__ import annotations

import select
import socket
from types import TracebackType

SHORTLY = 2.0
"""s that a packet is waited for."""


class Scripted:
    """Listens on a free port. `accept` takes the next connection, up to the CONNECT that it begins with."""

    def __init__(self, five: bool = False) -> None:
        self.five = five
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(SHORTLY)
        self.url = f"mqtt://127.0.0.1:{self._server.getsockname()[1]}"
        self.peer: socket.socket | None = None

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def hang_up(self) -> None:
        """End the connection without a word."""
        if self.peer is not None:
            self.peer.close()
            self.peer = None

    def close(self) -> None:
        """Listen no more."""
        self.hang_up()
        self._server.close()

    def comes(self, within: float) -> bool:
        """Whether somebody connects within some s; accepts nobody."""
        return bool(select.select([self._server], [], [], within)[0])

    def accept(self) -> None:
        self.hang_up()
        self.peer, _ = self._server.accept()
        self.peer.settimeout(SHORTLY)
        assert self.read()[0] == 0x10

    def let_in(self, properties: bytes = b"", session: bool = True) -> None:
        """Accept, answer CONNECT and the SUBSCRIBE that follows."""
        self.accept()
        tail = bytes([len(properties)]) + properties if self.five else b""
        self.write(0x20, bytes([session, 0]) + tail)
        self.grant()

    def grant(self) -> None:
        kind, body = self.read()
        assert kind == 0x82
        self.write(0x90, body[:2] + (b"\x00\x01" if self.five else b"\x01"))

    def publish(
        self, number: int, payload: bytes, topic: bytes = b"pit/a", *, qos: int = 1, flags: int = 0, about: bytes = b""
    ) -> None:
        """PUBLISH; `about` is its properties, of MQTT 5."""
        named = number.to_bytes(2, "big") if qos else b""
        properties = bytes([len(about)]) + about if self.five else b""
        body = len(topic).to_bytes(2, "big") + topic + named + properties + payload
        self.write(0x30 | qos << 1 | flags, body)

    def write(self, kind: int, body: bytes) -> None:
        assert self.peer is not None
        left, size = len(body), b""
        while True:
            left, part = divmod(left, 128)
            size += bytes([part | (128 if left else 0)])
            if not left:
                break
        self.peer.sendall(bytes([kind]) + size + body)

    def read(self) -> tuple[int, bytes]:
        """The next packet of the other side; raises TimeoutError where none comes."""
        kind, size = self._exactly(1)[0], self._exactly(1)[0]
        assert size < 128, "a short packet"
        return kind, self._exactly(size)

    def read_all(self, within: float) -> list[tuple[int, bytes]]:
        """What comes within some s."""
        assert self.peer is not None
        self.peer.settimeout(within)
        packets = []
        try:
            while True:
                packets.append(self.read())
        except (TimeoutError, EOFError):
            self.peer.settimeout(SHORTLY)
        return packets

    def _exactly(self, size: int) -> bytes:
        assert self.peer is not None
        data = b""
        while len(data) < size:
            more = self.peer.recv(size - len(data))
            if not more:
                raise EOFError("the other side has closed")
            data += more
        return data
