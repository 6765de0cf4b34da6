"""Sparkplug B: births declare metrics, data names them (often by a number alone), deaths end them.

Constraints. Read only: no command is ever sent, so a number whose birth was never seen stays a dead letter until the
edge node is born again. A death certificate counts where its bdSeq is that of the birth. Sequence numbers (0 to 255)
are followed per edge node; up to 63 behind is a message delivered again, anything else that does not follow is a gap.
A retained birth is learned from and proves no life; a retained death of a device is passed over, it may be an old one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from collector.device_time import FARTHEST
from collector.known import Known, Names, check_unit
from collector.payload import as_number
from collector.remembered import METRICS, NODES, Memory, Metric, Node
from collector.rows import Dead, Rows
from detectors.reading import Quality
from detectors.sensor import Payload

BIRTH_AND_DEATH = "bdSeq"
CONTROL = ("Node Control/", "Device Control/", "Node Info/")
"""Metrics of the edge node itself."""
LONGEST_NAME = 400
BEHIND = 64
RETAINED = int(Quality.RETAINED)


class Sparkplug:
    """Decodes the messages of one payload."""

    def __init__(self, names: Names, payload: Payload, memory: Memory) -> None:
        from simulators import sparkplug_b  # protobuf, for sites that have it

        self._format = sparkplug_b
        self._names, self._memory, self._unit = names, memory, payload.fields.get("unit")
        self._kinds: Mapping[str, Callable[[Any, str, str, Rows], None]] = {
            "NBIRTH": self._birth, "DBIRTH": self._birth, "NDATA": self._data, "DDATA": self._data,
            "NDEATH": self._node_death, "DDEATH": self._device_death,
        }  # fmt: skip

    def decode(self, data: bytes, rows: Rows) -> None:
        """Add one message's readings and ends, and remember what it declares; raises Dead."""
        namespace, group, kind, edge, device = (*rows.topic.split("/", 4), "", "", "", "", "")[:5]
        if namespace != "spBv1.0":
            raise Dead("unknown_topic", f"topic {rows.topic[:100]!r} does not begin with spBv1.0")
        if group == "STATE" or kind in ("NCMD", "DCMD"):
            rows.note("sparkplug.command")
            return
        if kind not in self._kinds or not edge or bool(device) != (kind[0] == "D"):
            raise Dead("unknown_topic", f"topic {rows.topic[:100]!r}: spBv1.0/GROUP/NDATA/EDGE or DDATA/EDGE/DEVICE")
        payload = self._format.Payload()
        try:
            payload.ParseFromString(data)
        except Exception as error:  # protobuf's DecodeError, and what its texts may raise
            raise Dead("unparsable", f"not a payload of Sparkplug B: {error}") from error
        place = f"{group}/{edge}"
        if place not in self._memory.nodes and len(self._memory.nodes) >= NODES:
            raise Dead("too_many", f"{NODES} edge nodes are known already")
        self._kinds[kind](payload, place, device, rows)

    # What the messages are.

    def _birth(self, payload: Any, place: str, device: str, rows: Rows) -> None:
        rows.note("sparkplug.birth")
        declared: dict[str, Metric] = {}
        aliases: dict[int, Metric] = {}
        for metric in payload.metrics:
            if not metric.name or not isinstance(metric.name, str) or len(metric.name) > LONGEST_NAME:
                continue
            one = Metric(device, metric.name, metric.datatype, self._unit_of(metric))
            declared[metric.name] = one
            if metric.HasField("alias"):
                aliases[metric.alias] = one
        node = self._memory.nodes.get(place, Node())
        others = sum(1 + len(metrics) for of, metrics in node.named.items() if of != device)
        if len(declared) + others > METRICS:
            raise Dead("too_many", f"more than {METRICS} metrics of {place}")
        node = self._follow(node, payload, place, rows) if device else self._born(node, payload, rows)
        self._memory.nodes[place] = node.declare(device, declared, aliases)
        self._readings(payload, self._memory.nodes[place], place, device, rows)

    def _born(self, node: Node, payload: Any, rows: Rows) -> Node:
        """After an NBIRTH: nothing that was declared before holds. An old one that the broker kept tells no number."""
        birth = _birth_number(payload)
        if rows.flags & RETAINED:
            return node if node.up and node.birth == birth else Node(None, birth, True)
        return Node(payload.seq % 256 if payload.HasField("seq") else None, birth, True)

    def _data(self, payload: Any, place: str, device: str, rows: Rows) -> None:
        if not payload.metrics:
            raise Dead("empty", "no metric")
        node = self._follow(self._memory.nodes.get(place, Node()), payload, place, rows)
        self._memory.nodes[place] = node
        self._readings(payload, node, place, device, rows)

    def _node_death(self, payload: Any, place: str, _device: str, rows: Rows) -> None:
        node, birth = self._memory.nodes.get(place), _birth_number(payload)
        if node is None or (birth is not None and node.birth is not None and birth != node.birth):
            rows.note("sparkplug.death_of_no_birth")
            return
        rows.note("sparkplug.death")
        self._memory.nodes[place] = replace(node, seq=None, up=False)
        for device in node.named:
            self._end(node, place, device, rows)

    def _device_death(self, payload: Any, place: str, device: str, rows: Rows) -> None:
        node = self._memory.nodes.get(place)
        if node is None or rows.flags & RETAINED:
            rows.note("sparkplug.death_of_no_birth")
            return
        self._memory.nodes[place] = node = self._follow(node, payload, place, rows)
        rows.note("sparkplug.death")
        self._end(node, place, device, rows)

    def _end(self, node: Node, place: str, device: str, rows: Rows) -> None:
        """Every sensor that a device declared says that it has gone."""
        gone: set[int] = set()
        for metric in node.named.get(device, {}).values():
            try:
                gone.add(self._find(place, metric, rows).index)
            except Dead:
                continue  # its birth said already that no sensor of the site is meant
        for index in sorted(gone):
            rows.add_end(index)

    def _follow(self, node: Node, payload: Any, place: str, rows: Rows) -> Node:
        """After a message with a sequence number."""
        if not payload.HasField("seq") or rows.flags & RETAINED:
            return node
        number = payload.seq % 256
        if node.seq is not None:
            ahead = (number - node.seq) % 256
            if ahead == 0 or ahead > 256 - BEHIND:
                return node
            if ahead > 1:
                rows.gap(place, node.seq, number, ahead - 1)
        return replace(node, seq=number)

    # What the metrics say.

    def _readings(self, payload: Any, node: Node, place: str, device: str, rows: Rows) -> None:
        for metric in payload.metrics:
            try:
                if not isinstance(metric.name, str):  # protobuf gives bytes where they are no text
                    raise Dead("not_utf8", f"metric name {metric.name[:40]!r}")
                if metric.name == BIRTH_AND_DEATH or metric.name.startswith(CONTROL):
                    rows.note("sparkplug.control")
                    continue
                declared = self._declared(metric, node, place, device)
                known = self._find(place, declared, rows)
                check_unit(self._unit_of(metric) or declared.unit, known)
                value = as_number(self._value(metric, declared, known), known.id, known.states)
                rows.add(known.index, _time(metric, payload, known, rows), value, 0)
            except Dead as dead:
                rows.bury(dead)

    def _declared(self, metric: Any, node: Node, place: str, device: str) -> Metric:
        if metric.name:
            known = None if metric.datatype else node.named.get(device, {}).get(metric.name)
            return known or Metric(device, metric.name, metric.datatype)
        declared = node.aliases.get(metric.alias) if metric.HasField("alias") else None
        if declared is None:
            text = f"alias {metric.alias} of {place} {device}: no birth was seen that declares it; let it be born again"
            raise Dead("unknown_alias", text)
        return declared

    def _find(self, place: str, metric: Metric, rows: Rows) -> Known:
        group, _, edge = place.partition("/")
        words = {"group": group, "edge": edge, "device": metric.device, "metric": metric.name}
        return self._names.find(rows.topic, words)

    def _unit_of(self, metric: Any) -> str | None:
        if self._unit is None:
            return None
        pairs = zip(metric.properties.keys, metric.properties.values, strict=False)
        return next((value.string_value for key, value in pairs if key == self._unit), None)

    def _value(self, metric: Any, declared: Metric, known: Known) -> Any:
        if metric.is_null:
            return math.nan
        kind = metric.WhichOneof("value")
        if kind in (None, "bytes_value"):
            raise Dead("wrong_type", f"metric {declared.name[:60]!r} has no number, state or text", known.id)
        value = getattr(metric, kind)
        bits = self._format.BITS.get(metric.datatype or declared.datatype)
        if bits and kind in ("int_value", "long_value"):
            value &= (1 << bits) - 1
            value -= (value >> (bits - 1)) << bits
        return value


def _birth_number(payload: Any) -> int | None:
    """bdSeq of a birth or death of an edge node."""
    for metric in payload.metrics:
        if metric.name == BIRTH_AND_DEATH:
            return int(metric.long_value or metric.int_value)
    return None


def _time(metric: Any, payload: Any, known: Known, rows: Rows) -> int:
    if known.arrival:
        return rows.arrival()
    told = next((one.timestamp for one in (metric, payload) if one.HasField("timestamp")), None)
    if told is None:
        raise Dead("bad_time", 'no time: send one, or declare time = "arrival" for the sensor', known.id)
    if told * 10**6 >= FARTHEST:
        raise Dead("bad_time", f"time {told} ms is beyond 64 bits of ns", known.id)
    return int(told) * 10**6
