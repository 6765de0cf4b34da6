"""Scenarios: what happens in a world, when, and which rules should say so. Read from TOML; docs/simulators.md shows it.

Constraints. Times are seconds from the start. Every mistake names its place in the file. A scenario names a site's
sensors but not its rules' parameters; the expected rules are labels for tests and scores, nothing here judges.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from importlib.resources import files
from math import inf
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from detectors.sensor import Sensor
from simulators.devices import channel_of, habit_of
from simulators.event import Event, Reaching
from simulators.faults import Fault
from simulators.happening import Happening, Truth, truths_of_entry
from simulators.instrument import SECOND, Habit, stream
from simulators.kinds import ALLOWED, FAULTS, GROUND, KINDS, seconds
from simulators.registry import Registry, SiteLike, north_pit_site, read_registry, site_text
from simulators.seismic import Shake
from simulators.world import Past, World, habit_for

PARTS = ("scenario", "past", "instrument", "event")
HEAD = ("name", "site", "seed", "lasts", "story")


class ScenarioError(ValueError):
    """A scenario cannot be used: where, what was found, what is allowed."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world's story."""

    name: str
    site: str
    seed: int
    lasts_s: float
    past: Mapping[str, Past]
    """By a pattern of sensor ids; the first that fits decides."""
    happenings: tuple[Happening, ...]
    truths: tuple[Truth, ...]
    instruments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By a pattern of sensor ids, the first that fits: a kind of device, what of its habit differs."""
    story: str = ""

    def world(self, sensors: Iterable[Sensor], start: int, timezone: str = "UTC") -> World:
        """The scenario's world from `start` (ns UTC).

        Raises ScenarioError if it names a sensor that is not there, or asks what the sensor cannot show.
        """
        registry = {sensor.id: sensor for sensor in sensors}
        named = [name for happening in self.happenings for name in happening.sensors]
        if unknown := sorted(set(named) - set(registry)):
            raise ScenarioError(f"scenario {self.name}: found sensors {unknown}, allowed: those of the site")
        habits = self._habits(registry)
        events, broken, shakes = self._made(registry)
        return World(
            registry.values(),
            seed=self.seed,
            start=start,
            local_second=_local_second(start, timezone),
            past={sensor.id: past for sensor in registry.values() if (past := self._past(sensor))},
            events=events,
            faults=broken,
            shakes=shakes,
            habits=habits,
        )

    def _made(
        self, registry: Mapping[str, Sensor]
    ) -> tuple[dict[str, list[Event]], dict[str, list[Fault]], list[Shake]]:
        events: dict[str, list[Event]] = {}
        broken: dict[str, list[Fault]] = {}
        shakes: list[Shake] = []
        for happening in self.happenings:
            if happening.kind in GROUND:
                shakes += happening.make().shakes()
            for place, name in enumerate(happening.sensors):
                try:
                    made = self._on(happening, place, registry[name])
                except ValueError as error:
                    raise ScenarioError(f"scenario {self.name}, {happening.where}, sensor {name}: {error}") from error
                if isinstance(made, Fault):
                    broken.setdefault(name, []).append(made)
                elif isinstance(made, Event):
                    events.setdefault(name, []).append(made)
        return events, broken, shakes

    def _on(self, happening: Happening, place: int, sensor: Sensor) -> object:
        made = happening.make()
        if isinstance(made, Fault):
            made.begin(sensor, stream(self.seed, sensor.id, f"{happening.kind}@{made.start}"))
            return made
        waves = happening.kind in GROUND
        if waves != (sensor.rate > 0) or (not waves and made.fits and sensor.quantity not in made.fits):
            found = f"{sensor.quantity} as samples" if sensor.rate > 0 else sensor.quantity
            allowed = "sensors with a rate" if waves else ", ".join(made.fits) or "any sensor without a rate"
            raise ValueError(f"found {found}, allowed: {allowed}")
        delay, factor = happening.reach(place)
        if sensor.states and factor != 1.0:
            raise ValueError(f"factors: found {factor:g} on a sensor of states, allowed: 1")
        return Reaching(made, delay, factor).seen_by(sensor) if (delay, factor) != (0.0, 1.0) else made.seen_by(sensor)

    def _habits(self, registry: dict[str, Sensor]) -> dict[str, Habit]:
        """By sensor, where [instrument] says something; a noise it gives goes before the sensor's own."""
        habits = {}
        for name, sensor in registry.items():
            pattern = next((p for p in self.instruments if fnmatchcase(name, p)), None)
            if pattern is not None:
                words = self.instruments[pattern]
                try:
                    if sensor.rate > 0:
                        registry[name] = channel_of(sensor, words)
                    else:
                        registry[name], habits[name] = habit_of(sensor, habit_for(sensor), words)
                except ValueError as error:
                    raise ScenarioError(f"scenario {self.name}, instrument {pattern!r}, {name}: {error}") from error
        return habits

    def _past(self, sensor: Sensor) -> Past | None:
        past = next((past for pattern, past in self.past.items() if fnmatchcase(sensor.id, pattern)), None)
        if past is not None and (sensor.rate > 0 or past.every < (sensor.every or 0)):
            each = f"one each {(sensor.every or 0) / SECOND:g} s"
            own = "samples, which no logger keeps" if sensor.rate > 0 else each
            raise ScenarioError(
                f"scenario {self.name}, past of {sensor.id}: found a reading each {past.every / SECOND:g} s, "
                f"allowed: not faster than the sensor's own rate, {own}"
            )
        return past


