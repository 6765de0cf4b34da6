"""SenML. Oracle: the examples of RFC 8428, sections 5.1 and 6, and the rules of its section 4."""

from __future__ import annotations

import json
import math
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.decode import Decoded, Decoder
from collector.message import Message, Seal
from collector.senml import LABELS
from detectors.site import read_site

NOW = 1_790_000_000_000_000_000
S = 10**9
URN = "urn:dev:ow:10e2073a0108006:"
SENSORS = {
    f"{URN}voltage": ("voltage", "V"), f"{URN}current": ("current", "A"), f"{URN}humidity": ("humidity", "%"),
    "urn:dev:ow:10e2073a0108006": ("temperature", "degC"), "pit/ch4": ("methane", "%vol"),
    "pit/ch4.sum": ("dose", "%vol"),
}  # fmt: skip
SITE = read_site({
    "site": {"id": "pit", "timezone": "UTC"},
    "payload": {
        "senml": {"topic": "s", "senml": {}, "sensors": {name: sensor for name, (sensor, _) in SENSORS.items()}},
        "cbor": {"topic": "c", "senml-cbor": {}, "sensors": {name: sensor for name, (sensor, _) in SENSORS.items()}},
        "device": {"topic": "dev/{device}/up", "senml": {"sensor": "{device}-{name}"}},
    },
    "sensor": {
        **{quantity: {"area": "a", "quantity": quantity, "unit": unit} for quantity, unit in SENSORS.values()},
        "fan": {"area": "a", "states": ["stopped", "running"]},
        "clockless": {"area": "a", "quantity": "co", "unit": "ppm", "time": "arrival"},
        "gw1-co": {"area": "a", "quantity": "co", "unit": "ppm"},
    },
    "rule": {},
})  # fmt: skip
NAMES = list(SITE.sensors)


def decode(pack: Any, topic: str = "s", cbor: bool = False) -> Decoded:
    data = pack if isinstance(pack, bytes) else cbor2.dumps(numbered(pack)) if cbor else json.dumps(pack).encode()
    return Decoder(SITE).decode([Seal(7, NOW, NOW, (Message("c" if cbor else topic, data, "mqtt"),))])


def numbered(pack: Any) -> Any:
    number = {name: label for label, name in LABELS.items()}
    return [{number.get(key, key): value for key, value in record.items()} for record in pack]


def rows(decoded: Decoded) -> list[tuple[str, int, float]]:
    return [(NAMES[s], t, v) for s, t, v in zip(decoded.sensor, decoded.time.tolist(), decoded.value, strict=True)]


@pytest.mark.parametrize("cbor", [False, True])
def test_the_examples_of_the_rfc(cbor: bool) -> None:
    multiple = [
        {"bn": URN, "bt": 1.276020076001e9, "bu": "A", "bver": 5, "n": "voltage", "u": "V", "v": 120.1},
        {"n": "current", "t": -5, "v": 1.2}, {"n": "current", "t": -4, "v": 1.3}, {"n": "current", "v": 1.7},
    ]  # fmt: skip
    base = 1_276_020_076_001_000_000
    assert rows(decode(multiple, cbor=cbor)) == [
        ("voltage", base, 120.1), ("current", base - 5 * S, 1.2), ("current", base - 4 * S, 1.3), ("current", base, 1.7)
    ]  # fmt: skip
    single = [{"n": "urn:dev:ow:10e2073a0108006", "u": "Cel", "v": 23.1}]
    assert rows(decode(single, cbor=cbor)) == [("temperature", NOW, 23.1)]
    relative = [{"bn": URN, "bu": "%RH", "n": "humidity", "t": -60, "v": 21.2}, {"n": "humidity", "t": -50, "v": 21.5}]
    assert [t for _, t, _ in rows(decode(relative, cbor=cbor))] == [NOW - 60 * S, NOW - 50 * S]


def test_the_bytes_of_the_rfc_in_cbor() -> None:
    """The first record of section 6's figure, byte for byte: labels, floats, base time and version."""
    record = (
        "a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120"
        "0500" "67766f6c74616765" "016156" "02fb405e066666666666"
    )  # fmt: skip
    ((sensor, time, value),) = rows(decode(bytes.fromhex("81" + record), cbor=True))
    assert (sensor, time, value) == ("voltage", 1_276_020_076_001_000_000, 120.1)


def test_base_values_sums_states_and_booleans() -> None:
    pack = [
        {"bn": "pit/", "bt": 1_700_000_000, "bv": 10, "bs": 100, "n": "ch4", "v": 0.5, "s": 1},
        {"bn": "", "bv": 0, "n": "fan", "vs": "running"}, {"n": "fan", "vb": False, "t": 1},
    ]  # fmt: skip
    at = 1_700_000_000 * S
    assert rows(decode(pack)) == [
        ("methane", at, 10.5), ("dose", at, 101.0), ("fan", at, 1.0), ("fan", at + S, 0.0),
    ]  # fmt: skip


