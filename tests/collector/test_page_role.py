"""The page as it is served: refusals to be open, TLS, who is believed about an address, and who did what from where."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import pytest
import uvicorn

from collector.actions import Asked as Wanted
from collector.actions import ask
from collector.audit import GENESIS, Audit, read_audit
from collector.broker import free_port
from collector.config import ConfigMistakes, load
from collector.connections import Prompt
from collector.entering import STATES
from collector.exposing import objections, users_file, warnings
from collector.inbox import Inbox
from collector.journal import verify
from collector.orders import action
from collector.page_role import Audited, NotServed, configured, entering, serve
from collector.page_settings import Page
from collector.serving import ThroughInbox
from collector.sessions import Sessions
from collector.settings import Settings
from collector.users import User, changing
from dashboards.console.acting import Answer, Asked, Reply
from dashboards.console.page import page
from tests.cheap import CHEAP, PASSWORD
from tests.collector.test_serving import judged_folder
from tests.dashboards.people import Logins
from tests.dashboards.sample import alarmed, calm
from tests.page_server import running
from tests.servers import find

SITE = """
[site]
id = "small"
timezone = "Asia/Shanghai"
simulated = true
[sensor]
ch4-1 = { area = "face-1", quantity = "methane", unit = "%vol", span = [0, 4] }
"""
ACK = Asked("acknowledge", "methane-high", "ch4-1", 2, "li", "operator", means="login", address="10.0.0.7")


def settings(folder: Path, **of_page: object) -> Settings:
    (folder / "site.toml").write_text(SITE)
    return replace(load(folder / "site.toml").settings, data=folder / "data", page=replace(Page(), **of_page))  # type: ignore[arg-type]


def add(file: Path, name: str = "li", access: str = "operator") -> None:
    with changing(file) as known:
        known.user[name] = User(access, CHEAP.keep(PASSWORD))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = [find("openssl", "apt-get install openssl"), *words.split(), "-addext", names,
               "-keyout", folder / "key.pem", "-out", folder / "page.pem"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return folder / "page.pem", folder / "key.pem"


def told_to_stop() -> threading.Event:
    """So that a page which is served against the rules ends, and the test fails."""
    stop = threading.Event()
    stop.set()
    return stop


# -- what is refused -------------------------------------------------------------------------------------------------


def test_on_loopback_the_page_needs_no_login(tmp_path: Path) -> None:
    assert objections(settings(tmp_path)) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_it_is_not_reached_from_elsewhere_without_logins(tmp_path: Path, host: str) -> None:
    there = settings(tmp_path, host=host)
    (said,) = objections(there)
    assert host in said
    assert "davylamp user add" in said
    with pytest.raises(NotServed, match="davylamp user add"):
        serve(there, told_to_stop())
    add(users_file(there))
    assert objections(there) == []


@pytest.mark.parametrize("text", ["", "[token.scada]\naccess = 'viewer'\nhash = 'x'", "[user.li]\naccess = 'god'", "="])
def test_a_file_of_users_without_one_lets_nobody_in(tmp_path: Path, text: str) -> None:
    there = settings(tmp_path)
    users_file(there).parent.mkdir()
    users_file(there).write_text(text)
    assert len(objections(there)) == 1
    with pytest.raises(NotServed):
        serve(there, told_to_stop())


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    there = settings(tmp_path, users=tmp_path / "who.toml")
    assert "who.toml is not there" in objections(there)[0]


def test_a_page_whose_server_ends_by_itself_ends_the_role_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NotServed, match=f"cannot listen at 127.0.0.1:{port}"):
            serve(settings(tmp_path, port=port), threading.Event())
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_: None)
    with pytest.raises(NotServed, match=f"127.0.0.1:{port} ended by itself"):
        serve(settings(tmp_path, port=port), threading.Event())


def test_the_page_s_own_server_waits_for_no_one_who_does_not_ask(tmp_path: Path) -> None:
    assert configured(page(calm(), calm()), settings(tmp_path)).http_protocol_class is Prompt


def test_users_that_are_gone_do_not_open_the_page(tmp_path: Path) -> None:
    there = settings(tmp_path)
    add(users_file(there))
    audit = Audit(there.data)
    with entering(there, audit) as entrance:
        assert entrance is not None
    users_file(there).unlink()
    with pytest.raises(NotServed, match="put it back"):
        serve(there, told_to_stop())
    audit.close()
    sessions = Sessions(there.data)
    assert "li" in sessions.fact(STATES)
    sessions.close()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('host = "0.0.0.0"', "without a certificate"),
        ('host = "pit.example"', "another address of this machine"),
        ('certificate = "site.toml"', "key"),
        ('key = "nowhere.pem"', "no file"),
        ('idle = "soon"', "idle"),
        ('session = 12', "session"),
        ('pasword = "x"', "pasword"),
    ],
)
def test_mistakes_in_the_table_are_said(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "site.toml").write_text(f"{SITE}[page]\n{line}\n")
    with pytest.raises(ConfigMistakes) as found:
        load(tmp_path / "site.toml")
    assert said in str(found.value)


def test_the_table_is_read(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    lines = f'host = "0.0.0.0"\ncertificate = "{cert}"\nkey = "{key}"\nidle = "10min"\nsession = "8h"'
    lines += '\nusers = "who.toml"'
    (tmp_path / "site.toml").write_text(f"{SITE}[page]\n{lines}\n")
    found = load(tmp_path / "site.toml").settings.page
    assert (found.host, found.idle, found.session, found.users) == (
        "0.0.0.0", 600 * 10**9, 8 * 3600 * 10**9, tmp_path / "who.toml",
    )  # fmt: skip
    assert (found.certificate, found.key) == certificate


def test_what_others_on_the_machine_can_read_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "mqtt").write_text("broker-secret\n")
    site = SITE + '[mqtt]\nurl = "mqtts://b:8883"\nuser = "d"\npassword_file = "mqtt"\nsubscriptions = ["a"]\n'
    (tmp_path / "site.toml").write_text(site)
    there = load(tmp_path / "site.toml").settings
    for mode, said in ((0o600, ""), (0o640, ""), (0o644, "read"), (0o622, "changed"), (0o660, "changed")):
        (tmp_path / "mqtt").chmod(mode)
        found = warnings(there)
        assert [said in text for text in found] == [True] * bool(said), oct(mode)
        assert "broker-secret" not in str(found)
    (tmp_path / "mqtt").chmod(0o600)
    add(users_file(there))
    assert warnings(there) == []
    users_file(there).chmod(0o644)
    assert "users.toml" in warnings(there)[0]


@pytest.mark.parametrize("name", [".", "inbox"])
def test_a_data_folder_into_which_others_can_write_is_warned_of(tmp_path: Path, name: str) -> None:
    """Who can put a message into the inbox acts as anyone; that others can look is the folder's owner's choice."""
    there = settings(tmp_path)
    (there.data / "inbox").mkdir(parents=True)
    for mode, loose in ((0o700, False), (0o755, False), (0o775, True), (0o757, True)):
        (there.data / name).chmod(mode)
        found = warnings(there)
        assert [str(there.data / name) in text and "can be changed" in text for text in found] == [True] * loose


def test_names_of_a_proxy_without_logins_are_warned_of(tmp_path: Path) -> None:
    there = settings(tmp_path, names=("pit.example",))
    assert "under a typed name" in warnings(there)[0]
    add(users_file(there))
    assert warnings(there) == []


# -- TLS and addresses -----------------------------------------------------------------------------------------------


@contextmanager
def served(there: Settings, logins: Logins | None) -> Iterator[int]:
    sample, port = alarmed(), free_port()
    app = page(sample, sample, entering=logins)
    server = uvicorn.Server(configured(app, replace(there, page=replace(there.page, port=port))))
    with running(server, app):
        yield port


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_https_is_modern_or_not_at_all(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    versions = ssl.TLSVersion
    with served(settings(tmp_path, certificate=cert, key=key), Logins(None)) as port:
        for most, taken in ((versions.TLSv1_1, False), (versions.TLSv1_2, True), (versions.TLSv1_3, True)):
            context = ssl.create_default_context(cafile=str(cert))
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, most
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
            if not taken:
                with pytest.raises(OSError, match="(?i)ssl|tls|reset"):
                    connection.request("GET", "/login")
                continue
            connection.request("GET", "/login", headers={"Host": "localhost"})
            answer = connection.getresponse()
            assert answer.status == 200
            assert answer.headers["Strict-Transport-Security"]
            assert answer.headers["Server"] is None
            connection.close()


def test_a_proxy_on_this_machine_says_who_asked_it(tmp_path: Path) -> None:
    logins = Logins(None)
    with served(settings(tmp_path), logins) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        for headers, address in (({}, "127.0.0.1"), ({"X-Forwarded-For": "10.1.2.3"}, "10.1.2.3"),
                                 ({"X-Forwarded-For": "6.6.6.6, 10.1.2.3"}, "10.1.2.3")):  # fmt: skip
            connection.request("GET", "/", headers={"Host": "localhost", **headers})
            connection.getresponse().read()
            assert logins.callers[-1].address == address, "the last hop is the proxy's word, those before are anyone's"
        connection.close()


# -- who did what ----------------------------------------------------------------------------------------------------


class Taking:
    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def act(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return Answer(Reply.TAKEN)


def test_each_action_is_in_the_audit_with_who_from_where_and_what_came_of_it(tmp_path: Path) -> None:
    audit, taking = Audit(tmp_path), Taking()
    acting = Audited(taking, audit)
    acting.act(ACK)
    acting.act(replace(ACK, by="Zhang", access="typed", means="", address="127.0.0.1"))
    audit.close()
    lines = list(read_audit(tmp_path))
    assert verify(lines, GENESIS) is None
    first, second = map(json.loads, lines)
    assert (first["by"], first["from"], first["access"], first["kind"], first["outcome"]) == (
        "li", "10.0.0.7", "login:operator", "acknowledge", "taken",
    )  # fmt: skip
    assert first["alarm"] == "methane-high/ch4-1#2"
    assert first["action"] == taking.asked[0].id != ""
    assert second["access"] == "typed"


def test_the_log_keeps_who_with_what_access_and_from_where(tmp_path: Path) -> None:
    ThroughInbox(tmp_path, wait=0).act(ACK)
    (message,) = Inbox(tmp_path).waiting()
    said = json.loads(message.payload)
    assert (said["by"], said["access"], said["from"]) == ("li", "login:operator", "10.0.0.7")
    judged = action(message.payload)
    assert (judged.by, judged.access) == ("li", "login:operator")


def test_what_the_command_line_asks_has_no_address(tmp_path: Path) -> None:
    ask(tmp_path, Wanted("comment", "r", "s", "li", note="n"))
    (message,) = Inbox(tmp_path).waiting()
    assert (json.loads(message.payload)["from"], action(message.payload).access) == ("", "typed")


def test_from_the_form_to_the_log_with_a_real_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole role: log in over HTTP, acknowledge, and find name and address in the log and in the audit."""
    monkeypatch.setattr("collector.page_role.ThroughInbox", partial(ThroughInbox, wait=0.1))
    there = settings(tmp_path, port=free_port())
    add(users_file(there))
    judged_folder(tmp_path, there.data)
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(there, stop))
    thread.start()
    try:
        browser = Browser(there.page.port)
        assert browser.get("/")[0] == 401
        assert browser.post("/login", name="li", password="wrong wrong wrong")[0] == 403
        assert browser.post("/login", name="li", password=PASSWORD)[0] == 303
        assert "methane-high" in browser.get("/")[1]
        form = {"kind": "acknowledge", "rule": "methane-high", "subject": "ch4-1", "occurrence": "1"}
        assert browser.post("/act", **form)[0] == 202, "nobody judges here: unanswered, and in the inbox"
    finally:
        stop.set()
        thread.join(20)
    (message,) = Inbox(there.data).waiting()
    assert json.loads(message.payload)["access"] == "login:operator"
    found = [json.loads(line) for line in read_audit(there.data)]
    assert [one["what"] for one in found] == ["users", "login-failed", "login", "action"]
    assert {one["from"] for one in found[1:]} == {"127.0.0.1"}


class Browser:
    """As little of one as it takes: cookies and forms' tokens."""

    def __init__(self, port: int) -> None:
        self.port, self.cookies = port, dict[str, str]()

    def get(self, path: str) -> tuple[int, str]:
        return self._send("GET", path, None)

    def post(self, path: str, **form: str) -> tuple[int, str]:
        token = self.get("/nowhere")[1].split('name="csrf" content="')[1].split('"')[0]
        return self._send("POST", path, urlencode({"csrf": token, **form}))

    def _send(self, method: str, path: str, body: str | None) -> tuple[int, str]:
        end = time.monotonic() + 20
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()),
                       "Origin": f"http://127.0.0.1:{self.port}",
                       "Content-Type": "application/x-www-form-urlencoded"}  # fmt: skip
            try:
                connection.request(method, path, body, headers)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < end
                time.sleep(0.05)
        answer = connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        text = answer.read().decode()
        connection.close()
        return answer.status, text
