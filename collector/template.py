"""A payload template at work: topics it fits, and its messages turned into readings.

Constraints. Each form has a fast way (msgspec, typed) and a slow one that is taken whenever the fast one hesitates; the
slow one decides and gives the reason. NaN, Infinity and null are readings without a value; a text for a number is not.
The area in a topic is not compared with the sensor's: ids are unique in a site.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from collector.device_time import BadTime, read_time, read_times, read_zone
from collector.known import Known, by_name, check_unit, device_time, topic_pattern
from collector.payload import as_number, as_table, is_good, parse_json, parse_msgpack, shown, within
from collector.remembered import Memory
from collector.rows import Dead, Rows
from detectors.reading import Quality
from detectors.sensor import Payload

NO_VALUE, RETAINED = int(Quality.NO_VALUE), int(Quality.RETAINED)
ITSELF = "."
"""The field whose value is the whole payload: a bare number or text."""
UNFIT = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What the fast way raises for what it cannot read."""
_UNREAD = "\ufffe not declared "


class Template:
    """One payload template. `fits` a topic, then `decode` adds a message's readings to rows or raises Dead."""

    def __init__(self, payload: Payload, sensors: Mapping[str, Known], memory: Memory) -> None:
        sensors = by_name(payload, sensors)
        self.payload, self.sensors, self.memory = payload, sensors, memory
        self.zone = read_zone(payload.zone)
        self.fields = dict(payload.fields)
        self.fields.setdefault("value", "value")
        if payload.form.startswith("wave"):
            self.fields.setdefault("start", self.fields.get("time", "start"))
            self.fields.setdefault("rate", "rate")
            self.fields.setdefault("samples", "samples")
        self.timed, self.numbered = "time" in self.fields, "seq" in self.fields
        self.pattern = topic_pattern(payload.topic)
        forms: dict[str, Callable[[bytes, Known | None, Rows], None]] = {
            "json": self._single, "array": self._array, "columns": self._columns,
            "wave": self._wave, "wave-msgpack": self._wave,
        }  # fmt: skip
        self.decode = forms[payload.form]
        self._index = {name: sensor.index for name, sensor in sensors.items()}
        self._clockless = any(sensor.arrival for sensor in sensors.values())
        self._one = self._struct(float | str | None, int | float | str, str)
        self._fast_one = msgspec.json.Decoder(self._one).decode
        self._fast_array = msgspec.json.Decoder(list[self._one]).decode  # type: ignore[name-defined]
        self._fast_columns = [
            msgspec.json.Decoder(self._struct(value, time, list[str] | str)).decode
            for value, time in (
                (list[float], list[int] | int),
                (list[float | None], list[int | float | str] | int | float | str),
            )
        ]

    def fits(self, topic: str) -> tuple[bool, str | None]:
        """Whether the topic is this template's, and the sensor id in it if it has one."""
        found = self.pattern.fullmatch(topic)
        return found is not None, found.groupdict().get("sensor") if found else None

    def _struct(self, value: Any, time: Any, sensor: Any) -> type[msgspec.Struct]:
        types = {"value": value, "unit": str, "time": time, "sensor": sensor, "quality": Any}
        if self.numbered:
            types |= {"seq": int, "device": str}
        return msgspec.defstruct(
            "Fields",
            [
                (ours, kind | msgspec.UnsetType if kind is not Any else Any, msgspec.UNSET)
                for ours, kind in types.items()
            ],
            rename={ours: self.fields.get(ours, _UNREAD + ours) for ours in types},
            gc=False,
        )

    # One reading a message, and lists of them.

    def _single(self, data: bytes, known: Known | None, rows: Rows) -> None:
        try:
            read = self._fast_one(data)
            if self._take(read, known, rows):
                return
        except (*UNFIT, BadTime):
            pass
        whole = parse_json(data)
        table = {ITSELF: whole} if self.fields["value"] == ITSELF else as_table(whole)
        self._number(table, known, rows)
        self._reading(table, known, rows)

    def _take(self, read: Any, known: Known | None, rows: Rows) -> bool:
        """Add a reading about which there is no doubt."""
        if read.sensor is not msgspec.UNSET:
            known = self.sensors.get(read.sensor)
        if known is None or type(read.value) is not float or read.quality is not msgspec.UNSET:
            return False
        if read.unit is not msgspec.UNSET and not known.units.get(read.unit):
            return False
        time = read.time
        if known.arrival or not self.timed:
            time = rows.arrival()
        elif type(time) is not int or not 10**17 <= time < 2**63:
            if time is msgspec.UNSET:
                return False
            time = read_time(time, self.zone)
        rows.add(known.index, time, read.value, 0)
        if self.numbered and read.seq is not msgspec.UNSET:
            self._hear(read.seq, read.device or None, known.id, rows)
        return True

    def _array(self, data: bytes, known: Known | None, rows: Rows) -> None:
        if "readings" not in self.fields:
            try:
                listed = self._fast_array(data)
            except UNFIT:
                listed = None
            if listed is not None:
                self._each(listed, known, rows)
                return
        whole = parse_json(data)
        if "readings" in self.fields:
            self._number(as_table(whole), known, rows)
            whole = self._of("readings", whole)
        if not isinstance(whole, list):
            raise Dead("wrong_type", f"found {shown(whole)}, a list of readings is needed")
        self._each(whole, known, rows)

    def _each(self, listed: Sequence[Any], known: Known | None, rows: Rows) -> None:
        if not listed:
            raise Dead("empty", "the list of readings is empty")
        for number, read in enumerate(listed):
            try:
                if isinstance(read, msgspec.Struct):
                    try:
                        if self._take(read, known, rows):
                            continue
                    except BadTime:
                        pass
                    read = self._plain(read)
                table = as_table(read)
                if self.payload.form == "array" and "readings" not in self.fields:
                    self._number(table, known, rows)
                self._reading(table, known, rows)
            except Dead as dead:
                rows.bury(dead, f"reading {number}: ")

    def _plain(self, read: msgspec.Struct) -> dict[str, Any]:
        given = ((ours, getattr(read, ours)) for ours in read.__struct_fields__)
        return {self.fields[ours]: value for ours, value in given if ours in self.fields and value is not msgspec.UNSET}

    def _reading(self, table: Mapping[str, Any], known: Known | None, rows: Rows) -> None:
        """The slow way: decides and gives reasons."""
        known = self._sensor(self._of("sensor", table), known)
        check_unit(self._of("unit", table), known)
        field = self.fields["value"]
        given = within(table, field)
        if given is msgspec.UNSET:
            raise Dead("missing_field", f"no {field!r}, which holds the value", known.id)
        value = as_number(given, known.id, known.states)
        quality = 0 if is_good(self._of("quality", table)) else NO_VALUE
        time = rows.arrival()
        if self.timed and not known.arrival:
            time = device_time(self._of("time", table), self.zone, known)
        rows.add(known.index, time, math.nan if quality else value, quality)

    # One array a field.

    def _columns(self, data: bytes, known: Known | None, rows: Rows) -> None:
        for read in self._fast_columns:
            try:
                if self._take_columns(read(data), known, rows):
                    return
            except (*UNFIT, BadTime):
                pass
        table = as_table(parse_json(data))
        self._number(table, known, rows)
        self._rows_of(table, known, rows)

    def _take_columns(self, read: Any, known: Known | None, rows: Rows) -> bool:
        """Add columns about which there is no doubt."""
        if not isinstance(read.value, list) or not read.value or read.quality is not msgspec.UNSET:
            return False
        count = len(read.value)
        whose = self._whose(read, known, count)
        if whose is None:
            return False
        if not self.timed or (known is not None and known.arrival and read.sensor is msgspec.UNSET):
            time = np.arange(count, dtype=np.int64) + rows.arrival()
        elif read.time is msgspec.UNSET:
            return False
        elif not isinstance(read.time, list):
            time = np.full(count, read_time(read.time, self.zone), np.int64)
        elif len(read.time) == count:
            time = read_times(read.time, self.zone)
        else:
            return False
        arrived = np.full(count, rows.now, np.int64)
        rows.add_block(whose, time, arrived, np.array(read.value, np.float64), np.zeros(count, np.uint8))
        if self.numbered and read.seq is not msgspec.UNSET:
            named = self.sensors[read.sensor].id if isinstance(read.sensor, str) else known and known.id
            self._hear(read.seq, read.device or None, named or rows.topic, rows)
        return True

    def _whose(self, read: Any, known: Known | None, count: int) -> NDArray[np.int64] | None:
        """The sensor of each row, or None where the slow way must look: strangers, units to compare, no clock."""
        if isinstance(read.sensor, list):
            if self._clockless or read.unit is not msgspec.UNSET or len(read.sensor) != count:
                return None
            index = list(map(self._index.get, read.sensor))
            return None if None in index else np.array(index, np.int64)
        if read.sensor is not msgspec.UNSET:
            known = self.sensors.get(read.sensor)
            if known is None or known.arrival:
                return None
        if known is None or (read.unit is not msgspec.UNSET and not known.units.get(read.unit)):
            return None
        return np.full(count, known.index, np.int64)

    def _rows_of(self, table: Mapping[str, Any], known: Known | None, rows: Rows) -> None:
        value = table.get(self.fields["value"])
        if not isinstance(value, list):
            raise Dead("wrong_type", f"{self.fields['value']!r} is {shown(value)}, a list of values is needed")
        columns: dict[str, list[Any]] = {}
        for theirs in self.fields.values():
            given = table.get(theirs)
            if isinstance(given, list) and len(given) != len(value):
                raise Dead("wrong_length", f"{len(value)} values, but {len(given)} in {theirs!r}")
            if theirs in table:
                columns[theirs] = given if isinstance(given, list) else [given] * len(value)
        self._each([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)], known, rows)

    # Waveforms.

    def _wave(self, data: bytes, known: Known | None, rows: Rows) -> None:
        table = as_table(parse_msgpack(data) if self.payload.form == "wave-msgpack" else parse_json(data))
        self._number(table, known, rows)
        known = self._sensor(self._of("sensor", table), known)
        check_unit(self._of("unit", table), known)
        rate = table.get(self.fields["rate"], known.rate)
        if type(rate) not in (int, float) or not 0 < rate < 1e6:
            raise Dead("bad_rate", f"rate {shown(rate)}: samples a second, above 0", known.id)
        samples = self._samples(table.get(self.fields["samples"]), known)
        time = rows.arrival() if known.arrival else device_time(table.get(self.fields["start"]), self.zone, known)
        rows.add_wave(known.index, time, float(rate), samples)

    def _samples(self, given: Any, known: Known) -> Any:
        if not isinstance(given, list) or not given:
            raise Dead("wrong_type", f"samples are {shown(given)}, a list of numbers is needed", known.id)
        odd = next((value for value in given if type(value) not in (float, int) and value is not None), None)
        if odd is not None:
            raise Dead("wrong_type", f"sample {shown(odd)} is not a number", known.id)
        try:
            return np.array(given, np.float64)
        except OverflowError as error:
            raise Dead("wrong_type", f"a sample is no 64-bit number: {error}", known.id) from error

    # What every form asks.

    def _number(self, table: Mapping[str, Any], known: Known | None, rows: Rows) -> None:
        """A message's running number, whatever becomes of its readings."""
        number = self._of("seq", table)
        if type(number) is not int:
            return
        device, named = self._of("device", table), self._of("sensor", table)
        one = self.sensors.get(named) if isinstance(named, str) else known
        self._hear(number, device if isinstance(device, str) else None, one.id if one else rows.topic, rows)

    def _hear(self, number: int, device: str | None, otherwise: str, rows: Rows) -> None:
        if 0 <= number < 2**63 and not rows.flags & RETAINED:
            self.memory.hear((device or otherwise)[:200], number, rows)

    def _of(self, ours: str, table: Mapping[str, Any]) -> Any:
        found = within(table, self.fields[ours]) if ours in self.fields else None
        return None if found is msgspec.UNSET else found

    def _sensor(self, named: Any, known: Known | None) -> Known:
        if named is None:
            if known is None:
                raise Dead("missing_field", f"no {self.fields.get('sensor', 'sensor')!r}, which names the sensor")
            return known
        if not isinstance(named, str):
            raise Dead("wrong_type", f"sensor {shown(named)} is not a text")
        if named not in self.sensors:
            raise Dead("unknown_sensor", f"sensor {shown(named)} is not in the site file", named[:200])
        return self.sensors[named]
