"""The verb that writes a report for an inspection."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from collector.verb import NO, OK, Arguments, Parser, Verb, WrongUse, add_json, say, say_json, warn


def report(arguments: Arguments) -> int:
    """Print or write the report; exit 1 where the journal's chain is broken."""
    from collector.config import load
    from collector.report import report_of
    from collector.report_text import document, html, text
    from collector.times import NoTime

    loaded = load(arguments.site)
    folder, zone = arguments.data or loaded.settings.data, ZoneInfo(loaded.site.timezone)
    try:
        start, end = (_moment(given, zone) for given in (arguments.begin, arguments.until))
    except NoTime as wrong:
        raise WrongUse(str(wrong)) from wrong
    if end <= start:
        raise WrongUse(f"--to {arguments.until} is not after --from {arguments.begin}")
    if not folder.is_dir():
        raise WrongUse(f"{folder} is no data folder: give --data DIR")
    made = report_of(folder, start, end, arguments.language)
    if arguments.html is not None:
        arguments.html.write_text(html(made), encoding="utf-8")
        say(f"wrote {arguments.html}")
    elif arguments.json:
        say_json(document(made))
    else:
        say(text(made))
    if made.head[2] is not None:
        warn(f"the journal was changed: {made.head[2]}")
        return NO
    return OK


def _moment(text: str, zone: ZoneInfo) -> int:
    """ns UTC of a date (its first instant at the site), or of ISO 8601 with its zone."""
    from collector.times import instant

    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone)
    except ValueError:
        return instant(text)
    return round(day.timestamp()) * 10**9


def _arguments(parser: Parser) -> None:
    parser.add_argument("site", type=Path, metavar="SITE.toml", help="the site file")
    parser.add_argument("--from", dest="begin", metavar="DATE", required=True,
                        help="first day, 2026-05-01, in the site's zone; or ISO 8601 with zone")  # fmt: skip
    parser.add_argument("--to", dest="until", metavar="DATE", required=True, help="the day after the last")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write it as a page to print")
    parser.add_argument("--language", choices=("en", "zh"), default="en", help="of its texts; en")
    parser.add_argument("--data", type=Path, metavar="DIR", help="another data folder than the site file's")
    add_json(parser)


VERBS = (
    Verb(
        "report",
        "for an inspection: rules, changes, overrides, what was not watched, tests, alarms and answers",
        "davylamp report my-site.toml --from 2026-05-01 --to 2026-06-01 --html may.html",
        _arguments,
        report,
    ),
)
