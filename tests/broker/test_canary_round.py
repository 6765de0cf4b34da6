"""The canary through a real broker: to a webhook's door and back, lost where it is down, and what refuses it named."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from collector.broker import EmbeddedBroker, free_port
from collector.canary_publish import publish
from collector.cli import main
from collector.errors import BrokerRefused, Disconnected
from collector.history import History
from collector.judged import Judged
from collector.ledger import read_at_rest
from collector.mqtt_settings import Mqtt as Address
from collector.secret import Secret
from tests.servers import Mosquitto, find

pytestmark = pytest.mark.broker
TOPIC = "davylamp/pit/canary"
SITE = """
[site]
id = "pit"
timezone = "UTC"
simulated = true
roles = ["collect", "judge", "store", "announce"]
[mqtt]
url = "{url}"
[payload.plain]
topic = "pit/{{area}}/{{sensor}}"
json = {{ value = "v" }}
[announce]
webhooks = [{{ name = "ops", url = "http://127.0.0.1:{port}/" }}]
[canary]
every = "2s"
within = "2s"
[sensor]
ch4-1 = {{ area = "face", quantity = "methane", unit = "%vol", time = "arrival" }}
[rule.gas]
sensors = ["ch4-1"]
detector = {{ kind = "signal.limit", limit = "1 %vol" }}
priority = "high"
guidance = "Withdraw"
"""


class Hook:
    """A webhook at a fixed port, to be opened and shut."""

    def __init__(self) -> None:
        self.port, self.heard = free_port(), []  # type: ignore[var-annotated]
        self.server: ThreadingHTTPServer | None = None

    def open(self) -> None:
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                heard.append((self.command, json.loads(body) if body else None))
                self.send_response(204)
                self.end_headers()

            do_HEAD = do_POST = _take

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def shut(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.thread.join()
            self.server.server_close()
            self.server = None


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    made.open()
    yield made
    made.shut()


def eventually(condition: Callable[[], object], within: float = 30.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def journal(data: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for _, line, _ in Judged(data).journal(0, 100_000)]


def changes(data: Path, rule: str, sensor: str) -> list[str]:
    return [line["change"] for line in journal(data) if (line["rule"], line["sensor"]) == (rule, sensor)]


def test_from_the_broker_to_the_webhooks_door_lost_when_it_is_down_and_back(tmp_path: Path, hook: Hook) -> None:
    site, data, said = tmp_path / "site.toml", tmp_path / "data", tmp_path / "said"
    lost = ("canary-lost", "davylamp.canary-ops")
    with EmbeddedBroker(tmp_path / "broker") as broker:
        site.write_text(SITE.format(url=broker.url, port=hook.port))
        with said.open("wb") as out:
            run = subprocess.Popen([sys.executable, "-m", "collector.cli", "run", str(site)], stdout=out, stderr=out)
        try:
            eventually(lambda: [line for line in journal(data) if line["change"] == "canary"])
            eventually(lambda: "watched" in changes(data, *lost))
            assert ("HEAD", None) in hook.heard
            hook.shut()
            eventually(lambda: changes(data, *lost)[-1] == "raised")
            eventually(lambda: b"canary-lost/davylamp.canary-ops#1 raised" in said.read_bytes())
            hook.open()
            eventually(lambda: changes(data, *lost)[-1] == "returned")
        finally:
            run.send_signal(signal.SIGTERM)
            run.wait(20)
    assert [body["changes"][0]["rule"] for command, body in hook.heard if command == "POST"][:1] == ["canary-lost"]
    assert "canary=lost door=ops reason=" in said.read_text()
    alarms = [row for row in Judged(data).alarms() if row["active"]]
    assert not [row for row in alarms if row["rule"] in ("canary", "") or "canary-journal" in row["subject"]]
    history = History(data)
    took = history.window("davylamp.canary-journal", 0, 2**62)[1]
    history.close()
    assert len(took) >= 2
    assert 0 < took[0] < 2
    _, wrong = read_at_rest(data)
    assert wrong == []
    replayed = tmp_path / "replayed.jsonl"
    assert main(["replay", str(site), str(data), "--journal", str(replayed)]) == 0
    assert replayed.read_text().splitlines() == [line for _, line, _ in Judged(data).journal(0, 100_000)]


# -- one publication --------------------------------------------------------------------------------------------------


def once(url: str, **about: Any) -> Any:
    if password := about.pop("password", None):
        os.environ["CANARY_PASSWORD"] = password
        about["password"] = Secret(env="CANARY_PASSWORD")
    return publish(Address(url, "davylamp-pit", **about), TOPIC, b"{}", 5.0)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_broker_that_takes_it_says_how_long_that_took(version: str, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        published = once(broker.url, version=version)
    assert 0 < published.seconds < 5
    assert published.certificate is None


def test_where_nobody_listens_is_told() -> None:
    with pytest.raises(Disconnected, match="nobody listens there"):
        once(f"mqtt://127.0.0.1:{free_port()}")


def test_a_port_that_is_silent_is_given_up() -> None:
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = Address(f"mqtt://127.0.0.1:{silent.getsockname()[1]}", "davylamp-pit")
        begun = time.monotonic()
        with pytest.raises(Disconnected):
            publish(address, TOPIC, b"{}", 0.5)
        assert time.monotonic() - begun < 5


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker in which `pit` may read and not write, and `both` may do both."""
    tool, passwords, acl = find("mosquitto_passwd", "apt-get install mosquitto"), tmp_path / "p", tmp_path / "acl"
    passwords.touch()
    for user in ("pit", "both"):
        subprocess.run([tool, "-b", str(passwords), user, "right"], check=True, capture_output=True)
    acl.write_text("user pit\ntopic read #\nuser both\ntopic readwrite davylamp/+/canary\n")
    for file in (passwords, acl):
        file.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(file, "root", "root")
    extra = f"allow_anonymous false\npassword_file {passwords}\nacl_file {acl}\n"
    with Mosquitto(tmp_path / "broker", extra) as broker:
        yield broker


