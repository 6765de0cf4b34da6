"""Works that die: the others go on, each death is said; what lasts is an alarm by name, until it is over."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import collector.working
from collector import announce, orders
from collector.announcing import Destination
from collector.decode import GONE
from collector.errors import Unavailable
from collector.heartbeat import read_heartbeats
from collector.inbox import Inbox
from collector.settings import Announce, Settings, Webhook
from collector.storing import store
from collector.working import FIRST_WAIT, LONGEST_WAIT, RETURNED, WELL, Works
from detectors.records import WORK
from tests.collector.test_storing import eventually
from tests.judged_folder import Judging, alarm


class Shop:
    """A role with one work that lasts and one that does as `fails` says; time is the test's."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stop = folder, threading.Event()
        self.judging = Judging(folder)
        self.raises: Exception | None = ValueError("seven")
        self.lasts, self.begun = False, 0
        self.works = Works(folder, "store", [("history", self.stop.wait), ("influx", self.work)])

    def work(self) -> None:
        self.begun += 1
        if self.lasts:
            self.stop.wait()
        elif self.raises is not None:
            raise self.raises

    def at(self, now: float) -> None:
        """A look, and another one once what is not to last is over."""
        self.works.look(now)
        thread = self.works._works[1].thread
        if thread is not None and not self.lasts:
            thread.join(5)

    def said(self) -> list[tuple[str, bool, str]]:
        """Own alarms in the inbox, taken out of it."""
        waiting = Inbox(self.folder).waiting()
        Inbox(self.folder).remove(waiting)
        found = [orders.own_alarm(message.payload) for message in waiting]
        assert all(one.rule == WORK for one in found)
        return sorted((one.subject, one.active, one.detail) for one in found)

    def stand(self, *subjects: str) -> None:
        self.judging.commit(alarms=[{**alarm(WORK), "subject": subject} for subject in subjects])


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.stop.set()
    made.judging.close()


def test_a_work_that_dies_is_begun_again_later_each_time_and_the_others_notice_nothing(shop: Shop) -> None:
    shop.at(0.0)
    other = shop.works._works[0].thread
    begun = []
    for now in range(1, 400):
        before = shop.begun
        shop.at(float(now))
        begun += [now] * (shop.begun - before)
    waits = [b - a for a, b in zip(begun, begun[1:], strict=False)]
    assert waits == sorted(waits)
    assert waits[0] <= 2 * FIRST_WAIT + 1
    assert LONGEST_WAIT <= waits[-1] <= LONGEST_WAIT + 1
    assert shop.works._works[0].thread is other
    assert other is not None
    assert other.is_alive()


