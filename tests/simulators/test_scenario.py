"""The demo scenario: what it labels as true is visible in its data, and mistakes in scenarios are named."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.document import SiteMistakes
from simulators.instrument import SECOND
from simulators.kinds import needed, parameters
from simulators.scenario import (
    KINDS,
    ScenarioError,
    Truth,
    north_pit_site,
    read_registry,
    read_scenario,
    scenario_names,
    scenario_of,
)

ROOT = Path(__file__).parents[2]
START = 1_795_500_000 * SECOND
SITE = read_registry(north_pit_site())
DEMO = read_scenario("demo")


@cache
def shown(seconds: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Seconds from the start and values of each sensor; a geophone's as samples."""
    world = DEMO.world(SITE.sensors.values(), START, SITE.timezone)
    until = START + seconds * SECOND
    out = {r.sensor: ((r.time - START) / SECOND, r.value) for r in world.readings(until)}
    blocks: dict[str, list[np.ndarray]] = {}
    for block in world.blocks(until):
        blocks.setdefault(block.sensor, []).append(block.samples)
    for name, parts in blocks.items():
        samples = np.concatenate(parts)
        out[name] = (np.arange(len(samples)) / 200, samples)
    return out


def visible(truth: Truth) -> bool:
    """Whether the readings inside the truth's time differ from those of the calm live time before and after it."""
    second, value = shown(300)[truth.sensor]
    inside = (second >= truth.start_s) & (second < min(truth.end_s, 150.0))
    calm = (second >= max(0, truth.start_s - 15)) & (second < max(truth.start_s, 0))
    if truth.kind == "silent in alarm":
        return not inside.any() and value[calm][-1] > 1.0
    if truth.kind == "stuck":
        return len(set(value[inside])) == 1 and len(set(value[calm])) > 3
    if truth.kind == "wall accelerating":
        hourly = np.diff(np.interp(np.arange(-172_800, 1, 3600), second, value))
        return hourly[-1] > 10 * abs(hourly[:12].mean())
    spread = 6 * value[calm].std() + 1e-9
    return bool((np.abs(value[inside] - value[calm].mean()) > spread).any())


@pytest.mark.parametrize("truth", DEMO.truths, ids=lambda truth: f"{truth.kind}: {truth.sensor}")
def test_each_truth_is_visible_in_the_data(truth):
    assert visible(truth)


def test_the_demo_tells_the_whole_story():
    told = {truth.kind for truth in DEMO.truths}
    assert {"fan stopped", "dust peak", "wall accelerating", "blast", "tremor", "silent in alarm", "stuck"} <= told
    assert any(truth.end_s == inf and "stays" in truth.kind for truth in DEMO.truths)
    assert all(truth.sensor in SITE.sensors for truth in DEMO.truths)


def test_the_methane_peak_crosses_its_limit_and_returns():
    second, value = shown(300)["ch4-2105"]
    high = second[value >= 1.0]
    assert 15 < high.min() < 25
    assert 25 < high.max() < 42
    assert (value[second > 60] < 0.6).all()


def test_after_the_story_the_pit_is_quiet():
    stays = {"co-workshop", "ch4-2108", "co-2201"}
    for name, (second, value) in shown(3600).items():
        after = value[second > 400]
        if name in stays or len(after) < 20:
            continue
        before, sensor = value[(second >= 0) & (second < 14)].mean(), SITE.sensors[name]
        if sensor.quantity == "displacement":
            assert np.ptp(after) < 2, name
        elif sensor.rate > 0 or sensor.states or sensor.quantity == "rain":
            assert np.abs(after - before).max() < 0.1, name
        else:
            assert abs(after.mean() - before) < 4 * sensor.noise, name


def test_a_scenario_that_names_a_foreign_sensor_is_refused():
    with pytest.raises(ScenarioError, match="found sensors .*ch4-2105.*, allowed: those of the site"):
        DEMO.world([SITE.sensors["rain-pit"]], START)


def event(kind: str, *lines: str) -> str:
    """An [[event]] as TOML."""
    return "\n".join(["[[event]]", f'kind = "{kind}"', *lines, ""])


PLUME = event("plume", 'sensors = ["ch4-2105"]', "start = 1", "to = 2")
HEAD = '[scenario]\nname = "x"\nsite = "north-pit"\nseed = 1\nlasts = "10s"\n'


