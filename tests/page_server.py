"""The page served by a thread of the test's own process, and ended in the way the role ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket

import uvicorn
from starlette.applications import Starlette


@contextmanager
def running(server: uvicorn.Server, app: Starlette, sockets: list[socket] | None = None) -> Iterator[None]:
    """The server answers inside the block; after it, it is gone. `sockets` listen already where they are given."""
    thread = threading.Thread(target=server.run, args=(sockets,))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield
    finally:
        app.state.close()
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
