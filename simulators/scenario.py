"""Scenarios: what happens in a world, when, and which rules should say so. Read from TOML; docs/simulators.md shows it.

Constraints. Times are seconds from the start. Every mistake names its place in the file. A scenario names a site's
sensors but not its rules' parameters; the expected rules are labels for tests and scores, nothing here judges.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from importlib.resources import files
from math import inf
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from detectors.document import Mistake, SiteMistakes, Table
from detectors.sensor import Payload, Sensor, read_payloads, read_sensors
from detectors.units import UnitError, duration_ns
from simulators import faults
from simulators.dust import Cloud
from simulators.gas import Plume
from simulators.instrument import SECOND
from simulators.seismic import Shake
from simulators.slope import Acceleration
from simulators.ventilation import Switch
from simulators.world import Past, World

URL = "mqtt://127.0.0.1:1883"
KINDS: Mapping[str, Callable[..., Any]] = {
    "plume": Plume,
    "cloud": Cloud,
    "switch": Switch,
    "acceleration": Acceleration,
    "shake": Shake,
    "silent": faults.Silent,
    "stuck": faults.Stuck,
    "spike": faults.Spike,
    "drift": faults.Drift,
    "no_value": faults.NoValue,
}
FAULTS = ("silent", "stuck", "spike", "drift", "no_value")
LABELS = ("kind", "truth", "sensors", "expect", "within")
SHAKE_LASTS = 6.0


class ScenarioError(ValueError):
    """A scenario cannot be used: where, what was found, what is allowed."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What really happens at one sensor from `start_s` to `end_s` (inf: it stays), and the rules that should say so."""

    kind: str
    sensor: str
    start_s: float
    end_s: float
    rules: tuple[str, ...]
    event: str = ""
    """The kind of the event or fault behind it."""
    failure_s: float | None = None
    """When what it warns of comes, where its law says so."""
    within_s: float | None = None
    """A good system says it within this, from its start."""

    @property
    def fault(self) -> bool:
        """True of the instrument's, not the world's."""
        return self.event in FAULTS


@dataclass(frozen=True, slots=True)
class Happening:
    """One event or fault: its kind, its arguments, its sensors."""

    kind: str
    arguments: Mapping[str, Any]
    sensors: tuple[str, ...]

    def make(self) -> Any:
        """The event or fault, fresh: faults keep memory."""
        return KINDS[self.kind](**self.arguments)


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

    def world(self, sensors: Iterable[Sensor], start: int, timezone: str = "UTC") -> World:
        """The scenario's world from `start` (ns UTC). Raises ScenarioError if it names a sensor that is not there."""
        registry = {sensor.id: sensor for sensor in sensors}
        named = [name for happening in self.happenings for name in happening.sensors]
        if unknown := sorted(set(named) - set(registry)):
            raise ScenarioError(f"scenario {self.name}: found sensors {unknown}, allowed: those of the site")
        events: dict[str, list[Any]] = {}
        broken: dict[str, list[Any]] = {}
        shakes = [happening.make() for happening in self.happenings if happening.kind == "shake"]
        for happening in self.happenings:
            for name in happening.sensors if happening.kind != "shake" else ():
                (broken if happening.kind in FAULTS else events).setdefault(name, []).append(happening.make())
        return World(
            registry.values(),
            seed=self.seed,
            start=start,
            local_second=_local_second(start, timezone),
            past={name: past for name in registry if (past := self._past(name))},
            events=events,
            faults=broken,
            shakes=shakes,
        )

    def _past(self, sensor: str) -> Past | None:
        return next((past for pattern, past in self.past.items() if fnmatchcase(sensor, pattern)), None)


def _local_second(start: int, timezone: str) -> float:
    local = datetime.fromtimestamp(start // SECOND, UTC).astimezone(ZoneInfo(timezone))
    return local.hour * 3600 + local.minute * 60 + local.second


def read_scenario(name: str | Path = "demo") -> Scenario:
    """A scenario by its name among ours, or from a file. Raises ScenarioError."""
    text = _text(name)
    try:
        data = tomllib.loads(text)
        return _scenario(data)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"scenario {name}: {error}") from error
    except (KeyError, UnitError) as error:
        raise ScenarioError(f"scenario {name}: {error} is missing or wrong; see docs/simulators.md") from error


