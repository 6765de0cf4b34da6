"""The verb about Grafana: everything it shows and tells, as files to provision or pushed to a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collector.verb import OK, Arguments, Parser, Verb, WrongUse, say


def grafana(arguments: Arguments) -> int:
    """Export files."""
    from collector.config import load

    if len(arguments.words) != 2:
        raise WrongUse(f"found {len(arguments.words)} names after export: give DIR SITE.toml")
    loaded = load(Path(arguments.words[-1]))
    lang = arguments.lang or (loaded.settings.oncall.language if loaded.settings.oncall else "en")
    return _export(loaded, lang, arguments)


def _export(loaded: Any, lang: Any, arguments: Arguments) -> int:
    from collector.grafana_site import to_files, variables, write_files

    folder = Path(arguments.words[0])
    wanted = to_files(loaded, lang, arguments.policies == "replace")
    done = write_files(folder, wanted)
    for line in done:
        say(line)
    say(f"{len(wanted)} files in {folder}, {len(wanted) - sum(line.startswith('written') for line in done)} unchanged")
    if names := variables(loaded.settings):
        say(f"Grafana's environment must hold {', '.join(names)}")
    return OK


def _arguments(parser: Parser) -> None:
    parser.add_argument("what", choices=("export",), help="export: write files to provision Grafana from")
    parser.add_argument("words", nargs="+", metavar="DIR SITE.toml")
    parser.add_argument("--lang", choices=("en", "zh"), help="language; that of [oncall], else en")
    parser.add_argument("--policies", choices=("skip", "replace"), default="skip",
                        help="replace: a file that makes the whole policy tree Davylamp's")  # fmt: skip


VERBS = (Verb("grafana", "dashboards and alert rules for Grafana", "davylamp grafana export provisioning my-site.toml",
              _arguments, grafana),)  # fmt: skip
