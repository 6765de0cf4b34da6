"""The verbs that run something: the demo, a site, a replay, a simulation."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

from collector.settings import Settings
from collector.verb import NO, OK, Arguments, Parser, Verb, WrongUse, add_json, port, say, say_json, warn
from collector.visible import OneLine

FORMATS = ("plain", "senml", "senml-cbor", "line", "mseed", "sparkplug", "telegraf")
RECORDINGS = (".csv", ".parquet", ".line", ".lp", ".mseed", ".miniseed")
"""Ends of the names of recordings that can be published."""
ROLE_NAMES = ("collect", "judge", "store", "announce", "page")


def demo(arguments: Arguments) -> int:
    """Run the whole on a pretended pit until Ctrl-C, or for a while and then say whether it was as expected."""
    from collector.demo import Demo
    from collector.times import NoTime, duration

    try:
        seconds = None if arguments.span is None else duration(arguments.span) / 1e9
    except NoTime as wrong:
        raise WrongUse(str(wrong)) from wrong
    _logging(arguments.verbose)
    return Demo(arguments.data, arguments.port, seconds, arguments.verbose).run()


def run(arguments: Arguments) -> int:
    """Run all roles, supervised, or one of them in this process."""
    from collector.config import load
    from collector.exposing import objections
    from collector.running import run_role, stopping

    _logging(arguments.verbose)
    loaded = load(arguments.file)
    for secret in loaded.absent:
        warn(str(secret))
    if loaded.absent:
        return NO
    settings = _overridden(loaded.settings, arguments)
    roles = [role for role in ROLE_NAMES if role in (settings.roles or ROLE_NAMES)]
    if "page" in ([arguments.role] if arguments.role else roles) and (open_doors := objections(settings)):
        for objection in open_doors:
            warn(f"{arguments.file}: {objection}")
        return NO
    with stopping() as stop:
        if arguments.role:
            run_role(arguments.role, settings, stop)
        else:
            _supervised(arguments, settings, loaded, roles, stop)
    return OK


def _supervised(arguments: Arguments, settings: Settings, loaded: Any, roles: Sequence[str], stop: Event) -> None:
    """All of `roles` until stopped. Raises Occupied where the same already run on this data folder."""
    from collector.locking import held
    from collector.running import RUN_LOCK, RUNNING, role_command, supervise

    options = [*_given("--data", arguments.data), *_given("--port", arguments.port)]
    options += ["--verbose"] if arguments.verbose else []
    scheme = "https" if settings.page.certificate else "http"
    which = RUN_LOCK if len(roles) == len(ROLE_NAMES) else f"run-{'-'.join(roles)}.lock"
    with held(settings.data / which, RUNNING):
        _adopt_the_first(settings.data, arguments.file)
        say(f"{loaded.site.id}: {', '.join(roles)}; page at {scheme}://{settings.page.host}:{settings.page.port}")
        supervise({role: role_command(str(arguments.file), role, options) for role in roles}, stop)


def _overridden(settings: Settings, arguments: Arguments) -> Settings:
    if arguments.data is not None:
        settings = dataclasses.replace(settings, data=arguments.data)
    if arguments.port is not None:
        settings = dataclasses.replace(settings, page=dataclasses.replace(settings.page, port=arguments.port))
    return settings


def _adopt_the_first(data: Path, file: Path) -> None:
    """An empty log has nothing to lose by the file; later changes need `davylamp apply`. Raises ConfigMistakes."""
    from collector.actions import ask_revision
    from collector.applying import differences, in_force
    from collector.config import load

    standing = in_force(data)
    document = load(file, proposed=standing is None).whole
    if standing is None:
        ask_revision(data, document, "run", "first start of this data folder")
    elif differences(standing, document):
        warn("the site file differs from what is in force; `davylamp apply` shows how, and adopts it")


def _given(option: str, value: object) -> list[str]:
    return [] if value is None else [option, str(value)]


def replay(arguments: Arguments) -> int:
    """Judge recorded readings as fast as it goes; print the journal's hash and the counts."""
    from collector.config import load
    from collector.progress import shown
    from collector.replaying import replay as fold

    loaded = load(arguments.file)
    if not arguments.input.exists():
        raise WrongUse(f"{arguments.input} is not there; give a recording (CSV, Parquet, ...) or a data folder")
    part = _part(arguments, arguments.input)
    with shown(arguments.progress) as progress:
        result = fold(loaded.site, arguments.input, arguments.journal, progress=progress, part=part)
    if arguments.json:
        say_json(dataclasses.asdict(result))
        return OK
    speed = (result.end - result.start) / 1e9 / max(result.seconds, 1e-9)
    say(f"{result.readings:,} readings in {result.seconds:.2f} s, {speed:,.0f} times real time")
    for name, number in (*result.counts.items(), *sorted(result.changes.items())):
        say(f"  {name:<32} {number:>14,}")
    for name, number in sorted(result.unknown.items()):
        warn(f"{name}: {number:,} readings of a sensor that {arguments.file} does not have")
    if result.begins > 1:
        warn(f"the log begins in the middle, at seal {result.begins}: replayed from a snapshot there")
    say(f"journal: {result.lines} lines, hash {result.hash}")
    return OK


