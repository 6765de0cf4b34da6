"""From the journal to a program on this machine, and from the link in its message back to the journal."""

from __future__ import annotations

import json
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.accepting import Signer
from collector.announce import announce
from collector.calling import Command
from collector.calls import ANSWERED, read_calls
from collector.cli import main
from collector.hearing import Hearing
from collector.inbox import Inbox
from collector.incoming import Incoming, ReplyFields, ReportFields
from collector.judged import Judged
from collector.judging import Judging
from collector.oncall import OnCall
from collector.roster import Person, Roster, Rotation
from collector.secret import Secret
from collector.serving import FromDisk, ThroughInbox
from collector.settings import Settings
from collector.spool import Spool
from dashboards.console.page import page
from tests.collector.test_oncall import SITE
from tests.collector.test_roster import SHANGHAI, local
from tests.dashboards.asking_http import SELF, ask
from tests.small_log import S, reading, revision

WRITE = "import sys; open(sys.argv[1], 'a').write(sys.argv[2] + '|' + sys.argv[3].replace(chr(10), '|') + chr(10))"


class Pit:
    """A data folder with a judge that keeps up with inbox and log, and the announce role beside it."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.folder, self.out, self.stop = folder, folder / "calls.txt", threading.Event()
        self.heard: queue.SimpleQueue[float] = queue.SimpleQueue()
        way = Command((sys.executable, "-c", WRITE, str(self.out), "{to}", "{text}"))
        token = folder / "modem.token"
        token.write_text("sesame\n", "utf-8")
        rotation = Rotation(("li",), local("2020-01-06T08:00"), timedelta(days=7), SHANGHAI)
        oncall = OnCall({"li": Person("li", "Li Wei", (("modem", "+86139"),))}, (Roster("duty", (rotation,)),),
                        {"modem": way}, incoming={"modem": Incoming(Secret(file=token), ReplyFields("from", "text"),
                                                                    ReportFields("id"))},
                        link="http://127.0.0.1", **more)  # fmt: skip
        settings = Settings(folder / "site.toml", folder, oncall=oncall)
        self.acting = ThroughInbox(folder)
        self.hearing = Hearing(oncall, folder, self.acting)
        self.app = page(FromDisk(folder), self.acting, inviting=Signer(folder, oncall.link),
                        more=self.hearing.routes())  # fmt: skip
        works: list[Callable[[], None]] = [self._judge, lambda: announce(settings, self.stop)]
        self.threads = [threading.Thread(target=work) for work in works]
        for thread in self.threads:
            thread.start()

    def _judge(self) -> None:
        inbox, spool, judging = Inbox(self.folder), Spool(self.folder), Judging(self.folder)
        ticked = 0
        while not self.stop.wait(0.02):
            asked, now = inbox.waiting(), time.time_ns()
            heard = [] if self.heard.empty() else [reading(0, now, self.heard.get())]
            if asked or heard or now - ticked > S // 5:
                spool.append([*asked, *heard], now, now)
                ticked = now
                inbox.remove(asked)
            while judging.catch_up():
                pass
        judging.close()
        spool.close()

    def called(self) -> list[str]:
        return self.out.read_text("utf-8").splitlines() if self.out.exists() else []

    def close(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(20)
        self.hearing.close()


def eventually(condition: Callable[[], object], within: float = 20.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Pit]:
    spool = Spool(tmp_path)
    now = time.time_ns() - 5 * S
    spool.append([revision()], now, now)
    spool.close()
    site = Pit(tmp_path)
    yield site
    site.close()


def test_a_high_alarm_calls_whoever_is_on_duty_and_the_link_accepts_it_once(site: Pit) -> None:
    site.heard.put(1.4)
    eventually(site.called)
    (said,) = site.called()
    assert said.startswith("+86139|SIMULATION face ch4-0 gas 1.4 %vol limit 1 HIGH|gas/ch4-0#1 since ")
    assert "Withdraw" in said
    link = re.search(r"http://127\.0\.0\.1(/accept/\S+?)(\||$)", said)
    assert link is not None
    assert "1.40 %vol" in ask(site.app, link[1]).text
    assert site.called() == [said]

    answered = ask(site.app, link[1], "POST", headers=SELF)
    assert answered.status_code == 200, answered.text
    (alarm,) = [row for row in Judged(site.folder).alarms() if (row["rule"], row["subject"]) == ("gas", "ch4-0")]
    assert (alarm["accepted_by"], alarm["acked"]) == ("li", True)
    eventually(lambda: any(json.loads(line)["what"] == ANSWERED for line in read_calls(site.folder)))

    before = [line for _, line, _ in Judged(site.folder).journal(0)]
    assert ask(site.app, link[1], "POST", headers=SELF).status_code == 200, "the same answer as before"
    assert [line for _, line, _ in Judged(site.folder).journal(0)] == before, "the log takes an id once"

    site.heard.put(0.1)
    eventually(lambda: len(site.called()) == 2)
    assert "RETURNED" in site.called()[1]


def test_the_code_in_the_message_accepts_when_it_is_replied_and_the_receipt_has_all_stages(
    site: Pit, capsys: pytest.CaptureFixture[str]
) -> None:
    site.heard.put(1.4)
    eventually(site.called)
    (said,) = site.called()
    code = re.search(r"\|Reply (\d{4}) to accept\|", said)
    assert code is not None
    gateway = {"Authorization": "Bearer sesame"}
    call = next(json.loads(line)["id"] for line in read_calls(site.folder))
    assert ask(site.app, "/delivered/modem", "POST", data={"id": call}, headers=gateway).status_code == 200
    answered = ask(site.app, "/reply/modem", "POST", json={"from": "0086139", "text": code[1]}, headers=gateway)
    assert answered.text.startswith("NOT accepted: this sender"), "a short number is known only as it is written"
    answered = ask(site.app, "/reply/modem", "POST", json={"from": "+86139", "text": code[1]}, headers=gateway)
    assert (answered.status_code, answered.text) == (200, "Accepted: gas/ch4-0#1")
    (alarm,) = [row for row in Judged(site.folder).alarms() if (row["rule"], row["subject"]) == ("gas", "ch4-0")]
    assert (alarm["accepted_by"], alarm["acked"]) == ("li", True)
    wanted = {"replied", "answered", "delivered"}
    eventually(lambda: {json.loads(line)["what"] for line in read_calls(site.folder)} >= wanted)
    (line,) = [line for _, line, _ in Judged(site.folder).journal(0) if json.loads(line)["change"] == "accepted"]
    assert json.loads(line)["action"].startswith("reply-")

    (site.folder / "site.toml").write_text(SITE.replace('id = "pit"', f'id = "pit"\ndata = "{site.folder}"'), "utf-8")
    assert main(["oncall", str(site.folder / "site.toml"), "--calls"]) == 0
    printed = capsys.readouterr().out
    head, row, _, _, *replies = [line.split() for line in printed[printed.index("sent ") :].splitlines()]
    assert head == ["sent", "kind", "who", "channel", "about", "gateway", "delivered", "answered", "by", "problem"]
    assert row[2:6] == ["page", "li", "modem", "gas/ch4-0#1"]
    assert (len(row), row[-1]) == (10, "li"), "sent, gateway, delivered and answered have a time"
    assert [reply[-2:] for reply in replies] == [[code[1], "unknown_sender"], ["accepted", "gas/ch4-0#1"]]