WORDS = (
    *("kind", "truth", "sensors", "expect", "within", "bad", "delays", "factors", "start", "end", "to", "by", "share"),
    *("name", "site", "seed", "lasts", "every", "noise", "level", "position", "count", "changes"),
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (event("plum", 'sensors = ["a"]'), "event 1: found kind 'plum', allowed: plume"),
        (
            event("plume", 'sensors = ["a"]', "start = 1"),
            "event 1 .plume.: missing: 'to'; allowed: start, to",
        ),
        (
            event("stuck", 'sensors = ["a"]', "start = 1", "endd = 3"),
            "'endd' .near: end., allowed: start, end",
        ),
        (
            event("plume", 'sensors = ["a"]', 'start = "soon"', "to = 2"),
            "start: found 'soon', allowed: a number",
        ),
        (event("plume", 'sensors = ["a"]', "start = 1", 'to = "much"'), "to: found 'much', allowed: a number"),
        (event("blasts", "position = [1, 2]", "charge = 5", "start = 1"), "east, north, up"),
        (event("plume", "start = 1", "to = 2"), "missing: 'sensors'"),
        (event("stuck", 'sensors = ["area:moon"]', "start = 1"), "'area:moon', which fits no sensor"),
        (PLUME + "delays = [1, 2]\n", "delays: found 2 values, allowed: 1, one a sensor"),
        (event("stuck", 'sensors = ["a"]', "start = 1", "delays = 4"), "found parameter 'delays'"),
        ('[event]\nkind = "stuck"\n', r"allowed: a list of them, each as \[\[event\]\]"),
        ("[past]\na = 5\n", "past 'a': found 5, allowed: a table of lasts, every"),
        ('[past]\na = { lasts = "1h" }\n', "past 'a': found lasts, missing: every; allowed: lasts, every"),
        ("[past]\na = { lasts = 0, every = 1 }\n", "past 'a': lasts: found 0, allowed: a length above 0"),
        ("[instrument]\na = 5\n", "instrument 'a': found 5, allowed: a table"),
        (
            event("stuck", 'sensors = ["a"]', "start = 1", "expect = 3"),
            "expect: found 3, allowed: a list of names of rules",
        ),
        ("[[events]]\n", "the file: found events; allowed: scenario, past, instrument, event"),
        (event("plume", 'sensors = ["a"]', "start = 1", "to = 2", "rise = 0"), "rise > 0"),
        ('[past]\n"a" = { lasts = "1 fortnight", every = "1h" }\n', "scenario .*x.toml"),
        ("[[event]\n", "scenario .*x.toml"),
    ],
)
def test_a_mistake_in_a_scenario_names_its_place(tmp_path, body, words):
    path = tmp_path / "x.toml"
    path.write_text(HEAD + body)
    with pytest.raises(ScenarioError, match=words):
        read_scenario(path)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (PLUME.replace("ch4-2105", "gp-1-x"), r"event 1 \(plume\), sensor gp-1-x: found ground_velocity as samples"),
        (PLUME.replace("ch4-2105", "rain-pit"), "found rain, allowed: methane, co"),
        (
            event("switch", 'sensors = ["fan-2105"]', "start = 1", "to = 7"),
            "found state 7, allowed: 0 stopped, 1 running",
        ),
        (
            event(
                "blasts", 'sensors = ["gp-1-x"]', "start = 1", "position = [0, 0, 0]", "charge = 5", "hertz = [10, 150]"
            ),
            "found waves up to 150 Hz, allowed: below half the sensor's own rate 200",
        ),
        (
            '[past]\n"ch4-2105" = { lasts = "1h", every = "1s" }\n',
            "found a reading each 1 s, .* one each 2 s",
        ),
        ('[past]\n"gp-1-x" = { lasts = "1h", every = "1s" }\n', "no logger keeps"),
        ('[instrument]\n"ch4-2105" = { kind = "gnss" }\n', "found kind 'gnss' on methane, allowed on: displacement"),
        ('[instrument]\n"gp-*" = { kind = "radar" }\n', "gp-1-x: found kind on a sensor with a rate, allowed: noise"),
        ('[instrument]\n"ch4-2105" = { noice = 1 }\n', "found 'noice', .*near: noise"),
        ('[instrument]\n"ch4-2105" = { level = 1 }\n', r"level: found 1, allowed: \[low, high\]"),
    ],
)
def test_what_a_sensor_cannot_show_is_refused_by_name(tmp_path, body, words):
    path = tmp_path / "x.toml"
    path.write_text(HEAD + body)
    with pytest.raises(ScenarioError, match=words):
        read_scenario(path).world(SITE.sensors.values(), START)


