"""Figures of ISA-18.2 over changes made by hand."""

from __future__ import annotations

from detectors.attention import MINUTE, WINDOW, annunciated, figures, order
from detectors.detector import Why
from detectors.records import Change


def change(now: int, rule: str = "r", what: str = "raised", isa: str = "B", priority: str = "high") -> Change:
    return Change(now, now, "a", "s", rule, "signal.limit", 1, priority, 1, what, isa, None, None, Why("x"))


def test_only_what_calls_a_person_counts() -> None:
    assert annunciated(change(0))
    assert not annunciated(change(0, isa="E"))
    assert not annunciated(change(0, what="returned", isa="D"))
    assert not annunciated(change(0, isa="C", priority="log"))


def test_a_flood_begins_above_ten_and_ends_below_five_and_empty_windows_count() -> None:
    burst = [change(k, f"r{k}") for k in range(11)]
    tail = [change(WINDOW + k, f"r{k}") for k in range(5)] + [change(2 * WINDOW + k, f"r{k}") for k in range(4)]

    found = figures([*burst, *tail], 0, 10 * WINDOW)

    assert (found.alarms, found.windows, found.most, found.in_flood) == (20, 10, 11, 0.2)
    assert found.per_window == 2.0


def test_chatter_and_stale_are_named() -> None:
    times = [k * 15 * 10**9 for k in range(3)]
    chatter = [c for t in times for c in (change(t, "fan"), change(t + 1, "fan", "returned"))]
    day = 25 * 60 * MINUTE

    found = figures([*chatter, change(MINUTE * 2, "old")], 0, day)

    assert found.chattering == ("fan/s",)
    assert found.stale == ("old/s",)
    assert found.top[0] == ("fan/s", 3)


def test_the_list_shows_unacknowledged_first_then_priority_then_the_newest() -> None:
    rows = [
        {"acked": True, "priority": "critical", "since": 9, "n": 4},
        {"acked": False, "priority": "low", "since": 9, "n": 3},
        {"acked": False, "priority": "high", "since": 1, "n": 2},
        {"acked": False, "priority": "high", "since": 5, "n": 1},
    ]

    assert [row["n"] for row in sorted(rows, key=order)] == [1, 2, 3, 4]
