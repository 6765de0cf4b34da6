"""Silences against the contract fake: who is told and who is not, over restarts, lost answers, others' hands."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.announce import announce
from collector.errors import DavylampError, Unavailable
from collector.grafana import Grafana
from collector.grafana_settings import GrafanaSettings
from collector.grafana_silence import AGAIN, SPAN, Silences
from collector.judged import Judged
from collector.judging import Judging
from collector.message import ACTION, Message
from collector.oncall import OnCall
from collector.secret import Secret
from collector.settings import Settings
from collector.spool import Spool
from collector.working import Works
from dashboards.alerts import alert_rules
from dashboards.texts import Words
from tests.collector.test_oncall_whole import eventually
from tests.grafana_fake import TOKEN, VIEWER, GrafanaFake, moment, serving
from tests.small_log import START, S, reading, revision

RULES = {rule.labels.get("priority"): rule for rule in alert_rules("pit", Words("en"), "", 1, False)
         if rule.labels["part"] == "alarm"}  # fmt: skip


def alert(sensor: str, rule: str = "gas", priority: str = "high") -> dict[str, str]:
    """The labels with which Grafana's rule fires: its own, and the tags of alarm_state."""
    tags = {"site": "pit", "area": "face", "sensor": sensor, "kind": "signal.limit", "rule": rule}
    return {**RULES[priority].labels, **tags, "alertname": RULES[priority].title}


class Pit:
    """A judged log that goes on second by second, and a Grafana beside it with the same clock."""

    def __init__(self, folder: Path, address: str, fake: GrafanaFake, start: int = START) -> None:
        self.folder, self.now, self.fake = folder, start, fake
        self.spool, self.judging = Spool(folder), Judging(folder)
        self.address, self.token = address, TOKEN
        self.silences = self.made()
        fake.clock = lambda: self.now / S
        self.seal([revision()])
        self.read(1.4, 1.4, 0.2)

    def made(self) -> Silences:
        return Silences(lambda: Grafana(self.address, self.token), Judged(self.folder), lambda: self.now)

    def seal(self, messages: Sequence[Message] = (), after: int = S) -> None:
        self.now += after
        self.spool.append(list(messages), self.now, self.now)
        while self.judging.catch_up():
            pass
        self.judging.save()

    def read(self, *values: float, after: int = S) -> None:
        self.seal([reading(k, self.now + after, value) for k, value in enumerate(values)], after)

    def act(self, kind: str, sensor: str, by: str = "li", **more: Any) -> None:
        name = f"{kind}-{sensor}-{self.now}"
        asked = {"id": name, "kind": kind, "rule": "gas", "subject": sensor, "by": by, **more}
        self.seal([Message("action", json.dumps(asked).encode(), ACTION, id=name)])

    def shelve(self, sensor: str, minutes: int = 30, note: str = "hand meter") -> None:
        self.act("shelve", sensor, note=note, until=self.now + minutes * 60 * S)

    def standing(self) -> list[dict[str, Any]]:
        return [one for one in self.fake.silences.values() if self.fake._state(one) == "active"]

    def close(self) -> None:
        self.judging.close()
        self.spool.close()


@pytest.fixture(params=[(9, 4, 0), (12, 4, 0)], ids=["9.4", "12.4"])
def pit(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pit]:
    fake = GrafanaFake(request.param)
    with serving(fake) as address:
        pit = Pit(tmp_path, address, fake)
        yield pit
        pit.close()


