"""Valid payloads of every form, and mutants of them: the same seed, the same bytes."""

from __future__ import annotations

import random
from collections.abc import Iterator

import cbor2
import msgspec

from collector.message import Message
from tests.collector.test_decode import NOW, mqtt
from tests.collector.test_miniseed import COUNTS, records
from tests.collector.test_sparkplug import birth, device_birth, gas

TOKENS = (
    b"1e999", b"-1e999", b"NaN", b"null", b"true", b'""', b"{}", b"[]", b"[[", b"0x10", b"1_0", b"9" * 40, b"-0",
    b"\\u0000", b"\\ud83d",
    b"\xff\xfe", b"\x00", b"\xc1", b'"v":', b'"t":1', b"2026-11-24T08:00", b"1.5.2", b",,", b"%LEL", b"\xe4\xb8",
    b"\xdd\xff\xff\xff\xff", b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
)  # fmt: skip
VALID: tuple[Message, ...] = (
    mqtt("pit/face/ch4", {"v": 1.25, "u": "%vol", "t": NOW, "q": 0}),
    mqtt("pit/face/fan", {"v": "running", "t": NOW}),
    mqtt("list", [{"s": "ch4", "v": 1.0, "t": NOW}, {"s": "temp", "v": 21.5, "t": NOW + 1}]),
    mqtt("held/temp", {"rows": [{"v": 20.0, "t": NOW}, {"v": 20.5, "t": NOW + 10**9}]}),
    mqtt("log/ch4", {"v": [0.1, 0.2, 0.3], "t": [NOW, NOW + 1, NOW + 2], "u": "%vol"}),
    mqtt("many", {"s": ["ch4", "temp"], "v": [0.4, 20.0], "t": [NOW, NOW]}),
    mqtt("wave/geo", {"t": NOW, "hz": 200, "x": [0.1, -0.2, 0.3, 0.0]}),
    mqtt("packed/geo", msgspec.msgpack.encode({"t": NOW, "hz": 200, "x": [0.1, -0.2, 0.3]})),
    mqtt("local/ch4", {"v": 0.5, "t": "2026-11-24T08:00:00"}),
    mqtt("bare/clockless", {"v": 3.0}),
    mqtt("n/ch4", {"v": 1.0, "t": NOW, "n": 5, "d": "box-7"}),
    mqtt("senml/gw", [{"bn": "pit/", "bt": 1.79e9, "n": "ch4", "u": "%vol", "v": 0.5}, {"n": "fan", "vs": "stopped"}]),
    mqtt("cbor", cbor2.dumps([{-3: 1_790_000_000, 0: "ch4", 2: 0.5}, {0: "temp", 2: 20, 6: -5}])),
    mqtt("line/x", f'gas,sensor=ch4,unit=%vol value=0.5 {NOW}\nfan,sensor=fan value="running",q=0i {NOW}'.encode()),
    mqtt("fields", b"mem,host=gw1 gas=0.5,air=21,used=7i 1790000000"),
    mqtt("mseed/x", b"".join(records(COUNTS[:300], "i"))),
    mqtt("mseed/x", records(COUNTS[:50], "i", version=2)[0]),
    birth(),
    device_birth(),
    gas(0.75, 2),
)


def mutants(count: int, seed: int) -> Iterator[Message]:
    """Each valid message in turn with one to three changes: a byte, a cut, a repetition, a token, or the topic."""
    chance = random.Random(seed)
    for k in range(count):
        message = VALID[k % len(VALID)]
        data = bytearray(message.payload)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            _change(data, chance)
        topic = message.topic if chance.random() < 0.98 else message.topic[: chance.randint(0, len(message.topic))]
        yield Message(topic, bytes(data), "mqtt")


def _change(data: bytearray, chance: random.Random) -> None:
    at = chance.randint(0, len(data))
    match chance.randint(0, 4):
        case 0 if at < len(data):
            data[at] = chance.randint(0, 255)
        case 1:
            del data[at : at + chance.randint(1, 8)]
        case 2:
            data[at:at] = data[at : at + chance.randint(1, 16)]
        case 3:
            data[at:at] = chance.choice(TOKENS)
        case _:
            data[at : at + chance.randint(0, 6)] = chance.choice(TOKENS)
