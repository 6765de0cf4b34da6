"""What a site file says about the world around the judge: broker, folder, stores, destinations, on call, page.

Constraints. Nothing here changes the judgement, so nothing here is part of a revision.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from zoneinfo import ZoneInfo

from collector.canary_settings import CANARY_KEYS, MODE_KEY, PROBE, Canary, read_canary, read_mode
from collector.grafana_settings import GrafanaSettings, read_grafana
from collector.oncall import OnCall, channel_secrets, read_oncall
from collector.secret import Secret, read_secret
from collector.urls import read_url
from detectors.document import Table, nearest, shown
from detectors.sensor import Payload

ROLES = ("collect", "judge", "store", "announce", "page")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
DAY, MINUTE = 86_400_000_000_000, 60_000_000_000
FILE_KEYS: Mapping[str, str] = {
    "data": 'folder of log, journal and history; "data" beside the site file where not given.',
    "sensors": "a CSV file with the columns id and those of [sensor]; lists as `0 4`.",
    "keep": "table {raw, history = duration}; 90d and 730d. The journal is kept for ever.",
    "roles": "list of " + ", ".join(ROLES) + "; all where not given.",
}
MQTT_KEYS: Mapping[str, str] = {
    "url": "text, required: mqtt://host:1883 or mqtts://host:8883.",
    "user": "text.",
    "password_file": "file whose first line is the password.",
    "password_env": "name of the environment variable with the password.",
    "ca": "file with the certificate authority, for mqtts.",
    "cert": "file with our client certificate, for mqtts.",
    "key": "file with its key, where that is not in `cert`.",
    "key_password_file": "file whose first line opens the key.",
    "key_password_env": "name of the environment variable with it.",
    "client_id": 'text; "davylamp-" and the site\'s id where not given. The broker keeps a session for it.',
    "keepalive": "whole number of s, 5 to 3600; 30.",
    "version": '"3.1.1" (where not given) or "5".',
    "subscriptions": "list of topic filters; from the payloads' topics where not given.",
    "share": "text: group of a shared subscription, where the broker has them; each message goes to one of the group.",
    "alarm_after": "duration, 1min where not given: no connection or a refused subscription for so long is an alarm.",
}
INFLUX_KEYS: Mapping[str, str] = {
    "url": "text, required: http://host:8086.",
    "token_file": "file whose first line is the token.",
    "token_env": "name of the environment variable with the token.",
    "org": "text; `-` where not given.",
    "bucket": "text. InfluxDB 2 and 3.",
    "database": "text. InfluxDB 1.8+.",
}
WEBHOOK_KEYS: Mapping[str, str] = {
    "name": "text, required.", "url": "text, required: http:// or https://.", **MODE_KEY,
}  # fmt: skip
ANNOUNCE_KEYS: Mapping[str, str] = {
    "webhooks": "list of tables {name, url}.",
    "alertmanager": "text: http://host:9093, a Prometheus Alertmanager that is kept equal to what stands.",
}
PAGE_KEYS: Mapping[str, str] = {
    "host": "an address; 127.0.0.1. Another than loopback needs users, certificate and key.",
    "port": "whole number; 8080.",
    "names": "list of host names under which it is reached, without port; that of `link` in [oncall] is one.",
    "users": "file of those who may log in, from `davylamp user`; users.toml in the data folder, where it is there.",
    "session": "duration of a login; 12h.",
    "idle": "duration without an action after which a login only looks, until the password is given again; 30min.",
    "certificate": "file with the page's certificate, for https without a proxy.",
    "key": "file with the certificate's key.",
}
_HOST = re.compile(r"[a-z0-9]+([.-]+[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Mqtt:
    """Where the broker is and who we are."""

    url: str
    client_id: str
    user: str | None = None
    password: Secret | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    key_password: Secret | None = None
    keepalive: int = 30
    """s"""
    version: str = "3.1.1"
    subscriptions: tuple[str, ...] = ()
    alarm_after: int = MINUTE
    """ns"""


@dataclass(frozen=True, slots=True)
class Influx:
    """A server that speaks /api/v2/write; `bucket` or `database` names the place."""

    url: str
    token: Secret | None = None
    org: str = "-"
    bucket: str | None = None
    database: str | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A destination of notices."""

    name: str
    url: str = field(repr=False)
    canary: str = PROBE


