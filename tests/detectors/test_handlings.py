"""Tests, calibrations and windows: what they mark, end and become, whatever the batches."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from detectors.detector import Why
from detectors.handling import Handling
from detectors.judge import Judge
from detectors.reading import Batch, Quality, Wave
from detectors.records import CHANNEL, WRONG_UNIT, Action, Change
from detectors.rule import Priority
from detectors.site import SiteMistakes, read_site
from tests.detectors.test_model import SENSORS, Acted, Blind, Fold, Log, Revised, Row, again, whole
from tests.detectors.test_model import document as busy_document

S = 10**9
START = 1_700_000_000 * S
MIN = 60 * S


def document(**site: Any) -> dict[str, Any]:
    methane = {"area": "face", "quantity": "ratio", "unit": "%vol", "span": [0, 4]}  # no gas: one rule names a window

    def rule(limit: float, reset: float, priority: str = "high", **more: Any) -> dict[str, Any]:
        detector = {"kind": "signal.limit", "side": "above", "limit": f"{limit} %vol", "reset": f"{reset} %vol"}
        return {"sensors": ["ch4-*"], "detector": detector, "priority": priority, "guidance": "Look", **more}

    return {
        "site": {"id": "pit", "timezone": "Asia/Shanghai", "simulated": True, **site},
        "sensor": {
            "ch4-1": {**methane, "every": "60s"}, "ch4-2": methane,
            "cal-1": {"area": "face", "follows": "calibration of ch4-1"},
            "tested-1": {"area": "face", "follows": "test of ch4-1"},
            "blast": {"area": "top", "follows": "blasting"},
            "prism-changed": {"area": "top", "follows": "rezero"},
        },
        "rule": {
            "warn": rule(1.0, 0.5, "medium", ladder="gas", rung=0),
            "cut": rule(1.5, 1.0, ladder="gas", rung=1, latch=True),
            "noted": rule(0.8, 0.8, "log"),
            "both": {"group": "face-gas", "area": "face", "priority": "high",
                     "detector": {"kind": "network.vote", "of": "@warn/*", "k": 1}},
            "shaking": rule(1.2, 1.0, "low", suppress_when="@blasting"),
            "blasting": {"sensors": ["blast"], "detector": {"kind": "signal.state", "alarm_on": "open"},
                         "priority": "log"},
            "calibration": {"sensors": ["cal-1"], "priority": "low",
                            "detector": {"kind": "health.calibration", "every": "15d", "recorded": True}},
            "sum": rule(2.0, 1.0, "low", suppress_when="@cut/ch4-1") | {"sensors": ["ch4-2"]},
        },
    }  # fmt: skip


class Told:
    """A judge, one reading or action after another; `lines` says what it said."""

    def __init__(self, plain: dict[str, Any] | None = None) -> None:
        self.judge = Judge(read_site(plain or document()), START)
        self.changes: list[Change] = []
        self.heard: list[tuple[str, float]] = []
        self.names = list(self.judge.revision.table)

    def read(self, at: float, *values: float, time: float | None = None) -> Told:
        """Readings of ch4-1, ch4-2 at `at` s; no value is a tick."""
        now = START + round(at * S)
        when = now if time is None else START + round(time * S)
        batch = Batch.of(now, range(len(values)), [when] * len(values), values, arrived=[now] * len(values))
        self._take(self.judge.step(batch))
        return self

    def act(self, kind: str, at: float, sensor: str = "ch4-1", until: float | None = None, **more: Any) -> Told:
        asked = {"by": "Li", "note": "yearly", "id": f"{kind}-{at:g}", **more}
        end = None if until is None else START + round(until * S)
        action = Action(kind=kind, rule="", subject=sensor, until=end, **asked)
        self._take(self.judge.act(action, START + round(at * S)))
        return self

    def _take(self, judged: Any) -> None:
        self.changes += judged.changes
        for part in judged.rows:
            self.heard += [(self.names[s], v) for s, v in zip(part.series.tolist(), part.value.tolist(), strict=True)]

    def lines(self, begin: float = 0.0) -> list[str]:
        """What happened from `begin` s on."""
        return [
            f"{(c.now - START) / S:.9g} {c.rule}/{c.sensor} {c.change} {c.isa}{' TEST' if c.note == 'TEST' else ''}"
            for c in self.changes if c.now >= START + begin * S and c.change not in ("watched", "unwatched")
        ]  # fmt: skip

    def said(self, sensor: str) -> list[float]:
        return [value for name, value in self.heard if name == sensor]

    def last(self) -> Change:
        return self.changes[-1]


# -- tests -------------------------------------------------------------------------------------------------------------


def test_what_a_test_raises_is_marked_and_ends_with_it_and_nothing_of_it_is_left() -> None:
    told = Told().read(1, 0.1, 0.1).act("test", 2, until=62).read(10, 1.6, 0.1).read(40, 0.1, 0.1).read(63)
    assert told.lines(2) == [
        "2 /ch4-1 test_begun ",
        "10 cut/ch4-1 raised B TEST", "10 warn/ch4-1 raised F TEST", "10 noted/ch4-1 raised C TEST",
        "10 both/face-gas raised B TEST", "10 shaking/ch4-1 raised B TEST",
        "40 cut/ch4-1 returned D TEST", "40 warn/ch4-1 unsuppressed B TEST", "40 warn/ch4-1 returned D TEST",
        "40 noted/ch4-1 returned A TEST", "40 both/face-gas returned D TEST", "40 shaking/ch4-1 returned D TEST",
        "62 /ch4-1 test_ended ",
        "62 cut/ch4-1 acknowledged A TEST", "62 warn/ch4-1 acknowledged A TEST",
        "62 both/face-gas acknowledged A TEST", "62 shaking/ch4-1 acknowledged A TEST",
    ]  # fmt: skip
    assert not list(told.judge.alarms.standing()), "a latch owes no reset after a test"
    assert not any(record.test for record in told.judge.alarms.records.values())
    raised = next(c for c in told.changes if c.change == "raised")
    assert raised.why.numbers["test"] == "test-2", "the line names its test"


def test_what_is_beyond_its_limit_when_the_test_ends_is_raised_as_real() -> None:
    told = Told().read(1, 0.1, 0.1).act("test", 2, until=62).read(10, 1.6, 0.1).read(63, 1.6, 0.1)
    assert told.lines(62) == [
        "62 /ch4-1 test_ended ",
        "62 cut/ch4-1 returned A TEST", "62 warn/ch4-1 returned F TEST", "62 noted/ch4-1 returned A TEST",
        "62 both/face-gas returned A TEST", "62 shaking/ch4-1 returned A TEST",
        "62 cut/ch4-1 raised B", "62 warn/ch4-1 raised F", "62 noted/ch4-1 raised C",
        "62 both/face-gas raised B", "62 shaking/ch4-1 raised B",
    ]  # fmt: skip
    cut = told.judge.alarms.records["cut", "ch4-1"]
    assert (cut.alarm.occurrence, cut.latches, cut.value, cut.test) == (2, True, 1.6, "")
    assert told.read(70, 0.1, 0.1).judge.alarms.records["cut", "ch4-1"].alarm.latched


def test_a_test_ended_by_a_person_ends_there_and_its_line_bears_the_actions_id() -> None:
    told = Told().read(1, 0.1, 0.1).act("test", 2, until=600).read(10, 1.1, 0.1).act("end_test", 20)
    ended = next(c for c in told.changes if c.change == "test_ended")
    assert (ended.action, ended.now - START, ended.why.key) == ("end_test-20", 20 * S, "judge.test.unreached")
    assert "20 warn/ch4-1 raised B" in told.lines()
    assert told.said("tested-1") == [1.0, 0.0]
    assert told.act("end_test", 21).last().why.key == "judge.refused.not_handled"


def test_the_result_says_what_was_raised_when_and_who_was_told() -> None:
    told = Told().read(1, 0.1, 0.1).act("test", 2, until=62).read(32, 1.1, 0.1).read(40, 0.1, 0.1)
    handlings = told.judge.handlings
    (line,) = handlings.reached("test-2", "ch4-1", "warn/ch4-1#1", "control-room", START + 33 * S)
    assert (line.change, line.why.numbers["seconds"]) == ("reached", 1.0)
    assert handlings.reached("test-2", "ch4-1", "warn/ch4-1#1", "control-room", START + 34 * S) == []
    told.read(63)
    ended = next(c for c in told.changes if c.change == "test_ended")
    assert (ended.why.key, ended.by) == ("judge.test.passed", "Li")
    assert dict(ended.why.numbers) == {
        "seconds": 60.0, "alarms": "warn/ch4-1#1, both/face-gas#1", "raised_after": 30.0, "test": "test-2",
        "channels": "control-room", "reached_after": 31.0,
    }  # fmt: skip
    (late,) = handlings.reached("test-2", "ch4-1", "warn/ch4-1#1", "siren", START + 70 * S)
    assert late.why.numbers["channel"] == "siren", "a receipt after its end is told all the same"


def test_a_test_in_which_nothing_is_raised_has_failed() -> None:
    told = Told().read(1, 0.1, 0.1).act("test", 2, until=62).read(30, 0.4, 0.1).read(63)
    assert told.last().why.key == "judge.test.nothing"
    log_only = Told().read(1, 0.1, 0.1).act("test", 2, until=62).read(30, 0.9, 0.1).read(63)
    assert next(c for c in log_only.changes if c.change == "test_ended").why.key == "judge.test.nothing"


@pytest.mark.parametrize(
    ("kind", "more", "reason"),
    [
        ("test", {"sensor": "ch4-9"}, "unknown_sensor"),
        ("test", {"sensor": ""}, "unknown_sensor"),
        ("test", {"until": None}, "no_end"),
        ("test", {"until": 1}, "no_end"),
        ("test", {"until": 3 + 3601}, "too_long"),
        ("test", {"note": ""}, "no_note"),
        ("test", {"by": ""}, "nobody"),
        ("calibrate", {"until": 3 + 1801}, "too_long"),
        ("open_blasting", {"sensor": "blast", "until": 3 + 1801}, "too_long"),
        ("open_blasting", {}, "follows_another"),
        ("test", {"sensor": "blast"}, "follows_another"),
        ("tell", {}, "follows_another"),
        ("tell", {"sensor": "blast"}, "follows_another"),
        ("calibrated", {}, "no_record"),
        ("calibrated", {"details": {"gas": "CH4", "applied": "2.0", "left": 2.0}}, "no_record"),
        ("end_calibration", {}, "not_handled"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason_in_the_journal(kind: str, more: dict[str, Any], reason: str) -> None:
    told = Told().read(1, 0.1, 0.1).act(kind, 3, **{"until": 60, **more})
    line = told.last()
    assert (line.change, line.why.key, line.action) == ("refused", f"judge.refused.{reason}", f"{kind}-3")
    assert not told.judge.handlings.open


def test_a_test_is_refused_while_a_rule_of_the_sensor_or_a_group_with_it_is_in_alarm() -> None:
    told = Told().read(1, 0.1, 1.1).act("test", 2, until=60)
    assert told.last().why.numbers["alarm"] == "both/face-gas#1", "the group looks at the sensor, too"
    calm = Told().read(1, 0.1, 0.1).read(2, 0.1, 0.1).act("test", 3, until=60)
    assert calm.last().change == "test_begun"
    assert calm.act("calibrate", 4, until=60).last().why.key == "judge.refused.handled"
    latched = Told().read(1, 1.6, 0.1).read(2, 0.1, 0.1).act("test", 3, until=60)
    assert latched.last().why.numbers["alarm"] == "cut/ch4-1#1"
    only_noted = Told().read(1, 0.9, 0.1).act("test", 3, until=60)
    assert only_noted.last().change == "test_begun", "an entry of the log is no alarm"


def test_a_site_may_allow_longer_tests_up_to_eight_hours() -> None:
    told = Told(document(longest_test="2h")).act("test", 3, until=7000)
    assert told.last().change == "test_begun"
    with pytest.raises(SiteMistakes, match="at most 8h"):
        read_site(document(longest_test="9h"))


def test_other_sensors_are_untouched_and_a_test_hides_nothing_of_theirs() -> None:
    told = Told().read(1, 0.1, 0.1).act("test", 2, until=62).read(10, 1.6, 2.1)
    mine = {f"{c.rule}/{c.sensor}": c for c in told.changes if c.change == "raised" and c.sensor == "ch4-2"}
    assert mine.keys() == {"cut/ch4-2", "warn/ch4-2", "noted/ch4-2", "shaking/ch4-2", "sum/ch4-2"}
    assert all(c.note == "" and "test" not in c.why.numbers for c in mine.values())
    assert mine["sum/ch4-2"].isa == "B", "what a test raised suppresses nothing outside of it"


def test_a_group_is_real_where_another_of_its_sensors_is_in_alarm_before_or_after() -> None:
    before = Told().read(1, 0.1, 0.1).act("test", 2, until=62).read(10, 0.1, 1.1).read(11, 1.6, 1.1)
    group = [line for line in before.lines() if "face-gas" in line]
    assert group == ["10 both/face-gas raised B"]
    after = Told().read(1, 0.1, 0.1).act("test", 2, until=62).read(10, 1.1, 0.1).read(20, 1.1, 1.1)
    group = [line for line in after.lines() if "face-gas" in line]
    assert group == ["10 both/face-gas raised B TEST", "20 both/face-gas returned A TEST", "20 both/face-gas raised B"]


def test_a_sensor_in_test_is_not_watched_and_silence_in_a_test_is_real() -> None:
    told = Told().read(1, 0.1, 0.1)
    watching, of = told.judge.watching()
    told.act("test", 2, until=602)
    assert told.judge.watching() == (watching - 5, of), "warn, cut, noted, shaking, silent; the group has another"
    told.read(400, *(), time=None)
    silent = [line for line in told.lines() if "silent" in line]
    assert silent == ["181 silent/ch4-1 raised B"]
    assert told.act("end_test", 401).judge.watching()[1] == of


def test_a_test_goes_with_its_sensor_when_a_revision_removes_it() -> None:
    told = Told().read(1, 0.1, 0.1).act("test", 2, until=62).read(10, 1.6, 0.1)
    less = document()
    for name in ("ch4-1", "cal-1", "tested-1"):
        del less["sensor"][name]
    del less["rule"]["calibration"], less["rule"]["sum"]
    told.changes += told.judge.revise(read_site(less), START + 20 * S, 2, "wang", "moved")
    assert not told.judge.handlings.open
    assert "20 cut/ch4-1 returned A TEST" in told.lines()
    (key, group), = told.judge.alarms.standing()
    assert (key, group.test) == (("both", "face-gas"), ""), "a revision clears nothing: readings will end it"


# -- calibrations ------------------------------------------------------------------------------------------------------


def test_a_reading_in_calibration_changes_nothing_and_the_first_after_it_does() -> None:
    told = Told().read(1, 0.1, 0.1).act("calibrate", 2, until=62).read(30, 2.0, 0.1).read(62, 2.0, 0.1)
    assert told.lines(3) == []
    assert told.judge.gate.counts["calibration"] == 2
    assert told.judge.latest.quality[0] & Quality.CALIBRATION
    assert told.read(63, 1.1, 0.1).lines(63) == [
        "63 warn/ch4-1 raised B", "63 noted/ch4-1 raised C", "63 both/face-gas raised B",
    ]  # fmt: skip


def test_what_was_measured_before_the_calibration_is_judged_when_it_comes() -> None:
    told = Told().read(1, 0.1, 0.1).act("calibrate", 2, until=62).read(30, 2.0, time=1.5)
    assert "30 cut/ch4-1 raised B" in told.lines()


def test_an_alarm_that_stands_is_not_cleared_by_calibration_gas() -> None:
    told = Told().read(1, 1.6, 0.1).act("calibrate", 2, until=62).read(30, 0.0, 0.1).read(63)
    assert not any("returned" in line for line in told.lines())
    assert told.judge.alarms.is_active(("cut", "ch4-1"))


def test_blocks_of_samples_are_marked_too() -> None:
    told = Told().read(1, 0.1, 0.1).act("calibrate", 2, until=62)
    times = (START + 5 * S, START + 70 * S)
    waves = [Wave(0, 0, at, at, 100.0, np.ones(3), 0) for at in times]
    marked = told.judge.handlings.mark_waves(waves)
    assert [wave.quality for wave in marked] == [int(Quality.CALIBRATION), 0]


def test_calibrations_reach_the_rule_that_counts_them_without_a_message_from_outside() -> None:
    gas = {"gas": "CH4", "applied": 2.0, "in_unit": "%vol", "found": 1.8, "left": 2.0, "certificate": "C-77"}
    told = Told().read(1, 0.1, 0.1).act("calibrate", 2, until=302).act("calibrated", 200, details=gas)
    assert told.said("cal-1") == [1.0, 2.0]
    record = next(c for c in told.changes if c.change == "calibrated")
    assert dict(record.why.numbers) == gas
    assert "200 /ch4-1 calibration_ended " in told.lines()
    day = 86_400
    told.read(200 + 15 * day, 0.1, 0.1)
    assert not any("calibration/cal-1" in line for line in told.lines())
    told.read(201 + 15 * day, 0.1, 0.1)
    assert f"{200 + 15 * day} calibration/cal-1 raised B" in told.lines()
    told.act("calibrate", 300 + 15 * day, until=900 + 15 * day).read(901 + 15 * day, 0.1, 0.1)
    assert told.said("cal-1")[2:] == [1.0, 0.0]
    assert told.judge.alarms.is_active(("calibration", "cal-1")), "a window without a record is no calibration"
    told.act("calibrated", 950 + 15 * day, details=gas)
    assert f"{950 + 15 * day} calibration/cal-1 returned D" in told.lines()


# -- what else people do -----------------------------------------------------------------------------------------------


def test_a_blasting_window_suppresses_what_names_it_and_closes_by_itself() -> None:
    told = Told().act("open_blasting", 2, "blast", until=62).read(10, 1.3, 0.1).read(63)
    assert "10 shaking/ch4-1 raised F" in told.lines()
    assert told.lines(62) == ["62 blasting/blast returned A", "62 shaking/ch4-1 unsuppressed B",
                              "62 /blast blasting_ended "]  # fmt: skip
    assert told.said("blast") == [1.0, 0.0]


@pytest.mark.parametrize("quantity", ["methane", "dust"])
def test_no_window_hides_gas_or_dust(quantity: str) -> None:
    plain = document()
    plain["sensor"]["ch4-1"] = {**plain["sensor"]["ch4-1"], "quantity": quantity}
    with pytest.raises(SiteMistakes, match=f"rule.shaking.suppress_when.*{quantity}"):
        read_site(plain)


def test_what_is_told_becomes_a_reading_each_time() -> None:
    told = Told().act("tell", 2, "prism-changed").act("tell", 2, "prism-changed", id="twice")
    assert told.said("prism-changed") == [1.0, 1.0]
    assert told.last().change == "told"
    assert told.judge.latest.time[5] == START + 2 * S + 1, "the second of an instant is a later reading"


def test_follows_is_checked() -> None:
    plain = document()
    plain["sensor"] |= {
        "a": {"area": "x", "follows": "calibration of ch4-9"}, "b": {"area": "x", "follows": "tset of ch4-1"},
        "c": {"area": "x", "follows": "blasting", "every": "5s"},
    }  # fmt: skip
    with pytest.raises(SiteMistakes) as mistakes:
        read_site(plain)
    said = str(mistakes.value)
    assert "ch4-9" in said
    assert "test of SENSOR" in said
    assert "every beside follows" in said


# -- whatever the batches ----------------------------------------------------------------------------------------------


def handled_document() -> dict[str, Any]:
    plain = busy_document()
    plain["sensor"] = {name: {**one, "every": "30s"} for name, one in plain["sensor"].items()}
    plain["rule"] = {name: {**plain["rule"][name], "latch": name == "noted"} for name in
                     ("warn", "cut", "out", "agreed", "held", "noted", "quiet")}  # fmt: skip
    follows = {"cal": {"area": "face", "follows": "calibration of ch4-1"},
               "tested": {"area": "face", "follows": "test of ch4-2"}}  # fmt: skip
    rules = {"due": {"sensors": ["cal"], "detector": {"kind": "health.calibration", "every": "40s", "longest": "30s",
                                                      "shortest": "1s"}, "priority": "low"},
             "in-test": {"sensors": ["tested"], "priority": "log",
                         "detector": {"kind": "signal.state", "alarm_on": "in test"}}}  # fmt: skip
    return {**plain, "sensor": {**plain["sensor"], **follows}, "rule": {**plain["rule"], **rules}}


HANDLED = read_site(handled_document())


def a_log(seed: int, items: int = 260) -> tuple[Log, int]:
    """Readings around the limits, and people who test and calibrate all the time."""
    chance, now = Random(seed), START
    log: Log = []
    for k in range(items):
        now += chance.choice((0, 1, 1, 2, 3)) * S
        if chance.random() < 0.15:
            kind = chance.choice(("test", "test", "calibrate", "end_test", "end_calibration", "reset", "reset"))
            until = now + chance.choice((8, 25, 60)) * S
            rule, sensor = "cut" if kind == "reset" else "", chance.choice(("ch4-1", "ch4-2"))
            log.append(Acted(now, Action(f"a{k}", kind, rule, sensor, "li", "why", None, until)))
        else:
            sensor = chance.randrange(len(SENSORS))
            gas = round(chance.choice((0.2, 0.3, chance.uniform(0, 2.2))), 1)
            value = float(chance.choice((0, 1))) if SENSORS[sensor] == "fan" else gas
            log.append(Row(now, sensor, now - chance.choice((0, 0, 0, 8)) * S, value, 0))
    log.insert(items // 3, Revised(log[items // 3].arrived, HANDLED))
    log = log[: items // 2] + [replace(one, arrived=one.arrived + 40 * S) for one in log[items // 2 :]]
    log.insert(items // 2, Blind(log[items // 2 - 1].arrived + 40 * S))
    return log, now + 100 * S


@pytest.mark.parametrize("seed", range(6))
def test_cut_ticked_and_restarted_anywhere_it_is_the_same(seed: int) -> None:
    log, end = a_log(seed)
    expected, chance = whole(log, end, HANDLED), Random(seed + 1000)
    cut = Fold(site=HANDLED).run(
        log, end, lambda k: chance.random() < 0.4,
        lambda a, b: sorted(chance.randrange(a, b + 1) for _ in range(2)) if b > a and chance.random() < 0.4 else [],
        lambda k: chance.random() < 0.06,
    )  # fmt: skip
    assert [repr(c) for c in cut.changes] == [repr(c) for c in expected.changes]
    assert sorted(map(repr, cut.rows)) == sorted(map(repr, expected.rows))


def test_the_logs_wake_everything_that_is_claimed_of_them() -> None:
    lines = [c for seed in range(6) for c in whole(*a_log(seed), HANDLED).changes]
    assert {"test_begun", "test_ended", "calibration_begun", "calibration_ended"} <= {c.change for c in lines}
    assert {c.rule for c in lines if c.note == "TEST" and c.change == "raised"} >= {"warn", "cut"}
    over = [(c.rule, c.now) for c in lines if c.why.key == "judge.test.over" and c.change == "returned"]
    raised = {(c.rule, c.now) for c in lines if c.change == "raised" and c.note == ""}
    assert sum(one in raised for one in over) > 10, "what stands at a test's end is raised anew"
    assert {c.rule for c in lines if c.change == "raised"} >= {"due", "in-test"}


def test_a_restart_in_a_test_remembers_it() -> None:
    told = Told().read(1, 0.1, 0.1).act("test", 2, until=62).read(10, 1.1, 0.1)
    judge = again(told.judge)
    assert judge.handlings.open == {
        "ch4-1": Handling("test", "ch4-1", "test-2", START + 2 * S, START + 62 * S, "Li", "yearly",
                          {"warn/ch4-1#1": START + 10 * S, "both/face-gas#1": START + 10 * S}),
    }  # fmt: skip


def test_a_real_alarm_never_joins_the_notice_of_a_test_in_a_flood() -> None:
    told = Told().read(1, 0.1, 0.1).act("test", 2, until=600)
    for k in range(8):
        told.read(10 + 20 * k, 1.6, 0.1).read(20 + 20 * k, 0.1, 0.1)
    told.read(200, 0.1, 1.1)
    told_by = {(c.rule, c.sensor, c.notice) for c in told.changes if c.change == "raised" and not c.note}
    assert ("warn", "ch4-2", "warn/ch4-2#1") in told_by
    tested = [c for c in told.changes if c.change == "raised" and c.note == "TEST" and c.isa == "B"]
    assert all(c.notice == f"{c.rule}/{c.sensor}#{c.occurrence}" for c in tested)
    assert len(tested) > 20


def test_a_fault_of_the_systems_own_takes_no_priority_of_what_a_test_raised() -> None:
    told = Told().read(1, 0.1, 0.1).act("test", 2, until=600).read(3, 1.6, 0.1)
    assert told.judge.alarms.records["cut", "ch4-1"].alarm.active

    (line,) = told.judge.own(WRONG_UNIT, "ch4-1", START + 4 * S, Why("payload.wrong_unit"), Priority.LOW)

    assert line.priority == "low"


def test_a_new_occurrence_of_the_systems_own_was_accepted_by_nobody_yet() -> None:
    told, why = Told(), Why("own.channel-failing")
    told.judge.own(CHANNEL, "sms", START + S, why, Priority.HIGH)
    told.judge.act(Action("a", "accept", CHANNEL, "sms", "Li", "on it"), START + 2 * S)
    told.judge.own_ends(CHANNEL, "sms", START + 3 * S, why)
    told.judge.own(CHANNEL, "sms", START + 4 * S, why, Priority.HIGH)
    record = told.judge.alarms.records[CHANNEL, "sms"]
    assert (record.accepted_by, record.note, record.alarm.occurrence) == ("", "", 2)


def test_a_wrong_unit_of_a_sensor_that_is_gone_can_be_reset_and_of_one_that_is_there_not() -> None:
    told, plain = Told(), document()
    told.judge.own(WRONG_UNIT, "ch4-2", START + S, Why("payload.wrong_unit"), Priority.MEDIUM)
    asked = Action("a", "reset", WRONG_UNIT, "ch4-2", "Li", "moved away")
    assert told.judge.act(asked, START + 2 * S).changes[0].change == "refused"
    del plain["sensor"]["ch4-2"], plain["rule"]["sum"]
    told.judge.revise(read_site(plain), START + 3 * S, 2, "Li", "one less")
    assert told.judge.alarms.own_standing(WRONG_UNIT) == ["ch4-2"], "a revision clears nothing"

    lines = told.judge.act(asked, START + 4 * S).changes

    assert [(line.change, line.isa) for line in lines] == [("reset", "A"), ("returned", "A")]
    assert told.judge.alarms.own_standing(WRONG_UNIT) == []
