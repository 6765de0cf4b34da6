"""Alert rules, routes and templates: what must never read as returned, who is told, what a message carries."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from collector.config import load
from dashboards.alerts import DAY, AlertRule, alert_rules
from dashboards.contacts import DEAD_MAN, MUTED, Contacts, contact_points, mute_timings, route, template
from dashboards.texts import Words
from detectors.rule import Priority
from detectors.site import Site
from tests.test_docs import ROOT

PAGE = "https://lamp.pit"


@pytest.fixture(scope="module")
def site() -> Site:
    return load(ROOT / "simulators" / "scenarios" / "north-pit.toml").site


def rules(dead_man: bool = True) -> dict[str, AlertRule]:
    return {rule.uid: rule for rule in alert_rules("north-pit", Words("en"), PAGE, 7, dead_man)}


def fires(rule: AlertRule, value: float) -> bool:
    """As Grafana's threshold expression judges."""
    kind, params = rule.evaluator
    if kind == "within_range":
        return params[0] < value < params[1]
    return value > params[0] if kind == "gt" else value < params[0]


def test_each_level_fires_exactly_one_rule() -> None:
    alarms = {rule.labels["priority"]: rule for rule in rules().values() if rule.labels["part"] == "alarm"}
    assert set(alarms) == {"critical", "high", "medium", "low"}
    for level in range(5):
        fired = [name for name, rule in alarms.items() if fires(rule, level)]
        assert fired == ([] if level == 0 else [Priority(level).name.lower()])


def test_missing_data_and_errors_keep_an_alarm() -> None:
    for rule in rules().values():
        body = rule.json()
        if rule.labels["part"] == "alarm":
            assert (body["noDataState"], body["execErrState"]) == ("KeepLast", "KeepLast")
            assert body["data"][0]["relativeTimeRange"]["from"] == DAY
            assert 'last("standing")' in rule.query
            assert body["for"] == "0s"
        assert body["data"][0]["refId"] == "A", "9.4 puts InfluxQL errors on A only"
        assert [step["datasourceUid"] for step in body["data"][:3]] == ["davylamp-influx", "__expr__", "__expr__"]
        assert [step["refId"] for step in body["data"]] == list("ABCDEFG" if rule.told else "ABC")


def test_value_and_limit_are_fetched_beside_and_decide_nothing() -> None:
    """Their queries answer wherever the first does, with the same labels; the condition looks at the first alone."""
    for rule in (one for one in rules().values() if one.labels["part"] == "alarm"):
        body = rule.json()
        steps = {step["refId"]: step for step in body["data"]}
        assert body["condition"] == "C"
        assert steps["C"]["model"]["expression"] == "B"
        assert steps["B"]["model"]["expression"] == "A"
        for name, asked, newest in (("value", "D", "E"), ("limit", "F", "G")):
            query = steps[asked]["model"]["query"]
            assert steps[newest]["model"]["expression"] == asked
            assert steps[asked]["relativeTimeRange"] == steps["A"]["relativeTimeRange"]
            assert f'last("{name}")' in query
            assert 'last("standing") * 0 - 1000000000000000' in query
            assert query.count(" GROUP BY ") == 3
            assert query.rsplit(" GROUP BY ", 1)[1] == rule.query.rsplit(" GROUP BY ", 1)[1]
            assert f"$values.{newest} " in body["annotations"][name]
            assert "lt -1e+14 .Value" in body["annotations"][name]


def test_a_silent_pipeline_fires_and_the_dead_man_stops() -> None:
    dead, lives = rules()["davylamp-dead"], rules()["davylamp-dead-man"]
    assert [(fires(dead, age), fires(lives, age)) for age in (1, 2)] == [(False, True), (True, False)]
    assert (dead.missing, lives.missing) == ("Alerting", "OK")
    assert "davylamp-dead-man" not in rules(dead_man=False), "nobody awaits it"


def test_labels_are_stable_and_one_number_comes_back() -> None:
    for lang in ("en", "zh"):
        for rule in alert_rules("north-pit", Words(lang), PAGE, 7, True):
            assert set(rule.labels) <= {"system", "part", "priority"}
            assert rule.labels["system"] == "davylamp"
            assert not any("{{" in value for value in rule.labels.values())
            assert rule.query.split(" FROM ")[0].count(" AS ") == 1
            assert len(rule.uid) <= 40
    assert all("\"site\" = 'north-pit'" in rule.query for rule in rules().values())


def test_a_site_name_cannot_end_the_query() -> None:
    (rule, *_) = alert_rules("o'pit", Words("en"), PAGE, 7, False)
    assert "'o\\'pit'" in rule.query


