"""Each published case, simulated: said within its time, without false alarms, and as its golden journal has it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from scripts import incidents
from simulators.scenario import read_scenario, scenario_names
from tests.incidents.incident import Line, amiss, bounds, differences, golden, run

MONTHS = ("quiet-month", "bad-month")
"""Too long for each run of the tests: scripts/incidents.py runs them, docs/incidents.md shows what came of it."""


@pytest.mark.parametrize("name", bounds())
def test_an_incident_is_said_in_time_and_as_it_always_was(name: str) -> None:
    ran = run(name)

    assert amiss(ran, bounds()[name]) == []
    told = differences(golden(name), ran.lines())
    assert told == [], "if this is meant: python -m tests.incidents.incident, and say why in the commit"


def test_every_scenario_has_its_bounds() -> None:
    assert set(scenario_names()) == {*bounds(), *MONTHS, "demo"}


def test_the_page_is_what_was_measured_and_every_scenario_was_on_two_seeds() -> None:
    kept = json.loads(incidents.KEPT.read_text("utf-8"))

    assert incidents.PAGE.read_text("utf-8") == incidents.page(kept)
    seeds = {name: read_scenario(name).seed for name in scenario_names()}
    assert set(kept) == {f"{name}@{seed + more}" for name, seed in seeds.items() for more in (0, incidents.OTHER)}
    assert all(not one["amiss"] and one["missed"] == one["late"] == 0 for one in kept.values())


def test_a_changed_journal_is_said_in_words() -> None:
    one = Line("+0:00:05.000000000", "raised", "gas/ch4-1#1", "B", 1.1, 1.0)
    two = replace(one, alarm="gas/ch4-2#1")

    assert differences([one], [replace(one, value=1.1 + 1e-12)]) == []
    assert differences([one, two], [one]) == [f"gone: {two}"]
    assert differences([one], [one, two]) == [f"new: {two}"]
    later = replace(one, at="+0:00:06.000000000")
    assert differences([one], [later]) == [f"changed: {one}  ->  {later}"]
    assert differences([one, two], [two, one]) == ["the same decisions in another order"]


def test_a_missed_and_a_false_alarm_are_amiss() -> None:
    ran = run("fan-stop")
    hasty = {"say": {"fan-stopped": "1s", "silent": "1min"}, "false": 0}
    hasty |= {"never": ["fan-stopped"], "holds": ["silent/x"]}

    said = " ".join(amiss(ran, hasty))

    assert "fan-stopped said it after" in said
    assert "silent said it after inf s" in said
    assert "fan-stopped was raised" in said
    assert "silent/x was cleared" in said
