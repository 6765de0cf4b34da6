"""What a site file says about the world around the judge: broker, folder, stores, destinations, on call, page.

Constraints. Nothing here changes the judgement, so nothing here is part of a revision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from collector.canary_settings import CANARY_KEYS, MODE_KEY, PROBE, Canary, read_canary, read_mode
from collector.grafana_settings import GrafanaSettings, read_grafana
from collector.mqtt_settings import MQTT_KEYS, Mqtt, read_mqtt
from collector.oncall import OnCall, channel_secrets, read_oncall
from collector.page_settings import PAGE_KEYS, Page, read_page
from collector.secret import Secret, read_secret
from collector.urls import read_url
from detectors.document import Table, nearest, shown
from detectors.sensor import Payload

ROLES = ("collect", "judge", "store", "announce", "page")
DAY = 86_400_000_000_000
FILE_KEYS: Mapping[str, str] = {
    "data": 'folder of log, journal and history; "data" beside the site file where not given.',
    "sensors": "a CSV file with the columns id and those of [sensor]; lists as `0 4`.",
    "keep": "table {raw, history = duration}; 90d and 730d. Receipts go with history. The journal is kept for ever.",
    "roles": "list of " + ", ".join(ROLES) + "; all where not given.",
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
        mqtt=read_mqtt(whole.table("mqtt", MQTT_KEYS), folder, site_id, payloads) if "mqtt" in whole else None,
        keep=_keep(site.table("keep", ("raw", "history"))),
        influx=_influx(whole.table("influx", INFLUX_KEYS), folder) if "influx" in whole else None,
        announce=_announce(whole.table("announce", ANNOUNCE_KEYS)),
        oncall=oncall,
        grafana=read_grafana(whole, folder),
        page=read_page(whole.table("page", PAGE_KEYS), folder),
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


def _keep(table: Table) -> Keep:
    return Keep(table.duration("raw") or Keep().raw, table.duration("history") or Keep().history)


def _roles(site: Table) -> tuple[str, ...]:
    given = site.texts("roles")
    for role in given:
        if role not in ROLES:
            site.wrong(("roles",), shown(role), ", ".join(ROLES), nearest(role, ROLES))
    return given or ROLES
