"""What a site file points to, checked when it is read: an address, without a password in it, or a file."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from detectors.document import Table, nearest, shown


def read_url(table: Table, schemes: tuple[str, ...], allowed: str, key: str = "url") -> str:
    """The address at a key, required; a mistake is noted where it is none. `allowed` shows what it looks like."""
    url = table.text(key, None, allowed)
    if not url:
        return url
    try:
        parts = urlsplit(url)
        good = parts.scheme in schemes and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        table.wrong((key,), shown(url), allowed, nearest(url.partition(":")[0], schemes))
    elif parts.password:
        table.wrong((key,), "a password in the url", "user, and password_file or password_env")
    return url


def read_file(table: Table, key: str, folder: Path) -> Path | None:
    """The file at a key, from the site file's folder; None where none is named; noted where it is not there."""
    name = table.text(key, "")
    if name and not (folder / name).is_file():
        table.wrong((key,), f"{shown(name)}, which is no file", "a file that exists")
    return folder / name if name else None
