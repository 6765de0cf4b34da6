"""Readings and blocks in the formats of others: SenML, line protocol, miniSEED, Sparkplug B, Telegraf's JSON.

Constraints. What is written is what the site's own payload template of that form reads: topic, names and scale are its.
A name that the template's spelling cannot make is refused. Sparkplug's births come before the first value of a metric,
its death with `end`; `will` is the death that a broker publishes for whoever is cut off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cbor2
import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.sensor import Payload, Sensor
from simulators import sparkplug_b
from simulators.instrument import Readings
from simulators.messages import LOGGER_ROWS, Letter, NoTemplate, Writer, shown_value
from simulators.seismic import Block

FORMS: Mapping[str, str] = {
    "plain": "json", "senml": "senml", "senml-cbor": "senml-cbor", "line": "line", "mseed": "mseed",
    "sparkplug": "sparkplug", "telegraf": "json",
}  # fmt: skip
"""The form of payload that each format needs in the site file."""
SAMPLES: Mapping[str, str] = {
    "senml": 'topic = "senml/{area}"\nsenml = {}',
    "senml-cbor": 'topic = "senml/{area}"\nsenml-cbor = {}',
    "line": 'topic = "line/{area}"\nline = { value = "value", unit = "unit" }',
    "mseed": 'topic = "mseed/{area}"\nmseed = { sensor = "{station}" }\nscale = 1e-6',
    "sparkplug": 'topic = "spBv1.0/pit/#"\nsparkplug = {}',
    "telegraf": 'topic = "telegraf/{area}/{sensor}"\njson = { value = "fields.value", time = "timestamp" }',
}
"""What to add where a site has none."""
EDGE = "davylamp"
LABELS = {"bn": -2, "bt": -3, "n": 0, "u": 1, "v": 2, "vs": 3, "t": 6}
SENML_UNITS = {"degC": "Cel", "1": "/"}
_ESCAPED = re.compile(r"([,= ])")


def format_writer(name: str, sensors: Mapping[str, Sensor], payloads: Sequence[Payload]) -> Writer:
    """The writer of a format, by its name. Raises NoTemplate where the site has no payload of its form."""
    return Writer(sensors, payloads) if name == "plain" else FormatWriter(name, sensors, payloads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaid(Letter):
    """A letter that has no bytes yet, since they depend on what is sent before it."""

    sensor: Sensor
    taken: int
    value: Any
    half: bool
    """Its payload breaks off."""


class FormatWriter(Writer):
    """Writes letters in one format; what that format has no shape for goes out as the site's other templates say."""

    def __init__(self, name: str, sensors: Mapping[str, Sensor], payloads: Sequence[Payload]) -> None:
        super().__init__(sensors, payloads)
        fitting = [p for p in payloads if p.form == FORMS[name]]
        if name == "telegraf":
            fitting = [p for p in fitting if p.fields.get("value", "").startswith("fields.")]
        if not fitting:
            raise NoTemplate(f"the site has no payload for {name}; add to its file:\n[payload.{name}]\n{SAMPLES[name]}")
        self.name, self.payload = name, fitting[0]
        self._edge = Edge(self.payload) if name == "sparkplug" else None
        rows: Mapping[str, Callable[[Sensor, list[int], list[Any]], bytes]] = {
            "senml": lambda *row: msgspec.json.encode(self._senml(*row)),
            "senml-cbor": lambda *row: cbor2.dumps([_numbered(one) for one in self._senml(*row)]),
            "line": self._lines, "telegraf": self._telegraf,
        }  # fmt: skip
        self._rows = rows.get(name)

    def live(self, readings: Readings) -> Iterator[Letter]:
        """One message a reading. Sparkplug's get their numbers, and the births before them, when they are ordered."""
        if self._edge is not None:
            sensor = self._sensors[readings.sensor]
            columns = (readings.time, readings.value, readings.sent, readings.half)
            for time, value, sent, half in zip(*(column.tolist() for column in columns), strict=True):
                yield Unsaid(sent, "", b"", sensor=sensor, taken=time, value=shown_value(sensor, value), half=half)
        else:
            yield from self._letters(readings, 1) if self._rows else super().live(readings)

    def ordered(self, letters: list[Letter]) -> list[Letter]:
        """By time; births and numbers in that order."""
        out: list[Letter] = []
        for letter in super().ordered(letters):
            if isinstance(letter, Unsaid) and self._edge is not None:
                out += self._edge.say(letter.sensor, [letter.taken], [letter.value], letter.time)
                if letter.half:
                    out[-1] = replace(out[-1], payload=out[-1].payload[: len(out[-1].payload) // 2], readings=0)
            else:
                out.append(letter)
        return out

    def kept(self, readings: Readings) -> Iterator[Letter]:
        """A logger's past, LOGGER_ROWS readings a message."""
        yield from self._letters(readings, LOGGER_ROWS) if self._rows or self._edge else super().kept(readings)

    def wave(self, block: Block) -> Letter:
        """A block of samples."""
        if self.name != "mseed":
            return super().wave(block)
        sensor = self._sensors[block.sensor]
        data, samples = mseed_records(self.payload, sensor, block), len(block.samples)
        if block.half:
            data, samples = data[: len(data) // 2], 0
        return Letter(block.sent, topic_of(self.payload, sensor), data, samples=samples)

    def end(self, _time: int) -> Iterator[Letter]:
        """What a gateway says when it goes."""
        if self._edge is not None:
            yield self._edge.death(_time)

    @property
    def will(self) -> Letter | None:
        """What the broker shall say where we are cut off."""
        return None if self._edge is None else self._edge.death(0)

    def _letters(self, readings: Readings, most: int) -> Iterator[Letter]:
        sensor = self._sensors[readings.sensor]
        for first in range(0, len(readings), most):
            part = slice(first, first + most)
            time, value = readings.time[part].tolist(), [shown_value(sensor, v) for v in readings.value[part].tolist()]
            at = int(readings.sent[part][-1])
            if self._edge is not None:
                yield from self._edge.say(sensor, time, value, at)
                continue
            assert self._rows is not None
            data, count = self._rows(sensor, time, value), len(time)
            if not data:  # line protocol has no word for "no number"
                continue
            if readings.half[part][-1]:
                data, count = data[: len(data) // 2], 0
            yield Letter(at, topic_of(self.payload, sensor), data, count)

    def _senml(self, sensor: Sensor, time: list[int], value: list[Any]) -> list[dict[str, Any]]:
        words = words_of(self.payload, sensor)
        name = words.get("name") or words.get("last") or sensor.id
        unit = {} if sensor.states else {"u": SENML_UNITS.get(sensor.unit, sensor.unit)}
        return [
            {"n": name, "t": at / 1e9, **unit, ("vs" if isinstance(v, str) else "v"): float("nan") if v is None else v}
            for at, v in zip(time, value, strict=True)
            if v is not None
        ] or [{"n": name, "t": time[0] / 1e9, "v": None}]

    def _lines(self, sensor: Sensor, time: list[int], value: list[Any]) -> bytes:
        words = words_of(self.payload, sensor)
        field = self.payload.fields.get("value") or words.pop("field", "value")
        measurement = words.pop("measurement", sensor.quantity)
        unit = self.payload.fields.get("unit")
        tags = words | ({unit: sensor.unit} if unit and not sensor.states else {})
        pairs = (f"{_escaped(name)}={_escaped(tag)}" for name, tag in sorted(tags.items()) if tag)
        head = ",".join((_escaped(measurement), *pairs))
        return "\n".join(
            f"{head} {_escaped(field)}={json.dumps(v, ensure_ascii=False)} {at // self.payload.precision}"
            for at, v in zip(time, value, strict=True)
            if v is not None
        ).encode()

    def _telegraf(self, sensor: Sensor, time: list[int], value: list[Any]) -> bytes:
        whole: dict[str, Any] = {"name": sensor.quantity, "tags": {"area": sensor.area}, "fields": {}}
        row = {"value": value[-1], "time": time[-1], "unit": sensor.unit, "sensor": sensor.id, "area": sensor.area}
        for ours, theirs in self.payload.fields.items():
            *path, last = theirs.split(".")
            place = whole
            for step in path:
                place = place.setdefault(step, {})
            place[last] = row[ours]
        return msgspec.json.encode(whole)


class Edge:
    """One pretended edge node of Sparkplug B: its areas are devices, their sensors metrics with numbers."""

    def __init__(self, payload: Payload) -> None:
        levels = payload.topic.split("/")
        if len(levels) < 2 or levels[0] != "spBv1.0" or set(levels[1]) & set("+#{"):
            raise NoTemplate(f"topic {payload.topic!r}: spBv1.0/GROUP/# is needed to publish Sparkplug B")
        self._payload, self._group = payload, levels[1]
        self._seq, self._born = 0, False
        self._metrics: dict[str, dict[str, Any]] = {}
        self._numbers: dict[str, int] = {}

    def say(self, sensor: Sensor, time: list[int], value: list[Any], at: int) -> Iterator[Letter]:
        """Readings of one sensor, after the births that are needed first."""
        words = {"edge": EDGE, "device": sensor.area, **words_of(self._payload, sensor)}
        device, name = words["device"], words["metric"]
        if not self._born:
            self._born = True
            yield self._letter("NBIRTH", "", [_number("bdSeq", 0)], at)
        known = self._metrics.setdefault(device, {})
        new = name not in known
        known[name] = metric = sparkplug_metric(sensor, time[-1], value[-1])
        number = self._numbers.setdefault(f"{device}/{name}", len(self._numbers) + 1)
        if new:
            births = [{**m, "name": n, "alias": self._numbers[f"{device}/{n}"]} for n, m in known.items()]
            yield self._letter("DBIRTH", device, births, at, 1 if len(time) == 1 else 0)
            if len(time) == 1:
                return
        many = [sparkplug_metric(sensor, t, v) for t, v in zip(time[:-1], value[:-1], strict=True)]
        data = [{**one, "alias": number, "is_historical": True} for one in many] + [{**metric, "alias": number}]
        yield self._letter("DDATA", device, data, at, len(data))

    def death(self, at: int) -> Letter:
        """NDEATH: no number, the birth's bdSeq."""
        return Letter(at, f"spBv1.0/{self._group}/NDEATH/{EDGE}", _payload([_number("bdSeq", 0)], at, None))

    def _letter(self, kind: str, device: str, metrics: list[dict[str, Any]], at: int, readings: int = 0) -> Letter:
        topic = f"spBv1.0/{self._group}/{kind}/{EDGE}" + (f"/{device}" if device else "")
        data = _payload(metrics, at, self._seq)
        self._seq = (self._seq + 1) % 256
        return Letter(at, topic, data, readings)


def sparkplug_metric(sensor: Sensor, time: int, value: Any) -> dict[str, Any]:
    """Fields of one metric; time in ns becomes ms."""
    stamp = {"timestamp": time // 1_000_000, "datatype": sparkplug_b.STRING if sensor.states else sparkplug_b.DOUBLE}
    if value is None:
        return {**stamp, "is_null": True}
    return {**stamp, "string_value" if isinstance(value, str) else "double_value": value}


def mseed_records(payload: Payload, sensor: Sensor, block: Block) -> bytes:
    """The block as records of miniSEED 3: counts where the payload has a scale, else 64-bit numbers."""
    from pymseed import DataEncoding, MS3Record

    record = MS3Record(reclen=4096)
    record.sourceid, record.samprate = source_id(payload, sensor), float(block.rate)
    record.formatversion, record.starttime = 3, int(block.time)
    samples: NDArray[Any] = np.ascontiguousarray(block.samples, np.float64)
    kind, record.encoding = "d", DataEncoding.FLOAT64
    if payload.scale != 1.0:
        samples = np.rint(samples / payload.scale).astype(np.int32)
        kind, record.encoding = "i", DataEncoding.STEIM2
    return b"".join(record.generate(data_samples=samples, sample_type=kind))


def source_id(payload: Payload, sensor: Sensor) -> str:
    """FDSN:NET_STA_LOC_B_S_SS of a sensor; what the spelling does not say is XX, the sensor's id, nothing, HHZ."""
    words = {"network": "XX", "station": sensor.id, "location": "", "channel": "HHZ", **words_of(payload, sensor)}
    if "source" in words:
        return words["source"]
    channel = words["channel"] if "_" in words["channel"] else "_".join(words["channel"])
    return f"FDSN:{words['network']}_{words['station']}_{words['location']}_{channel}"


def words_of(payload: Payload, sensor: Sensor) -> dict[str, str]:
    """The words of a message that spell this sensor. Raises NoTemplate where none do."""
    name = next((theirs for theirs, ours in payload.sensors.items() if ours == sensor.id), sensor.id)
    parts = re.split(r"\{([^{}]*)\}", payload.spelling)
    pattern = "".join(re.escape(part) if k % 2 == 0 else f"(?P<w{k}>.*)" if k == len(parts) - 2 else f"(?P<w{k}>[^/]*?)"
                      for k, part in enumerate(parts))  # fmt: skip
    found = re.fullmatch(pattern, name)
    if found is None:
        text = f"payload {payload.name}: {payload.spelling!r} cannot spell {name!r}; name it in its `sensors`"
        raise NoTemplate(text)
    return {parts[k]: found[f"w{k}"] for k in range(1, len(parts), 2)}


def topic_of(payload: Payload, sensor: Sensor) -> str:
    """A topic that the payload's fits; each level that may be anything is the sensor's area."""
    topic = re.sub(r"(^|/)#$", rf"\g<1>{sensor.area}/{sensor.id}", payload.topic.replace("+", "{area}"))
    words = {"area": sensor.area, "sensor": sensor.id}
    if payload.form != "json":
        words |= words_of(payload, sensor)
    return re.sub(r"\{([^{}]*)\}", lambda found: words.get(found[1], sensor.area), topic)


def _payload(metrics: list[dict[str, Any]], at: int, seq: int | None) -> bytes:
    whole = sparkplug_b.Payload(timestamp=at // 1_000_000, metrics=metrics)
    if seq is not None:
        whole.seq = seq
    data: bytes = whole.SerializeToString()
    return data


def _numbered(record: Mapping[str, Any]) -> dict[int, Any]:
    return {LABELS[name]: value for name, value in record.items()}


def _number(name: str, value: int) -> dict[str, Any]:
    return {"name": name, "datatype": sparkplug_b.UINT64, "long_value": value}


def _escaped(text: str) -> str:
    return _ESCAPED.sub(r"\\\1", text)