@dataclass(frozen=True, slots=True)
class Announce:
    """Who is told."""

    webhooks: tuple[Webhook, ...] = ()
    alertmanager: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Where the operator's page is served, and to whom."""

    host: str = "127.0.0.1"
    port: int = 8080
    names: tuple[str, ...] = ()
    """Other host names that it answers to: those of a proxy before it."""
    users: Path | None = None
    """The file of users; None: `users.toml` in the data folder, if it is there."""
    session: int = 12 * 3600 * 10**9
    idle: int = 1800 * 10**9
    """ns"""
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """ns that raw messages and history are kept."""

    raw: int = 90 * DAY
    history: int = 730 * DAY


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything of a site file that is not judgement."""

    path: Path
    """The site file."""
    data: Path
    mqtt: Mqtt | None = None
    keep: Keep = Keep()
    influx: Influx | None = None
    announce: Announce = Announce()
    oncall: OnCall | None = None
    grafana: GrafanaSettings = GrafanaSettings()
    page: Page = Page()
    roles: tuple[str, ...] = ROLES
    canary: Canary = Canary()

    @property
    def address(self) -> str:
        """The operator's page as people reach it: `link` of [oncall], else where it is served; empty without a port."""
        if self.oncall is not None and self.oncall.link:
            return self.oncall.link
        return f"http://{self.page.host}:{self.page.port}" if self.page.port else ""


def read_settings(
    whole: Table, path: Path, site_id: str, payloads: tuple[Payload, ...], zone: ZoneInfo, areas: Sequence[str]
) -> Settings:
    """The settings in a site file's tables; mistakes are noted in `whole`."""
    site = whole.table("site")
    folder = path.parent
    oncall = read_oncall(whole, folder, zone, areas)
    table = whole.table("canary", CANARY_KEYS)
    return Settings(
        path=path,
        data=folder / site.text("data", "data"),
        mqtt=_mqtt(whole.table("mqtt", MQTT_KEYS), folder, site_id, payloads) if "mqtt" in whole else None,
        keep=_keep(site.table("keep", ("raw", "history"))),
        influx=_influx(whole.table("influx", INFLUX_KEYS), folder) if "influx" in whole else None,
        announce=_announce(whole.table("announce", ANNOUNCE_KEYS)),
        oncall=oncall,
        grafana=read_grafana(whole, folder),
        page=_page(whole.table("page", PAGE_KEYS), folder),
        roles=_roles(site),
        canary=read_canary(table, site_id, zone, "mqtt" in whole, oncall is not None),
    )


def secrets(settings: Settings) -> dict[tuple[str, ...], Secret]:
    """Each secret that the settings name, by its table."""
    found: dict[tuple[str, ...], Secret] = {}
    if settings.mqtt and settings.mqtt.password:
        found[("mqtt",)] = settings.mqtt.password
    if settings.mqtt and settings.mqtt.key_password:
        found[("mqtt", "key_password_file")] = settings.mqtt.key_password
    if settings.influx and settings.influx.token:
        found[("influx",)] = settings.influx.token
    return found | channel_secrets(settings.oncall)


def _mqtt(table: Table, folder: Path, site_id: str, payloads: tuple[Payload, ...]) -> Mqtt:
    topics = tuple(dict.fromkeys(_filter(payload.topic) for payload in payloads if payload.topic))
    version = table.data.get("version", "3.1.1")
    if str(version) not in ("3.1.1", "5"):
        table.wrong(("version",), shown(version), '"3.1.1" or "5"')
    if "key" in table and "cert" not in table:
        table.wrong(("key",), "key without cert", "cert, the certificate of that key")
    share = table.text("share", "")
    if set(share) & set("/+#"):
        table.wrong(("share",), shown(share), "a name without / + and #")
    given = table.texts("subscriptions") or topics
    return Mqtt(
        url=read_url(table, ("mqtt", "mqtts"), "mqtt://broker:1883 or mqtts://broker:8883"),
        client_id=table.text("client_id", f"davylamp-{site_id}"),
        user=table.text("user", "") or None,
        password=read_secret(table, "password", folder),
        ca=_file(table, "ca", folder),
        cert=_file(table, "cert", folder),
        key=_file(table, "key", folder),
        key_password=read_secret(table, "key_password", folder),
        keepalive=table.whole("keepalive", 30, 5, 3600),
        version=str(version),
        subscriptions=tuple(f"$share/{share}/{one}" for one in given) if share else given,
        alarm_after=table.duration("alarm_after") or MINUTE,
    )


