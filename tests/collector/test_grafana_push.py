"""The push against the contract fake of four Grafanas, and a real one where DAVYLAMP_TEST_GRAFANA_URL is set."""

from __future__ import annotations

import contextlib
import copy
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from collector.config import load
from collector.errors import DavylampError, Rejected, Unavailable
from collector.grafana import Absent, Grafana
from collector.grafana_push import PROVISIONING, Outcome, Policies, Pushed, merged, push
from collector.grafana_same import same, same_routes
from dashboards.contacts import Contacts
from dashboards.provision import Provisioned, Source, provisioned
from dashboards.sharing import shared
from tests.grafana_fake import TOKEN, VIEWER, GrafanaFake, every_route, serving
from tests.test_docs import ROOT

CONTACTS = Contacts(("duty@pit.example",), "https://hook.pit/s3cret", "https://outside/ping")
SOURCE = Source("http://influxdb:8086", "davylamp", "t0ken", "http://manager:9093")
VERSIONS = [(9, 4, 0), (11, 0, 0), (12, 4, 0), (13, 0, 0)]
THEIRS: dict[str, Any] = {"receiver": "others", "object_matchers": [["team", "=", "ventilation"]], "continue": True}


@pytest.fixture(scope="module")
def wanted() -> Provisioned:
    site = load(ROOT / "simulators" / "scenarios" / "north-pit.toml").site
    return provisioned(site, "en", "https://lamp.pit", SOURCE, CONTACTS)


@pytest.fixture(params=VERSIONS, ids=lambda one: ".".join(map(str, one)))
def fake(request: pytest.FixtureRequest) -> GrafanaFake:
    """A Grafana in which other people work too."""
    made = GrafanaFake(request.param)
    made.folders["theirs"] = {"id": 9, "uid": "theirs", "title": "Ventilation"}
    made.dashboards["theirs"] = {"dashboard": {"uid": "theirs", "version": 3, "schemaVersion": 37},
                                 "meta": {"folderUid": "theirs"}}  # fmt: skip
    made.rules["theirs"] = {"uid": "theirs", "folderUID": "theirs", "ruleGroup": "davylamp", "title": "Fan"}
    made.intervals["theirs", "davylamp"] = 60
    made.contacts["theirs"] = {"uid": "theirs", "name": "others", "type": "email", "settings": {}}
    made.timings["theirs"] = {"name": "theirs", "time_intervals": []}
    made.templates["theirs"] = {"name": "theirs", "template": '{{ define "x" }}x{{ end }}'}
    made.policies["routes"] = [copy.deepcopy(THEIRS)]
    return made


def is_ours(route: dict[str, Any]) -> bool:
    return ["system", "=", "davylamp"] in route["object_matchers"]


def new(version: tuple[int, int, int] = (12, 4, 0)) -> GrafanaFake:
    return GrafanaFake(version)


def pushed(fake: GrafanaFake, wanted: Provisioned, policies: Policies = "merge", again: bool = False) -> list[Pushed]:
    with serving(fake) as url:
        return push(Grafana(url, TOKEN), wanted, policies, again)


def outcomes(done: list[Pushed]) -> Counter[str]:
    return Counter(str(one.outcome) for one in done)


def outcome_of(done: list[Pushed], name: str) -> Outcome:
    return next(one.outcome for one in done if one.name == name)


def test_a_second_push_changes_nothing(fake: GrafanaFake, wanted: Provisioned) -> None:
    first = pushed(fake, wanted)
    refused = 4 if fake.version < (10, 4, 1) else 0
    assert outcomes(first)["refused"] == refused
    assert outcomes(first)["created"] == len(first) - refused - 2
    changed = [one.what for one in first if one.outcome == Outcome.CHANGED]
    assert changed == ["policies", "rule group"], "the tree was there, and the rules made a group of 60 s"
    fake.writes.clear()
    second = pushed(fake, wanted)
    assert outcomes(second) == {"unchanged": len(first) - refused, **({"refused": refused} if refused else {})}
    assert fake.writes == []


