"""A scenario over MQTT at the pace of life, or as CSV.

Constraints. Only into a site that says `simulated = true`: pretended and real readings never mix. First what the
loggers kept, then live. This and sender.py are the only places here with a clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from math import inf, isnan
from pathlib import Path
from threading import Event

import numpy as np

from detectors.sensor import Payload
from simulators.formats import format_writer, mseed_records
from simulators.instrument import SECOND, Readings
from simulators.messages import Letter, Writer
from simulators.scenario import Scenario, SiteLike, north_pit_site, read_registry, read_scenario
from simulators.sender import TURN, BrokerRefuses, Published, Sender
from simulators.world import World, worth

UNPACED, LONGEST = 10.0, 3600.0
"""s of the scenario in one turn where no pace is kept, at least and at most."""
AT_ONCE = 2000
"""Readings made in such a turn, about."""
PIECE = 3600 * SECOND
"""ns of a scenario written as CSV at once."""
BLOCKS = 60 * SECOND
"""ns of its waveforms written at once."""
MSEED = Payload("files", "", "mseed", {"sensor": "{station}"})
"""How files of miniSEED name a sensor where the site does not say."""


class NotSimulated(ValueError):
    """The site does not say `simulated = true`."""


def publish(
    scenario: Scenario,
    site: SiteLike,
    url: str,
    start: int,
    *,
    stop: Event | None = None,
    lasts: float | None = None,
    speed: float = 1.0,
    past: bool = True,
    form: str = "plain",
    told: Callable[[float | None, int], None] | None = None,
) -> Published:
    """Publish a scenario that begins at `start` (ns UTC), and return what the broker acknowledged.

    It ends after `lasts` s of the scenario (its own length by default, inf for ever) or when `stop` is set. `speed`
    1 is the pace of life, inf as fast as the broker takes it. `past` False leaves out what the loggers kept (a second
    start has delivered it already). `form` is one of formats.FORMS; `told` hears what share is sent, and how many
    readings were acknowledged. Raises NotSimulated, BrokerRefuses, ScenarioError.
    """
    if not site.simulated:
        raise NotSimulated("found a site without `simulated = true`; simulated readings go into simulated sites only")
    if not speed > 0:
        raise ValueError(f"speed is {speed}; give a number above 0, 1 is the pace of life")
    world = scenario.world(site.sensors.values(), start, site.timezone)
    writer = format_writer(form, site.sensors, site.payloads)
    ended = Event() if stop is None else stop
    length = scenario.lasts_s if lasts is None else lasts
    with Sender(url, ended, will=writer.will) as sender:
        for kept in world.readings(start):
            for letter in writer.kept(kept.take(~kept.half)) if past else ():
                sender.send(letter)
        for second in _turns(length, speed, ended, worth(site.sensors.values(), AT_ONCE, UNPACED, LONGEST)):
            for letter in _letters(world, writer, start + round(second * SECOND)):
                sender.send(letter)
            if told is not None:
                told(second / length if length < inf else None, sender.acknowledged)
        for letter in writer.end(time.time_ns()):
            sender.send(letter)
        return sender.settle()


def _turns(lasts: float, speed: float, stop: Event, unpaced: float) -> Iterator[float]:
    """Seconds of the scenario that are due, ascending, the last being `lasts`."""
    begin, second = time.monotonic(), 0.0
    while second < lasts and not stop.is_set():
        if speed < inf:
            stop.wait(TURN)
            second = min((time.monotonic() - begin) * speed, lasts)
        else:
            second = min(second + unpaced, lasts)
        yield second


def _letters(world: World, writer: Writer, until: int) -> list[Letter]:
    letters = [letter for shown in world.readings(until) for letter in writer.live(shown)]
    letters += [writer.wave(block) for block in world.blocks(until)]
    return writer.ordered(letters)


def run_demo(url: str, start_ns: int, stop_event: Event, scenario: str = "demo", *, past: bool = True) -> Published:
    """Publish a scenario on the pit `north-pit` until `stop_event` is set; after its end the pit goes on quietly."""
    site = read_registry(north_pit_site(url))
    return publish(read_scenario(scenario), site, url, start_ns, stop=stop_event, lasts=inf, past=past)


def readings_csv(scenario: Scenario, site: SiteLike, start: int, until: float | None = None) -> Iterator[str]:
    """A scenario's readings as lines of CSV (`time,sensor,value[,quality]`, time in ns), in order of sending.

    Up to `until` s after the start, the scenario's own length by default. Waveforms, and readings whose payload breaks
    off, are left out; quality is there where a device tells it. Raises NotSimulated, ScenarioError.
    """
    if not site.simulated:
        raise NotSimulated("found a site without `simulated = true`; simulated readings go into simulated sites only")
    end = start + round((scenario.lasts_s if until is None else until) * SECOND)
    world = scenario.world(site.sensors.values(), start, site.timezone)
    now = start - max((past.lasts for past in scenario.past.values()), default=0)
    told = any(happening.kind == "calibration" for happening in scenario.happenings)
    yield "time,sensor,value,quality\n" if told else "time,sensor,value\n"
    while now < end:
        now = min(now + PIECE, end)
        yield from _lines([piece.take(~piece.half) for piece in world.readings(now)], told)


def write_mseed(scenario: Scenario, site: SiteLike, start: int, folder: Path) -> dict[str, int]:
    """Write a scenario's waveforms as SENSOR.mseed into a folder; samples by sensor. Named as the site's payload of
    form mseed spells them, else XX, the sensor's id, HHZ. Raises NotSimulated, ScenarioError, OSError."""
    if not site.simulated:
        raise NotSimulated("found a site without `simulated = true`; simulated readings go into simulated sites only")
    payload = next((p for p in site.payloads if p.form == "mseed"), MSEED)
    world = scenario.world(site.sensors.values(), start, site.timezone)
    end, now = start + round(scenario.lasts_s * SECOND), start
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, int] = {}
    while now < end:
        now = min(now + BLOCKS, end)
        for block in world.blocks(now):
            with (folder / f"{block.sensor}.mseed").open("ab" if block.sensor in written else "wb") as file:
                file.write(mseed_records(payload, site.sensors[block.sensor], block))
            written[block.sensor] = written.get(block.sensor, 0) + len(block.samples)
    return written


def _lines(pieces: list[Readings], told: bool) -> Iterator[str]:
    if not pieces:
        return
    at = np.concatenate([piece.time for piece in pieces]).tolist()
    sent = np.concatenate([piece.sent for piece in pieces])
    quality = np.concatenate([piece.quality for piece in pieces]).tolist()
    owner = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    value = np.concatenate([piece.value for piece in pieces])
    for k in np.argsort(sent, kind="stable").tolist():
        number = "" if isnan(value[k]) else repr(float(value[k]))
        end = f",{quality[k]}\n" if told else "\n"
        yield f"{at[k]},{pieces[owner[k]].sensor},{number}{end}"


__all__ = ["BrokerRefuses", "NotSimulated", "Published", "publish", "readings_csv", "run_demo", "write_mseed"]
