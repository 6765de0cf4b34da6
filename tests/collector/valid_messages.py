"""Valid messages of every form, each of which is readings: what mutants are made of."""

from __future__ import annotations

import json
from typing import Any

import cbor2
import msgspec

from collector.message import CSV, OWN, Message
from simulators.sparkplug_b import STRING, Payload
from tests.collector.test_decode import NOW, mqtt
from tests.collector.test_miniseed import COUNTS, records
from tests.collector.test_sparkplug import birth, death, device_birth, gas
from tests.collector.test_sparkplug import message as sparkplug

CBOR = [{-3: 1_790_000_000, 0: "ch4", 2: 0.5}, {0: "temp", 2: 20, 6: -5}]
WAVE = {"t": NOW, "hz": 200, "x": [0.1, -0.2, 0.3]}
LINES = f"""gas,sensor=ch4,unit=%vol value=0.5 {NOW}
fan,sensor=fan value="running",q=0i {NOW}
# none
t,sensor=fan value=t 1"""


def _with_unit() -> Message:
    payload = Payload.FromString(device_birth().payload)
    payload.metrics[0].properties.keys.append("engUnit")
    payload.metrics[0].properties.values.add(type=STRING, string_value="%vol")
    return Message("spBv1.0/pit/DBIRTH/gw/drill", payload.SerializeToString(), "mqtt")


def _by_form() -> dict[str, list[Message]]:
    senml: list[Any] = [{"bn": "pit/", "bt": 1.79e9, "n": "ch4", "u": "%vol", "v": 0.5}, {"n": "fan", "vs": "stopped"}]
    null = ("Temp", None, None, "is_null", True)
    return {
        "json": [
            mqtt("pit/face/ch4", {"v": 1.25, "u": "%vol", "t": NOW, "q": 0}),
            mqtt("pit/face/fan", {"v": "running", "t": NOW}),
            mqtt("local/ch4", {"v": 0.5, "t": "2026-11-24T08:00:00"}),
            mqtt("bare/clockless", {"v": 3.0}),
            mqtt("n/ch4", {"v": 1.0, "t": NOW, "n": 5, "d": "box-7"}),
        ],
        "array": [
            mqtt("list", [{"s": "ch4", "v": 1.0, "t": NOW}, {"s": "temp", "v": 21.5, "t": NOW + 1}]),
            mqtt("held/temp", {"rows": [{"v": 20.0, "t": NOW}, {"v": 20.5, "t": NOW + 10**9}]}),
        ],
        "columns": [
            mqtt("log/ch4", {"v": [0.1, 0.2, 0.3], "t": [NOW, NOW + 1, NOW + 2], "u": "%vol"}),
            mqtt("many", {"s": ["ch4", "temp"], "v": [0.4, 20.0], "t": [NOW, NOW]}),
            mqtt("log/ch4", {"v": [0.1, None], "t": "2026-11-24T08:00:00.123456789Z"}),
        ],
        "wave": [mqtt("wave/geo", WAVE)],
        "wave-msgpack": [mqtt("packed/geo", msgspec.msgpack.encode(WAVE))],
        "senml": [
            mqtt("senml/gw", senml),
            mqtt("senml/gw", [{"bver": 10, "bn": "temp", "bt": 1.79e9, "bu": "Cel", "bv": 20}, {"v": 1, "t": -5}]),
        ],
        "senml-cbor": [mqtt("cbor", cbor2.dumps(CBOR))],
        "line": [
            mqtt("line/x", LINES.encode()),
            mqtt("fields", b"mem,host=gw1 gas=0.5,air=21,used=7i 1790000000"),
        ],
        "mseed": [
            mqtt("mseed/x", b"".join(records(COUNTS[:300], "i"))),
            mqtt("mseed/x", records(COUNTS[:50], "i")[0]),
            mqtt("mseed/x", records(COUNTS[:50], "i", version=2)[0]),
        ],
        "sparkplug": [
            birth(), device_birth(), _with_unit(), gas(0.75, 2), sparkplug("DDATA", "drill", null, seq=3),
            sparkplug("DDEATH", "drill", seq=4), death(),
        ],
        "csv": [
            Message("readings.csv", f"time,sensor,value\n{NOW},ch4,0.5\n{NOW + 1},temp,".encode(), CSV),
            Message("readings.csv", b"2026-11-24T08:00:00Z,fan,1,0\r\n2026-11-24T08:00:01Z,geo,-0.5,2\r\n", CSV),
        ],
        "own": [
            Message("own/clock-offset", json.dumps({"value": 0.25}).encode(), OWN),
        ],
    }  # fmt: skip


FORMS = _by_form()
VALID = tuple(message for messages in FORMS.values() for message in messages)
FORM_OF = tuple(form for form, messages in FORMS.items() for _ in messages)
"""The form of each of VALID."""
