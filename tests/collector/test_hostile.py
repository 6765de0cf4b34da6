"""What one message may cost: no part of it is looked at again for each of its readings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from collector.decode import LONGEST_TOPIC, Decoded, Decoder
from collector.device_time import LONGEST, BadTime, read_time
from collector.folding import Folding
from collector.known import LONGEST_UNIT, NAMED, UNITS, Known, Names
from collector.line_protocol import split
from collector.message import REVISION, Message, Seal
from collector.payload import SHOWN, is_good, shown
from collector.remembered import Memory
from collector.rows import LARGEST_VALUE, Dead
from detectors.reading import Quality
from detectors.sensor import Payload
from tests.collector.hostile import hostile
from tests.collector.test_decode import DOCUMENT, NOW, SITE, mqtt
from tests.collector.test_sparkplug import message as spark

SIZE = 30_000
HOSTILE = hostile(SIZE)


def decode(message: Message, decoder: Decoder | None = None) -> Decoded:
    return (decoder or Decoder(SITE)).decode([Seal(1, NOW, NOW, (message,))])


@pytest.mark.parametrize("name", HOSTILE)
def test_every_part_of_a_hostile_message_is_accounted_for_in_short_words(name: str) -> None:
    decoded = decode(HOSTILE[name])
    reasons = {letter.reason for letter in decoded.dead}
    assert "decoder_failed" not in reasons
    assert reasons or decoded.readings or decoded.said
    assert all(len(letter.detail) <= 300 for letter in decoded.dead)


class Long(str):
    """A text that may be looked at in part only."""

    def __repr__(self) -> str:
        raise AssertionError("the whole of a long text was written out")

    def lower(self) -> str:
        raise AssertionError("the whole of a long text was changed")


class Counted(list[Any]):
    """A list that counts how many of its elements were looked at."""

    looked = 0

    def __iter__(self) -> Iterator[Any]:
        for one in super().__iter__():
            self.looked += 1
            yield one


def test_no_more_of_a_large_value_is_looked_at_than_is_shown() -> None:
    assert shown(Long("x" * 5000)) == f"'{'x' * 56}..."
    for many in (Counted(range(5000)), Counted([{}] * 5000)):
        assert len(shown(many)) == SHOWN
        assert many.looked <= SHOWN
    assert is_good(Long("good" * 1000)) is False


@pytest.mark.parametrize(
    "value",
    [None, True, -1.5, 10**50, "it's", "x" * 58, b"\x00a", [], {}, [1, [2, {"a": None}]], {"k": "v", "l": [1.5]}],
)
def test_a_short_value_is_shown_as_python_writes_it(value: Any) -> None:
    assert shown(value) == repr(value)


@pytest.mark.parametrize("value", ["x" * 59, list(range(40)), {"k" * 40: "v" * 40}, [[[["x" * 70]]]], "\n" * 40])
def test_a_longer_one_is_cut_where_python_s_would_be(value: Any) -> None:
    assert shown(value) == repr(value)[:57] + "..."


def test_a_nest_is_shown_as_far_as_it_is_shown() -> None:
    nest: list[Any] = []
    for _ in range(900):
        nest = [nest]
    assert shown(nest) == "[" * 57 + "..."


class Tags(dict[str, str]):
    """The words of a message, of which only those that are asked for may be looked at."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("all words were looked at")

    keys = items = values = __iter__  # type: ignore[assignment]


def test_only_the_words_that_spell_a_sensor_are_looked_at() -> None:
    payload = Payload("line", "gw/{gate}", "line", {"sensor": "{gate}-{host}"}, sensors={"g1-h1": "ch4"})
    names = Names(payload, {"ch4": Known(0, SITE.sensors["ch4"])})
    tags = Tags(host="h1", other="x")
    assert names.find("gw/g1", tags).id == "ch4"
    assert names.find("gw/g1", tags).id == "ch4"
    assert names.find("gw/g2", Tags(host="h1", gate="g1")).id == "ch4", "the message's own word is the stronger"


def test_an_unknown_name_is_said_as_it_came() -> None:
    names = Names(Payload("line", "gw/#", "line", {"sensor": "{host}/{field}"}), {})
    with pytest.raises(Dead) as raised:
        names.find("gw/1", {"host": "h" * 300, "field": "f"})
    assert raised.value.sensor == "h" * NAMED
    with pytest.raises(Dead, match="'a-host-that-nobody-knows/a-field'"):
        names.find("gw/1", {"host": "a-host-that-nobody-knows", "field": "a-field"})


def test_a_quoted_text_may_have_as_many_lines_as_it_likes() -> None:
    lines = 300_000
    assert split('a b="' + "\n" * lines + '"\nc d=1') == ['a b="' + "\n" * lines + '"', "c d=1"]