def _part(arguments: Arguments, path: Path) -> Any:
    """The recording that is meant, and which part of it."""
    from collector.recorded import Source
    from collector.times import NoTime, instant

    try:
        start, end = (None if text is None else instant(text) for text in (arguments.start_at, arguments.end_at))
    except NoTime as wrong:
        raise WrongUse(str(wrong)) from wrong
    whole = Source(path, arguments.columns)
    return Source(path, arguments.columns, whole.start if start is None else start, whole.end if end is None else end)


def _part_arguments(parser: Parser) -> None:
    parser.add_argument("--columns", type=Path, metavar="FILE", help="of a recording: its columns (docs/recordings.md)")
    parser.add_argument("--from", dest="start_at", metavar="TIME", help="of a recording: only what was at or after it")
    parser.add_argument("--to", dest="end_at", metavar="TIME", help="of a recording: only what was before it")


def simulate(arguments: Arguments) -> int:
    """Publish a scenario over MQTT, or write its readings as CSV."""
    from collector.progress import shown
    from collector.running import stopping
    from collector.simulating import to_csv, to_mqtt, to_mseed

    if arguments.truth is not None and arguments.csv is None:
        raise WrongUse("--truth goes with --csv: the truths of a file have its times")
    with stopping() as stop:
        if arguments.csv is not None:
            say(to_csv(arguments.scenario, arguments.csv, arguments.start, arguments.site, arguments.truth))
        elif arguments.mseed is not None:
            say(to_mseed(arguments.scenario, arguments.mseed, arguments.start, arguments.site))
        elif Path(arguments.scenario).is_dir() or Path(arguments.scenario).suffix.lower() in RECORDINGS:
            return _play(arguments, stop)
        else:
            with shown(arguments.progress) as told:
                say(to_mqtt(arguments.scenario, arguments.mqtt, arguments.site, arguments.speed, stop,
                            arguments.format, told))  # fmt: skip
    return OK


def _play(arguments: Arguments, stop: Event) -> int:
    """Publish a recording."""
    from collector.progress import shown
    from collector.simulating import recording_to_mqtt

    path = Path(arguments.scenario)
    if not path.exists():
        raise WrongUse(f"{path} is not there; give a recording, or the name of a scenario")
    if arguments.site is None:
        raise WrongUse("give --site SITE.toml: whose sensors the recording's are")
    with shown(arguments.progress) as told:
        text, unknown = recording_to_mqtt(
            _part(arguments, path), arguments.mqtt, arguments.site, stop, speed=arguments.speed, form=arguments.format,
            now=arguments.shift_to_now, loop=arguments.loop, told=told,
        )  # fmt: skip
    say(text)
    for name, number in sorted(unknown.items()):
        warn(f"{name}: {number:,} readings of a sensor that {arguments.site} does not have")
    return OK


