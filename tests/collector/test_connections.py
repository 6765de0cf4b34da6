"""One who holds connections and says nothing keeps nobody else from the page."""

from __future__ import annotations

import errno
import logging
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import uvicorn

from collector import connections
from collector.connections import Listener, Prompt, listeners, room, whose
from dashboards.console.page import page
from tests.dashboards.people import Logins
from tests.dashboards.sample import alarmed
from tests.page_server import running

ASK = b"GET /api/alive HTTP/1.1\r\nHost: localhost\r\n"
FORM = b"POST /login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Length: 100\r\n\r\n"


class Hasty(Prompt):
    whole_within = 0.15


@contextmanager
def served(protocol: type[Prompt] = Hasty, each: int = 3, most: int = 6) -> Iterator[int]:
    sample = alarmed()
    app = page(sample, sample, entering=Logins(None))
    door = Listener(socket.create_server(("127.0.0.1", 0)), each, most)
    server = uvicorn.Server(uvicorn.Config(app, http=protocol, log_level="critical", timeout_keep_alive=30))
    with running(server, app, [door]):
        yield door.getsockname()[1]


def call(port: int, said: bytes = b"") -> socket.socket:
    there = socket.create_connection(("127.0.0.1", port), timeout=10)
    there.sendall(said)
    return there


def heard(there: socket.socket) -> bytes:
    """All until the far side ends it."""
    found = b""
    while True:
        try:
            more = there.recv(65_536)
        except ConnectionResetError:
            return found
        if not more:
            return found
        found += more


@pytest.mark.parametrize("said", [b"", b"GET", ASK, ASK + b"X: ", FORM, FORM + b"a=b"])
def test_who_begins_and_does_not_end_is_ended(said: bytes) -> None:
    with served() as port, closing(call(port, said)) as slow:
        assert heard(slow) == b""


def test_a_second_request_that_does_not_end_is_ended_too() -> None:
    with served() as port, closing(call(port, ASK + b"\r\n")) as slow:
        found = b""
        while b'"live":true' not in found:
            found += slow.recv(65_536)
        slow.sendall(ASK)
        assert heard(slow) == b""


def drops(slow: socket.socket) -> None:
    for _ in range(200):
        slow.sendall(b"G")
        time.sleep(0.05)


def test_drop_by_drop_is_not_whole_either() -> None:
    with served() as port, closing(call(port)) as slow, pytest.raises(OSError, match="(?i)pipe|reset"):
        drops(slow)


def test_an_answer_may_take_as_long_as_it_takes() -> None:
    """The stream of an open page is one request."""
    sample = alarmed()
    app = page(sample, sample)
    door = Listener(socket.create_server(("127.0.0.1", 0)))
    server = uvicorn.Server(uvicorn.Config(app, http=Hasty, log_level="critical"))
    asked = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with running(server, app, [door]), closing(call(door.getsockname()[1], asked)) as stream:
        found = b""
        while found.count(b"data: ") < 2:  # one a second
            found += stream.recv(65_536)


def test_what_is_more_than_all_may_hold_is_closed_and_what_ends_makes_room() -> None:
    with served(Prompt) as port:
        held = [call(port) for _ in range(6)]
        with closing(call(port, ASK + b"\r\n")) as more:
            assert heard(more) == b""
        for one in held:
            one.close()
        end = time.monotonic() + 10
        found = b""
        while not found and time.monotonic() < end:
            with closing(call(port, ASK + b"Connection: close\r\n\r\n")) as again:
                found = heard(again)
        assert b'"live":true' in found


