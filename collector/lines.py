"""InfluxDB line protocol for the names of DESIGN section 6: reading, alarm_state, alarm_event, pipeline.

Constraints. Bytes in the order of the log, one line a point, times in ns, floats as floats. A line never holds a line
break, so a payload can be split again at line breaks. Readings go by arrays (orjson, slices, join: 110 ns a point,
reference: ingest section 4). Not here: sending (influx.py) and counting (storing.py).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from collector.judged import Block, SeriesRow
from detectors.reading import Bools, Quality
from detectors.rule import Priority

PAYLOAD_LINES = 5000
ENDED = b"standing=0.0,shown=0.0,watching=0.0"
"""The last fields of an alarm whose rule or subject is gone."""

VALUE = b" value="
"""Ends the tags of a line of `reading`; an escaped tag cannot hold it."""


def tag(text: str) -> bytes:
    """A tag's value: comma, equals sign and space escaped; a line break becomes a space."""
    flat = " ".join(text.split("\n")).replace("\r", " ").replace("\t", " ")
    escaped = flat.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")
    return (escaped + "\\ " if escaped.endswith("\\") else escaped).encode()


def text_field(text: str) -> bytes:
    """A text field's value, quoted; a line break becomes a space."""
    flat = " ".join(text.split("\n")).replace("\r", " ")
    return b'"' + flat.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'


def head(measurement: str, tags: Iterable[tuple[str, Any]]) -> bytes:
    """Measurement and tags; a tag without a value is left out, as line protocol wants."""
    return b",".join([measurement.encode(), *(name.encode() + b"=" + tag(str(v)) for name, v in tags if v)])


def fields(values: Iterable[tuple[str, Any]]) -> bytes:
    """Fields: numbers as floats, texts quoted; what is None or not finite is left out."""
    parts = []
    for name, value in values:
        if isinstance(value, str):
            parts.append(tag(name) + b"=" + text_field(value))
        elif value is not None and math.isfinite(value):
            parts.append(tag(name) + b"=" + repr(float(value)).encode())
    return b",".join(parts)


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of some blocks as line protocol, and what became of each of them."""

    payloads: list[bytes]
    """Lines joined, at most PAYLOAD_LINES each."""
    written: dict[str, int]
    """Lines of each series, by its name."""
    no_number: int
    conflict: int



class Heads:
    """The beginning of each series' lines, made once."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._heads: dict[int, bytes] = {}
        self._rows: dict[int, SeriesRow] = {}
        self._names: dict[bytes, str] = {}

    def update(self, series: Mapping[int, SeriesRow]) -> None:
        """Learn series; called when one is unknown."""
        for number, row in series.items():
            tags = (("site", self._site), ("area", row.area), ("sensor", row.name), ("quantity", row.quantity))
            beginning = head("reading", tags)
            self._rows[number] = row
            self._names[beginning] = row.name
            self._heads[number] = b"\n" + beginning + VALUE

    def __contains__(self, number: int) -> bool:
        return number in self._heads

    def __getitem__(self, number: int) -> bytes:
        return self._heads[number]

    def rows(self) -> Mapping[int, SeriesRow]:
        """Every series that is known here, by its number."""
        return self._rows

    def row(self, number: int) -> SeriesRow:
        """The series of a number."""
        return self._rows[number]

    def name(self, beginning: bytes) -> str:
        """The series whose lines begin so."""
        return self._names[beginning]


def readings(blocks: Sequence[Block], heads: Heads) -> Readings:
    """Lines of `reading`. A reading without a number is not written, nor is a second value of one sensor and time,
    which would replace the first; both are counted. `heads` must know every series of the blocks."""
    series, time, value, quality = (
        np.concatenate([getattr(block, name) for block in blocks]) for name in ("series", "time", "value", "quality")
    )
    number = np.isfinite(value)
    conflict: Bools = number & ((quality & int(Quality.CONFLICT)) != 0)
    kept = np.flatnonzero(number & ~conflict)
    columns = (series[kept], time[kept], value[kept], quality[kept])
    counted = zip(*(part.tolist() for part in np.unique(columns[0], return_counts=True)), strict=True)
    return Readings(
        payloads=list(_payloads(columns, heads)),
        written={heads.row(of).name: count for of, count in counted},
        no_number=int(len(value) - np.count_nonzero(number)),
        conflict=int(np.count_nonzero(conflict)),
    )


def _payloads(columns: tuple[Any, ...], heads: Heads) -> Iterator[bytes]:
    for first in range(0, len(columns[0]), PAYLOAD_LINES):
        series, time, value, quality = (column[first : first + PAYLOAD_LINES] for column in columns)
        parts = [b""] * (6 * len(series))
        parts[0::6] = [heads[of] for of in series.tolist()]
        parts[1::6] = _digits(value)
        parts[2::6] = [b",quality="] * len(series)
        parts[3::6] = _digits(quality)
        parts[4::6] = [b"i "] * len(series)
        parts[5::6] = _digits(time)
        yield b"".join(parts)[1:]


def _digits(column: Any) -> list[bytes]:
    return orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def alarm_states(site: str, alarms: Iterable[Mapping[str, Any]]) -> dict[bytes, bytes]:
    """Tags -> fields of `alarm_state` for every rule and subject. A line is tags, space, fields, space, time.

    What a test raised is a series of its own, with the tag `test`: so Grafana's notice says it, and ends with the test.
    """
    states = {}
    for alarm in alarms:
        standing = float(Priority[alarm["priority"].upper()]) if alarm["active"] or alarm["latched"] else 0.0
        since = alarm.get("since")
        values = (
            ("standing", standing),
            ("shown", 0.0 if alarm["hidden"] else standing),
            ("watching", 1.0 if alarm["watching"] else 0.0),
            ("since", since / 1e9 if since else None),
            ("occurrence", alarm["occurrence"]),
            ("value", alarm.get("value")),
            ("limit", alarm.get("limit")),
        )
        tags = _alarm_tags(site, alarm, alarm["subject"])
        marked = (*tags, ("test", "TEST")) if alarm.get("test") else tags
        states[head("alarm_state", marked)] = fields(values)
    return states


def alarm_event(line: Mapping[str, Any]) -> bytes:
    """A line of `alarm_event` for a journal line; its time is its `now` and its number in ns, so no two collide."""
    why = json.dumps(line["why"], ensure_ascii=False) if line["why"] else None
    values = [(name, line[name]) for name in ("change", "value", "limit", "isa", "occurrence", "by", "note")]
    texts = [(name, value) for name, value in values if value not in ("", None)]
    tags = head("alarm_event", _alarm_tags(line["site"], line, line["sensor"]))
    return b" ".join((tags, fields([*texts, ("why", why)]), str(line["now"] + line["seq"]).encode()))


def pipeline(site: str, figures: Mapping[str, float | int], now: int) -> bytes:
    """The line of `pipeline`: the system's own figures at one time."""
    return b" ".join((head("pipeline", (("site", site),)), fields(sorted(figures.items())), str(now).encode()))


def _alarm_tags(site: str, of: Mapping[str, Any], sensor: str) -> tuple[tuple[str, Any], ...]:
    return (("site", site), ("area", of["area"]), ("sensor", sensor), ("kind", of["kind"]), ("rule", of["rule"]))