def _logging(verbose: bool) -> None:
    level = logging.INFO if verbose else logging.WARNING
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


def _verbose(parser: Parser) -> None:
    parser.add_argument("--verbose", action="store_true", help="log each decision")


def _demo_arguments(parser: Parser) -> None:
    parser.add_argument("--for", dest="span", metavar="SPAN", help="end by itself; exit 1 if it was not as expected")
    parser.add_argument("--data", type=Path, default=Path("demo-data"), metavar="DIR", help="(default demo-data)")
    parser.add_argument("--port", type=port, default=8347, help="of the page, on loopback (default 8347 or the next)")
    _verbose(parser)


def _run_arguments(parser: Parser) -> None:
    parser.add_argument("file", type=Path, metavar="SITE.toml")
    parser.add_argument("--role", choices=ROLE_NAMES, help="only this one, in this process")
    parser.add_argument("--data", type=Path, metavar="DIR", help="another data folder than the file names")
    parser.add_argument("--port", type=port, help="another port of the page than the file names")
    _verbose(parser)


def _replay_arguments(parser: Parser) -> None:
    parser.add_argument("file", type=Path, metavar="SITE.toml")
    parser.add_argument(
        "input", type=Path, metavar="INPUT",
        help="CSV, Parquet, line protocol, miniSEED (or a folder of it), or a data folder (its spool)",
    )  # fmt: skip
    _part_arguments(parser)
    parser.add_argument("--journal", type=Path, metavar="FILE", help="write the journal there as JSON lines")
    parser.add_argument(
        "--progress", action=argparse.BooleanOptionalAction, help="how far it is, on stderr (default: on a terminal)"
    )
    add_json(parser)


def _simulate_arguments(parser: Parser) -> None:
    parser.add_argument(
        "scenario", metavar="SCENARIO", help="one of ours (demo), a file (.toml), or with --mqtt a recording"
    )
    to = parser.add_mutually_exclusive_group(required=True)
    to.add_argument("--mqtt", metavar="URL", help="publish there, as it happens")
    to.add_argument("--csv", type=Path, metavar="FILE", help="write the readings there, as fast as it goes")
    to.add_argument("--mseed", type=Path, metavar="DIR", help="write the waveforms there, a file of miniSEED a sensor")
    parser.add_argument("--format", default="plain", choices=FORMATS, help="with --mqtt: of messages (default plain)")
    parser.add_argument(
        "--progress", action=argparse.BooleanOptionalAction, help="with --mqtt: how far it is (default: on a terminal)"
    )
    parser.add_argument("--truth", type=Path, metavar="FILE", help="with --csv: write there what really happened")
    parser.add_argument("--site", type=Path, metavar="SITE.toml", help="whose sensors (default: the north pit)")
    _part_arguments(parser)
    parser.add_argument("--shift-to-now", action="store_true", help="of a recording: as if it began now")
    parser.add_argument("--loop", action="store_true", help="of a recording: again and again until Ctrl-C")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="times faster than life (default 1)")
    parser.add_argument("--start", default=None, metavar="TIME", help="the scenario's start (CSV; default 2026-01-01Z)")


VERBS = (
    Verb("demo", "the whole on a pretended pit", "davylamp demo --for 150s", _demo_arguments, demo),
    Verb("run", "the whole, supervised, or one role", "davylamp run my-site.toml", _run_arguments, run),
    Verb("replay", "judge recorded readings again", "davylamp replay s.toml readings.csv", _replay_arguments, replay),
    Verb("simulate", "publish a scenario", "davylamp simulate demo --csv readings.csv", _simulate_arguments, simulate),
)