def _filter(topic: str) -> str:
    """A payload's topic as an MQTT filter: each level that holds a {name} matches any."""
    return "/".join("+" if "{" in level else level for level in topic.split("/"))


def _file(table: Table, key: str, folder: Path) -> Path | None:
    name = table.text(key, "")
    if name and not (folder / name).is_file():
        table.wrong((key,), f"{shown(name)}, which is no file", "a file that exists")
    return folder / name if name else None


def _influx(table: Table, folder: Path) -> Influx:
    bucket, database = table.text("bucket", ""), table.text("database", "")
    if bool(bucket) == bool(database):
        table.wrong((), "both bucket and database" if bucket else "neither bucket nor database", "one of them")
    return Influx(
        url=read_url(table, ("http", "https"), "http://host:8086"),
        token=read_secret(table, "token", folder),
        org=table.text("org", "-"),
        bucket=bucket or None,
        database=database or None,
    )


def _announce(table: Table) -> Announce:
    wanted = "alertmanager" in table
    alertmanager = read_url(table, ("http", "https"), "http://host:9093", "alertmanager") if wanted else ""
    given = table.data.get("webhooks", [])
    if not isinstance(given, list):
        table.wrong(("webhooks",), shown(given), "a list of tables {name, url}")
        return Announce()
    hooks: list[Webhook] = []
    for number, item in enumerate(given):
        hook = Table(item, (*table.path, "webhooks", number), table.mistakes, WEBHOOK_KEYS)
        name = hook.text("name")
        if name and name in [other.name for other in hooks]:
            hook.wrong(("name",), f"a second webhook {name!r}", "a name of its own")
        url = read_url(hook, ("http", "https"), "http://host/path or https://host/path")
        hooks.append(Webhook(name, url, read_mode(hook)))
    return Announce(tuple(hooks), alertmanager.rstrip("/"))


def _page(table: Table, folder: Path) -> Page:
    names = tuple(name.lower() for name in table.texts("names"))
    for name in names:
        if not _HOST.fullmatch(name):
            table.wrong(("names",), shown(name), "a host name alone: pit.example")
    host, users = table.text("host", LOOPBACK[0]), table.text("users", "")
    if host not in LOOPBACK and not _is_address(host):
        table.wrong(("host",), shown(host), "127.0.0.1, or another address of this machine", nearest(host, LOOPBACK))
    certificate, key = _file(table, "certificate", folder), _file(table, "key", folder)
    if bool(certificate) != bool(key):
        missing = "key" if certificate else "certificate"
        table.wrong((), f"certificate or key without the other, {missing}", "both")
    if host not in LOOPBACK and not certificate:
        table.wrong(("host",), f"{shown(host)} without a certificate", "certificate and key, or 127.0.0.1 and a proxy")
    return Page(
        host, table.whole("port", 8080, 0, 65535), names, folder / users if users else None,
        table.duration("session") or Page().session, table.duration("idle") or Page().idle, certificate, key,
    )  # fmt: skip


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _keep(table: Table) -> Keep:
    return Keep(table.duration("raw") or Keep().raw, table.duration("history") or Keep().history)


def _roles(site: Table) -> tuple[str, ...]:
    given = site.texts("roles")
    for role in given:
        if role not in ROLES:
            site.wrong(("roles",), shown(role), ", ".join(ROLES), nearest(role, ROLES))
    return given or ROLES
