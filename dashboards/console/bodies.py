"""What was posted, read up to a bound, so that nobody fills our memory."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

LONGEST = 16_384
"""Bytes: a form of a person, a reply or a report of a gateway."""


async def posted(request: Request) -> bytes:
    """All of it. Raises HTTPException 413 where it is longer than LONGEST."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > LONGEST:
            raise HTTPException(413, f"more than {LONGEST} bytes")
    return bytes(read)
