"""Each way to reach a person, against a server or a program of the test's own."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from collector.calling import Command, Gateway, Hook, Text
from collector.errors import Rejected, Unavailable
from collector.posting import LONGEST, ask
from collector.secret import Secret

TEXT = Text("wall/p1#1:page:li", "north-wall 12 mm/d limit 10", "Close ramp 4 {to}", {"priority": "critical"})


class Far:
    """What came in at the far side, and what it answers."""

    def __init__(self) -> None:
        self.code, self.answer, self.paths, self.bodies = 200, b"", [], []  # type: ignore[var-annotated]
        far = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                far.paths.append(self.path)
                far.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(far.code)
                self.end_headers()
                self.wfile.write(far.answer)

            def log_message(self, *_: Any) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def far() -> Iterator[Far]:
    far = Far()
    yield far
    far.server.shutdown()
    far.server.server_close()


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Any:
    def made(value: str) -> Secret:
        monkeypatch.setenv("TEST_WAY", value)
        return Secret(env="TEST_WAY")

    return made


def test_a_gateway_gets_headline_and_text_at_the_address(far: Far, secret: Any) -> None:
    way = Gateway(secret(f"json://127.0.0.1:{far.port}/{{to}}"))
    assert way.objection("+86139") == ""
    assert way.send("+86139", TEXT) == (200, "")
    assert far.paths == ["/+86139"]
    assert far.bodies[0]["title"] == TEXT.headline
    assert far.bodies[0]["message"] == TEXT.body


def test_a_gateway_that_does_not_take_it_is_tried_again_later(far: Far, secret: Any) -> None:
    far.code = 500
    with pytest.raises(Unavailable, match="did not take it"):
        Gateway(secret(f"json://127.0.0.1:{far.port}/{{to}}")).send("li", TEXT)


def test_a_url_that_no_gateway_has_is_refused_before_the_night_it_is_needed(secret: Any) -> None:
    way = Gateway(secret("nosuch://{to}"))
    assert "takes no such" in way.objection("li")
    with pytest.raises(Rejected, match="oncall test"):
        way.send("li", TEXT)


def test_a_webhook_gets_the_id_the_address_and_the_details(far: Far, secret: Any) -> None:
    way = Hook(secret(f"http://127.0.0.1:{far.port}/sms?to={{to}}"))
    assert way.send("+86 139", TEXT) == (200, "")
    assert far.paths == ["/sms?to=%2B86%20139"]
    assert far.bodies[0] == {
        "version": 1, "id": TEXT.id, "to": "+86 139", "headline": TEXT.headline, "text": TEXT.body,
        "priority": "critical",
    }  # fmt: skip


@pytest.mark.parametrize(("code", "raised"), [(404, Rejected), (429, Unavailable), (503, Unavailable)])
def test_a_webhooks_answer_says_whether_to_try_again(
    far: Far, secret: Any, code: int, raised: type[Exception]
) -> None:
    far.code = code
    with pytest.raises(raised, match=str(code)):
        Hook(secret(f"http://127.0.0.1:{far.port}/key-4711")).send("li", TEXT)


def test_an_address_that_nobody_serves_is_unavailable_and_the_error_holds_no_secret(secret: Any) -> None:
    with pytest.raises(Unavailable) as error:
        Hook(secret("http://127.0.0.1:9/key-4711")).send("li", TEXT)
    assert "4711" not in str(error.value)


def test_a_command_gets_its_words_filled_once_and_no_shell_reads_them(tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = f"import sys; open({str(out)!r}, 'w').write('|'.join(sys.argv[1:]))"
    way = Command((sys.executable, "-c", script, "{to}", "-{headline}-", "{text}", "$(id)"))
    assert way.send("li; rm", TEXT) == (0, "")
    assert out.read_text() == f"li; rm|-{TEXT.headline}-|{TEXT.headline}\nClose ramp 4 {{to}}|$(id)"


def test_a_command_that_fails_or_is_not_there_says_so() -> None:
    with pytest.raises(Unavailable, match="ended with 3: no line"):
        Command((sys.executable, "-c", "import sys; sys.exit(print('no line', file=sys.stderr) or 3)")).send("", TEXT)
    assert "no program" in Command(("/no/such",)).objection("")
    with pytest.raises(Rejected, match="no program"):
        Command(("/no/such",)).send("", TEXT)


def test_a_webhooks_answer_names_the_message_where_it_says_so(far: Far, secret: Any) -> None:
    url = secret(f"http://127.0.0.1:{far.port}/sms")
    far.answer = b'{"messages": [{"sid": "SM7"}], "sid": 12}'
    assert Hook(url, "messages.0.sid").send("li", TEXT).id == "SM7"
    assert Hook(url, "sid").send("li", TEXT).id == "12"
    assert Hook(url, "nothing.there").send("li", TEXT).id == ""
    far.answer = b"OK"
    assert Hook(url, "sid").send("li", TEXT) == (200, ""), "it was taken all the same"


@contextmanager
def speaking(*said: bytes) -> Iterator[str]:
    """The address of somebody who answers each request with these bytes, as long as they are taken."""

    def answer(far: socket.socket) -> None:
        with far, suppress(OSError):
            far.recv(65_536)
            for part in said:
                far.sendall(part)

    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    answer(door.accept()[0])

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}/"
        door.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    "said", [b"220 mail.example ESMTP\r\n", b"HTTP/1.1 soon\r\n\r\n", b"HTTP/1.1 200 OK\r\nX" + b"x" * 70_000, b""]
)
def test_what_speaks_no_http_is_unavailable(said: bytes) -> None:
    with speaking(said) as url, pytest.raises(Unavailable, match="sms"):
        ask(url, "POST", {}, "sms")


def test_no_more_of_an_answer_is_read_than_any_gateway_says() -> None:
    with speaking(b"HTTP/1.1 200 OK\r\n\r\n", *[bytes(LONGEST)] * 20) as url:
        assert len(ask(url, "POST", {}, "sms").body) == LONGEST