def test_wrong_units_do_not_make_a_right_one_wrong() -> None:
    known = Known(0, SITE.sensors["temp"])
    assert not any(known.accepts(f"u{k}") for k in range(2 * UNITS))
    assert known.accepts("degC")
    assert known.accepts("°C"), "a spelling that was not heard before"
    assert len(known.units) <= UNITS
    assert not known.accepts("x" * (LONGEST_UNIT + 1))
    assert len(max(known.units, key=len)) <= LONGEST_UNIT


def test_a_time_that_is_a_book_is_no_time() -> None:
    assert read_time("2026-11-24T08:00:00." + "0" * 60 + "Z") == read_time("2026-11-24T08:00:00Z")
    with pytest.raises(BadTime, match=f"has 121 characters, at most {LONGEST} are read"):
        read_time("2026-11-24T08:00:00." + "0" * 100 + "Z")


def test_a_topic_beyond_all_measure_fits_no_template_and_is_kept_in_part() -> None:
    fits = "pit/" + "a" * (LONGEST_TOPIC - len("pit//ch4")) + "/ch4"
    good = json.dumps({"v": 1.5, "t": NOW}).encode()
    assert decode(mqtt(fits, good)).readings == 1
    decoded = decode(mqtt(f"{fits[:4]}a{fits[4:]}", good))
    [letter] = decoded.dead
    assert (letter.reason, len(letter.topic)) == ("unknown_topic", LONGEST_TOPIC)
    assert f"has {LONGEST_TOPIC + 1} characters" in letter.detail


def test_a_name_beyond_all_measure_is_no_sensor_s() -> None:
    decoded = decode(mqtt("senml/x", json.dumps([{"bn": "x" * 1000, "n": "ch4", "v": 1}]).encode()))
    assert [(letter.reason, letter.detail[:37]) for letter in decoded.dead] == [
        ("unknown_sensor", "record 0: a name of 1003 characters, ")
    ]


def test_devices_without_metrics_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.sparkplug.METRICS", 20)
    memory = Memory()
    decoder = Decoder(SITE, memory)
    messages = [spark("NBIRTH"), *(spark("DBIRTH", f"d{k}", seq=k + 1) for k in range(50))]
    decoded = decoder.decode([Seal(1, NOW, NOW, tuple(messages))])
    assert len(memory.nodes["pit/gw"].named) == 21, "the edge node itself is one"
    assert {letter.reason for letter in decoded.dead} == {"too_many"}


def test_a_number_that_no_sensor_can_measure_is_no_number() -> None:
    for value, flags in (
        (LARGEST_VALUE, 0),
        (-LARGEST_VALUE, 0),
        (1.01e60, Quality.NO_VALUE),
        (-1e308, Quality.NO_VALUE),
    ):
        decoded = decode(mqtt("pit/face/ch4", json.dumps({"v": value, "t": NOW}).encode()))
        assert decoded.quality.tolist() == [Quality.SIMULATED | flags]
        assert np.isnan(decoded.value[0]) == bool(flags)
    [wave] = decode(mqtt("wave/geo", json.dumps({"t": NOW, "hz": 200, "x": [1.0, -1e61]}).encode())).waves
    assert np.array_equal(wave.samples, [1.0, np.nan], equal_nan=True)
    assert wave.quality & Quality.NO_VALUE


def test_two_readings_cannot_break_a_rule() -> None:
    """1.7e308 and its opposite were an infinite sum, and the rule stood still for good."""
    moving = {"kind": "slope.velocity", "limit": "10 mm/d", "window": "1h"}
    document = DOCUMENT | {
        "sensor": {"prism": {"area": "wall", "quantity": "displacement", "unit": "mm", "every": "1min", "noise": 0.5}},
        "rule": {"moving": {"sensors": ["prism"], "detector": moving, "priority": "low", "guidance": "Look"}},
        "payload": {"plain": DOCUMENT["payload"]["plain"]},
    }
    folding, changes = Folding(), []
    revision = Message("revision", json.dumps({"document": document}).encode(), REVISION)
    folding.fold([Seal(1, NOW, NOW, (revision,))])
    for minute in range(1, 80):
        at, value = NOW + minute * 60 * 10**9, {60: 1.7e308, 63: -1.7e308}.get(minute, 0.1 * minute)
        message = mqtt("pit/wall/prism", json.dumps({"v": value, "t": at}).encode())
        changes += folding.fold([Seal(minute + 1, at, at, (message,))]).changes
    assert [change.why.key for change in changes if change.rule == "broken"] == []
    assert folding.ledger()["gate.no_value"] == 2
    assert folding.ledger()["derived"] > 0
