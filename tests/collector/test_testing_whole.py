"""A test of a sensor from the command to a webhook and a person's pager, over a real log, and back into the journal."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from collector import cli
from collector.announce import announce
from collector.calling import Command
from collector.inbox import Inbox
from collector.journal import verify
from collector.judged import Judged, every_line
from collector.judging import Judging
from collector.ledger import balance, read_counts
from collector.oncall import OnCall
from collector.replaying import replay
from collector.roster import Person, Roster, Rotation
from collector.settings import Announce, Settings, Webhook
from collector.spool import Spool
from detectors.site import read_site
from tests.collector.test_oncall_whole import WRITE, eventually
from tests.collector.test_roster import SHANGHAI, local
from tests.small_log import S, document, reading, revision


class Room(BaseHTTPRequestHandler):
    """A webhook: keeps what it is sent."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append(body)  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Pit:
    """A data folder with sensors that read `self.values`, a judge that keeps up, and the announce role."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stop, self.calls = folder, threading.Event(), folder / "calls.txt"
        self.values = {0: 0.1, 1: 0.1}
        spool, now = Spool(folder), time.time_ns() - 5 * S
        spool.append([revision()], now, now)
        spool.close()
        self.room = HTTPServer(("127.0.0.1", 0), Room)
        self.got: list[dict[str, Any]] = []
        self.room.got = self.got  # type: ignore[attr-defined]
        way = Command((sys.executable, "-c", WRITE, str(self.calls), "{to}", "{text}"))
        duty = Roster("duty", (Rotation(("li",), local("2020-01-06T08:00"), timedelta(days=7), SHANGHAI),))
        oncall = OnCall({"li": Person("li", "Li Wei", (("modem", "+86139"),))}, (duty,), {"modem": way})
        hook = Webhook("control-room", f"http://127.0.0.1:{self.room.server_port}/")
        settings = Settings(folder / "site.toml", folder, oncall=oncall, announce=Announce((hook,)))
        works = [self._judge, self.room.serve_forever, lambda: announce(settings, self.stop)]
        self.threads = [threading.Thread(target=work) for work in works]
        for thread in self.threads:
            thread.start()

    def _judge(self) -> None:
        inbox, spool, judging = Inbox(self.folder), Spool(self.folder), Judging(self.folder)
        at = 0
        while not self.stop.wait(0.02):
            asked, now = inbox.waiting(), time.time_ns()
            read = [reading(k, now, value) for k, value in self.values.items()] if now - at > S // 4 else []
            at = now if read else at
            if asked or read:
                spool.append([*asked, *read], now, now)
                inbox.remove(asked)
            while judging.catch_up():
                pass
        judging.close()
        spool.close()

    def close(self) -> None:
        self.stop.set()
        self.room.shutdown()
        for thread in self.threads:
            thread.join(20)
        self.room.server_close()

    def rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        return {(row["rule"], row["subject"]): row for row in Judged(self.folder).alarms()}

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for _, line, _ in every_line(Judged(self.folder))]


@pytest.fixture
def pit(tmp_path: Path) -> Iterator[Pit]:
    pit = Pit(tmp_path)
    eventually(lambda: pit.rows().get(("gas", "ch4-0"), {}).get("watching"))
    yield pit
    pit.close()


def test_gas_that_is_applied_reaches_webhook_and_pager_marked_and_the_result_is_journaled(
    pit: Pit, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: list[int] = []
    words = ["test", "ch4-0", "--for", "30m", "--by", "Li", "--note", "weekly", "--data", str(pit.folder)]
    command = threading.Thread(target=lambda: codes.append(cli.main(words)))
    command.start()
    eventually(lambda: any(row.get("handling") for row in Judged(pit.folder).sensors()))
    status = Judged(pit.folder).status()
    pit.values[0] = 1.4
    eventually(lambda: pit.rows()["gas", "ch4-0"]["active"])
    row = pit.rows()["gas", "ch4-0"]
    assert row["test"]
    assert not row["watching"]
    assert status["watching"] < status["of"] - 6, "what is in test is not counted as watched"
    eventually(lambda: any(line["change"] == "reached" for line in pit.lines()))
    eventually(pit.calls.exists)
    pit.values[0] = 0.1
    command.join(30)
    assert codes == [0]

    said = capsys.readouterr().out
    assert re.search(r"gas/ch4-0#1 high raised after \d+\.\d s", said)
    assert "control-room took the notice of gas/ch4-0#1" in said or "modem took the notice of gas/ch4-0#1" in said
    assert "PASSED" in said
    notices = [body for body in pit.got if body["changes"][0]["change"] == "raised"]
    assert notices[0]["test"] is True
    assert notices[0]["text"].startswith("SIMULATION TEST pit: HIGH face gas/ch4-0#1")
    assert pit.calls.read_text("utf-8").startswith("+86139|SIMULATION TEST face ch4-0 gas")
    ended = next(line for line in pit.lines() if line["change"] == "test_ended")
    assert ended["why"]["key"] == "judge.test.passed"
    assert (ended["sensor"], ended["by"], ended["why"]["alarms"]) == ("ch4-0", "Li", "gas/ch4-0#1")
    assert not Judged(pit.folder).hazards(closed=True), "a test leaves no hazard"
    assert not pit.rows()["gas", "ch4-0"]["active"]
    assert pit.rows()["gas", "ch4-0"]["acked"]


def test_nothing_raised_is_a_failed_test_and_the_log_replays_to_the_same_journal(
    pit: Pit, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ["--by", "Li", "--note", "weekly", "--data", str(pit.folder)]
    assert cli.main(["test", "ch4-0", "--for", "1s", *here]) == 1
    assert "FAILED: nothing was raised" in capsys.readouterr().out
    assert cli.main(["calibrate", "ch4-1", "--for", "20min", *here]) == 0
    pit.values[1] = 1.4
    gas = ["--gas", "CH4", "--applied", "2.0", "--left", "1.9", "--certificate", "C-77"]
    time.sleep(0.6)
    pit.values[1] = 0.1
    time.sleep(0.4)
    assert cli.main(["calibrated", "ch4-1", *gas, *here]) == 0
    assert not pit.rows()["gas", "ch4-1"]["active"]
    assert not any(body["changes"][0]["sensor"] == "ch4-1" for body in pit.got)
    assert cli.main(["test", "ch4-9", "--for", "1s", *here]) == 1
    assert "there is no such sensor" in capsys.readouterr().err
    assert cli.main(["test", "ch4-0", *here]) == 2
    pit.close()

    judged = Judged(pit.folder)
    live = list(every_line(judged))
    assert verify(line for _, line, _ in live) is None
    again = replay(read_site(document()), pit.folder, pit.folder / "again.jsonl", messages=3)
    assert (again.lines, again.hash) == (live[-1][0], live[-1][2])
    counts = read_counts(pit.folder)
    assert [one for one in balance(counts) if not one.hop.startswith("judged")] == []
    assert judged.ledger()["gate.calibration"] > 1


def test_a_test_ends_early_by_a_person_and_what_stands_then_is_real(
    pit: Pit, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ["--by", "Li", "--note", "weekly", "--data", str(pit.folder)]
    words = ["test", "ch4-0", "--for", "10min", "--whole", "--json", *here]
    command = threading.Thread(target=lambda: cli.main(words))
    command.start()
    eventually(lambda: any(row.get("handling") for row in Judged(pit.folder).sensors()))
    pit.values[0] = 1.4
    eventually(lambda: any(line["change"] == "reached" for line in pit.lines()))
    cli.main(["test", "ch4-0", "--end", *here])
    command.join(30)
    raised = [line for line in pit.lines() if line["change"] == "raised" and line["rule"] == "gas"]
    assert [line["note"] for line in raised] == ["TEST", ""]
    row = pit.rows()["gas", "ch4-0"]
    assert (row["active"], row["test"], row["occurrence"]) == (True, "", 2)
    eventually(lambda: any(not body["test"] and body["changes"][0]["occurrence"] == 2 for body in pit.got))
    assert '"result": "passed"' in capsys.readouterr().out
    assert [hazard["name"] for hazard in Judged(pit.folder).hazards()] == ["gas/ch4-0#2"]