def matching(tree: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    """The settings of the route that labels end in, as Alertmanager inherits them."""
    settings = {key: value for key, value in tree.items() if key not in ("routes", "object_matchers")}
    for branch in tree.get("routes", []):
        if all(labels.get(name) == value for name, _, value in branch["object_matchers"]):
            return settings | {"mute_time_intervals": None} | matching(branch, labels)
    return settings


def test_with_a_roster_only_death_goes_out() -> None:
    for roster in (False, True):
        tree = route(Contacts(email=("li@pit.example",), dead_man="https://outside/ping", roster=roster))
        for rule in rules().values():
            ends = matching({"routes": [tree]}, dict(rule.labels))
            part = rule.labels["part"]
            assert ends["receiver"] == (DEAD_MAN if part == "dead-man" else "davylamp")
            muted = ends["mute_time_intervals"] == [MUTED]
            assert muted == (roster and part in ("alarm", "behind")), rule.uid
    assert mute_timings(Contacts(roster=True))[0]["name"] == MUTED
    assert mute_timings(Contacts()) == []


def test_critical_waits_for_nothing_and_no_branch_names_a_receiver_that_is_not_ours() -> None:
    tree = route(Contacts())
    assert "receiver" not in tree
    ends = matching({"routes": [tree]}, dict(rules()["davylamp-critical"].labels))
    assert (ends["group_by"], ends["group_wait"], ends["group_interval"]) == (["..."], "0s", "10s")


def test_contact_points_of_one_name_are_one_and_the_dead_man_hears_no_return() -> None:
    made = contact_points(Contacts(("a@pit.example", "b@pit.example"), "https://hook", "https://ping"))
    assert [(one["name"], one["type"]) for one in made] == [
        ("davylamp", "email"), ("davylamp", "webhook"), (DEAD_MAN, "webhook")
    ]  # fmt: skip
    assert made[0]["settings"]["addresses"] == "a@pit.example;b@pit.example"
    assert [one["disableResolveMessage"] for one in made] == [False, False, True]
    assert contact_points(Contacts()) == []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_message_carries_limit_clause_and_guidance_of_every_rule_that_calls(site: Site, lang: Any) -> None:
    text = template(site, Words(lang))
    for rule in site.rules:
        there = f'{{{{ if eq .Labels.rule "{rule.name}" }}}}' in text
        assert there == (rule.priority > Priority.LOG), rule.name
        if there:
            assert rule.guidance in text
    assert "1.5 %vol" in text
    assert "AQ 1029" in text
    assert ".Annotations.grafana_state_reason" in text
    for name in ("title", "message", "facts"):
        assert f'define "davylamp.{name}"' in text


def test_messages_of_a_simulated_site_say_so(site: Site) -> None:
    for simulated in (True, False):
        text = template(replace(site, simulated=simulated), Words("en"))
        assert text.count("SIMULATION") == (2 if simulated else 0), "in the title and in each alarm"


def test_braces_and_quotes_in_a_guidance_do_not_end_the_template(site: Site) -> None:
    wild = replace(site.rules[-1], guidance='say "{{ .Now }}" \\ and go', priority=Priority.HIGH)
    text = template(replace(site, rules=(wild,)), Words("en"))
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    assert ".Now" not in outside
    assert outside.count("{{") == outside.count("}}")


def filled(text: str, name: str, annotations: dict[str, str]) -> str:
    """What the template `davylamp.facts` says of an alarm of a rule, as Go's text/template would: `with`, `if eq`,
    `else`, `.` and quoted texts are all that stands in it."""
    body = re.search(r'define "davylamp\.facts" }}(.*?){{ end }}\n{{ define "davylamp\.title"', text, re.S)
    assert body is not None
    tokens = iter([*re.split(r'({{ (?:"(?:[^"\\]|\\.)*"|[^"}]|"(?:[^"\\]|\\.)*")*? }})', body[1]), ""])

    def run(dot: str, show: bool) -> tuple[str, str]:
        said = ""
        for token in tokens:
            word = token.removeprefix("{{ ").removesuffix(" }}") if token.startswith("{{ ") else None
            if word in ("end", "else"):
                return said, word
            if word is None:
                said += token if show else ""
            elif word.startswith("with .Annotations."):
                value = annotations.get(word.removeprefix("with .Annotations."), "")
                said += branch(value, bool(value), show)
            elif word.startswith("if eq "):
                _, _, have, want = word.split(" ", 3)
                have = name if have == ".Labels.rule" else dot
                said += branch(dot, have == json.loads(want), show)
            else:
                said += (dot if word == "." else json.loads(word)) if show else ""
        return said, "end"

    def branch(dot: str, holds: bool, show: bool) -> str:
        first, ended = run(dot, show and holds)
        return first + (run(dot, show and not holds)[0] if ended == "else" else "")

    return run("", True)[0]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_message_says_the_measured_value_and_the_limit_with_their_unit(site: Site, lang: Any) -> None:
    text = template(site, Words(lang))
    value, limit = ("value", "limit") if lang == "en" else ("数值", "限值")
    said = filled(text, "face-methane.cut", {"value": "1.62", "limit": "1.5"})
    assert said.startswith(f"{value}: 1.62 %vol\n{limit}: 1.5 %vol\n")
    assert "AQ 1029" in said
    said = filled(text, "face-methane.cut", {})
    assert said.startswith(f"{limit}: 1.5 %vol\n"), "the rule's own where the alarm names none"
    said = filled(text, "wall-moving", {"value": "12.3", "limit": "10"})
    assert said.startswith(f"{value}: 12.3 mm/d\n{limit}: 10 mm/d\n")
    assert filled(text, "no such rule", {"value": "1"}) == ""


def test_a_state_is_said_by_its_name(site: Site) -> None:
    text = template(site, Words("en"))
    states = {rule.name: site.sensors[rule.subjects[0].inputs[0][1]].states for rule in site.rules
              if rule.priority > Priority.LOG and rule.subjects[0].inputs[0][1] in site.sensors}  # fmt: skip
    name, named = next((name, found) for name, found in states.items() if found)
    assert filled(text, name, {"value": "0"}).startswith(f"value: 0 ({named[0]})\n")
    assert filled(text, name, {"value": "1"}).startswith(f"value: 1 ({named[1]})\n")
