"""Sweeping and tuning one parameter: against arithmetic, and what is said of names and values that are none."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from collector.cli import main
from collector.config import Loaded, load
from collector.parameter import Parameter, alone, find_limit, find_parameter, joined, parted, values_of
from collector.recording import opened
from collector.scoring import truths_from
from collector.sweeping import Tuned, sweep, tune
from collector.verb import WrongUse
from detectors.site import read_site
from simulators.score_figures import MONTH
from tests.collector import peaks

LADDER = """
[rule.face]
sensors = ["ch4-1"]
use = "methane.T1"
respond_within = "2min"
guidance = "Withdraw"
"""
TOLERANCE = 60 * 10**9


def loaded(folder: Path, text: str) -> Loaded:
    file = folder / "site.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


@pytest.fixture
def site(tmp_path: Path) -> Loaded:
    peaks.write_csv(tmp_path / "r.csv")
    return loaded(tmp_path, peaks.site_toml(1.0, LADDER))


def test_onsets_and_delays_at_each_limit_are_those_of_arithmetic(site: Loaded, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(peaks.truth_lines(above=0.8, wrong=[("ch4-1", 0)]), encoding="utf-8")
    truths = truths_from(tmp_path / "t.jsonl")
    parameter = find_parameter(site.document, site.site, "gas.limit")
    limits = (0.8, 0.9, 1.0, 1.2)
    with opened([tmp_path / "r.csv"]) as source:
        points = sweep(site.document, parameter, [f"{x} %vol" for x in limits], source, truths, TOLERANCE, 1)
    for limit, point in zip(limits, points, strict=True):
        expected = peaks.raised(limit)
        true = {key: at for key, at in expected.items() if key != ("ch4-1", 0)}
        assert point.part.onsets == len(expected)
        assert point.part.false.count == len(expected) - len(true)
        assert (point.part.detected, point.part.missed) == (len(true), len(truths.all) - len(true))
        begin = {key: peaks.START + key[1] * peaks.HOUR + 10 * peaks.MINUTE for key in true}
        delays = sorted((at - begin[key]) / 1e9 for key, at in true.items())
        median = [*delays, *[math.inf] * point.part.missed][math.ceil(len(truths.all) / 2) - 1]
        assert point.part.delay.median == (None if median == math.inf else median)


def test_a_stricter_limit_never_has_more_false_alarms_nor_is_faster(site: Loaded, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(peaks.truth_lines(above=1.2), encoding="utf-8")
    truths = truths_from(tmp_path / "t.jsonl")
    parameter = find_parameter(site.document, site.site, "gas.limit")
    values = [f"{x / 100:g} %vol" for x in range(50, 160, 10)]
    with opened([tmp_path / "r.csv"]) as source:
        points = sweep(site.document, parameter, values, source, truths, TOLERANCE, 1)
    false, missed = ([getattr(p.part, name) for p in points] for name in ("false", "missed"))
    assert [f.count for f in false] == sorted((f.count for f in false), reverse=True)
    assert missed == sorted(missed)
    assert false[0].count > false[-1].count
    delays = [p.part.delay.median for p in points]
    known = [delay for delay in delays if delay is not None]
    assert known == sorted(known)


def tuned(site: Loaded, folder: Path, budget: float, truth: str | None = None) -> Tuned:
    if truth is not None:
        (folder / "t.jsonl").write_text(truth, encoding="utf-8")
    truths = None if truth is None else truths_from(folder / "t.jsonl")
    parameter = find_limit(site.document, site.site, "gas")
    with opened([folder / "r.csv"]) as source:
        return tune(site.document, parameter, budget, source, truths, TOLERANCE, 1)


def test_the_tuned_limit_is_the_loosest_within_the_budget(site: Loaded, tmp_path: Path) -> None:
    hours = 2 * (6 * 60 - 1) / 60
    months = hours * peaks.HOUR / MONTH
    for allowed in (0, 1, 2):
        found = tuned(site, tmp_path, (allowed + 0.5) / months)
        assert found.chosen is not None
        limit = (parted(found.chosen.value) or (0, ""))[0]
        assert found.chosen.part.onsets == len(peaks.raised(limit)) <= allowed
        assert found.chosen.part.false.months == pytest.approx(months, rel=1e-3)
        loosest = min(x / 1000 for x in range(200, 2000) if len(peaks.raised(x / 1000)) <= allowed)
        assert loosest <= limit <= loosest + 0.05, "the last step was cut into sixteenths"


def test_what_it_costs_is_said_beside_the_truth(site: Loaded, tmp_path: Path) -> None:
    found = tuned(site, tmp_path, 1e-3, peaks.truth_lines(above=1.2))
    assert found.chosen is not None
    assert found.chosen.part.false.count == 0
    assert found.present.value == "1 %vol"
    assert (found.present.part.detected, found.present.part.false.count) == (2, 2)
    assert found.chosen.part.missed == 0
    assert found.chosen.part.delay.median > found.present.part.delay.median  # type: ignore[operator]


def test_short_data_promise_nothing_and_say_how_long_it_would_take(
    site: Loaded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: none seen in T months bounds the rate below 2.9957 / T (95 %), the rule of three."""
    found = tuned(site, tmp_path, 0.04)
    assert not found.promised
    assert found.months_needed == pytest.approx(-math.log(0.05) / 0.04)
    words = ["backtest", str(tmp_path / "site.toml"), str(tmp_path / "r.csv"), "--tune", "gas", "--budget", "0.04"]
    assert main([*words, "--processes", "1"]) == 0
    said = capsys.readouterr().out
    assert "NOT PROMISED" in said
    assert "74.9 would be needed with 0 false alarms in them" in said
    assert "too short to promise it" in said