def test_what_others_have_is_as_it_was(fake: GrafanaFake, wanted: Provisioned) -> None:
    def theirs() -> list[Any]:
        tables = (fake.folders, fake.dashboards, fake.rules, fake.contacts, fake.timings, fake.templates)
        return copy.deepcopy([table["theirs"] for table in tables])

    before = theirs()
    pushed(fake, wanted)
    pushed(fake, replace(wanted, rules=wanted.rules[:2], dashboards=wanted.dashboards[:1]))
    assert theirs() == before
    assert THEIRS in fake.policies["routes"]
    assert fake.policies["receiver"] == "grafana-default-email"
    assert len(fake.policies["routes"]) == 2


def test_below_10_4_1_alarm_rules_are_refused_and_the_rest_is_pushed(wanted: Provisioned) -> None:
    for version in ((9, 4, 0), (10, 4, 0)):
        fake = new(version)
        done = pushed(fake, wanted)
        refused = [one for one in done if one.outcome == Outcome.REFUSED]
        assert [one.name for one in refused] == [f"davylamp-{p}" for p in ("critical", "high", "medium", "low")]
        assert all("KeepLast" in one.note and "10.4.1" in one.note for one in refused)
        assert set(fake.rules) == {"davylamp-dead", "davylamp-behind", "davylamp-dead-man"}
        assert set(fake.dashboards) == {one["uid"] for one in wanted.dashboards}
    assert outcomes(pushed(new((10, 4, 1)), wanted))["refused"] == 0


def test_rules_evaluate_each_10_s_and_miss_no_series_where_grafana_can(fake: GrafanaFake, wanted: Provisioned) -> None:
    pushed(fake, wanted)
    assert fake.intervals["davylamp-alarms", "davylamp"] == 10
    for rule in fake.rules.values():
        if rule.get("noDataState") == "KeepLast":
            assert rule.get("missingSeriesEvalsToResolve") == (1000 if fake.version >= (12, 0, 0) else None)


def test_only_what_differs_is_sent(fake: GrafanaFake, wanted: Provisioned) -> None:
    pushed(fake, wanted)
    fake.writes.clear()
    changed = replace(wanted.rules[-2], patience="2m")
    done = pushed(fake, replace(wanted, rules=(*wanted.rules[:-2], changed, wanted.rules[-1])))
    assert fake.writes == [f"PUT /v1/provisioning/alert-rules/{changed.uid}"]
    assert outcomes(done)["changed"] == 1
    fake.writes.clear()
    dashboards = ({**wanted.dashboards[0], "refresh": "30s"}, *wanted.dashboards[1:])
    pushed(fake, replace(wanted, dashboards=dashboards))
    assert fake.writes == ["POST /dashboards/db", f"PUT /v1/provisioning/alert-rules/{changed.uid}"]


def test_a_rule_that_is_no_more_is_deleted_and_so_is_a_dashboard(fake: GrafanaFake, wanted: Provisioned) -> None:
    pushed(fake, wanted)
    fewer = tuple(one for one in wanted.dashboards if one["uid"] != "davylamp-slope")
    done = pushed(fake, replace(wanted, rules=wanted.rules[:-1], dashboards=fewer))
    assert "davylamp-dead-man" not in fake.rules
    assert outcome_of(done, "davylamp-slope") == Outcome.REMOVED
    assert "davylamp-slope" not in fake.dashboards
    assert "theirs" in fake.rules


def test_what_somebody_changed_in_grafana_is_put_right(wanted: Provisioned) -> None:
    fake = new()
    pushed(fake, wanted)
    fake.rules["davylamp-critical"]["isPaused"] = True
    fake.rules["davylamp-high"]["labels"]["extra"] = "label"
    fake.dashboards["davylamp-gas"]["dashboard"]["panels"].pop()
    fake.folders["davylamp"]["title"] = "renamed"
    fake.sources["davylamp-influx"]["jsonData"] = {**fake.sources["davylamp-influx"]["jsonData"], "version": "Flux"}
    done = pushed(fake, wanted)
    assert outcomes(done)["changed"] == 5
    assert fake.rules["davylamp-critical"]["isPaused"] is False
    assert outcomes(pushed(fake, wanted)) == {"unchanged": len(done)}


def test_secrets_are_sent_again_only_when_asked(wanted: Provisioned) -> None:
    fake = new()
    pushed(fake, wanted)
    other = replace(wanted, sources=tuple(
        {**one, "secureJsonData": {"httpHeaderValue1": "Token new"}} if "secureJsonData" in one else one
        for one in wanted.sources
    ))  # fmt: skip
    assert set(outcomes(pushed(fake, other))) == {"unchanged"}
    assert outcome_of(pushed(fake, other, again=True), "davylamp-influx") == Outcome.CHANGED
    assert fake.sources["davylamp-influx"]["secureJsonData"]["httpHeaderValue1"] == "Token new"


