"""`davylamp simulate`: a scenario into a broker or a CSV file, never into a site that is not a simulated one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from collector.config import load
from collector.errors import DavylampError
from collector.recorded import Source, pieces
from collector.times import instant
from simulators.playing import play
from simulators.publish import BrokerRefuses, NotSimulated, Published, publish, readings_csv, write_mseed
from simulators.scenario import Scenario, ScenarioError, SiteLike, read_registry, read_scenario, site_text
from simulators.truths import lines as truth_lines
from simulators.truths import truths_of

START = "2026-01-01T00:00:00Z"
"""A CSV's start where none is given: the same command, the same file."""


class NotPublished(DavylampError):
    """The simulation cannot be run as asked; the message says why."""


def to_csv(name: str, file: Path, start: str | None, site: Path | None = None, truth: Path | None = None) -> str:
    """Write a scenario's readings, and its truths where a file is named; says what was written. Raises NotPublished."""
    try:
        scenario, registry = _read(name, site)
        begin = instant(start or START)
        lines = readings_csv(scenario, registry, begin)
        if truth is not None:
            with truth.open("w", encoding="utf-8") as beside:
                beside.writelines(truth_lines(truths_of(scenario, registry, begin)))
        count = -1
        with file.open("w", encoding="utf-8") as out:
            for line in lines:
                out.write(line)
                count += 1
    except (ScenarioError, NotSimulated, ValueError, OSError) as error:
        raise NotPublished(str(error)) from error
    return f"wrote {count:,} readings to {file}" + (f", {len(scenario.truths)} truths to {truth}" if truth else "")


def to_mseed(name: str, folder: Path, start: str | None, site: Path | None = None) -> str:
    """Write a scenario's waveforms as miniSEED, a file a sensor; says what was written. Raises NotPublished."""
    try:
        files = write_mseed(*_read(name, site), instant(start or START), folder)
    except (ScenarioError, NotSimulated, ValueError, OSError) as error:
        raise NotPublished(str(error)) from error
    return f"wrote {sum(files.values()):,} samples of {len(files)} sensors to {folder}"


def to_mqtt(
    name: str,
    url: str,
    site: Path | None,
    speed: float,
    stop: threading.Event,
    form: str = "plain",
    told: Callable[[float | None, int], None] | None = None,
) -> str:
    """Publish a scenario from now on; says what the broker acknowledged. Raises NotPublished."""
    try:
        scenario, registry = _read(name, site)
        done = publish(scenario, registry, url, time.time_ns(), stop=stop, speed=speed, form=form, told=told)
    except (ScenarioError, NotSimulated, BrokerRefuses, ValueError) as error:
        raise NotPublished(str(error)) from error
    return _told(done)


def recording_to_mqtt(
    part: Source,
    url: str,
    file: Path,
    stop: threading.Event,
    *,
    speed: float = 1.0,
    form: str = "plain",
    now: bool = False,
    loop: bool = False,
    told: Callable[[float | None, int], None] | None = None,
) -> tuple[str, dict[str, int]]:
    """Publish a recording into the site of a file; says what was acknowledged, and the readings of strangers by name.
    Raises NotPublished, Rejected, ConfigMistakes."""
    site = load(file).site
    shift = time.time_ns() if now else None
    try:
        done = play(lambda: pieces(part, site), site, url, form=form, speed=speed, shift_to=shift, loop=loop, stop=stop,
                    told=told)  # fmt: skip
    except (NotSimulated, BrokerRefuses, ValueError, OSError) as error:
        raise NotPublished(str(error)) from error
    return _told(done.published) + (f", {done.rounds} rounds" if loop else ""), done.unknown


def _told(done: Published) -> str:
    lost = f", {done.unanswered} not acknowledged" if done.unanswered else ""
    return f"published {done.messages:,} messages with {done.readings:,} readings and {done.samples:,} samples{lost}"


def _read(name: str, site: Path | None) -> tuple[Scenario, SiteLike]:
    scenario = read_scenario(name)
    text = site_text(scenario.site) if site is None else site.read_text(encoding="utf-8")
    if text is None:
        raise ScenarioError(f"scenario {name}: found site {scenario.site!r}, which is not one of ours; give its file")
    return scenario, read_registry(text)
