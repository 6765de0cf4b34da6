"""Every address of the page: who may ask it, and what a form must carry. A new one that is not in the table fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from collector.hearing import Hearing
from collector.incoming import Incoming, ReplyFields, ReportFields
from collector.oncall import OnCall
from collector.secret import Secret
from dashboards.console.acting import ActionKind, BadLink, Invitation, Person
from dashboards.console.page import page
from tests.dashboards.asking_http import SELF, ask, form_token
from tests.dashboards.people import Logins
from tests.dashboards.sample import Sample, alarmed

LOGIN, OPEN, LINK, GATEWAY = "a login", "nothing", "a link", "the channel's token"
NEEDS = {
    "GET /": LOGIN, "GET /sensor/{name:path}": LOGIN, "GET /act": LOGIN, "POST /act": LOGIN,
    "GET /api/alarms": LOGIN, "GET /api/sensors": LOGIN, "GET /api/hazards": LOGIN, "GET /api/status": LOGIN,
    "GET /api/events": LOGIN, "GET /account": LOGIN, "POST /account": LOGIN, "POST /logout": OPEN,
    "GET /login": OPEN, "POST /login": OPEN, "GET /api/alive": OPEN, "MOUNT /static": OPEN,
    "GET /accept/{token}": LINK, "POST /accept/{token}": LINK,
    "GET /reply/{channel}": OPEN, "POST /reply/{channel}": GATEWAY,
    "GET /delivered/{channel}": OPEN, "POST /delivered/{channel}": GATEWAY,
}  # fmt: skip
"""What an answer needs that shows or does anything. `OPEN` shows nothing of the site."""
FORMS = [name for name, needs in NEEDS.items() if name.startswith("POST") and needs in (LOGIN, OPEN)]
INSIDE = ("face-2105", "methane", "1.52", "north-pit", "Confirm power cut")


class Links:
    def read(self, token: str) -> Invitation:
        if token != "right":
            raise BadLink("this link was not made here")
        return Invitation("li", ("face-methane.cut/ch4-2105#3",), "m")


class Whole:
    """The page with everything that it may have."""

    def __init__(self, folder: Path, who: Person | None) -> None:
        incoming = {"sms": Incoming(Secret(env="NO_SUCH_TOKEN"), ReplyFields("from", "text"), ReportFields("id"))}
        self.sample: Sample = alarmed()
        self.logins = Logins(who)
        self.hearing = Hearing(OnCall({}, (), {}, incoming=incoming), folder, self.sample)
        self.app = page(
            self.sample, self.sample, entering=self.logins, inviting=Links(), more=self.hearing.routes(), key=b"k" * 32
        )


@pytest.fixture
def whole(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Whole]:
    access = getattr(request, "param", None)
    whole = Whole(tmp_path, None if access is None else Person("vi", access))
    yield whole
    whole.hearing.close()


def names(routes: Sequence[BaseRoute]) -> list[str]:
    """Method and path of each."""
    found: list[str] = []
    for route in routes:
        if isinstance(route, Mount):
            found.append(f"MOUNT {route.path}")
        else:
            assert isinstance(route, Route), f"{route} is of a kind that no test here knows"
            found += [f"{method} {route.path}" for method in sorted(route.methods or ("ANY",)) if method != "HEAD"]
    return found


def address(name: str) -> tuple[str, str]:
    method, _, path = name.partition(" ")
    for place, one in (("{name:path}", "ch4-2105"), ("{token}", "wrong"), ("{channel}", "sms")):
        path = path.replace(place, one)
    return method, path


def test_each_address_is_in_the_table(whole: Whole) -> None:
    assert sorted(names(whole.app.routes)) == sorted(NEEDS)


@pytest.mark.parametrize("name", NEEDS)
def test_a_stranger_is_shown_nothing_and_does_nothing(whole: Whole, name: str) -> None:
    method, path = address(name)
    path = f"{path}/page.css" if method == "MOUNT" else path
    form = {"csrf": form_token(whole.app), "kind": "acknowledge", "rule": "face-methane.cut", "subject": "ch4-2105",
            "do": "password"}  # fmt: skip
    method = "GET" if method == "MOUNT" else method
    found = ask(whole.app, path, method, data=form if method == "POST" else None, headers=SELF)
    wanted = {LOGIN: {401}, LINK: {403}, GATEWAY: {401, 503}, OPEN: {200, 303, 403}}[NEEDS[name]]
    assert found.status_code in wanted, found.text
    assert not [text for text in INSIDE if text in found.text]
    assert whole.sample.asked == []


@pytest.mark.parametrize("whole", ["engineer"], indirect=True)
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site", **SELF},
        {"Sec-Fetch-Site": "same-site", **SELF},
    ],
)
def test_a_form_that_another_site_sends_is_not_taken(whole: Whole, name: str, headers: dict[str, str]) -> None:
    """Not even with the right token."""
    _, path = address(name)
    form = {"csrf": form_token(whole.app), "kind": "reset", "rule": "face-methane.cut", "subject": "ch4-2105"}
    assert ask(whole.app, path, "POST", data=form, headers=headers).status_code == 403
    assert (whole.sample.asked, whole.logins.said) == ([], [])


@pytest.mark.parametrize("whole", ["engineer"], indirect=True)
@pytest.mark.parametrize("name", FORMS)
def test_a_form_without_its_token_is_not_taken(whole: Whole, name: str) -> None:
    _, path = address(name)
    for token in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "é"}):
        assert ask(whole.app, path, "POST", data={**token, "do": "register"}, headers=SELF).status_code == 403
    assert (whole.sample.asked, whole.logins.said) == ([], [])


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_link_is_pressed_on_its_own_page_only(whole: Whole, headers: dict[str, str]) -> None:
    assert ask(whole.app, "/accept/right", "POST", headers=headers).status_code == 403
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"):
        ask(whole.app, "/accept/right", method, headers=SELF)
    assert whole.sample.asked == [], "a program that looks where a link leads accepts nothing"
    assert ask(whole.app, "/accept/right", "POST", headers=SELF).status_code == 200
    assert len(whole.sample.asked) == 1


@pytest.mark.parametrize("whole", ["viewer"], indirect=True)
@pytest.mark.parametrize("kind", [*get_args(ActionKind), "rezero", "test", ""])
def test_a_viewer_does_nothing_by_any_address(whole: Whole, kind: str) -> None:
    form = {"csrf": form_token(whole.app), "kind": kind, "rule": "face-methane.cut", "subject": "ch4-2105", "note": "n",
            "do": "register", "console": "c", "by": "wang", "for": "wang"}  # fmt: skip
    for name in NEEDS:
        method, path = address(name)
        if method == "POST" and path not in ("/login", "/logout"):
            found = ask(whole.app, path, "POST", data=form, headers=SELF)
            assert found.status_code in (400, 401, 403, 503), (path, found.text)
    assert ask(whole.app, f"/act?kind={kind}&rule=face-methane.cut&subject=ch4-2105").status_code == 403
    assert whole.sample.asked == []
    assert f"denied {kind}" in whole.logins.said


@pytest.mark.parametrize("headers", [{"Host": "["}, {"Host": "[::1"}, {"Host": "a]b"}, {"Host": ""}, {"Host": "@"}])
def test_a_host_that_is_no_address_is_not_answered(whole: Whole, headers: dict[str, str]) -> None:
    found = ask(whole.app, "/", headers=headers)
    assert (found.status_code, found.headers["X-Frame-Options"]) == (421, "DENY")


def test_what_nobody_thought_of_says_nothing_and_is_shielded(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(whole.sample, "status", broken)
    found = served(whole.app, "/api/alive")
    assert (found.status_code, found.headers["X-Frame-Options"]) == (500, "DENY")
    assert found.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "secret" not in found.text


def served(app: Starlette, path: str) -> httpx.Response:
    """As a server does it, which goes on after what the application raised."""

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path)

    return asyncio.run(asked())
