"""The InfluxDB sink against a real server: everything arrives once, and every trouble is one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from collector.broker import free_port
from collector.errors import Rejected, Unavailable
from collector.influx import Address, InfluxSink
from collector.lines import Heads, readings
from collector.sinks import deliver
from tests.blocks import BEGIN, SECOND, SERIES, block, steady
from tests.influx.conftest import PASSWORD, USER, Influxd, ask, counts, wrong_type

pytestmark = pytest.mark.influx


@pytest.fixture
def heads() -> Heads:
    made = Heads("north-pit")
    made.update(SERIES)
    return made


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A server that asks for user and password."""
    with Influxd(tmp_path_factory.mktemp("guarded"), auth=True) as own:
        address = Address(own.url, "telemetry", True, f"{USER}:{PASSWORD}")
        ask(replace(address, token=""), f"CREATE USER {USER} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES")
        yield address


def one_line(error: BaseException) -> str:
    text = str(error)
    assert "\n" not in text
    assert len(text) < 500
    assert "HTTP response" not in text
    return text


def test_a_missing_place_is_made_and_what_was_written_can_be_counted(place: Address, heads: Heads) -> None:
    made = readings([steady(1, 0, 12_000), steady(2, 0, 7, series=2)], heads)
    with closing(InfluxSink(place)) as sink:
        assert deliver(sink, made.payloads) == []
        assert deliver(sink, made.payloads) == []  # the same again is the same points
    assert counts(place) == made.written == {"ch4-2105": 12_000, "prism-17/wall-moving.velocity": 7}


def test_values_and_types_come_back_as_they_were(place: Address, heads: Heads) -> None:
    values = [0.1, -0.0, 1.0, 5e-324, 1.7976931348623157e308, 12345678901234567.0]
    made = readings([block(1, [(1, BEGIN + k, value, k) for k, value in enumerate(values)])], heads)
    with closing(InfluxSink(place)) as sink:
        deliver(sink, made.payloads)
    (series,) = ask(place, "SELECT value, quality FROM reading")
    assert series["values"] == [[BEGIN + k, value, k] for k, value in enumerate(values)]


def test_every_kind_of_name_comes_back(place: Address) -> None:
    names = ["a b", "a,b", "a=b", "x value=3", "北坑 一号", "back\\slash", '"quoted"', "@rule/sensor", "p/r.velocity"]
    heads = Heads("north pit")
    heads.update({k: SERIES[1]._replace(name=name, area=name) for k, name in enumerate(names)})
    made = readings([block(1, [(k, BEGIN, 1.0) for k in range(len(names))])], heads)
    with closing(InfluxSink(place)) as sink:
        assert deliver(sink, made.payloads) == []
    assert set(counts(place)) == set(names)


def test_bad_lines_are_set_aside_by_name_and_all_others_arrive(place: Address, heads: Heads) -> None:
    sink = InfluxSink(place)
    sink.write([b"events,sensor=x change=1i 1700000000000000000"])
    good = readings([steady(1, 0, 100)], heads).payloads[0].split(b"\n")
    bad = [b'events,sensor=x change="raised" 1700000000000000001', b"reading,sensor=y value=zzz 1700000000000000000"]
    lines = [*good[:33], bad[0], *good[33:70], bad[1], *good[70:]]
    refused = deliver(sink, [b"\n".join(lines)])
    sink.close()
    assert [line for line, _ in refused] == bad
    assert all(reason and "\n" not in reason for _, reason in refused)
    assert counts(place)["ch4-2105"] == 100


def test_a_text_stored_where_a_number_goes_refuses_its_week_by_name_until_the_measurement_is_dropped(
    place: Address, heads: Heads
) -> None:
    if not place.database:
        pytest.skip("fields have a type a shard, and measurements can be dropped, in InfluxDB 1.x")
    wrong_type(place, "ch4-2105", BEGIN - SECOND)
    week = 7 * 24 * 3600
    made = readings([steady(1, 0, 50), steady(2, 0, 5, series=2), steady(3, 2 * week, 20)], heads)
    lines = [line for payload in made.payloads for line in payload.split(b"\n")]
    with closing(InfluxSink(place)) as sink:
        refused = deliver(sink, made.payloads)
        assert sorted(line for line, _ in refused) == sorted(lines[:55]), "all sensors of that week, and no more"
        assert all(reason and "\n" not in reason for _, reason in refused)
        assert counts(place)["ch4-2105"] >= 20
        ask(place, "DROP MEASUREMENT reading")
        assert deliver(sink, made.payloads) == []
    assert counts(place) == made.written == {"ch4-2105": 70, "prism-17/wall-moving.velocity": 5}


