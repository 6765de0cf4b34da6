"""What InfluxDB may answer instead of 204: nothing is lost, what is refused is named, and who is told to wait waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from collector.errors import Unavailable
from collector.influx import LONGEST_AFTER, Address, InfluxSink
from collector.settings import Influx, Settings
from collector.sinks import deliver
from collector.storing import store
from tests.blocks import BEGIN, SECOND
from tests.chaos.driving import eventually
from tests.chaos.influx_fake import LARGEST, InfluxFake, Refusal
from tests.judged_folder import Judging

pytestmark = pytest.mark.chaos
LINES = [b"reading,sensor=s0%02d value=0.5,quality=0i %d" % (k % 20, BEGIN + k) for k in range(200)]
PAYLOAD = b"\n".join(LINES)


@pytest.fixture
def server() -> Iterator[InfluxFake]:
    made = InfluxFake()
    yield made
    made.close()


def sink(server: InfluxFake) -> InfluxSink:
    return InfluxSink(Address(server.url, "telemetry", True))


@pytest.mark.parametrize("refusal", [Refusal.LINE, Refusal.PLACE, Refusal.LARGE], ids=lambda one: one.name)
def test_what_can_be_written_is_written_once_and_the_rest_is_named(server: InfluxFake, refusal: Refusal) -> None:
    server.refusal = refusal
    with closing(sink(server)) as influx:
        refused = deliver(influx, [PAYLOAD])
    assert {line for line, _ in refused} == server.refused
    assert server.readings() + len(refused) == len(LINES)
    assert set(server.points.values()) == {1}
    assert (len(refused) > 0) == (refusal is Refusal.LINE)
    assert len(PAYLOAD) > LARGEST


@pytest.mark.parametrize(
    ("refusal", "said"),
    [(Refusal.TOKEN, "refuses the token (401"), (Refusal.LATER, "(429"), (Refusal.DOWN, "(503")],
    ids=["401", "429", "503"],
)
def test_what_may_succeed_later_is_not_given_up(server: InfluxFake, refusal: Refusal, said: str) -> None:
    server.refusal = refusal
    with closing(sink(server)) as influx:
        with pytest.raises(Unavailable) as refused:
            deliver(influx, [PAYLOAD])
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)
        assert refused.value.after == (2.0 if refusal is Refusal.LATER else 0.0)
        server.refusal = None
        assert deliver(influx, [PAYLOAD]) == []
    assert server.readings() == len(LINES)


@pytest.mark.parametrize(("said", "wait"), [("3", 3.0), ("86400", LONGEST_AFTER), ("Wed, 21 Oct", 0.0), ("-1", 0.0)])
def test_how_long_a_server_may_have_us_wait(
    server: InfluxFake, said: str, wait: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "judge", lambda body: (429, {"Retry-After": said}, {"message": "slow down"}))
    with closing(sink(server)) as influx, pytest.raises(Unavailable) as refused:
        influx.write([PAYLOAD])
    assert refused.value.after == wait


def test_the_store_asks_again_only_when_it_was_told_to(server: InfluxFake, tmp_path: Path) -> None:
    server.refusal, data, stop = Refusal.LATER, tmp_path / "data", threading.Event()
    judging = Judging(data)
    settings = Settings(tmp_path / "site.toml", data, influx=Influx(server.url, database="telemetry"))
    role = threading.Thread(target=store, args=(settings, stop))
    role.start()
    try:
        judging.commit([(1, BEGIN + k * SECOND, 1.0) for k in range(10)], [], [])
        eventually(lambda: server.writes, 10, "nothing is written")
        time.sleep(4.5)
        assert server.writes == 3
        assert server.early == 0
        server.refusal = None
        eventually(lambda: len(server.points) >= 10, 10, "it does not go on")
    finally:
        stop.set()
        role.join(15)
        judging.close()
    assert not role.is_alive()
