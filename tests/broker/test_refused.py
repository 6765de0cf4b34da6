"""A subscription that real brokers refuse: one line, asked again later each time, an alarm in time; and what waits.

What our session had before is kept for it: NATS holds it back until the access list is put right, mosquitto goes on
sending it. What it never had waits for nobody; then `davylamp gaps` says why. Mosquitto refuses by its plugin for
dynamic security: an acl_file drops what we may not read and says nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from collector.actions import ask_revision
from collector.broker import EmbeddedBroker
from collector.gaps import find
from collector.message import MQTT
from collector.mqtt_settings import Mqtt
from collector.secret import Secret
from collector.settings import Settings
from tests.at_rest import judge_log, store_history
from tests.broker.collected import Attempts, alarms, asks, collecting, links, logged, numbers_of
from tests.broker.test_mqtt import numbers, publisher
from tests.chaos.driving import eventually
from tests.servers import Mosquitto, nats_broker, plugin

pytestmark = pytest.mark.broker
__all__ = ["asks"]
ALARM_AFTER = 700_000_000
"""ns"""
ALL = {"publishClientSend": True, "publishClientReceive": True, "unsubscribe": True}


@dataclass
class Dynamic:
    """A mosquitto that grants pit/# to nobody, or to all."""

    folder: Path
    sender: tuple[str, ...] = ()
    user: str | None = None
    broker: Mosquitto = field(init=False)

    def __post_init__(self) -> None:
        library = plugin("mosquitto_dynamic_security.so", "apt-get install mosquitto")
        self.folder.mkdir()
        loads = f"allow_anonymous true\nplugin {library}\nplugin_opt_config_file {self.folder}/dynamic.json\n"
        self.broker = Mosquitto(self.folder / "mosquitto", loads)

    def grants(self, pit: bool) -> None:
        """Start it anew with this access."""
        self.broker.stop()
        acls = [{"acltype": "subscribePattern", "topic": "pit/#", "priority": 1, "allow": pit}]
        made = {"defaultACLAccess": {**ALL, "subscribe": False}, "anonymousGroup": "all", "clients": [],
                "groups": [{"groupname": "all", "roles": [{"rolename": "all"}]}],
                "roles": [{"rolename": "all", "acls": acls}]}  # fmt: skip
        (self.folder / "dynamic.json").write_text(json.dumps(made))
        (self.folder / "dynamic.json").chmod(0o644)
        self.broker.start()


@dataclass
class Permitted:
    """A NATS server that grants pit/# to its user "pit", or not."""

    folder: Path
    sender: tuple[str, ...] = ("logger", "logs")
    user: str | None = "pit"
    broker: EmbeddedBroker = field(init=False)

    def __post_init__(self) -> None:
        self.broker = nats_broker(self.folder)
        self._configure, self.broker._configure = self.broker._configure, self._configured  # type: ignore[method-assign]

    def grants(self, pit: bool) -> None:
        """Start it anew with this access."""
        self.broker.stop()
        self._pit = pit
        self.broker.start()

    def _configured(self) -> Path:
        path = self._configure()
        denied = "" if self._pit else ', permissions: {subscribe: {deny: ["pit", "pit.>"]}}'
        users = f'{{user: "pit", password: "x"{denied}}}, {{user: "logger", password: "logs"}}'
        path.write_text(f"{path.read_text()}authorization {{users = [{users}]}}\n")
        return path


Limited = Dynamic | Permitted


@dataclass
class Place:
    """A broker that may refuse, and our side of it."""

    limited: Limited
    settings: Settings

    @property
    def data(self) -> Path:
        return self.settings.data


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    kind, version = request.param
    limited = kind(tmp_path / "broker")
    (tmp_path / "password").write_text("x\n")
    mqtt = Mqtt(limited.broker.url, "collector", limited.user, Secret(tmp_path / "password"), version=version,
                subscriptions=("pit/#",), alarm_after=ALARM_AFTER)  # fmt: skip
    yield Place(limited, Settings(tmp_path / "site.toml", tmp_path / "data", mqtt=mqtt))
    limited.broker.stop()


