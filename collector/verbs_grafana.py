"""The verb about Grafana: everything it shows and tells, as files to provision it from or pushed to a server."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from collector.verb import NO, OK, Arguments, Parser, Verb, WrongUse, add_json, say, say_json, table, warn

TAKES = {"export": ("DIR", "SITE.toml"), "push": ("SITE.toml",)}


def grafana(arguments: Arguments) -> int:
    """Export files, or push to a server."""
    from collector.config import load

    wanted = TAKES[arguments.what]
    if len(arguments.words) != len(wanted):
        raise WrongUse(f"found {len(arguments.words)} names after {arguments.what}: give {' '.join(wanted)}")
    loaded = load(Path(arguments.words[-1]))
    lang = arguments.lang or (loaded.settings.oncall.language if loaded.settings.oncall else "en")
    return (_export if arguments.what == "export" else _push)(loaded, lang, arguments)


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


def _push(loaded: Any, lang: Any, arguments: Arguments) -> int:
    from collector.grafana import Grafana
    from collector.grafana_push import Outcome, push
    from collector.grafana_site import secrets_of, to_push

    url, token = _server(loaded.settings.grafana, arguments)
    wanted = to_push(loaded, lang)
    server = Grafana(url, token.reveal(), secrets_of(loaded.settings))
    done = push(server, wanted, arguments.policies or "merge", arguments.secrets)
    if arguments.json:
        say_json({"version": 1, "url": url, "objects": [{"what": one.what, "name": one.name, "outcome": one.outcome,
                  "note": one.note} for one in done]})  # fmt: skip
    else:
        say(table(("object", "name", "outcome"), [(one.what, one.name, one.outcome) for one in done]))
        counts = Counter(one.outcome for one in done)
        say(f"{url}: {', '.join(f'{count} {outcome}' for outcome, count in counts.items())}")
    for note in dict.fromkeys(one.note for one in done if one.note):
        warn(f"{', '.join(one.name for one in done if one.note == note)}: {note}")
    settings = loaded.settings.grafana
    if not settings.email and not settings.webhook and arguments.policies != "skip":
        warn("[grafana] names no email and no webhook: notices go to the receiver at the top of Grafana's policies")
    return NO if any(one.outcome in (Outcome.FAILED, Outcome.REFUSED) for one in done) else OK


def _server(settings: Any, arguments: Arguments) -> tuple[str, Any]:
    """Address and token, from the words or the site file."""
    from collector.secret import Secret

    url = (arguments.url or settings.url).rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise WrongUse(f"found {url!r} for Grafana: give --url http://host:3000, or url in [grafana]")
    token = settings.token
    if arguments.token_file or arguments.token_env:
        token = Secret(file=arguments.token_file, env=arguments.token_env)
    if token is None:
        raise WrongUse("no token: give --token-file FILE or --token-env NAME, or token_file in [grafana]")
    return url, token


def _arguments(parser: Parser) -> None:
    parser.add_argument("what", choices=tuple(TAKES), help="push: to a server. export: files to provision it from")
    parser.add_argument("words", nargs="+", metavar="[DIR] SITE.toml", help="DIR, with export, is where the files go")
    parser.add_argument("--lang", choices=("en", "zh"), help="language; that of [oncall], else en")
    parser.add_argument("--url", help="Grafana; else url of [grafana]")
    token = parser.add_mutually_exclusive_group()
    token.add_argument("--token-file", type=Path, metavar="FILE", help="its first line is a service account's token")
    token.add_argument("--token-env", metavar="NAME", help="the environment variable with that token")
    parser.add_argument("--policies", choices=("merge", "replace", "skip"), help=POLICIES)
    parser.add_argument("--secrets", action="store_true", help="send secrets again: Grafana does not give them back")
    add_json(parser)


POLICIES = ("who is told: merge puts our route beside the others (push does), replace makes the whole tree ours, "
            "skip leaves it (export does, since a file cannot merge)")  # fmt: skip
VERBS = (Verb("grafana", "dashboards and alert rules for Grafana, pushed or as files",
              "davylamp grafana push my-site.toml", _arguments, grafana),)  # fmt: skip
