"""The verb that asks what another site file would have said, or which limit keeps within a budget of false alarms."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from collector.verb import NO, OK, Arguments, Parser, Verb, WrongUse, add_json, say, say_json
from collector.verbs_score import add_processes, add_tolerance, tolerance


def backtest(arguments: Arguments) -> int:
    """Compare two site files over recorded readings, or tune a limit."""
    if (arguments.against is None) == (arguments.tune is None):
        raise WrongUse("give --against OTHER.toml, or --tune RULE --budget N")
    return _tune(arguments) if arguments.tune else _compare(arguments)


def _compare(arguments: Arguments) -> int:
    from collector.applying import differences
    from collector.backtest_text import document, reason, words
    from collector.backtesting import backtest as run
    from collector.config import load
    from collector.scoring import truths_from
    from collector.trying import document_for

    present, other = load(arguments.file), load(arguments.against)
    truths = None if arguments.truth is None else truths_from(arguments.truth)
    with _source(arguments, present) as source:
        both = document_for(present, source), document_for(other, source)
        found = run(*both, source, truths, tolerance(arguments), arguments.processes)
    differing = differences(present.document, other.document)
    if arguments.json:
        say_json(document(found, differing))
    else:
        say(words(found, differing, present.site.timezone, sys.maxsize if arguments.all else arguments.most))
    _reason(arguments, reason(found, differing, present.site.timezone))
    return OK


def _tune(arguments: Arguments) -> int:
    from collector.backtest_text import tuned_document, tuned_reason, tuned_words
    from collector.config import load
    from collector.parameter import find_limit
    from collector.scoring import truths_from
    from collector.sweeping import tune
    from collector.trying import document_for

    if arguments.budget is None:
        raise WrongUse("--tune needs --budget: the false alarms a sensor-month that may be, like 0.04")
    present = load(arguments.file)
    parameter = find_limit(present.document, present.site, arguments.tune)
    truths = None if arguments.truth is None else truths_from(arguments.truth)
    with _source(arguments, present) as source:
        found = tune(
            document_for(present, source),
            parameter,
            arguments.budget,
            source,
            truths,
            tolerance(arguments),
            arguments.processes,
        )
    if arguments.json:
        say_json(tuned_document(found))
    else:
        say(tuned_words(found, truths is not None))
    _reason(arguments, tuned_reason(found))
    return NO if found.chosen is None else OK


@contextmanager
def _source(arguments: Arguments, present: Any) -> Iterator[Path]:
    """What to replay: what was named, else the site's own log."""
    from collector.progress import Progress
    from collector.recorded import Source, pieces
    from collector.recording import opened

    def read(path: Path, hear: Any) -> Any:
        return pieces(Source(path, arguments.columns), present.site, hear)

    progress = Progress(sys.stderr) if sys.stderr.isatty() else None
    with opened(arguments.input or [present.settings.data], progress, read) as source:
        if progress is not None:
            progress.close()
        yield source


def _reason(arguments: Arguments, text: str) -> None:
    if arguments.reason is not None:
        arguments.reason.write_text(text + "\n", encoding="utf-8")
    elif text and not arguments.json:
        say(f"\nfor `davylamp apply --note`: {text}")


def _backtest_arguments(parser: Parser) -> None:
    parser.add_argument("file", type=Path, metavar="SITE.toml", help="the present site file")
    parser.add_argument(
        "input", type=Path, nargs="*", metavar="INPUT", help="recordings, or a data folder (default: the site's own)"
    )
    parser.add_argument("--columns", type=Path, metavar="FILE", help="the recordings' columns (docs/recordings.md)")
    parser.add_argument("--against", type=Path, metavar="OTHER.toml", help="the changed site file")
    parser.add_argument("--tune", metavar="RULE", help="find this rule's limit (or RULE.PARAMETER, RULE.RUNG) instead")
    parser.add_argument("--budget", type=float, metavar="N", help="false alarms a sensor-month that may be, for --tune")
    parser.add_argument("--truth", type=Path, metavar="TRUTH", help="what happened, as `simulate --truth` writes it")
    add_tolerance(parser)
    parser.add_argument("--most", type=int, default=50, metavar="N", help="differences that are listed (default 50)")
    parser.add_argument("--all", action="store_true", help="list all of them")
    parser.add_argument("--reason", type=Path, metavar="FILE", help="write the text for `davylamp apply --note` there")
    add_processes(parser)
    add_json(parser)


VERBS = (
    Verb(
        "backtest",
        "what a changed site file would have said",
        "davylamp backtest s.toml readings.csv --against changed.toml",
        _backtest_arguments,
        backtest,
    ),
)
