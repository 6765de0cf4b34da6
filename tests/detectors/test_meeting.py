"""Tests, calibrations, hazards, shelves, latches, desks, own alarms and revisions, all in one log: cut, ticked and
restarted anywhere it says the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from detectors.attention import WINDOW
from detectors.detector import Why
from detectors.judge import Judge
from detectors.records import CHANNEL, Action, Change
from detectors.rule import Priority
from detectors.site import Site, read_site
from detectors.snapshot import restore, snapshot
from tests.detectors.test_handlings import handled_document
from tests.detectors.test_model import (
    SENSORS,
    START,
    Acted,
    Blind,
    Fold,
    Log,
    Revised,
    Row,
    S,
    again,
    text,
    ticks_of,
    whole,
)


def meeting_document(**desks: list[str]) -> dict[str, Any]:
    """The busy site with its handlings, hazards that are soon overdue, and desks."""
    plain = handled_document()
    plain["rule"]["low"] = {
        "sensors": ["ch4-3", "mast"], "priority": "high", "guidance": "Look", "suppress_when": "@held",
        "detector": {"kind": "signal.limit", "side": "above", "limit": "0.7 %vol", "reset": "0.6 %vol"},
    }  # fmt: skip
    spans = {"critical": "90s", "high": "4min"}
    return {**plain, "hazards": spans, "desk": {name: {"areas": areas} for name, areas in desks.items()}}


def fewer() -> dict[str, Any]:
    """Other desks, a tested sensor less, another limit."""
    plain = meeting_document(all=["face", "top"])
    del plain["sensor"]["ch4-3"], plain["sensor"]["tested"], plain["rule"]["in-test"]
    plain["rule"]["low"]["sensors"] = ["mast"]
    plain["rule"]["warn"]["detector"] |= {"limit": "0.6 %vol", "reset": "0.3 %vol"}
    return plain


HERE: Site = read_site(meeting_document(north=["face"], south=["return", "top"]))
MOVED: Site = read_site(meeting_document(south=["face", "top"], west=["return"]))
FEWER: Site = read_site(fewer())


NEW = ("used", "hazards", "told", "notices", "load", "counted", "heard", "handlings")
"""What snapshots of the first versions had not."""


@dataclass(frozen=True)
class Said:
    """What a role says of the system itself: an own alarm, a canary, a test's receipt."""

    arrived: int
    what: str
    about: str

    def apply(self, judge: Judge) -> list[Change]:
        match self.what:
            case "begins":
                return judge.own(CHANNEL, self.about, self.arrived, Why("own.channel-failing"), Priority.HIGH)
            case "ends":
                return judge.own_ends(CHANNEL, self.about, self.arrived, Why("own.ended"))
            case "canary":
                return judge.canary(self.about, self.arrived)
        return judge.reached(self.about, "ch4-1", "warn/ch4-1#1", "sms", self.arrived)


def asked(chance: Random, number: int, now: int) -> Action:
    kind = chance.choice((
        "test", "test", "calibrate", "end_test", "end_calibration", "shelve", "shelve", "out_of_service", "accept",
        "acknowledge", "reset", "reset", "assign", "assign", "did", "close", "close",
    ))  # fmt: skip
    of_sensor = kind in ("test", "calibrate", "end_test", "end_calibration")
    rule = "" if of_sensor else chance.choice(("cut", "out", "held", "warn", "low"))
    until = now + chance.choice((8, 25, 60, 90, 300)) * S if kind not in ("did", "close") else None
    return Action(
        f"a{number}", kind, rule, chance.choice(("ch4-1", "ch4-2")), "li", "why", None, until, "hand-held", owner="chen"
    )


def a_log(seed: int, items: int) -> tuple[Log, int]:
    """Readings about the limits, minutes in which nothing comes, and people and roles who never rest."""
    chance, now = Random(seed), START
    log: Log = []
    tests: list[str] = ["none"]
    for k in range(items):
        now += chance.choice((0, 0, 1, 1, 2, 3, 10, 10, 30)) * S + (chance.random() < 0.02) * 700 * S
        turn = chance.random()
        if turn < 0.2:
            action = asked(chance, k, now)
            tests += [action.id] * (action.kind == "test")
            log.append(Acted(now, action))
        elif turn < 0.26:
            what = chance.choice(("begins", "ends", "canary", "reached"))
            about = tests[-1] if what == "reached" else chance.choice(("sms", "voice"))
            log.append(Said(now, what, about))  # type: ignore[arg-type]
        elif turn < 0.28:
            log.append(Revised(now, chance.choice((HERE, MOVED, FEWER))))
        elif turn < 0.29:
            now += chance.choice((3, 60, 400)) * S
            log.append(Blind(now))
        else:
            sensor = chance.randrange(len(SENSORS))
            gas = round(chance.choice((0.2, 0.3, chance.uniform(0, 2.2))), 1)
            value = float(chance.choice((0, 1))) if SENSORS[sensor] == "fan" else gas
            log.append(Row(now, sensor, now - chance.choice((0, 0, 0, 8)) * S, value, 0))
    return log, now + chance.choice((0, 60, 900)) * S


@pytest.mark.parametrize("seed", range(8))
def test_whatever_meets_the_cut_does_not_show(seed: int) -> None:
    log, end = a_log(seed, 220)
    chance, plain = Random(seed + 1000), whole(log, end, HERE)

    cut = Fold(seed % 2 == 0, HERE).run(
        log, end, lambda k: chance.random() < 0.4, ticks_of(chance), lambda k: chance.random() < 0.06
    )

    assert text(cut.changes) == text(plain.changes)
    assert sorted(text(cut.rows)) == sorted(text(plain.rows))
    assert [c.now for c in plain.changes] == sorted(c.now for c in plain.changes)
    remembered, expected = (snapshot(judge)[1] for judge in (cut.judge, again(plain.judge)))
    for name in ("records", *NEW):
        assert json.dumps(remembered[name]) == json.dumps(expected[name]), name


def test_the_logs_bring_about_what_is_claimed_of_them() -> None:
    lines = [c for seed in range(8) for c in whole(*a_log(seed, 220), HERE).changes]
    said = [c.change for c in lines]
    for change in (
        "test_begun", "test_ended", "calibration_begun", "calibration_ended", "overdue", "assigned", "closed", "joined",
        "shelf_ended", "service_ended", "revised", "removed", "blind", "canary", "reached",
    ):  # fmt: skip
        assert said.count(change) >= 2, change
    assert sum(c.rule == CHANNEL and c.change == "raised" for c in lines) > 5
    assert {c.desk for c in lines} == {"", "north", "south", "west", "all"}


def test_an_old_snapshot_without_what_is_new_goes_on_with_the_alarms_that_stand() -> None:
    log, end = a_log(1, 120)
    judge = whole(log, end, HERE).judge
    arrays, plain = snapshot(judge)

    old = restore(judge.site, arrays, {name: value for name, value in plain.items() if name not in NEW})

    windows = {at: figures[3] for at, desk, figures in old.desks.windows([], end + 1200 * S) if desk == 0}
    first = -(-end // WINDOW) * WINDOW
    assert list(windows) == [first, first + WINDOW]
    known = judge.desks.load[judge.desks.names[0]].standing
    assert set(windows.values()) == {len(known)} != {0}
    assert [key for key, _ in old.alarms.standing()] == [key for key, _ in judge.alarms.standing()]
