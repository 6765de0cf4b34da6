"""A site read from its document: what comes out, and every mistake of meaning."""

from __future__ import annotations

import copy
import json
import tomllib
from typing import Any

import numpy as np
import pytest

from detectors.bank import structure, together
from detectors.detector import catalogue
from detectors.document import SiteMistakes
from detectors.rule import LONGEST_SHELF, Priority
from detectors.site import describe, priority_mix, read_site, series
from detectors.units import SECOND

SITE = """
[site]
id = "north-pit"
timezone = "Asia/Shanghai"
[sensor]
ch4-2105 = { area = "face-2105", quantity = "methane", unit = "%vol", span = [0, 4], every = "5s", lel = 5.0 }
ch4-lel = { area = "plant", quantity = "methane", unit = "%LEL", lel = 5.0 }
fan-2105 = { area = "face-2105", states = ["stopped", "running"], every = "10s" }
prism-17 = { area = "north-wall", quantity = "displacement", unit = "mm", noise = 0.8, every = "1h" }
prism-18 = { area = "north-wall", quantity = "displacement", unit = "m", noise = 0.001 }
rain = { area = "north-wall", quantity = "rain", unit = "mm" }
[rule.wall-confirmed]
group = "north-wall"
detector = { kind = "network.vote", of = "@wall-moving/*", k = 2, within = "6h" }
priority = "critical"
respond_within = "30min"
consequence = "Wall failure onto ramp 4"
guidance = "Evacuate the pit floor below the north wall"
[rule.wall-moving]
sensors = ["area:north-wall quantity:displacement"]
detector = { kind = "slope.velocity", limit = "10 mm/d", window = "24h" }
priority = "high"
latch = true
on_delay = "10min"
guidance = "Close ramp 4"
[rule.fan-stopped]
sensors = ["fan-*"]
detector = { kind = "signal.state", alarm_on = "stopped" }
priority = "high"
suppress_when = "@wall-moving/prism-17"
"""
T1 = [
    dict(rung="warn", unit="%vol", trip=1.0, priority="high", action="Alarm", clause="AQ 1029 T1", source="s",
         mark="V"),
    dict(rung="cut", unit="%vol", trip=1.5, reset=1.0, priority="critical", action="Cut power", clause="AQ 1029 T1",
         source="s", mark="V", reset_mark="R"),
]  # fmt: skip
LADDER = {"sensors": ["ch4-2105"], "use": "methane.T1", "respond_within": "2min", "guidance": "Withdraw"}


def document(**rules: Any) -> dict[str, Any]:
    data = tomllib.loads(SITE)
    data["limit_set"] = {"name": "cn", "methane": {"T1": copy.deepcopy(T1)}}
    data["rule"] |= rules
    return data


def mistakes(data: dict[str, Any]) -> list[str]:
    with pytest.raises(SiteMistakes) as raised:
        read_site(data)
    return [str(mistake) for mistake in raised.value.mistakes]


def the_only(data: dict[str, Any]) -> str:
    found = mistakes(data)
    assert len(found) == 1, found
    return found[0]


def test_a_rule_runs_after_those_it_looks_at_and_silent_runs_first() -> None:
    site = read_site(document())

    assert [rule.name for rule in site.rules] == ["silent", "wall-moving", "wall-confirmed", "fan-stopped"]


def test_silent_watches_every_sensor_with_an_interval_and_takes_a_standing_alarms_priority() -> None:
    silent = read_site(document()).rules[0]

    assert [subject.id for subject in silent.subjects] == ["ch4-2105", "fan-2105", "prism-17"]
    assert (silent.detector.kind, silent.priority, silent.raises_priority) == ("health.silent", Priority.MEDIUM, True)
    assert silent.guidance


def test_a_site_may_change_the_rule_silent_but_not_what_it_is_over() -> None:
    data = document(silent={"priority": "high", "detector": {"kind": "health.silent", "intervals": 5}})

    silent = read_site(data).rules[0]

    assert (silent.priority, silent.detector.intervals, len(silent.subjects)) == (Priority.HIGH, 5, 3)


