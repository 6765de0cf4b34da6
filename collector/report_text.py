"""A report for a terminal, as a page to print, and for a program.

Constraints. The page is whole in itself: no script, no address. All that people and devices wrote is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from collector.report import Report, Row
from collector.report_words import SECTIONS
from collector.times import shown
from collector.verb import table

CSS = (
    "body{font:10.5pt/1.35 sans-serif;margin:1.5em auto;max-width:75em;padding:0 1em;color:#111;background:#fff}"
    "h1{font-size:1.5em;margin:.2em 0}h2{font-size:1.1em;margin:1.4em 0 .3em;border-bottom:1px solid #999}"
    "table{border-collapse:collapse;width:100%;font-size:.9em}th,td{border:1px solid #aaa;padding:.2em .4em;"
    "text-align:left;vertical-align:top;overflow-wrap:break-word}th{background:#eee;font-weight:600}"
    "thead{display:table-header-group}tr{break-inside:avoid}.n{text-align:right;white-space:nowrap}"
    ".bad{font-weight:700;border-left:4px solid #111;padding-left:.4em}.quiet{color:#555}"
    "@page{size:A4 landscape;margin:12mm}@media print{body{margin:0;max-width:none;padding:0}}"
)
NUMBERS = frozenset({"hours", "raised", "revision", "not_acked", "not_accepted", "ack_median", "ack_p90", "ack_worst",
                     "accept_median", "accept_p90", "accept_worst", "lasted"})  # fmt: skip


def title(report: Report) -> str:
    """Site, and SIMULATION where it is one."""
    mark = f"{report.words('simulation')} " if report.simulated else ""
    return mark + report.words("title", site=report.site)


def period(report: Report) -> str:
    """From when to when."""
    return report.words("period", start=shown(report.start, report.zone), end=shown(report.end, report.zone))


def figures(report: Report) -> Iterator[str]:
    """ISA-18.2's figures in sentences."""
    found, words = report.figures, report.words
    yield words("per_window", mean=f"{found.per_window:.2f}", most=found.most)
    yield words("in_flood", share=f"{100 * found.in_flood:.2f}")
    if found.top:
        names = ", ".join(f"{name} {count}" for name, count in found.top)
        yield words("top", names=names, share=f"{100 * found.top_share:.0f}")
    if found.chattering:
        yield words("chattering", names=", ".join(found.chattering))
    if found.stale:
        yield words("stale", names=", ".join(found.stale))


def record(report: Report) -> Iterator[str]:
    """How far the record can be relied on: the journal's chain, the ledger, what was refused."""
    lines, digest, problem = report.head
    yield report.words("broken" if problem else "journal", lines=lines, hash=digest, problem=problem)
    yield report.words("ledger", text=report.ledger)
    yield report.words("refused", count=report.counting.refused)
    if report.counting.first > report.start:
        yield report.words("not_whole", first=shown(report.counting.first, report.zone))


def text(report: Report) -> str:
    """For a terminal."""
    parts = [title(report), period(report)]
    for name, columns in SECTIONS.items():
        rows = report.sections[name]
        parts += ["", f"{report.words(name)} ({len(rows)})"]
        parts.append(table([report.words(c) for c in columns], rows) if rows else report.words("none"))
    parts += ["", report.words("figures"), *figures(report), "", report.words("record"), *record(report)]
    return "\n".join(parts)


def html(report: Report) -> str:
    """A page to print."""
    words = report.words
    parts = [
        "<!doctype html>", f'<html lang="{words.language}"><head><meta charset="utf-8">',
        f"<title>{escape(title(report))}</title><style>{CSS}</style></head><body>",
        f"<h1>{escape(title(report))}</h1><p>{escape(period(report))}</p>",
    ]  # fmt: skip
    for name, columns in SECTIONS.items():
        rows = report.sections[name]
        parts.append(f"<h2>{escape(words(name))} ({len(rows)})</h2>")
        parts.append(_table(report, columns, rows) if rows else f'<p class="quiet">{words("none")}</p>')
    for name, lines in (("figures", figures(report)), ("record", record(report))):
        parts.append(f"<h2>{escape(words(name))}</h2>")
        parts += [f"<p>{escape(line)}</p>" for line in lines]
    return "\n".join([*parts, "</body></html>", ""])


def _table(report: Report, columns: Row, rows: list[Row]) -> str:
    kinds = [' class="n"' if column in NUMBERS else "" for column in columns]
    names = map(report.words, columns)
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(names, kinds, strict=True))
    body = []
    for row in rows:
        cells = []
        for column, kind, cell in zip(columns, kinds, row, strict=True):
            bad = (column == "loosened" and cell) or cell == report.words("overdue")
            said = f'<span class="bad">{escape(cell)}</span>' if bad else escape(cell)
            cells.append(f"<td{kind}>{said}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def document(report: Report) -> dict[str, Any]:
    """For a program: rows by the columns' names, numbers of the figures as they are."""
    found, (lines, digest, problem) = report.figures, report.head
    return {
        "version": 1, "site": report.site, "from": report.start, "to": report.end, "simulation": report.simulated,
        "language": report.words.language,
        **{name: [dict(zip(columns, row, strict=True)) for row in report.sections[name]]
           for name, columns in SECTIONS.items()},
        "figures": {"alarms": found.alarms, "per_10_min": found.per_window, "most": found.most,
                    "in_flood": found.in_flood, "top": [list(one) for one in found.top],
                    "top_share": found.top_share, "chattering": list(found.chattering), "stale": list(found.stale)},
        "changes": dict(report.counting.changes), "refused": report.counting.refused,
        "journal": {"lines": lines, "hash": digest, "verified": problem is None, "problem": problem},
        "ledger": report.ledger,
    }  # fmt: skip
