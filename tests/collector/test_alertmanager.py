"""Against Debian's real Alertmanager and a webhook of the test: fires, resolves once, is silenced when hidden."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from collector.alertmanager import AGAIN, DAY, RESOLVED, Alertmanager, _annotations
from collector.broker import free_port
from collector.errors import Unavailable
from collector.posting import ask
from tests.servers import alertmanager


class Judging:
    """Pairs of rule and subject that the test changes."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.lines = 0

    def row(self, **change: Any) -> dict[str, Any]:
        return {
            "rule": "face-methane.cut", "subject": "ch4-2105", "area": "face-2105", "kind": "signal.limit",
            "priority": "critical", "active": True, "latched": False, "hidden": [], "occurrence": 3,
            "since": time.time_ns(), "value": 1.52, "limit": 1.5, "unit": "%vol", "guidance": "Withdraw",
            "consequence": "", "citation": "AQ 1029", **change,
        }  # fmt: skip

    def set(self, *rows: dict[str, Any]) -> None:
        self.rows, self.lines = list(rows), self.lines + 1

    def journal(self, after: int, limit: int = 1000) -> list[tuple[int, str, str]]:
        return [(k, "", "") for k in range(after + 1, self.lines + 1)][:limit]

    def alarms(self) -> list[dict[str, Any]]:
        return self.rows

    def status(self) -> dict[str, Any]:
        return {"site": "north-pit"}


class Desk:
    """The webhook behind Alertmanager: what people would get, and when."""

    def __init__(self) -> None:
        self.got: list[tuple[float, str, dict[str, Any]]] = []
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in body["alerts"]:
                    if alert["labels"]["alertname"] != "DavylampAlive":
                        desk.got.append((time.monotonic(), alert["status"], alert))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def states(self) -> list[str]:
        return [status for _, status, _ in self.got]


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.server.shutdown()
    desk.server.server_close()


@pytest.fixture
def url(tmp_path: Path, desk: Desk) -> Iterator[str]:
    with alertmanager(tmp_path / "far", f"http://127.0.0.1:{desk.server.server_address[1]}/") as address:
        yield address


