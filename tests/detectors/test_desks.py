"""Desks: the budget holds for every stream, nothing is hidden, and each figure is what a recount gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.attention import FLOOD_BEGINS, MINUTE, WINDOW, annunciated
from detectors.desk_load import FIGURES, Load
from detectors.desks import BUDGET, QUIET, Desks
from detectors.detector import Why
from detectors.records import Change, spelled
from detectors.site import SiteMistakes, read_site, series

S = 10**9
START = 1
AREAS = {"face": "north", "return": "north", "mill": "south", "silo": "south"}


def raised(now: int, sensor: str, area: str = "face", priority: str = "medium", number: int = 1) -> Change:
    return Change(now, now, area, sensor, "r", "signal.limit", 1, priority, number, "raised", "B", 1.0, 0.5, Why("x"))


def heard(changes: Sequence[Change], until: int | None = None, desks: Desks | None = None) -> list[Change]:
    last = changes[-1].now if changes else 0
    return (desks or Desks(AREAS, START)).follow(changes, last + 2 * WINDOW if until is None else until, 1)


def own(change: Change) -> bool:
    return change.notice == spelled(change.rule, change.sensor, change.occurrence)


def stream(random: Random, length: int) -> list[Change]:
    now, out = WINDOW, []
    for k in range(length):
        now += random.choice((0, 0, S, 5 * S, 30 * S, 100 * S, 10 * MINUTE))
        place = random.randint(0, 40)
        priority = ("low", "medium", "high", "high", "critical", "log")[place % 6]
        one = raised(now, f"s{place}", [*AREAS, ""][place % 5], priority, k + 1)
        out.append(random.choice((one, one, one, replace(one, change="returned", isa="A"))))
    return out


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 120))
def test_no_desk_hears_more_than_its_budget_and_every_alarm_is_in_a_notice(random: Random, length: int) -> None:
    changes = stream(random, length)
    told = heard(changes)

    assert [replace(c, desk="", notice="") for c in told if c.change != "joined"] == changes
    open_since: dict[str, int] = {}
    joined: dict[str, int] = {}
    for c in told:
        if c.change == "joined":
            assert c.why.numbers["count"] == joined.pop(c.notice), "each counts all who joined since the one before"
            assert c.now - int(c.why.numbers["since"]) == WINDOW
            open_since[c.notice] = c.now
        elif not annunciated(c):
            assert (c.desk, c.notice) == ("", "")
        elif own(c):
            assert c.notice not in open_since, "an occurrence is told by itself once"
            open_since[c.notice] = c.now
        else:
            assert c.priority != "critical"
            assert c.now - open_since[c.notice] <= WINDOW, "it joins what was told at most 10 min ago"
            joined[c.notice] = joined.get(c.notice, 0) + 1
    assert not joined, "whoever joined is counted at last"
    for desk in ("north", "south"):
        times = [c.now for c in told if c.desk == desk and (own(c) or c.change == "joined") and not is_critical(c)]
        for at in times:
            assert sum(at - WINDOW < t <= at for t in times) <= BUDGET


def is_critical(change: Change) -> bool:
    return change.priority == "critical" and change.change != "joined"


def test_a_quiet_desk_hears_each_alarm_by_itself() -> None:
    told = heard([raised(k * S, f"s{k}") for k in range(1, QUIET + 1)])

    assert [c.notice for c in told] == [f"r/s{k}#1" for k in range(1, QUIET + 1)]
    assert {c.desk for c in told} == {"north"}


def test_in_a_flood_an_alarm_joins_the_first_out_of_its_area_and_they_are_counted_ten_minutes_later() -> None:
    quiet = [raised(k * S, f"s{k}", "return") for k in range(1, QUIET + 1)]
    flood = [raised(10 * S, "fan", "face", "high"), raised(11 * S, "ch4", "face"), raised(12 * S, "co", "face", "low")]

    told = heard([*quiet, *flood])

    assert [c.notice for c in told[QUIET:QUIET + 3]] == ["r/fan#1"] * 3
    (count,) = [c for c in told if c.change == "joined"]
    assert (count.now, count.sensor, count.priority, count.desk) == (10 * S + WINDOW, "fan", "medium", "north")
    assert dict(count.why.numbers) == {"count": 2, "worst": "medium", "since": 10 * S}


def test_a_full_desk_is_told_of_further_areas_with_the_newest_notice() -> None:
    desks = Desks({f"area-{k}": "all" for k in range(20)}, START)
    told = heard([raised(k * S, f"s{k}", f"area-{k}") for k in range(1, 20)], desks=desks)

    own_notices = [c.sensor for c in told if own(c) and c.change == "raised"]
    assert own_notices == [f"s{k}" for k in range(1, BUDGET + 1)]
    assert {c.notice for c in told if c.change == "raised" and not own(c)} == {f"r/s{BUDGET}#1"}


def test_a_critical_alarm_is_told_at_once_whatever_the_flood_and_takes_no_room() -> None:
    flood = [raised(k * S, f"s{k}") for k in range(1, 100)]
    told = heard([*flood, raised(100 * S, "out", "face", "critical"), *[raised(101 * S, f"t{k}") for k in range(5)]])

    (critical,) = [c for c in told if c.priority == "critical"]
    assert own(critical)
    assert all(c.notice == "r/s1#1" for c in told if c.sensor.startswith("t"))


def test_one_desk_floods_and_the_other_goes_on_by_itself() -> None:
    told = heard([*[raised(k * S, f"s{k}") for k in range(1, 100)], raised(100 * S, "mill-1", "mill")])

    assert own(next(c for c in told if c.sensor == "mill-1"))


def test_alarms_of_no_area_are_heard_at_the_first_desk() -> None:
    assert heard([raised(S, "judge", "")])[0].desk == "north"


def test_a_revision_keeps_what_was_told() -> None:
    desks = Desks(AREAS, START)
    heard([raised(k * S, f"s{k}") for k in range(1, 8)], until=8 * S, desks=desks)

    desks.revise({"face": "all", "return": "all"}, {("r", "s1"): "face"})

    assert desks.notice_of == {("r", "s1"): "r/s1#1"}
    assert [c.change for c in desks.follow([], 2 * WINDOW, 2)] == ["joined"]


def test_what_stands_goes_with_its_area_to_another_desk_and_is_counted_once() -> None:
    desks = Desks(AREAS, START)
    desks.windows(heard([raised(S, "a", "face"), raised(2 * S, "b", "mill")], until=3 * S, desks=desks), 3 * S)

    desks.revise({"mill": "north", "silo": "north", "face": "south", "return": "west"},
                 {("r", "a"): "face", ("r", "b"): "mill"})  # fmt: skip
    gone = replace(raised(4 * S, "a", "face"), change="returned", isa="A")

    standing = {desk: figures[3] for _, desk, figures in desks.windows([gone], WINDOW + S)}
    assert standing == {0: 1.0, 1: 0.0, 2: 0.0}, "north has b; a has returned at the desk that has it now"


def test_windows_are_counted_from_the_beginning_whatever_is_heard_first() -> None:
    late, often = Desks(AREAS, START), Desks(AREAS, START)
    ticked = [one for tick in range(60, 3000, 60) for one in often.windows([], tick * S)]
    assert late.windows([], 2940 * S) == ticked
    assert len(ticked) == 2 * 4


# -- the figures ---------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 120))
def test_the_figures_are_what_a_recount_of_the_lines_gives(random: Random, length: int) -> None:
    desks = Desks(AREAS, START)
    told = heard(stream(random, length), desks=desks)
    end = told[-1].now + 2 * WINDOW if told else WINDOW

    windows = desks.windows(told, end)

    flooded = [False, False]
    for at, desk, figures in windows:
        mine = [c for c in told if c.change != "joined" and desk_of(c) == desk]
        inside = [c for c in mine if at - WINDOW < c.now <= at and annunciated(c)]
        lines = [c for c in told if desk_of(c) == desk and at - WINDOW < c.now <= at]
        flooded[desk] = len(inside) > FLOOD_BEGINS or (flooded[desk] and len(inside) >= 5)
        stands = {c.sensor: c for c in mine if c.now <= at and c.priority != "log"}
        assert figures[:4] == [
            len(inside),
            sum(own(c) for c in lines),
            flooded[desk],
            sum(c.change == "raised" for c in stands.values()),
        ]
    assert [at for at, desk, _ in windows if desk == 0] == [at for at, desk, _ in windows if desk == 1]


def desk_of(change: Change) -> int:
    return 1 if AREAS.get(change.area) == "south" else 0


def test_stale_and_chattering_are_counted() -> None:
    load = Load()
    for k in range(3):
        load.note(replace(raised(k * S, "fan"), notice="r/fan#1"))
    load.note(replace(raised(5 * S, "old"), notice="r/old#1"))

    named = dict(zip(FIGURES, load.close(10 * MINUTE), strict=True))
    later = dict(zip(FIGURES, load.close(25 * 60 * MINUTE), strict=True))

    assert (named["chattering"], named["stale"], named["standing"]) == (1, 0, 2)
    assert (later["chattering"], later["stale"], later["alarms"]) == (0, 2, 0)


# -- the site file -------------------------------------------------------------------------------------------------


def document(**desks: Any) -> dict[str, Any]:
    methane = {"quantity": "methane", "unit": "%vol", "span": [0, 4], "every": "5s"}
    return {
        "site": {"id": "pit", "timezone": "UTC", "simulated": True},
        "sensor": {"ch4-1": {**methane, "area": "face"}, "ch4-2": {**methane, "area": "mill"}},
        "desk": desks,
    }


def test_a_site_without_desks_has_one() -> None:
    site = read_site(document())

    assert dict(site.desk_of) == {"face": "site", "mill": "site"}
    assert [one.id for one in series(site)][-len(FIGURES):] == [f"desk/site.{figure}" for figure in FIGURES]


@pytest.mark.parametrize(
    ("desks", "said"),
    [
        ({"north": {"areas": ["face"]}}, "desk: found no desk for mill, allowed: every area at one desk"),
        ({"north": {"areas": ["fase", "mill"]}}, 'areas.0: found "fase", allowed: face, mill, nearest'),
        ({"a": {"areas": ["face", "mill"]}, "b": {"areas": ["mill"]}}, "desk.b.areas.0: found mill, which a has too"),
        ({"north": {}}, "desk.north.areas: found nothing, allowed: a list of areas: face, mill"),
        ({"north": {"area": ["face"]}}, "desk.north.area: found unknown key 'area', allowed: areas, nearest 'areas'"),
    ],
)
def test_what_is_wrong_with_desks_is_said(desks: dict[str, Any], said: str) -> None:
    with pytest.raises(SiteMistakes) as caught:
        read_site(document(**desks))

    assert said in str(caught.value)
