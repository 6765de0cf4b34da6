"""A site's objects where several sites share one organisation of Grafana: none is named like another's.

Constraints. Only names change, in the places where Grafana has names: uids, contact points, templates, timings, tags,
links between dashboards. Routes and rules name the site, so that one site's route takes no other's alarm, even one that
says only that a query had no data. Texts of people and queries are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from dashboards.alerts import AlertRule
from dashboards.contacts import MATCHER
from dashboards.panels import Json
from dashboards.provision import PREFIX, Provisioned

Name: TypeAlias = Callable[[str], str]

def shared(wanted: Provisioned, name: str, site: str) -> Provisioned:
    """The same objects under names that begin with davylamp-NAME; `name` is letters and digits."""
    prefix = f"{PREFIX}-{name}"

    def own(text: str) -> str:
        return prefix + text.removeprefix(PREFIX) if text == PREFIX or text.startswith(f"{PREFIX}-") else text

    return replace(
        wanted,
        prefix=prefix,
        folders=tuple((own(uid), title) for uid, title in wanted.folders),
        sources=tuple({**one, "uid": own(one["uid"]), "name": f"{one['name']} {site}"} for one in wanted.sources),
        contact_points=tuple(_contact(one, own, prefix) for one in wanted.contact_points),
        mute_timings=tuple({**one, "name": own(one["name"])} for one in wanted.mute_timings),
        templates=tuple((own(title), _template(text, prefix)) for title, text in wanted.templates),
        route={**_route(wanted.route, own), "object_matchers": [MATCHER, ["site", "=", site]]},
        receiver=own(wanted.receiver),
        dashboards=tuple(_dashboard(one, own, site) for one in wanted.dashboards),
        rules=tuple(_rule(rule, own, site) for rule in wanted.rules),
    )


def _contact(one: Json, own: Name, prefix: str) -> Json:
    settings = {key: _template(value, prefix) if isinstance(value, str) else value
                for key, value in one["settings"].items()}  # fmt: skip
    return {**one, "uid": own(one["uid"]), "name": own(one["name"]), "settings": settings}


def _template(text: str, prefix: str) -> str:
    """Its own definitions and calls; a text inside has its quotes escaped and is not touched."""
    for word in ("define", "template"):
        text = text.replace(f'{{{{ {word} "{PREFIX}.', f'{{{{ {word} "{prefix}.')
    return text


def _route(route: Json, own: Name) -> Json:
    found = {**route}
    if "receiver" in route:
        found["receiver"] = own(route["receiver"])
    if "mute_time_intervals" in route:
        found["mute_time_intervals"] = [own(one) for one in route["mute_time_intervals"]]
    if "routes" in route:
        found["routes"] = [_route(one, own) for one in route["routes"]]
    return found


def _rule(rule: AlertRule, own: Name, site: str) -> AlertRule:
    annotations = {key: own(text) if key == "__dashboardUid__" else text for key, text in rule.annotations.items()}
    labels = {**rule.labels, "site": site}
    return replace(rule, uid=own(rule.uid), annotations=annotations, labels=labels, source=own(rule.source))


def _dashboard(value: Any, own: Name, site: str, key: str = "") -> Any:
    """Names wherever a dashboard has them."""
    if isinstance(value, dict):
        return {name: _dashboard(one, own, site, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_dashboard(one, own, site, key) for one in value]
    if not isinstance(value, str):
        return value
    if key in ("uid", "tags"):
        return own(value)
    if key == "url" and value.startswith(f"/d/{PREFIX}-"):
        return "/d/" + own(value.removeprefix("/d/"))
    if key == "alertInstanceLabelFilter":
        return value.replace("{", f'{{site="{site}",', 1)
    return value
