"""`davylamp detectors`: every kind in a line, one in full, and the limit sets, in 80 columns."""

from __future__ import annotations

import json

import pytest

from collector.cli import main
from collector.config import limit_set, limit_sets
from collector.verbs_detectors import costs, ladders, mark_words, trip_words
from detectors.about import about
from detectors.detector import catalogue


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def shown(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["detectors", *words]) == code
    said = capsys.readouterr()
    return said.err if code else said.out


def test_every_kind_is_listed_with_its_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys)
    assert [line.split()[0] for line in text.splitlines() if line[2] != " "] == sorted(catalogue())
    assert "Time of failure from the inverse velocity" in text
    assert json.loads(shown(capsys, "--json")).keys() == catalogue().keys()


@pytest.mark.parametrize("words", [[], *([kind] for kind in catalogue()), ["--limits"]])
def test_it_fits_a_terminal(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    sample = about(catalogue()[words[0]]).sample if words and words[0] in catalogue() else ""
    long = [line for line in shown(capsys, *words).splitlines() if len(line) > 80 and line[2:] not in sample]
    assert long == []


def test_one_is_explained_with_all_that_a_rule_needs(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "slope.inverse_velocity")
    for word in ("Cannot find:", "spacing", "must be given", "failure_from", "Source:", "[rule.", "Cost:"):
        assert word in text
    assert f"{costs()['slope.inverse_velocity']['bytes']:,} bytes a subject" in text
    assert json.loads(shown(capsys, "slope.inverse_velocity", "--json"))["parameters"][0]["name"] == "within"


def test_a_wrong_name_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert "the nearest is signal.limit" in shown(capsys, "signal.limits", code=1)
    assert "There are cn, eu, us" in shown(capsys, "--limits", "cnn", code=1)


def test_costs_are_of_kinds_that_exist() -> None:
    measured = costs().keys() - {"machine"}
    assert measured <= catalogue().keys()
    for kind in measured:
        assert costs()[kind]["ns"] > 0
        assert 0 < costs()[kind]["bytes"] <= 16_384


@pytest.mark.parametrize("name", limit_sets())
def test_every_limit_is_shown_with_clause_and_mark(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(shown(capsys, "--limits", name).split())
    for use, entries in ladders(limit_set(name)):
        assert f" {use}: " in f" {text}"
        for entry in entries:
            assert f"{trip_words(entry)}; {entry['priority']}." in text
            assert f"{entry['clause']} {mark_words(entry)}" in text


def test_a_rung_in_words() -> None:
    methane = dict(ladders(limit_set("us")))["methane.57.22235"][0]
    assert (trip_words(methane), mark_words(methane)) == (">= 1 %vol, ends < 0.5", "[V]")
    oxygen = dict(ladders(limit_set("cn")))["o2.petrochemical"][0]
    assert trip_words(oxygen) == "<= 19.5 %vol"
