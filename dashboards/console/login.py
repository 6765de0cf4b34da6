"""Coming in, in HTTP: cookies, the token that every form carries, and the pages to log in, out, and change a password.

Constraints. Cookies are HttpOnly, SameSite=Strict, and behind https Secure with the prefix that binds them to their
host. A form's token is bound to the cookie it was made for. No password is kept longer than one request takes.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboards.console.bodies import posted
from dashboards.console.entering import Busy, Caller, Entering, Refused
from dashboards.console.shield import from_this_page

SESSION, CONSOLE, KNOWN = "davylamp", "davylamp-console", "davylamp-known"
CONSOLE_LASTS = 400 * 86_400
"""s; the longest that browsers keep a cookie. Then the console is registered anew."""

Render = Callable[..., Response]
"""`render(template, request, status=..., **shown)`."""


def caller_of(request: Request) -> Caller:
    """What the request shows. Behind a proxy on this machine the address is that of whoever asked the proxy."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    cookies = {name: request.cookies.get(_name(request, name), "") for name in (SESSION, CONSOLE, KNOWN)}
    return Caller(
        request.client.host if request.client else "",
        cookies[SESSION],
        cookies[CONSOLE],
        cookies[KNOWN],
        token.strip() if scheme.lower() == "bearer" else "",
    )


class Forms:
    """The token of the page's forms: known only to who can read the page. `key` is for those who carry no cookie."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key or secrets.token_bytes(32)

    def token(self, caller: Caller) -> str:
        """What a form for this caller carries."""
        return hmac.digest(self._key, (caller.session or caller.console).encode(), "sha256").hex()

    async def sent(self, request: Request, wrong: Callable[[str], str]) -> bytes:
        """The body of a form that this page made and sent, or of a program with a token.

        Raises HTTPException: 403 for another site's, 413 for one that is too long. `wrong` words a key.
        """
        caller = caller_of(request)
        if not caller.bearer and not from_this_page(request.headers):
            raise HTTPException(403, wrong("elsewhere"))
        body = await posted(request)
        token = fields(body).get("csrf", "")
        if not caller.bearer and not hmac.compare_digest(token.encode(), self.token(caller).encode()):
            raise HTTPException(403, wrong("old_form"))
        return body


def fields(body: bytes) -> dict[str, str]:
    """A form's fields, the first of each name; none of what is no form."""
    try:
        return {name: values[0] for name, values in parse_qs(body.decode(), max_num_fields=30).items()}
    except ValueError:
        return {}


@dataclass(frozen=True, slots=True)
class Logins:
    """The handlers of /login, /logout and /account."""

    entering: Entering
    forms: Forms
    render: Render
    word: Callable[[Request, str], str]

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/login", self.get, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/account", self.account, methods=["GET"]),
            Route("/account", self.change, methods=["POST"]),
        ]

    def ask(self, request: Request, status: int = 200, said: str = "", to: str = "") -> Response:
        """The form to log in; afterwards the browser goes to `to`."""
        return self.render("login.html", request, None, status=status, said=said, to=to or "/")

    async def get(self, request: Request) -> Response:
        """GET /login."""
        return self.ask(request, to=_local(request.query_params.get("to", "/")))

    async def login(self, request: Request) -> Response:
        """POST /login: 303 with the cookies, 403 where name or password is wrong, 429 where too many try at once."""
        form, caller = await self._form(request), caller_of(request)
        to = _local(form.get("to", "/"))
        try:
            given = await self.entering.login(form.get("name", ""), form.get("password", ""), caller)
        except Busy:
            return self.ask(request, 429, self.word(request, "busy"), to)
        if given is None:
            return self.ask(request, 403, self.word(request, "wrong_password"), to)
        answer = RedirectResponse(to, 303)
        _set(answer, request, SESSION, given.session)
        if given.known:
            _set(answer, request, KNOWN, given.known, given.known_lasts)
        return answer

    async def logout(self, request: Request) -> Response:
        """POST /logout."""
        await self._form(request)
        self.entering.logout(caller_of(request))
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(_name(request, SESSION), secure=_secure(request), httponly=True, samesite="strict")
        return answer

    async def account(self, request: Request) -> Response:
        """GET /account: who is logged in, another password, consoles."""
        return self._account(request)

    async def change(self, request: Request) -> Response:
        """POST /account: another password, a console registered or withdrawn."""
        form, caller = await self._form(request), caller_of(request)
        try:
            match form.get("do"):
                case "password":
                    await self.entering.change(form.get("old", ""), form.get("new", ""), caller)
                    return self._account(request, said="password_changed")
                case "register":
                    secret, answer = self.entering.register(form.get("console", ""), caller), RedirectResponse("/", 303)
                    _set(answer, request, CONSOLE, secret, CONSOLE_LASTS)
                    return answer
                case "withdraw":
                    self.entering.withdraw(form.get("id", ""), caller)
                    return self._account(request)
        except Refused as why:
            return self._account(request, 403, str(why))
        except Busy:
            return self._account(request, 429, "busy")
        raise HTTPException(400, self.word(request, "malformed"))

    def _account(self, request: Request, status: int = 200, said: str = "") -> Response:
        person = self.entering.person(caller_of(request))
        if person is None:
            raise HTTPException(401, self.word(request, "no_login"))
        consoles = self.entering.consoles() if person.access == "engineer" else ()
        words = self.word(request, said) if said else ""
        return self.render("account.html", request, None, status=status, person=person, consoles=consoles, said=words)

    async def _form(self, request: Request) -> Mapping[str, str]:
        return fields(await self.forms.sent(request, lambda key: self.word(request, key)))


def _local(to: str) -> str:
    """An address of this page, or its first one: nobody is led elsewhere."""
    good = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable() and "\\" not in to
    return to if good else "/"


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _name(request: Request, name: str) -> str:
    return f"__Host-{name}" if _secure(request) else name


def _set(answer: Response, request: Request, name: str, secret: str, lasts: int | None = None) -> None:
    settings: dict[str, Any] = {"secure": _secure(request), "httponly": True, "samesite": "strict", "path": "/"}
    answer.set_cookie(_name(request, name), secret, max_age=lasts, **settings)
