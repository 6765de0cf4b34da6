"""bench/quality and docs/quality.md. Oracles: a Shewhart chart in closed form, Garwood's intervals, the AR(1) model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.quality import figures, measuring
from bench.quality.kinds import KINDS, Kind, between, falling
from bench.quality.measuring import TABLE, Clean, chosen, delays, late, with_event
from bench.quality.page import cell, page
from bench.quality.streams import LADDER, LONGEST_WARM, NOISES, Stream, stream, watched
from bench.quality.watching import BEGIN, MINUTE, Onsets, batches
from detectors.detector import Finding, Verdict, Why, catalogue

ROOT = Path(__file__).parent.parent
FIGURES: dict[str, Any] = json.loads((ROOT / "docs" / "quality.json").read_text("utf-8"))


def finding(tick: int, subject: int, verdict: Verdict) -> Finding:
    time = BEGIN + tick * MINUTE
    return Finding(time, 0, subject, verdict, time, None, None, Why("x"))


@pytest.mark.parametrize(("noise", "phi"), [("phi 0", 0.0), ("phi 0.5", 0.5), ("phi 0.9", 0.9), ("t5", 0.0)])
def test_noise_has_deviation_1_and_its_correlation(noise: str, phi: float) -> None:
    truth = stream(1, noise, 0, 50, 100).truth
    assert truth.std() == pytest.approx(1.0, abs=0.01)
    assert np.mean(truth[1:] * truth[:-1]) == pytest.approx(phi, abs=0.01)
    assert truth[0].std() == pytest.approx(1.0, abs=0.3)


def test_quantised_readings_are_whole_steps_and_missing_ones_are_no_rows() -> None:
    coarse = stream(1, "8 bit", 0, 20, 50).shown()
    assert (coarse == np.round(coarse)).all()
    assert coarse.std(axis=0).mean() == pytest.approx(np.sqrt(1 + 1 / 12), abs=0.01)
    gappy = stream(1, "1 % missing", 0, 20, 50).cut(0, 5000)
    rows = sum(len(batch) for batch in batches(gappy, 0, 3, 720))
    assert rows / (3 * 20 * 5000) == pytest.approx(0.99, abs=0.002)


def test_the_same_noise_lies_under_every_event_and_for_everyone() -> None:
    first, second = (stream(5, "t5", 1, 10, 100) for _ in range(2))
    assert (first.truth == second.truth).all()
    after = first.cut(LONGEST_WARM, LONGEST_WARM + 100)
    for name in LADDER:
        changed = after.changed(LADDER[name]).truth - after.truth
        assert (changed[0] != 0).all(), name
    assert np.allclose(after.changed(LADDER["ramp 0.01"]).truth[99] - after.truth[99], 1.0)


def test_in_a_group_only_one_member_changes() -> None:
    kind = Kind("network.deviation", "limit", (5.0,), members=5)
    still = Stream(np.zeros((20, 10)), None, None)
    assert with_event(kind, still, "step 3").truth[7].tolist() == [3.0, 0, 0, 0, 0, 3.0, 0, 0, 0, 0]


def test_a_held_alarm_is_one_onset_and_so_is_one_that_comes_back_at_once() -> None:
    onsets = Onsets(np.zeros(2, np.int8), 0)
    for tick, verdict in ((5, 2), (50, 1), (59, 2), (70, 1), (80, 2), (90, 1)):
        onsets.take(finding(tick, 1, Verdict(verdict)))
    assert onsets.ticks == [5, 80]
    assert onsets.counts(2) == [0, 2]
    assert onsets.shares(2, 0, 100) == [0.0, pytest.approx(0.45 + 0.11 + 0.10)]
    assert onsets.first_ticks().tolist() == [-1, 5]


def test_an_alarm_that_stands_at_the_beginning_counts() -> None:
    onsets = Onsets(np.array([2, 1], np.int8), 100)
    assert onsets.counts(1) == [1]
    assert onsets.shares(2, 100, 200) == [1.0, 0.0]
    assert onsets.first_ticks().tolist() == [-1, -1]


def test_a_miss_is_censored_and_one_in_alarm_before_is_left_out() -> None:
    ticks = np.array([1.0, 2.0, 3.0, np.nan, 4.0])
    assert late(ticks, np.zeros(5, np.bool_)) == (3, None, 0.2, 5, 0)
    assert late(ticks, np.array([0, 0, 0, 1, 1], np.bool_)) == (2, 3, 0.0, 3, 2)
    assert late(ticks[:1], np.ones(1, np.bool_)).trials == 0


@pytest.mark.parametrize(("at_once", "loosest"), [(True, (3.0, 4.0)), (False, (2.711, 3.722))])
def test_the_loosest_value_that_keeps_the_rate_is_taken_and_none_that_never_ends(
    monkeypatch: pytest.MonkeyPatch, at_once: bool, loosest: tuple[float, float]
) -> None:
    """Below 2 it is always in alarm, then false alarms fall tenfold a unit: 300 at 2.52, 30 at 3.52, 3 beyond 4."""

    def quiet(_kind: Kind, values: tuple[float, ...], *_: Any) -> list[Clean]:
        return [Clean(75, 0.9) if v < 2 else Clean(round(10 ** (5 - v)), 0.01) for v in values]

    monkeypatch.setattr(measuring, "_clean", quiet)
    monkeypatch.setattr(measuring, "stream", lambda *_: None)
    found = chosen(Kind("health.noisy", "factor", (1.0, 2.0, 3.0, 4.0), at_once=at_once), "phi 0")
    assert found == {4.0: loosest[0], 0.4: loosest[1], 0.04: None}


def test_delays_of_a_limit_are_geometric() -> None:
    """A limit of 3 sigma after steps of 1, 2 and 5: chances 0.0228, 0.159 and 0.977 at each reading."""
    kind = Kind("signal.limit", "limit", (3.0,), warm=20)
    found = delays(kind, [3.0], "phi 0", 7, ("step 1", "step 2", "step 5"))[0]
    for event, chance in (("step 1", 0.02275), ("step 2", 0.15866)):
        for part, seen in ((0.5, found[event].median), (0.9, found[event].p90)):
            spread = np.sqrt(part / (1 - part) / 200) / chance
            assert seen == pytest.approx(np.log(1 - part) / np.log(1 - chance) - 0.5, abs=3 * spread + 0.5)
    assert (found["step 5"].median, found["step 5"].p90, found["step 5"].missed) == (0, 0, 0)


def test_values_asked_at_once_are_those_asked_in_turn() -> None:
    both = [Kind("signal.limit", "limit", (2.5, 3.5), warm=20, at_once=at_once) for at_once in (True, False)]
    first, second = (delays(kind, kind.values, "1 % missing", 8, ("step 1",)) for kind in both)
    assert first == second


def test_lists_of_values_run_from_loose_to_strict() -> None:
    assert between(1.0, 2.0, 1.5) == (1.0, 1.5, 2.25)
    assert falling(2.0, 1.0, 1.5) == (2.25, 1.5, 1.0)
    assert len({kind.kind for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        steps = np.diff(kind.values)
        assert (steps > 0).all() or (steps < 0).all(), kind.kind


def test_a_cell_says_what_was_missed() -> None:
    assert cell([12, 20, 0.0, 200, 0]) == "12 / 20"
    assert cell([12, None, 0.25, 200, 0]) == "12 / >day, 25% missed"
    assert cell([None, None, 0.8, 200, 0]) == "80% missed"
    assert cell([None, None, 0.985, 200, 0]) == "-"
    assert cell([5, 6, 0.0, 20, 180]) == "5 / 6 (n = 20)"
    assert cell([None, None, float("nan"), 0, 200]) == "in alarm before"


def test_the_page_is_that_of_the_figures() -> None:
    assert (ROOT / "docs" / "quality.md").read_text("utf-8") == page(FIGURES)
    done = subprocess.run(
        [sys.executable, "scripts/quality.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_figures_are_whole() -> None:
    named = [kind["kind"] for kind in FIGURES["kinds"]]
    assert sorted([*named, *FIGURES["left_out"]]) == sorted(kind.kind for kind in KINDS)
    assert set(named) <= set(catalogue())
    for kind in FIGURES["kinds"]:
        assert kind["parts"], kind["kind"]
        for part in kind["parts"]:
            assert part["noise"] in NOISES
            assert [row["wished"] for row in part["rows"]][:3] == FIGURES["wished"]
            assert all(set(row["late"]) == set(LADDER) for row in part["rows"])
            assert len(part["check"]) in ({0, len(part["rows"])} if part["noise"] == NOISES[0] else {0})


def test_a_fresh_clone_begins_with_what_was_measured(tmp_path: Path) -> None:
    figures.unpack(tmp_path, json.dumps(FIGURES))
    there = {kind.kind: [figures.kept(tmp_path, kind, noise) for noise in NOISES] for kind in KINDS}
    for written in FIGURES["kinds"]:
        mark = figures.digest(next(kind for kind in KINDS if kind.kind == written["kind"]))
        holds = [part for part in written["parts"] if part["digest"] == mark]
        assert [part for part in there[written["kind"]] if part is not None] == holds
    first = FIGURES["kinds"][0]["parts"][0]
    figures.keep(tmp_path, "signal.variance", {**first, "digest": "of other code"})
    assert figures.kept(tmp_path, next(k for k in KINDS if k.kind == "signal.variance"), first["noise"]) is None


@pytest.mark.parametrize(
    ("name", "noise", "event"), [("signal.variance", "phi 0", "variance x2"), ("signal.spike", "phi 0", "spike")]
)
def test_a_cell_measured_again_is_what_is_written(name: str, noise: str, event: str) -> None:
    kind = next(kind for kind in KINDS if kind.kind == name)
    written = next(kind for kind in FIGURES["kinds"] if kind["kind"] == name)
    row = next(part for part in written["parts"] if part["noise"] == noise)["rows"][1]
    assert list(delays(kind, [row["value"]], noise, TABLE, (event,))[0][event]) == row["late"][event]
    assert watched(event) >= max(row["late"][event][0] or 0, row["late"][event][1] or 0)