def eventually(condition: Callable[[], object], within: float = 15.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_it_fires_once_and_resolves_once(tmp_path: Path, url: str, desk: Desk) -> None:
    judging = Judging()
    far = Alertmanager(url, tmp_path, judging)
    judging.set(judging.row())
    began = time.monotonic()
    assert far.step() == 1
    eventually(lambda: desk.got)
    print(f"POST to webhook {1000 * (desk.got[0][0] - began):.1f} ms")
    alert = desk.got[0][2]
    assert alert["labels"]["priority"] == "critical"
    assert "1.52 %vol" in alert["annotations"]["summary"]
    assert alert["annotations"]["citation"] == "AQ 1029"
    far.step()
    judging.set(judging.row(active=False))
    far.step()
    eventually(lambda: desk.states() == ["firing", "resolved"])


def test_a_dead_davylamp_never_reads_as_resolved(tmp_path: Path, url: str, desk: Desk) -> None:
    judging = Judging()
    judging.set(judging.row())
    Alertmanager(url, tmp_path, judging).step()
    (alert,) = [one for one in json.loads(ask(f"{url}/api/v2/alerts", "GET", None, "test").body)
                if one["labels"]["alertname"] != "DavylampAlive"]  # fmt: skip
    assert alert["endsAt"][:10] > time.strftime("%Y-%m-%dT%H", time.gmtime())[:10]


def test_after_a_restart_what_returned_meanwhile_is_resolved(tmp_path: Path, url: str, desk: Desk) -> None:
    judging = Judging()
    judging.set(judging.row())
    Alertmanager(url, tmp_path, judging).step()
    eventually(lambda: desk.got)
    judging.set(judging.row(active=False, priority="high"))
    Alertmanager(url, tmp_path, judging).step()
    eventually(lambda: desk.states() == ["firing", "resolved"])
    assert desk.got[1][2]["labels"] == desk.got[0][2]["labels"]


def test_a_shelved_alarm_is_silenced_and_not_resolved(tmp_path: Path, url: str, desk: Desk) -> None:
    judging = Judging()
    row = judging.row(priority="high")
    judging.set(row)
    far = Alertmanager(url, tmp_path, judging)
    far.step()
    eventually(lambda: desk.got)

    def silences() -> list[str]:
        found = json.loads(ask(f"{url}/api/v2/silences", "GET", None, "test").body)
        return [one["status"]["state"] for one in found]

    judging.set({**row, "hidden": ["shelved"]})
    far.step()
    assert silences() == ["active"]
    judging.set(row)
    far.step()
    eventually(lambda: silences() == ["expired"])
    assert desk.states() == ["firing"]


def test_what_stands_is_sent_again_and_what_returned_for_five_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, posts = [10**18], []
    monkeypatch.setattr("collector.alertmanager.post", lambda url, body, name: posts.append(body))
    judging = Judging()
    judging.set(judging.row())
    far = Alertmanager("http://far", tmp_path, judging, wall=lambda: now[0])
    counts = []
    for k in range(40):
        if k == 10:
            judging.set()
        counts.append(far.step())
        now[0] += AGAIN // 2
    assert counts[:10] == [1, 0] * 5
    assert sum(counts[10:]) == RESOLVED // AGAIN + 1
    assert {alert["labels"]["alertname"] for body in posts for alert in body} == {"face-methane.cut", "DavylampAlive"}
    assert far.step() == 0
    assert DAY > RESOLVED


def test_an_alertmanager_that_is_away_loses_nothing(tmp_path: Path) -> None:
    judging = Judging()
    judging.set(judging.row())
    far = Alertmanager(f"http://127.0.0.1:{free_port()}", tmp_path, judging)
    for _ in range(2):
        with pytest.raises(Unavailable, match="is it running"):
            far.step()


def test_what_was_sent_stays_known_while_the_disk_takes_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    posts: list[Any] = []
    monkeypatch.setattr("collector.alertmanager.post", lambda url, alerts, name: posts.append(alerts))
    folder = tmp_path / "full"
    judging = Judging()
    judging.set(judging.row())
    far = Alertmanager("http://nowhere", folder, judging)
    for _ in range(2):
        with pytest.raises(Unavailable, match="alertmanager.json"):
            far.step()
    judging.set()
    with pytest.raises(Unavailable, match="alertmanager.json"):
        far.step()
    ends = [alert["endsAt"] for body in posts for alert in body if alert["labels"]["alertname"] != "DavylampAlive"]
    assert len(ends) == 2, "fired once, resolved once"
    assert ends[1] < ends[0]
    folder.mkdir()
    far.step()
    assert "face-methane.cut/ch4-2105#3" in json.loads((folder / "alertmanager.json").read_bytes())


def test_what_a_test_raised_has_its_label_and_judging_hears_that_it_was_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from collector.inbox import Inbox

    sent: list[Any] = []
    monkeypatch.setattr("collector.alertmanager.post", lambda url, alerts, name: sent.append(alerts))
    judging = Judging()
    keeper = Alertmanager("http://nowhere", tmp_path, judging)
    judging.set(judging.row(test="t1"))
    keeper.step()
    assert sent[0][0]["labels"]["test"] == "true"
    assert sent[0][0]["annotations"]["summary"].startswith("TEST face-2105")
    (told,) = Inbox(tmp_path).waiting()
    assert json.loads(told.payload) == {"test": "t1", "sensor": "ch4-2105", "alarm": "face-methane.cut/ch4-2105#3",
                                        "channel": "alertmanager"}  # fmt: skip
    judging.set(judging.row(occurrence=4))
    keeper.step()
    assert "test" not in sent[1][-2]["labels"]
    assert len(Inbox(tmp_path).waiting()) == 1


def test_its_link_leads_to_the_page_whatever_the_subject_is_called() -> None:
    row = {"unit": "%vol", "value": 1.2, "limit": None, "subject": "井/3 号", "rule": "ch4", "occurrence": 1,
           "area": "face", "hidden": []} | dict.fromkeys(("guidance", "consequence", "citation"), "")  # fmt: skip
    assert _annotations(row, "https://pit")["page"] == "https://pit/sensor/%E4%BA%95%2F3%20%E5%8F%B7"
    assert "page" not in _annotations(row, "")
