"""What a person meets who types something natural and wrong: one line that says what was found and what to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from collector.address import reason
from collector.cli import main, trouble
from collector.errors import Occupied
from collector.listening import Broker
from collector.locking import held
from collector.running import RUN_LOCK, RUNNING
from collector.verbs_site import FIRST_SITE


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and stderr of a command."""
    try:
        code = main(words)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, capsys.readouterr().err


@pytest.mark.parametrize(("typed", "near"), [("alarm", "alarms"), ("chek", "check"), ("acknowledge", "")])
def test_a_verb_that_is_none_is_told_the_nearest(typed: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, error = said([typed], capsys)
    assert code == 2
    assert f"found {typed!r}, which is no verb" in error
    assert (f"nearest {near!r}" in error) is bool(near)
    assert "davylamp --help" in error


def test_no_verb_at_all_says_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    code, error = said([], capsys)
    assert code == 2
    assert "`davylamp --help` lists the verbs" in error


@pytest.mark.parametrize("words", [["demo", "--port"], ["run", "site.toml", "--port"]], ids=["demo", "run"])
@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_that_is_none_is_refused_before_anything_starts(
    words: list[str], port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = said([*words[:-1], f"--port={port}"], capsys)
    assert code == 2
    assert f"found '{port}', allowed: a port from 1 to 65535" in error


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["init", "{here}/no/such/site.toml"], "No such file or directory; is the path right?"),
        (["journal", "--verify", "--file", "{here}/none.jsonl"], "No such file or directory; is the path right?"),
        (["demo", "--data", "{here}/file"], "it is a file, give a folder"),
        (["demo", "--data", "{here}/file/below"], "give a folder"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_this_machine_refuses_is_one_line_with_the_path(
    words: list[str], hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    code, error = said([word.format(here=tmp_path) for word in words], capsys)
    assert code == 1
    assert error.startswith(f"davylamp {words[0]}: {tmp_path}")
    assert hint in error
    assert error.count("\n") == 1


def test_missing_rights_say_whose_to_be() -> None:
    assert trouble(PermissionError(13, "Permission denied", "data/run.lock")).startswith(
        "data/run.lock: Permission denied; run as who owns it"
    )
    assert trouble(OSError("no name")) == "no name"
    assert "save it as UTF-8" in trouble(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"))


def test_a_second_demo_on_a_folder_ends_at_once_and_leaves_the_first_its_site_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "north-pit.toml").write_text("the first one's")
    with held(tmp_path / RUN_LOCK, RUNNING):
        code, error = said(["demo", "--data", str(tmp_path)], capsys)
    assert code == 1
    assert "one data folder has one `davylamp run` or `davylamp demo`: stop that one, or give another" in error
    assert (tmp_path / "north-pit.toml").read_text() == "the first one's"
    assert not (tmp_path / "broker").exists()


def test_a_second_run_on_a_folder_ends_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site.toml"
    site.write_text(FIRST_SITE)
    with held(tmp_path / "my-site-data" / RUN_LOCK, RUNNING):
        code, error = said(["run", str(site)], capsys)
    assert code == 1
    assert "stop that one, or give another --data folder" in error
    assert not (tmp_path / "my-site-data" / "inbox").exists()


def test_a_lock_is_given_back_at_the_end_of_the_block(tmp_path: Path) -> None:
    with held(tmp_path / "a.lock", "one"), pytest.raises(Occupied), held(tmp_path / "a.lock", "two"):
        pass
    with held(tmp_path / "a.lock", "three"):
        pass


@pytest.mark.parametrize("url", ["foo", "127.0.0.1:1883", "http://127.0.0.1:1883", "mqtt://:1883", "mqtt://host:port"])
def test_what_is_no_brokers_address_is_told_what_one_looks_like(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, error = said(["listen", "--mqtt", url], capsys)
    assert code == 2
    assert f"--mqtt {url!r} is no broker's address: give mqtt://HOST[:1883]" in error


def test_a_password_in_an_address_is_never_shown() -> None:
    assert Broker.of("mqtt://li:secret@host:1884").url == "mqtt://host:1884"
    with pytest.raises(ValueError, match="no broker's address") as wrong:
        Broker.of("http://li:secret@host")
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "no machine is known by that name"),
        (ConnectionResetError(104, "Connection reset by peer"), "mqtts:// with it"),
        (ConnectionRefusedError(), "nobody listens there"),
    ],
)
def test_why_a_broker_is_not_reached_is_said_in_words(error: OSError, words: str) -> None:
    assert words in reason(error)
    assert "Errno" not in reason(error)
