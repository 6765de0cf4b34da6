"""InfluxDB stopped and started under the running store role: history is on time, and afterwards nothing is missing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.history import History
from collector.influx import Address
from collector.settings import Influx, Settings
from collector.stored import Standing, standings
from collector.storing import store
from tests.blocks import BEGIN, SECOND
from tests.influx.conftest import Influxd, ask, counts
from tests.judged_folder import Judging, alarm, change

pytestmark = [pytest.mark.influx, pytest.mark.chaos]

DOWN = 3.0
"""s"""


def eventually(condition: Callable[[], object], within: float = 25.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def influx_of(folder: Path) -> Standing:
    (found,) = [standing for standing in standings(folder) if standing.name == "influx"]
    return found


def judge_for(judging: Judging, seconds: float) -> None:
    """A commit each 50 ms: 20 readings of one series, one of another, one without a number, now and then an alarm."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        k = judging.judged
        rows = [(1, BEGIN + (k + j) * SECOND, float(j)) for j in range(20)]
        rows += [(2, BEGIN + k * SECOND, 1.0), (3, BEGIN + k * SECOND, float("nan"))]
        judging.commit(rows, [change(judging.now, k)] if k % 220 == 0 else [], [alarm()], later=0.05)
        time.sleep(0.05)


def test_after_an_outage_every_series_has_what_the_ledger_says(tmp_path: Path) -> None:
    server = Influxd(tmp_path / "influxd").start()
    place = Address(server.url, "telemetry", True)
    data = tmp_path / "data"
    judging, history, stop = Judging(data), History(data), threading.Event()
    settings = Settings(tmp_path / "site.toml", data, influx=Influx(server.url, database="telemetry"))
    role = threading.Thread(target=store, args=(settings, stop))
    role.start()
    try:
        judge_for(judging, 1.0)
        eventually(lambda: influx_of(data).counts.get("written"))
        server.stop()
        judge_for(judging, DOWN)
        eventually(lambda: sum(history.counts().values()) == judging.judged, within=3.0)
        standing = influx_of(data)
        assert standing.trouble is not None
        assert sum(standing.counts.values()) < judging.judged
        server.start()
        judge_for(judging, 0.5)
        eventually(lambda: sum(influx_of(data).counts.values()) == judging.judged)
        standing = influx_of(data)
        assert counts(place) == standing.series
        assert standing.counts == {"no_number": judging.judged // 22, "written": judging.judged * 21 // 22}
        eventually(lambda: influx_of(data).trouble is None)
        (events,) = ask(place, "SELECT count(occurrence) FROM alarm_event")
        lines = influx_of(data).positions["journal"]
        assert events["values"][0][1] == lines > 1
    finally:
        stop.set()
        role.join(10)
        judging.close()
        history.close()
        server.stop()
    assert not role.is_alive()
