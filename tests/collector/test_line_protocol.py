"""Line protocol. Oracles: influxdb-client, which writes what is read here, and InfluxDB's own examples."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client import Point

from collector.decode import Decoded, Decoder
from collector.line_protocol import read, split
from collector.message import Message, Seal
from tests.collector.test_decode import NAMES, NOW, SITE

S = 10**9


def decode(text: str, topic: str = "line/a/b") -> Decoded:
    return Decoder(SITE).decode([Seal(7, NOW, NOW, (Message(topic, text.encode(), "mqtt"),))])


def rows(decoded: Decoded) -> list[tuple[str, int, float]]:
    return [(NAMES[s], t, v) for s, t, v in zip(decoded.sensor, decoded.time.tolist(), decoded.value, strict=True)]


def test_tags_and_fields_become_readings() -> None:
    text = f"gas,sensor=ch4,area=face value=1.25 {NOW}\n# a remark\n\nair,sensor=temp value=20i {NOW + 1}\r\n"
    assert rows(decode(text)) == [("ch4", NOW, 1.25), ("temp", NOW + 1, 20.0)]


def test_states_booleans_quality_and_units() -> None:
    text = (
        f'fan,sensor=fan value="running" {NOW}\nfan,sensor=fan value=false {NOW + 1}\n'
        f'gas,sensor=ch4,unit=%vol value=1 {NOW}\ngas,sensor=ch4 value=2,q="bad",unit="%vol" {NOW + 1}'
    )
    decoded = decode(text)
    assert rows(decoded)[:3] == [("fan", NOW, 1.0), ("fan", NOW + 1, 0.0), ("ch4", NOW, 1.0)]
    assert math.isnan(decoded.value[3])
    assert decoded.dead == []


def test_each_field_a_sensor_in_another_precision_and_what_is_no_sensor_is_counted() -> None:
    decoded = decode("mem,host=gw1 gas=0.5,air=21,used=77i 1700000000", "fields")
    assert rows(decoded) == [("ch4", 1_700_000_000 * S, 0.5), ("temp", 1_700_000_000 * S, 21.0)]
    assert (decoded.dead, decoded.said) == ([], {"passed_over": 1})


def test_a_sensor_without_a_clock_needs_no_time() -> None:
    decoded = decode("gas,sensor=clockless value=3\ngas,sensor=ch4 value=3")
    assert rows(decoded) == [("clockless", NOW, 3.0)]
    assert [(dead.reason, dead.sensor, dead.detail[:8]) for dead in decoded.dead] == [("bad_time", "ch4", "line 2: ")]


BAD = [
    ("not_utf8", b"\xff"), ("empty", b""), ("empty", b"# only\n"), ("unparsable", b",sensor=ch4 value=1"),
    ("unparsable", b"gas,sensor=ch4"), ("unparsable", b"gas,sensor= value=1"), ("unparsable", b"gas value="),
    ("unparsable", b'gas,sensor=ch4 value="open'), ("wrong_type", b"gas,sensor=ch4 value=one 1"),
    ("wrong_type", b"gas,sensor=ch4 value=0x10 1"), ("wrong_type", b"gas,sensor=ch4 value=true 1"),
    ("wrong_type", b'gas,sensor=ch4 value="1" 1'), ("wrong_type", b"gas,sensor=ch4 value=1_0 1"),
    ("bad_time", b"gas,sensor=ch4 value=1 now"), ("bad_time", b"gas,sensor=ch4 value=1 9999999999999999999"),
    ("bad_time", b"gas,sensor=ch4 value=1 1 2"), ("missing_field", b"gas value=1 1"),
    ("missing_field", b"gas,sensor=ch4 v=1 1"), ("unknown_sensor", b"gas,sensor=co value=1 1"),
    ("wrong_unit", b"gas,sensor=ch4,unit=ppm value=1 1"),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "data"), BAD)
def test_what_is_wrong_is_named_and_other_lines_count(reason: str, data: bytes) -> None:
    good = f"gas,sensor=ch4 value=1 {NOW}".encode()
    both = [Message("line/x", data, "mqtt"), Message("line/x", good, "mqtt")]
    decoded = Decoder(SITE).decode([Seal(7, NOW, NOW, tuple(both))])
    assert [dead.reason for dead in decoded.dead] == [reason]
    assert rows(decoded) == [("ch4", NOW, 1.0)]
    if reason not in ("not_utf8", "empty", "unparsable"):
        assert rows(decode(data.decode() + "\n" + good.decode())) == [("ch4", NOW, 1.0)]


def test_the_escapes_that_influxdb_documents() -> None:
    line = r'my\ measure\,ment,tag\ key=tag\=va\,lue field\ key="say \"hi\" \\ there, you",n=-1.5e-3 5'
    tags, fields, time = read(line)
    assert tags == {"measurement": "my measure,ment", "tag key": "tag=va,lue"}
    assert fields == {"field key": 'say "hi" \\ there, you', "n": -0.0015}
    assert time == 5
    assert read("m t=T,f=False,u=5u,i=-7i")[1] == {"t": True, "f": False, "u": 5, "i": -7}
    assert split('a b="one\ntwo" 1\nc d=1') == ['a b="one\ntwo" 1', "c d=1"]


plain = st.characters(codec="utf-8", exclude_characters='\\"#', exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"])
names = st.text(plain | st.sampled_from(" ,="), min_size=1, max_size=8).filter(lambda text: text.strip() == text)
values = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**62), 2**62)
    | st.booleans()
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
)


@given(names, st.dictionaries(names, names, max_size=3), st.dictionaries(names, values, min_size=1, max_size=3),
       st.integers(0, 2**62))  # fmt: skip
def test_what_influxdb_client_writes_is_read_back(
    measurement: str, tags: dict[str, str], fields: dict[str, Any], time: int
) -> None:
    point = Point(measurement).time(time)
    for name, value in tags.items():
        point.tag(name, value)
    for name, value in fields.items():
        point.field(name, value)
    (line,) = split(point.to_line_protocol())
    found, values, at = read(line)
    assert found == {**tags, "measurement": measurement} if "measurement" not in tags else True
    assert values == fields
    assert at == time


@given(st.text(max_size=60))
def test_any_text_is_a_line_or_dead(text: str) -> None:
    decoded = decode(text)
    assert len(decoded.sensor) + len(decoded.dead) > 0
    assert {dead.reason for dead in decoded.dead} <= {reason for reason, _ in BAD}
