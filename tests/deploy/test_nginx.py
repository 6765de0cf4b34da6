"""A real nginx with the shipped configuration before the page: TLS, login, the host's name, the stream."""

from __future__ import annotations

import base64
import http.client
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import uvicorn

from collector.broker import await_port, free_port
from collector.config import ConfigMistakes, load
from collector.page_role import configured, serve
from collector.page_settings import Page
from collector.settings import Settings
from dashboards.console.page import page
from tests.dashboards.people import Logins
from tests.dashboards.sample import alarmed
from tests.deploy.shipped import DEPLOY, replaced, secrets
from tests.page_server import running
from tests.servers import find

NAME = "pit.example"
MAIN = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/davylamp.conf;
}}
"""


@contextmanager
def served(port: int, logins: Logins | None = None) -> Iterator[None]:
    """A page in alarm that moves, on loopback."""
    sample = alarmed()
    sample.moves = True
    app = page(sample, sample, hosts=(NAME,), entering=logins)
    there = Settings(Path(), Path(), page=Page(port=port))
    server = uvicorn.Server(configured(app, there))
    with running(server, app):
        yield


class Proxy:
    """nginx, and how a browser asks it."""

    def __init__(self, folder: Path, secret: Path) -> None:
        self.folder, self.secret = folder, secret
        self.port, self.plain, self.behind = free_port(), free_port(), free_port()
        self.login = {"Authorization": "Basic " + base64.b64encode(b"operator:" + self._password()).decode()}
        self.host = f"{NAME}:{self.port}"

    def _password(self) -> bytes:
        return (self.secret / "page-password").read_bytes().strip()

    @contextmanager
    def running(self, own: bool = False) -> Iterator[None]:
        """`own`: without what stands between `own login`."""
        binary = find("nginx", "apt-get install nginx")
        shipped = (DEPLOY / "nginx" / "davylamp.conf").read_text("utf-8")
        if own:
            before, without, after = shipped.split("# own login")
            assert without.count("auth_basic") == 2
            shipped = before + after
        changes = {
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "listen 80;": f"listen 127.0.0.1:{self.plain};",
            **({} if own else {"/etc/nginx/davylamp/users": f"{self.secret}/page-users"}),
            "/etc/nginx/davylamp": str(self.secret),
            "127.0.0.1:8080": f"127.0.0.1:{self.behind}",
        }
        (self.folder / "davylamp.conf").write_text(replaced(shipped, changes))
        user = "user root;" if os.geteuid() == 0 else ""  # else its workers could not read a test's folder
        (self.folder / "nginx.conf").write_text(MAIN.format(folder=self.folder, user=user))
        log = self.folder / "said"
        with log.open("wb") as out:
            process = subprocess.Popen([binary, "-c", self.folder / "nginx.conf"], stdout=out, stderr=out)
        try:
            await_port(self.port, process, log)
            yield
        finally:
            process.terminate()
            process.wait(10)

    def connection(self) -> http.client.HTTPSConnection:
        trust = ssl.create_default_context(cafile=str(self.secret / "ca.pem"))
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=trust)

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str, http.client.HTTPMessage]:
        """Status, text and headers of an answer."""
        with closing(self.connection()) as connection:
            given = {"Host": self.host} | {name.replace("_", "-"): text for name, text in headers.items()}
            connection.request(method, path, headers=given)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    asked = Proxy(folder, secrets(folder / "secrets", NAME))
    with served(asked.behind), asked.running():
        yield asked


def test_the_page_is_shown_after_a_login_over_tls(proxy: Proxy) -> None:
    assert proxy.ask("/")[0] == 401
    status, body, headers = proxy.ask("/", **proxy.login)
    assert status == 200
    assert "face-methane.cut" in body
    assert headers["Strict-Transport-Security"]
    assert "script-src 'self'" in headers["Content-Security-Policy"]


def test_another_name_is_refused_by_the_page_behind(proxy: Proxy) -> None:
    assert proxy.ask("/", **proxy.login, Host="evil.example")[0] == 421


def test_the_page_s_own_forms_are_taken_and_those_of_others_refused(proxy: Proxy) -> None:
    own, other = f"https://{proxy.host}", "https://evil.example"
    assert "too old" in proxy.ask("/act", "POST", **proxy.login, Origin=own)[1]  # an empty form: it came through
    assert "another site" in proxy.ask("/act", "POST", **proxy.login, Origin=other)[1]


def test_a_link_in_a_message_needs_no_login(proxy: Proxy) -> None:
    assert proxy.ask("/accept/token")[0] == 404  # this page was made without links; nginx let it through
    assert proxy.ask("/static/page.css")[0] == 200


def test_a_gateway_needs_no_login_and_posts_no_more_than_it_may(proxy: Proxy) -> None:
    for path in ("/reply/sms", "/delivered/sms"):
        assert proxy.ask(path)[0] == 404  # this page was made without gateways; nginx let it through
        assert proxy.ask(path, "POST", Content_Length="20000")[0] == 413
    assert proxy.ask("/replying")[0] == 401


def test_with_logins_of_its_own_nginx_asks_for_none_and_hands_tokens_on(proxy: Proxy, tmp_path: Path) -> None:
    logins = Logins(None)
    another = Proxy(tmp_path, proxy.secret)
    with served(another.behind, logins), another.running(own=True):
        cookie = "__Host-davylamp=abc; davylamp=planted"
        status, body, headers = another.ask("/", Cookie=cookie, X_Forwarded_For="6.6.6.6")
        assert (status, 'type="password"' in body) == (401, True)
        assert headers["Strict-Transport-Security"]
        caller = logins.callers[-1]
        assert (caller.session, caller.address) == ("abc", "127.0.0.1"), "https and the address are nginx's word"
        another.ask("/api/alarms", Authorization="Bearer dl_x")
        assert logins.callers[-1].bearer == "dl_x"


def test_unencrypted_leads_to_encrypted(proxy: Proxy) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=10)) as connection:
        connection.request("GET", "/sensor/ch4-2105", headers={"Host": NAME})
        answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (308, f"https://{NAME}/sensor/ch4-2105")


def test_the_stream_is_not_held_back(proxy: Proxy) -> None:
    with closing(proxy.connection()) as connection:
        connection.request("GET", "/api/events", headers={"Host": proxy.host} | proxy.login)
        answer = connection.getresponse()
        at: list[float] = []
        while len(at) < 4:
            if answer.readline().startswith(b"data:"):
                at.append(time.monotonic())
    waits = [later - earlier for earlier, later in zip(at, at[1:], strict=False)]
    assert max(waits) < 3.0, waits  # the page speaks each second; a band appears after 5


def test_the_site_file_names_the_hosts_of_a_proxy(tmp_path: Path) -> None:
    port = free_port()
    site = tmp_path / "site.toml"
    site.write_text(SITE.format(port=port, names=f'["{NAME}"]'))
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(load(site).settings, stop))
    thread.start()
    try:
        end = time.monotonic() + 20
        while (known := _status(port, NAME)) is None:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert known != 421
        assert _status(port, "evil.example") == 421
    finally:
        stop.set()
        thread.join(10)


@pytest.mark.parametrize("name", ["https://pit", "pit:8443", "pit/page", "[::1"])
def test_a_host_name_is_given_alone(tmp_path: Path, name: str) -> None:
    site = tmp_path / "site.toml"
    site.write_text(SITE.format(port=8080, names=f'["{name}"]'))
    with pytest.raises(ConfigMistakes, match=r"a host name alone: pit\.example"):
        load(site)


SITE = """
[site]
id = "pit"
timezone = "Asia/Shanghai"
[payload.plain]
topic = "pit/{{area}}/{{sensor}}"
json = {{ value = "v" }}
[sensor]
ch4-1 = {{ area = "face", quantity = "methane", unit = "%vol", every = "5s", time = "arrival" }}
[page]
port = {port}
names = {names}
"""


def _status(port: int, host: str) -> int | None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/", headers={"Host": host})
            return connection.getresponse().status
        except OSError:
            return None
