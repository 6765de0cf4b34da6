"""`davylamp check` on a wrong name of a detector, parameter or limit: line, nearest name, what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.cli import main
from detectors.detector import catalogue

HEAD = """\
[site]
id = "pit"
timezone = "UTC"
simulated = true
limits = "cn"
[sensor]
ch4-1 = { area = "f", quantity = "methane", unit = "%vol", span = [0, 4], every = "5s" }
fan-1 = { area = "f", states = ["2min", "off"] }
geo-1 = { area = "f", quantity = "vibration", unit = "mm/s", rate = 200 }
dust-1 = { area = "f", quantity = "dust", unit = "mg/m3", every = "1min" }
[rule.x]
priority = "low"
guidance = "Look"
"""
LINE = HEAD.count("\n") + 2
"""Of what a test adds after `sensors`."""


def said(words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], sensor: str = "ch4-1") -> str:
    """What check says of a rule with these words, which it must refuse."""
    file = tmp_path / "site.toml"
    file.write_text(HEAD + f'sensors = ["{sensor}"]\n{words}\n')
    assert main(["check", str(file)]) == 1
    return capsys.readouterr().err.strip().replace(str(file), "site.toml")


def test_a_wrong_kind_is_told_the_nearest_and_its_family(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said('detector = { kind = "slope.inverse_velosity", within = "1d" }', tmp_path, capsys)
    assert text.startswith(f"site.toml:{LINE}: rule.x.detector.kind: ")
    assert text.endswith("nearest 'slope.inverse_velocity'")
    assert all((kind in text) == kind.startswith("slope.") for kind in catalogue())


def test_a_kind_without_a_family_is_told_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said('detector = { kind = "limit", limit = "1 %vol" }', tmp_path, capsys)
    assert all(kind in text for kind in catalogue())
    assert text.endswith("nearest 'signal.limit'")


def test_a_wrong_clause_is_told_the_nearest_of_its_gas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    priority, text = said('use = "methane.T11"', tmp_path, capsys).splitlines()
    assert "rule.x.priority: " in priority
    assert text.startswith(f"site.toml:{LINE}: rule.x.use: ")
    assert "methane.shearer" in text
    assert "h2s" not in text
    assert text.endswith("nearest 'methane.T1'")


@pytest.mark.parametrize(
    ("words", "place", "found", "allowed", "sensor"),
    [
        ('kind = "signal.limit", limit = "1 %vol", rest = "0.5 %vol"', ".rest", "'rest'", "nearest 'reset'", "ch4-1"),
        ('kind = "signal.limit"', ".limit", "nothing", "which signal.limit needs", "ch4-1"),
        ('kind = "signal.limit", limit = "1 mg"', ".limit", '"1 mg"', "", "ch4-1"),
        ('kind = "signal.limit", limit = "1 %vol", side = "abov"', ".side", '"abov"', "nearest 'above'", "ch4-1"),
        ('kind = "signal.rate", limit = "1 %vol/min", window = "ten"', ".window", '"ten"', '"24h"', "ch4-1"),
        ('kind = "signal.cusum", learn = "2d"', ".learn", '"2d"', "a whole number", "ch4-1"),
        ('kind = "signal.cusum", learn = true', ".learn", "true", "a whole number", "ch4-1"),
        ('kind = "signal.cusum", learn = 1', ".learn", "1", "give", "ch4-1"),
        ('kind = "signal.state", alarm_on = 1', ".alarm_on", "1", "a text", "fan-1"),
        ('kind = "signal.state", alarm_on = "of"', ".alarm_on", '"of"', "nearest 'off'", "fan-1"),
        ('kind = "dust.projection", limit = "1 mg/m3", begins = "6:00"', ".begins", '"6:00"', "a list", "dust-1"),
        ('kind = "seismic.ppv", curve = "din4150", building = "dwelling"', ".curve", '"din4150"',
         "nearest 'din4150-3'", "geo-1"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_told_what_is_allowed(
    words: str, place: str, found: str, allowed: str, sensor: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(f"detector = {{ {words} }}", tmp_path, capsys, sensor)
    assert text.startswith(f"site.toml:{LINE}: rule.x.detector{place}: found ")
    assert found in text
    assert allowed in text


def test_a_state_that_reads_as_a_duration_is_a_state(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    words = 'detector = { kind = "signal.state", alarm_on = "2min" }'
    file.write_text(HEAD + f'sensors = ["fan-1"]\n{words}\n')
    assert main(["check", str(file)]) == 0


def test_the_line_is_that_of_the_parameter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = '[rule.x.detector]\nkind = "slope.velocity"\nlimit = "1 mm/d"\nwindow = "1d"\nestimator = "theil"'
    limit, estimator = said(words, tmp_path, capsys).splitlines()
    assert limit.startswith(f"site.toml:{LINE + 2}: rule.x.detector.limit: ")
    assert estimator.startswith(f"site.toml:{LINE + 4}: rule.x.detector.estimator: ")
