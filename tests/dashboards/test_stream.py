import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from dashboards.console.board import Watch
from dashboards.console.page import Console
from dashboards.console.stream import VERSION, Changes, messages
from tests.dashboards.sample import MINUTE, SECOND, Sample, alarmed, calm


class Reader:
    """One who looks at a sample, one message at a time."""

    def __init__(self, sample: Sample, lang: Any = "en") -> None:
        self.watch: Watch = Console(sample, sample).watch
        self.changes, self.lang = Changes(), lang

    def next(self) -> dict[str, Any]:
        self.watch._read_at = -1e9
        return self.changes.since_last(self.watch.board(self.lang, "typed"))


def test_the_first_message_has_everything_and_the_next_nothing() -> None:
    reader = Reader(alarmed())

    first, second = reader.next(), reader.next()

    assert (first["version"], first["live"], first["band"]) == (VERSION, True, "")
    assert len(first["pieces"]) > 50
    assert first["title"] == "(4) watching 53 of 55 · north-pit"
    assert (second["pieces"], second["lists"]) == ({}, {})
    assert second["now"] == first["now"]


def test_a_new_value_and_a_new_age_are_sent_as_texts_only() -> None:
    sample = alarmed()
    reader = Reader(sample)
    reader.next()

    sample.now += MINUTE
    sample.known = [replace(s, time=sample.now) if s.sensor != "dust-belt-3" else s for s in sample.known]
    sample.known = [replace(s, value=1.71) if s.sensor == "ch4-2105" else s for s in sample.known]
    message = reader.next()

    assert message["pieces"] == {}
    assert {"1.71", "3 min", "16 min old"} <= set(message["texts"].values())


def test_an_acknowledged_alarm_is_drawn_again_and_moves_down() -> None:
    sample = alarmed()
    reader = Reader(sample)
    before = reader.next()["lists"]["alarms"]

    sample.rows = [replace(r, acked=True) if r.rule == "fan-stopped" else r for r in sample.rows]
    message = reader.next()

    after = message["lists"]["alarms"]
    assert sorted(after) == sorted(before)
    assert after != before
    fan = [html for html in message["pieces"].values() if 'class="alarm' in html]
    assert len(fan) == 1
    assert "blinks" not in fan[0]
    assert 'id="strip"' in message["pieces"]["strip"]


def test_the_shape_changes_with_the_sensors_and_not_with_their_values() -> None:
    sample = calm()
    reader = Reader(sample)
    first = reader.next()["shape"]

    sample.known = [replace(s, value=9.0) for s in sample.known]
    assert reader.next()["shape"] == first
    sample.known, sample.rows = sample.known[:-1], [r for r in sample.rows if r.subject != sample.known[-1].sensor]
    assert reader.next()["shape"] != first


def test_judging_that_comes_nearer_is_catching_up_and_judging_that_does_not_is_behind() -> None:
    sample = calm()
    reader = Reader(sample)
    told = []
    for behind in (12 * MINUTE, 11 * MINUTE, 10 * MINUTE, 10 * MINUTE, 10 * MINUTE, 10 * MINUTE, 10 * MINUTE + SECOND):
        sample.behind = behind
        told.append(reader.next()["band"].split(" · ")[1])

    assert told == [
        "judging is 12 min behind", "catching up, 11 min", "catching up, 10 min", "catching up, 10 min",
        "catching up, 10 min", "judging is 10 min behind", "judging is 10 min behind",
    ]  # fmt: skip


def test_what_can_no_longer_be_read_stays_and_is_not_live() -> None:
    sample = alarmed()
    reader = Reader(sample)
    reader.next()

    sample.error = "judged.db is locked"
    message = reader.next()

    assert message["live"] is False
    assert message["band"] == (
        "NOT LIVE SINCE 10:31:07 +08:00 · the page cannot read: judged.db is locked · watch the site by other means"
    )
    assert message["lists"] == {}
    sample.error = ""
    assert reader.next()["live"] is True


def test_a_message_comes_each_second_even_when_nothing_changes() -> None:
    async def three() -> list[float]:
        sample, times = calm(), []
        stream = messages(Console(sample, sample).watch, "zh", "typed")
        assert (await anext(stream)).startswith("retry:")
        for _ in range(3):
            event = await anext(stream)
            assert event.startswith("data: ")
            assert event.endswith("\n\n")
            assert "\n" not in event[:-2]
            assert json.loads(event[6:])["version"] == VERSION
            times.append(time.monotonic())
        return times

    times = asyncio.run(three())

    assert [b - a for a, b in zip(times, times[1:], strict=False)] == [pytest.approx(1.0, abs=0.6)] * 2


def test_unwatched_pairs_beyond_the_listed_are_counted() -> None:
    sample = calm()
    row = sample.rows[0]
    sample.rows = [replace(row, subject=f"s{k}", watching=False) for k in range(250)]

    message = Reader(sample).next()

    assert len(message["lists"]["unwatched"]) == 201
    assert "and 50 more" in message["pieces"]["u-more"]


def test_a_stream_ends_with_the_login_it_was_opened_under() -> None:
    async def all_of_it() -> int:
        sample, left = calm(), iter([True, True, False])
        stream = messages(Console(sample, sample).watch, "en", "viewer", lambda: next(left))
        return sum([1 async for part in stream if part.startswith("data:")])

    assert asyncio.run(asyncio.wait_for(all_of_it(), 10)) == 2
