"""Every query of every panel, variable and annotation against a real InfluxDB that the simulator filled."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from collector.influx import Address
from collector.judged import Judged
from dashboards.alerts import NONE, alert_rules
from dashboards.every import every_dashboard
from dashboards.texts import Words
from tests.influx.conftest import ask, remove
from tests.influx.filled import Filled

pytestmark = pytest.mark.influx
PAGE = "http://127.0.0.1:8080"
EMPTY_BY_NATURE = ("failure_from", "failure_to")
"""A forecast that has no bound at this moment has no value."""


@pytest.fixture(scope="module")
def filled(server: Address, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Filled, Address]]:
    address = replace(server, place="davylamp_dashboards")
    remove(address)
    site = Filled(tmp_path_factory.mktemp("filled"), address)
    yield site, address
    site.close()
    remove(address)


def as_grafana_asks(query: str, interval: str = "10m") -> str:
    """Variables and macros filled in as Grafana does for a week on a screen."""
    span = "time > now() - 7d"
    text = query.replace("$timeFilter", span).replace("$__interval", interval)
    text = re.sub(r"\$(area|sensor)", ".*", text).replace("$site", "north-pit")
    assert "$" not in re.sub(r"\$/", "", text), text
    return text


def patiently(query: str) -> str:
    """What counts as present 5 min longer: this machine is slow, and the simulation has ended."""
    return re.sub(r"now\(\) - (\d+)s", lambda found: f"now() - {int(found[1]) + 300}s", query)


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield f"{dashboard['uid']}: {panel['title']} {target['refId']}", target["query"]
    for variable in dashboard["templating"]["list"]:
        yield f"{dashboard['uid']}: ${variable['name']}", variable["query"]
    for annotation in dashboard["annotations"]["list"]:
        yield f"{dashboard['uid']}: annotations", annotation["target"]["query"]


def test_every_query_of_every_dashboard_has_an_answer(filled: tuple[Filled, Address]) -> None:
    site, address = filled
    site.again()
    asked, empty = 0, []
    for dashboard in every_dashboard(site.site, "en", PAGE):
        for name, query in queries(dashboard.json()):
            asked += 1
            if not ask(address, as_grafana_asks(query)) and not any(word in query for word in EMPTY_BY_NATURE):
                empty.append(f"{name}: {query}")
    print(f"{asked} queries")
    assert asked > 60
    assert empty == []


def test_a_dead_pipeline_reads_as_unknown_and_no_row_vanishes(filled: tuple[Filled, Address]) -> None:
    """The queries' windows shortened, so that the test need not wait 30 s."""
    from dashboards import query

    site, address = filled
    site.again()
    time.sleep(2.5)

    def soon(text: str) -> list[dict[str, Any]]:
        return ask(address, as_grafana_asks(text).replace("now() - 30s", "now() - 2s"))

    areas = soon(query.levels("area"))
    watched = {subject.area for rule in site.site.rules for subject in rule.subjects}
    assert {series["tags"]["area"] for series in areas} - {""} == watched - {""}
    assert {series["values"][-1][1] for series in areas} == {-1}
    assert soon(query.watching())[0]["values"][-1][1] == 0
    assert soon(query.heart())[0]["values"][-1][1] == 2
    site.again()
    assert max(series["values"][-1][1] for series in ask(address, as_grafana_asks(query.levels("area")))) >= 3
    assert ask(address, as_grafana_asks(query.heart()))[0]["values"][-1][1] == 1


def test_the_forecast_reaches_twelve_hours_ahead_on_a_fixed_grid(filled: tuple[Filled, Address]) -> None:
    site, address = filled
    site.again()
    found = ask(address, 'SELECT "low","high" FROM "forecast" WHERE time > now() - 10m GROUP BY "sensor","rule"')
    assert {series["tags"]["rule"] for series in found} == {"wall-forecast"}
    now = time.time()
    for series in found:
        at = [int(row[0]) / 1e9 for row in series["values"]]
        assert all(second % 600 == 0 for second in at), "whole ten minutes"
        assert {b - a for a, b in zip(at, at[1:], strict=False)} == {600}
        assert now + 11.8 * 3600 < at[-1] < now + 12.2 * 3600
        assert all(low <= high for _, low, high in series["values"])


def newest(address: Address, query: str) -> list[float]:
    """The last value of each series, as a rule's reduce step takes it."""
    return [series["values"][-1][1] for series in ask(address, query)]


def test_every_query_of_every_alert_rule_has_an_answer_with_one_number(filled: tuple[Filled, Address]) -> None:
    site, address = filled
    site.again()
    for rule in alert_rules("north-pit", Words("en"), PAGE, 1, True):
        found = ask(address, patiently(as_grafana_asks(rule.query)))
        assert found, rule.query
        assert all(len(series["columns"]) == 2 for series in found)
        tags = [tuple(sorted(series["tags"].items())) for series in found]
        assert len(set(tags)) == len(tags)
        names = {"site", "area", "sensor", "kind", "rule", "test"} if rule.labels["part"] == "alarm" else {"site"}
        assert all(set(series["tags"]) == names for series in found)
        for query in rule.told.values():
            fetched = ask(address, patiently(as_grafana_asks(query)))
            assert sorted(tuple(sorted(series["tags"].items())) for series in fetched) == sorted(tags), query
            assert all(len(series["columns"]) == 2 for series in fetched)
    assert not ask(address, as_grafana_asks(alert_rules("other", Words("en"), PAGE, 1, False)[0].query))


def test_value_and_limit_in_messages_are_those_of_the_alarm(filled: tuple[Filled, Address]) -> None:
    site, address = filled
    site.again()
    told = next(rule.told for rule in alert_rules("north-pit", Words("en"), PAGE, 1, False))
    alarms = {(row["rule"], row["subject"]): row for row in Judged(site.folder).alarms()}
    for name, query in told.items():
        fetched = {(series["tags"]["rule"], series["tags"]["sensor"]): series["values"][-1][1]
                   for series in ask(address, as_grafana_asks(query))}  # fmt: skip
        wanted = {pair: -NONE if row[name] is None else row[name] for pair, row in alarms.items()}
        assert {pair: fetched[pair] for pair in wanted} == pytest.approx(wanted)
        assert sum(value == -NONE for value in fetched.values()) not in (0, len(fetched)), "the test has both"


def test_a_field_that_was_never_written_leaves_the_alarm_rules_with_data(filled: tuple[Filled, Address]) -> None:
    """Rules may be pushed before the roles that write the field run: an empty query would silence them all."""
    site, address = filled
    site.again()
    rule = alert_rules("north-pit", Words("en"), PAGE, 1, False)[0]
    query = rule.told["value"].replace('last("value")', 'last("no_such_field")')
    assert len(ask(address, as_grafana_asks(query))) == len(ask(address, as_grafana_asks(rule.query))) > 0


def test_the_rule_of_death_fires_when_the_pipeline_is_silent_and_not_before(filled: tuple[Filled, Address]) -> None:
    site, address = filled
    rules = {rule.uid: rule for rule in alert_rules("north-pit", Words("en"), PAGE, 1, True)}
    dead, critical = rules["davylamp-dead"].query, rules["davylamp-critical"].query
    site.again()
    assert newest(address, patiently(dead)) == [1]
    standing = newest(address, as_grafana_asks(critical))
    assert max(standing) > 3.5, "the simulated pit has a critical alarm"
    time.sleep(2.5)
    assert newest(address, dead.replace("now() - 60s", "now() - 2s")) == [2]
    assert newest(address, as_grafana_asks(critical)) == standing, "silence ends no alarm"
