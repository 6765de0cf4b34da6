"""How much a desk has to bear: ISA-18.2's figures of each whole 10 min, as readings of the desk.

Constraints. Counted from the changes alone, in their order, at whole windows of `now`: same log, same rows.
Source: ISA-18.2-2016 clauses 16.4.2 to 16.4.8 through secondary texts (reference: peers, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from detectors.attention import FLOOD_BEGINS, FLOOD_ENDS, STALE, chattering
from detectors.records import Change, Key, spelled
from detectors.rule import Series

DESK = "desk/"
"""How the name of a desk's series begins."""
FIGURES: Mapping[str, str] = {
    "alarms": "alarms that called this desk in 10 min, whether each was heard by itself or joined another",
    "notices": "what the desk heard of them",
    "flood": "1 from more than 10 alarms in 10 min until fewer than 5",
    "standing": "alarms that stand and are shown",
    "stale": "of these, standing for more than 24 h",
    "chattering": "alarms that came three times within a minute, in these 10 min",
}


def desk_series(desks: Sequence[str]) -> list[Series]:
    """The series of some desks, in the order of the figures."""
    names = [(f"{DESK}{desk}", figure) for desk in desks for figure in FIGURES]
    return [Series(f"{name}.{figure}", name, "", figure, "1") for name, figure in names]


@dataclass(slots=True)
class Load:
    """What one desk has had since the last whole window."""

    called: list[tuple[int, Key]] = field(default_factory=list)
    heard: int = 0
    standing: dict[Key, int] = field(default_factory=dict)
    """Since when (ns), oldest first."""
    flooded: bool = False

    def note(self, change: Change) -> None:
        """One change of an alarm of this desk."""
        key = (change.rule, change.sensor)
        if change.notice and change.change != "joined":
            self.called.append((change.now, key))
        self.heard += change.notice == spelled(*key, change.occurrence)
        if change.isa in ("B", "C", "D") and change.priority != "log":
            self.standing.setdefault(key, change.now)
        elif change.isa:
            self.standing.pop(key, None)

    def close(self, at: int) -> list[float]:
        """The figures of the window that ends at `at`, in the order of FIGURES; the next window begins."""
        alarms = len(self.called)
        self.flooded = alarms > FLOOD_BEGINS or (self.flooded and alarms >= FLOOD_ENDS)
        stale = 0
        for since in self.standing.values():
            if at - since <= STALE:
                break
            stale += 1
        figures = [alarms, self.heard, self.flooded, len(self.standing), stale, len(chattering(self.called))]
        self.called, self.heard = [], 0
        return [float(figure) for figure in figures]
