"""Who may hold the page's connections: so many an address, and a request that has begun comes whole or is ended.

Constraints. A connection costs an open file; without a bound one machine that says nothing takes them all, and nobody
else can acknowledge. Those of this machine are not counted by address (a proxy brings everyone's), only in the whole.
What was asked is answered however long that takes: only asking has its time. Not here: how often somebody may ask, and
the handshake of TLS before the request, which asyncio ends after 60 s.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

WHOLE = 10.0
"""s in which a request comes whole."""
EACH = 200
"""Connections of one address: a console holds one for each page that is open, a browser a few more."""
SPARE = 256
"""Open files that are kept for the page's own."""
FEWEST, MOST = 64, 10_000
"""Connections in all, whatever the system allows."""
BACKLOG = 1024
ALL = "all"
NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
"""Why an address of a name cannot be listened at: `localhost` is ::1 too on a machine without IPv6."""
ASKING = ("IDLE", "SEND_BODY")
"""States of h11 in which the far side has not said all."""

log = logging.getLogger(__name__)


class Prompt(H11Protocol):
    """HTTP/1.1 whose requests come whole within WHOLE s of the connection, or of their first byte."""

    whole_within = WHOLE
    _asking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there, and is to ask."""
        super().connection_made(transport)
        self._await()

    def data_received(self, data: bytes) -> None:
        """Some of a request."""
        super().data_received(data)
        if repr(self.conn.their_state) in ASKING:
            self._await()
        else:
            self._heard()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._heard()
        super().connection_lost(exc)

    def _await(self) -> None:
        if self._asking is None:
            self._asking = self.loop.call_later(self.whole_within, self._too_slow)

    def _heard(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _too_slow(self) -> None:
        self.transport.abort()


class Held(socket.socket):
    """A connection that is counted until it is closed."""

    let_go: Callable[[], None] | None = None

    def close(self) -> None:
        """Close it."""
        super().close()
        told, self.let_go = self.let_go, None
        if told is not None:
            told()


class Listener(socket.socket):
    """Takes `each` connections of an address and `most` in all, and closes at once what is more."""

    def __init__(self, given: socket.socket, each: int = EACH, most: int = 0) -> None:
        super().__init__(given.family, given.type, given.proto, given.detach())
        self._each, self._most = each, most or room()
        self._held, self._told = Counter[str](), set[str]()

    def accept(self) -> tuple[socket.socket, Any]:
        """The next that may stay. Raises BlockingIOError where nobody else waits, as any socket does."""
        while True:
            taken, address = super().accept()
            who = whose(address[0])
            if self._held.total() >= self._most:
                self._say(ALL, self._most)
            elif who and self._held[who] >= self._each:
                self._say(who, self._each)
            else:
                return self._hold(taken, who), address
            taken.close()

    def _say(self, who: str, count: int) -> None:
        """Once, until all that it holds are gone; of all, until half are."""
        if who not in self._told:
            self._told.add(who)
            log.warning("page connections=%d of=%s more=closed", count, who)

    def _hold(self, taken: socket.socket, who: str) -> Held:
        held = Held(taken.family, taken.type, taken.proto, taken.detach())
        self._held[who] += 1
        held.let_go = lambda: self._left(who)
        return held

    def _left(self, who: str) -> None:
        self._held[who] -= 1
        if not self._held[who]:
            del self._held[who]
            self._told.discard(who)
        if self._held.total() <= self._most // 2:
            self._told.discard(ALL)


def room() -> int:
    """Connections for which there are files."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST if files == resource.RLIM_INFINITY else min(MOST, max(FEWEST, files - SPARE))


def whose(host: str) -> str:
    """Under which name an address is counted: itself, of IPv6 its network of 64 bits; empty for this machine."""
    address = ip_address(host.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        return ""
    return str(address) if address.version == 4 else f"{int(address) >> 64:x}"


def listeners(host: str, port: int) -> list[Listener]:
    """One for each address of a name that this machine has. Raises OSError: none is, or one cannot be listened at."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    places = dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found)
    open_at, missing = list[Listener](), OSError(f"{host} has no address")
    for family, at in places:
        try:
            open_at.append(Listener(socket.create_server((at, port), family=family, backlog=BACKLOG)))
        except OSError as error:
            if error.errno not in NOT_HERE:
                _close(open_at)
                raise
            missing = error
    if not open_at:
        raise missing
    return open_at


def _close(sockets: list[Listener]) -> None:
    for one in sockets:
        one.close()
