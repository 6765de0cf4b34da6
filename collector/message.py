"""Message and Seal: what came in, as it came, and the log entry that holds it.

Constraints. A payload is the bytes off the wire; nothing here looks into it. The appender sets `origin`, the sender
sets `topic`; nobody takes one for the other. Both are msgspec structures (immutable, compared by value), because one is
made for each message that arrives.
"""

from __future__ import annotations

import msgspec

MQTT = "mqtt"
ACTION = "action"
REVISION = "revision"
OWN = "own"
CSV = "csv"
ORIGINS = (MQTT, ACTION, REVISION, OWN, CSV)


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One thing said to this site. `id` is empty, or makes the message one that is appended only once."""

    topic: str
    payload: bytes
    origin: str
    retained: bool = False
    id: str = ""


class Seal(msgspec.Struct, frozen=True):
    """One log entry: messages that share one arrival. An empty one is a tick: it only carries time on."""

    seq: int
    now: int
    """ns; never decreases along the log."""
    wall: int
    """ns UTC by the wall clock, for people only."""
    messages: tuple[Message, ...] = ()
