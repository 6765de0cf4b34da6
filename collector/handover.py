"""The sheet that one shift hands to the next: what stands, what is hidden and by whom, what is not watched.

Constraints. It reads judging's rows and journal and the book of calls, and decides nothing. The journal's last hash is
on it, so a chain that is rewritten afterwards no longer fits the sheet in the drawer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from collector.calls import read_memory
from collector.errors import Unavailable
from collector.handover_words import word, words
from collector.judged import Judged, every_line
from collector.liveness import not_live
from collector.times import shown
from collector.verb import table
from collector.verbs_alarms import ORDER, state
from collector.verbs_hazards import is_overdue, last_done
from dashboards.console.figures import Lang, Local, age, measured
from dashboards.console.words import because

HOUR = 3600 * 10**9
SHIFT = 12 * HOUR
"""How far back the counts go where nothing else is said."""
BY_PEOPLE = ("shelved", "out_of_service")
OVERDUE = "overdue_hazards"
SECTIONS: Mapping[str, str] = {
    "standing": "standing",
    "shelved": "section_shelved",
    "out_of_service": "section_out_of_service",
    "suppressed": "section_suppressed",
    "not_watching": "section_not_watching",
    OVERDUE: "overdue_hazards",
}
"""Each section's title, among the sheet's words."""
HEAD = ("alarm", "state", "priority", "area", "value", "limit", "since", "until", "by", "note")
CSS = ("body{font:14px sans-serif;margin:2em;color:#111}table{border-collapse:collapse;margin-bottom:1.5em;width:100%}"
       "th,td{border:1px solid #999;padding:.25em .5em;text-align:left;vertical-align:top}th{background:#eee}"
       "h2{font-size:1.1em}.none{color:#555}")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet; `sections` holds rows of HEAD by the names of SECTIONS."""

    site: str
    zone: ZoneInfo
    now: int
    simulated: bool
    watching: int
    of: int
    sections: Mapping[str, Sequence[Sequence[str]]]
    counts: Mapping[str, int] = field(default_factory=dict)
    """Changes since the shift began."""
    calling: Sequence[str] = ()
    seq: int = 0
    hash: str = ""
    lang: Lang = "en"
    dead: str = ""
    """What is said first when judging's word is no longer of now."""

    def title(self) -> str:
        """Site and time, and SIMULATION where it is one."""
        mark = self._word("simulation") if self.simulated else ""
        return mark + self._word("title", site=self.site, time=shown(self.now, self.zone))

    def facts(self) -> list[str]:
        """The lines that are no table."""
        counted = [self._word("counted", count=count, change=self._word(change))
                   for change, count in self.counts.items()] or [self._word("nothing")]  # fmt: skip
        lines = [self._word("watched_of", watching=self.watching, of=self.of),
                 self._word("in_shift", counted=("，" if self.lang == "zh" else ", ").join(counted))]  # fmt: skip
        lines += [self._word("calling", name=name) for name in self.calling]
        lines = [self.dead, *lines] if self.dead else lines
        return [*lines, self._word("journal", seq=self.seq, hash=self.hash or self._word("none"))]

    def text(self) -> str:
        """For a terminal."""
        parts = [self.title(), "", *self.facts()]
        for name, title in SECTIONS.items():
            rows = self.sections[name]
            shown_rows = table(self._head(), rows) if rows else self._word("none")
            parts += ["", f"{self._word(title)} ({len(rows)})", shown_rows]
        return "\n".join(parts)

    def _head(self) -> list[str]:
        return [self._word(name) for name in HEAD]

    def _word(self, key: str, **fields: object) -> str:
        return word(self.lang, key, **fields)

    def html(self) -> str:
        """A page to print; all that people and devices wrote is escaped."""
        title = escape(self.title())
        parts = ["<!doctype html>", f'<html lang="{self.lang}"><head><meta charset="utf-8">', f"<title>{title}</title>",
                 f"<style>{CSS}</style></head><body>", f"<h1>{title}</h1>",
                 *(f"<p>{escape(fact)}</p>" for fact in self.facts())]  # fmt: skip
        for name, title in SECTIONS.items():
            rows, none = self.sections[name], f'<p class="none">{self._word("none")}</p>'
            parts.append(f"<h2>{self._word(title)} ({len(rows)})</h2>")
            parts.append(_table(self._head(), rows) if rows else none)
        return "\n".join([*parts, "</body></html>", ""])

    def document(self) -> dict[str, Any]:
        """For a program; its keys are English, its cells in the sheet's language."""
        rows = {name: [dict(zip(HEAD, row, strict=True)) for row in found] for name, found in self.sections.items()}
        return {"version": 1, "site": self.site, "now": self.now, "simulation": self.simulated, "live": not self.dead,
                "watching": self.watching, "of": self.of, "counts": dict(self.counts), "calling": list(self.calling),
                "journal": {"lines": self.seq, "hash": self.hash}, **rows}  # fmt: skip


