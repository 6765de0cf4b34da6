"""Logging in, an account and a console, in a real browser on a telephone and a screen."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from collector.audit import Audit
from collector.entering import Entrance
from collector.sessions import Sessions
from collector.users import User, Users, changing
from dashboards.console.page import page
from tests.browser.chromium import Tab, find
from tests.cheap import CHEAP, PASSWORD
from tests.dashboards.sample import Sample, alarmed
from tests.page_server import running

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find() is None, reason="chromium is not installed; apt install chromium"),
]

WIDER = "[...document.querySelectorAll('main *')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth)"
"""What is cut off."""
READY = "document.readyState == 'complete'"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with Tab(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@contextmanager
def served(sample: Sample, folder: Path) -> Iterator[str]:
    """The page with the logins li and wang, on loopback."""
    with changing(folder / "users.toml") as known:
        for name, access in (("li", "operator"), ("wang", "engineer")):
            known.user[name] = User(access, CHEAP.keep(PASSWORD))
    sessions, audit = Sessions(folder), Audit(folder)
    entrance = Entrance(Users(folder / "users.toml"), sessions, audit, hashing=CHEAP)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = page(sample, sample, entering=entrance)
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=5, lifespan="off")
        try:
            with running(uvicorn.Server(config), app, [listening]):
                yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            for one in (entrance, sessions, audit):
                one.close()


def fill(tab: Tab, form: str, **fields: str) -> None:
    for name, text in fields.items():
        tab.value(f"document.querySelector('{form} [name={name}]').value = {text!r}")
    tab.value(f"document.querySelector('{form} button').click()")


def test_a_shift_on_a_telephone_and_at_a_console(tab: Tab, tmp_path: Path) -> None:
    sample = alarmed()
    with served(sample, tmp_path) as url:
        for lang in ("zh", "en"):
            tab.size(360, 740)
            tab.open(f"{url}sensor/ch4-2105?lang={lang}")
            assert tab.value("document.documentElement.scrollWidth") == 360
            assert tab.value(f"{WIDER}.length") == 0
        fill(tab, "form.ask", name="li", password="wrong wrong wrong")
        tab.wait_for("document.querySelector('.said')?.textContent == 'Name or password is wrong.'")
        fill(tab, "form.ask", name="li", password=PASSWORD)
        tab.wait_for("location.pathname == '/sensor/ch4-2105' && !!document.getElementById('person')")
        tab.open(f"{url}?lang=en")
        tab.value("document.querySelector('#alarms a.acknowledge').click()")
        tab.wait_for("document.getElementById('ask').open")
        assert tab.value("document.querySelector('#ask [name=password]')") is None
        tab.value("document.querySelector('#ask button').click()")
        tab.wait_for("document.getElementById('answer').textContent.startsWith('Taken')")
        tab.open(f"{url}account?lang=zh")
        assert tab.value("document.documentElement.scrollWidth") == 360
        assert tab.value(f"{WIDER}.length") == 0
        fill(tab, "form[action^=\"/logout\"]")
        tab.wait_for("!!document.querySelector('form.ask [name=password]')")

        tab.size(1280, 900)
        fill(tab, "form.ask", name="wang", password=PASSWORD)
        tab.wait_for(f"{READY} && !!document.getElementById('alarms')")
        tab.open(f"{url}account?lang=en")
        tab.value("document.querySelector('[name=console]').value = 'control-room'")
        tab.value("document.querySelector('[name=console]').form.querySelector('button').click()")
        tab.wait_for(f"{READY} && document.getElementById('person')?.textContent == 'control-room'")
        tab.value("document.querySelector('#alarms a.acknowledge').click()")
        tab.wait_for("document.getElementById('ask').open")
        fill(tab, "#ask", by="li", password="wrong wrong wrong")
        tab.wait_for("document.querySelector('#ask .said').textContent.length > 3")
        fill(tab, "#ask", by="li", password=PASSWORD)
        tab.wait_for("document.getElementById('answer').textContent.length > 3")
        assert tab.value("JSON.stringify(localStorage)").count(PASSWORD) == 0
        assert tab.value("document.cookie") == "", "no script sees one"
        tab.open("about:blank#")
    assert [(one.by, one.means, one.access) for one in sample.asked] == [
        ("li", "login", "operator"), ("li", "console", "operator"),
    ]  # fmt: skip


def test_a_page_whose_session_ends_asks_for_the_login_by_itself(tab: Tab, tmp_path: Path) -> None:
    with served(alarmed(), tmp_path) as url:
        tab.open(f"{url}?lang=en")
        fill(tab, "form.ask", name="li", password=PASSWORD)
        tab.wait_for(f"{READY} && document.body.dataset.stream && !!document.getElementById('alarms')")
        with changing(tmp_path / "users.toml") as known:
            del known.user["li"]
        tab.wait_for("!!document.querySelector('form.ask [name=password]')", 15)
        assert "ch4-2105" not in tab.value("document.body.textContent")
        tab.open("about:blank#")
