"""Line protocol, byte for byte: names and types other people's queries depend on."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client import Point

from collector.journal import KEYS
from collector.lines import PAYLOAD_LINES, Heads, alarm_event, alarm_states, fields, head, pipeline, readings, tag
from tests.blocks import BEGIN, SERIES, block, steady

LINE: dict[str, Any] = {
    "seq": 7, "now": BEGIN, "time": BEGIN - 5, "site": "north-pit", "area": "face 2105", "sensor": "ch4-2105",
    "rule": "face-methane.cut", "kind": "signal.limit", "revision": 1, "priority": "critical", "occurrence": 3,
    "change": "raised", "isa": "B", "value": 1.52, "limit": 1, "why": {"key": "signal.limit.above", "limit": 1.0},
    "by": "", "note": "", "action": "", "desk": "", "notice": "", "hash": "00",
}  # fmt: skip
ALARM: dict[str, Any] = {
    "rule": "face-methane.cut", "subject": "ch4-2105", "area": "face-2105", "kind": "signal.limit",
    "priority": "critical", "active": True, "acked": False, "latched": False, "hidden": [], "occurrence": 3,
    "watching": True, "since": 1_700_000_000_500_000_000,
}  # fmt: skip
TAGS = b"alarm_state,site=north-pit,area=face-2105,sensor=ch4-2105,kind=signal.limit,rule=face-methane.cut"


@pytest.fixture
def heads() -> Heads:
    made = Heads("north-pit")
    made.update(SERIES)
    return made


def test_readings_are_these_bytes(heads: Heads) -> None:
    blocks = [block(1, [(1, BEGIN, 1.0), (2, BEGIN + 1, -0.25, 128)]), block(2, [(3, BEGIN + 2, 1e300, 4)])]
    made = readings(blocks, heads)
    assert made.payloads == [
        b"reading,site=north-pit,area=face-2105,sensor=ch4-2105,quantity=methane value=1.0,quality=0i "
        b"1700000000000000000\n"
        b"reading,site=north-pit,area=north\\ wall,sensor=prism-17/wall-moving.velocity,quantity=velocity "
        b"value=-0.25,quality=128i 1700000000000000001\n"
        b"reading,site=north-pit,area=north\\ wall,sensor=@wall-moving/prism-17,quantity=verdict "
        b"value=1e+300,quality=4i 1700000000000000002"
    ]
    assert made.written == {"ch4-2105": 1, "prism-17/wall-moving.velocity": 1, "@wall-moving/prism-17": 1}


def test_what_is_no_number_or_a_second_value_is_counted_and_not_written(heads: Heads) -> None:
    rows = [(1, BEGIN, float("nan"), 1), (1, BEGIN + 1, float("inf")), (1, BEGIN + 2, 5.0), (1, BEGIN + 2, 6.0, 12)]
    made = readings([block(1, rows)], heads)
    assert (made.no_number, made.conflict, made.written) == (2, 1, {"ch4-2105": 1})
    assert made.payloads[0].endswith(b"value=5.0,quality=0i 1700000000000000002")


def test_nothing_to_write_is_no_payload(heads: Heads) -> None:
    assert readings([block(1, [(3, BEGIN, float("nan"))])], heads).payloads == []


def test_payloads_are_bounded_and_hold_every_line_once(heads: Heads) -> None:
    made = readings([steady(1, 0, PAYLOAD_LINES), steady(2, PAYLOAD_LINES, 3)], heads)
    assert [payload.count(b"\n") + 1 for payload in made.payloads] == [PAYLOAD_LINES, 3]
    times = [int(line.rpartition(b" ")[2]) for payload in made.payloads for line in payload.split(b"\n")]
    assert np.array_equal(np.diff(times), np.full(PAYLOAD_LINES + 2, 10**9))


def test_a_line_tells_its_series(heads: Heads) -> None:
    line = readings([steady(1, 0, 1, series=2)], heads).payloads[0]
    assert heads.name(line.partition(b" value=")[0]) == "prism-17/wall-moving.velocity"


@pytest.mark.parametrize("text", ["plain", "a b", "a,b", "a=b", "x value=3", "北坑 一号", "back\\slash", '"quoted"'])
def test_tags_are_escaped_as_the_client_library_does(text: str) -> None:
    expected = Point("m").tag("t", text).field("f", 1.0).time(1).to_line_protocol()
    assert head("m", [("t", text)]).decode() + " f=1 1" == expected


def test_a_tag_never_ends_its_line_or_swallows_the_next_comma() -> None:
    assert tag("a\nb\tc\r") == b"a\\ b\\ c\\ "
    assert tag("north\\") == b"north\\\\ "


def test_empty_tags_are_left_out() -> None:
    assert head("m", [("a", ""), ("b", None), ("c", "d")]) == b"m,c=d"


@given(st.text())
def test_no_text_breaks_a_payload_into_other_lines(text: str) -> None:
    line = fields([("note", text)]) + head("m", [("t", text or "x")])
    assert b"\n" not in line


def test_text_fields_are_quoted() -> None:
    assert fields([("note", 'say "no" \\ stop\nnow')]) == b'note="say \\"no\\" \\\\ stop now"'


def test_numbers_are_floats_and_what_is_none_is_left_out() -> None:
    assert fields([("a", 1), ("b", 0.1), ("c", None), ("d", float("nan")), ("e", 10**16)]) == b"a=1.0,b=0.1,e=1e+16"


def test_an_alarm_state_is_these_bytes() -> None:
    made = alarm_states("north-pit", [ALARM])
    assert made == {TAGS: b"standing=4.0,shown=4.0,watching=1.0,since=1700000000.5,occurrence=3.0"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"active": False}, b"standing=0.0,shown=0.0,watching=1.0"),
        ({"active": False, "latched": True, "priority": "high"}, b"standing=3.0,shown=3.0,watching=1.0"),
        ({"hidden": ["shelved"], "priority": "low"}, b"standing=1.0,shown=0.0,watching=1.0"),
        ({"priority": "log"}, b"standing=0.0,shown=0.0,watching=1.0"),
        ({"watching": False, "priority": "medium"}, b"standing=2.0,shown=2.0,watching=0.0"),
    ],
)
def test_what_is_hidden_still_stands(changed: dict[str, Any], expected: bytes) -> None:
    assert alarm_states("north-pit", [{**ALARM, **changed}])[TAGS].startswith(expected)


def test_a_state_that_never_was_has_no_since() -> None:
    assert b"since" not in alarm_states("north-pit", [{**ALARM, "since": None}])[TAGS]


def test_an_alarm_event_is_these_bytes() -> None:
    assert set(LINE) == set(KEYS)
    assert alarm_event(LINE) == (
        b"alarm_event,site=north-pit,area=face\\ 2105,sensor=ch4-2105,kind=signal.limit,rule=face-methane.cut "
        b'change="raised",value=1.52,limit=1.0,isa="B",occurrence=3.0,'
        b'why="{\\"key\\": \\"signal.limit.above\\", \\"limit\\": 1.0}" 1700000000000000007'
    )


def test_an_event_about_the_whole_site_has_only_the_tags_it_has() -> None:
    whole = {**LINE, "area": "", "sensor": "", "rule": "", "kind": "", "value": None, "limit": None, "why": None,
             "occurrence": 0, "isa": "", "change": "revised", "by": "A, Li", "note": "new limit"}  # fmt: skip
    assert alarm_event(whole) == (
        b'alarm_event,site=north-pit change="revised",occurrence=0.0,by="A, Li",note="new limit" 1700000000000000007'
    )


def test_two_events_of_one_instant_are_two_points() -> None:
    one, two = (alarm_event(json.loads(json.dumps({**LINE, "seq": seq}))) for seq in (7, 8))
    assert one.rpartition(b" ")[2] != two.rpartition(b" ")[2]


def test_pipeline_is_these_bytes() -> None:
    line = pipeline("north-pit", {"lag": 0.25, "gate.judged": 10}, BEGIN)
    assert line == b"pipeline,site=north-pit gate.judged=10.0,lag=0.25 1700000000000000000"


def test_an_alarms_value_and_limit_are_fields_and_none_is_left_out() -> None:
    line = alarm_states("north-pit", [{**ALARM, "value": 1.52, "limit": 1}])[TAGS]
    assert line.endswith(b",occurrence=3.0,value=1.52,limit=1.0")
    assert b"value" not in alarm_states("north-pit", [{**ALARM, "value": None, "limit": float("nan")}])[TAGS]


def test_what_a_test_raised_is_a_series_of_its_own() -> None:
    row = {"rule": "gas", "subject": "ch4", "area": "face", "kind": "signal.limit", "priority": "high", "active": True,
           "latched": False, "hidden": [], "watching": False, "occurrence": 2, "since": None}  # fmt: skip
    (real,), (test,) = (alarm_states("pit", [{**row, "test": one}]) for one in ("", "t1"))
    assert b"test=" not in real
    assert test == real + b",test=TEST"
