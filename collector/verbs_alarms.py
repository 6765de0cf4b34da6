"""The verbs about alarms: look, act, and ask why."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from collector.verb import (
    NO,
    OK,
    Arguments,
    Parser,
    Verb,
    WrongUse,
    add_data,
    add_json,
    add_person,
    judged_folder,
    say,
    say_json,
    table,
    told,
    warn,
)
from detectors import records

HEAD = ("alarm", "priority", "state", "place", "value", "limit", "since", "note")
NAMED = 8
"""Pairs that are named in a line."""
ORDER = {"critical": 0, "high": 1, "medium": 2, "low": 3, "log": 4}


def alarms(arguments: Arguments) -> int:
    """Print what stands, or with --all every pair that is watched."""
    from collector.judged import Judged
    from collector.liveness import facts, not_live

    judged = Judged(judged_folder(arguments))
    status = judged.status()
    every = judged.alarms()
    rows = [alarm for alarm in every if arguments.all or stands(alarm)]
    rows.sort(key=urgency)
    if arguments.json:
        say_json({"version": 1, "status": {**status, **facts(status)}, "alarms": rows})
        return OK
    dead = not_live(status)
    if dead:
        say(dead)
    mark = "SIMULATION " if status.get("simulated") else ""
    say(f"{mark}{status.get('site', '')}: watching {status.get('watching', 0)} of {status.get('of', 0)}")
    zone = ZoneInfo(status.get("timezone") or "UTC")
    nothing = "no alarm stood then" if dead else "no alarm stands"
    say(table(HEAD, [_row(alarm, zone) for alarm in rows], ("value", "limit")) if rows else nothing)
    blind = (alarm for alarm in every if not alarm["watching"] and "out_of_service" not in alarm["hidden"])
    if names := [f"{alarm['rule']}/{alarm['subject']}" for alarm in blind]:
        say(f"not watching: {few(names)}")
    return OK


def few(names: Sequence[str]) -> str:
    """The first NAMED of them, and how many more."""
    more = f" and {len(names) - NAMED} more; `davylamp alarms --all` lists them" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def stands(alarm: Mapping[str, Any]) -> bool:
    """True while anyone has to do with it, or it is hidden."""
    return bool(alarm["active"] or alarm["latched"] or not alarm["acked"] or alarm["hidden"])


def urgency(alarm: Mapping[str, Any]) -> tuple[bool, int, int]:
    """As on the page: unacknowledged first, then priority, then the oldest, so that what came first stays on top."""
    return bool(alarm["acked"]), ORDER.get(str(alarm["priority"]), 9), int(alarm["since"] or 0)


def spelled(alarm: Mapping[str, Any]) -> str:
    """rule/subject#occurrence."""
    return records.spelled(alarm["rule"], alarm["subject"], alarm["occurrence"])


def state(alarm: Mapping[str, Any]) -> str:
    """Its state in words."""
    words = ["active" if alarm["active"] else "latched" if alarm["latched"] else "returned"]
    if not alarm["active"] and not alarm["latched"] and alarm["acked"]:
        words = ["normal" if alarm["watching"] else "not watching"]
    if not alarm["acked"]:
        words.append("unacknowledged")
    words += ["TEST"] if alarm.get("test") else []
    return ", ".join(words + [word for letter, word in HIDDEN.items() if alarm["isa"] == letter])


HIDDEN = {"E": "shelved", "F": "suppressed by design", "G": "out of service"}


def _row(alarm: Mapping[str, Any], zone: ZoneInfo) -> tuple[object, ...]:
    from collector.times import shown
    from dashboards.console.figures import measured

    note = alarm.get("note") or (f"accepted by {alarm['accepted_by']}" if alarm.get("accepted_by") else "")
    since = shown(alarm["since"], zone)
    value = measured(alarm["value"], alarm["unit"], alarm.get("states") or ())
    limit = measured(alarm["limit"], alarm["unit"])
    return (spelled(alarm), alarm["priority"], state(alarm), alarm["area"], value, limit, since, note)


def acting(kind: str, more: Callable[[Arguments, Path], dict[str, Any]] | None = None) -> Callable[[Arguments], int]:
    """What runs an action on each of `arguments.alarm`; with `more` on hazards, and what else it then says of them."""

    def run(arguments: Arguments) -> int:
        from collector.actions import AlarmName, Asked, act, alarm_name
        from collector.judged import Judged
        from collector.times import NoTime, ending

        folder = judged_folder(arguments)
        judged = Judged(folder)
        try:
            names = [alarm_name(text) for text in arguments.alarm]
            end = getattr(arguments, "end", None)
            until = None if end is None else ending(end, judged.status().get("now") or time.time_ns())
        except (AlarmName, NoTime) as wrong:
            raise WrongUse(str(wrong)) from wrong
        meant = _other_way(kind) if getattr(arguments, "back", False) else kind
        said = _of_alarms(arguments) if more is None else more(arguments, folder)
        asked = [
            Asked(meant, rule, subject, arguments.by, occurrence, arguments.note, until, **said)
            for rule, subject, occurrence in (names if more else [_present(judged, *name) for name in names])
        ]
        return _report(arguments, act(folder, judged, asked))

    return run


