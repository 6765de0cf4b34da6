"""A rule whose memory is lost because one beside it broke learns anew, and says so: nothing is shown as watched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.detector import Verdict
from detectors.judge import Judge
from detectors.reading import Batch
from detectors.records import Change
from detectors.signal.limit import Limit
from tests.detectors.test_judge import S, feed, judge_of, told

BREAKS = 0.7
"""The value at which the rule `level` raises an exception."""


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """A judge whose banks are all too large to be undone."""
    original = Limit.step

    def step(self: Limit, state: Any, batch: Batch) -> Any:
        if np.any(batch.value == BREAKS) and np.any(np.asarray(self.limit) == 2.0):
            raise ZeroDivisionError("planted")
        return original(self, state, batch)

    monkeypatch.setattr(Limit, "step", step)
    monkeypatch.setattr("detectors.bank.SMALL", 0)
    return judge_of(level=rule(2.0, 2.0), slow=rule(1.2, 1.0, on_delay="10s", off_delay="10s"))


def rule(limit: float, reset: float, **more: Any) -> dict[str, Any]:
    detector = {"kind": "signal.limit", "side": "above", "limit": f"{limit} %vol", "reset": f"{reset} %vol"}
    return {"sensors": ["ch4-*"], "detector": detector, "priority": "high", "guidance": "Withdraw", **more}


def holds(judge: Judge, name: str, sensor: str) -> tuple[Verdict, bool]:
    """(verdict, watching) of a pair."""
    pair, holding = judge.revision.pair_of[name, sensor], judge.verdicts.holding
    return Verdict(int(holding.verdict[pair])), bool(holding.watching[pair])


def watch(changes: list[Change], sensor: str) -> list[tuple[str, str, str]]:
    """(rule, change, why) of the coming and going of watch at a sensor."""
    ours = [c for c in changes if c.sensor == sensor and c.change in ("watched", "unwatched")]
    return [(c.rule, c.change, c.why.key) for c in ours]


def test_what_was_clear_is_not_watched_before_it_is_judged_again(judge: Judge) -> None:
    feed(judge, [(1, 0, 0.2), (1, 1, 0.2)])
    before = judge.watching()

    changes = feed(judge, [(2, 0, BREAKS)])

    assert watch(changes, "ch4-2") == [
        ("gas-cut", "unwatched", "rule.restarted"), ("gas-warn", "unwatched", "rule.restarted"),
        ("level", "unwatched", "rule.broken"), ("slow", "unwatched", "rule.restarted"),
    ]  # fmt: skip
    assert holds(judge, "gas-warn", "ch4-2") == (Verdict.UNKNOWN, False)
    assert holds(judge, "gas-warn", "ch4-1") == (Verdict.CLEAR, True), "it is judged by that row"
    assert judge.watching()[0] < before[0]
    feed(judge, [(3, 1, 0.2)])
    assert holds(judge, "gas-warn", "ch4-2") == (Verdict.CLEAR, True)


def test_the_end_of_a_silence_does_not_make_watched_what_has_learnt_nothing(judge: Judge) -> None:
    feed(judge, [(1, 1, 0.2)], until=60)
    feed(judge, [(61, 0, BREAKS)])

    changes = feed(judge, [(62, 1, float("nan"))])

    assert (62, "silent", "ch4-2", "returned") in told(changes)
    assert holds(judge, "gas-warn", "ch4-2") == (Verdict.UNKNOWN, False)


def test_an_alarm_that_was_about_to_end_stands_until_its_rule_says_again_that_it_is_over(judge: Judge) -> None:
    feed(judge, [(t, 1, 1.3) for t in range(1, 15, 4)])
    feed(judge, [(15, 1, 0.5)])
    assert judge.alarms.is_active(("slow", "ch4-2"))
    feed(judge, [(16, 0, BREAKS)])

    assert [line for line in told(feed(judge, [(t, 1, 1.1) for t in range(17, 60, 4)])) if line[1] == "slow"] == []
    ended = told(feed(judge, [(t, 1, 0.5) for t in range(60, 80, 5)]))
    assert (70, "slow", "ch4-2", "returned") in ended


def test_what_waits_to_be_raised_is_raised_at_its_time(judge: Judge) -> None:
    feed(judge, [(1, 1, 1.3)])
    feed(judge, [(2, 0, BREAKS)])

    assert (11, "slow", "ch4-2", "raised") in told(feed(judge, [(t, 1, 1.3) for t in (5, 9, 11, 13)]))


def test_it_is_told_once_and_only_of_what_was_watched(judge: Judge) -> None:
    feed(judge, [(1, 0, 0.2)])

    changes = feed(judge, [(2, 0, BREAKS), (3, 1, 0.2), (4, 1, 0.2)])

    assert [line for line in watch(changes, "ch4-2") if line[1] == "unwatched"] == []
    assert [c.now for c in changes if c.why.key == "rule.restarted"] == [2 * S] * 3
    assert watch(feed(judge, [(5, 0, 0.2), (5, 1, 0.2)]), "ch4-1") == []


def test_an_alarm_stands_and_is_told_as_not_watched(judge: Judge) -> None:
    feed(judge, [(1, 1, 1.2)])

    changes = feed(judge, [(2, 0, BREAKS)])

    assert ("gas-warn", "unwatched", "rule.restarted") in watch(changes, "ch4-2")
    assert holds(judge, "gas-warn", "ch4-2") == (Verdict.ACTIVE, False)
    assert (4, "gas-warn", "ch4-2", "returned") in told(feed(judge, [(3, 1, 0.8), (4, 1, 0.4)]))
    assert holds(judge, "gas-warn", "ch4-2") == (Verdict.CLEAR, True)


def test_where_no_reading_tells_the_place_it_is_where_the_batch_ends(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(judge, [(1, 1, 0.2)])
    step = Limit.step

    def tick(self: Limit, state: Any, batch: Batch) -> Any:
        if not len(batch) and np.any(np.asarray(self.limit) == 2.0):
            raise ZeroDivisionError("planted")
        return step(self, state, batch)

    monkeypatch.setattr(Limit, "step", tick)

    changes = feed(judge, [], until=3)

    assert {c.now for c in changes if c.why.key == "rule.restarted"} == {3 * S}
    assert holds(judge, "gas-warn", "ch4-2") == (Verdict.UNKNOWN, False)
