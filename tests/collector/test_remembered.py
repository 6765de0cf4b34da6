"""What decoding remembers, through the fold: sequence numbers, deaths, snapshots. Oracle: the same log taken whole."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.decode import Decoder
from collector.folding import Folding
from collector.gaps import find
from collector.history import History
from collector.judged import Judged
from collector.judging import Judging
from collector.ledger import balance, read_counts
from collector.message import MQTT, REVISION, Message, Seal
from collector.remembered import COUNTERS, FARTHEST, WINDOW, Memory
from collector.replaying import replay
from collector.rows import Rows
from collector.spool import Spool
from detectors.site import read_site
from tests.collector.test_decode import NOW, SITE, mqtt
from tests.collector.test_sparkplug import T, birth, death, device_birth, gas, message
from tests.small_log import whole_journal

S = 10**9
DOCUMENT: dict[str, Any] = {
    "site": {"id": "pit", "timezone": "UTC", "simulated": True},
    "payload": {
        "spark": {
            "topic": "spBv1.0/pit/#", "sparkplug": {"sensor": "{device}/{metric}", "unit": "engUnit"},
            "sensors": {"drill/Gas/CH4": "ch4", "drill/Temp": "temp", "/Fan": "fan"},
        },
        "plain": {"topic": "plain/{sensor}", "json": {"value": "v", "unit": "u", "seq": "n"}},
    },
    "sensor": {
        "ch4": {"area": "face", "quantity": "methane", "unit": "%vol", "every": "1h"},
        "temp": {"area": "face", "quantity": "temperature", "unit": "degC", "every": "1h"},
        "fan": {"area": "face", "states": ["stopped", "running"]},
    },
    "rule": {
        "gas": {"sensors": ["ch4"], "detector": {"kind": "signal.limit", "limit": "1 %vol", "reset": "0.9 %vol"},
                "priority": "high", "guidance": "Withdraw"},
        "fan-gone": {"sensors": ["fan"], "detector": {"kind": "health.silent"}, "priority": "medium",
                     "guidance": "Look"},
    },
}  # fmt: skip


def log() -> list[Seal]:
    """A life, a death, a second life with another device's death, numbers that do not follow, a wrong unit between."""
    lives = [
        birth(), device_birth(), gas(0.5, 2), gas(1.5, 5), death(), mqtt("plain/temp", {"v": 20, "n": 1}),
        mqtt("plain/temp", {"v": 20, "u": "ppm", "n": 2}), birth(2), device_birth(1), gas(1.6, 2), gas(0.5, 4),
        mqtt("plain/temp", {"v": 21, "n": 9}), mqtt("plain/temp", {"v": 21, "n": 7}),
        message("DDEATH", "drill", seq=5), gas(0.4, 6), death(2),
    ]  # fmt: skip
    first = Message("revision", json.dumps({"document": DOCUMENT, "by": "t", "note": ""}).encode(), REVISION)
    seals = [Seal(1, NOW, NOW, (first,))]
    for k, one in enumerate(lives, 2):
        later = one.payload
        if one.topic.startswith("spB"):
            from simulators.sparkplug_b import Payload

            payload = Payload.FromString(one.payload)
            payload.timestamp = T + 1000 * k
            later = payload.SerializeToString()
        seals.append(Seal(k, NOW + k * S, NOW + k * S, (Message(one.topic, later, MQTT),)))
    return [*seals, Seal(len(seals) + 1, NOW + 60 * S, NOW + 60 * S)]


def lines(folding: Folding, seals: list[Seal]) -> list[tuple[Any, ...]]:
    changes = folding.fold(seals).changes
    return [(c.now - NOW, c.rule, c.sensor, c.change, c.why.key) for c in changes]


