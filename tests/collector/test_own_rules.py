"""The system's own sensors and rules: which a site has, what it may change of them, how they are judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.cli import main
from collector.config import ConfigMistakes, load
from collector.decode import Decoder
from collector.folding import Folding
from collector.message import OWN, REVISION, Message, Seal
from collector.own_names import plain
from collector.own_rules import OFF, own_sensors
from collector.own_shipped import shipped
from detectors.judge import Judge
from detectors.sensor import OWN as PREFIX
from detectors.site import Site, read_site

S = 10**9
SITE = """
[site]
id = "pit"
timezone = "UTC"
simulated = true
[mqtt]
url = "mqtt://127.0.0.1:1"
[payload.plain]
topic = "pit/{area}/{sensor}"
json = { value = "v" }
[sensor]
ch4-1 = { area = "face", quantity = "methane", unit = "%vol", every = "5s", time = "arrival" }
fan = { area = "face", states = ["off", "on"], time = "arrival" }
[rule.gas]
sensors = ["ch4-*"]
detector = { kind = "signal.limit", limit = "1 %vol" }
priority = "high"
guidance = "Withdraw"
"""
MORE = """
[influx]
url = "http://127.0.0.1:1"
bucket = "b"
[announce]
webhooks = [{ name = "ops room", url = "http://127.0.0.1:1/x" }]
[channel.sms]
command = ["true", "{to}"]
[person.li]
name = "Li"
reach = { sms = "1" }
[roster.duty]
areas = ["face"]
layer = [{ people = ["li"], start = "2026-01-01T08:00", turn = "7d" }]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, "utf-8")
    return path


def whole(folder: Path, text: str = SITE) -> Site:
    return read_site(load(written(folder, text)).whole)


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigMistakes) as found:
        load(written(folder, text))
    return [str(one) for one in found.value.mistakes]


def test_every_shipped_rule_is_one_that_the_reader_takes_and_says_where_to_read_on(tmp_path: Path) -> None:
    settings = load(written(tmp_path, SITE + MORE))
    rules = {rule.name: rule for rule in read_site(settings.whole).rules}
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    for name in shipped():
        if name in rules:
            place = rules[name].guidance.rpartition("docs/operations.md#")[2]
            assert f"\n### {place}\n" in page, name
    assert len(set(shipped()) & set(rules)) >= 14


def test_they_speak_the_language_of_the_sites_messages(tmp_path: Path) -> None:
    chinese = {rule.name: rule for rule in whole(tmp_path, SITE + MORE + '[oncall]\nlanguage = "zh"\n').rules}
    english = {rule.name: rule for rule in whole(tmp_path, SITE + MORE).rules}
    for name in set(shipped()) & set(english):
        assert not chinese[name].guidance.isascii()
        assert english[name].guidance.isascii()
        assert chinese[name].detector == english[name].detector
    assert not chinese["reserve-spent"].consequence.isascii()


def test_which_there_are_depends_on_what_the_site_has(tmp_path: Path) -> None:
    few = {name.removeprefix(PREFIX) for name in whole(tmp_path).sensors if name.startswith(PREFIX)}
    many = {name.removeprefix(PREFIX) for name in whole(tmp_path, SITE + MORE).sensors if name.startswith(PREFIX)}
    assert {"lag-judge", "lag-store-history", "lag-announce-console", "disk-free", "link", "memory-page"} <= few
    assert many - few == {"lag-store-influx", "lag-announce-ops-room", "lag-calls", "canary-ops-room",
                          "canary-channel-sms"}  # fmt: skip
    alone = SITE.replace('[mqtt]\nurl = "mqtt://127.0.0.1:1"\n', "")
    assert {"link", "queue"} <= few - {name.removeprefix(PREFIX) for name in whole(tmp_path, alone).sensors}
    assert plain("运维 room/1") == "---room-1"


def test_what_is_written_reads_as_before_and_only_what_goes_in_force_has_them(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, SITE))
    assert list(loaded.site.sensors) == ["ch4-1", "fan"]
    assert [rule.name for rule in loaded.site.rules] == ["silent", "gas"]
    site = read_site(loaded.whole)
    assert [rule for rule in site.rules if rule.name in ("silent", "gas")] == list(loaded.site.rules)
    assert read_site(json.loads(json.dumps(loaded.whole))).document == loaded.whole


def test_limits_delays_and_priority_may_be_changed_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SITE + '[rule.judging-behind]\ndetector = { limit = "1 min", reset = "30 s" }\npriority = "critical"\n' \
        'consequence = "late"\nrespond_within = "5min"\n'  # fmt: skip
    rule = next(rule for rule in whole(tmp_path, text).rules if rule.name == "judging-behind")
    assert rule.detector.limit == 60
    assert rule.on_delay == 10 * S, "what is not written stays as shipped"
    assert main(["check", str(tmp_path / "site.toml")]) == 0
    said = capsys.readouterr()
    assert "judging-behind of the system's own differs from the shipped one in priority, limit, reset" in said.err
    assert "2 sensors, 2 rules, 2 watched" in said.out


