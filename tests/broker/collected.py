"""A collect role in a thread, and what it did: what it logged, said of its source, and when it tried again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from collector import mqtt, subscribing
from collector.collecting import collect
from collector.message import MQTT, OWN, Message
from collector.settings import Settings
from collector.spool import SpoolReader
from tests.chaos.driving import eventually


@contextmanager
def collecting(settings: Settings) -> Iterator[None]:
    """The role, as long as the with-block lasts."""
    stop = threading.Event()
    role = threading.Thread(target=collect, args=(settings, stop))
    role.start()
    try:
        yield
    finally:
        stop.set()
        role.join(15)


def logged(data: Path, origin: str) -> list[Message]:
    """The messages of an origin, in the order of the log."""
    reader = SpoolReader(data)
    found = [m for seal in reader.read(0, 10**6) for m in seal.messages if m.origin == origin]
    reader.close()
    return found


def numbers_of(data: Path) -> list[int]:
    """What was published as numbers."""
    return sorted(int(m.payload) for m in logged(data, MQTT))


def alarms(data: Path) -> list[tuple[bool, str]]:
    """What was said of the source: failing or not, and why."""
    found = [m for m in logged(data, OWN) if m.topic == "own/alarm"]
    return [(said["active"], said["detail"]) for m in found if (said := json.loads(m.payload))]


def links(data: Path) -> list[int]:
    """Whether there was a connection, each time that it was said."""
    return [json.loads(m.payload)["value"] for m in logged(data, OWN) if m.topic == "own/link"]


@dataclass
class Attempts:
    """When something was tried. Who tries again waits longer each time; load makes that later, nothing sooner."""

    first_wait: float
    at: list[float] = field(default_factory=list)

    def try_now(self) -> None:
        self.at.append(time.monotonic())

    def back_off(self, at_least: int = 3) -> None:
        eventually(lambda: len(self.at) >= at_least, 10, f"{at_least} attempts")
        for k, at in enumerate(self.at):
            assert at - self.at[0] >= 0.74 * self.first_wait * (2**k - 1), f"attempt {k} of {self.at}"


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> Attempts:
    """Attempts to connect."""
    found, identify = Attempts(mqtt.FIRST_WAIT), mqtt.Mqtt._identify

    def counted(source: mqtt.Mqtt) -> None:
        found.try_now()
        identify(source)

    monkeypatch.setattr(mqtt.Mqtt, "_identify", counted)
    return found


@pytest.fixture
def asks(monkeypatch: pytest.MonkeyPatch) -> Attempts:
    """Attempts to subscribe, the first wait between two being a tenth of a second."""
    monkeypatch.setattr(subscribing, "FIRST_WAIT", 0.1)
    found, send = Attempts(0.1), subscribing.Subscriptions._send

    def counted(subscriptions: subscribing.Subscriptions, filters: list[str]) -> None:
        found.try_now()
        send(subscriptions, filters)

    monkeypatch.setattr(subscribing.Subscriptions, "_send", counted)
    return found
