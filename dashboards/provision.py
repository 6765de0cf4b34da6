"""Everything a site has in Grafana, and the provisioning files that make it so.

Constraints. Where a secret belongs, the caller's text stands: a reference to an environment variable for files, the
secret itself for the API. Files are JSON, which YAML readers take. Grafana fills `$NAME` in data sources, contact
points and titles, so a `$` that is meant stands there twice; queries, annotations and templates are not filled. Rules
have a folder of their own, since a file names it by title and Grafana makes it before the dashboards'. The same site
gives the same bytes.
Source: reference grafana.md sections 5.1 and 5.2.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from dashboards.alerts import DEAD_MAN_RULE, FOLDER, GROUP, INTERVAL, AlertRule, alert_rules
from dashboards.console.figures import Lang
from dashboards.contacts import CONTACT, TEMPLATE, Contacts, contact_points, mute_timings, route, template
from dashboards.every import every_dashboard
from dashboards.panels import SOURCE, Json
from dashboards.texts import Words
from detectors.site import Site

PREFIX = "davylamp"
"""What all our uids begin with; that of the folder of dashboards."""
MISSING_EVALUATIONS = 1000
"""Evaluations after which a series that is not there any more counts as returned (Grafana >= 12)."""
HERE = "/etc/grafana/provisioning"
"""Where the files are put on Grafana's machine."""
FIRST_RECEIVER = "grafana-default-email"
"""The receiver that every Grafana begins with."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where Grafana finds InfluxDB. `token` may be a secret."""

    url: str
    database: str
    token: str = field(default="", repr=False)
    alertmanager: str = ""
    """Address of an Alertmanager to show; empty for none."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """All objects of a site, in the form the API takes."""

    folders: tuple[tuple[str, str], ...]
    """(uid, title): that of dashboards, that of rules."""
    sources: tuple[Json, ...] = field(repr=False)
    contact_points: tuple[Json, ...] = field(repr=False)
    mute_timings: tuple[Json, ...]
    templates: tuple[tuple[str, str], ...]
    route: Json
    receiver: str
    """Of the whole policy tree, where it is ours."""
    dashboards: tuple[Json, ...]
    rules: tuple[AlertRule, ...]
    prefix: str = PREFIX
    """What the uids begin with; more than PREFIX where several sites share an organisation."""


def provisioned(site: Site, lang: Lang, page: str, source: Source, contacts: Contacts) -> Provisioned:
    """Everything of a site. `page` is the address of the operator's page."""
    words = Words(lang)
    made = tuple(one.json() for one in every_dashboard(site, lang, page))
    shown = next(panel["id"] for panel in made[0]["panels"] if panel["type"] == "state-timeline")
    return Provisioned(
        folders=((PREFIX, words("folder", site=site.id)), (FOLDER, words("alarm_folder", site=site.id))),
        sources=tuple(_sources(source)),
        contact_points=tuple(contact_points(contacts)),
        mute_timings=tuple(mute_timings(contacts)),
        templates=((TEMPLATE, template(site, words)),),
        route=route(contacts),
        receiver=CONTACT if contacts.any else FIRST_RECEIVER,
        dashboards=made,
        rules=tuple(alert_rules(site.id, words, page, shown, bool(contacts.dead_man))),
    )


def _sources(source: Source) -> list[Json]:
    influx: Json = {
        "uid": SOURCE, "name": "Davylamp InfluxDB", "type": "influxdb", "access": "proxy", "url": source.url,
        "database": source.database,  # the only one that 9.4 reads
        "jsonData": {"version": "InfluxQL", "dbName": source.database, "httpMode": "GET", "timeInterval": "1s",
                     "maxSeries": 5000},
    }  # fmt: skip
    if source.token:
        influx["jsonData"]["httpHeaderName1"] = "Authorization"
        influx["secureJsonData"] = {"httpHeaderValue1": f"Token {source.token}"}
    manager: Json = {
        "uid": "davylamp-alertmanager", "name": "Davylamp Alertmanager", "type": "alertmanager", "access": "proxy",
        "url": source.alertmanager, "jsonData": {"implementation": "prometheus", "handleGrafanaManagedAlerts": False},
    }  # fmt: skip
    return [influx, manager] if source.alertmanager else [influx]


