"""The hash chain: the bytes of a line are fixed, and nothing can be changed, left out, repeated or moved unseen."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from collector.journal import GENESIS, KEYS, line_json, link, verify, with_hash
from detectors.detector import Why


def _change(**other: Any) -> SimpleNamespace:
    fields: dict[str, Any] = {
        "now": 1_700_000_000_000_000_001,
        "time": 1_700_000_000_000_000_000,
        "area": "face-2105",
        "sensor": "ch4-2105",
        "rule": "face-methane.warn",
        "kind": "signal.limit",
        "revision": 1,
        "priority": "high",
        "occurrence": 3,
        "change": "raised",
        "isa": "UNACK",
        "value": 1.0,
        "limit": 0.1,
        "why": Why("signal.limit.above", {"above": 0.1}),
        "by": "",
        "note": "",
        "action": "",
        "desk": "north",
        "notice": "face-methane.warn/ch4-2105#3",
    }
    return SimpleNamespace(**(fields | other))


def _chain(count: int) -> list[bytes]:
    lines, previous = [], GENESIS
    for seq in range(1, count + 1):
        line = line_json(_change(occurrence=seq, value=seq / 10), seq, "north-pit")
        previous = link(previous, line)
        lines.append(with_hash(line, previous))
    return lines


def test_a_line_has_its_keys_in_the_one_order() -> None:
    assert tuple(json.loads(_chain(1)[0])) == KEYS


def test_the_bytes_of_a_line_are_these() -> None:
    assert line_json(_change(), 7, "north-pit") == (
        b'{"seq":7,"now":1700000000000000001,"time":1700000000000000000,"site":"north-pit","area":"face-2105",'
        b'"sensor":"ch4-2105","rule":"face-methane.warn","kind":"signal.limit","revision":1,"priority":"high",'
        b'"occurrence":3,"change":"raised","isa":"UNACK","value":1.0,"limit":0.1,'
        b'"why":{"key":"signal.limit.above","above":0.1},"by":"","note":"","action":"",'
        b'"desk":"north","notice":"face-methane.warn/ch4-2105#3"}'
    )


def test_numpy_numbers_and_python_numbers_give_the_same_line() -> None:
    plain = line_json(_change(value=0.1 + 0.2, occurrence=2), 1, "s")
    numpy = line_json(_change(value=np.float64(0.1) + np.float64(0.2), occurrence=np.int64(2)), 1, "s")
    assert plain == numpy
    assert b"0.30000000000000004" in plain


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf"), np.float64("nan")])
def test_what_is_no_number_is_null(value: float | None) -> None:
    assert json.loads(line_json(_change(value=value), 1, "s"))["value"] is None


def test_a_note_with_quotes_breaks_and_chinese_stays_one_line() -> None:
    note = 'he said "stop"\n停'
    line = line_json(_change(note=note), 1, "s")
    assert b"\n" not in line
    assert json.loads(line)["note"] == note


def test_a_whole_chain_has_no_problem() -> None:
    assert verify(_chain(20)) is None
    assert verify([line.decode() + "\n" for line in _chain(3)]) is None
    assert verify([]) is None


def test_the_rest_of_a_chain_is_verified_from_the_hash_before_it() -> None:
    lines = _chain(5)
    assert verify(lines[2:], previous=json.loads(lines[1])["hash"]) is None
    assert verify(lines[2:]) is not None


@pytest.mark.parametrize("at", [0, 2, 4])
def test_a_changed_digit_is_found_at_its_line(at: int) -> None:
    lines = _chain(5)
    lines[at] = lines[at].replace(b'"priority":"high"', b'"priority":"low"')
    problem = verify(lines)
    assert problem is not None
    assert problem.startswith(f"line {at + 1}: seq {at + 1}: its hash")


def test_a_forger_who_hashes_his_own_line_again_is_found_at_the_next() -> None:
    lines = _chain(5)
    forged = line_json(_change(note="nothing"), 2, "north-pit")
    lines[1] = with_hash(forged, link(json.loads(lines[0])["hash"], forged))
    problem = verify(lines)
    assert problem is not None
    assert problem.startswith("line 3:")


def test_a_missing_a_repeated_and_a_moved_line_are_found() -> None:
    lines = _chain(5)
    for wrong in (lines[1:], lines[:2] + lines[3:], lines[:2] + lines[1:], [*lines[:2], lines[3], lines[2]]):
        problem = verify(wrong)
        assert problem is not None
        assert "missing, repeated or moved" in problem


@pytest.mark.parametrize("wrong", [b"nonsense", b"[]", b'{"seq":"1"}', b'{"seq":1}'])
def test_what_is_no_line_is_said_to_be_none(wrong: bytes) -> None:
    problem = verify([wrong])
    assert problem is not None
    assert problem.startswith("line 1:")
