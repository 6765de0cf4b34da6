"""How a run of the demo came out: what was raised, beside what should have been, and whether the ledger balances.

Constraints. It only reads the data folder, after or while the roles run. A truth counts as met when a rule it names was
raised on its sensor, or on a group, since the start. Truths that had no time to be found are not asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from collector.judged import Judged, every_line
from collector.ledger import balance, read_counts, text
from collector.receipts import announced
from collector.spool import SpoolReader
from collector.stored import stored
from collector.times import SECOND, shown
from collector.verb import table
from dashboards.console.figures import Local
from dashboards.console.words import because
from detectors.site import Site
from simulators.scenario import Scenario

TIME_TO_FIND = 25.0
"""s that a truth is given to be found."""
HEAD = ("time", "priority", "place", "rule", "sensor", "value", "limit", "unit", "reason", "state")


@dataclass(frozen=True, slots=True)
class Expected:
    """A rule that must have been raised on a subject (any, for a rule on groups), and what it is the sign of."""

    rule: str
    subject: str | None
    truth: str

    @classmethod
    def of(cls, scenario: Scenario, elapsed: float, site: Site) -> list[Expected]:
        """What the truths expect after `elapsed` s; what began before the scenario is given all of it to be found."""
        subjects = {rule.name: {subject.id for subject in rule.subjects} for rule in site.rules}
        found = []
        for truth in scenario.truths:
            due = scenario.lasts_s if truth.start_s < 0 else truth.start_s + TIME_TO_FIND
            if due <= elapsed:
                for rule in truth.rules:
                    on = truth.sensor if truth.sensor in subjects.get(rule, ()) else None
                    found.append(cls(rule, on, truth.kind))
        return found

    def met_by(self, line: Mapping[str, Any]) -> bool:
        """True if this journal line is it."""
        raised = line["change"] == "raised" and line["rule"] == self.rule
        return raised and self.subject in (None, line["sensor"])


class Outcome:
    """What a data folder says of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.judged = Judged(folder)

    def raised(self, since: int) -> list[dict[str, Any]]:
        """Journal lines of alarms raised since a time (ns)."""
        return [line for line in self._journal() if line["change"] == "raised" and line["now"] >= since]

    def raised_table(self, since: int) -> str:
        """What was raised: when, how urgent, where, why, and how it stands."""
        name = self.judged.status().get("timezone") or "UTC"
        zone, local = ZoneInfo(name), Local(name)
        standing = {(row["rule"], row["subject"]): row for row in self.judged.alarms()}
        rows = [
            (
                shown(line["now"], zone)[11:], line["priority"], line["area"], line["rule"], line["sensor"],
                line["value"], line["limit"], _unit(line, standing), _reason(line, local), _state(line, standing),
            )
            for line in self.raised(since)
            if line["priority"] != "log"
        ]  # fmt: skip
        return table(HEAD, rows, ("value", "limit")) if rows else "nothing was raised"

    def ledger_text(self) -> str:
        """The ledger."""
        return text(read_counts(self.folder))

    def problems(self, expected: Sequence[Expected], since: int) -> list[str]:
        """All that is not as expected."""
        raised = self.raised(since)
        missing = [
            f"{one.truth}: {one.rule} was not raised" + (f" on {one.subject}" if one.subject else "")
            for one in expected
            if not any(one.met_by(line) for line in raised)
        ]
        return missing + [str(one) for one in balance(read_counts(self.folder))]

    def settled(self) -> bool:
        """True once judge, stores and announcing have come to the end of what they follow."""
        if self.judged.status().get("seal", 0) < SpoolReader(self.folder).last():
            return False
        last = max((seq for seq, _, _ in every_line(self.judged)), default=0)
        told = all(numbers["cursor"] >= last for numbers in announced(self.folder).values())
        return told and all(numbers["waiting"] == 0 for numbers in stored(self.folder).values())

    def _journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for _, line, _ in every_line(self.judged)]


def _unit(line: Mapping[str, Any], standing: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
    unit = standing.get((line["rule"], line["sensor"]), {}).get("unit", "")
    return "" if unit == "1" else str(unit)


def _reason(line: Mapping[str, Any], local: Local) -> str:
    return because(line["why"], line["limit"], "", "en", local)


def _state(line: Mapping[str, Any], standing: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
    row = standing.get((line["rule"], line["sensor"]))
    if row is None or row["occurrence"] != line["occurrence"]:
        return "came again" if row is not None else "gone"
    since = "active" if row["active"] else "latched" if row["latched"] else f"returned after {_span(row, line)}"
    return since + ("" if row["acked"] else ", unacknowledged") + "".join(f", {word}" for word in row["hidden"])


def _span(row: Mapping[str, Any], line: Mapping[str, Any]) -> str:
    return f"{max(0, (row['time'] or 0) - line['now']) / SECOND:.0f} s"
