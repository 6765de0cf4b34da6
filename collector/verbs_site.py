"""The verbs about a site: its first file, what it hears, whether its file is right, and putting it in force."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from collector.listening import Broker
from collector.verb import (
    NO,
    OK,
    Arguments,
    Parser,
    Verb,
    WrongUse,
    add_data,
    add_json,
    add_person,
    judged_folder,
    say,
    say_json,
    table,
    told,
    warn,
)

FIRST_SITE = '''\
# A first site. `davylamp listen --mqtt mqtt://127.0.0.1:1883` shows what is published; `davylamp check` finds mistakes.
[site]
id = "my-site"
timezone = "Asia/Shanghai"       # for screens and shifts; records stay UTC
data = "my-site-data"            # the data folder, beside this file

[mqtt]
url = "mqtt://127.0.0.1:1883"    # mqtts:// for TLS; user = "...", password_file = "..."

[payload.plain]                  # topic my-site/face-1/ch4-1, {"v": 0.3, "u": "%vol", "ts": "2026-05-01T08:00:00Z"}
topic = "my-site/{area}/{sensor}"
json = { value = "v", unit = "u", time = "ts" }

[sensor]
ch4-1 = { area = "face-1", quantity = "methane", unit = "%vol", span = [0, 4], every = "5s" }

[rule.methane-high]
sensors = ["ch4-1"]
detector = { kind = "signal.limit", limit = "1.0 %vol", reset = "0.9 %vol" }
priority = "high"
guidance = "Withdraw, ventilate, measure again by hand"
'''


def init(arguments: Arguments) -> int:
    """Write a first site file; never over one that is there."""
    if arguments.file.exists():
        raise WrongUse(f"{arguments.file} exists already; name another file, or `davylamp check {arguments.file}`")
    arguments.file.write_text(FIRST_SITE, encoding="utf-8")
    say(f"wrote {arguments.file}; next: edit it, then `davylamp check {arguments.file}`")
    return OK


def check(arguments: Arguments) -> int:
    """Report every mistake at once, else what the site is and its mix of priorities."""
    from collector.config import ConfigMistakes, load
    from collector.duty import troubles
    from collector.exposing import objections, warnings
    from detectors.site import priority_mix

    try:
        loaded = load(arguments.file, proposed=True)
    except ConfigMistakes as mistakes:
        if arguments.json:
            say_json([dataclasses.asdict(mistake) for mistake in mistakes.mistakes])
        warn(str(mistakes))
        return NO
    site = loaded.site
    pairs = [(rule, subject) for rule in site.rules for subject in rule.subjects]
    for secret in loaded.absent:
        warn(str(secret))
    people = loaded.settings.oncall
    off_duty = [] if people is None else troubles(people, site, datetime.now(UTC))
    open_doors = objections(loaded.settings)
    for trouble in (*off_duty, *open_doors, *warnings(loaded.settings)):
        warn(f"{arguments.file}: {trouble}")
    if off_duty or open_doors:
        return NO
    if arguments.json:
        mix = Counter(rule.priority.name.lower() for rule, _ in pairs)
        say_json({"site": site.id, "sensors": len(site.sensors), "watches": len(pairs), "priorities": mix})
        return OK
    say(f"{arguments.file}: no mistake. {len(site.sensors)} sensors, {len(site.rules)} rules, {len(pairs)} watched")
    say(priority_mix(site))
    own = [len(set(loaded.whole[kind]) - set(loaded.document.get(kind, {}))) for kind in ("sensor", "rule")]
    say(f"and of the system's own {own[0]} sensors with {own[1]} rules, which are not counted above")
    for remark in loaded.remarks:
        warn(f"{arguments.file}: {remark}")
    return OK


def apply(arguments: Arguments) -> int:
    """Show the difference in words, ask, and put a new revision in force."""
    from collector.applying import differences, in_force, put_in_force
    from collector.config import load
    from collector.loosening import loosened

    loaded = load(arguments.file, proposed=True)
    folder = Path(arguments.data or loaded.settings.data)
    before = in_force(folder)
    changes = differences(before, loaded.whole)
    for change in [*(f"LOOSENED {one}" for one in loosened(before, loaded.whole)), *(changes or ["nothing changes"])]:
        say(change)
    if not changes:
        return OK
    if not arguments.yes and not _agreed():
        warn("nothing was applied; say --yes where nobody can be asked")
        return NO
    answer = put_in_force(folder, loaded.whole, arguments.by, arguments.note)
    (say if answer.outcome == "taken" else warn)(told(answer.outcome, answer.reason))
    return OK if answer.outcome == "taken" else NO


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    return input("put this in force? [y/N] ").strip().lower() in ("y", "yes")


def sensors(arguments: Arguments) -> int:
    """Print each sensor's latest judged reading, with --raw the message it last came in."""
    from collector.judged import Judged
    from collector.listening import last_payloads
    from collector.liveness import dead_for, facts, not_live
    from collector.times import age
    from dashboards.console.figures import behind, in_words
    from dashboards.console.labels import quality_words

    folder = judged_folder(arguments)
    judged = Judged(folder)
    status = judged.status()
    now = (status.get("now") or 0) + dead_for(status)
    rows = judged.sensors()
    raw = last_payloads(folder) if arguments.raw else {}
    for row in rows:
        row["age"] = None if not row.get("arrived") else now - row["arrived"]
        row["raw"] = raw.get(row["sensor"])
    if arguments.json:
        say_json({"version": 1, **facts(status), "sensors": rows})
        return OK
    if dead := not_live(status):
        say(dead)
    head = ("sensor", "place", "value", "unit", "quality", "age", *(("raw",) if arguments.raw else ()))
    names = ("sensor", "area", "value", "unit", "quality", "age", *(("raw",) if arguments.raw else ()))
    shown = [
        {**row, "age": age(row["age"]), "value": in_words(row["value"], row["states"]),
         "unit": behind(row["unit"] or "").strip(),
         "quality": None if row["age"] is None else quality_words(row["quality"] or 0, "en") or "good"}
        for row in rows
    ]  # fmt: skip
    say(table(head, [[row.get(name) for name in names] for row in shown], ("value", "age")))
    return OK


