"""The verb that says how good the alarms were."""

from __future__ import annotations

from pathlib import Path

from collector.verb import OK, Arguments, Parser, Verb, WrongUse, add_json, say, say_json


def score(arguments: Arguments) -> int:
    """Score a journal beside what really happened."""
    from collector.config import load
    from collector.scoring import document, score_journal, truths_from
    from collector.scoring_text import words

    for file in (arguments.journal, arguments.truth):
        if not file.exists():
            raise WrongUse(
                f"{file} is not there; `davylamp replay --journal` and `davylamp simulate --truth` write them"
            )
    loaded = None if arguments.site is None else load(arguments.site)
    site = None if loaded is None else loaded.site
    result = score_journal(arguments.journal, truths_from(arguments.truth), site, _tolerance(arguments))
    if arguments.json:
        say_json(document(result))
        return OK
    say(words(result, "UTC" if site is None else site.timezone))
    return OK


def _tolerance(arguments: Arguments) -> int:
    from collector.times import NoTime, duration

    try:
        return duration(arguments.tolerance)
    except NoTime as wrong:
        raise WrongUse(f"--tolerance: {wrong}") from wrong


def _score_arguments(parser: Parser) -> None:
    parser.add_argument("journal", type=Path, metavar="JOURNAL", help="journal as JSON lines, or a data folder")
    parser.add_argument("truth", type=Path, metavar="TRUTH", help="what happened, as `simulate --truth` writes it")
    parser.add_argument("--site", type=Path, metavar="SITE.toml", help="whose rules: which sensors a group holds")
    parser.add_argument(
        "--tolerance",
        default="10min",
        metavar="SPAN",
        help="after a truth's end in which it may be said (default 10min)",
    )
    add_json(parser)


VERBS = (
    Verb("score", "how good the alarms were", "davylamp score j.jsonl t.jsonl --site s.toml", _score_arguments, score),
)
