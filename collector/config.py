"""A site file, read and checked whole before anything connects: every mistake at once, each with its file and line.

Constraints. Syntax errors are reported in the parser's own words. What comes out for judging (`document`) holds limit
set and sensor table and no settings, so a revision in the log needs no other file and never holds a secret.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from collector.errors import DavylampError
from collector.own_rules import own_of
from collector.own_shipped import shipped
from collector.payload import unread
from collector.secret import SecretAbsent
from collector.sensor_table import read_sensor_table
from collector.settings import FILE_KEYS, Settings, read_settings, secrets
from collector.toml_places import line_of, places
from detectors.document import Mistake, SiteMistakes, Table, listed, nearest, shown
from detectors.sensor import OWN_AREA
from detectors.site import TABLES, Site, read_site

SETTING_TABLES = ("mqtt", "influx", "announce", "channel", "person", "roster", "oncall", "grafana", "page", "canary")
OFFSET = re.compile(r"[+-]\d{2}:\d{2}|UTC|Z")


@dataclass(frozen=True, slots=True)
class Placed:
    """A mistake with the file and line it stands on."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class ConfigMistakes(DavylampError):
    """A site file has mistakes; `mistakes` holds all of them, and `str()` is one line each."""

    def __init__(self, mistakes: tuple[Placed, ...]) -> None:
        self.mistakes = mistakes
        super().__init__(describe(mistakes))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A site file that has no mistakes."""

    site: Site
    """As it is written: without the system's own sensors and rules."""
    settings: Settings
    document: Mapping[str, Any]
    """What `site` was read from."""
    whole: Mapping[str, Any]
    """What goes in force: the document with the system's own sensors and rules in it."""
    absent: tuple[Placed, ...] = ()
    """Secrets that are not there on this machine: no mistake of the file, but `run` cannot do without."""
    remarks: tuple[str, ...] = ()
    """What the file changes of the system's own rules."""


def describe(mistakes: tuple[Placed, ...]) -> str:
    """Mistakes as `davylamp check` prints them: one a line, `file:line: found, allowed, nearest`."""
    return "\n".join(str(mistake) for mistake in mistakes)


def load(path: Path | str, proposed: bool = False) -> Loaded:
    """Read a site file with all it names. Raises ConfigMistakes with every mistake in it; `proposed`: it is to go in
    force, so rules that their sensors could never serve are mistakes too."""
    return _Loading(Path(path), proposed).load()


