"""Where a broker is, and what went wrong on the way to it, in words.

Constraints. Nothing here connects. An address says by its scheme whether the connection is encrypted.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit


class Address(Protocol):
    """Where the broker is and who we are; the site file's [mqtt]."""

    @property
    def url(self) -> str: ...
    @property
    def user(self) -> str | None: ...
    @property
    def ca(self) -> Path | str | None: ...
    @property
    def client_id(self) -> str: ...
    @property
    def keepalive(self) -> int: ...
    @property
    def version(self) -> str: ...
    @property
    def subscriptions(self) -> Sequence[str]: ...


def place(url: str) -> tuple[str, int, bool]:
    """Host, port and whether TLS. Raises ValueError that says what a broker's address looks like."""
    wrong = ValueError(f"mqtt.url {url!r}: give mqtt://HOST[:1883] or mqtts://HOST[:8883]")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise wrong from error
    tls = {"mqtt": False, "tcp": False, "mqtts": True, "ssl": True}.get(parts.scheme)
    if tls is None or not parts.hostname:
        raise wrong
    return parts.hostname, port or (8883 if tls else 1883), tls


def reason(error: Exception) -> str:
    """Why a connection failed, and what to look at."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}): check ca under [mqtt]"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason}): does this port speak TLS?"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return str(error) or type(error).__name__
