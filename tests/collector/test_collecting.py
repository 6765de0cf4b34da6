"""The collect role: on disk before it is acknowledged, and time goes on whatever happens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.clock import SECOND, Clock
from collector.collecting import RETRY, Collector, collect, own
from collector.errors import Disconnected, NotSubscribed, Occupied, Unavailable
from collector.inbox import Inbox, put
from collector.message import Message
from collector.mqtt import Link
from collector.orders import own_alarm
from collector.settings import Settings
from collector.spool import Spool, SpoolReader


class Belt:
    """A source that brings what it is given and notes what is released."""

    def __init__(self) -> None:
        self.waiting: list[Message] = []
        self.released: list[Message] = []
        self.link = Link(True, 1, None)
        self.stopped = False

    @property
    def depth(self) -> int:
        return len(self.waiting)

    def poll(self, limit: int, wait: float) -> list[Message]:
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    def release(self, messages: Sequence[Message]) -> None:
        self.released += messages

    def stop(self) -> None:
        self.stopped = True


class Times:
    def __init__(self) -> None:
        self.ns = 1_000 * SECOND

    def clock(self, last: int = 0) -> Clock:
        return Clock(last, lambda: self.ns, lambda: self.ns)


def reading(k: int) -> Message:
    return Message(f"pit/a/{k}", b"%d" % k, "mqtt")


def logged(folder: Path, origin: str = "mqtt") -> list[Message]:
    return [m for seal in SpoolReader(folder).read(0) for m in seal.messages if m.origin == origin]


def test_messages_are_on_disk_before_they_are_released(tmp_path: Path) -> None:
    belt = Belt()
    collector = Collector(Spool(tmp_path), Inbox(tmp_path), Times().clock(), lambda: belt)
    belt.waiting = [reading(k) for k in range(700)]
    sent = list(belt.waiting)

    class Watching(Belt):
        def release(self, messages: Sequence[Message]) -> None:
            assert logged(tmp_path)[-len(messages) :] == list(messages)
            super().release(messages)

    belt.__class__ = Watching
    collector.turn()
    assert belt.released == sent == logged(tmp_path)


def test_what_the_disk_does_not_take_is_neither_released_nor_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    belt, spool = Belt(), Spool(tmp_path)
    collector = Collector(spool, Inbox(tmp_path), Times().clock(), lambda: belt)
    put(tmp_path, Message("action", b"{}", "action", id="a"))
    belt.waiting = [reading(1)]

    def full(*_: object) -> int:
        raise Unavailable("disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(spool, "append", full)
        begun = time.monotonic()
        collector.turn()
        assert time.monotonic() - begun >= RETRY
        belt.waiting = [reading(2)]
        collector.turn()
    assert belt.released == []
    collector.turn()
    collector.turn()
    assert logged(tmp_path) == belt.released == [reading(1), reading(2)]
    assert [message.id for message in logged(tmp_path, "action")] == ["a"]
    assert Inbox(tmp_path).waiting() == []


def test_a_second_without_messages_is_a_tick_also_without_any_source(tmp_path: Path) -> None:
    times = Times()
    collector = Collector(Spool(tmp_path), Inbox(tmp_path), times.clock(), lambda: None)
    collector.turn()
    reader = SpoolReader(tmp_path)
    first = reader.last()
    collector.turn()
    assert reader.last() == first
    times.ns += SECOND
    collector.turn()
    (tick,) = reader.read(first)
    assert (tick.now, tick.messages) == (times.ns, ())


def test_a_start_after_a_stop_says_blind_from_and_to(tmp_path: Path) -> None:
    times, spool = Times(), Spool(tmp_path)
    spool.append([], times.ns, times.ns)
    times.ns += 90 * SECOND
    collector = Collector(spool, Inbox(tmp_path), times.clock(spool.now), lambda: None)
    collector.turn()
    collector.turn()
    blind = [json.loads(m.payload) for m in logged(tmp_path, "own") if m.topic == "own/blind"]
    assert blind == [{"from": 1_000 * SECOND, "to": 1_090 * SECOND}]


def test_a_link_that_goes_is_an_own_message_at_once_with_its_reason(tmp_path: Path) -> None:
    belt = Belt()
    collector = Collector(Spool(tmp_path), Inbox(tmp_path), Times().clock(), lambda: belt)
    collector.turn()
    belt.link = Link(False, 1, Disconnected("broker x:1: connection lost"))
    collector.turn()
    collector.turn()
    links = [json.loads(m.payload) for m in logged(tmp_path, "own") if m.topic == "own/link"]
    assert links == [{"value": 1}, {"value": 0, "detail": "broker x:1: connection lost"}]


def test_a_source_that_fails_for_longer_than_is_allowed_is_an_alarm_until_it_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    belt = Belt()
    collector = Collector(Spool(tmp_path), Inbox(tmp_path), Times().clock(), lambda: belt)
    collector.alarm_after = 0.1

    def alarms() -> list[tuple[bool, str]]:
        said = [own_alarm(m.payload) for m in logged(tmp_path, "own") if m.topic == "own/alarm"]
        assert all((one.rule, one.subject) == ("source-failing", "mqtt") for one in said)
        return [(one.active, one.detail) for one in said]

    collector.turn()
    assert alarms() == [(False, "")], "what the process before may have said is over"
    belt.link = Link(True, 1, NotSubscribed("broker x:1 did not grant 'pit/#'"))
    collector.turn()
    assert len(alarms()) == 1, "not yet"
    time.sleep(0.12)
    collector.turn()
    collector.turn()
    assert alarms()[1:] == [(True, "broker x:1 did not grant 'pit/#'")]
    monkeypatch.setattr("collector.collecting.AGAIN", 0.0)
    collector.turn()
    assert alarms()[2:] == [(True, "broker x:1 did not grant 'pit/#'")], "again after a while: a reset hides nothing"
    monkeypatch.undo()
    belt.link = Link(True, 2, None)
    collector.turn()
    assert len(alarms()) == 3, "it is let in; does it last?"
    time.sleep(0.12)
    collector.turn()
    assert alarms()[3:] == [(False, "")]


def test_a_connection_that_comes_and_goes_is_an_alarm_and_ends_none(tmp_path: Path) -> None:
    belt = Belt()
    collector = Collector(Spool(tmp_path), Inbox(tmp_path), Times().clock(), lambda: belt)
    collector.alarm_after = 0.2
    collector.turn()
    for generation in range(2, 12):
        time.sleep(0.04)
        belt.link = Link(False, generation - 1, Disconnected("broker x:1: connection lost: another client?"))
        collector.turn()
        belt.link = Link(True, generation, None)
        collector.turn()
    said = [own_alarm(m.payload) for m in logged(tmp_path, "own") if m.topic == "own/alarm"]
    assert [(one.active, one.detail) for one in said] == [
        (False, ""), (True, "broker x:1: connection lost: another client?"),
    ]  # fmt: skip


def test_own_sensors_are_read_at_the_start(tmp_path: Path) -> None:
    collector = Collector(Spool(tmp_path), Inbox(tmp_path), Times().clock(), Belt)
    collector.turn()
    assert {m.topic for m in logged(tmp_path, "own")} == {"own/link", "own/clock-offset", "own/queue", "own/alarm"}
    assert own("x", value=1) == Message("own/x", b'{"value": 1}', "own")


def test_the_role_runs_without_a_broker_takes_the_inbox_and_stops_when_told(tmp_path: Path) -> None:
    stop = threading.Event()
    settings = Settings(path=tmp_path / "site.toml", data=tmp_path / "data")
    role = threading.Thread(target=collect, args=(settings, stop))
    role.start()
    name = put(settings.data, Message("action", b"{}", "action"))
    end = time.monotonic() + 10
    while not logged(settings.data, "action") and time.monotonic() < end:
        time.sleep(0.02)
    with pytest.raises(Occupied):
        Spool(settings.data)
    stop.set()
    role.join(5)
    assert not role.is_alive()
    assert [message.id for message in logged(settings.data, "action")] == [name]
    Spool(settings.data).close()