def test_policies_are_merged_replaced_or_left(fake: GrafanaFake, wanted: Provisioned) -> None:
    before = copy.deepcopy(fake.policies)
    assert outcome_of(pushed(fake, wanted, "skip"), "skip") == Outcome.ALONE
    assert fake.policies == before
    pushed(fake, wanted)
    assert [is_ours(one) for one in fake.policies["routes"]] == [True, False], "theirs must swallow nothing of ours"
    fake.policies["routes"].reverse()
    assert outcome_of(pushed(fake, wanted), "merge") == Outcome.UNCHANGED, "its place is theirs to choose"
    pushed(fake, wanted, "replace")
    assert fake.policies["receiver"] == "davylamp"
    assert [is_ours(one) for one in fake.policies["routes"]] == [True]


def test_merging_keeps_the_order_of_others_and_one_route_of_ours() -> None:
    ours = {"object_matchers": [["system", "=", "davylamp"]], "routes": []}
    a, b = ({"receiver": name, "object_matchers": [["a", "=", name]]} for name in "ab")
    tree = {"receiver": "r", "provenance": "file", "routes": [a, {**ours, "group_wait": "9s"}, b, ours]}
    assert merged(tree, ours) == {"receiver": "r", "routes": [a, ours, b]}
    assert merged({"receiver": "r"}, ours)["routes"] == [ours]
    assert same_routes({"routes": [a], "provenance": "api"}, {"routes": [{**a, "continue": False}]})
    assert not same_routes({"routes": [a]}, {"routes": [{**a, "mute_time_intervals": ["x"]}]})


def test_equal_is_what_is_wanted_and_there() -> None:
    assert same({"a": [1, {"b": "c"}], "isPaused": False}, {"a": [1.0, {"b": "c", "more": 1}]})
    assert same({"settings": {"url": "secret"}}, {"settings": {"url": "[REDACTED]"}})
    assert not same({"a": [1]}, {"a": [1, 2]})
    assert not same({"labels": {"a": "b"}}, {"labels": {"a": "b", "c": "d"}})
    assert not same({"a": "b"}, {})


def test_with_a_roster_a_mute_timing_comes_and_is_used(fake: GrafanaFake) -> None:
    site = load(ROOT / "simulators" / "scenarios" / "north-pit.toml").site
    own = provisioned(site, "zh", "https://lamp.pit", SOURCE, replace(CONTACTS, roster=True))
    pushed(fake, own)
    assert "davylamp-pages-itself" in fake.timings
    muted = [one for one in every_route(fake.policies) if one.get("mute_time_intervals")]
    assert len(muted) == 4
    assert set(outcomes(pushed(fake, own))) <= {"unchanged", "refused"}


STOPS: list[tuple[dict[str, Any], str, str]] = [
    ({"from_files": {"davylamp-influx"}}, "davylamp-influx", "provisioned file"),
    ({"from_files": {"davylamp-gas"}}, "davylamp-gas", "provisioned file"),
    ({"from_files": {"policies"}}, "merge", "provisioned file"),
    ({"broken": {"POST /dashboards/db": (412, {"message": "changed by someone else"})}}, "davylamp-overview",
     "push again"),
    ({"broken": {"POST /datasources": (409, {"message": "same name"})}}, "davylamp-influx", "rename or delete"),
    ({"broken": {"PUT /v1/provisioning/folder": (500, {"message": "failed to update rule with UID x"})}}, "davylamp",
     "11.5.2"),
    ({"broken": {"POST /v1/provisioning/contact-points": (400, {"message": "bad"})}}, "davylamp-email", "400"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "name", "sentence"), STOPS)
