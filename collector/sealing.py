"""How messages lie in a seal: cut to its size, packed as one blob, counted by origin.

Constraints. A payload larger than a seal lies beside, and the blob names its file. The packing is part of the file's
format: a change of it is a new format. Not here: the file itself (spool.py).
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from collector.beside import put_beside, read_beside
from collector.message import ORIGINS, Message

SEAL_MESSAGES = 500
SEAL_BYTES = 512 * 1024


class _Blob(msgspec.Struct, array_like=True):
    messages: tuple[Message, ...]
    beside: dict[int, str] = {}
    """Message number -> name of the file that holds its payload."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Blob).decode


def pack(folder: Path, part: list[Message]) -> bytes:
    """The blob of a seal; large payloads are put beside first."""
    names: dict[int, str] = {}
    for number, message in enumerate(part):
        if len(message.payload) > SEAL_BYTES:
            names[number] = put_beside(folder, message.payload)
            part[number] = msgspec.structs.replace(message, payload=b"")
    return _encode(_Blob(tuple(part), names))


def unpack(folder: Path, blob: bytes) -> tuple[Message, ...]:
    """The messages of a seal, with the payloads that lie beside."""
    stored = _decode(blob)
    if not stored.beside:
        return stored.messages
    messages = list(stored.messages)
    for number, name in stored.beside.items():
        messages[number] = msgspec.structs.replace(messages[number], payload=read_beside(folder, name))
    return tuple(messages)


def names_beside(blob: bytes) -> set[str]:
    """The files that lie beside for this seal."""
    return set(_decode(blob).beside.values())


def cut(messages: list[Message]) -> Iterator[tuple[list[Message], int]]:
    """Parts of at most a seal's size, with their payload bytes; one empty part for no message."""
    part: list[Message] = []
    size = 0
    for message in messages:
        length = len(message.payload) + len(message.topic)
        if part and (len(part) >= SEAL_MESSAGES or size + length > SEAL_BYTES):
            yield part, size
            part, size = [], 0
        part.append(message)
        size += length
    if part or not messages:
        yield part, size


def count(store: sqlite3.Connection, after: int, upto: int) -> Counter[str]:
    """Messages by origin in the seals after one and up to another; only mixed seals are opened."""
    between = "FROM seal WHERE seq > ? AND seq <= ?"
    pure = store.execute(f"SELECT origin, sum(messages) {between} GROUP BY origin", (after, upto))
    counts = Counter({origin: int(number) for origin, number in pure if origin in ORIGINS})
    for (blob,) in store.execute(f"SELECT blob {between} AND instr(origin, ',')", (after, upto)):
        counts.update(message.origin for message in _decode(blob).messages)
    return counts


def trimmed(store: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """(origin, messages, early ones) of all that was trimmed from a log."""
    if not store.execute("SELECT count(*) FROM sqlite_master WHERE name = 'trimmed'").fetchone()[0]:
        return []
    return store.execute("SELECT origin, messages, early FROM trimmed").fetchall()
