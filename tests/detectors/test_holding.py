"""Silence and delays: what a rule holds of what its detector says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.detector import Finding, Verdict, Why
from detectors.holding import GoodRow, Holding, Silence
from detectors.judge import Judge
from detectors.reading import AFTER_ROWS, Batch, Quality
from detectors.records import Action, Change
from detectors.site import Site, read_site

U, C, A = Verdict.UNKNOWN, Verdict.CLEAR, Verdict.ACTIVE
S = 10**9
NAN = float("nan")


def holding(on: int = 0, off: int = 0, hears_verdicts: bool = False) -> Holding:
    return Holding(np.array([on]), np.array([off]), np.array([hears_verdicts]))


def said(at: int, verdict: Verdict, time: int | None = None, row: int | None = None) -> Finding:
    return Finding(at, at if row is None else row, 0, verdict, at if time is None else time, 1.0, None, Why("x"))


def good(at: int, time: int | None = None, row: int | None = None) -> GoodRow:
    return GoodRow(at, at if row is None else row, at if time is None else time)


def hold(over: Holding, events: list[Any], rows: list[GoodRow], until: int) -> list[tuple[int, Verdict, bool]]:
    """(at, verdict, watching) of each change."""
    return [(h.at, h.verdict, h.watching) for h in over.hold(0, events, lambda: rows, until)]


def test_without_delays_what_is_said_is_held_at_once() -> None:
    events = [said(1, C), said(2, A), said(3, C), said(4, U)]

    assert hold(holding(), events, [], 9) == [(1, C, True), (2, A, True), (3, C, True), (4, U, False)]


def test_unknown_clears_nothing_and_says_that_nobody_watches() -> None:
    assert hold(holding(), [said(2, A), said(3, U), said(5, A)], [], 9) == [(2, A, True), (3, A, False), (5, A, True)]


def test_an_on_delay_passes_at_the_first_row_that_is_old_enough_by_device_time() -> None:
    backlog = [good(100, 10), good(100, 15, 101), good(100, 20, 102), good(100, 25, 103)]

    assert hold(holding(on=10), [said(100, A, 10)], backlog, 100) == [(100, U, True), (100, A, True)]


def test_an_on_delay_passes_by_now_when_rows_stop_and_counts_what_device_time_has_given() -> None:
    rows = [good(100, 10), good(101, 17, 101)]

    assert hold(holding(on=10), [said(100, A, 10)], rows, 105) == [(100, U, True), (104, A, True)]
    assert hold(holding(on=10), [said(100, A, 10)], rows, 104) == [(100, U, True)]


def test_an_on_delay_goes_on_while_nothing_is_known_and_ends_only_when_it_is_said_to_be_clear() -> None:
    assert hold(holding(on=10), [said(1, A), said(4, U), Silence(5, AFTER_ROWS, 1)], [], 20)[-1] == (11, A, False)
    assert hold(holding(on=10), [said(1, A), said(4, U), said(9, C)], [], 20)[-1] == (9, C, True)
    assert hold(holding(on=10), [said(1, A), said(11, C)], [], 20)[-1] == (11, C, True)
    assert hold(holding(on=10), [said(1, A), said(12, C)], [], 20)[-2:] == [(11, A, True), (12, C, True)]


def test_late_rows_do_not_set_a_delay_back_or_forth() -> None:
    rows = [good(2, 8), good(3, 3), good(4, 9)]

    assert hold(holding(on=10), [said(1, A, 1)], rows, 99)[-1] == (6, A, True)


@pytest.mark.parametrize("flag", [Quality.LATE, Quality.SKEWED])
@pytest.mark.parametrize("time", [-(10**6), 10**6])
def test_a_delay_that_a_reading_of_no_usable_time_begins_runs_from_the_first_good_one(flag: Quality, time: int) -> None:
    began = Finding(50, 50, 0, A, time, 1.0, None, Why("x", {"quality": int(flag | Quality.OUT_OF_SPAN)}))
    rows = [good(52), good(61), good(62)]

    assert hold(holding(on=10), [began], rows, 62)[-1] == (62, A, True)
    assert hold(holding(on=10), [began], [], 61)[-1] == (60, A, True)
    assert hold(holding(on=10), [began], rows[:1], 63)[-1] == (62, A, True)


def test_rows_before_the_change_do_not_count_for_it_and_rows_of_a_later_batch_do_whatever_their_number() -> None:
    over = holding(on=10)
    assert hold(over, [said(50, A, 50, row=7)], [good(50, 90, row=6)], 50) == [(50, U, True)]

    assert hold(over, [], [good(50, 60, row=0)], 50) == [(50, A, True)]


def test_an_off_delay_never_passes_by_missing_data() -> None:
    over = holding(off=10)
    assert hold(over, [said(1, A), said(5, C)], [good(5), good(8)], 10**6) == [(1, A, True)]

    assert hold(over, [], [good(10**6 + 1)], 10**6 + 1) == [(10**6 + 1, C, True)]


def test_an_off_delay_begins_again_after_unknown_silence_or_active() -> None:
    for between in (said(8, U), Silence(8, AFTER_ROWS, 1), said(8, A)):
        back = Silence(9, 9, -1) if isinstance(between, Silence) else said(9, C)
        rows = [good(k) for k in (5, 9, 15, 18, 19)]
        assert hold(holding(off=10), [said(1, A), said(5, C), between, back], rows, 99)[-1] == (19, C, True)


def test_where_only_verdicts_are_heard_an_off_delay_passes_by_now_since_they_come_only_when_they_change() -> None:
    assert hold(holding(off=10, hears_verdicts=True), [said(1, A), said(5, C)], [good(5)], 99)[-1] == (15, C, True)
    assert hold(holding(off=10, hears_verdicts=True), [said(1, A), said(5, C), said(9, U)], [good(5)], 99)[-1] == (
        9, A, False,
    )  # fmt: skip


def test_silence_makes_clear_unknown_hides_no_alarm_and_two_silences_need_two_ends() -> None:
    over = holding()
    silent, heard = Silence(5, AFTER_ROWS, 1), Silence(8, 8, -1)

    assert hold(over, [said(1, C), silent, silent, heard], [], 9) == [(1, C, True), (5, U, False)]
    assert hold(over, [said(10, A)], [], 11) == [(10, A, False)]
    assert hold(over, [Silence(12, 12, -1)], [], 13) == [(12, A, True)]


def test_a_snapshot_in_the_middle_of_a_delay_loses_nothing() -> None:
    over, other = holding(on=10), holding(on=10)
    hold(over, [said(1, A)], [], 5)

    other.restore(*over.snapshot())

    assert hold(other, [], [], 12) == hold(over, [], [], 12) == [(11, A, True)]


# -- the same in the judge ---------------------------------------------------------------------------------------------


def site(**rules: Any) -> Site:
    methane = {"area": "face", "quantity": "methane", "unit": "%vol", "span": [0, 4]}
    document = {
        "site": {"id": "pit", "timezone": "Asia/Shanghai", "simulated": True},
        "sensor": {"ch4-1": {**methane, "every": "5s"}, "ch4-2": methane},
        "rule": {name: {"priority": "low", "guidance": "Look", **rule} for name, rule in rules.items()},
    }
    return read_site(document)


def site_of(**rules: Any) -> Judge:
    return Judge(site(**rules), 0)


LIMIT = {"kind": "signal.limit", "limit": "1.0 %vol", "reset": "0.5 %vol"}


def feed(judge: Judge, rows: list[tuple[float, float, float]], until: float, **more: Any) -> list[tuple[float, str]]:
    """rows of (arrived, time, value) in s, of ch4-1: (now in s, change) of the rule `gas`."""
    arrived, time, value = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    columns = [[round(x * S) for x in column] for column in (time, arrived)]
    batch = Batch.of(round(until * S), [0] * len(value), columns[0], value, arrived=columns[1], **more)
    return seen(judge.step(batch).changes)


def seen(changes: list[Change], rule: str = "gas") -> list[tuple[float, str]]:
    return [(c.now / S, c.change) for c in changes if c.rule == rule]


def test_bad_and_late_rows_never_pass_an_off_delay_and_after_unknown_it_begins_again() -> None:
    judge = site_of(gas={"sensors": ["ch4-1"], "detector": LIMIT, "off_delay": "10s"})
    feed(judge, [(1, 1, 2.0), (2, 2, 0.1)], 2)

    assert feed(judge, [(6, 6, NAN), (12, 12, NAN), (13, 13, -1.0)], 14) == [(6, "unwatched")]
    assert feed(judge, [(14, 9, 0.1)], 14) == []
    assert feed(judge, [(15, 15, 0.1), (24, 24, 0.1)], 24) == [(15, "watched")]
    assert feed(judge, [(24.5, 30, NAN), (25, 14, 0.1)], 25) == [(24.5, "unwatched")]
    assert feed(judge, [(31, 31, 0.1), (41, 41, 0.1)], 41) == [(31, "watched"), (41, "returned")]


def test_a_late_row_may_raise_and_a_late_row_never_clears() -> None:
    judge = site_of(gas={"sensors": ["ch4-1"], "detector": LIMIT})
    feed(judge, [(10, 10, 0.1)], 10)

    assert feed(judge, [(11, 5, 1.5)], 11) == [(11, "raised")]
    assert feed(judge, [(12, 6, 0.1)], 12) == []
    assert feed(judge, [(13, 13, 0.1)], 13) == [(13, "returned")]


def test_a_late_row_that_begins_an_on_delay_does_not_shorten_it() -> None:
    judge = site_of(gas={"sensors": ["ch4-1"], "detector": LIMIT, "on_delay": "30s"})
    feed(judge, [(100, 100, 0.1)], 100)

    assert feed(judge, [(101, 60, 1.5), *((now, now, 0.7) for now in (102, 112, 122, 131))], 131) == []
    assert feed(judge, [(132, 132, 0.7)], 132) == [(132, "raised")]


def test_a_retained_peak_is_raised_though_it_proves_no_life() -> None:
    judge = site_of(gas={"sensors": ["ch4-1"], "detector": LIMIT})
    feed(judge, [], 20)

    assert feed(judge, [(21, 3, 2.0)], 40, quality=[int(Quality.RETAINED)]) == [(21, "raised")]
    assert judge.watching() == (1, 2)


def test_a_shelf_ends_after_all_that_arrived_at_its_instant_and_not_before_the_log_is_seen_past_it() -> None:
    judge = site_of(gas={"sensors": ["ch4-1"], "detector": LIMIT})
    judge.act(Action("a", "shelve", "gas", "ch4-1", "li", "works", until=9 * S), 0)

    assert feed(judge, [(1, 1, 0.1)], 9) == [(1, "watched")]
    assert feed(judge, [(9, 9, 2.0)], 9) == [(9, "raised")]
    assert feed(judge, [(10, 10, 0.1)], 10) == [(9, "shelf_ended"), (10, "returned")]


def test_a_vote_on_the_lower_rung_hears_it_though_the_file_puts_it_between_the_rungs() -> None:
    cut = {**LIMIT, "limit": "1.5 %vol", "reset": "1.0 %vol"}
    vote = {"kind": "network.vote", "of": "@warn/*", "k": 1}
    judge = site_of(
        warn={"sensors": ["ch4-*"], "detector": LIMIT, "ladder": "gas", "rung": 0},
        confirmed={"group": "face", "detector": vote},
        cut={"sensors": ["ch4-*"], "detector": cut, "ladder": "gas", "rung": 1},
    )

    changes = judge.step(Batch.of(2 * S, [0], [S], [1.2])).changes

    assert seen(changes, "confirmed") == [(1, "raised")]


def test_a_broken_rule_tells_those_who_vote_on_it_that_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    vote = {"kind": "network.vote", "of": "@warn/ch4-1", "k": 1, "degrade": "keep"}
    judge = site_of(warn={"sensors": ["ch4-1"], "detector": LIMIT}, confirmed={"group": "face", "detector": vote})
    feed(judge, [(1, 1, 0.1)], 1)
    bank = next(b for b in judge.verdicts.banks if b.rules[0].name == "warn")

    def step(*_: Any) -> Any:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(type(bank.detector), "step", step)
    changes = judge.step(Batch.of(2 * S, [0], [2 * S], [0.1])).changes

    assert seen(changes, "confirmed") == [(2, "unwatched")]


def test_a_delay_that_a_revision_shortens_passes_at_the_revision_and_not_before_it() -> None:
    rule = {"sensors": ["ch4-2"], "detector": LIMIT}
    judge = site_of(gas={**rule, "on_delay": "30s"})
    judge.step(Batch.of(15 * S, [1], [S], [2.0]))

    judge.revise(site(gas={**rule, "on_delay": "3s"}), 15 * S, 2, "wang", "sooner")

    assert seen(judge.step(Batch.of(15 * S)).changes) == []
    assert seen(judge.step(Batch.of(16 * S)).changes) == [(15, "raised")]


def test_a_blind_time_is_told_at_its_start_then_what_fell_due_in_it_and_silence_only_after_it() -> None:
    judge = site_of(gas={"sensors": ["ch4-1"], "detector": LIMIT, "on_delay": "12s"})
    feed(judge, [(1, 1, 2.0)], 3)

    told = judge.blind(3 * S, 100 * S) + judge.step(Batch.of(200 * S)).changes

    assert [(c.now / S, c.change, c.rule) for c in told if c.change != "unwatched"] == [
        (3, "blind", ""), (13, "raised", "gas"), (105, "raised", "silent"),
    ]  # fmt: skip
