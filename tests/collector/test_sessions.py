"""The page's own store of sessions, consoles and known browsers."""

from __future__ import annotations

from pathlib import Path

from collector.sessions import FILE, FLUSH, Sessions, last_used


class Wall:
    now = 1_800_000_000 * 10**9

    def __call__(self) -> int:
        return self.now


def test_a_restart_keeps_them_and_the_file_opens_nothing(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    secret = sessions.open("session", "li", "m", "10.0.0.1")
    other = sessions.open("console", "room", "wang", "10.0.0.2")
    assert len(secret) >= 43
    sessions.close()
    again = Sessions(tmp_path)
    found = again.find("session", secret)
    assert found is not None
    assert (found.name, found.mark, found.address) == ("li", "m", "10.0.0.1")
    assert again.find("console", secret) is None
    assert again.find("session", other) is None
    assert again.find("session", "") is None
    assert again.find("session", found.hash) is None
    again.close()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    raw = b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE}*"))
    assert secret.encode() not in raw
    assert found.hash.encode() in raw


def test_what_ended_stays_ended(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    secret = sessions.open("session", "li", "m", "")
    found = sessions.find("session", secret)
    assert found is not None
    sessions.end([found])
    sessions.use(found)  # a request that was under way
    assert sessions.find("session", secret) is None
    sessions.close()
    assert Sessions(tmp_path).find("session", secret) is None


def test_use_is_written_once_a_minute(tmp_path: Path) -> None:
    wall = Wall()
    sessions = Sessions(tmp_path, wall)
    secret, began = sessions.open("session", "li", "m", ""), wall.now
    for ahead, written in ((FLUSH - 1, began), (FLUSH, began + FLUSH)):
        wall.now = began + ahead
        found = sessions.find("session", secret)
        assert found is not None
        sessions.use(found)
        used = sessions.find("session", secret)
        assert used is not None
        assert used.used == wall.now
        assert sessions._store.execute("SELECT used FROM entry").fetchone()[0] == written


def test_a_tokens_last_use_can_be_read_from_outside(tmp_path: Path) -> None:
    assert last_used(tmp_path) == {}
    wall = Wall()
    sessions = Sessions(tmp_path, wall)
    sessions.used_token("scada", "10.0.0.3")
    first = wall.now
    assert last_used(tmp_path) == {"scada": first}
    wall.now += FLUSH
    sessions.used_token("scada", "10.0.0.4")
    assert last_used(tmp_path) == {"scada": wall.now}


def test_facts_are_kept(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    assert sessions.fact("users") == ""
    sessions.set_fact("users", "a")
    sessions.set_fact("users", "b'; DROP TABLE fact; --")
    sessions.close()
    assert Sessions(tmp_path).fact("users") == "b'; DROP TABLE fact; --"
