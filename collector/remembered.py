"""What decoding remembers from message to message: sequence numbers, and what Sparkplug's edge nodes declared.

Constraints. Part of the fold: carried by snapshots and revisions, equal however the log is cut. Bounded: COUNTERS
senders; NODES edge nodes with METRICS metrics and devices each. A node is replaced, never changed: a copy is shallow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from collector.rows import Rows

COUNTERS = 100_000
NODES = 2_000
METRICS = 10_000
WINDOW = 64
"""A number at most so far behind the newest is a message delivered late or again; one farther behind, or 0, is a
counter that began anew."""
FARTHEST = 1_000_000
"""A jump beyond this is another counter, not so many lost messages."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as its birth certificate declared it."""

    device: str
    """Empty for the edge node's own."""
    name: str
    datatype: int
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One Sparkplug edge node: what its births declared, and the last sequence number."""

    seq: int | None = None
    birth: int | None = None
    """bdSeq of the last NBIRTH; only the death certificate with the same one is meant."""
    up: bool = False
    named: Mapping[str, Mapping[str, Metric]] = field(default_factory=dict)
    """Metrics by device and name."""
    aliases: Mapping[int, Metric] = field(default_factory=dict)

    def declare(self, device: str, metrics: Mapping[str, Metric], aliases: Mapping[int, Metric]) -> Node:
        """After a birth of one device (or of the node itself), which replaces what that device declared before."""
        kept = {alias: metric for alias, metric in self.aliases.items() if metric.device != device}
        return replace(self, named={**self.named, device: metrics}, aliases={**kept, **aliases})


class Memory:
    """Everything that is remembered. `plain` is it as JSON has it."""

    def __init__(self, plain: Mapping[str, Any] | None = None) -> None:
        given = plain or {}
        self.counters: dict[str, tuple[int, int]] = {who: (n, m) for who, (n, m) in given.get("counters", {}).items()}
        """By sender: the newest number, and which of the WINDOW before it never came (bit k: number - 1 - k)."""
        self.nodes: dict[str, Node] = {name: _node(node) for name, node in given.get("nodes", {}).items()}

    def plain(self) -> dict[str, Any]:
        """For a snapshot."""
        return {"counters": self.counters, "nodes": {name: _plain(node) for name, node in self.nodes.items()}}

    def copy(self) -> Memory:
        """As it is now."""
        other = Memory()
        other.counters, other.nodes = dict(self.counters), dict(self.nodes)
        return other

    def restore(self, other: Memory) -> None:
        """Go back to a copy."""
        self.counters, self.nodes = dict(other.counters), dict(other.nodes)

    def hear(self, sender: str, number: int, rows: Rows) -> None:
        """A sender's running number. What is missing before it is a gap; a counter that began anew is none."""
        last, missing = self.counters.get(sender, (number, 0))
        step = number - last
        if step > 0 and step <= FARTHEST:
            if step > 1:
                rows.gap(sender, last, number, step - 1)
            shifted = (missing << step) | (1 << (step - 1)) - 1 if step <= WINDOW else -1
            self._count(sender, number, shifted & (1 << WINDOW) - 1)
        elif -WINDOW <= step < 0 and number:
            bit = 1 << (-step - 1)
            if missing & bit:
                rows.gap(sender, last, number, -1)
                self._count(sender, last, missing & ~bit)
        else:
            self._count(sender, number, missing if step == 0 else 0)

    def _count(self, sender: str, number: int, missing: int) -> None:
        if sender in self.counters or len(self.counters) < COUNTERS:
            self.counters[sender] = (number, missing)


def _plain(node: Node) -> dict[str, Any]:
    numbers = {id(metric): alias for alias, metric in node.aliases.items()}
    return {
        "seq": node.seq, "birth": node.birth, "up": node.up,
        "named": {
            device: [[m.name, m.datatype, m.unit, numbers.get(id(m))] for m in metrics.values()]
            for device, metrics in node.named.items()
        },
    }  # fmt: skip


def _node(plain: Mapping[str, Any]) -> Node:
    named: dict[str, Mapping[str, Metric]] = {}
    aliases: dict[int, Metric] = {}
    for device, rows in plain["named"].items():
        metrics = [Metric(device, name, datatype, unit) for name, datatype, unit, _ in rows]
        aliases |= {row[3]: metric for row, metric in zip(rows, metrics, strict=True) if row[3] is not None}
        named[device] = {metric.name: metric for metric in metrics}
    return Node(plain["seq"], plain["birth"], plain["up"], named, aliases)