def test_patterns_need_the_site_that_the_scenario_names(tmp_path):
    body = event("stuck", 'sensors = ["ch4-21*"]', "start = 1")
    path = tmp_path / "x.toml"
    path.write_text(HEAD.replace("north-pit", "elsewhere") + body)
    with pytest.raises(ScenarioError, match="the scenario's site is not at hand"):
        read_scenario(path)
    (tmp_path / "elsewhere").write_text(north_pit_site())
    found = [truth.sensor for truth in read_scenario(path).truths]
    assert found == [name for name in SITE.sensors if name.startswith("ch4-21")]


def test_a_site_of_ours_is_no_scenario():
    assert "north-pit" not in scenario_names()
    with pytest.raises(ScenarioError, match="scenario"):
        read_scenario("north-pit")


def test_an_instrument_by_pattern_and_a_noise_that_goes_before_the_sites(tmp_path):
    path = tmp_path / "x.toml"
    words = [
        '"prism-*" = { kind = "gnss" }',
        '"ch4-*" = { noise = 0.4, correlation = 0 }',
        '"gp-1-*" = { noise = 0.2 }',
    ]
    path.write_text(HEAD + "\n".join(["[instrument]", *words, ""]))
    world = read_scenario(path).world(SITE.sensors.values(), START)
    assert [world.geophones[name].sensor.noise for name in ("gp-1-x", "gp-2-x")] == [0.2, 0.01]
    assert world.probes["prism-11"].habit.wander == 2.0
    assert world.probes["prism-11"].instrument.noise.spread == SITE.sensors["prism-11"].noise
    assert world.probes["ch4-2105"].instrument.noise.spread == 0.4
    assert world.probes["co-2105"].instrument.noise.spread == SITE.sensors["co-2105"].noise


SENSORS = ("ch4-2105", "fan-2105", "gp-1-x", "rain-pit")
PARTS = ("scenario", "past", "instrument", "event")
ODD = st.recursive(
    st.sampled_from([0, -1, 1.5, True, "", "x", "2h", *KINDS, *SENSORS])
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)
NUMBER = st.sampled_from(
    [0, 1, 2, 9, 100, 0.5, -3, True, "x", "2h", [1, 2, 3], [[0, 1, 1]], [10, 40], "steady", "blast"],
)


@st.composite
def events(draw: st.DrawFn) -> dict[str, object]:
    """An event with parameters of its kind, many of them nonsense."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    known = parameters(kind)
    required = {name: NUMBER for name, one in known.items() if needed(one)}
    words = draw(st.fixed_dictionaries(required, optional={name: NUMBER for name in known if name not in required}))
    return {"kind": kind, "start": 1, "sensors": [draw(st.sampled_from(SENSORS))], **words}


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(PARTS), ODD, max_size=3), st.lists(events(), max_size=2))
def test_whatever_stands_in_a_scenario_is_read_or_refused_by_name(parts, listed):
    data = {"scenario": {"name": "x", "site": "north-pit", "seed": 1, "lasts": "10s"}, "event": listed, **parts}
    try:
        scenario_of(data, Path()).world(SITE.sensors.values(), START).readings(START + 60 * SECOND)
    except ValueError as error:
        refused = str(error)
    else:
        return
    assert any(word in refused for word in ("found", "missing", "needs")), refused


def test_an_unknown_scenario_lists_those_there_are():
    with pytest.raises(ScenarioError, match=r"found scenario 'dmo', allowed: bad-month, .*demo,"):
        read_scenario("dmo")


def test_the_site_file_takes_the_brokers_url():
    text = north_pit_site("mqtt://127.0.0.1:45678")
    assert 'url = "mqtt://127.0.0.1:45678"' in text
    assert "1883" not in text


def test_a_registry_with_mistakes_names_them():
    text = north_pit_site().replace('unit = "ppm"', 'unit = "ppn"', 1)
    with pytest.raises(SiteMistakes, match="ppn"):
        read_registry(text)


def test_the_scenario_in_the_docs_is_one(tmp_path):
    text = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    path = tmp_path / "my-shift.toml"
    path.write_text(text.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    scenario = read_scenario(path)
    assert [(t.sensor, t.start_s, t.end_s) for t in scenario.truths if t.kind == "methane peak"] == [
        ("ch4-2105", 15, 38),
        ("ch4-2106", 23, 46),
    ]
    assert [t.within_s for t in scenario.truths][:3] == [20, 20, None]
    assert {t.sensor for t in scenario.truths if t.event == "gateway_loss"} == {
        name for name, sensor in SITE.sensors.items() if sensor.area == "face-2107"
    }
    scenario.world(SITE.sensors.values(), START)


@pytest.mark.parametrize("script", ["scenarios_doc.py", "simulated_noise.py"])
def test_the_pages_are_what_the_kinds_say_and_what_the_noise_measures(script):
    command = [sys.executable, f"scripts/{script}", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
