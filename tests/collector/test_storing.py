"""The store role: each sink at its own pace, nothing lost, nothing counted twice, a dead one blocks nobody."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from collector.broker import free_port
from collector.errors import Rejected, Unavailable
from collector.history import History, HistorySink
from collector.influx import AllRejected
from collector.judged import Judged
from collector.secret import Secret
from collector.settings import Influx, Settings
from collector.sinks import LEVELS_EVERY, MANY_BLOCKS, IntoHistory, IntoLines, deliver
from collector.stored import BLOCKS, JOURNAL, Cursor, standings, stored
from collector.storing import keep_storing, sinks, store
from tests.blocks import BEGIN, SECOND
from tests.judged_folder import Judging, alarm, change


class Server:
    """Takes lines, or does not."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.requests = 0
        self.away = False
        self.bad: tuple[bytes, ...] = ()
        self.closed = False

    def write(self, items: Sequence[bytes]) -> None:
        self.requests += 1
        if self.away:
            raise Unavailable("the server is away")
        lines = b"\n".join(items).split(b"\n")
        if any(bad in line for line in lines for bad in self.bad):
            raise Rejected("wrong field type")
        self.lines += lines

    def close(self) -> None:
        self.closed = True

    def of(self, measurement: str) -> list[bytes]:
        return [line for line in self.lines if line.startswith(measurement.encode() + b",")]


@pytest.fixture
def judging(tmp_path: Path) -> Iterator[Judging]:
    made = Judging(tmp_path)
    yield made
    made.close()


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Judged]:
    made = Judged(tmp_path)
    yield made
    made.close()


@pytest.fixture
def cursor(tmp_path: Path) -> Iterator[Cursor]:
    made = Cursor(tmp_path, "server")
    yield made
    made.close()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def into(judged: Judged, cursor: Cursor, server: Server) -> IntoLines:
    return IntoLines(judged, cursor, server, wall=lambda: BEGIN + 100 * SECOND)


def counts(folder: Path, sink: str = "server") -> dict[str, int]:
    (found,) = [s for s in standings(folder) if s.name == sink]
    return dict(found.counts)


