"""The demo scenario: what it labels as true is visible in its data, and mistakes in scenarios are named."""

from __future__ import annotations

from functools import cache
from math import inf
from pathlib import Path

import numpy as np
import pytest

from detectors.document import SiteMistakes
from simulators.instrument import SECOND
from simulators.scenario import KINDS, ScenarioError, Truth, north_pit_site, read_registry, read_scenario

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


HEAD = '[scenario]\nname = "x"\nsite = "north-pit"\nseed = 1\nlasts = "10s"\n'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('[[event]]\nkind = "plum"\nsensors = ["a"]\n', "event 1: found kind 'plum', allowed: plume"),
        ('[[event]]\nkind = "plume"\nsensors = ["a"]\nstart = 1\n', "event 1 .plume.: .*'to'"),
        ('[[event]]\nkind = "plume"\nsensors = ["a"]\nstart = 1\nto = 2\nrise = 0\n', "rise > 0"),
        ('[past]\n"a" = { lasts = "1 fortnight", every = "1h" }\n', "scenario .*x.toml"),
        ("[[event]\n", "scenario .*x.toml"),
    ],
)
def test_a_mistake_in_a_scenario_names_its_place(tmp_path, body, words):
    path = tmp_path / "x.toml"
    path.write_text(HEAD + body)
    with pytest.raises(ScenarioError, match=words):
        read_scenario(path)


def test_an_unknown_scenario_lists_those_there_are():
    with pytest.raises(ScenarioError, match="found scenario 'dmo', allowed: demo"):
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
    text = (Path(__file__).parents[2] / "docs" / "simulators.md").read_text(encoding="utf-8")
    sample = text.split("```toml\n")[1].split("```")[0]
    path = tmp_path / "my-shift.toml"
    path.write_text(sample, encoding="utf-8")
    scenario = read_scenario(path)
    assert [(truth.kind, truth.end_s) for truth in scenario.truths] == [("methane peak", 38), ("silent in alarm", inf)]
    scenario.world(SITE.sensors.values(), START)
    kinds = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    assert kinds <= set(KINDS)
    assert all(f"`{kind}`" in text for kind in KINDS)
