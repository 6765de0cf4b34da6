"""What an inspector asks of a period: rules, revisions, overrides, what was not watched, tests, alarms and answers.

Constraints. It reads the journal in one pass a question, judging's rows, the log's revisions and the ledger; it decides
nothing and keeps no reading. Every text is in the language that was asked for; names, notes and units are as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import numpy as np

from collector.applying import differences, in_force, revisions
from collector.counting import HOUR, Counting, Hidden, spread
from collector.errors import Unavailable
from collector.journal import verify
from collector.judged import Judged, every_line
from collector.ledger import read_at_rest, verdict
from collector.loosening import loosened
from collector.message import ORIGINS
from collector.report_words import CAUSES, SECTIONS, Words
from collector.times import shown
from dashboards.console.figures import Lang, Local, age, behind, number
from dashboards.console.words import because
from detectors.attention import Figures, figures
from detectors.records import Change, tested_by
from detectors.rule import Priority, Rule, compared_in
from detectors.sensor import OWN
from detectors.site import read_site, series

Row = Sequence[str]
LEAST = HOUR // 200
"""ns not watched for which a sensor has a line of its own: what is written as 0.01 h; the sum has all."""


@dataclass(slots=True)
class Report:
    """One report; `sections` holds rows of texts by the names of SECTIONS."""

    site: str
    zone: ZoneInfo
    words: Words
    start: int
    end: int
    simulated: bool
    counting: Counting
    figures: Figures
    head: tuple[int, str, str | None]
    """The journal's last number and hash, and what is wrong with the chain."""
    ledger: str
    sections: dict[str, list[Row]] = field(default_factory=dict)


def report_of(folder: Path, start: int, end: int, language: Lang) -> Report:
    """The report of [start, end) ns. Raises `Unavailable` where nothing was judged."""
    judged = Judged(folder)
    status = judged.status()
    if "site" not in status:
        raise Unavailable(f"{folder}: nothing was judged there yet; is it the right data folder?")
    counting, zone = Counting(start, end), ZoneInfo(status["timezone"])
    for _, text, _ in every_line(judged):
        counting.take(json.loads(text))
    counting.close(int(status["now"]), {(row["rule"], row["subject"]) for row in judged.alarms()})
    tail = [(0, "")]
    problem = verify(_whole(judged, tail))
    counts, wrong = read_at_rest(folder)
    words = Words(language)
    messages = sum(counts.get(f"spool.{origin}", 0) for origin in ORIGINS)
    fine = words("balances", messages=f"{messages:,}", readings=f"{counts.get('judge.readings', 0):,}")
    report = Report(
        status["site"], zone, words, start, end, bool(status["simulated"]), counting,
        _figures(judged, counting, int(status["now"])), (*tail[0], problem), verdict(counts, wrong) if wrong else fine,
    )  # fmt: skip
    made = _Sections(report, folder, judged)
    report.sections = {name: list(getattr(made, name)()) for name in SECTIONS}
    return report


def _whole(judged: Judged, tail: list[tuple[int, str]]) -> Iterator[str]:
    for seq, text, digest in every_line(judged):
        tail[0] = seq, digest
        yield text


def _figures(judged: Judged, counting: Counting, now: int) -> Figures:
    """Over that part of the period of which there is a journal: the rest would look like quiet."""
    begin = max(counting.start, counting.first)
    return figures(_changes(judged), begin, max(begin + 1, min(counting.end, now)))


def _changes(judged: Judged) -> Iterator[Change]:
    """The lines that the figures count: of real alarms."""
    for _, text, _ in every_line(judged):
        line = json.loads(text)
        if not tested_by(line):
            yield cast(Change, SimpleNamespace(**line))


