"""The embedded history: nothing lost, nothing twice, quick to read, whatever the sizes of the blocks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.errors import Damaged, Unavailable
from collector.history import CHUNK, TRIM_EVERY, History, HistorySink, history_file
from collector.judged import SeriesRow
from tests.blocks import BEGIN, SECOND, SERIES, block, steady

END = BEGIN + 10**6 * SECOND


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[HistorySink]:
    made = HistorySink(tmp_path, lambda: SERIES)
    yield made
    made.close()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path)
    yield made
    made.close()


def _chunks(folder: Path) -> list[tuple[int, int]]:
    store = sqlite3.connect(history_file(folder))
    rows = store.execute("SELECT whole, readings FROM chunk ORDER BY id").fetchall()
    store.close()
    return rows


def test_what_was_written_is_read_back_to_the_bit(sink: HistorySink, history: History) -> None:
    values = [0.1, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), float("nan")]
    sink.write([block(1, [(1, BEGIN + k, value, k) for k, value in enumerate(values)])])
    time, value, quality = history.window("ch4-2105", BEGIN, END)
    assert time.tolist() == [BEGIN + k for k in range(6)]
    assert value.tobytes() == np.array(values).tobytes()
    assert quality.tolist() == list(range(6))
    assert (time.dtype, value.dtype, quality.dtype) == (np.int64, np.float64, np.uint8)


def test_before_anything_was_written_history_is_empty(tmp_path: Path, history: History) -> None:
    assert history.counts() == {}
    assert [len(column) for column in history.window("ch4-2105", 0, END)] == [0, 0, 0]
    assert not history_file(tmp_path).exists()


def test_an_unknown_series_is_empty(sink: HistorySink, history: History) -> None:
    sink.write([steady(1, 0, 3)])
    assert len(history.window("nobody", 0, END)[0]) == 0


def test_a_window_takes_its_start_and_leaves_its_end(sink: HistorySink, history: History) -> None:
    sink.write([steady(1, 0, 10)])
    assert history.window("ch4-2105", BEGIN + 3 * SECOND, BEGIN + 6 * SECOND)[1].tolist() == [3, 4, 5]


def test_a_block_given_again_is_written_once(sink: HistorySink, history: History) -> None:
    sink.write([steady(1, 0, 5), steady(2, 5, 5)])
    sink.write([steady(1, 0, 5), steady(2, 5, 5), steady(3, 10, 5)])
    assert history.counts() == {"ch4-2105": 15}


def test_a_block_given_again_after_a_restart_is_written_once(tmp_path: Path, history: History) -> None:
    for _ in range(2):
        sink = HistorySink(tmp_path, lambda: SERIES)
        sink.write([steady(1, 0, CHUNK + 5)])
        sink.close()
    assert history.counts() == {"ch4-2105": CHUNK + 5}


def test_small_pieces_become_chunks(tmp_path: Path, sink: HistorySink, history: History) -> None:
    for k in range(CHUNK - 1):
        sink.write([steady(k + 1, k, 1)])
    assert _chunks(tmp_path) == [(0, 1)] * (CHUNK - 1)
    sink.write([steady(CHUNK, CHUNK - 1, 2)])
    assert _chunks(tmp_path) == [(1, CHUNK), (0, 1)]
    assert history.window("ch4-2105", BEGIN, END)[1].tolist() == list(range(CHUNK + 1))


def test_pieces_of_an_earlier_process_are_joined_too(tmp_path: Path, history: History) -> None:
    for k in range(4):
        sink = HistorySink(tmp_path, lambda: SERIES)
        sink.write([steady(k + 1, 200 * k, 200)])
        sink.close()
    assert _chunks(tmp_path) == [(1, CHUNK), (0, 200)]
    assert history.counts() == {"ch4-2105": 800}


def test_late_readings_come_out_in_their_place(sink: HistorySink, history: History) -> None:
    sink.write([steady(1, 100, 700), steady(2, 0, 50)])
    sink.write([block(3, [(1, 0, -1.0), (1, BEGIN + 60 * SECOND, 60.0)])])
    assert history.window("ch4-2105", BEGIN + 40 * SECOND, BEGIN + 103 * SECOND)[1].tolist() == [
        *range(40, 50), 60, 100, 101, 102,
    ]  # fmt: skip
    assert history.window("ch4-2105", 0, 1)[1].tolist() == [-1.0]


def test_conflicting_values_of_one_time_are_both_kept_as_they_came(sink: HistorySink, history: History) -> None:
    sink.write([block(1, [(1, BEGIN, 2.0)]), block(2, [(1, BEGIN, 1.0, 8)])])
    assert history.window("ch4-2105", BEGIN, END)[1].tolist() == [2.0, 1.0]


def test_series_are_kept_apart(sink: HistorySink, history: History) -> None:
    sink.write([block(1, [(1, BEGIN, 1.0), (3, BEGIN, float("nan")), (2, BEGIN, 2.0), (1, BEGIN + 1, 3.0)])])
    assert history.counts() == {"@wall-moving/prism-17": 1, "ch4-2105": 2, "prism-17/wall-moving.velocity": 1}
    assert history.series()["ch4-2105"] == ("face-2105", "methane", "%vol")


def test_a_series_that_appears_later_is_learnt(tmp_path: Path, history: History) -> None:
    known: dict[int, SeriesRow] = {1: SERIES[1]}
    sink = HistorySink(tmp_path, lambda: known)
    sink.write([steady(1, 0, 1)])
    with pytest.raises(Unavailable, match="series 2"):
        sink.write([steady(2, 0, 1, series=2)])
    known[2] = SERIES[2]
    sink.write([steady(2, 0, 1, series=2)])
    sink.close()
    assert history.counts() == {"ch4-2105": 1, "prism-17/wall-moving.velocity": 1}


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path, sink: HistorySink, history: History) -> None:
    sink.write([steady(1, 0, 599)])
    with pytest.raises(Unavailable):
        sink.write([steady(2, 599, 10), steady(3, 0, 1, series=99)])
    assert history.counts() == {"ch4-2105": 599}
    sink.write([steady(2, 599, 10)])
    assert _chunks(tmp_path) == [(1, CHUNK), (0, 9)]
    assert history.window("ch4-2105", BEGIN, END)[1].tolist() == list(range(609))


def test_what_is_older_than_keep_is_trimmed_by_the_blocks_own_now(tmp_path: Path, history: History) -> None:
    sink = HistorySink(tmp_path, lambda: SERIES, keep=1000 * SECOND)
    sink.write([steady(1, 0, CHUNK), steady(2, CHUNK, 1000)])
    sink.write([block(3, [(1, BEGIN + 1601 * SECOND, 1.0)], now=BEGIN + 1700 * SECOND + TRIM_EVERY)])
    sink.write([block(4, [(1, BEGIN + 1602 * SECOND, 1.0)], now=BEGIN + 1700 * SECOND + 2 * TRIM_EVERY)])
    sink.close()
    assert history.counts() == {"ch4-2105": 1602 - 2 * CHUNK}


def test_a_reader_sees_what_the_writer_commits(sink: HistorySink, history: History) -> None:
    for k in range(3):
        sink.write([steady(k + 1, k, 1)])
        assert history.counts() == {"ch4-2105": k + 1}


def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    history_file(tmp_path).write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(Damaged, match="history.db"):
        HistorySink(tmp_path, lambda: SERIES)


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 900), min_size=1, max_size=8),
    cuts=st.lists(st.integers(1, 8), max_size=4),
)
def test_however_blocks_are_grouped_every_reading_is_there_once(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("history")
    blocks, first = [], 0
    for seq, size in enumerate(sizes, start=1):
        blocks.append(steady(seq, first, size))
        first += size
    for cut in [*cuts, len(blocks)]:  # each is a restart that gives everything up to there again
        sink = HistorySink(folder, lambda: SERIES)
        sink.write(blocks[:cut])
        sink.close()
    reader = History(folder)
    assert reader.window("ch4-2105", BEGIN, END)[1].tolist() == list(range(first))
    assert all(readings == CHUNK for whole, readings in _chunks(folder) if whole)
    assert sum(readings for whole, readings in _chunks(folder) if not whole) < CHUNK
    reader.close()
