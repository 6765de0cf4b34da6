"""The score on hand-made journals: each way of matching by itself, and figures that can be worked out by hand."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, poisson

from detectors.detector import Why
from detectors.records import Change
from detectors.rule import Subject
from detectors.site import Site
from simulators.score import LISTED, Said, Score, score
from simulators.score_figures import MONTH, Rate, Spread, poisson_interval, poisson_upper, quantile
from simulators.score_members import Members, members_by_name, members_of
from simulators.truths import Head, TimedTruth, Truths

S = 10**9
END = 3600 * S
SENSORS = {"a": 5 * S, "b": 5 * S, "c": None}
BLANK = Change(0, 0, "", "a", "gas", "signal.limit", 1, "high", 0, "", "A", None, None, Why("x"))


def line(second: float, change: str, rule: str = "gas", sensor: str = "a", **more: object) -> Change:
    now = round(second * S)
    isa = "B" if change == "raised" else "A"
    kind = {"gas": "signal.limit", "stuck": "health.stuck", "vote": "network.vote"}.get(rule, "signal.rate")
    line = replace(BLANK, now=now, time=now, change=change, rule=rule, sensor=sensor, isa=isa, kind=kind)
    return replace(line, **more)  # type: ignore[arg-type]


def truth(start: float, end: float | None, *expect: str, sensor: str = "a", **more: object) -> TimedTruth:
    last = None if end is None else round(end * S)
    return TimedTruth(sensor=sensor, start=round(start * S), end=last, expect=expect, **more)  # type: ignore[arg-type]


def scored(lines: list[Change], *truths: TimedTruth, members: Members | None = None, tolerance: int = 10 * S) -> Score:
    whole = Truths(Head(start=0, end=END, sensors=SENSORS), truths)
    return score(lines, whole, members or members_by_name({}), tolerance=tolerance)


def only(result: Score) -> Said:
    (said,) = result.said
    return said


def counts(result: Score, rule: str = "gas") -> tuple[int, int, int, int, int]:
    """(detected, missed, held, neutral, false)"""
    part = next(part for part in result.rules if part.name == rule)
    return part.detected, part.missed, part.held, part.neutral, part.false.count


def test_an_expected_rule_inside_the_truth_is_a_detection_with_its_delay() -> None:
    result = scored([line(0, "watched"), line(130, "raised")], truth(100, 200, "gas"))
    assert counts(result) == (1, 0, 0, 0, 0)
    assert only(result).delay == 30 * S
    assert only(result).samples == 6.0
    assert result.rules[0].delay == Spread(30.0, 30.0)
    assert result.rules[0].samples == Spread(6.0, 6.0)


@pytest.mark.parametrize(("second", "found"), [(99.9, 0), (100, 1), (200, 1), (210, 1), (210.1, 0)])
def test_the_edges_of_a_truth_and_its_tolerance(second: float, found: int) -> None:
    result = scored([line(second, "raised")], truth(100, 200, "gas"))
    held = int(second < 100)
    assert counts(result) == (found, 1 - found - held, held, 0, 1 - found)


def test_late_data_is_matched_by_its_device_time_but_the_delay_is_what_people_waited() -> None:
    result = scored([line(900, "raised", time=150 * S)], truth(100, 200, "gas"))
    assert counts(result) == (1, 0, 0, 0, 0)
    assert only(result).delay == 800 * S


def test_a_wrong_device_clock_is_matched_by_now() -> None:
    assert counts(scored([line(150, "raised", time=7 * S)], truth(100, 200, "gas"))) == (1, 0, 0, 0, 0)


def test_what_was_said_before_it_happened_is_no_detection_whatever_the_device_time() -> None:
    assert counts(scored([line(50, "raised", time=150 * S)], truth(100, 200, "gas")))[0] == 0


def test_another_rule_on_the_same_sensor_inside_the_truth_is_neutral() -> None:
    result = scored([line(120, "raised"), line(130, "raised", "rise")], truth(100, 200, "gas"))
    assert counts(result, "rise") == (0, 0, 0, 1, 0)
    assert counts(result) == (1, 0, 0, 0, 0)


def test_another_sensor_is_false() -> None:
    assert counts(scored([line(120, "raised", sensor="b")], truth(100, 200, "gas"))) == (0, 1, 0, 0, 1)


def test_a_truth_that_expects_nothing_explains_nothing() -> None:
    result = scored([line(120, "raised")], truth(100, 200))
    assert counts(result) == (0, 0, 0, 0, 1)
    assert only(result).wrongly == 1
    assert not only(result).late


def test_but_another_truth_at_the_same_place_may_explain_it() -> None:
    result = scored([line(120, "raised", "rise")], truth(100, 200), truth(90, 300, "gas"))
    assert counts(result, "rise") == (0, 0, 0, 1, 0)
    assert result.said[0].wrongly == 0


def test_one_that_stands_already_is_held_and_not_asked() -> None:
    before = [line(50, "raised")]
    assert counts(scored(before, truth(100, 200, "gas"))) == (0, 0, 1, 0, 1)
    again = [*before, line(120, "returned"), line(140, "raised")]
    assert counts(scored(again, truth(100, 200, "gas"))) == (1, 0, 0, 0, 1)
    gone = [*before, line(90, "returned")]
    assert counts(scored(gone, truth(100, 200, "gas"))) == (0, 1, 0, 0, 1)


def test_the_first_occurrence_detects_and_all_of_them_are_onsets() -> None:
    lines = [line(110, "raised"), line(120, "returned"), line(130, "raised")]
    result = scored(lines, truth(100, 200, "gas"))
    assert result.rules[0].onsets == 2
    assert only(result).delay == 10 * S
    assert counts(result)[4] == 0


def test_a_held_alarm_is_one_onset_however_many_lines_it_has() -> None:
    lines = [line(110, "raised"), *(line(111 + k, c) for k, c in enumerate(["acknowledged", "unwatched", "watched"]))]
    assert scored(lines, truth(100, 200, "gas")).rules[0].onsets == 1


def groups(rule: str, subject: str) -> set[str]:
    return {"a", "b"} if rule == "vote" else {subject}


def test_a_group_finds_the_truths_of_all_that_it_holds() -> None:
    happened = [truth(100, 200, "vote", sensor=sensor) for sensor in ("a", "b", "c")]
    result = scored([line(120, "raised", "vote", "wall")], *happened, members=groups)
    assert counts(result, "vote") == (2, 1, 0, 0, 0)
    assert result.rules[0].onsets == 1
    assert [said.by is not None for said in result.said] == [True, True, False]


def test_without_a_site_a_subject_that_is_no_sensor_may_hold_any() -> None:
    result = scored([line(120, "raised", "vote", "wall")], truth(100, 200, "vote"), members=members_by_name(SENSORS))
    assert counts(result, "vote") == (1, 0, 0, 0, 0)


def test_a_fault_is_found_by_any_health_rule_but_scored_for_the_expected_one() -> None:
    result = scored([line(120, "raised", "stuck")], truth(100, 200, "silent", fault=True))
    assert only(result).by is not None
    assert only(result).delay == 20 * S
    assert counts(result, "stuck") == (0, 0, 0, 1, 0)
    assert counts(result, "silent") == (0, 1, 0, 0, 0)
    assert result.unheard == ("silent",)


def test_no_health_rule_finds_what_is_no_fault() -> None:
    assert only(scored([line(120, "raised", "stuck")], truth(100, 200, "gas"))).by is None


def test_late_is_later_than_within_or_missed() -> None:
    lines = [line(130, "raised")]
    assert only(scored(lines, truth(100, 200, "gas", within=29 * S))).late
    assert not only(scored(lines, truth(100, 200, "gas", within=30 * S))).late
    assert only(scored([], truth(100, 200, "gas"))).late


def test_the_lead_is_from_the_detection_to_the_failure() -> None:
    result = scored([line(130, "raised")], truth(100, None, "gas", failure=1000 * S))
    assert only(result).lead == 870 * S
    assert result.rules[0].lead == Spread(870.0, 870.0)


def test_what_is_raised_before_the_span_may_only_detect() -> None:
    lines = [line(-100, "raised"), line(-90, "returned"), line(-80, "raised", "rise")]
    result = scored(lines, truth(-200, None, "gas"))
    assert counts(result) == (1, 0, 0, 0, 0)
    assert (result.total.onsets, result.total.false.count, result.total.neutral) == (0, 0, 0)


def test_exposure_is_the_time_watched_in_the_span_outside_truths() -> None:
    lines = [line(-50, "watched"), line(1000, "unwatched"), line(2000, "watched"), line(10, "watched", sensor="b")]
    result = scored(sorted(lines, key=lambda one: one.now), truth(100, 200, "gas"))
    watched = (1000 - 110) + (3600 - 2000) + (3600 - 10)
    assert result.rules[0].false.months == pytest.approx(watched * S / MONTH)


def test_in_a_truth_that_expects_nothing_everyone_is_watched_since_what_is_raised_there_is_false() -> None:
    result = scored([line(0, "watched")], truth(0, None))
    assert result.rules[0].false.months == pytest.approx(END / MONTH)


def test_overlapping_truths_are_taken_from_the_exposure_once() -> None:
    result = scored([line(0, "watched")], truth(100, 300, "gas"), truth(200, 400, "gas"), truth(3000, None, "gas"))
    assert result.rules[0].false.months == pytest.approx((100 + 3000 - 410) * S / MONTH)


def test_what_was_blind_was_not_watched() -> None:
    blind = line(2000, "blind", rule="", sensor="", why=Why("judge.blind", {"from": 1500 * S, "to": 2000 * S}))
    lines = [line(0, "watched"), line(1600, "watched", sensor="b"), blind]
    result = scored(lines, truth(1900, 1950, "gas"))
    told = (1950 + 10) - 1900
    first = 3600 - told - (500 - told)
    assert result.rules[0].false.months == pytest.approx((first + 3600 - 2000) * S / MONTH)


def test_nothing_watched_gives_no_rate() -> None:
    assert scored([line(120, "raised", "channel-failing")]).rules[0].false == Rate(1, 0.0, None, None, None)


def test_missed_truths_count_as_later_than_all() -> None:
    happened = [truth(k * 100, k * 100 + 50, "gas") for k in range(1, 6)]
    lines = [one for k in (1, 2, 3) for one in (line(k * 100 + k, "raised"), line(k * 100 + 40, "returned"))]
    part = scored(lines, *happened).rules[0]
    assert (part.detected, part.missed) == (3, 2)
    assert part.delay == Spread(3.0, None)


def test_kinds_sum_over_their_rules() -> None:
    lines = [line(120, "raised"), line(130, "raised", "gas2", kind="signal.limit"), line(140, "raised", "rise")]
    result = scored(lines, truth(100, 200, "gas", "gas2"))
    kind = next(part for part in result.kinds if part.name == "signal.limit")
    assert (kind.onsets, kind.truths, kind.detected) == (2, 2, 2)
    assert kind.delay == Spread(20.0, 30.0)
    assert result.total.onsets == 3


def test_chatter_is_three_occurrences_within_a_minute() -> None:
    lines = [one for k in range(6) for one in (line(100 + 20 * k, "raised"), line(110 + 20 * k, "returned"))]
    assert scored(lines).rules[0].chatter == 2
    slow = [one for k in range(6) for one in (line(100 + 30 * k, "raised"), line(110 + 30 * k, "returned"))]
    assert scored(slow).rules[0].chatter == 0


def test_only_what_calls_a_person_is_in_the_alarms_per_ten_minutes() -> None:
    lines = [line(10, "raised"), line(20, "raised", "rise", priority="log"), line(30, "raised", "gas2", isa="F")]
    assert scored(lines).figures.per_window == pytest.approx(1 / 6)


def test_a_rule_of_which_nobody_spoke_is_named() -> None:
    assert scored([], truth(1, 2, "gass")).unheard == ("gass",)


@given(st.integers(0, 200), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_poisson_interval_is_garwoods(count: int, confidence: float) -> None:
    """Oracle: quantiles of chi square, and that the ends put a tail of (1 - confidence) / 2 beyond the count."""
    low, high = poisson_interval(count, confidence)
    tail = (1 - confidence) / 2
    assert low == pytest.approx(chi2.ppf(tail, 2 * count) / 2 if count else 0.0, rel=1e-9)
    assert high == pytest.approx(chi2.ppf(1 - tail, 2 * count + 2) / 2, rel=1e-9)
    assert poisson.cdf(count, high) == pytest.approx(tail, rel=1e-6)
    assert poisson.cdf(count, poisson_upper(count, confidence)) == pytest.approx(1 - confidence, rel=1e-6)


def test_published_values_of_the_interval() -> None:
    """Garwood 1936 as tabulated (Ulm 1990): 0 -> 3.689, 1 -> 0.0253 to 5.572, 10 -> 4.795 to 18.39."""
    assert poisson_interval(0) == pytest.approx((0, 3.689), abs=1e-3)
    assert poisson_interval(1) == pytest.approx((0.0253, 5.572), abs=1e-3)
    assert poisson_interval(3) == pytest.approx((0.619, 8.767), abs=1e-3)
    assert poisson_interval(300) == pytest.approx((75 * 3.56, 75 * 4.48), abs=0.75)
    assert poisson_interval(10) == pytest.approx((4.795, 18.39), abs=5e-3)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_quantile_has_its_part_below(values: list[float], part: float) -> None:
    found = quantile(values, part)
    assert found is not None
    assert found in values
    assert sum(value <= found for value in values) >= part * len(values) - 1e-9
    assert sum(value < found for value in values) < part * len(values) + 1e-9
    assert quantile([*values, inf], 1.0) == inf


def test_members_go_through_votes_and_columns_of_groups() -> None:
    def rule(name: str, *subjects: Subject) -> object:
        return type("Rule", (), {"name": name, "subjects": subjects})()

    rules = (
        rule("moving", Subject("p1", "w", (("value", "p1"),)), Subject("p2", "w", (("value", "p2"),))),
        rule("both", Subject("wall", "w", (("p1", "@moving/p1"), ("p2", "p2/moving.velocity")))),
        rule("all", Subject("pit", "w", (("wall", "@both/wall"), ("c", "wall/both.share"), ("x", "gp-1")))),
    )
    members = members_of(Site("s", "UTC", True, "", {}, rules, (), {}))  # type: ignore[arg-type]
    assert set(members("moving", "p1")) == {"p1"}
    assert set(members("both", "wall")) == {"p1", "p2"}
    assert set(members("all", "pit")) == {"p1", "p2", "gp-1"}
    assert set(members("other", "z")) == {"z"}


def chattering(lines: int) -> Iterator[Change]:
    """Priority log: it calls nobody."""
    for k in range(lines):
        yield line(k * 1e-3, "raised" if k % 2 else "returned", "rise", priority="log")


def test_memory_does_not_grow_with_the_journal() -> None:
    def peak(lines: int) -> int:
        tracemalloc.start()
        score(chattering(lines), Truths(Head(start=0, end=END), ()), members_by_name({}))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    short = peak(5 * LISTED)
    assert peak(20 * LISTED) < 1.2 * short
