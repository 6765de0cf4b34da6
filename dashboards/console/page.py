"""The operator's page as an application: routes, and who may do what.

Constraints. It binds to nothing and reads no file of the site: everything comes through Reading and Acting. One process
may serve many readers. Not here: how things look (view.py, templates/), what is read when (board.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from dashboards.console import invited
from dashboards.console.acting import Access, Acting, BadLink, Invitation, Inviting, Person
from dashboards.console.asking import BadRequest, asked_from, form_of, may, worded
from dashboards.console.board import Board, Watch
from dashboards.console.figures import Lang, Local
from dashboards.console.plain import alarms_json, hazards_json, sensors_json, status_json
from dashboards.console.reading import Reading, Unreadable
from dashboards.console.sensor import sensor_page
from dashboards.console.shield import LOOPBACK, Shield, from_this_page
from dashboards.console.stream import messages
from dashboards.console.view import Look

HERE = Path(__file__).parent
LONGEST_BODY = 16_384

Login = Callable[[Request], Person | None]
"""Who is asking; None: nobody, and the page shows nothing."""


def page(
    reading: Reading,
    acting: Acting,
    *,
    login: Login | None = None,
    hosts: Sequence[str] = LOOPBACK,
    inviting: Inviting | None = None,
    more: Sequence[BaseRoute] = (),
) -> Starlette:
    """The page. `hosts` are the names and addresses under which it is reached, without port; others are refused.

    With `inviting` it takes the links that messages carry, which need no login: whoever holds one was sent it.
    `more` are routes of its maker, which look after themselves: what gateways post.
    Without `login` anyone who reaches it may act under a typed name, and the journal says "typed".
    An open stream never ends by itself: call `app.state.close()` when the server is told to end (uvicorn's
    `Server.handle_exit`), and within a second all have; `timeout_graceful_shutdown` is for what else is open.
    """
    here = Console(reading, acting, login, inviting)
    routes = [
        Route("/", here.index),
        Route("/sensor/{name:path}", here.sensor),
        Route("/act", here.ask, methods=["GET"]),
        Route("/act", here.act, methods=["POST"]),
        Route("/accept/{token}", here.invited, methods=["GET"]),
        Route("/accept/{token}", here.accept, methods=["POST"]),
        Route("/api/alarms", here.api_alarms),
        Route("/api/sensors", here.api_sensors),
        Route("/api/hazards", here.api_hazards),
        Route("/api/status", here.api_status),
        Route("/api/events", here.events),
        Mount("/static", StaticFiles(directory=HERE / "static")),
        *more,
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Shield, hosts=hosts)],
        exception_handlers={Unreadable: here.unreadable, HTTPException: here.failed},
    )
    app.state.close = here.close
    return app


class Console:
    """The handlers; those that read block, so Starlette runs them in its threads."""

    def __init__(
        self, reading: Reading, acting: Acting, login: Login | None, inviting: Inviting | None = None
    ) -> None:
        self.reading = reading
        self.acting = acting
        self.login = login
        self.inviting = inviting
        self.templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.watch = Watch(reading, self.templates.get_template("parts.html").module)

    def close(self) -> None:
        """Let open streams end. May be called from a signal handler."""
        self.watch.closed = True

    # -- pages -----------------------------------------------------------------------------------------------------

    def index(self, request: Request) -> Response:
        """All that stands."""
        return self._render("index.html", request, self._board(request))

    def sensor(self, request: Request) -> Response:
        """One sensor or group."""
        board, name = self._board(request), request.path_params["name"]
        span = request.query_params.get("span", "hour")
        shown = sensor_page(self.reading, self.watch.world(), name, span, board.look)
        if shown is None:
            raise HTTPException(404, board.look.word("unknown_sensor"))
        bare = "bare" in request.query_params
        return self._render("sensor_body.html" if bare else "sensor.html", request, board, **shown)

    def ask(self, request: Request) -> Response:
        """The form of one action."""
        board, person = self._board(request), self._person(request)
        if not may(request.query_params.get("kind", ""), board.look.access):
            raise HTTPException(403, board.look.word("not_allowed"))
        try:
            form = form_of(request.query_params, self.watch.world(), board.look)
        except BadRequest:
            raise HTTPException(400, board.look.word("malformed")) from None
        template = "act_form.html" if "bare" in request.query_params else "act.html"
        return self._render(template, request, board, person=person, said="", **form)

    async def act(self, request: Request) -> Response:
        """Do what the form asks, and say what became of it: 200 taken, 202 unanswered, 409 refused."""
        if not from_this_page(request.headers):
            raise HTTPException(403, self._word(request, "elsewhere"))
        body = await _body(request)
        board = await run_in_threadpool(self._board, request)
        look = board.look
        try:
            asked = asked_from(body, self._person(request), self.watch.world().status)
        except BadRequest:
            raise HTTPException(400, look.word("malformed")) from None
        if not may(asked.kind, look.access):
            raise HTTPException(403, look.word("not_allowed"))
        answer = await run_in_threadpool(self.acting.act, asked)
        status, taken, words = worded(answer, asked, look)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"version": 1, "reply": answer.reply.value, "taken": taken, "words": words}, status)
        return self._render("plain.html", request, board, status=status, said=words)

    def invited(self, request: Request) -> Response:
        """What a link was sent for, and the button. Looking accepts nothing."""
        invitation, look = self._invitation(request), self._look(request)
        occurrences = invited.called(invitation, self.watch.world(), look)
        return self._render("accept.html", request, None, name=invitation.person, occurrences=occurrences)

    def accept(self, request: Request) -> Response:
        """Accept what the link was sent for: 200 taken, 202 unanswered, 409 refused."""
        if not from_this_page(request.headers):
            raise HTTPException(403, self._word(request, "elsewhere"))
        answers = invited.accept(self._invitation(request), self.acting)
        status, said = invited.worded(answers, self._look(request))
        return self._render("plain.html", request, None, status=status, said=said)

    # -- for programs ----------------------------------------------------------------------------------------------

    def api_alarms(self, request: Request) -> Response:
        """What stands, hidden or not, in the page's order; with `all` every pair of rule and subject."""
        board = self._board(request)
        return JSONResponse(alarms_json(self.watch.world(), board.look, everything="all" in request.query_params))

    def api_sensors(self, request: Request) -> Response:
        """Every sensor and its newest reading."""
        self._board(request)
        return JSONResponse(sensors_json(self.watch.world()))

    def api_hazards(self, request: Request) -> Response:
        """Every open hazard."""
        self._board(request)
        return JSONResponse(hazards_json(self.watch.world()))

    def api_status(self, request: Request) -> Response:
        """How much is watched, how far judging is, the ledger."""
        board = self._board(request)
        return JSONResponse(status_json(self.watch.world(), board.live))

    async def events(self, request: Request) -> Response:
        """The stream of the page."""
        lang, access = _lang(request), self._access(request)
        await run_in_threadpool(self.watch.board, lang, access)
        unbuffered = {"X-Accel-Buffering": "no"}
        return StreamingResponse(messages(self.watch, lang, access), 200, unbuffered, "text/event-stream")

    # -- what goes wrong -------------------------------------------------------------------------------------------

    def unreadable(self, request: Request, error: Exception) -> Response:
        """Nothing was ever read: 503, in words."""
        return self._plain(request, 503, f"{self._word(request, 'unreadable')}: {error}")

    def failed(self, request: Request, error: Exception) -> Response:
        """A wrong address, or something that may not be done."""
        status, said = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
        return self._plain(request, status, self._word(request, "not_found") if said == "Not Found" else said)

    # -- ------------------------------------------------------------------------------------------------------------

    def _plain(self, request: Request, status: int, said: str) -> Response:
        if request.url.path.startswith("/api/") or "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"version": 1, "taken": False, "words": said}, status)
        return self._render("plain.html", request, None, status=status, said=said)

    def _render(
        self, template: str, request: Request, board: Board | None, status: int = 200, **more: object
    ) -> Response:
        look = board.look if board else Look(Local("UTC"), 0, _lang(request))
        other = request.url.include_query_params(lang="en" if look.lang == "zh" else "zh")
        shown = {"board": board, "look": look, "title": board.title if board else "davylamp", **more}
        html = self.templates.get_template(template).render(other=f"{other.path}?{other.query}", **shown)
        return HTMLResponse(html, status)

    def _invitation(self, request: Request) -> Invitation:
        if self.inviting is None:
            raise HTTPException(404, "Not Found")
        try:
            return self.inviting.read(request.path_params["token"])
        except BadLink as bad:
            raise HTTPException(403, str(bad)) from None

    def _look(self, request: Request) -> Look:
        status = self.watch.world().status
        return Look(Local(status.timezone), status.now, _lang(request), "link")

    def _board(self, request: Request) -> Board:
        return self.watch.board(_lang(request), self._access(request))

    def _person(self, request: Request) -> Person | None:
        if self.login is None:
            return None
        person = self.login(request)
        if person is None:
            raise HTTPException(401, self._word(request, "no_login"))
        return person

    def _access(self, request: Request) -> Access:
        person = self._person(request)
        return person.access if person else "typed"

    @staticmethod
    def _word(request: Request, key: str) -> str:
        return Look(Local("UTC"), 0, _lang(request)).word(key)


def _lang(request: Request) -> Lang:
    """What the address asks for, else what the browser likes best."""
    asked = request.query_params.get("lang") or request.headers.get("accept-language", "")
    return "zh" if asked.lower().startswith("zh") else "en"


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise HTTPException(413, f"more than {LONGEST_BODY} bytes")
    return body