def test_a_limit_comes_in_each_subjects_own_unit() -> None:
    moving = next(rule for rule in read_site(document()).rules if rule.name == "wall-moving")

    assert moving.detector.limit.tolist() == [10.0, 0.01]
    assert moving.detector.window == 86400.0
    assert (moving.latch, moving.on_delay) == (True, 600 * SECOND)


def test_percent_of_lel_uses_the_sensors_own_lel() -> None:
    both = {"sensors": ["ch4-2105", "ch4-lel"], "priority": "high"}
    data = document(gas={**both, "detector": {"kind": "signal.limit", "limit": "20 %LEL"}})

    rule = next(rule for rule in read_site(data).rules if rule.name == "gas")

    np.testing.assert_allclose(rule.detector.limit, [1.0, 20.0], rtol=1e-12)


def test_a_group_is_one_subject_of_all_its_inputs() -> None:
    vote = next(rule for rule in read_site(document()).rules if rule.name == "wall-confirmed")

    (subject,) = vote.subjects
    assert (subject.id, subject.area) == ("north-wall", "north-wall")
    assert [name for _, name in subject.inputs] == ["@wall-moving/prism-17", "@wall-moving/prism-18"]
    assert vote.respond_within == 1800 * SECOND


def test_a_table_of_sensors_names_the_parts_of_a_group() -> None:
    parts = {"north": "prism-17", "up": "rain"}
    rule = {"sensors": parts, "group": "g", "area": "a", "priority": "low"}
    data = document(both={**rule, "detector": {"kind": "network.vote", "k": 1, "within": "1h"}})

    made = next(rule for rule in read_site(data).rules if rule.name == "both")

    assert made.subjects[0].inputs == tuple(parts.items())
    assert made.subjects[0].area == "a"


def test_all_series_are_listed_raw_ones_first_then_what_rules_make() -> None:
    listed = series(read_site(document()))

    names = [one.id for one in listed]
    assert names[:6] == ["ch4-2105", "ch4-lel", "fan-2105", "prism-17", "prism-18", "rain"]
    assert {"@silent/ch4-2105", "@wall-confirmed/north-wall", "prism-18/wall-moving.velocity"} <= set(names)
    velocity = next(one for one in listed if one.id == "prism-18/wall-moving.velocity")
    assert (velocity.sensor, velocity.area, velocity.quantity, velocity.unit) == (
        "prism-18", "north-wall", "velocity", "m/d",
    )  # fmt: skip
    assert len(names) == len(set(names))


def test_a_rule_may_watch_what_another_derives() -> None:
    rule = {"sensors": ["*/wall-moving.velocity"], "detector": {"kind": "signal.limit", "limit": "1 mm/h"}}
    data = document(fast={**rule, "priority": "high"})

    fast = next(rule for rule in read_site(data).rules if rule.name == "fast")

    assert [subject.id for subject in fast.subjects] == ["prism-17", "prism-18"]
    np.testing.assert_allclose(fast.detector.limit, [24.0, 0.024])


def test_rules_that_were_read_step_together_where_their_structure_agrees() -> None:
    one = {"detector": {"kind": "signal.limit", "limit": "1 %vol"}, "priority": "high"}
    rules = {rule.name: rule for rule in read_site(document(a={**one, "sensors": "ch4-2105"}, b={**one, "sensors": "ch4-lel"})).rules}  # fmt: skip # noqa: E501

    a, b = rules["a"].detector, rules["b"].detector
    assert structure(a) == structure(b)
    np.testing.assert_allclose(together([a, b], [1, 1]).limit, [1.0, 20.0])


def test_reading_the_document_again_from_json_gives_the_same_site() -> None:
    site = read_site(document(ladder=LADDER, wet={**LADDER, "sensors": "ch4-lel"}) | _simulated())

    again = read_site(json.loads(json.dumps(site.document)))

    assert repr(again.rules) == repr(site.rules)
    assert again.sensors == site.sensors


def _simulated() -> dict[str, Any]:
    return {"site": {"id": "north-pit", "timezone": "Asia/Shanghai", "simulated": True}}


