"""Provisioning files: current in dashboards/json, and with `$` as Grafana reads it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from collector.config import load
from collector.grafana_site import to_files
from dashboards.contacts import Contacts
from dashboards.provision import Provisioned, Source, files, in_files, provisioned
from dashboards.sharing import shared
from detectors.site import Site
from scripts import grafana_json
from tests.test_docs import ROOT

SOURCE = Source("http://influxdb:8086", "pit$1", "$TOKEN", "http://manager:9093")
CONTACTS = Contacts(("a$b@pit.example",), "$HOOK", "$PING", roster=True)
UID = re.compile(r"[A-Za-z0-9_-]{1,40}")


@pytest.fixture(scope="module")
def site() -> Site:
    return load(ROOT / "simulators" / "scenarios" / "north-pit.toml").site


def made(site: Site, contacts: Contacts = CONTACTS, policies: bool = True) -> dict[str, Any]:
    found = files(provisioned(site, "en", "https://lamp.pit", *in_files(SOURCE, contacts)), policies)
    return {name: json.loads(text.partition("\n")[2] if text.startswith("#") else text) for name, text in found.items()}


def expanded(value: Any) -> Any:
    """As Grafana fills variables: `$$` is a dollar, `$NAME` what the environment holds."""
    if isinstance(value, dict):
        return {key: expanded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [expanded(one) for one in value]
    if not isinstance(value, str):
        return value
    held = {"TOKEN": "t0ken", "HOOK": "https://hook/secret", "PING": "https://ping/secret"}
    return re.sub(r"\$\$|\$(\w+)", lambda found: "$" if found[0] == "$$" else held.get(found[1], ""), value)


def test_the_files_of_the_example_are_current() -> None:
    wanted = to_files(grafana_json.site(), "en", policies=True)
    there = {path.relative_to(grafana_json.FOLDER).as_posix(): path.read_text("utf-8")
             for path in grafana_json.FOLDER.rglob("*.*")}  # fmt: skip
    assert set(there) == set(wanted)
    stale = [name for name in wanted if there[name] != wanted[name]]
    assert stale == [], "run python scripts/grafana_json.py and look at what it changes"


def test_what_grafana_fills_in_becomes_what_the_api_would_be_sent(site: Site) -> None:
    wanted = provisioned(site, "en", "https://lamp.pit", Source(SOURCE.url, SOURCE.database, "t0ken",
                         SOURCE.alertmanager), Contacts(("a$b@pit.example",), "https://hook/secret",
                         "https://ping/secret", True))  # fmt: skip
    found = made(site)
    sources = expanded(found["datasources/davylamp.yaml"]["datasources"])
    assert [{k: v for k, v in one.items() if k not in ("orgId", "editable")} for one in sources] == list(wanted.sources)
    points = expanded(found["alerting/davylamp.yaml"]["contactPoints"])
    flat = [one | {"name": several["name"]} for several in points for one in several["receivers"]]
    assert flat == list(wanted.contact_points)


def test_rules_and_templates_stand_as_they_are(site: Site) -> None:
    alerting = made(site)["alerting/davylamp.yaml"]
    (group,) = alerting["groups"]
    assert group["interval"] == "10s"
    critical = group["rules"][0]
    assert "$timeFilter" in critical["data"][0]["model"]["query"]
    assert "{{ $labels.sensor }}" in critical["annotations"]["summary"]
    assert critical["missing_series_evals_to_resolve"] == 1000
    assert not any("$" in value for rule in group["rules"] for value in rule["labels"].values())
    assert alerting["muteTimes"][0]["name"] == "davylamp-pages-itself"


def test_the_folder_of_rules_is_not_that_of_dashboards(site: Site) -> None:
    found = made(site)
    (provider,) = found["dashboards/davylamp.yaml"]["providers"]
    assert provider["folder"] != found["alerting/davylamp.yaml"]["groups"][0]["folder"]


def test_the_panel_of_a_rule_is_there(site: Site) -> None:
    found = made(site)
    for rule in found["alerting/davylamp.yaml"]["groups"][0]["rules"]:
        if "__panelId__" in rule["annotations"]:
            dashboard = found[f"dashboards/davylamp/{rule['annotations']['__dashboardUid__']}.json"]
            assert rule["annotations"]["__panelId__"] in [str(panel["id"]) for panel in dashboard["panels"]]


def test_uids_are_ones_that_grafana_takes(site: Site) -> None:
    wanted = provisioned(site, "zh", "https://lamp.pit", SOURCE, CONTACTS)
    uids = [uid for uid, _ in wanted.folders] + [one["uid"] for one in (*wanted.sources, *wanted.contact_points)]
    uids += [one["uid"] for one in wanted.dashboards] + [rule.uid for rule in wanted.rules]
    assert all(UID.fullmatch(uid) for uid in uids)
    assert len({rule.uid for rule in wanted.rules}) == len(wanted.rules)


def test_a_rule_that_is_no_more_is_deleted_and_the_tree_is_left_alone_unless_asked(site: Site) -> None:
    alone = made(site, Contacts(), policies=False)
    assert alone["alerting/davylamp.yaml"]["deleteRules"] == [{"orgId": 1, "uid": "davylamp-dead-man"}]
    assert "alerting/davylamp-policies.yaml" not in alone
    (tree,) = made(site)["alerting/davylamp-policies.yaml"]["policies"]
    assert tree["routes"][0]["object_matchers"] == [["system", "=", "davylamp"]]
    assert tree["receiver"] == "davylamp"


@pytest.fixture
def quarry(site: Site) -> Provisioned:
    wanted = provisioned(site, "en", "https://lamp.pit", *in_files(SOURCE, CONTACTS))
    return shared(wanted, "quarry", site.id)


def names_in(wanted: Provisioned) -> set[str]:
    """Whatever Grafana keeps one of in an organisation, with its kind."""
    found = {f"folder {uid}" for uid, _ in wanted.folders} | {f"template {name}" for name, _ in wanted.templates}
    found |= {f"source {one[key]}" for one in wanted.sources for key in ("uid", "name")}
    found |= {f"contact {one[key]}" for one in wanted.contact_points for key in ("uid", "name")}
    found |= {f"dashboard {one['uid']}" for one in wanted.dashboards} | {f"rule {rule.uid}" for rule in wanted.rules}
    found |= {f"timing {one['name']}" for one in wanted.mute_timings}
    defined = [name for _, text in wanted.templates for name in re.findall(r'{{ define "([^"]+)" }}', text)]
    return found | {f"define {name}" for name in defined}


def test_two_sites_in_one_organisation_share_no_name(site: Site, quarry: Provisioned) -> None:
    plain = provisioned(site, "en", "https://lamp.pit", *in_files(SOURCE, CONTACTS))
    other = shared(plain, "pit", "other")
    for one, two in ((plain, quarry), (quarry, other)):
        assert names_in(one) & names_in(two) == set()
        assert len(names_in(one)) == len(names_in(two))
    uids = [name.split(" ", 1)[1] for name in names_in(quarry) if not name.startswith(("source Davy", "define"))]
    assert all(UID.fullmatch(uid) and uid.startswith("davylamp-quarry") for uid in uids), uids


def test_everything_of_a_named_site_points_to_its_own(site: Site, quarry: Provisioned) -> None:
    uids = {one["uid"] for one in quarry.dashboards}
    text = json.dumps(quarry.dashboards)
    assert set(re.findall(r'"url": "/d/([\w-]+)', text)) <= uids
    assert set(re.findall(r'"uid": "([\w-]+)"', text)) == uids | {"davylamp-quarry-influx"}
    assert set(re.findall(r'"tags": \["([\w-]+)"\]', text)) == {"davylamp-quarry"}
    assert f'{{site=\\"{site.id}\\",system=' in text
    for rule in quarry.rules:
        assert rule.labels["site"] == site.id, "an alert that has no data must find its route too"
        assert rule.annotations.get("__dashboardUid__", "davylamp-quarry-overview") in uids
        sources = {step["datasourceUid"] for step in rule.json()["data"]}
        assert sources == {"davylamp-quarry-influx", "__expr__"}
    (_, template), points = quarry.templates[0], quarry.contact_points
    called = {name for one in points for name in re.findall(r'template "([^"]+)"', json.dumps(one).replace('\\"', '"'))}
    called |= set(re.findall(r'{{ template "([^"]+)"', template))
    assert called <= set(re.findall(r'{{ define "([^"]+)"', template))
    assert quarry.route["object_matchers"] == [["system", "=", "davylamp"], ["site", "=", site.id]]
    receivers = set(re.findall(r'"receiver": "([^"]+)"', json.dumps(quarry.route)))
    assert receivers <= {one["name"] for one in points}
    muted = set(re.findall(r'"mute_time_intervals": \["([^"]+)"\]', json.dumps(quarry.route)))
    assert muted == {one["name"] for one in quarry.mute_timings}


def test_a_queries_and_peoples_words_are_left_as_they_are(site: Site, quarry: Provisioned) -> None:
    plain = provisioned(site, "en", "https://lamp.pit", *in_files(SOURCE, CONTACTS))
    assert [rule.query for rule in quarry.rules] == [rule.query for rule in plain.rules]
    assert re.findall('"query": "[^"]+"', json.dumps(quarry.dashboards)) == re.findall(
        '"query": "[^"]+"', json.dumps(plain.dashboards)
    )
    said = site.rules[-1]
    wild = replace(site, rules=(replace(said, guidance='run "davylamp gaps", {{ define "davylamp.x" }}'),))
    text = shared(provisioned(wild, "en", "", *in_files(SOURCE, CONTACTS)), "quarry", "q").templates[0][1]
    assert 'run \\"davylamp gaps\\", {{ define \\"davylamp.x\\" }}' in text


def test_two_named_sites_files_lie_beside_each_other(quarry: Provisioned, site: Site) -> None:
    plain = files(provisioned(site, "en", "https://lamp.pit", *in_files(SOURCE, CONTACTS)), True)
    named = files(quarry, True)
    assert plain.keys() & named.keys() == set()
    provider = json.loads(named["dashboards/davylamp-quarry.yaml"].partition("\n")[2])["providers"][0]
    assert provider["options"]["path"].endswith("/dashboards/davylamp-quarry")
    assert {name.rpartition("/")[0] for name in named if name.endswith(".json")} == {"dashboards/davylamp-quarry"}
