"""davylamp user, token, audit: as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector import passwords
from collector.audit import FILE, Audit
from collector.cli import main, parser
from collector.sessions import Sessions
from collector.users import bearer, read_users
from tests.cheap import CHEAP, PASSWORD

SITE = '[site]\nid = "small"\ntimezone = "UTC"\n[sensor]\na = { area = "x", quantity = "methane", unit = "%vol" }\n'


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(passwords, "Hashing", lambda: CHEAP)
    (tmp_path / "site.toml").write_text(SITE)
    (tmp_path / "pw").write_text(f"{PASSWORD}\nsecond line\n")
    return tmp_path / "site.toml"


def users(site: Path, *words: str) -> int:
    more = ["--password-file", str(site.parent / "pw")] if words[0] in ("add", "passwd") else []
    return main(["user", *words, *more, "--site", str(site)])


def file(site: Path) -> Path:
    return site.parent / "data" / "users.toml"


def test_a_user_is_added_changed_listed_and_removed(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert users(site, "add", "wang", "--access", "engineer") == 0
    assert users(site, "add", " Li", "--access", "operator") == 0
    known = read_users(file(site)).user
    assert {name: one.access for name, one in known.items()} == {"li": "operator", "wang": "engineer"}
    assert CHEAP.fits(known["li"].password, PASSWORD)
    (site.parent / "pw").write_text("another sentence of my own")
    assert users(site, "passwd", "li", "--access", "viewer") == 0
    changed = read_users(file(site)).user["li"]
    assert (changed.access, CHEAP.fits(changed.password, "another sentence of my own")) == ("viewer", True)
    assert users(site, "list") == 0
    said = capsys.readouterr()
    assert "li    viewer" in said.out
    assert PASSWORD not in said.out + said.err
    assert users(site, "remove", "li") == 0
    assert list(read_users(file(site)).user) == ["wang"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "wang", "--access", "viewer"], "a user already"),
        (["add", "zhang"], "--access viewer, operator, engineer"),
        (["add", "a b", "--access", "viewer"], "no name"),
        (["add", "--access", "viewer"], "Give a name"),
        (["passwd", "nobody"], "there are wang"),
        (["remove", "nobody"], "no user of"),
        (["remove", "wang"], "the last user"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    site: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    users(site, "add", "wang", "--access", "engineer")
    before = file(site).read_bytes()
    assert users(site, *words) != 0
    assert said in capsys.readouterr().err
    assert file(site).read_bytes() == before


def test_the_last_engineer_stays(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    users(site, "add", "wang", "--access", "engineer")
    users(site, "add", "li", "--access", "operator")
    assert users(site, "remove", "wang") == 2
    assert "the last engineer" in capsys.readouterr().err


def test_a_weak_password_is_refused_without_being_said(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for weak in ("short", "password1234", ""):
        (site.parent / "pw").write_text(weak)
        assert users(site, "add", "li", "--access", "operator") == 2
        error = capsys.readouterr().err
        assert "not taken" in error
        assert not weak or weak not in error
    assert not file(site).exists() or read_users(file(site)).user == {}


def test_a_password_is_never_on_the_command_line(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["user", "add", "li", "--access", "operator", PASSWORD])
    capsys.readouterr()
    assert main(["user", "add", "li", "--access", "operator", "--password", PASSWORD, "--site", str(site)]) == 2
    assert PASSWORD not in capsys.readouterr().err, "it is taken for a file's name, which is not said either"
    assert not file(site).exists()


def test_a_password_is_asked_for_twice(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = iter([PASSWORD, "other", PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda _: next(given))
    words = ["user", "add", "li", "--access", "operator", "--site", str(site)]
    assert main(words) == 2
    assert "not the same" in capsys.readouterr().err
    assert main(words) == 0


def test_a_token_is_printed_once_alone_and_can_be_taken_back(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "add", "scada", "--site", str(site)]) == 2
    assert "davylamp user add" in capsys.readouterr().err
    users(site, "add", "wang", "--access", "engineer")
    capsys.readouterr()
    assert main(["token", "add", "scada", "--site", str(site)]) == 0
    token = capsys.readouterr().out.strip()
    found = bearer(read_users(file(site)), token)
    assert found is not None
    assert (found[0], found[1].access) == ("scada", "viewer")
    sessions = Sessions(file(site).parent, lambda: 1_800_000_000 * 10**9)
    sessions.used_token("scada", "10.0.0.1")
    sessions.close()
    assert main(["token", "list", "--site", str(site), "--json"]) == 0
    said = capsys.readouterr().out
    assert token not in said
    assert json.loads(said) == [{"name": "scada", "access": "viewer", "last_used": "2027-01-15 08:00:00+00"}]
    assert main(["token", "add", "scada", "--site", str(site)]) == 1
    assert main(["token", "remove", "scada", "--site", str(site)]) == 0
    assert bearer(read_users(file(site)), token) is None
    assert main(["token", "remove", "scada", "--site", str(site)]) == 2


def test_no_program_is_an_engineer(site: Path) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["token", "add", "scada", "--access", "engineer"])


def test_the_audit_is_shown_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spool.db").touch()
    assert main(["audit", "--data", str(tmp_path)]) == 0
    audit = Audit(tmp_path, lambda: 1_800_000_000 * 10**9)
    audit.note("login-failed", "li\x1b[2J", "10.0.0.1", times=3)
    audit.close()
    assert main(["audit", "--data", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "2027-01-15 08:00:00+00  login-failed" in said
    assert "10.0.0.1  times=3" in said
    assert "\x1b" not in said
    assert main(["audit", "--data", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["from"] == "10.0.0.1"
    import sqlite3

    with sqlite3.connect(tmp_path / FILE) as store:
        store.execute("UPDATE line SET line = CAST(replace(line, '10.0.0.1', '10.0.0.2') AS BLOB)")
    assert main(["audit", "--data", str(tmp_path)]) == 1
    assert "was changed" in capsys.readouterr().err


def test_check_and_run_refuse_an_open_page(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text(SITE + '[page]\nusers = "who.toml"\n')
    for verb in ("check", "run"):
        assert main([verb, str(site)]) == 1
        assert "who.toml is not there" in capsys.readouterr().err