def await_alarm(place: Place, begun: float, caplog: pytest.LogCaptureFixture) -> None:
    """One line, and in time an alarm that says it."""
    eventually(lambda: alarms(place.data)[-1:] and alarms(place.data)[-1][0], 20, "no alarm")
    assert time.monotonic() - begun >= ALARM_AFTER / 1e9, "not before its time"
    said = alarms(place.data)[-1][1]
    assert "did not grant subscriptions as asked: 'pit/#': " in said
    assert "\n" not in said
    lines = [record.getMessage() for record in caplog.records if "did not grant" in record.getMessage()]
    assert len(lines) == 1
    assert said in lines[0]


KINDS = [pytest.param((Dynamic, "5"), id="mosquitto"), pytest.param((Permitted, "3.1.1"), id="nats")]


@pytest.mark.parametrize("place", KINDS, indirect=True)
def test_what_our_session_had_before_is_refused_and_nothing_is_lost(
    place: Place, asks: Attempts, caplog: pytest.LogCaptureFixture
) -> None:
    place.limited.grants(pit=True)
    with collecting(place.settings):  # from here on the broker keeps a session for us
        eventually(lambda: any(links(place.data)), 20, "no connection")
        time.sleep(0.5)
    place.limited.grants(pit=False)
    asks.at.clear()
    begun = time.monotonic()
    with collecting(place.settings):
        with publisher(place.limited.broker.url, *place.limited.sender) as publish:
            publish(numbers(200))
        await_alarm(place, begun, caplog)
        asks.back_off()
        place.limited.grants(pit=True)
        eventually(lambda: len(logged(place.data, MQTT)) >= 200, 30, "what waited does not come")
        eventually(lambda: alarms(place.data)[-1] == (False, ""), 20, "the alarm does not end")
    assert numbers_of(place.data) == list(range(200))


DOCUMENT = {
    "site": {"id": "pit", "timezone": "UTC", "simulated": True},
    "payload": {"plain": {"topic": "pit/{sensor}", "json": {"value": "v"}}},
    "sensor": {"ch4": {"area": "face", "quantity": "methane", "unit": "%vol", "every": "0.4s"}},
}


@pytest.mark.parametrize("place", [pytest.param((Dynamic, "3.1.1"), id="mosquitto")], indirect=True)
def test_what_it_never_had_waits_for_nobody_and_that_is_said_while_it_is_so_and_afterwards(
    place: Place, asks: Attempts, caplog: pytest.LogCaptureFixture
) -> None:
    def send(value: float) -> None:
        with publisher(place.limited.broker.url) as publish:
            publish([b'{"v": %g}' % value], "pit/ch4")

    place.limited.grants(pit=True)
    ask_revision(place.data, DOCUMENT, "test", "")
    with collecting(place.settings):
        eventually(lambda: any(links(place.data)), 20, "no connection")
        eventually(lambda: send(1) or logged(place.data, MQTT), 20, "no reading")
    place.limited.broker.stop()
    (place.limited.broker.folder / "mosquitto.db").unlink()  # it has lost its sessions
    place.limited.grants(pit=False)
    begun, before = time.monotonic(), len(logged(place.data, MQTT))
    with collecting(place.settings):
        await_alarm(place, begun, caplog)
        send(2)
        time.sleep(1.5)
        assert len(logged(place.data, MQTT)) == before
        assert [active for active, _ in alarms(place.data)] == [False, True]
        place.limited.grants(pit=True)
        eventually(lambda: send(3) or len(logged(place.data, MQTT)) > before, 20, "no reading after the mend")
    judge_log(place.data)
    store_history(place.data)
    (gap,) = find(place.data, "ch4")
    assert gap.cause.startswith("source-failing: broker 127.0.0.1:")
    assert "'pit/#'" in gap.cause