def sheet_of(folder: Path, since: int | None = None, lang: Lang = "en") -> Sheet:
    """The sheet of a data folder; counts from `since` (ns of `now`), else over the last SHIFT.

    Raises `Unavailable` where nothing was judged yet: an empty sheet would read as a quiet shift.
    """
    judged = Judged(folder)
    status = judged.status()
    if "site" not in status:
        raise Unavailable(f"{folder}: nothing was judged there yet; is it the right data folder?")
    now, zone = int(status.get("now") or 0), ZoneInfo(status.get("timezone") or "UTC")
    begin = now - SHIFT if since is None else since
    who, counts, seq, digest = _journal(judged, begin)
    made = _Rows(zone, now, who, lang)
    rows: dict[str, list[Sequence[str]]] = {name: [] for name in SECTIONS}
    for row in sorted(judged.alarms(), key=_place):
        for name in _sections(row):
            rows[name].append(made.row(row, name))
    rows[OVERDUE] = [made.hazard(one) for one in judged.hazards() if is_overdue(one, now)]
    calling = [name for name, one in read_memory(folder).opens.items() if one.calls]
    return Sheet(
        str(status.get("site", "")), zone, now, bool(status.get("simulated")), int(status.get("watching", 0)),
        int(status.get("of", 0)), rows, counts, calling, seq, digest, lang, not_live(status, lang),
    )  # fmt: skip


def _place(row: Mapping[str, Any]) -> tuple[int, str, str, str]:
    """The worst first, then as somebody walks through the site."""
    return ORDER.get(row["priority"], len(ORDER)), row["area"], row["rule"], row["subject"]


def _sections(row: Mapping[str, Any]) -> Iterable[str]:
    stands = row["active"] or row["latched"] or not row["acked"]
    if stands and row["priority"] != "log" and not row["hidden"]:
        yield "standing"
    yield from row["hidden"]
    if not row["watching"] and "out_of_service" not in row["hidden"] and not row["removed"]:
        yield "not_watching"


@dataclass(frozen=True, slots=True)
class _Rows:
    """Makes rows of HEAD."""

    zone: ZoneInfo
    now: int
    who: Mapping[tuple[str, str, str], str]
    lang: Lang

    def row(self, row: Mapping[str, Any], section: str) -> Sequence[str]:
        value = measured(row["value"], row["unit"], row.get("states") or ())
        limit = measured(row["limit"], row["unit"])
        by = self.who.get((row["rule"], row["subject"], section), row["accepted_by"] if section == "standing" else "")
        ends = row["until"] if row["hidden"] else None
        until = self._until(ends) if ends else ""
        said = row["note"] if section in ("standing", *BY_PEOPLE) else ""
        name = f"{row['rule']}/{row['subject']}" + (f"#{row['occurrence']}" if row["occurrence"] else "")
        since = shown(row["since"], self.zone)
        standing, priority = words(self.lang, state(row)), word(self.lang, row["priority"])
        reason = because(row["why"], row["limit"], row["unit"], self.lang, Local(self.zone.key))
        return name, standing, priority, row["area"], value, limit, since, until, by, said or reason

    def hazard(self, row: Mapping[str, Any]) -> Sequence[str]:
        """An overdue one: since when it is open, when it was due, who has it, what was done last."""
        count = sum(one["count"] for one in row["occurrences"])
        alarms = word(self.lang, "one_alarm" if count == 1 else "several_alarms", count=count)
        late, priority = word(self.lang, "overdue_alarms", alarms=alarms), word(self.lang, row["priority"])
        since, due, by = shown(row["opened"], self.zone), self._until(row["due"]), row["owner"]
        about = (row["name"], late, priority, row["area"], "", "", since, due)
        return (*about, by or word(self.lang, "nobody"), last_done(row))

    def _until(self, end: int) -> str:
        """When, and how long until then or since."""
        left = end - self.now
        apart = word(self.lang, "in" if left >= 0 else "ago", age=age(abs(left), self.lang))
        return f"{shown(end, self.zone)} ({apart})"


def _journal(judged: Judged, begin: int) -> tuple[dict[tuple[str, str, str], str], dict[str, int], int, str]:
    """Who hid what last; how many of each change since `begin`; the last line's number and hash."""
    who: dict[tuple[str, str, str], str] = {}
    counts: dict[str, int] = {}
    seq, digest = 0, ""
    for seq, text, digest in every_line(judged):  # noqa: B007
        line = json.loads(text)
        if line["change"] in BY_PEOPLE:
            who[(line["rule"], line["sensor"], line["change"])] = line["by"]
        if line["now"] >= begin and line["priority"] != "log":
            counts[line["change"]] = counts.get(line["change"], 0) + 1
    return who, counts, seq, digest


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
