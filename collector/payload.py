"""What a payload holds, read with suspicion: JSON, MessagePack, a value, a device's own quality.

Constraints. Each raises Dead with the reason it is counted under. NaN, Infinity and null are values that are no number;
a text for a number is refused, a state's name is its number. No text that comes out holds half of a surrogate pair:
JSON can write one (a device that cuts an emoji in two does), and no file could take it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from collector.rows import Dead
from detectors.sensor import Payload

GOOD_WORDS = frozenset(("good", "ok", "valid"))
GOOD_CODES = frozenset((0, 192))
"""A device's own quality that means good: 0, or OPC's 192. Anything else is a fault that the device declares."""
SHOWN = 60
"""Characters of a value in a sentence."""
_HALF_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")


OF_WAVES = ("samples", "rate", "start")
"""Fields that only a waveform has."""


def unread(payloads: Sequence[Payload]) -> list[str]:
    """What stands in a form that does not read it, and so decodes nothing: a waveform told as plain JSON."""
    found = []
    for payload in payloads:
        idle = [name for name in OF_WAVES if name in payload.fields]
        if payload.form in ("json", "array", "columns") and idle:
            what = f"payload.{payload.name}: {payload.form} does not read {', '.join(idle)}"
            found.append(f"{what}; a waveform is wave = {{ ... }}")
    return found


def parse_json(data: bytes) -> Any:
    """Any JSON, with NaN, Infinity and -Infinity as some devices write them."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Dead("not_utf8", f"byte {error.start} is not UTF-8") from error
    try:
        found = json.loads(text)
        return paired(found) if _HALF_ESCAPED.search(text) else found
    except (ValueError, RecursionError) as error:
        raise Dead("unparsable", f"not JSON: {error}; it begins {text[:40]!r}") from error


def paired(found: Any) -> Any:
    """The same with each half of a surrogate pair, in whatever text it stands, as U+FFFD."""
    if isinstance(found, str):
        return whole_text(found)
    if isinstance(found, list):
        return [paired(one) for one in found]
    if isinstance(found, dict):
        return {whole_text(name): paired(one) for name, one in found.items()}
    return found


def whole_text(text: str) -> str:
    """The text as UTF-8 can have it."""
    return _HALF.sub("\ufffd", text)


def parse_msgpack(data: bytes) -> Any:
    """Any MessagePack without extension types."""
    try:
        return msgspec.msgpack.decode(data, ext_hook=_no_extension)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise Dead("unparsable", f"not MessagePack: {error}") from error


def _no_extension(code: int, _data: memoryview) -> Any:
    raise ValueError(f"extension type {code} is not known")


def as_table(whole: Any) -> Mapping[str, Any]:
    """`whole`, if it is a table of fields."""
    if not isinstance(whole, dict):
        raise Dead("wrong_type", f"found {shown(whole)}, a table of fields is needed")
    return whole


def within(table: Mapping[str, Any], path: str) -> Any:
    """What lies under a name, or under a.b.c where tables lie in tables; UNSET where nothing does."""
    if path in table or "." not in path:
        return table.get(path, msgspec.UNSET)
    place: Any = table
    for step in path.split("."):
        if not isinstance(place, dict) or step not in place:
            return msgspec.UNSET
        place = place[step]
    return place


def as_number(value: Any, sensor: str, states: Mapping[str, float]) -> float:
    """NaN for null; a state's number for its name."""
    if value is None:
        return math.nan
    if isinstance(value, str) and value in states:
        return states[value]
    if isinstance(value, bool) and states:
        return float(value)
    if type(value) not in (int, float):
        allowed = f"one of {', '.join(states)}" if states else "a number"
        raise Dead("wrong_type", f"value {shown(value)}, {allowed} is needed", sensor)
    try:
        return float(value)
    except OverflowError:
        return math.inf


def is_good(quality: Any) -> bool:
    """Whether a device calls its reading good; no word about it is good."""
    if quality is None or quality is True:
        return True
    if isinstance(quality, str):
        return len(quality) < 10 and quality.lower() in GOOD_WORDS
    return quality is not False and type(quality) in (int, float) and quality in GOOD_CODES


def shown(value: Any) -> str:
    """A value as a sentence may hold it; no more of a large one is looked at."""
    text = ""
    for piece in _pieces(value):
        text += piece
        if len(text) > SHOWN:
            return f"{text[:57]}..."
    return text


def _pieces(value: Any) -> Iterator[str]:
    """What repr says, in pieces that are made only when asked for."""
    if isinstance(value, str | bytes):
        yield repr(value[: SHOWN + 1])
    elif isinstance(value, list):
        yield "["
        for number, one in enumerate(value):
            yield ", " if number else ""
            yield from _pieces(one)
        yield "]"
    elif isinstance(value, dict):
        yield "{"
        for number, (key, one) in enumerate(value.items()):
            yield ", " if number else ""
            yield from _pieces(key)
            yield ": "
            yield from _pieces(one)
        yield "}"
    else:
        yield repr(value)
