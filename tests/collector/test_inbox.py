"""Messages from other processes: complete or not there, appended once, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.inbox import Inbox, new_id, put
from collector.message import Message
from collector.spool import Spool, SpoolReader


def test_what_was_put_is_waiting_with_its_id_until_it_is_removed(tmp_path: Path) -> None:
    name = put(tmp_path, Message("action", b"{}", "action", id="a-1"))
    inbox = Inbox(tmp_path)
    assert name == "a-1"
    assert inbox.waiting() == [Message("action", b"{}", "action", id="a-1")]
    inbox.remove(inbox.waiting())
    assert inbox.waiting() == []


def test_messages_without_an_id_keep_the_order_in_which_they_were_put(tmp_path: Path) -> None:
    names = [put(tmp_path, Message("action", b"%d" % k, "action")) for k in range(20)]
    assert [message.id for message in Inbox(tmp_path).waiting()] == names
    assert [message.payload for message in Inbox(tmp_path).waiting(limit=3)] == [b"0", b"1", b"2"]


def test_the_same_id_twice_is_one_message(tmp_path: Path) -> None:
    for _ in range(2):
        put(tmp_path, Message("action", b"{}", "action", id="once"))
    assert len(Inbox(tmp_path).waiting()) == 1


def test_a_message_found_again_after_a_kill_is_appended_once(tmp_path: Path) -> None:
    put(tmp_path, Message("action", b"{}", "action", id="once"))
    spool = Spool(tmp_path)
    spool.append(Inbox(tmp_path).waiting(), 1, 1)
    spool.close()
    spool = Spool(tmp_path)
    spool.append(Inbox(tmp_path).waiting(), 2, 2)
    spool.close()
    appended = [message.id for seal in SpoolReader(tmp_path).read(0) for message in seal.messages]
    assert appended == ["once"]


def test_a_half_written_file_is_not_a_message(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    (tmp_path / "inbox" / ".part-a-1").write_bytes(b"half")
    assert inbox.waiting() == []


def test_a_file_that_is_no_message_is_set_aside_and_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "000-junk").write_bytes(b"\xffnot a message")
    put(tmp_path, Message("action", b"{}", "action", id="good"))
    inbox = Inbox(tmp_path)
    assert [message.id for message in inbox.waiting()] == ["good"]
    assert inbox.refused() == ["000-junk"]
    assert [message.id for message in inbox.waiting()] == ["good"]


@pytest.mark.parametrize("name", ["../escape", "a/b", ".hidden", "x" * 121, "a b"])
def test_an_id_that_cannot_be_a_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="message id"):
        put(tmp_path, Message("action", b"{}", "action", id=name))
    assert not (tmp_path / "escape").exists()


def test_new_ids_differ() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000
