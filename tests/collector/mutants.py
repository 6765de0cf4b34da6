"""Mutants of valid messages: the same seed, the same bytes.

Constraints. All random numbers of a batch are drawn at once, and each change is one cut and paste: a mutant takes about
a microsecond, so that what is measured and what is waited for is the decoder. Changes fall on borders of words, numbers
and quotes as often as anywhere else, because a value that is odd goes farther in than a bracket that is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from collector.message import Message
from tests.collector.valid_messages import FORM_OF, VALID

BATCH = 2_000
TOKENS = (
    b"1e999", b"-1e999", b"NaN", b"null", b"true", b'""', b"{}", b"[]", b"[[", b"0x10", b"1_0", b"9" * 40, b"-0",
    b"\\u0000", b"\\ud83d", b"\xff\xfe", b"\x00", b"\xc1", b'"v":', b'"t":1', b"2026-11-24T08:00", b"1.5.2", b",,",
    b"%LEL", b"\xe4\xb8", b"\xdd\xff\xff\xff\xff", b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", b"\xc2\xb2", b"\n", b"\r\n",
)  # fmt: skip
VALUES = (
    b"null", b"true", b"-1", b"0", b"0.0", b"1e308", b"1e999", b"-0.0", b"NaN", b"-Infinity", b"9223372036854775807",
    b"18446744073709551616", b"1e-400", b'""', b'"x"', b"[]", b"{}", b"[1]", b'{"a":1}', b'"stopped"', b'"ppm"',
    b'"2026-11-24T08:00:00Z"', b'"9999-12-31T23:59:59-23:59"', b'"\\ud83d"', b'"\\u0000"', b"5i", b"f", b'"good"',
    b'"degC"', b"192",
    b"\xf9\x7e\x00", b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", b"\xc4\x82\x21\x19\x6a\xb3", b"\x80", b"\x7f", b"\x00",
)  # fmt: skip
_PARTS = re.compile(rb'"[^"]*"|[-+]?[0-9][0-9.eE+-]*|[A-Za-z_%]+|[^\x00-\x7f]|[\x00-\x1f]|.', re.DOTALL)


def _spans(data: bytes) -> list[tuple[int, int]]:
    return [found.span() for found in _PARTS.finditer(data)]


SPANS = tuple(_spans(message.payload) for message in VALID)
WORDS = sorted({m.payload[a:b] for m, spans in zip(VALID, SPANS, strict=True) for a, b in spans if b - a > 1})
TOPICS = [message.topic for message in VALID]
BYTES = [bytes((k,)) for k in range(256)]
CHANGES = (1, 1, 1, 1, 2, 2, 2, 3)
KEPT = frozenset(k for k, message in enumerate(VALID) if "BIRTH" in message.topic)
"""Those without which others mean nothing: every other one stays as it is."""


def mutants(count: int, seed: int) -> Iterator[Message]:
    """Each valid message in turn with one to three changes to its payload, or another topic."""
    for batch in batches(count, seed):
        yield from batch


def batches(count: int, seed: int) -> Iterator[list[Message]]:
    """The mutants, BATCH at a time."""
    chance = np.random.default_rng(seed)
    for first in range(0, count, BATCH):
        draws = chance.integers(0, 2**32, (BATCH, 8), np.uint32).tolist()
        yield [_mutant((first + k) % len(VALID), draws[k]) for k in range(min(BATCH, count - first))]


def form(number: int) -> str:
    """The form of what the mutant of this number was made of."""
    return FORM_OF[number % len(VALID)]


def _mutant(which: int, draws: list[int]) -> Message:
    valid, how = VALID[which], draws[0]
    data, topic = valid.payload, valid.topic
    if which not in KEPT or how & 1:
        for at in range(1, CHANGES[how >> 1 & 7] * 2, 2):
            data = _changed(data, SPANS[which], draws[at], draws[at + 1])
        if which in SUMMED and how & 1:
            data = _summed(data)
    if how >> 8 & 63 == 0:
        topic = _other_topic(topic, draws[7])
    return Message(topic, data, valid.origin, how >> 16 & 31 == 0)


def _changed(data: bytes, spans: list[tuple[int, int]], a: int, b: int) -> bytes:
    """One cut and paste: of `a` the low bits say where and the high ones which; `b` says what is put there."""
    place = a & 0xFFFFFF
    start, end = spans[place % len(spans)]
    at = start if a & 1 << 24 else place % (len(data) + 1)
    match a >> 25 & 15:
        case 0 | 1:
            return data[:at] + BYTES[b & 255] + data[at + 1 :]
        case 2 | 3:
            return data[:at] + bytes(byte ^ 1 << (b & 7) for byte in data[at : at + 1]) + data[at + 1 :]
        case 4:
            return data[:at] + data[at + 1 + b % 8 :]
        case 5:
            return data[:at] + data[at : at + 1 + b % 16] + data[at:]
        case 6:
            return data[:at] + TOKENS[b % len(TOKENS)] + data[at:]
        case 7:
            return data[:at] + TOKENS[b % len(TOKENS)] + data[at + b % 7 :]
        case 8:
            return data[:start] + data[end:]
        case 9:
            other = VALID[b % len(VALID)].payload
            return data[:at] + other[(b >> 8) % len(other) :]
        case 10 | 11:
            return data[:start] + WORDS[b % len(WORDS)] + data[end:]
        case _:
            return data[:start] + VALUES[b % len(VALUES)] + data[end:]


def _other_topic(topic: str, draw: int) -> str:
    """A part of it, or another's."""
    return topic[: draw % (len(topic) + 1)] if draw >> 16 & 1 else TOPICS[draw % len(TOPICS)]


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _table()


def _summed(data: bytes) -> bytes:
    """The payload as one miniSEED 3 record with its CRC-32C as it must be (FDSN miniSEED 3, field 12)."""
    if len(data) < 40:
        return data
    whole = data[:28] + bytes(4) + data[32:]
    crc = 0xFFFFFFFF
    for byte in whole:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 255]
    return whole[:28] + (crc ^ 0xFFFFFFFF).to_bytes(4, "little") + whole[32:]


SUMMED = frozenset(k for k, m in enumerate(VALID) if m.payload[:3] == b"MS\x03" and _summed(m.payload) == m.payload)
"""Single records of miniSEED 3. Their checksum is mended in every other mutant, or all would end there."""