def _text(name: str | Path) -> str:
    ours = files("simulators") / "scenarios" / f"{name}.toml"
    path = ours if ours.is_file() else Path(name)
    if not path.is_file():
        known = sorted(p.name.removesuffix(".toml") for p in (files("simulators") / "scenarios").iterdir())
        raise ScenarioError(f"found scenario {str(name)!r}, allowed: {', '.join(known)} or a file")
    return path.read_text(encoding="utf-8")


def _scenario(data: Mapping[str, Any]) -> Scenario:
    head = data["scenario"]
    made = [_happening(place, entry) for place, entry in enumerate(data.get("event", ()), start=1)]
    return Scenario(
        name=head["name"],
        site=head["site"],
        seed=int(head["seed"]),
        lasts_s=duration_ns(head["lasts"]) / SECOND,
        past={
            pattern: Past(duration_ns(kept["lasts"]), duration_ns(kept["every"]))
            for pattern, kept in data.get("past", {}).items()
        },
        happenings=tuple(happening for happening, _ in made),
        truths=tuple(truth for _, truths in made for truth in truths),
    )


def _happening(place: int, entry: Mapping[str, Any]) -> tuple[Happening, list[Truth]]:
    where = f"event {place}"
    if entry.get("kind") not in KINDS:
        raise ScenarioError(f"{where}: found kind {entry.get('kind')!r}, allowed: {', '.join(KINDS)}")
    arguments = {key: value for key, value in entry.items() if key not in LABELS}
    if "shake" in arguments:
        arguments["kind"] = arguments.pop("shake")
    happening = Happening(entry["kind"], arguments, tuple(entry.get("sensors", ())))
    try:
        made = happening.make()
    except (TypeError, ValueError) as error:
        raise ScenarioError(f"{where} ({entry['kind']}): {error}") from error
    expect = tuple(entry.get("expect", ()))
    kind = entry.get("truth", entry["kind"])
    failure = getattr(made, "failure", None)
    within = duration_ns(entry["within"]) / SECOND if "within" in entry else None
    return happening, [
        Truth(kind, sensor, made.start, _end(made), expect, entry["kind"], failure, within)
        for sensor in happening.sensors
    ]


def _end(made: Any) -> float:
    if isinstance(made, Acceleration):
        return made.calms
    if isinstance(made, Shake):
        return made.start + SHAKE_LASTS
    return float(getattr(made, "end", inf))


class SiteLike(Protocol):
    """What a simulator needs of a site: who is there, and how messages look. `detectors.site.Site` is one."""

    @property
    def sensors(self) -> Mapping[str, Sensor]: ...
    @property
    def payloads(self) -> Sequence[Payload]: ...
    @property
    def timezone(self) -> str: ...
    @property
    def simulated(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Registry:
    """A site without its rules."""

    sensors: Mapping[str, Sensor]
    payloads: Sequence[Payload]
    timezone: str
    simulated: bool


def read_registry(text: str) -> Registry:
    """Sensors and payloads of a site file; rules are not looked at. Raises SiteMistakes, TOMLDecodeError."""
    mistakes: list[Mistake] = []
    document = Table(tomllib.loads(text), (), mistakes)
    site = document.table("site")
    registry = Registry(
        read_sensors(document), read_payloads(document), site.text("timezone", "UTC"), site.flag("simulated")
    )
    if mistakes:
        raise SiteMistakes(mistakes)
    return registry


def north_pit_site(url: str = URL) -> str:
    """The site file of the pretended pit as TOML text, with the broker at `url`."""
    text = (files("simulators") / "scenarios" / "north-pit.toml").read_text(encoding="utf-8")
    return text.replace(f'"{URL}"', f'"{url}"', 1)