def eventually(condition: Callable[[], object], within: float = 10.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


# history


def test_history_follows_and_counts(tmp_path: Path, judging: Judging, judged: Judged, cursor: Cursor) -> None:
    judging.steady(0, 10)
    judging.commit([(3, BEGIN, float("nan")), (1, BEGIN + 10 * SECOND, 1.0)])
    into = IntoHistory(judged, cursor, HistorySink(tmp_path, judged.series))
    assert into.step() is False
    into.close()
    history = History(tmp_path)
    assert history.counts() == {"@wall-moving/prism-17": 1, "ch4-2105": 11}
    history.close()
    (standing,) = standings(tmp_path)
    assert (standing.counts, standing.series) == ({"written": 12}, {"@wall-moving/prism-17": 1, "ch4-2105": 11})


def test_a_kill_between_history_and_cursor_counts_once(
    tmp_path: Path, judging: Judging, judged: Judged, cursor: Cursor
) -> None:
    judging.steady(0, 10)
    sink = HistorySink(tmp_path, judged.series)
    sink.write(judged.blocks(0))  # and the process dies before its cursor moved
    into = IntoHistory(judged, cursor, sink)
    into.step()
    into.close()
    history = History(tmp_path)
    assert history.counts() == {"ch4-2105": 10}
    assert counts(tmp_path) == {"written": 10}
    history.close()


def test_a_backlog_is_taken_in_bites_without_waiting(
    tmp_path: Path, judging: Judging, judged: Judged, cursor: Cursor
) -> None:
    for k in range(MANY_BLOCKS + 1):
        judging.steady(k, 1)
    into = IntoHistory(judged, cursor, HistorySink(tmp_path, judged.series))
    assert [into.step(), into.step(), into.step()] == [True, False, False]
    assert cursor.at(BLOCKS) == MANY_BLOCKS + 1
    into.close()


# lines


def test_before_judging_began_nothing_is_written(into: IntoLines, server: Server) -> None:
    assert into.step() is False
    assert server.requests == 0


def test_readings_events_states_and_figures_are_written(
    tmp_path: Path, judging: Judging, into: IntoLines, server: Server
) -> None:
    judging.commit([(1, BEGIN, 1.5), (3, BEGIN, float("nan"))], [change(BEGIN)], [alarm()])
    into.step()
    assert [len(server.of(m)) for m in ("reading", "alarm_event", "alarm_state", "pipeline")] == [1, 1, 1, 1]
    assert counts(tmp_path) == {"no_number": 1, "written": 1}
    assert b"standing=3.0,shown=3.0,watching=1.0" in server.of("alarm_state")[0]
    assert b"gate.judged=2.0,hazards_open=0.0,hazards_overdue=0.0,lag=99.0" in server.of("pipeline")[0]
    before = len(server.lines)
    into.step()
    assert len(server.lines) == before


def test_a_server_that_is_away_leaves_the_cursor_where_it_is(
    tmp_path: Path, judging: Judging, cursor: Cursor, into: IntoLines, server: Server
) -> None:
    judging.steady(0, 5)
    into.step()
    server.away = True
    judging.steady(5, 5)
    judging.commit(changes=[change(BEGIN)])
    for _ in range(3):
        with pytest.raises(Unavailable):
            into.step()
    assert (cursor.at(BLOCKS), cursor.at(JOURNAL), counts(tmp_path)) == (1, 0, {"written": 5})
    server.away = False
    into.step()
    assert [int(line.rpartition(b" ")[2]) for line in server.of("reading")] == [BEGIN + k * SECOND for k in range(10)]
    assert len(server.of("alarm_event")) == 1
    assert counts(tmp_path) == {"written": 10}


def test_refused_lines_are_set_aside_counted_and_shown(
    tmp_path: Path, judging: Judging, into: IntoLines, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.bad = (b"value=3.0", b"value=7.0")
    judging.steady(0, 10)
    into.step()
    (standing,) = standings(tmp_path)
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("sink=influx refused=2 of=10 newest='reading,")
    assert said.endswith("reason=wrong field type")
    (shown,) = standing.wrong()
    assert shown == f"server refused lines, the newest {standing.refused[0][0].decode()!r}: wrong field type"
    server.bad = (b"value=12.0",)
    judging.steady(10, 10)
    into.step()
    assert len(caplog.records) == 1, "not with each step"
    assert standing.counts == {"refused": 2, "written": 8}
    assert standing.series == {"ch4-2105": 8}
    assert {(line.split()[1], reason) for line, reason in standing.refused} == {
        (b"value=3.0,quality=0i", "wrong field type"),
        (b"value=7.0,quality=0i", "wrong field type"),
    }


def test_refused_alarm_states_do_not_hold_up_readings(
    tmp_path: Path, judging: Judging, into: IntoLines, server: Server
) -> None:
    server.bad = (b"alarm_state",)
    for k in range(3):
        judging.commit([(1, BEGIN + k, 1.0)], alarms=[alarm()], later=6.0)
        into.step()
    assert len(server.of("reading")) == 3
    assert len(standings(tmp_path)[0].refused) == 3


def test_alarm_states_are_written_on_change_and_all_of_them_regularly(
    judging: Judging, into: IntoLines, server: Server
) -> None:
    judging.commit(alarms=[alarm("one"), alarm("two")])
    into.step()
    assert len(server.of("alarm_state")) == 2
    judging.commit(alarms=[alarm("one"), alarm("two", active=False)])
    into.step()
    assert b"rule=two standing=0.0" in server.of("alarm_state")[2]
    judging.commit(later=LEVELS_EVERY / SECOND)
    into.step()
    assert len(server.of("alarm_state")) == 5
    times = [int(line.rpartition(b" ")[2]) for line in server.of("alarm_state")]
    assert times == [BEGIN + s * SECOND for s in (1, 1, 2, 7, 7)]


def test_alarm_states_stop_when_judging_stops(judging: Judging, into: IntoLines, server: Server) -> None:
    judging.commit(alarms=[alarm()], later=6.0)
    for _ in range(5):
        into.step()
    assert len(server.of("alarm_state")) == 1


def test_alarm_states_of_an_outage_are_not_written_later(judging: Judging, into: IntoLines, server: Server) -> None:
    server.away = True
    for _ in range(3):
        judging.commit(alarms=[alarm()], later=6.0)
        with pytest.raises(Unavailable):
            into.step()
    server.away = False
    into.step()
    assert [int(line.rpartition(b" ")[2]) for line in server.of("alarm_state")] == [BEGIN + 18 * SECOND]


def test_a_removed_alarm_gets_a_last_zero_also_after_a_restart(
    judging: Judging, judged: Judged, cursor: Cursor, into: IntoLines, server: Server
) -> None:
    judging.commit(alarms=[alarm("one"), alarm("two")])
    into.step()
    judging.commit(alarms=[alarm("one")], later=60)
    again = IntoLines(judged, cursor, server)
    again.step()
    zeros = [line for line in server.of("alarm_state") if line.endswith(b" %d" % judging.now) and b"rule=two" in line]
    assert [line.split(b" ")[1] for line in zeros] == [b"standing=0.0,shown=0.0,watching=0.0"]
    judging.commit(later=60)
    again.step()
    assert sum(b"rule=two" in line for line in server.of("alarm_state")) == 2


def test_the_rate_of_readings_is_a_figure(judging: Judging, into: IntoLines, server: Server) -> None:
    judging.steady(0, 10)
    into.step()
    judging.commit([(1, BEGIN + (k + 50) * SECOND, 1.0) for k in range(30)], later=6.0)
    into.step()
    assert b"readings_per_s=5.0" in server.of("pipeline")[1]


def test_halving_finds_exactly_the_bad_lines(server: Server) -> None:
    server.bad = (b"a13", b"a14", b"a99")
    payload = b"\n".join(b"a%02d" % k for k in range(100))
    assert deliver(server, [payload]) == [(b"a13", "wrong field type"), (b"a14", "wrong field type"),
                                          (b"a99", "wrong field type")]  # fmt: skip
    assert server.lines == [b"a%02d" % k for k in range(100) if k not in (13, 14, 99)]
    assert server.requests < 50


def test_what_is_wrong_throughout_is_not_halved() -> None:
    class Wrong(Server):
        def write(self, items: Sequence[bytes]) -> None:
            self.requests += 1
            raise AllRejected("dropped")

    wrong = Wrong()
    assert deliver(wrong, [b"a\nb\nc"]) == [(b"a", "dropped"), (b"b", "dropped"), (b"c", "dropped")]
    assert wrong.requests == 1


# the ledger's side


def test_the_counts_of_each_sink_and_what_waits_make_all_readings(
    tmp_path: Path, judging: Judging, into: IntoLines, server: Server
) -> None:
    server.bad = (b"value=3.0",)
    judging.commit([(3, BEGIN, float("nan")), *((1, BEGIN + k, float(k)) for k in range(9))])
    into.step()
    judging.steady(20, 7)
    assert stored(tmp_path) == {
        "store.server": {"no_number": 1, "refused": 1, "written": 8, "waiting": 7, "cursor": 1}
    }
    assert sum(stored(tmp_path)["store.server"].values()) - 1 == judging.judged


def test_a_folder_without_sinks_has_no_counts(tmp_path: Path) -> None:
    assert stored(tmp_path) == {}


# the role


def test_a_dead_sink_blocks_nobody_and_says_what_is_wrong(
    tmp_path: Path, judging: Judging, caplog: pytest.LogCaptureFixture
) -> None:
    judging.steady(0, 100)
    nobody = Influx(f"http://127.0.0.1:{free_port()}", database="t")
    settings = Settings(tmp_path / "site.toml", tmp_path, influx=nobody)
    stop = threading.Event()
    history = History(tmp_path)
    with caplog.at_level(logging.WARNING):
        role = threading.Thread(target=store, args=(settings, stop))
        role.start()
        eventually(lambda: history.counts() == {"ch4-2105": 100})
        eventually(lambda: any(s.trouble for s in standings(tmp_path)))
        judging.steady(100, 5)
        eventually(lambda: history.counts() == {"ch4-2105": 105})
        stop.set()
        role.join(5)
    history.close()
    assert not role.is_alive()
    troubles = {s.name: s.trouble for s in standings(tmp_path)}
    assert troubles["history"] is None
    assert "does not answer" in (troubles["influx"] or "")
    assert "sink=influx again-in=0.5s reason=InfluxDB at" in caplog.text


def test_a_token_that_is_not_there_is_trouble_and_not_the_end(tmp_path: Path) -> None:
    influx = Influx("http://127.0.0.1:1", Secret(file=tmp_path / "token"), database="t")
    make = sinks(Settings(tmp_path / "site.toml", tmp_path, influx=influx))["influx"]
    stop = threading.Event()
    role = threading.Thread(target=keep_storing, args=(tmp_path, "influx", make, stop))
    role.start()
    eventually(lambda: any("token" in (s.trouble or "") for s in standings(tmp_path)))
    stop.set()
    role.join(5)
    assert not role.is_alive()


def test_after_trouble_a_sink_is_made_afresh_and_is_well_again(tmp_path: Path, judging: Judging) -> None:
    made: list[Server] = []

    def make(judged: Judged, cursor: Cursor) -> IntoLines:
        made.append(Server())
        made[-1].away = len(made) == 1
        into = IntoLines(judged, cursor, made[-1])
        into.pause = 0.01
        return into

    judging.steady(0, 5)
    stop = threading.Event()
    role = threading.Thread(target=keep_storing, args=(tmp_path, "server", make, stop))
    role.start()
    eventually(lambda: stored(tmp_path).get("store.server", {}).get("written") == 5)
    eventually(lambda: standings(tmp_path)[0].trouble is None)
    stop.set()
    role.join(5)
    assert [server.closed for server in made] == [True, True]


def test_a_sink_that_breaks_is_reported_and_tried_again(
    tmp_path: Path, judging: Judging, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server()

    def broken(items: Sequence[bytes]) -> None:
        raise ZeroDivisionError("a mistake of ours")

    server.write = broken  # type: ignore[method-assign]
    judging.steady(0, 5)
    stop = threading.Event()
    role = threading.Thread(target=keep_storing, args=(tmp_path, "server", lambda j, c: IntoLines(j, c, server), stop))
    role.start()
    eventually(lambda: any("ZeroDivisionError" in (s.trouble or "") for s in standings(tmp_path)))
    stop.set()
    role.join(5)
    assert "please report it" in caplog.text


def test_history_is_always_a_sink_and_influx_where_the_site_has_it(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "site.toml", tmp_path)
    assert list(sinks(settings)) == ["history"]
    assert list(sinks(replace(settings, influx=Influx("http://127.0.0.1:1", database="t")))) == ["history", "influx"]