def test_a_clause_becomes_a_ladder_with_its_own_words() -> None:
    rules = {rule.name: rule for rule in read_site(document(face={**LADDER, "confirmed": "Li Wei, 2026-03-02"})).rules}

    warn, cut = rules["face.warn"], rules["face.cut"]
    assert (warn.ladder, warn.rung, cut.ladder, cut.rung) == ("face", 0, "face", 1)
    assert (cut.detector.limit, cut.detector.reset, cut.on_delay) == (1.5, 1.0, 0)
    assert (cut.priority, cut.consequence, cut.citation, cut.mark) == (
        Priority.CRITICAL, "Cut power", "AQ 1029 T1 (s)", "V",
    )  # fmt: skip


def test_a_value_from_recall_needs_a_name_and_a_date_on_a_live_site_only() -> None:
    assert "unconfirmed value [R] in methane.T1.cut" in the_only(document(face=LADDER))
    assert "a name and a date" in the_only(document(face={**LADDER, "confirmed": "yes"}))
    assert read_site(document(face={**LADDER, "confirmed": {"cut": "Li Wei, 2026-03-02"}}))
    assert read_site(document(face=LADDER) | _simulated())


@pytest.mark.parametrize(
    "change", [{"cut": {"trip": "1.6 %vol"}}, {"cut": {"reset": "1.2 %vol"}}, {"warn": {"delay": "30s"}},
               {"cut": {"priority": "high"}}],
)  # fmt: skip
def test_a_value_looser_than_its_clause_needs_a_deviation(change: dict[str, Any]) -> None:
    rule = {**LADDER, "change": change, "confirmed": "Li Wei, 2026-03-02"}

    assert "looser than AQ 1029 T1" in the_only(document(face=rule))
    assert read_site(document(face={**rule, "deviation": "agreed with the inspector, letter 12"}))


def test_a_stricter_value_needs_no_deviation() -> None:
    change = {"cut": {"trip": "12500 ppm", "reset": "0.8 %vol"}}
    rules = read_site(document(face={**LADDER, "change": change, "confirmed": "Li Wei, 2026-03-02"})).rules

    cut = next(rule for rule in rules if rule.name == "face.cut")
    assert (cut.detector.limit, cut.detector.reset) == (1.25, 0.8)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"use": "methane.T2"}, "nearest 'methane.T1'"),
        ({"on_delay": "5s"}, "on_delay beside use, allowed: only what the clause leaves open"),
        ({"detector": {"reset": "0.8 %vol"}}, "reset beside use"),
        ({"change": {"cut": {"trip": "1.4 mm"}}}, "mm (length) cannot become %vol"),
        ({"change": {"alert": {"trip": "1 %vol"}}}, "'alert'"),
    ],
)
def test_each_mistake_about_a_clause_is_found(rule: dict[str, Any], words: str) -> None:
    found = the_only(document(face={**LADDER, "confirmed": "Li Wei, 2026-03-02", **rule}))

    assert words in found


def test_a_clause_without_a_limit_set_names_the_sets() -> None:
    data = document(face=LADDER)
    del data["limit_set"]

    assert 'limits = "cn" (or "us", "eu")' in the_only(data)