def test_a_wide_budget_is_promised(site: Loaded, tmp_path: Path) -> None:
    found = tuned(site, tmp_path, 1e4)
    assert found.promised
    assert found.chosen is not None
    assert found.chosen.part.in_alarm <= 0.25, "that few onsets are an alarm that never ends is no answer"


BELOW = """
[rule.low]
sensors = ["ch4-1"]
detector = { kind = "signal.limit", limit = "0.15 %vol", side = "below" }
priority = "low"
"""


def command(folder: Path, text: str, rule: str, capsys: pytest.CaptureFixture[str], code: int) -> Any:
    loaded(folder, text)
    peaks.write_csv(folder / "r.csv")
    words = ["backtest", str(folder / "site.toml"), str(folder / "r.csv"), "--tune", rule, "--budget", "0.1", "--json"]
    assert main([*words, "--processes", "1"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_limit_of_low_values_is_tuned_downwards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = command(tmp_path, peaks.site_toml(1.0, BELOW), "low", capsys, 0)
    step = (0.105 - 0.0825) / 16
    assert found["chosen"] == f"{0.0825 + 12 * step:g} %vol", "no reading is below 0.1; a step more would be above it"
    values = [float(point["value"].split()[0]) for point in found["tried"]]
    assert values == sorted(values), "strictest first: of a rule on low values that is the lowest"


def test_a_rule_that_no_limit_quiets_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = command(tmp_path, peaks.site_toml(0.02), "gas", capsys, 1)
    assert found["chosen"] is None
    assert not found["promised"]
    assert all(point["in_alarm"] > 0.9 for point in found["tried"]), "every reading is above four times 0.02"


# -- the command -------------------------------------------------------------------------------------------------------


def swept(folder: Path, sweep: str, *more: str) -> int:
    (folder / "t.jsonl").write_text(peaks.truth_lines(), encoding="utf-8")
    words = ["score", "--sweep", sweep, "--site", str(folder / "site.toml"), "--truth", str(folder / "t.jsonl")]
    return main([*words, "--readings", str(folder / "r.csv"), "--processes", "1", *more])


def test_the_command_prints_a_line_a_value(site: Loaded, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert swept(tmp_path, "gas.limit=0.9,1.0") == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "gas.limit"
    assert [line.split()[:3] for line in lines] == [["0.9", "%vol", "6"], ["1", "%vol", "4"]]
    assert swept(tmp_path, "gas.limit=0.9,1.0", "--json") == 0
    assert [point["onsets"] for point in json.loads(capsys.readouterr().out)] == [6, 4]


def test_a_rung_of_a_clause_is_swept_too(site: Loaded, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert swept(tmp_path, "face.warn.trip=0.9,1.5", "--json") == 0
    points = json.loads(capsys.readouterr().out)
    counts = [sum(name == "ch4-1" for name, _ in peaks.raised(limit)) for limit in (0.9, 1.5)]
    assert [(point["name"], point["onsets"]) for point in points] == [("face.warn", n) for n in counts]


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("gaz.limit=1", "found rule 'gaz', allowed: silent, gas, face, nearest 'gas'"),
        ("gas.limt=1", "found parameter of gas (signal.limit) 'limt', allowed: limit, reset, side, on_delay, "
                       "off_delay, nearest 'limit'"),
        ("gas=1", "found parameter of gas (signal.limit) ''"),
        ("face.wran.trip=1", "found rung of face 'wran', allowed: warn, cut, nearest 'warn'"),
        ("face.warn.trop=1", "found parameter of face.warn 'trop', allowed: trip, reset, delay, nearest 'trip'"),
        ("gas.limit=one", "found the value 'one', allowed: numbers"),
        ("gas.limit=1 mm", "gas.limit = 1 mm: rule.gas.detector.limit: found"),
        ("gas.limit", "a sweep needs"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_the_nearest_name(
    site: Loaded, tmp_path: Path, capsys: pytest.CaptureFixture[str], sweep: str, said: str
) -> None:
    assert swept(tmp_path, sweep) == 2
    assert said in capsys.readouterr().err


# -- a parameter -------------------------------------------------------------------------------------------------------


def test_a_parameter_is_read_and_put_and_the_document_stays_as_it_was(site: Loaded) -> None:
    parameter = find_parameter(site.document, site.site, "gas.limit")
    assert (str(parameter), parameter.name, parameter.value(site.document)) == ("gas.limit", "gas", "1.0 %vol")
    changed = parameter.put(site.document, "0.7 %vol")
    assert parameter.value(changed) == "0.7 %vol"
    assert parameter.value(site.document) == "1.0 %vol"


def test_a_clauses_trip_is_its_value_where_the_site_has_none_of_its_own(site: Loaded) -> None:
    parameter = find_parameter(site.document, site.site, "face.cut.trip")
    assert parameter.value(site.document) == "1.5 %vol"
    looser = parameter.put(site.document, "2.0 %vol")
    assert looser["rule"]["face"]["deviation"], "a trial need not be justified"
    assert next(r for r in read_site(looser).rules if r.name == "face.cut").detector.limit == 2.0


def test_a_reset_goes_along_with_its_limit(tmp_path: Path) -> None:
    text = peaks.site_toml().replace('limit = "1.0 %vol"', 'limit = "1.0 %vol", reset = "0.8 %vol"')
    site = loaded(tmp_path, text)
    parameter = find_parameter(site.document, site.site, "gas.limit")
    assert parameter.put(site.document, "0.5 %vol")["rule"]["gas"]["detector"]["reset"] == "0.3 %vol"
    reset = find_parameter(site.document, site.site, "gas.reset")
    assert reset.put(site.document, "0.5 %vol")["rule"]["gas"]["detector"]["limit"] == "1.0 %vol"


def test_a_delay_belongs_to_the_rule(site: Loaded) -> None:
    changed = find_parameter(site.document, site.site, "gas.on_delay").put(site.document, "30 s")
    assert next(r for r in read_site(changed).rules if r.name == "gas").on_delay == 30 * 10**9


def test_values_take_the_unit_that_stands_there() -> None:
    assert values_of("1, 2.5,3 ppm", "1.0 %vol") == ["1 %vol", "2.5 %vol", "3 ppm"]
    assert values_of("3,0.5", 7) == [3, 0.5]
    assert [type(one) for one in values_of("3,0.5", None)] == [int, float]


@pytest.mark.parametrize(
    ("text", "parts"), [("1.0 %vol", (1.0, "%vol")), (5, (5.0, "")), ("10 mm/d", (10.0, "mm/d")), ("24h", (24.0, "h")),
                        (True, None), ("wide", None), (None, None), (-1e-3, (-1e-3, ""))]
)  # fmt: skip
def test_a_value_is_a_number_and_a_unit(text: Any, parts: tuple[float, str] | None) -> None:
    assert parted(text) == parts
    if parts is not None and parts[1] != "h":
        assert parted(joined(*parts)) == parts


def test_a_rule_is_tried_alone_with_what_it_looks_at() -> None:
    rules = {
        "moving": {"sensors": ["p1"], "detector": {"kind": "slope.velocity"}},
        "fast": {"sensors": ["p1/moving.velocity"], "suppress_when": "@works"},
        "vote": {"group": "w", "detector": {"of": "@mov*/*"}},
        "works": {"sensors": ["d"]},
        "gas": {"sensors": ["c"]},
        "silent": {"priority": "low"},
    }
    document = {"rule": rules, "sensor": {}}
    assert alone(document, "vote")["rule"].keys() == {"vote", "moving", "silent"}
    assert alone(document, "fast")["rule"].keys() == {"fast", "moving", "works", "silent"}
    assert alone(document, "gas")["rule"].keys() == {"gas", "silent"}


def test_a_parameter_spells_itself() -> None:
    assert [str(Parameter(*parts)) for parts in (("gas", "", "limit"), ("face", "cut", "trip"))] == [
        "gas.limit",
        "face.cut.trip",
    ]


def test_a_rule_alone_means_its_limit(site: Loaded) -> None:
    assert str(find_limit(site.document, site.site, "gas")) == "gas.limit"
    assert str(find_limit(site.document, site.site, "face.cut")) == "face.cut.trip"
    assert str(find_limit(site.document, site.site, "gas.on_delay")) == "gas.on_delay"
    with pytest.raises(WrongUse, match="rung of face"):
        find_limit(site.document, site.site, "face")
