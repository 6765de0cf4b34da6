"""What every answer carries and every request must: security headers, a known host, an act that comes from the page.

Constraints. No inline script or style anywhere, so the policy names none. Referrer-Policy is same-origin and not
no-referrer, because that would blank the Origin of a form. Not here: who may do what (page.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
HSTS = "max-age=31536000"


class Shield:
    """ASGI middleware. A host that is not named is refused, so that no foreign name can be bound to this address."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def shielded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                message["headers"] = headers.raw
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", HSTS)
            await send(message)

        host = named_host("//" + Headers(scope=scope).get("host", ""))
        if host in self.hosts:
            await self.app(scope, receive, shielded)
        else:
            allowed = ", ".join(sorted(self.hosts))
            text = f"This page does not answer to that host name; it answers to {allowed}.\n"
            await PlainTextResponse(text, 421)(scope, receive, shielded)


def from_this_page(headers: Headers) -> bool:
    """True if the browser says that the request was made by a page of this very origin."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return named_host(origin) is not None and urlsplit(origin).netloc == headers.get("host")
    return site == "same-origin"


def named_host(address: str) -> str | None:
    """The host that an address names; None for none, and for what is no address."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


async def broken(request: Request, error: Exception) -> Response:
    """500, for what nobody thought of: it says nothing of what it was, which is in the log, and is shielded too."""
    headers = {**HEADERS, "Strict-Transport-Security": HSTS} if request.url.scheme == "https" else HEADERS
    return PlainTextResponse("This went wrong here; the log says how.\n", 500, dict(headers))