def test_a_clause_on_another_quantity_is_refused() -> None:
    rule = {**LADDER, "sensors": ["area:face-2105"], "confirmed": "Li Wei, 2026-03-02"}

    assert any(
        "a clause about methane on fan-2105, which measures state" in text for text in mistakes(document(face=rule))
    )


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"sensors": ["ch4-2150"]}, "nearest 'ch4-2105'"),
        ({"sensors": ["area:face-2106"]}, "nearest 'area:face-2105'"),
        ({"sensors": ["x-*"]}, "names nothing here"),
        ({"sensors": []}, "found nothing"),
        ({"priority": "urgent"}, "allowed: critical, high, medium, low, log"),
        ({"priority": "critical"}, "which every critical rule needs"),
        ({"guidence": "x"}, "nearest 'guidance'"),
        ({"on_delay": "10"}, "a duration"),
        ({"latch": 1}, "true or false"),
        ({"suppress_when": "@fan-stoped"}, "nearest '@fan-stopped'"),
        ({"suppress_when": "@wall-moving/prism-19"}, "nearest '@wall-moving/prism-1"),
        ({"deviation": "because"}, "deviation without use"),
        ({"mark": "R"}, "unconfirmed value [R]"),
        ({"detector": {"kind": "signal.limits", "limit": "1 %vol"}}, "nearest 'signal.limit'"),
        ({"detector": {"kind": "signal.limit"}}, "limit, which signal.limit needs"),
        ({"detector": {"kind": "signal.limit", "limit": 1.0}}, 'a number with its unit, like "10 %vol"'),
        ({"detector": {"kind": "signal.limit", "limit": "1 mm"}}, "cannot become"),
        ({"detector": {"kind": "signal.limit", "limit": "1 mg/m3"}}, "needs a molar_mass in g/mol and a temperature"),
        ({"detector": {"kind": "signal.limit", "limit": "1 %vol", "resett": "1 %vol"}}, "nearest 'reset'"),
        ({"detector": {"kind": "signal.limit", "limit": "1 %vol", "reset": "2 %vol"}}, "give a reset at or below"),
        ({"detector": {"kind": "signal.state", "alarm_on": "on"}}, "what signal.state takes"),
        ({"detector": "signal.limit"}, "a table"),
        ({"sensors": {"a": "ch4-2105"}}, "parts without a group"),
        ({"mark": "R", "confirmed": "yes"}, "a name and a date"),
        ({"rung": 1.5}, "a whole number"),
        ({"guidance": 5}, "a text"),
        ({"detector": None}, "or use ="),
        ({"group": "a b", "detector": {"kind": "network.vote", "k": 1}}, 'name "a b"'),
        ({"group": "g", "detector": {"kind": "network.vote", "k": 1.5}}, "a whole number"),
    ],
)
def test_each_mistake_in_a_rule_is_found_and_no_other(rule: dict[str, Any], words: str) -> None:
    good = {"sensors": ["ch4-2105"], "detector": {"kind": "signal.limit", "limit": "1 %vol"}, "priority": "high"}
    both = {key: value for key, value in {**good, **rule}.items() if value is not None}

    found = mistakes(document(gas=both))

    assert all(text.startswith("rule.gas") for text in found)
    assert any(words in text for text in found), found
    assert len(found) == (3 if rule.get("priority") == "critical" else 1)


@pytest.mark.parametrize(
    ("sensor", "words"),
    [
        ({"unit": "%volume"}, "nearest '%vol'"), ({"span": [4, 0]}, "low < high"), ({"every": "5"}, "a duration"),
        ({"every": "0s"}, "above 0"), ({"area": None}, "where it stands"), ({"quantum": -1}, "above 0"),
        ({"time": "devise"}, "nearest 'device'"), ({"evry": "5s"}, "nearest 'every'"), ({"position": [1, 2]}, "up"),
        ({"states": [1, 2]}, "a list of texts"), ({"noise": float("nan")}, "above 0"),
    ],
)  # fmt: skip
def test_each_mistake_in_a_sensor_is_found(sensor: dict[str, Any], words: str) -> None:
    data = document()
    data["sensor"]["rain"] = {
        key: value for key, value in (data["sensor"]["rain"] | sensor).items() if value is not None
    }

    assert words in the_only(data)


def test_names_that_no_topic_can_carry_and_names_given_twice_are_refused() -> None:
    data = document(face={**LADDER, "confirmed": "Li Wei, 2026-03-02"})
    data["rule"]["face.cut"] = data["rule"]["fan-stopped"]
    data["sensor"]["rain gauge"] = data["sensor"].pop("rain")

    found = mistakes(data)
    assert any("name 'rain gauge'" in text for text in found)
    assert any("rule name 'face.cut'" in text for text in found)
    assert any("a second rule 'face.cut'" in text for text in found)
    assert len(found) == 3
    with pytest.raises(SiteMistakes) as raised:
        read_site(data)
    assert describe(raised.value.mistakes).splitlines() == found


