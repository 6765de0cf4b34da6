"""Whom a TLS connection trusts and who it says it is, read from files anew at each connection.

Constraints. TLS 1.2 or later, the peer's certificate and host name checked, always. What is wrong with a file is one
line that says which and what to do. An encrypted key never asks on a terminal.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from collector.errors import BrokerRefused


def tls_context(
    ca: Path | str | None, cert: Path | str | None = None, key: Path | str | None = None,
    key_password: Callable[[], str] | None = None,
) -> ssl.SSLContext:  # fmt: skip
    """The context of one connection. Raises BrokerRefused for a file that cannot be used, SecretAbsent."""
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ValueError) as error:
        raise BrokerRefused(f"ca {ca} cannot be used ({error}): give a PEM file") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert is not None:
        _identify(context, cert, key, key_password)
    return context


def _identify(
    context: ssl.SSLContext, cert: Path | str, key: Path | str | None, key_password: Callable[[], str] | None
) -> None:
    secret = key_password() if key_password else ""
    asked = []

    def password() -> str:
        asked.append(True)
        return secret

    try:
        context.load_cert_chain(str(cert), None if key is None else str(key), password)
    except (OSError, ValueError) as error:
        wrong = str(getattr(error, "reason", "") or error)
        if asked and not secret:
            raise BrokerRefused(f"key {key or cert} is encrypted: give key_password_file") from error
        if asked:
            raise BrokerRefused(f"key {key or cert} does not open with key_password_file: {wrong}") from error
        if "MISMATCH" in wrong:
            raise BrokerRefused(f"key {key or cert} is not the key of cert {cert}: give the two that belong together") \
                from error  # fmt: skip
        raise BrokerRefused(f"cert {cert} or key {key or cert} cannot be used ({wrong}): give PEM files") from error
