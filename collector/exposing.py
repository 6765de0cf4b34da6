"""What would be open to whom it should not: a page without logins, secrets that everyone on the machine can read.

Constraints. It looks at the settings and at files, and connects to nothing. Objections stop a page from being served;
warnings are for whoever runs `davylamp check`.
"""

from __future__ import annotations

import stat
from pathlib import Path

from collector.page_settings import LOOPBACK
from collector.settings import Settings, secrets
from collector.users import FILE, BadUsers, read_users


def users_file(settings: Settings) -> Path:
    """Where the users of a site are."""
    return settings.page.users or settings.data / FILE


def objections(settings: Settings) -> list[str]:
    """Why the page must not be served like this; empty if it may."""
    file, host = users_file(settings), settings.page.host
    add = f"`davylamp user add NAME --access engineer --site {settings.path}`"
    if file.exists():
        try:
            return [] if read_users(file).user else [f"{file} has no user: {add}"]
        except (BadUsers, OSError) as error:
            return [f"users cannot be read: {error}"]
    if settings.page.users is not None:
        return [f"{file} is not there: {add}"]
    if host not in LOOPBACK:
        return [f"[page] host {host} can be reached from elsewhere and nobody needs a login: {add}, or 127.0.0.1"]
    return []


def warnings(settings: Settings) -> list[str]:
    """Files with secrets that others on this machine can read or change, and names without logins."""
    files = [secret.file for secret in secrets(settings).values() if secret.file]
    found = [_loose(file) for file in dict.fromkeys([*files, settings.page.key, users_file(settings)]) if file]
    found += [_loose(folder, read="") for folder in (settings.data, settings.data / "inbox")]
    if settings.page.names and not users_file(settings).exists():
        found.append(
            f"the page answers to {', '.join(settings.page.names)} without logins of its own: whoever passes the proxy "
            "acts under a typed name"
        )
    return [text for text in found if text]


def _loose(file: Path, read: str = "read") -> str:
    """What others may do with a file; with an empty `read` only whether they change it: who can put a message into the
    inbox acts as anyone."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return ""
    what = read if read and mode & 0o004 else "changed" if mode & 0o022 else ""
    return f"{file} can be {what} by others on this machine (mode {mode:04o}): chmod g-w,o= {file}" if what else ""
