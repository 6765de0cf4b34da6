"""The verb about being on call: who is on duty, whether everyone can be reached, and what was called."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from collector.oncall import OnCall
from collector.verb import (
    NO,
    OK,
    Arguments,
    Parser,
    Verb,
    WrongUse,
    add_data,
    add_json,
    data_folder,
    say,
    say_json,
    table,
    warn,
)

TEST = "test"


def oncall(arguments: Arguments) -> int:
    """Print who is on duty now and next; with `test` whether everyone can be reached; with --calls the book."""
    from collector.config import load

    *words, file = arguments.words
    if words not in ([], [TEST]):
        raise WrongUse(f"found {' '.join(words)!r} before the site file; only {TEST!r} may stand there")
    loaded = load(Path(file))
    people = loaded.settings.oncall
    if people is None:
        warn(f"{file} has no [roster.NAME]: Davylamp calls nobody, Grafana's contact points do")
        return NO
    if words:
        return _test(people, loaded.site.id, arguments)
    data = loaded.settings.data
    if arguments.calls:
        return _calls(data, ZoneInfo(loaded.site.timezone), arguments)
    return _duty(loaded.site, people, data, arguments)


def _duty(site: Any, people: OnCall, data: Path, arguments: Arguments) -> int:
    from collector.calls import read_memory
    from collector.duty import ITSELF, troubles, turns
    from collector.times import instant

    ns = instant(arguments.at) if arguments.at else time.time_ns()
    moment, zone = datetime.fromtimestamp(ns / 1e9, UTC), ZoneInfo(site.timezone)
    found, wrong = turns(people, moment), troubles(people, site, moment)
    wanted = {name: one.line["priority"] for name, one in read_memory(data).opens.items() if one.calls}
    if arguments.json:
        rows = [{"roster": turn.roster, "areas": turn.areas, "system": turn.system, "person": turn.person,
                 "until": turn.until.isoformat(), "next": turn.next} for turn in found]  # fmt: skip
        say_json({"version": 1, "at": moment.isoformat(), "duty": rows, "calling_for": wanted, "troubles": wrong})
        return NO if wrong else OK
    names: dict[str | None, str] = {one.id: f"{one.name} ({one.id})" for one in people.people.values()}
    names[None] = "nobody"
    said = [(turn.roster, ", ".join([*(turn.areas or ["all"]), *[ITSELF] * turn.system]), names[turn.person],
             f"{turn.until.astimezone(zone):%a %m-%d %H:%M}", names[turn.next]) for turn in found]  # fmt: skip
    say(f"{site.id}, {moment.astimezone(zone):%a %Y-%m-%d %H:%M %z}")
    say(table(("duty", "areas", "now", "until", "then"), said))
    for name, priority in wanted.items():
        say(f"calling for {name} ({priority})")
    for problem in wrong:
        warn(problem)
    return NO if wrong else OK


def _test(people: OnCall, site: str, arguments: Arguments) -> int:
    from collector.calling import Text
    from collector.duty import objections
    from collector.errors import DavylampError

    wrong = list(objections(people))
    for problem in wrong:
        warn(problem)
    if not arguments.send:
        if not wrong:
            say("every address is one that its channel takes; nothing was sent (--send sends a test to each)")
        return NO if wrong else OK
    headline = f"TEST {site}: can you read this?"
    chosen = [person for person in people.people.values() if arguments.person in (None, person.id)]
    if not chosen:
        raise WrongUse(f"no person {arguments.person!r}; there are {', '.join(people.people)}")
    failed = 0
    for person in chosen:
        for channel, address in person.reach:
            text = Text(f"test-{time.time_ns()}", headline, f"A test for {person.name}, no alarm.")
            try:
                code = people.ways[channel].send(address, text).code
                say(f"{person.id} {channel}: taken ({code})")
            except DavylampError as error:
                failed += 1
                warn(f"{person.id} {channel}: {error}")
    return NO if failed or wrong else OK


def _calls(folder: Path, zone: ZoneInfo, arguments: Arguments) -> int:
    from collector.calls import GENESIS, read_calls
    from collector.journal import verify

    whole = list(read_calls(folder))
    problem = verify(whole, GENESIS)
    lines = [json.loads(line) for line in whole]
    if arguments.json:
        say_json(lines)
    else:
        say(_receipts(lines, zone))
        if replies := _replies(lines, zone):
            say(f"\n{replies}")
    if problem is not None:
        warn(f"the book of calls was changed: {problem}")
    return NO if problem is not None else OK


def _receipts(lines: list[dict[str, Any]], zone: ZoneInfo) -> str:
    """Each call with the time of every stage it reached."""
    from collector.stages import receipts
    from collector.times import shown

    def clock(ns: int) -> str:
        return f"{datetime.fromtimestamp(ns / 1e9, zone):%H:%M:%S}" if ns else ""

    head = ("sent", "kind", "who", "channel", "about", "gateway", "delivered", "answered", "by", "problem")
    said = [(shown(one.sent, zone), one.kind, one.person, one.channel, ", ".join(one.occurrences), clock(one.taken),
             clock(one.delivered), clock(one.answered), one.by, one.problem) for one in receipts(lines)]  # fmt: skip
    return table(head, said) if said else "nobody was called yet"


def _replies(lines: list[dict[str, Any]], zone: ZoneInfo) -> str:
    """What people replied, and what came of it."""
    from collector.calls import REPLIED
    from collector.times import shown

    said = [(shown(line["wall"], zone), line["person"] or line["sender"], line["channel"], line["text"],
             line["outcome"], ", ".join(line["occurrences"]))
            for line in lines if line["what"] == REPLIED]  # fmt: skip
    return table(("reply", "who", "channel", "text", "came of it", "about"), said) if said else ""


def _arguments(parser: Parser) -> None:
    parser.add_argument("words", nargs="+", metavar="[test] SITE.toml")
    parser.add_argument("--at", metavar="TIME", help="at another time than now, 2026-11-08T03:00+08:00")
    parser.add_argument("--calls", action="store_true", help="what became of each call, and what was replied")
    parser.add_argument("--send", action="store_true", help="with test: really send a test message to each address")
    parser.add_argument("--person", metavar="NAME", help="with test --send: only to this person")
    add_json(parser)


def handover(arguments: Arguments) -> int:
    """Print the sheet for the next shift, or write it as a page."""
    from collector.handover import sheet_of
    from collector.times import NoTime, duration

    folder = data_folder(arguments)
    try:
        sheet = sheet_of(folder, lang=arguments.language)
        if arguments.shift is not None:
            sheet = sheet_of(folder, sheet.now - duration(arguments.shift), arguments.language)
    except NoTime as wrong:
        raise WrongUse(str(wrong)) from wrong
    if arguments.html is not None:
        arguments.html.write_text(sheet.html(), encoding="utf-8")
        say(f"wrote {arguments.html}")
        return OK
    say_json(sheet.document()) if arguments.json else say(sheet.text())
    return OK


def _handover_arguments(parser: Parser) -> None:
    add_data(parser)
    add_json(parser)
    parser.add_argument("--html", type=Path, metavar="FILE", help="write it as a page to print")
    parser.add_argument("--language", choices=("en", "zh"), default="en", help="of the sheet (default en)")
    parser.add_argument("--shift", metavar="SPAN", help="how long the shift was, for the counts (default 12h)")


VERBS = (
    Verb("handover", "the next shift's sheet", "davylamp handover --data demo-data", _handover_arguments, handover),
    Verb("oncall", "who is on duty, now and next; who was called", "davylamp oncall my-site.toml", _arguments, oncall),
)
