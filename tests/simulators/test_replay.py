"""CSV readings: exact times and values, pieces of any size, and mistakes named by line."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.replay import BadCsv, read_csv, read_lines

HEADER = "time,sensor,value\n"


def rows(*lines: str, header: str = HEADER, size: int = 20_000):
    return list(read_lines([header, *(line + "\n" for line in lines)], size))


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1795500000123456789", 1_795_500_000_123_456_789),
        ("2026-11-24T08:00:00Z", 1_795_507_200_000_000_000),
        ("2026-11-24T08:00:00+08:00", 1_795_478_400_000_000_000),
        ("2026-11-24 08:00:00.123456789-03:30", 1_795_519_800_123_456_789),
        ("2026-11-24T08:00Z", 1_795_507_200_000_000_000),
        ("-5", -5),
    ],
)
def test_times_are_exact_to_the_nanosecond(text, nanoseconds):
    assert rows(f"{text},a,1")[0].time.tolist() == [nanoseconds]


def test_values_may_be_absent():
    piece = rows("1,a,1.5", "2,b,", "3,a,NaN", "4,a,-1e-3")[0]
    assert piece.value.tolist()[:1] == [1.5]
    assert np.isnan(piece.value[1:3]).all()
    assert [piece.names[k] for k in piece.sensor] == ["a", "b", "a", "a"]


def test_quality_is_read_where_the_header_has_it():
    piece = rows("1,a,1,4", "2,a,2,", header="time,sensor,value,quality\n")[0]
    assert piece.quality.tolist() == [4, 0]


@given(
    st.lists(
        st.tuples(st.integers(80_000, 2**62), st.sampled_from("abc"), st.floats(allow_nan=False, allow_infinity=False))
    ),
    st.integers(1, 7),
)
def test_pieces_of_any_size_hold_the_same_rows(written, size):
    pieces = rows(*(f"{t},{s},{v!r}" for t, s, v in written), size=size)
    read = [
        (t, p.names[s], v)
        for p in pieces
        for t, s, v in zip(p.time.tolist(), p.sensor.tolist(), p.value.tolist(), strict=True)
    ]
    assert read == written
    assert all(len(piece) <= size for piece in pieces)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("yesterday,a,1", "line 3: found the time 'yesterday', allowed"),
        ("2026-11-24T08:00:00,a,1", "line 3: found the time .*a zone is needed"),
        ("2026-13-24T08:00:00Z,a,1", "line 3: found the time"),
        ("99999999999999999999,a,1", "line 3: found the time"),
        ("9999999999999999999,a,1", "line 3: found the time"),
        ("1,a,high", "line 3: found the value 'high'; allowed: a number"),
        ("1,a", "line 3: found '1,a'; allowed: 3 fields"),
        ("1,,2", "line 3: found '1,,2'"),
    ],
)
def test_a_mistake_names_its_line(line, words):
    with pytest.raises(BadCsv, match=words.replace(", allowed", "; allowed")):
        rows("1,a,1", line, "2,a,1")


def test_a_wrong_quality_or_header_is_named():
    with pytest.raises(BadCsv, match="line 2: found the quality '256'"):
        rows("1,a,1,256", header="time,sensor,value,quality\n")
    with pytest.raises(BadCsv, match="line 1: found the header 'when,what'"):
        rows(header="when,what\n")
    with pytest.raises(BadCsv, match="line 1"):
        list(read_lines([]))


def test_text_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes(HEADER.encode() + b"1,\xff,2\n")
    with pytest.raises(BadCsv, match="UTF-8"):
        list(read_csv(path))


def test_line_numbers_hold_in_later_pieces_and_past_empty_lines():
    with pytest.raises(BadCsv, match="line 6: found the value 'x'"):
        rows("1,a,1", "", "2,a,1", "3,a,1", "4,a,x", size=2)


def _quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"'


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["a", "b,c", 'd"e', "f\ng"]), st.booleans())),
    st.integers(1, 7),
)
def test_quoted_and_plain_lines_read_alike_wherever_a_piece_begins(written, size):
    text = HEADER
    for t, s, quoted in written:
        text += f"{t},{_quoted(s) if quoted or len(s) > 1 else s},{t}" + ("\r\n" if quoted else "\n")
    pieces = list(read_lines(io.StringIO(text, newline=""), size))
    read = [(t, p.names[s]) for p in pieces for t, s in zip(p.time.tolist(), p.sensor.tolist(), strict=True)]
    assert read == [(t, s) for t, s, _ in written]


def test_the_line_of_a_mistake_after_a_quoted_line_break():
    with pytest.raises(BadCsv, match="line 5: found the value 'x'"):
        rows('1,"a', 'b",1', "2,a,1", "3,a,x", size=2)


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "long.csv"
    with path.open("w") as out:
        out.write(HEADER)
        out.writelines(f"{k},s{k % 50},{k % 7}\n" for k in range(200_000))
    peaks = []
    tracemalloc.start()
    for count, _ in enumerate(read_csv(path, 5_000), start=1):
        if count in (5, 40):
            peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert count == 40
    assert peaks[1] < 1.2 * peaks[0]
