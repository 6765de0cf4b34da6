"""Readings that are taken from outside: each beside what the test put on disk, and what cannot be read is not said."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.calls import CallBook, Place
from collector.escalation import Memory
from collector.heartbeat import alive_folder
from collector.inbox import Inbox
from collector.judged import Judged
from collector.message import OWN
from collector.oncall import OnCall
from collector.receipts import Receipts
from collector.reserve import reserve_file
from collector.sampling import Sampler, hand_in
from collector.settings import Announce, Influx, Settings, Webhook
from collector.stored import BLOCKS, Cursor
from tests.blocks import BEGIN, SECOND
from tests.judged_folder import Judging, alarm, change


class Rig:
    """A data folder in which judging is at BEGIN + some s."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.judging = Judging(folder)
        hooks = Announce((Webhook("ops room", "http://127.0.0.1:1"),))
        self.settings = Settings(folder / "s.toml", folder, influx=Influx("http://x", bucket="b"), announce=hooks)
        self.wall = BEGIN
        self.sampler = Sampler(self.settings, Judged(folder), lambda: self.wall)

    def sign(self, role: str, **said: int) -> None:
        alive_folder(self.folder).mkdir(exist_ok=True)
        (alive_folder(self.folder) / f"{role}.json").write_text(json.dumps({"wall": self.wall, **said}))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.judging.close()


def test_judging_is_behind_by_the_logs_own_time(rig: Rig) -> None:
    rig.judging.commit()
    rig.sign("collect", now=rig.judging.now + 7 * SECOND)
    assert rig.sampler.look()["lag-judge"] == 7
    rig.sign("collect", now=rig.judging.now - SECOND)
    assert rig.sampler.look()["lag-judge"] == 0


def test_a_store_is_behind_by_the_oldest_block_that_it_has_not(rig: Rig) -> None:
    identity = Judged(rig.folder).identity()
    for k in range(4):
        rig.judging.steady(k, 1)
    cursor = Cursor(rig.folder, "history")
    cursor.follow(identity)
    cursor.advance(BLOCKS, 2, {}, {}, [])
    look = rig.sampler.look()
    assert look["lag-store-history"] == 1, "block 3 came 1 s before block 4"
    assert look["lag-store-influx"] == 3, "it has nothing yet, not even a cursor"
    cursor.advance(BLOCKS, 4, {}, {}, [])
    cursor.close()
    assert rig.sampler.look()["lag-store-history"] == 0


def test_a_cursor_of_another_judged_db_counts_for_nothing(rig: Rig) -> None:
    rig.judging.steady(0, 1)
    rig.judging.commit(later=9)
    cursor = Cursor(rig.folder, "history")
    cursor.follow("another")
    cursor.advance(BLOCKS, 99, {}, {}, [])
    cursor.close()
    assert rig.sampler.look()["lag-store-history"] == 9


def test_a_destination_is_behind_by_the_oldest_line_that_it_was_not_told(rig: Rig) -> None:
    rig.judging.commit(changes=[change(BEGIN + SECOND, 1)])
    rig.judging.commit(changes=[change(BEGIN + 2 * SECOND, 2)])
    rig.judging.commit(later=10)
    receipts = Receipts(rig.folder)
    receipts.move("console", 2)
    receipts.move("ops room", 1)
    receipts.close()
    look = rig.sampler.look()
    assert look["lag-announce-console"] == 0
    assert look["lag-announce-ops-room"] == 10
    assert "lag-calls" not in look, "nobody is called here"


def test_the_calling_of_people_is_behind_by_its_own_book(rig: Rig) -> None:
    rig.sampler = Sampler(Settings(rig.folder / "s", rig.folder, oncall=OnCall({}, (), {})), Judged(rig.folder))
    rig.judging.commit(changes=[change(BEGIN + SECOND, 1), change(BEGIN + SECOND, 2)])
    rig.judging.commit(later=4)
    assert rig.sampler.look()["lag-calls"] == 4
    book = CallBook(rig.folder)
    book.write([], Memory(), Place(2, "x"))
    book.close()
    assert rig.sampler.look()["lag-calls"] == 0


def test_ways_that_fail_are_counted(rig: Rig) -> None:
    rows = [
        {**alarm("channel-failing"), "subject": "sms"},
        {**alarm("channel-failing", active=False), "subject": "mail"},
        alarm("gas"),
    ]
    rig.judging.commit(alarms=rows)
    assert rig.sampler.look()["channels-failing"] == 1
    (said,) = Inbox(rig.folder).waiting()
    assert json.loads(said.payload) == {
        "rule": "channel-failing", "subject": "sms", "active": False, "detail": "gone",
    }, "this site has no roster"  # fmt: skip


def test_memory_comes_only_from_a_role_that_lives(rig: Rig) -> None:
    rig.sign("judge", memory=1 << 30)
    rig.sign("page", memory=1 << 20)
    look = rig.sampler.look()
    assert 0.0 < (look["memory-page"] or 0) < (look["memory-judge"] or 0) < 100
    assert (look["memory-judge"] or 0) == pytest.approx(1024 * (look["memory-page"] or 0), rel=0.5)
    rig.wall += 31 * SECOND
    rig.sign("page", memory=1 << 20)
    assert "memory-judge" not in rig.sampler.look()


def test_disk_and_reserve(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = type(shutil.disk_usage(rig.folder))(1000, 700, 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    assert rig.sampler.look()["disk-free"] == 12.5, "of what Davylamp may use: root's share is not free for it"
    assert rig.sampler.look()["disk-reserve"] == 0
    reserve_file(rig.folder).touch()
    assert rig.sampler.look()["disk-reserve"] == 1


def test_rates_are_between_two_looks(rig: Rig) -> None:
    rig.judging.commit()
    assert "seals" not in rig.sampler.look()
    rig.judging.now += 9 * SECOND
    rig.judging.writer.begin()
    rig.judging.writer.fact("status", {"now": rig.judging.now, "seal": 19})
    rig.judging.writer.fact("ledger", {"received": 450})
    rig.judging.writer.commit(19)
    look = rig.sampler.look()
    assert (look["seals"], look["messages"]) == (2, 50)
    assert "seals" not in rig.sampler.look(), "no time has passed"


def test_before_anything_ran_there_is_only_the_machine(tmp_path: Path) -> None:
    look = Sampler(Settings(tmp_path / "s", tmp_path), Judged(tmp_path)).look()
    assert {"disk-free", "disk-reserve"} <= look.keys()
    assert not {"lag-judge", "seals", "memory-judge"} & look.keys()


def test_one_reading_that_cannot_be_taken_costs_no_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Path) -> object:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(shutil, "disk_usage", broken)
    rig.judging.commit()
    rig.sign("collect", now=rig.judging.now)
    with caplog.at_level(logging.WARNING):
        look = rig.sampler.look()
    assert "disk-free" not in look
    assert look["lag-judge"] == 0
    assert "own-readings=machine not-read" in caplog.text


def test_readings_are_handed_in_as_one_message(tmp_path: Path) -> None:
    hand_in(tmp_path, {"lag-judge": 1.5, "canary-x": None})
    hand_in(tmp_path, {})
    (message,) = Inbox(tmp_path).waiting()
    assert (message.topic, message.origin) == ("own/readings", OWN)
    assert json.loads(message.payload) == {"lag-judge": 1.5, "canary-x": None}


def test_a_disk_that_takes_nothing_is_said_and_forgone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "inbox").write_text("no folder")
    with caplog.at_level(logging.WARNING):
        hand_in(tmp_path, {"a": 1.0})
    assert "not-written" in caplog.text
