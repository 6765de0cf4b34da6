"""Readings and blocks as MQTT messages, in the formats that a site's payload templates declare.

Constraints. Times are integer ns UTC. The first template of a form that fits is used: "json" for what comes live,
"columns" for what a logger kept, "wave-msgpack" or "wave" for samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from detectors.sensor import Payload, Sensor
from simulators.instrument import Readings
from simulators.seismic import Block

LOGGER_ROWS = 100
"""Readings a message of a logger's past."""


class NoTemplate(ValueError):
    """A site has no payload of a form that is needed."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One MQTT message: `time` is when it would be sent (ns); how many readings or samples it carries."""

    time: int
    topic: str
    payload: bytes
    readings: int = 0
    samples: int = 0


class Writer:
    """Writes letters for the sensors of a site."""

    def __init__(self, sensors: Mapping[str, Sensor], payloads: Sequence[Payload]) -> None:
        self._sensors = sensors
        self._payloads = payloads

    def live(self, readings: Readings) -> Iterator[Letter]:
        """One message a reading."""
        payload = self._template("json")
        sensor = self._sensors[readings.sensor]
        topic = _topic(payload, sensor)
        columns = (readings.time, readings.value, readings.quality, readings.sent, readings.half)
        for time, value, quality, sent, half in zip(*(column.tolist() for column in columns), strict=True):
            row = {"time": time, "value": shown_value(sensor, value), "unit": sensor.unit, "sensor": sensor.id}
            data = msgspec.json.encode(_named(payload, row | {"area": sensor.area, "quality": quality}))
            yield Letter(sent, topic, data[: len(data) // 2] if half else data, 0 if half else 1)

    def kept(self, readings: Readings) -> Iterator[Letter]:
        """A logger's past: one array a field, LOGGER_ROWS readings a message."""
        payload = self._template("columns")
        sensor = self._sensors[readings.sensor]
        for first in range(0, len(readings), LOGGER_ROWS):
            time = readings.time[first : first + LOGGER_ROWS].tolist()
            value = [shown_value(sensor, v) for v in readings.value[first : first + LOGGER_ROWS].tolist()]
            row = {"time": time, "value": value, "unit": sensor.unit, "sensor": sensor.id, "area": sensor.area}
            yield Letter(time[-1], _topic(payload, sensor), msgspec.json.encode(_named(payload, row)), len(time))

    def wave(self, block: Block) -> Letter:
        """A block of samples; it is sent when its last sample is there."""
        payload = self._template("wave-msgpack", "wave")
        sensor = self._sensors[block.sensor]
        row = {"start": block.time, "time": block.time, "rate": block.rate, "samples": block.samples.tolist()}
        words = _named(payload, row | {"unit": sensor.unit, "sensor": sensor.id, "area": sensor.area})
        encode = msgspec.msgpack.encode if payload.form == "wave-msgpack" else msgspec.json.encode
        data, samples = encode(words), len(block.samples)
        if block.half:
            data, samples = data[: len(data) // 2], 0
        return Letter(block.sent, _topic(payload, sensor), data, samples=samples)

    def ordered(self, letters: list[Letter]) -> list[Letter]:
        """What `live` and `wave` gave, as it is to be sent."""
        return sorted(letters, key=lambda letter: letter.time)

    def end(self, _time: int) -> Iterator[Letter]:
        """What is said when nothing more comes."""
        yield from ()

    @property
    def will(self) -> Letter | None:
        """What the broker shall say where the connection is cut off."""
        return None

    def _template(self, *forms: str) -> Payload:
        for form in forms:
            for payload in self._payloads:
                if payload.form == form:
                    return payload
        found = ", ".join(payload.form for payload in self._payloads) or "none"
        raise NoTemplate(f"the site's payloads: found forms {found}, needed: one of {', '.join(forms)}")


def _topic(payload: Payload, sensor: Sensor) -> str:
    return payload.topic.replace("{area}", sensor.area).replace("{sensor}", sensor.id)


def _named(payload: Payload, row: Mapping[str, Any]) -> dict[str, Any]:
    return {theirs: row[ours] for ours, theirs in payload.fields.items() if ours in row}


def shown_value(sensor: Sensor, value: float) -> float | str | None:
    """A value as a device shows it: a state by its name, nothing for no number."""
    if np.isnan(value):
        return None
    return sensor.states[int(value)] if sensor.states else value
