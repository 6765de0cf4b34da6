"""The canary: its flight, its doors, what is journaled of it, and that replay equals live with it in the log."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.announcing import canary_of, worth
from collector.calling import Command, Gateway, Hook, Way
from collector.canary import Aviary
from collector.canary_publish import Published
from collector.canary_settings import CANARY_KEYS, read_canary
from collector.config import ConfigMistakes, load
from collector.doors import Door, hook_door, way_doors
from collector.errors import DavylampError, Disconnected, Unavailable
from collector.folding import Folding
from collector.journal import line_json
from collector.message import MQTT, OWN, REVISION, Message, Seal
from collector.oncall import OnCall
from collector.own_names import canary_topic
from collector.roster import Person
from collector.secret import Secret
from collector.settings import Webhook
from collector.snapshots import Place, newest, save
from detectors.document import Table
from detectors.records import Change
from detectors.sensor import OWN as PREFIX
from tests.collector.test_own_rules import SITE, written

S = 10**9
TOPIC = "davylamp/pit/canary"


class Flown:
    """An aviary whose doors are the test's: `open` answer, `shut` refuse, what is in neither is never come to."""

    def __init__(self, opened: tuple[str, ...], shut: tuple[str, ...] = (), never: tuple[str, ...] = ()) -> None:
        self.read: dict[str, float | None] = {}
        self.opened, self.shut = opened, shut
        self.refusal: DavylampError | None = None
        self.certificate: float | None = None
        doors = [Door(name, self.knocked if name in opened else self.refuse) for name in (*opened, *shut, *never)]
        self.aviary = Aviary(doors, self.publish, self.read.update, within=0.3)
        self.names: list[str] = []

    def publish(self, payload: bytes) -> Published:
        if self.refusal is not None:
            raise self.refusal
        name = json.loads(payload)["id"]
        for door in (*self.opened, *self.shut):
            threading.Thread(target=self.aviary.knock, args=(door, name)).start()
        return Published(0.25, self.certificate)

    def knocked(self, name: str) -> None:
        self.names.append(name)

    def refuse(self, _: str) -> None:
        raise Unavailable("shut")

    def fly(self) -> bool:
        return self.aviary.fly(threading.Event())


def test_one_that_is_at_every_door_is_read_as_how_long_it_took() -> None:
    flown = Flown(("journal", "ops", "channel-sms"))
    assert flown.fly()
    assert flown.read.keys() == {"broker-round-trip", "canary-journal", "canary-ops", "canary-channel-sms"}
    assert flown.read["broker-round-trip"] == 0.25
    assert all((flown.read[f"canary-{door}"] or 0) < 0.3 for door in flown.opened)
    assert len(set(flown.names)) == 1, "each door is told the same name"


def test_a_shut_door_is_read_as_the_limit_and_does_not_keep_the_others_waiting() -> None:
    flown = Flown(("journal",), ("ops",))
    begun = time.monotonic()
    assert not flown.fly()
    assert time.monotonic() - begun < 0.2, "nothing is waited for once every door has answered"
    assert flown.read["canary-ops"] == 0.3
    assert (flown.read["canary-journal"] or 0) < 0.2


def test_a_follower_that_never_comes_to_it_is_read_as_the_limit(caplog: pytest.LogCaptureFixture) -> None:
    flown = Flown(("journal",), never=("ops",))
    assert not flown.fly()
    assert flown.read["canary-ops"] == 0.3
    assert "door=ops reason=its follower did not come to it within 0.3s" in caplog.text


def test_a_broker_that_refuses_is_one_clear_line_and_every_door_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    flown = Flown(("journal", "ops"))
    flown.refusal = Disconnected("broker pit:1883: nobody listens there")
    assert not flown.fly()
    assert flown.read == {"canary-journal": 0.3, "canary-ops": 0.3}
    assert [r.getMessage() for r in caplog.records] == [
        "canary=lost door=all reason=broker pit:1883: nobody listens there"
    ]


def test_one_that_the_broker_drops_is_one_line_that_says_where_to_look(caplog: pytest.LogCaptureFixture) -> None:
    flown = Flown((), never=("journal", "ops"))
    assert not flown.fly()
    (line,) = [r.getMessage() for r in caplog.records]
    assert "broker's ACL" in line


def test_a_slow_door_holds_up_no_follower() -> None:
    flown = Flown((), never=("ops",))
    stuck = threading.Event()

    def hang(_: str) -> None:
        stuck.wait(5)

    flown.aviary.doors["ops"] = Door("ops", hang)
    took: list[float] = []

    def publish(payload: bytes) -> Published:
        begun = time.monotonic()
        flown.aviary.knock("ops", json.loads(payload)["id"])
        took.append(time.monotonic() - begun)
        return Published(0.0, None)

    flown.aviary._publish = publish
    assert not flown.fly()
    assert took[0] < 0.1
    stuck.set()


