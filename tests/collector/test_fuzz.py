"""Mutants of valid payloads: no crash, each message is readings or dead letters with a name, nothing odd gets in.

DAVYLAMP_FUZZ=100000 python -m pytest tests/collector/test_fuzz.py    for shorter; `python -m bench.fuzz` for longer
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.decode import Decoded, Decoder
from collector.ledger import read_at_rest
from collector.message import CSV, MQTT, OWN, Message
from collector.trying import in_parallel
from tests.at_rest import judge_log
from tests.collector.fuzzing import Tally, fuzz, seals, spooled, take
from tests.collector.mutants import BATCH, batches, form, mutants
from tests.collector.test_decode import NAMES, SITE
from tests.collector.valid_messages import FORM_OF, FORMS, VALID

COUNT = int(os.environ.get("DAVYLAMP_FUZZ", "1000000"))
EXAMPLES = 1_500
"""Hypothesis' examples, each one to three payloads by every way."""


def taken(messages: Sequence[Message], decoded: Decoded | None = None) -> Tally:
    tally = Tally()
    take(messages, decoded or Decoder(SITE).decode(seals(messages)), FORM_OF, tally)
    return tally


def test_the_valid_ones_are_all_readings_or_said_otherwise() -> None:
    tally = taken(VALID)
    assert (tally.dead, tally.wrong) == (Counter(), [])
    assert tally.readings.keys() == FORMS.keys()
    assert set(tally.silent) <= {"sparkplug", "csv"}


def test_a_million_mutants_are_all_accounted_for() -> None:
    tally = Tally()
    for half in in_parallel(fuzz, [(COUNT // 2, 22), (COUNT // 2, 23)], 2):
        tally.add(half)
    assert tally.wrong == []
    assert tally.messages.total() == COUNT
    readings, reasons = tally.readings, {reason for _, reason in tally.dead}
    print(f"{COUNT:,} messages: {readings.total():,} readings, {tally.dead.total():,} dead letters of {reasons}")
    assert readings.total() > COUNT // 10
    assert readings.keys() == FORMS.keys(), "each form has mutants that can be read"
    assert {form for form, _ in tally.dead} == FORMS.keys(), "and such as cannot"
    assert len(reasons) >= 12


def test_mutants_stop_no_judge_and_its_ledger_balances(tmp_path: Path) -> None:
    messages = spooled(tmp_path, 4_000, 4)
    judge_log(tmp_path)
    counts, wrong = read_at_rest(tmp_path)
    assert wrong == []
    assert counts["judge.received"] == messages > 3_000
    assert counts["judge.readings"] > 400
    assert "judge.dead.decoder_failed" not in counts


def test_a_message_that_vanishes_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decoder, "_message", lambda *_: None)
    wrong = taken(VALID).wrong
    assert sum(text.startswith("lost: ") for text in wrong) == sum(
        m.origin == MQTT and m.topic != "fields" and "spBv1.0" not in m.topic for m in VALID
    )
    assert {text for text in wrong if " are silent" in text} == {
        f"{sum(m.origin == origin for m in VALID)} of {origin} are silent, 0 have another name"
        for origin in (MQTT, OWN, CSV)
    }


def test_a_decoder_that_fails_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise IndexError("somewhere")

    monkeypatch.setattr("collector.decode.decode_csv", fails)
    assert [text[:30] for text in taken(VALID).wrong] == ["IndexError: somewhere: Message"] * 2


def test_what_no_detector_may_see_is_told_of() -> None:
    decoded = Decoder(SITE).decode(seals(VALID))
    value, quality, sensor = decoded.value.copy(), decoded.quality.copy(), decoded.sensor.copy()
    value[:2], quality[2], sensor[3] = (np.inf, np.nan), 0, len(NAMES)
    odd = replace(decoded, value=value, quality=quality, sensor=sensor, waves=[replace(decoded.waves[0], rate=0.0)])
    assert [text.partition(":")[0] for text in taken(VALID, odd).wrong[:5]] == [
        "a sensor that is none", "an infinite value", "no number, and not marked so", "not marked as simulated",
        "an odd block",
    ]  # fmt: skip


def test_the_same_seed_gives_the_same_mutants_and_another_one_others() -> None:
    first = list(mutants(BATCH + 10, 1))
    assert first == list(mutants(BATCH + 10, 1))
    assert len(first) == BATCH + 10
    assert first[:BATCH] == next(batches(BATCH, 1))
    others = set(first) - set(mutants(BATCH + 10, 2))
    assert len(others) > BATCH // 2
    assert [form(k) for k in range(len(VALID))] == list(FORM_OF)


def test_mutants_are_seldom_alike() -> None:
    found = list(mutants(30_000, 3))
    assert len(set(found)) > 24_000


names = st.sampled_from("vtusqx") | st.text(max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)
payloads = st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode())
WAYS = sorted({(message.topic, message.origin) for message in VALID})
"""Every topic that has a decoder, and the two origins that are no broker's."""


def test_whatever_comes_is_readings_or_dead_letters_by_every_way() -> None:
    tally, decoder = Tally(), Decoder(SITE)

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.lists(payloads, min_size=1, max_size=3), st.text(max_size=20))
    def some(listed: list[bytes], topic: str) -> None:
        messages = [Message(way, payload, origin) for payload in listed for way, origin in (*WAYS, (topic, MQTT))]
        take(messages, decoder.decode(seals(messages)), ["any"] * len(messages), tally)
        assert tally.wrong == []

    some()
    print(f"{tally.messages.total():,} messages by Hypothesis")
    assert tally.messages.total() >= 20_000