def listen(arguments: Arguments) -> int:
    """Hear what is published for a while, and propose sensors for it."""
    from collector.listening import hear
    from collector.proposing import proposal
    from collector.times import NoTime, age, duration

    try:
        span = duration(arguments.span)
    except NoTime as wrong:
        raise WrongUse(str(wrong)) from wrong
    heard = hear(_broker(arguments), arguments.topic, span / 1e9)
    if arguments.json:
        say_json([dataclasses.asdict(one) for one in heard])
        return OK if heard else NO
    if not heard:
        warn(f"nothing was published on {arguments.topic} in {age(span)}: is it the right broker and topic?")
        return NO
    say(table(("topic", "messages", "sample"), [(h.topic, h.messages, h.sample[:80]) for h in heard], ("messages",)))
    say("\n# proposed; complete area, quantity, unit and span, then put it into the site file\n" + proposal(heard))
    return OK


def _broker(arguments: Arguments) -> Broker:
    from collector.config import load

    if arguments.mqtt is not None:
        try:
            return Broker.of(arguments.mqtt)
        except ValueError as wrong:
            raise WrongUse(str(wrong).replace("mqtt.url", "--mqtt")) from wrong
    if arguments.file is None:
        raise WrongUse("where? Give a site file, or --mqtt mqtt://host:1883")
    mqtt = load(arguments.file).settings.mqtt
    if mqtt is None:
        raise WrongUse(f"{arguments.file} has no [mqtt]; give --mqtt mqtt://host:1883")
    password = mqtt.password.reveal() if mqtt.password else None
    return Broker(mqtt.url, mqtt.user, password, mqtt.ca, mqtt.cert, mqtt.key, mqtt.key_password)


def _file(parser: Parser) -> None:
    parser.add_argument("file", type=Path, metavar="SITE.toml")


def _check_arguments(parser: Parser) -> None:
    _file(parser)
    add_json(parser)


def _apply_arguments(parser: Parser) -> None:
    _file(parser)
    parser.add_argument("--data", type=Path, metavar="DIR", help="another data folder than the file names")
    add_person(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _sensors_arguments(parser: Parser) -> None:
    add_data(parser)
    add_json(parser)
    parser.add_argument("--raw", action="store_true", help="also the message each came in")


def _listen_arguments(parser: Parser) -> None:
    parser.add_argument("file", nargs="?", type=Path, metavar="SITE.toml", help="whose broker")
    parser.add_argument("--mqtt", metavar="URL", help="that broker: mqtt://user:password@host:1883")
    parser.add_argument("--topic", default="#", help="what to subscribe to (default: all)")
    parser.add_argument("--for", dest="span", default="10s", metavar="SPAN", help="how long (default 10s)")
    add_json(parser)


VERBS = (
    Verb("init", "write a first site file", "davylamp init my-site.toml", _file, init),
    Verb("listen", "propose sensors from a broker", "davylamp listen my-site.toml", _listen_arguments, listen),
    Verb("sensors", "each sensor's latest reading", "davylamp sensors --data demo-data", _sensors_arguments, sensors),
    Verb("check", "every mistake of a site file at once", "davylamp check my-site.toml", _check_arguments, check),
    Verb(
        "apply",
        "show what a site file changes, then put it in force as a new revision",
        "davylamp apply my-site.toml --by Wang --note 'lower methane limit'",
        _apply_arguments,
        apply,
    ),
)
