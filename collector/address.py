"""Where a broker is, and what went wrong on the way to it, in words.

Constraints. Nothing here connects. An address says by its scheme whether the connection is encrypted.
"""

from __future__ import annotations

import socket
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
    def cert(self) -> Path | str | None: ...
    @property
    def key(self) -> Path | str | None: ...
    @property
    def client_id(self) -> str: ...
    @property
    def keepalive(self) -> int: ...
    @property
    def version(self) -> str: ...
    @property
    def subscriptions(self) -> Sequence[str]: ...


def five(address: Address) -> bool:
    """Whether it speaks MQTT 5; else 3.1.1."""
    return address.version == "5"


def place(url: str) -> tuple[str, int, bool]:
    """Host, port and whether TLS. Raises ValueError that says what a broker's address looks like."""
    wrong = ValueError(f"mqtt.url {url!r} is no broker's address: give mqtt://HOST[:1883] or mqtts://HOST[:8883]")
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
        return _untrusted(error)
    if isinstance(error, ssl.SSLError):
        refused = _refused(str(error.reason or ""))
        if refused:
            return refused
        return f"TLS failed ({error.reason or error}): does this port speak TLS?"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, socket.gaierror):
        return "no machine is known by that name"
    if isinstance(error, ConnectionResetError):
        return "it hung up at once; mqtt:// is without TLS, mqtts:// with it"
    return str(error) or type(error).__name__


def _untrusted(error: ssl.SSLCertVerificationError) -> str:
    why = str(error.verify_message)
    if "expired" in why or "not yet valid" in why:
        return f"its certificate is not valid now ({why}): renew it there, or set this machine's clock"
    if "mismatch" in why.lower() or "not valid for" in why:
        return f"its certificate is another host's ({why}): write the url with the name that the certificate has"
    return f"its certificate is not trusted ({why}): check ca under [mqtt]"


def _refused(alert: str) -> str:
    """What the broker's alert says of our certificate; empty where it says nothing of it."""
    alert = alert.upper()
    if "CERTIFICATE_REQUIRED" in alert or "HANDSHAKE_FAILURE" in alert:
        return "it wants a client certificate: give cert and key under [mqtt]"
    if "CERTIFICATE_EXPIRED" in alert:
        return "it says that our client certificate has expired: renew cert under [mqtt]"
    if "UNKNOWN_CA" in alert or "BAD_CERTIFICATE" in alert or "CERTIFICATE_UNKNOWN" in alert:
        return "it does not trust our client certificate: check cert under [mqtt], and the broker's ca for clients"
    return "it says that our client certificate is revoked: have a new one made" if "REVOKED" in alert else ""
