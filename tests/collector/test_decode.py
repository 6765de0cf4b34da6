"""What payloads become, and every kind of bad input: counted by name, kept, disturbing no other."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.decode import LARGEST, Decoded, Decoder
from collector.message import Message, Seal
from collector.payload import parse_json
from collector.rows import LETTERS, Dead
from detectors.reading import Quality
from detectors.site import Site, read_site

NOW = 1_790_000_000_000_000_000
SPARKPLUG_ALIAS = bytes((0x12, 2, 0x10, 7))
"""A payload whose one metric has the alias 7 and nothing else."""
SPARKPLUG_MANY = b"".join(bytes((0x12, 7, 0x0A, 5)) + b"%05d" % k for k in range(10_001))
"""10,001 metrics, each with a name alone."""
GOOD = json.dumps({"v": 1.25, "u": "%vol", "t": NOW}).encode()
DOCUMENT: dict[str, Any] = {
    "site": {"id": "pit", "timezone": "Asia/Shanghai", "simulated": True},
    "payload": {
        "plain": {"topic": "pit/{area}/{sensor}", "json": {"value": "v", "unit": "u", "time": "t", "quality": "q"}},
        "list": {"topic": "list", "array": {"sensor": "s", "value": "v", "time": "t"}},
        "held": {"topic": "held/{sensor}", "array": {"readings": "rows", "value": "v", "time": "t"}},
        "log": {"topic": "log/{sensor}", "columns": {"value": "v", "time": "t", "unit": "u"}},
        "many": {"topic": "many", "columns": {"sensor": "s", "value": "v", "time": "t"}},
        "wave": {"topic": "wave/{sensor}", "wave": {"start": "t", "rate": "hz", "samples": "x"}},
        "packed": {"topic": "packed/{sensor}", "wave-msgpack": {"start": "t", "rate": "hz", "samples": "x"}},
        "local": {"topic": "local/{sensor}", "json": {"value": "v", "time": "t"}, "zone": "Asia/Shanghai"},
        "bare": {"topic": "bare/{sensor}", "json": {"value": "v"}},
        "numbered": {"topic": "n/{sensor}", "json": {"value": "v", "time": "t", "seq": "n", "device": "d"}},
        "senml": {"topic": "senml/{gateway}", "senml": {"sensor": "{last}"}},
        "cbor": {"topic": "cbor", "senml-cbor": {}},
        "line": {"topic": "line/#", "line": {"value": "value", "unit": "unit", "quality": "q"}},
        "fields": {"topic": "fields", "line": {"sensor": "{host}.{field}"}, "precision": "s", "others": "pass",
                   "sensors": {"gw1.gas": "ch4", "gw1.air": "temp"}},
        "mseed": {"topic": "mseed/+", "mseed": {"sensor": "{station}-{channel}"}, "scale": 0.001,
                  "sensors": {"GEO1-HHZ": "geo"}},
        "spark": {"topic": "spBv1.0/pit/#", "sparkplug": {"sensor": "{device}/{metric}", "unit": "engUnit"},
                  "sensors": {"drill/Gas/CH4": "ch4", "drill/Temp": "temp", "/Fan": "fan"}},
    },
    "sensor": {
        "ch4": {"area": "face", "quantity": "methane", "unit": "%vol"},
        "temp": {"area": "face", "quantity": "temperature", "unit": "degC"},
        "fan": {"area": "face", "states": ["stopped", "running"]},
        "geo": {"area": "wall", "quantity": "velocity", "unit": "mm/s", "rate": 200},
        "clockless": {"area": "face", "quantity": "co", "unit": "ppm", "time": "arrival"},
        "clock-offset": {"area": "own", "quantity": "offset", "unit": "s"},
    },
    "rule": {},
}
SITE = read_site(DOCUMENT)
NAMES = list(SITE.sensors)


def decode(*messages: Message, site: Site = SITE) -> Decoded:
    return Decoder(site).decode([Seal(7, NOW, NOW, messages)])


def mqtt(topic: str, payload: Any) -> Message:
    return Message(topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), "mqtt")


def rows(decoded: Decoded) -> list[tuple[str, int, float]]:
    sensors = [NAMES[k] for k in decoded.sensor.tolist()]
    return list(zip(sensors, decoded.time.tolist(), decoded.value.tolist(), strict=True))


def test_one_reading_a_message() -> None:
    decoded = decode(mqtt("pit/face/ch4", GOOD))
    assert rows(decoded) == [("ch4", NOW, 1.25)]
    assert decoded.arrived.tolist() == [NOW]
    assert decoded.quality.tolist() == [Quality.SIMULATED]
    assert (decoded.until, decoded.received, decoded.readings, decoded.dead) == (NOW, 1, 1, [])


def test_a_site_that_is_not_simulated_marks_nothing() -> None:
    site = read_site({**DOCUMENT, "site": {"id": "pit", "timezone": "UTC"}})
    assert decode(mqtt("pit/face/ch4", GOOD), site=site).quality.tolist() == [0]


def test_a_list_of_readings_names_its_sensors() -> None:
    listed = [{"s": "ch4", "v": 1, "t": NOW}, {"s": "fan", "v": "running", "t": NOW + 1}]
    assert rows(decode(mqtt("list", listed))) == [("ch4", NOW, 1.0), ("fan", NOW + 1, 1.0)]


def test_a_list_may_lie_under_a_name() -> None:
    assert rows(decode(mqtt("held/ch4", {"rows": [{"v": 2.5, "t": NOW}]}))) == [("ch4", NOW, 2.5)]


def test_one_array_a_field() -> None:
    decoded = decode(mqtt("log/ch4", {"v": [1, 2.5, None], "t": [NOW, NOW + 1, NOW + 2], "u": "%vol"}))
    assert rows(decoded)[:2] == [("ch4", NOW, 1.0), ("ch4", NOW + 1, 2.5)]
    assert math.isnan(decoded.value[2])
    assert decoded.quality.tolist() == [128, 128, 128 | Quality.NO_VALUE]


QUICK = read_site({**DOCUMENT, "sensor": {k: v for k, v in DOCUMENT["sensor"].items() if k != "clockless"}})
"""Without a sensor that has no clock, columns of many sensors are taken the fast way."""


@pytest.mark.parametrize("site", [SITE, QUICK])
@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ({"s": ["ch4", "temp"], "v": [1, 2], "t": [NOW, NOW + 1]}, [("ch4", NOW, 1.0), ("temp", NOW + 1, 2.0)]),
        ({"s": ["ch4", "temp"], "v": [1, 2], "t": NOW}, [("ch4", NOW, 1.0), ("temp", NOW, 2.0)]),
        ({"s": ["ch4", "temp"], "v": [1, 2], "t": "2026-09-21T14:13:20Z"}, [("ch4", NOW, 1.0), ("temp", NOW, 2.0)]),
        ({"s": ["ch4", "stranger", "temp"], "v": [1, 2, 3], "t": NOW}, [("ch4", NOW, 1.0), ("temp", NOW, 3.0)]),
        ({"s": ["ch4", "fan"], "v": [1, "running"], "t": NOW}, [("ch4", NOW, 1.0), ("fan", NOW, 1.0)]),
        ({"s": ["ch4"], "v": [1, 2], "t": NOW}, []),
        ({"s": ["ch4", "temp"], "v": [1, 2]}, []),
    ],
)
def test_columns_of_many_sensors_the_fast_way_and_the_slow(site: Site, table: Any, wanted: Any) -> None:
    decoded = decode(mqtt("many", table), site=site)
    names = list(site.sensors)
    got = list(zip([names[k] for k in decoded.sensor], decoded.time.tolist(), decoded.value.tolist(), strict=True))
    assert got == wanted
    assert bool(decoded.dead) == (len(wanted) < len(table["v"]))


def test_a_sensor_without_a_clock_takes_its_arrival_among_columns_too() -> None:
    decoded = decode(mqtt("many", {"s": ["ch4", "clockless"], "v": [1, 2], "t": [5 * 10**17, 5 * 10**17]}))
    assert decoded.time.tolist() == [5 * 10**17, NOW + 1]
    whole = decode(mqtt("many", {"s": "clockless", "v": [1, 2], "t": [5, 5]}))
    assert whole.time.tolist() == [NOW, NOW + 1]


def test_columns_may_name_a_sensor_for_each_row_or_for_all() -> None:
    each = mqtt("many", {"s": ["ch4", "fan"], "v": [1, "stopped"], "t": [NOW, NOW]})
    whole = mqtt("many", {"s": "ch4", "v": [3, 4], "t": [NOW, NOW]})
    assert rows(decode(each, whole)) == [("ch4", NOW, 1.0), ("fan", NOW, 0.0), ("ch4", NOW, 3.0), ("ch4", NOW, 4.0)]


@pytest.mark.parametrize("topic", ["wave/geo", "packed/geo"])
def test_a_waveform_is_a_block_before_the_next_row(topic: str) -> None:
    table = {"t": NOW, "hz": 200, "x": [1, -2.5, 3]}
    payload = json.dumps(table).encode() if topic == "wave/geo" else msgspec.msgpack.encode(table)
    decoded = decode(mqtt("pit/face/ch4", GOOD), mqtt(topic, payload), mqtt("pit/face/ch4", GOOD))
    (wave,) = decoded.waves
    assert (wave.row, NAMES[wave.sensor], wave.time, wave.arrived, wave.rate) == (1, "geo", NOW, NOW, 200.0)
    assert wave.samples.tolist() == [1.0, -2.5, 3.0]
    assert wave.quality == Quality.SIMULATED
    assert decoded.readings == 3


def test_a_waveform_takes_the_rate_of_its_sensor_and_marks_a_missing_sample() -> None:
    (wave,) = decode(mqtt("wave/geo", {"t": NOW, "x": [2, None]})).waves
    assert wave.rate == 200.0
    assert wave.samples[0] == 2.0
    assert wave.quality & Quality.NO_VALUE


def test_states_are_numbers_by_their_order() -> None:
    sent = [mqtt("pit/face/fan", {"v": value, "t": NOW}) for value in ("running", "stopped", 1, True)]
    assert [value for _, _, value in rows(decode(*sent))] == [1.0, 0.0, 1.0, 1.0]


def test_a_state_nobody_declared_is_a_dead_letter() -> None:
    (dead,) = decode(mqtt("pit/face/fan", {"v": "burning", "t": NOW})).dead
    assert (dead.reason, dead.sensor) == ("wrong_type", "fan")
    assert "stopped, running" in dead.detail


def test_a_retained_message_is_marked() -> None:
    decoded = decode(Message("pit/face/ch4", GOOD, "mqtt", retained=True))
    assert decoded.quality.tolist() == [Quality.RETAINED | Quality.SIMULATED]


@pytest.mark.parametrize("quality", ["good", "OK", 0, 192, True, None])
def test_a_device_may_say_that_a_reading_is_good(quality: Any) -> None:
    decoded = decode(mqtt("pit/face/ch4", {"v": 1.0, "t": NOW, "q": quality}))
    assert decoded.quality.tolist() == [Quality.SIMULATED]


@pytest.mark.parametrize("quality", ["bad", 1, 64, False, "", []])
def test_a_reading_its_device_calls_faulty_has_no_value(quality: Any) -> None:
    decoded = decode(mqtt("pit/face/ch4", {"v": 1.0, "t": NOW, "q": quality}))
    assert math.isnan(decoded.value[0])
    assert decoded.quality.tolist() == [Quality.SIMULATED | Quality.NO_VALUE]


@pytest.mark.parametrize("text", ["null", "NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400])
@pytest.mark.parametrize("topic", ["pit/face/ch4", "list", "log/ch4"])
def test_what_is_no_finite_number_is_a_reading_without_a_value(topic: str, text: str) -> None:
    field, stamp = (f"[{text}]", f"[{NOW}]") if topic.startswith("log") else (text, str(NOW))
    payload = f'{{"s": "ch4", "v": {field}, "t": {stamp}}}'
    decoded = decode(mqtt(topic, (f"[{payload}]" if topic == "list" else payload).encode()))
    assert decoded.dead == []
    assert math.isnan(decoded.value[0])
    assert decoded.quality.tolist() == [Quality.SIMULATED | Quality.NO_VALUE]


BAD: list[tuple[str, str, Any]] = [
    ("unknown_topic", "elsewhere/x", GOOD),
    ("unknown_topic", "pit/face/ch4/deeper", GOOD),
    ("unknown_sensor", "pit/face/stranger", GOOD),
    ("unknown_sensor", "list", [{"s": "stranger", "v": 1, "t": NOW}]),
    ("unknown_sensor", "many", {"s": "stranger", "v": [1], "t": [NOW]}),
    ("unparsable", "pit/face/ch4", b"not json"),
    ("unparsable", "pit/face/ch4", b""),
    ("unparsable", "pit/face/ch4", b'{"v": 1.0'),
    ("unparsable", "pit/face/ch4", b"[" * 100_000),
    ("unparsable", "packed/geo", b"\xc1"),
    ("not_utf8", "pit/face/ch4", b'{"v": "\xff\xfe"}'),
    ("not_utf8", "log/ch4", b"\xff"),
    ("wrong_type", "pit/face/ch4", {"v": "1.25", "t": NOW}),
    ("wrong_type", "pit/face/ch4", {"v": True, "t": NOW}),
    ("wrong_type", "pit/face/ch4", {"v": [1.0], "t": NOW}),
    ("wrong_type", "pit/face/ch4", [1.25]),
    ("wrong_type", "pit/face/ch4", 1.25),
    ("wrong_type", "list", {"s": "ch4", "v": 1, "t": NOW}),
    ("wrong_type", "list", [{"s": 5, "v": 1, "t": NOW}]),
    ("wrong_type", "held/ch4", {}),
    ("wrong_type", "log/ch4", {"v": ["1.25"], "t": [NOW]}),
    ("wrong_type", "log/ch4", {"v": 1.25, "t": [NOW]}),
    ("wrong_type", "wave/geo", {"t": NOW, "x": ["1"]}),
    ("wrong_type", "wave/geo", {"t": NOW, "x": []}),
    ("wrong_unit", "pit/face/ch4", {"v": 1.0, "u": "mm", "t": NOW}),
    ("wrong_unit", "pit/face/ch4", {"v": 1.0, "u": "ppm", "t": NOW}),
    ("wrong_unit", "log/ch4", {"v": [1.0], "u": "mm", "t": [NOW]}),
    ("wrong_type", "pit/face/ch4", {"v": 1.0, "u": 7, "t": NOW}),
    ("wrong_length", "log/ch4", {"v": [1.0, 2.0], "t": [NOW]}),
    ("missing_field", "pit/face/ch4", {"u": "%vol", "t": NOW}),
    ("missing_field", "list", [{"v": 1, "t": NOW}]),
    ("empty", "list", []),
    ("empty", "log/ch4", {"v": [], "t": []}),
    ("bad_time", "pit/face/ch4", {"v": 1.0}),
    ("bad_time", "pit/face/ch4", {"v": 1.0, "t": "yesterday"}),
    ("bad_time", "pit/face/ch4", {"v": 1.0, "t": "2026-11-24T10:00:00"}),
    ("bad_time", "pit/face/ch4", {"v": 1.0, "t": 10**30}),
    ("bad_time", "pit/face/ch4", {"v": 1.0, "t": True}),
    ("bad_time", "pit/face/ch4", b'{"v": 1.0, "t": NaN}'),
    ("bad_time", "pit/face/ch4", {"v": 1.0, "t": "9999-12-31T23:59:59Z"}),
    ("bad_time", "wave/geo", {"x": [1]}),
    ("bad_rate", "wave/geo", {"t": NOW, "x": [1], "hz": 0}),
    ("bad_rate", "wave/geo", {"t": NOW, "x": [1], "hz": "200"}),
    ("bad_rate", "wave/geo", {"t": NOW, "x": [1], "hz": 1e-300}),
    ("bad_rate", "wave/geo", {"t": 2**63 - 2, "x": [1] * 200, "hz": 200}),
    ("unknown_topic", "", {"v": 1.0}),
    ("too_large", "pit/face/ch4", b" " * 10_000_000),
    ("must_understand", "senml/gw", [{"n": "ch4", "v": 1}, {"n": "temp", "v": 1, "secret_": 1}]),
    ("unknown_alias", "spBv1.0/pit/DDATA/gw/drill", SPARKPLUG_ALIAS),
    ("too_many", "spBv1.0/pit/NBIRTH/gw", SPARKPLUG_MANY),
]


@pytest.mark.parametrize(("reason", "topic", "payload"), BAD)
def test_bad_input_is_a_dead_letter_by_name_and_disturbs_no_other(reason: str, topic: str, payload: Any) -> None:
    decoded = decode(mqtt("pit/face/ch4", GOOD), mqtt(topic, payload), mqtt("pit/face/temp", {"v": 20, "t": NOW}))
    (dead,) = decoded.dead
    assert (dead.reason, dead.seal, dead.index, dead.topic) == (reason, 7, 1, topic)
    assert 0 < len(dead.detail) <= 300
    assert rows(decoded) == [("ch4", NOW, 1.25), ("temp", NOW, 20.0)]
    assert decoded.received == 3


def test_half_of_a_character_beside_a_reading_loses_no_reading() -> None:
    """As a device writes it that cuts an emoji in two; of a pair that is whole nothing is changed."""
    payload = b'{"v": 1.25, "t": %d, "name\\ud83d": ["\\udE00"]}' % NOW
    assert rows(decode(mqtt("pit/face/ch4", payload))) == [("ch4", NOW, 1.25)]
    whole = parse_json(b'{"a": "\\ud83d\\ude00", "b": "\\\\ud83d", "c\\udfff": [1, "x\\ud83d"]}')
    assert whole == {"a": "\U0001f600", "b": "\\ud83d", "c\ufffd": [1, "x\ufffd"]}


def test_what_a_decoder_says_can_always_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def halved(*_: Any) -> None:
        raise Dead("wrong_type", "found '\ud83d'", "\udcff")

    decoder = Decoder(SITE)
    template, _ = decoder._route("pit/face/ch4")
    monkeypatch.setattr(template, "decode", halved)
    (dead,) = decoder.decode([Seal(1, NOW, NOW, (mqtt("pit/face/ch4", GOOD),))]).dead
    assert (dead.sensor, dead.detail) == ("\\udcff", "found '\\ud83d'")


def test_a_message_makes_so_many_dead_letters_and_one_for_the_rest() -> None:
    listed = [{"s": "ch4", "v": 1, "t": NOW}, *[{"s": "x"}] * (LETTERS + 5), {"s": "ch4", "v": 2, "t": NOW + 1}]
    decoded = decode(mqtt("list", listed), mqtt("list", listed[:1]))
    assert len(decoded.dead) == LETTERS + 1
    assert (decoded.dead[-1].reason, decoded.dead[-1].index) == ("too_many", 0)
    assert rows(decoded) == [("ch4", NOW, 1.0)] * 2


def test_what_nests_deeper_than_the_fast_way_can_is_a_dead_letter_with_a_reason() -> None:
    for topic, deeper in (("pit/face/ch4", b'{"a":'), ("list", b'[{"a":'), ("log/ch4", b'{"a":')):
        (dead,) = decode(mqtt(topic, deeper * 50_000)).dead
        assert dead.reason == "unparsable"


def test_every_reason_the_module_names_is_met_here() -> None:
    import collector.decode

    assert collector.decode.__doc__ is not None
    named = collector.decode.__doc__.split("Reasons:")[1].replace(".", "").split()
    assert set(named) == {reason for reason, _, _ in BAD} | {"decoder_failed"}


def test_a_decoder_that_raises_is_a_dead_letter_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = Decoder(SITE)

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(decoder._templates[1], "decode", broken)
    decoded = decoder.decode([Seal(1, NOW, NOW, (mqtt("list", [1]), mqtt("pit/face/ch4", GOOD)))])
    assert [(dead.reason, dead.detail) for dead in decoded.dead] == [("decoder_failed", "ZeroDivisionError: oops")]
    assert decoded.readings == 1


def test_a_bad_reading_in_a_list_leaves_the_others() -> None:
    listed = [{"s": "ch4", "v": 1, "t": NOW}, {"s": "ch4", "v": "2", "t": NOW}, {"s": "ch4", "v": 3, "t": NOW}]
    decoded = decode(mqtt("list", listed), mqtt("log/ch4", {"v": [1, "x", 3], "t": [NOW, NOW, NOW]}))
    assert [value for _, _, value in rows(decoded)] == [1.0, 3.0, 1.0, 3.0]
    assert [dead.detail[:11] for dead in decoded.dead] == ["reading 1: ", "reading 1: "]


@pytest.mark.parametrize("unit", ["°C", "degC"])
def test_a_unit_spelled_otherwise_is_the_same_unit(unit: str) -> None:
    assert decode(mqtt("pit/face/temp", {"v": 20.0, "u": unit, "t": NOW})).dead == []


@pytest.mark.parametrize(
    ("sent", "ns"),
    [
        (1_790_000_000, NOW),
        (1_790_000_000_000, NOW),
        (1_790_000_000_000_000, NOW),
        (NOW, NOW),
        (1_790_000_000.25, NOW + 250_000_000),
        (1_790_000_000_000.5, NOW + 500_000),
        ("2026-09-21T14:13:20Z", NOW),
        ("2026-09-21T22:13:20+08:00", NOW),
        ("2026-09-21T14:13:20.123456789Z", NOW + 123_456_789),
        ("1970-01-01T00:00:00Z", 0),
        (0, 0),
        ("2100-01-01T00:00:00Z", 4_102_444_800_000_000_000),
        (-1, -1_000_000_000),
    ],
)
@pytest.mark.parametrize("topic", ["pit/face/ch4", "log/ch4"])
def test_device_times_are_read_as_written_for_the_gate_to_judge(topic: str, sent: Any, ns: int) -> None:
    table = {"v": [1.0, 2.0], "t": [sent, sent]} if topic.startswith("log") else {"v": 1.0, "t": sent}
    decoded = decode(mqtt(topic, table))
    assert decoded.dead == []
    assert set(decoded.time.tolist()) == {ns}


def test_a_payload_may_declare_the_zone_of_its_times() -> None:
    assert rows(decode(mqtt("local/ch4", {"v": 1.0, "t": "2026-09-21T22:13:20"}))) == [("ch4", NOW, 1.0)]


def test_without_a_device_time_a_reading_takes_its_arrival_and_place_in_the_seal() -> None:
    sent = [mqtt("pit/face/clockless", {"v": k, "t": 5}) for k in range(3)] + [mqtt("bare/ch4", {"v": 9})]
    decoded = decode(*sent)
    assert decoded.time.tolist() == [NOW, NOW + 1, NOW + 2, NOW + 3]


def test_own_readings_are_decoded_and_undeclared_ones_counted() -> None:
    decoded = decode(
        Message("own/clock-offset", b'{"value": 0.25}', "own"),
        Message("own/nobody-declared-this", b'{"value": 1}', "own"),
        Message("own/blind", b'{"from": 1, "to": 2}', "own"),
    )
    assert rows(decoded) == [("clock-offset", NOW, 0.25)]
    assert (decoded.received, decoded.own, decoded.dead) == (2, 1, [])


@pytest.mark.parametrize("origin", ["action", "revision"])
def test_what_is_no_reading_is_not_looked_at(origin: str) -> None:
    decoded = decode(Message("pit/face/ch4", b"\xff", origin))
    assert (decoded.received, decoded.readings, decoded.dead) == (0, 0, [])


def test_a_sender_cannot_speak_as_the_system_by_its_topic() -> None:
    (dead,) = decode(mqtt("own/clock-offset", {"value": 5})).dead
    assert dead.reason == "unknown_topic"


def test_nothing_decodes_to_empty_columns() -> None:
    decoded = Decoder(SITE).decode([])
    assert (decoded.until, decoded.readings, decoded.received) == (0, 0, 0)
    assert decoded.value.dtype == np.float64
    assert decode().until == NOW


def csv(text: str | bytes) -> Message:
    return Message("csv", text if isinstance(text, bytes) else text.encode(), "csv")


def test_csv_rows_arrive_at_their_time_and_never_before_the_row_above() -> None:
    text = f"time,sensor,value\n{NOW - 5},ch4,1.5\n{NOW + 9},temp,2\n{NOW + 3},ch4,\n"
    decoded = decode(csv(text))
    assert rows(decoded)[:2] == [("ch4", NOW - 5, 1.5), ("temp", NOW + 9, 2.0)]
    assert math.isnan(decoded.value[2])
    assert decoded.arrived.tolist() == [NOW, NOW + 9, NOW + 9]
    assert decoded.until == NOW + 9


def test_csv_takes_iso_times_and_quality() -> None:
    decoded = decode(csv("2026-09-21T14:13:20Z,ch4,1,0\r\n2026-09-21T22:13:21+08:00,ch4,2,32\r\n"))
    assert decoded.time.tolist() == [NOW, NOW + 1_000_000_000]
    assert decoded.quality.tolist() == [128, 128 | Quality.CALIBRATION]


def test_a_bad_csv_line_is_a_dead_letter_and_the_others_stay() -> None:
    lines = [
        f"{NOW},ch4,1", f"{NOW},stranger,1", f"{NOW},ch4", "soon,ch4,1", f"{NOW},ch4,high", f"{NOW},ch4,1,999",
        f"{10**25},ch4,1", "--5,ch4,1", "1\u00b2,ch4,1", f"{'9' * 5000},ch4,1", f"{NOW + 1},ch4,2",
    ]  # fmt: skip
    decoded = decode(csv("\n".join(lines)), csv(b"\xff,ch4,1\n"))
    assert [value for _, _, value in rows(decoded)] == [1.0, 2.0]
    reasons = [dead.reason for dead in decoded.dead]
    assert reasons == [
        "unknown_sensor", "unparsable", "bad_time", "wrong_type", "wrong_type", "bad_time", "bad_time", "bad_time",
        "bad_time", "not_utf8",
    ]  # fmt: skip
    assert decoded.dead[0].detail.startswith("line 2: ")


def test_csv_lines_of_the_wrong_width_that_would_add_up_do_not() -> None:
    decoded = decode(csv(f"{NOW},ch4\n1,{NOW},ch4,2"))
    assert decoded.readings == 0
    assert len(decoded.dead) == 2


def test_csv_without_lines_says_nothing() -> None:
    assert decode(csv("time,sensor,value\n"), csv("")).readings == 0


messages = st.one_of(
    st.builds(
        mqtt, st.sampled_from(["pit/face/ch4", "list", "log/ch4", "wave/geo", "packed/geo"]), st.binary(max_size=60)
    ),
    st.sampled_from([mqtt("pit/face/ch4", GOOD), mqtt("log/ch4", {"v": [1, 2], "t": [1, 2]}), csv("5,ch4,1")]),
    st.sampled_from([mqtt(topic, payload) for reason, topic, payload in BAD if not reason.startswith("too_")]),
)


@given(st.lists(st.lists(messages, max_size=4), max_size=6), st.data())
def test_cut_anywhere_the_same_rows_and_dead_letters(content: list[list[Message]], data: st.DataObject) -> None:
    seals = [Seal(k + 1, NOW + k * 10**9, 0, tuple(of)) for k, of in enumerate(content)]
    whole = Decoder(SITE).decode(seals)
    cut = data.draw(st.integers(0, len(seals)))
    decoder = Decoder(SITE)
    parts = [decoder.decode(seals[:cut]), decoder.decode(seals[cut:])]
    assert _told(whole) == [*_told(parts[0]), *_told(parts[1])]
    assert whole.dead == [*parts[0].dead, *parts[1].dead]
    assert whole.received == sum(part.received for part in parts)


def _told(decoded: Decoded) -> Sequence[Any]:
    columns = (decoded.sensor, decoded.time, decoded.arrived, decoded.quality)
    rows = list(zip(*(column.tolist() for column in columns), [str(v) for v in decoded.value], strict=True))
    return rows


def test_a_payload_just_within_the_limit_is_looked_into() -> None:
    (dead,) = decode(mqtt("pit/face/ch4", b" " * LARGEST)).dead
    assert dead.reason == "unparsable"


@pytest.mark.parametrize("size", [90_000_000_000_000_000, -90_000_000_000_000_000, -(2**63)])
def test_a_time_that_overflows_when_scaled_is_a_dead_letter_alone_and_in_a_column(size: int) -> None:
    for message in (mqtt("pit/face/ch4", {"v": 1.0, "t": size}), mqtt("log/ch4", {"v": [1.0, 2.0], "t": [size, NOW]})):
        decoded = decode(message)
        assert [letter.reason for letter in decoded.dead] == ["bad_time"], message
        assert decoded.time.tolist() == ([NOW] if message.topic == "log/ch4" else []), "the others of a column stay"


def test_a_sample_that_is_not_finite_is_no_number() -> None:
    decoded = decode(mqtt("wave/geo", b'{"t":%d,"hz":200,"x":[0.5,-1e999,0.25]}' % NOW))
    (wave,) = decoded.waves
    assert np.isnan(wave.samples).tolist() == [False, True, False]
    assert wave.quality & int(Quality.NO_VALUE)
