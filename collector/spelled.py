"""Payloads whose messages spell their sensors themselves: SenML, line protocol, miniSEED, Sparkplug B."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collector.known import Known, Names, topic_pattern
from collector.line_protocol import Lines
from collector.miniseed import Records
from collector.payload import parse_json
from collector.remembered import Memory
from collector.rows import Rows
from collector.senml import Senml, parse_cbor
from collector.sparkplug import Sparkplug
from detectors.sensor import Payload


class Spelled:
    """One payload template of such a form: as Template, but a topic never names the sensor alone."""

    def __init__(self, payload: Payload, sensors: Mapping[str, Known], memory: Memory) -> None:
        self.sensors = sensors
        self._pattern = topic_pattern(payload.topic)
        self._decode = _decoder(payload, Names(payload, sensors), memory)

    def fits(self, topic: str) -> tuple[bool, None]:
        """Whether the topic is this template's."""
        return self._pattern.fullmatch(topic) is not None, None

    def decode(self, data: bytes, _known: Known | None, rows: Rows) -> None:
        """Add a message's readings to rows; raises Dead."""
        self._decode(data, rows)


def _decoder(payload: Payload, names: Names, memory: Memory) -> Callable[[bytes, Rows], None]:
    if payload.form in ("senml", "senml-cbor"):
        return Senml(names, parse_json if payload.form == "senml" else parse_cbor).decode
    if payload.form == "sparkplug":
        return Sparkplug(names, payload, memory).decode
    return (Lines if payload.form == "line" else Records)(names, payload).decode
