"""Mutants of valid payloads: no crash, each message is readings or dead letters with a name, nothing odd gets in.

DAVYLAMP_FUZZ=10000000 python -m pytest tests/collector/test_fuzz.py    for longer
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.decode import Decoded, Decoder
from collector.message import Message, Seal
from detectors.reading import Quality
from tests.collector.mutants import VALID, mutants
from tests.collector.test_decode import NOW, SITE

DECODER = Decoder(SITE)
COUNT = int(os.environ.get("DAVYLAMP_FUZZ", "200000"))
CHUNK = 2_000


def chunks(messages: Iterable[Message]) -> Iterator[list[Message]]:
    chunk: list[Message] = []
    for message in messages:
        chunk.append(message)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def check(messages: list[Message], decoded: Decoded) -> None:
    """Every message came out, and only what a detector may see came in."""
    assert decoded.received == len(messages)
    dead = {letter.index for letter in decoded.dead}
    failed = [letter for letter in decoded.dead if letter.reason == "decoder_failed"]
    for letter in decoded.dead:
        f"{letter.topic}{letter.sensor}{letter.detail}".encode()  # raises where no file could take it
    assert failed == [], [(letter.detail, messages[letter.index].payload) for letter in failed[:3]]
    assert len(decoded.sensor) == len(decoded.time) == len(decoded.value) == len(decoded.quality)
    assert not np.isinf(decoded.value).any()
    lacking = np.isnan(decoded.value)
    assert ((decoded.quality[lacking] & int(Quality.NO_VALUE)) != 0).all()
    for wave in decoded.waves:
        assert wave.rate > 0
        assert len(wave.samples) or any("DEATH" in message.topic for message in messages)
        assert not np.isinf(wave.samples).any()
    silent = [k for k in range(len(messages)) if k not in dead]
    otherwise = sum(_says_nothing(messages[k]) for k in silent) + sum(decoded.said.values())
    assert len(silent) <= decoded.readings + otherwise


def _says_nothing(message: Message) -> bool:
    """An empty list of readings is no reading and no mistake."""
    return b"[]" in message.payload or b"\x90" in message.payload


def test_the_valid_ones_are_all_readings() -> None:
    decoded = Decoder(SITE).decode([Seal(1, NOW, NOW, VALID)])
    assert decoded.dead == []
    check(list(VALID), decoded)


def test_mutants_are_all_accounted_for() -> None:
    decoder, reasons, readings = Decoder(SITE), Counter[str](), 0
    for number, messages in enumerate(chunks(mutants(COUNT, seed=22))):
        decoded = decoder.decode([Seal(number + 1, NOW, NOW, tuple(messages))])
        check(messages, decoded)
        reasons.update(letter.reason for letter in decoded.dead)
        readings += decoded.readings
    print(f"{COUNT:,} messages: {readings:,} readings, dead letters {dict(reasons.most_common())}")
    assert readings > COUNT // 20
    assert len(reasons) >= 4


names = st.sampled_from("vtusqx") | st.text(max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)
payloads = st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode())


@settings(max_examples=int(os.environ.get("DAVYLAMP_FUZZ_EXAMPLES", "2000")), deadline=None)
@given(st.lists(st.builds(Message, st.sampled_from([m.topic for m in VALID]) | st.text(max_size=20), payloads,
                          st.just("mqtt")), min_size=1, max_size=10))  # fmt: skip
def test_whatever_comes_is_readings_or_dead_letters(messages: list[Message]) -> None:
    check(messages, DECODER.decode([Seal(1, NOW, NOW, tuple(messages))]))
