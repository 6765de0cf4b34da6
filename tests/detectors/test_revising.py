"""What a revision does to what stands, waits and is remembered: it clears nothing, and nothing of it is forgotten."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.detector import Outcome
from detectors.judge import Judge
from detectors.reading import Batch
from detectors.records import Action, Change
from detectors.seismic.pick import Pick
from detectors.site import read_site
from tests.detectors.test_judge import S, document, feed, told


def revise(judge: Judge, plain: dict[str, Any], at: int) -> list[Change]:
    return judge.revise(read_site(plain), at * S, judge.revision.number + 1, "wang", "better")


def without(sensor: str) -> dict[str, Any]:
    plain = document()
    del plain["sensor"][sensor]
    return plain


def test_a_number_of_an_occurrence_is_never_used_again_though_the_rule_was_gone_meanwhile() -> None:
    judge = Judge(read_site(document()), 0)
    feed(judge, [(1, 1, 1.2), (2, 1, 0.1)])
    judge.act(Action("a", "acknowledge", "gas-warn", "ch4-2", "li"), 2 * S)
    revise(judge, without("ch4-2"), 3)
    revise(judge, document(), 4)

    changes = feed(judge, [(5, 1, 1.2)])

    assert [(c.rule, c.occurrence) for c in changes if c.change == "raised"] == [("gas-warn", 2)]


def test_an_alarm_whose_sensor_was_gone_and_is_back_ends_by_a_good_reading() -> None:
    judge = Judge(read_site(document()), 0)
    feed(judge, [(1, 1, 1.2)])
    revise(judge, without("ch4-2"), 2)
    revise(judge, document(), 3)

    assert told(feed(judge, [(4, 1, 0.1)])) == [(4, "gas-warn", "ch4-2", "returned")]


def test_after_a_rule_became_critical_nothing_of_it_is_shelved() -> None:
    judge = Judge(read_site(document()), 0)
    feed(judge, [(1, 0, 1.2), (2, 0, 0.1)])
    judge.act(Action("a", "acknowledge", "gas-warn", "ch4-1", "li"), 2 * S)
    plain = document()
    plain["rule"]["gas-warn"] |= {"priority": "critical", "consequence": "Fire", "respond_within": "2min"}
    revise(judge, plain, 3)

    said = judge.act(Action("s", "shelve", "gas-warn", "ch4-1", "li", "works", until=60 * S), 4 * S).changes

    assert [c.why.key for c in said] == ["judge.refused.never_shelved"]


def test_no_shelf_hides_what_is_critical_when_it_is_raised() -> None:
    judge = Judge(read_site(document()), 0)
    feed(judge, [(1, 0, 0.1)])
    judge.act(Action("s", "shelve", "gas-warn", "ch4-1", "li", "works", until=3600 * S), 2 * S)
    plain = document()
    plain["rule"]["gas-warn"] |= {"priority": "critical", "consequence": "Fire", "respond_within": "2min"}
    revise(judge, plain, 3)

    changes = feed(judge, [(4, 0, 1.2)])

    lines = [(c.change, c.isa) for c in changes if c.rule == "gas-warn"]
    assert lines == [("shelf_ended", "A"), ("raised", "B")]


def velocity(unit: str, limit: str) -> dict[str, Any]:
    plain = document()
    plain["sensor"]["prism"] = {"area": "wall", "quantity": "displacement", "unit": unit, "noise": 0.001, "every": "1h"}
    plain["rule"]["moving"] = {
        "sensors": ["prism"], "priority": "high", "guidance": "Close the ramp",
        "detector": {"kind": "slope.velocity", "limit": limit, "window": "24h"},
    }  # fmt: skip
    return plain


def test_what_was_read_in_another_unit_is_not_compared_with_what_comes() -> None:
    judge = Judge(read_site(velocity("m", "10 mm/d")), 0)
    hour = 3600
    feed(judge, [(k * hour, 3, 5.0) for k in range(30)])
    revise(judge, velocity("mm", "10 mm/d"), 30 * hour)

    changes = feed(judge, [(k * hour, 3, 5000.0) for k in range(30, 70)])

    assert [c.change for c in changes if c.rule == "moving"] == ["watched"]


def test_where_silence_is_no_longer_watched_for_the_next_reading_is() -> None:
    judge = Judge(read_site(document()), 0)
    feed(judge, [(1, 0, 0.1)], until=60)
    pair = judge.revision.pair_of["gas-warn", "ch4-1"]
    assert not judge.verdicts.holding.watching[pair]
    plain = document()
    plain["sensor"]["ch4-1"] = {k: v for k, v in plain["sensor"]["ch4-1"].items() if k != "every"}
    revise(judge, plain, 61)

    changes = feed(judge, [(62, 0, 0.1)])

    assert ("gas-warn", "ch4-1", "watched") in [(c.rule, c.sensor, c.change) for c in changes]


def geophones(**rates: int) -> dict[str, Any]:
    plain = document()
    for name, rate in rates.items():
        plain["sensor"][name] = {"area": "wall", "quantity": "vibration", "unit": "mm/s", "rate": rate}
    plain["rule"]["onset"] = {"sensors": ["geo*"], "detector": {"kind": "seismic.pick"}, "priority": "low"}
    return plain


def test_a_memory_that_no_longer_fits_begins_anew_and_the_revision_is_adopted() -> None:
    judge = Judge(read_site(geophones(geo1=200)), 0)

    revise(judge, geophones(geo1=200, geo2=400), 1)

    assert told(feed(judge, [(2, 0, 1.2)])) == [(2, "gas-warn", "ch4-1", "raised")]


def test_a_memory_that_does_not_fit_where_rules_part_begins_anew_and_the_rule_is_told_to_be_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = geophones(geo1=200, geo2=400)
    plain["rule"]["onset"]["sensors"] = ["geo1"]
    plain["rule"]["onset-2"] = {**plain["rule"]["onset"], "sensors": ["geo2"]}
    judge = Judge(read_site(plain), 0)

    def step(self: Pick, state: Any, batch: Batch) -> Any:
        if len(state.verdict) > 1 or state.ring.shape[1] > 300:
            raise ZeroDivisionError("planted")
        return Outcome()

    monkeypatch.setattr(Pick, "step", step)

    assert told(feed(judge, [(1, 0, 0.1)]))[:2] == [
        (1, "broken", "onset-2", "broken"), (1, "broken", "onset-2", "raised"),
    ]  # fmt: skip


def test_a_value_of_another_unit_is_not_shown_and_its_times_still_count() -> None:
    judge = Judge(read_site(velocity("m", "10 mm/d")), 0)
    feed(judge, [(10, 3, 5.0), (10, 0, 0.2)])

    revise(judge, velocity("mm", "10 mm/d"), 11)

    assert np.isnan(judge.latest.value[3])
    assert judge.latest.value[0] == 0.2
    feed(judge, [(9, 3, 5000.0)])
    assert judge.gate.counts["late"] == 1


def every(interval: str) -> dict[str, Any]:
    plain = document()
    plain["sensor"]["ch4-1"] = {**plain["sensor"]["ch4-1"], "every": interval}
    return plain


def silences(changes: list[Change]) -> list[tuple[int, str]]:
    return [(at, change) for at, rule, sensor, change in told(changes) if (rule, sensor) == ("silent", "ch4-1")]


def test_a_deadline_of_silence_goes_with_the_sensors_new_interval() -> None:
    judge = Judge(read_site(every("5s")), 0)
    feed(judge, [(100, 0, 0.1)])
    revise(judge, every("1min"), 101)

    assert silences(feed(judge, [], until=400)) == [(280, "raised")]


def test_a_deadline_that_a_revision_brings_into_the_past_is_said_at_the_revision() -> None:
    judge = Judge(read_site(every("1min")), 0)
    feed(judge, [(100, 0, 0.1)], until=200)
    revise(judge, every("5s"), 200)

    assert silences(feed(judge, [], until=210)) == [(200, "raised")]


def test_a_sensor_that_is_given_an_interval_is_waited_for_from_then_on_and_one_that_loses_it_no_more() -> None:
    plain = document()
    plain["sensor"]["ch4-1"] = {k: v for k, v in plain["sensor"]["ch4-1"].items() if k != "every"}
    dead = {"sensors": ["ch4-1"], "detector": {"kind": "health.silent"}, "priority": "low", "guidance": "Go and look"}
    given, without_interval = document(dead=dead), {**plain, "rule": {**plain["rule"], "dead": dead}}
    judge = Judge(read_site(without_interval), 0)
    feed(judge, [], until=100)

    revise(judge, given, 100)
    raised = [line for line in told(feed(judge, [], until=110)) if line[1] == "dead"]
    revise(judge, without_interval, 110)
    after = [line for line in told(feed(judge, [], until=1000)) if line[1] == "dead"]

    assert (raised, after) == ([], [])
    revise(judge, given, 1000)
    assert (1015, "dead", "ch4-1", "raised") in told(feed(judge, [], until=1100))


def gateway(interval: str) -> dict[str, Any]:
    """Five sensors behind one gateway."""
    plain = document()
    methane = {**plain["sensor"]["ch4-1"], "every": interval}
    plain["sensor"] = {"ch4-1": methane, "ch4-2": methane, **{f"far-{k}": methane for k in range(3)}}
    plain["rule"]["gateway"] = {
        "group": "gateway-3", "sensors": ["ch4-*", "far-*"], "priority": "medium", "guidance": "Check its power",
        "detector": {"kind": "health.frozen_network", "least": 3},
    }  # fmt: skip
    return plain


@pytest.mark.parametrize(
    ("was", "becomes", "expected"),
    [("5s", "1h", []), ("5s", "1min", [(220, "raised")]), ("1h", "5s", [(120, "raised")])],
)
def test_a_frozen_gateway_is_found_by_its_sensors_new_interval(
    was: str, becomes: str, expected: list[tuple[int, str]]
) -> None:
    judge = Judge(read_site(gateway(was)), 0)
    feed(judge, [(t, sensor, 0.1) for t in range(5, 105, 5) for sensor in range(5)], until=101)
    revise(judge, gateway(becomes), 120 if was == "1h" else 101)

    changes = told(feed(judge, [], until=500))

    assert [(at, change) for at, rule, _, change in changes if rule == "gateway"] == expected
