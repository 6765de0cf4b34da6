"""The verbs that prove: counts that balance, intervals that are missing, a journal nobody changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
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
    data_folder,
    say,
    say_json,
    table,
    warn,
)


def ledger(arguments: Arguments) -> int:
    """Print all counts and whether they balance; with --dead the dead letters."""
    from collector.judged import Judged
    from collector.ledger import read_at_rest, text, verdict
    from collector.stored import standings

    folder = data_folder(arguments)
    if arguments.dead:
        letters = Judged(folder).dead(arguments.limit)
        names = ("seal", "number", "topic", "reason", "sensor", "detail")
        rows = [[letter[name] for name in names] for letter in letters]
        say_json(letters) if arguments.json else say(table(names, rows) if rows else "no dead letter")
        return OK
    if arguments.sensor:
        return _one_sensor(folder, arguments)
    counts, wrong = read_at_rest(folder)
    if arguments.json:
        imbalances = [dataclasses.asdict(one) for one in wrong]
        say_json({"version": 1, "counts": counts, "imbalances": imbalances, "words": verdict(counts, wrong)})
    else:
        say(verdict(counts, wrong))
        say(text(counts))
        for sink in standings(folder):
            for wrong_there in sink.wrong():
                warn(wrong_there)
    return NO if wrong else OK


def _one_sensor(folder: Path, arguments: Arguments) -> int:
    """What became of a sensor's readings, a line a minute."""
    from collector.judged import MINUTE, Judged
    from collector.ledger_minutes import ORDER, of_sensor
    from collector.times import NoTime, duration, shown
    from detectors.document import nearest

    judged = Judged(folder)
    status = judged.status()
    known = [row["sensor"] for row in judged.sensors()]
    if arguments.sensor not in known:
        near = nearest(arguments.sensor, known)
        hint = f", nearest {near!r}" if near else ""
        raise WrongUse(f"found sensor {arguments.sensor!r}, allowed: one of the site{hint}")
    try:
        minutes = of_sensor(folder, arguments.sensor, int(status.get("now", 0)) - duration(arguments.last))
    except NoTime as wrong:
        raise WrongUse(f"--last {wrong}") from None
    if arguments.json:
        counted = {str(minute * MINUTE): counts for minute, counts in minutes.items()}
        say_json({"version": 1, "sensor": arguments.sensor, "minutes": counted})
        return OK
    zone = ZoneInfo(status.get("timezone") or "UTC")
    names = sorted({name for counts in minutes.values() for name in counts}, key=ORDER.index)
    rows = [
        (shown(minute * MINUTE, zone), *(counts.get(name, 0) or "" for name in names))
        for minute, counts in minutes.items()
    ]
    nothing = f"nothing of {arguments.sensor} in the last {arguments.last}"
    say(table(("minute", *names), rows, names) if rows else nothing)
    return OK


def gaps(arguments: Arguments) -> int:
    """Print the intervals in which a sensor was not heard, and those in which nothing was collected."""
    from collector.gaps import find, in_rows
    from collector.judged import Judged
    from collector.times import age, shown

    folder = data_folder(arguments)
    found = find(folder, arguments.sensor)
    if arguments.json:
        say_json([dataclasses.asdict(gap) for gap in found])
        return NO if found else OK
    zone = ZoneInfo(Judged(folder).status().get("timezone") or "UTC")
    rows = [
        (gap.sensor, shown(gap.start, zone), shown(gap.end, zone), age(gap.end - gap.start), gap.cause)
        for gap in in_rows(found)
    ]
    say(table(("sensor", "from", "to", "for", "cause"), rows, ("for",)) if rows else "no gap")
    return NO if found else OK


def journal(arguments: Arguments) -> int:
    """Print journal lines, or verify the hash chain."""
    from collector.journal import verify

    lines = _from_file(arguments.file) if arguments.file else _from_folder(arguments)
    if not arguments.verify:
        for line in lines:
            say(line)
        return OK
    counted = _Counted(lines)
    problem = verify(counted)
    if problem is not None:
        warn(f"the journal was changed: {problem}")
        return NO
    say(f"{counted.lines} lines, none changed; hash {counted.hash or 'of an empty journal'}")
    return OK


class _Counted:
    """Passes lines on, counts them and keeps the last one's hash."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._given, self.lines, self.hash = lines, 0, ""

    def __iter__(self) -> Iterator[str]:
        for line in self._given:
            self.lines, self.hash = self.lines + 1, line.rstrip()[-66:-2]
            yield line


def _from_file(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")


def _from_folder(arguments: Arguments) -> Iterator[str]:
    from collector.judged import Judged, every_line

    for _, line, _ in every_line(Judged(data_folder(arguments)), arguments.after):
        yield line


def _ledger_arguments(parser: Parser) -> None:
    add_data(parser)
    add_json(parser)
    parser.add_argument("--dead", action="store_true", help="list the dead letters, newest first")
    parser.add_argument("--limit", type=int, default=100, help="of dead letters (default 100)")
    parser.add_argument("--sensor", metavar="ID", help="what became of this one's readings, a line a minute")
    parser.add_argument("--last", default="1h", metavar="SPAN", help="with --sensor: how far back (default 1h)")


def _gaps_arguments(parser: Parser) -> None:
    add_data(parser)
    add_json(parser)
    parser.add_argument("--sensor", metavar="ID", help="only this one")


def _journal_arguments(parser: Parser) -> None:
    add_data(parser)
    parser.add_argument("--after", type=int, default=0, metavar="SEQ", help="only lines after this one")
    parser.add_argument("--file", type=Path, metavar="FILE", help="a journal as JSON lines instead of a data folder's")
    parser.add_argument("--verify", action="store_true", help="check the hash chain; exit 1 if it was changed")


_LEDGER = "davylamp ledger --data demo-data"
_GAPS = "davylamp gaps --sensor ch4-2105 --data demo-data"
_JOURNAL = "davylamp journal --verify --data demo-data"
VERBS = (
    Verb("ledger", "counts at every hop, and whether they balance", _LEDGER, _ledger_arguments, ledger),
    Verb("gaps", "intervals that are missing", _GAPS, _gaps_arguments, gaps),
    Verb("journal", "what happened, line by line", _JOURNAL, _journal_arguments, journal),
)
