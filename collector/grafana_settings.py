"""Where Grafana is, what it may ask, and whom it tells: the table [grafana] of a site file.

Constraints. Settings, not judgement: not part of a revision. Secrets are read when something is pushed, so a machine
that only runs the site need not have them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from collector.secret import Secret, read_secret
from collector.urls import read_url
from detectors.document import Table, shown

GRAFANA_KEYS: Mapping[str, str] = {
    "url": "text: http://host:3000, or with a path that Grafana is served below.",
    "token_file": "file whose first line is the token of a service account with the role Admin.",
    "token_env": "name of the environment variable with that token.",
    "name": "text of letters and digits: this site's name in an organisation that shows several; each needs one.",
    "influx_url": "text: InfluxDB as Grafana reaches it; the url of [influx] where not given.",
    "page": "text: the operator's page as people reach it; `link` of [oncall] where not given, else [page].",
    "email": "list of addresses that Grafana writes to. It needs a mail server in Grafana.",
    "webhook_file": "file whose first line is a URL that Grafana posts its notices to.",
    "webhook_env": "name of the environment variable with that URL.",
    "dead_man_file": "file whose first line is a URL of an outside service that alarms when nothing comes any more.",
    "dead_man_env": "name of the environment variable with that URL.",
}

_NAME = re.compile(r"[a-z0-9]{1,16}")
"""A uid has 40 characters, and ours have up to 23 without it. Without `-`, no two sites' uids can be equal."""


@dataclass(frozen=True, slots=True)
class GrafanaSettings:
    """What a site file says about Grafana."""

    url: str = ""
    name: str = ""
    """Of the site among several in one organisation."""
    token: Secret | None = None
    influx_url: str = ""
    page: str = ""
    email: tuple[str, ...] = ()
    webhook: Secret | None = None
    dead_man: Secret | None = None


def read_grafana(whole: Table, folder: Path) -> GrafanaSettings:
    """What the table says; nothing where there is none. Mistakes are noted in `whole`."""
    table = whole.table("grafana", GRAFANA_KEYS)
    email = table.texts("email")
    for address in email:
        if "@" not in address or any(letter in address for letter in "; ,"):
            table.wrong(("email",), shown(address), "addresses, each a text of its own")
    name = table.text("name", "")
    if name and (not _NAME.fullmatch(name) or name == "alarms"):
        table.wrong(("name",), shown(name), 'up to 16 of a-z and 0-9, like "quarry"; not "alarms"')
    return GrafanaSettings(
        name=name,
        url=_web(table, "url", "http://host:3000"),
        token=read_secret(table, "token", folder),
        influx_url=_web(table, "influx_url", "http://host:8086"),
        page=_web(table, "page", "https://host"),
        email=email,
        webhook=read_secret(table, "webhook", folder),
        dead_man=read_secret(table, "dead_man", folder),
    )


def _web(table: Table, key: str, allowed: str) -> str:
    return read_url(table, ("http", "https"), allowed, key).rstrip("/") if key in table else ""