def test_a_wrong_password_is_one_line_that_names_the_user(closed: Mosquitto) -> None:
    with pytest.raises(BrokerRefused, match="refused user 'pit' .*check user and password_file"):
        once(closed.url, user="pit", password="wrong")


def test_who_may_not_write_the_topic_is_told_so_by_mqtt_5(closed: Mosquitto) -> None:
    assert once(closed.url, user="both", password="right", version="5").seconds < 5
    with pytest.raises(BrokerRefused, match="user 'pit' may not write the canary's topic .*ACL"):
        once(closed.url, user="pit", password="right", version="5")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho leaves the refused socket open
def test_certificates_days_are_told_and_an_unknown_authority_refused(tmp_path: Path) -> None:
    openssl, folder = find("openssl", "apt-get install openssl"), tmp_path / "tls"
    folder.mkdir()
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 90 -subj /CN=test-ca",
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=127.0.0.1",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 20 -extfile san",
    ):
        subprocess.run([openssl, *command.split()], cwd=folder, check=True, capture_output=True)
    for file in folder.iterdir():
        file.chmod(0o644)
    extra = f"certfile {folder}/server.pem\nkeyfile {folder}/server.key\n"
    with Mosquitto(tmp_path / "broker", extra) as broker:
        url = broker.url.replace("mqtt://", "mqtts://")
        assert once(url, ca=folder / "ca.pem").certificate == pytest.approx(20, abs=0.1)
        ours = {"cert": folder / "server.pem", "key": folder / "server.key"}
        assert once(url, ca=folder / "ca.pem", **ours).ours == pytest.approx(20, abs=0.1)
        with pytest.raises(Disconnected, match="not trusted"):
            once(url)