def test_a_death_makes_its_sensors_silent_at_once_and_unwatched_and_life_ends_that() -> None:
    folding = Folding()
    told = lines(folding, log())
    silent = [(now // S, sensor, change, why.rpartition(".")[2]) for now, rule, sensor, change, why in told
              if rule in ("silent", "fan-gone") and change != "watched"]  # fmt: skip
    assert silent == [
        (6, "ch4", "raised", "gone"), (6, "temp", "raised", "gone"), (6, "fan", "raised", "gone"),
        (7, "temp", "returned", "heard"), (9, "fan", "returned", "heard"), (10, "ch4", "returned", "heard"),
        (15, "ch4", "raised", "gone"), (15, "temp", "raised", "gone"), (16, "ch4", "returned", "heard"),
        (17, "ch4", "raised", "gone"), (17, "fan", "raised", "gone"),
    ]  # fmt: skip
    gas_lines = [(now // S, change) for now, rule, _, change, _ in told if rule == "gas"]
    assert gas_lines == [
        (3, "watched"), (5, "raised"), (6, "unwatched"), (10, "returned"), (11, "raised"), (12, "returned"),
        (15, "unwatched"), (16, "watched"), (17, "unwatched"),
    ], "a death clears no alarm; the good reading of the second life does"  # fmt: skip


def test_the_gaps_are_counted_and_those_that_came_late_too() -> None:
    folding = Folding()
    folding.fold(log())
    assert (folding.counts["gap.before_broker"], folding.counts["gap.came_late"]) == (2 + 1 + 6, 1)
    assert folding.counts["said.sparkplug.death"] == 3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(log())), max_size=5))
def test_cut_anywhere_the_journal_and_the_counts_are_the_same(cuts: list[int]) -> None:
    whole, parts = Folding(), Folding()
    expected = lines(whole, log())
    edges = sorted({0, *cuts, len(log())})
    got = [line for a, b in zip(edges, edges[1:], strict=False) for line in lines(parts, log()[a:b])]
    assert got == expected
    assert (parts.ledger(), parts.memory.plain()) == (whole.ledger(), whole.memory.plain())


@pytest.mark.parametrize("cut", [3, 5, 9, 12, 15])
def test_a_snapshot_carries_it_and_replay_equals_live(tmp_path: Path, cut: int) -> None:
    seals = log()
    spool = Spool(tmp_path)
    for seal in seals:
        spool.append(list(seal.messages), seal.now, seal.wall)
    spool.close()
    judging = Judging(tmp_path)
    while judging.seal < cut:
        judging.catch_up(1)
    judging.close()
    judging = Judging(tmp_path)
    while judging.catch_up():
        pass
    judging.close()
    judged = Judged(tmp_path)
    live = [json.loads(line)["hash"] for line in whole_journal(judged)]
    assert replay(read_site(DOCUMENT), tmp_path).hash == live[-1]
    assert balance(read_counts(tmp_path)) == []
    History(tmp_path).close()
    causes = [gap.cause for gap in find(tmp_path) if gap.sensor in ("pit/gw", "temp") and "broker" in gap.cause]
    assert causes == [
        "2 missing before the broker: after number 2 comes 5", "1 missing before the broker: after number 2 comes 4",
        "6 missing before the broker: after number 2 comes 9",
    ]  # fmt: skip


# The running number of the own format.


def gaps(numbers: list[int]) -> list[int]:
    memory, rows = Memory(), Rows()
    for number in numbers:
        memory.hear("box", number, rows)
    return [gap.missing for gap in rows.gaps]


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        ([7, 8, 9], []), ([1, 4], [2]), ([1, 2, 2, 3], []), ([1, 4, 3, 2, 5], [2, -1, -1]), ([1, 4, 3, 3, 5], [2, -1]),
        ([500, 0, 1, 2], []), ([500, 1, 2, 3], []), ([5, 0, 1, 2], []), ([2**40, 3, 4, 6], [1]),
        ([5, FARTHEST + 6, FARTHEST + 7], []), ([5, FARTHEST + 5], [FARTHEST - 1]), ([0, 200, 1], [199]),
        ([10, 11, 9, 10, 11, 12], []), ([255, 0, 1], []),
    ],
)  # fmt: skip
def test_gaps_are_told_and_a_counter_that_begins_anew_is_none(numbers: list[int], missing: list[int]) -> None:
    assert gaps(numbers) == missing