class Door:
    """The far sides of a listener, each from the address that is wanted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, each: int, most: int) -> None:
        self.door, self.addresses = Listener(socket.create_server(("127.0.0.1", 0)), each, most), list[str]()
        taken = socket.socket.accept

        def accept(given: socket.socket) -> tuple[socket.socket, Any]:
            return taken(given)[0], (self.addresses.pop(0), 1)

        monkeypatch.setattr(socket.socket, "accept", accept)
        self.door.setblocking(False)

    def take(self, *addresses: str) -> list[socket.socket]:
        """Those that may stay."""
        self.addresses = list(addresses)
        far = [socket.create_connection(self.door.getsockname()) for _ in addresses]
        found = []
        while self.addresses:
            try:
                found.append(self.door.accept()[0])
            except BlockingIOError:
                time.sleep(0.001)
        for one in far:
            one.close()
        return found


def test_one_address_holds_so_many_and_the_others_come_in(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, connections.__name__)
    door = Door(monkeypatch, each=2, most=100)
    kept = door.take("10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.1", *["127.0.0.1"] * 4, "::ffff:10.0.0.2")
    assert len(kept) == 2 + 1 + 4 + 1
    assert len(caplog.records) == 1, "a flood is one line"
    for one in kept:
        one.close()
        one.close()
    kept = door.take("10.0.0.1", "10.0.0.1", "10.0.0.1")
    assert len(kept) == 2, "what was closed twice made room once"
    for one in [*kept, door.door]:
        one.close()


def test_where_all_are_held_whoever_is_turned_away_is_not_remembered_and_it_is_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, connections.__name__)
    door = Door(monkeypatch, each=2, most=4)
    first = [f"10.0.1.{k}" for k in range(4)]
    kept = door.take(*first, *[f"10.0.2.{k}" for k in range(20)])
    assert [record.getMessage() for record in caplog.records] == ["page connections=4 of=all more=closed"]
    assert len(door.door._told) == 1
    kept.pop().close()
    kept += door.take("10.0.1.9", "10.0.2.1")
    assert len(caplog.records) == 1, "one that goes does not end it"
    for one in kept:
        one.close()
    assert not door.door._told
    kept = door.take(*first, "10.0.2.1")
    assert len(caplog.records) == 2
    for one in [*kept, door.door]:
        one.close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("127.0.0.1", "::1", True),
    ],
)
def test_whose_a_connection_is(one: str, other: str, same: bool) -> None:
    assert (whose(one) == whose(other)) is same


def test_this_machine_s_are_counted_in_all_only() -> None:
    assert [whose(host) for host in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1")] == [""] * 4


@pytest.mark.parametrize(("files", "connections"), [(1024, 768), (100, 64), (resource.RLIM_INFINITY, 10_000)])
def test_the_page_s_own_files_have_room_beside_them(
    monkeypatch: pytest.MonkeyPatch, files: int, connections: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda what: (files, files))
    assert room() == connections


def test_a_name_is_listened_at_all_its_addresses() -> None:
    found = listeners("localhost", 0)
    assert {one.getsockname()[0] for one in found} <= {"127.0.0.1", "::1"}
    for one in found:
        one.close()


class Addresses:
    """What a name stands for, and which of it this machine refuses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refused: dict[str, int]) -> None:
        self.made, made = list[socket.socket](), socket.create_server
        found = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]

        def create(address: tuple[str, int], **how: Any) -> socket.socket:
            if address[0] in refused:
                raise OSError(refused[address[0]], "refused")
            self.made.append(made(address, **how))
            return self.made[-1]

        told = [(family, socket.SOCK_STREAM, 6, "", (at, 0)) for family, at in found]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: told)
        monkeypatch.setattr(socket, "create_server", create)


@pytest.mark.parametrize("why", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_family_that_this_machine_has_not_keeps_no_page_from_starting(
    monkeypatch: pytest.MonkeyPatch, why: int
) -> None:
    Addresses(monkeypatch, {"::1": why})
    (one,) = listeners("localhost", 0)
    assert one.getsockname()[0] == "127.0.0.1"
    one.close()
    Addresses(monkeypatch, {"::1": why, "127.0.0.1": why})
    with pytest.raises(OSError, match="refused"):
        listeners("localhost", 0)


def test_a_port_that_is_taken_at_one_address_is_an_error_and_leaves_none_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = list[Listener]()
    monkeypatch.setattr(Listener, "close", lambda one: closed.append(one) or socket.socket.close(one))
    Addresses(monkeypatch, {"::1": errno.EADDRINUSE})
    with pytest.raises(OSError, match="refused"):
        listeners("localhost", 0)
    assert len(closed) == 1
