"""A webhook that is the operator's desk of a test: what it was told, when, in which notice."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Heard(NamedTuple):
    """One change of one notice."""

    at: float
    notice: str
    change: dict[str, Any]


class Desk:
    """Takes every notice from the moment it is made until `close`."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                now = time.time()
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                desk.heard += [Heard(now, body["id"], change) for change in body["changes"]]
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/desk"

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()
