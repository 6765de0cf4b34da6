"""Messages that are as much work as their size allows: many wrong readings in one, and long words said once for all."""

from __future__ import annotations

import json
from typing import Any

from collector.message import Message
from tests.collector.test_decode import NOW, mqtt


def hostile(size: int) -> dict[str, Message]:
    """What each tries -> a message of about `size` bytes."""
    many, half = size // 8, size // 2
    word = "x" * half
    tags = b"".join(b",a%d=b" % k for k in range(many // 2))
    fields = b",".join(b"b%d=1" % k for k in range(many // 2))
    bases = [{"n": "ch4", "v": 1}] * (half // 16)
    return {
        "a long unit for many values": mqtt("log/ch4", _columns(many, u=word)),
        "a long name for many values": mqtt("many", _columns(many, s=word)),
        "a long time for many values": mqtt("log/ch4", _columns(many, t=f"2026-11-24T08:00:00.{'1' * half}Z")),
        "a large table as the unit of many values": mqtt("log/ch4", _columns(many, u={"a": [word]})),
        "a long quality in many readings": mqtt("pit/face/ch4", json.dumps({"v": 1, "t": NOW, "q": word}).encode()),
        "numbers for readings": mqtt("list", b"[" + b"0," * half + b"0]"),
        "readings that say nothing": mqtt("list", b"[" + b"{}," * (size // 3) + b"{}]"),
        "records of a long base name": mqtt("senml/x", json.dumps([{"bn": word, "n": "a", "v": 1}, *bases]).encode()),
        "records without a value": mqtt("senml/x", b"[" + b'{"n":1},' * many + b"{}]"),
        "records without a value, CBOR": mqtt("cbor", b"\x9a" + many.to_bytes(4, "big") + b"\xa1\x00\x01" * many),
        "lines that are none": mqtt("line/x", b"a\n" * half),
        "a quote that never ends": mqtt("line/x", b'"' + b"\n" * size),
        "many tags and many fields": mqtt("fields", b"mem,host=gw1" + tags + b" " + fields + b" 1790000000"),
        "a long tag and many fields": mqtt("fields", b"mem,host=" + word.encode() + b" " + fields + b" 1790000000"),
        "metrics without a name": Message("spBv1.0/pit/DDATA/gw/drill", b"\x12\x00" * half, "mqtt"),
        "metrics that nobody knows": Message("spBv1.0/pit/NBIRTH/gw", b"\x12\x03\x0a\x01a" * (size // 5), "mqtt"),
        "no record": mqtt("mseed/x", bytes(size)),
    }


def _columns(many: int, **more: Any) -> bytes:
    return json.dumps({"v": [1] * many, "t": NOW} | more, separators=(",", ":")).encode()
