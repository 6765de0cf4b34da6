"""The operator's page as an application: routes, and who may do what.

Constraints. It binds to nothing and reads no file of the site: everything comes through Reading and Acting. One process
may serve many readers. Not here: how things look (view.py, templates/), what is read when (board.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from dashboards.console import invited
from dashboards.console.acting import Access, Acting, BadLink, Invitation, Inviting, Person
from dashboards.console.asking import BadRequest, asked_from, form_of, worded
from dashboards.console.board import Board, Watch
from dashboards.console.entering import Busy, Entering
from dashboards.console.figures import Lang, Local
from dashboards.console.login import Forms, Logins, caller_of, fields
from dashboards.console.programs import Programs
from dashboards.console.reading import Reading, Unreadable
from dashboards.console.rights import may
from dashboards.console.sensor import sensor_page
from dashboards.console.shield import LOOPBACK, Shield, broken, from_this_page
from dashboards.console.view import Look

HERE = Path(__file__).parent

def page(
    reading: Reading,
    acting: Acting,
    *,
    entering: Entering | None = None,
    hosts: Sequence[str] = LOOPBACK,
    inviting: Inviting | None = None,
    more: Sequence[BaseRoute] = (),
    key: bytes = b"",
) -> Starlette:
    """The page. `hosts` are the names and addresses under which it is reached, without port; others are refused.

    With `inviting` it takes the links that messages carry, which need no login: whoever holds one was sent it.
    `more` are routes of its maker, which look after themselves: what gateways post.
    Without `entering` anyone who reaches it may act under a typed name, and the journal says "typed". `key` keeps the
    tokens of forms across a restart; made where empty.
    An open stream never ends by itself: call `app.state.close()` when the server is told to end (uvicorn's
    `Server.handle_exit`), and within a second all have; `timeout_graceful_shutdown` is for what else is open.
    """
    here = Console(reading, acting, entering, inviting, Forms(key))
    routes = [
        Route("/", here.index),
        Route("/sensor/{name:path}", here.sensor),
        Route("/act", here.ask, methods=["GET"]),
        Route("/act", here.act, methods=["POST"]),
        Route("/accept/{token}", here.invited, methods=["GET"]),
        Route("/accept/{token}", here.accept, methods=["POST"]),
        *here.programs(),
        Mount("/static", StaticFiles(directory=HERE / "static")),
        *more,
        *here.logins(),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Shield, hosts=hosts)],
        exception_handlers={Unreadable: here.unreadable, HTTPException: here.failed, Exception: broken},
    )
    app.state.close = here.close
    return app


class Console:
    """The handlers; those that read block, so Starlette runs them in its threads."""

    def __init__(
        self,
        reading: Reading,
        acting: Acting,
        entering: Entering | None = None,
        inviting: Inviting | None = None,
        forms: Forms | None = None,
    ) -> None:
        self.reading = reading
        self.acting = acting
        self.entering = entering
        self.inviting = inviting
        self.forms = forms or Forms()
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

    def programs(self) -> list[Route]:
        """What programs ask."""
        return Programs(self.watch, self.entering, self._board, self._word).routes()

    def logins(self) -> list[Route]:
        """The pages to log in and out; none where there are no logins."""
        if self.entering is None:
            return []
        return Logins(self.entering, self.forms, self._render, self._word).routes()

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
        board, kind = self._board(request), request.query_params.get("kind", "")
        if not may(kind, board.look.access):
            raise self._denied(request, kind)
        try:
            form = form_of(request.query_params, self.watch.world(), board.look)
        except BadRequest:
            raise HTTPException(400, board.look.word("malformed")) from None
        template = "act_form.html" if "bare" in request.query_params else "act.html"
        return self._render(template, request, board, said="", **form)

    async def act(self, request: Request) -> Response:
        """Do what the form asks, and say what became of it: 200 taken, 202 unanswered, 409 refused."""
        sent = fields(await self.forms.sent(request, lambda key: self._word(request, key)))
        board = await run_in_threadpool(self._board, request)
        look, person = board.look, await self._who_acts(request, sent)
        try:
            asked = asked_from(sent, person, self.watch.world().status, caller_of(request).address)
        except BadRequest:
            raise HTTPException(400, look.word("malformed")) from None
        if not may(asked.kind, person.access if person else "typed"):
            raise self._denied(request, asked.kind)
        answer = await run_in_threadpool(self.acting.act, asked)
        status, taken, words = worded(answer, asked, look)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"version": 1, "reply": answer.reply.value, "taken": taken, "words": words}, status)
        return self._render("plain.html", request, board, status=status, said=words)

    async def _who_acts(self, request: Request, sent: Mapping[str, str]) -> Person | None:
        """Who is logged in, or at a console whose name and password the form gives; None without logins."""
        person = self._person(request)
        if person is None or self.entering is None:
            return None
        caller = caller_of(request)
        if person.access != "console":
            self.entering.acted(caller)
            return person
        try:
            proved = await self.entering.prove(sent.get("by", ""), sent.get("password", ""), caller)
        except Busy:
            raise HTTPException(429, self._word(request, "busy")) from None
        if proved is None:
            raise HTTPException(403, self._word(request, "wrong_password"))
        return proved

    def _denied(self, request: Request, kind: str) -> HTTPException:
        if self.entering is not None:
            self.entering.denied(caller_of(request), kind)
        return HTTPException(403, self._word(request, "not_allowed"))

    def invited(self, request: Request) -> Response:
        """What a link was sent for, and the button. Looking accepts nothing."""
        invitation, look = self._invitation(request), self._look(request)
        occurrences = invited.called(invitation, self.watch.world(), look)
        return self._render("accept.html", request, None, name=invitation.person, occurrences=occurrences)

    def accept(self, request: Request) -> Response:
        """Accept what the link was sent for: 200 taken, 202 unanswered, 409 refused."""
        if not from_this_page(request.headers):
            raise HTTPException(403, self._word(request, "elsewhere"))
        answers = invited.accept(self._invitation(request), self.acting, caller_of(request).address)
        status, said = invited.worded(answers, self._look(request))
        return self._render("plain.html", request, None, status=status, said=said)

    # -- what goes wrong -------------------------------------------------------------------------------------------

    def unreadable(self, request: Request, error: Exception) -> Response:
        """Nothing was ever read: 503, in words."""
        return self._plain(request, 503, f"{self._word(request, 'unreadable')}: {error}")

    def failed(self, request: Request, error: Exception) -> Response:
        """A wrong address, or something that may not be done; the form to log in for a stranger."""
        status, said = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
        answer = self._plain(request, status, self._word(request, "not_found") if said == "Not Found" else said)
        answer.headers.update((isinstance(error, HTTPException) and error.headers) or {})
        return answer

    # -- ------------------------------------------------------------------------------------------------------------

    def _plain(self, request: Request, status: int, said: str) -> Response:
        if request.url.path.startswith("/api/") or "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"version": 1, "taken": False, "words": said}, status)
        if status == 401:
            to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return self._render("login.html", request, None, status, said="", to=to if request.method == "GET" else "/")
        return self._render("plain.html", request, None, status=status, said=said)

    def _render(
        self, template: str, request: Request, board: Board | None, status: int = 200, **more: object
    ) -> Response:
        look = board.look if board else Look(Local(self._zone()), 0, _lang(request))
        other = request.url.include_query_params(lang="en" if look.lang == "zh" else "zh")
        person = self._person(request) if board else None
        shown = {
            "board": board, "look": look, "title": board.title if board else "davylamp", "person": person,
            "csrf": self.forms.token(caller_of(request)), **more,
        }  # fmt: skip
        html = self.templates.get_template(template).render(other=f"{other.path}?{other.query}", **shown)
        return HTMLResponse(html, status)

    def _zone(self) -> str:
        try:
            return self.watch.world().status.timezone
        except Unreadable:
            return "UTC"

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
        if self.entering is None:
            return None
        person = self.entering.person(caller_of(request))
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