def test_what_fails_half_way_says_what_was_and_was_not_pushed(
    state: dict[str, Any], name: str, sentence: str, wanted: Provisioned
) -> None:
    fake = new()
    for key, value in state.items():
        setattr(fake, key, value)
    if "davylamp-influx" in fake.from_files:
        fake.sources["davylamp-influx"] = {"uid": "davylamp-influx", "name": "x", "url": "http://other"}
    done = pushed(fake, wanted)
    (failed,) = [one for one in done if one.outcome == Outcome.FAILED]
    assert failed.name == name
    assert sentence in failed.note
    place = done.index(failed)
    assert {one.outcome for one in done[place + 1 :]} <= {Outcome.NOT_PUSHED}
    assert not {one.outcome for one in done[:place]} & {Outcome.NOT_PUSHED, Outcome.FAILED}
    fake.broken, fake.from_files = {}, set()
    pushed(fake, wanted)
    assert set(outcomes(pushed(fake, wanted))) == {"unchanged"}, "the next push ends it"


BEFORE: list[tuple[dict[str, Any], str]] = [
    ({"plugins": {"alertmanager"}}, "no data source plugin 'influxdb'"),
    ({"version": (8, 5, 0)}, "need 9.4"),
    ({"folders": {"davylamp": {"uid": "davylamp", "title": "Davylamp south-pit"}}}, "south-pit.*of its own"),
    ({"broken": {"GET /org": (403, {"message": "no"})}}, "role Admin"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "sentence"), BEFORE)
def test_what_can_be_known_before_stops_before_anything_is_sent(
    state: dict[str, Any], sentence: str, wanted: Provisioned
) -> None:
    fake = new()
    for key, value in state.items():
        setattr(fake, key, value)
    with pytest.raises(DavylampError, match=sentence):
        pushed(fake, wanted)
    assert fake.writes == []


def test_a_server_that_goes_away_half_way_is_said_and_not_raised(wanted: Provisioned) -> None:
    fewer = replace(wanted, dashboards=wanted.dashboards[:2])
    fake = new()
    pushed(fake, wanted)
    fake.broken["GET /v1/provisioning/policies"] = (503, b"<html>away</html>")
    done = pushed(fake, fewer)
    assert outcome_of(done, "merge") == Outcome.FAILED
    assert outcome_of(done, "davylamp-slope") == Outcome.NOT_PUSHED
    fake.writes.clear()
    fake.broken["GET /dashboards/uid/davylamp-slope"] = (503, b"<html>away</html>")
    with pytest.raises(Unavailable):
        pushed(fake, fewer)
    assert fake.writes == []


def test_no_secret_is_printed(wanted: Provisioned) -> None:
    assert not any(secret in f"{wanted} {SOURCE} {CONTACTS}" for secret in ("t0ken", "s3cret", "outside/ping"))


def test_a_name_over_40_characters_stops_before_anything_is_sent(wanted: Provisioned) -> None:
    fake = new()
    long = {**wanted.dashboards[0], "uid": "davylamp-" + "x" * 40}
    with pytest.raises(Rejected, match="49 characters, Grafana takes 40"):
        pushed(fake, replace(wanted, dashboards=(long,)))
    assert fake.writes == []


def test_a_viewer_token_pushes_nothing(wanted: Provisioned) -> None:
    fake = new()
    with serving(fake) as url:
        done = push(Grafana(url, VIEWER), wanted)
    assert outcomes(done) == {"failed": 1, "not pushed": len(done) - 1}
    assert "role Admin" in done[0].note


def test_the_fake_refuses_what_a_real_one_refuses(wanted: Provisioned) -> None:
    """The order of the push is needed: the fake answers as the reference measured."""
    rule = wanted.rules[0].json() | {"orgID": 1, "folderUID": "f", "ruleGroup": "g"}
    group = {"title": "g", "folderUid": "f", "interval": 10, "rules": [rule]}
    for version, code in (((11, 4, 0), 500), ((12, 4, 0), 200)):
        fake = new(version)
        fake.folders["f"] = {"uid": "f", "title": "F"}
        assert fake.answer("PUT", "/v1/provisioning/folder/f/rule-groups/g", TOKEN, group)[0] == code
    old = new((9, 4, 0))
    old.folders["f"] = {"uid": "f", "title": "F"}
    assert old.answer("GET", "/v1/provisioning/alert-rules/none", TOKEN, None)[0] == 500
    assert old.answer("POST", "/v1/provisioning/alert-rules", TOKEN, rule)[0] == 400, "KeepLast"


