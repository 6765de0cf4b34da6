"""The fold: readings, actions and revisions in, changes out, whatever the cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.detector import Why
from detectors.judge import Judge
from detectors.reading import Batch, Wave
from detectors.records import WRONG_UNIT, Action, Change
from detectors.rule import Priority
from detectors.signal.limit import Limit
from detectors.site import read_site

S = 10**9


def document(**rules: dict[str, Any]) -> dict[str, Any]:
    """Two methane sensors and a fan, with a warn and cut ladder; `rules` add to it or replace."""
    limit = {"kind": "signal.limit", "side": "above"}
    ladder = {
        "gas-warn": {"sensors": ["ch4-*"], "detector": {**limit, "limit": "1.0 %vol", "reset": "0.5 %vol"},
                     "priority": "medium", "guidance": "Look", "ladder": "gas", "rung": 0},
        "gas-cut": {"sensors": ["ch4-*"], "detector": {**limit, "limit": "1.5 %vol", "reset": "1.0 %vol"},
                    "priority": "high", "guidance": "Withdraw", "ladder": "gas", "rung": 1},
    }  # fmt: skip
    sensor = {"area": "face", "quantity": "methane", "unit": "%vol", "span": [0, 4], "every": "5s"}
    return {
        "site": {"id": "pit", "timezone": "Asia/Shanghai", "simulated": True},
        "sensor": {
            "ch4-1": sensor,
            "ch4-2": sensor,
            "fan": {"area": "face", "states": ["stopped", "running"], "every": "10s"},
        },
        "rule": {**ladder, **rules},
    }


def told(changes: list[Change]) -> list[tuple[int, str, str, str]]:
    """(s, rule, subject, change), without the coming and going of watch."""
    return [
        (c.now // S, c.rule, c.sensor, c.change) for c in changes if c.change not in ("watched", "unwatched", "revised")
    ]


def judge_of(**rules: dict[str, Any]) -> Judge:
    return Judge(read_site(document(**rules)), 0)


def feed(judge: Judge, rows: list[tuple[int, int, float]], until: int | None = None) -> list[Change]:
    """rows of (s, sensor, value)."""
    times = [t * S for t, _, _ in rows]
    end = (times[-1] if until is None else until * S) if rows or until is not None else 0
    batch = Batch.of(end, [s for _, s, _ in rows], times, [v for _, _, v in rows])
    return judge.step(batch).changes


def test_a_limit_raises_at_its_trip_and_returns_below_its_reset() -> None:
    changes = feed(judge_of(), [(1, 0, 0.2), (2, 0, 1.0), (3, 0, 0.7), (4, 0, 0.5), (5, 0, 0.49)])

    assert told(changes) == [(2, "gas-warn", "ch4-1", "raised"), (5, "gas-warn", "ch4-1", "returned")]


def test_a_higher_rung_suppresses_the_lower_and_a_jump_raises_the_lower_hidden() -> None:
    changes = feed(judge_of(), [(1, 0, 0.2), (2, 0, 1.6), (3, 0, 0.9)])

    assert [(c.rule, c.change, c.isa) for c in changes if c.change not in ("watched", "unwatched")] == [
        ("gas-cut", "raised", "B"),
        ("gas-warn", "raised", "F"),
        ("gas-cut", "returned", "D"),
        ("gas-warn", "unsuppressed", "B"),
    ]


def test_silence_never_clears_and_takes_the_priority_of_the_standing_alarm() -> None:
    judge = judge_of()

    changes = feed(judge, [(1, 0, 0.2), (2, 0, 1.6)], until=60)

    silent = [c for c in changes if c.rule == "silent" and c.sensor == "ch4-1" and c.change == "raised"]
    assert [(c.now // S, c.priority) for c in silent] == [(17, "high")]
    assert judge.alarms.is_active(("gas-cut", "ch4-1"))
    assert not judge.verdicts.holding.watching[judge.revision.pair_of["gas-cut", "ch4-1"]]


def test_a_sensor_that_never_spoke_is_raised_as_silent() -> None:
    changes = feed(judge_of(), [], until=100)

    assert told(changes) == [(15, "silent", "ch4-1", "raised"), (15, "silent", "ch4-2", "raised"), (30, "silent", "fan", "raised")]  # fmt: skip  # noqa: E501


def test_no_number_out_of_span_and_late_readings_clear_nothing_but_late_ones_may_raise() -> None:
    judge = judge_of()
    feed(judge, [(10, 0, 1.2), (11, 0, float("nan")), (12, 0, -0.4)])
    assert judge.alarms.is_active(("gas-warn", "ch4-1"))

    feed(judge, [(13, 1, 0.1)])
    late = Batch.of(14 * S, [0, 1], [5 * S, 9 * S], [0.1, 1.1], arrived=[14 * S, 14 * S])
    changes = judge.step(late).changes

    assert judge.alarms.is_active(("gas-warn", "ch4-1"))
    assert told(changes) == [(14, "gas-warn", "ch4-2", "raised")]


def slow(delay: str) -> dict[str, Any]:
    return {
        "sensors": ["ch4-*"],
        "detector": {"kind": "signal.limit", "side": "above", "limit": "2.0 %vol", "reset": "2.0 %vol"},
        "on_delay": delay, "priority": "high", "guidance": "Withdraw",
    }  # fmt: skip


def test_an_on_delay_runs_by_device_time_and_by_now_when_rows_stop() -> None:
    just_short = feed(judge_of(held=slow("30min")), [(0, 0, 2.0), (1799, 0, 2.0), (1800, 0, 1.9)])
    by_row = feed(judge_of(held=slow("30min")), [(0, 0, 2.0), (1799, 0, 2.0), (1801, 0, 2.0)])
    silent = feed(judge_of(held=slow("30min")), [(1, 0, 2.0), (3, 0, 2.0)], until=4000)

    assert not [c for c in just_short if c.rule == "held" and c.change == "raised"]
    assert [c.now // S for c in by_row if c.rule == "held" and c.change == "raised"] == [1800]
    assert [c.now // S for c in silent if c.rule == "held" and c.change == "raised"] == [1801]


def test_people_acknowledge_shelve_and_reset_and_are_refused_with_a_reason() -> None:
    latched = {**slow("0s"), "latch": True}
    judge = judge_of(held=latched)
    feed(judge, [(1, 0, 2.5)])

    def act(kind: str, **more: Any) -> Change:
        more = {"by": "li", "rule": "held", "subject": "ch4-1", **more}
        return judge.act(Action(id="a", kind=kind, **more), 2 * S).changes[-1]

    assert act("acknowledge", occurrence=7).why.key == "judge.refused.other_occurrence"
    assert act("acknowledge").isa == "C"
    assert act("acknowledge").change == "refused"
    assert act("shelve", until=3 * 3600 * S, note="x").why.key == "judge.refused.too_long"
    assert act("shelve", until=600 * S, note="works on it").isa == "E"
    changes = feed(judge, [(3, 0, 0.1)], until=700)
    assert ("held", "shelf_ended") in [(c.rule, c.change) for c in changes]
    assert act("reset").change == "reset"
    assert not judge.alarms.records["held", "ch4-1"].alarm.standing
    assert act("acknowledge", rule="nobody").why.key == "judge.refused.unknown_alarm"


def test_a_shelved_higher_rung_hides_no_lower_one() -> None:
    judge = judge_of()
    feed(judge, [(1, 0, 1.7)])

    shelved = judge.act(Action("a", "shelve", "gas-cut", "ch4-1", "li", "works", until=60 * S), 2 * S).changes
    ended = feed(judge, [(3, 0, 1.7)], until=61)

    assert [(c.rule, c.change) for c in shelved] == [("gas-cut", "shelved"), ("gas-warn", "unsuppressed")]
    assert ("gas-warn", "suppressed") in [(c.rule, c.change) for c in ended]


def test_a_revision_clears_nothing() -> None:
    judge = judge_of()
    feed(judge, [(1, 0, 1.2), (1, 1, 1.2)])
    lowered = document()
    lowered["rule"]["gas-warn"]["detector"] |= {"limit": "0.8 %vol", "reset": "0.4 %vol"}
    del lowered["sensor"]["ch4-2"]

    changes = judge.revise(read_site(lowered), 2 * S, 2, "wang", "stricter")

    assert ("gas-warn", "ch4-2", "removed") in [(c.rule, c.sensor, c.change) for c in changes]
    assert told(feed(judge, [(3, 0, 0.6)])) == []
    assert told(feed(judge, [(4, 0, 0.3)])) == [(4, "gas-warn", "ch4-1", "returned")]
    reset = judge.act(Action("r", "reset", "gas-warn", "ch4-2", "wang", "gone"), 5 * S).changes
    assert [c.change for c in reset] == ["reset"]


def test_a_rule_that_raises_is_a_finding_at_its_row_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = judge_of(level=slow("0s"))
    bank = next(b for b in judge.verdicts.banks if any(r.name == "level" for r in b.rules))
    original = type(bank.detector).step

    def step(self: Any, state: Any, batch: Batch) -> Any:
        if np.any(batch.value == 1.25) and np.any(np.asarray(self.limit) == 2.0):
            raise ZeroDivisionError("planted")
        return original(self, state, batch)

    monkeypatch.setattr(type(bank.detector), "step", step)
    changes = feed(judge, [(1, 0, 2.5), (2, 0, 1.25), (3, 0, 0.1), (4, 0, 1.2)])

    assert [(c.now // S, c.sensor, c.priority) for c in changes if c.change == "broken"] == [(2, "level", "critical")]
    assert judge.alarms.is_active(("level", "ch4-1"))
    assert (3, "gas-warn", "ch4-1", "returned") in told(changes)
    assert (4, "gas-warn", "ch4-1", "raised") in told(changes)


def test_what_stands_is_not_cleared_where_a_rule_beside_it_breaks_and_their_memory_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge = judge_of(level=slow("0s"))
    feed(judge, [(1, 0, 1.2)])
    original = Limit.step

    def step(self: Limit, state: Any, batch: Batch) -> Any:
        if np.any(batch.value == 0.7) and np.any(np.asarray(self.limit) == 2.0):
            raise ZeroDivisionError("planted")
        return original(self, state, batch)

    monkeypatch.setattr("detectors.bank.SMALL", 0)
    monkeypatch.setattr(Limit, "step", step)

    assert told(feed(judge, [(2, 0, 0.7)]))[0][3] == "broken"
    assert judge.alarms.is_active(("gas-warn", "ch4-1"))
    assert (3, "gas-warn", "ch4-1", "returned") in told(feed(judge, [(3, 0, 0.4)]))


def test_a_waveform_shows_its_greatest_sample_and_its_end() -> None:
    data = document()
    data["sensor"]["geo"] = {"area": "wall", "quantity": "vibration", "unit": "mm/s", "rate": 200}
    judge = Judge(read_site(data), 0)
    wave = Wave(0, 3, 5 * S, 6 * S, 200.0, np.array([0.1, -2.5, 1.0, 0.0]))

    judge.step(Batch.of(6 * S, waves=[wave]))

    newest = (judge.latest.value[3], judge.latest.time[3], judge.latest.arrived[3])
    assert newest == (2.5, 5 * S + 20_000_000, 6 * S)
    judge.step(Batch.of(7 * S, waves=[replace(wave, arrived=7 * S, samples=np.zeros(0))]))
    assert (judge.latest.value[3], judge.latest.arrived[3]) == (2.5, 6 * S), "an end shows nothing new (decision 0014)"


def test_an_alarm_of_the_systems_own_takes_the_priority_that_stands_and_ends_once() -> None:
    judge = judge_of()
    feed(judge, [(1, 0, 0.2), (2, 0, 1.6)])
    own, why = judge.settling.raising, Why("payload.wrong_unit", {"detail": "ppm"})

    raised = own.own(WRONG_UNIT, "ch4-1", 3 * S, why, Priority.MEDIUM)
    assert [(c.change, c.priority, c.area, c.why) for c in raised] == [("raised", "high", "face", why)]
    assert own.own(WRONG_UNIT, "ch4-1", 4 * S, why, Priority.MEDIUM) == []
    assert judge.alarms.own_standing(WRONG_UNIT) == ["ch4-1"]

    ended = own.own_ends(WRONG_UNIT, "ch4-1", 5 * S, Why("payload.readable"))
    assert [(c.change, c.why.key) for c in ended] == [("returned", "payload.readable")]
    assert own.own_ends(WRONG_UNIT, "ch4-1", 6 * S, Why("payload.readable")) == []
    assert judge.alarms.own_standing(WRONG_UNIT) == []