def tree(route: Json, receiver: str) -> Json:
    """A whole policy tree of ours."""
    return {"receiver": receiver, "group_by": ["grafana_folder", "alertname"], "routes": [route]}


def in_files(source: Source, contacts: Contacts) -> tuple[Source, Contacts]:
    """Both as files hold them: Grafana fills `$NAME` there. They hold `$NAME` already where a secret belongs."""
    return (replace(source, url=_literal(source.url), database=_literal(source.database),
                    alertmanager=_literal(source.alertmanager)),
            replace(contacts, email=tuple(map(_literal, contacts.email))))  # fmt: skip


def files(wanted: Provisioned, policies: bool) -> dict[str, str]:
    """Provisioning files by their path below Grafana's folder `provisioning`, of what was made from `in_files`.
    `policies` says whether the whole policy tree becomes ours: a file cannot share it."""
    (home, home_title), (_, alarm_title) = wanted.folders
    provider = {"name": wanted.prefix, "orgId": 1, "folder": _literal(home_title), "folderUid": home, "type": "file",
                "allowUiUpdates": False, "updateIntervalSeconds": 30,
                "options": {"path": f"{HERE}/{dashboard_files(wanted.prefix)}"}}  # fmt: skip
    found = {
        f"datasources/{wanted.prefix}.yaml": _file({"datasources": [{"orgId": 1, "editable": False, **one}
                                                            for one in wanted.sources]}),
        f"dashboards/{wanted.prefix}.yaml": _file({"providers": [provider]}),
        f"alerting/{wanted.prefix}.yaml": _file(_alerting(wanted, alarm_title)),
    }  # fmt: skip
    for dashboard in wanted.dashboards:
        found[f"{dashboard_files(wanted.prefix)}/{dashboard['uid']}.json"] = _text(dashboard)
    if policies:
        ours = tree(wanted.route, wanted.receiver)
        found[f"alerting/{wanted.prefix}-policies.yaml"] = _file({"policies": [{"orgId": 1, **ours}]})
    return found


def dashboard_files(prefix: str) -> str:
    """The folder of dashboards among the files."""
    return f"dashboards/{prefix}"


def _alerting(wanted: Provisioned, folder: str) -> Json:
    group = {"orgId": 1, "name": GROUP, "folder": _literal(folder), "interval": f"{INTERVAL}s",
             "rules": [_rule(rule) for rule in wanted.rules]}  # fmt: skip
    points: dict[str, list[Json]] = {}
    for one in wanted.contact_points:
        points.setdefault(one["name"], []).append({key: value for key, value in one.items() if key != "name"})
    # a file deletes no rule that it does not name
    gone = {wanted.prefix + DEAD_MAN_RULE.removeprefix(PREFIX)} - {rule.uid for rule in wanted.rules}
    found: Json = {
        "groups": [group],
        "deleteRules": [{"orgId": 1, "uid": uid} for uid in sorted(gone)],
        "templates": [{"orgId": 1, "name": name, "template": text} for name, text in wanted.templates],
        "contactPoints": [{"orgId": 1, "name": name, "receivers": several} for name, several in points.items()],
        "muteTimes": [{"orgId": 1, **one} for one in wanted.mute_timings],
    }
    return {key: value for key, value in found.items() if value}


def _rule(rule: AlertRule) -> Json:
    kept: Json = {"missing_series_evals_to_resolve": MISSING_EVALUATIONS} if rule.keeps else {}
    return rule.json() | kept | {"title": _literal(rule.title)}


def _file(content: Json) -> str:
    return "# Written by `davylamp grafana export`; do not edit.\n" + _text({"apiVersion": 1, **content})


def _text(content: Json) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _literal(text: str) -> str:
    return text.replace("$", "$$")