@pytest.fixture
def real(wanted: Provisioned) -> Iterator[Grafana]:
    """A real Grafana that shows no site yet; all that the test puts there is taken away again."""
    url, token = os.environ.get("DAVYLAMP_TEST_GRAFANA_URL"), os.environ.get("DAVYLAMP_TEST_GRAFANA_TOKEN", "")
    if not url:
        pytest.skip("DAVYLAMP_TEST_GRAFANA_URL is not set: no real Grafana to push to")
    grafana = Grafana(url, token)
    if grafana.find("/folders/davylamp"):
        pytest.fail("this Grafana shows a site: name one for tests")
    policies = grafana.ask("GET", f"{PROVISIONING}/policies")
    try:
        yield grafana
    finally:
        grafana.ask("PUT", f"{PROVISIONING}/policies", {k: v for k, v in policies.items() if k != "provenance"})
        gone = [f"/folders/{uid}?forceDeleteRules=true" for uid, _ in wanted.folders]
        gone += [f"/datasources/uid/{one['uid']}" for one in wanted.sources]
        gone += [f"{PROVISIONING}/contact-points/{one['uid']}" for one in wanted.contact_points]
        gone += [f"{PROVISIONING}/templates/{name}" for name, _ in wanted.templates]
        for path in gone:
            with contextlib.suppress(Absent):
                grafana.ask("DELETE", path)


def test_a_real_grafana_takes_it_and_the_second_push_changes_nothing(real: Grafana, wanted: Provisioned) -> None:
    first = push(real, wanted)
    assert not {one.outcome for one in first} & {Outcome.FAILED, Outcome.NOT_PUSHED}, first
    assert set(outcomes(push(real, wanted))) <= {"unchanged", "refused"}


def everything(fake: GrafanaFake) -> dict[str, Any]:
    """All that a Grafana holds but its routes, and those of one site apart."""
    kept = ("folders", "sources", "contacts", "timings", "templates", "dashboards", "rules", "intervals")
    return {name: copy.deepcopy(getattr(fake, name)) for name in kept}


def test_two_sites_share_an_organisation_and_neither_push_touches_the_others(
    fake: GrafanaFake, wanted: Provisioned
) -> None:
    pit, quarry = shared(wanted, "pit", "north-pit"), shared(wanted, "quarry", "east-quarry")
    quarry = replace(quarry, folders=tuple((uid, title.replace("north-pit", "east-quarry"))
                                           for uid, title in quarry.folders))  # fmt: skip
    assert "failed" not in outcomes(pushed(fake, pit))
    before, writes = everything(fake), len(fake.writes)
    done = pushed(fake, quarry)
    assert "failed" not in outcomes(done)
    after = everything(fake)
    for kind, had in before.items():
        assert {key: after[kind][key] for key in had} == had, kind
    assert not any("davylamp-pit" in line for line in fake.writes[writes:])
    own = [one["object_matchers"][1][2] for one in fake.policies["routes"] if is_ours(one)]
    assert sorted(own) == ["east-quarry", "north-pit"]
    assert set(outcomes(pushed(fake, pit))) <= {"unchanged", "refused"}
    assert set(outcomes(pushed(fake, quarry))) <= {"unchanged", "refused"}


def test_alarms_of_each_site_go_to_its_own_contact(wanted: Provisioned) -> None:
    fake = new()
    for name, site in (("pit", "north-pit"), ("quarry", "east-quarry")):
        titled = shared(wanted, name, site)
        pushed(fake, replace(titled, folders=tuple((uid, f"Davylamp {name} {uid}") for uid, _ in titled.folders)))
    for name, site in (("pit", "north-pit"), ("quarry", "east-quarry")):
        for part in ("alarm", "heartbeat"):
            labels = {"system": "davylamp", "site": site, "part": part, "priority": "critical"}
            routes = fake.policies["routes"]
            first = next(one for one in routes if all(labels.get(k) == v for k, _, v in one["object_matchers"]))
            assert first["receiver"] == f"davylamp-{name}"


def test_a_site_without_a_name_is_alone_in_its_organisation(wanted: Provisioned) -> None:
    fake = new()
    pushed(fake, shared(wanted, "quarry", "east-quarry"))
    writes = list(fake.writes)
    with pytest.raises(Rejected, match="give each site a `name`"):
        pushed(fake, wanted)
    assert fake.writes == writes, "nothing was sent"
    fake = new()
    pushed(fake, wanted)
    with pytest.raises(Rejected, match="'Davylamp north-pit' as 'davylamp' already"):
        pushed(fake, shared(wanted, "quarry", "east-quarry"))