def test_a_shelved_alarm_is_silent_in_grafana_for_its_time_and_no_other_is(pit: Pit) -> None:
    assert pit.silences.step() == 0
    pit.shelve("ch4-0", minutes=30)
    assert not pit.fake.silenced(alert("ch4-0"))
    assert pit.silences.step() == 1
    assert pit.fake.silenced(alert("ch4-0"))
    assert not pit.fake.silenced(alert("ch4-1"))
    assert not pit.fake.silenced(alert("ch4-0", rule="held"))
    assert not pit.fake.silenced({**alert("ch4-0"), "site": "other"})
    assert not pit.fake.silenced({**alert("ch4-0"), "part": "heartbeat"})
    (one,) = pit.standing()
    assert one["comment"] == "gas/ch4-0#1: shelved by li: hand meter"
    assert one["createdBy"] == "davylamp"
    end = START + 2 * S + 30 * 60 * S
    assert one["endsAt"] == moment(end / S)
    pit.now = end + S
    assert not pit.fake.silenced(alert("ch4-0")), "whatever becomes of Davylamp, it ends"


def test_unshelving_ends_the_silence(pit: Pit) -> None:
    pit.shelve("ch4-0")
    pit.shelve("ch4-1")
    pit.silences.step()
    pit.act("unshelve", "ch4-0")
    assert pit.silences.step() == 1
    assert not pit.fake.silenced(alert("ch4-0"))
    assert pit.fake.silenced(alert("ch4-1"))


def test_a_shelf_that_ends_by_itself_leaves_nothing_to_do(pit: Pit) -> None:
    pit.shelve("ch4-0", minutes=10)
    pit.silences.step()
    pit.read(1.4, 1.4, 0.2, after=601 * S)
    assert pit.silences.step() == 0
    assert pit.standing() == []


def test_out_of_service_is_silent_too_and_says_why(pit: Pit) -> None:
    pit.act("out_of_service", "ch4-1", by="wang", note="exchanged", measure="patrol", until=pit.now + 3600 * S)
    assert pit.silences.step() == 1
    (one,) = pit.standing()
    assert one["comment"].startswith("gas/ch4-1#1: out of service by wang: exchanged")
    assert pit.fake.silenced(alert("ch4-1"))
    pit.act("in_service", "ch4-1")
    pit.silences.step()
    assert not pit.fake.silenced(alert("ch4-1"))


def test_a_second_step_and_a_restart_send_nothing(pit: Pit) -> None:
    pit.shelve("ch4-0")
    pit.silences.step()
    written = list(pit.fake.writes)
    pit.seal(after=2 * AGAIN)
    assert pit.silences.step() == 0
    again = pit.made()
    assert again.step() == 0
    assert pit.fake.writes == written


def test_a_shelf_that_is_longer_is_changed_in_place(pit: Pit) -> None:
    pit.shelve("ch4-0", minutes=10)
    pit.silences.step()
    pit.shelve("ch4-0", minutes=50, note="still")
    assert pit.silences.step() == 1
    (one,) = pit.standing()
    assert len(pit.fake.silences) == 1, "the same silence"
    assert one["comment"].endswith("still")
    pit.now += 45 * 60 * S
    assert pit.fake.silenced(alert("ch4-0"))


def test_what_somebody_ended_by_hand_is_made_again_and_others_silences_are_left(pit: Pit) -> None:
    theirs = {"matchers": [{"name": "site", "value": "pit", "isRegex": False, "isEqual": True}], "comment": "party",
              "createdBy": "admin", "startsAt": moment(pit.now / S), "endsAt": moment(pit.now / S + 9000)}  # fmt: skip
    other = {**theirs, "createdBy": "davylamp",
             "matchers": [{"name": "site", "value": "quarry", "isRegex": False, "isEqual": True},
                          {"name": "system", "value": "davylamp", "isRegex": False, "isEqual": True}]}  # fmt: skip
    pit.fake.post_silence(theirs)
    pit.fake.post_silence(other)
    pit.shelve("ch4-0")
    pit.silences.step()
    ours = next(one["id"] for one in pit.standing() if "shelved" in one["comment"])
    pit.fake.delete_silence(ours)
    pit.seal(after=2 * AGAIN)
    assert pit.silences.step() == 1
    pit.act("unshelve", "ch4-0")
    pit.silences.step()
    assert sorted(one["createdBy"] for one in pit.standing()) == ["admin", "davylamp"]


