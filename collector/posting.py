"""A request with JSON, and what the answer means: taken, never, or not now.

Constraints. One attempt, TIMEOUT s at most. Neither the address nor what it answered in its body is in an error: both
may hold secrets. `name` says which destination was meant.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, NamedTuple

from collector.errors import Rejected, Unavailable

TIMEOUT = 10.0
"""s to wait for an answer."""
LONGEST = 1 << 20
"""Bytes of an answer that are read."""
_TRY_AGAIN = (408, 425, 429)


class Answer(NamedTuple):
    """A 2xx answer."""

    code: int
    body: bytes


def post(url: str, body: Any, name: str, id: str = "", timeout: float = TIMEOUT) -> int:
    """POST; the answer's code. `id` goes along as Idempotency-Key. Raises as `ask` does."""
    return ask(url, "POST", body, name, {"Idempotency-Key": id} if id else {}, timeout).code


def ask(
    url: str, method: str, body: Any, name: str, headers: Mapping[str, str] | None = None, timeout: float = TIMEOUT
) -> Answer:
    """One request; `body` is sent as JSON unless it is None.

    Raises `Rejected` for 4xx but 408, 425 and 429, `Unavailable` for all else.
    """
    data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    sent = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    try:
        request = urllib.request.Request(url, data, sent, method=method)
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return Answer(int(answer.status), answer.read(LONGEST))
    except urllib.error.HTTPError as error:
        error.close()
        problem = f"{name} answered {error.code} {error.reason}"
        if 400 <= error.code < 500 and error.code not in _TRY_AGAIN:
            raise Rejected(f"{problem}: check its address and what it accepts") from error
        raise Unavailable(problem) from error
    except (OSError, ValueError, HTTPException) as error:  # the last for what speaks no HTTP
        reason = getattr(error, "reason", error)
        said = reason if isinstance(reason, OSError) else type(error).__name__
        raise Unavailable(f"{name}: {said}; is it running, and reachable from here?") from error
