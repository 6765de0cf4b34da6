"""Announcing against a real HTTP server: receipts, outages, digests, and what is never announced."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from collector.announcing import Destination, plan
from collector.channels import Channel, Console, Notice, Webhook
from collector.errors import Rejected, Unavailable
from collector.receipts import FILE, Receipt, Receipts, announced, read_receipts
from collector.sqlite import connect

NOW = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
STATUS = {"site": "north-pit", "simulated": True}


@dataclass
class Receiver:
    """A webhook's far side; `answer` is the code it gives."""

    answer: int = 204
    bodies: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    port: int = 0


@dataclass
class Judging:
    """A journal in memory with judged.py's reading methods."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    file: str = "first"

    def add(self, change: str, rule: str = "face-methane.cut", occurrence: int = 1, **other: Any) -> None:
        isa = {"raised": "B", "returned": "D", "shelf_ended": "B"}.get(change, "C")
        self.lines.append(
            {
                "seq": len(self.lines) + 1,
                "now": NOW,
                "site": "north-pit",
                "area": "face-2105",
                "sensor": "ch4-2105",
                "rule": rule,
                "priority": "high",
                "occurrence": occurrence,
                "change": change,
                "isa": isa,
                "value": 1.6,
                "limit": 1.5,
                "by": "",
            }
            | other
        )
        line = self.lines[-1]
        line["hash"] = sha256(json.dumps(line).encode()).hexdigest()

    def journal(self, after: int, limit: int = 1000) -> list[tuple[int, str, str]]:
        page = [line for line in self.lines if line["seq"] > after][:limit]
        return [(line["seq"], json.dumps(line), "") for line in page]

    def alarms(self) -> list[dict[str, Any]]:
        words = {"guidance": "Withdraw 2105", "consequence": "", "unit": "%vol"}
        return [{"rule": "face-methane.cut", "subject": "ch4-2105", **words}]

    def status(self) -> dict[str, Any]:
        return dict(STATUS)

    def identity(self) -> str:
        return self.file


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if state.answer < 300:
                state.bodies.append(body)
            self.send_response(state.answer)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    state.port = server.server_address[1]
    state.url = f"http://127.0.0.1:{state.port}/hook"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def receipts(tmp_path: Path) -> Iterator[Receipts]:
    opened = Receipts(tmp_path)
    yield opened
    opened.close()


def _to(channel: Channel, judging: Judging, receipts: Receipts, late: float = 0.5) -> Destination:
    return Destination(channel, judging, receipts, wall=lambda: NOW + int(late * SECOND))


def test_a_webhook_is_told_what_was_raised_with_guidance_and_a_version(receiver: Receiver, receipts: Receipts) -> None:
    judging = Judging()
    judging.add("raised")
    assert _to(Webhook(receiver.url, "duty"), judging, receipts).tell() == 1
    (body,) = receiver.bodies
    assert body["version"] == 1
    assert body["simulation"] is True
    assert body["late_by"] == 0
    assert body["changes"][0]["guidance"] == "Withdraw 2105"
    expected = "HIGH face-2105 face-methane.cut/ch4-2105#1 raised value 1.6 %vol limit 1.5 %vol. Withdraw 2105"
    assert body["text"] == f"SIMULATION north-pit: {expected}"


def test_the_answer_is_kept_as_a_receipt(receiver: Receiver, receipts: Receipts, tmp_path: Path) -> None:
    judging = Judging()
    judging.add("raised")
    _to(Webhook(receiver.url, "duty"), judging, receipts).tell()
    (receipt,) = read_receipts(tmp_path)
    assert (receipt.destination, receipt.code, receipt.attempts, receipt.problem) == ("duty", 204, 1, "")
    assert receipt.sent == NOW + SECOND // 2
    assert announced(tmp_path) == {"duty": {"cursor": 1, "received": 1, "refused": 0, "owed": 0}}


def test_nothing_is_told_twice_even_after_a_restart(receiver: Receiver, tmp_path: Path) -> None:
    judging = Judging()
    judging.add("raised")
    for expected in (1, 0):
        opened = Receipts(tmp_path)
        assert _to(Webhook(receiver.url, "duty"), judging, opened).tell() == expected
        opened.close()
    assert len(receiver.bodies) == 1


@pytest.mark.parametrize("other", [{"priority": "log"}, {"isa": "E"}, {"isa": "F"}, {"isa": "G"}])
def test_what_is_hidden_or_only_logged_is_never_announced(other: dict[str, str], receipts: Receipts) -> None:
    judging, stream = Judging(), io.StringIO()
    judging.add("raised", **other)
    judging.add("returned", **other)
    assert _to(Console(stream), judging, receipts).tell() == 0
    assert stream.getvalue() == ""
    assert receipts.cursor("console") == 2


def test_an_alarm_that_stands_when_its_shelf_ends_is_told_then(receipts: Receipts) -> None:
    judging, stream = Judging(), io.StringIO()
    judging.add("raised", isa="E")
    judging.add("shelf_ended")
    assert _to(Console(stream), judging, receipts).tell() == 1
    assert "shelf_ended" in stream.getvalue()


def test_a_return_is_told_only_to_those_who_heard_the_alarm(receipts: Receipts) -> None:
    judging, stream = Judging(), io.StringIO()
    judging.add("returned", occurrence=7)
    destination = _to(Console(stream), judging, receipts)
    assert destination.tell() == 0
    judging.add("raised", occurrence=8)
    assert destination.tell() == 1
    judging.add("returned", occurrence=8)
    assert destination.tell() == 1


@pytest.mark.parametrize("code", [500, 503, 429, 408])
def test_a_server_in_trouble_is_asked_again_and_nothing_is_lost(
    code: int, receiver: Receiver, receipts: Receipts, tmp_path: Path
) -> None:
    judging = Judging()
    judging.add("raised")
    destination = _to(Webhook(receiver.url, "duty"), judging, receipts)
    receiver.answer = code
    for _ in range(2):
        with pytest.raises(Unavailable, match=str(code)):
            destination.tell()
    assert announced(tmp_path)["duty"]["owed"] == 1
    receiver.answer = 200
    assert destination.tell() == 1
    (receipt,) = read_receipts(tmp_path)
    assert (receipt.attempts, receipt.code) == (3, 200)


def test_a_refused_notice_is_set_aside_and_the_next_one_goes(
    receiver: Receiver, receipts: Receipts, tmp_path: Path
) -> None:
    judging = Judging()
    judging.add("raised")
    destination = _to(Webhook(receiver.url, "duty"), judging, receipts)
    receiver.answer = 404
    destination.tell()
    receiver.answer = 200
    judging.add("raised", rule="fan-stopped")
    destination.tell()
    assert [body["changes"][0]["rule"] for body in receiver.bodies] == ["fan-stopped"]
    assert announced(tmp_path)["duty"] == {"cursor": 2, "received": 1, "refused": 1, "owed": 0}


def test_after_an_outage_what_returned_is_one_digest_and_what_stands_says_how_late(
    receiver: Receiver, receipts: Receipts
) -> None:
    judging = Judging()
    for occurrence in (1, 2, 3):
        judging.add("raised", occurrence=occurrence)
        judging.add("returned", occurrence=occurrence)
    judging.add("raised", rule="fan-stopped")
    assert _to(Webhook(receiver.url, "duty"), judging, receipts, late=95).tell() == 2
    standing, digest = receiver.bodies
    assert (standing["kind"], standing["late_by"]) == ("change", 95)
    assert "(late by 95 s)" in standing["text"]
    assert (digest["kind"], len(digest["changes"])) == ("digest", 3)
    assert "3 alarms came and returned (late by 95 s)" in digest["text"]


def test_what_was_sent_before_the_server_failed_is_not_sent_again(receiver: Receiver, receipts: Receipts) -> None:
    judging = Judging()
    judging.add("raised")
    judging.add("raised", rule="fan-stopped")

    class FailsAtTheSecond:
        name = "duty"

        def __init__(self) -> None:
            self.sent = 0

        def send(self, notice: Notice) -> int:
            self.sent += 1
            if self.sent == 2:
                raise Unavailable("gone")
            return Webhook(receiver.url, "duty").send(notice)

    destination = _to(FailsAtTheSecond(), judging, receipts)
    with pytest.raises(Unavailable):
        destination.tell()
    assert destination.tell() == 1
    assert [body["changes"][0]["rule"] for body in receiver.bodies] == ["face-methane.cut", "fan-stopped"]


def test_what_was_sent_while_the_disk_took_no_receipt_is_not_sent_again_not_even_in_a_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.sqlite.PATIENCE", 0.05)
    judging, receipts, stream = Judging(), Receipts(tmp_path), io.StringIO()
    destination = _to(Console(stream), judging, receipts)
    assert destination.tell() == 0
    judging.add("raised")
    judging.add("raised", rule="fan-stopped")
    other = connect(tmp_path / FILE)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        with pytest.raises(Unavailable, match="locked"):
            destination.tell()
    other.execute("COMMIT")
    assert read_receipts(tmp_path) == []
    judging.add("returned")
    destination.wall = lambda: NOW + 95 * SECOND  # so late that what returned would be a digest
    assert destination.tell() == 1
    told = [line.partition("north-pit: ")[2].split()[2:4] for line in stream.getvalue().splitlines()]
    assert told == [["face-methane.cut/ch4-2105#1", "raised"], ["fan-stopped/ch4-2105#1", "raised"],
                    ["face-methane.cut/ch4-2105#1", "returned"]]  # fmt: skip
    assert announced(tmp_path)["console"] == {"cursor": 3, "received": 3, "refused": 0, "owed": 0}
    other.close()
    receipts.close()


def test_a_receipt_kept_in_memory_is_written_once_the_disk_is_well_though_a_later_notice_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.sqlite.PATIENCE", 0.05)
    judging, receipts, sent = Judging(), Receipts(tmp_path), list[str]()
    other = connect(tmp_path / FILE)

    class AwayAtTheSecond:
        name = "duty"

        def send(self, notice: Notice) -> int:
            sent.append(notice.changes[0]["rule"])
            if len(sent) == 2:
                other.execute("COMMIT")
                raise Unavailable("gone")
            return 200

    assert _to(AwayAtTheSecond(), judging, receipts).tell() == 0
    judging.add("raised")
    judging.add("raised", rule="fan-stopped")
    receipts.follow("duty", judging.identity())
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="gone"):
        _to(AwayAtTheSecond(), judging, receipts).tell()
    receipts.close()
    restarted = Receipts(tmp_path)
    assert _to(AwayAtTheSecond(), judging, restarted).tell() == 1
    assert sent == ["face-methane.cut", "fan-stopped", "fan-stopped"]
    other.close()
    restarted.close()


@pytest.mark.parametrize(
    ("table", "ask"),
    [
        ("cursor", lambda receipts: receipts.cursor("duty")),
        ("source", lambda receipts: receipts.follow("duty", "one")),
        ("dealt", lambda receipts: receipts.dealt("duty", "ab")),
        ("receipt", lambda receipts: receipts.received("duty", "n-1")),
        ("told", lambda receipts: receipts.told("duty", "gas", "ch4-1", 1)),
    ],
)
def test_a_row_that_the_disk_does_not_give_is_unavailable_and_names_the_file(
    table: str, ask: Callable[[Receipts], object], receipts: Receipts, tmp_path: Path
) -> None:
    other = connect(tmp_path / FILE)
    other.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
    with pytest.raises(Unavailable, match=FILE):
        ask(receipts)
    other.execute(f"ALTER TABLE elsewhere RENAME TO {table}")
    assert not ask(receipts)
    other.close()


def test_what_was_sent_before_a_kill_is_not_sent_again_from_a_judged_db_made_anew(
    receiver: Receiver, tmp_path: Path
) -> None:
    judging, opened = Judging(), Receipts(tmp_path)
    assert _to(Webhook(receiver.url, "duty"), judging, opened).tell() == 0
    judging.add("raised")
    judging.add("raised", rule="fan-stopped")

    class KilledAtTheSecond(Receipts):
        def record(self, receipt: Receipt, *given: Any) -> None:
            if receipt.id.endswith("-2"):
                raise KeyboardInterrupt
            super().record(receipt, *given)

    killed = KilledAtTheSecond(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        _to(Webhook(receiver.url, "duty"), judging, killed).tell()
    killed.close()
    judging.file = "another"
    assert _to(Webhook(receiver.url, "duty"), judging, opened).tell() == 1
    rules = [body["changes"][0]["rule"] for body in receiver.bodies]
    assert rules == ["face-methane.cut", "fan-stopped", "fan-stopped"], "the second one's receipt was never written"
    opened.close()


def test_one_dead_destination_holds_up_no_other(receiver: Receiver, tmp_path: Path) -> None:
    judging, stop = Judging(), threading.Event()
    judging.add("raised")

    def follow(channel: Channel) -> None:
        opened = Receipts(tmp_path)
        _to(channel, judging, opened).follow(stop)
        opened.close()

    dead = Webhook("http://127.0.0.1:9/nobody", "dead", timeout=1)
    threads = [threading.Thread(target=follow, args=(c,)) for c in (dead, Webhook(receiver.url, "duty"))]
    for thread in threads:
        thread.start()
    _eventually(lambda: bool(receiver.bodies) and announced(tmp_path).get("dead", {}).get("owed") == 1)
    stop.set()
    for thread in threads:
        thread.join(5)
    assert announced(tmp_path)["duty"]["received"] == 1


def test_an_address_that_is_none_is_unavailable_and_says_whose() -> None:
    notice = Notice("n-1", "change", "s", False, 0.0, (_line(),))
    with pytest.raises(Unavailable, match="webhook duty"):
        Webhook("nonsense", "duty").send(notice)


def test_a_webhook_says_refused_by_an_error_of_its_own(receiver: Receiver) -> None:
    receiver.answer = 400
    with pytest.raises(Rejected, match="answered 400"):
        Webhook(receiver.url, "duty").send(Notice("n-1", "change", "s", False, 0.0, (_line(),)))


def test_a_blind_time_is_told_as_such(receipts: Receipts) -> None:
    judging, stream = Judging(), io.StringIO()
    why = {"key": "judge.blind", "from": NOW, "to": NOW + 90 * SECOND}
    judging.add("blind", rule="", priority="log", isa="", why=why)
    assert _to(Console(stream), judging, receipts).tell() == 1
    assert stream.getvalue() == "SIMULATION north-pit: MONITORING WAS BLIND for 90 s\n"


def test_a_digest_is_planned_last_and_named_by_its_ends() -> None:
    judging = Judging()
    judging.add("raised")
    judging.add("returned")
    judging.add("raised", rule="fan-stopped")
    notices = plan(judging.lines, lambda _: False, NOW + 60 * SECOND, STATUS, {})
    assert [(notice.kind, notice.id) for notice in notices] == [("change", "north-pit-3"), ("digest", "north-pit-1-1")]


def _line() -> dict[str, Any]:
    judging = Judging()
    judging.add("raised")
    return judging.lines[0]


def _eventually(condition: Callable[[], object], within: float = 10.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_an_overdue_hazard_is_a_notice_of_its_own_never_part_of_a_digest() -> None:
    judging = Judging()
    why = {"key": "hazard.overdue", "owner": "li"}
    judging.add("raised")
    judging.add("returned")
    judging.add("overdue", isa="", why=why, value=None, limit=None)
    judging.add("assigned", isa="", why=why)
    notices = plan(judging.lines, lambda change: False, NOW + 3600 * SECOND, STATUS, {})
    assert [(notice.kind, [one["change"] for one in notice.changes]) for notice in notices] == [
        ("change", ["overdue"]), ("digest", ["raised"]),
    ]  # fmt: skip
    text = notices[0].text()
    assert text.startswith(
        "SIMULATION north-pit: HAZARD OVERDUE face-2105 face-methane.cut/ch4-2105#1 high, li has it (late by"
    )


def test_that_its_hazard_was_told_does_not_make_an_alarm_told(tmp_path: Path) -> None:
    judging, receipts = Judging(), Receipts(tmp_path)
    judging.add("overdue", isa="", why={"key": "hazard.overdue_unowned"}, value=None, limit=None)
    stream = io.StringIO()
    destination = Destination(Console(stream), judging, receipts, wall=lambda: NOW + SECOND)
    assert destination.tell() == 1
    assert "nobody has it" in stream.getvalue()
    judging.add("returned")
    assert destination.tell() == 0
    receipts.close()
