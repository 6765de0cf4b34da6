"""SenML packs (RFC 8428), JSON and CBOR: base fields resolved, each record a reading of the sensor that it names.

Constraints. A version above 10, or a field that ends in "_" (to be understood or refused) refuses the whole pack; any
other wrong record disturbs no other. A time below 2**28 s counts from the arrival. A sum is a reading of NAME.sum.
vd (data) is no reading. A unit that is named must be the sensor's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import cbor2

from collector.device_time import FARTHEST
from collector.known import Known, Names, check_unit
from collector.payload import as_number, as_table, shown
from collector.rows import Dead, Rows

RELATIVE = 2**28
"""s; a time below it is relative (RFC 8428, 4.5.3)."""
VERSION = 10
LABELS = {
    -6: "bs", -5: "bv", -4: "bu", -3: "bt", -2: "bn", -1: "bver",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
"""CBOR's numbers for the fields (RFC 8428, table 4)."""
UNITS = {
    "Cel": "degC", "%RH": "%", "%EL": "%", "/": "1", "count": "1", "1/s": "Hz", "m3/s": "m3/s", "m/s2": "m/s2",
}  # fmt: skip
"""Names of SenML's registry that are spelled otherwise here."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*")
BASE = {"bn", "bt", "bu", "bv", "bs", "bver"}
VALUES = ("v", "vs", "vb", "vd")
LONGEST_NAME = 1_000


class Senml:
    """Decodes the packs of one payload."""

    def __init__(self, names: Names, parse: Callable[[bytes], Any]) -> None:
        self._names, self._parse = names, parse

    def decode(self, data: bytes, rows: Rows) -> None:
        """Add the pack's readings; raises Dead for the whole pack."""
        pack = self._parse(data)
        if not isinstance(pack, list) or not pack:
            raise Dead("wrong_type", f"found {shown(pack)}, a list of records is needed")
        records = [as_table(record) for record in pack]
        _check_pack(records)
        if not any(record.keys() - BASE for record in records):
            raise Dead("empty", "records of base fields alone")
        base: dict[str, Any] = {}
        for number, record in enumerate(records):
            base |= {key: value for key, value in record.items() if key in BASE}
            try:
                self._record(base, record, rows)
            except Dead as dead:
                rows.bury(dead, f"record {number}: ")

    def _record(self, base: Mapping[str, Any], record: Mapping[str, Any], rows: Rows) -> None:
        values = [key for key in VALUES if key in record]
        if not values and "s" not in record:
            if record.keys() - BASE:
                raise Dead("missing_field", "no v, vs, vb and no s")
            return
        if len(values) > 1 or "vd" in values:
            raise Dead("wrong_type", f"found {', '.join(values)}; one of v, vs, vb is a reading")
        parts = _text(base, "bn"), _text(record, "n")
        if sum(map(len, parts)) > LONGEST_NAME:
            raise Dead(
                "unknown_sensor", f"a name of {sum(map(len, parts))} characters, at most {LONGEST_NAME} are read"
            )
        name = "".join(parts)
        if not NAME.fullmatch(name):
            raise Dead("missing_field", f"name {shown(name)}: bn and n make none")
        if values:
            known = self._find(name, base, record, rows)
            value = as_number(record[values[0]], known.id, known.states)
            value = value + _number(base, "bv") if values == ["v"] else value
            rows.add(known.index, _time(base, record, known, rows), value, 0)
        if "s" in record:
            known = self._find(f"{name}.sum", base, record, rows)
            total = _number(record, "s") + _number(base, "bs")
            rows.add(known.index, _time(base, record, known, rows), total, 0)

    def _find(self, name: str, base: Mapping[str, Any], record: Mapping[str, Any], rows: Rows) -> Known:
        known = self._names.find(rows.topic, {"name": name, "last": re.split("[/:]", name)[-1]})
        unit = record.get("u", base.get("bu"))
        if not name.endswith(".sum"):
            check_unit(UNITS.get(unit, unit) if isinstance(unit, str) else unit, known)
        return known


def parse_cbor(data: bytes) -> Any:
    """A pack in CBOR with the fields' names; of tags only decimal fractions (4), which RFC 8428 allows."""
    try:
        pack = cbor2.loads(data, semantic_decoders=_REFUSED, tag_hook=_refuse, max_depth=8, allow_duplicate_keys=False)
    except (cbor2.CBORError, ValueError, OverflowError, TypeError, ArithmeticError, MemoryError) as error:
        raise Dead("unparsable", f"not CBOR of a SenML pack: {error}") from error
    if not isinstance(pack, list):
        return pack
    return [_named(record) if isinstance(record, dict) else record for record in pack]


def _named(record: Mapping[Any, Any]) -> dict[Any, Any]:
    return {LABELS.get(key, key): float(v) if isinstance(v, Decimal) else v for key, v in record.items()}


def _refuse(*_: Any) -> Any:
    raise ValueError("a tag that SenML does not have")


_REFUSED = dict.fromkeys((*range(4), *range(5, 64), 100, 256, 258, 260, 261, 1004, 43000, 55799), _refuse)


def _check_pack(records: Iterable[Mapping[str, Any]]) -> None:
    for record in records:
        if not all(isinstance(key, str) for key in record):
            raise Dead("wrong_type", "a field's name is not a text and not one of SenML's numbers")
        must = next((key for key in record if key.endswith("_")), None)
        if must is not None:
            raise Dead("must_understand", f"field {shown(must)} must be understood, and is not: the pack is refused")
        version = record.get("bver", VERSION)
        if type(version) is not int or not 0 < version <= VERSION:
            raise Dead("must_understand", f"bver {shown(version)}: up to {VERSION} is understood")


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise Dead("wrong_type", f"{key} {shown(value)} is not a text")
    return value


def _number(table: Mapping[str, Any], key: str) -> float:
    value = table.get(key, 0)
    if type(value) not in (int, float):
        raise Dead("wrong_type", f"{key} {shown(value)} is not a number")
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _time(base: Mapping[str, Any], record: Mapping[str, Any], known: Known, rows: Rows) -> int:
    """ns UTC: bt + t seconds, or from the arrival on where that is below RELATIVE."""
    if known.arrival:
        return rows.arrival()
    parts = (base.get("bt", 0), record.get("t", 0))
    if all(type(part) is int for part in parts):
        whole = sum(parts)
        at = whole * 10**9 if abs(whole) < FARTHEST else FARTHEST
    else:
        seconds = _number(base, "bt") + _number(record, "t")
        at = round(seconds * 1e6) * 1000 if abs(seconds) < 1e10 else FARTHEST
    if at == 0:
        return rows.arrival()
    at += rows.now if at < RELATIVE * 10**9 else 0
    if not abs(at) < FARTHEST:
        raise Dead("bad_time", f"time {shown(parts)} is beyond 64 bits of ns", known.id)
    return at
