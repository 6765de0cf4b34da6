"""What the alarms ask of people: which are annunciated, in which order, and the figures of ISA-18.2.

Only annunciations count (neither returns nor acknowledgements nor what is hidden), and empty windows count too.
Sources: ISA-18.2-2016 clauses 16.4.2-16.4.8 through secondary texts (reference: peers, section 3); chatter as three
activations within a minute is practice, not the standard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from detectors.records import Change
from detectors.rule import Priority

K = TypeVar("K")
MINUTE = 60 * 10**9
WINDOW = 10 * MINUTE
FLOOD_BEGINS = 10
"""More than this many in a window begin a flood."""
FLOOD_ENDS = 5
"""Fewer than this many in a window end it."""
CALLS = ("raised", "unsuppressed", "unshelved", "shelf_ended", "in_service", "service_ended")
"""Changes after which an alarm may be seen for the first time."""
CHATTER = 3
"""Activations of one alarm within a minute."""
STALE = 24 * 60 * MINUTE


def annunciated(change: Change) -> bool:
    """True if the change calls a person: an alarm that is new to them, not hidden and not of priority log."""
    return change.change in CALLS and change.isa == "B" and change.priority != "log"


def order(alarm: Mapping[str, Any]) -> tuple[bool, int, int]:
    """Sort key of a list of standing alarms: unacknowledged first, then priority, then the newest."""
    return (bool(alarm["acked"]), -Priority[str(alarm["priority"]).upper()], -int(alarm["since"]))


@dataclass(frozen=True, slots=True)
class Figures:
    """ISA-18.2 figures of a span of time."""

    alarms: int
    windows: int
    per_window: float
    """Mean annunciations per 10 min (target about 1, at most 2)."""
    most: int
    """Most in one window of 10 min (target at most 10)."""
    in_flood: float
    """Fraction of the windows in flood (target below 0.01)."""
    top: tuple[tuple[str, int], ...]
    """The ten alarms that called most often."""
    top_share: float
    chattering: tuple[str, ...]
    stale: tuple[str, ...]


def figures(changes: Iterable[Change], start: int, end: int) -> Figures:
    """The figures over [start, end) ns; `changes` in order, from the journal's beginning (stale needs the past)."""
    called: list[tuple[int, str]] = []
    since: dict[str, int] = {}
    for change in changes:
        name = f"{change.rule}/{change.sensor}"
        if change.change == "raised":
            since[name] = change.now
        elif change.change in ("returned", "removed"):
            since.pop(name, None)
        if annunciated(change) and start <= change.now < end:
            called.append((change.now, name))
    counts = _per_window([now for now, _ in called], start, end)
    top = Counter(name for _, name in called).most_common(10)
    return Figures(
        alarms=len(called),
        windows=len(counts),
        per_window=len(called) / len(counts),
        most=max(counts),
        in_flood=_flooded(counts) / len(counts),
        top=tuple(top),
        top_share=sum(n for _, n in top) / len(called) if called else 0.0,
        chattering=tuple(sorted(chattering(called))),
        stale=tuple(sorted(name for name, began in since.items() if end - began > STALE)),
    )


def _per_window(times: Sequence[int], start: int, end: int) -> list[int]:
    counts = [0] * max(1, -(-(end - start) // WINDOW))
    for now in times:
        counts[(now - start) // WINDOW] += 1
    return counts


def _flooded(counts: Sequence[int]) -> int:
    flooded, inside = 0, False
    for count in counts:
        inside = count > FLOOD_BEGINS or (inside and count >= FLOOD_ENDS)
        flooded += inside
    return flooded


def chattering(called: Sequence[tuple[int, K]]) -> set[K]:
    """Who called CHATTER times within a minute; (ns, who) in order."""
    recent: dict[K, list[int]] = {}
    found = set()
    for now, name in called:
        times = [t for t in recent.get(name, []) if now - t < MINUTE] + [now]
        recent[name] = times
        if len(times) >= CHATTER:
            found.add(name)
    return found