def test_two_of_ours_for_one_alarm_become_one(pit: Pit) -> None:
    pit.shelve("ch4-0")
    pit.silences.step()
    (one,) = pit.standing()
    pit.fake.post_silence({key: value for key, value in one.items() if key not in ("id", "status")})
    assert pit.made().step() == 1
    assert len(pit.standing()) == 1
    assert pit.fake.silenced(alert("ch4-0"))


def test_while_grafana_is_away_nothing_is_lost(pit: Pit) -> None:
    pit.fake.broken["POST /alertmanager"] = (502, b"<html>bad gateway</html>")
    pit.shelve("ch4-0")
    with pytest.raises(Unavailable):
        pit.silences.step()
    pit.fake.broken.clear()
    assert pit.silences.step() == 1
    pit.token = VIEWER
    pit.act("unshelve", "ch4-0")
    with pytest.raises(DavylampError, match="Admin"):
        pit.silences.step()
    pit.token = TOKEN
    assert pit.silences.step() == 1


def test_what_is_suppressed_by_design_is_silent_only_while_judging_lives(pit: Pit) -> None:
    rules = revision_with_ladder()
    pit.seal([rules])
    for _ in range(3):
        pit.read(1.9, 0.2, 0.2)
    rows = {(row["rule"], row["subject"]): row for row in Judged(pit.folder).alarms()}
    assert rows["gas", "ch4-0"]["hidden"] == ["suppressed"]
    pit.silences.step()
    assert pit.fake.silenced(alert("ch4-0"))
    assert [one["comment"] for one in pit.standing()] == ["gas/ch4-0#1: suppressed by design"]
    pit.seal(after=SPAN // 2 + S)
    assert pit.silences.step() == 1, "renewed"
    pit.now += 2 * SPAN
    assert pit.silences.step() == 0
    assert not pit.fake.silenced(alert("ch4-0")), "a dead judge hides nothing"


def revision_with_ladder() -> Message:
    from tests.small_log import document

    rules = document()["rule"]
    rules["gas"]["suppress_when"] = "@cut"
    rules["cut"] = {**rules["gas"], "priority": "high",
                    "detector": {**rules["gas"]["detector"], "limit": "1.5 %vol"}}  # fmt: skip
    del rules["cut"]["suppress_when"]
    return revision(rule=rules)


def test_it_is_done_only_where_grafana_is_known_and_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    class Named(Works):
        def run(self, _stop: threading.Event) -> None:
            names[:] = [work.name for work in self._works]

    monkeypatch.setattr("collector.announce.Works", Named)
    grafana = GrafanaSettings(url="http://grafana", token=Secret(env="TEST_GRAFANA"))
    here = Settings(tmp_path / "s.toml", tmp_path)
    for settings in (here, replace(here, grafana=grafana, oncall=OnCall({}, (), {})),
                     replace(here, grafana=replace(grafana, token=None))):  # fmt: skip
        announce(settings, threading.Event())
        assert "silences" not in names
    announce(replace(here, grafana=grafana), threading.Event())
    assert "silences" in names


def test_the_announce_role_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_GRAFANA", TOKEN)
    fake = GrafanaFake()
    with serving(fake) as address:
        pit = Pit(tmp_path, address, fake, time.time_ns() - 10 * S)
        fake.clock = time.time
        pit.shelve("ch4-0")
        pit.close()
        stop = threading.Event()
        grafana = GrafanaSettings(url=address, token=Secret(env="TEST_GRAFANA"))
        role = threading.Thread(target=announce, args=(Settings(tmp_path / "s.toml", tmp_path, grafana=grafana), stop))
        role.start()
        try:
            eventually(lambda: fake.silenced(alert("ch4-0")))
        finally:
            stop.set()
            role.join(20)
