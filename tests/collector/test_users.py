"""The file of users and tokens."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.users import (
    BadUsers,
    Known,
    User,
    Users,
    bearer,
    changing,
    differences,
    named,
    new_token,
    read_users,
    states,
)
from tests.cheap import CHEAP, PASSWORD

LI = User("operator", CHEAP.keep(PASSWORD))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "users.toml"
    with changing(path) as known:
        known.user["li"] = LI
    return path


def test_what_is_written_is_read_again_and_only_its_owner_may(file: Path) -> None:
    assert read_users(file) == Known({"li": LI})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()
    with changing(file) as known:
        known.user["王伟"] = User("viewer", "x")
    assert list(read_users(file).user) == ["li", "王伟"]


def test_a_change_that_fails_writes_nothing(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(KeyError), changing(file) as known:
        del known.user["li"], known.user["nobody"]
    assert file.read_bytes() == before


def test_two_that_change_at_once_lose_nothing(file: Path) -> None:
    def add(k: int) -> None:
        with changing(file) as known:
            known.user[f"u{k}"] = LI

    threads = [threading.Thread(target=add, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_users(file).user) == 9


def test_a_changed_file_is_seen_and_a_broken_one_lets_those_in_who_were(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    users = Users(file)
    assert list(users.known().user) == ["li"]
    with changing(file) as known:
        known.user["wang"] = LI
    assert list(users.known().user) == ["li", "wang"]
    file.write_text("[user.eve]\naccess = 'god'\npassword = 'x'\n")
    assert list(users.known().user) == ["li", "wang"]
    assert "users=kept" in caplog.text
    file.unlink()
    assert list(users.known().user) == ["li", "wang"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[user.li]\naccess = 'god'\npassword = 'x'", "viewer, operator, engineer"),
        ("[user.li]\naccess = 'viewer'", "password"),
        ("[user.li]\naccess = 'viewer'\npassword = 'x'\nadmin = true", "admin"),
        ("user = 3", "users.toml"),
        ("= 1", "davylamp user"),
        ("[user.LI]\naccess = 'viewer'\npassword = 'x'", "'li' would be one"),
        ("[user.'a b']\naccess = 'viewer'\npassword = 'x'", "no name"),
    ],
)
def test_a_file_with_mistakes_is_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "users.toml"
    path.write_text(text)
    with pytest.raises(BadUsers, match=said):
        Users(path).known()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "not-a-folder").write_text("")
    with pytest.raises(BadUsers), changing(tmp_path / "not-a-folder" / "users.toml"):
        raise AssertionError("not reached")


def test_a_token_is_shown_once_and_its_hash_kept(file: Path) -> None:
    with changing(file) as known:
        shown = new_token(known, "scada", "viewer")
        with pytest.raises(BadUsers, match="already"):
            new_token(known, "scada", "viewer")
    assert shown.startswith("dl_")
    assert len(shown) >= 3 + 43
    assert shown not in file.read_text()
    known = read_users(file)
    found = bearer(known, shown)
    assert found is not None
    assert (found[0], found[1].access) == ("scada", "viewer")
    for wrong in ("", shown[:-1], shown + "x", found[1].hash):
        assert bearer(known, wrong) is None


def test_names_are_one_for_one_person() -> None:
    assert named(" Li ") == named("\uff2c\uff49") == "li"
    for bad in ("", ".", "-x", "a b", "a" * 41, "li\n", "li\x1b[31m", "../x", "a'b", 'a"b', "a]b", "li\u202e"):
        if bad != "li\n":
            with pytest.raises(BadUsers):
                named(bad)


@given(st.text(max_size=45))
def test_a_name_that_is_taken_stays_itself_and_can_stand_in_the_file(text: str) -> None:
    try:
        name = named(text)
    except BadUsers:
        return
    assert named(name) == name
    assert not set(name) & set("\"'\\\n\r\t []=/<>&\x1b")


def test_what_changed_is_said_without_secrets() -> None:
    before = states(Known({"li": LI, "old": LI}))
    after = Known({"li": User("engineer", LI.password), "wang": LI})
    said = ["removed user old", "added user wang (operator)", "changed user li (engineer)"]
    assert differences(before, after) == said
    assert differences(states(after), after) == []
    assert LI.password not in str(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_root_writes_for_whom_the_page_runs_as(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 23456)
    with changing(tmp_path / "users.toml") as known:
        known.user["li"] = LI
    for name in ("users.toml", ".users.toml.lock"):
        assert ((tmp_path / name).stat().st_uid, (tmp_path / name).stat().st_gid) == (12345, 23456)