@dataclass(frozen=True, slots=True)
class _Sections:
    """Makes the rows; a method a section."""

    report: Report
    folder: Path
    judged: Judged

    def when(self, time: int | None) -> str:
        return shown(time, self.report.zone)

    def span(self, ns: float) -> str:
        return age(round(ns), self.report.words.language)

    def why(self, line: Mapping[str, Any]) -> str:
        local = Local(self.report.zone.key)
        return because(line["why"], line.get("limit"), "", self.report.words.language, local)

    def rules(self) -> Iterator[Row]:
        document = in_force(self.folder)
        site = read_site(document) if document is not None else None
        units = {one.id: one.unit for one in series(site)} if site is not None else {}
        for rule in site.rules if site is not None else ():
            subjects = [subject.id for subject in rule.subjects if not subject.id.startswith(OWN)]
            if not subjects:
                continue
            unit = compared_in(rule.detector, units.get(rule.subjects[0].inputs[0][1], ""))
            respond = self.span(rule.respond_within) if rule.respond_within else ""
            yield (rule.name, rule.detector.kind, self.report.words(rule.priority.name.lower()), _limits(rule, unit),
                   rule.citation, rule.consequence, respond, _listed(subjects))  # fmt: skip

    def revisions(self) -> Iterator[Row]:
        documents = revisions(self.folder)
        for line in self.report.counting.revisions:
            number = int(line["revision"])
            old, new = documents.get(number - 1), documents.get(number)
            weaker, changed = "", self.report.words("not_in_log")
            if new is not None and (old is not None or number == 1):
                weaker = "; ".join(loosened(old, new, self.report.words.language))
                changed = "; ".join(differences(old, new))
            yield self.when(line["now"]), str(number), line["by"], line["note"], weaker, changed

    def overrides(self) -> Iterator[Row]:
        for one in self.report.counting.hidden:
            yield self._override(one)
        for rule, ns in self.report.counting.suppressed.most_common():
            yield (self.report.words("suppressed"), rule, "", "", self.report.words("in_all", span=_hours(ns)), "", "")

    def _override(self, one: Hidden) -> Row:
        end = self.when(one.ended) or self.report.words("lasts")
        spent = (one.ended if one.ended is not None else self.report.counting.last) - one.begun
        name = f"{one.rule}/{one.subject}"
        return (self.report.words(one.kind), name, self.when(one.begun), end, self.span(spent), one.by, one.note)

    def not_watched(self) -> Iterator[Row]:
        words, counting = self.report.words, self.report.counting
        if counting.blind:
            yield words("whole_site"), words("blind"), _hours(counting.blind)
        spent = dict(counting.unwatched)
        for row in self.judged.alarms():
            if (row["rule"], row["subject"]) not in counting.known and not row["watching"] and not row["removed"]:
                key = row["subject"], "judge.start"
                spent[key] = max(spent.get(key, 0), counting.inside(counting.first, counting.last))
        own = [item for item in spent.items() if not item[0][0].startswith(OWN)]
        for (subject, cause), ns in sorted(own, key=lambda item: (-item[1], item[0])):
            if ns >= LEAST:
                yield subject, words(cause) if cause in CAUSES else self.why({"why": {"key": cause}}), _hours(ns)
        if own:
            yield words("sum"), "", _hours(sum(ns for _, ns in own))

    def handled(self) -> Iterator[Row]:
        for line in self.report.counting.handled:
            change = self.report.words(line["change"])
            yield self.when(line["now"]), line["sensor"], change, self.why(line), line["by"], line["note"]

    def answers(self) -> Iterator[Row]:
        for priority in sorted((p for p in Priority if p is not Priority.LOG), reverse=True):
            answer = self.report.counting.responses.get(priority.name.lower())
            if answer is None:
                continue
            cells: list[str] = []
            for spent in (answer.acknowledged, answer.accepted):
                found = spread(spent)
                three = [self.span(s * 1e9) for s in found] if found is not None else ["", "", ""]
                cells += [str(answer.raised - len(spent)), *three]
            yield self.report.words(priority.name.lower()), str(answer.raised), *cells

    def hazards(self) -> Iterator[Row]:
        words, last = self.report.words, self.report.counting.last
        for row in self.judged.hazards(closed=True):
            ended = row["closed"]
            if row["opened"] >= self.report.end or (ended is not None and ended < self.report.start):
                continue
            overdue = (last if ended is None else ended) > row["due"]
            state = words("closed" if ended is not None else "overdue" if overdue else "open")
            closed = " ".join(filter(None, (self.when(ended), row["closed_by"], row["closed_note"])))
            yield (row["name"], words(row["priority"]), self.when(row["opened"]), row["owner"], self.when(row["due"]),
                   state, closed)  # fmt: skip


def _limits(rule: Rule, unit: str) -> str:
    """Each limit with its unit, as the site file's parameters have it; resets are left out."""
    said = []
    for name, wanted in rule.detector.limit_parameters.items():
        given = getattr(rule.detector, name, None)
        if given is None or "reset" in name:
            continue
        values = sorted({v for v in np.ravel(np.asarray(given, np.float64)).tolist() if abs(v) < float("inf")})
        own = unit if "{unit}" in wanted else wanted
        if values:
            text = ", ".join(number(v) for v in values[:4]) + (", ..." if len(values) > 4 else "")
            said.append(("" if name == "limit" else f"{name} ") + text + behind(own))
    return "; ".join(said)


def _listed(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f", +{len(names) - most}" if len(names) > most else "")


def _hours(ns: int) -> str:
    return f"{ns / HOUR:.2f}"