def test_words_of_the_topic_spell_sensors_and_a_sensor_without_a_clock_takes_its_arrival() -> None:
    assert rows(decode([{"n": "co", "v": 4, "t": -2}], "dev/gw1/up")) == [("gw1-co", NOW - 2 * S, 4.0)]
    assert rows(decode([{"n": "clockless", "v": 4, "t": 1_700_000_000}])) == [("clockless", NOW, 4.0)]


def test_a_decimal_fraction_is_the_one_tag_that_is_read() -> None:
    from decimal import Decimal

    assert rows(decode([{"n": "pit/ch4", "v": Decimal("1.25")}], cbor=True)) == [("methane", NOW, 1.25)]
    import datetime

    late = decode(cbor2.dumps([{0: "pit/ch4", 2: datetime.datetime.now(datetime.UTC)}]), "c")
    assert [dead.reason for dead in late.dead] == ["unparsable"]


BAD = [
    ("must_understand", [{"n": "pit/ch4", "v": 1}, {"n": "pit/ch4", "v": 1, "key_": 1}], 0),
    ("must_understand", [{"bver": 11, "n": "pit/ch4", "v": 1}], 0),
    ("must_understand", [{"bver": "5", "n": "pit/ch4", "v": 1}], 0),
    ("wrong_type", {"n": "pit/ch4", "v": 1}, 0),
    ("wrong_type", [], 0),
    ("wrong_type", [3], 0),
    ("wrong_type", [{"n": "pit/ch4", "v": "1"}, {"n": "pit/ch4", "v": 2}], 1),
    ("wrong_type", [{"n": "pit/ch4", "v": 1, "vs": "x"}], 0),
    ("wrong_type", [{"n": "pit/ch4", "vd": "aGk="}], 0),
    ("wrong_type", [{"n": "fan", "vs": "flying"}], 0),
    ("wrong_type", [{"n": 3, "v": 1}], 0),
    ("wrong_type", [{"n": "pit/ch4", "bt": "now", "v": 1}], 0),
    ("wrong_unit", [{"n": "pit/ch4", "u": "%EL", "v": 1}, {"n": "pit/ch4", "u": "%vol", "v": 2}], 1),
    ("wrong_unit", [{"n": "pit/ch4", "u": "nonsense", "v": 1}], 0),
    ("missing_field", [{"n": "pit/ch4", "t": 3}], 0),
    ("missing_field", [{"v": 3}], 0),
    ("missing_field", [{"n": "/ch4", "v": 3}], 0),
    ("unknown_sensor", [{"n": "pit/co", "v": 3}], 0),
    ("bad_time", [{"n": "pit/ch4", "v": 3, "bt": 1e300}], 0),
    ("bad_time", [{"n": "pit/ch4", "v": 3, "bt": 10**40}], 0),
]


@pytest.mark.parametrize(("reason", "pack", "read"), BAD)
def test_what_is_wrong_is_named_and_other_records_count(reason: str, pack: Any, read: int) -> None:
    decoded = decode(pack)
    assert [dead.reason for dead in decoded.dead] == [reason]
    assert len(decoded.sensor) == read


def test_a_record_of_base_fields_alone_is_no_reading_and_no_mistake() -> None:
    decoded = decode([{"bn": "pit/", "bt": 1_700_000_000}, {"n": "ch4", "v": 1}])
    assert (rows(decoded), decoded.dead) == ([("methane", 1_700_000_000 * S, 1.0)], [])


numbers = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(-(10**6), 10**6)
records = st.fixed_dictionaries(
    {"v": numbers},
    optional={"bt": st.integers(0, 2 * 10**9), "t": st.integers(-(10**6), 10**6), "bv": numbers,
              "bn": st.sampled_from(["pit/", "pit/c"])},
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(records, min_size=1, max_size=6))
def test_json_and_cbor_say_the_same_and_resolve_as_the_rfc_does(pack: list[dict[str, Any]]) -> None:
    bn, bt, bv, expected = "", 0, 0.0, []
    for record in pack:
        bn, bt, bv = record.get("bn", bn), record.get("bt", bt), record.get("bv", bv)
        record["n"] = {"pit/": "ch4", "pit/c": "h4"}.get(bn, "pit/ch4")
        at = bt + record.get("t", 0)
        expected.append((NOW + at * S if at < 2**28 else at * S, float(record["v"]) + float(bv)))
    for cbor in (False, True):
        decoded = decode(pack, cbor=cbor)
        assert decoded.dead == []
        got = [(t - (t - NOW if NOW <= t < NOW + len(pack) else 0), v) for _, t, v in rows(decoded)]
        assert got == expected
        assert all(math.isfinite(value) for _, value in got)
