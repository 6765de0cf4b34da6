"""Own alarms, canaries, actions, revisions, blind times and gaps in the senders' numbers in one log: cut and restarted
anywhere the fold says the same, and its lines follow time."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from collector.decode import BLIND, OWN_ALARM, REACHED
from collector.folding import Folding
from collector.message import ACTION, MQTT, OWN, REVISION, Message, Seal
from collector.own_names import canary_topic
from collector.snapshots import Place, newest, save
from detectors.records import Change
from tests.detectors.test_meeting import asked, fewer, meeting_document

S = 10**9
START = 1_700_000_000 * S
SENSORS = ("ch4-1", "ch4-2", "ch4-3", "fan", "mast")


def site(plain: dict[str, Any]) -> dict[str, Any]:
    """The site whose readings come over MQTT, numbered by their senders, and whose canary flies."""
    seq = {"value": "v", "unit": "u", "time": "ts", "seq": "n"}
    canary = {"area": "system", "quantity": "ratio", "unit": "1"}
    return {
        **plain,
        "payload": {"plain": {"topic": "pit/{sensor}", "json": seq}},
        "sensor": {**plain["sensor"], "davylamp.canary": canary},
    }  # fmt: skip


SITES = (
    site(meeting_document(north=["face"], south=["return", "top"])),
    site(meeting_document(south=["face", "top"], west=["return"])),
    site(fewer()),
)


def revision(document: dict[str, Any]) -> Message:
    return Message("revision", json.dumps({"document": document, "by": "t", "note": ""}).encode(), REVISION)


def own(topic: str, **said: Any) -> Message:
    return Message(topic, json.dumps(said).encode(), OWN)


class Writer:
    """Makes a log in which all of it meets, often in one seal."""

    def __init__(self, seed: int) -> None:
        self.chance, self.now, self.tests, self.numbers = Random(seed), START, ["none"], dict.fromkeys(SENSORS, 0)

    def seals(self, count: int) -> list[Seal]:
        out = [Seal(1, START, START, (revision(SITES[0]), own(OWN_ALARM, rule="source-failing", subject="mqtt",
                                                                active=True)))]  # fmt: skip
        for k in range(2, count):
            before = self.now
            self.now += self.chance.choice((0, S // 50, S, S, 2 * S, 10 * S, 30 * S))
            self.now += (self.chance.random() < 0.02) * 700 * S
            parts = self.chance.choices(
                ("reading", "tick", "action", "own", "canary", "reached", "revision", "blind"),
                (60, 8, 12, 6, 5, 3, 2, 1), k=self.chance.choice((1, 1, 2, 4)),
            )  # fmt: skip
            messages = [one for n, part in enumerate(parts) for one in self._message(part, f"{k}-{n}", before)]
            out.append(Seal(k, self.now, self.now, tuple(messages)))
        return [*out, Seal(count, self.now + 900 * S, self.now)]

    def _message(self, part: str, name: str, before: int) -> list[Message]:
        chance = self.chance
        match part:
            case "reading":
                return [self._reading(chance.choice(SENSORS))]
            case "action":
                action = asked(chance, 0, self.now)
                self.tests += [name] * (action.kind == "test")
                whole = {key: getattr(action, key) for key in ("kind", "rule", "subject", "by", "note", "until")}
                more = {"measure": "hand-held", "owner": "chen", "id": name}
                return [Message("action", json.dumps({**whole, **more}).encode(), ACTION)]
            case "own":
                rule = chance.choice(("channel-failing", "source-failing"))
                return [own(OWN_ALARM, rule=rule, subject=chance.choice("ab"), active=chance.random() < 0.6)]
            case "canary":
                return [Message(canary_topic("pit"), json.dumps({"value": 1.0, "id": name}).encode(), MQTT)]
            case "reached":
                return [own(REACHED, test=self.tests[-1], sensor="ch4-1", alarm="warn/ch4-1#1", channel="sms")]
            case "revision":
                return [revision(chance.choice(SITES))]
            case "blind":
                return [own(BLIND, **{"from": before, "to": self.now})]
        return []

    def _reading(self, sensor: str) -> Message:
        chance = self.chance
        self.numbers[sensor] += chance.choice((1, 1, 1, 1, 2, 5, -3))
        gas = float(chance.choice((0, 1))) if sensor == "fan" else round(chance.uniform(0, 2.2), 1)
        unit = {} if sensor == "fan" else {"u": "%vol" if chance.random() < 0.97 else "ppm"}
        at = self.now - chance.choice((0, 0, 0, 8)) * S
        said = {"v": gas, "ts": at, "n": self.numbers[sensor], **unit}
        return Message(f"pit/{sensor}", json.dumps(said).encode(), MQTT)


class Taken:
    """What a fold said: lines, rows by their words, gaps, hazards' names in order."""

    def __init__(self) -> None:
        self.folding = Folding()
        self.changes: list[Change] = []
        self.rows: list[str] = []
        self.gaps: list[Any] = []

    def take(self, seals: list[Seal]) -> None:
        out = self.folding.fold(seals)
        self.changes += out.changes
        self.gaps += out.gaps
        for part in out.parts:
            names = list(part.table)
            for rows in part.rows:
                columns = (rows.time, rows.arrived, rows.value, rows.quality)
                numbers = zip(rows.series.tolist(), *(c.tolist() for c in columns), strict=True)
                self.rows += [repr((names[k], *rest)) for k, *rest in numbers]

    def restart(self, folder: Path, seal: int) -> None:
        """Go on from a snapshot on disk, as after a kill."""
        save(folder, self.folding, Place(seal))
        self.folding = Folding()
        assert newest(folder, self.folding, seal, seal) is not None


def whole(seed: int) -> Taken:
    taken = Taken()
    taken.take(Writer(seed).seals(250))
    return taken


@pytest.mark.parametrize("seed", range(8))
def test_cut_and_restarted_anywhere_the_fold_says_the_same(seed: int, tmp_path: Path) -> None:
    plain, cut, chance, seals = whole(seed), Taken(), Random(seed), Writer(seed).seals(250)
    place = 0
    while place < len(seals):
        more = chance.choice((1, 1, 3, 20))
        cut.take(seals[place : place + more])
        place += more
        if chance.random() < 0.1:
            cut.restart(tmp_path, seals[min(place, len(seals)) - 1].seq)

    assert [repr(c) for c in cut.changes] == [repr(c) for c in plain.changes]
    assert sorted(cut.rows) == sorted(plain.rows)
    assert repr(cut.gaps) == repr(plain.gaps)
    assert cut.folding.ledger() == plain.folding.ledger()


@pytest.mark.parametrize("seed", range(8))
def test_the_lines_follow_time(seed: int) -> None:
    times = [c.now for c in whole(seed).changes]
    assert times == sorted(times), "an own alarm comes after what fell due before it"


def test_the_logs_bring_about_what_is_claimed_of_them() -> None:
    taken = [whole(seed) for seed in range(8)]
    said = [c.change for one in taken for c in one.changes]
    for change in ("test_ended", "overdue", "joined", "shelf_ended", "revised", "blind", "canary", "reached"):
        assert change in said, change
    rules = {c.rule for one in taken for c in one.changes if c.change == "raised"}
    assert rules >= {"channel-failing", "source-failing", "wrong-unit", "cut", "agreed"}
    assert all(one.gaps for one in taken)


def test_what_fails_while_the_first_revision_is_applied_is_not_lost() -> None:
    said = [(c.rule, c.sensor, c.change) for c in whole(0).changes]
    assert ("source-failing", "mqtt", "raised") in said
