"""Sparkplug B. Oracles: bytes laid out by hand from the specification's field numbers, and its rules of section 5."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.decode import Decoded, Decoder
from collector.message import Message, Seal
from collector.remembered import Memory
from collector.rows import Gap
from detectors.reading import Quality
from simulators.sparkplug_b import BOOLEAN, DOUBLE, FLOAT, INT16, STRING, Payload
from tests.collector.test_decode import NAMES, NOW, SITE

MS = 10**6
T = NOW // MS


def message(kind: str, device: str = "", *metrics: Any, seq: int | None = 0, retained: bool = False) -> Message:
    """A metric is (name, alias, datatype, field, value, more)."""
    payload = Payload(timestamp=T)
    if seq is not None:
        payload.seq = seq
    for name, alias, datatype, field, value, *more in metrics:
        metric = payload.metrics.add(**{k: v for k, v in (("name", name), ("alias", alias), ("datatype", datatype))
                                        if v is not None}, **{field: value}, **(more[0] if more else {}))  # fmt: skip
        assert metric.IsInitialized()
    topic = f"spBv1.0/pit/{kind}/gw" + (f"/{device}" if device else "")
    return Message(topic, payload.SerializeToString(), "mqtt", retained)


def birth(number: int = 1, **more: Any) -> Message:
    fan = ("Fan", 1, STRING, "string_value", "running")
    return message("NBIRTH", "", ("bdSeq", None, 8, "long_value", number), fan, **more)


def device_birth(seq: int = 1, **more: Any) -> Message:
    return message("DBIRTH", "drill", ("Gas/CH4", 2, FLOAT, "float_value", 0.5), ("Temp", 3, INT16, "int_value", 21),
                   seq=seq, **more)  # fmt: skip


def death(number: int = 1, **more: Any) -> Message:
    return message("NDEATH", "", ("bdSeq", None, 8, "long_value", number), seq=None, **more)


def gas(value: float, seq: int, **more: Any) -> Message:
    return message("DDATA", "drill", (None, 2, None, "float_value", value), seq=seq, **more)


def decode(*messages: Message, memory: Memory | None = None) -> Decoded:
    return Decoder(SITE, memory).decode([Seal(7, NOW, NOW, messages)])


def rows(decoded: Decoded) -> list[tuple[str, int, float]]:
    return [(NAMES[s], t, v) for s, t, v in zip(decoded.sensor, decoded.time.tolist(), decoded.value, strict=True)]


def ends(decoded: Decoded) -> list[tuple[str, int]]:
    return [(NAMES[wave.sensor], wave.row) for wave in decoded.waves if wave.ends]


def test_births_give_values_and_names_to_the_numbers_that_follow() -> None:
    decoded = decode(birth(), device_birth(), gas(0.75, 2))
    assert rows(decoded) == [("fan", NOW, 1.0), ("ch4", NOW, 0.5), ("temp", NOW, 21.0), ("ch4", NOW, 0.75)]
    assert (decoded.dead, decoded.gaps, decoded.readings) == ([], [], 4)


def test_the_bytes_of_the_specification() -> None:
    """timestamp 1, metrics 2 {name 1, alias 2, timestamp 3, datatype 4, double 13, boolean 14}, seq 3: by hand."""
    import struct

    def varint(number: int) -> bytes:
        out = bytearray()
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        return bytes((*out, number))

    name = b"Gas/CH4"
    metric = bytes((0x0A, len(name))) + name + b"\x18" + varint(T - 5) + b"\x20\x0a" + b"\x69" + struct.pack("<d", 1.5)
    flag = b"\x0a\x04Temp" + b"\x20\x0b" + b"\x70\x01"
    both = b"\x12" + varint(len(metric)) + metric + b"\x12" + varint(len(flag)) + flag
    data = b"\x08" + varint(T) + both + b"\x18\x03"
    decoded = decode(Message("spBv1.0/pit/DDATA/gw/drill", data, "mqtt"))
    assert rows(decoded) == [("ch4", NOW - 5 * MS, 1.5)]
    assert [(dead.reason, dead.sensor) for dead in decoded.dead] == [("wrong_type", "temp")]  # true is no temperature


def test_signed_numbers_nulls_and_states() -> None:
    decoded = decode(
        device_birth(),
        message("DDATA", "drill", (None, 3, None, "int_value", 2**16 - 40), seq=2),
        message("DDATA", "drill", ("Temp", None, INT16, "int_value", 2**16 - 2), seq=3),
        message("DDATA", "drill", (None, 2, None, "is_null", True), seq=4),
        message("NDATA", "", ("Fan", None, BOOLEAN, "boolean_value", False), seq=5),
    )
    assert [value for _, _, value in rows(decoded)][2:4] == [-40.0, -2.0]
    assert math.isnan(decoded.value[4])
    assert rows(decoded)[5] == ("fan", NOW, 0.0)


def test_what_is_no_metric_of_the_site_is_a_dead_letter_by_its_name() -> None:
    control = ("Node Control/Rebirth", None, BOOLEAN, "boolean_value", False)
    decoded = decode(message("NDATA", "", control, ("Stranger", None, DOUBLE, "double_value", 1.0)))
    assert [(dead.reason, dead.sensor) for dead in decoded.dead] == [("unknown_sensor", "/Stranger")]


def test_a_unit_that_the_metric_names_must_be_the_sensors() -> None:
    def with_unit(unit: str) -> Message:
        payload = Payload.FromString(device_birth().payload)
        properties = payload.metrics[0].properties
        properties.keys.append("engUnit")
        properties.values.add(type=STRING, string_value=unit)
        return Message("spBv1.0/pit/DBIRTH/gw/drill", payload.SerializeToString(), "mqtt")

    assert decode(with_unit("%vol"), gas(1, 2)).dead == []
    wrong = decode(with_unit("ppm"), gas(1, 2))
    assert [(dead.reason, dead.sensor) for dead in wrong.dead] == [("wrong_unit", "ch4")] * 2


def test_numbers_that_do_not_follow_are_gaps_and_those_that_come_again_are_none() -> None:
    data = [gas(1, 2), gas(2, 6), gas(3, 6), gas(4, 5), gas(5, 7)]
    decoded = decode(birth(), device_birth(), *data, birth(2), gas(6, 1))
    assert decoded.gaps == [Gap(7, 3, "spBv1.0/pit/DDATA/gw/drill", NOW, "pit/gw", 2, 6, 3)]


def test_the_number_after_255_is_0() -> None:
    many = [gas(k, k % 256) for k in range(2, 600)]
    assert decode(birth(), device_birth(), *many).gaps == []
    assert [gap.missing for gap in decode(birth(), device_birth(), *many, gas(0, 600 % 256 + 1)).gaps] == [1]


def test_a_death_of_the_node_ends_all_its_sensors_and_one_of_a_device_its_own() -> None:
    assert ends(decode(birth(), device_birth(), gas(1, 2), death())) == [("fan", 4), ("ch4", 4), ("temp", 4)]
    device = decode(birth(), device_birth(), message("DDEATH", "drill", seq=2), gas(1, 3))
    assert ends(device) == [("ch4", 3), ("temp", 3)]
    assert (device.gaps, device.said["sparkplug.death"]) == ([], 1)


@pytest.mark.parametrize(
    "messages",
    [
        (birth(2), death(1)),
        (death(1),),
        (birth(1), message("DDEATH", "drill", retained=True)),
        (message("DDEATH", "drill"),),
    ],
)
def test_a_death_that_belongs_to_no_birth_ends_nothing(messages: Sequence[Message]) -> None:
    decoded = decode(*messages)
    assert ends(decoded) == []
    assert decoded.said["sparkplug.death_of_no_birth"] == 1


def test_a_retained_birth_is_learned_from_and_proves_no_life() -> None:
    decoded = decode(birth(retained=True), device_birth(retained=True), gas(0.75, 77), death())
    assert rows(decoded)[-1] == ("ch4", NOW, 0.75)
    assert [bool(quality & Quality.RETAINED) for quality in decoded.quality.tolist()] == [True, True, True, False]
    assert len(ends(decoded)) == 3
    assert decoded.gaps == []


def test_a_retained_birth_of_the_life_that_is_known_changes_no_number() -> None:
    assert decode(birth(), device_birth(), birth(retained=True), gas(1, 3)).gaps[0].missing == 1


def test_a_new_birth_forgets_what_was_declared_before() -> None:
    decoded = decode(birth(), device_birth(), birth(2), gas(1, 1), death(2))
    assert [dead.reason for dead in decoded.dead] == ["unknown_alias"]
    assert ends(decoded) == [("fan", 4)]


def test_commands_and_states_of_hosts_are_counted_only() -> None:
    host = Message("spBv1.0/STATE/scada", b'{"online":true}', "mqtt")
    site = SITE
    decoded = Decoder(site).decode([Seal(7, NOW, NOW, (message("NCMD"), message("DCMD", "drill"), host))])
    assert decoded.said == {"sparkplug.command": 2}
    assert [dead.reason for dead in decoded.dead] == ["unknown_topic"]  # spBv1.0/pit/# does not take STATE in


@pytest.mark.parametrize(
    ("reason", "topic", "data"),
    [
        ("unparsable", "spBv1.0/pit/NDATA/gw", b"\xff\xff"),
        ("unknown_topic", "spBv1.0/pit/NDATA/gw/drill", b""),
        ("unknown_topic", "spBv1.0/pit/DDATA/gw", b""),
        ("unknown_topic", "spBv1.0/pit/XDATA/gw", b""),
        ("unknown_alias", "spBv1.0/pit/DDATA/gw/drill", gas(1, 1).payload),
        ("bad_time", "spBv1.0/pit/DDATA/gw/drill",
         Payload(metrics=[{"name": "Temp", "int_value": 2}]).SerializeToString()),
        ("bad_time", "spBv1.0/pit/DDATA/gw/drill",
         Payload(metrics=[{"name": "Temp", "int_value": 2, "timestamp": 2**63}]).SerializeToString()),
        ("wrong_type", "spBv1.0/pit/DDATA/gw/drill",
         Payload(metrics=[{"name": "Temp", "bytes_value": b"2"}]).SerializeToString()),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(reason: str, topic: str, data: bytes) -> None:
    assert [dead.reason for dead in decode(Message(topic, data, "mqtt")).dead] == [reason]


LOG = [birth(), device_birth(), gas(0.5, 2), gas(0.6, 4), device_birth(5), death(), death(), birth(2, retained=True),
       birth(2), gas(0.7, 1), device_birth(2), gas(0.8, 9), message("DDEATH", "drill", seq=10),
       gas(1.0, 11)]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(LOG)), max_size=6))
def test_cut_anywhere_and_carried_by_a_snapshot_it_says_the_same(cuts: list[int]) -> None:
    whole = Decoder(SITE).decode([Seal(k, NOW + k, NOW, (one,)) for k, one in enumerate(LOG)])
    memory, parts = Memory(), []
    edges = sorted({0, *cuts, len(LOG)})
    import json

    for start, end in zip(edges, edges[1:], strict=False):
        memory = Memory(json.loads(json.dumps(memory.plain())))
        parts.append(Decoder(SITE, memory).decode([Seal(k, NOW + k, NOW, (LOG[k],)) for k in range(start, end)]))
    assert [row for part in parts for row in rows(part)] == rows(whole)
    assert [sensor for part in parts for sensor, _ in ends(part)] == [sensor for sensor, _ in ends(whole)]
    assert [gap for part in parts for gap in part.gaps] == whole.gaps
    assert [dead for part in parts for dead in part.dead] == whole.dead