def test_a_payload_that_is_wrong_throughout_does_not_cost_a_request_a_line(place: Address) -> None:
    requests: list[int] = []

    class Counting(InfluxSink):
        def _post(self, payload: bytes) -> None:
            requests.append(len(payload))
            super()._post(payload)

    with closing(Counting(place)) as sink:
        sink.write([b"reading,sensor=x value=1i 1700000000000000000"])
        lines = [b"reading,sensor=x value=1.5 %d" % (BEGIN + k) for k in range(1, 1001)]
        before = len(requests)
        refused = deliver(sink, [b"\n".join(lines)])
    assert [line for line, _ in refused] == lines
    if place.database:  # servers that say how many were dropped
        assert len(requests) - before == 1


def test_a_server_that_is_away_and_comes_again_loses_nothing(tmp_path: Path, heads: Heads) -> None:
    made = [readings([steady(k, 100 * k, 100)], heads) for k in range(1, 4)]
    server = Influxd(tmp_path).start()
    place = Address(server.url, "telemetry/autogen", True)
    sink = InfluxSink(place)
    try:
        deliver(sink, made[0].payloads)
        server.stop()
        for _ in range(2):
            with pytest.raises(Unavailable, match="does not answer") as raised:
                deliver(sink, made[1].payloads)
            assert server.url in one_line(raised.value)
        server.start()
        for part in made[1:]:
            assert deliver(sink, part.payloads) == []
        assert counts(place) == {"ch4-2105": 300}
    finally:
        sink.close()
        server.stop()


def test_nobody_listening_is_one_clear_line(heads: Heads) -> None:
    with closing(InfluxSink(Address(f"http://127.0.0.1:{free_port()}", "t", True))) as sink:
        with pytest.raises(Unavailable, match="is it running") as raised:
            sink.write([b"a v=1 1"])
        one_line(raised.value)


def test_a_wrong_token_is_one_clear_line_and_is_tried_again(guarded: Address) -> None:
    with closing(InfluxSink(replace(guarded, token=f"{USER}:choke-damp"))) as sink:
        with pytest.raises(Unavailable, match="refuses the token") as raised:
            sink.write([b"a v=1 1"])
        assert "choke-damp" not in one_line(raised.value)


def test_user_and_password_of_one_x_make_the_database_and_write(guarded: Address) -> None:
    with closing(InfluxSink(guarded)) as sink:
        sink.write([b"reading,sensor=a value=1 1"])
    assert counts(guarded) == {"a": 1}


def test_a_missing_place_that_may_not_be_made_prints_the_one_command(guarded: Address) -> None:
    ask(guarded, "CREATE USER writer WITH PASSWORD 'writer'")
    writer = replace(guarded, place="elsewhere", token="writer:writer")
    with closing(InfluxSink(writer)) as sink:
        with pytest.raises(Unavailable, match="CREATE DATABASE|refuses the token") as raised:
            sink.write([b"a v=1 1"])
        one_line(raised.value)


def test_a_missing_retention_policy_is_made(place: Address) -> None:
    if not place.database:
        pytest.skip("retention policies are of InfluxDB 1.x")
    with closing(InfluxSink(place)) as sink:
        sink.write([b"a v=1 1"])
    policy = replace(place, place=f"{place.place}/two_years")
    with closing(InfluxSink(policy)) as sink:
        sink.write([b"reading,sensor=a value=1 %d" % (BEGIN + SECOND)])
    (series,) = ask(policy, f'SELECT count(value) FROM "{place.place}"."two_years".reading')
    assert series["values"][0][1] == 1


def test_a_line_no_server_takes_is_rejected_by_itself(place: Address) -> None:
    with closing(InfluxSink(place)) as sink, pytest.raises(Rejected):
        sink.write([b"no line protocol at all"])
