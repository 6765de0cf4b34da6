"""The driver's faults in short: whatever is done, each reading is there once, each alarm is told once, all balances."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from collector.stored import Standing, standings
from tests.chaos import faults
from tests.chaos.driving import Drive, Tally, eventually
from tests.chaos.influx_fake import InfluxFake, Refusal
from tests.chaos.numbers import EACH, Numbers

pytestmark = pytest.mark.chaos
INFLUX = '[influx]\nurl = "{url}"\ndatabase = "telemetry"\n'


def held(found: Tally) -> None:
    """All that is promised, and that there was something to lose."""
    assert found.sent > 20 * EACH
    assert (found.lost, found.twice, found.missed, found.again, found.wrong) == (0, 0, 0, 0, [])


def standing(drive: Drive) -> Standing:
    return next(one for one in standings(drive.data) if one.name == "influx")


def test_network_broker_roles_and_store_fail_one_after_the_other(tmp_path: Path) -> None:
    store, chance = InfluxFake(), random.Random(7)
    with Drive(tmp_path, rate=150, more=INFLUX.format(url=store.url)) as drive:
        eventually(lambda: store.readings(), 30, "nothing is stored")
        store.refusal = Refusal.TOKEN
        freezing = threading.Thread(target=faults.freeze, args=(drive, "judge"))
        freezing.start()
        faults.half_open(drive)
        freezing.join()
        accepted = drive.tap.accepted
        assert accepted >= 2, "collect must have given the half-open connection up by itself"
        assert "refuses the token (401" in str(standing(drive).trouble)
        store.refusal = None
        drive.recovered()
        faults.restart_broker(drive)
        faults.reset(drive)
        drive.recovered()
        for role in ("store", "announce"):
            faults.kill(drive, role, chance)
        assert "davylamp run: " in faults.second(drive, "collect")
        drive.recovered()
        eventually(lambda: store.readings() >= drive.numbers.sent - 500, 30, "InfluxDB does not catch up")
        found = drive.tally()
    held(found)
    assert store.readings() == found.sent
    assert "connection lost" in drive.log("collect").read_text()
    store.close()


def test_the_driver_sees_what_was_lost_and_what_was_told_twice(tmp_path: Path) -> None:
    """A test of the test: a reading that never came, an alarm told anew."""
    with Drive(tmp_path, rate=400) as drive:
        eventually(lambda: len(drive.desk.heard) > 2, 30, "no alarm at the desk")
        drive.numbers.finish()
        drive.numbers.sent += 1
        drive.desk.heard.append(drive.desk.heard[0]._replace(notice="another"))
        drive.numbers.finish = lambda within=0.0: None  # type: ignore[method-assign]
        found = drive.tally(settle=False)
    assert (found.lost, found.again, found.twice, found.wrong) == (1, 1, 0, [])


def test_how_many_rises_a_sensor_has() -> None:
    numbers = Numbers.__new__(Numbers)
    for sent in (0, 1, 20 * 30, 20 * 30 + 1, 20 * 31, 20 * 90 + 5):
        numbers.sent = sent
        rises = [sum(k == s % 20 and s // 20 % 60 == 30 for s in range(sent)) for k in range(20)]
        assert [numbers.rises(k) for k in range(20)] == rises
        assert sum(numbers.of(k) for k in range(20)) == sent