def test_a_death_is_one_line_with_its_traceback(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.at(0.0)
    shop.works.look(0.5)
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert line.getMessage() == "role=store work=influx ended again-in=1s reason=ValueError: seven; please report it"
    assert line.exc_info is not None
    assert line.exc_info[0] is ValueError


@pytest.mark.parametrize(("error", "words"), [(Unavailable("no disk"), "no disk"), (None, RETURNED)])
def test_an_error_of_ours_and_an_end_without_one_are_said_as_they_are(
    shop: Shop, error: Exception | None, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    shop.raises = error
    shop.at(0.0)
    shop.works.look(0.5)
    assert caplog.messages[-1] == f"role=store work=influx ended again-in=1s reason={words}"


def test_one_death_is_no_alarm_and_a_second_one_is_and_each_further_one_is_said(shop: Shop) -> None:
    shop.at(0.0)
    shop.at(1.0)
    assert (shop.works.failing, shop.said()) == ([], [])
    shop.at(2.0)
    shop.at(3.0)
    told = ("store/influx", True, "ValueError: seven; please report it")
    assert (shop.works.failing, shop.said()) == (["influx"], [told])
    shop.at(6.0)
    shop.at(7.0)
    assert shop.said() == [told], "after a reset it is raised anew"


def test_it_ends_when_the_work_has_run_for_a_while_and_is_said_once(shop: Shop) -> None:
    for now in (0.0, 1.0, 2.0, 3.0):
        shop.at(now)
    shop.said()
    shop.stand("store/influx")
    shop.lasts = True
    for now in (10.0, 20.0, 30.0, 9.0 + WELL):
        shop.at(now)
    assert (shop.works.failing, shop.said()) == (["influx"], []), "not yet"
    shop.at(11.0 + WELL)
    shop.at(22.0 + WELL)
    shop.at(33.0 + WELL)
    assert (shop.works.failing, shop.said()) == ([], [("store/influx", False, "")])


def test_an_end_that_could_not_be_written_is_said_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> str:
        raise Unavailable("no space left")

    shop.lasts = True
    shop.stand("store/gone")
    with monkeypatch.context() as disk:
        disk.setattr(collector.working, "own_alarm", full)
        shop.at(0.0)
    shop.at(11.0)
    assert shop.said() == [("store/gone", False, GONE)]
    shop.at(22.0)
    assert shop.said() == []


def test_a_look_that_raises_ends_the_works_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[dict[str, Any]]:
        raise OSError(5, "Input/output error")

    shop.lasts = True
    monkeypatch.setattr(shop.works._judged, "alarms", broken)
    with pytest.raises(OSError, match="Input/output"):
        shop.works.run(shop.stop)
    assert shop.stop.is_set()
    assert not any(work.thread.is_alive() for work in shop.works._works if work.thread is not None)


def test_an_alarm_of_the_process_before_ends_too_and_so_does_one_of_a_work_that_is_no_more(shop: Shop) -> None:
    shop.lasts = True
    shop.stand("store/influx", "store/gone", "announce/calls")
    shop.at(0.0)
    assert shop.said() == [("store/gone", False, GONE)]
    shop.at(11.0)
    assert shop.said() == [], "one that has just begun may die again"
    shop.at(1.0 + WELL)
    assert shop.said() == [("store/influx", False, "")], "another role's is not ours to end"


def test_alarms_that_cannot_be_read_or_written_cost_nothing(
    shop: Shop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> str:
        raise Unavailable("[Errno 28] No space left on device")

    def unread() -> list[dict[str, Any]]:
        raise Unavailable("locked")

    monkeypatch.setattr(collector.working, "own_alarm", full)
    monkeypatch.setattr(shop.works._judged, "alarms", unread)
    for now in (0.0, 1.0, 2.0, 3.0):
        shop.at(now)
    assert "role=store alarms=not-read reason=locked" in caplog.messages
    assert "role=store work=influx alarm=not-written reason=[Errno 28] No space left on device" in caplog.messages
    assert shop.begun == 2


def test_the_sign_of_life_names_what_fails_and_a_stop_waits_for_the_works(shop: Shop) -> None:
    done: list[str] = []
    shop.works._works[0].do = lambda: (shop.stop.wait(), done.append("history"))
    shop.works._works[1].deaths = 2
    shop.lasts = True
    role = threading.Thread(target=shop.works.run, args=(shop.stop,))
    role.start()
    eventually(lambda: "store" in read_heartbeats(shop.folder))
    assert read_heartbeats(shop.folder)["store"]["failing"] == ["influx"]
    shop.stop.set()
    role.join(5)
    assert not role.is_alive()
    assert done == ["history"]


def running(role: Callable[[Settings, threading.Event], None], settings: Settings) -> Any:
    stop = threading.Event()
    thread = threading.Thread(target=role, args=(settings, stop))
    thread.start()
    return stop, thread


def test_a_destination_that_breaks_is_an_alarm_by_name_and_the_others_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: set[str] = set()

    def tell(destination: Destination) -> int:
        told.add(destination.channel.name)
        if destination.channel.name == "ops room":
            raise KeyError("notice")
        return 0

    monkeypatch.setattr(Destination, "tell", tell)
    monkeypatch.setattr(collector.working, "FIRST_WAIT", 0.0)
    monkeypatch.setattr(collector.working, "LOOK", 0.01)
    hooks = Announce((Webhook("ops room", "http://127.0.0.1:1"), Webhook("other", "http://127.0.0.1:1")))
    stop, thread = running(announce.announce, Settings(tmp_path / "s.toml", tmp_path, announce=hooks))
    try:
        eventually(lambda: bool(Inbox(tmp_path).waiting()))
        said = json.loads(Inbox(tmp_path).waiting()[0].payload)
        assert (said["rule"], said["subject"], said["active"]) == (WORK, "announce/notices-ops room", True)
        assert "KeyError" in said["detail"]
        eventually(lambda: told == {"console", "ops room", "other"})
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def test_the_works_of_storing_are_its_sinks_and_the_balance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Seen(Works):
        def run(self, stop: threading.Event) -> None:
            seen.extend(work.name for work in self._works)

    monkeypatch.setattr("collector.storing.Works", Seen)
    store(Settings(tmp_path / "s.toml", tmp_path), threading.Event())
    assert seen == ["history", "balance"]