@given(st.lists(st.booleans(), min_size=2, max_size=300), st.integers(0, WINDOW - 1), st.randoms())
def test_what_never_came_is_what_is_told(kept: list[bool], late: int, chance: Any) -> None:
    """Oracle: the numbers themselves. Lose some, let others come late within the window: the sum is what lacks."""
    numbers = [k + 1 for k, keep in enumerate(kept) if keep or k == 0]
    order = sorted(numbers, key=lambda n: n + chance.randint(0, late))
    order = [numbers[0], *(n for n in order if n != numbers[0])]
    assert sum(gaps(order)) == max(order) - numbers[0] + 1 - len(numbers)


def test_the_senders_that_are_followed_are_bounded() -> None:
    memory, rows = Memory(), Rows()
    memory.counters = {str(k): (0, 0) for k in range(COUNTERS)}
    memory.hear("one more", 5, rows)
    assert len(memory.counters) == COUNTERS


def numbered(sensor: str, number: Any, **more: Any) -> Message:
    return mqtt(f"n/{sensor}", {"v": 1.0, "t": NOW, "n": number, **more})


def test_each_sensor_or_device_has_its_own_numbers_and_dead_ones_count() -> None:
    messages = (
        numbered("ch4", 1), numbered("temp", 5), numbered("ch4", 2, v="broken"), numbered("temp", 6),
        numbered("ch4", 3),
        numbered("ch4", 1, d="box"), numbered("temp", 2, d="box"), numbered("ch4", 9, d="box"),
        Message("n/ch4", numbered("ch4", 99).payload, MQTT, retained=True), numbered("ch4", "x"),
        numbered("ch4", 2**70),
    )  # fmt: skip
    decoded = Decoder(SITE).decode([Seal(7, NOW, NOW, messages)])
    assert [(gap.sender, gap.before, gap.number, gap.missing) for gap in decoded.gaps] == [("box", 2, 9, 6)]


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ({"columns": {"value": "v", "seq": "n"}}, {"v": [1, 2]}),
        ({"columns": {"value": "v", "seq": "n", "sensor": "s"}}, {"v": [1, 2], "s": ["ch4", "temp"]}),
        ({"array": {"value": "v", "seq": "n", "readings": "r"}}, {"r": [{"v": 1}, {"v": 2}]}),
        ({"wave": {"samples": "v", "rate": "hz", "seq": "n"}}, {"v": [1, 2], "hz": 100, "start": NOW}),
    ],
)
def test_messages_of_other_forms_are_numbered_too(form: dict[str, Any], body: dict[str, Any]) -> None:
    site = read_site({**DOCUMENT, "payload": {"one": {"topic": "x/{sensor}", **form}}})
    sent = tuple(mqtt("x/ch4", {**body, "n": number}) for number in (1, 2, 5))
    decoded = Decoder(site).decode([Seal(7, NOW, NOW, sent)])
    assert (decoded.dead, [(gap.sender, gap.missing) for gap in decoded.gaps]) == ([], [("ch4", 2)])


def test_a_bare_list_numbers_each_reading() -> None:
    form = {"array": {"sensor": "s", "value": "v", "seq": "n"}}
    site = read_site({**DOCUMENT, "payload": {"one": {"topic": "x", **form}}})
    sent = mqtt("x", [{"s": "ch4", "v": 1.0, "n": 1}, {"s": "temp", "v": 1.0, "n": 1}, {"s": "ch4", "v": 1, "n": 3}])
    assert [gap.sender for gap in Decoder(site).decode([Seal(7, NOW, NOW, (sent,))]).gaps] == ["ch4"]


def test_a_name_for_a_sensor_of_the_systems_own_opens_no_way_to_it() -> None:
    """Such a table is a mistake of the site file; a log that holds one all the same is judged on."""
    forms = {"one": {"topic": "x", "senml": {}}, "two": {"topic": "y/{sensor}", "json": {}}}
    site = read_site({**DOCUMENT, "payload": forms})
    payloads = tuple(dataclasses.replace(payload, sensors={"z": "davylamp.disk"}) for payload in site.payloads)
    sent = (mqtt("x", [{"n": "z", "v": 1}]), mqtt("y/z", {"value": 1}))
    decoded = Decoder(dataclasses.replace(site, payloads=payloads)).decode([Seal(7, NOW, NOW, sent)])
    assert [dead.reason for dead in decoded.dead] == ["unknown_sensor"] * 2
