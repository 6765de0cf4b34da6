"""A certificate that is wrong or late: one line, tried again later each time, an alarm in time, nothing lost.

A password: test_mend.py. A subscription: test_refused.py.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from collector.broker import await_port
from collector.message import MQTT
from collector.mqtt_settings import Mqtt
from collector.secret import Secret
from collector.settings import Settings
from tests.broker.collected import Attempts, alarms, collecting, connects, links, logged, numbers_of
from tests.broker.test_mqtt import certificates, mutual, numbers, publisher
from tests.chaos.driving import eventually
from tests.servers import Mosquitto, find

pytestmark = pytest.mark.broker
__all__ = ["certificates", "connects", "mutual"]
ALARM_AFTER = 10**9
"""ns"""


@dataclass
class Place:
    """A broker that wants a password and speaks TLS, and what our side has."""

    folder: Path
    broker: Mosquitto
    open_port: int

    @property
    def settings(self) -> Settings:
        url = self.broker.url.replace("mqtt://", "mqtts://")
        mqtt = Mqtt(url, "collector", "pit", Secret(self.folder / "password"), ca=self.folder / "ca.pem",
                    keepalive=5, subscriptions=("pit/#",), alarm_after=ALARM_AFTER)  # fmt: skip
        return Settings(self.folder / "site.toml", self.folder / "data", mqtt=mqtt)

    def put(self, name: str, source: Path) -> None:
        """Our file, or the broker's, is now a copy of another."""
        shutil.copyfile(source, self.folder / name)
        (self.folder / name).chmod(0o644)


@pytest.fixture
def place(tmp_path: Path, mutual: Path) -> Iterator[Place]:
    tool = find("mosquitto_passwd", "apt-get install mosquitto")
    subprocess.run([tool, "-b", "-c", tmp_path / "users", "pit", "right"], check=True, capture_output=True)
    (tmp_path / "acl").write_text("topic write pit/#\nuser pit\ntopic read pit/#\n")
    broker = Mosquitto(tmp_path / "mosquitto")
    plain = Mosquitto(tmp_path / "unused").port
    broker.extra = (
        f"certfile {tmp_path}/server.pem\nkeyfile {mutual}/server.key\npassword_file {tmp_path}/users\n"
        f"acl_file {tmp_path}/acl\nallow_anonymous true\nlistener {plain} 127.0.0.1\n"
    )
    made = Place(tmp_path, broker, plain)
    for name in ("users", "acl"):
        (tmp_path / name).chmod(0o644)
    made.put("ca.pem", mutual / "ca.pem")
    made.put("server.pem", mutual / "server.pem")
    (tmp_path / "password").write_text("right\n")
    with broker:
        yield made


def wrong_ca(place: Place, tls: Path) -> Callable[[], object]:
    place.put("ca.pem", tls / "stranger.pem")
    return lambda: place.put("ca.pem", tls / "ca.pem")


def expired_certificate(place: Place, tls: Path) -> Callable[[], object]:
    place.broker.stop()
    place.put("server.pem", tls / "late.pem")
    place.broker.start()
    assert place.broker.process is not None
    await_port(place.open_port, place.broker.process, place.broker.folder / "mosquitto.log")

    def mend() -> None:
        place.broker.stop()
        place.put("server.pem", tls / "server.pem")
        place.broker.start()

    return mend


CASES = [
    pytest.param(wrong_ca, "certificate is not trusted", id="wrong-ca"),
    pytest.param(expired_certificate, "not valid now (certificate has expired)", id="expired-certificate"),
]


@pytest.mark.parametrize(("spoil", "said"), CASES)
def test_one_line_an_alarm_in_time_and_nothing_lost_once_mended(
    place: Place,
    mutual: Path,
    spoil: Callable[[Place, Path], Callable[[], object]],
    said: str,
    caplog: pytest.LogCaptureFixture,
    connects: Attempts,
) -> None:
    data = place.settings.data
    with collecting(place.settings):  # from here on the broker keeps a session for us
        eventually(lambda: any(links(data)), 20, "no connection")
        time.sleep(0.5)
    mend = spoil(place, mutual)
    connects.at.clear()
    begun = time.monotonic()
    with publisher(f"mqtt://127.0.0.1:{place.open_port}") as publish, collecting(place.settings):
        publish(numbers(200))
        eventually(lambda: alarms(data)[-1:] and alarms(data)[-1][0], 20, "no alarm")
        assert time.monotonic() - begun >= ALARM_AFTER / 1e9, "not before its time"
        assert said in alarms(data)[-1][1]
        assert "\n" not in alarms(data)[-1][1]
        assert logged(data, MQTT) == []
        lines = [record.getMessage() for record in caplog.records if said in record.getMessage()]
        assert len(lines) == 1
        connects.back_off()
        mend()
        eventually(lambda: len(logged(data, MQTT)) >= 200, 30, "what waited does not come")
        eventually(lambda: alarms(data)[-1] == (False, ""), 10, "the alarm does not end")
    assert numbers_of(data) == list(range(200))
