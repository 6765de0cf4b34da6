r"""InfluxDB line protocol: measurement and tags name the sensors, fields are their values.

Constraints. Each line stands alone: one that cannot be read disturbs no other. Escapes as InfluxDB reads them: `\,`
`\ ` and `\=` in names, `\"` and `\\` in texts; any other backslash is itself. Lines that are empty or begin with # are
none. A line without a time is one whose sensors need `time = "arrival"`.
"""

from __future__ import annotations

import math
import re
from typing import Any

from collector.device_time import FARTHEST
from collector.known import Known, Names, check_unit
from collector.payload import as_number, is_good, shown
from collector.rows import Dead, Rows
from detectors.reading import Quality
from detectors.sensor import Payload

NO_VALUE = int(Quality.NO_VALUE)
_NAME = r"(?:\\.|[^,= \\]|\\$)+"
_MEASUREMENT = re.compile(r"(?:\\.|[^, \\])+")
_TAG = re.compile(rf",({_NAME})=({_NAME})")
_FIELD = re.compile(rf"({_NAME})=(\"(?:\\.|[^\"\\])*\"|[^, \"]+)(,|$| )")
_ESCAPED = re.compile(r"\\([,= ])")
_QUOTED = re.compile(r"\\([\"\\])")
_INTEGER = re.compile(r"[+-]?\d+[iu]")
_FLOAT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_BOOLEANS = {word: value for value, words in ((True, "t T true True TRUE"), (False, "f F false False FALSE"))
             for word in words.split()}  # fmt: skip


class Lines:
    """Decodes the lines of one payload."""

    def __init__(self, names: Names, payload: Payload) -> None:
        self._names, self._precision = names, payload.precision
        self._value = payload.fields.get("value")
        self._unit, self._quality = payload.fields.get("unit"), payload.fields.get("quality")

    def decode(self, data: bytes, rows: Rows) -> None:
        """Add every line's readings; raises Dead where there is not one line."""
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Dead("not_utf8", f"byte {error.start} is not UTF-8") from error
        lines = [line for line in split(text) if line and not line.startswith("#")]
        if not lines:
            raise Dead("empty", "not one line")
        for number, line in enumerate(lines, 1):
            try:
                self._line(line, rows, f"line {number}: ")
            except Dead as dead:
                rows.bury(dead, f"line {number}: ")

    def _line(self, line: str, rows: Rows, place: str) -> None:
        tags, fields, time = read(line)
        unit = fields.pop(self._unit, tags.get(self._unit)) if self._unit else None
        good = is_good(fields.pop(self._quality, tags.get(self._quality))) if self._quality else True
        if self._value is not None:
            if self._value not in fields:
                raise Dead("missing_field", f"no field {self._value!r}, which holds the value")
            fields = {self._value: fields[self._value]}
        if not fields:
            raise Dead("missing_field", "no field but the unit's and the quality's")
        for field, value in fields.items():
            try:
                tags["field"] = field
                known = self._names.find(rows.topic, tags)
                check_unit(unit, known)
                number = as_number(value, known.id, known.states)
                at = self._time(time, known, rows)
                rows.add(known.index, at, number if good else math.nan, 0 if good else NO_VALUE)
            except Dead as dead:
                rows.bury(dead, place)

    def _time(self, time: int | None, known: Known, rows: Rows) -> int:
        if known.arrival:
            return rows.arrival()
        if time is None:
            raise Dead("bad_time", 'no time: send one, or declare time = "arrival" for the sensor', known.id)
        at = time * self._precision
        if abs(at) >= FARTHEST:
            raise Dead("bad_time", f"time {time} is beyond 64 bits of ns", known.id)
        return at


def split(text: str) -> list[str]:
    """Lines; one may hold a quoted newline."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if '"' not in text:
        return [line.strip() for line in lines]
    whole: list[list[str]] = []
    open_quote = False
    for line in lines:
        if open_quote:
            whole[-1].append(line)
        else:
            whole.append([line])
        open_quote ^= line.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 1
    return ["\n".join(parts).strip() for parts in whole]


def read(line: str) -> tuple[dict[str, str], dict[str, Any], int | None]:
    """({tag: value, "measurement": ...}, {field: value}, time or None) of one line. Raises Dead."""
    head = _MEASUREMENT.match(line)
    if head is None:
        raise Dead("unparsable", f"no measurement: {shown(line)}")
    tags = {"measurement": _ESCAPED.sub(r"\1", head[0])}
    at = head.end()
    while found := _TAG.match(line, at):
        tags[_ESCAPED.sub(r"\1", found[1])] = _ESCAPED.sub(r"\1", found[2])
        at = found.end()
    if line[at : at + 1] != " ":
        raise Dead("unparsable", f"no space before the fields: {shown(line[at:])}")
    fields, at = _fields(line, at + len(line[at:]) - len(line[at:].lstrip(" ")))
    rest = line[at:].strip()
    if rest and not re.fullmatch(r"[+-]?\d{1,19}", rest):
        raise Dead("bad_time", f"time {shown(rest)} is not a whole number")
    return tags, fields, int(rest) if rest else None


def _fields(line: str, at: int) -> tuple[dict[str, Any], int]:
    fields: dict[str, Any] = {}
    while True:
        found = _FIELD.match(line, at)
        if found is None:
            raise Dead("unparsable", f"no field where {shown(line[at:])} is")
        fields[_ESCAPED.sub(r"\1", found[1])] = _value(found[2])
        at = found.end()
        if found[3] != ",":
            return fields, at


def _value(text: str) -> Any:
    if text[0] == '"':
        return _QUOTED.sub(r"\1", text[1:-1])
    if _INTEGER.fullmatch(text) and len(text) < 22:
        return int(text[:-1])
    if _FLOAT.fullmatch(text) and len(text) < 400:
        return float(text)
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    raise Dead("wrong_type", f"value {shown(text)}: a number, 5i, a boolean or a text in quotes is needed")
