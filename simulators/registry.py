"""What a simulator needs of a site: sensors and payloads, not rules. Our own sites lie beside the scenarios."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Protocol

from detectors.document import Mistake, SiteMistakes, Table
from detectors.sensor import Payload, Sensor, read_payloads, read_sensors

URL = "mqtt://127.0.0.1:1883"


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


def site_text(name: str, url: str = URL) -> str | None:
    """One of our pretended sites as TOML text, with the broker at `url`; None where there is none of that name."""
    path = files("simulators") / "scenarios" / f"{name}.toml"
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    return text.replace(f'"{URL}"', f'"{url}"', 1) if "[site]" in text else None


def north_pit_site(url: str = URL) -> str:
    """The site file of the pretended pit as TOML text, with the broker at `url`."""
    return site_text("north-pit", url) or ""