class _Loading:
    def __init__(self, path: Path, proposed: bool) -> None:
        self.path, self.proposed = path, proposed
        self.mistakes: list[Mistake] = []
        self.elsewhere: list[Placed] = []
        self.sensor_file = ""
        self.sensor_lines: Mapping[str, int] = {}
        self.lines: dict[tuple[str | int, ...], int] = {}

    def load(self) -> Loaded:
        data = self._toml(self.path)
        whole = Table(data, (), self.mistakes, (*TABLES[:1], *TABLES[2:], *SETTING_TABLES))
        head = whole.table("site")
        document = {name: data[name] for name in TABLES if name in data and name != "limit_set"}
        theirs = whole.table("rule").data
        if any(name in shipped() for name in theirs):
            document["rule"] = {name: rule for name, rule in theirs.items() if name not in shipped()}
        document["site"] = {key: value for key, value in head.data.items() if key not in FILE_KEYS}
        if sensors := self._sensors(head, whole.table("sensor")):
            document["sensor"] = sensors
        if limit_set := self._limit_set(head):
            document["limit_set"] = limit_set
        site = self._site(document)
        payloads = site.payloads if site else ()
        zone = self._zones(whole)
        settings = read_settings(whole, self.path, str(head.data.get("id", "")), payloads, zone, _areas(site))
        own = own_of(data, settings, self.mistakes)
        self._site(own.alone(document))
        if self.mistakes or self.elsewhere or site is None:
            raise ConfigMistakes(self._placed())
        remarks = (*own.remarks, *unread(site.payloads))
        return Loaded(site, settings, document, own.put_in(document), self._absent(settings), remarks)

    def _site(self, document: Mapping[str, Any]) -> Site | None:
        try:
            return read_site(document, self.proposed)
        except SiteMistakes as found:
            self.mistakes.extend(found.mistakes)
            return None

    def _toml(self, path: Path) -> dict[str, Any]:
        try:
            text = path.read_bytes().decode("utf-8")
            data = tomllib.loads(text)
        except OSError as error:
            found = (
                f"found no readable file ({error.strerror}), allowed: a site file; `davylamp init` writes a first one"
            )
            raise ConfigMistakes((Placed(str(path), 1, found),)) from None
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            raise ConfigMistakes((Placed(str(path), line, f"found a byte that is not UTF-8 ({error})"),)) from None
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"line (\d+)", str(error))
            line = int(at[1]) if at else text.count("\n") + 1
            raise ConfigMistakes((Placed(str(path), line, str(error)),)) from None
        self.lines = places(text)
        return data

    def _sensors(self, head: Table, own: Table) -> dict[str, Any]:
        name = head.text("sensors", "")
        if not name:
            return dict(own.data)
        file = self.path.parent / name
        table = read_sensor_table(file)
        self.sensor_file, self.sensor_lines = str(file), table.lines
        for line, found, allowed, near in table.mistakes:
            self.elsewhere.append(Placed(str(file), line, _words(found, allowed, near)))
        for twice in [one for one in own.data if one in table.rows]:
            own.wrong((twice,), f"{twice!r}, which is in {name} too", "one place for a sensor")
        return {**table.rows, **own.data}

    def _limit_set(self, head: Table) -> Mapping[str, Any]:
        name = head.text("limits", "")
        known = limit_sets()
        if name and name not in known:
            head.wrong(("limits",), shown(name), listed(known), nearest(name, known))
        return limit_set(name) if name in known else {}

    def _zones(self, whole: Table) -> ZoneInfo:
        """The site's zone; UTC stands in where that is a mistake."""
        head = whole.table("site")
        name = head.text("timezone", "UTC")
        if not _zone_exists(name):
            head.wrong(("timezone",), shown(name), "a zone of the IANA data base", nearest(name, available_timezones()))
        for payload in whole.tables("payload").values():
            zone = payload.data.get("zone")
            if isinstance(zone, str) and not OFFSET.fullmatch(zone) and not _zone_exists(zone):
                payload.wrong(("zone",), shown(zone), 'a zone, or an offset like "+08:00"')
        return ZoneInfo(name if _zone_exists(name) else "UTC")

    def _absent(self, settings: Settings) -> tuple[Placed, ...]:
        out = []
        for place, secret in secrets(settings).items():
            try:
                secret.reveal()
            except SecretAbsent as error:
                out.append(Placed(str(self.path), line_of(place, self.lines), str(error)))
        return tuple(out)

    def _placed(self) -> tuple[Placed, ...]:
        here = []
        for mistake in dict.fromkeys(self.mistakes):
            file, line = str(self.path), line_of(mistake.path, self.lines)
            if (
                len(mistake.path) > 1
                and mistake.path[0] == "sensor"
                and mistake.path[:2] not in self.lines
                and self.sensor_lines
            ):
                file, line = self.sensor_file, self.sensor_lines.get(str(mistake.path[1]), 1)
            here.append(Placed(file, line, str(mistake)))
        return tuple(sorted([*here, *self.elsewhere], key=lambda placed: (placed.file, placed.line)))


def limit_sets() -> list[str]:
    """Names of the limit sets that come with Davylamp."""
    files = (entry.name for entry in resources.files("detectors.limits").iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def limit_set(name: str) -> Mapping[str, Any]:
    """One limit set as data, as it goes into a site's document."""
    return tomllib.loads((resources.files("detectors.limits") / f"{name}.toml").read_text("utf-8"))


def _areas(site: Site | None) -> tuple[str, ...]:
    """The areas of sensors and of groups (one over several areas has its own name, or the one it was given), and that
    of Davylamp itself; none where the site's mistakes hide them."""
    if site is None:
        return ()
    subjects = (subject.area for rule in site.rules for subject in rule.subjects)
    return tuple(dict.fromkeys((*(sensor.area for sensor in site.sensors.values()), *subjects, OWN_AREA)))


def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return True


def _words(found: str, allowed: str, near: str | None) -> str:
    return f"found {found}, allowed: {allowed}" + (f", nearest {near!r}" if near else "")
