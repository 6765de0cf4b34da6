"""An HTTP server with InfluxDB's write endpoint that refuses as told, then takes all: who writes must lose nothing."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

LARGEST = 2000
"""Bytes that it takes at once while it answers 413."""
LATER = 2
"""s of Retry-After."""


class Refusal(Enum):
    """What is wrong with it."""

    LINE = "400 for one line in ten"
    TOKEN = "401"
    PLACE = "404 until the database is made"
    LARGE = "413 above 2 kB"
    LATER = "429 with Retry-After 2"
    DOWN = "503"
    SLOW = "after 12 s, later than anyone waits"


class InfluxFake:
    """Listens from the moment it is made; `refusal` None is a server that takes all."""

    def __init__(self, refusal: Refusal | None = None) -> None:
        self.refusal, self.points, self.refused = refusal, dict[bytes, int](), set[bytes]()
        self.told_later, self.early, self.writes, self.made = 0.0, 0, 0, False
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if urlsplit(self.path).path == "/query":
                    fake.made = True
                    self.answer(200, {"results": [{}]})
                    return
                fake.writes += 1
                status, more, said = fake.judge(body)
                if status == 204:
                    fake.take(body)
                self.answer(status, said, more)

            def answer(self, status: int, said: Any, more: dict[str, str] | None = None) -> None:
                data = b"" if status == 204 else json.dumps(said).encode()
                self.send_response(status)
                for name, value in {**(more or {}), "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                with suppress(OSError):  # who asked may have gone
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def judge(self, body: bytes) -> tuple[int, dict[str, str], Any]:
        """Status, headers and words for one request to write."""
        match self.refusal:
            case Refusal.LINE if bad := {line for line in body.split(b"\n") if _tenth(line)}:
                self.refused |= bad
                return 400, {}, {"code": "invalid", "message": "partial write: field type conflict dropped=1"}
            case Refusal.TOKEN:
                return 401, {}, {"code": "unauthorized", "message": "unauthorized access"}
            case Refusal.PLACE if not self.made:
                return 404, {}, {"code": "not found", "message": "database not found"}
            case Refusal.LARGE if len(body) > LARGEST and b"\n" in body:
                return 413, {}, {"code": "request too large", "message": "body too large"}
            case Refusal.LATER:
                self.early += time.monotonic() < self.told_later
                self.told_later = time.monotonic() + LATER
                return 429, {"Retry-After": str(LATER)}, {"code": "too many requests", "message": "slow down"}
            case Refusal.DOWN:
                return 503, {}, {"code": "unavailable", "message": "try again"}
            case Refusal.SLOW:
                time.sleep(12)
        return 204, {}, None

    def take(self, body: bytes) -> None:
        """Count each line by what makes it one point: measurement, tags and time."""
        for line in body.split(b"\n"):
            head, _, rest = line.partition(b" ")
            point = head + b" " + rest.rpartition(b" ")[2]
            self.points[point] = self.points.get(point, 0) + 1

    def readings(self) -> int:
        """Points of the driver's sensors."""
        return sum(point.startswith(b"reading,") and b",sensor=s0" in point for point in list(self.points))

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _tenth(line: bytes) -> bool:
    return line.startswith(b"reading,") and b",sensor=s0" in line and line.endswith(b"3")
