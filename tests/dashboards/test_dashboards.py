"""The dashboards' JSON: no panel covers another, no old value shown as present, the same site the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from collector.config import load
from dashboards.every import every_dashboard
from dashboards.facts import facts_of, limits_by_series
from dashboards.panels import LEVELS, LINES, NORMAL, UNKNOWN
from dashboards.plan import area_boxes, sensor_boxes
from detectors.rule import Priority
from detectors.site import Site
from tests.test_docs import ROOT

PAGE = "https://lamp.pit"
CORE = {"stat", "bargauge", "timeseries", "state-timeline", "status-history", "table", "canvas", "alertlist", "text"}
"""Panels that exist in every Grafana from 9.4 to 13."""


@pytest.fixture(scope="module")
def site() -> Site:
    return load(ROOT / "simulators" / "scenarios" / "north-pit.toml").site


@pytest.fixture(scope="module", params=["en", "zh"])
def made(request: pytest.FixtureRequest, site: Site) -> list[dict[str, Any]]:
    return [one.json() for one in every_dashboard(site, request.param, PAGE)]


def panels(made: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for dashboard in made:
        yield from dashboard["panels"]


def test_a_site_has_its_dashboards(made: list[dict[str, Any]]) -> None:
    assert [one["uid"].removeprefix("davylamp-") for one in made] == [
        "overview", "gas", "dust", "slope", "seismic", "sensor", "quality", "alarms", "attention", "pipeline"
    ]  # fmt: skip
    assert {one["schemaVersion"] for one in made} == {37}
    assert {panel["type"] for panel in panels(made)} <= CORE


def test_no_panel_covers_another_and_none_hangs_in_the_air(made: list[dict[str, Any]]) -> None:
    for dashboard in made:
        taken: set[tuple[int, int]] = set()
        tops = set()
        for panel in dashboard["panels"]:
            x, y, w, h = (panel["gridPos"][key] for key in "xywh")
            assert x + w <= 24
            cells = {(x + i, y + j) for i in range(w) for j in range(h)}
            assert not cells & taken, panel["title"]
            assert y == 0 or any((x + i, y - 1) in taken for i in range(w)), panel["title"]
            taken |= cells
            tops.add((y, h))
        assert len({y for y, _ in tops}) == len(tops), "panels beside each other have one height"


def test_no_panel_shows_an_old_value_as_a_present_one(made: list[dict[str, Any]]) -> None:
    text = json.dumps(made)
    assert "lastNotNull" not in text
    assert '"insertNulls": false' not in text
    for panel in panels(made):
        for target in panel["targets"]:
            if panel["type"] in ("timeseries", "state-timeline", "status-history") and "time(" in target["query"]:
                assert re.search(r"fill\((null|0)\)$", target["query"]), target["query"]
            if panel["type"] in ("stat", "bargauge", "canvas"):
                assert "now() - " in target["query"]
                assert "$timeFilter" not in target["query"]


def test_the_base_of_every_threshold_is_not_the_colour_of_normal(made: list[dict[str, Any]]) -> None:
    for panel in panels(made):
        if "thresholds" in panel["fieldConfig"]["defaults"]:
            base = panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]
            assert base["value"] is None
            assert base["color"] in (UNKNOWN, "transparent"), panel["title"]
    assert not {*LINES, NORMAL} & set(LEVELS)


def test_every_query_keeps_to_the_site_and_every_link_to_the_page(made: list[dict[str, Any]]) -> None:
    for panel in panels(made):
        for target in panel["targets"]:
            assert '"site" =~ /^$site$/' in target["query"]
    assert PAGE in json.dumps(made)


def test_the_same_site_gives_the_same_bytes_and_no_english_in_chinese(site: Site) -> None:
    first, second = (json.dumps([one.json() for one in every_dashboard(site, "zh", PAGE)]) for _ in range(2))
    assert first == second
    titles = [panel["title"] for one in every_dashboard(site, "zh", PAGE) for panel in one.json()["panels"]]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in "".join(titles))


def test_limits_are_those_of_the_rules(site: Site) -> None:
    limits = limits_by_series(site)
    methane = {(one.value, one.priority, one.rule) for one in limits["ch4-2105"]}
    rules = {rule.name: rule for rule in site.rules}
    for value, priority, name in methane:
        assert rules[name].priority == priority
        assert value in {float(v) for v in [rules[name].detector.limit]} or value > 0
    assert {value for value, _, _ in methane} >= {1.0, 1.5}
    assert {(one.value, one.priority) for one in limits["prism-11/wall-moving.velocity"]} == {(10.0, Priority.MEDIUM)}
    assert "prism-11" not in limits, "a displacement is not compared with a velocity's limit"


def test_a_waveform_is_not_drawn_but_what_is_derived_from_it_is(site: Site) -> None:
    drawn = {(one.family, one.quantity) for one in facts_of(site).measures}
    assert ("seismic", "ratio") in drawn
    assert ("seismic", "ground_velocity") not in drawn
    assert ("dust", "twa") in drawn


def test_boxes_on_the_plan_do_not_cover_each_other(site: Site) -> None:
    facts = facts_of(site)
    for boxes in (area_boxes(facts), sensor_boxes(facts)):
        assert boxes
        spans = [(left, 100 - right, top, 100 - bottom) for left, right, top, bottom in boxes.values()]
        for k, (left, right, top, bottom) in enumerate(spans):
            assert 0 <= left < right <= 100.01
            assert 0 <= top < bottom <= 100.01
            for other in spans[k + 1 :]:
                apart = right <= other[0] or other[1] <= left or bottom <= other[2] or other[3] <= top
                assert apart