def test_one_that_is_switched_off_is_gone_and_check_and_apply_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from collector.applying import differences

    before = load(written(tmp_path, SITE)).whole
    path = written(tmp_path, SITE + '[rule.judging-behind]\noff = "the bench"\n')
    assert main(["check", str(path)]) == 0
    assert "rule judging-behind of the system's own is off: the bench" in capsys.readouterr().err
    assert "removed rule judging-behind: no longer watched" in differences(before, load(path).whole)


def test_what_suppresses_may_be_switched_off(tmp_path: Path) -> None:
    site = whole(tmp_path, SITE + '[rule.disk-full]\noff = "a small disk"\n')
    assert [rule.suppress_when for rule in site.rules if rule.name == "disk-filling"] == [None]
    assert [rule.suppress_when for rule in whole(tmp_path).rules if rule.name == "disk-filling"] == ["@disk-full"]


def test_desks_need_not_name_the_system_and_may(tmp_path: Path) -> None:
    desks = '[desk.a]\nareas = ["face"{}]\n'
    assert whole(tmp_path, SITE + desks.format("")).desk_of == {"face": "a"}
    assert whole(tmp_path, SITE + desks.format(', "system"')).desk_of == {"face": "a", "system": "a"}


def test_trouble_of_the_system_is_no_hazard_of_the_site(tmp_path: Path) -> None:
    judge, lines = fold(written(tmp_path, SITE), (2 * S, [own("disk-reserve", value=1)]), (60 * S, []))
    assert ("reserve-spent", "davylamp.disk-reserve", "raised") in lines
    assert judge.hazards.open == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[rule.judging-behind]\nsensors = ["ch4-1"]\n', "another name than 'judging-behind'"),
        ('[rule.judging-behind]\ndetector = { kind = "signal.rate" }\n', "another kind for 'judging-behind'"),
        ('[rule.judging-behind]\ndetector = { limit = "1 degC" }\n', "degC"),
        ("[rule.judging-behind]\noff = true\n", "the reason"),
        ('[rule.judging-behind]\npriotity = "low"\n', "nearest 'priority'"),
        ('[rule.gas2]\noff = "x"\nsensors = ["fan"]\n', "unknown key 'off'"),
        ('[sensor."davylamp.x"]\narea = "a"\nquantity = "q"\nunit = "1"\n', "the system's own begin so"),
    ],
)
def test_what_may_not_be_written_is_told(text: str, said: str, tmp_path: Path) -> None:
    assert any(said in line for line in mistakes(tmp_path, SITE + text)), mistakes(tmp_path, SITE + text)


@pytest.mark.parametrize(
    ("selector", "own"),
    [("*", 0), ("area:*", 0), ("quantity:*", 0), ("area:system", 15), ("davylamp.lag-*", 3), ("davylamp.link", 1)],
)
def test_a_pattern_finds_them_only_where_it_names_them(selector: str, own: int, tmp_path: Path) -> None:
    text = whole(tmp_path).document
    rule = {"sensors": [selector], "detector": {"kind": "health.silent"}, "priority": "log", "guidance": "g"}
    site = read_site({**text, "rule": {"mine": rule}})
    found = [subject.id for one in site.rules if one.name == "mine" for subject in one.subjects]
    assert sum(name.startswith(PREFIX) for name in found) >= own
    assert (own > 0) == any(name.startswith(PREFIX) for name in found)


def test_they_are_not_among_what_is_watched_of_the_site(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, SITE))
    assert Judge(read_site(loaded.whole), S).watching() == Judge(loaded.site, S).watching() == (0, 2)


def fold(site: Path, *seals: tuple[int, list[Message]]) -> tuple[Judge, list[tuple[str, str, str]]]:
    """The judge after these seals, and (rule, sensor, change) of each line."""
    revision = {"document": load(site).whole, "by": "t", "note": ""}
    folding = Folding()
    first = Message("revision", json.dumps(revision).encode(), REVISION)
    folding.fold([Seal(1, S, S, (first,))])
    changes = []
    for k, (now, messages) in enumerate(seals):
        changes += folding.fold([Seal(k + 2, now, now, tuple(messages))]).changes
    assert folding.judge is not None
    return folding.judge, [(c.rule, c.sensor, c.change) for c in changes]


def own(topic: str, **fields: object) -> Message:
    return Message(f"own/{topic}", json.dumps(fields).encode(), OWN)


def test_one_message_brings_many_readings_and_raises_and_clears(tmp_path: Path) -> None:
    path = written(tmp_path, SITE)
    slow = {"lag-judge": 12.0, "disk-free": 50.0, "nobody": 1.0, "memory-judge": None}
    judge, lines = fold(
        path,
        (2 * S, [own("readings", **slow)]),
        (20 * S, [own("readings", **slow)]),
        (30 * S, [own("readings", **{**slow, "lag-judge": 1.0})]),
    )
    told = [change for rule, sensor, change in lines if (rule, sensor) == ("judging-behind", "davylamp.lag-judge")]
    assert told == ["watched", "raised", "returned"]
    latest = dict(zip(judge.site.sensors, judge.latest.value.tolist(), strict=True))
    assert judge.gate.counts["judged"] == 3 * 3
    assert latest["davylamp.disk-free"] == 50


