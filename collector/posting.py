"""POST of JSON, and what the answer means: taken, never, or not now.

Constraints. One attempt, TIMEOUT s at most. Neither the address nor what it answered in its body is in an error: both
may hold secrets. `name` says which destination was meant.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from collector.errors import Rejected, Unavailable

TIMEOUT = 10.0
"""s to wait for an answer."""
_TRY_AGAIN = (408, 425, 429)


def post(url: str, body: Any, name: str, id: str = "", timeout: float = TIMEOUT) -> int:
    """The answer's code, 2xx. `id` goes along as Idempotency-Key.

    Raises `Rejected` for 4xx but 408, 425 and 429, `Unavailable` for all else.
    """
    headers = {"Content-Type": "application/json; charset=utf-8"} | ({"Idempotency-Key": id} if id else {})
    try:
        request = urllib.request.Request(url, json.dumps(body, ensure_ascii=False).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        problem = f"{name} answered {error.code} {error.reason}"
        if 400 <= error.code < 500 and error.code not in _TRY_AGAIN:
            raise Rejected(f"{problem}: check its address and what it accepts") from error
        raise Unavailable(problem) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        said = reason if isinstance(reason, OSError) else type(error).__name__
        raise Unavailable(f"{name}: {said}; is it running, and reachable from here?") from error
