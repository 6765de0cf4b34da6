"""Every kind of event in a world: it changes what it names, nothing else, and the same however time is cut."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.instrument import SECOND
from simulators.kinds import EVENTS, FAULTS, GROUND, make, needed, parameters
from simulators.scenario import Scenario, north_pit_site, read_registry, read_scenario
from tests.simulators.test_faults import EXAMPLES as FAULT_EXAMPLES

START = 1_795_500_000 * SECOND
SITE = read_registry(north_pit_site())
LASTS = 3600
PLACE = [200, 300, -40]

EXAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "plume": ("ch4-2105", {"to": 1.2}),
    "fan_failure": ("ch4-2107", {"end": 1800}),
    "ventilation": ("ch4-2107", {"changes": [[0, 0.5, 1], [900, 1, 3]]}),
    "outburst": ("ch4-2105", {"gas": 60}),
    "heating": ("co-belt", {"doubling": 300}),
    "pressure_fall": ("ch4-2201", {"fall": 12, "lasts": "3h"}),
    "weather": ("ch4-2201", {"swing": 20, "breathing": 3}),
    "cloud": ("coal-crusher", {"to": 24}),
    "dusting": ("dust-belt", {"emission": 60}),
    "sprays": ("dust-belt", {"removes": 0.8}),
    "raised_deposits": ("coal-belt", {"layer": 0.3}),
    "switch": ("fan-2105", {"to": 0}),
    "moving": ("radar-1", {"rate": 100}),
    "regressive": ("radar-1", {"rate": 200, "settle": "20min"}),
    "progressive": ("radar-1", {"rate": 20, "grows": "10min", "calms": "40min"}),
    "staircase": ("radar-1", {"step": 2, "every": 600, "rise": 60, "end": 3000}),
    "rain_response": ("radar-1", {"amount": 8, "delay": 300, "response": 600}),
    "acceleration": ("radar-1", {"failure": 4000, "scale": 10, "calms": 3000}),
    "voight": ("radar-1", {"failure": 3000, "velocity": 40, "exponent": 1.8}),
    "storm": ("rain-pit", {"total": 30, "lasts": "40min"}),
    "showers": ("rain-pit", {"end": "2h", "a_day": 400}),
    "shake": ("gp-1-x", {"shake": "blast", "peak": 20, "position": PLACE}),
    "blasts": ("gp-1-x", {"position": PLACE, "charge": 40, "every": 5, "count": 3}),
    "tremor": ("gp-1-x", {"position": PLACE, "magnitude": 0.4}),
    "swarm": ("gp-1-x", {"position": PLACE, "end": 320, "count": 8, "law": "accelerating"}),
}


def scenario(*events: dict[str, Any]) -> Scenario:
    """A scenario with these [[event]]s, each from s 300 on."""
    lines = ['[scenario]\nname = "x"\nsite = "north-pit"\nseed = 11\nlasts = "1h"\n']
    for event in events:
        lines.append("[[event]]")
        lines += [f"{key} = {_toml(value)}" for key, value in {"start": 300, **event}.items()]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return read_scenario(path)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(list(value) if isinstance(value, tuple) else value)


def entry(kind: str) -> dict[str, Any]:
    sensor, words = EXAMPLES[kind]
    return {"kind": kind, "sensors": [sensor], **words}


def shown(
    story: Scenario, names: list[str], lasts: float = LASTS, cuts: tuple[float, ...] = ()
) -> dict[str, np.ndarray]:
    """Values (or samples) of some sensors."""
    world = story.world([SITE.sensors[name] for name in names], START, SITE.timezone)
    out: dict[str, list[np.ndarray]] = {name: [np.zeros(0)] for name in names}
    for cut in (*cuts, lasts):
        for piece in world.readings(START + round(cut * SECOND)):
            out[piece.sensor].append(piece.value)
        for block in world.blocks(START + round(cut * SECOND)):
            out[block.sensor].append(block.samples)
    return {name: np.concatenate(parts) for name, parts in out.items()}


def test_every_kind_has_an_example_here_with_all_it_needs():
    assert EXAMPLES.keys() == EVENTS.keys() | GROUND.keys()
    for kind, (_, words) in EXAMPLES.items():
        required = {name for name, one in parameters(kind).items() if needed(one)} - {"start"}
        assert required <= words.keys(), kind
        make(kind, {"start": 300, **words})


@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_event_changes_its_sensor_from_its_start_and_no_other(kind):
    name, _ = EXAMPLES[kind]
    twin = "co-2105" if name != "co-2105" else "co-2107"
    lasts = 400 if kind in GROUND else LASTS
    calm, told = (shown(scenario(*events), [name, twin], lasts) for events in ((), (entry(kind),)))
    assert np.array_equal(calm[twin], told[twin])
    different = np.flatnonzero(calm[name] != told[name])
    assert len(different)
    if kind != "weather":
        each = SITE.sensors[name].every / SECOND if kind not in GROUND else 1 / SITE.sensors[name].rate
        assert different[0] * each >= 300 - 2 * each


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(sorted(EVENTS)), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(sorted(FAULTS)), max_size=2, unique=True),
    st.lists(st.floats(0, LASTS), max_size=5).map(sorted),
)
def test_events_and_faults_together_are_the_same_however_time_is_cut(events, faults, cuts):
    names = list(dict.fromkeys(EXAMPLES[kind][0] for kind in events))
    broken = [name for name in names if not SITE.sensors[name].states]
    spoilt = [
        {
            "kind": kind,
            "sensors": broken,
            **{k: v for k, v in FAULT_EXAMPLES[kind].items() if k != "start"},
            "end": 3000,
        }
        for kind in faults
        if broken
    ]
    story = scenario(*(entry(kind) for kind in events), *spoilt)
    whole, cut = shown(story, names), shown(story, names, cuts=tuple(cuts))
    assert all(np.array_equal(whole[name], cut[name], equal_nan=True) for name in names)


def test_a_sensor_more_changes_no_other_even_where_chance_breaks_both():
    event = {"kind": "dropout", "sensors": ["ch4-2105", "ch4-2106"], "share": 0.3}
    both = shown(scenario(event), ["ch4-2105", "ch4-2106"])
    alone = shown(scenario({**event, "sensors": ["ch4-2105"]}), ["ch4-2105"])
    assert np.array_equal(both["ch4-2105"], alone["ch4-2105"])
    assert len(both["ch4-2105"]) != len(both["ch4-2106"]) or both["ch4-2105"][0] != both["ch4-2106"][0]


def test_a_cluster_moves_together_each_point_by_its_factor():
    points = ["radar-1", "radar-2", "radar-3"]
    event = {"kind": "moving", "sensors": points, "rate": 240, "factors": [1, 0.5, 0], "delays": 60}
    calm, told = shown(scenario(), points), shown(scenario(event), points)
    moved = [float((told[name] - calm[name])[-1]) for name in points]
    assert moved == pytest.approx([240 * 3300 / 86400, 120 * 3240 / 86400, 0], abs=0.02)
    truths = scenario(event).truths
    assert [truth.start_s for truth in truths] == [300, 360, 420]


def test_a_step_of_factors_is_a_product_and_of_delays_a_sum():
    event = {"kind": "plume", "sensors": ["ch4-2105", "ch4-2106", "ch4-2107"], "to": 2, "factors": 0.5, "delays": "10s"}
    (happening,) = scenario(event).happenings
    assert [happening.reach(k) for k in range(3)] == [(0, 1), (10, 0.5), (20, 0.25)]


def test_truths_say_what_when_and_how_soon():
    wall = {**entry("voight"), "within": "30min", "truth": "wall fails", "expect": ["wall-moving"], "bad": "ramp 4"}
    blasts, swarm = entry("blasts"), entry("swarm")
    truths = scenario(wall, blasts, swarm, {"kind": "stuck", "sensors": ["co-2105"]}).truths
    assert [(t.event, t.start_s, t.fault) for t in truths] == [
        ("voight", 300, False), ("blasts", 300, False), ("blasts", 305, False), ("blasts", 310, False),
        ("swarm", 300, False), ("stuck", 300, True),
    ]  # fmt: skip
    assert [truth.bad for truth in truths] == ["ramp 4", "", "", "", "", ""]
    assert (truths[0].kind, truths[0].failure_s, truths[0].within_s, truths[0].rules) == (
        "wall fails", 3000, 1800, ("wall-moving",),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["drift", "wrong_unit", "spike", "negative_cell"])
def test_a_fault_that_makes_numbers_is_refused_on_a_sensor_of_states(kind):
    words = {k: v for k, v in FAULT_EXAMPLES[kind].items() if k not in ("start", "end")}
    story = scenario({"kind": kind, "sensors": ["fan-2105"], **words})
    with pytest.raises(ValueError, match=r"sensor fan-2105: found a sensor of states \(stopped, running\)"):
        story.world(SITE.sensors.values(), START)


def test_a_fan_may_stick_and_fall_silent():
    events = [{"kind": kind, "sensors": ["fan-2105"]} for kind in ("stuck", "dropout")]
    events[1]["share"] = 0.2
    assert set(shown(scenario(*events), ["fan-2105"])["fan-2105"]) == {1.0}