def test_what_collect_says_of_itself_reaches_its_sensor_by_the_short_name(tmp_path: Path) -> None:
    _, lines = fold(
        written(tmp_path, SITE),
        (2 * S, [own("link", value=0, detail="refused"), own("clock-offset", value=3.0)]),
        (40 * S, []),
    )
    assert ("clock-ahead", "davylamp.clock-offset", "raised") in lines


def test_a_site_without_them_passes_them_over_so_an_old_log_is_judged_as_it_was(tmp_path: Path) -> None:
    document = load(written(tmp_path, SITE)).document
    decoder = Decoder(read_site(document))
    decoded = decoder.decode([Seal(1, S, S, (own("readings", **{"lag-judge": 99.0}), own("link", value=0)))])
    assert (decoded.readings, decoded.own, decoded.received, decoded.dead) == (0, 2, 2, [])


def test_a_site_that_declares_such_a_sensor_by_itself_keeps_it(tmp_path: Path) -> None:
    text = SITE.replace("[rule.gas]", 'link = { area = "face", states = ["down", "up"], time = "arrival" }\n[rule.gas]')
    document = load(written(tmp_path, text)).document
    assert Decoder(read_site(document)).decode([Seal(1, S, S, (own("link", value=0),))]).readings == 1


@pytest.mark.parametrize("name", ["davylamp.link", "davylamp.lag-judge"])
def test_nobody_else_speaks_for_them(name: str, tmp_path: Path) -> None:
    site = whole(tmp_path)
    heard = Message(f"pit/system/{name}", b'{"v": 1}', "mqtt")
    listed = Message("x", f"time,sensor,value\n1970-01-01T00:00:02Z,{name},1\n".encode(), "csv")
    decoded = Decoder(site).decode([Seal(1, 2 * S, 2 * S, (heard, listed))])
    assert decoded.readings == 0
    assert {dead.reason for dead in decoded.dead} == {"unknown_sensor"}


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"lag-judge": "x"}', b'{"lag-judge": {}}', b"\xff", b"[" * 100_000])
def test_readings_that_cannot_be_read_are_a_dead_letter(payload: bytes, tmp_path: Path) -> None:
    decoded = Decoder(whole(tmp_path)).decode([Seal(1, S, S, (Message("own/readings", payload, OWN),))])
    assert [dead.reason for dead in decoded.dead] == ["unparsable"]
    assert decoded.readings == 0


def test_a_role_that_falls_silent_is_one_alarm_and_all_of_them_are_one_too(tmp_path: Path) -> None:
    path = written(tmp_path, SITE)
    alive = {"disk-free": 50.0, **{f"memory-{role}": 1.0 for role in ("collect", "judge", "page")}}
    alive |= {f"memory-{role}": 1.0 for role in ("store", "announce")}
    dead = {name: value for name, value in alive.items() if name != "memory-judge"}

    def shown(*parts: dict[str, float]) -> set[tuple[str, str]]:
        seals = [(k * 10 * S + 2 * S, [own("readings", **part), own("clock-offset", value=0)])
                 for k, part in enumerate(parts)]  # fmt: skip
        judge, _ = fold(path, *seals)
        return {key for key, record in judge.alarms.standing() if record.alarm.isa == "B"}

    assert shown(*[alive] * 12) == {("silent", "ch4-1")}
    assert shown(*[alive] * 3, *[dead] * 10) == {("silent", "ch4-1"), ("role-silent", "davylamp.memory-judge")}
    assert shown(*[alive] * 3, *[{}] * 10) == {("silent", "ch4-1"), ("own-silent", "davylamp.disk-free")}


def test_a_rule_is_known_to_fall_unwatched_when_its_reading_stops(tmp_path: Path) -> None:
    judge, _ = fold(
        written(tmp_path, SITE),
        (2 * S, [own("readings", **{"lag-judge": 0.0, "disk-free": 50.0})]),
        *[(k * 10 * S, [own("readings", **{"disk-free": 50.0})]) for k in range(1, 10)],
    )
    pairs = judge.revision.pair_of
    assert not judge.verdicts.holding.watching[pairs["judging-behind", "davylamp.lag-judge"]]
    assert judge.verdicts.holding.watching[pairs["disk-full", "davylamp.disk-free"]]


def test_own_alarms_call_those_on_duty_where_no_roster_answers_for_the_system(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    oncall = load(written(tmp_path, SITE + MORE)).settings.oncall
    assert oncall is not None
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    assert oncall.on_duty("system", moment) == oncall.on_duty("face", moment) == ["li"]
    assert oncall.on_duty("elsewhere", moment) == []


def test_the_key_off_is_no_key_of_a_rule() -> None:
    from detectors.site_rules import RULE_KEYS

    assert OFF not in RULE_KEYS, "a rule of a site is removed by removing it"


def test_the_sensors_are_named_once_each(tmp_path: Path) -> None:
    settings = load(written(tmp_path, SITE + MORE)).settings
    assert all(about["area"] == "system" and about["time"] == "arrival" for about in own_sensors(settings).values())
