"""A file is complete or not there, and what cannot be written leaves nothing behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from collector import inbox, snapshots, spool
from collector.beside import put_beside
from collector.inbox import Inbox
from collector.judging import Judging
from collector.message import Message
from collector.whole import OLD, clear_parts, whole
from tests.small_log import fill


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_there_stands_until_the_new_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with whole(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["x"]


def test_a_failure_half_way_leaves_what_was_there_and_no_part(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="No space"):
        _half(path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


def _half(path: Path) -> None:
    with whole(path) as file:
        file.write(b"half")
        raise OSError(28, "No space left on device")


def test_who_may_read_it_is_settled_before_it_has_its_name(tmp_path: Path) -> None:
    seen: list[tuple[bool, int]] = []

    def ready(part: Path) -> None:
        seen.append(((tmp_path / "x").exists(), part.stat().st_mode & 0o777))
        part.chmod(0o640)

    with whole(tmp_path / "x", 0o600, ready) as file:
        file.write(b"secret")
    assert seen == [(False, 0o600)]
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_bytes_name_and_folder_are_synced_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    real_sync, real_rename = os.fsync, os.rename

    def sync(handle: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "bytes")
        real_sync(handle)

    def rename(part: Path, path: Path) -> None:
        done.append("name")
        real_rename(part, path)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", rename)
    with whole(tmp_path / "x") as file:
        file.write(b"1")
    assert done == ["bytes", "name", "folder"]


def test_a_payload_found_beside_is_synced_too_for_who_named_it_may_have_been_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_beside(tmp_path, b"large")
    synced: list[Path] = []
    monkeypatch.setattr("collector.beside.sync_folder", synced.append)
    put_beside(tmp_path, b"large")
    assert synced == [tmp_path / "beside"]


@pytest.mark.parametrize(
    ("folder", "begin"), [("beside", spool.Spool), ("inbox", Inbox)], ids=["beside", "inbox"]
)  # fmt: skip
def test_parts_of_who_was_killed_go_at_a_start_and_those_being_written_stay(
    tmp_path: Path, folder: str, begin: Callable[[Path], object]
) -> None:
    (tmp_path / folder).mkdir()
    for name in (".a.1-aa.part", ".b.2-bb.part", "c"):
        (tmp_path / folder / name).write_bytes(b"half")
    before = time.time() - OLD - 1
    os.utime(tmp_path / folder / ".a.1-aa.part", (before, before))
    os.utime(tmp_path / folder / "c", (before, before))
    begun = begin(tmp_path)
    assert names(tmp_path / folder) == [".b.2-bb.part", "c"]
    if isinstance(begun, spool.Spool):
        begun.close()


def test_a_folder_that_is_not_there_has_no_parts(tmp_path: Path) -> None:
    clear_parts(tmp_path / "none")
    assert names(tmp_path) == []


def test_a_message_that_the_disk_does_not_give_now_is_said_once_and_taken_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.put(tmp_path, Message("action", b"{}", "action", id="a-1"))
    box = Inbox(tmp_path)

    def refused(_path: Path) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refused)
        assert box.waiting() == box.waiting() == []
    assert caplog.text.count("unread=a-1") == 1
    assert box.refused() == []
    assert [message.id for message in box.waiting()] == ["a-1"]


def test_a_snapshot_clears_away_what_a_killed_one_left(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    judging = Judging(tmp_path)
    judging.catch_up()
    part = tmp_path / "snapshots" / ".judge-000000000007.npz.1-aa.part"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(b"half")
    os.utime(part, (0, 0))
    judging.save()
    judging.close()
    assert [one.suffix for one in part.parent.iterdir()] == [".npz"]


def test_a_snapshot_is_no_snapshot_before_it_is_whole(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / ".judge-000000000007.npz.1-aa.part").write_bytes(b"half")
    assert snapshots._between(tmp_path, 0, 100) == []
