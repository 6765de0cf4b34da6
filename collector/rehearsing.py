"""A scenario through the whole judging path, as fast as it goes: its messages as a broker would bring them, decoded and
judged, and what was said beside what happened.

Constraints. No broker, no disk, no clock: what a device sends at a time arrives at it, what loggers kept arrives at the
start. Waveforms, half payloads and late rows are in it, which a CSV cannot hold. Same scenario and seed, same
changes.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator
from importlib import resources
from itertools import count, groupby
from pathlib import Path
from typing import Any

from collector.config import load
from collector.errors import Rejected
from collector.folding import Folding
from collector.message import MQTT, Message, Seal
from collector.scoring import known
from collector.times import instant
from detectors.judge import Judge
from detectors.records import Change
from detectors.site import Site
from simulators.instrument import SECOND
from simulators.messages import Letter, NoTemplate, Writer
from simulators.scenario import Scenario, ScenarioError, read_scenario
from simulators.score import TOLERANCE, Score, score
from simulators.truths import truths_of
from simulators.world import worth

START = "2026-01-01T00:00:00Z"
SHORTEST, LONGEST = 60.0, 6 * 3600.0
"""s of a scenario whose messages are made at once."""
AT_ONCE = 20_000
"""Readings made at once, about."""


def names() -> list[str]:
    """The scenarios that come with Davylamp."""
    texts = ((file.name, file.read_text("utf-8")) for file in _folder() if file.name.endswith(".toml"))
    return sorted(name.removesuffix(".toml") for name, text in texts if "scenario" in tomllib.loads(text))


def site_of(scenario: Scenario, file: Path | None = None) -> Site:
    """The site that a scenario is about, from a file or from those that come with Davylamp. Raises Rejected."""
    if file is not None:
        return load(file).site
    with resources.as_file(resources.files("simulators") / "scenarios" / f"{scenario.site}.toml") as ours:
        if not ours.is_file():
            raise Rejected(f"scenario {scenario.name} is about {scenario.site!r}, which is not ours: give --site")
        return load(ours).site


def _folder() -> Iterator[Any]:
    yield from (resources.files("simulators") / "scenarios").iterdir()


def changes(scenario: Scenario, site: Site, start: int) -> Iterator[Change]:
    """What the judge says of a scenario that begins at `start` (ns UTC). Raises ScenarioError, NoTemplate."""
    judge, folding = Judge(site, start), Folding()
    folding.adopt(site, judge, 1)
    yield from judge.begin()
    for seals in _seals(scenario, site, start):
        yield from folding.fold(seals).changes


def _seals(scenario: Scenario, site: Site, start: int) -> Iterator[list[Seal]]:
    world = scenario.world(site.sensors.values(), start, site.timezone)
    writer, numbers = Writer(site.sensors, site.payloads), count(1)
    kept = [_message(letter) for shown in world.readings(start) for letter in writer.kept(shown)]
    yield [Seal(next(numbers), start, start, tuple(kept))]
    end = start + round(scenario.lasts_s * SECOND)
    now, piece = start, round(worth(site.sensors.values(), AT_ONCE, SHORTEST, LONGEST) * SECOND)
    while now < end:
        now = min(now + piece, end)
        letters = [letter for shown in world.readings(now) for letter in writer.live(shown)]
        letters += [writer.wave(block) for block in world.blocks(now)]
        together = groupby(sorted(letters, key=_time), _time)
        sealed = [Seal(next(numbers), at, at, tuple(map(_message, group))) for at, group in together]
        yield [*sealed, Seal(next(numbers), now, now)]


def _time(letter: Letter) -> int:
    return letter.time


def _message(letter: Letter) -> Message:
    return Message(letter.topic, letter.payload, MQTT)


def rehearse(name: str | Path, file: Path | None = None, seed: int | None = None, tolerance: int = TOLERANCE) -> Score:
    """The score of a scenario by its name or file, on its own seed or another. Raises Rejected."""
    try:
        scenario = read_scenario(name)
        scenario = scenario if seed is None else dataclasses.replace(scenario, seed=seed)
        site, start = site_of(scenario, file), instant(START)
        truths, members = known(truths_of(scenario, site, start), site)
        return score(changes(scenario, site, start), truths, members, tolerance=tolerance)
    except (ScenarioError, NoTemplate) as wrong:
        raise Rejected(str(wrong)) from wrong
