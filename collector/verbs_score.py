"""The verb that says how good the alarms were, of a journal or of several values of one parameter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collector.verb import NO, OK, Arguments, Parser, Verb, WrongUse, add_json, say, say_json


def score(arguments: Arguments) -> int:
    """Score a journal beside what really happened, or sweep a parameter."""
    if arguments.scenario:
        return _scenarios(arguments)
    return _sweep(arguments) if arguments.sweep else _journal(arguments)


def _scenarios(arguments: Arguments) -> int:
    from collector.rehearsing import names, rehearse
    from collector.scoring import document
    from collector.scoring_text import amiss, scenarios, words
    from collector.trying import in_parallel

    if arguments.html is not None:
        raise WrongUse("--html draws a journal or a sweep: simulate --csv --truth, replay --journal, then score --html")
    wanted = names() if arguments.scenario == ["all"] else arguments.scenario
    jobs = [(name, arguments.site, arguments.seed, tolerance(arguments)) for name in wanted]
    results = dict(zip(wanted, in_parallel(rehearse, jobs, arguments.processes), strict=True))
    if arguments.json:
        say_json({name: document(result) for name, result in results.items()})
    else:
        say(scenarios(results))
        if len(wanted) == 1:
            say("\n" + words(results[wanted[0]]))
    return NO if amiss(results) else OK


def _journal(arguments: Arguments) -> int:
    from collector.config import load
    from collector.scoring import document, score_journal, truths_from
    from collector.scoring_text import words

    truth = arguments.truth_file or arguments.truth
    if arguments.journal is None or truth is None:
        raise WrongUse("give JOURNAL and TRUTH, --scenario, or --sweep; see --help")
    for file in (arguments.journal, truth):
        if not file.exists():
            raise WrongUse(f"{file} is not there; `davylamp replay --journal`, `davylamp simulate --truth` write them")
    site = None if arguments.site is None else load(arguments.site).site
    truths = truths_from(truth)
    result = score_journal(arguments.journal, truths, site, tolerance(arguments))
    if arguments.html is not None:
        _report(arguments, result, truths, site)
    if arguments.json:
        say_json(document(result))
    else:
        say(words(result, "UTC" if site is None else site.timezone))
    return OK


def _report(arguments: Arguments, result: Any, truths: Any, site: Any) -> None:
    from collector.recording import opened
    from collector.score_events import pictures
    from collector.score_report import score_page
    from collector.scoring import changes_of, known

    whole, members = known(truths, site)
    changes = changes_of(arguments.journal)
    if arguments.readings:
        with opened(arguments.readings) as source:
            events = pictures(result, whole.head.sensors, members, changes, source)
    else:
        events = pictures(result, whole.head.sensors, members, changes, None)
    arguments.html.write_text(score_page(result, events, site), encoding="utf-8")


def _sweep(arguments: Arguments) -> int:
    from collector.config import load
    from collector.parameter import find_parameter, values_of
    from collector.recording import opened
    from collector.score_report import sweep_page
    from collector.scoring import plain, truths_from
    from collector.scoring_text import curve
    from collector.sweeping import sweep
    from collector.trying import document_for

    spelled, equals, values = arguments.sweep.partition("=")
    truth = arguments.truth_file or arguments.truth
    if not equals or None in (arguments.site, truth) or not arguments.readings:
        raise WrongUse("a sweep needs --sweep RULE.limit=a,b,c --site SITE.toml --readings CSV --truth TRUTH")
    loaded = load(arguments.site)
    parameter = find_parameter(loaded.document, loaded.site, spelled)
    wanted = values_of(values, parameter.value(loaded.document))
    truths = truths_from(truth)
    with opened(arguments.readings) as source:
        points = sweep(
            document_for(loaded, source), parameter, wanted, source, truths, tolerance(arguments), arguments.processes
        )
    if arguments.html is not None:
        arguments.html.write_text(sweep_page(str(parameter), points), encoding="utf-8")
    if arguments.json:
        say_json([{"value": point.value, **plain(point.part)} for point in points])
    else:
        say(curve(str(parameter), points))
    return OK


def tolerance(arguments: Arguments) -> int:
    """ns of `--tolerance`. Raises WrongUse."""
    from collector.times import NoTime, duration

    try:
        return duration(arguments.tolerance)
    except NoTime as wrong:
        raise WrongUse(f"--tolerance: {wrong}") from wrong


def _score_arguments(parser: Parser) -> None:
    parser.add_argument("journal", type=Path, metavar="JOURNAL", nargs="?", help="JSON lines, or a data folder")
    parser.add_argument("truth", type=Path, metavar="TRUTH", nargs="?", help="as `simulate --truth` writes it")
    parser.add_argument("--truth", dest="truth_file", type=Path, metavar="TRUTH", help="the same, for a sweep")
    parser.add_argument("--site", type=Path, metavar="SITE.toml", help="whose rules: which sensors a group holds")
    add_tolerance(parser)
    parser.add_argument(
        "--scenario",
        nargs="+",
        metavar="NAME",
        help="simulate, judge and score these instead, or `all`; exit 1 if amiss",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="another seed than the scenario's own")
    parser.add_argument("--sweep", metavar="RULE.limit=A,B,C", help="try these values over --readings instead")
    parser.add_argument(
        "--readings",
        type=Path,
        nargs="+",
        metavar="INPUT",
        help="CSV files, or a data folder: drawn in the report, replayed in a sweep",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a report there, with a picture of each event")
    add_processes(parser)
    add_json(parser)


def add_tolerance(parser: Parser) -> None:
    """`--tolerance`."""
    parser.add_argument(
        "--tolerance", default="10min", metavar="SPAN", help="after a truth's end in which it may be said (10min)"
    )


def add_processes(parser: Parser) -> None:
    """`--processes`."""
    parser.add_argument("--processes", type=int, metavar="N", help="at once (default: as many as there are processors)")


VERBS = (
    Verb("score", "how good the alarms were", "davylamp score j.jsonl t.jsonl --site s.toml", _score_arguments, score),
)
