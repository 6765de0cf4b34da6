"""The page's two protocols answered from a real data folder, and the page over real HTTP."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.actions import ask_revision
from collector.broker import free_port
from collector.config import load
from collector.inbox import Inbox
from collector.judging import Judging
from collector.message import MQTT, Message
from collector.page_role import serve
from collector.page_settings import Page
from collector.serving import FromDisk, ThroughInbox
from collector.spool import Spool
from dashboards.console.acting import Asked, Reply
from dashboards.console.reading import Unreadable
from tests.at_rest import judge_log, store_history

SECOND = 1_000_000_000
START = 1_767_225_600 * SECOND
SITE = """
[site]
id = "small"
timezone = "Asia/Shanghai"
simulated = true
[payload.plain]
topic = "small/{sensor}"
json = { value = "v", time = "t" }
[sensor]
ch4-1 = { area = "face-1", quantity = "methane", unit = "%vol", span = [0, 4] }
fan-1 = { area = "face-1", states = ["stopped", "running"] }
prism-1 = { area = "wall", quantity = "displacement", unit = "mm", noise = 0.1 }
[rule.methane-high]
sensors = ["ch4-1"]
detector = { kind = "signal.limit", limit = "1.0 %vol", reset = "0.9 %vol" }
priority = "medium"
respond_within = "2min"
guidance = "Withdraw"
[rule.fan-stopped]
sensors = ["fan-1"]
detector = { kind = "signal.state", alarm_on = "stopped" }
priority = "low"
guidance = "Look"
[rule.moving]
sensors = ["prism-1"]
detector = { kind = "slope.velocity", limit = "10 mm/d", window = "1h" }
priority = "low"
guidance = "Look"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return judged_folder(tmp_path, tmp_path / "data")


def judged_folder(where: Path, data: Path) -> Path:
    """A data folder in which SITE was judged over a few readings."""
    site = where / "site.toml"
    site.write_text(SITE, encoding="utf-8")
    ask_revision(data, load(site).document, "test", "")
    spool = Spool(data)
    first = Inbox(data).waiting()
    spool.append(first, START, time.time_ns())
    Inbox(data).remove(first)
    rows = [("ch4-1", 0.4), ("fan-1", "stopped"), ("prism-1", 5.0), ("ch4-1", 1.4), ("ch4-1", None), ("prism-1", 5.1)]
    for place, (sensor, value) in enumerate(rows):
        at = START + (place + 1) * SECOND
        message = Message(f"small/{sensor}", json.dumps({"v": value, "t": at}).encode(), MQTT)
        spool.append([message], at, time.time_ns())
    spool.close()
    judge_log(data)
    store_history(data)
    return data


def test_status_says_how_much_is_watched_and_how_old_it_is(folder: Path) -> None:
    status = FromDisk(folder).status()
    assert (status.site, status.timezone, status.simulated, status.revision) == ("small", "Asia/Shanghai", True, 1)
    assert status.watching.of == 3
    assert 0 <= status.behind < 60 * SECOND


def test_before_anything_is_judged_the_page_cannot_read_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="davylamp apply"):
        FromDisk(tmp_path).status()


def test_an_alarm_has_value_limit_unit_guidance_and_time_to_respond(folder: Path) -> None:
    rows = {row.rule: row for row in FromDisk(folder).alarms()}
    high = rows["methane-high"]
    assert (high.active, high.acked, high.occurrence, high.value, high.limit, high.unit) == (
        True, False, 1, 1.4, 1.0, "%vol",
    )  # fmt: skip
    assert high.respond_within == 120 * SECOND
    assert high.why_key == "signal.limit.above"
    assert high.sensors == ("ch4-1",)
    assert rows["fan-stopped"].states == ("stopped", "running")
    assert rows["moving"].unit == "mm/d"


def test_sensors_come_in_the_site_files_order_with_their_newest_reading(folder: Path) -> None:
    rows = FromDisk(folder).sensors()
    assert [row.sensor for row in rows] == ["ch4-1", "fan-1", "prism-1"]
    assert rows[1].states == ("stopped", "running")
    assert rows[2].value == 5.1


def test_a_sensors_line_has_its_limits_and_its_gap(folder: Path) -> None:
    (line,) = FromDisk(folder).lines("ch4-1", START)
    assert [value for value in line.values if value == value] == [0.4, 1.4]
    assert len(line.times) == 3
    assert [(limit.rule, limit.priority, limit.value) for limit in line.limits] == [("methane-high", "medium", 1.0)]


def test_a_derived_line_has_the_limit_in_its_own_unit_and_the_raw_one_none(folder: Path) -> None:
    lines = FromDisk(folder).lines("prism-1", START)
    assert [line.series for line in lines] == ["prism-1", "prism-1/moving.velocity"]
    assert lines[0].limits == []
    assert [(limit.rule, limit.value) for limit in lines[1].limits] == [("moving", 10.0)]
    assert lines[1].unit == "mm/d"


def test_lines_begin_where_asked_and_a_stranger_has_none(folder: Path) -> None:
    reading = FromDisk(folder)
    (line,) = reading.lines("ch4-1", START + 4 * SECOND)
    assert len(line.times) == 2
    assert reading.lines("ch4-9", START) == []


def test_the_ledger_is_in_the_order_of_the_hops(folder: Path) -> None:
    rows = FromDisk(folder).ledger()
    counts = {row.name: row.count for row in rows}
    assert counts["spool.mqtt"] == counts["judge.received"] == 6
    hops = [row.name.partition(".")[0] for row in rows]
    assert hops.index("spool") < hops.index("judge") < hops.index("gate") < hops.index("store")


def test_an_action_nobody_judges_is_unanswered_and_lies_in_the_inbox(folder: Path) -> None:
    answer = ThroughInbox(folder, wait=0.1).act(Asked("acknowledge", "methane-high", "ch4-1", 1, "Li", "typed"))
    assert answer.reply is Reply.UNANSWERED
    assert len(Inbox(folder).waiting()) == 1


@pytest.mark.parametrize(
    ("kind", "reply", "why"),
    [("acknowledge", Reply.TAKEN, ""), ("shelve", Reply.REFUSED, "judge.refused.no_end")],
)
def test_an_action_gets_judgings_answer(folder: Path, kind: Any, reply: Reply, why: str) -> None:
    stop = threading.Event()

    def collect_and_judge() -> None:
        spool, judging, now = Spool(folder), Judging(folder), START + 60 * SECOND
        while not stop.wait(0.02):
            now += SECOND
            waiting = Inbox(folder).waiting()
            spool.append(waiting, now, now)
            Inbox(folder).remove(waiting)
            judging.catch_up()
        judging.close()
        spool.close()

    thread = threading.Thread(target=collect_and_judge)
    thread.start()
    try:
        answer = ThroughInbox(folder).act(Asked(kind, "methane-high", "ch4-1", 1, "Li", "typed", "seen"))
    finally:
        stop.set()
        thread.join()
    assert answer.reply is reply
    if why:
        assert answer.why_key == why


def test_the_page_is_served_and_stops(folder: Path) -> None:
    port, stop = free_port(), threading.Event()
    settings = replace(load(folder.parent / "site.toml").settings, data=folder, page=Page(port=port))
    thread = threading.Thread(target=serve, args=(settings, stop))
    thread.start()
    try:
        body = _get(f"http://127.0.0.1:{port}/")
        assert "methane-high" in body
        assert "SIMULATION" in body
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def _get(url: str) -> str:
    end = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.05)