def test_each_circle_is_one_mistake_and_rules_outside_it_are_still_checked() -> None:
    vote = {"group": "g", "priority": "low"}
    on = lambda of: {**vote, "detector": {"kind": "network.vote", "of": of, "k": 1, "within": "1h"}}  # noqa: E731

    found = mistakes(document(a=on("@b/*"), b=on("@c/*"), c=on("@a/*"), d=on("@d/g"), e=on("@wall-movin/*")))

    assert sum("a circle of rules" in text for text in found) == 2
    assert any("a -> b -> c -> a" in text for text in found)
    assert any("d -> d" in text for text in found)
    assert any(text.startswith("rule.e") and "names nothing" in text for text in found)
    assert len(found) == 3


def test_a_mistake_in_one_rule_makes_none_in_those_that_depend_on_it() -> None:
    data = document()
    data["rule"]["wall-moving"]["sensors"] = ["area:nort-wall"]
    data["rule"]["fan-stopped"].pop("suppress_when")

    assert "nearest 'area:north-wall'" in the_only(data)


def test_a_missing_timezone_an_unknown_key_and_no_sensors_are_all_said_at_once() -> None:
    found = mistakes({"site": {"id": "x", "time_zone": "UTC"}})

    assert len(found) == 3
    assert any("timezone" in text and "found nothing" in text for text in found)
    assert any("nearest 'timezone'" in text for text in found)
    assert any("at least one sensor" in text for text in found)


def test_shelving_may_only_be_shortened_and_critical_alarms_never_shelved() -> None:
    data = document()
    data["site"]["shelving"] = {"high": "30min"}
    assert read_site(data).shelving == {**LONGEST_SHELF, Priority.HIGH: 1800 * SECOND}

    data["site"]["shelving"] = {"high": "2h", "critical": "5min", "medum": "1h"}
    found = mistakes(data)
    assert [text.split(":")[0] for text in found] == [f"site.shelving.{key}" for key in ("high", "critical", "medum")]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"topic": "pit/{area}/{sensor}"}, "exactly one of"),
        ({"topic": "pit/readings", "json": {"value": "v"}}, "{sensor} in the topic"),
        ({"json": {"value": "v", "sensor": "s"}}, "an MQTT topic"),
        ({"topic": "pit/{sensor}", "json": {"valeu": "v"}}, "nearest 'value'"),
        ({"topic": "pit/{sensor}", "jsn": {}}, "nearest 'json'"),
    ],
)
def test_each_mistake_in_a_payload_is_found(payload: dict[str, Any], words: str) -> None:
    assert any(words in text for text in mistakes(document() | {"payload": {"plain": payload}}))


def test_the_mix_of_priorities_counts_what_is_watched() -> None:
    text = priority_mix(read_site(document()))

    assert "critical      1" in text
    assert "medium        3" in text


@pytest.mark.parametrize("kind", catalogue())
def test_every_detectors_sample_gives_its_limits_a_unit(kind: str) -> None:
    sample = (catalogue()[kind].__doc__ or "").partition("[rule.")
    assert sample[1], f"{kind} has no sample"
    rule = tomllib.loads("\n".join(line.strip() for line in (sample[1] + sample[2]).splitlines() if line.startswith((" ", "["))))  # fmt: skip # noqa: E501
    (table,) = rule["rule"].values()

    for name in catalogue()[kind].limit_parameters:
        given = table["detector"].get(name)
        assert given is None or isinstance(given, str), f"{kind}: {name} = {given!r} has no unit"


def test_a_group_needs_a_detector_of_several_inputs() -> None:
    """A limit over a group would take the second input for another subject."""
    limit = {"kind": "signal.limit", "limit": "1 %vol", "reset": "1 %vol"}
    sensor = {"area": "face", "quantity": "methane", "unit": "%vol"}
    document = {
        "site": {"id": "pit", "timezone": "Asia/Shanghai", "simulated": True},
        "sensor": {"ch4-1": sensor, "ch4-2": sensor},
        "rule": {"gas": {"group": "face", "sensors": ["ch4-*"], "detector": limit, "priority": "low"}},
    }

    with pytest.raises(SiteMistakes, match="signal.limit on the 2 inputs of 'face'"):
        read_site(document)
