"""Coming in, over HTTP: cookies, forms' tokens, consoles, programs, and what is not shown to strangers."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie

import httpx
import pytest
from starlette.applications import Starlette

from dashboards.console.acting import Person
from dashboards.console.login import CONSOLE, KNOWN, SESSION
from dashboards.console.page import page
from tests.dashboards.asking_http import SELF, ask, form_token, send
from tests.dashboards.people import PASSWORD, Logins
from tests.dashboards.sample import Sample, alarmed

LI, WANG, ROOM = Person("li", "operator"), Person("wang", "engineer"), Person("room", "console", "console")
PROGRAM = Person("scada", "viewer", "token")
ACK = {"kind": "acknowledge", "rule": "face-methane.cut", "subject": "ch4-2105", "occurrence": "3"}
HTTPS = {"Origin": "https://127.0.0.1"}


def made(who: Person | None) -> tuple[Starlette, Sample, Logins]:
    sample, logins = alarmed(), Logins(who)
    return page(sample, sample, entering=logins), sample, logins


def post(app: Starlette, path: str, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
    data = {"csrf": form_token(app), **form}
    return ask(app, path, "POST", data=data, headers=SELF if headers is None else headers)


def cookies(reply: httpx.Response) -> dict[str, dict[str, str]]:
    found = {}
    for line in reply.headers.get_list("set-cookie"):
        ((name, morsel),) = SimpleCookie(line).items()
        found[name] = {"value": morsel.value, **{key: str(value) for key, value in morsel.items() if value}}
    return found


# -- logging in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_stranger_is_shown_the_form_where_the_page_would_be(lang: str) -> None:
    app, _, _ = made(None)
    reply = ask(app, f"/sensor/ch4-2105?lang={lang}&span=day")
    assert reply.status_code == 401
    assert {"en": "Password", "zh": "密码"}[lang] in reply.text
    assert f'name="to" value="/sensor/ch4-2105?lang={lang}&amp;span=day"' in reply.text
    assert "Retry-After" not in reply.headers


def test_the_right_password_leads_back_with_cookies_that_scripts_and_other_sites_never_see() -> None:
    app, _, _ = made(None)
    reply = post(app, "/login", name="li", password=PASSWORD, to="/sensor/ch4-2105?span=day")
    assert (reply.status_code, reply.headers["location"]) == (303, "/sensor/ch4-2105?span=day")
    found = cookies(reply)
    assert found[SESSION]["value"] == "session-secret"
    assert found[KNOWN]["max-age"] == "600"
    assert "max-age" not in found[SESSION], "it ends with the browser"
    for one in found.values():
        assert (one["httponly"], one["samesite"], one["path"]) == ("True", "strict", "/")
        assert "secure" not in one
        assert "domain" not in one


def test_behind_https_cookies_never_travel_unencrypted_and_belong_to_this_host() -> None:
    app, _, logins = made(None)
    token = form_token(app)
    secure = httpx.URL("https://127.0.0.1/login")
    data = {"csrf": token, "name": "li", "password": PASSWORD}
    found = cookies(ask(app, str(secure), "POST", data=data, headers=HTTPS))
    assert set(found) == {f"__Host-{SESSION}", f"__Host-{KNOWN}"}
    assert all(one["secure"] == "True" and one["path"] == "/" for one in found.values())
    ask(app, "https://127.0.0.1/", headers={"Cookie": f"__Host-{SESSION}=a; {SESSION}=planted"})
    assert logins.callers[-1].session == "a"
    ask(app, "http://127.0.0.1/", headers={"Cookie": f"{SESSION}=b"})
    assert logins.callers[-1].session == "b"


def test_browsers_are_told_to_stay_with_https_only_where_it_is() -> None:
    app, _, _ = made(LI)
    assert "max-age=31536000" in ask(app, "https://127.0.0.1/").headers["strict-transport-security"]
    assert "strict-transport-security" not in ask(app, "http://127.0.0.1/").headers


def test_a_wrong_password_says_no_more_than_that() -> None:
    app, _, _ = made(None)
    reply = post(app, "/login", name="li", password="wrong wrong wrong")
    assert reply.status_code == 403
    assert "Name or password is wrong." in reply.text
    assert "wrong wrong wrong" not in reply.text
    assert cookies(reply) == {}


def test_too_many_at_once_are_told_so() -> None:
    app, _, logins = made(None)
    logins.busy = True
    assert post(app, "/login", name="li", password=PASSWORD).status_code == 429


@pytest.mark.parametrize(
    "to",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:alert(1)", "evil", "",
     "/\r\nSet-Cookie: a=b", "/\tx", "/a\\b"],
)  # fmt: skip
def test_a_login_leads_nowhere_else(to: str) -> None:
    app, _, _ = made(None)
    reply = post(app, "/login", name="li", password=PASSWORD, to=to)
    assert reply.headers["location"] == "/"
    assert "a=b" not in str(reply.headers)
    assert 'name="to" value="/"' in ask(app, "/login", params={"to": to}).text


def test_logging_out_takes_the_session_and_leaves_the_console() -> None:
    app, _, logins = made(LI)
    headers = {**SELF, "Cookie": f"{SESSION}=abc; {CONSOLE}=def"}
    token = form_token(app, headers=headers)
    reply = ask(app, "/logout", "POST", data={"csrf": token}, headers=headers)
    assert reply.status_code == 303
    assert logins.said == ["logout abc"]
    assert cookies(reply)[SESSION]["max-age"] == "0"
    assert CONSOLE not in cookies(reply)


# -- forms -----------------------------------------------------------------------------------------------------------

POSTS = [("/act", ACK), ("/login", {"name": "li", "password": PASSWORD}), ("/logout", {}),
         ("/account", {"do": "password", "old": PASSWORD, "new": PASSWORD})]  # fmt: skip


@pytest.mark.parametrize(("path", "form"), POSTS, ids=str)
@pytest.mark.parametrize("token", ["", "0" * 64, "ä"])
def test_no_form_is_taken_without_its_token(path: str, form: dict[str, str], token: str) -> None:
    app, sample, logins = made(WANG)
    reply = ask(app, path, "POST", data={**form, "csrf": token}, headers=SELF)
    assert reply.status_code == 403
    assert "too old" in reply.text
    assert (sample.asked, logins.said, cookies(reply)) == ([], [], {})


@pytest.mark.parametrize(("path", "form"), POSTS, ids=str)
def test_no_form_is_taken_from_another_site_even_with_its_token(path: str, form: dict[str, str]) -> None:
    app, sample, logins = made(WANG)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        assert post(app, path, headers, **form).status_code == 403
    assert (sample.asked, logins.said) == ([], [])


def test_a_token_is_of_one_session_and_of_one_page() -> None:
    app, _, _ = made(LI)
    tokens = {form_token(app, headers={"Cookie": f"{SESSION}={k}"}) for k in "abc"} | {form_token(app)}
    assert len(tokens) == 4
    assert form_token(made(LI)[0]) not in tokens
    stays = [page(alarmed(), alarmed(), key=b"kept") for _ in range(2)]
    assert form_token(stays[0]) == form_token(stays[1]), "a restart leaves an open form good"


@pytest.mark.parametrize("path", ["/act?kind=comment&rule=fan-stopped&subject=fan-2105", "/login", "/account"])
def test_every_form_of_the_page_carries_it(path: str) -> None:
    app, _, _ = made(WANG)
    html = ask(app, path).text
    forms = html.count('<form method="post"') + html.count('class="ask" method="post"')
    assert forms >= 1
    assert html.count(f'name="csrf" value="{form_token(app)}"') == forms


# -- acting ----------------------------------------------------------------------------------------------------------


def test_who_is_logged_in_acts_under_that_name_from_that_address() -> None:
    app, sample, logins = made(LI)
    assert send(app, **ACK, by="somebody else").status_code == 200
    (asked,) = sample.asked
    assert (asked.by, asked.access, asked.means, asked.address) == ("li", "operator", "login", "127.0.0.1")
    assert "acted" in logins.said


def test_an_operator_accepts_for_a_named_person_and_both_are_written() -> None:
    app, sample, _ = made(LI)
    assert 'name="for"' in ask(app, "/act?kind=accept&rule=fan-stopped&subject=fan-2105").text
    assert 'name="for"' not in ask(app, "/act?kind=comment&rule=fan-stopped&subject=fan-2105").text
    send(app, **{**ACK, "kind": "accept", "for": " Wang Wei "})
    send(app, **{**ACK, "kind": "accept"})
    send(app, **{**ACK, "for": "Wang Wei"})
    assert [one.by for one in sample.asked] == ["Wang Wei (li)", "li", "li"]


def test_at_a_console_whoever_acts_gives_name_and_password() -> None:
    app, sample, _ = made(ROOM)
    form = ask(app, "/act?kind=acknowledge&rule=face-methane.cut&subject=ch4-2105&occurrence=3").text
    assert 'name="password" type="password"' in form
    assert 'role="button"' in ask(app, "/").text
    for name, password in (("zhang", "wrong wrong wrong"), ("", ""), ("room", PASSWORD)):
        reply = send(app, **ACK, by=name, password=password)
        assert (reply.status_code, reply.json()["words"]) == (403, "Name or password is wrong.")
    assert sample.asked == []
    assert send(app, **ACK, by="zhang", password=PASSWORD).status_code == 200
    assert [(one.by, one.access, one.means) for one in sample.asked] == [("zhang", "operator", "console")]


def test_at_a_console_it_counts_what_the_person_may() -> None:
    app, sample, logins = made(ROOM)
    for access, status in (("viewer", 403), ("operator", 403), ("engineer", 200)):
        logins.proved = Person("zhang", access, "console")  # type: ignore[arg-type]
        reply = send(app, **{**ACK, "kind": "reset"}, by="zhang", password=PASSWORD)
        assert reply.status_code == status
    assert len(sample.asked) == 1
    logins.busy = True
    assert send(app, **ACK, by="zhang", password=PASSWORD).status_code == 429


def test_after_an_idle_time_the_form_knows_the_name_and_asks_the_password() -> None:
    app, _, _ = made(Person("li", "console"))
    form = ask(app, "/act?kind=acknowledge&rule=face-methane.cut&subject=ch4-2105").text
    assert 'value="li"' in form
    assert 'type="password"' in form
    assert 'value="room"' not in ask(made(ROOM)[0], "/act?kind=comment&rule=fan-stopped&subject=fan-2105").text


def test_what_is_denied_is_written_down() -> None:
    app, sample, logins = made(Person("guest", "viewer"))
    assert send(app, **ACK).status_code == 403
    assert ask(app, "/act?kind=reset&rule=fan-stopped&subject=fan-2105").status_code == 403
    assert "denied acknowledge" in logins.said
    assert "denied reset" in logins.said
    assert sample.asked == []


# -- programs --------------------------------------------------------------------------------------------------------


def test_a_program_shows_its_token_and_no_form_s() -> None:
    app, sample, logins = made(Person("scada", "operator", "token"))
    bearer = {"Authorization": "Bearer dl_secret", "Accept": "application/json"}
    assert ask(app, "/api/alarms", headers=bearer).status_code == 200
    assert logins.callers[-1].bearer == "dl_secret"
    assert ask(app, "/act", "POST", data=ACK, headers=bearer).status_code == 200
    assert [(one.by, one.access, one.means) for one in sample.asked] == [("scada", "operator", "token")]


def test_a_viewer_program_only_looks_and_a_wrong_one_not_even_that() -> None:
    app, sample, logins = made(PROGRAM)
    bearer = {"Authorization": "bearer dl_secret"}
    assert ask(app, "/act", "POST", data=ACK, headers=bearer).status_code == 403
    logins.who = None
    assert ask(app, "/api/alarms", headers=bearer).status_code == 401
    assert ask(app, "/act", "POST", data=ACK, headers={**bearer, "Accept": "application/json"}).status_code == 401
    assert sample.asked == []


@pytest.mark.parametrize("header", ["Basic b3A6cHc=", "Bearer", "", "Bearer  "])
def test_another_header_is_no_token(header: str) -> None:
    app, sample, logins = made(LI)
    assert ask(app, "/act", "POST", data=ACK, headers={"Authorization": header}).status_code == 403
    assert logins.callers == [] or logins.callers[-1].bearer == ""
    assert sample.asked == []


@pytest.mark.parametrize("path", ["/api/alarms", "/api/sensors", "/api/status", "/api/events"])
def test_who_asks_too_often_is_told_when_to_come_again(path: str) -> None:
    app, _, logins = made(PROGRAM)
    logins.seconds = 1.2
    reply = ask(app, path)
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "2")
    assert "ch4" not in reply.text
    assert ask(app, "/").status_code == 200, "people are not counted"


# -- account ---------------------------------------------------------------------------------------------------------


def test_the_account_changes_a_password_and_registers_and_withdraws_consoles() -> None:
    app, _, logins = made(WANG)
    html = ask(app, "/account").text
    assert "control-room" in html
    assert "changed" in post(app, "/account", do="password", old=PASSWORD, new="x" * 12).text
    assert post(app, "/account", do="withdraw", id="c0ffee").status_code == 200
    reply = post(app, "/account", do="register", console="room")
    found = cookies(reply)[CONSOLE]
    assert (reply.status_code, found["value"], found["httponly"], found["samesite"]) == (
        303, "console-secret", "True", "strict",
    )  # fmt: skip
    assert int(found["max-age"]) > 300 * 86_400
    assert logins.said == ["changed", "withdraw c0ffee"]
    assert post(app, "/account", do="explode").status_code == 400


def test_what_is_refused_is_said() -> None:
    app, _, _ = made(LI)
    assert "Name or password is wrong." in post(app, "/account", do="password", old="x", new="y").text
    assert post(app, "/account", do="register", console="room").status_code == 403
    assert "console" not in ask(app, "/account").text.lower().split("<main")[1]


def test_a_stranger_has_no_account_and_without_logins_there_are_no_such_pages() -> None:
    assert ask(made(None)[0], "/account").status_code == 401
    sample = alarmed()
    for path in ("/login", "/account"):
        assert ask(page(sample, sample), path).status_code == 404


def test_whatever_a_name_holds_is_only_text() -> None:
    app, _, _ = made(Person("<img src=x>", "engineer"))
    for path in ("/", "/account"):
        html = ask(app, path).text
        assert "<img" not in html
        assert "&lt;img" in html


def test_the_pages_of_a_login_are_bare_of_inline_code_too() -> None:
    for who in (None, WANG, ROOM):
        app, _, _ = made(who)
        for path in ("/login", "/account", "/"):
            html = ask(app, path).text
            assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=|https?://", html), path
