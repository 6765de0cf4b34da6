"""The site file's [mqtt]: where the broker is, who we are, and what is asked for.

Constraints. Nothing here changes the judgement. Not here: connecting (mqtt.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from collector.secret import Secret, read_secret
from collector.urls import read_file, read_url
from detectors.document import Table, shown
from detectors.sensor import Payload

MINUTE = 60_000_000_000
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


def read_mqtt(table: Table, folder: Path, site_id: str, payloads: tuple[Payload, ...]) -> Mqtt:
    """The table; mistakes are noted in it."""
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
        ca=read_file(table, "ca", folder),
        cert=read_file(table, "cert", folder),
        key=read_file(table, "key", folder),
        key_password=read_secret(table, "key_password", folder),
        keepalive=table.whole("keepalive", 30, 5, 3600),
        version=str(version),
        subscriptions=tuple(f"$share/{share}/{one}" for one in given) if share else given,
        alarm_after=table.duration("alarm_after") or MINUTE,
    )


def _filter(topic: str) -> str:
    """A payload's topic as an MQTT filter: each level that holds a {name} matches any."""
    return "/".join("+" if "{" in level else level for level in topic.split("/"))
