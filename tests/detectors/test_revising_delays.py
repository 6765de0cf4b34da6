"""A revision while an off-delay runs: what ends the alarm is good readings under the new rule, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.detector import Verdict
from detectors.judge import Judge
from detectors.site import read_site
from tests.detectors.test_judge import document, feed, told
from tests.detectors.test_revising import revise

MAST = 3
"""A sensor that may be silent for as long as it likes."""


def held(limit: float = 1.0, reset: float = 0.8, off_delay: str = "60s", **more: Any) -> dict[str, Any]:
    detector = {"kind": "signal.limit", "side": "above", "limit": f"{limit} %vol", "reset": f"{reset} %vol"}
    return {
        "sensors": ["mast"], "detector": detector | more, "priority": "medium", "guidance": "Look",
        "off_delay": off_delay,
    }  # fmt: skip


def plain(every: str | None = None, **rules: dict[str, Any]) -> dict[str, Any]:
    whole = document(**{"held": held(), **rules})
    mast = {"area": "top", "quantity": "methane", "unit": "%vol", "span": [0, 4]}
    whole["sensor"]["mast"] = mast if every is None else {**mast, "every": every}
    return whole


def of(judge: Judge, rule: str, readings: list[tuple[int, float]], until: int | None = None) -> list[tuple[int, str]]:
    """(s, what became of the rule's alarm)."""
    changes = feed(judge, [(at, MAST, value) for at, value in readings], until)
    return [(at, change) for at, name, _, change in told(changes) if name == rule]


def waiting(**more: Any) -> Judge:
    """Raised at 1 s, below its reset since 10 s."""
    judge = Judge(read_site(plain(**more)), 0)
    assert of(judge, "held", [(1, 1.2), (10, 0.5)]) == [(1, "raised")]
    return judge


def test_a_reading_above_the_limit_calls_the_end_off_though_a_revision_came_between() -> None:
    judge = waiting()
    revise(judge, plain(other=held()), 20)

    assert of(judge, "held", [(30, 1.5), (70, 1.5), (130, 1.5)]) == []
    assert of(judge, "held", [(140, 0.5), (199, 0.5), (200, 0.5)]) == [(200, "returned")]


def test_an_off_delay_goes_on_through_a_revision_that_leaves_its_rule_as_it_was() -> None:
    judge = waiting()
    revise(judge, plain(other=held()), 20)

    assert of(judge, "held", [(69, 0.5), (70, 0.5), (71, 1.5)]) == [(70, "returned"), (71, "raised")]


def test_a_new_off_delay_counts_from_where_the_old_one_began() -> None:
    judge = waiting()
    revise(judge, plain(held=held(off_delay="90s")), 20)

    assert of(judge, "held", [(99, 0.5), (100, 0.5)]) == [(100, "returned")]


def test_a_reading_that_the_old_reset_would_have_ended_it_by_does_not_where_the_new_rule_asks_less() -> None:
    judge = waiting()
    revise(judge, plain(held=held(0.6, 0.3)), 20)

    assert of(judge, "held", [(30, 0.5), (80, 0.4), (140, 0.5)]) == []
    assert of(judge, "held", [(150, 0.2), (209, 0.2), (210, 0.2)]) == [(210, "returned")]


def test_what_was_learnt_before_another_unit_ends_nothing() -> None:
    judge = waiting()
    other = plain(held=held(10_000, 8_000))
    other["rule"]["held"]["detector"] |= {"limit": "10000 ppm", "reset": "8000 ppm"}
    other["sensor"]["mast"] |= {"unit": "ppm", "span": [0, 40_000]}
    revise(judge, other, 20)

    assert of(judge, "held", [(30, 15_000), (80, 9_000), (140, 9_000)]) == []
    assert of(judge, "held", [(150, 5_000), (210, 5_000)]) == [(210, "returned")]


def vote(k: int) -> dict[str, Any]:
    return {
        "group": "both", "area": "face", "priority": "high", "guidance": "Leave", "off_delay": "60s",
        "detector": {"kind": "network.vote", "of": "@gas-warn/*", "k": k},
    }  # fmt: skip


@pytest.mark.parametrize(("k", "expected"), [(1, []), (2, [(62, "agreed", "returned")])])
def test_a_vote_that_asks_for_fewer_now_does_not_end_by_time_alone(
    k: int, expected: list[tuple[int, str, str]]
) -> None:
    judge = Judge(read_site(document(agreed=vote(2))), 0)
    feed(judge, [(1, 0, 1.2), (1, 1, 1.2), (2, 1, 0.2)])
    revise(judge, document(agreed=vote(k), other=held() | {"sensors": ["ch4-1"]}), 5)

    rows = [(t, sensor, value) for t in range(6, 100, 4) for sensor, value in ((0, 1.2), (1, 0.2))]
    lines = [(at, rule, change) for at, rule, _, change in told(feed(judge, rows)) if rule == "agreed"]

    assert lines == expected


def test_the_end_of_a_silence_with_a_reading_above_the_limit_begins_no_end_after_a_revision() -> None:
    judge = waiting(every="20s")
    assert of(judge, "held", [], until=100) == []
    revise(judge, plain("20s", other=held()), 100)

    assert of(judge, "held", [(t, 1.5) for t in range(110, 300, 20)]) == []


def test_where_silence_is_no_longer_watched_for_an_alarm_ends_by_the_next_good_readings() -> None:
    judge = waiting(every="20s")
    assert of(judge, "held", [], until=100) == []
    revise(judge, plain(), 100)

    assert of(judge, "held", [(110, 0.5), (170, 0.5)]) == [(170, "returned")]


def test_a_changed_rule_whose_sensor_is_silent_stands_until_readings_under_the_new_rule_end_it() -> None:
    judge = waiting(every="20s")
    assert of(judge, "held", [], until=100) == []
    revise(judge, plain("20s", held=held(0.6, 0.3)), 100)

    assert of(judge, "held", [(t, 0.5) for t in range(110, 250, 20)]) == []
    pair = judge.revision.pair_of["held", "mast"]
    assert judge.verdicts.holding.verdict[pair] == Verdict.ACTIVE
    assert judge.verdicts.holding.watching[pair]