def test_a_door_that_raises_whatever_is_shut(caplog: pytest.LogCaptureFixture) -> None:
    flown = Flown(("journal",))
    flown.aviary.doors["journal"] = Door("journal", lambda _: json.loads("{"))
    assert not flown.fly()
    assert flown.read["canary-journal"] == 0.3
    assert "JSONDecodeError" in caplog.text


def test_another_canarys_name_opens_nothing() -> None:
    flown = Flown((), never=("journal",))
    begun = threading.Thread(target=flown.fly)
    begun.start()
    for name in ("", "canary-of-yesterday"):
        flown.aviary.knock("journal", name)
    begun.join()
    assert flown.read["canary-journal"] == 0.3


def test_a_certificates_days_are_read_with_it() -> None:
    flown = Flown(("journal",))
    flown.certificate = 41.5
    flown.fly()
    assert flown.read["certificate-broker"] == 41.5


def test_when_the_role_stops_nothing_is_read_as_lost() -> None:
    flown = Flown((), never=("journal",))
    stop = threading.Event()
    stop.set()
    assert flown.aviary.fly(stop)
    assert flown.read == {}


def test_they_fly_on_schedule_sooner_after_a_loss_and_not_before_the_site_knows_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return len(waits) > 5

    ready = iter([False, False, True, True, True])
    lost = iter([False, True, True])
    flown = Flown(())
    monkeypatch.setattr(Aviary, "fly", lambda _self, _stop: next(lost))
    flown.aviary.follow(Stop(), 300.0, lambda: next(ready))
    assert waits == [20.0, 300.0, 300.0, 60.0, 300.0, 300.0]
    assert caplog.text.count("davylamp apply") == 1


# -- doors ------------------------------------------------------------------------------------------------------------