def _of_alarms(arguments: Arguments) -> dict[str, Any]:
    return {"measure": getattr(arguments, "measure", "")}


def _other_way(kind: str) -> str:
    return {"shelve": "unshelve", "out_of_service": "in_service"}[kind]


def _present(judged: Any, rule: str, subject: str, occurrence: int | None) -> tuple[str, str, int | None]:
    """An alarm named without its occurrence means the one that stands now, and no later one."""
    if occurrence is None:
        for alarm in judged.alarms():
            if (alarm["rule"], alarm["subject"]) == (rule, subject):
                return rule, subject, alarm["occurrence"]
    return rule, subject, occurrence


def _report(arguments: Arguments, answers: Any) -> int:
    if arguments.json:
        say_json([{"id": a.id, "outcome": a.outcome, "reason": a.reason, "line": a.line} for a in answers])
    else:
        for name, answer in zip(arguments.alarm, answers, strict=True):
            (say if answer.outcome == "taken" else warn)(f"{name}: {told(answer.outcome, answer.reason)}")
    return OK if all(answer.outcome == "taken" for answer in answers) else NO


def explain(arguments: Arguments) -> int:
    """Print one alarm's whole reason; with --evidence pack it for those who were not there."""
    from collector.actions import AlarmName, alarm_name
    from collector.explaining import Story, pack, words

    try:
        rule, subject, occurrence = alarm_name(arguments.alarm)
    except AlarmName as wrong:
        raise WrongUse(str(wrong)) from wrong
    folder = judged_folder(arguments)
    story = Story.of(folder, rule, subject, occurrence)
    if story is None:
        warn(f"{arguments.alarm}: no such alarm; `davylamp alarms --all` lists them")
        return NO
    say_json(story.document()) if arguments.json else say(words(story))
    if arguments.evidence is not None:
        pack(folder, story, arguments.evidence)
        warn(f"packed into {arguments.evidence}")
    return OK


def _alarms_arguments(parser: Parser) -> None:
    add_data(parser)
    add_json(parser)
    parser.add_argument("--all", action="store_true", help="also what is normal or not watched")


def _acts(end: str = "", back: str = "", measure: bool = False) -> Callable[[Parser], None]:
    def arguments(parser: Parser) -> None:
        parser.add_argument("alarm", nargs="+", metavar="ALARM", help="rule/subject#occurrence")
        add_data(parser)
        add_json(parser)
        add_person(parser)
        if end:
            parser.add_argument("--end", metavar="WHEN", help=end)
        if measure:
            parser.add_argument("--measure", metavar="TEXT", default="", help="the compensating measure meanwhile")
        if back:
            parser.add_argument("--back", action="store_true", help=back)

    return arguments


def _explain_arguments(parser: Parser) -> None:
    parser.add_argument("alarm", metavar="ALARM", help="rule/subject#occurrence")
    add_data(parser)
    add_json(parser)
    parser.add_argument("--evidence", type=Path, metavar="FILE", help="pack readings, revision and journal lines (zip)")


_ONE = "face-methane.warn/ch4-2105#1"
_DATA = "--data demo-data"
_EXPLAIN = f"davylamp explain {_ONE} {_DATA}"
VERBS = (
    Verb("alarms", "what stands now", "davylamp alarms --data demo-data", _alarms_arguments, alarms),
    Verb("ack", "acknowledge: I have seen it", f"davylamp ack {_ONE} --by Li {_DATA}", _acts(), acting("acknowledge")),
    Verb("accept", "accept: I am acting on it", f"davylamp accept {_ONE} --by Li {_DATA}", _acts(), acting("accept")),
    Verb(
        "shelve",
        "hide an alarm for a time: low and medium 8 h at most, high 1 h, critical never",
        f"davylamp shelve {_ONE} --by Li --note 'sensor being moved' --end 30min {_DATA}",
        _acts(end="30min, or ISO 8601 with zone", back="unshelve it"),
        acting("shelve"),
    ),
    Verb(
        "out-of-service",
        "take a rule on a sensor out of service, a shift at most",
        f"davylamp out-of-service {_ONE} --by Li --note repair --measure 'handheld each 10 min' --end 4h {_DATA}",
        _acts(end="4h, or ISO 8601 with zone", back="back into service", measure=True),
        acting("out_of_service"),
    ),
    Verb("reset", "reset a latched alarm", f"davylamp reset {_ONE} --by Wang {_DATA}", _acts(), acting("reset")),
    Verb("comment", "add a note", f"davylamp comment {_ONE} --by Li --note out {_DATA}", _acts(), acting("comment")),
    Verb("explain", "why it was raised and what to do", _EXPLAIN, _explain_arguments, explain),
)
