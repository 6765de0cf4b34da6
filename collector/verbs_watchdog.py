"""The verb that watches Davylamp itself. It reads of the site file only the name, the folder and the roles."""

from __future__ import annotations

import logging
import shlex
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collector.verb import OK, Arguments, Parser, Verb, WrongUse

ROLES = ("collect", "judge", "store", "announce", "page")


def watchdog(arguments: Arguments) -> int:
    """Watch the roles of a site until stopped; say by own means when one falls silent or judging is behind."""
    from collector.running import stopping
    from collector.watchdog import Limits, Watch, Watchdog

    site = _site(arguments.file)
    folder = arguments.data or arguments.file.parent / str(site.get("data", "data"))
    roles = tuple(role for role in site.get("roles") or ROLES if role in ROLES)
    limits = Limits(*(_seconds(getattr(arguments, name)) for name in ("silent", "behind", "again")))
    logging.basicConfig(
        level=logging.INFO if arguments.verbose else logging.WARNING,
        stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )  # fmt: skip
    watch = Watch(roles, limits, time.monotonic())
    ping = _address(arguments.ping, arguments.ping_file)
    with stopping() as stop:
        Watchdog(str(site.get("id", "")), folder, watch, _voices(arguments), ping, arguments.language).run(stop)
    return OK


def _site(file: Path) -> dict[str, Any]:
    """The table [site]; a mistake elsewhere in the file is no reason not to watch."""
    try:
        found = tomllib.loads(file.read_text("utf-8")).get("site", {})
    except (OSError, ValueError) as error:
        raise WrongUse(f"{file}: {error}; give the site file that `davylamp run` has") from error
    if not isinstance(found, dict):
        raise WrongUse(f"{file}: [site] is no table")
    return found


def _voices(arguments: Arguments) -> Sequence[Any]:
    from collector.watchdog import CommandVoice, Voice, WebhookVoice

    voices: list[Voice] = [CommandVoice(shlex.split(words)) for words in arguments.command if shlex.split(words)]
    hook = _address(arguments.webhook, arguments.webhook_file)
    if hook:
        voices.append(WebhookVoice(hook))
    if not voices:
        raise WrongUse("by what is it to say that something is wrong? Give --command, --webhook or --webhook-file")
    return voices


def _address(given: str | None, file: Path | None) -> str:
    if file is None:
        return given or ""
    try:
        return file.read_text("utf-8").strip().partition("\n")[0].strip()
    except OSError as error:
        raise WrongUse(f"{file}: {error.strerror}; its first line is to be the address") from error


def _seconds(text: str) -> float:
    from collector.times import NoTime, duration

    try:
        return duration(text) / 1e9
    except NoTime as wrong:
        raise WrongUse(str(wrong)) from wrong


def _arguments(parser: Parser) -> None:
    parser.add_argument("file", type=Path, metavar="SITE.toml")
    parser.add_argument("--data", type=Path, metavar="DIR", help="another data folder than the file names")
    command = "a program and its words, {headline} and {text} filled in; no shell; may be repeated"
    parser.add_argument("--command", action="append", default=[], metavar="WORDS", help=command)
    parser.add_argument("--webhook", metavar="URL", help="POST of JSON: headline, text, well")
    parser.add_argument("--webhook-file", type=Path, metavar="FILE", help="file whose first line is that URL")
    parser.add_argument("--ping", metavar="URL", help="a dead-man service, told each minute that all is well")
    parser.add_argument("--ping-file", type=Path, metavar="FILE", help="file whose first line is that URL")
    parser.add_argument("--silent", default="30s", metavar="SPAN", help="how long a role may be silent (default 30s)")
    parser.add_argument("--behind", default="30s", metavar="SPAN", help="how far judging may be behind (default 30s)")
    parser.add_argument("--again", default="10min", metavar="SPAN", help="said again while it lasts (default 10min)")
    parser.add_argument("--language", choices=("en", "zh"), default="en", help="of what is said (default en)")
    parser.add_argument("--verbose", action="store_true", help="a line for each ping too")


VERBS = (
    Verb(
        "watchdog",
        "say when Davylamp itself stalls",
        "davylamp watchdog my-site.toml --command 'horn {headline}'",
        _arguments,
        watchdog,
    ),
)
