"""What the page answers to programs: JSON with a version, and the stream that its own script follows.

Constraints. Each token or address asks so often and no more, where there are logins. Not here: what JSON holds
(plain.py), what travels in the stream (stream.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from dashboards.console.board import NOT_LIVE, Board, Watch
from dashboards.console.entering import Entering
from dashboards.console.login import caller_of
from dashboards.console.plain import alarms_json, hazards_json, sensors_json, status_json
from dashboards.console.stream import messages

UNBUFFERED = {"X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class Programs:
    """The handlers of /api. `board` is what the asking one may see, or raises; `word` words a key for it."""

    watch: Watch
    entering: Entering | None
    board: Callable[[Request], Board]
    word: Callable[[Request, str], str]

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/api/alarms", self.alarms),
            Route("/api/sensors", self.sensors),
            Route("/api/hazards", self.hazards),
            Route("/api/status", self.status),
            Route("/api/alive", self.alive),
            Route("/api/events", self.events),
        ]

    def alarms(self, request: Request) -> Response:
        """What stands, hidden or not, in the page's order; with `all` every pair of rule and subject."""
        board = self._asked(request)
        return JSONResponse(alarms_json(self.watch.world(), board.look, everything="all" in request.query_params))

    def sensors(self, request: Request) -> Response:
        """Every sensor and its newest reading."""
        self._asked(request)
        return JSONResponse(sensors_json(self.watch.world()))

    def hazards(self, request: Request) -> Response:
        """Every open hazard."""
        self._asked(request)
        return JSONResponse(hazards_json(self.watch.world()))

    def status(self, request: Request) -> Response:
        """How much is watched, how far judging is, the ledger."""
        board = self._asked(request)
        return JSONResponse(status_json(self.watch.world(), board.live))

    def alive(self, request: Request) -> Response:
        """Whether this page is live, and nothing else: for whoever watches over it, without a login."""
        world = self.watch.world()
        return JSONResponse({"version": 1, "live": not world.error and world.status.behind < NOT_LIVE})

    async def events(self, request: Request) -> Response:
        """The stream of the page; it ends when the login that opened it does, or may do something else."""
        look = (await run_in_threadpool(self._asked, request)).look
        entering, caller = self.entering, caller_of(request)

        def still() -> bool:
            person = entering.person(caller) if entering else None
            return entering is None or (person is not None and person.access == look.access)

        stream = messages(self.watch, look.lang, look.access, still)
        return StreamingResponse(stream, 200, UNBUFFERED, "text/event-stream")

    def _asked(self, request: Request) -> Board:
        """The board, unless it is asked for too often: 429 that says in how many s."""
        seconds = self.entering.rate(caller_of(request)) if self.entering else 0.0
        if seconds:
            raise HTTPException(429, self.word(request, "too_often"), {"Retry-After": str(math.ceil(seconds))})
        return self.board(request)
