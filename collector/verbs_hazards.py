"""The verbs about hazards: look, assign, say what was done, close."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from collector.verb import (
    NO,
    OK,
    Arguments,
    Parser,
    Verb,
    add_data,
    add_json,
    add_person,
    judged_folder,
    say,
    say_json,
    table,
    warn,
)
from collector.verbs_alarms import acting

HEAD = ("hazard", "priority", "state", "place", "owner", "due", "opened", "alarms", "done")


def hazards(arguments: Arguments) -> int:
    """Print the open hazards, the first due first; one named is told whole."""
    from collector.judged import Judged
    from collector.liveness import dead_for, facts, not_live

    judged = Judged(judged_folder(arguments))
    status = judged.status()
    now, zone = int(status.get("now") or 0) + dead_for(status), ZoneInfo(status.get("timezone") or "UTC")
    rows = judged.hazards(closed=arguments.all or arguments.hazard is not None)
    rows = sorted(rows, key=lambda row: (row["closed"] is not None, row["due"]))
    if arguments.overdue:
        rows = [row for row in rows if is_overdue(row, now)]
    if arguments.hazard is not None:
        rows = [row for row in rows if row["name"] == arguments.hazard]
        if not rows:
            warn(f"{arguments.hazard}: no such hazard; `davylamp hazards --all` lists them by their first alarm")
            return NO
    if arguments.json:
        told = [{**row, "overdue": is_overdue(row, now)} for row in rows]
        say_json({"version": 1, "now": now, **facts(status), "hazards": told})
        return OK
    if dead := not_live(status):
        say(dead)
    say(f"{'SIMULATION ' if status.get('simulated') else ''}{status.get('site', '')}: {counted(rows, now)}")
    if rows:
        say(table(HEAD, [_row(row, now, zone) for row in rows]))
    for line in _story(rows[0], zone) if arguments.hazard is not None else ():
        say(line)
    return OK


def is_overdue(row: Mapping[str, Any], now: int) -> bool:
    """True of an open hazard whose due time is past."""
    return row["closed"] is None and int(row["due"]) < now


def counted(rows: list[dict[str, Any]], now: int) -> str:
    """How many are open, and how many of them overdue."""
    open_ones = [row for row in rows if row["closed"] is None]
    overdue = sum(is_overdue(row, now) for row in open_ones)
    return f"{len(open_ones)} open hazard{'' if len(open_ones) == 1 else 's'}, {overdue} overdue"


def last_done(row: Mapping[str, Any]) -> str:
    """What was done last, in its own words."""
    if row["closed"] is not None:
        return str(row["closed_note"])
    return "" if not row["done"] else str(row["done"][-1]["note"] or f"{len(row['done'][-1]['evidence'])} file(s)")


def due_words(row: Mapping[str, Any], now: int, zone: ZoneInfo) -> str:
    """When it is due, and how long until then or since."""
    from collector.times import age, shown

    left = row["due"] - now
    return f"{shown(row['due'], zone)} ({f'in {age(left)}' if left >= 0 else f'{age(-left)} ago'})"


def _row(row: Mapping[str, Any], now: int, zone: ZoneInfo) -> tuple[object, ...]:
    from collector.times import shown

    state, due = "OVERDUE" if is_overdue(row, now) else "open", due_words(row, now, zone)
    if row["closed"] is not None:
        state, due = f"closed by {row['closed_by']}", shown(row["due"], zone)
    alarms = sum(one["count"] for one in row["occurrences"])
    opened = shown(row["opened"], zone)
    owner = row["owner"] or "nobody"
    return row["name"], row["priority"], state, row["area"], owner, due, opened, alarms, last_done(row)


def _story(row: Mapping[str, Any], zone: ZoneInfo) -> list[str]:
    from collector.times import shown

    lines = []
    for one in row["occurrences"]:
        last = f" to #{one['last']}" if one["last"] != one["first"] else ""
        lines.append(f"alarm   {one['rule']}/{row['subject']}#{one['first']}{last} ({one['count']})")
    for one in row["done"]:
        lines.append(f"did     {shown(one['at'], zone)} {one['by']}: {one['note']}".rstrip(": "))
        lines += [f"        evidence/{evidence}" for evidence in one["evidence"]]
    if row["closed"] is not None:
        lines.append(f"closed  {shown(row['closed'], zone)} {row['closed_by']}: {row['closed_note']}")
    return lines


def _of_hazards(arguments: Arguments, folder: Path) -> dict[str, Any]:
    from collector.evidence import keep_evidence

    evidence = tuple(keep_evidence(folder, file) for file in getattr(arguments, "evidence", ()))
    return {"owner": getattr(arguments, "to", ""), "evidence": evidence}


def _hazards_arguments(parser: Parser) -> None:
    parser.add_argument("hazard", nargs="?", metavar="HAZARD", help="tell this one whole; named as its first alarm")
    add_data(parser)
    add_json(parser)
    parser.add_argument("--all", action="store_true", help="closed ones too")
    parser.add_argument("--overdue", action="store_true", help="only those whose due time is past")


def _acts(evidence: bool = False, assigns: bool = False) -> Callable[[Parser], None]:
    def arguments(parser: Parser) -> None:
        parser.add_argument("alarm", nargs="+", metavar="HAZARD", help="rule/subject#occurrence, any of its alarms")
        add_data(parser)
        add_json(parser)
        add_person(parser)
        if assigns:
            parser.add_argument("--to", metavar="NAME", required=True, help="who has it from now on")
            parser.add_argument("--due", dest="end", metavar="WHEN", help="24h, or ISO 8601 with zone; later: --note")
        if evidence:
            words = "a file: copied into the data folder, its digest journaled; may be given again"
            parser.add_argument("--evidence", metavar="FILE", type=Path, action="append", default=[], help=words)

    return arguments


_ONE = "face-methane.cut/ch4-2105#1"
VERBS = (
    Verb(
        "hazards",
        "what critical and high alarms left to be done, by whom and until when",
        "davylamp hazards --data demo-data --overdue",
        _hazards_arguments,
        hazards,
    ),
    Verb(
        "assign",
        "say who has a hazard, and until when it is due",
        f"davylamp assign {_ONE} --to Wang --by Li --due 24h",
        _acts(assigns=True),
        acting("assign", _of_hazards),
    ),
    Verb(
        "did",
        "say what was done about a hazard",
        f"davylamp did {_ONE} --by Wang --note 'duct repaired' --evidence duct.jpg",
        _acts(evidence=True),
        acting("did", _of_hazards),
    ),
    Verb(
        "close",
        "close a hazard, once none of its alarms stands (an engineer's)",
        f"davylamp close {_ONE} --by Zhao --note 'duct repaired, 0.2 %vol for two shifts'",
        _acts(evidence=True),
        acting("close", _of_hazards),
    ),
)