class Server:
    """A webhook that answers what it is told to."""

    def __init__(self, answer: int) -> None:
        heard: list[tuple[str, bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                heard.append((self.command, self.rfile.read(int(self.headers.get("Content-Length") or 0))))
                self.send_response(answer)
                self.end_headers()

            do_HEAD = do_POST = _take

            def log_message(self, *_: object) -> None:
                pass

        self.heard = heard
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret"

    def __enter__(self) -> Server:
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.mark.parametrize(("answer", "opened"), [(204, True), (405, True), (404, True), (500, False), (503, False)])
def test_a_probed_webhook_is_open_when_its_server_answers(answer: int, opened: bool) -> None:
    with Server(answer) as server:
        door = hook_door(Webhook("ops room", server.url))
        assert door is not None
        assert door.name == "ops-room"
        if opened:
            door.knock("canary-1")
        else:
            with pytest.raises(Unavailable, match="webhook ops room answered 50"):
                door.knock("canary-1")
        assert server.heard == [("HEAD", b"")]


@pytest.mark.parametrize(("answer", "opened"), [(204, True), (405, False), (503, False)])
def test_a_webhook_to_which_it_is_sent_must_take_it(answer: int, opened: bool) -> None:
    with Server(answer) as server:
        door = hook_door(Webhook("ops", server.url, "send"))
        assert door is not None
        if opened:
            door.knock("canary-1")
        else:
            with pytest.raises(DavylampError):
                door.knock("canary-1")
        ((command, body),) = server.heard
        assert command == "POST"
        assert json.loads(body)["kind"] == "canary"
        assert "no alarm" in json.loads(body)["text"]


def test_a_webhook_where_nobody_listens_is_shut_and_its_address_not_told() -> None:
    door = hook_door(Webhook("ops", "http://127.0.0.1:9/secret"))
    assert door is not None
    with pytest.raises(Unavailable) as told:
        door.knock("canary-1")
    assert "secret" not in str(told.value)


def test_a_door_that_is_off_is_none() -> None:
    assert hook_door(Webhook("ops", "http://127.0.0.1:9/", "off")) is None


def people(mode: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, url: str = "http://127.0.0.1:9/{to}") -> OnCall:
    monkeypatch.setenv("HOOK", url)
    monkeypatch.setenv("APPRISE", "json://127.0.0.1:9/{to}")
    ways: dict[str, Way] = {
        "hook": Hook(Secret(env="HOOK")), "horn": Command(("true", "{to}")), "gone": Command(("/nowhere/horn",)),
        "mail": Gateway(Secret(env="APPRISE")),
    }  # fmt: skip
    reach = (("hook", "+86 1"), ("horn", "1"), ("mail", "li"))
    return OnCall({"li": Person("li", "Li", reach)}, (), ways, canary=mode)


def test_each_way_has_its_door(monkeypatch: pytest.MonkeyPatch) -> None:
    doors = {door.name: door for door in way_doors(people({"mail": "off"}, monkeypatch))}
    assert doors.keys() == {"channel-hook", "channel-horn", "channel-gone"}
    doors["channel-horn"].knock("canary-1")
    for name, why in (("channel-hook", "channel hook"), ("channel-gone", "is no program here")):
        with pytest.raises(Unavailable, match=why):
            doors[name].knock("canary-1")
    mail = {door.name: door for door in way_doors(people({}, monkeypatch))}["channel-mail"]
    mail.knock("canary-1")
    monkeypatch.setenv("APPRISE", "nonsense")
    with pytest.raises(Unavailable, match="takes no such URL"):
        mail.knock("canary-1")


def test_a_way_is_sent_a_test_only_where_the_site_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(200) as server:
        for mode in ("probe", "send"):
            doors = way_doors(people({"hook": mode}, monkeypatch, server.url))
            next(door for door in doors if door.name == "channel-hook").knock("canary-1")
        (probed, _), (sent, body) = server.heard
        assert (probed, sent) == ("HEAD", "POST")
        assert json.loads(body)["to"] == "+86 1"
        assert json.loads(body)["headline"] == "TEST of the way to you, no alarm"


# -- the site file ----------------------------------------------------------------------------------------------------


def test_what_a_site_file_says_of_it_becomes_sensors_and_the_rules_limit(tmp_path: Path) -> None:
    text = SITE + (
        '[announce]\nwebhooks = [{ name = "a", url = "http://h/" }, '
        '{ name = "b", url = "http://h/", canary = "off" }]\n[canary]\nevery = "1min"\nwithin = "10s"\n'
    )
    loaded = load(written(tmp_path, text))
    own = {name.removeprefix(PREFIX) for name in loaded.whole["sensor"] if "canary" in name}
    assert own == {"canary", "canary-journal", "canary-a"}
    assert loaded.whole["sensor"]["davylamp.canary-a"]["every"] == "60s"
    assert loaded.whole["rule"]["canary-lost"]["detector"]["limit"] == "10 s"
    assert loaded.settings.canary.topic == TOPIC


def test_without_a_broker_or_switched_off_there_is_none_and_the_latter_is_said(tmp_path: Path) -> None:
    without = load(written(tmp_path, SITE.replace('[mqtt]\nurl = "mqtt://127.0.0.1:1"\n', "")))
    off = load(written(tmp_path, SITE + '[canary]\noff = "the broker is read-only"\n'))
    for loaded in (without, off):
        assert loaded.settings.canary.topic == ""
        assert not any("canary" in name for name in (*loaded.whole["sensor"], *loaded.whole["rule"]))
    assert off.remarks == ("no canary flies: the broker is read-only",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('every = "0s"', "1s or more"),
        ('within = "soon"', "a duration"),
        ('ask = "Mon 10:00"', "a [roster.NAME]"),
        ("off = true", "a text"),
        ('evry = "1min"', "nearest 'every'"),
    ],
)
def test_mistakes_in_it_are_told(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigMistakes, match=said.replace("[", r"\[")):
        load(written(tmp_path, f"{SITE}[canary]\n{text}\n"))


def test_a_mode_that_is_none_is_told(tmp_path: Path) -> None:
    text = SITE + '[announce]\nwebhooks = [{ name = "a", url = "http://h/", canary = "sned" }]\n'
    with pytest.raises(ConfigMistakes, match="nearest 'send'"):
        load(written(tmp_path, text))


def test_its_topic_has_nothing_that_mqtt_keeps_for_itself() -> None:
    assert canary_topic("north/pit #1+") == "davylamp/north-pit -1-/canary"


def test_every_key_is_read() -> None:
    given = {"every": "1min", "within": "2s", "off": "x", "answer_within": "5min"}
    found = read_canary(Table(given, (), [], CANARY_KEYS), "pit", ZoneInfo("UTC"), broker=True, roster=True)
    assert (found.every, found.within, found.off, found.answer_within) == (60 * S, 2 * S, "x", 300 * S)


# -- the fold ---------------------------------------------------------------------------------------------------------


def canary(name: str = "canary-1", value: object = 1.0, **more: object) -> Message:
    return Message(TOPIC, json.dumps({"value": value, "id": name}).encode(), MQTT, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def in_force(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, object]:
    """The document of SITE, read once."""
    return load(written(tmp_path_factory.mktemp("site"), SITE)).whole


def start(folder: Path, text: str = SITE) -> Folding:
    return begun(load(written(folder, text)).whole)


def begun(document: Mapping[str, object]) -> Folding:
    folding = Folding()
    revision = {"document": document, "by": "t", "note": ""}
    folding.fold([Seal(1, S, S, (Message("revision", json.dumps(revision).encode(), REVISION),))])
    return folding


def lines(changes: list[Change]) -> list[dict[str, object]]:
    return [json.loads(line_json(change, k, "pit")) for k, change in enumerate(changes) if change.change == "canary"]


def test_one_that_came_is_a_reading_and_a_line_of_its_own_kind(tmp_path: Path) -> None:
    folding = start(tmp_path)
    folded = folding.fold([Seal(2, 5 * S, 5 * S, (canary(),))])
    (line,) = lines(folded.changes)
    assert canary_of(line) == "canary-1"
    assert (line["priority"], line["rule"], line["occurrence"], line["now"]) == ("log", "", 0, 5 * S)
    assert not worth(line), "nobody is told of it"
    assert folding.judge is not None
    assert not [key for key, record in folding.judge.alarms.standing() if "canary" in key[0]]
    place = folding.judge.revision.series["davylamp.canary"]
    assert folding.judge.latest.value[place] == 1.0
    assert folded.dead == []


@pytest.mark.parametrize(
    "message",
    [
        canary("x" * 65),
        canary("a b"),
        canary(""),
        Message(TOPIC, b'{"value": 1}', MQTT),
        Message(TOPIC, b"\xff", MQTT),
        Message(TOPIC, b"", MQTT),
        canary(retained=True),
        Message("pit/face/canary", b'{"v": 1, "id": "canary-1"}', MQTT),
        Message(TOPIC, b'{"value": 1, "id": "canary-1"}', OWN),
    ],
)
def test_what_is_no_canary_has_no_line(message: Message, tmp_path: Path) -> None:
    folded = start(tmp_path).fold([Seal(2, 5 * S, 5 * S, (message,))])
    assert lines(folded.changes) == []


def test_who_may_write_the_topic_cannot_fill_the_journal(tmp_path: Path) -> None:
    folding = start(tmp_path)
    flood = [Seal(k, 5 * S + k * S // 10, 5 * S, tuple(canary(f"c-{k}-{n}") for n in range(20))) for k in range(2, 100)]
    found = lines(folding.fold(flood).changes)
    assert 1 <= len(found) <= 10
    assert folding.counts["received"] == 98 * 20, "each is counted"


def test_a_site_without_it_hears_of_none(tmp_path: Path) -> None:
    folding = start(tmp_path, SITE + '[canary]\noff = "x"\n')
    folded = folding.fold([Seal(2, 5 * S, 5 * S, (canary(),))])
    assert lines(folded.changes) == []
    assert [dead.reason for dead in folded.dead] == ["unknown_topic"]


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_however_the_log_is_cut_the_same_journal_comes_of_it(
    tmp_path_factory: pytest.TempPathFactory, in_force: Mapping[str, object], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    parts = st.lists(st.sampled_from(["canary", "reading", "own", "crowd", "tick"]), max_size=5)
    gaps = data.draw(st.lists(st.sampled_from([S // 10, S, 7 * S, 40 * S]), min_size=4, max_size=25))
    seals, now = [], 2 * S
    for k, gap in enumerate(gaps):
        now += gap
        messages: list[Message] = []
        for n, part in enumerate(data.draw(parts)):
            messages += {
                "canary": [canary(f"c-{k}-{n}", now / S)],
                "crowd": [canary(f"d-{k}-{n}-{m}") for m in range(3)],
                "reading": [Message("pit/face/ch4-1", json.dumps({"v": 0.5 + k % 3}).encode(), MQTT)],
                "own": [Message("own/readings", b'{"canary-journal": 30.0, "lag-judge": 11}', OWN)],
                "tick": [],
            }[part]
        seals.append(Seal(k + 2, now, now, tuple(messages)))
    whole, cut = begun(in_force), begun(in_force)
    at_once = whole.fold(seals).changes
    cuts = sorted(data.draw(st.sets(st.integers(1, len(seals)), max_size=6)) | {0, len(seals)})
    in_parts: list[Change] = []
    for a, b in itertools.pairwise(cuts):
        in_parts += cut.fold(seals[a:b]).changes
        save(folder, cut, Place(b))
        cut = Folding()
        assert newest(folder, cut, b, b) is not None, "a restart there, from a snapshot"
    assert at_once == in_parts
    assert whole.ledger() == cut.ledger()
