"""The page asked over HTTP, in process: no port, no threads of our own."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
from starlette.applications import Starlette

SELF = {"Origin": "http://127.0.0.1"}


def ask(app: Starlette, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    """One request, answered."""

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **more)

    return asyncio.run(asked())


def form_token(app: Starlette, **more: Any) -> str:
    """What a form of the page carries, as it stands in the page."""
    found = re.search(r'<meta name="csrf" content="(\w+)">', ask(app, "/nowhere", **more).text)
    assert found is not None
    return found[1]


def send(app: Starlette, headers: dict[str, str] | None = None, **form: str | int) -> httpx.Response:
    """A form of the page, sent by the page."""
    headers = {**(SELF if headers is None else headers), "Accept": "application/json"}
    data = {"csrf": form_token(app), **{k: str(v) for k, v in form.items()}}
    return ask(app, "/act", "POST", data=data, headers=headers)
