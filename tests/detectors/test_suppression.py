"""Suppression by design: a frozen network speaks for the silence of its sensors, and only as long as it is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from detectors.alarm import Hidden
from detectors.health.frozen_network import FrozenNetwork
from detectors.judge import Judge
from detectors.reading import Batch
from detectors.records import Action, Change
from detectors.site import Site, read_site

S = 10**9
BEHIND, ALL = 30, 34
"""Sensors behind the gateway, and on the site."""
GATEWAY = ("gateway-3", "gateway-3")


def site_of(priority: str = "medium", rung: dict[str, Any] | None = None, behind: int = BEHIND) -> Site:
    """34 methane sensors, each 10 s; the first 30 are behind gateway-3."""
    names = [f"ch4-{k}" for k in range(ALL)]
    sensor = {"area": "face", "quantity": "methane", "unit": "%vol", "span": [0, 4], "every": "10s"}
    high = {"kind": "signal.limit", "side": "above", "limit": "1 %vol"}
    network = {"kind": "health.frozen_network"}
    return read_site({
        "site": {"id": "pit", "timezone": "UTC", "simulated": True},
        "sensor": dict.fromkeys(names, sensor),
        "rule": {
            "gas": {"sensors": names, "detector": high, "priority": "high", "guidance": "Withdraw"},
            "gateway-3": {"group": "gateway-3", "sensors": names[:behind], "detector": network,
                          "priority": priority, "guidance": "Power"},
            **(rung or {}),
        },
    })  # fmt: skip


class Told:
    """A judge fed second by second, and what it changed."""

    def __init__(self, **site: Any) -> None:
        self.judge = Judge(site_of(**site), 0)
        self.changes: list[Change] = []

    def feed(self, begin: int, end: int, silent: Iterable[int] = (), high: Iterable[int] = ()) -> None:
        """Each sensor but the silent ones reads once in 10 s, in turn; the high ones read 2 %vol."""
        quiet, loud = set(silent), set(high)
        rows = [(t, k) for t in range(begin, end) for k in range(ALL) if t % 10 == k % 10 and k not in quiet]
        times = np.array([t for t, _ in rows], np.int64) * S + np.array([k for _, k in rows], np.int64)
        values = [2.0 if k in loud else 0.2 for _, k in rows]
        self.changes += self.judge.step(Batch.of(end * S, [k for _, k in rows], times, values)).changes

    def act(self, kind: str, key: tuple[str, str], now: int, **more: Any) -> None:
        self.changes += self.judge.act(Action("1", kind, *key, "Li", **more), now * S).changes

    def lines(self, *changes: str, rule: str = "silent") -> list[tuple[str, str]]:
        return [(c.sensor, c.isa) for c in self.changes if c.rule == rule and c.change in changes]

    def shown(self) -> list[tuple[str, str]]:
        """What an operator has to look at."""
        return [key for key, r in self.judge.alarms.standing() if not r.alarm.hidden]

    def watching(self, rule: str) -> list[bool]:
        watching, pair_of = self.judge.verdicts.holding.watching, self.judge.revision.pair_of
        return [bool(watching[pair_of[rule, f"ch4-{k}"]]) for k in range(BEHIND)]


def test_thirty_sensors_silent_behind_one_gateway_are_one_alarm_and_each_says_not_watched() -> None:
    told = Told()
    told.feed(0, 60)
    assert all(told.watching("gas"))
    told.feed(60, 300, silent=range(BEHIND))
    assert told.shown() == [GATEWAY]
    assert sorted(told.lines("raised")) == sorted((f"ch4-{k}", "F") for k in range(BEHIND))
    assert [c.isa for c in told.changes if c.rule == "gateway-3" and c.change == "raised"] == ["B"]
    assert not any(told.watching("gas"))
    assert {c.sensor for c in told.changes if c.rule == "gas" and c.change == "unwatched"} == {
        f"ch4-{k}" for k in range(BEHIND)
    }
    assert told.judge.watching() == (2 * ALL + 1 - BEHIND, 2 * ALL + 1)


def test_when_the_gateway_is_back_no_sensor_is_left_to_acknowledge() -> None:
    told = Told()
    told.feed(0, 60)
    told.feed(60, 300, silent=range(BEHIND))
    told.feed(300, 400)
    assert told.shown() == [GATEWAY]
    assert {isa for _, isa in told.lines("unsuppressed")} == {"A"}
    assert all(told.watching("gas"))
    told.act("acknowledge", GATEWAY, 400)
    assert told.shown() == []


def test_one_that_stays_silent_is_told_when_the_others_are_back() -> None:
    told = Told()
    told.feed(0, 60)
    told.feed(60, 300, silent=range(BEHIND))
    told.feed(300, 400, silent=[7])
    assert told.shown() == [GATEWAY, ("silent", "ch4-7")]
    assert [pair for pair in told.lines("unsuppressed") if pair[1] == "B"] == [("ch4-7", "B")]


def test_a_sensor_elsewhere_is_not_hidden() -> None:
    told = Told()
    told.feed(0, 60)
    told.feed(60, 300, silent=[*range(BEHIND), 33])
    assert told.shown() == [GATEWAY, ("silent", "ch4-33")]


def test_few_silent_sensors_are_each_an_alarm() -> None:
    told = Told()
    told.feed(0, 60)
    told.feed(60, 300, silent=range(14))
    assert told.shown() == sorted(("silent", f"ch4-{k}") for k in range(14))


def test_the_networks_alarm_takes_the_priority_of_the_alarms_behind_it() -> None:
    told = Told()
    told.feed(0, 60, high=[5])
    told.feed(60, 300, silent=range(BEHIND))
    assert told.shown() == [("gas", "ch4-5"), GATEWAY]
    assert told.judge.alarms.records[GATEWAY].priority.name == "HIGH"


def test_a_fault_that_matters_more_than_the_networks_alarm_is_told_itself() -> None:
    told = Told()
    told.feed(0, 60)
    told.feed(60, 120, silent=range(20))
    told.feed(120, 140, silent=range(20), high=[25])
    told.feed(140, 300, silent=range(BEHIND))
    assert told.shown() == [("gas", "ch4-25"), GATEWAY, ("silent", "ch4-25")]
    assert ("ch4-25", "B") in told.lines("raised")


@pytest.mark.parametrize(("priority", "hides"), [("log", False), ("low", False), ("medium", True), ("high", True)])
def test_only_an_alarm_that_matters_as_much_speaks_for_others(priority: str, hides: bool) -> None:
    told = Told(priority=priority)
    told.feed(0, 60)
    told.feed(60, 300, silent=range(BEHIND))
    assert {isa for _, isa in told.lines("raised")} == ({"F"} if hides else {"B"})


def test_a_network_that_a_person_hides_speaks_for_nobody() -> None:
    told = Told()
    told.feed(0, 60)
    told.feed(60, 300, silent=range(BEHIND))
    told.act("shelve", GATEWAY, 300, until=600 * S, note="known")
    assert told.lines("unsuppressed") == [(f"ch4-{k}", "B") for k in range(BEHIND)]
    told.feed(300, 601, silent=range(BEHIND))
    assert len(told.lines("suppressed")) == BEHIND
    assert told.shown() == [GATEWAY]


def test_a_network_rule_that_is_broken_speaks_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    told.feed(0, 60)
    told.feed(60, 300, silent=range(BEHIND))

    def raises(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(FrozenNetwork, "step", raises)
    told.feed(300, 310, silent=range(BEHIND))
    assert {sensor for sensor, isa in told.lines("unsuppressed") if isa == "B"} == {f"ch4-{k}" for k in range(BEHIND)}
    assert told.judge.alarms.records[GATEWAY].alarm.active


def test_a_lower_rung_that_matters_more_is_told_too() -> None:
    def rung(limit: str, priority: str, place: int) -> dict[str, Any]:
        detector = {"kind": "signal.limit", "side": "above", "limit": limit}
        more = {"priority": priority, "guidance": "Look", "ladder": "steps", "rung": place}
        return {"sensors": ["ch4-0"], "detector": detector, **more}

    told = Told(rung={"odd-low": rung("1 %vol", "high", 0), "odd-top": rung("1.5 %vol", "log", 1)})
    told.feed(0, 60, high=[0])
    hidden = {rule: r.alarm.hidden for (rule, who), r in told.judge.alarms.standing() if who == "ch4-0"}
    assert hidden == {"gas": Hidden.NO, "odd-low": Hidden.NO, "odd-top": Hidden.NO}


def test_a_sensor_added_behind_a_frozen_gateway_ends_nothing_and_is_given_its_time() -> None:
    told = Told()
    told.feed(0, 60)
    told.feed(60, 300, silent=range(BEHIND))
    told.changes = told.judge.revise(site_of(behind=BEHIND + 1), 300 * S, 2, "Li", "one more")
    told.feed(300, 330, silent=range(BEHIND))
    assert told.shown() == [GATEWAY]
    assert [c.change for c in told.changes if c.rule in GATEWAY] == []
    told.feed(330, 400, silent=[3])
    assert told.shown() == [GATEWAY, ("silent", "ch4-3")]
    assert [(c.now // S >= 300, c.change) for c in told.changes if c.rule in GATEWAY] == [(True, "returned")]


def test_a_group_that_a_revision_changed_is_under_watch_from_then_on() -> None:
    told = Told()
    told.feed(0, 60)
    told.changes = told.judge.revise(site_of(behind=BEHIND + 1), 60 * S, 2, "Li", "one more")
    told.feed(60, 200)
    assert [c.change for c in told.changes if c.rule in GATEWAY] == ["watched"]
    assert told.shown() == []
