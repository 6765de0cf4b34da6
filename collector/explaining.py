"""Why one alarm was raised: rule, value over time, limit, clause, what was done, what to do; and all of it packed.

Constraints. It reads what judging, history and the log hold, and adds no judgement. The packed evidence can be checked
without this data folder: journal lines with their hashes, the revision in force, the readings as CSV.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from collector.applying import in_force
from collector.evidence_pack import write_pack
from collector.history import History
from collector.judged import Judged, every_line
from collector.times import SECOND, age, shown
from collector.verb import table
from dashboards.console.figures import Local, measured
from dashboards.console.labels import quality_words
from dashboards.console.words import because
from detectors.hazards import CHANGES

BEFORE = 3600 * SECOND
"""ns of readings shown from before the alarm."""
ROWS = 30
Reading = tuple[int, float | None, int]


@dataclass(frozen=True, slots=True)
class Story:
    """One alarm's occurrence: its pair as judging knows it, its journal lines, and the readings it rests on."""

    pair: Mapping[str, Any]
    occurrence: int
    lines: list[dict[str, Any]]
    timezone: str
    readings: Mapping[str, list[Reading]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, rule: str, subject: str, occurrence: int | None) -> Story | None:
        """The story of an occurrence, the newest if None; None if judging knows no such alarm."""
        judged = Judged(folder)
        pair = next((p for p in judged.alarms() if (p["rule"], p["subject"]) == (rule, subject)), None)
        if pair is None or (occurrence is not None and not 0 <= occurrence <= pair["occurrence"]):
            return None
        number = pair["occurrence"] if occurrence is None else occurrence
        lines = [line for line in _journal(judged) if (line["rule"], line["sensor"]) == (rule, subject)]
        mine = [line for line in lines if line["occurrence"] == number]
        status = judged.status()
        first = mine[0]["time"] if mine else status["now"]
        last = next((line["now"] for line in mine if line["change"] == "returned"), status["now"])
        names = [*pair.get("inputs", ()), *_derived(judged, rule, subject)]
        return cls(pair, number, mine, status["timezone"], _readings(folder, names, first - BEFORE, last + SECOND))

    def document(self) -> dict[str, Any]:
        """All of it for a program."""
        return {
            "version": 1, "alarm": dict(self.pair), "occurrence": self.occurrence, "journal": self.lines,
            "readings": {name: [list(row) for row in rows] for name, rows in self.readings.items()},
        }  # fmt: skip


def words(story: Story) -> str:
    """The story for a person."""
    pair, zone, local = story.pair, ZoneInfo(story.timezone), Local(story.timezone)
    reason = next((line for line in reversed(story.lines) if line["change"] == "raised"), None)
    why = dict(pair["why"]) if reason is None else dict(reason["why"])
    value, limit = (pair[name] if reason is None else reason[name] for name in ("value", "limit"))
    parts = [
        f"{pair['rule']}/{pair['subject']}#{story.occurrence}  {pair['priority']}  {pair['area']}",
        f"reason       {because(why, limit, pair['unit'], 'en', local)}",
        f"value        {measured(value, pair['unit'], pair.get('states') or ()) or '-'}"
        f"   limit {measured(limit, pair['unit']) or '-'}",
        f"rule         {pair['kind']}" + (f"; {pair['citation']}" if pair.get("citation") else ""),
        f"do now       {pair['guidance'] or 'the rule gives no guidance'}",
    ]
    if pair["consequence"]:
        parts.append(f"else         {pair['consequence']}")
    parts.append("\nwhat happened")
    parts += [f"  {shown(line['now'], zone)}  {_change(line):<14} {_by(line)}".rstrip() for line in story.lines]
    for name, rows in story.readings.items():
        parts.append(f"\n{name}, the last {min(ROWS, len(rows))} of {len(rows)} readings")
        last = [(shown(time, zone), value, quality_words(flags, "en") or "good") for time, value, flags in rows[-ROWS:]]
        parts.append(table(("time", "value", "quality"), last, ("value",)))
    return "\n".join(parts)


def _change(line: Mapping[str, Any]) -> str:
    return f"hazard {line['change']}" if line["change"] in CHANGES else str(line["change"])


def pack(folder: Path, story: Story, file: Path) -> None:
    """Write the evidence: the alarm, its lines, the whole journal up to it, the revision, and the readings."""
    last = story.lines[-1]["seq"] if story.lines else 0
    journal = [text for text, line in _lines(Judged(folder)) if line["seq"] <= last]
    readings = ["time,sensor,value,quality"]
    for name, rows in story.readings.items():
        readings += [f"{time},{name},{'' if value is None else repr(value)},{quality}" for time, value, quality in rows]
    write_pack(
        file,
        {
            "alarm.json": json.dumps(story.document(), ensure_ascii=False, indent=1),
            "alarm.txt": words(story) + "\n",
            "journal.jsonl": "".join(line + "\n" for line in journal),
            "revision.json": json.dumps(in_force(folder), ensure_ascii=False, indent=1),
            "readings.csv": "\n".join(readings) + "\n",
        },
    )


def _readings(folder: Path, names: list[str], start: int, end: int) -> dict[str, list[Reading]]:
    history = History(folder)
    found = {}
    for name in names:
        columns = zip(*(column.tolist() for column in history.window(name, start, end)), strict=True)
        rows = [(time, None if value != value else value, quality) for time, value, quality in columns]
        if rows:
            found[name] = rows
    history.close()
    return found


def _derived(judged: Judged, rule: str, subject: str) -> list[str]:
    return sorted(row.name for row in judged.series().values() if row.name.startswith(f"{subject}/{rule}."))


def _journal(judged: Judged) -> list[dict[str, Any]]:
    return [line for _, line in _lines(judged)]


def _lines(judged: Judged) -> list[tuple[str, dict[str, Any]]]:
    return [(text, json.loads(text)) for _, text, _ in every_line(judged)]


def _by(line: Mapping[str, Any]) -> str:
    number = "" if line["value"] is None else f"{_number(line['value'])} "
    by = f"by {line['by']} " if line["by"] else ""
    late = line["now"] - line["time"]
    delay = f"(device time {age(late)} before) " if late > 5 * SECOND else ""
    return number + by + delay + (line["note"] or _ended(line))


def _ended(line: Mapping[str, Any]) -> str:
    """How an alarm about the system itself ended: works again, gone, reset."""
    own = line["change"] == "returned" and str(line["why"].get("key", "")).startswith("own.")
    return because(line["why"], None, "", "en", Local("UTC")) if own else ""


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
