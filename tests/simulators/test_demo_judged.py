"""The demo before the real judge: every labelled truth is raised by the rules it names, nothing else is, then quiet."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from collector.config import load
from detectors.judge import Judge
from detectors.reading import Batch, Wave
from detectors.records import Change
from detectors.rule import Priority
from detectors.site import Site
from simulators.instrument import SECOND
from simulators.scenario import Scenario, Truth, north_pit_site, read_scenario

START = 1_795_500_000 * SECOND
DEMO = read_scenario("demo")
TURN = SECOND // 2


@cache
def site() -> Site:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "north-pit.toml"
        path.write_text(north_pit_site(), encoding="utf-8")
        return load(path).site


def batches(scenario: Scenario, lasts: int) -> Iterator[Batch]:
    """The past in one batch at the start, then live each half second."""
    place = {name: k for k, name in enumerate(site().sensors)}
    world = scenario.world(site().sensors.values(), START, site().timezone)
    for now in range(START, START + lasts * SECOND + 1, TURN):
        shown, blocks = world.readings(now), world.blocks(now)
        sensor = np.concatenate([np.full(len(r), place[r.sensor]) for r in shown] or [np.zeros(0)])
        time = np.concatenate([r.time for r in shown] or [np.zeros(0, np.int64)])
        value = np.concatenate([r.value for r in shown] or [np.zeros(0)])
        waves = [Wave(0, place[b.sensor], b.time, now, b.rate, b.samples) for b in blocks]
        yield Batch.of(now, sensor, time, value, arrived=np.full(len(time), now), waves=waves)


@cache
def story() -> tuple[list[Change], dict[str, list[float]]]:
    """What the judge said, and each reading of radar-2's forecast in s from the start."""
    judge = Judge(site(), START)
    said: list[Change] = []
    ends: dict[str, list[float]] = {"failure_from": [], "failure_to": []}
    for batch in batches(DEMO, 160):
        judged = judge.step(batch)
        said += judged.changes
        for rows in judged.rows:
            for name, found in ends.items():
                value = rows.value[rows.series == judge.revision.series[f"radar-2/wall-forecast.{name}"]]
                found += (value - START / SECOND).tolist()
    return said, ends


def changes() -> list[Change]:
    return story()[0]


def raised() -> dict[tuple[str, str], float]:
    """(rule, subject) -> seconds from the start at which it was first raised."""
    first: dict[tuple[str, str], float] = {}
    for change in changes():
        if change.change == "raised":
            first.setdefault((change.rule, change.sensor), (change.now - START) / SECOND)
    return first


def test_the_site_file_has_no_mistakes_and_knows_every_expected_rule():
    names = {rule.name for rule in site().rules}
    assert {rule for truth in DEMO.truths for rule in truth.rules} <= names
    assert {rule.detector.kind for rule in site().rules} >= {
        "signal.limit", "signal.state", "health.silent", "health.stuck", "gas.twa",
        "dust.explosion", "slope.velocity", "slope.inverse_velocity", "seismic.sta_lta", "network.vote",
    }  # fmt: skip


def test_critical_rules_are_rare_and_every_rule_says_what_to_do():
    pairs = [rule.priority for rule in site().rules for _ in rule.subjects]
    assert pairs.count(Priority.CRITICAL) / len(pairs) < 0.06
    assert all(len(rule.guidance) > 20 for rule in site().rules)


@pytest.mark.parametrize(
    "truth", [t for t in DEMO.truths if t.rules], ids=lambda truth: f"{truth.kind}: {truth.sensor}"
)
def test_each_truth_is_raised_by_the_rules_it_names(truth: Truth):
    for rule in site().rules:
        if rule.name in truth.rules:
            subjects = {subject.id for subject in rule.subjects}
            subject = truth.sensor if truth.sensor in subjects else subjects.pop()
            if rule.name == "ground-shaken":
                during = [c for c in changes() if (c.rule, c.sensor, c.change) == (rule.name, subject, "raised")]
                assert any(truth.start_s <= (c.now - START) / SECOND < truth.end_s for c in during)
            else:
                assert truth.start_s <= raised()[rule.name, subject] < 145


def test_nothing_is_raised_that_no_truth_explains():
    explained = {rule for truth in DEMO.truths for rule in truth.rules}
    sensors = {truth.sensor for truth in DEMO.truths} | {"north-wall"}
    for rule, subject in raised():
        assert rule in explained
        assert subject in sensors or subject.startswith("gp-")


def test_the_forecast_comes_live_and_its_band_narrows_around_the_truth():
    assert 0 < raised()["wall-failing", "north-wall"] < 140
    ends = story()[1]
    width = [to - since for since, to in zip(ends["failure_from"][-8:], ends["failure_to"][-8:], strict=True)]
    assert width[-1] < 0.5 * width[0]
    assert width[-1] < 150
    assert ends["failure_from"][-2] < 600 < ends["failure_to"][-2]


def test_one_alarm_stays_and_the_methane_peak_returns():
    last = {(c.rule, c.sensor): c.change for c in changes() if c.change in ("raised", "returned")}
    assert last["co-air.high", "co-workshop"] == "raised"
    assert last["return-methane.cut", "ch4-2108"] == "raised"
    assert last["face-methane.warn", "ch4-2105"] == "returned"
    assert last["fan-stopped", "fan-2107"] == "returned"
    silent = next(c for c in changes() if (c.rule, c.sensor, c.change) == ("silent", "ch4-2108", "raised"))
    assert silent.priority == "critical"
