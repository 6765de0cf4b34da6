"""The journal as JSON lines in a hash chain: what happened, in an order nobody can change unseen.

Constraints. A line depends on its change, its number and the site only, never on when or by what batches it was
computed; so the same log gives the same bytes. Floats are written as Python's shortest repr; a number that is not
finite is written as null. This module neither reads nor writes files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Protocol

import orjson

from detectors.detector import Why
from detectors.records import Change

GENESIS = sha256(b"davylamp journal 1").hexdigest()
"""The hash before the first line."""

KEYS = (
    "seq", "now", "time", "site", "area", "sensor", "rule", "kind", "revision", "priority", "occurrence", "change",
    "isa", "value", "limit", "why", "by", "note", "action", "desk", "notice", "hash",
)  # fmt: skip
_OF_CHANGE = tuple(key for key in KEYS if key not in ("seq", "site", "why", "hash"))
_TAIL = b',"hash":"'
_TAIL_LENGTH = len(_TAIL) + 64 + len(b'"}')


class Reason(Protocol):
    """A key and numbers: `detectors.detector.Why`."""

    @property
    def key(self) -> str: ...
    @property
    def numbers(self) -> Mapping[str, float | int | str]: ...


def line_json(change: Any, seq: int, site: str) -> bytes:
    """One change as a journal line without its hash, no newline. `change` is a `detectors.judge.Change`."""
    record = {"seq": seq, "site": site, "why": _reason(change.why)}
    record |= {key: _plain(getattr(change, key)) for key in _OF_CHANGE}
    ordered = {key: record[key] for key in KEYS if key != "hash"}
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def change_of(text: bytes | str) -> Change:
    """The change that a journal line tells of. Raises ValueError where it is no journal line."""
    try:
        record = orjson.loads(text)
        why = record.pop("why") or {"key": ""}
        reason = Why(why.pop("key"), why)
        return Change(why=reason, **{key: record[key] for key in _OF_CHANGE if key in record})
    except (AttributeError, KeyError, TypeError) as wrong:
        raise ValueError(f"no journal line: {type(wrong).__name__}: {wrong}") from None


def link(previous: str, line: bytes) -> str:
    """The hash of a line (without its hash) that follows the line whose hash is `previous`; hexadecimal."""
    return sha256(previous.encode() + line).hexdigest()


def with_hash(line: bytes, digest: str) -> bytes:
    """The line as it is handed out: its hash is the last key."""
    return line[:-1] + _TAIL + digest.encode() + b'"}'


def verify(lines: Iterable[bytes | str], previous: str = GENESIS) -> str | None:
    """What is wrong with a chain of whole lines, in words with the line's number; None if nothing is.

    `previous` is the hash before the first line given, and the first line must then be number 1 only if it is GENESIS.
    """
    expected: int | None = 1 if previous == GENESIS else None
    for number, text in enumerate(lines, start=1):
        whole = (text.encode() if isinstance(text, str) else text).rstrip(b"\r\n")
        problem = _problem(whole, previous, expected)
        if problem is not None:
            return f"line {number}: {problem}"
        previous, seq = whole[-66:-2].decode(), int(json.loads(whole)["seq"])
        expected = seq + 1
    return None


def _problem(whole: bytes, previous: str, expected: int | None) -> str | None:
    try:
        record = json.loads(whole)
    except ValueError as wrong:
        return f"not JSON: {wrong}"
    if not isinstance(record, dict) or not isinstance(record.get("seq"), int):
        return "no journal line: an object with an integer `seq` is expected"
    if whole[-_TAIL_LENGTH:].startswith(_TAIL) is False:
        return f"seq {record['seq']}: it does not end with its hash"
    if expected is not None and record["seq"] != expected:
        return f"seq {record['seq']} where {expected} is expected: lines are missing, repeated or moved"
    line = whole[:-_TAIL_LENGTH] + b"}"
    found, right = whole[-66:-2].decode(errors="replace"), link(previous, line)
    if found != right:
        return f"seq {record['seq']}: its hash is {found[:12]}, {right[:12]} is right: it or one before it was changed"
    return None


def _reason(why: Reason | None) -> dict[str, Any] | None:
    if why is None:
        return None
    return {"key": why.key, **{name: _plain(number) for name, number in why.numbers.items()}}


def _plain(value: Any) -> Any:
    """Python's own number for NumPy's, null for one that is not finite; enumerations by their name in small letters."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if hasattr(value, "name") and isinstance(value.name, str):
        return value.name.lower()
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, float):
        return number if math.isfinite(number) else None
    return number