def _local_second(start: int, timezone: str) -> float:
    local = datetime.fromtimestamp(start // SECOND, UTC).astimezone(ZoneInfo(timezone))
    return local.hour * 3600 + local.minute * 60 + local.second


def read_scenario(name: str | Path = "demo") -> Scenario:
    """A scenario by its name among ours, or from a file. Raises ScenarioError."""
    text, folder = _text(name)
    try:
        return scenario_of(tomllib.loads(text), folder)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"scenario {name}: {error}") from error
    except ValueError as error:
        raise ScenarioError(f"scenario {name}, {error}") from error


def scenario_names() -> list[str]:
    """Our own scenarios."""
    texts = {p.name: p.read_text(encoding="utf-8") for p in (files("simulators") / "scenarios").iterdir()}
    return sorted(name.removesuffix(".toml") for name, text in texts.items() if "[scenario]" in text)


def _text(name: str | Path) -> tuple[str, Path]:
    """The file, and the folder in which its site may lie."""
    ours = files("simulators") / "scenarios" / f"{name}.toml"
    path = ours if ours.is_file() else Path(name)
    if not path.is_file():
        raise ScenarioError(f"found scenario {str(name)!r}, allowed: {', '.join(scenario_names())} or a file")
    return path.read_text(encoding="utf-8"), Path(str(path)).parent


def scenario_of(data: Mapping[str, Any], folder: Path) -> Scenario:
    """A scenario from its TOML as read; its site may lie in `folder`. Raises ValueError with the place in the file."""
    _table("the file", data, PARTS)
    head = _table("[scenario]", data.get("scenario"), HEAD, HEAD[:4])
    for name, kind in (("name", str), ("site", str), ("seed", int), ("story", str)):
        if type(head.get(name, kind())) is not kind:
            raise ValueError(f"[scenario]: {name}: found {head[name]!r}, allowed: {ALLOWED[kind.__name__]}")
    events = data.get("event", [])
    if not isinstance(events, list):
        raise ValueError("event: found one table, allowed: a list of them, each as [[event]]")
    sensors = _own_sensors(head["site"], folder)
    made = [truths_of_entry(place, entry, sensors) for place, entry in enumerate(events, start=1)]
    return Scenario(
        name=head["name"],
        site=head["site"],
        seed=head["seed"],
        lasts_s=_lasts("[scenario]: lasts", head["lasts"]),
        past={
            pattern: _past(f"past {pattern!r}", kept)
            for pattern, kept in _table("[past]", data.get("past", {})).items()
        },
        happenings=tuple(happening for happening, _ in made),
        truths=tuple(truth for _, truths in made for truth in truths),
        instruments={
            pattern: _table(f"instrument {pattern!r}", words)
            for pattern, words in _table("[instrument]", data.get("instrument", {})).items()
        },
        story=" ".join(head.get("story", "").split()),
    )


def _past(where: str, kept: Any) -> Past:
    words = _table(where, kept, ("lasts", "every"), ("lasts", "every"))
    return Past(*(round(_lasts(f"{where}: {name}", words[name]) * SECOND) for name in ("lasts", "every")))


def _lasts(where: str, value: Any) -> float:
    length = seconds(where, value)
    if not 0 < length < inf:
        raise ValueError(f"{where}: found {value!r}, allowed: a length above 0 that ends")
    return length


def _table(where: str, found: Any, allowed: Sequence[str] = (), needed: Sequence[str] = ()) -> Mapping[str, Any]:
    """The table, if it is one with only what is allowed (nothing said: anything) and all that is needed."""
    if not isinstance(found, dict):
        raise ValueError(
            f"{where}: found {found!r}, allowed: a table" + (f" of {', '.join(allowed)}" if allowed else "")
        )
    odd = sorted(set(found) - set(allowed)) if allowed else []
    if odd or set(needed) - set(found):
        lacks = f", missing: {', '.join(name for name in needed if name not in found)}" if not odd else ""
        raise ValueError(f"{where}: found {', '.join(odd or found) or 'nothing'}{lacks}; allowed: {', '.join(allowed)}")
    return found


def _own_sensors(site: str, folder: Path) -> Sequence[Sensor] | None:
    """Those of the site that the scenario names, for its patterns; None where that site is not at hand."""
    text = site_text(site)
    beside = folder / site
    if text is None and beside.is_file():
        text = beside.read_text(encoding="utf-8")
    return None if text is None else tuple(read_registry(text).sensors.values())


__all__ = [
    "FAULTS", "KINDS", "Registry", "Scenario", "ScenarioError", "SiteLike", "Truth",
    "north_pit_site", "read_registry", "read_scenario", "scenario_names", "scenario_of",
    "site_text",
]  # fmt: skip
