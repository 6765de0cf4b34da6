"""Gateways through apprise as sites use them: mail over SMTP to a sink; URLs and addresses judged before the night."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

import pytest

from collector.calling import Gateway, Text
from collector.errors import Rejected, Unavailable
from collector.secret import Secret

TEXT = Text("wall/p17#1:page:li", "北帮 p17 wall 12.3 mm/d 限值 10 紧急", "12.3 mm/d，限值 10 mm/d\n封闭 4 号坡道", {})
UUID = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"


class Mailbox:
    """As much of an SMTP server as smtplib needs (RFC 5321), on a loopback port."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], Message]] = []
        self.refuses: set[str] = set()
        box = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                to: list[str] = []
                self.say("220 sink")
                while line := self.rfile.readline().decode().strip():
                    verb = line[:4].upper()
                    if verb == "RCPT":
                        address = line.partition("<")[2].partition(">")[0]
                        taken = address not in box.refuses
                        to += [address] * taken
                        self.say("250 ok" if taken else "550 no such mailbox")
                    elif verb == "DATA":
                        self.say("354 go on")
                        box.mails.append((to, message_from_bytes(self.content(), policy=default)))
                        self.say("250 kept")
                    else:
                        self.say("221 bye" if verb == "QUIT" else "250 ok")

            def content(self) -> bytes:
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line[1:] if line.startswith(b"..") else line)
                return b"".join(lines)

            def say(self, text: str) -> None:
                self.wfile.write(text.encode() + b"\r\n")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.server.shutdown()
    box.server.server_close()


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Any:
    def made(url: str) -> Gateway:
        monkeypatch.setenv("TEST_GATEWAY", url)
        return Gateway(Secret(env="TEST_GATEWAY"))

    return made


def mail(mailbox: Mailbox) -> str:
    return f"mailto://127.0.0.1:{mailbox.port}?from=lamp@pit.example&to={{to}}&format=text"


def test_a_mail_arrives_at_its_address_with_headline_and_text(mailbox: Mailbox, gateway: Any) -> None:
    way = gateway(mail(mailbox))
    assert way.objection("li@pit.example") == ""
    assert way.send("li@pit.example", TEXT).code == 200
    ((to, found),) = mailbox.mails
    assert to == ["li@pit.example"]
    assert found["Subject"] == TEXT.headline
    assert "lamp@pit.example" in found["From"]
    body = found.get_content() if not found.is_multipart() else found.get_body(("plain",)).get_content()  # type: ignore[attr-defined]
    assert [line.strip() for line in body.strip().splitlines()] == TEXT.body.splitlines()


def test_a_mailbox_that_is_not_there_and_a_server_that_is_away_are_said_at_once(mailbox: Mailbox, gateway: Any) -> None:
    mailbox.refuses.add("li@pit.example")
    with pytest.raises(Unavailable, match="did not take it"):
        gateway(mail(mailbox)).send("li@pit.example", TEXT)
    assert mailbox.mails == []
    with pytest.raises(Unavailable):
        gateway("mailto://127.0.0.1:9?from=lamp@pit.example&to={to}").send("li@pit.example", TEXT)


SERVICES = {
    "mail": ("mailtos://user:pw@smtp.pit.example?to={to}", "li@pit.example"),
    "sms, Twilio": (f"twilio://AC{'a' * 32}:{'b' * 32}@+8613900000009/{{to}}", "+8613900000001"),
    "sms, Vonage": ("vonage://abcdefgh:ABCDEFGHIJKLMNOP@13900000009/{to}", "+8613900000001"),
    "sms, Signal": ("signal://127.0.0.1:8080/+8613900000009/{to}", "+8613900000001"),
    "WeCom, a group's robot": ("wecombot://{to}", UUID),
    "DingTalk, a robot that names someone": (f"dingtalk://SEC{'c' * 20}@{'a' * 40}/{{to}}", "13900000001"),
    "DingTalk, a robot a person": ("dingtalk://{to}", "a" * 40),
    "Feishu": ("feishu://{to}", UUID),
    "Lark": ("lark://{to}", UUID),
    "Telegram": (f"tgram://123456789:{'A' * 35}/{{to}}", "-1001234567890"),
    "Teams, a workflow": (f"workflows://prod.logic.azure.com:443/{'a' * 32}/{{to}}", "b" * 43),
}


@pytest.mark.parametrize("name", SERVICES)
def test_urls_of_services_are_taken_with_an_address_of_theirs(gateway: Any, name: str) -> None:
    url, to = SERVICES[name]
    assert gateway(url).objection(to) == ""


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("mail", "+8613900000001"),
        ("mail", "li at pit"),
        ("sms, Twilio", "12"),
        ("sms, Twilio", "li@pit.example"),
        ("sms, Vonage", "1390000"),
        ("sms, Signal", "li@pit.example"),
        ("DingTalk, a robot that names someone", "li@pit.example"),
        ("Telegram", "li@pit.example"),
    ],
)
def test_an_address_that_the_service_would_silently_leave_out_is_refused_before_the_night(
    gateway: Any, name: str, address: str
) -> None:
    """Twilio, for one, sends to the site's own number then, and says that it was taken."""
    way = gateway(SERVICES[name][0])
    assert way.objection(address) == "this gateway takes no such address"
    with pytest.raises(Rejected, match="oncall test"):
        way.send(address, TEXT)


@pytest.mark.parametrize("url", ["msteams://team/a/b/c", "tgram://no-token/{to}", "mailto://", "nosuch://{to}", "x"])
def test_a_url_that_is_none_is_refused_before_the_night(gateway: Any, url: str) -> None:
    way = gateway(url)
    assert way.objection("+8613900000001") == "apprise takes no such URL and address"
