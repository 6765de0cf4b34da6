"""Follows one test of a sensor in the journal, from its beginning to its result.

Constraints. It reads; what counts is what judging wrote. The result is that of the line that ends the test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from collector.times import SECOND
from detectors.records import spelled

PASSED, UNREACHED, NOTHING = "passed", "unreached", "nothing"
Line = Mapping[str, Any]


class Journaled(Protocol):
    """What is read of judging."""

    def journal(self, after: int, limit: int = 1000) -> list[tuple[int, str, str]]: ...


@dataclass(slots=True)
class Trial:
    """A test as it is known so far; `begun` is the journal line that began it."""

    begun: Line
    seq: int = 0
    raised: dict[str, float] = field(default_factory=dict)
    """Occurrence -> s after the beginning; alarms that call people."""
    standing: set[str] = field(default_factory=set)
    reached: dict[str, float] = field(default_factory=dict)
    """Channel -> s after the alarm."""
    ended: Line | None = None

    def __post_init__(self) -> None:
        self.seq = int(self.begun["seq"])

    @property
    def id(self) -> str:
        """The id of the action that began it, which its alarms' lines bear."""
        return str(self.begun["action"])

    @property
    def over(self) -> bool:
        """True once something was raised, all of it has returned, and somebody was told."""
        return bool(self.raised and self.reached) and not self.standing

    @property
    def result(self) -> str:
        """What it showed; nothing before it has ended."""
        return "" if self.ended is None else str(self.ended["why"]["key"]).rpartition(".")[2]

    def news(self, judged: Journaled) -> Iterator[str]:
        """What happened since this was last asked, a sentence each."""
        while self.ended is None and (page := judged.journal(self.seq)):
            for self.seq, text, _ in page:
                line = json.loads(text)
                said = self._take(line) if (line["why"] or {}).get("test") == self.id else ""
                if said:
                    yield said

    def _take(self, line: Line) -> str:
        why, after = line["why"], (line["now"] - self.begun["now"]) / SECOND
        if line["change"] == "test_ended":
            self.ended = line
            return f"ended after {after:.1f} s"
        if line["change"] == "reached":
            self.reached[why["channel"]] = float(why.get("seconds", 0.0))
            return f"{why['channel']} took the notice of {why['alarm']} {self.reached[why['channel']]:.1f} s after it"
        name = spelled(line["rule"], line["sensor"], line["occurrence"])
        if line["change"] == "raised" and line["priority"] != "log":
            self.raised[name] = after
            self.standing.add(name)
            hidden = " (suppressed by a higher one)" if line["isa"] == "F" else ""
            return f"{name} {line['priority']} raised after {after:.1f} s{hidden}"
        if line["change"] == "returned":
            self.standing.discard(name)
            return f"{name} returned after {after:.1f} s"
        return ""

    def document(self) -> dict[str, Any]:
        """All of it for a program."""
        return {
            "version": 1, "sensor": self.begun["sensor"], "test": self.id, "by": self.begun["by"],
            "note": self.begun["note"], "begun": self.begun["now"],
            "ended": None if self.ended is None else self.ended["now"], "result": self.result,
            "raised": [{"alarm": name, "after": round(after, 3)} for name, after in self.raised.items()],
            "reached": [{"channel": name, "after": round(after, 3)} for name, after in self.reached.items()],
        }  # fmt: skip
