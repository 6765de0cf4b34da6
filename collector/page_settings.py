"""The site file's [page]: where the operator's page is served, and to whom.

Constraints. Another host than loopback is not served without a certificate. Not here: serving (page_role.py), nor
whether there are users for it (exposing.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from collector.urls import read_file
from detectors.document import Table, nearest, shown

LOOPBACK = ("127.0.0.1", "::1", "localhost")
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


def read_page(table: Table, folder: Path) -> Page:
    """The table; mistakes are noted in it."""
    names = tuple(name.lower() for name in table.texts("names"))
    for name in names:
        if not _HOST.fullmatch(name):
            table.wrong(("names",), shown(name), "a host name alone: pit.example")
    host, users = table.text("host", LOOPBACK[0]), table.text("users", "")
    if host not in LOOPBACK and not _is_address(host):
        table.wrong(("host",), shown(host), "127.0.0.1, or another address of this machine", nearest(host, LOOPBACK))
    certificate, key = read_file(table, "certificate", folder), read_file(table, "key", folder)
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
