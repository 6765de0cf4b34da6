"""The batch's own folds against a loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.grouping import group
from detectors.reading import Batch, Quality
from detectors.says import AFTER, Says

LOGS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(list(Says))), max_size=90)


@given(LOGS, st.lists(st.integers(0, 2), min_size=6, max_size=6), st.booleans())
def test_settle_equals_a_loop(log: list[tuple[int, Says]], start: list[int], distinct: bool) -> None:
    if distinct:
        log = list({sensor: (sensor, says) for sensor, says in log}.values())
    sensors, says = [s for s, _ in log], np.array([w for _, w in log], np.uint8)
    expected, state = [], list(start)
    for row, (sensor, word) in enumerate(log):
        after = int(AFTER[state[sensor], word])
        if after != state[sensor]:
            expected.append((row, after))
        state[sensor] = after
    verdict = np.array(start, np.int8)

    batch = Batch.of(1, sensors, np.arange(len(log)), np.zeros(len(log)))
    rows, verdicts = batch.settle_verdicts(verdict, says)

    assert list(zip(rows.tolist(), verdicts.tolist(), strict=True)) == expected
    assert verdict.tolist() == state


@given(st.lists(st.integers(0, 200_000), max_size=50))
def test_grouping_is_stable_and_whole(sensors: list[int]) -> None:
    runs = group(np.array(sensors, np.intp))

    assert [s for s, _ in runs] == sorted(set(sensors))
    assert [r for _, rows in runs for r in rows.tolist()] == sorted(range(len(sensors)), key=lambda k: (sensors[k], k))


@given(st.lists(st.integers(0, 9), max_size=60))
def test_rounds_repeat_no_sensor_and_keep_each_sensors_order(sensors: list[int]) -> None:
    batch = Batch.of(1, sensors, np.arange(len(sensors)), np.zeros(len(sensors)))

    rounds = [r.tolist() for r in batch.rounds()]

    assert all(len({sensors[k] for k in r}) == len(r) for r in rounds)
    assert [sorted(k for r in rounds for k in r)] == [list(range(len(sensors)))]
    for sensor in set(sensors):
        mine = [k for r in rounds for k in r if sensors[k] == sensor]
        assert mine == sorted(mine)


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 5), st.booleans())
def test_turns_and_the_rest_are_all_rows_in_each_sensors_order(
    sensors: list[int], narrowest: int, odd_only: bool
) -> None:
    batch = Batch.of(1, sensors, np.arange(len(sensors)), np.zeros(len(sensors)))
    rows = np.arange(1, len(sensors), 2) if odd_only else np.arange(len(sensors))

    ranked = batch.ranked(rows) if odd_only else batch.ranked()
    found: dict[int, list[int]] = {place: [] for place in range(len(ranked.sensor))}
    turns = list(ranked.turns(narrowest))
    for of_turn in turns:
        assert len(of_turn) >= narrowest
        for place, row in enumerate(of_turn.tolist()):
            found[place].append(row)
    for place, left in ranked.rest(len(turns)):
        assert place < narrowest
        found[place].extend(left.tolist())

    mine = {s: [k for k in rows.tolist() if sensors[k] == s] for s in sorted({sensors[k] for k in rows.tolist()})}
    assert {int(ranked.sensor[place]): of for place, of in found.items()} == mine
    assert sorted(map(len, mine.values()), reverse=True) == ranked.length.tolist()


def test_a_longer_run_than_16_bits_ranks_first() -> None:
    sensors = np.concatenate(([1, 2, 2], np.zeros(70_000, int)))
    ranked = Batch.of(1, sensors, np.arange(len(sensors)), np.zeros(len(sensors))).ranked()

    assert ranked.sensor.tolist() == [0, 2, 1]


def test_a_batch_is_whole_where_row_k_is_of_sensor_k() -> None:
    def whole(sensors: list[int], count: int) -> bool:
        return Batch.of(1, sensors, sensors, sensors).whole(count)

    assert whole([0, 1, 2], 3)
    assert not any(whole(s, 3) for s in ([], [0, 1], [1, 0, 2], [0, 0, 2], [0, 2, 2]))
    assert not whole([0, 1, 2], 4)
    assert not whole([], 0)


LEVELS = st.tuples(st.integers(0, 5), st.sampled_from("trbn"), st.booleans(), st.sampled_from([0, 1, 2, 4, 128]))


@given(st.lists(LEVELS, max_size=20), st.lists(st.integers(0, 2), min_size=6, max_size=6), st.booleans(), st.booleans())
def test_settle_level_is_steady_and_settle(
    log: list[tuple[int, str, bool, int]], start: list[int], whole: bool, masked: bool
) -> None:
    if whole:
        log = [(k, *(log[k][1:] if k < len(log) else ("b", True, 0))) for k in range(6)]
    judged = np.array([j or not masked for *_, j, _ in log], np.bool_)
    trip = np.array([w == "t" for _, w, _, _ in log], np.bool_) & judged
    reset = np.array([w == "r" for _, w, _, _ in log], np.bool_) & judged
    batch = Batch.of(1, [s for s, *_ in log], range(len(log)), np.zeros(len(log)), quality=[q for *_, q in log])
    says = batch.steady(trip, reset)
    says[~judged & batch.good] = Says.NOTHING
    verdict, expected = np.array(start, np.int8), np.array(start, np.int8)

    rows, verdicts = batch.settle_level(verdict, trip, reset, judged if masked else None)

    wanted_rows, wanted = batch.settle_verdicts(expected, says)
    assert (rows.tolist(), verdicts.tolist()) == (wanted_rows.tolist(), wanted.tolist())
    assert verdict.tolist() == expected.tolist()


def test_a_bad_reading_may_raise_but_never_clears() -> None:
    flags = [0, Quality.LATE, Quality.OUT_OF_SPAN, Quality.NO_VALUE, Quality.SIMULATED]
    batch = Batch.of(9, [0] * 5, range(5), [0.1] * 5, quality=[int(f) for f in flags])
    low, high = np.ones(5, np.bool_), np.zeros(5, np.bool_)

    assert batch.steady(high, low).tolist() == [Says.CLEAR, 0, Says.BLUR, Says.BLUR, Says.CLEAR]
    assert batch.steady(low, high).tolist() == [Says.ACTIVE, Says.ACTIVE, Says.ACTIVE, Says.BLUR, Says.ACTIVE]
