"""The band into the future. Oracle: the straight line through (made, 1/v) and (failure, 0), worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from collector.forecasts import AHEAD, GONE, STEP, Forecasts
from collector.judged import Block, SeriesRow
from collector.stored import Cursor

S = 10**9
HOUR = 3600 * S
NOON = 1_800_000_000 * S  # a whole ten minutes
COLUMNS = ("inverse_velocity", "failure_from", "failure_to")
SERIES = {
    **{k: SeriesRow("p17", f"p17/wall.{name}", "north", name, "s") for k, name in enumerate(COLUMNS, 1)},
    9: SeriesRow("p17", "p17", "north", "displacement", "mm"),
    10: SeriesRow("inverse_velocity", "inverse_velocity", "north", "inverse_velocity", "d/mm"),
}
WATCHED = {("wall", "p17"): True}


def knot(time: int, inverse: float | None = 0.5, earliest: int | None = None, latest: int | None = None) -> Block:
    """One knot's derived readings, among others."""
    ends = (inverse, None if earliest is None else earliest / S, None if latest is None else latest / S)
    rows = [(9, 12.5), (10, 7.0), *((k, v) for k, v in enumerate(ends, 1) if v is not None)]
    count = len(rows)
    numbers, values = np.array([k for k, _ in rows], np.int32), np.array([v for _, v in rows])
    return Block(1, time, numbers, np.full(count, time), values, np.zeros(count, np.uint8), np.full(count, time))


def points(lines: list[bytes]) -> dict[int, tuple[float, float]]:
    found = {}
    for line in lines:
        tags, values, time = line.decode().rsplit(" ", 2)
        assert tags == "forecast,site=pit,area=north,sensor=p17,rule=wall"
        low, high = (float(one.split("=")[1]) for one in values.split(","))
        found[int(time)] = low, high
    return found


def test_the_band_falls_from_the_present_inverse_velocity_to_zero_at_both_ends() -> None:
    made = Forecasts()
    assert made.take([knot(NOON, 0.5, NOON + 2 * HOUR, NOON + 8 * HOUR)], SERIES)
    band = points(made.lines("pit", NOON, WATCHED))
    assert list(band) == list(range(NOON, NOON + AHEAD + 1, STEP)), "a fixed grid: ten minutes, twelve hours"
    assert band[NOON] == (0.5, 0.5)
    assert band[NOON + HOUR] == pytest.approx((0.25, 0.5 * 7 / 8))
    assert band[NOON + 2 * HOUR][0] == pytest.approx(0.0)
    assert band[NOON + 8 * HOUR][1] == pytest.approx(0.0)
    assert band[NOON + 12 * HOUR][0] < band[NOON + 12 * HOUR][1] < 0, "below zero once it is due"


def test_an_end_without_bound_never_reaches_zero() -> None:
    made = Forecasts()
    made.take([knot(NOON, 0.5, NOON + 2 * HOUR)], SERIES)
    assert {high for _, high in points(made.lines("pit", NOON, WATCHED)).values()} == {0.5}


def test_the_whole_set_is_written_again_when_it_differs_and_only_then() -> None:
    made = Forecasts()
    made.take([knot(NOON - HOUR, 0.6, NOON + 2 * HOUR, NOON + 8 * HOUR)], SERIES)
    assert len(made.lines("pit", NOON - 5 * S, WATCHED)) == 73
    assert made.lines("pit", NOON - S, WATCHED) == []
    later = points(made.lines("pit", NOON + S, WATCHED))
    assert min(later) == NOON + STEP, "the grid went on"
    made.take([knot(NOON, 0.5, NOON + 3 * HOUR, NOON + 8 * HOUR)], SERIES)
    again = points(made.lines("pit", NOON + 2 * S, WATCHED))
    assert set(again) == set(later), "the same instants, so nothing of the old forecast is left"
    assert again != later


@pytest.mark.parametrize(
    ("after", "now", "watched"),
    [
        ([knot(NOON + HOUR, 0.5)], NOON + HOUR, True),
        ([knot(NOON + HOUR, 0.5, None, NOON + 8 * HOUR)], NOON + HOUR, True),
        ([], NOON + HOUR, False),
        ([], NOON + 49 * HOUR, True),
    ],
    ids=["no acceleration any more", "no earliest end", "its verdict is unknown", "no knot for long"],
)
def test_what_is_forecast_no_more_is_gone_from_all_future_points(after: list[Block], now: int, watched: bool) -> None:
    made = Forecasts()
    made.take([knot(NOON, 0.5, NOON + 2 * HOUR, NOON + 8 * HOUR)], SERIES)
    made.lines("pit", NOON, WATCHED)
    made.take(after, SERIES)
    band = points(made.lines("pit", now, {("wall", "p17"): watched}))
    assert set(band.values()) == {(GONE, GONE)}
    assert len(band) == 73
    assert made.lines("pit", now + HOUR, {("wall", "p17"): watched}) == [], "once is enough"


def test_what_never_was_forecast_writes_nothing() -> None:
    made = Forecasts()
    made.take([knot(NOON, 0.5)], SERIES)
    assert made.lines("pit", NOON, WATCHED) == []
    assert Forecasts().lines("pit", NOON, WATCHED) == []
    assert not Forecasts().take([knot(NOON)], {9: SERIES[9], 10: SERIES[10]}), "a sensor of that quantity is none"


def test_four_knots_that_do_not_come_end_it() -> None:
    made = Forecasts()
    made.take([knot(NOON - HOUR, 0.6, NOON + 9 * HOUR), knot(NOON, 0.5, NOON + 9 * HOUR)], SERIES)
    assert points(made.lines("pit", NOON + 4 * HOUR - S, WATCHED))[NOON + 4 * HOUR][0] > 0
    assert set(points(made.lines("pit", NOON + 4 * HOUR, WATCHED)).values()) == {(GONE, GONE)}


def test_a_restart_knows_what_stood_and_ends_it(tmp_path: Any) -> None:
    made, cursor = Forecasts(), Cursor(tmp_path, "influx")
    assert cursor.forecasts() is None
    made.take([knot(NOON, 0.5, NOON + 2 * HOUR, NOON + 8 * HOUR)], SERIES)
    before = made.lines("pit", NOON, WATCHED)
    cursor.keep_forecasts(made.data())
    again = Forecasts.read(cursor.forecasts())
    assert again.lines("pit", NOON, WATCHED) == before
    cursor.keep_forecasts(again.data())
    assert set(points(Forecasts.read(cursor.forecasts()).lines("pit", NOON, {})).values()) == {(GONE, GONE)}
    cursor.close()


def test_a_late_knot_changes_nothing() -> None:
    made = Forecasts()
    made.take([knot(NOON, 0.5, NOON + 2 * HOUR)], SERIES)
    before = made.data()
    made.take([knot(NOON - HOUR, 0.9, NOON + 9 * HOUR)], SERIES)
    assert made.data() == before
