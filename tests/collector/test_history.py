"""The embedded history: nothing lost, nothing twice, quick to read, whatever the sizes of the blocks."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import collector.history
from collector.errors import Damaged, Unavailable
from collector.history import CHUNK, History, HistorySink, history_file
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


def _chunks(folder: Path) -> list[int]:
    store = sqlite3.connect(history_file(folder))
    rows = store.execute("SELECT readings FROM chunk ORDER BY id").fetchall()
    store.close()
    return [readings for (readings,) in rows]


def _recent(folder: Path) -> int:
    store = sqlite3.connect(history_file(folder))
    (rows,) = store.execute("SELECT count(*) FROM recent").fetchone()
    store.close()
    return int(rows)


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


def test_what_is_new_is_folded_into_chunks_when_it_has_grown(
    tmp_path: Path, sink: HistorySink, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector.history, "RECENT_READINGS", 1000)
    sink.write([steady(1, 0, 900)])
    assert (_chunks(tmp_path), _recent(tmp_path)) == ([], 1)
    sink.write([steady(2, 900, 250)])
    assert (_chunks(tmp_path), _recent(tmp_path)) == ([CHUNK, 550], 0)
    sink.write([steady(3, 1150, 1000)])
    assert (_chunks(tmp_path), _recent(tmp_path)) == ([CHUNK, CHUNK, CHUNK, 350], 0)
    assert history.window("ch4-2105", BEGIN, END)[1].tolist() == list(range(2150))
    assert history.counts() == {"ch4-2105": 2150}


def test_many_small_writes_are_folded_too(tmp_path: Path, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector.history, "RECENT_ROWS", 10)
    for k in range(25):
        sink = HistorySink(tmp_path, lambda: SERIES)  # each a new process
        sink.write([steady(k + 1, k, 1)])
        sink.close()
    assert (_chunks(tmp_path), _recent(tmp_path)) == ([20], 5)
    assert history.window("ch4-2105", BEGIN, END)[1].tolist() == list(range(25))


def test_a_slow_series_beside_a_quick_one_gets_whole_chunks(
    tmp_path: Path, sink: HistorySink, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector.history, "RECENT_READINGS", 500)
    for k in range(8):
        rows = [(1, BEGIN + (500 * k + j) * SECOND, float(j)) for j in range(500)]
        sink.write([block(k + 1, [*rows, (2, BEGIN + k * SECOND, float(k))])])
    assert sorted(_chunks(tmp_path)) == [8, 400, *[CHUNK] * 6]
    assert history.window("prism-17/wall-moving.velocity", BEGIN, END)[1].tolist() == list(range(8))


@pytest.mark.parametrize("recent", [10, 100_000])
def test_late_readings_come_out_in_their_place(
    sink: HistorySink, history: History, recent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector.history, "RECENT_READINGS", recent)
    sink.write([steady(1, 100, 700), steady(2, 0, 50)])
    sink.write([block(3, [(1, 0, -1.0), (1, BEGIN + 60 * SECOND, 60.0)])])
    sink.write([steady(4, 800, 20)])
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


def test_a_write_that_fails_half_way_leaves_nothing(sink: HistorySink, history: History) -> None:
    sink.write([steady(1, 0, 599)])
    with pytest.raises(Unavailable):
        sink.write([steady(2, 599, 10), steady(3, 0, 1, series=2), steady(4, 0, 1, series=99)])
    assert history.counts() == {"ch4-2105": 599}
    sink.write([steady(2, 599, 10), steady(3, 0, 1, series=2)])
    assert history.counts() == {"ch4-2105": 609, "prism-17/wall-moving.velocity": 1}
    assert history.window("ch4-2105", BEGIN, END)[1].tolist() == list(range(609))


def test_what_is_older_than_keep_is_trimmed_by_the_blocks_own_now(
    tmp_path: Path, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector.history, "RECENT_READINGS", 1)
    sink = HistorySink(tmp_path, lambda: SERIES, keep=3000 * SECOND)
    expected = {1: 1600, 2: 1601, 3: 1602 - CHUNK, 4: 1603 - CHUNK}
    sink.write([steady(1, 0, 1600)])
    for seq, later in ((2, 3599), (3, 3600), (4, 7199)):  # it looks once an hour
        assert history.counts() == {"ch4-2105": expected[seq - 1]}
        sink.write([block(seq, [(1, BEGIN + (1598 + seq) * SECOND, 1.0)], now=BEGIN + later * SECOND)])
        assert history.counts() == {"ch4-2105": expected[seq]}
    sink.write([block(5, [(1, BEGIN + 7200 * SECOND, 1.0)], now=BEGIN + 7200 * SECOND)])
    sink.close()
    assert history.counts() == {"ch4-2105": 1604 - 2 * CHUNK}


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
    recent=st.sampled_from([1, 500, 100_000]),
)
def test_however_blocks_are_grouped_every_reading_is_there_once(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], cuts: list[int], recent: int
) -> None:
    folder = tmp_path_factory.mktemp("history")
    blocks, first = [], 0
    for seq, size in enumerate(sizes, start=1):
        blocks.append(steady(seq, first, size))
        first += size
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collector.history, "RECENT_READINGS", recent)
        for cut in [*cuts, len(blocks)]:  # each is a restart that gives everything up to there again
            sink = HistorySink(folder, lambda: SERIES)
            sink.write(blocks[:cut])
            sink.close()
    reader = History(folder)
    assert reader.window("ch4-2105", BEGIN, END)[1].tolist() == list(range(first))
    assert sum(readings < CHUNK for readings in _chunks(folder)) <= 1
    reader.close()


def test_a_reader_never_sees_a_reading_twice_or_not_at_all_while_it_is_folded(
    tmp_path: Path, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector.history, "RECENT_ROWS", 3)
    written = 0

    def write() -> None:
        nonlocal written
        sink = HistorySink(tmp_path, lambda: SERIES)
        for k in range(200):
            sink.write([steady(k + 1, k, 1)])
            written = k + 1
        sink.close()

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        before = written
        value = history.window("ch4-2105", BEGIN, END)[1]
        assert value.tolist() == list(range(len(value)))
        assert len(value) >= before
    writer.join()
    assert history.counts() == {"ch4-2105": 200}
