"""Faults before the real judge: they go all the way, and none of them hides a danger."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from collector.rehearsing import changes, site_of
from simulators.instrument import SECOND
from simulators.kinds import FAULTS
from simulators.scenario import read_scenario
from tests.simulators.test_faults import EXAMPLES

START = 1_795_500_000 * SECOND
GAS = '[[event]]\nkind = "plume"\nsensors = ["ch4-2105"]\nstart = 30\nto = 1.6\nrise = 5\n'


def fault(kind: str, sensor: str, **words: object) -> str:
    """An [[event]] as TOML."""
    shown = {key: str(value).lower() if isinstance(value, bool) else repr(value) for key, value in words.items()}
    lines = [f"{key} = {value}" for key, value in shown.items()]
    return "\n".join(["[[event]]", f'kind = "{kind}"', f'sensors = ["{sensor}"]', *lines, ""])


@cache
def said(*events: str, lasts: int = 120) -> list[tuple[float, str, str, str]]:
    """(s from the start, rule, sensor, change) of what the judge says of gases."""
    head = f'[scenario]\nname = "x"\nsite = "north-pit"\nseed = 3\nlasts = "{lasts}s"\n'
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.toml"
        path.write_text(head + "\n".join(events), encoding="utf-8")
        scenario = read_scenario(path)
    found = changes(scenario, site_of(scenario), START)
    return [((c.now - START) / SECOND, c.rule, c.sensor, c.change) for c in found]


def methane(*events: str) -> list[tuple[str, str]]:
    """(rule, change) of the face's methane alarms that came or went, in order."""
    rows = [(rule, change) for _, rule, sensor, change in said(*events) if sensor == "ch4-2105"]
    return [(rule, change) for rule, change in rows if rule.startswith("face") and change in ("raised", "returned")]


def test_every_fault_at_once_goes_through_the_whole_judging_path():
    site = site_of(read_scenario("demo"))
    names = [name for name, sensor in site.sensors.items() if not sensor.rate > 0 and not sensor.states]
    events = [
        fault(kind, name, **{**EXAMPLES[kind], "start": 20, "end": 90})
        for kind, name in zip(EXAMPLES, names, strict=False)
    ]
    events += [fault("half_payload", "gp-1-z", start=20, share=0.5), fault("late", "gp-2-z", start=20, end=40)]
    assert len(EXAMPLES) == len(FAULTS) < len(names)
    told = said(*events)
    silent = {sensor for _, rule, sensor, change in told if (rule, change) == ("silent", "raised")}
    assert {names[list(EXAMPLES).index(kind)] for kind in ("silent", "gateway_loss", "late")} <= silent


@pytest.mark.parametrize(
    "breaks",
    [
        fault("negative_cell", "ch4-2105", start=60, to=-0.4, fall=0.1),
        fault("silent", "ch4-2105", start=60),
        fault("no_value", "ch4-2105", start=60),
        fault("half_payload", "ch4-2105", start=60, share=1.0),
    ],
    ids=["negative cell", "silent", "no value", "half payload"],
)
def test_a_sensor_that_breaks_in_an_alarm_clears_nothing(breaks):
    raised = [("face-methane.warn", "raised"), ("face-methane.cut", "raised")]
    assert sorted(methane(GAS, breaks)) == sorted(raised)


def test_a_cell_that_sinks_through_good_values_looks_like_air_that_clears():
    """Known limit: one reading between limit and zero is a good one. What stands then is that nothing is watched."""
    sinks = fault("negative_cell", "ch4-2105", start=60, to=-0.4, fall=8)
    assert methane(GAS, sinks)[-1] == ("face-methane.warn", "returned")
    last = {rule: change for _, rule, sensor, change in said(GAS, sinks) if sensor == "ch4-2105"}
    assert last["face-methane.warn"] == "unwatched"


def test_a_broker_that_redelivers_everything_changes_nothing():
    storm = fault("broker_storm", "*", start=20, end=100, copies=4)
    assert said(GAS, storm) == said(GAS)


def test_gas_that_a_device_could_not_send_is_told_when_its_link_is_back():
    peak = GAS + "hold = 10\nfall = 5\n"
    late = fault("late", "ch4-2105", start=25, end=80)
    now = [s for s, rule, sensor, change in said(peak, late) if (rule, change) == ("face-methane.warn", "raised")]
    assert len(now) == 1
    assert now[0] >= 80
